"""Params from what people keep them in: dicts, dataclasses, pydantic models, argparse namespaces.

Nested ones are flattened: `{"optimizer": {"lr": 0.1}}` is the param `optimizer.lr`.
"""

import sys
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.names import check_key

_DEEPEST = 100
_PLAIN = frozenset((str, int, float, bool, type(None), list, tuple))


def param_texts(params: Any) -> dict[str, str]:
    """The params in `params`, each as the text that is kept.

    Args:
        params: A dict, a dataclass instance, a pydantic or attrs object, an `argparse.Namespace` or a
            `SimpleNamespace`. Values of these kinds are flattened, with dots between the keys; an
            empty one is kept as its `str()`, and so is every other value.

    Raises:
        InvalidTypeError: It is none of these, or a key is not text.
        InvalidValueError: A key is empty, two values flatten to one key, or it contains itself.
    """
    fields = _fields_of(params)
    if fields is None:
        raise InvalidTypeError(
            "params are given as a dict, a dataclass instance, a pydantic model or an argparse Namespace, "
            f"got {type(params).__name__} {params!r:.80}."
        )
    texts: dict[str, str] = {}
    for key, value in _flattened(fields, "", 0):
        text = str(value)
        if texts.setdefault(check_key("param", key), text) != text:
            raise InvalidValueError(
                f"Param {key!r} is given twice, as {texts[key]!r:.60} and as {text!r:.60}: a key with a dot "
                "and a nested one mean the same."
            )
    return texts


def _flattened(fields: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[Any, Any]]:
    if depth > _DEEPEST:
        raise InvalidValueError(
            f"The params at {prefix[:60]!r}… are nested more than {_DEEPEST} levels deep. Do they contain "
            "themselves?"
        )
    for name, value in fields.items():
        key = f"{prefix}{name}" if prefix else name
        inner = _fields_of(value)
        if inner:
            yield from _flattened(inner, f"{key}.", depth + 1)
        else:
            yield key, value


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    """What a thing that holds params holds; None for any other value."""
    # Nearly every value is one of these; asking for a Mapping takes 0.4 µs.
    if type(value) in _PLAIN:
        return None
    if isinstance(value, Mapping):
        return cast("Mapping[Any, Any]", value)
    if isinstance(value, type | str | int | float):
        return None
    kind: Any = cast("Any", type(value))
    for attribute in ("__dataclass_fields__", "model_fields", "__attrs_attrs__"):
        if hasattr(kind, attribute):
            return _declared(value, attribute)
    argparse = sys.modules.get("argparse")
    if isinstance(value, SimpleNamespace) or (argparse is not None and isinstance(value, argparse.Namespace)):
        return cast("Mapping[Any, Any]", vars(value))
    return None


def _declared(value: Any, attribute: str) -> Mapping[str, Any]:
    """The fields that a class declares, with the values of one instance."""
    declared: Any = getattr(cast("Any", type(value)), attribute)
    names: list[str]
    if attribute == "__attrs_attrs__":
        names = [field.name for field in declared]
    elif attribute == "__dataclass_fields__":
        import dataclasses

        names = [field.name for field in dataclasses.fields(value)]
    else:
        names = [*declared, *(getattr(value, "model_extra", None) or ())]
    return {name: getattr(value, name) for name in names}
