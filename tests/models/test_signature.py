"""Signatures: what schemas are made of, their JSON, and what is inferred from data."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models import ModelSignature, infer_signature
from nbtrack.models.schema.schema_inference import infer_schema
from nbtrack.types import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

# ---- what schemas are made of ---------------------------------------------------------------------

SCALARS = st.sampled_from(list(DataType))
NAMES = st.text(max_size=8)


def nested(kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, st.tuples(kinds, st.booleans()), min_size=1, max_size=3)
    return st.one_of(
        kinds.map(Array),
        kinds.map(Map),
        properties.map(lambda held: Object([Property(name, *rest) for name, rest in held.items()])),
    )


TYPES = st.recursive(SCALARS | st.just(AnyType()), nested, max_leaves=8)
COLUMNS = st.dictionaries(NAMES | st.integers(), st.tuples(TYPES, st.booleans()), min_size=1, max_size=6).map(
    lambda held: [ColSpec(kind, name, required) for name, (kind, required) in held.items()]
)
DTYPES = st.sampled_from(
    ["bool", "int8", "uint64", "float16", "float32", "complex128", "str", "bytes", "object", "datetime64[ns]"]
)
SHAPES = st.lists(st.integers(-1, 9), max_size=4)
TENSORS = st.dictionaries(NAMES, st.tuples(DTYPES, SHAPES), min_size=1, max_size=4).map(
    lambda held: [TensorSpec(np.dtype(dtype), shape, name) for name, (dtype, shape) in held.items()]
)
UNNAMED = st.lists(TYPES.map(ColSpec), min_size=1, max_size=4)
SCHEMAS = st.one_of(COLUMNS, TENSORS, UNNAMED).map(Schema)
DEFAULTS: dict[str, st.SearchStrategy[Any]] = {
    "long": st.integers(-(2**63), 2**63 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "double": st.floats(),
    "string": st.text(),
    "boolean": st.booleans(),
    "datetime": st.dates() | st.datetimes(),
}
PARAMS = st.dictionaries(
    NAMES,
    st.sampled_from(sorted(DEFAULTS)).flatmap(
        lambda kind: st.one_of(
            st.tuples(st.just(kind), DEFAULTS[kind], st.none()),
            st.tuples(st.just(kind), st.lists(DEFAULTS[kind], max_size=3), st.just((-1,))),
        )
    ),
    min_size=1,
    max_size=4,
).map(lambda held: ParamSchema([ParamSpec(name, *rest) for name, rest in held.items()]))


@given(SCHEMAS, SCHEMAS, PARAMS)
def test_a_signature_comes_back_from_its_json(inputs: Schema, outputs: Schema, params: ParamSchema) -> None:
    signature = ModelSignature(inputs, outputs, params)

    held = json.loads(json.dumps(signature.to_dict()))

    assert ModelSignature.from_dict(held) == signature
    assert hash(ModelSignature.from_dict(held)) == hash(signature)
    assert ModelSignature.from_dict(held).to_dict() == signature.to_dict()


def test_types_are_equal_by_what_they_hold() -> None:
    assert Array("long") == Array(DataType.long) != Array("double")
    assert Object([Property("b", "long"), Property("a", "long")]) == Object(
        [Property("a", "long"), Property("b", "long")]
    )
    assert Map("string") != Array("string")
    assert AnyType() == AnyType()
    assert ColSpec("long", "x") != ColSpec("long", "x", required=False)
    assert Schema([ColSpec("long", "x")]) == Schema([ColSpec("long", "x")])
    assert TensorSpec(np.dtype("f8"), (-1, 2)) != TensorSpec(np.dtype("f4"), (-1, 2))


def test_what_cannot_be_a_schema_is_refused_with_what_was_given() -> None:
    with pytest.raises(
        InvalidTypeError, match=r"'int' cannot be the type of the column 'x': it is one of boolean"
    ):
        ColSpec("int", "x")
    with pytest.raises(InvalidValueError, match=r"all inputs have names or none has: \['x', None\]"):
        Schema([ColSpec("long", "x"), ColSpec("long")])
    with pytest.raises(InvalidTypeError, match="this one has ColSpec, TensorSpec"):
        Schema([ColSpec("long"), TensorSpec(np.dtype("f8"), (-1,))])
    with pytest.raises(InvalidValueError, match="at least one"):
        Schema([])
    with pytest.raises(InvalidValueError, match="cannot be optional"):
        Schema([ColSpec("long", required=False)])
    with pytest.raises(InvalidTypeError, match="numpy dtype"):
        TensorSpec("float64", (-1,))  # pyright: ignore
    with pytest.raises(InvalidValueError, match="two properties of one name: a"):
        Object([Property("a", "long"), Property("a", "double")])
    with pytest.raises(InvalidTypeError, match="The param 'n' wants long: 'x' \\(str\\) is no long"):
        ParamSpec("n", "long", "x")
    with pytest.raises(InvalidValueError, match="cannot be binary"):
        ParamSpec("n", "binary", b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[1]",
        "not json",
        '[{"name": "x"}]',
        '[{"type": "int", "name": "x"}]',
        '[{"type": "array", "name": "x"}]',
        '[{"type": "object", "properties": {"a": 1}}]',
        '[{"type": "map", "values": {}}]',
        '[{"type": "tensor"}]',
        '[{"type": "tensor", "tensor-spec": {"dtype": "floaty", "shape": [1]}}]',
        '[{"type": "tensor", "tensor-spec": {"dtype": "f8", "shape": "many"}}]',
        '[{"type": {"type": "long"}}]',
        '[{"type": "array", "items": ' * 1 + '{"type": "array", "items": ' * 99 + '"long"' + "}" * 100 + "]",
        "[" * 100_000,
    ],
)
def test_malformed_json_is_one_error_that_quotes_it(text: str) -> None:
    with pytest.raises(InvalidValueError):
        Schema.from_json(text)


def test_forms_of_older_mlflow_are_read() -> None:
    old = (
        '[{"type": "long", "name": "x", "optional": true}, {"type": "array", "items": "string", "name": "y"}]'
    )

    schema = Schema.from_json(old)
    params = ParamSchema.from_json('[{"name": "n", "dtype": "long", "default": 3, "shape": null}]')

    assert schema == Schema([ColSpec("long", "x", required=False), ColSpec(Array("string"), "y")])
    assert params == ParamSchema([ParamSpec("n", "long", 3)])


def test_a_long_signature_has_a_line_for_each_column() -> None:
    signature = infer_signature(pd.DataFrame({f"column {number}": [0.5] for number in range(10)}))

    lines = repr(signature).splitlines()

    assert lines[1] == "  ['column 0': double (required),"
    assert lines[10] == "   'column 9': double (required)]"


def test_a_schema_cannot_be_changed_behind_the_back_of_a_model() -> None:
    schema = Schema([ColSpec("long", "x")])

    schema.inputs.clear()

    assert len(schema) == 1
    with pytest.raises(AttributeError):
        schema.inputs[0].name = "y"


# ---- what is inferred --------------------------------------------------------------------------------


def column(values: Any, **options: Any) -> ColSpec:
    [spec] = infer_schema(pd.DataFrame({"x": pd.Series(values, **options)}))
    return spec


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "required"),
    [
        ([1, 2], None, "long", True),
        ([1, None], "Int64", "long", False),
        ([1, 2], "int8", "integer", True),
        ([1, 2], "uint32", "long", True),
        ([1, 2], "uint64", "long", True),
        ([1, 2**63], "uint64", AnyType(), True),
        ([1.0, None], None, "double", False),
        ([1.0, None], "Float32", "float", False),
        ([1.0], "float16", "float", True),
        (["a", None], None, "string", False),
        (["a", None], object, "string", False),
        (["a"], "category", "string", True),
        ([1, None], "category", "long", False),
        ([True, None], "boolean", "boolean", False),
        ([True, None], object, "boolean", False),
        ([b"a"], None, "binary", True),
        ([date(2026, 5, 3)], object, "datetime", True),
        (pd.to_datetime(["2026-05-03", None]), None, "datetime", False),
        (pd.to_datetime(["2026-05-03"], utc=True), None, "datetime", True),
        ([1, 2.5], object, "double", True),
        ([None, None], object, AnyType(), False),
        ([1, "a"], object, AnyType(), True),
        ([1j], None, AnyType(), True),
        (pd.to_timedelta(["1 day"]), None, AnyType(), True),
        ([[1, 2], []], object, Array("long"), True),
        ([[1], [2.5]], object, Array("double"), True),
        (
            [{"a": 1}, {"a": 2, "b": "x"}],
            object,
            Object([Property("a", "long"), Property("b", "string", False)]),
            True,
        ),
        (
            [{"a": 1}, {"b": 1}, {"a": 1, "b": 1}],
            object,
            Object([Property("a", "long", False), Property("b", "long", False)]),
            True,
        ),
        ([0.0, 1.0], pd.SparseDtype("float64", 0.0), "double", True),
        (["a", None], "string[pyarrow]", "string", False),
        ([1, None], "int64[pyarrow]", "long", False),
        ([], object, "string", True),
        ([2**70], object, AnyType(), True),
    ],
)
def test_the_type_of_a_column(values: Any, dtype: Any, kind: Any, required: bool) -> None:
    assert column(values, dtype=dtype) == ColSpec(kind, "x", required)


def test_one_odd_column_leaves_the_others_their_types() -> None:
    frame = pd.DataFrame({"odd": [object(), 1], "good": [1.5, 2.5]})

    assert infer_schema(frame) == Schema([ColSpec(AnyType(), "odd"), ColSpec("double", "good")])


@pytest.mark.parametrize(
    ("data", "specs"),
    [
        (np.zeros((3, 4)), [TensorSpec(np.dtype("f8"), (-1, 4))]),
        (np.array(["a", "bc"]), [TensorSpec(np.dtype("str"), (-1,))]),
        (torch.zeros(2, 3, 4), [TensorSpec(np.dtype("f4"), (-1, 3, 4))]),
        (torch.zeros(2, dtype=torch.bfloat16), [TensorSpec(np.dtype("f4"), (-1,))]),
        (torch.zeros(2, requires_grad=True), [TensorSpec(np.dtype("f4"), (-1,))]),
        (
            {"a": np.zeros((3, 1)), "b": torch.zeros(3)},
            [TensorSpec(np.dtype("f8"), (-1, 1), "a"), TensorSpec(np.dtype("f4"), (-1,), "b")],
        ),
        (np.float32(3), [ColSpec("float")]),
        (np.array(3), [ColSpec("long")]),
        ("text", [ColSpec("string")]),
        (datetime(2026, 5, 3), [ColSpec("datetime")]),
        ([1, 2], [ColSpec("long")]),
        ([1, 2.5], [ColSpec("double")]),
        ([1, None], [ColSpec("long")]),
        ([[1, 2], [3, 4]], [ColSpec(Array("long"))]),
        ((1, 2), [ColSpec("long")]),
        ([], [ColSpec("string")]),
        ({"a": 1, "b": [1.5]}, [ColSpec("long", "a"), ColSpec(Array("double"), "b")]),
        (
            [{"a": 1}, {"a": 2, "b": None}],
            [ColSpec("long", "a"), ColSpec(AnyType(), "b", required=False)],
        ),
        (pd.Series([1.5], name="x"), [ColSpec("double", "x")]),
        (pd.Series([1.5]), [ColSpec("double")]),
    ],
)
def test_the_schema_of_data(data: Any, specs: list[Any]) -> None:
    assert infer_schema(data) == Schema(specs)


def test_a_polars_frame_has_the_schema_of_the_same_pandas_frame() -> None:
    held = {
        "n": [1, 2],
        "x": [0.5, None],
        "s": ["a", None],
        "b": [True, False],
        "l": [[1], [2, 3]],
        "o": [{"a": 1}] * 2,
    }
    pandas, polars = pd.DataFrame(held), pl.DataFrame(held)
    times = [datetime(2026, 5, 3), datetime(2026, 5, 4)]

    assert infer_schema(polars) == infer_schema(pandas)
    assert infer_schema(pl.DataFrame({"t": times})) == Schema([ColSpec("datetime", "t")])
    assert infer_schema(pl.Series("n", [1], dtype=pl.Int16)) == Schema([ColSpec("integer", "n")])


def test_sparse_matrices_are_tensors() -> None:
    from scipy import sparse

    held = sparse.random(5, 3, format="csr", dtype=np.float32)

    for form in ("tocsr", "tocsc", "tocoo"):
        assert infer_schema(getattr(held, form)()) == Schema([TensorSpec(np.dtype("f4"), (-1, 3))])


def test_params_have_their_values_as_defaults() -> None:
    signature = infer_signature(
        params={
            "n": 5,
            "t": 0.5,
            "names": ["a"],
            "on": True,
            "by": {"x": 1},
            "w": np.array([1.5]),
            "at": date(2026, 5, 3),
        }
    )

    assert signature.params == ParamSchema(
        [
            ParamSpec("n", "long", 5),
            ParamSpec("t", "double", 0.5),
            ParamSpec("names", "string", ["a"], (-1,)),
            ParamSpec("on", "boolean", True),
            ParamSpec("by", Object([Property("x", "long")]), {"x": 1}),
            ParamSpec("w", "double", [1.5], (-1,)),
            ParamSpec("at", "datetime", date(2026, 5, 3)),
        ]
    )
    with pytest.raises(InvalidValueError, match="The param 'none' is one value, a list of values or a dict"):
        infer_signature(params={"none": None})


def test_data_without_a_schema_is_any_and_says_so() -> None:
    with pytest.warns(RuntimeWarning, match=r"inputs of the signature are of any type.*long, others string"):
        signature = infer_signature([1, "a"])

    assert signature.inputs == Schema([ColSpec(AnyType())])
    with pytest.raises(InvalidValueError, match="at least one"):
        infer_signature()


@dataclass
class Inner:
    size: int
    tags: list[str]


@dataclass
class Row:
    text: str
    score: float | None
    inner: Inner
    many: list[Inner]


def test_a_dataclass_declares_a_schema() -> None:
    inner = Object([Property("size", "long"), Property("tags", Array("string"))])

    signature = ModelSignature(inputs=Row)

    assert signature.inputs == Schema(
        [
            ColSpec("string", "text"),
            ColSpec("float", "score", required=False),
            ColSpec(inner, "inner"),
            ColSpec(Array(inner), "many"),
        ]
    )
