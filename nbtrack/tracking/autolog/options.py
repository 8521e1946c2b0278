"""What the user wants autolog to record, of each framework."""

from collections.abc import Mapping
from typing import Any

COMMON: Mapping[str, Any] = {
    "log_input_examples": False,
    "log_model_signatures": True,
    "log_models": True,
    "log_datasets": True,
    "exclusive": False,
    "disable_for_unsupported_versions": False,
    "silent": False,
    "extra_tags": None,
    "registered_model_name": None,
}
"""The options that all frameworks have, with MLflow's defaults."""

_chosen: dict[str, Mapping[str, Any]] = {}
_own: set[str] = set()
"""The frameworks whose own `autolog` was called: what they were told counts, whatever the global one is."""


def of(framework: str) -> Mapping[str, Any] | None:
    """The options of a framework, those that were not given included; None: it is not recorded.

    Args:
        framework: As in `nbtrack.<framework>.autolog`.
    """
    return _chosen.get(framework)


def choose(framework: str, values: Mapping[str, Any], *, own: bool) -> None:
    """Record a framework from now on.

    Args:
        framework: Its name.
        values: All its options.
        own: Whether its own `autolog` was called, and not the one for all.
    """
    if own:
        _own.add(framework)
    _chosen[framework] = values


def clear(framework: str) -> None:
    """Record a framework no more."""
    _chosen.pop(framework, None)
    _own.discard(framework)


def is_own(framework: str) -> bool:
    """Whether the framework's own `autolog` chose its options."""
    return framework in _own
