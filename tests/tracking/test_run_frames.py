"""DataFrames of runs: the same from columns as from runs, with MLflow's columns."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.run_columns import RunColumns
from nbtrack.documents.tables import Order
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store
from nbtrack.tracking.run_frames import as_frame
from nbtrack.tracking.tracker import Tracker

KEYS = ["loss", "a.b", "$x", "$$", 'q"q', "日本", "half \ud800", "nul\0", "last", ""]
_keys = st.sampled_from(KEYS[:3]) | st.sampled_from(KEYS)
_texts = st.sampled_from(["", "0.1", "é", "half \ud800", "nul\0", "None", "nan"])
_runs = st.tuples(
    st.booleans(),
    st.dictionaries(_keys, st.floats(), max_size=4),
    st.dictionaries(_keys, _texts, max_size=4),
    st.dictionaries(_keys, _texts, max_size=3),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("frames") / "store")
    opened.experiments.ensure("Default")
    yield opened
    opened.close()


@settings(max_examples=40, deadline=None)
@given(runs=st.lists(_runs, max_size=6), limit=st.none() | st.integers(1, 4), descending=st.booleans())
def test_a_frame_of_columns_is_the_frame_of_runs(
    store: Store, runs: list[Any], limit: int | None, descending: bool
) -> None:
    experiment = [store.experiments.create(os.urandom(8).hex())]
    for number, (is_running, metrics, params, tags) in enumerate(runs):
        run_id = store.runs.create(experiment[0], f"run {number}", tags=tags, start_time=number % 3)
        store.runs.set_params(run_id, params)
        writer = store.writer(run_id, owner=True)
        for key, value in metrics.items():
            writer.append(key, value, 0, 0)
        writer.close()
        if not is_running:
            store.runs.end(run_id, "FINISHED", tags={})
    order = [Order(("metrics", "loss", "last"), descending)]

    frame = as_frame(store.runs.search_columns(experiment, order_by=order, limit=limit))

    expected = as_frame(store.runs.search(experiment, order_by=order, limit=limit))
    # As Python objects: pandas' own comparison cannot print half a surrogate pair.
    assert list(frame.columns) == list(expected.columns)
    assert list(map(str, frame.dtypes)) == list(map(str, expected.dtypes))
    assert [list(map(repr, column)) for _, column in frame.items()] == [
        list(map(repr, column)) for _, column in expected.items()
    ]


def test_a_frame_holds_what_each_run_holds_and_none_or_nan_elsewhere(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    with tracker.start_run(run_name="one"):
        tracker.log_metrics({"loss": 0.5, "nan": math.nan, "inf": -math.inf})
        tracker.log_params({"lr": 0.1})
    with tracker.start_run(run_name="two") as run:
        tracker.log_metric("acc", 0.9)
        tracker.set_tag("team", "nlp")

        frame = tracker.search_runs(order_by=["start_time ASC"])

        first, second = frame.to_dict("records")
        assert list(frame.columns[:6]) == [
            *("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
        ]
        kinds = [name.partition(".")[0] for name in frame.columns[6:]]
        assert kinds == sorted(kinds, key=["metrics", "params", "tags"].index)
        assert (first["metrics.loss"], first["metrics.inf"], first["params.lr"]) == (0.5, -math.inf, "0.1")
        assert math.isnan(first["metrics.nan"])
        assert math.isnan(first["metrics.acc"])
        assert first["tags.team"] is None
        assert (second["metrics.acc"], second["params.lr"], second["tags.team"]) == (0.9, None, "nlp")
        assert second["artifact_uri"] == run.info.artifact_uri
        assert (first["status"], second["status"]) == ("FINISHED", "RUNNING")
        assert second["end_time"] is pd.NaT
        assert first["start_time"] == pd.Timestamp(
            tracker.get_run(first["run_id"]).info.start_time, unit="ms", tz="UTC"
        )
    tracker.close()


def test_types_of_columns(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    with tracker.start_run():
        tracker.log_metric("acc", 1)
        tracker.log_param("lr", 0.1)

    dtypes = tracker.search_runs().dtypes

    assert dtypes["metrics.acc"] == "float64"
    assert pd.api.types.is_object_dtype(dtypes["params.lr"])
    assert pd.api.types.is_object_dtype(dtypes["tags.mlflow.runName"])
    assert isinstance(dtypes["start_time"], pd.DatetimeTZDtype)
    assert dtypes["end_time"] == dtypes["start_time"]
    assert pd.api.types.is_string_dtype(dtypes["run_id"])
    tracker.close()


def test_no_runs_are_a_frame_of_the_six_columns() -> None:
    frame = as_frame([])

    assert frame.shape == (0, 6)
    assert as_frame(RunColumns.of_runs([])).columns.tolist() == frame.columns.tolist()


def test_a_frame_can_be_changed_without_a_warning(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store")
    for _ in range(3):
        with tracker.start_run():
            tracker.log_params({f"p{number}": number for number in range(200)})

    frame = tracker.search_runs()
    frame["params.p1"] = frame["params.p1"].astype(int)
    frame["new"] = frame["params.p1"] + 1
    frame.loc[0, "params.p2"] = "changed"

    assert frame["new"].tolist() == [2, 2, 2]
    assert frame["params.p2"].tolist() == ["changed", "2", "2"]
    tracker.close()
