"""The summary of a module: its layers as a tree, with class, parameters and shapes of weights.

Layers that repeat are told once, and the text of a huge module ends: it stays a text that one reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog.torch.trained_modules import own_modules, own_parameters

if TYPE_CHECKING:
    from torch.nn import Module

LINES = 400
"""Layers that are shown of one module at the most."""

_DEPTH = 40
_WIDTH = 70
"""Characters of a class with its settings, before they are cut."""


@dataclass(frozen=True)
class Counts:
    """How large modules are; parameters that are shared count once."""

    parameters: int
    trainable: int
    size: int
    """Bytes of the parameters."""


def counts(tensors: Sequence[Any]) -> Counts:
    """Count parameters.

    Args:
        tensors: Parameters, each once. Those that have no shape yet (of lazy modules) count nothing.
    """
    shaped = [one for one in tensors if not _is_shapeless(one)]
    return Counts(
        sum(one.numel() for one in shaped),
        sum(one.numel() for one in shaped if one.requires_grad),
        sum(one.numel() * one.element_size() for one in shaped),
    )


def summary(modules: Sequence["Module"]) -> str:
    """The text of `model_summary.txt`, for the modules of one training."""
    return "\n".join(_of_module(module) for module in modules)


@dataclass
class _Layer:
    name: str
    title: str
    weights: str
    shape: Any
    """Equal for layers that look alike, with all that is in them."""
    held: dict[int, Any]
    """The parameters in it, by id."""
    inner: list["_Layer"] = field(default_factory=list["_Layer"])


def _of_module(module: "Module") -> str:
    root = _layer("", module, 0, {})
    rows: list[tuple[str, str, str, str, str]] = []
    left_out = _rows(root, "", 0, rows)
    head = ("layer", "class", "parameters", "trainable", "weights")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    lines: list[str] = []
    for name, title, size, trainable, weights in [head, *rows]:
        layer = f"{name:<{widths[0]}}  {title:<{widths[1]}}"
        lines.append(f"{layer}  {size:>{widths[2]}}  {trainable:<{widths[3]}}  {weights}")
    if left_out:
        lines.append(f"... and {left_out:,} more layers")
    told = counts(list(root.held.values()))
    lines.append(f"{told.parameters:,} parameters, {told.trainable:,} of them trainable, {_bytes(told.size)}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _layer(name: str, module: "Module", depth: int, known: dict[int, "_Layer"]) -> _Layer:
    """What is told of a module; one that occurs twice is looked at once."""
    if (there := known.get(id(module))) is not None:
        return _Layer(name, there.title, there.weights, there.shape, there.held, there.inner)
    own = own_parameters(module)
    held = {id(tensor): tensor for tensor in own.values()}
    layer = _Layer(name, _title(module), ", ".join(f"{key} {_shape(own[key])}" for key in own), None, held)
    known[id(module)] = layer
    if depth < _DEPTH:
        for key, child in own_modules(module).items():
            inner = _layer(key, child, depth + 1, known)
            layer.inner.append(inner)
            held.update(inner.held)
    trained = tuple(tensor.requires_grad for tensor in own.values())
    # Compared by hash: two layers that differ look alike once in 2^61 summaries.
    layer.shape = hash((layer.title, layer.weights, trained, tuple(one.shape for one in layer.inner)))
    return layer


def _rows(layer: _Layer, name: str, depth: int, rows: list[tuple[str, str, str, str, str]]) -> int:
    """Add the row of a layer and those inside it; how many found no place."""
    if len(rows) >= LINES:
        return 1 + sum(_rows(inner, "", 0, rows) for inner in layer.inner)
    told = counts(list(layer.held.values()))
    trainable = "no" if not told.trainable else "yes" if told.trainable == told.parameters else "in part"
    rows.append(
        (
            "  " * depth + name,
            layer.title,
            f"{told.parameters:,}" if layer.held else "",
            trainable if layer.held else "",
            layer.weights,
        )
    )
    left_out = 0
    position = 0
    while position < len(layer.inner):
        first = layer.inner[position]
        end = position + 1
        while end < len(layer.inner) and layer.inner[end].shape == first.shape and first.name.isdigit():
            end += 1
        name = first.name
        if end - position > 1:
            name = f"{first.name}-{layer.inner[end - 1].name} ({end - position} times)"
        left_out += _rows(first, name, depth + 1, rows)
        position = end
    return left_out


def _title(module: "Module") -> str:
    kind = type(module)
    if not kind.__module__.startswith("torch.nn."):
        return kind.__name__  # the settings of a user's class would be told by code of the user's
    told = f"{kind.__name__}({module.extra_repr()})".removesuffix("()")
    return told if len(told) <= _WIDTH else told[: _WIDTH - 1] + "…"


def _shape(tensor: Any) -> str:
    if _is_shapeless(tensor):
        return "?"
    return "x".join(str(length) for length in tensor.shape) or "scalar"


def _is_shapeless(tensor: Any) -> bool:
    return type(tensor).__name__.startswith("Uninitialized")


def _bytes(size: int) -> str:
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    unit = 0
    while value >= 1000 and unit < len(units) - 1:
        value /= 1000
        unit += 1
    return f"{value:.3g} {units[unit]}" if unit else f"{size} B"
