"""Conditions on documents: TinyDB's `Query`, whose conditions remember what they are made of.

Every condition made here is its own tree: `Comparison` (path, operator, value), `Both`, `Either`,
`Negation`, `Always`, and `Opaque` for what only Python can evaluate. Calling it evaluates it on a
document in memory; `nbtrack.documents.push_down` turns it into SQL with the same answer.

One thing differs from TinyDB: a comparison of values of different types does not match, where
TinyDB's `<`, `<=`, `>` and `>=` raise TypeError. (Numbers are one type: int, float and bool compare
with each other as in Python.)
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from tinydb import queries as tinydb_queries
from tinydb import utils as tinydb_utils
from tinydb.queries import QueryInstance, QueryLike

from nbtrack.core.errors import InvalidValueError

Path = tuple[str, ...]
"""Where a value stands in a document: `("params", "lr")`."""

# TinyDB leaves this function without types.
_freeze = cast("Callable[[Any], Any]", tinydb_utils.freeze)


def find_value(document: Any, path: Path) -> Any:
    """The value at `path`; None where there is none."""
    try:
        for key in path:
            document = document[key]
    except (KeyError, TypeError):
        return None
    return document


class Condition(QueryInstance):
    """A condition that knows its own parts; combines with `&`, `|` and `~`, also with TinyDB's own."""

    def __init__(self) -> None:
        # TinyDB's __init__ would set a test and a hash; ours evaluate themselves and hash when asked.
        pass

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Whether the document `value` matches."""
        raise NotImplementedError

    def describe(self) -> tuple[Any, ...] | None:
        """What makes two conditions equal; None where equality cannot be told."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # TinyDB reads this attribute when it combines or caches conditions.
        if name == "_hash":
            return self._find_hash()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _find_hash(self) -> tuple[Any, ...] | None:
        description = self.describe()
        try:
            hash(description)
        except TypeError:
            description = None
        self._hash = description
        return description

    def is_cacheable(self) -> bool:
        """Whether equal conditions can be told; TinyDB's own tables cache answers by that."""
        return self._hash is not None

    def __hash__(self) -> int:
        return hash(self._hash)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, QueryInstance) and self.is_cacheable() and self._hash == other._hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.describe()}"

    def __and__(self, other: QueryLike) -> "Both":
        return Both(self, other)

    def __rand__(self, other: QueryLike) -> "Both":
        return Both(other, self)

    def __or__(self, other: QueryLike) -> "Either":
        return Either(self, other)

    def __ror__(self, other: QueryLike) -> "Either":
        return Either(other, self)

    def __invert__(self) -> "Negation":
        return Negation(self)


def _same_type(test: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(value: Any, other: Any) -> Any:
        try:
            return test(value, other)
        except TypeError:
            return False

    return compare


def _is_one_of(value: Any, items: Any) -> bool:
    try:
        # NaN equals nothing; `in` alone would find the very same NaN object by identity.
        return value == value and value in items
    except TypeError:  # a list looked up in a set, a number in text
        return False


_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": lambda value, other: value is not None and value != other,
    "<": _same_type(operator.lt),
    "<=": _same_type(operator.le),
    ">": _same_type(operator.gt),
    ">=": _same_type(operator.ge),
    "exists": lambda _value, _nothing: True,
    "one_of": _is_one_of,
}


def compare(operator: str, value: Any, other: Any) -> Any:
    """What `Comparison` does with a value that is there."""
    return _TESTS[operator](value, other)


class Comparison(Condition):
    """The value at `path` compared with `value`; never true where the document has no such path.

    Attributes:
        operator: `== != <> < <= > >= exists one_of`; `<>` is SQL's: null differs from nothing.
        path: Keys from the document's root, at least one.
        value: What is compared with; a tuple of items for `one_of`; None for `exists`.
    """

    def __init__(self, operator: str, path: Path, value: Any = None) -> None:
        self.operator = operator
        self.path = path
        self.value = value

    def __call__(self, value: Any) -> bool:
        """Compare the value found in the document."""
        try:
            for key in self.path:
                value = value[key]
        except (KeyError, TypeError):
            return False
        return _TESTS[self.operator](value, self.value)

    def describe(self) -> tuple[Any, ...]:
        """The parts."""
        return (self.operator, self.path, _freeze(self.value))


class _Combination(Condition):
    """Several conditions; chains of one kind are one combination, so that long ones do not nest."""

    _word: str

    def __init__(self, *parts: QueryLike) -> None:
        flat: list[QueryLike] = []
        for part in parts:
            flat.extend(part.parts if isinstance(part, type(self)) else (part,))
        self.parts = tuple(flat)

    def describe(self) -> tuple[Any, ...] | None:
        """The parts, in no order: `a & b` equals `b & a`."""
        parts = [_describe(part) for part in self.parts]
        return None if None in parts else (self._word, frozenset(parts))


class Both(_Combination):
    """True where all of `parts` are; they are asked from left to right."""

    _word = "and"

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Ask the parts until one says no."""
        for part in self.parts:  # noqa: SIM110  (a generator would take three times as long)
            if not part(value):
                return False
        return True


class Either(_Combination):
    """True where one of `parts` is; they are asked from left to right."""

    _word = "or"

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Ask the parts until one says yes."""
        for part in self.parts:  # noqa: SIM110
            if part(value):
                return True
        return False


class Negation(Condition):
    """True where `inner` is not."""

    def __init__(self, inner: QueryLike) -> None:
        self.inner = inner

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Ask the inner condition."""
        return not self.inner(value)

    def describe(self) -> tuple[Any, ...] | None:
        """The inner condition's parts."""
        inner = _describe(self.inner)
        return None if inner is None else ("not", inner)


class Always(Condition):
    """True of every document; TinyDB's `noop`, a start for conditions built in a loop."""

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Yes."""
        return True

    def describe(self) -> tuple[Any, ...]:
        """No parts."""
        return ()


class Opaque(Condition):
    """A test that only Python can run: a regular expression, a function, a condition on list items."""

    def __init__(self, test: QueryInstance, *also: Any) -> None:
        """`also` is what TinyDB forgets when it compares two such tests."""
        self.test = test
        self._also = also

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Ask TinyDB's test."""
        return self.test(value)

    def describe(self) -> tuple[Any, ...] | None:
        """TinyDB's own parts and what it left out."""
        known = _describe(self.test)
        return None if known is None else (*known, *self._also)


def _describe(condition: QueryLike) -> tuple[Any, ...] | None:
    return cast("Any", condition)._hash if isinstance(condition, QueryInstance) else None


class Query(tinydb_queries.Query):
    """Starts a condition: `Query().metrics.loss < 0.2`, `Query()["params"]["lr"] == "0.1"`.

    Everything TinyDB's `Query` does, with conditions that SQL can evaluate.
    """

    # A method of ours would hide the field of that name: this class adds none but private ones.

    _path: tuple[Any, ...]

    def _compare(self, operator: str, value: Any) -> Condition:
        if not self._path:
            raise InvalidValueError("Query has no path; name a field first, as in Query().name == 'a'.")
        if all(isinstance(part, str) for part in self._path):
            return Comparison(operator, self._path, value)
        # The path holds a function of `map`: TinyDB walks it.
        return Opaque(super().test(cast("Any", _TESTS[operator]), value))

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, rhs: Any) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("==", rhs)

    def __ne__(self, rhs: Any) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("!=", rhs)

    def __lt__(self, rhs: Any) -> Condition:
        return self._compare("<", rhs)

    def __le__(self, rhs: Any) -> Condition:
        return self._compare("<=", rhs)

    def __gt__(self, rhs: Any) -> Condition:
        return self._compare(">", rhs)

    def __ge__(self, rhs: Any) -> Condition:
        return self._compare(">=", rhs)

    def exists(self) -> Condition:
        """Match documents that have the field, whatever its value."""
        return self._compare("exists", None)

    def one_of(self, items: Any) -> Condition:
        """Match documents whose value equals one of `items`, as they are now; a generator is read."""
        if isinstance(items, (list, tuple, set, frozenset, Iterator)):
            items = tuple(cast("Any", items))
        return self._compare("one_of", items)

    def matches(self, regex: str, flags: int = 0) -> Condition:
        """Match text that begins with a match of `regex`, as `re.match` does."""
        return Opaque(super().matches(regex, flags), flags)

    def search(self, regex: str, flags: int = 0) -> Condition:
        """Match text that contains a match of `regex`, as `re.search` does."""
        return Opaque(super().search(regex, flags), flags)

    def test(self, func: Callable[..., bool], *args: Any) -> Condition:
        """Match values for which `func(value, *args)` is true."""
        return Opaque(super().test(func, *args))

    def any(self, cond: QueryInstance | list[Any]) -> Condition:
        """Match lists of which one item meets `cond`, or is in the list `cond`."""
        return Opaque(super().any(cond))

    def all(self, cond: QueryInstance | list[Any]) -> Condition:
        """Match lists of which every item meets `cond`, or that hold every item of the list `cond`."""
        return Opaque(super().all(cond))

    def fragment(self, document: Mapping[str, Any]) -> Condition:
        """Match documents (or objects at the path) that hold every key and value of `document`."""
        return Opaque(super().fragment(document), self._path)

    def noop(self) -> Condition:
        """Match every document: a start for conditions built in a loop."""
        return Always()


def where(key: str) -> Query:
    """Start a condition on the field `key`: shorthand for `Query()[key]`."""
    return Query()[key]
