"""What is recorded of a boosted training, and when; the frameworks say how.

Params come before it, the curves meanwhile. Behind it come what early stopping found, the importance of the
features, the data sets and the model.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from copy import copy
from inspect import Signature
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from nbtrack.models.signature import infer_signature
from nbtrack.tracking.autolog import importance, sessions
from nbtrack.tracking.autolog.boosting import calls
from nbtrack.tracking.autolog.boosting.data import TrainingData
from nbtrack.tracking.autolog.boosting.iteration_metrics import IterationMetrics
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import post_metrics

Arguments = Mapping[str, Any]
"""What a function was called with, by name."""


class Recorder(Protocol):
    """A callback of a framework that records the metrics after each iteration.

    It changes nothing of the training, and nothing of it stays in the model.
    """

    metrics: IterationMetrics

    def keep_best(self, given: Arguments, result: Any) -> None:
        """Log what early stopping found, if it was at work.

        Args:
            given: What `train` or `cv` was called with.
            result: What it gave.
        """
        ...


class Trainings(ABC):
    """The trainings of one framework."""

    framework: ClassVar[str]
    flavor: ClassVar[Any]
    """The module that writes its models."""

    @abstractmethod
    def params(self, given: Arguments, *, is_cv: bool) -> dict[str, Any]:
        """The params of a call of `train` or `cv`."""

    @abstractmethod
    def recorder(self, session: Session, given: Arguments) -> Recorder:
        """A new callback for a call of `train` or `cv`."""

    @abstractmethod
    def is_validated(self, given: Arguments) -> bool:
        """Whether `train` was given data to measure metrics on."""

    @abstractmethod
    def data_of_train(self, given: Arguments) -> TrainingData:
        """The data of a call of `train` or `cv`."""

    @abstractmethod
    def data_of_fit(self, given: Arguments) -> TrainingData:
        """The data of an estimator's `fit`."""

    @abstractmethod
    def importances(self, session: Session, booster: Any) -> None:
        """Log the importance of the features."""

    def model_options(self, session: Session) -> dict[str, Any]:
        """What the flavor is told of a model."""
        del session
        return {}

    def speaks(self) -> bool:
        """Whether this process speaks for all that train one model together."""
        return True

    def observe_train(self, signature: Signature, call: Call) -> Generator[None] | None:
        """See `patching.Observe`; of `train`."""
        expected = calls.expected()
        if expected is None and not self._is_for_the_user():
            return None
        given = calls.arguments_of(signature, call)
        if given is None:
            return None  # it will be refused
        return self._train(call, given) if expected is None else self._train_of_fit(call, given, expected)

    def observe_fit(self, signature: Signature, call: Call) -> Generator[None] | None:
        """See `patching.Observe`; of the estimators' `fit`."""
        if (whole := calls.whole_of(self.framework)) is not None:
            return self._fit_of_whole(whole)
        given = calls.arguments_of(signature, call) if self._is_for_the_user() else None
        return None if given is None else self._fit(call, given)

    def observe_cv(self, signature: Signature, call: Call) -> Generator[None] | None:
        """See `patching.Observe`; of `cv`."""
        given = calls.arguments_of(signature, call) if self._is_for_the_user() else None
        return None if given is None else self._cv(call, given)

    def _is_for_the_user(self) -> bool:
        return calls.is_for_the_user(self.framework) and self.speaks()

    def _train(self, call: Call, given: Arguments) -> Generator[None]:
        with sessions.training(self.framework, call, f"{self.framework}.train") as session:
            if session is None:
                yield
                return
            data = self.data_of_train(given)
            self._log_params(session, given, is_cv=False)
            yield from self._watched(session, call, given, is_cv=False)
            if call.error is None:
                data.log(session)
                self._log_model(session, call.result, data)

    def _fit(self, call: Call, given: Arguments) -> Generator[None]:
        estimator = given["self"]
        kind = cast("type[Any]", type(estimator))
        tags = {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}
        with sessions.training(self.framework, call, kind.__name__, tags=tags) as session:
            if session is None:
                yield
                return
            # MLflow has it as num_boost_round only; whoever set it looks for this name.
            trees = getattr(estimator, "n_estimators", None)
            if trees is not None:
                with session.attempt("params"):
                    session.log_params({"n_estimators": trees})
            data = self.data_of_fit(given)
            with calls.expecting(session, is_whole=True):
                yield
            if call.error is None:
                data.log(session)
                self._log_model(session, estimator, data)

    def _fit_of_whole(self, session: Session) -> Generator[None]:
        with calls.expecting(session, is_whole=False):
            yield

    def _train_of_fit(self, call: Call, given: Arguments, expected: calls.Expected) -> Generator[None]:
        if expected.is_whole:
            self._log_params(expected.session, given, is_cv=False)
        yield from self._watched(expected.session, call, given, is_cv=False)

    def _cv(self, call: Call, given: Arguments) -> Generator[None]:
        with sessions.training(self.framework, call, f"{self.framework}.cv") as session:
            if session is None:
                yield
                return
            data = self.data_of_train(given)
            self._log_params(session, given, is_cv=True)
            yield from self._watched(session, call, given, is_cv=True)
            if call.error is None:
                data.log(session)

    def _log_params(self, session: Session, given: Arguments, *, is_cv: bool) -> None:
        with session.attempt("params"):
            session.log_params(_described(self.params(given, is_cv=is_cv)))

    def _watched(self, session: Session, call: Call, given: Arguments, *, is_cv: bool) -> Generator[None]:
        recorder: Recorder | None = None
        callbacks: Any = given.get("callbacks")
        if (is_cv or self.is_validated(given)) and (callbacks is None or isinstance(callbacks, Iterable)):
            recorder = self.recorder(session, given)
            given = {**given, "callbacks": list(cast("Iterable[Any]", callbacks or ()))}
            # The first of them, since LightGBM orders the others by how many stand behind them; and in
            # XGBoost one that ends the training keeps those behind it from being called.
            call.args, call.kwargs = (), {**given, "callbacks": [recorder, *given["callbacks"]]}
        yield
        if recorder is not None:
            recorder.metrics.write()
        if call.error is not None:
            return
        if recorder is not None:
            with session.attempt("best iteration"):
                recorder.keep_best(given, call.result)
            with session.attempt("the notice"):
                recorder.metrics.tell()
        if not is_cv:
            with session.attempt("feature importance"):
                self.importances(session, call.result)

    def _log_model(self, session: Session, model: Any, data: TrainingData) -> None:
        """Keep a trained model; one of a class of the user's own is kept as scikit-learn's are."""
        with session.attempt("metrics measured later"):
            # What it predicts may be scored, whether it is kept or not.
            post_metrics.remember_fit(session, model)
        if not session.options.get("log_models", True):
            return
        with session.attempt("model"):
            given: dict[str, Any] = {"signature": False}
            rows = data.typed_row if data.rows is None else data.rows
            if rows is not None and session.options.get("log_model_signatures", True):
                with session.attempt("signature"):
                    predicted = self.flavor.scorer(model, {}, Path(), {}).predict(rows)
                    given["signature"] = infer_signature(rows, predicted)
            if data.rows is not None and session.options.get("log_input_examples"):
                given["input_example"] = data.rows
            if type(model).__module__.partition(".")[0] == self.framework:
                given |= {"flavor": self.framework, **self.model_options(session)}
            session.log_model(_as_the_user_sees_it(model), **given)
            post_metrics.remember_fit(session, model)  # with the id of its model


def _as_the_user_sees_it(model: Any) -> Any:
    """A model without what a search or a pipeline lends it while it is fitted; itself when there is nothing.

    What scikit-learn 1.9 and later lend knows the whole search, and is taken back after the fit.
    """
    if _LENT not in vars(model):
        return model
    model = copy(model)
    delattr(model, _LENT)
    return model


_LENT = "_parent_callback_ctx"


def log_importance(session: Session, kind: str, scores: Mapping[str, importance.Importance]) -> None:
    """Keep the importance of the features; what fails costs nothing else."""
    with session.attempt(f"feature importance {kind}"):
        importance.log(session, kind, scores)


def _described(params: Mapping[str, Any]) -> dict[str, Any]:
    """Params as they are kept: functions by their names, since their `str()` holds an address."""
    return {key: _name_or_value(value) for key, value in params.items()}


def _name_or_value(value: Any) -> Any:
    if callable(value):
        return getattr(value, "__qualname__", None) or type(value).__qualname__
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return [_name_or_value(each) for each in items] if any(map(callable, items)) else items
    return value
