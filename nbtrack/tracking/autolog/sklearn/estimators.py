"""What an estimator says of itself: whether its training makes a run, its params, its tags."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

NOT_TRAININGS = (
    "sklearn.preprocessing",
    "sklearn.impute",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
    "sklearn.compose._column_transformer",
)
"""Modules whose estimators prepare data: fitting one alone makes no run, as in MLflow."""

_LONGEST = 6000
"""Characters of a param's text; MLflow's limit."""

_MOST = 1000
"""Items of a collection that become text; of a larger one only the first."""

_SHOWN = 100

_COLLECTIONS: Any = (list, tuple, dict, set, frozenset)
_OWN_TEXT = frozenset((bool, int, float, type(None)))


def makes_run(estimator: Any) -> bool:
    """Whether a training of an estimator is recorded, if nothing else contains it.

    What a user derives from an estimator of scikit-learn's is recorded like that; what is derived from
    no estimator but only from `BaseEstimator` and mixins is the user's own.
    """
    for each in type(estimator).__mro__:
        module = each.__module__
        if module == "sklearn.base" or module.startswith("sklearn.utils"):
            continue
        if module.startswith("sklearn."):
            return not module.startswith(NOT_TRAININGS)
    return False


def tags_of(estimator: Any) -> dict[str, str]:
    """The tags of its run: MLflow's."""
    kind: type[Any] = estimator.__class__
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}


def params_of(estimator: Any, *, deep: bool = True) -> dict[str, Any]:
    """Its params, as they are.

    Args:
        estimator: The estimator.
        deep: Whether those of the estimators inside count, as `step__param`.
    """
    return dict(estimator.get_params(deep=deep))


def param_texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as texts of at most 6000 characters, however large or odd their values are."""
    return {str(key): text_of(value) for key, value in params.items()}


def text_of(value: Any) -> str:
    """The text of one param: its `str()`, cut where it is too long.

    What cannot be shown is named by its type.
    """
    if type(value) in _OWN_TEXT:
        return str(value)
    try:
        text = value if isinstance(value, str) else str(_excerpt(value))
    except Exception:  # noqa: BLE001 - the value is the user's, and may be anything
        return f"<{type(value).__module__}.{type(value).__qualname__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _excerpt(value: Any) -> Any:
    """The value; or, of a collection that is too large to be made text, its beginning."""
    if not isinstance(value, _COLLECTIONS) or _count(value) <= _MOST:
        return value
    kind, count = value.__class__.__name__, len(value)
    if hasattr(value, "items"):
        pairs: Iterable[tuple[Any, Any]] = value.items()
        shown = ", ".join(f"{text_of(key)}: {text_of(each)}" for key, each in islice(pairs, _SHOWN))
    else:
        shown = ", ".join(text_of(each) for each in islice(value, _SHOWN))
    return f"<{kind} of {count}: {shown}, …>"


def _count(value: Any, depth: int = 0) -> int:
    """How many items a collection has, with those inside; counting stops when there are too many."""
    count = len(value)
    if count > _MOST or depth > 3:
        return count
    inside: Iterable[Any] = value.values() if hasattr(value, "values") else value
    for each in inside:
        if isinstance(each, _COLLECTIONS):
            count += _count(each, depth + 1)
            if count > _MOST:
                break
    return count
