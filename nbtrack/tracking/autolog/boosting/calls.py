"""Whose training a call is: the user's, or a part of one that is recorded already, or nobody's.

Estimators train with the same function as the user does, `train`. So the call of `fit` that is being recorded
says what it expects, and the `train` that it makes records into it.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Signature
from typing import Any

from nbtrack.tracking.autolog import callers, options, sessions
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sessions import Session

_TRAINS_ONCE = (
    "sklearn.base",
    "sklearn.compose._target",
    "sklearn.model_selection._search",
    "sklearn.model_selection._search_successive_halving",
    "sklearn.pipeline",
)
"""Modules of scikit-learn that fit an estimator once for the user: a pipeline its last step, a search the
best one. What a search tries out is fitted by other modules of it."""

_of_thread = threading.local()


def is_for_the_user(framework: str) -> bool:
    """Whether the call that is being observed trains what the user asked for, and nothing inside of it.

    Args:
        framework: `xgboost` or `lightgbm`; what they train for Dask and Spark is left alone.
    """
    return not sessions.is_inside() and _trains_once() and not _is_distributed(framework)


def whole_of(framework: str) -> Session | None:
    """The training of scikit-learn that the `fit` being observed ends: of a pipeline, or a search.

    Args:
        framework: `xgboost` or `lightgbm`. None where it is not recorded.
    """
    session = sessions.current()
    if session is None or session.framework != "sklearn" or options.of(framework) is None:
        return None
    return session if _trains_once() else None


def _trains_once() -> bool:
    return all(module in _TRAINS_ONCE for module in callers.calling_modules("sklearn"))


def _is_distributed(framework: str) -> bool:
    return any(callers.is_called_from(f"{framework}.{part}") for part in ("dask", "spark"))


@dataclass(frozen=True)
class Expected:
    """The training that a `train` is the work of."""

    session: Session
    is_whole: bool
    """Whether the `fit` is all that the session records, and not the last step of a pipeline."""


@contextmanager
def expecting(session: Session, *, is_whole: bool) -> Generator[None]:
    """The next `train` of this thread is that of the `fit` being observed."""
    _of_thread.expected = Expected(session, is_whole)
    try:
        yield
    finally:
        _of_thread.expected = None


def expected() -> Expected | None:
    """The training that the `train` being observed is a part of; None when the user called it.

    It is told once: what that training trains inside is its own business.
    """
    found: Expected | None = getattr(_of_thread, "expected", None)
    _of_thread.expected = None
    return found


def arguments_of(signature: Signature, call: Call) -> dict[str, Any] | None:
    """The arguments of a call by name, those that were given; None when the function will refuse them."""
    try:
        return dict(signature.bind(*call.args, **call.kwargs).arguments)
    except TypeError:
        return None
