"""The JSON in which MLflow's tools ask a model, and in which it answers.

A body has one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, and may have `params`.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from nbtrack.core.articles import with_article
from nbtrack.core.errors import InvalidValueError, said
from nbtrack.models.schema.data_types import DataType
from nbtrack.models.schema.schemas import Schema
from nbtrack.models.schema.unsized_numbers import with_floats

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class NotJsonError(InvalidValueError):
    """A text should be JSON and is something else."""


@dataclass(frozen=True)
class ScoringBody:
    """What a model is asked."""

    data: Any
    """What `predict` takes."""
    params: dict[str, Any] | None = None


def parse_body(text: str | bytes, schema: Schema | None) -> ScoringBody:
    """Read a body.

    Args:
        text: The JSON.
        schema: What the model takes; bytes, times and tensors have no form of their own in JSON.

    Raises:
        NotJsonError: It is no JSON.
        InvalidValueError: It has none of the forms, or several.
    """
    try:
        held: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(f"The input is no JSON: {said(error)}.") from None
    if not isinstance(held, dict):
        raise InvalidValueError(
            f"The input is a JSON {type(held).__name__}, and should be an object with one of "
            f"{', '.join(FORMS)}."
        )
    fields = cast("dict[str, Any]", held)
    given = [form for form in FORMS if form in fields]
    if len(given) != 1:
        has = (
            f"has {' and '.join(given)}"
            if given
            else f"has {', '.join(map(repr, list(fields)[:8])) or 'nothing'}"
        )
        raise InvalidValueError(f"The input should have one of {', '.join(FORMS)}; it {has}.")
    if unknown := [name for name in fields if name not in (*FORMS, "params")]:
        raise InvalidValueError(
            f"The input has {unknown[0]!r}, which nothing reads. params is what there is."
        )
    params = fields.get("params")
    if params is not None and not isinstance(params, dict):
        raise InvalidValueError(
            f"params of the input is {with_article(type(params).__name__)}, and should be an object."
        )
    return ScoringBody(_DATA[given[0]](fields[given[0]], schema), cast("dict[str, Any] | None", params))


def plain_predictions(predictions: Any) -> Any:
    """Predictions as JSON has them: a list, with an object for each row of a DataFrame."""
    if hasattr(predictions, "to_dict") and hasattr(predictions, "columns"):
        return _plain(predictions.to_dict(orient="records"))
    if hasattr(predictions, "detach"):
        predictions = predictions.detach().cpu().numpy()
    return _plain(predictions)


def _split(held: Any, schema: Schema | None) -> Any:
    if not isinstance(held, Mapping) or "data" not in held:
        raise InvalidValueError('dataframe_split should be {"columns": [...], "data": [[...], ...]}.')
    import pandas as pd

    parts = cast("Mapping[str, Any]", held)
    try:
        frame = pd.DataFrame(parts["data"], columns=parts.get("columns"), index=parts.get("index"))
    except (ValueError, TypeError) as error:
        raise InvalidValueError(f"dataframe_split is no table: {said(error)}.") from None
    return _typed(frame, schema)


def _records(held: Any, schema: Schema | None) -> Any:
    if not isinstance(held, list) or not all(isinstance(row, dict) for row in cast("list[Any]", held)):
        raise InvalidValueError('dataframe_records should be [{"column": value, ...}, ...].')
    import pandas as pd

    return _typed(pd.DataFrame(cast("list[Any]", held)), schema)


def _instances(held: Any, schema: Schema | None) -> Any:
    if not isinstance(held, list) or not held:
        raise InvalidValueError("instances should be a list of rows.")
    rows = cast("list[Any]", held)
    if all(isinstance(row, dict) for row in rows):
        if schema is not None and schema.is_tensor_spec():
            names: list[str] = list(rows[0])
            return _inputs({name: [row[name] for row in rows] for name in names}, schema)
        return _records(rows, schema)
    return _inputs(rows, schema)


def _inputs(held: Any, schema: Schema | None) -> Any:
    import numpy as np

    if schema is None:
        return np.asarray(cast("list[Any]", held)) if isinstance(held, list) else held
    if not schema.is_tensor_spec():
        return held
    try:
        if isinstance(held, dict) and schema.has_input_names():
            kinds = schema.input_types_dict()
            named = cast("dict[str, Any]", held)
            return {name: np.asarray(value, dtype=kinds.get(name)) for name, value in named.items()}
        return np.asarray(held, dtype=schema.input_types()[0])
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidValueError(f"inputs is no array: {said(error)}.") from None


_DATA = {"dataframe_split": _split, "dataframe_records": _records, "instances": _instances, "inputs": _inputs}


def _typed(frame: Any, schema: Schema | None) -> Any:
    """Columns of bytes, which JSON has as base64, and of floats, for which it has no width."""
    frame = with_floats(frame, schema)
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return frame
    for spec in schema:
        if spec.type is DataType.binary and spec.name in frame.columns:
            try:
                frame[spec.name] = [
                    base64.b64decode(value) if isinstance(value, str) else value for value in frame[spec.name]
                ]
            except ValueError:
                raise InvalidValueError(f"The column {spec.name!r} holds bytes, in JSON as base64.") from None
    return frame


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in cast("list[Any]", value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if hasattr(value, "to_dicts"):
        return _plain(value.to_dicts())
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump())
    return str(value)
