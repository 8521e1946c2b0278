"""Which data a run used: data sets, what they were used for, and how much MLflow takes of each.

A data set is told from others by name and digest. The data itself is not kept, only where it came
from, its columns and its size.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.model_links import LoggedModelInput
from nbtrack.core.records import Record

CONTEXT = "mlflow.data.context"
"""Key of the input tag that says what the data was used for, such as `train`."""

# MLflow's columns are that wide; what is longer could never go to one of its servers.
_MOST_LETTERS = {
    "name": 500,
    "digest": 36,
    "source_type": 36,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}
_REQUIRED = ("name", "digest", "source_type", "source")
_MOST_IN_TAG_KEY, _MOST_IN_TAG_VALUE = 255, 500
MOST_IN_SCHEMA = _MOST_LETTERS["schema"]


@dataclass(frozen=True)
class Dataset(Record):
    """One set of data; MLflow's attributes."""

    name: str
    digest: str
    """Changes with the data; 8 hex digits where nbtrack computed it."""
    source_type: str
    """`local`, `code`, `http`, or the scheme of the source's URI."""
    source: str
    """Where the data came from, as JSON."""
    schema: str | None = None
    """Columns or shapes with their types, as JSON."""
    profile: str | None = None
    """Sizes, as JSON."""

    @property
    def rows(self) -> int | None:
        """How many rows the profile says there are; None where it does not."""
        try:
            profile: Any = json.loads(self.profile or "{}")
            rows: Any = profile.get("num_rows")
            if rows is None:
                shape: Any = profile.get("features_shape")
                rows = (next(iter(shape.values())) if hasattr(shape, "values") else shape)[0]
        except (ValueError, AttributeError, TypeError, IndexError, StopIteration):
            return None
        return rows if isinstance(rows, int) else None

    def to_dictionary(self) -> dict[str, Any]:
        """The data set as a plain dict."""
        return {field: getattr(self, field) for field in _MOST_LETTERS}


@dataclass(frozen=True)
class InputTag(Record):
    """A note on how a run used a data set."""

    key: str
    value: str


@dataclass(frozen=True)
class DatasetInput(Record):
    """A data set as one run used it."""

    dataset: Dataset
    tags: tuple[InputTag, ...] = ()

    @property
    def context(self) -> str | None:
        """What the data was used for, such as `train`; None where that was not said."""
        return next((tag.value for tag in self.tags if tag.key == CONTEXT), None)

    def to_dictionary(self) -> dict[str, Any]:
        """The input as nested plain dicts; so it stands in a run's document too."""
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}

    @classmethod
    def from_dictionary(cls, document: Mapping[str, Any]) -> "DatasetInput":
        """The input that `to_dictionary` gave."""
        tags = tuple(InputTag(key, value) for key, value in document["tags"].items())
        return cls(Dataset(**document["dataset"]), tags)


@dataclass(frozen=True)
class RunInputs(Record):
    """What a run used, in the order in which that was said."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: Sequence[LoggedModelInput] = field(default_factory=list[LoggedModelInput])
    """The logged models it used."""

    def to_dictionary(self) -> dict[str, Any]:
        """The inputs as nested plain dicts."""
        return {
            "dataset_inputs": [each.to_dictionary() for each in self.dataset_inputs],
            "model_inputs": [each.to_dictionary() for each in self.model_inputs],
        }


def check_inputs(inputs: Iterable[DatasetInput]) -> list[DatasetInput]:
    """Check that data sets have a name, a digest and a source, and that nothing is too long.

    Raises:
        InvalidTypeError: One is no `DatasetInput`, or one of its texts is no text.
        InvalidValueError: A text is empty or too long.
    """
    checked = list(inputs)
    for each in checked:
        if not isinstance(each, DatasetInput) or not isinstance(each.dataset, Dataset):
            raise InvalidTypeError(f"A run's inputs are DatasetInput objects, got {type(each).__name__}.")
        for name, most in _MOST_LETTERS.items():
            _check_text(f"The {name} of a data set", getattr(each.dataset, name), most, name in _REQUIRED)
        for tag in each.tags:
            _check_text("The key of an input tag", tag.key, _MOST_IN_TAG_KEY, True)
            _check_text(f"The input tag {tag.key!r}", tag.value, _MOST_IN_TAG_VALUE, False)
    return checked


def merge_inputs(held: list[dict[str, Any]], inputs: Iterable[DatasetInput]) -> None:
    """Add inputs to those of a run's document; of a data set it has already, the tags are renewed."""
    by_identity = {(each["dataset"]["name"], each["dataset"]["digest"]): each for each in held}
    for each in inputs:
        document = each.to_dictionary()
        known = by_identity.setdefault((each.dataset.name, each.dataset.digest), document)
        if known is document:
            held.append(document)
        else:
            known["tags"].update(document["tags"])


def _check_text(what: str, text: Any, most: int, required: bool) -> None:
    if text is None and not required:
        return
    if not isinstance(text, str):
        raise InvalidTypeError(f"{what} is text, got {type(text).__name__} {str(text)[:80]!r}.")
    if required and not text:
        raise InvalidValueError(f"{what} is empty.")
    if len(text) > most:
        raise InvalidValueError(
            f"{what} may have {most:,} characters, this one has {len(text):,}: {text[:40]!r}…"
        )
