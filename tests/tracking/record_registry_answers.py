"""Asks the real MLflow what `test_registry_answers.py` asks nbtrack, and writes down its answers.

Run it, from the root of the repository, with a Python that has MLflow:

    MLFLOW_DISABLE_TELEMETRY=true python -m tests.tracking.record_registry_answers
"""

import inspect
import json
import os
import tempfile
import warnings
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException

from tests.tracking.registry_calls import CALLS, answers_of

ANSWERS = Path(__file__).with_name("registry_answers.json")
OF_DATABRICKS = {"deployment_job_id"}


def arguments(name: str) -> list[list[str]]:
    """Name and kind of each argument of a method of the client."""
    parameters = inspect.signature(getattr(MlflowClient, name)).parameters.values()
    left_out = {"self", *OF_DATABRICKS}
    return [[each.name, each.kind.name] for each in parameters if each.name not in left_out]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # MLflow's, of stages
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        answers = answers_of(MlflowClient(), mlflow, MlflowException)
    pairs = [
        f"  {json.dumps([call, answer], ensure_ascii=False)}"
        for call, answer in zip(CALLS, answers, strict=True)
    ]
    called = {call.partition("(")[0] for call in CALLS}
    methods = sorted(name.removeprefix("client.") for name in called if name.startswith("client."))
    signatures = json.dumps({name: arguments(name) for name in methods})
    head = "".join(
        f"{json.dumps(name)}: {text},\n"
        for name, text in (
            ("mlflow", json.dumps(mlflow.__version__)),
            ("http", json.dumps(ERROR_CODE_TO_HTTP_STATUS)),
            ("arguments", signatures),
        )
    )
    head = f'{{{head}"answers": [\n'
    ANSWERS.write_text(head + ",\n".join(pairs) + "\n]}\n", encoding="utf-8")
    print(f"{len(pairs)} calls, {ANSWERS.stat().st_size:,} bytes")
