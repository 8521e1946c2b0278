"""The data of a training of LightGBM: what its Dataset objects were made of."""

from collections.abc import Generator, Mapping
from inspect import Signature
from typing import Any

from nbtrack.tracking.autolog import sessions
from nbtrack.tracking.autolog.boosting.calls import arguments_of
from nbtrack.tracking.autolog.boosting.data import DataSet, TrainingData
from nbtrack.tracking.autolog.boosting.first_rows import origin_of, remember
from nbtrack.tracking.autolog.patching import Call


def observe_made(signature: Signature, call: Call) -> Generator[None] | None:
    """See `patching.Observe`; of the constructor of Dataset."""
    if sessions.is_inside():
        return None  # an estimator's fit gives its data itself
    given = arguments_of(signature, call)
    if given is not None and given.get("label") is not None:
        remember(given["self"], given["data"])
    return None


def of_train(given: Mapping[str, Any]) -> TrainingData:
    """The data of a call of `train`, or `cv`."""
    data = TrainingData()
    trained = given.get("train_set")
    _add(data, trained, "train", "dataset")
    sets = _listed(given.get("valid_sets"))
    names = _listed(given.get("valid_names"))
    for number, held in enumerate(sets):
        if held is not trained:
            name = names[number] if number < len(names) else f"valid_{number}"
            _add(data, held, "eval", name)
    return data


def of_fit(given: Mapping[str, Any]) -> TrainingData:
    """The data of an estimator's `fit`."""
    data = TrainingData()
    data.add(given.get("X"), given.get("y"), "train")
    names = _listed(given.get("eval_names"))
    for number, (features, targets) in enumerate(_eval_pairs(given)):
        if features is not given.get("X"):
            data.add(features, targets, "eval", names[number] if number < len(names) else f"valid_{number}")
    return data


def _eval_pairs(given: Mapping[str, Any]) -> list[Any]:
    """What is validated on: `eval_X` and `eval_y` of LightGBM 4.7 and later, or `eval_set`."""
    features, targets = given.get("eval_X"), given.get("eval_y")
    if features is not None:
        if isinstance(features, tuple) and isinstance(targets, tuple):
            parts: Any = (features, targets)
            return list(zip(*parts, strict=False))
        return [(features, targets)]
    pairs: Any = given.get("eval_set")
    return [pairs] if isinstance(pairs, tuple) else list(pairs or ())


def _add(data: TrainingData, dataset: Any, context: str, name: str) -> None:
    features = getattr(dataset, "data", None)
    if features is not None and not isinstance(features, str):
        # It lets go of them when the training begins.
        data.add(features, getattr(dataset, "label", None), context, name)
        remember(dataset, features)
        return
    origin = origin_of(dataset)
    if origin is None:
        return
    if context == "train":
        data.rows = origin.rows
    if origin.whole is not None:
        data.sets.append(DataSet(origin.whole, None, context, name))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    values: Any = value
    return list(values) if isinstance(value, list | tuple) else [value]
