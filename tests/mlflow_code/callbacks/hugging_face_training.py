"""Trainings with Hugging Face's Trainer on a tiny model made here, and a loop with Accelerate's tracker."""

import gc
import os
import sys
from typing import Any

import mlflow
import torch
from accelerate import Accelerator
from records import write_records
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

to, uri = sys.argv[1:]
os.environ |= {
    "MLFLOW_TRACKING_URI": uri,
    "MLFLOW_EXPERIMENT_NAME": "trainer",
    "MLFLOW_TAGS": '{"team": "nlp"}',
}

ROWS = [{"input_ids": torch.tensor([1, 2, 3, at]), "labels": torch.tensor(at % 2)} for at in range(8)]
SMALL = {name: 8 for name in ("hidden_size", "intermediate_size", "max_position_embeddings", "vocab_size")}


def accuracy(found: Any) -> dict[str, float]:
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}


def train(name: str) -> Any:
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=1, num_attention_heads=1, **SMALL)
    trainer = Trainer(
        model=BertForSequenceClassification(config),
        args=TrainingArguments(
            output_dir=f"checkpoints/{name}",
            report_to=["mlflow"],
            run_name=name,
            num_train_epochs=2,
            per_device_train_batch_size=4,
            logging_steps=1,
            eval_strategy="epoch",
            save_strategy="epoch",
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=ROWS,
        eval_dataset=ROWS,
        compute_metrics=lambda found: {
            "accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())
        },
    )
    trainer.train()
    return trainer


# By itself, with its checkpoints. Its callback ends whatever run is active when it is collected: do that now.
os.environ["HF_MLFLOW_LOG_ARTIFACTS"] = "TRUE"
train("alone")
gc.collect()
del os.environ["HF_MLFLOW_LOG_ARTIFACTS"]

# In a run that is active.
os.environ["MLFLOW_FLATTEN_PARAMS"] = "TRUE"
with mlflow.start_run(run_name="outer"):
    train("inside")
    gc.collect()
    mlflow.log_metric("after", 1.5)

# In a run nested in one, of which only a few params are wanted.
os.environ["MLFLOW_NESTED_RUN"] = "TRUE"
os.environ["MLFLOW_MAX_LOG_PARAMS"] = "7"
with mlflow.start_run(run_name="parent"):
    train("child")
    gc.collect()

# In a run that was made before.
experiment = mlflow.get_experiment_by_name("trainer")
given = mlflow.MlflowClient().create_run(experiment.experiment_id, run_name="given")
os.environ["MLFLOW_RUN_ID"] = given.info.run_id
train("given")
gc.collect()

for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "MLFLOW_TAGS", "MLFLOW_NESTED_RUN"):
    os.environ.pop(name, None)
accelerator = Accelerator(log_with="mlflow", cpu=True)
accelerator.init_trackers(
    "loop", config={"rate": 0.1, "size": 8}, init_kwargs={"mlflow": {"run_name": "loop"}}
)
for step in range(3):
    accelerator.log({"loss": 1 / (step + 1)}, step=step)
accelerator.end_training()

write_records(to)
