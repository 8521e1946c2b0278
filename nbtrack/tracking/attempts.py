"""What the attempts of one lineage came to: which one an attempt is compared with, and what changed."""

import json
from typing import TYPE_CHECKING

from nbtrack.core import system_tags
from nbtrack.core.attempt_changes import changes_between
from nbtrack.core.attempts_view import ToldAttempt
from nbtrack.core.cell_reports import AttemptChanges
from nbtrack.core.cells import Slice
from nbtrack.core.entities import LifecycleStage, Run, RunStatus
from nbtrack.core.errors import NbtrackError, NotFoundError
from nbtrack.core.lineages import attempt_in
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access
from nbtrack.tracking.cells.slices import SLICE_FILE
from nbtrack.tracking.metric_directions import directions_of

if TYPE_CHECKING:
    from nbtrack.tracking.reading_verbs import ReadingVerbs

CODE_FILE = "cell.py"


def compared_with(tracker: "ReadingVerbs", run: Run, *, before: str | None = None) -> Run | None:
    """The attempt that an attempt is compared with: the latest one before it that finished.

    One that failed or was stopped has no results to compare; where none finished, it is the one before
    whatever became of it. What is in the bin does not count.

    Args:
        tracker: Whose runs.
        run: The attempt.
        before: The id of the attempt before, where it is known: mostly that is the one.
    """
    number, lineage = attempt_in(run.data.tags), run.data.tags.get(system_tags.LINEAGE)
    if number is None or number < 2 or lineage is None:
        return None
    store = tracker._store_of(run.info.run_id)  # pyright: ignore[reportPrivateUsage]
    if before is not None and (known := _kept_result(store, before)):
        return known
    finished = store.attempts.latest(lineage, before=number, statuses=[RunStatus.FINISHED])
    return finished or store.attempts.latest(lineage, before=number)


def changes_since(tracker: "ReadingVerbs", before: Run, now: Run) -> AttemptChanges:
    """What changed from one attempt to a later one: code, cells, params and metrics."""
    store = tracker._store_of(now.info.run_id)  # pyright: ignore[reportPrivateUsage]
    return changes_between(
        before,
        now,
        before_cells=_cells_of(store, before),
        after_cells=_cells_of(store, now),
        attempt=attempt_in(before.data.tags) or 0,
        directions=directions_of(tracker, [now.info.experiment_id]),
    )


def history_of(tracker: "ReadingVerbs", run: Run, *, most: int) -> tuple[list[ToldAttempt], list[Run]]:
    """The latest attempts of the lineage of a run, each with what changed; and all of them.

    Nothing when it is of none, or the only one. What is in the bin is left out, but for the run itself.

    Args:
        tracker: Whose runs.
        run: One of the attempts.
        most: How many are told.
    """
    lineage = run.data.tags.get(system_tags.LINEAGE)
    if lineage is None or attempt_in(run.data.tags) is None:
        return [], []
    store = tracker._store_of(run.info.run_id)  # pyright: ignore[reportPrivateUsage]
    runs = [
        each
        for each in store.attempts.search(lineage)
        if each.info.lifecycle_stage == LifecycleStage.ACTIVE or each.info.run_id == run.info.run_id
    ]
    if len(runs) < 2:
        return [], runs
    told: list[ToldAttempt] = []
    for place in range(max(len(runs) - most, 0), len(runs)):
        earlier = runs[:place]
        finished = [each for each in earlier if each.info.status == RunStatus.FINISHED]
        before = [*earlier, *finished][-1] if earlier else None
        changes = None if before is None else changes_since(tracker, before, runs[place])
        told.append(ToldAttempt(runs[place], changes))
    return told, runs


def _kept_result(store: Store, run_id: str) -> Run | None:
    try:
        run = store.runs.get(run_id)
    except NotFoundError:
        return None
    is_kept = run.info.lifecycle_stage == LifecycleStage.ACTIVE
    return run if is_kept and run.info.status == RunStatus.FINISHED else None


def _cells_of(store: Store, run: Run) -> Slice | str | None:
    """The slice of a run, else the code of its tracked cell; None when it has kept neither."""
    try:
        text = artifact_access.load_text(store, run.info.run_id, SLICE_FILE)
        return Slice.from_dictionary(json.loads(text))
    except (NbtrackError, ValueError, KeyError, TypeError):
        pass
    try:
        return artifact_access.load_text(store, run.info.run_id, CODE_FILE)
    except NbtrackError:
        return None
