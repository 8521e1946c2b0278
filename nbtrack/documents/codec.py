"""A document as JSON text, and back, without changing a bit of it.

Finite numbers are JSON numbers as Python prints them, so floats, -0.0 and integers of any size come
back exactly. What JSON or SQLite's JSONB cannot hold travels inside objects whose only key begins
with "$"; a key of the user's that begins with "$" gets a second one, so the two never meet:

    NaN                             {"$float": "NaN"}
    text with lone surrogates       {"$text": "<UTF-8 with surrogates, in hex>"}
    an integer of over 4,000 digits {"$int": "<hex>"}
    a key with lone surrogates      "$key:<hex>"
    the key "$a"                    "$$a"

Infinities are the numbers 9e999 and -9e999, which Python and SQLite both read as infinite: SQL then
compares and sorts them like any other number. (`{"$float": "Infinity"}` is understood as well, for
engines whose numbers have no such end.)

As in TinyDB's JSON files, keys that are not text become text and tuples become lists.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError

MAX_INTEGER = 2**63 - 1
"""The largest integer that SQLite holds exactly; the smallest is `-MAX_INTEGER - 1`."""

_to_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
_to_json_with_nan = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_from_json = json.JSONDecoder().raw_decode

# json writes NaN and Infinity bare; text that merely contains those words is skipped as a whole.
_NOT_FINITE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN')
_SPELLINGS = {"NaN": '{"$float":"NaN"}', "Infinity": "9e999", "-Infinity": "-9e999"}
# Python refuses to print or read integers of more than 4,300 digits; 3.3 bits make a digit.
_MOST_BITS = int(4000 * 3.3)
_LISTS = (list, tuple)
_CHUNK = 500
_WORTH_AN_IMPORT = 40
_SMALLEST = -MAX_INTEGER - 1


def encode(value: Any, path: tuple[str, ...] = ()) -> tuple[str, bool]:
    """Turn a document, or one value of a document, into JSON text for SQLite.

    Args:
        value: Dicts, lists, tuples, text, numbers, booleans and None.
        path: Where `value` stands in its document; errors name it.

    Returns:
        The text, and whether it is odd: holds something that SQL does not compare exactly as Python
        does (text with NUL or lone surrogates, integers beyond 64 bits).

    Raises:
        InvalidTypeError: JSON has no form for something in `value`.
        InvalidValueError: `value` contains itself, or is nested too deeply.
    """
    for to_json in (_to_json, _to_json_with_nan):
        try:
            text = to_json(value)
            odd = not _is_plain(value)
        except ValueError:  # NaN or an infinity, or an integer too long to be printed
            continue
        except (TypeError, RecursionError):
            break
        if ("$" in text and '"$' in text) or not _is_unicode(text):
            break
        if to_json is _to_json_with_nan:
            text = _NOT_FINITE.sub(_spell, text)
        return text, odd or _holds_nul(text)
    return _encode_with_care(value, path)


def decode(text: str) -> Any:
    """Turn text written by `encode` back into the value; each call makes fresh objects."""
    value = _from_json(text)[0]
    return _revive(value) if '"$' in text else value


def decode_many(texts: Sequence[str], *, odd: bool = True) -> Iterator[Any]:
    """Decode one text after the other.

    Args:
        texts: What `encode` has written.
        odd: Whether some of them may be odd. Those that are not are decoded by orjson, in half the
            time; it reads integers beyond 64 bits as floats.
    """
    # Importing it takes 8 ms, once: a page of a search is soon followed by others, one document is not.
    if odd or (len(texts) < _WORTH_AN_IMPORT and "orjson" not in sys.modules):
        for start in range(0, len(texts), _CHUNK):  # a fifth faster than one by one
            yield from decode(f"[{','.join(texts[start : start + _CHUNK])}]")
        return
    import orjson

    from_json = orjson.loads
    for text in texts:
        try:
            value = from_json(text)
        except orjson.JSONDecodeError:  # an infinity
            yield decode(text)
        else:
            yield _revive(value) if '"$' in text else value


def _is_plain(value: Any) -> bool:
    """Tell whether SQL holds all integers in `value` exactly; TypeError where a key is not text."""
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value)
        "".join(items)  # raises that TypeError without a loop in Python
        return _are_plain(items.values())
    if isinstance(value, _LISTS):
        return _are_plain(cast("Iterable[Any]", value))
    return not isinstance(value, int) or _SMALLEST <= value <= MAX_INTEGER


def _are_plain(values: Iterable[Any]) -> bool:
    plain = True
    for value in values:
        kind = value.__class__
        # Almost every value is text, a number or a dict: these comparisons spare them a call.
        if kind is str or kind is float:
            continue
        if kind is int:
            if not _SMALLEST <= value <= MAX_INTEGER:
                plain = False
        elif kind is dict:
            "".join(value)
            if not _are_plain(value.values()):
                plain = False
        elif value is not None and kind is not bool and not _is_plain(value):
            plain = False
    return plain


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds_nul(text: str) -> bool:
    # The backslash may itself be escaped: then a document is taken for odd, which is only slower.
    return "\\" in text and "\\u0000" in text


def _encode_with_care(value: Any, path: tuple[str, ...]) -> tuple[str, bool]:
    oddities: list[str] = []
    try:
        text = _to_json_with_nan(_prepare(value, path, oddities, ()))
    except RecursionError:
        raise InvalidValueError(
            f"{_name(path)} is nested too deeply to be stored; flatten it or store it as text."
        ) from None
    text = _NOT_FINITE.sub(_spell, text)
    return text, bool(oddities) or _holds_nul(text)


def _spell(token: re.Match[str]) -> str:
    text = token.group()
    return _SPELLINGS.get(text, text)


def _prepare(value: Any, path: tuple[str, ...], oddities: list[str], parents: tuple[int, ...]) -> Any:
    """Copy `value` with everything that needs a form of its own in that form, but NaN and infinity."""
    if value is None or isinstance(value, (float, bool)):
        return value
    if isinstance(value, str):
        if _is_unicode(value):
            return value
        oddities.append("text")
        return {"$text": _hex(value)}
    if isinstance(value, int):
        if _SMALLEST <= value <= MAX_INTEGER:
            return value
        oddities.append("integer")
        return value if value.bit_length() < _MOST_BITS else {"$int": hex(value)}
    if id(value) in parents:
        raise InvalidValueError(f"{_name(path)} contains itself; JSON cannot hold that.")
    parents = (*parents, id(value))
    if isinstance(value, dict):
        prepared: dict[str, Any] = {}
        for key, item in cast("dict[Any, Any]", value).items():
            name = _key_text(key, path)
            prepared[_escape_key(name)] = _prepare(item, (*path, name), oddities, parents)
        return prepared
    if isinstance(value, _LISTS):
        items = enumerate(cast("Iterable[Any]", value))
        return [_prepare(item, (*path, str(at)), oddities, parents) for at, item in items]
    raise InvalidTypeError(
        f"{_name(path)} is of type {type(value).__name__}, which JSON cannot hold; use text, numbers, "
        "booleans, None, lists and dicts."
    )


def _key_text(key: Any, path: tuple[str, ...]) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, (int, float)):
        text = _to_json_with_nan({key: 0})  # json's own rules: True -> "true", 1.5 -> "1.5"
        return text[2 : text.rindex('"')]
    raise InvalidTypeError(f"A key of {_name(path)} is of type {type(key).__name__}: {key!r}; keys are text.")


def _escape_key(key: str) -> str:
    if not _is_unicode(key):
        return f"$key:{_hex(key)}"
    return f"${key}" if key.startswith("$") else key


def _revive(value: Any) -> Any:
    if isinstance(value, list):
        return [_revive(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    items = cast("dict[str, Any]", value)
    if len(items) == 1:
        ((key, item),) = items.items()
        if key == "$float":
            return float(item)  # a new object each time: `in` looks at identity before equality
        if key == "$text":
            return _unhex(item)
        if key == "$int":
            return int(item, 16)
    return {_unescape_key(key): _revive(item) for key, item in items.items()}


def _unescape_key(key: str) -> str:
    if key.startswith("$key:"):
        return _unhex(key[5:])
    return key[1:] if key.startswith("$") else key


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _unhex(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


def _name(path: tuple[str, ...]) -> str:
    return f"The value of {'.'.join(path)!r}" if path else "The document"
