"""Models: a folder that MLflow reads, the signature that says what it takes, and its flavors."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.models.code.model_code import ModelConfig as ModelConfig
    from nbtrack.models.code.model_code import set_model as set_model
    from nbtrack.models.mlmodel import Model as Model
    from nbtrack.models.model_info import ModelInfo as ModelInfo
    from nbtrack.models.schema.enforcement import validate_schema as validate_schema
    from nbtrack.models.schema.input_examples import (
        convert_input_example_to_serving_input as convert_input_example_to_serving_input,
    )
    from nbtrack.models.schema.mismatches import SignatureMismatchError as SignatureMismatchError
    from nbtrack.models.signature import ModelSignature as ModelSignature
    from nbtrack.models.signature import infer_signature as infer_signature

# What MLflow's users import from here; it loads when first used.
_HOME_OF = {
    "ModelConfig": "nbtrack.models.code.model_code",
    "ModelSignature": "nbtrack.models.signature",
    "SignatureMismatchError": "nbtrack.models.schema.mismatches",
    "convert_input_example_to_serving_input": "nbtrack.models.schema.input_examples",
    "infer_signature": "nbtrack.models.signature",
    "validate_schema": "nbtrack.models.schema.enforcement",
    "set_model": "nbtrack.models.code.model_code",
    "Model": "nbtrack.models.mlmodel",
    "ModelInfo": "nbtrack.models.model_info",
    # What looks models up by their URIs needs a store; MLflow's users import it from here all the same.
    "get_model_info": "nbtrack.tracking.model_access",
    "infer_pip_requirements": "nbtrack.tracking.model_access",
    "predict": "nbtrack.tracking.batch_scoring",
    "set_signature": "nbtrack.tracking.model_access",
    "validate_serving_input": "nbtrack.tracking.batch_scoring",
}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        from nbtrack.core.absent_names import absent  # lazy: it is wanted only when something went wrong

        raise absent(__name__, name, _HOME_OF, import_module("nbtrack").__all__)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
