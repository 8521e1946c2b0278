"""Models that are Python code of the user: a class derived from `PythonModel`, or a function.

Their pickles name this module, so its name and the names in it stay as they are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.core.errors import InvalidStateError
from nbtrack.models.schema.type_hints import TypeHints, checking, input_names, takes_context, type_hints_of


class PythonModelContext:
    """What a Python model is given beside the data: its artifacts and its configuration."""

    def __init__(self, artifacts: Mapping[str, str], model_config: Mapping[str, Any]) -> None:
        self._artifacts = dict(artifacts)
        self._model_config = dict(model_config)

    @property
    def artifacts(self) -> dict[str, str]:
        """Name to path on this machine, of the files and folders given as `artifacts=`."""
        return self._artifacts

    @property
    def model_config(self) -> dict[str, Any]:
        """What was given as `model_config=` when it was saved, and what `load_model` was given."""
        return self._model_config

    def __repr__(self) -> str:
        return f"<PythonModelContext artifacts={list(self._artifacts)} model_config={self._model_config!r}>"


class PythonModel:
    """A model that is Python code: derive from it and write `predict`.

    A type hint such as `list[str]` on the input of `predict` gives the model its signature, and each
    call is checked by it.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "predict" in cls.__dict__:
            cls.predict = checking(cls.__dict__["predict"])

    @property
    def predict_type_hints(self) -> TypeHints:
        """The hints of its `predict`; MLflow's loaders ask for them."""
        # What MLflow has pickled brings its own.
        held = self.__dict__.get("_predict_type_hints")
        return held if isinstance(held, TypeHints) else type_hints_of(self.predict)

    def load_context(self, context: Any) -> None:
        """Read what the model needs, once, when it is loaded.

        Args:
            context: `context.artifacts` names files, `context.model_config` is the configuration.
        """

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Predict. `context` and `params` may be left out of the definition.

        Args:
            context: As in `load_context`.
            model_input: The data, in the form that the signature says.
            params: The params of the signature.
        """
        raise NotImplementedError(f"{type(self).__name__} has no predict method.")

    def predict_stream(
        self, context: Any, model_input: Any, params: dict[str, Any] | None = None
    ) -> Iterator[Any]:
        """Predict piece by piece. `context` and `params` may be left out of the definition."""
        raise NotImplementedError(f"{type(self).__name__} has no predict_stream method.")


class FunctionModel(PythonModel):
    """A function as a model."""

    def __init__(self, func: Any) -> None:
        self.func = checking(func)
        self.signature = None  # MLflow's pickles have it

    @property
    def predict_type_hints(self) -> TypeHints:
        """The hints of the function."""
        return type_hints_of(self.func)

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Call the function."""
        return call_model(self.func, context, model_input, params)

    def __repr__(self) -> str:
        return f"<FunctionModel {getattr(self.func, '__name__', self.func)!s}>"


class CallForm:
    """How a `predict` is called: with the context or without, with params or without."""

    def __init__(self, function: Any) -> None:
        self._function = function
        try:
            names = input_names(function)
        except (TypeError, ValueError):  # built in: no signature to read
            self._takes_context, self._takes_params = False, False
            return
        self._takes_context = takes_context(function)
        self._takes_params = "params" in names or "kwargs" in names

    def __call__(self, context: Any, data: Any, params: Mapping[str, Any] | None) -> Any:
        """Call it."""
        given: dict[str, Any] = {"params": params} if self._takes_params and params is not None else {}
        return (
            self._function(context, data, **given) if self._takes_context else self._function(data, **given)
        )


def call_model(function: Any, context: Any, data: Any, params: Mapping[str, Any] | None) -> Any:
    """Call a `predict` in its own form."""
    return CallForm(function)(context, data, params)


def has_own(model: Any, method: str) -> bool:
    """Whether a model's class writes a method itself, rather than having that of `PythonModel`."""
    for kind in type(model).__mro__:
        if method in kind.__dict__:
            return kind is not PythonModel and not kind.__module__.startswith("mlflow.")
    return False


def check_can_predict(model: Any) -> None:
    """Refuse a model without a `predict`.

    Raises:
        InvalidStateError: It has none.
    """
    if not isinstance(model, FunctionModel) and not has_own(model, "predict"):
        raise InvalidStateError(
            f"{type(model).__name__} has no predict method. Write predict(self, context, model_input, "
            "params=None), or without context and params."
        )
