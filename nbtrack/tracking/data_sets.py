"""Data sets: data in memory, with its digest, source, columns and size.

Only these are kept with a run, never the data itself.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from nbtrack.core import settings
from nbtrack.core.datasets import (
    CONTEXT,
    MOST_IN_SCHEMA,
    Dataset,
    DatasetInput,
    InputTag,
    check_inputs,
)
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.warn import warn_user
from nbtrack.tracking.data_digests import arrays_digest, frame_digest
from nbtrack.tracking.data_schemas import columns_schema, tensors_schema
from nbtrack.tracking.data_sources import DataSource, source_from, source_of

_NAME = "dataset"


class DataInMemory:
    """What all data sets have; `from_pandas`, `from_polars` and `from_numpy` make them."""

    def __init__(self, source: Any, name: str | None, digest: str | None) -> None:
        self.source: DataSource = source_of(source)
        """Where the data came from."""
        self.name = _NAME if name is None else name
        """What people call it."""
        # Of the data as it is now, not as it will be when a run gets it; but nobody waits for nothing.
        self.digest = digest or ("" if settings.is_disabled() else self._digest_of_data())
        """8 hex digits that change with the data, unless another digest was given."""

    @property
    def schema(self) -> Any:
        """The columns or shapes with their types."""
        raise NotImplementedError

    @property
    def profile(self) -> dict[str, Any]:
        """The sizes."""
        raise NotImplementedError

    def _digest_of_data(self) -> str:
        raise NotImplementedError

    def _schema_document(self) -> dict[str, Any]:
        raise NotImplementedError

    def to_dict(self) -> dict[str, str]:
        """What a run keeps, as MLflow has it: source, schema and profile are JSON."""
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
            "schema": json.dumps(self._schema_document()),
            "profile": json.dumps(self.profile),
        }

    def to_json(self) -> str:
        """What a run keeps, as JSON."""
        return json.dumps(self.to_dict())

    def _to_mlflow_entity(self) -> Dataset:  # pyright: ignore[reportUnusedFunction] - others call it
        """What a run keeps, as an entity: MLflow has no other way from here to `MlflowClient.log_inputs`."""
        return as_input(self, None, None).dataset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.digest} {self.profile}>"


class FrameDataset(DataInMemory):
    """A DataFrame of pandas or polars as a data set."""

    def __init__(
        self,
        df: Any,
        source: Any = None,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        for what, column in (("targets", targets), ("predictions", predictions)):
            if column is not None and column not in list(df.columns):
                known = [str(each) for each in df.columns]
                raise NotFoundError("column", str(column), known, f"It was given as {what}.")
        self.df = df
        """The data."""
        self.targets = targets
        """Name of the column to be predicted."""
        self.predictions = predictions
        """Name of the column of predictions."""
        super().__init__(source, name, digest)

    @cached_property
    def schema(self) -> list[dict[str, Any]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The columns: type, name, and whether each row has a value."""
        return columns_schema(self.df)

    @property
    def profile(self) -> dict[str, Any]:
        """Numbers of rows and of cells."""
        rows, columns = self.df.shape
        return {"num_rows": rows, "num_elements": rows * columns}

    def _digest_of_data(self) -> str:
        return frame_digest(self.df)

    def _schema_document(self) -> dict[str, Any]:
        return {"mlflow_colspec": self.schema}


class PandasDataset(FrameDataset):
    """A pandas DataFrame as a data set."""


class PolarsDataset(FrameDataset):
    """A polars DataFrame as a data set."""


class NumpyDataset(DataInMemory):
    """Arrays, or dicts of arrays by name, as a data set."""

    def __init__(
        self,
        features: Any,
        source: Any = None,
        targets: Any = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        self.features = features
        """The arrays of inputs, (rows, ...)."""
        self.targets = targets
        """The arrays to be predicted, (rows, ...); None when there are none."""
        self._features = _arrays("features", features)
        self._targets = None if targets is None else _arrays("targets", targets)
        super().__init__(source, name, digest)

    @cached_property
    def schema(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Shapes and types of features and targets."""
        return tensors_schema(self._features, self._targets)

    @property
    def profile(self) -> dict[str, Any]:
        """Shapes, numbers of elements and bytes."""
        profile: dict[str, Any] = {}
        for what, arrays in (("features", self._features), ("targets", self._targets)):
            if arrays is not None:
                for measure in ("shape", "size", "nbytes"):
                    profile[f"{what}_{measure}"] = _measured(arrays, measure)
        return profile

    def _digest_of_data(self) -> str:
        return arrays_digest(self._features, self._targets)

    def _schema_document(self) -> dict[str, Any]:
        return {"mlflow_tensorspec": self.schema}


def from_pandas(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Make a data set of a pandas DataFrame.

    Args:
        df: The data.
        source: Path or URL it came from; None is this script or notebook.
        targets: Name of the column to be predicted.
        name: What people call it; None is `dataset`.
        digest: Whatever tells this data from other data, of at most 36 characters; None is computed
            from all of it, in about 60 ms for a million rows of ten floats.
        predictions: Name of a column of predictions.

    Raises:
        InvalidTypeError: It is no pandas DataFrame.
        NotFoundError: It has no column of that name.
    """
    if not _is_from("pandas", "DataFrame", df):
        raise InvalidTypeError(f"from_pandas takes a pandas DataFrame, got {type(df).__name__}.")
    return PandasDataset(df, source, targets, name, digest, predictions)


def from_polars(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """Make a data set of a polars DataFrame; see `from_pandas`.

    Raises:
        InvalidTypeError: It is no polars DataFrame.
        NotFoundError: It has no column of that name.
    """
    if not _is_from("polars", "DataFrame", df):
        advice = " Collect it first." if type(df).__name__ == "LazyFrame" else ""
        raise InvalidTypeError(f"from_polars takes a polars DataFrame, got {type(df).__name__}.{advice}")
    return PolarsDataset(df, source, targets, name, digest, predictions)


def from_numpy(
    features: Any, source: Any = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> NumpyDataset:
    """Make a data set of arrays.

    Args:
        features: An array or tensor, (rows, ...), or a dict of them by name.
        source: Path or URL it came from; None is this script or notebook.
        targets: What is to be predicted, in the same form.
        name: What people call it; None is `dataset`.
        digest: As in `from_pandas`.

    Raises:
        InvalidTypeError: Something in it is no array.
    """
    return NumpyDataset(features, source, targets, name, digest)


def get_source(dataset: Any) -> DataSource:
    """The source of a data set, of one that a run has kept, or of one of its inputs.

    Raises:
        InvalidTypeError: It is nothing of that kind.
    """
    if isinstance(dataset, DatasetInput):
        dataset = dataset.dataset
    if isinstance(dataset, Dataset):
        return source_from(dataset.source_type, dataset.source)
    if isinstance(dataset, DataInMemory):
        return dataset.source
    raise InvalidTypeError(f"get_source takes a data set, got {type(dataset).__name__}.")


def as_input(dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None) -> DatasetInput:
    """What a run keeps of a data set that it uses, checked.

    Args:
        dataset: A data set, one that a run has kept, one of MLflow's, or data: a DataFrame of pandas
            or polars, or an array.
        context: What it is used for, such as `train`.
        tags: More notes on the use; values become text.

    Raises:
        InvalidTypeError: It is no data.
        InvalidValueError: A text is empty or too long.
    """
    if isinstance(dataset, Dataset):
        kept = dataset
    else:
        held = _with_schema_that_fits(_as_data_set(dataset).to_dict())
        kept = Dataset(**{field: held.get(field) for field in Dataset.__dataclass_fields__})  # pyright: ignore[reportArgumentType]
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidTypeError(f"The tags of an input are given as a dict, got {type(tags).__name__}.")
    texts = {key: value if isinstance(value, str) else str(value) for key, value in (tags or {}).items()}
    if context is not None:
        texts[CONTEXT] = context
    (checked,) = check_inputs([DatasetInput(kept, tuple(InputTag(*pair) for pair in texts.items()))])
    return checked


def as_inputs(
    datasets: Sequence[Any] | None,
    contexts: Sequence[str | None] | None,
    tags_list: Sequence[Mapping[str, Any] | None] | None,
) -> list[DatasetInput]:
    """What a run keeps of several data sets; the lists are of the same length.

    Raises:
        InvalidTypeError: One is no list, or something in it is no data.
        InvalidValueError: They differ in length, or a text is empty or too long.
    """
    given = {"datasets": datasets, "contexts": contexts, "tags_list": tags_list}
    for what, held in given.items():
        if held is not None and not isinstance(held, list | tuple):
            raise InvalidTypeError(f"log_inputs takes lists, got {type(held).__name__} for {what}.")
    count = len(datasets or ())
    for what, held in given.items():
        if held is not None and len(held) != count:
            raise InvalidValueError(f"log_inputs got {count} datasets and {len(held)} {what}.")
    return [
        as_input(dataset, contexts[at] if contexts else None, tags_list[at] if tags_list else None)
        for at, dataset in enumerate(datasets or ())
    ]


def _as_data_set(dataset: Any) -> Any:
    if isinstance(dataset, DataInMemory):
        if not dataset.digest:
            dataset.digest = dataset._digest_of_data()  # pyright: ignore[reportPrivateUsage]
        return dataset
    if _is_from("pandas", "DataFrame", dataset):
        return from_pandas(dataset)
    if _is_from("pandas", "Series", dataset):
        return from_pandas(dataset.to_frame())
    if _is_from("polars", "DataFrame", dataset):
        return from_polars(dataset)
    if _is_from("numpy", "ndarray", dataset) or _is_from("torch", "Tensor", dataset):
        return from_numpy(dataset)
    if callable(getattr(dataset, "to_dict", None)) and all(
        hasattr(dataset, each) for each in ("name", "digest", "source")
    ):
        return dataset  # one of MLflow's own
    raise InvalidTypeError(
        "log_input takes a data set, a DataFrame of pandas or polars, or an array, "
        f"got {type(dataset).__name__}. nbtrack.data makes data sets."
    )


def _with_schema_that_fits(held: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = held.get("schema")
    if not isinstance(schema, str) or len(schema) <= MOST_IN_SCHEMA:
        return held
    warn_user(
        f"The columns of the data set {held.get('name')!r} are not kept: "
        f"{len(schema):,} characters, and {MOST_IN_SCHEMA:,} is what MLflow takes.",
        UserWarning,
    )
    return {**held, "schema": None}


def _is_from(package: str, name: str, value: Any) -> bool:
    """Whether a value is of a type of a package, without loading the package."""
    module = sys.modules.get(package)
    return module is not None and isinstance(value, getattr(module, name, ()))


def _arrays(what: str, held: Any) -> Any:
    """An array, or a dict of arrays, as numpy has them."""
    import numpy as np

    if isinstance(held, Mapping):
        named = cast("Mapping[Any, Any]", held)
        if not named:
            raise InvalidTypeError(f"The {what} of a data set are arrays, got an empty dict.")
        return {str(name): _arrays(f"{what} {name!r}", array) for name, array in named.items()}
    if not hasattr(held, "__array__") or hasattr(held, "iloc"):
        raise InvalidTypeError(f"The {what} of a data set are arrays, got {type(held).__name__}.")
    if hasattr(held, "detach"):
        held = held.detach().cpu()
        held = held.float() if str(held.dtype) == "torch.bfloat16" else held
    return np.asarray(held)


def _measured(arrays: Any, measure: str) -> Any:
    if isinstance(arrays, dict):
        named = cast("dict[str, Any]", arrays)
        return {name: getattr(array, measure) for name, array in named.items()}
    return getattr(arrays, measure)
