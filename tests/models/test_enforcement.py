"""What `predict` is given, made to fit the signature of a model, or refused."""

import copy
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.schema.enforcement import enforce_input, enforce_params
from nbtrack.models.schema.mismatches import SignatureMismatchError
from nbtrack.models.schema.schema_inference import infer_schema
from nbtrack.types import (
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

XY = Schema([ColSpec("double", "x"), ColSpec("double", "y")])


def one(kind: Any, required: bool = True) -> Schema:
    return Schema([ColSpec(kind, "x", required)])


def fit(values: Any, kind: Any, dtype: Any = None, required: bool = True) -> pd.Series:
    """A column as `predict` gets it."""
    return enforce_input(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}), one(kind, required))["x"]


def refusal(data: Any, schema: Schema) -> str:
    """What is said about data that does not fit."""
    with pytest.raises(SignatureMismatchError) as caught:
        enforce_input(data, schema)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    return str(caught.value)


# ---- columns: which, and in what order ------------------------------------------------------------


def test_columns_come_in_the_order_of_the_signature() -> None:
    frame = pd.DataFrame({"y": [2.0], "x": [1.0]}, index=["row"])

    made = enforce_input(frame, XY)

    pd.testing.assert_frame_equal(made, pd.DataFrame({"x": [1.0], "y": [2.0]}, index=["row"]))


def test_columns_the_model_does_not_take_are_left_out_with_a_warning() -> None:
    with pytest.warns(RuntimeWarning, match="The model does not take 'target': ignored"):
        made = enforce_input(pd.DataFrame({"x": [1.0], "target": [1], "y": [2.0]}), XY)

    assert made.columns.tolist() == ["x", "y"]


def test_a_missing_column_is_named_and_so_is_the_one_that_may_be_meant() -> None:
    said = refusal(
        pd.DataFrame({"petal_width": [1.0], "y": [2.0]}), Schema([ColSpec("double", "petal width"), *XY])
    )

    assert (
        "it lacks 'petal width' (double; is 'petal_width' meant?), 'x' (double); it has 'petal_width', 'y'"
        in said
    )


def test_an_optional_column_may_be_absent() -> None:
    schema = Schema([ColSpec("double", "x"), ColSpec("double", "y", required=False)])

    assert enforce_input(pd.DataFrame({"x": [1.0]}), schema).columns.tolist() == ["x"]


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1, 2], [3, 4]]),
        [[1.0, 2.0], [3.0, 4.0]],
        [[1, 2.0], (3.0, 4)],
        ((1, 2), (3, 4)),
        [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
        pd.DataFrame([[1.0, 2.0], [3.0, 4.0]]),
        pd.DataFrame({0: [1, 3], 1: [2.0, 4.0]}),
        torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        sparse.csr_matrix([[1.0, 2.0], [3.0, 4.0]]),
        {"x": [1, 3], "y": [2.0, 4.0]},
        {"y": np.array([2.0, 4.0]), "x": torch.tensor([1, 3])},
        [{"x": 1, "y": 2.0}, {"y": 4, "x": 3}],
        pl.DataFrame({"x": [1, 3], "y": [2.0, 4.0]}),
        pd.DataFrame({"x": [1, 3], "y": [2, 4]}, dtype="Int64"),
        pd.DataFrame({"x": [1, 3], "y": [2, 4]}, dtype="float32"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_form_of_a_table_is_the_same_table(data: Any) -> None:
    made = enforce_input(data, XY)

    assert made.columns.tolist() == ["x", "y"]
    assert made.to_numpy(dtype="float64").tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert all(getattr(dtype, "subtype", dtype) == "float64" for dtype in made.dtypes)


def test_one_row_may_be_a_dict_a_list_or_a_row_of_a_frame() -> None:
    expected = pd.DataFrame({"x": [1.0], "y": [2.0]})
    mixed = pd.DataFrame({"name": ["a"], "x": [1.0], "y": [2]})

    for row in ({"x": 1, "y": 2.0}, [[1, 2]], [{"x": 1.0, "y": 2}]):
        pd.testing.assert_frame_equal(enforce_input(row, XY), expected)
    with pytest.warns(RuntimeWarning, match="does not take 'name'"):
        pd.testing.assert_frame_equal(enforce_input(mixed.iloc[0], XY), expected)


def test_a_table_without_names_needs_all_columns() -> None:
    assert "it has 3 columns without names, the model takes 2 columns: 'x', 'y'" in refusal(
        np.zeros((4, 3)), XY
    )
    assert "it has 1 column without names, the model takes 2 columns" in refusal([[1], [2]], XY)
    assert (
        "a flat list of 2 values is no table; the model takes 2 columns: give one row as [[...]]"
        in refusal([1, 2], XY)
    )
    assert "a flat list of 2 values" in refusal(np.zeros(2), XY)
    assert "row 0 has 2 values, row 1 has 1: [3]" in refusal([[1, 2], [3]], XY)
    assert "of different lengths: 'x' 1, 'y' 2" in refusal({"x": [1], "y": [1, 2]}, XY)
    assert "an array of shape (2, 2, 2) is no table" in refusal(np.zeros((2, 2, 2)), XY)
    assert "predict(data) was given None" in refusal(None, XY)


def test_names_that_a_file_made_text_are_those_numbers() -> None:
    schema = infer_schema(pd.DataFrame({0: [1.0], 1: [2.0]}))

    made = enforce_input(pd.DataFrame({"1": [2.0], "0": [1.0]}), schema)

    pd.testing.assert_frame_equal(made, pd.DataFrame({0: [1.0], 1: [2.0]}), check_column_type=False)


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "x", "y"])

    assert "two of its columns are named 'x'" in refusal(frame, XY)


def test_no_rows_stay_no_rows() -> None:
    for empty in ([], pd.DataFrame({"x": [], "y": []}), pd.DataFrame({"x": [], "y": []}, dtype=object)):
        made = enforce_input(empty, XY)

        assert made.shape == (0, 2)
        assert made.dtypes.tolist() == [np.dtype("float64")] * 2


def test_records_are_rows_where_the_columns_of_the_signature_have_no_names() -> None:
    made = enforce_input([{"x": 1, "y": 2}, {"x": 3, "y": 4}], Schema([ColSpec("long"), ColSpec("long")]))

    assert made.to_dict("list") == {"x": [1, 3], "y": [2, 4]}


def test_a_column_that_has_only_a_number_is_named_by_it() -> None:
    assert "column 0 is" in refusal([["x"]], Schema([ColSpec("double")]))


def test_columns_without_names_are_taken_by_their_place() -> None:
    schema = Schema([ColSpec("double"), ColSpec("string")])

    made = enforce_input(pd.DataFrame({"n": [1], "s": ["a"]}), schema)

    assert made.to_dict("list") == {"n": [1.0], "s": ["a"]}
    assert "it has 1 column, the model takes 2 columns" in refusal(pd.DataFrame({"n": [1]}), schema)
    with pytest.warns(RuntimeWarning, match="takes 2 columns: the other 1 are ignored"):
        assert enforce_input(pd.DataFrame([[1, "a", 2]]), schema).shape == (1, 2)


@pytest.mark.parametrize(
    "data", ["text", ["text"], pd.Series(["text"]), pd.Series(["text"], name="x"), {"x": "text"}]
)
def test_one_column_takes_values_and_lists_of_them(data: Any) -> None:
    for schema in (one("string"), Schema([ColSpec("string")])):
        assert enforce_input(data, schema).iloc[:, 0].tolist() == ["text"]


def test_a_list_of_lists_is_rows_or_values_as_the_signature_says() -> None:
    assert enforce_input([[1.0, 2.0], [3.0]], one(Array("double")))["x"].tolist() == [[1.0, 2.0], [3.0]]
    assert enforce_input([1.0, 2.0], one(Array("double")))["x"].tolist() == [[1.0, 2.0]]
    assert enforce_input({"x": [1, 2]}, one(Array("double")))["x"].tolist() == [[1.0, 2.0]]
    assert enforce_input({"x": [[1, 2], [3]]}, one(Array("double")))["x"].tolist() == [[1.0, 2.0], [3.0]]
    assert enforce_input({"x": ["a", "b"]}, one("string"))["x"].tolist() == ["a", "b"]


# ---- columns: their types ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "wanted"),
    [
        ([1, 2], "int64", "double", "float64"),
        ([2**53, -(2**53)], "int64", "double", "float64"),
        ([1, 2**24], "int64", "float", "float32"),
        ([0.5, None], "float64", "float", "float32"),
        ([0.1], "float32", "double", "float64"),
        ([1, 2], "int64", "integer", "int32"),
        ([1, 2], "uint64", "long", "int64"),
        ([1.0, 2.0], "float64", "long", "int64"),
        ([-(2.0**63)], "float64", "long", "int64"),
        ([1, 2], "int8", "long", "int64"),
        ([True, False], "bool", "long", "int64"),
        ([True, False], "bool", "double", "float64"),
        ([1, 0], "int64", "boolean", "bool"),
        ([1.0, 0.0], "float64", "boolean", "bool"),
        ([True], "boolean", "boolean", "bool"),
        ([1, 2], "Int64", "long", "int64"),
        ([1, None], "Int64", "double", "float64"),
        ([1.5, None], "Float64", "double", "float64"),
        ([1, 2], "int64[pyarrow]", "double", "float64"),
        ([1, None], "int64[pyarrow]", "double", "float64"),
        ([1, 2.5, None], object, "double", "float64"),
        ([Decimal("0.1")], object, "double", "float64"),
        ([0.1], object, "float", "float32"),
        ([1, 2], object, "long", "int64"),
        ([None, None], object, "double", "float64"),
        ([1, 2], "category", "double", "float64"),
        (["2026-05-03", "2026-05-03T12:00:00"], "str", "datetime", "datetime64[ns]"),
        ([date(2026, 5, 3), None], object, "datetime", "datetime64[ns]"),
        ([datetime(2026, 5, 3)], object, "datetime", "datetime64[ns]"),
        ([datetime(2026, 5, 3)], "datetime64[s]", "datetime", "datetime64[ns]"),
    ],
)
def test_what_loses_nothing_is_converted(values: Any, dtype: Any, kind: str, wanted: str) -> None:
    made = fit(values, kind, dtype)

    assert made.dtype == wanted
    if kind == "datetime":
        assert made.dt.date.tolist()[0] == date(2026, 5, 3)
    else:
        original = pd.Series(values, dtype=dtype)
        assert made.isna().tolist() == original.isna().tolist()
        tolerance = 1e-8 if kind == "float" else 0  # a Python float is the nearest of 32 bits
        for new, old in zip(made.dropna(), original.dropna(), strict=True):
            assert abs(float(new) - float(old)) <= tolerance


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        (["a", None], "str", "string"),
        (["a", None], object, "string"),
        (["a"], "string[pyarrow]", "string"),
        (["a", "b"], "category", "string"),
        ([1, 2], "category", "long"),
        ([b"a", None], object, "binary"),
        ([bytearray(b"a")], object, "binary"),
        ([True, None], object, "boolean"),
        ([0.0, 1.5], pd.SparseDtype("float64", 0.0), "double"),
        (pd.to_datetime(["2026-05-03"], utc=True), None, "datetime"),
        ([pd.Timestamp("2026-05-03")], "datetime64[ns]", "datetime"),
        ([object()], object, AnyType()),
        ([[1, 2]], object, Array("long")),
    ],
)
def test_a_column_that_fits_is_handed_on_as_it_is(values: Any, dtype: Any, kind: Any) -> None:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})

    pd.testing.assert_frame_equal(enforce_input(frame, one(kind)), frame)


def test_missing_whole_numbers_stay_whole_where_the_column_is_optional() -> None:
    for dtype in ("float64", "Int64", "Float32", "int64[pyarrow]", object):
        made = fit([1, None, 3], "long", dtype, required=False)

        assert made.dtype == "Int64"
        assert made.tolist() == [1, pd.NA, 3]
    assert fit([2**62 + 1, None], "long", object, required=False).tolist() == [2**62 + 1, pd.NA]


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "said"),
    [
        (
            [1, "2"],
            object,
            "double",
            "column 'x' is object, the model takes double: '2' (str) is no double (row 1)",
        ),
        (
            ["1.5"],
            "str",
            "double",
            "the model takes double: '1.5' (str) is no double (row 0)",
        ),
        ([1.0, 2.5], None, "long", "column 'x' is float64, the model takes long: 2.5 is not whole (row 1)"),
        ([1.0, None], None, "long", "a value is missing, and whole numbers cannot be"),
        ([1.0, float("inf")], None, "long", "inf is not whole (row 1)"),
        ([2.0**63], None, "long", "9.223372036854776e+18 is outside of int64"),
        ([1, 2**31], None, "integer", "2147483648 is outside of int32 (-2147483648 to 2147483647) (row 1)"),
        ([2**63], "uint64", "long", "9223372036854775808 is outside of int64"),
        ([2**53 + 1], None, "double", "9007199254740993 is beyond ±2**53"),
        ([2**53 + 1], object, "double", "9007199254740993 is beyond ±9007199254740992"),
        ([2**24 + 1], None, "float", "16777217 is beyond ±2**24"),
        (
            [0.5, 0.1],
            None,
            "float",
            "0.1 is no float32: it would be rounded (row 1). astype('float32') converts it",
        ),
        ([1e300], object, "float", "1e+300 is too large for a float of 32 bits"),
        ([1, 2], None, "boolean", "2 is neither 0 nor 1 (row 1)"),
        ([True, 5], object, "boolean", "5 (int) is no boolean (row 1)"),
        ([True, 5], object, "double", "True (bool) is no double (row 0)"),
        ([7], None, "string", "column 'x' is int64, the model takes string: 7 (int) is no string (row 0)"),
        (["01234", 1234], object, "string", "1234 (int) is no string (row 1)"),
        ([1.5], None, "datetime", "1.5 (float) is no datetime (row 0)"),
        (["3 May"], None, "datetime", "'3 May' is no date or time in ISO 8601"),
        ([1.5], None, "binary", "1.5 (float) is no binary"),
        (["a"], "category", "double", "'a' (str) is no double (row 0)"),
        ([Decimal("0.1000000000000000000001")], object, "double", "is no double"),
        ([1j], None, "double", "1j (complex) is no double"),
        (pd.to_datetime(["2026-05-03"]), None, "long", "is no long (row 0)"),
        (
            [1, None],
            "Int64",
            "long",
            "a value is missing, and whole numbers cannot be: make the column double",
        ),
        ([1, 300, None], "Int64", Array("long"), "1 (int) is no Array(long) (row 0)"),
        ([[1, "a"]], object, Array("long"), "at [1]: 'a' (str) is no long (row 0)"),
        (
            [{"a": {"b": [1, 2.5]}}],
            object,
            Object([Property("a", Map(Array("long")))]),
            "at ['a']['b'][1]: 2.5 (float) is no long",
        ),
        ([{"a": 1}], object, Object([Property("a", "long"), Property("b", "long")]), "lacks 'b'; it has 'a'"),
        ([{"a": 1, "z": 1}], object, Object([Property("a", "long")]), "has 'z', which the signature has not"),
        ([{1: 1}], object, Map("long"), "the keys of a map are text, not 1 (int)"),
        ([None], object, Array("long"), "None (NoneType) is no Array(long)"),
    ],
)
def test_what_could_lose_something_is_refused_with_the_value_and_its_row(
    values: Any, dtype: Any, kind: Any, said: str
) -> None:
    assert said in refusal(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}), one(kind))


def test_numbers_of_json_are_looked_at_one_by_one() -> None:
    assert "9007199254740993 is beyond" in refusal([{"x": 1.5}, {"x": 2**53 + 1}], one("double"))
    assert "2147483648 is outside of int32 (-2147483648 to 2147483647) (row 1)" in refusal(
        [[1], [2**31]], one("integer")
    )
    assert "9223372036854775808 does not fit into long" in refusal([[2**63]], one("long"))
    assert "too large for a float of 32 bits" in refusal({"x": 1e300}, one("float"))


def test_a_row_is_named_by_its_index_too() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.5]}, index=["first", "second"])

    assert "2.5 is not whole (row 1, index 'second')" in refusal(frame, one("long"))


def test_every_column_that_does_not_fit_is_listed() -> None:
    schema = Schema([ColSpec("long", f"c{number}") for number in range(12)])

    said = refusal(pd.DataFrame({f"c{number}": [0.5] for number in range(12)}), schema)

    assert said.count("\n- ") == 9
    assert "\n- column 'c7' is float64" in said
    assert said.endswith("\n- and 4 more")


def test_values_inside_arrays_and_objects_are_converted_in_a_copy() -> None:
    given = [{"a": [1, 2.5], "b": None}, {"a": [3]}]
    kind = Object([Property("a", Array("double")), Property("b", "string", required=False)])
    frame = pd.DataFrame({"x": given})
    before = copy.deepcopy(given)

    made = enforce_input(frame, one(kind))["x"].tolist()

    assert made == [{"a": [1.0, 2.5], "b": None}, {"a": [3.0]}]
    assert [type(value) for value in made[1]["a"]] == [float]
    assert given == before
    assert type(given[1]["a"][0]) is int


def test_what_a_model_does_to_its_input_does_not_reach_the_caller() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    reordered = frame[["y", "x"]]
    before = frame.copy()

    for data in (frame, reordered):
        made = enforce_input(data, XY)
        made["new"] = 1
        made.loc[0, "x"] = 99.0
        made.iloc[:, 1] *= 2

    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(reordered, before[["y", "x"]])


# ---- tensors ------------------------------------------------------------------------------------------

IMAGE = Schema([TensorSpec(np.dtype("float32"), (-1, 2, 2))])
ROWS = Schema([TensorSpec(np.dtype("float64"), (-1, 2))])
NAMED = Schema([TensorSpec(np.dtype("float64"), (-1, 2), "a"), TensorSpec(np.dtype("int64"), (-1,), "b")])


def test_an_array_that_fits_is_handed_on_as_it_is() -> None:
    image = np.zeros((3, 2, 2), dtype=np.float32)

    assert enforce_input(image, IMAGE) is image


@pytest.mark.parametrize(
    "data",
    [
        [[1.0, 2.0], [3.0, 4.0]],
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]], dtype=np.float32),
        torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True),
        torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16),
        pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}),
        pl.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}),
        [np.array([1.0, 2.0]), torch.tensor([3.0, 4.0])],
        {"anything": [[1.0, 2.0], [3.0, 4.0]]},
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_form_of_an_array_is_the_same_array(data: Any) -> None:
    made = enforce_input(data, ROWS)

    assert isinstance(made, np.ndarray)
    assert made.dtype == np.float64
    assert made.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_floats_of_python_are_the_nearest_of_32_bits_and_arrays_are_not_rounded() -> None:
    assert enforce_input([[[0.1, 0.2], [0.3, 0.4]]], IMAGE).dtype == np.float32

    said = refusal(np.full((1, 2, 2), [[0.5, 0.5], [0.1, 0.5]]), IMAGE)

    assert (
        "it is of float64, the model takes float32: 0.1 is no float32: it would be rounded (at [0, 1, 0])"
        in said
    )


def test_a_shape_that_does_not_fit_is_told_with_the_one_that_does() -> None:
    assert "it has the shape (2, 3), the model takes (-1, 2)" in refusal(np.zeros((2, 3)), ROWS)
    assert "give one row as array.reshape(1, ...)" in refusal(np.zeros(2), ROWS)
    assert "not all of one length: [[1, 2], [3]]" in refusal([[1, 2], [3]], ROWS)
    assert "is no array of float64" in refusal([["a", object()]], ROWS)
    assert "it is None" in refusal(None, ROWS)
    assert "float64: no conversion leads there" in refusal(np.array([["a", "b"]]), ROWS)


def test_tensors_with_names_come_as_dicts_or_columns() -> None:
    expected = {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [5, 6]}
    frame = pd.DataFrame({"a": [[1, 2], [3, 4]], "b": [5, 6]})

    for data in (expected, {name: np.array(held) for name, held in expected.items()}, frame):
        made = enforce_input(data, NAMED)
        assert {name: held.tolist() for name, held in made.items()} == expected
        assert {name: held.dtype for name, held in made.items()} == {"a": np.float64, "b": np.int64}


def test_tensors_that_are_missing_or_wrong_are_all_named() -> None:
    assert "it lacks 'b', which the model takes; it has 'a'" in refusal({"a": np.zeros((1, 2))}, NAMED)
    assert "it is one numpy.ndarray; the model takes a dict of the arrays 'a', 'b'" in refusal(
        np.zeros((1, 2)), NAMED
    )

    said = refusal({"a": np.zeros(3), "b": np.array([0.5])}, NAMED)

    assert "\n- 'a' has the shape (3,), the model takes (-1, 2)" in said
    assert "\n- 'b' is of float64, the model takes int64: 0.5 is not whole (at [0])" in said
    with pytest.warns(RuntimeWarning, match="does not take 'c'"):
        enforce_input({"a": np.zeros((1, 2)), "b": np.array([1]), "c": 1}, NAMED)


def test_a_matrix_comes_as_one_column_of_its_rows() -> None:
    schema = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    frame = pd.DataFrame({"row": [np.array([1.0, 2.0]), np.array([3.0, 4.0])]})

    made = enforce_input(frame, schema)

    assert made.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert made.dtype == np.float32


def test_flat_rows_of_a_frame_get_the_shape_of_the_tensor() -> None:
    frame = pd.DataFrame({"pixels": [[1, 2, 3, 4], [5, 6, 7, 8]]})

    assert enforce_input(frame, IMAGE).tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_sparse_matrices_stay_sparse() -> None:
    held = sparse.csr_matrix([[0.0, 1.5], [0.0, 0.0]])

    assert enforce_input(held, ROWS) is held
    assert sparse.issparse(enforce_input(held.astype(np.float32).tocsc(), ROWS))
    narrow = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    assert "0.1 is no float32" in refusal(sparse.csr_matrix([[0.0, 0.1]]), narrow)


# ---- no schema, and any -------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [None, Schema([ColSpec(AnyType())])])
def test_without_types_data_is_handed_on_as_it_is(schema: Schema | None) -> None:
    for data in (pd.DataFrame({"a": [1], "b": [2]}), torch.zeros(2), {"a": 1}, "text", None):
        assert enforce_input(data, schema) is data


# ---- params -------------------------------------------------------------------------------------------

PARAMS = ParamSchema(
    [
        ParamSpec("n", "long", 5),
        ParamSpec("temperature", "double", 0.5),
        ParamSpec("stop", "string", ["a"], (-1,)),
        ParamSpec("at", "datetime", date(2026, 5, 3)),
        ParamSpec("by", Object([Property("x", "long")]), {"x": 1}),
    ]
)
DEFAULTS = {"n": 5, "temperature": 0.5, "stop": ["a"], "at": date(2026, 5, 3), "by": {"x": 1}}


def test_params_that_are_not_given_have_their_defaults() -> None:
    assert enforce_params(None, PARAMS) == DEFAULTS
    assert enforce_params({}, PARAMS) == DEFAULTS
    assert enforce_params(None, None) is None


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"n": np.int32(7)}, {"n": 7}),
        ({"n": 7.0}, {"n": 7}),
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"temperature": np.float32(0.5)}, {"temperature": 0.5}),
        ({"stop": ("b", "c")}, {"stop": ["b", "c"]}),
        ({"stop": np.array(["b"])}, {"stop": ["b"]}),
        ({"at": "2026-05-04"}, {"at": date(2026, 5, 4)}),
        ({"at": np.datetime64("2026-05-04T01:00")}, {"at": datetime(2026, 5, 4, 1)}),
        ({"n": None}, {"n": None}),
        ({"by": {"x": 2}}, {"by": {"x": 2}}),
    ],
)
def test_params_become_pythons_own_types(given: dict[str, Any], taken: dict[str, Any]) -> None:
    made = enforce_params(given, PARAMS)

    assert made == {**DEFAULTS, **taken}
    assert [type((made or {})[name]) for name in taken] == [type(value) for value in taken.values()]


def test_params_that_do_not_fit_are_all_named() -> None:
    with pytest.raises(SignatureMismatchError) as caught:
        enforce_params({"n": "five", "temperature": True, "stop": "a", "by": {"y": 1}}, PARAMS)

    assert caught.value.problems == [
        "The param 'n' wants long: 'five' (str) is no long",
        "The param 'temperature' wants double: True (bool) is no double",
        "The param 'stop' wants list of string: 'a' (str) is no list",
        "The param 'by' wants {x: long (required)}: lacks 'x'; it has 'y'",
    ]
    with pytest.raises(InvalidValueError, match="params is a dict"):
        enforce_params([1], PARAMS)  # pyright: ignore


def test_params_the_model_does_not_have_are_ignored_with_a_warning() -> None:
    with pytest.warns(
        RuntimeWarning, match=r"no param 'temperatures' \(did you mean 'temperature'\?\): ignored"
    ):
        assert enforce_params({"temperatures": 1.0}, PARAMS) == DEFAULTS
    with pytest.warns(RuntimeWarning, match="it has none in its signature"):
        assert enforce_params({"n": 1}, None) == {}


def test_changing_a_default_changes_it_once() -> None:
    made = enforce_params(None, PARAMS) or {}
    made["stop"].append("b")

    assert enforce_params(None, PARAMS) == DEFAULTS


# ---- whatever data ------------------------------------------------------------------------------------

MISSING = st.none()
LONGS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.sampled_from(
    [
        (st.floats(), "float64"),
        (st.floats(width=32), "float32"),
        (LONGS, "int64"),
        (st.integers(0, 2**64 - 1), "uint64"),
        (st.integers(-128, 127), "int8"),
        (LONGS | MISSING, "Int64"),
        (st.integers(0, 255) | MISSING, "UInt8"),
        (st.floats(allow_nan=False) | MISSING, "Float64"),
        (st.booleans(), "bool"),
        (st.booleans() | MISSING, "boolean"),
        (st.booleans() | MISSING, object),
        (st.text() | MISSING, object),
        (st.text() | MISSING, "str"),
        (st.text(), "category"),
        (st.integers(0, 9), "category"),
        (st.binary() | MISSING, object),
        (st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)) | MISSING, "datetime64[us]"),
        (st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), "datetime64[ns, Europe/Berlin]"),
        (st.dates() | MISSING, object),
        (st.lists(LONGS), object),
        (st.lists(st.floats() | MISSING), object),
        (st.dictionaries(st.sampled_from("abc"), LONGS), object),
        (st.floats() | st.text(), object),
        (LONGS, object),
        (st.integers(), object),
        # Beyond that a double does not hold them, and among floats they are refused.
        (st.floats() | st.integers(-(2**53), 2**53) | MISSING, object),
    ]
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 5))
    columns = {}
    for name in draw(st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True)):
        values, dtype = draw(VALUES)
        columns[name] = pd.Series(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=dtype)
    return pd.DataFrame(columns)


@given(frames())
def test_data_fits_the_schema_inferred_from_it_and_comes_out_equal(frame: pd.DataFrame) -> None:
    before = copy.deepcopy({name: column.tolist() for name, column in frame.items()})

    made = enforce_input(frame, infer_schema(frame))

    assert made.columns.tolist() == frame.columns.tolist()
    for name, column in frame.items():
        assert alike(made[name].tolist(), column.tolist())
        assert alike(column.tolist(), before[name])


JSON_ROWS = st.lists(
    st.fixed_dictionaries(
        {"n": LONGS, "x": st.floats(), "s": st.text(), "b": st.booleans(), "l": st.lists(st.floats())},
        optional={"o": st.fixed_dictionaries({"a": LONGS})},
    ),
    min_size=1,
    max_size=4,
)


@given(JSON_ROWS)
def test_rows_of_json_fit_the_schema_inferred_from_them_and_come_out_equal(
    rows: list[dict[str, Any]],
) -> None:
    made = enforce_input(rows, infer_schema(rows))

    for name in made.columns:
        assert alike(made[name].tolist(), [row.get(name) for row in rows])


@given(
    st.sampled_from(["float64", "float32", "int8", "int64", "uint64", "bool", "complex64", "float16"]),
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
)
def test_arrays_fit_the_schema_inferred_from_them_and_are_handed_on(dtype: str, shape: list[int]) -> None:
    array = np.ones(shape, dtype=dtype)

    assert enforce_input(array, infer_schema(array)) is array


@given(
    st.lists(st.integers(-(2**63), 2**64 - 1) | st.floats(), min_size=1),
    st.sampled_from(["long", "integer", "double", "float"]),
)
def test_no_number_ever_changes_unnoticed(values: list[Any], kind: str) -> None:
    for dtype in (None, object):
        column = pd.Series(values, dtype=dtype)
        try:
            made = enforce_input(pd.DataFrame({"x": column}), one(kind))["x"].tolist()
        except SignatureMismatchError:
            continue
        if kind == "float" and dtype is object:
            values = [float(np.float32(value)) if isinstance(value, float) else value for value in values]
        assert alike(made, column.tolist() if dtype is None else values)


def alike(ours: Any, theirs: Any) -> bool:
    """Whether values are the same, missing ones and times of any precision too."""
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(alike(ours[key], theirs[key]) for key in ours)
    if pd.isna(ours) or pd.isna(theirs):
        return bool(pd.isna(ours) and pd.isna(theirs))
    if isinstance(ours, datetime) and not isinstance(theirs, datetime):
        return ours == datetime(theirs.year, theirs.month, theirs.day)
    return bool(ours == theirs)


def test_times_of_several_zones_keep_them() -> None:
    east = timezone(timedelta(hours=5))
    times = [datetime(2026, 5, 3, tzinfo=east), datetime(2026, 5, 3, tzinfo=UTC)]
    frame = pd.DataFrame({"x": pd.Series(times, dtype=object)})

    assert enforce_input(frame, one("datetime"))["x"].tolist() == times


def test_rows_and_columns_with_names_become_one_tensor() -> None:
    schema = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    named = Schema([TensorSpec(np.dtype("float32"), (-1,), name=name) for name in "ab"])
    row, column = {"a": 1, "b": 0.1}, {"a": [1], "b": [0.1]}
    for data in (row, [row], column, {"a": np.array([1]), "b": [0.1]}):
        assert enforce_input(data, schema).tolist() == np.array([[1, 0.1]], dtype="float32").tolist()
        assert {name: part.tolist() for name, part in enforce_input(data, named).items()} == {
            "a": [1.0],
            "b": [float(np.float32(0.1))],
        }
    assert enforce_input([{"a": 1, "b": 2}, {"b": 3, "a": 4}], schema).tolist() == [[1, 2], [4, 3]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": 1}, r"it is a dict of 1 \('a'\); the model takes one array"),
        ("a.csv", r"it is 'a\.csv' \(str\); the model takes"),
        (5, r"it is 5 \(int\); the model takes"),
        ({"a": "x", "b": 1}, r"column 'a' holds \['x'\]; the model takes float32"),
        ({"a": [1, 2], "b": [3]}, r"not of one length: 'a' 2, 'b' 1"),
        ([{"a": 1, "b": 2}, {"a": 1}], r"row 0 has 'a', 'b', row 1 has 'a'"),
    ],
)
def test_what_makes_no_tensor_is_told(data: Any, said: str) -> None:
    schema = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])

    with pytest.raises(SignatureMismatchError, match=said):
        enforce_input(data, schema)


def test_objects_of_a_tensor_stay_objects() -> None:
    rows = [{"a": 1}, {"a": 2}]

    assert enforce_input(rows, Schema([TensorSpec(np.dtype(object), (-1,))])).tolist() == rows


def test_params_do_not_fit_and_an_input_does_not() -> None:
    assert str(SignatureMismatchError(["a"], "params")).startswith("The params do not fit")
    assert str(SignatureMismatchError(["a"])).startswith("The input does not fit")
