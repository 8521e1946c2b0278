"""The metrics of a training are what scikit-learn's functions say of the same labels and probabilities."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from nbtrack.tracking.autolog.sklearn import label_metrics, probability_metrics

LABELS = [
    np.array([0, 1]),
    np.array([-1, 2, 7]),
    np.array(["ant", "bee", "cow", "dog"]),
    np.array([False, True]),
]


@st.composite
def _labelled(draw: st.DrawFn) -> tuple[Any, Any, Any, Any]:
    classes = draw(st.sampled_from(LABELS))
    numbers = st.integers(0, len(classes) - 1)
    rows = draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
    true = np.array([each for each, _ in rows] + list(range(len(classes))))
    predicted = np.array([each for _, each in rows] + [0] * len(classes))
    weights = draw(st.none() | st.just(np.linspace(0.1, 3, len(true))))
    return classes, classes[true], classes[predicted], weights


@given(_labelled())
def test_what_is_counted_once_gives_what_scikit_learn_gives(held: tuple[Any, Any, Any, Any]) -> None:
    classes, y, predicted, weights = held

    counts = label_metrics.count(y, predicted, classes, weights)

    three = metrics.precision_recall_fscore_support(
        y, predicted, average="weighted", sample_weight=weights, zero_division=0
    )[:3]
    assert list(label_metrics.precision_recall_f1(counts).values()) == pytest.approx(three, rel=1e-12)
    expected = metrics.accuracy_score(y, predicted, sample_weight=weights)
    assert label_metrics.accuracy(counts) == pytest.approx(expected, rel=1e-12)
    matrix = metrics.confusion_matrix(y, predicted, sample_weight=weights)
    assert counts.matrix.tolist() == [pytest.approx(row) for row in matrix.tolist()]


@given(_labelled())
def test_a_positive_label_gives_what_scikit_learn_gives(held: tuple[Any, Any, Any, Any]) -> None:
    classes, y, predicted, weights = held
    counts = label_metrics.count(y, predicted, classes, weights)
    if len(classes) > 2:
        with pytest.raises(ValueError, match="the labels are"):
            label_metrics.precision_recall_f1(counts, classes[0])
        return

    found = label_metrics.precision_recall_f1(counts, classes[1])

    three = metrics.precision_recall_fscore_support(
        y, predicted, average="binary", pos_label=classes[1], sample_weight=weights, zero_division=0
    )[:3]
    assert list(found.values()) == pytest.approx(three, rel=1e-12)


@given(
    st.integers(2, 5).flatmap(
        lambda classes: st.lists(
            st.lists(st.integers(0, 3), min_size=classes, max_size=classes), min_size=classes, max_size=14
        )
    ),
    st.booleans(),
)
def test_probabilities_give_what_scikit_learn_gives(scores: list[list[int]], is_weighted: bool) -> None:
    probabilities = np.array(scores, float) + 0.25  # with many ties
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    rows, classes = probabilities.shape
    true = np.arange(rows) % classes
    weights = np.linspace(0.1, 3, rows) if is_weighted else None

    loss = probability_metrics.log_loss(true, probabilities, weights)

    assert loss == pytest.approx(metrics.log_loss(true, probabilities, sample_weight=weights), rel=1e-12)
    if classes > 2:
        expected = metrics.roc_auc_score(true, probabilities, average="weighted", multi_class="ovo")
        found = probability_metrics.roc_auc_of_pairs(true, probabilities)
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_certain_mistake_has_a_finite_loss() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])

    loss = probability_metrics.log_loss(np.array([1, 1]), probabilities)

    assert loss == pytest.approx(metrics.log_loss([1, 1], probabilities, labels=[0, 1]))


def test_labels_that_the_estimator_does_not_know_are_counted_too() -> None:
    y, predicted = np.array(["a", "b", "?", "?"]), np.array(["a", "b", "a", "b"])

    counts = label_metrics.count(y, predicted, np.array(["a", "b"]))

    assert list(counts.labels) == ["?", "a", "b"]
    assert label_metrics.accuracy(counts) == 0.5
