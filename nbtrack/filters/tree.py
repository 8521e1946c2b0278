"""A filter as a tree; `str(tree)` is a filter again, and parsing that gives the same tree."""

from dataclasses import dataclass, field

from nbtrack.filters.tokens import Part


@dataclass(frozen=True, slots=True)
class Name:
    """A field as written: `metrics.loss.min`."""

    steps: tuple[str, ...]
    quoted: tuple[bool, ...]
    """Which steps were in quotes; those never stand for a word of ours."""
    parts: tuple[Part, ...] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return ".".join(
            f"`{step.replace('`', '``')}`" if is_quoted else step
            for step, is_quoted in zip(self.steps, self.quoted, strict=True)
        )

    @property
    def column(self) -> int:
        """Where it begins, from 0."""
        return self.parts[0].column


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written: quoted text is a str, a number an int of 64 bits or a float."""

    value: str | int | float
    column: int = field(compare=False)

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return f"'{self.value.replace(chr(39), chr(39) * 2)}'"
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison."""

    name: Name
    operator: str
    """`= != < <= > >=`; IN, BETWEEN, LIKE, ILIKE, RLIKE, also with NOT; IS NULL, IS NOT NULL."""
    values: tuple[Literal, ...]
    """One; two for BETWEEN; at least one for IN; none for IS NULL."""
    operator_column: int = field(compare=False)

    def __str__(self) -> str:
        left = f"{self.name} {self.operator}"
        if self.operator.endswith("BETWEEN"):
            return f"{left} {self.values[0]} AND {self.values[1]}"
        if self.operator.endswith("IN"):
            return f"{left} ({', '.join(map(str, self.values))})"
        return f"{left} {self.values[0]}" if self.values else left


@dataclass(frozen=True, slots=True)
class And:
    """True where all parts are."""

    parts: "tuple[Tree, ...]"

    def __str__(self) -> str:
        return " AND ".join(map(_inner, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    """True where one part is."""

    parts: "tuple[Tree, ...]"

    def __str__(self) -> str:
        return " OR ".join(map(_inner, self.parts))


@dataclass(frozen=True, slots=True)
class Not:
    """True where `inner` is not, also where it lacks the field."""

    inner: "Tree"

    def __str__(self) -> str:
        return f"NOT {_inner(self.inner)}"


Tree = Clause | And | Or | Not


def clauses_of(tree: Tree) -> list[Clause]:
    """All comparisons, from left to right."""
    found: list[Clause] = []
    waiting: list[Tree] = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Clause):
            found.append(part)
        else:
            waiting.extend((part.inner,) if isinstance(part, Not) else reversed(part.parts))
    return found


def _inner(tree: Tree) -> str:
    return f"({tree})" if isinstance(tree, (And, Or)) else str(tree)
