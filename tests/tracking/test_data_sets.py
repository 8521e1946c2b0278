"""Data sets: what tells data apart, where it came from, what a run keeps of it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

import nbtrack
from nbtrack import data
from nbtrack.core.datasets import Dataset, DatasetInput
from nbtrack.core.errors import (
    InvalidStateError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    NotFoundError,
)
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def run(tracker: Tracker) -> Iterator[ActiveRun]:
    with tracker.start_run() as run:
        yield run


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [1.5, -0.25, np.nan, 4.0],
            "n": [1, 2, 3, 4],
            "flag": [True, False, True, True],
            "name": ["a", "b", None, "日本"],
            "at": np.array(["2024-05-03", "2024-05-04", "NaT", "1999-01-01T12:00:00.000001"], "M8[us]"),
        }
    )


def digest(of: Any) -> str:
    if isinstance(of, pd.DataFrame):
        return data.from_pandas(of).digest
    return data.from_polars(of).digest if isinstance(of, pl.DataFrame) else data.from_numpy(of).digest


# ---- digests -------------------------------------------------------------------------------------


def test_digests_are_the_same_everywhere_and_for_ever() -> None:
    """They are kept for years and compared between machines: these must never change."""
    assert digest(frame()) == "529f052e"
    assert digest(np.arange(12.0).reshape(3, 4)) == "b987f3c2"
    assert data.from_numpy({"x": np.arange(3)}, targets=np.array(["a", "b", "c"])).digest == "1b1c552f"


def test_another_process_gets_the_same_digest() -> None:
    nested = {"t": [("a", 1), ("b", 2)], "s": [{"k": 1}, None]}
    code = (
        "import pandas as pd; from nbtrack import data;"
        f"print(data.from_pandas(pd.DataFrame({nested!r})).digest)"
    )
    folder = str(Path(nbtrack.__file__).parents[1])

    answer = subprocess.check_output(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "1", "PYTHONPATH": folder}, text=True
    )

    assert answer.strip() == digest(pd.DataFrame(nested))


CHANGES: list[Callable[[pd.DataFrame], Any]] = [
    lambda df: df.assign(x=df.x.mask(df.index == 3, np.nextafter(4.0, 5.0))),
    lambda df: df.assign(n=df.n.mask(df.index == 3, 5)),
    lambda df: df.assign(flag=~df.flag),
    lambda df: df.assign(name=["a", "b", None, "日"]),
    lambda df: df.assign(name=["ab", "", None, "日本"]),
    lambda df: df.assign(name=["a", "b", "None", "日本"]),
    lambda df: df.assign(at=df["at"] + pd.Timedelta(microseconds=1)),
    lambda df: df.assign(at=df["at"].astype("datetime64[ns]") + pd.Timedelta(nanoseconds=1)),
    lambda df: df.assign(at=df["at"].dt.tz_localize("UTC")),
    lambda df: df.assign(n=df.n.astype("int32")),
    lambda df: df.assign(n=df.n.astype(float)),
    lambda df: df.iloc[::-1].reset_index(drop=True),
    lambda df: df.iloc[:-1],
    lambda df: df.iloc[:0],
    lambda df: df[df.columns[::-1]],
    lambda df: df.rename(columns={"x": "y"}),
    lambda df: df.set_index("n", drop=False),
    lambda df: df.set_axis([1, 2, 3, 4], axis=0),
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_data_changes_the_digest(change: Callable[[pd.DataFrame], Any]) -> None:
    assert digest(change(frame())) != digest(frame())


def test_what_is_the_same_data_has_the_same_digest() -> None:
    same = frame()

    for other in (
        same.copy(),
        same.astype({"at": "datetime64[ns]"}),
        same.astype({"name": object}),
        same.astype({"name": "category"}),
        same.astype({"n": "Int64", "flag": "boolean"}),
        pd.DataFrame(dict(same.items())),
        pl.DataFrame(
            {name: held.astype(object).where(held.notna(), None).tolist() for name, held in same.items()}
        ).with_columns(pl.col("x").cast(pl.Float64), pl.col("at").cast(pl.Datetime("us"))),
    ):
        assert digest(other) == digest(same)


def test_where_a_value_is_missing_counts() -> None:
    columns = [[0, None], [None, 0], [0, 0]]

    for kind in ("Int64", "Float64"):
        assert len({digest(pd.DataFrame({"a": pd.array(cells, dtype=kind)})) for cells in columns}) == 3
    assert len({digest(pl.DataFrame({"a": cells}, schema={"a": pl.Int64})) for cells in columns}) == 3
    assert len({digest(pl.DataFrame({"a": cells}).cast(pl.Boolean)) for cells in columns}) == 3


def test_nan_is_nan_whatever_its_bits() -> None:
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64)

    assert digest(odd) == digest(np.array([np.nan, np.nan]))
    assert digest(odd.astype(">f8")) == digest(odd)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24).reshape(2, 3, 4),
        np.array([["a", "bc"], ["d", ""]]),
        np.array([1, None, "x"], dtype=object),
        np.array(["2024-01-01", "NaT"], dtype="datetime64[ns]"),
        np.zeros((0, 3)),
        np.array([1 + 2j]),
        np.zeros(3, np.float16),
    ],
    ids=lambda value: str(value.dtype),
)
def test_arrays_differ_by_values_shape_and_type_and_not_by_layout(array: Any) -> None:
    assert digest(np.asfortranarray(array)) == digest(array.copy())
    assert digest(array[None]) != digest(array)
    assert digest(np.arange(24.0).reshape(2, 3, 4)) != digest(np.arange(24).reshape(2, 3, 4))


def test_large_arrays_are_read_to_the_last_element() -> None:
    array = np.zeros((300_000, 3))
    before = digest(array)
    array[-1, -1] = 1

    assert digest(array) != before
    assert digest(torch.tensor(array)) == digest(array)


def test_which_arrays_are_targets_counts() -> None:
    x, y = np.arange(3), np.arange(3) + 1

    assert (
        len({data.from_numpy(*each).digest for each in ((x, None, y), (y, None, x), (x,), ({"x": x},))}) == 4
    )


def test_cells_that_are_images_or_arrays_count_by_what_they_hold() -> None:
    def images(colour: str) -> pd.DataFrame:
        return pd.DataFrame({"image": [pillow.new("RGB", (4, 4), colour), np.zeros(2000)]})

    assert digest(images("red")) == digest(images("red"))
    assert digest(images("red")) != digest(images("blue"))


CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=3))


@given(st.lists(CELLS, max_size=5), st.lists(CELLS, max_size=5))
def test_columns_of_anything_have_a_digest_of_their_own(first: list[Any], second: list[Any]) -> None:
    def of(cells: list[Any]) -> str:
        return digest(pd.DataFrame({"a": pd.Series(cells, dtype=object)}))

    assert of(first) == of(list(first))
    if repr(first) != repr(second) and not any(cell is None or cell != cell for cell in [*first, *second]):
        assert of(first) != of(second)


# ---- what a run keeps ----------------------------------------------------------------------------


def test_a_data_set_is_kept_with_mlflows_forms(run: ActiveRun) -> None:
    dataset = data.from_pandas(frame(), source="https://bob:pw@host/iris.csv?v=1", name="iris", targets="n")

    run.log_input(dataset, context="train", tags={"fold": 1})

    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("iris", dataset.digest)
    assert used.context == "train"
    assert {tag.key: tag.value for tag in used.tags} == {"fold": "1", "mlflow.data.context": "train"}
    assert (used.dataset.source_type, json.loads(used.dataset.source)) == (
        "http",
        {"url": "https://host/iris.csv?v=1"},
    )
    assert json.loads(used.dataset.schema or "") == {
        "mlflow_colspec": [
            {"type": "double", "name": "x", "required": False},
            {"type": "long", "name": "n", "required": True},
            {"type": "boolean", "name": "flag", "required": True},
            {"type": "string", "name": "name", "required": False},
            {"type": "datetime", "name": "at", "required": False},
        ]
    }
    assert json.loads(used.dataset.profile or "") == {"num_rows": 4, "num_elements": 20}
    assert used.dataset.rows == 4
    assert "data: iris" in run._repr_mimebundle_()["text/plain"]
    assert json.loads(dataset.to_json()) == dataset.to_dict()


def test_arrays_are_kept_with_their_shapes(run: ActiveRun) -> None:
    run.log_input(data.from_numpy(np.zeros((5, 2, 3), np.float32), targets=np.array(["a"] * 5)))
    run.log_input(data.from_numpy({"left": np.zeros(4), "right": torch.zeros(4, 1)}, name="named"))

    plain, named = (used.dataset for used in run.inputs.dataset_inputs)
    schema = json.loads(plain.schema or "")["mlflow_tensorspec"]
    assert json.loads(schema["features"]) == [
        {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 3]}}
    ]
    assert json.loads(schema["targets"]) == [
        {"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}
    ]
    assert json.loads(plain.profile or "") == {
        "features_shape": [5, 2, 3],
        "features_size": 30,
        "features_nbytes": 120,
        "targets_shape": [5],
        "targets_size": 5,
        "targets_nbytes": 20,
    }
    named_specs = json.loads(json.loads(named.schema or "")["mlflow_tensorspec"]["features"])
    assert [spec["name"] for spec in named_specs] == ["left", "right"]
    assert (plain.rows, named.rows) == (5, 4)


def test_the_types_of_columns_have_mlflows_names() -> None:
    columns = {
        "i1": np.zeros(1, np.int8),
        "u4": np.zeros(1, np.uint32),
        "f4": np.zeros(1, np.float32),
        "nullable": pd.array([1], dtype="Int32"),
        "category": pd.Categorical(["a"]),
        "bytes": [b"x"],
        "day": [date(2024, 5, 3)],
        "list": [[1, 2]],
        "python": pd.Series([5], dtype=object),
        "span": pd.to_timedelta(["1D"]),
        3: [1.0],
    }
    polars = pl.DataFrame(
        {"i": pl.Series([1], dtype=pl.Int16), "s": ["x"], "l": [[1]], "d": [date(2024, 5, 3)], "n": [None]}
    )

    found = {column["name"]: column["type"] for column in data.from_pandas(pd.DataFrame(columns)).schema}
    of_polars = {column["name"]: column["type"] for column in data.from_polars(polars).schema}

    assert found == {
        "i1": "integer",
        "u4": "long",
        "f4": "float",
        "nullable": "integer",
        "category": "string",
        "bytes": "binary",
        "day": "datetime",
        "list": "any",
        "python": "long",
        "span": "any",
        "3": "double",
    }
    assert of_polars == {"s": "string", "l": "any", "d": "datetime", "n": "any", "i": "integer"}


def test_data_is_logged_as_it_is_too(run: ActiveRun) -> None:
    for held in (frame(), frame()["n"], pl.DataFrame({"a": [1]}), np.zeros((2, 2)), torch.ones(3)):
        run.log_input(held, context="train")
    run.log_input(run.inputs.dataset_inputs[0].dataset, context="again")

    inputs = run.inputs.dataset_inputs
    assert [used.dataset.name for used in inputs] == ["dataset"] * 5
    assert [used.dataset.rows for used in inputs] == [4, 4, 1, 2, 3]
    assert inputs[0].context == "again"
    assert inputs[0].dataset.source_type == "code"
    assert json.loads(inputs[0].dataset.source)["tags"]["mlflow.source.type"] == "LOCAL"


def test_a_data_set_of_mlflow_is_taken(run: ActiveRun) -> None:
    class Theirs:
        name, digest, source = "theirs", "12345678", "x"

        def to_dict(self) -> dict[str, str]:
            return {"name": "theirs", "digest": "12345678", "source": "{}", "source_type": "delta"}

    run.log_input(Theirs())

    assert run.inputs.dataset_inputs[0].dataset == Dataset("theirs", "12345678", "delta", "{}")


def test_a_data_set_as_an_entity_goes_to_the_client(run: ActiveRun, tracker: Tracker) -> None:
    irises = data.from_pandas(frame(), name="iris")
    client = nbtrack.MlflowClient(tracker.get_tracking_uri())

    client.log_inputs(run.info.run_id, [DatasetInput(irises._to_mlflow_entity())])

    (kept,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (kept.dataset.name, kept.dataset.digest) == ("iris", irises.digest)
    assert kept.dataset.to_dictionary() == irises.to_dict()


def test_several_are_logged_at_once_or_none(run: ActiveRun) -> None:
    run.log_inputs([frame(), np.zeros(3)], ["train", None], [None, {"a": "b"}])

    first, second = run.inputs.dataset_inputs
    assert (first.context, second.context) == ("train", None)
    assert second.tags[0].value == "b"
    for bad, words in (
        (([frame()], ["train", "test"]), "1 datasets and 2 contexts"),
        ((None, ["train"]), "0 datasets and 1 contexts"),
        (([frame()], None, [None, None]), "1 datasets and 2 tags_list"),
        (([pd.DataFrame({"new": [1]}), "no data"],), "got str"),
        ((frame(),), "takes lists, got DataFrame"),
        (([frame()], ["x" * 501]), "500 characters"),
        (([frame()], [5]), "is text, got int"),
        (([frame()], None, ["tag"]), "as a dict, got str"),
        (([frame()], None, None, [object()]), "A model is given as its id"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            run.log_inputs(*bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="got None"):
        run.log_input()

    assert len(run.inputs.dataset_inputs) == 2


def test_a_schema_that_is_too_long_is_left_out_and_said(run: ActiveRun) -> None:
    wide = pd.DataFrame(np.zeros((1, 5_000)), columns=[f"gene {'x' * 200} {at}" for at in range(5_000)])

    with pytest.warns(UserWarning, match="columns of the data set 'genes' are not kept"):
        run.log_input(data.from_pandas(wide, name="genes"))

    (used,) = run.inputs.dataset_inputs
    assert used.dataset.schema is None
    assert used.dataset.rows == 1


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: data.from_pandas([1]), TypeError, "got list"),
        (lambda: data.from_pandas(pl.DataFrame()), TypeError, "pandas DataFrame, got DataFrame"),
        (lambda: data.from_polars(pl.LazyFrame()), TypeError, "Collect it first"),
        (lambda: data.from_numpy([1, 2]), TypeError, "features of a data set are arrays, got list"),
        (lambda: data.from_numpy({}), TypeError, "empty dict"),
        (lambda: data.from_numpy({"x": 5}), TypeError, "'x' of a data set are arrays, got int"),
        (lambda: data.from_numpy(frame()), TypeError, "got DataFrame"),
        (lambda: data.from_pandas(frame(), targets="nam"), NotFoundError, "Did you mean 'name'"),
        (lambda: data.from_pandas(frame(), predictions="p"), NotFoundError, "given as predictions"),
        (lambda: data.from_pandas(frame(), source=5), TypeError, "path or a URL, got int"),
        (lambda: data.from_pandas(frame(), source=" "), ValueError, "path or a URL"),
        (lambda: data.get_source("x"), TypeError, "got str"),
    ],
)
def test_what_is_no_data_set_is_told(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


# ---- sources -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("data/iris.csv", "local", "data/iris.csv"),
        (Path("data/iris.csv"), "local", "data/iris.csv"),
        ("C:\\data\\iris.csv", "local", "C:\\data\\iris.csv"),
        ("file:///data/a%20b.csv", "local", "file:///data/a%20b.csv"),
        ("http://bob@host:8080/a?b=c", "http", "http://host:8080/a?b=c"),
        ("https://host/a@b.csv", "http", "https://host/a@b.csv"),
        ("s3://key:secret@bucket/a", "s3", "s3://bucket/a"),
        ("abfss://box@account.dfs.core.windows.net/a", "abfss", "abfss://box@account.dfs.core.windows.net/a"),
        ("abfss://me:pw@account/a", "abfss", "abfss://account/a"),
        ("postgresql://me:pw@host/db", "postgresql", "postgresql://host/db"),
    ],
)
def test_sources_are_kept_without_what_is_secret(given: Any, kind: str, kept: str) -> None:
    source = data.from_numpy(np.zeros(1), source=given).source

    assert (source.source_type, source.uri) == (kind, kept)


def test_signatures_in_urls_are_not_kept() -> None:
    source = data.from_numpy(np.zeros(1), source="https://host/x?X-Amz-Signature=0123456789abcdef0123").source

    assert "0123456789abcdef" not in source.to_json()


def test_the_source_of_what_a_run_has_kept_leads_back_to_the_file(run: ActiveRun, tmp_path: Path) -> None:
    path = tmp_path / "my data.csv"
    frame().to_csv(path)
    run.log_input(data.from_pandas(frame(), source=path))
    run.log_input(data.from_pandas(frame(), source=path.as_uri(), name="by uri"))
    run.log_input(np.zeros(1))
    by_path, by_uri, made = run.inputs.dataset_inputs

    assert data.get_source(by_path).load() == data.get_source(by_uri.dataset).load() == str(path)
    assert data.get_source(data.from_numpy(np.zeros(1), source="s3://a/b")).uri == "s3://a/b"
    with pytest.raises(InvalidStateError, match="made by code"):
        data.get_source(made).load()
    path.unlink()
    with pytest.raises(MissingFileError, match=r"my data\.csv"):
        data.get_source(by_path).load()


def test_switched_off_nobody_reads_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    dataset = data.from_pandas(frame())
    with Tracker(store=tmp_path / "off").start_run() as run:
        run.log_input(dataset, context="train")
        run.log_input(object())
    monkeypatch.delenv("NBTRACK_DISABLED")
    with Tracker(store=tmp_path / "on").start_run() as run:
        run.log_input(dataset)

    assert run.inputs.dataset_inputs[0].dataset.digest == digest(frame())
    assert not (tmp_path / "off").exists()
