"""Goes through the executed cells in their order and keeps what each of them depended on."""

from collections.abc import Sequence
from functools import lru_cache
from operator import is_
from threading import Lock

from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.tracking.cells.effects import NO_SOURCES, Deferred, Source, Sources
from nbtrack.tracking.cells.facts import ALIASED
from nbtrack.tracking.cells.notebook_syntax import python_of
from nbtrack.tracking.cells.outside_history import OutsideStep
from nbtrack.tracking.cells.reading import effects_of
from nbtrack.tracking.cells.regions import History, Region, found, joined
from nbtrack.tracking.cells.running import Dependences
from nbtrack.tracking.cells.sources import bare

_FIXED = frozenset(("value", "absent"))
_PLAIN = frozenset(("value", "absent", *ALIASED))
"""Kinds that carry no functions of the notebook."""
_NOTHING: frozenset[Deferred] = frozenset()


class CellStep(OutsideStep):
    """One cell executed on a history."""

    def run(self) -> Dependences:
        """Find what the cell depends on."""
        effects, history = self.effects, self.history
        for name, line in effects.reads.items():
            self.need(name, line=line, is_soft=name in effects.soft_reads)
        for name in effects.builtins:
            if name in history.bindings:
                self.need(name)
                self._all_may_change()
        self.draws |= effects.outside.draws
        self.files_read |= effects.outside.files_read
        self.files_written |= effects.outside.files_written
        self.settings.extend(effects.outside.settings)
        for source, bound in effects.uses.items():
            self._used(source, bound)
        for call in effects.calls:
            self._settle(call, call.callee, call.arguments, 0)
        for name in effects.mutates:
            self._change(name)
        for name in effects.consumes:
            if history.kinds.get(name, "iterator") == "iterator":
                self._change(name)
        for name in effects.deletes:
            self.need(name)
        self._find_outside()
        self._find_changed()
        self.result.settings = tuple(dict.fromkeys(self.settings))
        self.result.opaque = self.opaque
        return self.result

    def leave(self) -> None:
        """Take what the cell did into the history, once it has found what it needs."""
        self._leave_outside()
        self._bind()
        if self.opaque:
            self._leave_anything()
        self._aliases()

    def _find_changed(self) -> None:
        """What is changed is needed as it was."""
        history, needs = self.history, self.result.needs
        for name in self.changed:
            if name not in self.needed and (region := history.region_of(name)) and region.state:
                needs.append((name, region.state))
        for region, name in self.regions_changed:
            if (state := found(region).state) is not None:
                needs.append((name, state))

    # What it leaves

    def _region_of(self, source: Source, kind: str | None) -> list[Region]:
        history = self.history
        if isinstance(source, int):
            if kind in ALIASED and source not in self.held_sites:
                return []  # arrays that one call gave, of which the kernel tells whether they share memory
            region = self.sites.get(source)
            if region is None:
                region = self.sites[source] = Region()
            return [found(region)]
        if isinstance(source, Deferred):
            regions = [self._shared(source)] if source.is_shared else []
            for each in source.holds:
                if not isinstance(each, int):
                    regions += self._region_of(each, None)
            return regions
        if source.endswith("()"):
            return self._results(source, 0)
        name = bare(source)
        if kind in ALIASED and history.kinds.get(name) in ALIASED:
            return []
        region = history.region_of(name)
        if region is None:
            return []
        function = history.exact.get(name)
        return [] if function is not None and region.state is None and not function.is_shared else [region]

    def _region_of_function(self, sources: Sources) -> Region | None:
        """The region of a name that means a function or class; None: nothing about it can change."""
        region: Region | None = None
        for source in sources:
            for each in (
                [self._shared(source)] if isinstance(source, Deferred) else self._region_of(source, None)
            ):
                region = each if region is None else joined(region, each)
        return region

    def _bind(self) -> None:
        history, effects = self.history, self.effects
        kinds = self.cell.kinds
        before = history.regions
        fresh: dict[str, Region | None] = {}
        may = effects.may_writes
        certain = effects.writes if self.is_certain else frozenset[str]()
        bound = dict.fromkeys((*effects.flows.keys(), *self.may_write))
        written = effects.writes | may | self.may_write.keys()
        self.held_sites = {
            source
            for name, sources in effects.flows.items()
            if kinds.get(name) not in _PLAIN
            for source in sources
            if isinstance(source, int)
        }
        # Regions: all of them as before the cell, then the names.
        for name in bound:
            sources = effects.flows.get(name, NO_SOURCES)
            if name not in written:
                self.links.append((frozenset((name,)), sources))
                continue
            kind = kinds.get(name)
            if kind in ("function", "class"):
                fresh[name] = self._region_of_function(sources)
                continue
            if kind is not None and (kind in _FIXED or kind.startswith("module:")):
                fresh[name] = None
                continue
            if kind is None and not sources:
                # Nothing that can change goes into it, except where it is bound elsewhere as well.
                fresh[name] = history.region_of(name) if name not in certain else None
                continue
            region: Region | None = None
            for source in sources:
                for each in self._region_of(source, kind):
                    region = each if region is None else joined(region, each)
            if name not in certain and (old := history.region_of(name)) is not None:
                region = old if region is None else joined(region, old)
            fresh[name] = Region() if region is None else found(region)
        for into, what in self.links:
            self._link(into, what)
        for name in self.changed:
            region = history.region_for_sure(name)
            if region is not None:
                self.regions_changed.append((region, name))
        done: set[int] = set()
        for region, name in self.regions_changed:
            region = found(region)
            if id(region) in done:
                continue
            done.add(id(region))
            region.state = self._node("changes", name, region.state)
        carried = {
            name: self._carries(effects.flows.get(name, NO_SOURCES), kinds.get(name)) for name in bound
        }
        before.update(fresh)
        for name in written:
            self._bound(name, name in certain, carried.get(name, _NOTHING))
        for name, functions in carried.items():
            if name not in written and functions:
                history.carried[name] = history.carried.get(name, _NOTHING) | functions
        for name in effects.deletes:
            deed = self._node("deletes", name, None if self.is_certain else history.bindings.get(name))
            history.bindings[name] = deed
            history.regions[name] = None
            history.carried.pop(name, None)
            history.exact.pop(name, None)
            history.modules.pop(name, None)
        for module in effects.star_imports:
            history.stars.append(self._node(f"imports all of {module}", "*"))
        for name, kind in kinds.items():
            if ":" not in name:
                history.kinds[name] = kind
        for name in written:
            if name not in kinds:
                history.kinds.pop(name, None)
            if name in effects.literals and name in certain:
                history.texts[name] = effects.literals[name]
            else:
                history.texts.pop(name, None)

    def _bound(self, name: str, is_certain: bool, carried: frozenset[Deferred]) -> None:
        history, effects = self.history, self.effects
        module = effects.imports.get(name)
        deed = "imports" if module is not None else "defines" if is_certain else "may define"
        is_kept = not is_certain or (module is not None and "." in module and module.startswith(f"{name}."))
        history.bindings[name] = self._node(deed, name, history.bindings.get(name) if is_kept else None)
        old = history.carried.get(name, _NOTHING) if not is_certain else _NOTHING
        if carried or old:
            history.carried[name] = carried | old
        else:
            history.carried.pop(name, None)
        sources = effects.flows.get(name, NO_SOURCES)
        only = next(iter(sources)) if len(sources) == 1 else None
        if is_certain and isinstance(only, Deferred):
            history.exact[name] = only
        else:
            history.exact.pop(name, None)
        if module is not None:
            history.modules[name] = module if module.partition(".")[0] != name else name
        else:
            history.modules.pop(name, None)

    def _carries(self, sources: Sources, kind: str | None) -> frozenset[Deferred]:
        if kind is not None and (kind in _PLAIN or kind.startswith("module:")):
            return _NOTHING
        result = _NOTHING
        for source in sources:
            result |= self._carried_by(source)
        return result

    def _link(self, into: Sources, what: Sources) -> None:
        """What is in one may be in the other from now on."""
        history = self.history
        region: Region | None = None
        functions = _NOTHING
        kind: str | None = None
        for source in into:
            own: Region | None = None
            if isinstance(source, str) and not source.endswith("()") and into is not what:
                own = history.region_of(bare(source))  # also of a function or class, which has attributes
            regions = self._region_of(source, None) if own is None else [own]
            for each in regions:
                region = each if region is None else joined(region, each)
            kind = history.kinds.get(bare(source)) if isinstance(source, str) and len(into) == 1 else None
        if region is None:
            return
        for source in what:
            functions |= self._carried_by(source)
            for each in self._region_of(source, kind):
                region = joined(region, each)
        if functions:
            for source in into:
                if isinstance(source, str) and not source.endswith("()"):
                    name = bare(source)
                    if history.kinds.get(name) not in _PLAIN:
                        history.carried[name] = history.carried.get(name, _NOTHING) | functions
                    patched = history.exact.get(name)
                    if patched is not None:
                        others = functions - {patched}
                        history.patches[patched] = history.patches.get(patched, _NOTHING) | others

    def _aliases(self) -> None:
        """What the kernel saw: names that mean one object."""
        history, groups = self.history, self.cell.aliases
        if not groups or groups == history.aliases:
            return
        history.aliases = groups
        for group in groups:
            region: Region | None = None
            for name in group:
                each = history.region_for_sure(name)
                if each is not None:
                    region = each if region is None else joined(region, each)


def dependences(cells: Sequence[ExecutedCell], target: int) -> list[Dependences]:
    """What each of the cells up to the target depended on, in their order; `target` is an index."""
    with _lock:
        if not (_remembered and _remembered[0].goes_on_with(cells, target)):
            _remembered[:] = [_Remembered()]
        history = _remembered.pop()  # an error half-way would leave a history that is neither old nor new
        for index in range(len(history.cells), target):
            history.take(cells[index])
        _remembered.append(history)
        return [*history.found, history.look_at(cells[target])]


class _Remembered:
    """The history of a session that is going on: the next slice begins where the last one ended."""

    def __init__(self) -> None:
        self.history = History()
        self.cells: list[ExecutedCell] = []
        self.found: list[Dependences] = []

    def goes_on_with(self, cells: Sequence[ExecutedCell], target: int) -> bool:
        """Whether the cells before the target are those that it has, and perhaps more."""
        return len(self.cells) <= target and all(map(is_, self.cells, cells))

    def take(self, cell: ExecutedCell) -> None:
        """Go on by a cell."""
        index = len(self.cells)
        is_whole = cell.status not in (CellStatus.FAILED, CellStatus.INTERRUPTED)
        if is_whole or cell.stopped_at is None:
            is_certain = cell.status in (CellStatus.OK, CellStatus.RUNNING)
            step = CellStep(self.history, index, cell, effects_of(cell.source), is_certain=is_certain)
            result = step.run()
            step.leave()
        else:
            done, stopped = parts_of(cell.source, cell.stopped_at)
            step = CellStep(self.history, index, cell, effects_of(done), is_certain=False)
            result = step.run()
            result.source = done
            step.leave()
            rest = CellStep(self.history, index, cell, effects_of(stopped), is_certain=False, is_stopped=True)
            stopped_in = rest.run().opaque
            result.opaque = result.opaque or stopped_in
            rest.leave()
        self.cells.append(cell)
        self.found.append(result)

    def look_at(self, cell: ExecutedCell) -> Dependences:
        """What a cell depends on that is not taken into the history, as it may not have ended."""
        return CellStep(self.history, len(self.cells), cell, effects_of(cell.source), is_certain=True).run()


_remembered: list[_Remembered] = []
_lock = Lock()


@lru_cache(maxsize=1024)
def parts_of(source: str, stopped_at: int) -> tuple[str, str]:
    """What a cell that was stopped did before, and the statements of the line that stopped."""
    tree = python_of(source).tree
    if tree is None and stopped_at == 1:
        return "", ""  # it has a mistake in its syntax, and nothing of it ran
    lines = source.split("\n")
    end = stopped_at
    if tree is not None:
        ends = [node.end_lineno or node.lineno for node in tree.body if node.lineno == stopped_at]
        end = max(ends, default=stopped_at)
    return "\n".join(lines[: max(stopped_at - 1, 0)]), "\n".join(lines[max(stopped_at - 1, 0) : end])
