"""The runs and experiments that a person means by what they type."""

import re
from collections.abc import Iterable
from typing import Any

from nbtrack.core.entities import Experiment, LifecycleStage, Run, ViewType
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.static_views import mark
from nbtrack.core.text_tables import moment
from nbtrack.documents.queries import Query
from nbtrack.stores.opening import other_stores, store_exists
from nbtrack.tracking.store_access import folder_of
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.screen import Screen

# Shorter beginnings mean too many runs, and are words as well.
_BEGINNING = re.compile(r"[0-9a-f]{4,31}")
_TOO_SHORT = re.compile(r"[0-9a-f]{1,3}")
_MOST_LISTED = 5
_MOST_SUGGESTED = 200


def find_run(tracker: Tracker, text: str, *, deleted: bool = False) -> Run:
    """The run that is meant by an id, the beginning of one, or a name.

    A whole id means its run; the beginning of one and a name count alike.

    Args:
        tracker: Whose runs.
        text: What was typed.
        deleted: Of a deleted and an active run of one name, which is meant.

    Raises:
        NotFoundError: None is.
        InvalidValueError: Several are; the message lists them.
    """
    if whole := search(tracker, Query().run_id == text, limit=1):
        return whole[0]
    low = text.lower()
    conditions: list[Any] = [Query().run_name == text]
    if _BEGINNING.fullmatch(low):
        conditions.append((Query().run_id >= low) & (Query().run_id < f"{low}g"))
    meant: dict[str, Run] = {}
    for condition in conditions:
        found = search(tracker, condition, limit=1000)
        wanted = LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE
        found = [run for run in found if run.info.lifecycle_stage == wanted] or found
        meant |= {run.info.run_id: run for run in found}
    if len(meant) > 1:
        raise _ambiguous(tracker, text, list(meant.values()))
    if meant:
        return next(iter(meant.values()))
    known = [run.info.run_name for run in search(tracker, None, limit=_MOST_SUGGESTED)]
    advice = f"It was looked for in {folder_of(tracker)}."
    if _TOO_SHORT.fullmatch(low):
        advice = f"Of an id, at least 4 characters are needed. {advice}"
    raise NotFoundError("run", text, known, advice)


def find_runs(tracker: Tracker, texts: Iterable[str], *, deleted: bool = False) -> list[Run]:
    """The runs that are meant, each once; all of them, or an error as of `find_run`."""
    found = [find_run(tracker, text, deleted=deleted) for text in texts]
    return list({run.info.run_id: run for run in found}.values())


def find_experiment(tracker: Tracker, text: str) -> Experiment:
    """The experiment of that name, else of that id; also a deleted one.

    Raises:
        NotFoundError: There is none.
    """
    found = tracker.get_experiment_by_name(text)
    if found is not None:
        return found
    everything = tracker.search_experiments(ViewType.ALL)
    for experiment in everything:
        if experiment.experiment_id == text:
            return experiment
    raise NotFoundError("experiment named", text, [experiment.name for experiment in everything])


def experiment_names(tracker: Tracker) -> dict[str, str]:
    """The name of each experiment, also of deleted ones, by its id."""
    return {each.experiment_id: each.name for each in tracker.search_experiments(ViewType.ALL)}


def called(run: Run) -> str:
    """How a sentence names a run: `'baseline' (1a2b3c4d)`."""
    return f"{run.info.run_name!r} ({short_id(run)})"


def short_id(run: Run) -> str:
    """As much of the id as people need."""
    return run.info.run_id[:8]


def search(tracker: Tracker, condition: Any, *, limit: int) -> list[Run]:
    """Runs of every experiment, also deleted ones, the latest first."""
    return tracker.search_runs(
        filter_string=condition,
        run_view_type=ViewType.ALL,
        max_results=limit,
        output_format="list",
        search_all_experiments=True,
    )


def where_it_was_looked(screen: Screen) -> str:
    """What stands below an answer that found nothing: where the store is, or how there comes to be one."""
    place = folder_of(screen.tracker)
    if store_exists(place):
        found = f"(in {place})"
    else:
        found = f"There is no store yet: the first run makes {place}. Start one, or see: nbtrack demo"
    others = other_stores(place)
    if not others:
        return found
    listed = " ".join(others[:3]) + (" ..." if len(others) > 3 else "")
    return f"{found} Beside it: {listed} (--store, or NBTRACK_TRACKING_URI, chooses)"


def _ambiguous(tracker: Tracker, text: str, runs: list[Run]) -> InvalidValueError:
    names = experiment_names(tracker)
    lines = [
        f"  {run.info.run_id[:12]}  {moment(run.info.start_time)[:16]}  {mark(run.info.status)}  "
        f"{run.info.run_name}  in {names.get(run.info.experiment_id, run.info.experiment_id)}"
        for run in runs[:_MOST_LISTED]
    ]
    if len(runs) > _MOST_LISTED:
        lines.append(f"  and {len(runs) - _MOST_LISTED:,} more")
    listed = "\n".join(lines)
    return InvalidValueError(f"{len(runs):,} runs are meant by {text!r}. Give an id:\n{listed}")
