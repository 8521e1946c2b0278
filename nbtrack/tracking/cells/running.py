"""What happens when code of the notebook runs: which names it needs, which objects may change."""

from dataclasses import dataclass, field

from nbtrack.core.cells import ExecutedCell
from nbtrack.tracking.cells import known_calls
from nbtrack.tracking.cells.effects import NO_SOURCES, Call, CellEffects, Deferred, FilePath, Source, Sources
from nbtrack.tracking.cells.regions import STOPPED, History, Node, Region, found
from nbtrack.tracking.cells.sources import bare, without_parameters

_DEEPEST = 12
_NOTHING: frozenset[Deferred] = frozenset()


@dataclass
class Dependences:
    """What one executed cell depended on."""

    needs: list[tuple[str, Node]] = field(default_factory=list[tuple[str, Node]])
    """What it found, with the name by which it found it."""
    unknown: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Names that it read and nobody had bound, with the line."""
    settings: tuple[str, ...] = ()
    opaque: str = ""
    source: str = ""
    """The part of the cell that counts."""


class RunStep:
    """One cell executed on a history."""

    def __init__(
        self,
        history: History,
        index: int,
        cell: ExecutedCell,
        effects: CellEffects,
        *,
        is_certain: bool,
        is_stopped: bool = False,
    ) -> None:
        self.history = history
        self.index = index
        self.cell = cell
        self.result = Dependences(source=cell.source)
        self.is_certain = is_certain
        self.is_stopped = is_stopped
        self.effects = effects
        self.changed: dict[str, None] = {}
        """Names whose regions the cell may change."""
        self.regions_changed: list[tuple[Region, str]] = []
        self.settings: list[str] = []
        self.opaque = effects.reason if effects.is_opaque else ""
        self.links: list[tuple[Sources, Sources]] = []
        self.may_write: dict[str, None] = {}
        self.needed: set[str] = set()
        self.draws: set[str] = set()
        self.files_read: set[FilePath] = set()
        self.files_written: set[FilePath] = set()
        self.sites: dict[int, Region] = {}
        self.held_sites: set[int] = set()
        """Objects made in the cell that may hold others: lists, instances."""
        self.seen: set[object] = set()

    def _node(self, deed: str, name: str, before: Node | None = None) -> Node:
        return Node(self.index, STOPPED if self.is_stopped else deed, name, before)

    def need(self, name: str, *, line: int = 0, is_soft: bool = True) -> None:
        """It finds a name."""
        if name in self.needed:
            return
        self.needed.add(name)
        history = self.history
        needs = self.result.needs
        binding = history.bindings.get(name)
        if binding is not None:
            needs.append((name, binding))
        elif history.opaque is not None:
            needs.append((name, history.opaque))
        elif not history.stars and not is_soft:
            self.result.unknown.append((name, line))
        if history.stars:
            needs.extend(
                (name, star) for star in history.stars if binding is None or star.cell > binding.cell
            )
        region = history.region_of(name)
        if region is not None and region.state is not None:
            needs.append((name, region.state))

    def _all_may_change(self) -> None:
        for name in self.effects.reads:
            self._change(name)

    # Functions

    def _values_in_cell(self, name: str) -> Sources:
        effects = self.effects
        return effects.flows.get(name, NO_SOURCES) | effects.held.get(name, NO_SOURCES)

    def _used(self, source: Source, bound: frozenset[str]) -> None:
        """The code of a value may run."""
        if isinstance(source, Deferred):
            self._runs(source, bound)
        elif isinstance(source, str):
            name = bare(source)
            if name.startswith(":"):
                return
            carried = self._carried_by(source) if source.endswith("()") else self.history.carried.get(name)
            if carried:
                for function in carried:
                    self._runs(function, bound)
                    if function.is_class and _changes_unseen(function):
                        self._change(name)

    def _runs(self, function: Deferred, bound: frozenset[str]) -> None:
        if id(function) in self.seen:
            return
        self.seen.add(id(function))
        self.opaque = self.opaque or function.opaque
        outside = function.outside
        self.draws |= outside.draws | outside.seeds
        self.files_read |= outside.files_read
        self.files_written |= outside.files_written
        self.settings.extend(outside.settings)
        for name in function.reads:
            if name in bound:
                for source in self._values_in_cell(name):
                    self._used(source, bound)
            else:
                self.need(name)
                self._used(name, bound)
        for source in (*function.holds, *self.history.patches.get(function, ())):
            self._used(source, bound)
        if (state := self._shared(function).state) is not None:
            self.result.needs.append((function.name, state))
        for name in function.mutates:
            self._change_in(name, bound)
        for name in function.consumes:
            if self.history.kinds.get(name, "iterator") == "iterator" or name in bound:
                self._change_in(name, bound)
        for name in function.writes:
            self.may_write[name] = None
        for name, sources in function.flows.items():
            if not name.startswith(":"):
                self.links.append((frozenset((name,)), without_parameters(sources)))
        for call in function.calls:
            callee = self._in_cell(without_parameters(call.callee), bound)
            arguments = tuple(
                (key, self._in_cell(without_parameters(each), bound)) for key, each in call.arguments
            )
            self._settle(call, callee, arguments, 1)

    def _in_cell(self, sources: Sources, bound: frozenset[str]) -> Sources:
        """What names of a function mean in this cell."""
        if not any(isinstance(source, str) and bare(source) in bound for source in sources):
            return sources
        result: set[Source] = set()
        for source in sources:
            if isinstance(source, str) and bare(source) in bound:
                inner = self._values_in_cell(bare(source))
                result |= {
                    f"{bare(each)}()" if isinstance(each, str) and source.endswith("()") else each
                    for each in inner
                }
            else:
                result.add(source)
        return frozenset(result)

    def _carried_by(self, source: Source, depth: int = 0) -> frozenset[Deferred]:
        """The functions whose code may run when a value from there is worked with."""
        if isinstance(source, Deferred):
            result = frozenset((source,))
            for each in source.holds:
                result |= self._carried_by(each, depth + 1) if depth < _DEEPEST else frozenset()
            return result
        if not isinstance(source, str):
            return frozenset()
        name = bare(source)
        carried = self.history.carried.get(name, _NOTHING)
        if not source.endswith("()") or not carried or depth > _DEEPEST:
            return carried
        result: frozenset[Deferred] = frozenset()
        for function in carried:
            if function.is_class or function.is_lazy:
                result |= {function}
            for each in function.returns:
                if not (isinstance(each, str) and bare(each).startswith(":")):
                    result |= self._carried_by(each, depth + 1)
        return result

    # What changes

    def _change_all(self, sources: Sources) -> None:
        for source in sources:
            if isinstance(source, str):
                self._change(source if source.endswith("()") else bare(source))
            elif isinstance(source, Deferred) and source.is_shared:
                self.regions_changed.append((self._shared(source), source.name))

    def _change(self, name: str) -> None:
        """The object of a name from before may change."""
        if name.endswith("()"):
            for region in self._results(name, 0):
                self.regions_changed.append((region, bare(name)))
            return
        if bare(name).startswith(":"):
            return
        self.changed[bare(name)] = None
        itself = self.history.exact.get(bare(name))
        if itself is not None and itself.is_class:
            # Instances look there for what they have not themselves.
            self.regions_changed.append((self._shared(itself), itself.name))

    def _change_in(self, name: str, bound: frozenset[str]) -> None:
        if name not in bound:
            self._change(name)
            return
        for source in self._values_in_cell(name):
            if isinstance(source, str):
                self._change(source if source.endswith("()") else bare(source))

    def _results(self, source: Source, depth: int) -> list[Region]:
        """The regions that the result of a call may be in, beside those of its arguments."""
        regions: list[Region] = []
        if depth > _DEEPEST or not isinstance(source, str):
            return regions
        for function in self.history.carried.get(bare(source), ()):
            if function.is_shared:
                regions.append(self._shared(function))
            for each in function.holds:
                if isinstance(each, str) and (region := self.history.region_of(bare(each))) is not None:
                    regions.append(region)
            for each in function.returns:
                if isinstance(each, str) and not bare(each).startswith(":"):
                    if each.endswith("()"):
                        regions.extend(self._results(each, depth + 1))
                    elif (region := self.history.region_of(bare(each))) is not None:
                        regions.append(region)
        return regions

    def _shared(self, function: Deferred) -> Region:
        region = self.history.shared.get(function)
        if region is None:
            region = self.history.shared[function] = Region()
        return found(region)

    def _settle(
        self, call: Call, callee: Sources, arguments: tuple[tuple[int | str, Sources], ...], depth: int
    ) -> None:
        """Judge a call by what is called."""
        raise NotImplementedError


def _changes_unseen(function: Deferred) -> bool:
    """Whether instances may change when they are only looked at."""
    return any(
        changes_itself(function, name)
        for name in function.methods
        if name in known_calls.HARMLESS_METHODS
        or (name.startswith("__") and name not in ("__init__", "__new__"))
    )


def changes_itself(function: Deferred, name: str) -> bool:
    """Whether a method of a class may change its instance."""
    for method in function.methods.get(name, ()):
        own = f":{method.parameters[0]}" if method.parameters else ""
        if own[1:] in method.changed_parameters:
            return True
        for call in method.calls:
            if call.path.rpartition(".")[2] in known_calls.HARMLESS_METHODS:
                continue
            given = call.callee.union(*(sources for _, sources in call.arguments))
            if any(isinstance(source, str) and bare(source) == own for source in given):
                return True
    return False
