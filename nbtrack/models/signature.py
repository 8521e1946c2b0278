"""The signature of a model: the schemas of what it takes, of what it gives back, and of its params."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.warn import warn_user
from nbtrack.models.schema.data_types import AnyType, quoted
from nbtrack.models.schema.param_schemas import ParamSchema
from nbtrack.models.schema.schema_inference import infer_params, infer_schema
from nbtrack.models.schema.schemas import ColSpec, Schema
from nbtrack.models.schema.value_types import InferenceError


class ModelSignature:
    """What a model takes and gives: MLflow's names, and its form in the MLmodel file.

    Args:
        inputs: The schema of the data; a dataclass gives the one that its fields declare. None: not known.
        outputs: The schema of the predictions, likewise.
        params: The params that `predict` takes; None: none.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, params: ParamSchema | None = None) -> None:
        if inputs is None and outputs is None and params is None:
            raise InvalidValueError("A signature needs at least one of inputs, outputs and params")
        if params is not None and not isinstance(params, ParamSchema):
            raise InvalidTypeError(f"The params of a signature are a ParamSchema, not {quoted(params)}")
        self.inputs: Schema | None = _schema(inputs, "inputs")
        self.outputs: Schema | None = _schema(outputs, "outputs")
        self.params: ParamSchema | None = params

    def to_dict(self) -> dict[str, str | None]:
        """The signature as an MLmodel file has it: each part a JSON text, or None."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> "ModelSignature":
        """A signature from what an MLmodel file holds.

        Raises:
            InvalidValueError: A part is malformed; the message says which.
        """
        if not isinstance(signature_dict, Mapping):
            raise InvalidValueError(
                f"A signature is a dict of inputs, outputs and params, not {quoted(signature_dict)}"
            )
        inputs, outputs, params = (signature_dict.get(part) for part in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelSignature) and (self.inputs, self.outputs, self.params) == (
            other.inputs,
            other.outputs,
            other.params,
        )

    def __hash__(self) -> int:
        return hash((self.inputs, self.outputs, self.params))

    def __repr__(self) -> str:
        parts = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        return "".join(f"{name}: \n  {_in_lines(held)}\n" for name, held in parts.items())


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: dict[str, Any] | None = None
) -> ModelSignature:
    """The signature that data, predictions and params have.

    A part from which no schema can be inferred becomes `any`, which checks nothing, with a warning.

    Args:
        model_input: What the model takes, such as its training data: a pandas or polars DataFrame or
            Series, a numpy array, a torch tensor, a sparse matrix, a dict of any of these, or JSON's values.
        model_output: What it predicts.
        params: The params that `predict` takes, with their defaults.

    Raises:
        InvalidValueError: Nothing is given, or a param has no type.
    """
    return ModelSignature(
        inputs=None if model_input is None else _inferred(model_input, "inputs"),
        outputs=None if model_output is None else _inferred(model_output, "outputs"),
        params=infer_params(params) if params else None,
    )


def _inferred(data: Any, part: str) -> Schema:
    try:
        return infer_schema(data)
    except InferenceError as error:
        warn_user(f"The {part} of the signature are of any type, and will not be checked. {error}")
        return Schema([ColSpec(AnyType())])


def _schema(given: Any, part: str) -> Schema | None:
    if given is None or isinstance(given, Schema):
        return given
    if dataclasses.is_dataclass(given):
        return infer_schema(given)
    raise InvalidTypeError(
        f"The {part} of a signature are a Schema or a dataclass, not {quoted(given)}; "
        "infer_signature takes data"
    )


def _in_lines(held: Schema | ParamSchema | None) -> str:
    """A schema on one line if it is short, else with a line for each column."""
    text = repr(held)
    if held is None or len(text) <= 100:
        return text
    return "[" + ",\n   ".join(repr(one) for one in held) + "]"
