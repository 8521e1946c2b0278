"""Searches of Optuna with its MLflowCallback: by itself, inside a run of ours, with trials that fail."""

import sys

import mlflow
import optuna
from optuna_integration import MLflowCallback
from records import write_records

to, uri = sys.argv[1:]
optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(name: str, *directions: str) -> optuna.Study:
    return optuna.create_study(
        study_name=name, sampler=optuna.samplers.RandomSampler(seed=0), directions=directions or ["minimize"]
    )


# One run for each trial, in an experiment of the study's name; a pruned trial, attributes of all kinds.


def loss(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("rate", 0, 1)
    kernel = trial.suggest_categorical("kernel", ["rbf", "poly"])
    trial.set_user_attr("sizes", [1, 2])
    trial.set_user_attr("note", "n" * 9000)
    if trial.number == 1:
        raise optuna.TrialPruned
    return rate + (kernel == "poly")


study("plain").optimize(loss, n_trials=3, callbacks=[MLflowCallback(tracking_uri=uri, metric_name="loss")])


# Nested in a run, two objectives, and what the objective itself logs goes into the trial's run.

in_parent = MLflowCallback(
    metric_name=["cost", "gain"],
    create_experiment=False,
    mlflow_kwargs={"nested": True, "tags": {"team": "nlp"}},
    tag_study_user_attrs=True,
)


@in_parent.track_in_mlflow()
def cost_and_gain(trial: optuna.Trial) -> tuple[float, float]:
    rate = trial.suggest_float("rate", 0, 1)
    mlflow.log_param("power", 2)
    for step in range(3):
        mlflow.log_metric("progress", rate * step, step=step)
    mlflow.log_text(f"{rate}", "rate.txt")
    return rate, rate**2


mlflow.set_experiment("own")
both = study("both", "minimize", "maximize")
both.set_user_attr("dataset", "iris")
with mlflow.start_run(run_name="search"):
    both.optimize(cost_and_gain, n_trials=2, callbacks=[in_parent])
    mlflow.log_metric("trials", len(both.trials))


# A trial that fails; the others go on.

tracked = MLflowCallback()


@tracked.track_in_mlflow()
def sometimes(trial: optuna.Trial) -> float:
    mlflow.log_metric("seen", trial.number)
    if trial.number == 1:
        raise ValueError("no such luck")
    return trial.suggest_float("rate", 0, 1)


study("failing").optimize(sometimes, n_trials=3, callbacks=[tracked], catch=(ValueError,))

# Two threads at once.
study("threads").optimize(sometimes, n_trials=6, n_jobs=2, callbacks=[tracked], catch=(ValueError,))

write_records(to)
