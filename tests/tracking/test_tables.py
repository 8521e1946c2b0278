"""Tables: what is taken, how rows are added, how they come back."""

import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
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

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access, tables
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.images import Image
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def run(tracker: Tracker) -> Iterator[ActiveRun]:
    with tracker.start_run() as run:
        yield run


@pytest.fixture
def store(tracker: Tracker) -> Store:
    return tracker._store()


def held(store: Store, run: ActiveRun, path: str = "t.json") -> Any:
    return artifact_access.load_dict(store, run.run_id, path)


def files(store: Store, run: ActiveRun) -> list[str]:
    found, waiting = [], [None]
    while waiting:
        for info in artifact_access.list_artifacts(store, run.run_id, waiting.pop()):
            (waiting if info.is_dir else found).append(info.path)  # type: ignore[arg-type]
    return found


AB = {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}


@pytest.mark.parametrize(
    "given",
    [
        {"a": [1, 2], "b": ["x", "y"]},
        {"a": np.array([1, 2]), "b": ("x", "y")},
        {"a": torch.tensor([1, 2]), "b": pd.Series(["x", "y"], index=[7, 3])},
        {"a": {1: 1, 2: 2}.values(), "b": pl.Series(["x", "y"])},
        {"a": {0: 1, 1: 2}, "b": {0: "x", 1: "y"}},
        {"columns": ["a", "b"], "data": [[1, "x"], (2, "y")]},
        {"data": np.array([[1, "x"], [2, "y"]], dtype=object), "columns": np.array(["a", "b"])},
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=[5, 5]),
        pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    ],
    ids=lambda value: "",
)
@pytest.mark.parametrize("path", ["t.json", "folder/t.parquet"])
def test_every_form_of_a_table_is_the_same_table(given: Any, path: str, run: ActiveRun, store: Store) -> None:
    run.log_table(given, path)

    if path.endswith("json"):
        assert held(store, run) == AB
    frame = tables.load_table(store, ["0"], path)
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert frame["a"].dtype == np.int64


def test_single_values_are_one_row(run: ActiveRun, store: Store) -> None:
    run.log_table(
        {
            "class": "car",
            "ap": np.float32(0.5),
            "box": {
                1,
            },
            "n": torch.tensor(3),
        },
        "t.json",
    )

    assert held(store, run) == {"columns": ["class", "ap", "box", "n"], "data": [["car", 0.5, [1], 3]]}


def test_a_single_value_beside_columns_stands_in_each_row(run: ActiveRun, store: Store) -> None:
    run.log_table({"a": [1, 2], "model": "tree", "vector": np.array([[1, 2], [3, 4]])}, "t.json")

    assert held(store, run)["data"] == [[1, "tree", [1, 2]], [2, "tree", [3, 4]]]


def test_columns_named_columns_and_data_are_columns_where_the_cells_are_no_rows(
    run: ActiveRun, store: Store
) -> None:
    run.log_table({"columns": ["x", "y"], "data": [1, 2]}, "t.json")

    assert held(store, run) == {"columns": ["columns", "data"], "data": [["x", 1], ["y", 2]]}


def test_cells_keep_what_json_can_say(run: ActiveRun, store: Store) -> None:
    moment = datetime(2024, 5, 3, 12, 30, tzinfo=UTC)
    cells = {
        "float": 0.1 + 0.2,
        "large": 2**62 + 1,
        "bool": True,
        "numpy": np.bool_(False),
        "none": None,
        "nan": math.nan,
        "not a time": pd.NaT,
        "missing": pd.NA,
        "high": math.inf,
        "low": [-math.inf, {"in": math.nan}],
        "moment": moment,
        "day": date(2024, 5, 3),
        "stamp": pd.Timestamp(moment),
        "long": pd.Timedelta(days=1),
        "money": Decimal("1.10"),
        "path": Path("a/b"),
        "text": "half \ud800 日本",
    }

    run.log_table({"columns": list(cells), "data": [list(cells.values())]}, "t.json")

    text = artifact_access.load_text(store, run.run_id, "t.json")
    assert dict(zip(json.loads(text)["columns"], json.loads(text)["data"][0], strict=True)) == {
        "float": 0.1 + 0.2,
        "large": 2**62 + 1,
        "bool": True,
        "numpy": False,
        "none": None,
        "nan": None,
        "not a time": None,
        "missing": None,
        "high": math.inf,
        "low": [-math.inf, {"in": None}],
        "moment": "2024-05-03T12:30:00+00:00",
        "day": "2024-05-03",
        "stamp": "2024-05-03T12:30:00+00:00",
        "long": "P1DT0H0M0S",
        "money": "1.10",
        "path": "a/b",
        "text": "half \ud800 日本",
    }
    assert "Infinity" not in text
    assert "NaN" not in text
    assert tables.load_table(store, ["0"], "t.json")["text"].tolist() == ["half \ud800 日本"]
    with pytest.raises(InvalidTypeError, match="Parquet has no form"):
        run.log_table({"text": "half \ud800"}, "t.parquet")


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=5)
)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.lists(st.tuples(CELLS, CELLS), max_size=4))
def test_rows_come_back_as_they_were_logged(
    tracker: Tracker, first: list[tuple[Any, Any]], more: list[tuple[Any, Any]]
) -> None:
    with tracker.start_run() as run:
        run.log_table({"columns": ["a", "b"], "data": first}, "t.json")
        run.log_table({"columns": ["b", "c"], "data": more}, "t.json")

    table = held(tracker._store(), run)
    assert table["columns"] == ["a", "b", "c"]
    assert table["data"] == [[a, b, None] for a, b in first] + [[None, b, c] for b, c in more]


@pytest.mark.parametrize("path", ["t.json", "t.parquet"])
def test_a_table_of_nothing_is_one_that_rows_can_be_added_to(
    path: str, run: ActiveRun, tracker: Tracker
) -> None:
    run.log_table({}, path)
    run.log_table(pd.DataFrame(), path)
    assert tracker.load_table(path, [run.run_id]).empty

    run.log_table({"a": [1, 2]}, path)
    run.log_table({}, path)

    assert tracker.load_table(path, [run.run_id]).to_dict("list") == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"a": [1, 2, 3], "b": [1]}, InvalidValueError, "'a' has 3, 'b' has 1"),
        ({"columns": ["a", "b"], "data": [[1, 2], [3]]}, InvalidValueError, "Row 1.*1 values for 2 columns"),
        ({"columns": ["a", "a"], "data": [[1, 2]]}, InvalidValueError, "two columns named 'a'"),
        ({"1": [1], 1: [2]}, InvalidValueError, "two columns named '1'"),
        (pd.DataFrame([[1, 2]], columns=[["a", "a"], ["b", "c"]]), InvalidTypeError, "MultiIndex"),
        ([{"a": 1}], InvalidTypeError, "got list"),
        (pd.Series([1]), InvalidTypeError, "got Series"),
        (pl.LazyFrame({"a": [1]}), InvalidTypeError, "got LazyFrame"),
        (None, InvalidTypeError, "got NoneType"),
        ({"image": [Image([[1]]), "text"]}, InvalidValueError, "'image' holds images and also str"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("path", ["t.json", "t.parquet"])
def test_what_is_no_table_is_refused_before_anything_is_written(
    given: Any, error: type[Exception], words: str, path: str, run: ActiveRun, store: Store
) -> None:
    with pytest.raises(error, match=words):
        run.log_table(given, path)

    assert files(store, run) == []
    assert "mlflow.loggedArtifacts" not in run.data.tags


@pytest.mark.parametrize("path", ["t.csv", "t", "../t.json", "", "json"])
def test_a_path_that_no_table_has_is_refused(path: str, run: ActiveRun, store: Store) -> None:
    with pytest.raises(InvalidValueError):
        run.log_table({"a": [1]}, path)
    with pytest.raises(InvalidValueError):
        tables.load_table(store, ["0"], path)

    assert files(store, run) == []


def test_rows_of_other_types_leave_a_parquet_table_as_it_is(run: ActiveRun, store: Store) -> None:
    run.log_table({"a": [1, 2]}, "t.parquet")

    with pytest.raises(InvalidTypeError, match=r"'t\.parquet'.*Field a"):
        run.log_table({"a": "text", "image": Image([[1]])}, "t.parquet")
    with pytest.raises(InvalidTypeError, match="no form"):
        run.log_table({"a": [1, "text"]}, "other.parquet")
    run.log_table({"a": 2.5, "when": pd.Timestamp("2024-05-03")}, "t.parquet")

    frame = tables.load_table(store, None, "t.parquet")
    assert frame["a"].tolist() == [1, 2, 2.5]
    assert frame["when"].tolist() == [pd.NaT, pd.NaT, pd.Timestamp("2024-05-03")]
    assert files(store, run) == ["t.parquet"]


@pytest.mark.parametrize("path", ["t.json", "t.parquet"])
@pytest.mark.parametrize("text", ["{}", "[1]", "no json", '{"columns": ["a"], "data": [[1, 2]]}', ""])
def test_what_is_there_and_is_no_table_stays(path: str, text: str, run: ActiveRun, store: Store) -> None:
    run.log_text(text, path)

    with pytest.raises(InvalidValueError, match="is no table"):
        run.log_table({"a": [1]}, path)

    assert artifact_access.load_text(store, run.run_id, path) == text


def test_parquet_without_pyarrow_says_what_to_install(
    run: ActiveRun, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match="pip install pyarrow"):
        run.log_table({"a": [1]}, "t.parquet")
    run.log_table(pl.DataFrame({"a": [1]}), "t.json")

    assert files(store, run) == ["t.json"]


@pytest.mark.parametrize("path", ["deep/t.json", "deep/t.parquet"])
def test_images_lie_beside_the_table_that_refers_to_them(path: str, run: ActiveRun, store: Store) -> None:
    red = pillow.new("RGB", (400, 100), "red")

    run.log_table({"name": ["a", "b", "c"], "image": [red, Image(np.zeros((2, 2))), None]}, path)
    run.log_table({"name": "d", "image": red}, path)

    frame = tables.load_table(store, ["0"], path)
    first, second, missing, last = frame["image"]
    assert missing is None
    assert first["type"] == "image"
    assert first["filepath"].startswith("table_images/deep/t/")
    assert first["filepath"] != last["filepath"]
    assert artifact_access.load_image(store, run.run_id, first["filepath"]).size == (400, 100)
    assert artifact_access.load_image(store, run.run_id, first["compressed_filepath"]).size == (256, 64)
    assert artifact_access.load_image(store, run.run_id, second["filepath"]).mode == "L"
    assert len(files(store, run)) == 7


def test_what_the_user_holds_is_not_changed(run: ActiveRun) -> None:
    frame = pd.DataFrame({"a": [1], "image": [pillow.new("L", (1, 1))]}, index=[9])

    run.log_table(frame, "t.json")

    assert frame.index.tolist() == [9]
    assert frame["image"].iloc[0].size == (1, 1)


# ---- many at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["t.json", "t.parquet"])
def test_threads_that_add_to_one_table_lose_nothing(path: str, run: ActiveRun, store: Store) -> None:
    def work(number: int) -> None:
        for index in range(10):
            run.log_table({"thread": [number], "index": [index]}, path)
            run.log_table({"x": [1]}, f"own-{number}.json")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    frame = tables.load_table(store, ["0"], path)
    assert sorted(zip(frame["thread"], frame["index"], strict=True)) == [
        (number, index) for number in range(4) for index in range(10)
    ]
    noted = [entry["path"] for entry in json.loads(run.data.tags["mlflow.loggedArtifacts"])]
    assert sorted(noted) == ["own-0.json", "own-1.json", "own-2.json", "own-3.json", path]


ADD_ROWS = """
import sys
from nbtrack.stores.opening import open_store
from nbtrack.tracking import tables

folder, run_id, number = sys.argv[1:]
store = open_store(folder)
for index in range(25):
    rows = tables.NewRows({"process": [number], "index": [index]}, "t.json")
    rows.add_to(store.runs.artifacts(run_id))
    store.runs.change_tag(run_id, "tables", lambda held: tables.noted(held, f"{number}.json"))
store.close()
"""


def test_processes_that_add_to_one_table_lose_nothing(run: ActiveRun, store: Store) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", ADD_ROWS, store.uri, run.run_id, number]) for number in "ab"
    ]
    assert [process.wait() for process in processes] == [0, 0]

    rows = held(store, run)["data"]
    assert sorted(rows) == [[number, index] for number in "ab" for index in range(25)]
    assert len(json.loads(run.data.tags["tables"])) == 2


# ---- reading back --------------------------------------------------------------------------------


def test_a_table_of_several_runs_is_one_frame_the_latest_first(tracker: Tracker) -> None:
    ids = []
    for lr in (0.1, 0.2):
        with tracker.start_run(run_name=f"lr {lr}") as run:
            run.log_param("lr", lr)
            run.log_metric("loss", lr * 10)
            run.log_table({"class": ["car", "bike"], "ap": [lr, lr + 1]}, "t.json")
            ids.append(run.run_id)
    with tracker.start_run() as other:
        other.log_table({"class": ["none"]}, "other.json")
    store = tracker._store()

    frame = tables.load_table(
        store, ["0"], "t.json", extra_columns=["run_id", "params.lr", "metrics.loss", "run_name"]
    )
    one = tables.load_table(store, ["0"], "t.json", run_ids=[ids[0], other.run_id])

    assert frame["run_id"].tolist() == [ids[1], ids[1], ids[0], ids[0]]
    assert frame["params.lr"].tolist() == ["0.2", "0.2", "0.1", "0.1"]
    assert frame["metrics.loss"].tolist() == [2.0, 2.0, 1.0, 1.0]
    assert frame["run_name"].iloc[-1] == "lr 0.1"
    assert one.to_dict("list") == {"class": ["car", "bike"], "ap": [0.1, 1.1]}


def test_runs_that_are_named_are_found_in_any_experiment(tracker: Tracker, run: ActiveRun) -> None:
    run.log_table({"a": [1]}, "t.json")
    elsewhere = tracker.create_experiment("elsewhere")

    assert tables.load_table(tracker._store(), [elsewhere], "t.json", run_ids=run.run_id)["a"].tolist() == [1]
    with pytest.raises(NotFoundError, match=r"t\.json"):
        tables.load_table(tracker._store(), [elsewhere], "t.json")


def test_a_table_that_is_not_there_is_an_error_that_knows_the_others(run: ActiveRun, store: Store) -> None:
    run.log_table({"a": [1]}, "results/all.json")
    run.log_text("x", "note.json")

    with pytest.raises(NotFoundError, match=r"'results/al\.json'.*Did you mean 'results/all\.json'"):
        tables.load_table(store, ["0"], "results/al.json")
    with pytest.raises(NotFoundError, match=r"note\.json"):
        tables.load_table(store, ["0"], "note.json")
    with pytest.raises(NotFoundError, match="f" * 32):
        tables.load_table(store, ["0"], "results/all.json", run_ids=["f" * 32])
    with pytest.raises(NotFoundError, match=r"column 'params\.lr'"):
        tables.load_table(store, ["0"], "results/all.json", extra_columns=["params.lr"])
    run.log_table({"run_id": ["x"]}, "results/all.json")
    with pytest.raises(InvalidValueError, match="'run_id' is a column of the table"):
        tables.load_table(store, ["0"], "results/all.json", extra_columns="run_id")


@pytest.mark.parametrize("tag", ["no json", "5", '["x", {"path": 1}]'])
def test_a_tag_that_somebody_else_has_written_breaks_nothing(tag: str, run: ActiveRun, store: Store) -> None:
    run.set_tag("mlflow.loggedArtifacts", tag)
    with pytest.raises(NotFoundError):
        tables.load_table(store, ["0"], "t.json")

    run.log_table({"a": [1]}, "t.json")

    assert tables.load_table(store, ["0"], "t.json")["a"].tolist() == [1]
