"""Where a run comes from: who ran it, which script or notebook, and on which code."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from nbtrack.core import settings, system_tags
from nbtrack.core.users import current_user
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import Store
from nbtrack.tracking import environment
from nbtrack.tracking.notebooks import interactive_shell, notebook_path, notebook_shell

__all__ = [
    "cell_tags",
    "context_tags",
    "interactive_shell",
    "resolve_tags",
    "source_tags",
    "tags_of_cell",
    "tags_of_end",
]

cell_tags: list[Callable[[Store | None], Mapping[str, str]]] = []
"""What says of a new run which cell begins it; kernels add theirs. They are given the store of the run,
or None where that is not known yet, and never fail."""

session_params: list[Callable[[], Mapping[str, str]]] = []
"""What says which params every run of this session has, until the run itself says otherwise; kernels add
theirs."""

_refused: set[str] = set()


def context_tags(store: Store) -> dict[str, str]:
    """The tags that a new run of this process starts with."""
    tags = source_tags() | environment.first_tags(store) | tags_of_cell(store)
    given = settings.setting("RUN_CONTEXT")
    return tags | _given_tags(given) if given else tags


def resolve_tags(tags: Mapping[str, Any] | None = None, ignore: Any = None) -> dict[str, Any]:
    """The tags of a run that is made by hand: who makes it and where, and the given ones over them.

    What other libraries call before `MlflowClient.create_run`. `ignore` is taken for MLflow's sake.
    """
    del ignore
    given = settings.setting("RUN_CONTEXT")
    own = source_tags() | tags_of_cell(None)
    return {**own, **(_given_tags(given) if given else {}), **(tags or {})}


def tags_of_cell(store: Store | None) -> dict[str, str]:
    """Which cell is being executed; nothing outside of one.

    Args:
        store: Where the run is that it begins: the cells before it are kept there as well. None: it is
            not known yet.
    """
    return {key: value for of_cell in cell_tags for key, value in of_cell(store).items()}


def params_of_session() -> dict[str, str]:
    """The params that papermill ran this notebook with; nothing elsewhere."""
    found: dict[str, str] = {}
    for of_session in session_params:
        try:
            found.update(of_session())
        except Exception as error:  # noqa: BLE001 - the run begins, with or without them
            warn_user(f"The parameters of this notebook are not recorded. {type(error).__name__}: {error}")
    return found


def tags_of_end(began_in: str) -> dict[str, str]:
    """What a run that ends now has to say of the cell that ends it: nothing if that is the one that began it.

    Args:
        began_in: The number of the cell that began it.
    """
    number = tags_of_cell(None).get(system_tags.CELL_NUMBER)
    return {} if number in (None, began_in) else {system_tags.LAST_CELL: str(number)}


def source_tags() -> dict[str, str]:
    """Who is at work, and in which script or notebook."""
    tags = {system_tags.USER: current_user()}
    shell = notebook_shell()
    if shell is not None:
        path = notebook_path(shell)
        name = os.path.basename(path) if path else None
        tags[system_tags.SOURCE_TYPE] = system_tags.SOURCE_TYPE_NOTEBOOK
        tags[system_tags.SOURCE_NAME] = name or "notebook"
        if name:
            tags[system_tags.NOTEBOOK] = name
    else:
        tags[system_tags.SOURCE_TYPE] = system_tags.SOURCE_TYPE_LOCAL
        tags[system_tags.SOURCE_NAME] = (sys.argv[0] if sys.argv else "") or "<console>"
    return tags


def _given_tags(text: str) -> dict[str, str]:
    """The tags of `NBTRACK_RUN_CONTEXT`; what is no JSON object is left out, with one warning."""
    import json

    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = error
    if isinstance(found, dict) and "" not in found:
        given = cast("dict[str, Any]", found)
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    if text not in _refused:
        _refused.add(text)
        what = f"is no JSON: {found}" if isinstance(found, Exception) else "has to be a JSON object of tags"
        shown = repr(text if len(text) <= 60 else text[:59] + "…")
        warn_user(
            f"{settings.variable_of('RUN_CONTEXT')} {what}. It is left out; it was {shown}. "
            'Give it like {"team": "nlp"}.'
        )
    return {}
