"""What an estimator holds besides its trees, as JSON: plain values, arrays, dicts of any keys.

A pickle would hold it too, but runs code when it is read. This holds values only, in a few forms
that are written out below; what has none is said by name.
"""

import json
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.errors import InvalidValueError, said

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

_TAG = "$"
_MOST_LEVELS = 32
_MOST_BYTES = 200_000_000
_NUMBER_KINDS = "biuf"
_DTYPE = re.compile(r"[<>|=]?(?:[biuf][0-9]{1,2}|U[0-9]{1,6})")


class NotPlainError(InvalidValueError):
    """A value has no form here; a caller knows what to do then."""


def plain_text(state: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text of an object's attributes.

    Args:
        state: Attributes by name.

    Returns:
        JSON, and the names of attributes that have no form and were left out.
    """
    held: dict[str, Any] = {}
    left_out: list[str] = []
    for name, value in state.items():
        try:
            held[name] = _encode(value, 0)
        except NotPlainError:
            left_out.append(name)
    return json.dumps(held), left_out


def read_state(folder: "ModelFolder", name: str) -> dict[str, Any]:
    """The attributes in a file of a model folder; as `read_plain`.

    Raises:
        InvalidValueError: It is no such file, or is larger than any estimator's; or as `ModelFolder.open`.
        MissingFileError: There is no such file.
    """
    where = f"{name!r} of the model at {folder.path}"
    with folder.open(name) as file:
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise InvalidValueError(f"{where} is larger than any estimator's.")
    return read_plain(text, where)


def read_plain(text: str | bytes, where: str) -> dict[str, Any]:
    """The attributes that `plain_text` wrote.

    Args:
        text: JSON; a stranger may have written it.
        where: What it is called in errors.

    Raises:
        InvalidValueError: It is no such text.
    """
    try:
        held = json.loads(text)
        if not isinstance(held, dict):
            raise TypeError(f"a {type(held).__name__}")
        attributes = cast("dict[str, Any]", held)
        if not all(name.isidentifier() and not name.startswith("__") for name in attributes):
            raise TypeError("a name that is none")
        return {name: _decode(value) for name, value in attributes.items()}
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise InvalidValueError(f"{where} holds no attributes of an estimator: {said(error)}.") from None


def _encode(value: Any, level: int) -> Any:
    import numpy as np

    if level > _MOST_LEVELS:
        raise NotPlainError("nested too deep")
    kind = cast("type[Any]", type(value))
    if value is None or kind in (bool, int, str, float):
        return value
    # numpy's float64 and str_ are Python's float and str, and equal to them.
    if kind in (np.float64, np.str_):
        return float(value) if kind is np.float64 else str(value)
    if issubclass(kind, np.generic) and value.dtype.kind in _NUMBER_KINDS:
        return {_TAG: "number", "dtype": value.dtype.str, "value": value.item()}
    if kind is np.ndarray:
        return _encode_array(value, level)
    if kind is list:
        return [_encode(each, level + 1) for each in value]
    if kind is tuple:
        return {_TAG: "tuple", "items": [_encode(each, level + 1) for each in value]}
    if kind in _DICTS:
        return _encode_dict(value, _DICTS[kind], level)
    if kind.__module__.startswith("sklearn.preprocessing") and kind.__name__ == "LabelEncoder":
        return {_TAG: "labels", "attributes": _encode(vars(value), level + 1)}
    raise NotPlainError(f"a {kind.__name__}")


def _encode_array(array: Any, level: int) -> Any:
    if array.dtype.kind not in f"{_NUMBER_KINDS}UO":
        raise NotPlainError(f"an array of {array.dtype}")
    items = array.ravel().tolist()
    if array.dtype.kind == "O":
        items = [_encode(each, level + 1) for each in items]
    dtype = "O" if array.dtype.kind == "O" else array.dtype.str
    if array.dtype.kind == "U":
        dtype = f"{dtype[0]}U{_width(items)}"
    return {_TAG: "array", "dtype": dtype, "shape": list(array.shape), "items": items}


_DICTS: dict[type, str] = {dict: "dict", OrderedDict: "OrderedDict", defaultdict: "defaultdict"}


def _encode_dict(value: Any, kind: str, level: int) -> Any:
    if kind == "defaultdict" and value.default_factory is not OrderedDict:
        raise NotPlainError("a defaultdict of something")
    items = cast("Iterable[tuple[Any, Any]]", value.items())
    pairs = [[_encode(key, level + 1), _encode(each, level + 1)] for key, each in items]
    if kind == "dict" and all(isinstance(key, str) and not key.startswith(_TAG) for key, _ in pairs):
        return dict(pairs)
    return {_TAG: kind, "pairs": pairs}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    tag = held.get(_TAG)
    if tag is None:
        return {key: _decode(each) for key, each in held.items()}
    if tag == "tuple":
        return tuple(_decode(each) for each in held["items"])
    if tag == "number":
        return _array([held["value"]], held["dtype"], [1])[0]
    if tag == "array":
        return _array(held["items"], held["dtype"], held["shape"])
    if tag == "labels":
        return _label_encoder(_decode(held["attributes"]))
    pairs = [(_decode(key), _decode(each)) for key, each in held["pairs"]]
    if tag == "dict":
        return dict(pairs)
    if tag == "OrderedDict":
        return OrderedDict(pairs)
    if tag == "defaultdict":
        filled: defaultdict[Any, Any] = defaultdict(OrderedDict)
        filled.update(pairs)
        return filled
    raise ValueError(f"the form {tag!r} is not known")


def _array(items: list[Any], dtype: str, shape: list[int]) -> Any:
    """An array, no larger than what was written of it."""
    import numpy as np

    if math.prod(shape) != len(items) or len(shape) > _MOST_LEVELS:
        raise ValueError("an array is not of its shape")
    if dtype == "O":
        array = np.empty(len(items), dtype=object)
        for number, each in enumerate(items):
            array[number] = _decode(each)
        return array.reshape(shape)
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"the dtype {dtype!r:.60} is not taken")
    wanted = np.dtype(dtype)
    # A file of many arrays of a stranger's U99999 would take a thousand times its size.
    if wanted.kind == "U" and wanted.itemsize // 4 > _width(items):
        raise ValueError(f"the dtype {dtype!r:.60} is larger than what it holds")
    return np.array(items, dtype=wanted).reshape(shape)


def _width(items: Iterable[str]) -> int:
    """Letters of the narrowest array that holds these texts."""
    return max(map(len, items), default=0) or 1


def _label_encoder(attributes: Any) -> Any:
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder()
    vars(encoder).update(attributes)
    return encoder
