"""Input examples: kept beside a model as JSON, and read again as they were."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NbtrackError
from nbtrack.models.schema import input_examples
from nbtrack.models.schema.input_examples import InputExample, convert_input_example_to_serving_input
from nbtrack.models.schema.schema_inference import infer_schema


def kept(example: Any, folder: Path, *, with_schema: bool = True) -> Any:
    """An example as it comes back from a model folder."""
    made = InputExample(example)
    info = made.save(folder)
    return InputExample.read(folder, info, infer_schema(made.data) if with_schema else None)


def test_a_frame_comes_back_with_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "long": [1, 2],
            "integer": np.array([1, 2], dtype="int32"),
            "float": np.array([0.1, np.nan], dtype="float32"),
            "double": [0.1, math.inf],
            "text": ["a", None],
            "flag": [True, False],
            "bytes": [b"\x00\xff", None],
            "time": pd.to_datetime(["2026-05-03T12:00:00.123456789", None]).astype("datetime64[ns]"),
            "zone": pd.to_datetime(["2026-05-03", "2026-05-04"], utc=True),
            "missing": pd.array([1, None], dtype="Int64"),
            "lists": [[1.5], []],
            "dicts": [{"a": 1}, {"a": 2}],
        }
    )

    pd.testing.assert_frame_equal(kept(frame, tmp_path), frame)
    text = (tmp_path / "input_example.json").read_text()
    assert "NaN" not in text  # which only Python takes for JSON
    assert "null" in text


@pytest.mark.parametrize(
    "example",
    [
        np.array([[1.5, np.nan], [-0.0, 1e300]]),
        np.array([[0.1, np.nan]], dtype="float32"),
        np.zeros((0, 3)),
        np.array([1, 2], dtype="uint8"),
        np.array([True]),
        np.array(["a", "b"]),
        np.array([b"\x00\xff", b"a"]),
        np.array(["2026-05-03T12", "NaT"], dtype="datetime64[s]"),
        {"a": np.array([1.5]), "b": np.zeros((1, 2, 2), dtype="int16")},
        torch.arange(6, dtype=torch.float32).reshape(2, 3),
        {"a": torch.zeros(2)},
    ],
    ids=repr,
)
def test_arrays_come_back_with_dtype_and_shape(example: Any, tmp_path: Path) -> None:
    ours = kept(example, tmp_path)

    pairs = (
        [(ours[name], held) for name, held in example.items()]
        if isinstance(example, dict)
        else [(ours, example)]
    )
    for new, old in pairs:
        old = old.numpy() if isinstance(old, torch.Tensor) else old
        assert isinstance(new, np.ndarray)
        assert new.dtype == old.dtype
        np.testing.assert_array_equal(new, old)


def test_without_a_signature_numbers_and_what_is_missing_come_back(tmp_path: Path) -> None:
    array = np.array([[1.5, np.nan]])
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"], "c": [1, 2]})

    np.testing.assert_array_equal(kept(array, tmp_path, with_schema=False), array)
    pd.testing.assert_frame_equal(kept(frame, tmp_path, with_schema=False), frame)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_matrices_come_back_sparse(form: str, tmp_path: Path) -> None:
    matrix = sparse.random(4, 5, density=0.4, format=form, random_state=0)

    ours = kept(matrix, tmp_path)

    assert ours.format == ("csr" if form == "coo" else form)
    np.testing.assert_array_equal(ours.toarray(), matrix.toarray())


def test_other_tables_come_back_as_frames(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})

    pd.testing.assert_frame_equal(kept(pl.DataFrame({"a": [1, 2], "b": ["x", None]}), tmp_path), frame)
    pd.testing.assert_frame_equal(kept(pd.Series([1, 2], name="a"), tmp_path), frame[["a"]])
    pd.testing.assert_frame_equal(kept(frame.set_index("b"), tmp_path), frame[["a"]])


@pytest.mark.parametrize(
    "example",
    [
        [1, 2.5, "x", None, True],
        {"a": {"b": [1]}},
        [{"a": 1}],
        "text",
        3.5,
        2**70,
        [],
        {},
        [[1], [2]],
        float("inf"),
    ],
    ids=repr,
)
def test_what_json_has_comes_back_as_it_was(example: Any, tmp_path: Path) -> None:
    info = InputExample(example).save(tmp_path)

    assert InputExample.read(tmp_path, info) == example


def test_nested_arrays_are_lists(tmp_path: Path) -> None:
    example = {"left": {"a": np.array([1.5])}, "right": [torch.zeros(2)], "n": np.int64(3)}

    info = InputExample(example).save(tmp_path)

    assert InputExample.read(tmp_path, info) == {"left": {"a": [1.5]}, "right": [[0.0, 0.0]], "n": 3}


def test_params_are_kept_with_the_example(tmp_path: Path) -> None:
    example = InputExample((pd.DataFrame({"a": [1]}), {"n": 3, "at": datetime(2026, 5, 3)}))

    info = example.save(tmp_path)

    assert example.params == {"n": 3, "at": datetime(2026, 5, 3)}
    assert info["params"] == "true"
    assert InputExample.read(tmp_path, info).to_dict("list") == {"a": [1]}
    assert InputExample.read_params(tmp_path, info) == {"n": 3, "at": "2026-05-03T00:00:00"}
    serving = json.loads((tmp_path / "serving_input_example.json").read_text())
    assert serving == {
        "dataframe_split": {"columns": ["a"], "data": [[1]]},
        "params": {"n": 3, "at": "2026-05-03T00:00:00"},
    }


def test_for_prediction_a_model_gets_a_copy_in_the_form_that_predict_gives(tmp_path: Path) -> None:
    frame, array, held = pd.DataFrame({"a": [1]}), np.zeros(2), {"a": [1]}

    for example in (frame, array, held):
        copy = InputExample(example).for_prediction()
        assert type(copy) is type(example)
        assert copy is not example
    InputExample(held).for_prediction()["a"].append(2)
    assert held == {"a": [1]}
    assert isinstance(InputExample(pl.DataFrame({"a": [1]})).for_prediction(), pd.DataFrame)
    assert isinstance(InputExample(torch.zeros(2)).for_prediction(), np.ndarray)


def test_a_serving_example_is_a_request(tmp_path: Path) -> None:
    assert convert_input_example_to_serving_input(None) is None
    assert json.loads(convert_input_example_to_serving_input([1, 2]) or "") == {"inputs": [1, 2]}
    assert json.loads(convert_input_example_to_serving_input({"messages": []}) or "") == {"messages": []}
    wide = InputExample(sparse.csr_matrix((3, 10_000_000)))
    assert "serving_input_path" not in wide.save(tmp_path)
    assert wide.serving_text is None


# ---- too large ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [
        np.random.default_rng(0).random((100_000, 20)),
        pd.DataFrame(np.random.default_rng(0).random((100_000, 20))),
        {"a": np.random.default_rng(0).random((100_000, 10)), "b": np.zeros(100_000)},
        ["x" * 100] * 100_000,
        sparse.random(100_000, 50, density=0.2, format="csr", random_state=0),
        # The first rows say nothing of those that follow.
        ["x"] * 1000 + ["x" * 100_000] * 100,
    ],
    ids=lambda example: type(example).__name__,
)
def test_of_an_example_that_is_too_large_the_first_rows_are_kept(example: Any, tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="more than fit into 5 MB: the first .* are kept"):
        made = InputExample(example)

    info = made.save(tmp_path)

    size = (tmp_path / "input_example.json").stat().st_size
    assert size <= input_examples.LARGEST
    assert size > input_examples.LARGEST / 4 or isinstance(example, list)
    ours = InputExample.read(tmp_path, info)
    if isinstance(example, np.ndarray):
        np.testing.assert_array_equal(ours, example[: len(ours)])
        assert len(made.data) == len(ours)


def test_one_row_that_is_too_large_is_kept_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="takes 6 MB in every model"):
        InputExample("x" * 6_000_000).save(tmp_path)

    assert (tmp_path / "input_example.json").stat().st_size > 6_000_000


# ---- what cannot be -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [object(), {"a": object()}, [1j], np.array([1j]), {1, 2}, lambda: 1],
    ids=["object()", "{'a': object()}", "[1j]", "array([1j])", "{1, 2}", "lambda: 1"],
)
def test_what_has_no_form_in_json_is_refused(example: Any) -> None:
    with pytest.raises(InvalidTypeError, match="JSON, which has no"):
        InputExample(example)


def test_params_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="The param 'n' is one value"):
        InputExample(([1], {"n": None}))


@pytest.mark.parametrize(
    ("text", "info"),
    [
        ("{", {"type": "json_object"}),
        ("[" * 100_000, {"type": "json_object"}),
        ("1", {"type": "dataframe"}),
        ('{"columns": ["a"], "data": [[1, 2]]}', {"type": "dataframe"}),
        ('{"columns": 1}', {"type": "dataframe"}),
        ('{"data": [1], "indices": [99], "indptr": [0, 1], "shape": [1, 1]}', {"type": "sparse_matrix_csr"}),
        ('{"data": [1]}', {"type": "sparse_matrix_csc"}),
        ("[1]", {"type": "pickle"}),
        ("[1]", {}),
        ("[1]", {"type": "json_object", "params": "true"}),
    ],
)
def test_a_file_that_holds_something_else_is_refused(text: str, info: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_text(text)

    with pytest.raises(InvalidValueError):
        InputExample.read(tmp_path, {"artifact_path": "input_example.json", **info})


@pytest.mark.parametrize("path", ["../secret.json", "/etc/passwd", "", None, 3, "link.json", "absent.json"])
def test_no_file_outside_the_model_folder_is_read(path: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("1")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.json").symlink_to(tmp_path / "secret.json")

    with pytest.raises(NbtrackError):
        InputExample.read(folder, {"artifact_path": path, "type": "json_object"})


def test_examples_of_mlflow_1_are_read(tmp_path: Path) -> None:
    (tmp_path / "tensor.json").write_text('{"inputs": [[1.5, 2.5]]}')
    (tmp_path / "records.json").write_text('[{"a": 1}, {"a": 2}]')

    tensor = InputExample.read(
        tmp_path, {"artifact_path": "tensor.json", "type": "ndarray", "format": "tf-serving"}
    )
    records = InputExample.read(
        tmp_path, {"artifact_path": "records.json", "type": "dataframe", "pandas_orient": "records"}
    )

    assert tensor.tolist() == [[1.5, 2.5]]
    assert records.to_dict("list") == {"a": [1, 2]}


# ---- whatever -----------------------------------------------------------------------------------------

CELLS = st.sampled_from(
    [
        (st.floats(), "float64"),
        (st.floats(width=32), "float32"),
        (st.integers(-(2**63), 2**63 - 1), "int64"),
        (st.integers(0, 255) | st.none(), "Int64"),
        (st.booleans(), "bool"),
        (st.text(), object),
        (st.binary(), object),
        (st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)) | st.none(), "datetime64[ns]"),
    ]
)


@given(data=st.data())
def test_any_frame_comes_back_equal(data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(st.integers(1, 4))
    columns = {}
    for name in data.draw(st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True)):
        values, dtype = data.draw(CELLS)
        columns[name] = pd.Series(data.draw(st.lists(values, min_size=rows, max_size=rows)), dtype=dtype)
    frame = pd.DataFrame(columns)

    ours = kept(frame, tmp_path)

    pd.testing.assert_frame_equal(ours, frame, check_dtype=False)
    kinds = {name: dtype for name, dtype in frame.dtypes.items() if dtype.kind in "biufM"}
    assert {name: ours[name].dtype for name in kinds if not frame[name].isna().any()} == {
        name: getattr(dtype, "numpy_dtype", dtype)
        for name, dtype in kinds.items()
        if not frame[name].isna().any()
    }
