"""The signature of a model in words: its columns, tensors and params, from their form in the MLmodel file.

Nothing is checked, and nothing is refused: what cannot be read is shown as it stands.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

_PARTS = {"inputs": "input", "outputs": "output", "params": "param"}
_DEEPEST = 8


class SignatureField(NamedTuple):
    """One column, tensor or param."""

    part: str
    """input, output or param."""
    name: str
    """Its place, such as `(0)`, where it has no name."""
    type: str
    is_required: bool
    default: str | None = None
    """Of a param, as JSON."""

    @property
    def words(self) -> str:
        """What it is, in words: `double (optional)`."""
        if self.default is not None:
            return f"{self.type} = {self.default}"
        return self.type if self.is_required or self.part == "output" else f"{self.type} (optional)"


def signature_fields(signature: Mapping[str, Any] | None) -> list[SignatureField]:
    """The fields of a signature, in its order.

    Args:
        signature: `inputs`, `outputs` and `params`, each JSON text or None; None is no field.
    """
    fields: list[SignatureField] = []
    for part, word in _PARTS.items():
        held = (signature or {}).get(part)
        if not held:
            continue
        entries = _read(held)
        if not isinstance(entries, list):
            fields.append(SignatureField(word, "(unreadable)", str(held), True))
            continue
        for number, entry in enumerate(cast("list[Any]", entries)):
            fields.append(_field(word, number, entry))
    return fields


def brief_signature(signature: Mapping[str, Any] | None) -> str:
    """A signature in one line: `4 inputs → 1 output, 2 params`; empty where there is none."""
    fields = signature_fields(signature)
    told: dict[str, str] = {}
    for word in _PARTS.values():
        of_part = [field for field in fields if field.part == word]
        if len(of_part) == 1 and word != "param":
            (one,) = of_part
            told[word] = one.type if one.name.startswith("(") else f"{one.name}: {one.type}"
        elif of_part:
            told[word] = f"{len(of_part):,} {word}{'' if len(of_part) == 1 else 's'}"
    sides = " → ".join(told[word] for word in ("input", "output") if word in told)
    return ", ".join(part for part in (sides, told.get("param", "")) if part)


def _read(held: Any) -> Any:
    if not isinstance(held, str):
        return held
    try:
        return json.loads(held)
    except (ValueError, RecursionError):
        return None


def _field(part: str, number: int, held: Any) -> SignatureField:
    if not isinstance(held, Mapping):
        return SignatureField(part, f"({number})", _type(held), True)
    entry = cast("Mapping[str, Any]", held)
    name = entry.get("name")
    # MLflow before 2.9 wrote `optional` for columns that may be missing.
    required = bool(entry.get("required", not entry.get("optional", False)))
    default = None
    if part == "param":
        default = json.dumps(entry.get("default"), ensure_ascii=False, default=str)
    kind = _type(entry) if part != "param" or not entry.get("shape") else f"{_type(entry)}[]"
    return SignatureField(part, f"({number})" if name is None else str(name), kind, required, default)


def _type(held: Any, depth: int = 0) -> str:
    """A type of MLflow's JSON in words: `double`, `tensor(float64, (-1, 4))`, `array(string)`."""
    if depth > _DEEPEST:
        return "…"
    if not isinstance(held, Mapping):
        return str(held)
    entry = cast("Mapping[str, Any]", held)
    kind = entry.get("type", entry.get("dtype"))
    if kind == "tensor":
        spec: Any = entry.get("tensor-spec")
        known = cast("Mapping[str, Any]", spec) if isinstance(spec, Mapping) else dict[str, Any]()
        shape: Any = known.get("shape")
        sizes = tuple(cast("Sequence[Any]", shape)) if isinstance(shape, list) else "?"
        return f"tensor({known.get('dtype', '?')}, {sizes})"
    if kind == "array":
        return f"array({_type(entry.get('items'), depth + 1)})"
    if kind == "map":
        return f"map({_type(entry.get('values'), depth + 1)})"
    if kind == "object" and isinstance(entry.get("properties"), Mapping):
        properties = cast("Mapping[str, Any]", entry["properties"])
        inside = ", ".join(f"{name}: {_type(one, depth + 1)}" for name, one in properties.items())
        return f"object({inside})"
    return str(kind)
