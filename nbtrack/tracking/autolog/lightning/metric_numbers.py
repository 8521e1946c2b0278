"""Metrics of a Trainer as numbers."""

from collections.abc import Mapping
from typing import Any


def as_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The values of metrics; those on a device are brought from it together, so that it is waited for once.

    Args:
        metrics: Numbers, or tensors of one element.
    """
    elsewhere = {name: value for name, value in metrics.items() if _is_elsewhere(value)}
    numbers: dict[str, float] = {}
    if len(elsewhere) > 1:
        import torch

        # Some devices have no float64; what is logged was float32 or less anyway.
        stacked = torch.stack([value.detach().reshape(()).float() for value in elsewhere.values()])
        values: list[float] = stacked.tolist()  # pyright: ignore[reportUnknownVariableType]
        numbers = dict(zip(elsewhere, values, strict=True))
    return {name: numbers[name] if name in numbers else float(value) for name, value in metrics.items()}


def _is_elsewhere(value: Any) -> bool:
    device = getattr(value, "device", None)
    return device is not None and device.type != "cpu" and value.numel() == 1
