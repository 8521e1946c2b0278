"""What `predict` was given, as the signature of a model wants it; or an error that says what does not fit.

What MLflow takes is taken, and what loses nothing: numbers of another width, tables without names by
their place, columns in any order. Data that fits is handed on at the cost of a look at its dtypes; the
caller's own is never changed.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, NamedTuple

from nbtrack.core.errors import InvalidTypeError
from nbtrack.core.warn import warn_user
from nbtrack.models.schema.column_fitting import fit_column
from nbtrack.models.schema.data_types import AnyType, DataType, quoted
from nbtrack.models.schema.exact_arrays import exact_cast
from nbtrack.models.schema.exact_values import type_name
from nbtrack.models.schema.input_tables import as_table, is_by_place
from nbtrack.models.schema.mismatches import MisfitError, SignatureMismatchError
from nbtrack.models.schema.param_schemas import ParamSchema
from nbtrack.models.schema.schemas import ColSpec, Schema
from nbtrack.models.schema.tensor_fitting import fit_tensors


def enforce_input(data: Any, schema: Schema | None) -> Any:
    """Data as a schema wants it.

    Args:
        data: A pandas or polars DataFrame or Series, a numpy array, a torch tensor, a sparse matrix, a
            dict of any of these, a dict that is one row, a list of rows or of dicts, or one value.
        schema: What the model takes; None: anything, and data is handed on as it is.

    Returns:
        For columns a pandas DataFrame with just these columns in their order, for a tensor a numpy array or
        sparse matrix, for tensors with names a dict of arrays. A schema of one `any` without a name
        hands data on as it is.

    Raises:
        SignatureMismatchError: Something is missing, or would be lost; it lists each column.
    """
    if schema is None or _takes_anything(schema):
        return data
    if schema.is_tensor_spec():
        return fit_tensors(data, schema)
    return _fit_table(as_table(data, schema), schema)


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """The params of a call, checked, with the defaults of those that were not given.

    Args:
        params: What `predict(params=...)` was given; None: nothing.
        schema: The params the model takes; None: none.

    Returns:
        Each param of the schema with its value; None where there is no schema and none was given.

    Raises:
        SignatureMismatchError: A value is of another type; it lists each param.
    """
    if params is not None and not isinstance(params, Mapping):
        raise InvalidTypeError(
            f"params is a dict of names and values, not {quoted(params)} ({type_name(params)})"
        )
    if params is None and schema is None:
        return None
    given = {str(name): value for name, value in (params or {}).items()}
    specs = {spec.name: spec for spec in schema or ()}
    if unknown := [name for name in given if name not in specs]:
        warn_user(_unknown_params(unknown, list(specs)))
    problems: list[str] = []
    made: dict[str, Any] = {}
    for name, spec in specs.items():
        try:
            made[name] = spec.checked(given[name]) if name in given else spec.default
        except InvalidTypeError as error:
            problems.append(str(error))
    if problems:
        raise SignatureMismatchError(problems, "params")
    return made


def _unknown_params(unknown: list[str], known: Sequence[str]) -> str:
    told: list[str] = []
    for name in unknown:
        close = get_close_matches(name, known, n=1)
        told.append(f"{name!r} (did you mean {close[0]!r}?)" if close else repr(name))
    has = f"it has {', '.join(map(repr, known))}" if known else "it has none in its signature"
    return f"The model has no param {', '.join(told)}: ignored; {has}"


# ---- columns ------------------------------------------------------------------------------------------


def _takes_anything(schema: Schema) -> bool:
    return len(schema) == 1 and not schema.has_input_names() and isinstance(schema.input_types()[0], AnyType)


@lru_cache(maxsize=128)
def _names_and_dtypes(schema: Schema) -> tuple[Any, list[Any]]:
    """The names of a schema as columns of a DataFrame, and the dtypes that need no look at values."""
    import pandas as pd

    text = pd.Series(["text"]).dtype
    known: dict[Any, Any] = {kind: kind.to_pandas() for kind in DataType}
    known[DataType.string] = text if isinstance(text, pd.StringDtype) else _UNKNOWN
    known[DataType.binary] = _UNKNOWN
    names = pd.Index(schema.input_names(), tupleize_cols=False)
    return names, [known.get(kind, _UNKNOWN) for kind in schema.input_types()]


_UNKNOWN = object()
"""Equal to no dtype; None would be: numpy takes it for float64."""


def _fit_table(frame: Any, schema: Schema) -> Any:
    names, wanted = _names_and_dtypes(schema)
    dtypes = list(frame.dtypes)
    named = schema.has_input_names()
    if (frame.columns.equals(names) if named else len(dtypes) == len(wanted)) and dtypes == wanted:
        return _own(frame)
    found = _found(frame, schema)
    made = _all_numbers(frame, found, dtypes, wanted)
    return _each_column(frame, found, dtypes, wanted) if made is None else made


def _own(frame: Any) -> Any:
    """A DataFrame that a model may change without changing the caller's."""
    # From pandas 3 on, what is written to is copied then.
    return frame.copy(deep=not _copies_on_write())


@cache
def _copies_on_write() -> bool:
    import pandas as pd

    return int(pd.__version__.partition(".")[0]) >= 3


def _all_numbers(frame: Any, found: "list[_Found]", dtypes: list[Any], wanted: list[Any]) -> Any:
    """All columns at once, where all are of one dtype and all go to one; None where not so, or in vain."""
    import numpy as np
    import pandas as pd

    given = {dtypes[one.place] for one in found}
    dtype: Any = wanted[0]
    if len(found) < 2 or len(given) != 1 or any(other != dtype for other in wanted):
        return None
    if not all(isinstance(one, np.dtype) for one in (dtype, *given)):
        return None
    if dtype in given and len(frame) > _FEW:
        return None  # columns in another order are handed on, which copies nothing
    values = frame.to_numpy()
    places = [one.place for one in found]
    if places != list(range(values.shape[1])):
        values = values[:, places]
    try:
        made = exact_cast(values, dtype)
    except MisfitError:
        return None
    names = pd.Index([one.name for one in found], tupleize_cols=False)
    return pd.DataFrame(made, index=frame.index, columns=names, copy=not _copies_on_write())


_FEW = 1000


def _each_column(frame: Any, found: "list[_Found]", dtypes: list[Any], wanted: list[Any]) -> Any:
    import pandas as pd

    problems: list[str] = []
    columns: dict[Any, str] = {}
    made: dict[Any, Any] = {}
    changed = len(found) != len(dtypes)
    for place, one in enumerate(found):
        changed = changed or one.place != place or one.name != frame.columns[place]
        column = frame.iloc[:, one.place]
        if dtypes[one.place] == one.dtype:
            made[one.name] = column
            continue
        try:
            # Without a name a column cannot be optional, whatever is missing in it.
            required = one.spec.required and one.spec.name is not None
            made[one.name] = fit_column(column, one.spec.type, required)
        except MisfitError as error:
            problems.append(_told(column, one.name, one.spec, error))
            columns[one.name] = error.why
        else:
            changed = changed or made[one.name] is not column
    if problems:
        raise SignatureMismatchError(problems, columns=columns)
    if not changed:
        return _own(frame)
    return pd.DataFrame(made, index=frame.index, copy=not _copies_on_write())


class _Found(NamedTuple):
    """A column of a schema that is there: where in a DataFrame, and the name it will have."""

    spec: ColSpec
    dtype: Any
    place: int
    name: Any


def _found(frame: Any, schema: Schema) -> list[_Found]:
    """Each column of a schema that is there."""
    specs: list[ColSpec] = schema.inputs
    _, dtypes = _names_and_dtypes(schema)
    names = frame.columns.tolist()
    width = len(names)
    if not schema.has_input_names():
        if width < len(specs):
            raise SignatureMismatchError(
                [f"it has {_columns(width)}, the model takes {_columns(len(specs))}"]
            )
        if width > len(specs):
            warn_user(f"The model takes {_columns(len(specs))}: the other {width - len(specs)} are ignored")
        return [_Found(spec, dtypes[place], place, names[place]) for place, spec in enumerate(specs)]
    places = {name: place for place, name in enumerate(names)}
    if len(places) < width:
        twice = [name for name in names if names.count(name) > 1 and name in schema.input_names()]
        if twice:
            raise SignatureMismatchError([f"two of its columns are named {twice[0]!r}"])
    if not places.keys() >= set(schema.required_input_names()):
        if is_by_place(frame):
            return _by_place(width, specs, dtypes)
        # A file may have turned names that are numbers into text.
        texts = {str(name): place for name, place in places.items()}
        places |= {spec.name: texts[str(spec.name)] for spec in specs if str(spec.name) in texts}
    if missing := [spec for spec in specs if spec.required and spec.name not in places]:
        raise SignatureMismatchError([_lacks(missing, specs, names)])
    found = [
        _Found(spec, dtype, places[spec.name], spec.name)
        for spec, dtype in zip(specs, dtypes, strict=True)
        if spec.name in places
    ]
    if len(found) < width:
        taken = {one.place for one in found}
        extra = [name for place, name in enumerate(names) if place not in taken]
        warn_user(f"The model does not take {_listed(extra)}: ignored")
    return found


def _by_place(width: int, specs: list[ColSpec], dtypes: list[Any]) -> list[_Found]:
    if width != len(specs):
        names = _listed([spec.name for spec in specs])
        raise SignatureMismatchError(
            [
                f"it has {_columns(width)} without names, the model takes {_columns(len(specs))}: {names}. "
                "Without names all of them are needed, in this order"
            ]
        )
    return [_Found(spec, dtypes[place], place, spec.name) for place, spec in enumerate(specs)]


def _lacks(missing: list[ColSpec], specs: list[ColSpec], names: list[Any]) -> str:
    known = {spec.name for spec in specs}
    extra = [name for name in names if name not in known]
    told: list[str] = []
    for spec in missing[:8]:
        close = get_close_matches(str(spec.name), [name for name in extra if isinstance(name, str)], n=1)
        told.append(f"{spec.name!r} ({spec.type!r}{f'; is {close[0]!r} meant?' if close else ''})")
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    has = f"it has {_listed(names)}" if names else "it has no columns"
    return f"it lacks {', '.join(told)}{more}; {has}"


def _told(column: Any, name: Any, spec: ColSpec, error: MisfitError) -> str:
    row = ""
    if error.place is not None:
        label = column.index[error.place]
        label = getattr(label, "item", lambda: label)()  # numpy's numbers say so when they are shown
        row = f" (row {error.place}{'' if label == error.place else f', index {label!r}'})"
    return (
        f"column {name!r} is {column.dtype}, the model takes {spec.type!r}: {error.why}{row}"
        f"{'' if error.advised else _advice(column, spec.type, error.why)}"
    )


def _advice(column: Any, kind: Any, why: str) -> str:
    """How to convert a column whose dtype is not the one wanted, if a conversion is meant."""
    given = getattr(column.dtype, "kind", "O")
    if not isinstance(kind, DataType) or kind is DataType.binary:
        return ""
    if kind is DataType.datetime:
        return ". pandas.to_datetime converts it, if that is meant"
    if given == "O" and kind not in (DataType.string, DataType.boolean):
        return ". pandas.to_numeric converts text, if that is meant" if "(str)" in why else ""
    dtype = "str" if kind is DataType.string else kind.to_numpy().name
    return f". astype({dtype!r}) converts it, if that is meant"


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(map(repr, names[:8])) + more


def validate_schema(data: Any, expected_schema: Schema) -> None:
    """Check data against a schema: MLflow's name for `enforce_input` without its result.

    Raises:
        SignatureMismatchError: It does not fit.
    """
    enforce_input(data, expected_schema)
