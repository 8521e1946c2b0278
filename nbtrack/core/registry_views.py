"""How registered models and their versions look: HTML that keeps its meaning without CSS, and text.

Everything is drawn from the entity alone, and every name is text, always escaped.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nbtrack.core.html_tables import html_pairs, html_table, safe
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import moment, shortened, text_table, visible

if TYPE_CHECKING:
    from nbtrack.core.registry import ModelVersion, RegisteredModel

_CELL = 60
_LINE = 200
_SHOWN_ROWS = 50
_SHOWN_TAGS = 8


def version_card(version: "ModelVersion") -> View:
    """One model version: name, stage, aliases, where it comes from, and the URI that loads it."""
    title = f"{shortened(version.name, _CELL)} · version {version.version}"
    state = _state(version.current_stage, version.aliases)
    facts = [
        *_fact("description", version.description),
        *_fact("run id", version.run_id),
        *_fact("model id", version.model_id),
        *_fact("source", version.source),
        *_fact("run link", version.run_link),
        *_fact("registered", _when(version.creation_timestamp, version.user_id)),
        *_fact("tags", _tags(version.tags)),
        ("load it with", f"models:/{version.name}/{version.version}"),
    ]
    return _card(title, state, facts)


def model_card(model: "RegisteredModel") -> View:
    """One registered model: its aliases and the highest version in each stage."""
    facts = [
        *_fact("description", model.description),
        *_fact("tags", _tags(model.tags)),
        *_fact("created", _when(model.creation_timestamp, None)),
    ]
    highest = max((version.version for version in model.latest_versions), default=None)
    state = "no versions yet" if highest is None else f"highest version {highest}"
    view = _card(shortened(model.name, _CELL), state, facts)
    rows = _standing(model)
    if not rows:
        return view
    columns = ["in use as", "version", "run id"]
    return View(
        view.html + html_table(columns, rows),
        f"{view.text}\n\n{_indented(text_table(columns, rows, right=(1,)))}",
    )


def models_table(models: "Sequence[RegisteredModel]") -> View:
    """Registered models, a line each."""
    if not models:
        return View("<p>No registered models.</p>", "No registered models.")
    columns = ["registered model", "highest", "stages", "aliases", "updated", "description"]
    rows = [
        [
            shortened(model.name, _CELL),
            str(max((version.version for version in model.latest_versions), default="")),
            ", ".join(
                f"{version.current_stage} {version.version}"
                for version in model.latest_versions
                if version.current_stage != "None"
            ),
            _listed([f"{alias} {version}" for alias, version in sorted(model.aliases.items())]),
            moment(model.last_updated_timestamp or model.creation_timestamp)[:16],
            shortened(model.description or "", _CELL),
        ]
        for model in models[:_SHOWN_ROWS]
    ]
    return _table(columns, rows, len(models), "registered models")


def versions_table(versions: "Sequence[ModelVersion]") -> View:
    """Model versions, a line each."""
    if not versions:
        return View("<p>No model versions.</p>", "No model versions.")
    columns = ["registered model", "version", "stage", "aliases", "run id", "registered", "description"]
    rows = [
        [
            shortened(version.name, _CELL),
            str(version.version),
            "" if version.current_stage == "None" else version.current_stage,
            _listed(version.aliases),
            shortened(version.run_id or "", 32),
            moment(version.creation_timestamp)[:16],
            shortened(version.description or "", _CELL),
        ]
        for version in versions[:_SHOWN_ROWS]
    ]
    return _table(columns, rows, len(versions), "model versions")


def _card(title: str, state: str, facts: Sequence[tuple[str, str]]) -> View:
    rest = f" · {state}" if state else ""
    width = max((len(key) for key, _ in facts), default=0)
    text = [visible(title + rest), *(f"  {key:<{width}}  {visible(value)}" for key, value in facts)]
    return View(
        f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>{html_pairs(facts) if facts else ''}",
        "\n".join(text),
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], count: int, what: str) -> View:
    """The table without columns that are empty in all rows; a note says how many rows are not shown."""
    kept = [at for at, column in enumerate(columns) if column == columns[0] or any(row[at] for row in rows)]
    head = [columns[at] for at in kept]
    body = [[row[at] for at in kept] for row in rows]
    notes = [f"{len(rows)} of {count:,} {what}"] if count > len(rows) else []
    html = [html_table(head, body), *(f"<div>{safe(note)}</div>" for note in notes)]
    return View("".join(html), "\n".join([text_table(head, body, right=(1,)), *notes]))


def _standing(model: "RegisteredModel") -> list[list[str]]:
    """What the versions of a model are in use as: stages, then aliases."""
    runs = {version.version: version.run_id or "" for version in model.latest_versions}
    rows = [
        [version.current_stage, str(version.version), version.run_id or ""]
        for version in model.latest_versions
        if version.current_stage != "None"
    ]
    aliases = sorted(model.aliases.items())
    rows += [
        [f"@{shortened(alias, _CELL)}", str(version), runs.get(version, "")]
        for alias, version in aliases[:_SHOWN_ROWS]
    ]
    return rows


def _state(stage: str, aliases: Sequence[str]) -> str:
    words = ["" if stage == "None" else stage, _listed([f"@{alias}" for alias in aliases])]
    return " · ".join(word for word in words if word)


def _fact(name: str, value: str | None) -> list[tuple[str, str]]:
    return [(name, shortened(value, _LINE))] if value else []


def _when(timestamp: int, user: str | None) -> str:
    return f"{moment(timestamp)} by {user}" if user else moment(timestamp)


def _tags(tags: Mapping[str, str]) -> str:
    return _listed([f"{shortened(key, _CELL)}={shortened(value, _CELL)}" for key, value in tags.items()])


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN_TAGS
    return ", ".join(names[:_SHOWN_TAGS]) + (f" and {rest} more" if rest > 0 else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
