"""How logged models look where nothing is alive: a card of one, a table of many, as HTML and text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbtrack.core import system_tags
from nbtrack.core.html_tables import html_table, safe, safe_block
from nbtrack.core.static_views import TEXT_WIDTH, View
from nbtrack.core.text_tables import moment, number, shortened, text_table, text_width, visible

if TYPE_CHECKING:
    from nbtrack.core.entities import Metric
    from nbtrack.core.logged_models import LoggedModel

_MARKS = {"READY": "✓", "PENDING": "…", "FAILED": "✗"}
_CELL = 60
_ID = 8
"""Characters of a run's id that people need."""
_CARD_ROWS = 40
_SHOWN_MODELS = 50
_SHOWN_METRICS, _SHOWN_PARAMS, _SHOWN_TAGS = 5, 5, 8


def logged_model_card(model: "LoggedModel") -> View:
    """One model: name, status, type, flavor, run, params, metrics, tags, and the line that loads it."""
    title = f"{_mark(model)} {model.name}"
    rest = "".join(f" · {each}" for each in (model.model_type, _flavors(model)) if each)
    lines = [visible(title + rest)]
    pieces = [f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>"]
    if model.status_message:
        pieces.append(f"<div>{safe(model.status_message)}</div>")
        lines.append(f"  {visible(model.status_message)}")
    metrics = list(model.metrics or ())
    for columns, rows, right in (
        (["param", "value"], _pairs(model), ()),
        (_metric_columns(metrics), _metric_rows(metrics), (1, 2)),
    ):
        if not rows:
            continue
        shown = rows[:_CARD_ROWS]
        pieces.append(html_table(columns, shown))
        lines += ["", _indented(text_table(columns, shown, right=right))]
        if len(rows) > len(shown):
            note = f"and {len(rows) - len(shown):,} {columns[0]}s more"
            pieces.append(f"<div>{note}</div>")
            lines.append(f"  {note}")
    tags = [
        f"{shortened(key, _CELL)}={shortened(value, _CELL)}"
        for key, value in model.tags.items()
        if not system_tags.is_system_tag(key)
    ]
    made = f"run {model.source_run_id} · " if model.source_run_id else ""
    facts = f"{made}model id {model.model_id} · made {moment(model.creation_timestamp)}"
    for note in (f"tags: {_listed(tags, _SHOWN_TAGS)}" if tags else "", facts):
        if note:
            pieces.append(f"<div><small>{safe(note)}</small></div>")
            lines += ["", f"  {visible(note)}"]
    code = _loading(model)
    pieces.append(f"<pre>{safe_block(code)}</pre>")
    lines.append(f"  {visible(code)}")
    return View("".join(pieces), "\n".join(lines))


def logged_models_table(models: "Sequence[LoggedModel]") -> View:
    """Many models, a line each: name, status, type, flavor, run, the metrics and params that most have."""
    if not models:
        return View("<p>No logged models.</p>", "No logged models.")
    shown = models[:_SHOWN_MODELS]
    last = [{metric.key: metric.value for metric in model.metrics or ()} for model in shown]
    columns: list[tuple[str, list[str]]] = [
        ("model", [shortened(model.name, 40) for model in shown]),
        ("status", [_mark(model) for model in shown]),
    ]
    if any(model.model_type for model in shown):
        columns.append(("type", [shortened(model.model_type or "", 24) for model in shown]))
    if any(model.flavors for model in shown):
        columns.append(("flavor", [shortened(_flavors(model), 24) for model in shown]))
    if any(model.source_run_id for model in shown):
        columns.append(("run", [(model.source_run_id or "")[:_ID] for model in shown]))
    for key in _most_used([list(values) for values in last])[:_SHOWN_METRICS]:
        columns.append(
            (shortened(key, 24), [number(values[key]) if key in values else "" for values in last])
        )
    for key in _most_used([list(model.params) for model in shown])[:_SHOWN_PARAMS]:
        columns.append((shortened(key, 24), [shortened(model.params.get(key, ""), 24) for model in shown]))
    columns.append(("made", [moment(model.creation_timestamp) for model in shown]))
    columns.append(("model id", [model.model_id for model in shown]))
    # Text has room for so much; what goes first is what stands in the middle.
    kept = list(columns)
    while len(kept) > 4 and sum(_width(column) + 2 for column in kept) - 2 > TEXT_WIDTH:
        del kept[-3]
    count = f"{len(shown)} of {len(models):,} models" if len(models) > len(shown) else ""
    html = html_table([name for name, _ in columns], _rows(columns)) + (
        f"<div>{count}</div>" if count else ""
    )
    text = text_table([name for name, _ in kept], _rows(kept)) + (f"\n{count}" if count else "")
    return View(html, text)


def _mark(model: "LoggedModel") -> str:
    return f"{_MARKS.get(model.status, '?')} {model.status}"


def _flavors(model: "LoggedModel") -> str:
    """What it is loaded with; a flavor of a framework can be asked as a Python function as well."""
    own = [flavor for flavor in model.flavors if flavor != "python_function"]
    return ", ".join(own or (["python"] if model.flavors else []))


def _pairs(model: "LoggedModel") -> list[list[str]]:
    return [[shortened(key, _CELL), shortened(value, _CELL)] for key, value in model.params.items()]


def _metric_columns(metrics: "Sequence[Metric]") -> list[str]:
    return ["metric", "value", "step", *(["data set"] if _name_data(metrics) else [])]


def _metric_rows(metrics: "Sequence[Metric]") -> list[list[str]]:
    with_data = _name_data(metrics)
    rows: list[list[str]] = []
    for metric in metrics:
        row = [shortened(metric.key, _CELL), number(metric.value), str(metric.step)]
        if with_data:
            row.append(shortened(f"{metric.dataset_name or ''} {metric.dataset_digest or ''}".strip(), _CELL))
        rows.append(row)
    return rows


def _name_data(metrics: "Sequence[Metric]") -> bool:
    return any(metric.dataset_name for metric in metrics)


def _loading(model: "LoggedModel") -> str:
    """The line of code that loads a model, or why there is none."""
    if model.tags.get(system_tags.EXTERNAL_MODEL) == "true":
        return "# its files are kept elsewhere"
    line = f'nbtrack.pyfunc.load_model("{model.model_uri}")'
    return line if model.status == "READY" else f"{line}  # when it is READY"


def _most_used(keys: Sequence[Sequence[str]]) -> list[str]:
    counts: dict[str, int] = {}
    for each in keys:
        for key in each:
            counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: -counts[key])


def _width(column: tuple[str, list[str]]) -> int:
    return max(text_width(visible(cell)) for cell in (column[0], *column[1]))


def _rows(columns: Sequence[tuple[str, list[str]]]) -> list[list[str]]:
    return [list(cells) for cells in zip(*(cells for _, cells in columns), strict=True)]


def _listed(names: Sequence[str], most: int) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
