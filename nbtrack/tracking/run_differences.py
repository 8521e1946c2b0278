"""What two runs are compared by: found beside them in the store, as far as it is there.

Looking never fails because something is missing: what is not known is said by the difference.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.cells import Slice
from nbtrack.core.data_sizes import data_sizes
from nbtrack.core.differences import Difference, RunEvidence, difference
from nbtrack.core.entities import Run
from nbtrack.core.errors import NbtrackError, NotFoundError
from nbtrack.tracking import attempts
from nbtrack.tracking.metric_directions import directions_of
from nbtrack.tracking.named_runs import run_meant

if TYPE_CHECKING:
    from nbtrack.tracking.reading_verbs import ReadingVerbs

_CODE_FILE = re.compile(r"cell(?:-(\d+))?\.py")
_MOST_CODE_FILES = 20


def difference_of(tracker: "ReadingVerbs", before: Any, after: Any = None) -> Difference:
    """What differs between two runs.

    Args:
        tracker: Whose runs.
        before: The run before, its id or its name.
        after: The one after; None: the one before is compared with the attempt before it.
    """
    first, second = run_meant(tracker, before), None if after is None else run_meant(tracker, after)
    if second is None:
        first, second = _attempt_before(tracker, first), first
    sides = [_evidence(tracker, run) for run in (first, second)]
    directions = directions_of(tracker, [run.info.experiment_id for run in (first, second)])
    return difference(*sides, directions=directions)


def _attempt_before(tracker: "ReadingVerbs", run: Run) -> Run:
    """The attempt of the same lineage that a run is compared with.

    Raises:
        NotFoundError: It is of no lineage, or the first one there is.
    """
    found = attempts.compared_with(tracker, run)
    if found is not None:
        return found
    name = f"{run.info.run_name} ({run.info.run_id[:8]})"
    raise NotFoundError(
        "attempt before run", name, advice="Give two runs: the one that is compared with comes first."
    )


def _evidence(tracker: "ReadingVerbs", run: Run) -> RunEvidence:
    run_id = run.info.run_id
    sizes = data_sizes(run.data.tags)
    return RunEvidence(run, _code_of(tracker, run_id), _environment_of(tracker, run_id), sizes)


def _code_of(tracker: "ReadingVerbs", run_id: str) -> Slice | list[str] | None:
    """The slice of a run, else the cells that recorded it; None when it has neither."""
    with suppress(NbtrackError, OSError):
        found = tracker.slice_of(run_id)
        if found.cells:
            return found
    with suppress(NbtrackError, OSError):
        files = [info.path for info in tracker.list_artifacts(run_id) if not info.is_dir]
        cells = sorted((int(match[1] or 1), path) for path in files if (match := _CODE_FILE.fullmatch(path)))
        return [tracker.load_text(run_id, path) for _, path in cells[:_MOST_CODE_FILES]] or None
    return None


def _environment_of(tracker: "ReadingVerbs", run_id: str) -> Mapping[str, Any] | None:
    with suppress(NbtrackError, OSError):
        found = tracker.get_environment(run_id)
        packages = cast("Mapping[str, Any]", found.get("packages") or {})
        return found if packages or found.get("python") else None
    return None
