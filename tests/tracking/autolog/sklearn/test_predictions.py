import gc
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrack.tracking.autolog.sklearn.prediction_contents import is_various, of_data, of_result
from nbtrack.tracking.autolog.sklearn.predictions import MOST_COPIES, Fit, Prediction, Remembered

random = np.random.default_rng(5)
LABELS = random.integers(0, 3, 60)
SCORES = random.random(60)
PROBA = np.column_stack([1 - SCORES, SCORES])
WORDS = np.array(["ham", "spam", "eggs"])[LABELS]


class Model:
    pass


def fit(run_id: str = "run") -> Fit:
    run: Any = SimpleNamespace(run_id=run_id)
    return Fit("sklearn", run, None)


def remember(
    there: Remembered, result: Any, method: str = "predict", classes: Any = None, run_id: str = "run"
) -> Prediction:
    prediction = Prediction(fit(run_id), Model(), "X_test", result)
    there.add(prediction, result, of_result(result, method, classes))
    return prediction


def test_a_prediction_is_known_by_its_identity() -> None:
    there = Remembered()
    result = LABELS.copy()

    prediction = remember(there, result)

    assert there.by_identity(result) is prediction
    assert there.by_identity(LABELS) is None


def test_nothing_is_kept_alive() -> None:
    there = Remembered()
    model, result = Model(), LABELS.copy()
    there.add_model(model, fit())
    there.add(Prediction(fit(), model, "X", result), result, of_result(result, "predict", None))
    alive = [weakref.ref(model), weakref.ref(result)]

    del model, result
    gc.collect()

    assert [each() for each in alive] == [None, None]
    assert not there.has_models()


def test_another_object_at_the_same_place_is_another() -> None:
    there = Remembered()
    place = id(result := np.zeros(10))
    remember(there, result)

    del result
    others = [np.zeros(10) for _ in range(50)]

    assert [there.by_identity(each) for each in others] == [None] * 50
    assert place  # most often one of them lies there


@pytest.mark.parametrize(
    "view",
    [
        lambda proba: proba[:, 1],
        lambda proba: proba[::-1, 0],
        lambda proba: proba.ravel(),
        lambda proba: np.asarray(pd.Series(proba[:, 1], copy=False)),
        lambda proba: pd.Series(proba[:, 1], copy=False),
    ],
)
def test_a_view_of_all_rows_is_known_by_its_memory(view: Any) -> None:
    there = Remembered()
    result = PROBA.copy()
    prediction = remember(there, result, "predict_proba")

    assert there.by_memory(view(result)) is prediction


def test_a_part_of_the_rows_is_no_prediction_for_the_data() -> None:
    there = Remembered()
    result = PROBA.copy()
    remember(there, result, "predict_proba")

    assert there.by_memory(result[:30, 1]) is None
    assert not there.by_content(result[:30, 1].copy())


def test_what_lies_beside_a_prediction_in_the_same_memory_is_none() -> None:
    there = Remembered()
    both = np.concatenate([LABELS, LABELS])
    remember(there, both[:60])

    assert there.by_memory(both[60:]) is None
    assert there.by_memory(both[:60]) is not None


COPIES = [
    lambda result: result.tolist(),
    lambda result: result.copy(),
    pd.Series,
    lambda result: pd.DataFrame({"predicted": result})["predicted"],
    tuple,
    lambda result: result.reshape(-1, 1).copy(),
]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("values", [LABELS, SCORES, WORDS], ids=["labels", "scores", "words"])
def test_an_equal_copy_is_recognised_when_the_array_is_gone(copy: Any, values: Any) -> None:
    there = Remembered()
    result = values.copy()
    prediction = remember(there, result)
    copied = copy(result)

    del result

    assert there.by_content(copied) == [prediction]


@pytest.mark.parametrize("kind", [float, "int8", "float32", object])
def test_a_copy_of_another_type_is_recognised(kind: Any) -> None:
    there = Remembered()
    prediction = remember(there, LABELS.copy())

    assert there.by_content(LABELS.astype(kind)) == [prediction]


@pytest.mark.parametrize(
    "decide",
    [
        lambda proba: proba[:, 1] > 0.5,
        lambda proba: (proba[:, 1] > 0.5).astype(int),
        lambda proba: proba.argmax(axis=1),
        lambda proba: np.array(["ham", "spam"])[proba.argmax(axis=1)],
        lambda proba: proba[:, 1].tolist(),
        lambda proba: pd.DataFrame({"p": proba[:, 1]})["p"],
    ],
)
def test_the_usual_decisions_and_columns_are_recognised(decide: Any) -> None:
    there = Remembered()
    prediction = remember(there, PROBA.copy(), "predict_proba", np.array(["ham", "spam"]))

    assert there.by_content(decide(PROBA)) == [prediction]


@pytest.mark.parametrize(
    "derived",
    [
        lambda proba: proba[:, 1] > 0.3,
        lambda proba: proba[::-1].copy(),
        lambda proba: np.round(proba[:, 1], 1),
    ],
)
def test_what_the_user_chose_to_make_of_a_prediction_is_not_guessed(derived: Any) -> None:
    there = Remembered()
    remember(there, PROBA.copy(), "predict_proba")

    assert not there.by_content(derived(PROBA))


def test_scores_of_outliers_and_of_models_of_logarithms_are_recognised() -> None:
    there = Remembered()
    of_outliers = remember(there, SCORES - 0.5, "decision_function")
    of_logarithms = remember(there, SCORES * 3, "predict")

    assert there.by_content(0.5 - SCORES) == [of_outliers]
    assert there.by_content(SCORES - 0.5 > 0) == [of_outliers]
    assert there.by_content(np.expm1(SCORES * 3)) == [of_logarithms]


@pytest.mark.parametrize(
    "values", [np.zeros(60), np.array([0, 1, 0, 1, 1]), np.r_[np.zeros(59), 1.0], ["ham"] * 60]
)
def test_values_that_anything_could_have_are_not_recognised(values: Any) -> None:
    there = Remembered()
    remember(there, np.array(values))

    assert not there.by_content(list(values))
    assert not is_various(values)


@pytest.mark.parametrize(
    "value", [None, 3, "text", {"a": 1}, object(), [[1], [2, 3]], np.zeros((3, 3, 3)), []]
)
def test_what_is_no_prediction_is_passed_over(value: Any) -> None:
    there = Remembered()
    remember(there, LABELS.copy())

    found = [there.by_identity(value), there.by_memory(value), there.by_content(value)]

    assert found == [None, None, []]


def test_of_equal_predictions_the_latest_comes_first() -> None:
    there = Remembered()

    predictions = [remember(there, LABELS.copy()) for _ in range(3)]

    assert there.by_content(LABELS) == predictions[::-1]


def test_copies_of_the_last_predictions_are_recognised_and_no_more() -> None:
    there = Remembered()
    first = random.random(30)
    remember(there, first)

    for _ in range(MOST_COPIES):
        remember(there, random.random(30))

    assert not there.by_content(first)


def test_what_is_forgotten_is_not_found() -> None:
    there = Remembered()
    model, kept, forgotten = Model(), SCORES.copy(), LABELS.copy()
    there.add_model(model, fit("gone"))
    remember(there, forgotten, run_id="gone")
    prediction = remember(there, kept, run_id="there")

    there.forget("gone")

    assert there.fit_of(model) is None
    assert there.by_identity(forgotten) is None
    assert there.by_memory(forgotten[:]) is None
    assert not there.by_content(LABELS.tolist())
    assert there.by_content(SCORES.tolist()) == [prediction]


def test_lists_of_data_are_known_by_what_they_hold() -> None:
    rows = SCORES.reshape(-1, 2).tolist()

    assert of_data(rows) == of_data([list(row) for row in rows])
    assert of_data(rows) != of_data(rows[::-1])
