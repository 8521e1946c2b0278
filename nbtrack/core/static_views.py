"""How records look where nothing is alive: HTML that keeps its meaning without CSS, and text.

Everything is drawn from the entity alone. GitHub and untrusted notebooks strip styles, ids and
scripts, so the HTML is plain tables and words; curves are block characters. Names are text,
always escaped.
"""

import json
from collections.abc import Callable, Container, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.core import system_tags
from nbtrack.core.html_tables import html_pairs, html_table, safe, safe_block
from nbtrack.core.lineages import attempt_mark
from nbtrack.core.system_metric_names import PREFIX as SYSTEM_PREFIX
from nbtrack.core.system_metric_names import is_system_metric
from nbtrack.core.text_tables import (
    age,
    duration,
    moment,
    number,
    shortened,
    sparkline,
    text_table,
    text_width,
    visible,
)

if TYPE_CHECKING:
    from nbtrack.core.datasets import DatasetInput
    from nbtrack.core.entities import Experiment, Run

_CELL = 60
_MARKS = {"RUNNING": "▶", "SCHEDULED": "…", "FINISHED": "✓", "FAILED": "✗", "KILLED": "■"}
_SHOWN_ROWS = 50
_SHOWN_PARAMS = 8
_SHOWN_METRICS = 5
_SHOWN_NAMES = 8
_CARD_ROWS = 40
_CODE_LINES, _CODE_LETTERS = 200, 16_000

_Cut = Callable[[str, int], str]

TEXT_WIDTH = 160
"""Columns that a table may take as text when nobody knows how wide the reader's screen is."""


class View(NamedTuple):
    """One thing to look at, in two forms that say the same."""

    html: str
    text: str


def bundle(view: View) -> dict[str, Any]:
    """The view as a notebook's MIME bundle."""
    return {"text/html": view.html, "text/plain": view.text}


def run_card(
    run: "Run", code: str | None = None, *, nested: "Sequence[Run]" = (), nested_count: int = 0
) -> View:
    """One run: status, name, duration, params, metrics, data sets, tags, id.

    Args:
        run: What to draw.
        code: The code that made it, shown folded when given.
        nested: Runs started inside it, shown as a table.
        nested_count: How many of these there are, when `nested` is only their beginning.
    """
    title, rest = f"{mark(run.info.status)} {run.info.run_name}", f" · {took(run)}"
    if again := attempt_mark(run.data.tags):
        rest = f" ·{again}{rest}"
    lines = [visible(title + rest)]
    pieces = [f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>"]
    if error := run.data.tags.get(system_tags.ERROR):
        pieces.append(f"<div>{safe(error)}</div>")
        lines.append(f"  {visible(error)}")
    for name, held in (("param", run.data.params), ("metric", run.data.summaries)):
        if not held:
            continue
        of_training = [key for key in held if name == "param" or not is_system_metric(key)]
        keys = of_training[:_CARD_ROWS]
        if not keys:
            continue
        if name == "metric":
            columns, rows = _metric_rows(run, keys)
        else:
            columns = [name, "value"]
            rows = [[shortened(key, _CELL), shortened(str(held[key]), _CELL)] for key in keys]
        pieces.append(html_table(columns, rows))
        lines += ["", _indented(text_table(columns, rows, right=range(1, 5) if name == "metric" else ()))]
        if len(of_training) > len(keys):
            note = f"and {len(of_training) - len(keys):,} {name}s more"
            pieces.append(f"<div>{note}</div>")
            lines.append(f"  {note}")
    machine = [
        f"{shortened(key.removeprefix(SYSTEM_PREFIX), _CELL)} {number(value)}"
        for key, value in run.data.metrics.items()
        if is_system_metric(key)
    ]
    if machine:
        note = f"system: {_listed(machine, 4)}"
        pieces.append(f"<div><small>{safe(note)}</small></div>")
        lines += ["", f"  {visible(note)}"]
    if used := data_notes(run):
        note = f"data: {_listed(used)}"
        pieces.append(f"<div>{safe(note)}</div>")
        lines += ["", f"  {visible(note)}"]
    if models := models_of(run.data.tags):
        note = f"models: {_listed(models)}"
        pieces.append(f"<div>{safe(note)}</div>")
        lines += ["", f"  {visible(note)}"]
    tags = [
        f"{shortened(key, _CELL)}={shortened(value, _CELL)}"
        for key, value in run.data.tags.items()
        if not system_tags.is_system_tag(key)
    ]
    if tags:
        note = f"tags: {_listed(tags)}"
        pieces.append(f"<div>{safe(note)}</div>")
        lines += ["", f"  {visible(note)}"]
    if nested:
        table = runs_table(nested, grouped=True)
        pieces.append(table.html)
        lines += ["", _indented(table.text)]
        if nested_count > len(nested):
            note = f"{len(nested)} of {nested_count:,} nested runs"
            pieces.append(f"<div>{note}</div>")
            lines.append(f"  {note}")
    if run.info.lifecycle_stage == "deleted":
        note = f"in the bin: nbtrack restore {run.info.run_id[:8]} takes it out"
        pieces.append(f"<div>{safe(note)}</div>")
        lines += ["", f"  {visible(note)}"]
    facts = f"run id {run.info.run_id} · started {moment(run.info.start_time)}"
    pieces.append(f"<div><small>{safe(facts)}</small></div>")
    lines += ["", f"  {visible(facts)}"]
    if commit := code_facts(run.data.tags):
        pieces.append(f"<div><small>{safe(commit)}</small></div>")
        lines.append(f"  {visible(commit)}")
    if code:
        pieces.append(f"<details><summary>code</summary><pre>{safe_block(_beginning(code))}</pre></details>")
    return View("".join(pieces), "\n".join(lines))


def runs_table(
    runs: "Sequence[Run]",
    *,
    best: str | None = None,
    grouped: bool = False,
    width: int | None = TEXT_WIDTH,
    ages: bool = False,
    most: int = _SHOWN_ROWS,
) -> View:
    """Many runs, a line each: status, metrics with their curves, params, duration, start.

    Params that are the same in every run stand once, above the table. What does not fit is named
    below it.

    Args:
        runs: What to draw, in this order.
        best: The id of a run to mark as the best.
        grouped: Put nested runs under their parents; without it the order given stays.
        width: Columns that the text may take, as far as leaving out columns achieves that; None
            is any number: nothing is left out or cut then.
        ages: Say how long ago runs started, not when: for what is looked at now and not kept.
        most: How many runs to draw at most.
    """
    if not runs:
        return View("<p>No runs.</p>", "No runs.")
    shown = list(_grouped(runs) if grouped else runs)[:most]
    cut = shortened if width is not None else _whole
    differing, constants = _differing_params(shown)
    # How the machine was stands on the card of a run: a table compares how the trainings went.
    metrics = [key for key in _most_used([run.data.metrics for run in shown]) if not is_system_metric(key)]
    most_metrics = len(metrics) if width is None else _SHOWN_METRICS
    most_params = len(differing) if width is None else _SHOWN_PARAMS
    names = _names(shown, _depths(shown) if grouped else {}, best, cut)
    fixed, metric_columns, param_columns, last = (
        [_Column("run", names), _Column("status", [mark(run.info.status) for run in shown])],
        [_metric_column(shown, key, cut) for key in metrics[:most_metrics]],
        [_param_column(shown, key, cut) for key in differing[:most_params]],
        [
            _Column("took", [took(run) for run in shown]),
            _Column("started", [_started(run, ages) for run in shown]),
        ],
    )
    columns = [*fixed, *metric_columns, *param_columns, *last]
    hidden = [*metrics[most_metrics:], *differing[most_params:]]
    # The most important first: at least two metrics stand before all params, the others behind.
    ranking = [*fixed, *metric_columns[:2], *param_columns, *metric_columns[2:], *last]
    kept = _fitting(columns, ranking, width)
    narrowed = [column.heading for column in columns if all(column is not each for each in kept)]
    same = [f"{key}={cut(value, 24)}" for key, value in constants]
    above = [f"same in all: {_listed(same, len(same) if width is None else _SHOWN_NAMES)}"] if same else []
    count = [f"{len(shown)} of {len(runs)} runs"] if len(runs) > len(shown) else []

    def notes(left_out: Sequence[str]) -> list[str]:
        return [*count, *([f"left out: {_listed(left_out)}"] if left_out else [])]

    html = [
        *(f"<div>{safe(note)}</div>" for note in above),
        html_table([column.heading for column in columns], _rows_of(columns)),
        *(f"<div>{safe(note)}</div>" for note in notes(hidden)),
    ]
    text = [
        *map(visible, above),
        text_table([column.heading for column in kept], _rows_of(kept)),
        *map(visible, notes([*narrowed, *hidden])),
    ]
    return View("".join(html), "\n".join(text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> View:
    """A plain table.

    Args:
        columns: Names of the columns.
        rows: Cells of each row, one for each column.
        right: Indexes of the columns that text aligns to the right (numbers).
    """
    return View(html_table(columns, rows), text_table(columns, rows, right=right))


def experiment_card(experiment: "Experiment") -> View:
    """One experiment."""
    facts = [
        ("experiment", experiment.name),
        ("id", experiment.experiment_id),
        ("lifecycle", experiment.lifecycle_stage),
        *experiment.tags.items(),
    ]
    return View(html_pairs(facts), "\n".join(_text_pairs(facts)))


class _Column(NamedTuple):
    """One column of a table of runs."""

    heading: str
    cells: list[str]

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        return max(text_width(visible(cell)) for cell in (self.heading, *self.cells))


def _names(runs: "Sequence[Run]", depths: Mapping[str, int], best: str | None, cut: _Cut) -> list[str]:
    names: list[str] = []
    for run in runs:
        depth = depths.get(run.info.run_id, 0)
        branch = "  " * (depth - 1) + "└ " * bool(depth)
        called = cut(run.info.run_name, 40) + attempt_mark(run.data.tags)
        names.append(branch + called + "  ★ best" * (run.info.run_id == best))
    return names


def _metric_column(runs: "Sequence[Run]", key: str, cut: _Cut) -> _Column:
    """The last values, one above the other, and the curves beside them."""
    values = [number(run.data.metrics[key]) if key in run.data.metrics else "" for run in runs]
    width = max(map(len, values))
    curves = [sparkline(run.data.sketches.get(key, ()), width=10) for run in runs]
    cells = [f"{value:>{width}} {curve}".rstrip() for value, curve in zip(values, curves, strict=True)]
    return _Column(cut(key, 24), cells)


def _param_column(runs: "Sequence[Run]", key: str, cut: _Cut) -> _Column:
    return _Column(cut(key, 24), [cut(run.data.params.get(key, ""), 24) for run in runs])


def _whole(text: str, limit: int) -> str:
    """The text as it is, where `shortened` would cut it."""
    return text


def _fitting(columns: list[_Column], ranking: list[_Column], width: int | None) -> list[_Column]:
    """The columns without the least important ones that do not fit; the first metric always stays."""
    kept = list(columns)
    for column in reversed(ranking[3:]):
        if width is None or sum(each.width + 2 for each in kept) - 2 <= width:
            break
        kept = [each for each in kept if each is not column]
    return kept


def _rows_of(columns: Sequence[_Column]) -> list[list[str]]:
    return [list(cells) for cells in zip(*(column.cells for column in columns), strict=True)]


def data_notes(run: "Run") -> list[str]:
    """The data sets that a run used, each in a few words."""
    return [_data_note(each) for each in run.inputs.dataset_inputs]


def _data_note(used: "DatasetInput") -> str:
    """A data set in a few words: `iris 3fa20c1b (train, 150 rows)`."""
    facts = [shortened(used.context, 24)] if used.context else []
    if (rows := used.dataset.rows) is not None:
        facts.append(f"{rows:,} rows")
    name = f"{shortened(used.dataset.name, 40)} {shortened(used.dataset.digest, 40)}"
    return f"{name} ({', '.join(facts)})" if facts else name


def models_of(tags: Mapping[str, str]) -> list[str]:
    """The models of a run with their flavors, from the list that MLflow keeps in a tag."""
    try:
        history = json.loads(tags.get(system_tags.LOGGED_MODELS, "[]"))
        return [
            f"{shortened(str(each['artifact_path']), _CELL)} "
            f"({', '.join(name for name in each['flavors'] if name != 'python_function') or 'python'})"
            for each in history
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []  # somebody else wrote it


def _listed(names: Sequence[str], most: int = _SHOWN_NAMES) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def code_facts(tags: Mapping[str, str]) -> str:
    """The commit, how the files differed from it, and Python; nothing where there is no commit."""
    commit = tags.get(system_tags.GIT_COMMIT)
    if not commit:
        return ""
    text = f"commit {shortened(commit[:7], _CELL)}"
    if branch := tags.get(system_tags.GIT_BRANCH):
        text += f" on {shortened(branch, _CELL)}"
    if tags.get(system_tags.GIT_DIRTY) == "true":
        changed = tags.get(system_tags.GIT_CHANGED_FILES, "some")
        text += f", {shortened(changed, _CELL)} {'file' if changed == '1' else 'files'} changed"
    if python := tags.get(system_tags.PYTHON_VERSION):
        text += f" · Python {shortened(python, _CELL)}"
    return text


def _metric_rows(run: "Run", keys: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The metrics of one run; where all have a single point, that is all there is to say."""
    summaries = [run.data.summaries[key] for key in keys]
    if all(summary.count == 1 for summary in summaries):
        pairs = zip(keys, summaries, strict=True)
        return ["metric", "value"], [[shortened(key, _CELL), number(summary.last)] for key, summary in pairs]
    rows: list[list[str]] = []
    for key, summary in zip(keys, summaries, strict=True):
        row = [shortened(key, _CELL), number(summary.last)]
        if summary.count == 1:
            row += ["", "", "1", ""]
        else:
            row += [
                f"{number(summary.min)} @ {summary.min_step}",
                f"{number(summary.max)} @ {summary.max_step}",
                f"{summary.count:,}",
                sparkline(run.data.sketches.get(key, ())),
            ]
        rows.append(row)
    return ["metric", "last", "min @ step", "max @ step", "points", "curve"], rows


def _differing_params(runs: "Sequence[Run]") -> tuple[list[str], list[tuple[str, str]]]:
    """The params that tell the runs apart, the most used first, and those all have in common."""
    keys = _most_used([run.data.params for run in runs])
    if len(runs) == 1:
        return keys, []
    differing: list[str] = []
    constants: list[tuple[str, str]] = []
    for key in keys:
        values = {run.data.params.get(key) for run in runs}
        if len(values) > 1:
            differing.append(key)
        else:
            constants.append((key, values.pop() or ""))
    return differing, constants


def _most_used(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    counts: dict[str, int] = {}
    for mapping in mappings:
        for key in mapping:
            counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: -counts[key])


def _depths(runs: "Sequence[Run]") -> dict[str, int]:
    """How deep each run stands under its parents, as far as those stand above it."""
    depths: dict[str, int] = {}
    for run in runs:
        parent = run.data.tags.get(system_tags.PARENT_RUN_ID)
        depths[run.info.run_id] = depths[parent] + 1 if parent in depths else 0
    return depths


def _grouped(runs: "Sequence[Run]") -> "list[Run]":
    """Parents before their nested runs, these in the order of their start."""
    listed = {run.info.run_id for run in runs}
    nested: dict[str | None, list[Run]] = {}
    for run in runs:
        parent = run.data.tags.get(system_tags.PARENT_RUN_ID)
        nested.setdefault(parent if parent in listed and parent != run.info.run_id else None, []).append(run)
    ordered: list[Run] = []
    waiting = list(reversed(nested.pop(None, [])))
    while waiting:
        run = waiting.pop()
        ordered.append(run)
        waiting += sorted(nested.pop(run.info.run_id, []), key=lambda child: -child.info.start_time)
    # Runs that name each other as parents belong to no tree; they are shown all the same.
    return ordered + [run for group in nested.values() for run in group]


def mark(status: str) -> str:
    """A status with its sign: `✓ FINISHED`."""
    return f"{_MARKS.get(status, '')} {status}".strip()


def took(run: "Run") -> str:
    """How long a run took, or takes so far."""
    end = run.info.end_time
    if end is None:
        return f"{duration(time() * 1000 - run.info.start_time)} so far"
    return duration(end - run.info.start_time)


def _started(run: "Run", ages: bool) -> str:
    # A table that is kept in a notebook must not say "just now" for years.
    return age(run.info.start_time) if ages else moment(run.info.start_time)[:16]


def _beginning(code: str) -> str:
    lines = code.split("\n")
    shown = "\n".join(lines[:_CODE_LINES])[:_CODE_LETTERS]
    return shown if shown == code else f"{shown}\n… {len(lines)} lines in all; the run keeps the whole code"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _text_pairs(pairs: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(visible(key)) for key, _ in pairs), default=0)
    return [f"  {visible(key):<{width}}  {visible(value)}" for key, value in pairs]
