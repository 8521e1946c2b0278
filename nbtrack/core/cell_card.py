"""The card of a tracked cell: what its run came to, at a glance, and all the rest folded.

One line says it all; below it stand the metrics with what changed, the params, what ought to be known
of the result, and, folded in HTML, the code and what identifies the run. It keeps its meaning without
styles and scripts, and stays small whatever the cell was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from nbtrack.core import system_tags
from nbtrack.core.cell_reports import AttemptChanges, Captured, CellReport
from nbtrack.core.cells import CellMark
from nbtrack.core.changes_view import changes_sentence, changes_view
from nbtrack.core.comparisons import ComparedMetric
from nbtrack.core.entities import LifecycleStage, Run
from nbtrack.core.fitting_views import fitted
from nbtrack.core.html_tables import CELL_STYLE, html_table, safe, safe_block
from nbtrack.core.lineages import attempt_in
from nbtrack.core.metric_changes import change_words
from nbtrack.core.static_views import View, code_facts, data_notes, mark, models_of, runs_table, took
from nbtrack.core.system_metric_names import PREFIX as SYSTEM_PREFIX
from nbtrack.core.system_metric_names import is_system_metric
from nbtrack.core.text_tables import moment, number, shortened, sparkline, text_table, visible, wrapped

_TITLE, _NAME, _VALUE = 200, 40, 60
_IN_FIRST_LINE, _IN_A_LINE = 3, 6
"""So many metrics of a single point each stand in the first line, or in one below it; else in a table."""
_TEXT_WIDTH = 100
_NESTED = 10
_CODE_LINES, _CODE_LETTERS = 200, 12_000


@dataclass(frozen=True)
class Drawing:
    """What else a card shows besides the run and what is said of its cell."""

    code: str = ""
    """The cell, folded."""
    nested: Sequence[Run] = ()
    """The first or the latest of the runs that were started inside it."""
    nested_count: int = 0
    """How many there are."""
    pictures: str = ""
    """HTML that is shown below the metrics: their curves. It has been bounded by who drew it."""
    progress: View | None = None
    """How far loops are."""
    facts: Sequence[tuple[str, str]] = ()
    """What else is told, by name, such as how fast the run is."""
    note: str = ""
    """What is said at the end of the first line, such as when a card that moves was drawn."""


def cell_card(run: Run, report: CellReport | None = None, drawing: Drawing | None = None) -> View:
    """Draw the card of a tracked cell.

    Args:
        run: Its run.
        report: What the parts of nbtrack that looked at the cell have to say of it.
        drawing: What else is shown.
    """
    said, shown = report or CellReport(), drawing or Drawing()
    return fitted(lambda most: _Card(run, said, shown, most).view(), (24, 12, 8, 3, 1))


class _Line(NamedTuple):
    """A name, and what there is of it."""

    name: str
    text: str
    is_folded: bool = False
    """Whether HTML shows it on demand only."""


class _Card:
    """One drawing of a card, with at most `most` names of each kind."""

    def __init__(self, run: Run, report: CellReport, drawing: Drawing, most: int) -> None:
        self._run, self._report, self._drawing, self._most = run, report, drawing, most
        self._captured = report.captured or Captured()
        changes = report.changes
        self._before = "" if changes is None else f"↻ {changes.attempt}"
        self._changed: Mapping[str, ComparedMetric] = (
            {} if changes is None else {each.key: each for each in changes.metrics}
        )
        self._changed_params = {} if changes is None else {each.key: each for each in changes.params}
        self._marks = all_marks(run, report)
        self._metrics = [key for key in run.data.summaries if not is_system_metric(key)]

    def view(self) -> View:
        title, rest = self._headline()
        html = [f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>"]
        text = [visible(title + rest)]
        if error := self._run.data.tags.get(system_tags.ERROR):
            html.append(f"<div>{safe(shortened(error, 500))}</div>")
            text.append(f"  {visible(shortened(error, 500))}")
        if (progress := self._drawing.progress) is not None:
            html.append(progress.html)
            text += [f"  {line}" for line in progress.text.splitlines()]
        if table := self._metric_table():
            html.append(table.html)
            text += ["", _indented(table.text), ""]
        html.append(self._drawing.pictures)
        lines = self._lines()
        html.append(_pairs([line for line in lines if not line.is_folded]))
        text += _text_lines(lines)
        if self._drawing.nested:
            table = runs_table(
                self._drawing.nested[: min(_NESTED, self._most)], grouped=True, width=_TEXT_WIDTH
            )
            html.append(table.html)
            text += ["", _indented(table.text)]
        html.append(self._folded([line for line in lines if line.is_folded]))
        return View("".join(html), "\n".join(text))

    def _headline(self) -> tuple[str, str]:
        """The status and the name; then what is worth a glance."""
        run = self._run
        pieces = [took(run)]
        if (attempt := self._report.attempt or attempt_in(run.data.tags) or 1) > 1:
            pieces.insert(0, f"↻ {attempt}")
        pieces += [f"{shortened(key, _NAME)} {self._value(key)}" for key in self._told_first()]
        if self._marks:
            pieces.append(f"⚠ {len(self._marks)} {'mark' if len(self._marks) == 1 else 'marks'}")
        pieces += [each for each in (self._drawing.note,) if each]
        return f"{mark(run.info.status)} {shortened(run.info.run_name, _TITLE)}", "".join(
            f" · {piece}" for piece in pieces
        )

    def _told_first(self) -> list[str]:
        """The metrics of the first line: all of a few, else one that became better or worse, or the first."""
        if len(self._metrics) <= _IN_FIRST_LINE and not self._is_table():
            return self._metrics
        told = [key for key in self._metrics if _is_told(self._changed.get(key))]
        return [*told, *self._metrics][:1]

    def _is_table(self) -> bool:
        summaries = self._run.data.summaries
        return len(self._metrics) > _IN_A_LINE or any(summaries[key].count > 1 for key in self._metrics)

    def _value(self, key: str) -> str:
        """The last value, and how it changed: `0.95 ▲ +0.01 (+1.1%) better`."""
        return f"{number(self._run.data.summaries[key].last)} {self._change(key)}".rstrip()

    def _change(self, key: str) -> str:
        return "" if (change := self._changed.get(key)) is None else change_words(change)

    def _metric_table(self) -> View | None:
        if not self._metrics or not self._is_table():
            return None
        data, keys = self._run.data, self._metrics[: self._most]
        has_curves = any(data.summaries[key].count > 1 for key in keys)
        columns: list[tuple[str, list[str], bool]] = [
            ("metric", [shortened(key, _VALUE) for key in keys], False),
            ("last" if has_curves else "value", [number(data.summaries[key].last) for key in keys], True),
        ]
        if any(self._change(key) for key in keys):
            columns.append((f"since {self._before}", [self._change(key) for key in keys], False))
        if has_curves:
            of = [data.summaries[key] for key in keys]
            columns += [
                ("min @ step", [f"{number(s.min)} @ {s.min_step}" if s.count > 1 else "" for s in of], True),
                ("max @ step", [f"{number(s.max)} @ {s.max_step}" if s.count > 1 else "" for s in of], True),
                ("points", [f"{each.count:,}" for each in of], True),
                ("curve", [sparkline(data.sketches.get(key, ())) for key in keys], False),
            ]
        names = [name for name, _, _ in columns]
        rows = [list(row) for row in zip(*(cells for _, cells, _ in columns), strict=True)]
        right = {index for index, column in enumerate(columns) if column[2]}
        html, text = html_table(names, rows), text_table(names, rows, right=right)
        if len(self._metrics) > len(keys):
            note = f"and {len(self._metrics) - len(keys):,} metrics more"
            html, text = f"{html}<div>{note}</div>", f"{text}\n{note}"
        return View(html, text)

    def _lines(self) -> list[_Line]:
        run, captured, most = self._run, self._captured, self._most
        data = run.data
        lines: list[_Line] = []

        def line(name: str, pieces: Sequence[str], total: int | None = None) -> None:
            if pieces:
                lines.append(_Line(name, _listed(pieces, most, total)))

        if run.info.lifecycle_stage == LifecycleStage.DELETED:
            lines.append(_Line("in the bin", f"nbtrack restore {run.info.run_id[:8]} takes it out"))
        lines += [_Line(name, fact) for name, fact in self._drawing.facts]
        if len(self._metrics) > _IN_FIRST_LINE and not self._is_table():
            line("metrics", [f"{shortened(key, _NAME)} {self._value(key)}" for key in self._metrics])
        explicit = [key for key in data.params if key not in captured.params]
        line("params", [self._param(key) for key in explicit[:most]], len(explicit))
        found = [self._param(key) for key in captured.params if key in data.params]
        known = [key for key in captured.metrics if key in data.summaries]
        if len(known) == len(self._metrics):
            known = []  # nobody has logged one: there is nothing to tell apart
        found += [f"metric {shortened(key, _NAME)}" for key in known]
        line("captured", found[:most], len(found))
        line("data", [*(shortened(each, _VALUE) for each in captured.data), *data_notes(run)])
        line("files", [shortened(each, _VALUE) for each in captured.files])
        line("models", models_of(data.tags))
        if (changes := self._report.changes) is not None:
            lines.append(_Line(f"since {self._before}", _sentence(changes)))
        lines += [_Line("⚠ mark", shortened(each.text, 300)) for each in self._marks[:most]]
        machine = [
            f"{shortened(key.removeprefix(SYSTEM_PREFIX), _NAME)} {number(value)}"
            for key, value in data.metrics.items()
            if is_system_metric(key)
        ]
        tags = [
            f"{shortened(key, _NAME)}={shortened(value, _VALUE)}"
            for key, value in data.tags.items()
            if not system_tags.is_system_tag(key)
        ]
        line("tags", tags)
        line(
            "left out",
            [f"{shortened(name, _NAME)} ({shortened(why, _VALUE)})" for name, why in captured.left_out],
        )
        if count := self._drawing.nested_count:
            told = min(_NESTED, most, len(self._drawing.nested))
            below = f", {told} of them below" if told < count else ""
            lines.append(_Line("nested", f"{count:,} {'run' if count == 1 else 'runs'}{below}"))
        if machine:
            lines.append(_Line("system", _listed(machine, 4), is_folded=True))
        started = f"{run.info.run_id} · started {moment(run.info.start_time)}"
        lines.append(_Line("run id", started, is_folded=True))
        if facts := code_facts(data.tags):
            lines.append(_Line("commit", facts.removeprefix("commit "), is_folded=True))
        return lines

    def _param(self, key: str) -> str:
        """A param, and what it was in the attempt before when that was something else."""
        text = f"{shortened(key, _NAME)}={shortened(str(self._run.data.params[key]), _VALUE)}"
        if (change := self._changed_params.get(key)) is None:
            return text
        before = change.values[0]
        return f"{text} (new)" if before is None else f"{text} (was {shortened(before, _VALUE)})"

    def _folded(self, lines: Sequence[_Line]) -> str:
        """What is shown on demand: what changed, whole, the code, and what identifies the run."""
        pieces: list[str] = []
        letters = _CODE_LETTERS * self._most // 24
        if (changes := self._report.changes) is not None and (changes.code or changes.cells):
            whole = changes_view(changes, most=self._most // 2 or 1).html
            pieces.append(f"<details><summary>changes since {self._before}</summary>{whole}</details>")
        if self._drawing.code:
            code = safe_block(_beginning(self._drawing.code, letters))
            pieces.append(f"<details><summary>code</summary><pre>{code}</pre></details>")
        name = safe(self._run.info.run_id[:8])
        pieces.append(f"<details><summary>run {name}</summary>{_pairs(lines)}</details>")
        return "".join(pieces)


def all_marks(run: Run, report: CellReport) -> list[CellMark]:
    """The honest marks of a run: what its cell's report says, and that files differ from the commit.

    Git answers when it likes, perhaps after the end of the cell: its answer stands in the run's tags.
    """
    marks = list(report.marks)
    tags = run.data.tags
    if tags.get(system_tags.GIT_DIRTY) == "true" and all(each.kind != "git" for each in marks):
        changed = tags.get(system_tags.GIT_CHANGED_FILES, "some")
        differ = "file differs" if changed == "1" else "files differ"
        marks.append(CellMark("git", f"{shortened(changed, 20)} {differ} from the commit"))
    return marks


def _is_told(change: ComparedMetric | None) -> bool:
    """Whether it says that a metric became better or worse."""
    return change is not None and bool(change.verdicts[-1])


def _sentence(changes: AttemptChanges) -> str:
    """What changed in words; how metrics changed stands at their values, but for those that are gone."""
    gone = [each for each in changes.metrics if each.values[-1] is None]
    if changes.metrics and not (gone or changes.params or changes.code or changes.cells):
        return "only metrics changed"
    return changes_sentence(replace(changes, metrics=gone))


def _listed(names: Sequence[str], most: int, total: int | None = None) -> str:
    rest = (len(names) if total is None else total) - min(most, len(names))
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def _pairs(lines: Sequence[_Line]) -> str:
    """The lines as a table whose long texts are folded by the front end."""
    rows = "".join(
        f'<tr><th scope="row"{CELL_STYLE}>{safe(line.name)}</th>'
        f'<td style="text-align:left;white-space:pre-wrap">{safe(line.text)}</td></tr>'
        for line in lines
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _text_lines(lines: Sequence[_Line]) -> list[str]:
    """The lines as text, what there is in a column of its own, folded at the width of a screen."""
    width = max(len(visible(line.name)) for line in lines)
    text: list[str] = []
    for line in lines:
        name = visible(line.name)
        for part in wrapped(visible(line.text), _TEXT_WIDTH - width - 4):
            text.append(f"  {name:<{width}}  {part}".rstrip())
            name = ""
    return text


def _beginning(code: str, letters: int) -> str:
    lines = code.split("\n")
    shown = "\n".join(lines[:_CODE_LINES])[:letters]
    return shown if shown == code else f"{shown}\n… {len(lines)} lines in all; the run keeps the whole code"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
