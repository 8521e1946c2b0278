"""What kind of data somebody gave: a table, a column, an array. No library is loaded to find out."""

from typing import Any, cast


def is_frame(data: Any) -> bool:
    """Whether data is a pandas or polars DataFrame."""
    kind = cast("Any", type(data))  # of the class: pandas makes a new Series of the dtypes for whoever asks
    return hasattr(kind, "columns") and hasattr(kind, "dtypes") and hasattr(kind, "to_dict")


def is_pandas_frame(data: Any) -> bool:
    """Whether data is a pandas DataFrame: a table with an index."""
    return is_frame(data) and not is_polars(data)


def is_series(data: Any) -> bool:
    """Whether data is a pandas or polars Series."""
    kind = cast("Any", type(data))
    return hasattr(kind, "dtype") and hasattr(kind, "to_frame") and hasattr(kind, "name")


def is_polars(data: Any) -> bool:
    """Whether a DataFrame or Series is one of polars."""
    return type(data).__module__.partition(".")[0] == "polars"


def as_array(data: Any) -> Any:
    """Data as a numpy array or a sparse matrix, without a copy where that can be; None if it is no tensor."""
    module = type(data).__module__.partition(".")[0]
    if module == "numpy":
        return data if hasattr(data, "shape") and not isinstance(data, _numpy_scalars()) else None
    if module == "scipy":
        return data if hasattr(data, "tocsr") else None
    if module == "torch" and hasattr(data, "detach"):
        held = data.detach().cpu()
        # numpy has no bfloat16; each of its numbers is a float of 32 bits.
        return held.float().numpy() if str(held.dtype) == "torch.bfloat16" else held.resolve_conj().numpy()
    if hasattr(data, "__array__") and hasattr(data, "shape") and not (is_frame(data) or is_series(data)):
        import numpy as np

        return np.asarray(data)
    return None


def _numpy_scalars() -> type:
    import numpy as np

    return np.generic
