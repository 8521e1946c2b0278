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
from tinydb.queries import QueryInstance, QueryLike
from tinydb.utils import freeze

from nbtrack.core.errors import InvalidValueError

Path = tuple[str, ...]
"""Where a value stands in a document: `("params", "lr")`."""


class Condition(QueryInstance):
    """A condition that knows its own parts; combines with `&`, `|` and `~`, also with TinyDB's own."""

    def __init__(self) -> None:
        # TinyDB's __init__ would set a test and a hash; ours evaluate themselves and hash when asked.
        pass

    def __call__(self, value: Mapping[str, Any]) -> bool:
        raise NotImplementedError

    def describe(self) -> tuple[Any, ...] | None:
        """What makes two conditions equal; None where equality cannot be told."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
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
        return self._hash is not None

    def __hash__(self) -> int:
        return hash(self._hash)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, QueryInstance) and self.is_cacheable() and self._hash == other._hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.describe()}"

    def __and__(self, other: QueryInstance) -> "Both":
        return Both(self, other)

    def __rand__(self, other: QueryInstance) -> "Both":
        return Both(other, self)

    def __or__(self, other: QueryInstance) -> "Either":
        return Either(self, other)

    def __ror__(self, other: QueryInstance) -> "Either":
        return Either(other, self)

    def __invert__(self) -> "Negation":
        return Negation(self)


def _below(test: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(value: Any, other: Any) -> Any:
        try:
            return test(value, other)
        except TypeError:
            return False

    return compare


def _is_one_of(value: Any, items: Any) -> bool:
    try:
        # NaN equals nothing; `in` alone would find the very same NaN object by identity.
        return value == value and value in items  # noqa: PLR0124
    except TypeError:  # a list looked up in a set, a number in text
        return False


_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": _below(operator.lt),
    "<=": _below(operator.le),
    ">": _below(operator.gt),
    ">=": _below(operator.ge),
    "exists": lambda _value, _nothing: True,
    "one_of": _is_one_of,
}


class Comparison(Condition):
    """The value at `path` compared with `value`; never true where the document has no such path.

    Attributes:
        operator: `== != < <= > >= exists one_of`.
        path: Keys from the document's root, at least one.
        value: What is compared with; a tuple or frozen set of items for `one_of`; None for `exists`.
    """

    def __init__(self, operator: str, path: Path, value: Any = None) -> None:
        self.operator = operator
        self.path = path
        self.value = value

    def __call__(self, value: Any) -> bool:
        try:
            for key in self.path:
                value = value[key]
        except (KeyError, TypeError):
            return False
        return _TESTS[self.operator](value, self.value)

    def describe(self) -> tuple[Any, ...]:
        return (self.operator, self.path, freeze(self.value))


class Both(Condition):
    """True where `left` and `right` are."""

    def __init__(self, left: QueryLike, right: QueryLike) -> None:
        self.left, self.right = left, right

    def __call__(self, value: Mapping[str, Any]) -> bool:
        return self.left(value) and self.right(value)

    def describe(self) -> tuple[Any, ...] | None:
        return _describe_pair("and", self.left, self.right)


class Either(Condition):
    """True where `left` or `right` is."""

    def __init__(self, left: QueryLike, right: QueryLike) -> None:
        self.left, self.right = left, right

    def __call__(self, value: Mapping[str, Any]) -> bool:
        return self.left(value) or self.right(value)

    def describe(self) -> tuple[Any, ...] | None:
        return _describe_pair("or", self.left, self.right)


class Negation(Condition):
    """True where `inner` is not."""

    def __init__(self, inner: QueryLike) -> None:
        self.inner = inner

    def __call__(self, value: Mapping[str, Any]) -> bool:
        return not self.inner(value)

    def describe(self) -> tuple[Any, ...] | None:
        inner = _describe(self.inner)
        return None if inner is None else ("not", inner)


class Always(Condition):
    """True of every document; TinyDB's `noop`, a start for conditions built in a loop."""

    def __call__(self, value: Mapping[str, Any]) -> bool:
        return True

    def describe(self) -> tuple[Any, ...]:
        return ()


class Opaque(Condition):
    """A test that only Python can run: a regular expression, a function, a condition on list items."""

    def __init__(self, test: QueryInstance, description: tuple[Any, ...] | None) -> None:
        self.test = test
        self._description = description

    def __call__(self, value: Mapping[str, Any]) -> bool:
        return self.test(value)

    def describe(self) -> tuple[Any, ...] | None:
        return self._description


def _describe(condition: QueryLike) -> tuple[Any, ...] | None:
    return condition._hash if isinstance(condition, QueryInstance) else None  # pyright: ignore[reportPrivateUsage]


def _describe_pair(word: str, left: QueryLike, right: QueryLike) -> tuple[Any, ...] | None:
    pair = (_describe(left), _describe(right))
    try:
        return None if None in pair else (word, frozenset(pair))  # a & b equals b & a
    except TypeError:
        return None


class Query(tinydb_queries.Query):
    """Starts a condition: `Query().metrics.loss < 0.2`, `Query()["params"]["lr"] == "0.1"`.

    Everything TinyDB's `Query` does, with conditions that SQL can evaluate.
    """

    # A method of ours would hide the field of that name, so this class adds none.

    _path: tuple[Any, ...]

    def _compare(self, operator: str, value: Any, stock: Callable[[Any], QueryInstance]) -> Condition:
        if not self._path:
            raise InvalidValueError("Query has no path; name a field first, as in Query().name == 'a'.")
        if all(isinstance(part, str) for part in self._path):
            return Comparison(operator, self._path, value)
        return _wrap(stock(value))  # the path holds a function of `map`

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, rhs: Any) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("==", rhs, super().__eq__)

    def __ne__(self, rhs: Any) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare("!=", rhs, super().__ne__)

    def __lt__(self, rhs: Any) -> Condition:
        return self._compare("<", rhs, lambda value: self._test_mapped("<", value))

    def __le__(self, rhs: Any) -> Condition:
        return self._compare("<=", rhs, lambda value: self._test_mapped("<=", value))

    def __gt__(self, rhs: Any) -> Condition:
        return self._compare(">", rhs, lambda value: self._test_mapped(">", value))

    def __ge__(self, rhs: Any) -> Condition:
        return self._compare(">=", rhs, lambda value: self._test_mapped(">=", value))

    def _test_mapped(self, operator: str, value: Any) -> QueryInstance:
        return super().test(_TESTS[operator], value)

    def exists(self) -> Condition:
        """Match documents that have the field, whatever its value."""
        return self._compare("exists", None, lambda _: super(Query, self).exists())

    def one_of(self, items: Any) -> Condition:
        """Match documents whose value equals one of `items`; a generator is read once, now."""
        if isinstance(items, list | tuple | set | frozenset | Iterator):
            items = tuple(cast("Any", items))
        return self._compare("one_of", items, lambda value: super(Query, self).test(_is_one_of, value))

    def matches(self, regex: str, flags: int = 0) -> Condition:
        """Match text that begins with a match of `regex`, as `re.match` does."""
        return _wrap(super().matches(regex, flags), flags)

    def search(self, regex: str, flags: int = 0) -> Condition:
        """Match text that contains a match of `regex`, as `re.search` does."""
        return _wrap(super().search(regex, flags), flags)

    def test(self, func: Callable[..., bool], *args: Any) -> Condition:
        """Match values for which `func(value, *args)` is true."""
        return _wrap(super().test(func, *args))

    def any(self, cond: QueryInstance | list[Any]) -> Condition:
        """Match lists of which one item meets `cond`, or is in the list `cond`."""
        return _wrap(super().any(cond))

    def all(self, cond: QueryInstance | list[Any]) -> Condition:
        """Match lists of which every item meets `cond`, or that hold every item of the list `cond`."""
        return _wrap(super().all(cond))

    def fragment(self, document: Mapping[str, Any]) -> Condition:
        """Match documents (or objects at the path) that hold every key and value of `document`."""
        return _wrap(super().fragment(document), self._path)

    def noop(self) -> Condition:
        """Match every document: a start for conditions built in a loop."""
        return Always()


def where(key: str) -> Query:
    """Start a condition on the field `key`: shorthand for `Query()[key]`."""
    return Query()[key]  # pyright: ignore[reportReturnType]


def _wrap(test: QueryInstance, *also: Any) -> Opaque:
    # TinyDB's hash leaves out the flags of a regular expression and the path of a fragment.
    known = test._hash  # pyright: ignore[reportPrivateUsage]
    return Opaque(test, None if known is None else (*known, *also))
