"""Comparisons with the runs above and below a run: `parent.params.model = 'tree'`.

They need a look at other runs, so a condition that holds any is resolved before it is asked.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.queries import Both, Comparison, Condition, Either, Negation

_PARENT = ("tags", system_tags.PARENT_RUN_ID)

Find = Callable[[Any], Iterable[Mapping[str, Any]]]
"""The documents of the runs that match a condition, in the scope of the search."""


class Related(Condition):
    """True of a run whose parent, or of whose children one, meets `condition`.

    Attributes:
        relation: parent or children.
        condition: Asked of the other run.
    """

    def __init__(self, relation: str, condition: Condition) -> None:
        self.relation = relation
        self.condition = condition

    def __call__(self, value: Mapping[str, Any]) -> bool:
        """Refuse: one document does not tell."""
        raise InvalidValueError(
            f"A comparison with {self.relation} needs other runs, and cannot be used here. Use search_runs."
        )

    def describe(self) -> tuple[Any, ...] | None:
        """The relation and the condition's own parts."""
        inner = self.condition.describe()
        return None if inner is None else (self.relation, inner)


def resolve(condition: Any, find: Find) -> Any:
    """Replace each `Related` in a condition by one on the document itself.

    Args:
        condition: Any condition; None is none.
        find: Asked once for each comparison with a parent or with children.

    Returns:
        The condition itself if there is nothing to replace.
    """
    if isinstance(condition, Related):
        return _resolve(condition, find)
    if isinstance(condition, Negation):
        inner = resolve(condition.inner, find)
        return condition if inner is condition.inner else Negation(inner)
    if isinstance(condition, (Both, Either)):
        parts = [resolve(part, find) for part in condition.parts]
        is_same = all(new is old for new, old in zip(parts, condition.parts, strict=True))
        return condition if is_same else type(condition)(*parts)
    return condition


def _resolve(related: Related, find: Find) -> Condition:
    if related.relation == "parent":
        parents = {run["run_id"] for run in find(related.condition)}
        return Comparison("one_of", _PARENT, tuple(sorted(parents)))
    has_parent = Comparison("<>", _PARENT, None)
    children = find(Both(has_parent, related.condition))
    return Comparison("one_of", ("run_id",), tuple(sorted({run["tags"][_PARENT[1]] for run in children})))
