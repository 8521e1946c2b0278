"""What the names of a notebook mean while it lives: what only the running kernel knows."""

from collections.abc import Iterable, Mapping
from typing import Any

_VALUES = frozenset((int, float, complex, bool, str, bytes, type(None), type(Ellipsis), range))


def facts_of(
    namespace: Mapping[str, Any], names: Iterable[str]
) -> tuple[dict[str, str], tuple[tuple[str, ...], ...]]:
    """What the history keeps of the names when a cell has run; it runs no code of the user's.

    Args:
        namespace: What the notebook's names mean.
        names: Those that the cell had to do with: `effects_of(source).touched`.

    Returns:
        `ExecutedCell.kinds` of the names, and `ExecutedCell.aliases` of the whole namespace.
    """
    kinds = {name: "value" if type(namespace.get(name)) in _VALUES else "object" for name in names}
    groups: dict[int, list[str]] = {}
    for name, value in namespace.items():
        if type(value) not in _VALUES and not name.startswith("_"):
            groups.setdefault(id(value), []).append(name)
    return kinds, tuple(tuple(group) for group in groups.values() if len(group) > 1)
