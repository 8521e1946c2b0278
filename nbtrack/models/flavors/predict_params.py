"""Params of a signature as arguments of a framework's own `predict`."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbtrack.core.warn import warn_user


def accepted_params(
    method: Callable[..., Any], params: Mapping[str, Any] | None, model: str
) -> dict[str, Any]:
    """Those of the params that a method takes by name; a warning names the others, as MLflow's does.

    Args:
        method: What predicts.
        params: What the caller gave, with the signature's defaults.
        model: What the model is called in the warning.
    """
    if not params:
        return {}
    taken = inspect.signature(method).parameters
    if any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        return dict(params)
    unknown = [name for name in params if name not in taken]
    if unknown:
        warn_user(
            f"The {method.__name__}() of this {model} takes no {', '.join(map(repr, unknown))}: "
            f"{'it is' if len(unknown) == 1 else 'they are'} ignored."
        )
    return {name: value for name, value in params.items() if name in taken}
