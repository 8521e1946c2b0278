"""The attempts of a lineage as a small table: how each went, and what changed since the one before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbtrack.core.cell_reports import AttemptChanges
from nbtrack.core.changes_view import changes_sentence
from nbtrack.core.entities import Run
from nbtrack.core.html_tables import html_table, safe
from nbtrack.core.lineages import attempt_in
from nbtrack.core.metric_changes import change_words
from nbtrack.core.static_views import TEXT_WIDTH, View, mark
from nbtrack.core.system_metric_names import is_system_metric
from nbtrack.core.text_tables import age, moment, number, shortened, text_table, visible

_METRICS = 3
_NAME, _CHANGED = 24, 60


@dataclass(frozen=True)
class ToldAttempt:
    """An attempt, and what changed with it."""

    run: Run
    changes: AttemptChanges | None = None
    """Since the one that it is compared with; None for the first."""


def attempts_view(
    told: Sequence[ToldAttempt],
    *,
    shown: str,
    count: int,
    width: int | None = TEXT_WIDTH,
    ages: bool = False,
) -> View:
    """Draw attempts, a line each.

    Args:
        told: The latest ones, the last one last.
        shown: The id of the run that is looked at, which is marked.
        count: How many there are.
        width: Columns that the text may take, as far as leaving metrics out achieves that.
        ages: Say how long ago they started, not when.
    """
    keys = [key for key in told[-1].run.data.metrics if not is_system_metric(key)][:_METRICS]
    times = [each.run.info.start_time for each in told]
    started = [age(each) if ages else moment(each)[:16] for each in times]
    first = [
        [f"↻ {attempt_in(each.run.data.tags)}" + " (this)" * (each.run.info.run_id == shown)] for each in told
    ]
    metrics = [[_metric(each, key) for key in keys] for each in told]
    last = [[when, _changed(each)] for each, when in zip(told, started, strict=True)]
    headings = ["attempt", "status", *(shortened(key, _NAME) for key in keys), "started", "what changed"]

    def rows(most: int) -> list[list[str]]:
        return [
            [*number_, mark(each.run.info.status), *values[:most], *rest]
            for number_, each, values, rest in zip(first, told, metrics, last, strict=True)
        ]

    text, left_out = "", 0
    for left_out in range(len(keys) + 1):
        kept = len(keys) - left_out
        text = text_table([*headings[: 2 + kept], *headings[-2:]], rows(kept))
        if width is None or max(map(len, text.split("\n"))) <= width:
            break
    note = f"the last {len(told)} of {count:,} attempts" if count > len(told) else ""
    notes = [note] if note else []
    html = [html_table(headings, rows(len(keys))), *(f"<div>{safe(each)}</div>" for each in notes)]
    return View("".join(html), "\n".join([text, *map(visible, notes)]))


def _metric(told: ToldAttempt, key: str) -> str:
    """The last value, and how it changed."""
    data = told.run.data
    if key not in data.metrics:
        return ""
    changes = [] if told.changes is None else [each for each in told.changes.metrics if each.key == key]
    words = change_words(changes[0]) if changes else ""
    return f"{number(data.metrics[key])} {words}".rstrip()


def _changed(told: ToldAttempt) -> str:
    """What changed besides the metrics, which stand in columns."""
    changes = told.changes
    if changes is None:
        return ""
    is_next = changes.attempt == (attempt_in(told.run.data.tags) or 0) - 1
    since = "" if is_next else f"since {changes.attempt}: "
    return shortened(since + changes_sentence(replace(changes, metrics=()), most=2), _CHANGED)
