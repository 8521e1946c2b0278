"""What is kept of Optuna's studies and trials: their params, metrics and tags, from the objects themselves.

The tags of a trial are those of Optuna's own MLflowCallback.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from nbtrack.core.errors import ParamConflictError
from nbtrack.core.warn import warn_user
from nbtrack.tracking.fluent import default_tracker

COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"


def metric_names(study: Any, given: str | Sequence[str] | None) -> list[str]:
    """What the objectives of a study are called, in their order.

    Args:
        study: The study.
        given: What the user calls them; one name for several objectives is numbered, as in Optuna's own
            callback. None is what the study calls them, else `value`.
    """
    count = len(study.directions)
    chosen = given or getattr(study, "metric_names", None) or "value"
    if not isinstance(chosen, str) and len(chosen) == count:
        return list(chosen)
    if not isinstance(chosen, str):
        warn_user(
            f"metric_name has {len(chosen)} names, but the study has {count} objectives. They are called "
            "value and a number. Give as many names as there are objectives."
        )
        chosen = "value"
    return [chosen] if count == 1 else [f"{chosen}_{number}" for number in range(count)]


def study_tags(study: Any) -> dict[str, str]:
    """The tags of the run of a study: its name, its directions, and the user's own attributes."""
    attributes: Mapping[str, Any] = study.user_attrs
    return {
        "study_name": str(study.study_name),
        "direction": _directions(study),
        **{str(key): str(value) for key, value in attributes.items()},
    }


def study_params(study: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """How a study optimizes: its sampler and pruner, and what `optimize` was told."""
    told = {key: arguments.get(key) for key in ("n_trials", "timeout", "n_jobs")}
    return {
        "sampler": type(study.sampler).__name__,
        "pruner": type(study.pruner).__name__,
        **{key: value for key, value in told.items() if value is not None},
    }


def trial_tags(study: Any, trial: Any, state: str) -> dict[str, str]:
    """The tags of the run of a trial.

    Args:
        study: Its study.
        trial: The trial as Optuna has stored it.
        state: How it ended.
    """
    tags = {
        "number": str(trial.number),
        "state": state,
        "direction": _directions(study),
        "datetime_start": str(trial.datetime_start),
        **{f"{key}_distribution": str(kind) for key, kind in trial.distributions.items()},
        **{str(key): str(value) for key, value in trial.user_attrs.items()},
    }
    if trial.datetime_complete is not None:
        tags["datetime_complete"] = str(trial.datetime_complete)
    return tags


def values_of(given: Any) -> list[float]:
    """What an objective has returned, as numbers; none where Optuna would not take it."""
    is_several = isinstance(given, Sequence) and not isinstance(given, str)
    listed: list[Any] = list(cast("Sequence[Any]", given)) if is_several else [given]
    try:
        values = [float(value) for value in listed]
    except (TypeError, ValueError):
        return []
    return [] if any(value != value for value in values) else values


def is_feasible(trial: Any) -> bool:
    """Whether a trial keeps the constraints of its study, if there are any."""
    constraints: Sequence[float] = trial.system_attrs.get("constraints") or ()
    return all(value <= 0 for value in constraints)


def as_table(trials: Sequence[Any], names: Sequence[str], run_ids: Mapping[int, str]) -> list[dict[str, Any]]:
    """Trials as plain dicts: the best of several objectives, say."""
    return [
        {
            "number": trial.number,
            "values": dict(zip(names, trial.values, strict=True)),
            "params": dict(trial.params),
            "run_id": run_ids.get(trial.number),
        }
        for trial in trials
    ]


def log_params(run_id: str, params: Mapping[str, Any]) -> None:
    """Keep params of a run; one that it has with another value stands beside it, as `depth-2`."""
    texts = {key: str(value) for key, value in params.items()}
    try:
        default_tracker.log_params(texts, run_id=run_id)
    except ParamConflictError:
        there = default_tracker.get_run(run_id).data.params
        for key in [key for key, text in texts.items() if there.get(key, text) != text]:
            text, number = texts.pop(key), 2
            while there.get(f"{key}-{number}", text) != text:
                number += 1
            texts[f"{key}-{number}"] = text
        default_tracker.log_params(texts, run_id=run_id)


def _directions(study: Any) -> str:
    names = [direction.name for direction in study.directions]
    return names[0] if len(names) == 1 else str(names)
