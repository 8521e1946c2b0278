"""The runs and experiments that a person means by what they type."""

from collections.abc import Iterable

from nbtrack.core.entities import Experiment, Run, ViewType
from nbtrack.core.errors import NotFoundError
from nbtrack.stores.opening import other_stores, store_exists
from nbtrack.tracking.named_runs import find_run, search
from nbtrack.tracking.store_access import folder_of
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.screen import Screen

__all__ = [
    "called",
    "experiment_names",
    "find_experiment",
    "find_run",
    "find_runs",
    "search",
    "short_id",
    "where_it_was_looked",
]


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
