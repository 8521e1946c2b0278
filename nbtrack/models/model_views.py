"""How a model looks: signature, size, flavors, requirements and the line that loads it."""

from typing import TYPE_CHECKING

from nbtrack.core.html_tables import html_table, safe
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import file_size, shortened, text_table, visible

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo
    from nbtrack.models.signature import ModelSignature

_CELL = 60
_SHOWN_FIELDS = 20
_SHOWN_REQUIREMENTS = 12


def info_card(info: "ModelInfo", *, is_predictor: bool = False) -> View:
    """A model: its name and size, signature, flavors, requirements, and the line of code that loads it.

    Args:
        info: The model.
        is_predictor: Whether the line loads it behind `predict`, and not as what it was.
    """
    line = info.predictor_line if is_predictor else info.load_line
    name = info.name or info.artifact_path or info.model_uuid
    title = f"model {shortened(name, _CELL)}"
    rest = "" if info.size_bytes is None else f" · {file_size(info.size_bytes)}"
    if info.registered_model_version is not None:
        rest += f" · version {info.registered_model_version}"
    pieces = [f"<div><strong>{safe(title)}</strong>{safe(rest)}</div>", f"<pre>{safe(line)}</pre>"]
    lines = [visible(title + rest), "", f"  {visible(line)}"]
    if info.signature is not None:
        columns, rows = ["", "name", "type", "required"], signature_rows(info.signature)
        shown = rows[:_SHOWN_FIELDS]
        pieces.append(html_table(columns, shown))
        lines += ["", _indented(text_table(columns, shown))]
        if len(rows) > len(shown):
            note = f"and {len(rows) - len(shown):,} more"
            pieces.append(f"<div>{note}</div>")
            lines.append(f"  {note}")
    for word, entries in (
        ("flavors", list(info.flavors)),
        ("needs", info.requirements),
        ("metadata", [f"{key}={value}" for key, value in (info.metadata or {}).items()]),
        ("params", [f"{key}={value}" for key, value in info.params.items()]),
        ("tags", [f"{key}={value}" for key, value in info.tags.items()]),
    ):
        if entries:
            note = f"{word}: {_listed(entries)}"
            pieces.append(f"<div>{safe(note)}</div>")
            lines += [*([""] if word == "flavors" else []), f"  {visible(note)}"]
    facts = " · ".join(
        part
        for part in (
            f"run id {info.run_id}" if info.run_id else "",
            f"model id {info.model_id}" if info.model_id else "",
            f"made {info.utc_time_created.partition('.')[0]} UTC",
        )
        if part
    )
    pieces.append(f"<div><small>{safe(facts)}</small></div>")
    lines.append(f"  {visible(facts)}")
    return View("".join(pieces), "\n".join(lines))


def signature_rows(signature: "ModelSignature") -> list[list[str]]:
    """A row for each input, output and param: which of these, name, type, whether it must be given."""
    rows: list[list[str]] = []
    for word, schema in (("input", signature.inputs), ("output", signature.outputs)):
        for number, field in enumerate(schema.inputs if schema is not None else ()):
            name = field.name
            rows.append(
                [
                    word,
                    f"({number})" if name is None else shortened(str(name), _CELL),
                    shortened(_type_of(field), _CELL),
                    "" if word == "output" else "yes" if getattr(field, "required", True) else "no",
                ]
            )
    for param in signature.params.params if signature.params is not None else ():
        kind = f"{getattr(param.dtype, 'name', param.dtype)}{'' if param.shape is None else '[]'}"
        default = shortened(f"no, {param.default!r}", _CELL)
        rows.append(["param", shortened(param.name, _CELL), shortened(kind, _CELL), default])
    return rows


def _type_of(field: object) -> str:
    shape = getattr(field, "shape", None)
    kind = getattr(field, "type", None)
    name = str(getattr(kind, "name", kind))
    return f"tensor({name}, {tuple(shape)})" if shape is not None else name


def _listed(entries: list[str]) -> str:
    shown = ", ".join(shortened(entry, _CELL) for entry in entries[:_SHOWN_REQUIREMENTS])
    return shown if len(entries) <= _SHOWN_REQUIREMENTS else f"{shown}, … ({len(entries)} in all)"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
