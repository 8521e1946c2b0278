"""The metrics of a version in few words."""

from nbtrack.core.entities import Metric
from nbtrack.core.registry import ModelVersion
from nbtrack.core.version_metrics import known_first, labelled_values, shared_metrics


def test_metrics_with_names_that_people_know_come_first_in_their_order() -> None:
    assert known_first(["rows", "val_loss", "blocks", "accuracy"]) == [
        "val_loss",
        "accuracy",
        "rows",
        "blocks",
    ]


def test_a_metric_of_one_data_set_needs_no_more_than_its_name() -> None:
    metrics = [Metric("accuracy", 0.9, 1, dataset_name="test"), Metric("loss", 0.1, 1)]

    assert labelled_values(metrics) == [("accuracy", 0.9), ("loss", 0.1)]


def test_a_metric_of_several_data_sets_says_of_which() -> None:
    metrics = [
        Metric("accuracy", 0.9, 1, dataset_name="test", dataset_digest="a"),
        Metric("accuracy", 0.8, 1, dataset_name="test", dataset_digest="b"),
        Metric("accuracy", 0.7, 1, dataset_name="train"),
        Metric("accuracy", 0.6, 1),
    ]

    assert labelled_values(metrics) == [
        ("accuracy on test (a)", 0.9),
        ("accuracy on test (b)", 0.8),
        ("accuracy on train", 0.7),
        ("accuracy", 0.6),
    ]


def test_of_several_versions_those_metrics_are_shown_that_most_have() -> None:
    versions = [["rows", "loss", "accuracy"], ["accuracy", "rows"], ["f1"], []]

    assert shared_metrics(versions, 3) == ["accuracy", "loss", "f1"]
    assert shared_metrics(versions, 9) == ["accuracy", "loss", "f1", "rows"]
    assert shared_metrics([], 3) == []


def test_the_value_of_a_metric_that_was_measured_on_several_data_sets_is_the_last() -> None:
    metrics = [
        Metric("accuracy", 0.7, 5, step=2, dataset_name="test"),
        Metric("accuracy", 0.9, 9, step=1, dataset_name="train"),
        Metric("loss", 0.2, 7, dataset_name="test"),
        Metric("loss", 0.1, 8, dataset_name="train"),
    ]

    assert ModelVersion("iris", 1, 0, metrics=metrics).metric_values == {"accuracy": 0.7, "loss": 0.1}
    assert ModelVersion("iris", 1, 0).metric_values == {}
