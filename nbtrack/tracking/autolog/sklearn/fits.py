"""What one fit leaves in its run."""

from collections.abc import Generator
from types import FunctionType

from nbtrack.tracking.autolog import options, sessions
from nbtrack.tracking.autolog.callers import is_called_from
from nbtrack.tracking.autolog.patching import Call, Observe
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn import (
    classifier_pictures,
    estimator_page,
    post_metrics,
    searches,
    train_data_set,
    trained_model,
)
from nbtrack.tracking.autolog.sklearn.candidates import is_search
from nbtrack.tracking.autolog.sklearn.estimators import makes_run, param_texts, tags_of
from nbtrack.tracking.autolog.sklearn.trained_model import signature_of
from nbtrack.tracking.autolog.sklearn.training_metrics import Measured, measure
from nbtrack.tracking.autolog.sklearn.trainings import Training


def observer(function: FunctionType) -> Observe:
    """Who observes the calls of a method that trains.

    Args:
        function: The method.
    """

    def observe(call: Call) -> Generator[None] | None:
        if sessions.is_inside() or options.of("sklearn") is None or not call.args:
            return None
        if not makes_run(call.args[0]) or is_called_from("sklearn"):
            return None
        return _record(call, function)

    return observe


def _record(call: Call, function: FunctionType) -> Generator[None]:
    estimator = call.args[0]
    title = type(estimator).__name__
    with sessions.training("sklearn", call, title, tags=tags_of(estimator)) as session:
        training = None
        if session is not None:
            with session.attempt("params and data"):
                # What is inside a search is where it begins, and not what is trained.
                training = Training.of(call, function, deep=not is_search(estimator))
                before(session, training)
        yield
        if session is None or training is None or call.error is not None:
            return
        if is_search(estimator):
            with session.attempt("the best of the search"):
                searches.record_best(session, estimator)
        after(session, training, call.seconds)
        with session.attempt("what is measured later"):
            post_metrics.remember_training(session, call)
        if is_search(estimator):
            with session.attempt("the search"):
                signature = signature_of(training) if session.options["log_model_signatures"] else False
                searches.record(session, call, estimator, model_options={"signature": signature or False})


def before(session: Session, training: Training) -> None:
    """Record what is known before a training: params and data.

    Args:
        session: Where it is recorded.
        training: The training.
    """
    with session.attempt("params"):
        session.log_params(param_texts(training.params))
    if session.options["log_datasets"] and training.row_count:
        with session.attempt("data set"):
            train_data_set.log(session, training)


def after(session: Session, training: Training, seconds: float) -> None:
    """Record what a training gave: metrics on its own data, pictures of them, the model.

    Args:
        session: Where it is recorded.
        training: The training.
        seconds: How long it took.
    """
    measured = _measured(session, training, seconds)
    if measured is not None:
        with session.attempt("pictures"):
            classifier_pictures.log(session, training, measured)
    with session.attempt("estimator.html"):
        estimator_page.log(session, training.estimator, seconds)
    if session.options["log_models"]:
        with session.attempt("model"):
            trained_model.log(session, training, measured)


def _measured(session: Session, training: Training, seconds: float) -> Measured | None:
    with session.attempt("training metrics"):
        measured = measure(training, seconds, session.options["pos_label"])
        session.log_metrics(measured.metrics)
        for what in measured.skipped:
            session.skip(what)
        if measured.headline is not None:
            session.say(measured.headline)
        return measured
    return None
