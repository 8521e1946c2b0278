"""What is recorded of a training of LightGBM: of `train`, of an estimator's `fit`, of `cv`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from nbtrack.models.flavors import lightgbm as flavor
from nbtrack.tracking.autolog.boosting.data import TrainingData
from nbtrack.tracking.autolog.boosting.iteration_metrics import IterationMetrics, Score
from nbtrack.tracking.autolog.boosting.trainings import Arguments, Trainings, log_importance
from nbtrack.tracking.autolog.lightgbm import data
from nbtrack.tracking.autolog.sessions import Session

_NO_PARAMS = ("params", "train_set", "valid_sets", "valid_names", "init_model", "callbacks", "evals_result")
_ONLY_IF_GIVEN = ("fobj", "feval", "folds", "fpreproc", "metrics")
_TRAIN_DEFAULTS: Mapping[str, Any] = {"num_boost_round": 100, "keep_training_booster": False}
"""What MLflow keeps of the arguments of `train` that are not given."""
_CV_DEFAULTS: Mapping[str, Any] = {
    "num_boost_round": 100,
    "nfold": 5,
    "stratified": True,
    "shuffle": True,
    "seed": 0,
}


class LightgbmTrainings(Trainings):
    """The trainings of LightGBM."""

    framework: ClassVar[str] = "lightgbm"
    flavor: ClassVar[Any] = flavor

    def params(self, given: Arguments, *, is_cv: bool) -> dict[str, Any]:
        """See `Trainings.params`."""
        params: dict[str, Any] = {
            **(given.get("params") or {}),
            **(_CV_DEFAULTS if is_cv else _TRAIN_DEFAULTS),
        }
        for key, value in given.items():
            if key not in _NO_PARAMS and (value or key not in _ONLY_IF_GIVEN):
                params[key] = value
        return params

    def recorder(self, session: Session, given: Arguments) -> "LightgbmRecorder":
        """See `Trainings.recorder`."""
        del given
        return LightgbmRecorder(session)

    def is_validated(self, given: Arguments) -> bool:
        """See `Trainings.is_validated`."""
        return bool(given.get("valid_sets"))

    def data_of_train(self, given: Arguments) -> TrainingData:
        """See `Trainings.data_of_train`."""
        return data.of_train(given)

    def data_of_fit(self, given: Arguments) -> TrainingData:
        """See `Trainings.data_of_fit`."""
        return data.of_fit(given)

    def importances(self, session: Session, booster: Any) -> None:
        """See `Trainings.importances`."""
        features = booster.feature_name()
        for kind in ("split", "gain"):
            scores = booster.feature_importance(importance_type=kind).tolist()
            log_importance(session, kind, dict(zip(features, scores, strict=True)))


class LightgbmRecorder:
    """See `trainings.Recorder`."""

    def __init__(self, session: Session) -> None:
        self.metrics = IterationMetrics(session, _scores)
        self.before_iteration = False
        # Before all others: one that ends the training keeps those behind it from being called.
        self.order = float("-inf")

    def __call__(self, env: Any) -> None:
        """An iteration has ended."""
        metrics = self.metrics
        if not metrics.count:
            metrics.begin_at(env.begin_iteration)
        metrics.add(env.iteration, env.evaluation_result_list or ())

    def keep_best(self, given: Arguments, result: Any) -> None:
        """See `trainings.Recorder`."""
        del given
        metrics = self.metrics
        best, scores = _best_of_cv(result, metrics.count) if isinstance(result, dict) else _best_of(result)
        if best > 0:
            about = {"stopped_iteration": metrics.first_step + metrics.count, "best_iteration": best}
            metrics.keep_best(about, scores)


def _best_of(booster: Any) -> tuple[int, list[Score]]:
    """The best iteration, counted from 1, and the metrics there; 0 when nothing stopped early."""
    scores = [
        (name, metric, value)
        for name, values in booster.best_score.items()
        for metric, value in values.items()
    ]
    return booster.best_iteration, scores


def _best_of_cv(curves: Any, iterations: int) -> tuple[int, list[Score]]:
    """As above: `cv` cuts its curves off behind the best iteration."""
    scores: list[Score] = []
    best = 0
    for key, values in curves.items():
        if key != "cvbooster":
            name, _, metric = key.partition(" ")
            scores.append((name, metric, values[-1]))
            best = len(values)
    return (best if best < iterations else 0), scores


def _scores(results: Iterable[Any]) -> Iterator[Score]:
    for result in results:
        name, metric, value = result[0], result[1], result[2]
        if name == "cv_agg":  # of cv, before LightGBM 4.7
            name, _, metric = metric.partition(" ")
        deviation = result[4] if len(result) > 4 else None
        if deviation is None:
            yield name, metric, value
        else:
            yield name, f"{metric}-mean", value
            yield name, f"{metric}-stdv", deviation
