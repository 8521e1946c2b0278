"""How records look where nothing is alive: HTML that keeps its meaning without CSS, and text.

Everything is drawn from the entity alone. GitHub and untrusted notebooks strip styles, ids and
scripts, so the HTML is plain tables and words; curves are block characters. Names are text,
always escaped.
"""

from collections.abc import Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.core import system_tags
from nbtrack.core.text_tables import age, duration, moment, number, shortened, sparkline, text_table, visible

if TYPE_CHECKING:
    from nbtrack.core.entities import Experiment, Run

_CELL = 60
_MARKS = {"RUNNING": "▶", "SCHEDULED": "…", "FINISHED": "✓", "FAILED": "✗", "KILLED": "■"}
_SHOWN_ROWS = 50
_SHOWN_PARAMS = 8
_SHOWN_METRICS = 5


class View(NamedTuple):
    """One thing to look at, in two forms that say the same."""

    html: str
    text: str


def bundle(view: View) -> dict[str, Any]:
    """The view as a notebook's MIME bundle."""
    return {"text/html": view.html, "text/plain": view.text}


def run_card(run: "Run", code: str | None = None) -> View:
    """One run: status, duration, params, metrics, tags.

    Args:
        run: What to draw.
        code: The code that made it, shown folded when given.
    """
    title = f"{_mark(run.info.status)} {run.info.run_name}"
    facts = [("run id", run.info.run_id), ("started", moment(run.info.start_time)), ("took", _took(run))]
    if error := run.data.tags.get(system_tags.ERROR):
        facts.append(("error", error))
    params = [(key, shortened(value, _CELL)) for key, value in run.data.params.items()]
    tags = [
        (key, shortened(value, _CELL))
        for key, value in run.data.tags.items()
        if not system_tags.is_system_tag(key)
    ]
    metric_columns = ["metric", "last", "min", "max", "points", "curve"]
    metrics = [
        [
            shortened(key, _CELL),
            number(summary.last),
            f"{number(summary.min)} @ {summary.min_step}",
            f"{number(summary.max)} @ {summary.max_step}",
            f"{summary.count:,}",
            sparkline(run.data.sketches.get(key, ())),
        ]
        for key, summary in run.data.summaries.items()
    ]
    pieces = [f"<strong>{_safe(title)}</strong>", _html_pairs(facts)]
    lines = [visible(title), *_text_pairs(facts)]
    for name, pairs in (("params", params), ("tags", tags)):
        if pairs:
            pieces.append(f"<div>{name}</div>{_html_pairs(pairs)}")
            lines += ["", f"{name}:", *_text_pairs(pairs)]
    if metrics:
        pieces.append(_html_table(metric_columns, metrics))
        lines += ["", text_table(metric_columns, metrics, right=(1, 2, 3, 4))]
    if code:
        pieces.append(f"<details><summary>code</summary><pre>{_safe_block(code)}</pre></details>")
    return View("".join(pieces), "\n".join(lines))


def runs_table(runs: "Sequence[Run]", *, best: str | None = None, grouped: bool = False) -> View:
    """Many runs, a line each: status, age, duration, params, metrics with their curves.

    Params that are the same in every run stand once, above the table.

    Args:
        runs: What to draw, in this order; the first 50.
        best: The id of a run to mark as the best.
        grouped: Put nested runs under their parents; without it the order given stays.
    """
    if not runs:
        return View("<p>No runs.</p>", "No runs.")
    shown = (_grouped(runs) if grouped else runs)[:_SHOWN_ROWS]
    params, constants = _differing_params(shown)
    metrics = _most_used([run.data.metrics for run in shown])[:_SHOWN_METRICS]
    depths = _nesting(shown)
    columns = ["run", "status", "started", "took", *params, *metrics]
    rows: list[list[str]] = []
    for run in shown:
        depth = depths[run.info.run_id]
        name = "  " * (depth - 1) + "└ " * bool(depth) + shortened(run.info.run_name, 40)
        row = [
            name + "  ★ best" * (run.info.run_id == best),
            _mark(run.info.status),
            age(run.info.start_time),
            _took(run),
        ]
        row += [shortened(run.data.params.get(key, ""), 24) for key in params]
        row += [_metric_cell(run, key) for key in metrics]
        rows.append(row)
    headings = [shortened(column, 24) for column in columns]
    notes = [f"same in all: {', '.join(f'{key}={value}' for key, value in constants)}"] if constants else []
    if len(runs) > len(shown):
        notes.append(f"{len(shown)} of {len(runs)} runs")
    html = "".join(f"<p>{_safe(note)}</p>" for note in notes) + _html_table(headings, rows)
    return View(html, "\n".join([*map(visible, notes), text_table(headings, rows)]))


def experiment_card(experiment: "Experiment") -> View:
    """One experiment."""
    facts = [
        ("experiment", experiment.name),
        ("id", experiment.experiment_id),
        ("lifecycle", experiment.lifecycle_stage),
        *experiment.tags.items(),
    ]
    return View(_html_pairs(facts), "\n".join(_text_pairs(facts)))


def _metric_cell(run: "Run", key: str) -> str:
    if key not in run.data.metrics:
        return ""
    curve = sparkline(run.data.sketches.get(key, ()), width=10)
    return f"{number(run.data.metrics[key])} {curve}".rstrip()


def _differing_params(runs: "Sequence[Run]") -> tuple[list[str], list[tuple[str, str]]]:
    """The params that tell the runs apart, the most used first, and those all have in common."""
    keys = _most_used([run.data.params for run in runs])
    if len(runs) == 1:
        return keys[:_SHOWN_PARAMS], []
    differing: list[str] = []
    constants: list[tuple[str, str]] = []
    for key in keys:
        values = {run.data.params.get(key) for run in runs}
        if len(values) > 1:
            differing.append(key)
        else:
            constants.append((key, shortened(values.pop() or "", 24)))
    return differing[:_SHOWN_PARAMS], constants[:_SHOWN_PARAMS]


def _most_used(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    counts: dict[str, int] = {}
    for mapping in mappings:
        for key in mapping:
            counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: -counts[key])


def _nesting(runs: "Sequence[Run]") -> dict[str, int]:
    """How deep each run stands under its parents, as far as those are in the list."""
    parents = {run.info.run_id: run.data.tags.get(system_tags.PARENT_RUN_ID) for run in runs}
    depths: dict[str, int] = {}
    for run_id in parents:
        depth, ancestor = 0, parents[run_id]
        while ancestor in parents and depth < len(parents):
            depth, ancestor = depth + 1, parents[ancestor]
        depths[run_id] = depth
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


def _mark(status: str) -> str:
    return f"{_MARKS.get(status, '')} {status}".strip()


def _took(run: "Run") -> str:
    end = run.info.end_time
    if end is None:
        return f"{duration(time() * 1000 - run.info.start_time)} so far"
    return duration(end - run.info.start_time)


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_safe(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_safe(key)}</th><td>{_safe(value)}</td></tr>' for key, value in pairs
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _text_pairs(pairs: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(visible(key)) for key, _ in pairs), default=0)
    return [f"  {visible(key):<{width}}  {visible(value)}" for key, value in pairs]


def _safe(text: str) -> str:
    from html import escape  # lazy: only what is looked at needs it

    # JupyterLab typesets $...$ in HTML outputs as mathematics; a param may well hold two dollars.
    return escape(visible(text)).replace("$", "&#36;<span></span>")


def _safe_block(text: str) -> str:
    return "\n".join(_safe(line.expandtabs()) for line in text.split("\n"))
