"""The trained model in its run: with its params, and the signature that its first rows have."""

import sys
from typing import Any

from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn.estimators import param_texts
from nbtrack.tracking.autolog.sklearn.training_metrics import Measured
from nbtrack.tracking.autolog.sklearn.trainings import FIRST_ROWS, Training

_SEARCHED_CELLS = 2_000_000
"""Cells of a DataFrame in which missing values are looked for: a few hundredths of a second."""


def log(session: Session, training: Training, measured: Measured | None = None) -> None:
    """Keep the trained estimator as the model `model` of its run.

    Args:
        session: Where it is recorded.
        training: The training.
        measured: What was measured of it: its predictions are not made again.
    """
    estimator = training.estimator
    options: dict[str, Any] = {"params": param_texts(training.params)}
    if session.options["log_model_signatures"]:
        signature = signature_of(training, None if measured is None else measured.predictions)
        options["signature"] = False if signature is None else signature
    if session.options["log_input_examples"] and training.first_rows is not None:
        options["input_example"] = training.first_rows
    session.log_model(
        estimator,
        flavor="sklearn",
        serialization_format=session.options["serialization_format"],
        pyfunc_predict_fn=_predicts_by(estimator) or "predict",
        quietly=True,
        **options,
    )


def signature_of(training: Training, predictions: Any = None) -> Any:
    """What the model takes and gives, as its first rows are; None where that cannot be told.

    A column that has missing values further down only is optional too: the model was trained with them.

    Args:
        training: The training.
        predictions: What it predicts of its training data, if that is known.
    """
    from nbtrack.models.signature import ModelSignature

    method = _predicts_by(training.estimator)
    if training.first_rows is None or method is None:
        return None
    if predictions is None or method != "predict":
        try:
            given = getattr(training.estimator, method)(training.first_rows)
        except (ValueError, TypeError, AttributeError, NotImplementedError):
            given = None  # five rows are too few for it
    else:
        given = predictions[:FIRST_ROWS]
    inputs = _with_gaps(_schema(training.first_rows), training.X)
    return ModelSignature(inputs, None if given is None else _schema(given))


def _schema(data: Any) -> Any:
    from nbtrack.models.schema.data_types import AnyType
    from nbtrack.models.schema.schema_inference import infer_schema
    from nbtrack.models.schema.schemas import ColSpec, Schema
    from nbtrack.models.schema.value_types import InferenceError

    try:
        return infer_schema(data)
    except InferenceError:
        return Schema([ColSpec(AnyType())])


def _with_gaps(schema: Any, data: Any) -> Any:
    """A schema in which each column that has missing values anywhere in a pandas DataFrame is optional."""
    from nbtrack.models.schema.schemas import ColSpec, Schema

    frames = sys.modules.get("pandas")
    if frames is None or not isinstance(data, frames.DataFrame) or data.size > _SEARCHED_CELLS:
        return schema
    specs: list[Any] = schema.inputs
    names = [spec.name for spec in specs]
    if names != list(data.columns) or None in names:
        return schema  # without a name, a column cannot be optional
    gaps: list[bool] = data.isna().any().tolist()
    return Schema(
        [
            ColSpec(spec.type, spec.name, required=spec.required and not has_gaps)
            for spec, has_gaps in zip(specs, gaps, strict=True)
        ]
    )


def _predicts_by(estimator: Any) -> str | None:
    """What gives something for new data: `predict`, else `transform`; None: nothing does."""
    return next((name for name in ("predict", "transform") if hasattr(estimator, name)), None)
