"""A column of a DataFrame as a scalar type, where nothing is lost.

Numbers may change their width while they keep their value; text, times and bytes become nothing else,
but for dates written in ISO 8601. A column that fits is handed on as it is; none is changed in place.
"""

from typing import Any

from nbtrack.models.schema.data_types import DataType, ValueType, quoted
from nbtrack.models.schema.exact_arrays import exact_cast
from nbtrack.models.schema.exact_values import (
    ValueMisfitError,
    fitted,
    fitted_scalar,
    is_missing,
    python_scalar,
    type_name,
)
from nbtrack.models.schema.mismatches import MisfitError
from nbtrack.models.schema.schema_inference import pandas_type

WHOLE = (DataType.integer, DataType.long)
NUMBERS = (*WHOLE, DataType.float, DataType.double)


def fit_column(column: Any, kind: ValueType, required: bool) -> Any:
    """A pandas Series as a type; the same object where nothing needs converting.

    Whole numbers with missing ones among them become pandas' `Int64` or `Int32`, if the column is optional.

    Raises:
        MisfitError: A value would be lost or change; it knows the first, and its row.
    """
    if not isinstance(kind, DataType):
        return _fit_nested(column, kind, required)
    dtype = column.dtype
    if dtype == kind.to_pandas() and dtype.kind != "O":
        return column
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        if pandas_type(column) == kind:
            return column  # whoever trained on categories wants them
        column = column.astype(dtype.categories.dtype if not column.hasnans else object)
    elif isinstance(dtype, pd.SparseDtype):
        if dtype.subtype == kind.to_numpy():
            return column
        column = column.sparse.to_dense()
    if kind in NUMBERS:
        return _fit_numbers(column, kind, required)
    if kind is DataType.boolean:
        return _fit_booleans(column)
    if kind is DataType.datetime:
        return _fit_times(column)
    return _fit_text(column, kind)


# ---- numbers ------------------------------------------------------------------------------------------


def _fit_numbers(column: Any, kind: DataType, required: bool) -> Any:
    given = getattr(column.dtype, "kind", "O")
    if given == "O":
        return _fit_objects(column, kind, required)
    if given not in "biuf":
        raise _of_another_kind(column, kind)
    missing = column.isna().to_numpy() if given == "f" or not _is_numpy(column) else None
    if missing is None or not missing.any():
        return _series(exact_cast(_values(column), kind.to_numpy()), column)
    if kind in WHOLE:
        return _fit_missing(column, kind, required, missing)
    if _is_numpy(column):
        return _series(exact_cast(column.to_numpy(), kind.to_numpy()), column)
    import numpy as np

    made = np.full(len(column), np.nan, dtype=kind.to_numpy())
    made[~missing] = _cast_where(column, ~missing, kind)
    return _series(made, column)


def _fit_missing(column: Any, kind: DataType, required: bool, missing: Any) -> Any:
    """Whole numbers of which some are missing."""
    import pandas as pd

    if required:
        raise MisfitError(
            "a value is missing, and whole numbers cannot be: make the column double in the signature, "
            "or optional, by inferring it from data in which values are missing",
            int(missing.argmax()),
            advised=True,
        )
    if str(column.dtype) == _NULLABLE[kind]:
        return column
    import numpy as np

    made = np.zeros(len(column), dtype=kind.to_numpy())
    made[~missing] = _cast_where(column, ~missing, kind)
    return _series(pd.arrays.IntegerArray(made, missing.copy()), column)


_NULLABLE = {DataType.integer: "Int32", DataType.long: "Int64"}


def _cast_where(column: Any, there: Any, kind: DataType) -> Any:
    try:
        return exact_cast(_values(column[there]), kind.to_numpy())
    except MisfitError as error:
        if error.place is None:
            raise
        raise MisfitError(error.why, int(there.nonzero()[0][error.place])) from None


def _fit_objects(column: Any, kind: DataType, required: bool) -> Any:
    """Python's numbers."""
    import pandas as pd

    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "floating" and kind is DataType.double:
        return column.astype("float64")
    if inferred == "integer" and kind in WHOLE and not column.hasnans:
        try:
            return _series(exact_cast(column.to_numpy(dtype="int64"), kind.to_numpy()), column)
        except OverflowError:
            pass  # the loop finds the one that is too large
    if inferred == "boolean":  # as of a column of bools
        column = column.map({True: 1, False: 0}).astype(object)
    made = _each_fitted(column, kind)
    dtype: Any = kind.to_numpy()
    if kind in WHOLE and None in made:
        if required:
            return _fit_missing(column, kind, required, column.isna().to_numpy())
        dtype = _NULLABLE[kind]
    return pd.Series(made, index=column.index, name=column.name, dtype=dtype)


# ---- the others ---------------------------------------------------------------------------------------


def _fit_booleans(column: Any) -> Any:
    import pandas as pd

    given = getattr(column.dtype, "kind", "O")
    if given == "b":
        return column if column.isna().any() else column.astype(bool)
    if given in "iuf":
        if column.isna().any():
            raise MisfitError("a value is missing, beside numbers", int(column.isna().to_numpy().argmax()))
        import numpy as np

        return _series(exact_cast(_values(column), np.dtype(bool)), column)
    if given == "O" and pd.api.types.infer_dtype(column, skipna=True) in ("boolean", "empty"):
        # With None among them they stay objects, as in MLflow.
        return column if column.isna().any() else column.astype(bool)
    if given == "O":
        _each_fitted(column, DataType.boolean)
    raise _of_another_kind(column, DataType.boolean)


def _fit_times(column: Any) -> Any:
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column  # the zone is part of the time
    if getattr(dtype, "kind", "O") == "M":
        made = column if _is_numpy(column) else column.astype("datetime64[us]")
        return _in_nanoseconds(made)
    if getattr(dtype, "kind", "O") != "O":
        raise _of_another_kind(column, DataType.datetime)
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in ("datetime", "datetime64", "date", "empty"):
        try:
            return _in_nanoseconds(pd.to_datetime(column))
        except (ValueError, TypeError):
            return column  # of several zones, or beyond what 64 bits hold: as they are
    if inferred == "string":
        try:
            return _in_nanoseconds(pd.to_datetime(column, format="ISO8601"))
        except ValueError:
            pass  # the loop finds the one that is none
    made = pd.Series(_each_fitted(column, DataType.datetime), index=column.index, dtype=object)
    try:
        return _in_nanoseconds(pd.to_datetime(made).rename(column.name))
    except (ValueError, TypeError):
        return made.rename(column.name)


def _in_nanoseconds(column: Any) -> Any:
    if str(column.dtype) == "datetime64[ns]" or getattr(column.dtype, "tz", None) is not None:
        return column
    try:
        return column.astype("datetime64[ns]")
    except (ValueError, OverflowError):
        return column  # before 1677 or after 2262


def _fit_text(column: Any, kind: DataType) -> Any:
    """Text and bytes; other objects pass too, as in MLflow, whose older signatures call any object text."""
    import pandas as pd

    if isinstance(column.dtype, pd.StringDtype):
        return column
    if getattr(column.dtype, "kind", "O") not in "OSU":
        raise _of_another_kind(column, kind)
    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "bytes", "empty"):
        return column
    for row, value in enumerate(column.tolist()):
        if isinstance(python_scalar(value), int | float) and not is_missing(value):
            raise MisfitError(_is_no(value, kind), row)
    return column


def _fit_nested(column: Any, kind: ValueType, required: bool) -> Any:
    import pandas as pd

    values = column.tolist()
    made: list[Any] = []
    for row, value in enumerate(values):
        try:
            made.append(fitted(value, kind, required))
        except ValueMisfitError as error:
            raise MisfitError(str(error), row) from None
    if all(new is old for new, old in zip(made, values, strict=True)):
        return column
    fresh = pd.Series([None] * len(made), index=column.index, name=column.name, dtype=object)
    for row, value in enumerate(made):
        fresh.iat[row] = value
    return fresh


# ---- parts --------------------------------------------------------------------------------------------


def _is_numpy(column: Any) -> bool:
    return type(column.dtype).__module__.partition(".")[0] == "numpy"


def _values(column: Any) -> Any:
    """The numbers of a column in which none is missing, as numpy has them."""
    if _is_numpy(column):
        return column.to_numpy()
    return column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", None))


def _series(values: Any, column: Any) -> Any:
    import pandas as pd

    return pd.Series(values, index=column.index, name=column.name, copy=False)


def _each_fitted(column: Any, kind: DataType) -> list[Any]:
    """The values of a column of objects, each as a type; None where one is missing."""
    made: list[Any] = []
    for row, value in enumerate(column.tolist()):
        try:
            made.append(None if is_missing(value) else fitted_scalar(value, kind))
        except ValueMisfitError as error:
            raise MisfitError(error.why, row) from None
    return made


def _of_another_kind(column: Any, kind: DataType) -> MisfitError:
    for row, value in enumerate(column.tolist()):
        if not is_missing(value):
            return MisfitError(_is_no(value, kind), row)
    return MisfitError(f"a column of {column.dtype} is no {kind.name}")


def _is_no(value: Any, kind: DataType) -> str:
    return f"{quoted(value)} ({type_name(value)}) is no {kind.name}"
