"""Which run a person means: an id, the beginning of one, a name, or one attempt of a lineage.

`baseline` is the latest attempt of the lineage of that name, `baseline#2` its second one. Several runs
of one name are ambiguous only where they are of different lineages, or of none.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from nbtrack.core import system_tags
from nbtrack.core.entities import LifecycleStage, Run, RunList, ViewType
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.lineages import attempt_in, attempt_mark, split_number
from nbtrack.core.text_tables import moment
from nbtrack.documents.queries import Query
from nbtrack.tracking.store_access import folder_of

if TYPE_CHECKING:
    from nbtrack.tracking.reading_verbs import ReadingVerbs

# Shorter beginnings mean too many runs, and are words as well.
_BEGINNING = re.compile(r"[0-9a-f]{4,31}")
_WHOLE = re.compile(r"[0-9a-f]{32}")
_TOO_SHORT = re.compile(r"[0-9a-f]{1,3}")
_MOST_LISTED = 5
_MOST_SUGGESTED = 200


def find_run(tracker: "ReadingVerbs", text: str, *, deleted: bool = False) -> Run:
    """The run that is meant by an id, the beginning of one, a name, or one of these with `#` and a number.

    A whole id means its run; the beginning of one and a name count alike. Of a lineage a name means the
    latest attempt that has it.

    Args:
        tracker: Whose runs.
        text: What was typed.
        deleted: Of a deleted and an active run of one name, which is meant.

    Raises:
        NotFoundError: None is.
        InvalidValueError: Several are; the message lists them.
    """
    meant = _meant(tracker, text, deleted=deleted)
    numbered = None if meant else split_number(text)
    if numbered is not None:
        meant = _attempts_meant(tracker, *numbered)
    if len(meant) > 1:
        raise _ambiguous(tracker, text, meant)
    if meant:
        return meant[0]
    known = [run.info.run_name for run in search(tracker, None, limit=_MOST_SUGGESTED)]
    advice = f"It was looked for in {folder_of(tracker)}."
    if _TOO_SHORT.fullmatch(text.lower()):
        advice = f"Of an id, at least 4 characters are needed. {advice}"
    raise NotFoundError("run", text, known, advice)


def run_meant(tracker: "ReadingVerbs", given: Any) -> Run:
    """The run that an argument of ours means: a run, its id, the beginning of it, or its name.

    Raises:
        NotFoundError: There is none.
        InvalidValueError: Several are meant; the message lists them.
        InvalidTypeError: It is neither a run nor text.
    """
    if isinstance(given, Run):
        # One that is being recorded reads the store with each look at it.
        snapshot: Callable[[], Run] | None = getattr(given, "snapshot", None)
        return given if snapshot is None else snapshot()
    # Also a run that MLflow's own client read.
    text = getattr(getattr(given, "info", None), "run_id", given)
    if not isinstance(text, str):
        raise InvalidTypeError(f"A run is given as such, by its id or its name, got {type(given).__name__}.")
    return tracker.get_run(text) if _WHOLE.fullmatch(text) else find_run(tracker, text)


def attempts_of(tracker: "ReadingVerbs", run: Run, *, number: int | None = None, view: int) -> RunList:
    """The attempts of the lineage of a run, the first one first; of a run without one, itself.

    Args:
        tracker: Whose runs.
        run: The run.
        number: Only this attempt.
        view: One of `ViewType`.
    """
    lineage = run.data.tags.get(system_tags.LINEAGE)
    if attempt_in(run.data.tags) is None or lineage is None:
        return RunList([run])
    store = tracker._store_of(run.info.run_id)  # pyright: ignore[reportPrivateUsage]
    return store.attempts.search(lineage, number=number, view=view)


def search(tracker: "ReadingVerbs", condition: Any, *, limit: int) -> list[Run]:
    """Runs of every experiment, also deleted ones, the latest first."""
    return tracker.search_runs(
        filter_string=condition,
        run_view_type=ViewType.ALL,
        max_results=limit,
        output_format="list",
        search_all_experiments=True,
    )


def _meant(tracker: "ReadingVerbs", text: str, *, deleted: bool) -> list[Run]:
    if whole := search(tracker, Query().run_id == text, limit=1):
        return whole
    named = _in_stage(search(tracker, Query().run_name == text, limit=1000), deleted)
    meant = {run.info.run_id: run for run in _latest_of_each(named)}
    low = text.lower()
    if _BEGINNING.fullmatch(low):
        condition: Any = (Query().run_id >= low) & (Query().run_id < f"{low}g")
        begin_so = _in_stage(search(tracker, condition, limit=1000), deleted)
        meant |= {run.info.run_id: run for run in begin_so}
    return list(meant.values())


def _in_stage(found: list[Run], deleted: bool) -> list[Run]:
    wanted = LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE
    return [run for run in found if run.info.lifecycle_stage == wanted] or found


def _latest_of_each(runs: Iterable[Run]) -> list[Run]:
    """Of each lineage the run with the highest number; and all that are of none."""
    latest: dict[str, Run] = {}
    for run in runs:
        number = attempt_in(run.data.tags)
        key = run.info.run_id if number is None else run.data.tags[system_tags.LINEAGE]
        held = latest.get(key)
        if held is None or (number or 0) > (attempt_in(held.data.tags) or 0):
            latest[key] = run
    return list(latest.values())


def _attempts_meant(tracker: "ReadingVerbs", text: str, number: int) -> list[Run]:
    """The attempts of that number, of every lineage that the text means.

    Raises:
        NotFoundError: What is meant has no such attempt.
    """
    named = _meant(tracker, text, deleted=False)
    made = [run for run in named if attempt_in(run.data.tags) is not None]
    found = {
        run.info.run_id: run for each in made for run in attempts_of(tracker, each, number=number, view=3)
    }
    if named and not found:
        last = [max(_numbers(attempts_of(tracker, each, view=ViewType.ALL))) for each in made[:1]]
        told = f"{text!r} has had {last[0]:,}." if last else f"No tracked cell has made {text!r}."
        raise NotFoundError("attempt", f"{text}#{number}", advice=told)
    return list(found.values())


def _numbers(runs: Iterable[Run]) -> list[int]:
    return [attempt_in(run.data.tags) or 0 for run in runs]


def _ambiguous(tracker: "ReadingVerbs", text: str, runs: list[Run]) -> InvalidValueError:
    from nbtrack.core.static_views import mark  # lazy: only to say what went wrong

    names = {each.experiment_id: each.name for each in tracker.search_experiments(ViewType.ALL)}
    lines = [
        f"  {run.info.run_id[:12]}  {moment(run.info.start_time)[:16]}  {mark(run.info.status)}  "
        f"{run.info.run_name}{attempt_mark(run.data.tags)}  "
        f"in {names.get(run.info.experiment_id, run.info.experiment_id)}"
        for run in runs[:_MOST_LISTED]
    ]
    if len(runs) > _MOST_LISTED:
        lines.append(f"  and {len(runs) - _MOST_LISTED:,} more")
    listed = "\n".join(lines)
    return InvalidValueError(f"{len(runs):,} runs are meant by {text!r}. Give an id:\n{listed}")
