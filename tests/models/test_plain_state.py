"""Attributes of an estimator as text, and back."""

import json
import math
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.flavors.plain_state import plain_text, read_plain

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NUMPY_SCALARS = (
    st.integers(-100, 100).map(np.int64) | st.floats(width=32).map(np.float32) | st.booleans().map(np.bool_)
)
# numpy takes a zero at the end of a text for its padding.
WITHOUT_ZEROS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
KEYS = st.text() | st.integers() | st.integers(0, 9).map(np.int64) | st.just("$") | st.none()
ARRAYS = (
    st.lists(st.floats(), max_size=4).map(np.array)
    | st.lists(st.integers(-(2**40), 2**40), max_size=4).map(lambda items: np.array(items, dtype="int64"))
    | st.lists(WITHOUT_ZEROS, max_size=4).map(lambda items: np.array(items, dtype="U"))
    | st.lists(st.text(max_size=5) | st.integers(), max_size=4).map(
        lambda items: np.array(items, dtype=object)
    )
    | st.lists(st.booleans(), min_size=6, max_size=6).map(lambda items: np.array(items).reshape(2, 3))
)
VALUES = st.recursive(
    SCALARS | NUMPY_SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
        | st.dictionaries(KEYS, inner, max_size=3).map(lambda held: defaultdict(OrderedDict, held))
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Equal in value and kind; NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and all(same(a, b) for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
        )
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(a, b) and same(one[a], other[b]) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float | np.floating) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


@given(VALUES)
def test_what_was_written_is_read_back_the_same(value: Any) -> None:
    text, left_out = plain_text({"value": value})

    assert left_out == []
    assert same(read_plain(text, "x")["value"], value)


def test_an_array_of_texts_is_read_no_wider_than_what_it_holds() -> None:
    wide = np.array(["a long name", "ab"])[1:]

    back = read_plain(plain_text({"names": wide})[0], "x")["names"]

    assert back.tolist() == ["ab"]
    assert back.dtype == "<U2"


def test_the_labels_of_an_encoder_are_kept() -> None:
    encoder = LabelEncoder().fit(["no", "yes", "no"])

    back = read_plain(plain_text({"_le": encoder})[0], "x")["_le"]

    assert isinstance(back, LabelEncoder)
    assert back.inverse_transform([1, 0]).tolist() == ["yes", "no"]


def test_what_has_no_form_is_left_out_by_name_and_the_rest_is_kept() -> None:
    class Own:
        pass

    text, left_out = plain_text({"a": 1, "f": len, "own": [Own()], "when": np.array(["2026"], dtype="M8[Y]")})

    assert left_out == ["f", "own", "when"]
    assert read_plain(text, "x") == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        json.dumps({"__class__": 1}),
        json.dumps({"a b": 1}),
        json.dumps({"a": {"$": "eval", "pairs": []}}),
        json.dumps({"a": {"$": "array", "dtype": "O8", "shape": [1], "items": [1]}}),
        json.dumps({"a": {"$": "array", "dtype": "V99999999", "shape": [0], "items": []}}),
        json.dumps({"a": {"$": "array", "dtype": "<U999999", "shape": [2], "items": ["a", "b"]}}),
        json.dumps({"a": {"$": "array", "dtype": "<U3", "shape": [2], "items": ["a", "bc"]}}),
        json.dumps({"a": {"$": "array", "dtype": "<U2", "shape": [0], "items": []}}),
        json.dumps({"a": {"$": "array", "dtype": "<i8", "shape": [100000, 100000], "items": []}}),
        json.dumps({"a": {"$": "array", "dtype": "<f8", "shape": [1], "items": [[1, 2]]}}),
        json.dumps({"a": {"$": "dict", "pairs": [[[1], 2]]}}),
        json.dumps({"a": {"$": "number", "dtype": "<i8", "value": "x"}}),
        "[" * 100_000,
        '{"a": ' + '{"b": ' * 5_000 + "1" + "}" * 5_001,
    ],
)
def test_text_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"estimator.json holds no attributes"):
        read_plain(text, "estimator.json")
