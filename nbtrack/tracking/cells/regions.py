"""What names of a notebook mean at one moment of its history: bindings, and regions of objects.

At any moment a name has a *binding* (who bound it) and, unless what it means cannot change, a
*region*: the objects that may be reachable from it, which it shares with other names. A region has
a state: who changed it last.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrack.tracking.cells.effects import Deferred, Scalar

STOPPED = "was stopped"
"""The deed of a statement that an error or interrupt ended: nobody can do the same again."""


class Node:
    """Something that a cell did to a name or region, on top of what was done before."""

    __slots__ = ("before", "cell", "deed", "name", "other")

    def __init__(
        self, cell: int, deed: str, name: str, before: "Node | None" = None, other: "Node | None" = None
    ) -> None:
        self.cell = cell
        """The index of the cell; -1: it only joins two others."""
        self.deed = deed
        self.name = name
        self.before = before
        """What still counts below it; None: it made all of that forgotten."""
        self.other = other


class Region:
    """Objects that may be reachable from one another."""

    __slots__ = ("parent", "state")

    def __init__(self, state: Node | None = None) -> None:
        self.parent: Region | None = None
        self.state = state


def found(region: Region) -> Region:
    """The region that it has become part of."""
    while region.parent is not None:
        if region.parent.parent is not None:
            region.parent = region.parent.parent
        region = region.parent
    return region


def joined(first: Region, second: Region) -> Region:
    """Two regions become one."""
    first, second = found(first), found(second)
    if first is second:
        return first
    second.parent = first
    if first.state is None:
        first.state = second.state
    elif second.state is not None and second.state is not first.state:
        first.state = Node(-1, "", "", first.state, second.state)
    return first


class History:
    """The state of a notebook between two cells, as far as text and facts tell."""

    def __init__(self) -> None:
        self.bindings: dict[str, Node] = {}
        self.regions: dict[str, Region | None] = {}
        self.kinds: dict[str, str] = {}
        self.carried: dict[str, frozenset[Deferred]] = {}
        """The functions and classes of the notebook whose code may run when a name is worked with."""
        self.exact: dict[str, Deferred] = {}
        """Names that mean just that function or class."""
        self.modules: dict[str, str] = {}
        self.texts: dict[str, Scalar] = {}
        self.shared: dict[Deferred, Region] = {}
        """What belongs to a function or class itself: attributes, defaults."""
        self.patches: dict[Deferred, frozenset[Deferred]] = {}
        """Functions that were put into a class later."""
        self.stars: list[Node] = []
        self.opaque: Node | None = None
        self.anything: Region | None = None
        """All objects from before an opaque cell."""
        self.files: dict[str, Node] = {}
        self.vague_files: Node | None = None
        self.aliases: Sequence[Sequence[str]] = ()
        self.random: dict[str, str] = {}
        self.outputs: dict[int, Node] = {}

    def region_of(self, name: str) -> Region | None:
        """The region of a name; None: what it means cannot change."""
        region = self.regions.get(name, _MISSING)
        if region is not _MISSING:
            return None if region is None else found(region)
        return None if self.anything is None else found(self.anything)

    def region_for_sure(self, name: str) -> Region | None:
        """The region of a name that means an object, made if need be."""
        region = self.region_of(name)
        if region is None and name not in self.regions and name in self.bindings:
            region = self.regions[name] = Region()
        return region


_MISSING: Region | None = Region()
