"""Searches of scikit-learn: what is recorded of one beyond what is recorded of any fit.

The best params and score, all that it has measured as a table, the best estimator as a model of its own,
and the best candidates as nested runs.
"""

import time
from collections.abc import Mapping
from typing import Any

from nbtrack.core import mlflow_tags
from nbtrack.core.datasets import DatasetInput
from nbtrack.core.entities import Run
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.sklearn.candidates import as_runs, best_of, candidates_of, is_search
from nbtrack.tracking.autolog.sklearn.estimators import param_texts, tags_of
from nbtrack.tracking.autolog.sklearn.results_table import table_of


def record_best(session: Session, search: Any) -> None:
    """Record the best params and score of a search, for its model to have them too.

    Args:
        session: The session of its fit.
        search: The search, fitted.
    """
    best: Mapping[str, Any] = getattr(search, "best_params_", None) or {}
    session.log_params(param_texts({f"best_{key}": value for key, value in best.items()}))
    score: Any = getattr(search, "best_score_", None)
    if score is not None:
        session.log_metrics({"best_cv_score": score})
        session.say(f"best_cv_score {float(score):.4g}")


def record(
    session: Session, call: Call, search: Any, *, model_options: Mapping[str, Any] | None = None
) -> None:
    """Record what a search has tried; called when its data set is logged, and its own model.

    Args:
        session: The session of its fit.
        call: The call of `fit`.
        search: The search, fitted.
        model_options: What `log_model` is given with the best estimator, such as its `signature`.
    """
    results: Mapping[str, Any] = getattr(search, "cv_results_", None) or {}
    if "params" not in results:
        return
    with session.attempt("cv_results.csv"):
        number = "" if session.ordinal == 1 else f"-{session.ordinal}"
        session.run.log_text(table_of(results), f"cv_results{number}.csv")
    if hasattr(search, "best_estimator_"):
        with session.attempt("the model best_estimator"):
            # It is the search that is registered, where the user wants that.
            options = {**(model_options or {}), "registered_model_name": None}
            best: Any = search.best_estimator_
            options["params"] = param_texts(best.get_params(deep=not is_search(best)))
            session.log_model(best, name="best_estimator", **options)
    with session.attempt("the candidates"):
        _keep_candidates(session, call, search)


def _keep_candidates(session: Session, call: Call, search: Any) -> None:
    found = candidates_of(search)
    best = best_of(search, found, session.options["max_tuning_runs"])
    if not best:
        return
    run = session.run.snapshot()
    refit = float(getattr(search, "refit_time_", 0.0))
    since = call.spent() - call.own + refit
    ended = time.time_ns() // 1_000_000 - int(1000 * since)
    runs = as_runs(
        search,
        best,
        started=max(run.info.start_time, ended - int(1000 * (call.seconds - refit))),
        ended=max(run.info.start_time, ended),
        tags=_tags(session, search.estimator),
        inputs=_train_data(run),
    )
    session.run._add_children(runs)  # pyright: ignore[reportPrivateUsage]
    session.say(
        f"{len(best)} of {len(found)} candidates" if len(best) < len(found) else f"{len(best)} candidates"
    )


def _tags(session: Session, seed: Any) -> dict[str, str]:
    """The tags of each candidate."""
    extra: Mapping[str, Any] = (session.options["extra_tags"] if session.is_own else None) or {}
    return {
        **tags_of(seed),
        mlflow_tags.MLFLOW_AUTOLOGGING: session.framework,
        **{key: str(value) for key, value in extra.items()},
    }


def _train_data(run: Run) -> list[DatasetInput]:
    """The data set that a run was trained on last."""
    return [each for each in run.inputs.dataset_inputs if each.context == "train"][-1:]
