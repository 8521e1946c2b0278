"""Values as JSON and YAML can hold them: numbers, text, lists, dicts, None."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast


def plain(value: Any) -> Any:
    """A value with everything in it made plain; what has no form of its own becomes its `str()`."""
    if _is_basic(value):
        return _exact(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {_exact(key) if _is_basic(key) else str(key): plain(held) for key, held in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(held) for held in cast("list[Any]", value)]
    if isinstance(value, date):
        return value.isoformat()
    return as_json_default(value)


def as_json_default(value: Any) -> Any:
    """What `json.dumps(default=...)` asks: numpy's and torch's values as numbers and lists, else `str()`."""
    if callable(as_list := getattr(value, "tolist", None)) and not isinstance(value, type):
        try:
            return as_list()
        except (TypeError, ValueError, RuntimeError):
            return str(value)
    return str(value)


def _is_basic(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _exact(value: Any) -> Any:
    """The value as exactly one of these types: numpy's float is a float too, and YAML knows it not."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    return value
