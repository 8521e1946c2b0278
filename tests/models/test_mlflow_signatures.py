"""What nbtrack infers, keeps and enforces beside what the real MLflow did, as it was written down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.models import infer_signature
from nbtrack.models.schema.enforcement import enforce_input, enforce_params
from nbtrack.models.schema.input_examples import InputExample
from nbtrack.models.schema.schema_inference import infer_schema
from nbtrack.types import AnyType, Array, ColSpec, Map, Object, ParamSchema, Property, Schema, TensorSpec
from tests.models.signature_cases import made, told

ANSWERS = json.loads(Path(__file__).with_name("mlflow_signatures.json").read_text(encoding="utf-8"))
WORDS = {"C": ColSpec, "T": TensorSpec, "Array": Array, "Object": Object, "Property": Property}
WORDS |= {"Map": Map, "AnyType": AnyType}
ANY = '[{"type": "any", "required": true}]'

# MLflow gives up on these and calls all of the data `any`; the reason to do better stands beside it.
NOT_ANY = {
    'pd.DataFrame({"x": pd.Series([1, 2], dtype="uint64")})': "the numbers fit into 64 bits with sign",
    'pd.DataFrame({"x": pd.Series([1, "a"])})': "only this column is odd",
    'pd.DataFrame({"x": pd.Series(pd.to_timedelta(["1 day"]))})': "only this column is odd",
    'pd.DataFrame({"x": pd.Series([1j])})': "only this column is odd",
    'pd.DataFrame({"x": pd.Series([Decimal("0.5")])})': "only this column is odd",
    'pd.DataFrame({"x": pd.Series([[1, 2.5], [3]])})': "a whole number among fractions is one of them",
    '[{"a": 1}, {"a": "x"}]': "only this column is odd",
    "[1, 2.5]": "a whole number among fractions is one of them",
    "[[1, 2], [3.5, 4]]": "a whole number among fractions is one of them",
    "np.array(5)": "an array of no dimension is its value",
    "sparse.coo_matrix(np.eye(3))": "a sparse matrix of any form",
    'pd.Timestamp("2026-05-03")': "a time",
    "np.int8(1)": "a number",
    "(1, 2)": "a tuple is a list",
}
OTHERWISE = {"object()": "MLflow calls it text"}


@pytest.mark.parametrize("case", ANSWERS["inferred"])
@pytest.mark.filterwarnings("ignore:The inputs of the signature are of any type")
def test_the_schema_of_data_is_mlflows_to_the_letter(case: str) -> None:
    ours = infer_signature(made(case)).inputs

    assert ours is not None
    if case in NOT_ANY:
        assert ANSWERS["inferred"][case] == ANY != ours.to_json()
    elif case in OTHERWISE:
        assert ANSWERS["inferred"][case] != ours.to_json()
    else:
        assert ours.to_json() == ANSWERS["inferred"][case]


@pytest.mark.parametrize("text", sorted({*ANSWERS["inferred"].values()}))
def test_mlflows_schemas_come_back_to_the_letter(text: str) -> None:
    assert Schema.from_json(text).to_json() == text


OTHER_PARAMS = {'{"a": []}': "MLflow says datetime", '{"a": (1, 2)}': "a tuple is a list"}


@pytest.mark.parametrize("case", ANSWERS["params"])
def test_the_schema_of_params_is_mlflows(case: str) -> None:
    answer = ANSWERS["params"][case]
    if "refused" in answer and case not in OTHER_PARAMS:
        with pytest.raises(InvalidValueError):
            infer_signature(params=made(case))
        return

    ours = infer_signature(params=made(case)).params

    assert ours is not None
    assert (ours.to_json() == answer) == (case not in OTHER_PARAMS)
    assert ParamSchema.from_json(ours.to_json()).to_json() == ours.to_json()


@pytest.mark.parametrize("case", ANSWERS["given_params"])
def test_params_are_taken_as_mlflow_takes_them(case: str) -> None:
    schema = ParamSchema.from_json(ANSWERS["schema_of_params"])
    answer = ANSWERS["given_params"][case]
    if "refused" in answer and case != '{"n": 7.0}':  # a whole number in another form
        with pytest.raises(InvalidValueError):
            enforce_params(made(case), schema)
        return

    ours = told(enforce_params(made(case), schema))

    assert schema.to_json() == ANSWERS["schema_of_params"]
    assert ours == answer or "refused" in answer


# ---- data that meets a schema -------------------------------------------------------------------------

# MLflow lets these pass without a look at the values; the model would meet them.
UNLOOKED = "a column of objects holds numbers where text or bytes are wanted, or anything where booleans are"
# What comes out differs, and why.
DIFFERS = {
    ('pd.DataFrame({"x": pd.Series([])})', '[C("boolean", "x")]'): "an empty column gets its type too",
    ('pd.DataFrame({"x": pd.Series([])})', '[C("double", "x")]'): "an empty column gets its type too",
    ('{"a": ["x", "y"]}', '[C("string", "a")]'): "a list of texts is a column of texts, as of numbers",
    ('pd.DataFrame({"a": [1.5], "b": [2]})', "[C(AnyType())]"): "without types no column is thrown away",
}


def answered(ask: Callable[[], Any]) -> Any:
    try:
        return told(ask())
    except InvalidValueError as error:
        return {"refused": str(error)}


@pytest.mark.filterwarnings("ignore:The model does not take", "ignore:The model takes")
def test_what_mlflow_takes_is_taken_and_comes_out_the_same() -> None:
    differ, refused, more = [], [], []
    for data, schema, theirs in ANSWERS["enforced"]:
        ours = answered(lambda d=data, s=schema: enforce_input(made(d), Schema(made(s, **WORDS))))
        if "refused" in theirs:
            more += [(data, schema)] if "refused" not in ours else []
        elif "refused" in ours:
            refused.append((data, schema, ours["refused"]))
        elif ours != theirs:
            differ.append((data, schema))

    assert {*differ} == {*DIFFERS}
    assert [(data, schema) for data, schema, said in refused if not is_unlooked(schema, said)] == []
    assert len(refused) == 24
    # What MLflow refuses and nbtrack takes: numbers of another width, missing ones, times with a zone or in
    # ISO 8601, categories, and tables without names. test_enforcement.py says that none of it changes.
    assert len(more) == 72


def is_unlooked(schema: str, said: str) -> bool:
    wanted = schema.split('"')[1]
    return "is object" in said and wanted in ("boolean", "string", "binary") and f"is no {wanted}" in said


@pytest.mark.parametrize("case", ANSWERS["inferred"])
@pytest.mark.filterwarnings("ignore:The inputs of the signature are of any type")
def test_data_fits_its_own_signature(case: str) -> None:
    data = made(case)
    schema = infer_signature(data).inputs

    enforce_input(data, schema)


# ---- input examples -----------------------------------------------------------------------------------

# MLflow writes NaN in tables, which JSON has not, and a missing time as the text NaT.
NULLS = ("NaN", '"NaT"')


@pytest.mark.parametrize("case", ANSWERS["examples"])
def test_the_files_of_an_input_example_are_mlflows(case: str, tmp_path: Path) -> None:
    theirs = ANSWERS["examples"][case]

    info = InputExample(made(case)).save(tmp_path)

    assert info == theirs["info"]
    for name, text in (
        ("input_example.json", theirs["text"]),
        ("serving_input_example.json", theirs["serving"]),
    ):
        for missing in NULLS:
            text = text.replace(missing, "null")
        assert (tmp_path / name).read_text() == text


@pytest.mark.parametrize("case", ANSWERS["examples"])
def test_input_examples_of_mlflow_are_read_as_they_were(case: str, tmp_path: Path) -> None:
    theirs, example = ANSWERS["examples"][case], made(case)
    (tmp_path / "input_example.json").write_text(theirs["text"])

    ours = InputExample.read(tmp_path, theirs["info"], Schema.from_json(theirs["schema"]))

    data = example[0] if isinstance(example, tuple) else example
    assert InputExample.read_params(tmp_path, theirs["info"]) == (
        example[1] if isinstance(example, tuple) else None
    )
    if case.startswith("dt."):  # a time alone is text in JSON
        assert ours == data.isoformat()
    elif "Categorical" in case:
        assert told(ours)["values"] == told(data)["values"]
    else:
        expected = enforce_input(data, infer_schema(data)) if "pd.DataFrame" in case else data
        assert told(ours) == told(expected)
