"""How registered models and their versions look: HTML that keeps its meaning without CSS, and text.

Everything is drawn from the entity alone, and every name is text, always escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.core.fitting_views import fitted
from nbtrack.core.html_tables import html_pairs, html_table, safe
from nbtrack.core.signature_fields import signature_fields
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import (
    file_size,
    moment,
    number,
    shortened,
    text_table,
    text_width,
    visible,
    wrapped,
)
from nbtrack.core.version_metrics import known_first, labelled_values, shared_metrics

if TYPE_CHECKING:
    from nbtrack.core.registry import ModelVersion, RegisteredModel

_CELL = 60
_SHORT = 30
_LINE = 200
_LEAST_ROOM = 24
"""Columns that the lines of a card have at least."""
_SHOWN_NAMES = 8
_SHOWN_METRICS = 6
_METRIC_COLUMNS = 3
_STAGES = ("Production", "Staging", "None", "Archived")
_FIELDS = {"input": "inputs", "output": "outputs", "param": "predict params"}


def version_card(version: "ModelVersion", *, width: int | None = None) -> View:
    """One model version: what it is in use as, what it can do, where it comes from, the URI that loads it.

    Args:
        version: What to draw.
        width: Columns that the text may take, as far as long lines go on below; None is any number.
    """
    title = f"{shortened(version.name, _CELL)} · version {version.version}"
    facts = [
        *_fact("description", _one_line(version.description)),
        *_fact("metrics", _metrics(version)),
        *_fact("params", _pairs(version.params or {})),
        *_signature(version.signature),
        *_fact("files", _files(version)),
        *_fact("needs", _listed(version.requirements or ())),
        *_fact("run", _run(version, whole=True)),
        *_fact("model id", version.model_id),
        *_fact("source", version.source),
        *_fact("run link", version.run_link),
        *_fact("registered", _when(version.creation_timestamp, version.user_id)),
        *_fact("tags", _pairs(version.tags)),
        ("load it with", f"models:/{version.name}/{version.version}"),
    ]
    return _card(title, _in_use(version.current_stage, version.aliases), facts, width)


def model_card(model: "RegisteredModel", *, has_table: bool = True, width: int | None = None) -> View:
    """One registered model: which versions are in use as what, and how good these are.

    Args:
        model: What to draw.
        has_table: Whether the versions that are in use stand in it.
        width: Columns that the text may take; what does not fit into a table is named below it.
    """
    facts = [
        *_fact("description", _one_line(model.description)),
        *_fact("tags", _pairs(model.tags)),
        *_fact("created", _when(model.creation_timestamp, None)),
    ]
    highest = max((version.version for version in model.latest_versions), default=None)
    state = "no versions yet" if highest is None else f"highest version {highest}"
    view = _card(shortened(model.name, _CELL), state, facts, width)
    standing = _standing(model)
    if not standing or not has_table:
        return view

    def draw(count: int) -> View:
        room = None if width is None else width - 2
        columns, rows = _rows_of(standing[:count], is_one=True)
        table = _table(columns, rows, len(standing), "versions in use", room, _least_wanted(columns))
        return View(view.html + table.html, f"{view.text}\n\n{_indented(table.text)}")

    return fitted(draw)


def models_table(
    models: "Sequence[RegisteredModel]", *, width: int | None = None, most: int | None = None
) -> View:
    """Registered models, a line each.

    Args:
        models: What to draw.
        width: As for `model_card`.
        most: How many to draw; None is as many as a notebook keeps.
    """
    if not models:
        return View("<p>No registered models.</p>", "No registered models.")
    columns = ["registered model", "highest", "stages", "aliases", "updated", "description"]

    def draw(count: int) -> View:
        rows = [
            [
                shortened(model.name, _CELL),
                str(max((version.version for version in model.latest_versions), default="")),
                _listed(
                    f"{version.current_stage} {version.version}"
                    for version in sorted(model.latest_versions, key=lambda each: _rank(each.current_stage))
                    if version.current_stage != "None"
                ),
                _listed(f"{alias} {version}" for alias, version in sorted(model.aliases.items())),
                moment(model.last_updated_timestamp or model.creation_timestamp)[:16],
                _first_line(model.description),
            ]
            for model in models[:count]
        ]
        return _table(columns, rows, len(models), "registered models", width, (5, 4))

    return fitted(draw) if most is None else draw(most)


def versions_table(
    versions: "Sequence[ModelVersion]",
    *,
    has_title: bool = True,
    width: int | None = None,
    most: int | None = None,
) -> View:
    """Model versions, a line each, with the metrics that most of them have.

    Args:
        versions: What to draw.
        has_title: Whether the name of the registered model stands above, where they are all of one.
        width: As for `model_card`.
        most: As for `models_table`.
    """
    if not versions:
        return View("<p>No model versions.</p>", "No model versions.")
    is_one = len({version.name for version in versions}) == 1
    held = [
        _Line(version.version, version, _in_use(version.current_stage, version.aliases))
        for version in versions
    ]

    def draw(count: int) -> View:
        columns, rows = _rows_of(held[:count], is_one=is_one)
        table = _table(columns, rows, len(versions), "model versions", width, _least_wanted(columns))
        if not is_one or not has_title:
            return table
        title = shortened(versions[0].name, _CELL)
        return View(
            f"<div><strong>{safe(title)}</strong></div>{table.html}", f"{visible(title)}\n{table.text}"
        )

    return fitted(draw) if most is None else draw(most)


class _Line(NamedTuple):
    """A line of a table of versions."""

    number: int
    version: "ModelVersion | None"
    """None where no more than the number is known."""
    use: str
    """What it is in use as."""


def _rows_of(lines: Sequence[_Line], *, is_one: bool) -> tuple[list[str], list[list[str]]]:
    """The columns and the cells of a table of versions.

    Args:
        lines: The versions.
        is_one: Whether all are of one registered model, whose name stands above.
    """
    values = [{} if line.version is None else line.version.metric_values for line in lines]
    metrics = shared_metrics([list(each) for each in values], _METRIC_COLUMNS)
    columns = [
        *([] if is_one else ["registered model"]),
        *("version", "in use as", *(shortened(key, _SHORT) for key in metrics)),
        *("size", "registered", "run", "description"),
    ]
    rows: list[list[str]] = []
    for line, held in zip(lines, values, strict=True):
        version = line.version
        cells = [str(line.number), line.use, *(number(held[key]) if key in held else "" for key in metrics)]
        if version is None:
            rows.append([*cells, "", "", "", ""])
            continue
        named = [] if is_one else [shortened(version.name, _CELL)]
        size, registered = file_size(version.model_size_bytes), moment(version.creation_timestamp)[:16]
        rows.append(
            [*named, *cells, size, registered, _run(version), _first_line(version.description, _SHORT)],
        )
    return columns, rows


def _least_wanted(columns: Sequence[str]) -> list[int]:
    """Which columns of a table of versions are left out first."""
    last = len(columns) - 1
    first_metric = columns.index("in use as") + 1
    return [last, last - 3, last - 2, last - 1, *range(last - 4, first_metric - 1, -1)]


def _card(title: str, state: str, facts: Sequence[tuple[str, str]], width: int | None = None) -> View:
    rest = f" · {state}" if state else ""
    taken = max((len(key) for key, _ in facts), default=0)
    text = [visible(title + rest)]
    for key, value in facts:
        room = None if width is None else max(width - taken - 4, _LEAST_ROOM)
        first, *others = [visible(value)] if room is None else wrapped(visible(value), room)
        text += [f"  {key:<{taken}}  {first}", *(f"  {'':<{taken}}  {line}" for line in others)]
    return View(
        f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>{html_pairs(facts) if facts else ''}",
        "\n".join(text),
    )


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    count: int,
    what: str,
    width: int | None,
    least_wanted: Sequence[int],
) -> View:
    """The table without columns that are empty in all rows; notes say what is not shown.

    Args:
        columns: Names of the columns.
        rows: Cells of each row.
        count: How many rows there are in all.
        what: Of what.
        width: Columns that the text may take, as far as leaving out columns achieves that.
        least_wanted: The indexes of columns that may be left out, those to go first at first.
    """
    kept = [at for at, _ in enumerate(columns) if at == 0 or any(row[at] for row in rows)]
    notes = [f"{len(rows)} of {count:,} {what}"] if count > len(rows) else []
    whole = html_table(_chosen(columns, kept), [_chosen(row, kept) for row in rows])
    html = [whole, *(f"<div>{safe(note)}</div>" for note in notes)]
    shown = list(kept)
    text = _table_text(columns, rows, shown)
    for at in least_wanted:
        if width is None or text_width(text.split("\n", 2)[1]) <= width:
            break
        if at in shown:
            shown.remove(at)
            text = _table_text(columns, rows, shown)
    if len(shown) < len(kept):
        notes.append(f"left out: {', '.join(visible(columns[at]) for at in kept if at not in shown)}")
    return View("".join(html), "\n".join([text, *notes]))


def _table_text(columns: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int]) -> str:
    head, body = _chosen(columns, shown), [_chosen(row, shown) for row in rows]
    # Numbers, and what is not there.
    right = [at for at in range(len(head)) if at and all(_is_number(row[at]) for row in body)]
    return text_table(head, body, right=[*([0] if head[0] == "version" else []), *right])


def _chosen(cells: Sequence[str], kept: Sequence[int]) -> list[str]:
    return [cells[at] for at in kept]


def _is_number(cell: str) -> bool:
    return not cell or cell in ("NaN", "inf") or (cell.lstrip("-")[:1].isdigit() and " " not in cell)


def _standing(model: "RegisteredModel") -> list[_Line]:
    """The versions of a model that are in use: those at work first, the archived last."""
    latest = {version.version: version for version in model.latest_versions}
    names: dict[int, list[str]] = {
        each.version: [] for each in model.latest_versions if each.current_stage != "None"
    }
    for alias, holder in sorted(model.aliases.items()):
        names.setdefault(holder, []).append(alias)
    stages = {version: latest[version].current_stage if version in latest else "None" for version in names}
    return [
        _Line(version, latest.get(version), _in_use(stages[version], names[version]))
        for version in sorted(names, key=lambda each: (_rank(stages[each]), -each))
    ]


def _rank(stage: str) -> int:
    return _STAGES.index(stage) if stage in _STAGES else 0


def _in_use(stage: str, aliases: Sequence[str]) -> str:
    return _listed([*([] if stage == "None" else [stage]), *(f"@{alias}" for alias in aliases)], _SHORT)


def _metrics(version: "ModelVersion") -> str:
    held = dict(labelled_values(version.metrics or ()))
    return _listed([f"{shortened(key, _SHORT)} {number(held[key])}" for key in known_first(held)], _CELL, 6)


def _signature(signature: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    told: dict[str, list[str]] = {word: [] for word in _FIELDS.values()}
    for field in signature_fields(signature):
        name = "" if field.name.startswith("(") else f"{shortened(field.name, _SHORT)}: "
        told[_FIELDS[field.part]].append(f"{name}{field.words}")
    return [(word, _listed(fields)) for word, fields in told.items() if fields]


def _files(version: "ModelVersion") -> str:
    size = file_size(version.model_size_bytes)
    return " · ".join(part for part in (size, _listed(version.flavors or ())) if part)


def _run(version: "ModelVersion", *, whole: bool = False) -> str:
    """The run's name and id, of which the beginning tells it apart."""
    run_id = version.run_id or ""
    if not version.run_name:
        return run_id if whole else shortened(run_id, 32)
    name = shortened(version.run_name, _CELL if whole else _SHORT)
    return f"{name} ({run_id if whole else run_id[:8]})" if run_id else name


def _fact(name: str, value: str | None) -> list[tuple[str, str]]:
    return [(name, shortened(value, _LINE))] if value else []


def _when(timestamp: int, user: str | None) -> str:
    return f"{moment(timestamp)} by {user}" if user else moment(timestamp)


def _pairs(held: Mapping[str, str]) -> str:
    return _listed(f"{shortened(key, _SHORT)}={shortened(value, _SHORT)}" for key, value in held.items())


def _one_line(text: str | None) -> str:
    return " ".join((text or "")[: 4 * _LINE].split())


def _first_line(text: str | None, length: int = _CELL) -> str:
    lines = (text or "").strip().splitlines()
    return shortened(lines[0], length) if lines else ""


def _listed(names: Iterable[str], length: int = _CELL, count: int = _SHOWN_NAMES) -> str:
    """Some of these, each of at most `length` characters, and how many more there are."""
    names = list(names)
    rest = len(names) - count
    shown = [shortened(name, length) for name in names[:count]]
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
