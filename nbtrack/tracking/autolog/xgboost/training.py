"""What is recorded of a training of XGBoost: of `train`, of an estimator's `fit`, of `cv`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

from nbtrack.models.flavors import xgboost as flavor
from nbtrack.tracking.autolog import options
from nbtrack.tracking.autolog.boosting.data import TrainingData
from nbtrack.tracking.autolog.boosting.iteration_metrics import IterationMetrics, Score
from nbtrack.tracking.autolog.boosting.trainings import Arguments, Trainings, log_importance
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.xgboost import data

_NO_PARAMS = ("params", "dtrain", "evals", "evals_result", "xgb_model", "callbacks")
_ONLY_IF_GIVEN = ("obj", "feval", "folds", "fpreproc")
_TRAIN_DEFAULTS: Mapping[str, Any] = {
    "num_boost_round": 10,
    "maximize": None,
    "early_stopping_rounds": None,
    "verbose_eval": True,
    "custom_metric": None,
}
"""What MLflow keeps of the arguments of `train` that are not given."""
_CV_DEFAULTS: Mapping[str, Any] = {
    "num_boost_round": 10,
    "nfold": 3,
    "stratified": False,
    "early_stopping_rounds": None,
    "seed": 0,
    "shuffle": True,
}


class XgboostTrainings(Trainings):
    """The trainings of XGBoost."""

    framework: ClassVar[str] = "xgboost"
    flavor: ClassVar[Any] = flavor

    def params(self, given: Arguments, *, is_cv: bool) -> dict[str, Any]:
        """See `Trainings.params`."""
        booster: Any = given.get("params") or {}
        params: dict[str, Any] = {}
        pairs: Iterable[tuple[Any, Any]] = booster.items() if hasattr(booster, "items") else booster
        for key, value in pairs:
            # A list of pairs may name eval_metric more than once.
            params[key] = [*_as_list(params[key]), value] if key in params else value
        params |= _CV_DEFAULTS if is_cv else _TRAIN_DEFAULTS
        for key, value in given.items():
            if key not in _NO_PARAMS and (value is not None or key not in _ONLY_IF_GIVEN):
                params[key] = value
        return params

    def recorder(self, session: Session, given: Arguments) -> "XgboostRecorder":
        """See `Trainings.recorder`."""
        return XgboostRecorder(session, goes_on=given.get("xgb_model") is not None)

    def is_validated(self, given: Arguments) -> bool:
        """See `Trainings.is_validated`."""
        return bool(given.get("evals"))

    def data_of_train(self, given: Arguments) -> TrainingData:
        """See `Trainings.data_of_train`."""
        return data.of_train(given)

    def data_of_fit(self, given: Arguments) -> TrainingData:
        """See `Trainings.data_of_fit`."""
        return data.of_fit(given)

    def importances(self, session: Session, booster: Any) -> None:
        """See `Trainings.importances`."""
        wanted = (options.of(self.framework) or {}).get("importance_types")
        if wanted is None:
            wanted = ("weight",)
        for kind in (wanted,) if isinstance(wanted, str) else wanted:
            with session.attempt(f"feature importance {kind}"):
                log_importance(session, kind, booster.get_score(importance_type=kind))

    def model_options(self, session: Session) -> dict[str, Any]:
        """See `Trainings.model_options`."""
        return {"model_format": session.options.get("model_format") or "ubj"}

    def speaks(self) -> bool:
        """See `Trainings.speaks`."""
        from xgboost import collective

        return collective.get_rank() == 0


class XgboostRecorder:
    """See `trainings.Recorder`; `make_known` says that it is a callback."""

    def __init__(self, session: Session, *, goes_on: bool) -> None:
        # XGBoost keeps what all iterations have measured; the mark of one is its place in there.
        self.metrics = IterationMetrics(session, lambda index: _scores_at(self._scores, index))
        self._scores: Mapping[str, Mapping[str, Sequence[Any]]] = {}
        self._best: Any = None
        self._goes_on = goes_on
        """Whether there is a model that was trained before."""

    def before_training(self, model: Any) -> Any:
        """The training begins."""
        if self._goes_on:
            with self.metrics.attempt():
                self.metrics.begin_at(int(model.num_boosted_rounds()))
        return model

    def after_training(self, model: Any) -> Any:
        """The training has ended, but not by an error."""
        with self.metrics.attempt():
            self._best = model.attr("best_iteration")
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """An iteration begins; True would end the training."""
        del model, epoch, evals_log
        return False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """An iteration has ended; True would end the training."""
        del model
        self._scores = evals_log
        metrics = self.metrics
        metrics.add(metrics.first_step + epoch, metrics.count)
        return False

    def keep_best(self, given: Arguments, result: Any) -> None:
        """See `trainings.Recorder`."""
        del result
        metrics = self.metrics
        # A model that is trained on may know of a best iteration from before.
        if self._best is None or not metrics.count or not _stops_early(given):
            return
        best = int(self._best)
        about = {"stopped_iteration": metrics.first_step + metrics.count - 1, "best_iteration": best}
        metrics.keep_best(about, _scores_at(self._scores, best - metrics.first_step))


def make_known(training_callback: Any) -> None:
    """Tell XGBoost's class of callbacks that a recorder is one."""
    training_callback.register(XgboostRecorder)


def _stops_early(given: Arguments) -> bool:
    callbacks: Iterable[Any] = given.get("callbacks") or ()
    return bool(given.get("early_stopping_rounds")) or any(
        kind.__name__ == "EarlyStopping" for each in callbacks for kind in type(each).__mro__
    )


def _scores_at(evals_log: Mapping[str, Mapping[str, Sequence[Any]]], index: int) -> Iterator[Score]:
    for name, metrics in evals_log.items():
        for metric, values in metrics.items():
            value = values[index]
            if type(value) is tuple:  # of cv
                mean, deviation = cast("tuple[Any, Any]", value)
                yield name, f"{metric}-mean", mean
                yield name, f"{metric}-std", deviation
            else:
                yield name, metric, value


def _as_list(value: Any) -> list[Any]:
    values: Any = value
    return list(values) if isinstance(value, list) else [value]
