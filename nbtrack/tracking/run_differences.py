"""What two runs are compared by: found beside them in the store, as far as it is there.

Looking never fails because something is missing: what is not known is said by the difference.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core import system_tags
from nbtrack.core.cells import Slice
from nbtrack.core.differences import Difference, RunEvidence, difference
from nbtrack.core.entities import Run, ViewType
from nbtrack.core.errors import InvalidTypeError, NbtrackError, NotFoundError
from nbtrack.documents.queries import Query
from nbtrack.tracking.metric_directions import directions_of

if TYPE_CHECKING:
    from nbtrack.tracking.reading_verbs import ReadingVerbs

SLICE_FILE = "slice.json"
_CODE_FILE = re.compile(r"cell(?:-(\d+))?\.py")
_MOST_CODE_FILES = 20


def difference_of(tracker: "ReadingVerbs", before: Any, after: Any = None) -> Difference:
    """What differs between two runs; see `ReadingVerbs.diff`."""
    if after is None:
        second = _run_of(tracker, before)
        first = attempt_before(tracker, second)
    else:
        first, second = _run_of(tracker, before), _run_of(tracker, after)
    sides = [_evidence(tracker, run) for run in (first, second)]
    return difference(
        *sides, directions=directions_of(tracker, [run.info.experiment_id for run in (first, second)])
    )


def attempt_before(tracker: "ReadingVerbs", run: Run) -> Run:
    """The attempt of the same lineage before a run, of those that are not deleted.

    Raises:
        NotFoundError: It is of no lineage, or the first one there is.
    """
    lineage, attempt = (run.data.tags.get(tag) for tag in (system_tags.LINEAGE, system_tags.ATTEMPT))
    number = _number(attempt)
    if lineage and number is not None:
        condition = Query().tags[system_tags.LINEAGE] == lineage
        found: Sequence[Run] = tracker.search_runs(
            filter_string=condition,
            run_view_type=ViewType.ACTIVE_ONLY,
            output_format="list",
            search_all_experiments=True,
            max_results=None,
        )
        earlier = [
            (held, each) for each in found if (held := _number(each.data.tags.get(system_tags.ATTEMPT)))
        ]
        earlier = [each for each in earlier if each[0] < number]
        if earlier:
            return max(earlier, key=lambda each: each[0])[1]
    raise NotFoundError(
        "attempt before run",
        f"{run.info.run_name} ({run.info.run_id[:8]})",
        advice="Give two runs: the one that is compared with comes first.",
    )


def _run_of(tracker: "ReadingVerbs", given: Any) -> Run:
    if isinstance(given, Run):
        # One that is being recorded reads the store with each look at it.
        snapshot: Callable[[], Run] | None = getattr(given, "snapshot", None)
        return given if snapshot is None else snapshot()
    # Also a run that MLflow's own client read.
    run_id = getattr(getattr(given, "info", None), "run_id", given)
    if not isinstance(run_id, str):
        raise InvalidTypeError(f"A run or the id of one is compared, got {type(given).__name__}.")
    return tracker.get_run(run_id)


def _evidence(tracker: "ReadingVerbs", run: Run) -> RunEvidence:
    return RunEvidence(run, _code_of(tracker, run.info.run_id), _environment_of(tracker, run.info.run_id))


def _code_of(tracker: "ReadingVerbs", run_id: str) -> Slice | list[str] | None:
    """The slice of a run, else the cells that recorded it; None when it has neither."""
    with suppress(NbtrackError, OSError):
        files = {info.path for info in tracker.list_artifacts(run_id) if not info.is_dir}
        if SLICE_FILE in files:
            with suppress(NbtrackError, OSError, ValueError, KeyError, TypeError):
                held = Slice.from_dictionary(json.loads(tracker.load_text(run_id, SLICE_FILE)))
                if held.cells:
                    return held
        found = [(int(match[1] or 1), path) for path in files if (match := _CODE_FILE.fullmatch(path))]
        return [tracker.load_text(run_id, path) for _, path in sorted(found)[:_MOST_CODE_FILES]] or None
    return None


def _environment_of(tracker: "ReadingVerbs", run_id: str) -> Mapping[str, Any] | None:
    with suppress(NbtrackError, OSError):
        found = tracker.get_environment(run_id)
        packages = cast("Mapping[str, Any]", found.get("packages") or {})
        return found if packages or found.get("python") else None
    return None


def _number(text: str | None) -> int | None:
    return int(text[:9]) if text and text.isascii() and text.isdecimal() else None
