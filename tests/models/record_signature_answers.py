"""Asks the real MLflow what `test_mlflow_signatures.py` asks nbtrack, and writes down its answers.

Run it with a Python that has MLflow, pandas, scipy and pyarrow:

    MLFLOW_DISABLE_TELEMETRY=true python tests/models/record_signature_answers.py

It writes `mlflow_signatures.json` beside itself.
"""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.models.utils import _enforce_params_schema, _enforce_schema, _Example
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)
from signature_cases import EXAMPLES, GIVEN_PARAMS, PARAMS, enforced, inferred, lines, made, told

ANSWERS = Path(__file__).with_name("mlflow_signatures.json")
WORDS = {"C": ColSpec, "T": TensorSpec, "Array": Array, "Object": Object, "Property": Property}
WORDS |= {"Map": Map, "AnyType": AnyType}


def answer(ask: Callable[[], Any]) -> Any:
    """What MLflow says, or that it refuses."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever it is: nbtrack must do no worse
        return {"refused": type(error).__name__}


def enforce(data: str, inputs: str) -> Any:
    """Data as a schema wants it."""
    return told(_enforce_schema(made(data), Schema(made(inputs, **WORDS))))


def example(given: Any) -> dict[str, Any]:
    """The files of an input example, and what the MLmodel file says of it."""
    held = _Example(given)
    return {
        "info": held.info,
        "text": held.json_input_example,
        "serving": held.json_serving_input,
        "schema": infer_signature(held.inference_data).inputs.to_json(),
    }


def main() -> None:
    """Ask, and write."""
    logging.disable()
    warnings.simplefilter("ignore")
    params = ParamSchema(
        [
            ParamSpec("n", "long", 5),
            ParamSpec("x", "double", 0.5),
            ParamSpec("s", "string", "a"),
            ParamSpec("b", "boolean", True),
            ParamSpec("l", "long", [1], (-1,)),
            ParamSpec("d", "datetime", "2026-05-03"),
            ParamSpec("o", Object([Property("a", "long")]), {"a": 1}),
        ]
    )
    answers = {
        "mlflow": mlflow.__version__,
        "pandas": pd.__version__,
        "inferred": {
            case: answer(lambda case=case: infer_signature(made(case)).inputs.to_json())
            for case in inferred()
        },
        "params": {
            case: answer(lambda case=case: infer_signature(params=made(case)).params.to_json())
            for case in lines(PARAMS)
        },
        "schema_of_params": params.to_json(),
        "given_params": {
            case: answer(lambda case=case: told(_enforce_params_schema(made(case), params)))
            for case in lines(GIVEN_PARAMS)
        },
        "enforced": [
            [
                data,
                schema,
                answer(lambda d=data, s=schema: told(_enforce_schema(made(d), Schema(made(s, **WORDS))))),
            ]
            for data, schema in enforced()
        ],
        "examples": {case: answer(lambda case=case: example(made(case))) for case in lines(EXAMPLES)},
    }
    ANSWERS.write_text(json.dumps(answers, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
