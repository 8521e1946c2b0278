"""The points of a metric as a list, an array or a DataFrame."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.tracking import metric_history
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    opened = Tracker(store=tmp_path / "store")
    yield opened
    opened.close()


def test_a_frame_has_a_row_for_each_point(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        for step, (value, time) in enumerate([(0.5, 1_700_000_000_123), (math.nan, 2**45), (math.inf, 5)]):
            tracker.log_metric("loss", value, step=step - 1, timestamp=time)

        frame = tracker.get_metric_history(run.run_id, "loss", output_format="pandas")

    points = tracker.get_metric_history(run.run_id, "loss", output_format="numpy")
    assert list(frame.columns) == ["step", "timestamp", "value"]
    assert frame["step"].tolist() == points["step"].tolist() == [1, -1, 0]
    assert repr(frame["value"].tolist()) == "[inf, 0.5, nan]"
    assert [round(time.timestamp() * 1000) for time in frame["timestamp"]] == points["timestamp"].tolist()
    assert frame["timestamp"][1] == pd.Timestamp("2023-11-14 22:13:20.123", tz="UTC")
    assert (frame["step"].dtype, frame["value"].dtype) == (np.int64, np.float64)


def test_any_time_that_can_be_logged_is_in_the_frame(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5, timestamp=2**63 - 1)

        frame = run.metric_history("loss", output_format="pandas")

    assert frame["timestamp"].astype("int64").tolist() == [2**63 - 1]


def test_a_frame_can_be_changed_and_leaves_the_store_alone(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5)
        frame = run.metric_history("loss", output_format="pandas")

        frame.loc[0, "value"] = 7

        assert run.metric_history("loss")[0].value == 0.5


def test_no_points_are_an_empty_frame_of_the_same_types(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5)
        full = run.metric_history("loss", output_format="pandas")

        for empty in (run.metric_history("none", output_format="pandas"), metric_history.nothing("pandas")):
            assert empty.empty
            assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_other_formats_are_refused(tracker: Tracker) -> None:
    with (
        tracker.start_run() as run,
        pytest.raises(InvalidValueError, match="'polars' is none of list, numpy, pandas"),
    ):
        run.metric_history("loss", output_format="polars")
