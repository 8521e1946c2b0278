"""Signatures: nbtrack infers what MLflow infers."""

import datetime
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from nbtrack.models import infer_signature

FRAME = pd.DataFrame(
    {
        "boolean": [True, False],
        "integer": np.array([1, 2], dtype="int32"),
        "long": np.array([3, 4], dtype="int64"),
        "float": np.array([0.5, 1.5], dtype="float32"),
        "double": np.array([0.25, 0.75], dtype="float64"),
        "string": ["a", "b"],
        "binary": [b"x", b"y"],
        "datetime": pd.to_datetime(["2026-05-03", "2026-05-04"]).as_unit("ns"),
    }
)
NUMBERS = FRAME[["double", "long"]]
GAPS = pd.DataFrame({"double": [1.0, np.nan], "string": ["a", None], "none": [None, None]})
ARRAY = np.arange(6, dtype="float64").reshape(3, 2)
TENSORS = {"image": np.zeros((2, 3, 3), dtype="float32"), "number": np.zeros(2, dtype="int64")}
OBJECTS = [{"words": ["a", "b"], "who": {"name": "Ada", "age": 36}}, {"words": ["c"], "who": {"name": "Bob"}}]

EXAMPLES: dict[str, Any] = {
    "a frame of every type": FRAME,
    "a frame of numbers": NUMBERS,
    "a frame with gaps": GAPS,
    "a frame of lists": pd.DataFrame({"lists": [[1, 2], [3]], "texts": [["a"], ["b", "c"]]}),
    "a frame of dicts": pd.DataFrame({"dicts": [{"a": 1, "b": "x"}, {"a": 2}]}),
    "a frame of arrays": pd.DataFrame({"arrays": [np.zeros(2), np.ones(2)]}),
    "a frame of categories": pd.DataFrame({"kind": pd.Categorical(["a", "b"])}),
    "a frame of small integers": pd.DataFrame(
        {"byte": np.array([1], "int8"), "short": np.array([1], "uint16")}
    ),
    "a frame without names": pd.DataFrame([[1.0, 2.0]]),
    "a series": pd.Series([1.0, 2.0], name="price"),
    "a series without a name": pd.Series(["a", "b"]),
    "an array": ARRAY,
    "an array of float32": ARRAY.astype("float32"),
    "an array of integers": ARRAY.astype("int64"),
    "an array of booleans": ARRAY > 2,
    "an array of texts": np.array(["a", "b"]),
    "a cube": np.zeros((2, 3, 4)),
    "named tensors": TENSORS,
    "a list of numbers": [1.0, 2.0],
    "a list of integers": [1, 2],
    "a list of texts": ["a", "b"],
    "a list of lists": [[1, 2], [3]],
    "a list of dicts": OBJECTS,
    "a dict of scalars": {"question": "why?", "limit": 3, "hot": True, "share": 0.5},
    "a dict of lists": {"a": [1, 2], "b": ["x", "y"]},
    "a dict of dicts": {"who": {"name": "Ada", "age": 36}},
    "a text": "hello",
    "a number": 3,
    "a float": 0.5,
    "a boolean": True,
    "bytes": b"x",
    "a time": datetime.datetime(2026, 5, 3),
}


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_a_signature_is_inferred_as_mlflow_infers_it(name: str) -> None:
    theirs = mlflow.models.infer_signature(EXAMPLES[name]).to_dict()

    own = infer_signature(EXAMPLES[name]).to_dict()

    assert own == theirs


PARAMS: dict[str, Any] = {
    "numbers": {"a": 1, "b": 0.5, "c": True, "d": "x"},
    "lists": {"a": [1, 2], "b": [0.5], "c": ["x"]},
    "numpy": {"a": np.int32(1), "b": np.float32(0.5), "c": np.array([1.0])},
}


@pytest.mark.parametrize("name", list(PARAMS))
def test_params_are_inferred_as_mlflow_infers_them(name: str) -> None:
    theirs = mlflow.models.infer_signature(NUMBERS, params=PARAMS[name]).to_dict()

    assert infer_signature(NUMBERS, params=PARAMS[name]).to_dict() == theirs
