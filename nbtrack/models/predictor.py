"""A loaded model behind the one `predict`: what MLflow calls a pyfunc model."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.flavors.contracts import Scorer
from nbtrack.models.mlmodel import FROM_TYPE_HINT, PYTHON_FUNCTION, Model
from nbtrack.models.model_info import ModelInfo
from nbtrack.models.schema.enforcement import enforce_input, enforce_params

RAISED_BY = "Raised by the model"
"""How the note begins that an error of a model gets."""


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
        self._model_impl = scorer  # the name by which MLflow's users reach it
        self._folder = folder
        self._uri = uri
        self._config = dict(config or {})
        signature = metadata.signature
        # A model that checks its input by its type hint takes it as it was given.
        by_hint = bool(metadata.extra.get(FROM_TYPE_HINT))
        self._inputs = None if signature is None or by_hint else signature.inputs
        self._params = None if signature is None else signature.params

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
                given and what is wanted. What the model itself raises passes through.
        """
        if self._inputs is not None:
            data = enforce_input(data, self._inputs)
        enforced = None if params is None and self._params is None else enforce_params(params, self._params)
        try:
            return self._model_impl.predict(data, enforced)
        except Exception as error:
            error.add_note(f"{RAISED_BY} {self._name} in predict().")
            raise

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Predict piece by piece, as the model gives them.

        Args:
            data: As for `predict`.
            params: As for `predict`.

        Raises:
            InvalidValueError: The model gives all at once; or as for `predict`.
        """
        stream = getattr(self._model_impl, "predict_stream", None)
        if stream is None:
            raise InvalidValueError(
                f"The model {self._name} cannot predict piece by piece. Python models can, with a "
                "predict_stream method."
            )
        if self._inputs is not None:
            data = enforce_input(data, self._inputs)
        return stream(data, enforce_params(params, self._params))

    def get_raw_model(self) -> Any:
        """The framework's own model."""
        return self._model_impl.raw_model()

    def unwrap_python_model(self) -> Any:
        """The user's own `PythonModel`.

        Raises:
            InvalidValueError: It was made in another way.
        """
        model = getattr(self._model_impl, "python_model", None)
        if model is None:
            raise InvalidValueError(
                f"The model {self._name} holds no PythonModel: its loader is {self.loader_module}. "
                "get_raw_model() gives what it holds."
            )
        return model

    @property
    def loader_module(self) -> str:
        """The module of MLflow that loads it there."""
        return str(self.metadata.flavors[PYTHON_FUNCTION].get("loader_module"))

    @property
    def model_id(self) -> str | None:
        """`m-` and 32 hex digits; None where it was saved outside a run."""
        return self.metadata.model_id

    @property
    def model_config(self) -> dict[str, Any]:
        """Its configuration, with what was given to `load_model`."""
        return self._config

    @property
    def input_example(self) -> Any:
        """The input example that was stored with it; None where there is none."""
        return self.metadata.load_input_example(self._folder)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say where it is, of what only the framework's own model has."""
            # As long as it is being made, or copied, there is no model to look at.
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_") and self.__dict__.get("_model_impl") is not None:
                text += self._hint(name)
            raise AttributeError(text, name=name, obj=self)

    def _hint(self, name: str) -> str:
        try:
            has_it = hasattr(self.get_raw_model(), name)
        except Exception:  # noqa: BLE001 - the model's own code, asked only for a sentence
            return ""
        if not has_it:
            return ""
        hint = f". The model itself has it: get_raw_model().{name}"
        if name.startswith("predict") and "sklearn" in self.metadata.flavors:
            hint += f"; logged with pyfunc_predict_fn={name!r}, predict() gives it"
        return hint

    @property
    def _name(self) -> str:
        return repr(self._uri or str(self._folder))

    def _info(self) -> ModelInfo:
        return ModelInfo(self.metadata, self._uri or str(self._folder), folder=self._folder)

    def __repr__(self) -> str:
        native = type(self.get_raw_model()).__qualname__
        return f"<PyFuncModel {self._name}: {native}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import static_views  # lazy: only what is looked at is drawn
        from nbtrack.models import model_views

        return static_views.bundle(model_views.info_card(self._info(), is_predictor=True))
