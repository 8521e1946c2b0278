"""Documents come back from their text to the bit."""

import json
import math
from collections import OrderedDict, namedtuple
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.codec import decode, decode_many, encode
from nbtrack.documents.database import Database
from tests.documents import samples


@settings(max_examples=150)
@given(samples.documents)
def test_every_document_survives_the_round_trip(document: Any) -> None:
    text, _ = encode(document)

    assert samples.same(decode(text), document)


@settings(max_examples=150)
@given(samples.documents)
def test_the_text_is_strict_json_in_unicode(document: Any) -> None:
    text, _ = encode(document)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    json.loads(text.encode().decode(), parse_constant=refuse)


@settings(max_examples=30)
@given(st.lists(samples.documents, max_size=5))
def test_every_document_survives_the_database(tmp_path_factory: Any, documents: list[Any]) -> None:
    with Database(tmp_path_factory.mktemp("codec") / "documents.db") as database:
        database.insert_multiple(documents)

        assert all(map(samples.same, map(dict, database.all()), documents))


@settings(max_examples=30)
@given(st.lists(samples.documents, max_size=5))
def test_many_are_decoded_as_one_by_one(documents: list[Any]) -> None:
    texts = [encode(document)[0] for document in documents]

    assert all(map(samples.same, decode_many(texts), documents))


def test_more_than_one_chunk_is_decoded_in_order() -> None:
    assert list(decode_many([f'{{"n":{n}}}' for n in range(1201)])) == [{"n": n} for n in range(1201)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": math.nan}, '{"a":{"$float":"NaN"}}'),
        ({"NaN": [math.inf, "Infinity, NaN", -math.inf]}, '{"NaN":[9e999,"Infinity, NaN",-9e999]}'),
        ({'say "NaN': math.nan, "\\": math.inf}, '{"say \\"NaN":{"$float":"NaN"},"\\\\":9e999}'),
        ({"a": -0.0, "b": 5e-324, "c": 0.1}, '{"a":-0.0,"b":5e-324,"c":0.1}'),
        ({"$a": 1, "$$b": 2}, '{"$$a":1,"$$$b":2}'),
        ({"a": "\ud800"}, '{"a":{"$text":"eda080"}}'),
        ({"\ud800": 1}, '{"$key:eda080":1}'),
        ({"a": "é\0"}, '{"a":"é\\u0000"}'),
        ({"a": 10**20}, '{"a":100000000000000000000}'),
        ({"a": 16**4000}, '{"a":{"$int":"0x1' + "0" * 4000 + '"}}'),
    ],
)
def test_what_json_cannot_hold_has_a_form_of_its_own(value: Any, text: str) -> None:
    assert encode(value)[0] == text
    assert samples.same(decode(text), value)


def test_infinity_is_read_in_both_spellings() -> None:
    assert decode('[9e999, {"$float": "Infinity"}, {"$float": "-Infinity"}]') == [
        math.inf,
        math.inf,
        -math.inf,
    ]


def test_each_nan_is_an_object_of_its_own() -> None:
    one, two = decode('[{"$float":"NaN"},{"$float":"NaN"}]')

    assert one is not two


@pytest.mark.parametrize(
    ("value", "is_odd"),
    [
        ({"a": 2**63 - 1, "b": -(2**63)}, False),
        ({"a": 2**63}, True),
        ({"a": [[{"b": -(2**63) - 1}]]}, True),
        ({"a": (2**63,)}, True),
        ({"a": math.nan, "b": math.inf, "c": -0.0}, False),
        ({"a": math.nan, "b": 2**63}, True),
        ({"a": "\0"}, True),
        ({"a": "\ud800"}, True),
        ({"$a": 1}, False),
        ({"$a": 2**63}, True),
        ({"$a": "\0"}, True),
        ({"a": 'é\U0001f600\n"\\'}, False),
    ],
)
def test_a_document_is_odd_where_sql_does_not_compare_exactly(value: Any, is_odd: bool) -> None:
    assert encode(value)[1] == is_odd


def test_keys_become_text_as_in_tinydbs_json_files() -> None:
    document = {2: "a", 1.5: "b", True: "c", None: "d", "e": {2: math.nan}}

    assert decode(encode(document)[0]) == json.loads(json.dumps({**document, "e": {2: 0}})) | {
        "e": {"2": pytest.approx(math.nan, nan_ok=True)}
    }


def test_of_keys_that_become_the_same_text_the_last_counts() -> None:
    assert encode({1: "a", "1": "b", "x": {None: 1, "null": 2}})[0] == '{"1":"b","x":{"null":2}}'


def test_tuples_become_lists_and_subclasses_what_they_derive_from() -> None:
    class Colour(StrEnum):
        RED = "red"

    pair = namedtuple("pair", "left right")
    document = OrderedDict(a=(1, (2,)), b=pair(1, 2), c=Colour.RED, d=True)

    assert encode(document)[0] == '{"a":[1,[2]],"b":[1,2],"c":"red","d":true}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [1, datetime.now(UTC)]}}, "The value of 'a.b.1' is of type datetime"),
        ({"a": {1, 2}}, "The value of 'a' is of type set"),
        ({"a": b"bytes"}, "The value of 'a' is of type bytes"),
        ({"a": 1j}, "The value of 'a' is of type complex"),
        ({"a": {(1, 2): 3}}, r"A key of The value of 'a' is of type tuple: \(1, 2\)"),
        (object(), "The document is of type object"),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, message: str) -> None:
    with pytest.raises(InvalidTypeError, match=message):
        encode(value)


def test_the_path_of_a_part_leads_its_name() -> None:
    with pytest.raises(InvalidTypeError, match=r"The value of 'params.lr.x' is of type object"):
        encode({"x": object()}, ("params", "lr"))


def test_a_value_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)

    with pytest.raises(InvalidValueError, match=r"The value of 'a.0' contains itself"):
        encode(value)


def test_the_same_part_may_occur_twice() -> None:
    part = {"$x": 1}

    assert decode(encode({"a": part, "b": [part, part]})[0]) == {"a": part, "b": [part, part]}


@pytest.mark.parametrize("depth", [1_100, 100_000])
def test_a_value_nested_too_deeply_is_refused(database: Database, depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]

    for act in (
        lambda: database.insert({"a": value}),
        lambda: database.insert_multiple([{"a": value}]),
        lambda: database.upsert({"a": value}, lambda _: True),
    ):
        with pytest.raises(InvalidValueError, match="nested too deeply"):
            act()

    database.insert({"a": 1})
    with pytest.raises(InvalidValueError, match="nested too deeply"):
        database.update({"a": value})
    with pytest.raises(InvalidValueError, match="nested too deeply"):
        database.table("_default").patch({("b", "c"): value})
    assert database.all() == [{"a": 1}]


def test_a_value_nested_hundreds_of_levels_deep_is_kept(database: Database) -> None:
    value: Any = 1
    for _ in range(300):
        value = [value]

    database.insert({"a": value})

    assert database.all() == [{"a": value}]


@given(st.lists(samples.documents, max_size=5))
def test_many_texts_are_decoded_as_each_one_is(documents: list[Any]) -> None:
    encoded = [encode(document) for document in documents * 20]

    for odd in (True, False):
        texts = [text for text, is_odd in encoded if odd or not is_odd]
        assert samples.same(list(decode_many(texts, odd=odd)), [decode(text) for text in texts])


def test_many_texts_may_hold_what_orjson_refuses() -> None:
    texts = [encode(value)[0] for value in (math.inf, {"a": -math.inf, "b": math.nan}, "text")] * 20

    found = list(decode_many(texts, odd=False))

    assert samples.same(found, [math.inf, {"a": -math.inf, "b": math.nan}, "text"] * 20)
