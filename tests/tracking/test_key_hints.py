"""Keys that a search names and no run has."""

import warnings

import pytest

from nbtrack.documents.queries import Query
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def searched(tracker: Tracker) -> Tracker:
    with tracker.start_run(tags={"team": "nlp"}):
        tracker.log_params({"learning_rate": 0.1, "depth": 2})
        tracker.log_metrics({"val_loss": 0.5})
    return tracker


@pytest.mark.parametrize("output_format", ["list", "pandas"])
@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"filter_string": "metrics.val_los < 1"},
            r"No run has a metric 'val_los' \(filter, column 1\); did you mean 'val_loss'",
        ),
        (
            {"filter_string": "metrics.val_loss < 1 and params.lerning_rate = '0.1'"},
            r"param 'lerning_rate' \(filter, column 26\)",
        ),
        ({"filter_string": "tags.taem = 'nlp'"}, "tag 'taem'"),
        (
            {"filter_string": "metrics.val_loss.mni < 1"},
            r"Metric 'val_loss' has no summary 'mni' .*there are last, .*did you mean 'metrics.val_loss.min'",
        ),
        ({"filter_string": "metrics.val_loss.std < 1"}, "no summary 'std'"),
        ({"filter_string": "metrics.val_los is null"}, "metric 'val_los' .*did you mean 'val_loss'"),
        ({"filter_string": "metrics.val_loss < 1 or tags.taem IS NULL"}, "tag 'taem'"),
        (
            {"order_by": ["metrics.val_los DESC"]},
            r"metric 'val_los' \(order, column 1\); did you mean 'val_loss'",
        ),
    ],
)
def test_a_slip_of_the_pen_is_named_with_the_nearest_key(
    searched: Tracker, output_format: str, where: dict[str, object], message: str
) -> None:
    with pytest.warns(UserWarning, match=message):
        searched.search_runs(output_format=output_format, **where)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "where",
    [
        {"filter_string": "params.width > 1"},
        {"filter_string": "params.width is null"},
        {"filter_string": "metrics.val_loss is null"},
        {"filter_string": "metrics.val_los < 1 or status = 'FINISHED'"},
        {"filter_string": "tags.data_hash = 'x'"},  # a cache that is asked for the first time
        {"filter_string": "metrics.val_loss > 1"},
        {"order_by": ["metrics.val_loss DESC"]},
        {"order_by": ["metrics.something_else"]},
        {"filter_string": Query().metrics.val_los.last < 1},
        {"filter_string": "status = 'FAILED'"},
    ],
)
def test_what_is_no_slip_is_left_alone(searched: Tracker, where: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        searched.search_runs(**where)  # type: ignore[arg-type]


def test_a_key_of_another_experiment_is_not_known_here(searched: Tracker) -> None:
    searched.set_experiment("other")
    with searched.start_run():
        searched.log_metric("accuracy", 1.0)

    with pytest.warns(UserWarning, match="did you mean 'accuracy'"):
        searched.search_runs(filter_string="metrics.accurcy > 0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(searched.search_runs(filter_string="metrics.val_loss > 0")) == 0
