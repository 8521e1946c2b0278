"""Signatures: nbtrack infers what MLflow infers, and takes every input that MLflow takes, as it takes it."""

import datetime
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from nbtrack.models import infer_signature
from nbtrack.models.schema.enforcement import enforce_input, enforce_params
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.signature import ModelSignature
from tests.models.mlflow_folders.values import described

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
    "a frame of small integers": pd.DataFrame({"byte": [1], "short": [1]}).astype("uint16"),
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


class Echo:
    """Answers what it was asked, after MLflow has enforced the signature."""

    def predict(self, data, params=None):
        return data, params


def as_mlflow_takes_it(signature: Any, data: Any, params: Any = None) -> tuple[Any, Any] | None:
    about = mlflow.models.Model(
        signature=signature, flavors={"python_function": {"loader_module": "mlflow.pyfunc.model"}}
    )
    try:
        return mlflow.pyfunc.PyFuncModel(about, Echo()).predict(data, params)
    except MlflowException:
        return None


INPUTS: dict[str, Any] = EXAMPLES | {
    "columns in another order": FRAME[FRAME.columns[::-1]],
    "a column more": FRAME.assign(more=1),
    "one row": FRAME.head(1),
    "no rows": FRAME.head(0),
    "integers where floats are wanted": pd.DataFrame({"double": np.array([1, 2], "int32"), "long": [3, 4]}),
    "zeros and ones where floats are wanted": pd.DataFrame({"double": [0, 1], "long": [3, 4]}),
    "float32 where doubles are wanted": NUMBERS.astype({"double": "float32"}),
    "small integers where longs are wanted": NUMBERS.astype({"long": "int8"}),
    "objects where numbers are wanted": NUMBERS.astype(object),
    "a dict of columns": NUMBERS.to_dict(orient="list"),
    "a dict of one row": {"double": 0.5, "long": 3},
    "records": NUMBERS.to_dict(orient="records"),
    "an array of two columns": NUMBERS.to_numpy(),
    "an array of three columns": np.zeros((2, 3)),
    "a list of rows": [[0.5, 3], [0.25, 4]],
    "tensors as lists": {name: tensor.tolist() for name, tensor in TENSORS.items()},
    "a tensor of another shape": np.zeros((2, 3, 5)),
    "a tensor of another type": np.zeros((2, 3, 4), dtype="float32"),
    "more rows": np.zeros((7, 2)),
    "a frame for a tensor": pd.DataFrame(ARRAY),
    "objects as a frame": pd.DataFrame(OBJECTS),
    "objects with more": [{**OBJECTS[0], "more": 1}],
    "objects with less": [{"words": ["a"]}],
    "one object": OBJECTS[0],
    "nothing": None,
}


NUMBERS_AS_TEXT = {"objects where numbers are wanted", "a dict of dicts"}
LET_PASS_BY_MLFLOW: dict[str, set[str]] = {
    # None of the columns is in it: MLflow asks the model with an empty table.
    "a frame with gaps": {
        "an array of texts",
        "a list of numbers",
        "a list of integers",
        "a list of texts",
        "a list of lists",
    },
    # A column of objects is text, bytes or booleans for MLflow, whatever is in it; nbtrack refuses numbers
    # there. And MLflow makes two rows of {"who": {"name": ..., "age": ...}}, nbtrack one.
    "a series without a name": NUMBERS_AS_TEXT,
    "a list of texts": NUMBERS_AS_TEXT,
    "a text": NUMBERS_AS_TEXT,
    "bytes": NUMBERS_AS_TEXT,
    "a boolean": {
        "a frame of lists",
        "a frame of dicts",
        "a frame of arrays",
        "named tensors",
        "a list of dicts",
        "a dict of dicts",
        "bytes",
        "tensors as lists",
        "objects as a frame",
        "objects with more",
        "objects with less",
    },
    # MLflow leaves rows that are arrays in their own dtype, nbtrack gives the one that the model takes.
    "an array of float32": {"a frame of arrays"},
    "an array of integers": {"a frame of arrays"},
    "an array of booleans": {"a frame of arrays"},
    # Numbers become texts; rows of different lengths lose what the first has not.
    "an array of texts": {"a series"},
    "a list of integers": {"a list of lists"},
    "a number": {"a list of lists"},
    # No rows, of another dtype.
    "a list of lists": {"no rows"},
}
"""By example, what MLflow takes and nbtrack refuses or reads otherwise."""


@pytest.mark.parametrize("name", list(EXAMPLES))
@pytest.mark.filterwarnings("ignore:The model (does not take|takes)")
def test_every_input_that_mlflow_takes_is_taken_as_it_takes_it(name: str) -> None:
    theirs = mlflow.models.infer_signature(EXAMPLES[name])
    own = ModelSignature.from_dict(theirs.to_dict())
    differing = {}

    for given, data in INPUTS.items():
        wanted = as_mlflow_takes_it(theirs, data)
        if wanted is not None:
            try:
                found = described(enforce_input(data, own.inputs))
            except SignatureMismatchError as error:
                found = {"is": str(error)}
            if repr(found) != repr(described(wanted[0])):
                differing[given] = (found, described(wanted[0]))

    assert differing.keys() <= LET_PASS_BY_MLFLOW.get(name, set()), differing


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"a": 2},
        {"a": 2, "b": 1},
        {"b": 1.5},
        {"c": False},
        {"d": "y"},
        {"more": 1},
        {"a": np.int64(3)},
    ],
)
def test_params_that_mlflow_takes_are_taken_as_it_takes_them(params: Any) -> None:
    theirs = mlflow.models.infer_signature(NUMBERS, params=PARAMS["numbers"])
    wanted = as_mlflow_takes_it(theirs, NUMBERS, params)

    own = ModelSignature.from_dict(theirs.to_dict())

    assert wanted is not None
    if params == {"more": 1}:
        with pytest.warns(RuntimeWarning, match="more"):
            assert enforce_params(params, own.params) == wanted[1]
    else:
        assert enforce_params(params, own.params) == wanted[1]
