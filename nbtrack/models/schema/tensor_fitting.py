"""Data as the tensors of a schema: numpy arrays of its dtypes and shapes, where nothing is lost."""

from collections.abc import Mapping
from typing import Any, cast

from nbtrack.core.warn import warn_user
from nbtrack.models.schema.data_kinds import as_array, is_frame, is_polars, is_series
from nbtrack.models.schema.data_types import quoted
from nbtrack.models.schema.exact_arrays import exact_cast
from nbtrack.models.schema.exact_values import type_name
from nbtrack.models.schema.mismatches import MisfitError, SignatureMismatchError
from nbtrack.models.schema.schemas import Schema, TensorSpec


def fit_tensors(data: Any, schema: Schema) -> Any:
    """Data as an array (or sparse matrix), or as a dict of arrays where the tensors have names.

    An array that fits is handed on as it is. A torch tensor becomes numpy's array on the same memory, where
    that can be.

    Raises:
        SignatureMismatchError: Something is missing, of another shape, or would lose by a conversion.
    """
    specs: list[TensorSpec] = schema.inputs
    if schema.has_input_names() or specs[0].type.kind != "O":  # rows may be objects themselves
        data = _columns_of_rows(data)
    if not schema.has_input_names():
        return _fit(_whole(data, specs[0]), specs[0])
    if isinstance(data, Mapping):
        given = cast("Mapping[Any, Any]", data)
    elif is_frame(data):
        given = {name: data[name] for name in data.columns}
    elif len(specs) == 1:
        given = {specs[0].name: data}
    else:
        names = ", ".join(repr(spec.name) for spec in specs)
        raise SignatureMismatchError(
            [f"it is one {type_name(data)}; the model takes a dict of the arrays {names}"]
        )
    if missing := [spec.name for spec in specs if spec.name not in given]:
        has = ", ".join(map(repr, given)) or "nothing"
        raise SignatureMismatchError(
            [f"it lacks {', '.join(map(repr, missing))}, which the model takes; it has {has}"]
        )
    if extra := [name for name in given if name not in {spec.name for spec in specs}]:
        warn_user(f"The model does not take {', '.join(map(repr, extra))}; they are ignored")
    problems: list[str] = []
    made: dict[Any, Any] = {}
    for spec in specs:
        try:
            made[spec.name] = _fit(_one(given[spec.name], spec), spec)
        except SignatureMismatchError as error:
            problems += error.problems
    if problems:
        raise SignatureMismatchError(problems)
    return made


def _whole(data: Any, spec: TensorSpec) -> Any:
    """Data of a schema with one tensor that has no name."""
    if isinstance(data, Mapping):
        held = cast("Mapping[Any, Any]", data)
        if len(held) == 1 and (len(spec.shape) != 2 or _depth(next(iter(held.values()))) != 1):
            return _one(next(iter(held.values())), spec)
        return _table(held, spec)
    if is_frame(data):
        if len(data.columns) == 1:
            column = data[data.columns[0]]
            # A matrix may come as one column of rows, each a list or an array.
            if len(spec.shape) != 2 or getattr(column.dtype, "kind", None) == "O":
                return _one(column, spec)
        return data.to_numpy()
    return _one(data, spec)


def _columns_of_rows(data: Any) -> Any:
    """Rows with names, or one of them, as a dict of columns; anything else as it is.

    Raises:
        SignatureMismatchError: The rows have not all the same names.
    """
    if isinstance(data, Mapping):
        row = cast("Mapping[Any, Any]", data)
        if row and all(isinstance(value, _SCALARS) or _depth(value) == 0 for value in row.values()):
            return {name: [value] for name, value in row.items()}
        return row
    if not isinstance(data, list | tuple) or not data:
        return cast("Any", data)
    rows = cast("list[Any]", data)
    if not all(isinstance(row, Mapping) for row in rows):
        return rows
    names = list(rows[0])
    for place, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            has = ", ".join(map(repr, row)) or "nothing"
            raise SignatureMismatchError(
                [f"row 0 has {', '.join(map(repr, names)) or 'nothing'}, row {place} has {has}"]
            )
    return {name: [row[name] for row in rows] for name in names}


_SCALARS = (int, float, str, bytes)


def _depth(data: Any) -> int:
    """How many axes data has, by its first value; -1 where that cannot be seen."""
    if (array := as_array(data)) is not None:
        return len(array.shape)
    if is_series(data):
        return 1
    if isinstance(data, list | tuple):
        held = cast("list[Any]", data)
        return 1 + max(0, _depth(held[0])) if held else 1
    return 0 if data is None or hasattr(data, "dtype") or isinstance(data, _SCALARS) else -1


def _table(held: Mapping[Any, Any], spec: TensorSpec) -> Any:
    """Columns as one array (rows, columns), in their order."""
    import numpy as np

    width = spec.shape[1] if len(spec.shape) == 2 else None
    names = ", ".join(map(repr, held)) or "none"
    if width is None or width not in (-1, len(held)) or not held:
        raise SignatureMismatchError(
            [f"it is a dict of {len(held)} ({names}); the model takes one array, {spec!r}"]
        )
    column = TensorSpec(spec.type, (-1,))
    made: dict[Any, Any] = {}
    for name, values in held.items():
        try:
            array = _one(values, column)
        except SignatureMismatchError as error:
            raise SignatureMismatchError([f"column {name!r}: {each}" for each in error.problems]) from None
        if len(array.shape) != 1:
            raise SignatureMismatchError(
                [f"column {name!r} has the shape {array.shape}; the model takes one array, {spec!r}"]
            )
        if array.dtype.kind not in "biufc" and array.dtype.kind != spec.type.kind:
            raise SignatureMismatchError(
                [f"column {name!r} holds {quoted(values)}; the model takes {spec.type}"]
            )
        made[name] = array
    if len({len(array) for array in made.values()}) > 1:
        told = ", ".join(f"{name!r} {len(array)}" for name, array in made.items())
        raise SignatureMismatchError([f"its columns are not of one length: {told}"])
    return np.column_stack(list(made.values()))


def _one(data: Any, spec: TensorSpec) -> Any:
    """Data as an array; lists in a column of a DataFrame get the shape of the tensor."""
    import numpy as np

    if data is None:
        raise SignatureMismatchError([f"it is None; the model takes {spec!r}"])
    if (array := as_array(data)) is not None:
        return array
    if is_series(data):
        if not is_polars(data) and data.dtype.kind != "O":
            return _as_spec(data.to_numpy(), spec)
        data = data.to_list()
    if isinstance(data, list | tuple):
        array = _from_list(list(cast("list[Any]", data)), spec)
    else:
        array = np.asarray(data)
    if not array.shape and spec.shape:
        subject = "it" if spec.name is None else repr(spec.name)
        raise SignatureMismatchError(
            [f"{subject} is {quoted(data)} ({type_name(data)}); the model takes {spec!r}"]
        )
    if array.dtype.kind == "O" and spec.type.kind != "O":
        raise SignatureMismatchError([f"{quoted(data)} ({type_name(data)}) is no array of {spec.type}"])
    return _as_spec(array, spec)


def _from_list(held: list[Any], spec: TensorSpec) -> Any:
    import numpy as np

    try:
        if spec.type.kind == "O" and len(spec.shape) == 1:
            array = np.empty(len(held), dtype=object)
            array[:] = held
            return array
        array = np.array([_plain(row) for row in held])
    except ValueError:
        raise SignatureMismatchError(
            [f"its rows are not all of one length: {quoted(held)}; the model takes {spec!r}"]
        ) from None
    if array.dtype.kind == "f" and spec.type.kind == "f":
        # A Python float has no width: the nearest number is the one it means.
        return array.astype(spec.type)
    return array


def _plain(row: Any) -> Any:
    array = as_array(row)
    return row if array is None else array


def _as_spec(array: Any, spec: TensorSpec) -> Any:
    """An array that came without its shape (rows of flat lists), in the shape of the tensor."""
    wanted = spec.shape
    if len(array.shape) == len(wanted) or not wanted or -1 in wanted[1:] or not len(array):
        return array
    size = 1
    for length in wanted[1:]:
        size *= length
    return array.reshape(len(array), *wanted[1:]) if array.size == len(array) * size else array


def _fit(array: Any, spec: TensorSpec) -> Any:
    ragged = array.dtype.kind == "O" and len(array.shape) == 1
    if ragged and (spec.shape == (-1,) or -1 in spec.shape[1:]):
        return array  # arrays of different shapes, each an object
    subject = "it" if spec.name is None else f"{spec.name!r}"
    if len(array.shape) != len(spec.shape) or any(
        wanted not in (-1, given) for wanted, given in zip(spec.shape, array.shape, strict=True)
    ):
        raise SignatureMismatchError([f"{subject} has the shape {array.shape}{_advice(array, spec)}"])
    if hasattr(array, "tocsr"):
        return _fit_sparse(array, spec, subject)
    try:
        return exact_cast(array, spec.type)
    except MisfitError as error:
        raise SignatureMismatchError([_told(array, spec, subject, error)]) from None


def _advice(array: Any, spec: TensorSpec) -> str:
    text = f", the model takes {spec.shape} (-1: any length)"
    if tuple(array.shape) == spec.shape[1:]:
        return f"{text}: give one row as array.reshape(1, ...), or array[None]"
    return text


def _fit_sparse(array: Any, spec: TensorSpec, subject: str) -> Any:
    if array.dtype == spec.type:
        return array
    try:
        exact_cast(array.tocsr().data, spec.type)
    except MisfitError as error:
        raise SignatureMismatchError([_told(array, spec, subject, error, where=False)]) from None
    return array.astype(spec.type)


def _told(array: Any, spec: TensorSpec, subject: str, error: MisfitError, where: bool = True) -> str:
    place = ""
    if where and error.place is not None:
        import numpy as np

        found = [int(one) for one in np.unravel_index(error.place, array.shape)]
        place = f" (at {found})"
    return (
        f"{subject} is of {array.dtype}, the model takes {spec.type}: {error.why}{place}. "
        f"array.astype({spec.type.name!r}) converts it, if that is meant"
    )
