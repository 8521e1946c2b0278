"""Which metrics are better when they are larger."""

import pytest

from nbtrack.core.metric_directions import (
    PRIMARY_IS_GREATER,
    PRIMARY_METRIC,
    is_greater_better,
    known_directions,
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("loss", False),
        ("val/loss", False),
        ("valLoss", False),
        ("train_RMSE", False),
        ("error_rate", False),
        ("accuracy", True),
        ("val_accuracy", True),
        ("trainAccuracy", True),
        ("f1", True),
        ("R2", True),
        ("top5_acc", True),
        ("mAP50", True),
        ("neg_mean_squared_error", True),
        ("neg_log_loss", True),
        ("epoch", None),
        ("system/cpu_utilization_percentage", None),
        ("accuracy_loss", None),
        ("", None),
        ("日本", None),
        ("glossary", None),
    ],
)
def test_the_words_of_a_name_say_what_is_better(key: str, expected: bool | None) -> None:
    assert is_greater_better(key) is expected


def test_what_the_experiment_says_comes_first() -> None:
    tags = {PRIMARY_METRIC: "loss", PRIMARY_IS_GREATER: "True"}

    assert is_greater_better("loss", known_directions(tags)) is True
    assert is_greater_better("val_loss", known_directions(tags)) is False
    assert known_directions({PRIMARY_METRIC: "loss"}) == {}
    assert known_directions({PRIMARY_METRIC: "loss", PRIMARY_IS_GREATER: "perhaps"}) == {}
