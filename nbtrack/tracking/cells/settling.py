"""Calls, judged by what is called when the cell runs."""

from collections.abc import Iterable

from nbtrack.tracking.cells import known_calls
from nbtrack.tracking.cells.effects import NO_SOURCES, Call, Deferred, Source, Sources
from nbtrack.tracking.cells.facts import DATA
from nbtrack.tracking.cells.running import RunStep, changes_itself
from nbtrack.tracking.cells.sources import argument_for, as_from, bare, themselves

_DEEPEST = 12


class SettleStep(RunStep):
    """What its calls do."""

    def _settle(
        self, call: Call, callee: Sources, arguments: tuple[tuple[int | str, Sources], ...], depth: int
    ) -> None:
        """Judge a call by what is called."""
        what: Sources = NO_SOURCES
        for _, sources in arguments:
            what = what | sources
        history = self.history
        if not call.path:
            for source in callee:
                function = source if isinstance(source, Deferred) else self._exactly(source)
                if function is not None:
                    self._apply(function, arguments, depth, skipped=int(function.is_class))
                    if function.is_class and function.is_shared and changes_itself(function, "__init__"):
                        self.regions_changed.append((self._shared(function), function.name))
                elif isinstance(source, str):
                    module = history.modules.get(source)
                    if module is not None:
                        self._library(known_calls.function(module), what, arguments)
                    else:
                        self._change_all(what)
                        self._change(source)
                        self.links.append((what, what))
            return
        method = call.path.rpartition(".")[2]
        only = next(iter(callee)) if len(callee) == 1 else None
        if (
            isinstance(only, str)
            and (module := history.modules.get(only)) is not None
            and history.kinds.get(only, "module") not in ("object",)
        ):
            self._library(known_calls.function(f"{module}.{call.path}"), what, arguments)
            return
        is_known = False
        if "." not in call.path:
            for source in callee:
                for function in self._carried_by(source):
                    for each in function.methods.get(method, ()):
                        is_known = True
                        self._apply(each, arguments, depth, skipped=1, receiver=frozenset((source,)))
        if is_known or known_calls.is_harmless(call.path.split(".")):
            return
        if method in known_calls.FITTING_METHODS:
            # An estimator leaves the data that it learns from as it is; a trainer trains what it is given.
            callee, what = (
                frozenset(source for source in sources if not self._is_data(source))
                for sources in (callee, what)
            )
            self._change_all(callee | what)
            self.links += [(callee, what), (what, what)]
            return
        self._change_all(themselves(callee) if method in known_calls.OUTER_METHODS else callee)
        self.links.append((callee, what))
        if method not in known_calls.RECEIVER_METHODS:
            self._change_all(what)
            self.links.append((what, what))

    def _is_data(self, source: Source) -> bool:
        return isinstance(source, str) and self.history.kinds.get(bare(source)) in DATA

    def _exactly(self, source: Source) -> Deferred | None:
        return self.history.exact.get(source) if isinstance(source, str) else None

    def _library(
        self, known: known_calls.KnownFunction, what: Sources, arguments: Iterable[tuple[int | str, Sources]]
    ) -> None:
        self.draws |= known.draws | known.seeds
        if known.draws_unless_seeded:
            self.draws.add("numpy")
        if known.is_setting:
            self.settings.append("what a library does")
        if known.changes_first:
            self._change_all(next((sources for place, sources in arguments if place in (0, -1)), NO_SOURCES))
        elif not known.is_harmless:
            self._change_all(what)
            self.links.append((what, what))

    def _apply(
        self,
        function: Deferred,
        arguments: tuple[tuple[int | str, Sources], ...],
        depth: int,
        *,
        skipped: int = 0,
        receiver: Sources = NO_SOURCES,
    ) -> None:
        """A function of the notebook is called."""
        if depth > _DEEPEST:
            for _, sources in arguments:
                self._change_all(sources)
            return
        first = function.parameters[0] if function.parameters and skipped else None

        def given(sources: Sources) -> Sources:
            if not any(isinstance(source, str) and bare(source).startswith(":") for source in sources):
                return sources
            result: set[Source] = set()
            for source in sources:
                if not isinstance(source, str) or not bare(source).startswith(":"):
                    result.add(source)
                elif bare(source)[1:] == first:
                    result |= as_from(source, receiver)
                else:
                    for each in argument_for(function, bare(source)[1:], arguments, skipped=skipped):
                        result |= as_from(source, each)
            return frozenset(result)

        for name in function.changed_parameters:
            self._change_all(given(frozenset((f":{name}",))))
        for name in function.consumed_parameters:
            for source in given(frozenset((f":{name}",))):
                if isinstance(source, str) and self.history.kinds.get(bare(source), "iterator") == "iterator":
                    self._change(bare(source))
        for name, sources in function.flows.items():
            into = given(frozenset((name,)))
            if into and sources:
                self.links.append((into, given(sources)))
        for call in function.calls:
            callee = given(call.callee)
            inner = tuple((key, given(each)) for key, each in call.arguments)
            if callee != call.callee or inner != call.arguments:
                mark = (function, id(call), callee, inner)
                if mark not in self.seen:
                    self.seen.add(mark)
                    self._settle(call, callee, inner, depth + 1)
