"""Where a notebook records, and what it last did: the facts of `%nbtrack status`."""

from collections.abc import Iterator
from typing import Any

from nbtrack.core import settings, system_tags
from nbtrack.core.entities import Run
from nbtrack.core.errors import NbtrackError, NotFoundError
from nbtrack.core.text_tables import age
from nbtrack.documents.queries import Query
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.notebooks import interactive_shell, notebook_path
from nbtrack.tracking.store_access import folder_of
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.cells.history import history_of
from nbtrack.ui.commands.named import called, search

_LATEST = 1


def facts(tracker: Tracker) -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which they are shown; looking makes no store."""
    run = tracker.active_run()
    yield "store", folder_of(tracker)
    yield "experiment", _experiment_name(tracker)
    if not tracker.enabled or settings.is_disabled():
        yield "active run", "none is recorded: nbtrack is switched off (NBTRACK_DISABLED)"
    elif run is None or isinstance(run, DisabledRun):
        yield "active run", "none"
    else:
        yield "active run", f"{run.info.run_name} ({run.run_id})"
    shell = interactive_shell()
    if shell is None:
        return
    history = history_of(shell)
    last = _last_run(tracker, history.session_id)
    yield "last run", "none in this session" if last is None else _told(last)
    yield "notebook", notebook_path(shell) or "its front end does not tell"
    count = len(history.cells())
    yield "session", f"{history.session_id[:8]}, {count:,} cell{'' if count == 1 else 's'} so far"
    yield from _capture(tracker)


def _last_run(tracker: Tracker, session_id: str) -> Run | None:
    """The latest run that a cell of this session began."""
    try:
        found = search(tracker, Query().tags[system_tags.SESSION] == session_id, limit=_LATEST)
    except NbtrackError:
        return None  # there is nothing to read at that store
    return found[0] if found else None


def _told(run: Run) -> str:
    attempt = run.data.tags.get(system_tags.ATTEMPT, "1")
    marks = f", attempt {attempt}" if attempt != "1" else ""
    return f"{called(run)}{marks}, {run.info.status}, {age(run.info.start_time)}"


def _capture(tracker: Any) -> Iterator[tuple[str, str]]:
    """What `%%track` records of a cell by itself."""
    wanted: Any = getattr(tracker, "capture", None)
    if wanted is None:
        return
    if isinstance(wanted, bool):
        said = "everything" if wanted else "nothing"
    else:
        said = wanted if isinstance(wanted, str) else ", ".join(wanted)
    for word, names in (("only", "capture_include"), ("without", "capture_exclude")):
        patterns: Any = getattr(tracker, names, None)
        if patterns:
            said += f", {word} {patterns if isinstance(patterns, str) else ', '.join(patterns)}"
    yield "capture", said


def _experiment_name(tracker: Tracker) -> str:
    """The experiment of new runs, which may not exist yet."""
    name = tracker.experiment or settings.setting("EXPERIMENT_NAME")
    if name:
        return name
    experiment_id = settings.setting("EXPERIMENT_ID")
    if not experiment_id:
        return "Default"
    try:
        return tracker.get_experiment(experiment_id).name
    except NotFoundError:
        return f"id {experiment_id}"
