"""Documents and conditions for property tests, with everything that tells Python and SQL apart."""

import math
import struct
from typing import Any

from hypothesis import strategies as st

from nbtrack.documents.queries import Query

PLAIN_NUMBERS = [
    *(0, 1, -1, 2, 5, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)),
    *(0.0, -0.0, 0.5, 1.0, 0.1, 5e-324, -5e-324, 1e308, 1e22, float(2**53), float(2**63), -float(2**63)),
    *(math.inf, -math.inf, math.nan),
]
ODD_NUMBERS = [2**63, -(2**63) - 1, 10**30, -(10**4200)]
PLAIN_TEXTS = [
    *("", "a", "ab", "b", "A", "é", "\uffff", "\U0001f600", "1", "null", "true", "NaN", "9e999"),
    *("[1]", '{"a":1}', '{"$float":"NaN"}', "$x", "$$", "it's", 'say "hi"', "back\\slash", "new\nline", "?"),
]
ODD_TEXTS = ["\0", "a\0b", "\\u0000", "\ud800", "a\udfff", "\ud83d\ude00"]
PLAIN_KEYS = ["a", "b", "c", "", "é", "x.y", "[0]", "0", "it's", "a ?", "NaN", "\U0001f600"]
ODD_KEYS = [
    "$",
    "$a",
    "$$a",
    "$float",
    "$text",
    "$int",
    "$key:61",
    'q"q',
    "b\\c",
    "n\nn",
    "z\0",
    "\ud800",
    "\udfff",
]

plain_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(PLAIN_NUMBERS),
    st.sampled_from(PLAIN_TEXTS),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
)
scalars = st.one_of(
    plain_scalars,
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.integers(),
    st.text(st.characters(), max_size=4),
)
# Few keys, so that conditions often meet a value.
plain_keys = st.sampled_from(["a", "a", "a", "b", "b", "c", *PLAIN_KEYS])
keys = st.one_of(plain_keys, st.sampled_from(ODD_KEYS), st.text(max_size=3))


def values(of: st.SearchStrategy[Any], key: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Scalars of one kind, and lists and objects of them."""
    return st.recursive(
        of, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=3), max_leaves=6
    )


plain_documents = st.dictionaries(plain_keys, values(plain_scalars, plain_keys), max_size=4)
documents = st.dictionaries(keys, values(scalars, keys), max_size=4)

paths = st.lists(keys, min_size=1, max_size=3).map(tuple)
_OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "exists", "one_of", "test"]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def build(recipe: Any, query: Any = Query) -> Any:
    """A condition from its recipe, with our `Query` or TinyDB's."""
    word = recipe[0]
    if word == "not":
        return ~build(recipe[1], query)
    if word in ("and", "or"):
        left, right = build(recipe[1], query), build(recipe[2], query)
        return left & right if word == "and" else left | right
    _, path, operator, value, items = recipe
    field = query()
    for key in path:
        field = field[key]
    return {
        "==": lambda: field == value,
        "!=": lambda: field != value,
        "<": lambda: field < value,
        "<=": lambda: field <= value,
        ">": lambda: field > value,
        ">=": lambda: field >= value,
        "exists": lambda: field.exists(),
        "one_of": lambda: field.one_of(items),
        "test": lambda: field.test(_is_text),
    }[operator]()


_comparisons = st.tuples(
    st.just("comparison"),
    st.one_of(plain_keys.map(lambda key: (key,)), paths),
    st.sampled_from(_OPERATORS),
    values(scalars, keys),
    st.lists(scalars, max_size=3) | st.lists(plain_scalars, min_size=17, max_size=20),
)
recipes = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=5,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are alike to the bit: types, order of keys, -0.0, NaN."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and list(one) == list(other)
            and all(same(value, other[key]) for key, value in one.items())
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or struct.pack("d", one) == struct.pack("d", other)
    return one == other
