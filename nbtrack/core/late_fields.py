"""A field of a record that is made when somebody looks at it: of a thousand records few are looked at."""

from functools import partial
from typing import Any, Generic, TypeVar, cast, overload

T = TypeVar("T")


class Late(Generic[T]):
    """A field of a dataclass that may be given as a `functools.partial`, called at the first look.

    Args:
        default: The field's default.
    """

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, record: None, owner: type) -> T: ...
    @overload
    def __get__(self, record: object, owner: type) -> T: ...
    def __get__(self, record: object | None, owner: type) -> T:
        if record is None:
            return self._default
        held: Any = vars(record)[self._name]
        if isinstance(held, partial):
            held = vars(record)[self._name] = cast("partial[T]", held)()
        return held

    def __set__(self, record: object, value: "T | partial[T]") -> None:
        vars(record)[self._name] = value
