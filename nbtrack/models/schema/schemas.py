"""Schemas: the columns or the tensors that a model takes, or gives back.

Names, constructors and JSON are MLflow's. Schemas are immutable and hashable; those of columns load no numpy.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.schema.data_types import (
    DataType,
    ValueType,
    as_value_type,
    quoted,
    type_from_json,
    type_to_json,
)

if TYPE_CHECKING:
    import numpy as np

Name = Any
"""The name of a column: text; a number or a tuple where a DataFrame has such columns; None without one."""


@dataclass(frozen=True, init=False, repr=False)
class ColSpec:
    """One column: its type, its name, and whether it must be there."""

    type: ValueType
    name: Name
    required: bool

    def __init__(self, type: ValueType | str, name: Name = None, required: bool = True) -> None:
        what = "type of a column" if name is None else f"type of the column {name!r}"
        object.__setattr__(self, "type", as_value_type(type, what))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "required", bool(required))

    def __repr__(self) -> str:
        required = "required" if self.required else "optional"
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type!r} ({required})"

    def to_dict(self) -> dict[str, Any]:
        """The column as MLflow's JSON has it."""
        name = {} if self.name is None else {"name": self.name}
        return {**type_to_json(self.type), **name, "required": self.required}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "ColSpec":
        """A column from the entries of its JSON object; the opposite of `to_dict`."""
        # MLflow before 2.9 wrote `optional` for columns that may be absent.
        required = kwargs.get("required", not kwargs.get("optional", False))
        return cls(type_from_json(kwargs), _name_from_json(kwargs), required)


@dataclass(frozen=True, init=False, repr=False)
class TensorSpec:
    """One tensor: the dtype of its values, its shape (-1: any length), its name."""

    type: "np.dtype[Any]"
    shape: tuple[int, ...]
    name: Name

    def __init__(self, type: "np.dtype[Any]", shape: Sequence[int], name: Name = None) -> None:
        import numpy as np

        if not isinstance(type, np.dtype):
            raise InvalidTypeError(
                f"The type of a TensorSpec is a numpy dtype, such as np.dtype('float64'), not {type!r}"
            )
        if type.kind in "US" and type.itemsize:
            raise InvalidValueError(
                f"A TensorSpec has no length of texts: give np.dtype({_bare_name(type)!r}), not {type!r}"
            )
        if not isinstance(shape, list | tuple) or not all(
            isinstance(size, int | np.integer) and size >= -1 for size in shape
        ):
            raise InvalidTypeError(
                f"The shape of a TensorSpec is a tuple of lengths, -1 where any will do, not {shape!r}"
            )
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "shape", tuple(int(size) for size in shape))
        object.__setattr__(self, "name", name)

    @property
    def required(self) -> bool:
        """True: a tensor must always be there."""
        return True

    def __repr__(self) -> str:
        info = f"Tensor({_bare_name(self.type)!r}, {self.shape!r})"
        return info if self.name is None else f"{self.name!r}: {info}"

    def to_dict(self) -> dict[str, Any]:
        """The tensor as MLflow's JSON has it."""
        name = {} if self.name is None else {"name": self.name}
        spec = {"dtype": _bare_name(self.type), "shape": list(self.shape)}
        return {**name, "type": "tensor", "tensor-spec": spec}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "TensorSpec":
        """A tensor from the entries of its JSON object; the opposite of `to_dict`."""
        import numpy as np

        held = kwargs.get("tensor-spec")
        spec: Mapping[str, Any] = cast("Mapping[str, Any]", held) if isinstance(held, Mapping) else {}
        if kwargs.get("type") != "tensor" or not {"dtype", "shape"} <= set(spec):
            raise InvalidValueError(
                'A tensor is {"type": "tensor", "tensor-spec": {"dtype": ..., "shape": [...]}}, '
                f"not {quoted(kwargs)}"
            )
        given = spec["dtype"]
        try:
            dtype: np.dtype[Any] = np.dtype(str(given))
        except (TypeError, ValueError) as error:
            raise InvalidValueError(f"{given!r} is no dtype of numpy") from error
        return cls(dtype, spec["shape"], _name_from_json(kwargs))


@dataclass(frozen=True, init=False, repr=False)
class Schema:
    """The columns, or the tensors, of data: all with names of their own, or all without."""

    _inputs: tuple[ColSpec, ...] | tuple[TensorSpec, ...]

    def __init__(self, inputs: Sequence[ColSpec] | Sequence[TensorSpec]) -> None:
        if not isinstance(inputs, list | tuple):
            raise InvalidTypeError(f"A Schema is made of a list of ColSpec or of TensorSpec, not {inputs!r}")
        if not inputs:
            raise InvalidValueError("A Schema needs at least one ColSpec or TensorSpec")
        if not (
            all(isinstance(one, ColSpec) for one in inputs)
            or all(isinstance(one, TensorSpec) for one in inputs)
        ):
            raise InvalidTypeError(
                f"A Schema is made of ColSpec only, or of TensorSpec only: this one has "
                f"{', '.join(sorted({type(one).__name__ for one in inputs}))}"
            )
        names = [one.name for one in inputs]
        if None in names and any(name is not None for name in names):
            raise InvalidValueError(f"In a Schema all inputs have names or none has: {names!r}")
        if None in names and len(names) > 1 and isinstance(inputs[0], TensorSpec):
            raise InvalidValueError("Several tensors need names: TensorSpec(type, shape, name)")
        if None in names and not all(one.required for one in inputs):
            raise InvalidValueError("A column without a name cannot be optional: give the columns names")
        object.__setattr__(self, "_inputs", tuple(inputs))

    @property
    def inputs(self) -> list[Any]:
        """Every `ColSpec` or `TensorSpec`, in order."""
        return list(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inputs)

    @cached_property
    def _hash(self) -> int:
        return hash(self._inputs)

    def __hash__(self) -> int:
        return self._hash  # what data is checked by is looked up by the schema, at each predict

    def __repr__(self) -> str:
        return repr(self.inputs)

    def is_tensor_spec(self) -> bool:
        """Whether these are tensors, not columns."""
        return isinstance(self._inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether the inputs have names."""
        return self._inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """The names; places, counted from 0, where there are none."""
        return [place if one.name is None else one.name for place, one in enumerate(self._inputs)]

    def required_input_names(self) -> list[Any]:
        """The names of what must be there."""
        return [name for name, one in zip(self.input_names(), self._inputs, strict=True) if one.required]

    def optional_input_names(self) -> list[Any]:
        """The names of what may be absent."""
        return [name for name, one in zip(self.input_names(), self._inputs, strict=True) if not one.required]

    def input_types(self) -> list[Any]:
        """The type of each column, or the dtype of each tensor."""
        return [one.type for one in self._inputs]

    def input_types_dict(self) -> dict[Any, Any]:
        """Each name to its type.

        Raises:
            InvalidValueError: The inputs have no names.
        """
        return {name: one.type for name, one in self.input_dict().items()}

    def input_dict(self) -> dict[Any, Any]:
        """Each name to its `ColSpec` or `TensorSpec`.

        Raises:
            InvalidValueError: The inputs have no names.
        """
        if not self.has_input_names():
            raise InvalidValueError("This schema has no names: iterate over it instead")
        return {one.name: one for one in self._inputs}

    def numpy_types(self) -> "list[np.dtype[Any]]":
        """The dtype of each input.

        Raises:
            InvalidValueError: Some are arrays, objects, maps or anything.
        """
        return [one.type if isinstance(one, TensorSpec) else _scalar(one).to_numpy() for one in self._inputs]

    def pandas_types(self) -> "list[np.dtype[Any]]":
        """The dtype each column has in a DataFrame.

        Raises:
            InvalidValueError: These are tensors, or some are arrays, objects, maps or anything.
        """
        return [_scalar(one).to_pandas() for one in self._inputs]

    def to_dict(self) -> list[dict[str, Any]]:
        """The schema as MLflow's JSON has it."""
        return [one.to_dict() for one in self._inputs]

    def to_json(self) -> str:
        """The schema as text, in MLflow's JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, held: Sequence[Mapping[str, Any]]) -> "Schema":
        """A schema from what `to_dict` gave.

        Raises:
            InvalidValueError: It is no schema; the message says where.
        """
        if not isinstance(held, list | tuple) or not all(isinstance(one, Mapping) for one in held):
            raise InvalidValueError(f"A schema is a JSON list of objects, not {quoted(held)}")
        made: list[Any] = [
            (TensorSpec if one.get("type") == "tensor" else ColSpec).from_json_dict(**one) for one in held
        ]
        return cls(made)

    @classmethod
    def from_json(cls, json_str: str) -> "Schema":
        """A schema from MLflow's JSON text.

        Raises:
            InvalidValueError: It is no schema; the message says where.
        """
        return cls.from_dict(parsed_json(json_str, "schema"))


def parsed_json(text: str, what: str) -> Any:
    """What a JSON text of a signature holds; `what` names it in errors."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValueError(f"The {what} of a signature is no JSON: {quoted(text)} ({error})") from error


def _scalar(spec: ColSpec | TensorSpec) -> DataType:
    if isinstance(spec.type, DataType):
        return spec.type
    raise InvalidValueError(f"{spec!r} has no single dtype")


def _bare_name(dtype: "np.dtype[Any]") -> str:
    return {"U": "str", "S": "bytes"}.get(dtype.kind, dtype.name)


def _name_from_json(entries: dict[str, Any]) -> Name:
    name = entries.get("name")
    # The columns of a DataFrame may have several levels: a tuple, which JSON makes a list.
    return tuple(cast("list[Any]", name)) if isinstance(name, list) else name
