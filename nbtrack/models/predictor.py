"""A loaded model behind the one `predict`: what MLflow calls a pyfunc model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.models.enforcement import enforce_input, enforce_params
from nbtrack.models.flavors.contracts import Scorer
from nbtrack.models.mlmodel import PYTHON_FUNCTION, Model


class PyFuncModel:
    """A model that predicts on what its signature asks for; `nbtrack.pyfunc.load_model` gives one.

    Attributes:
        metadata: What its MLmodel file says.
    """

    def __init__(
        self,
        metadata: Model,
        scorer: Scorer,
        *,
        folder: Path,
        uri: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self._scorer = scorer
        self._folder = folder
        self._uri = uri
        self._config = dict(config or {})

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict.

        Args:
            data: A DataFrame, array, list or dict; checked against the signature and brought into its
                form. Without a signature it is passed on as it is.
            params: Values of the params that the signature names; those left out are its defaults.

        Returns:
            What the model gives: an array, DataFrame, Series or list, (rows, ...).

        Raises:
            InvalidValueError: The data or a param does not fit; the message names the column, what was
                given and what is wanted.
        """
        signature = self.metadata.signature
        if signature is not None and signature.inputs is not None:
            data = enforce_input(data, signature.inputs)
        return self._scorer.predict(data, self._params(params))

    def get_raw_model(self) -> Any:
        """The framework's own model."""
        return self._scorer.raw_model()

    @property
    def loader_module(self) -> str:
        """The module of MLflow that loads it there."""
        return str(self.metadata.flavors[PYTHON_FUNCTION].get("loader_module"))

    @property
    def model_config(self) -> dict[str, Any]:
        """Its configuration, with what was given to `load_model`."""
        return self._config

    @property
    def input_example(self) -> Any:
        """The input example that was stored with it; None where there is none."""
        return self.metadata.load_input_example(self._folder)

    def _params(self, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        signature = self.metadata.signature
        schema = None if signature is None else signature.params
        return enforce_params(given, schema)
