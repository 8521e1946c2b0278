"""The params of a model: what `predict(data, params=...)` may be given, and what holds when it is not.

Names, constructors and JSON are MLflow's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.schema.data_types import (
    DataType,
    Object,
    as_value_type,
    quoted,
    type_from_json,
    type_to_json,
)
from nbtrack.models.schema.exact_values import ValueMisfitError, fitted, python_scalar, type_name
from nbtrack.models.schema.schemas import parsed_json


class ParamSpec:
    """One param: its name, its type, its default; with `shape=(-1,)` a list of such values."""

    def __init__(
        self,
        name: str,
        dtype: DataType | Object | str,
        default: Any,
        shape: Sequence[int] | None = None,
    ) -> None:
        self._name = str(name)
        kind = as_value_type(dtype, f"dtype of the param {self._name!r}")
        if not isinstance(kind, DataType | Object):
            raise InvalidTypeError(
                f"The dtype of the param {self._name!r} is a scalar type or an Object, not {kind!r}"
            )
        if kind is DataType.binary:
            raise InvalidValueError(f"The param {self._name!r} cannot be binary: params are JSON")
        if shape is not None and tuple(shape) != (-1,):
            raise InvalidValueError(
                f"The shape of the param {self._name!r} is None (one value) or (-1,) (a list), not {shape!r}"
            )
        self._dtype = kind
        self._shape = None if shape is None else (-1,)
        self._default = self.checked(default)

    @property
    def name(self) -> str:
        """The name by which `predict(params=...)` gives it."""
        return self._name

    @property
    def dtype(self) -> DataType | Object:
        """The type of its value, or of each value in its list."""
        return self._dtype

    @property
    def default(self) -> Any:
        """The value that holds where none is given; a copy."""
        return deepcopy(self._default)

    @property
    def shape(self) -> tuple[int] | None:
        """None for one value, (-1,) for a list of any length."""
        return cast("tuple[int] | None", self._shape)

    def checked(self, value: Any) -> Any:
        """A value as this param takes it, in Python's own types; None stays None.

        Raises:
            InvalidTypeError: It is of another type; the message names the param.
        """
        try:
            if self._shape is None:
                return self._one(value)
            if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
                value = list(value)
            if not isinstance(value, list | tuple):
                raise ValueMisfitError(value, f"{quoted(value)} ({type_name(value)}) is no list")
            return [self._one(held) for held in cast("list[Any]", value)]
        except ValueMisfitError as error:
            wanted = repr(self._dtype) if self._shape is None else f"list of {self._dtype!r}"
            raise InvalidTypeError(f"The param {self._name!r} wants {wanted}: {error}") from None

    def _one(self, value: Any) -> Any:
        return None if value is None else fitted(python_scalar(value), self._dtype)

    def to_dict(self) -> dict[str, Any]:
        """The param as MLflow's JSON has it."""
        shape = None if self._shape is None else list(self._shape)
        default = json.loads(json.dumps(self._default, default=lambda moment: moment.isoformat()))
        return {"name": self._name, "default": default, "shape": shape, **type_to_json(self._dtype)}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "ParamSpec":
        """A param from the entries of its JSON object; the opposite of `to_dict`."""
        dtype = kwargs.get("type", kwargs.get("dtype"))  # MLflow 2.6 wrote `dtype`
        if dtype is None or not {"name", "default"} <= set(kwargs):
            raise InvalidValueError(f"A param has a name, a type and a default: {quoted(kwargs)} lacks one")
        kind = type_from_json({**kwargs, "type": dtype})
        return cls(kwargs["name"], cast("DataType | Object", kind), kwargs["default"], kwargs.get("shape"))

    def __eq__(self, other: object) -> bool:
        # As text: a default of NaN is the same default.
        return isinstance(other, ParamSpec) and json.dumps(self.to_dict()) == json.dumps(other.to_dict())

    def __hash__(self) -> int:
        return hash((self._name, self._dtype, self._shape))

    def __repr__(self) -> str:
        shape = "" if self._shape is None else f" (shape: {self._shape})"
        return f"{self._name!r}: {self._dtype!r} (default: {self._default!r}){shape}"


class ParamSchema:
    """The params of a model, each by its own name."""

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        if not isinstance(params, list | tuple) or not all(isinstance(one, ParamSpec) for one in params):
            raise InvalidTypeError(f"A ParamSchema is made of a list of ParamSpec, not {params!r}")
        names = [one.name for one in params]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidValueError(f"Two params of one name: {', '.join(map(repr, twice))}")
        self._params = tuple(params)

    @property
    def params(self) -> list[ParamSpec]:
        """Every `ParamSpec`, in order."""
        return list(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self._params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSchema) and self._params == other._params

    def __hash__(self) -> int:
        return hash(self._params)

    def __repr__(self) -> str:
        return repr(self.params)

    def to_dict(self) -> list[dict[str, Any]]:
        """The params as MLflow's JSON has them."""
        return [one.to_dict() for one in self._params]

    def to_json(self) -> str:
        """The params as text, in MLflow's JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, held: Sequence[Mapping[str, Any]]) -> "ParamSchema":
        """The params from what `to_dict` gave.

        Raises:
            InvalidValueError: These are no params; the message says where.
        """
        if not isinstance(held, list | tuple) or not all(isinstance(one, Mapping) for one in held):
            raise InvalidValueError(
                f"The params of a signature are a JSON list of objects, not {quoted(held)}"
            )
        return cls([ParamSpec.from_json_dict(**one) for one in held])

    @classmethod
    def from_json(cls, json_str: str) -> "ParamSchema":
        """The params from MLflow's JSON text.

        Raises:
            InvalidValueError: These are no params; the message says where.
        """
        return cls.from_dict(parsed_json(json_str, "params"))
