"""`estimator.html`: the picture that scikit-learn draws of an estimator, with its params and steps.

scikit-learn takes 5 ms for it, and twice that for a pipeline. After a short training it is drawn at the end
of the cell or script, from an outline of the estimator: that may be trained again meanwhile, or be large.
"""

import copy
from functools import partial
from importlib import import_module
from typing import Any, cast

from nbtrack.tracking.autolog.sessions import SHARE, Session

FILE = "estimator.html"

_DRAWING = 0.01
"""Seconds that drawing takes, about."""

_SMALL = 10_000
"""Bytes of an array that an outline keeps."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8"/>
<title>{title}</title>
</head>
<body>
{estimator}
</body>
</html>
"""


def log(session: Session, estimator: Any, seconds: float) -> None:
    """Keep the page of an estimator, now or later.

    Args:
        session: Where it is recorded.
        estimator: The trained estimator.
        seconds: How long the training took.
    """
    if seconds * SHARE >= _DRAWING:
        session.run.log_text(page_of(estimator), FILE)
    else:
        session.draw_later(FILE, partial(page_of, outline_of(estimator)))


def page_of(estimator: Any) -> str:
    """The whole page.

    Args:
        estimator: Any estimator of scikit-learn's, or derived from one.
    """
    shown = import_module("sklearn.utils").estimator_html_repr(estimator)
    return _PAGE.format(title=type(estimator).__name__, estimator=shown)


def outline_of(estimator: Any) -> Any:
    """A copy of an estimator that a later training or `set_params` leaves as it is.

    It has the params, and those of the estimators inside; of what training found out, only what is small.
    """
    outline: Any = copy.copy(estimator)
    params: dict[str, Any] = estimator.get_params(deep=False)
    held: dict[str, Any] = outline.__dict__
    for name, value in list(held.items()):
        if name in params:
            held[name] = _outlined(value)
        elif name.endswith("_") and not _is_small(value):
            del held[name]
    return outline


def _outlined(value: Any) -> Any:
    if hasattr(value, "get_params") and not isinstance(value, type) and hasattr(value, "__dict__"):
        return outline_of(value)
    # Steps of a pipeline and the like: (name, estimator) or (name, estimator, columns).
    if isinstance(value, list):
        steps = cast("list[Any]", value)
        if steps and all(isinstance(step, tuple) for step in steps):
            return [tuple(_outlined(part) for part in step) for step in steps]
    return cast("Any", value)


def _is_small(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float | complex | str):
        return True
    size = getattr(value, "nbytes", None)
    return isinstance(size, int) and size <= _SMALL
