"""Whose training a call is: the user's, or a part of one that is recorded already, or nobody's.

Estimators train with the same function as the user does, `train`. So the call of `fit` that is being recorded
says what it expects, and the `train` that it makes records into it.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from inspect import Signature
from typing import Any

from nbtrack.tracking.autolog import callers, sessions
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
    if sessions.is_inside():
        return False
    if any(module not in _TRAINS_ONCE for module in callers.calling_modules("sklearn")):
        return False
    return not any(callers.is_called_from(f"{framework}.{part}") for part in ("dask", "spark"))


@contextmanager
def expecting(session: Session) -> Generator[None]:
    """The next `train` of this thread is that of the `fit` being recorded."""
    _of_thread.expecting = session
    try:
        yield
    finally:
        _of_thread.expecting = None


def expected() -> Session | None:
    """The training that the `train` being observed is a part of; None when the user called it.

    It is told once: what that training trains inside is its own business.
    """
    session: Session | None = getattr(_of_thread, "expecting", None)
    _of_thread.expecting = None
    return session


def arguments_of(signature: Signature, call: Call) -> dict[str, Any] | None:
    """The arguments of a call by name, those that were given; None when the function will refuse them."""
    try:
        return dict(signature.bind(*call.args, **call.kwargs).arguments)
    except TypeError:
        return None
