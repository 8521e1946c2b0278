"""Type hints of a Python model's `predict`: the schema they say, and data checked by them.

As in MLflow 3, `list[...]` of scalars, dicts, lists and pydantic models is checked at each call, before
the model is saved as after it was loaded. Other hints, such as `pandas.DataFrame`, say no schema.
"""

import datetime as dt
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from nbtrack.core.errors import InvalidTypeError
from nbtrack.models.schema.data_types import AnyType, Array, DataType, Map, Object, Property, ValueType
from nbtrack.models.schema.schemas import ColSpec, Schema

TypeFromExample = TypeVar("TypeFromExample")
"""MLflow's hint for `like the input example`."""

_SCALARS: dict[Any, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
    dt.datetime: DataType.datetime,
}
_MOST_TOLD = 5
_CHECKS = "_checks_its_input"


@dataclass(frozen=True)
class TypeHints:
    """The hints of `predict`; None where there is none. MLflow's loaders read both fields."""

    input: Any = None
    output: Any = None


class FuncInfo(NamedTuple):
    """What a pickle of MLflow's may hold of a function with hints."""

    input_type_hint: Any
    input_param_name: str


def input_names(function: Callable[..., Any]) -> list[str]:
    """The parameters of a function, without `self`."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


def takes_context(function: Callable[..., Any]) -> bool:
    """Whether the first parameter of a `predict` is the context: by its name, or because another follows."""
    names = input_names(function)
    return "context" in names or len([name for name in names if name != "params"]) == 2


def type_hints_of(function: Callable[..., Any]) -> TypeHints:
    """The hints of a `predict`; those that cannot be looked up count as none."""
    try:
        hints = get_type_hints(function)
        names = input_names(function)
        place = 1 if takes_context(function) else 0
    except (TypeError, ValueError, NameError, AttributeError):
        return TypeHints()
    return TypeHints(hints.get(names[place]) if len(names) > place else None, hints.get("return"))


def schema_of(hint: Any) -> Schema | None:
    """The schema of `list[...]`: one column without a name; None for hints that say none."""
    element = _element(hint)
    if element is None:
        return None
    found = _type_of(element)
    return None if found is None or not found[1] else Schema([ColSpec(found[0])])


def checking(function: Any) -> Any:
    """A `predict` that checks its input by its hint; itself where the hint says no schema."""
    if not inspect.isfunction(function) or checks_its_input(function):
        return function
    hint = type_hints_of(function).input
    if schema_of(hint) is None:
        return function
    names = list(inspect.signature(function).parameters)
    place = (1 if takes_context(function) else 0) + (1 if "self" in names else 0)
    name = names[place]

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = with_checked_input(args, kwargs, place, hint, name)
        return function(*args, **kwargs)

    vars(checked)[_CHECKS] = True
    return checked


def checks_its_input(function: Any) -> bool:
    """Whether `checking` made it."""
    return getattr(function, _CHECKS, False) is True


def with_checked_input(
    args: tuple[Any, ...], kwargs: dict[str, Any], place: int, hint: Any, name: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, with the input checked and in the form of its hint.

    Args:
        args: By place.
        kwargs: By name.
        place: Where the input is among `args`.
        hint: Its hint.
        name: Its name.
    """
    if name in kwargs:
        return args, {**kwargs, name: check_input(kwargs[name], hint)}
    if len(args) > place:
        return (*args[:place], check_input(args[place], hint), *args[place + 1 :]), kwargs
    return args, kwargs


def check_input(data: Any, hint: Any) -> Any:
    """Data as its hint says: a list of values.

    Args:
        data: A list, array, Series, or a DataFrame with one column or, for dicts and pydantic
            models, one row for each.
        hint: `list[...]`.

    Raises:
        InvalidTypeError: Some of it is of another type; the message says which.
    """
    element = _element(hint)
    if element is None:
        return data
    values = _as_list(data, element)
    if not isinstance(values, list):
        raise InvalidTypeError(
            f"The model takes {_shown(hint)}, got {type(data).__name__} {data!r:.80}. Give a list."
        )
    checked: list[Any] = []
    wrong: list[str] = []
    for place, value in enumerate(cast("list[Any]", values)):
        try:
            checked.append(_checked(value, element))
        except InvalidTypeError as error:
            wrong.append(f"element {place}: {error}")
            if len(wrong) > _MOST_TOLD:
                break
    if wrong:
        more = "; …" if len(wrong) > _MOST_TOLD else ""
        raise InvalidTypeError(f"The model takes {_shown(hint)}. {'; '.join(wrong[:_MOST_TOLD])}{more}.")
    return checked


def _as_list(data: Any, element: Any) -> Any:
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        if len(data.columns) != 1 or (_is_record(element) and list(data.columns) != [0]):
            if not _is_record(element):
                raise InvalidTypeError(
                    f"The model takes {_shown(list)} of {_shown(element)}: a DataFrame with one column, "
                    f"got one with {len(data.columns)}: {', '.join(map(str, data.columns))}."
                )
            return data.to_dict(orient="records")
        return data.iloc[:, 0].tolist()
    if str(cast("Any", type(data)).__module__).startswith(("numpy", "pandas")) and hasattr(data, "tolist"):
        return data.tolist()
    return [*cast("tuple[Any, ...]", data)] if isinstance(data, tuple) else data


def _is_record(element: Any) -> bool:
    return element is dict or get_origin(element) is dict or _pydantic_model(element) is not None


def _element(hint: Any) -> Any:
    """What a list holds; None when the hint is no list."""
    arguments = get_args(hint)
    return arguments[0] if get_origin(hint) is list and len(arguments) == 1 else None


def _type_of(hint: Any) -> tuple[ValueType, bool] | None:
    """The type that a hint says, and whether a value must be there; None where MLflow has no type for it."""
    if hint is Any:
        return AnyType(), True
    if (scalar := _SCALARS.get(hint) if isinstance(hint, type) else None) is not None:
        return scalar, True
    model = _pydantic_model(hint)
    if model is not None:
        properties: list[Property] = []
        for name, field in model.model_fields.items():
            inner = _type_of(field.annotation)
            if inner is None:
                return None
            properties.append(Property(name, inner[0], inner[1]))
        return (Object(properties), True) if properties else None
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is list and len(arguments) == 1:
        inner = _type_of(arguments[0])
        return None if inner is None else (Array(inner[0]), True)
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        inner = _type_of(arguments[1])
        return None if inner is None else (Map(inner[0]), True)
    if origin in (Union, UnionType):
        others = [each for each in arguments if each is not NoneType]
        inner = _type_of(others[0]) if len(others) == 1 else (AnyType(), True)
        return None if inner is None else (inner[0], len(others) == len(arguments))
    return None


def _checked(value: Any, hint: Any) -> Any:
    if hint is Any:
        return value
    if isinstance(hint, type) and hint in _SCALARS:
        return _checked_scalar(value, hint)
    model = _pydantic_model(hint)
    if model is not None:
        return _checked_by_pydantic(value, model)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        if not isinstance(value, list):
            raise InvalidTypeError(f"{_told(value)} is no list")
        return [_checked(each, arguments[0]) for each in cast("list[Any]", value)]
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InvalidTypeError(f"{_told(value)} is no dict")
        entries = cast("Mapping[Any, Any]", value)
        if unnamed := [key for key in entries if not isinstance(key, str)]:
            raise InvalidTypeError(f"the key {unnamed[0]!r} is no text")
        return {key: _checked_at(key, each, arguments[1]) for key, each in entries.items()}
    others = [each for each in arguments if each is not NoneType]
    if value is None and len(others) < len(arguments):
        return None
    return _checked(value, others[0]) if len(others) == 1 else value


def _checked_at(key: str, value: Any, hint: Any) -> Any:
    try:
        return _checked(value, hint)
    except InvalidTypeError as error:
        raise InvalidTypeError(f"at {key!r}, {error}") from None


def _checked_scalar(value: Any, hint: type) -> Any:
    if isinstance(value, hint):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
        if isinstance(value, hint):
            return value
    if hint is float and type(value) is int:
        return float(value)
    if hint is dt.datetime and isinstance(value, str):  # JSON has no dates
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidTypeError(f"{_told(value)} is no {hint.__name__}")


def _checked_by_pydantic(value: Any, model: Any) -> Any:
    if isinstance(value, model):
        return value
    dump = getattr(value, "model_dump", None)
    held = dump() if callable(dump) else value
    if not isinstance(held, Mapping):
        raise InvalidTypeError(f"{_told(value)} is no dict with the fields of {model.__name__}")
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(cast("Mapping[str, Any]", held)), strict=True)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or model.__name__}: {one['msg']}" for one in error.errors()
        )
        raise InvalidTypeError(f"{said} (in {model.__name__})") from error


def _pydantic_model(hint: Any) -> Any:
    """The hint, if it is a class of pydantic; pydantic is not imported for the question."""
    is_one = isinstance(hint, type) and get_origin(hint) is None and hasattr(hint, "model_fields")
    return hint if is_one and hasattr(hint, "model_validate") else None


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)


def _told(value: Any) -> str:
    return f"{value!r:.60} ({type(value).__name__})"
