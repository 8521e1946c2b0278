"""Calls: what they may change, where their result is from."""

import ast
from collections.abc import Iterable

from nbtrack.tracking.cells import known_calls
from nbtrack.tracking.cells.effects import NO_SOURCES, Call, Deferred, Source, Sources
from nbtrack.tracking.cells.file_paths import OutsideWalk
from nbtrack.tracking.cells.known_calls import UNKNOWN, KnownFunction
from nbtrack.tracking.cells.notebook_syntax import MAGIC_CALL
from nbtrack.tracking.cells.sources import argument_for, as_from, bare, copied, derived, uncopied

_NAMESPACES = frozenset({"globals", "locals", "vars"})
_RUNNERS = frozenset({"exec", "eval", "execfile"})


class CallWalk(OutsideWalk):
    """What calls do."""

    def call(self, node: ast.Call) -> Sources:
        """A call."""
        function = node.func
        path: list[str] = []
        root = function
        while type(root) is ast.Attribute:
            path.append(root.attr)
            root = root.value
        path.reverse()
        if type(root) is ast.Name:
            name = root.id
            if name == MAGIC_CALL:
                return self.magic(node)
            if not path and name in _RUNNERS and name not in self.certain:
                self.running_text(node, name)
            elif not path and name in _NAMESPACES and name not in self.certain:
                return self.namespace_call(node, name)
        if path:
            # The values on the way may have been made in the same expression: `a[0].b.append(x)`.
            callee = self.value(root)
            if type(root) is not ast.Name:
                callee = derived(callee)
        else:
            callee = self.value(root)
        if callee:
            self.use(callee)
        arguments = self.arguments(node)
        known, dotted = self.known(root, path, callee)
        what: Sources = NO_SOURCES
        for _, sources in arguments:
            what = what | sources if what else sources
        if what:
            self.use(what)
        self.outside_of(node, dotted or ".".join(path), known, name=path[-1] if path else dotted)
        site: Source = id(node)
        if dotted is not None:
            return self.known_call(node, known, arguments, what, callee, site)
        if path:
            return self.method_call(node, path, callee, arguments, what, site)
        return self.plain_call(node, callee, arguments, what, site)

    def arguments(self, node: ast.Call) -> list[tuple[int | str, Sources]]:
        """Walk over the arguments; those that may be objects, with their places."""
        found: list[tuple[int | str, Sources]] = []
        index = 0
        for argument in node.args:
            if type(argument) is ast.Starred:
                sources = self.value(argument.value)
                self.consume(sources)
                index = -1
                sources = derived(sources)
            else:
                sources = self.value(argument)
            if sources:
                found.append((index, sources))
            index = -1 if index == -1 else index + 1
        for keyword in node.keywords:
            sources = self.value(keyword.value)
            if sources:
                found.append((keyword.arg if keyword.arg is not None else -1, sources))
        return found

    def known(self, root: ast.expr, path: list[str], callee: Sources) -> tuple[KnownFunction, str | None]:
        """What is known of a called function by its whole name, and that name; None: nothing."""
        if type(root) is not ast.Name:
            return UNKNOWN, None
        name = root.id
        module = self.modules.get(name)
        if module is None and name not in self.env:
            if not path and name in known_calls.BUILTINS:
                known = known_calls.builtin(name)
                return known, name if known is not UNKNOWN else None
            module = known_calls.usual_module(name)
        if module is None:
            return UNKNOWN, None
        dotted = ".".join((module, *path))
        return known_calls.function(dotted), dotted

    def known_call(
        self,
        node: ast.Call,
        known: KnownFunction,
        arguments: list[tuple[int | str, Sources]],
        what: Sources,
        callee: Sources,
        site: Source,
    ) -> Sources:
        """A call of something of a library."""
        line = node.lineno
        if known.changes_first:
            first = next((sources for place, sources in arguments if place in (0, -1)), NO_SOURCES)
            self.mutate(first, line)
            self.store(first, what)
        elif not known.is_harmless:
            self.mutate(what, line)
        for place, sources in arguments:
            if place in ("out", "ax"):
                self.mutate(sources, line)
                if place == "ax":
                    what = what - sources
        if what:
            self.consume(what)
        if known.is_fresh:
            return frozenset((site,))
        if known.copies:
            return copied(what) | {site}
        what = uncopied(what)
        name = node.func.attr if type(node.func) is ast.Attribute else getattr(node.func, "id", "")
        is_class = name[:1].isupper()
        return (what if is_class or not known.is_harmless else derived(what)) | {site}

    def method_call(
        self,
        node: ast.Call,
        path: list[str],
        callee: Sources,
        arguments: list[tuple[int | str, Sources]],
        what: Sources,
        site: Source,
    ) -> Sources:
        """A call of a method of an object."""
        method = path[-1]
        if not callee and not what:
            return frozenset((site,))
        line = node.lineno
        is_in_place = any(
            keyword.arg == "inplace"
            and not (type(keyword.value) is ast.Constant and keyword.value.value is False)
            for keyword in node.keywords
        )
        if known_calls.is_harmless(path):
            self.consume(what)
            if is_in_place:
                self.mutate(callee, line)
            ax = next((sources for place, sources in arguments if place == "ax"), NO_SOURCES)
            if ax:
                self.mutate(ax, line)
                what = what - ax
            if any(
                place != "ax" and any(type(each) is not int for each in sources)
                for place, sources in arguments
            ) or any(isinstance(source, Deferred) for source in callee):
                self.unsettled(callee, path, arguments)
            if method in known_calls.FRESH_METHODS:
                return frozenset((site,))
            if method == "copy":
                return copied(callee) | {site}
            return derived(callee) | derived(what) | {site}
        self.consume(what)
        self.unsettled(callee, path, arguments)
        if not any(type(source) is not int for source in callee):
            # An object that this code has made by itself.
            if method in known_calls.RECEIVER_METHODS:
                self.store(callee, what)
            else:
                self.mutate(what, line)
                self.store(callee, what)
            return derived(callee) | uncopied(what) | {site}
        self.store_in_env(callee, what)
        return derived(callee) | uncopied(what) | {site}

    def plain_call(
        self,
        node: ast.Call,
        callee: Sources,
        arguments: list[tuple[int | str, Sources]],
        what: Sources,
        site: Source,
    ) -> Sources:
        """A call of something of the notebook, or of nobody knows what."""
        self.consume(what)
        self.unsettled(callee, [], arguments)
        if any(type(source) is int for source in callee) or not callee:
            self.mutate(what, node.lineno)
        self.store_in_env(what, what)
        result: set[Source] = {site}
        for source in callee:
            if isinstance(source, int):
                result.add(source)
            elif isinstance(source, Deferred):
                result.update(self.results_of(source, arguments))
            else:
                result.add(source if source.endswith("()") else f"{source}()")
        if not all(isinstance(source, Deferred) and not source.is_class for source in callee):
            result |= uncopied(what)
        return frozenset(result)

    def results_of(self, function: Deferred, arguments: list[tuple[int | str, Sources]]) -> Iterable[Source]:
        """Where the result of a function of this code comes from."""
        if function.is_class or function.is_lazy:
            yield function
            for _, sources in arguments:
                yield from sources
            return
        for source in function.returns:
            if isinstance(source, str):
                name = bare(source)
                if name.startswith(":"):
                    for sources in argument_for(function, name[1:], arguments):
                        yield from as_from(source, sources)
                elif name in self.env:
                    yield from as_from(source, self.env[name])
                    if name not in self.certain:
                        yield source
                else:
                    yield source
            elif isinstance(source, Deferred):
                yield source

    def unsettled(self, callee: Sources, path: list[str], arguments: list[tuple[int | str, Sources]]) -> None:
        """A call is to be judged when it is known what is called."""
        if any(type(source) is not int for source in callee) or arguments:
            self.calls.append(Call(callee, ".".join(path), tuple(arguments), frozenset(self.certain)))

    def running_text(self, node: ast.Call, name: str) -> None:
        """`exec` and `eval`."""
        self.opaque = self.opaque or name

    def namespace_call(self, node: ast.Call, name: str) -> Sources:
        """`globals()` and the like, of which nothing is known but that somebody has them."""
        self.arguments(node)
        if name == "vars" and node.args:
            return derived(self.used(node.args[0]))
        self.opaque = self.opaque or f"{name}()"
        return NO_SOURCES

    def magic(self, node: ast.Call) -> Sources:
        """A magic of IPython; cells know them, functions have none."""
        raise NotImplementedError
