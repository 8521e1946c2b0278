"""Functions and classes: what their definition does, and the effects of their bodies for later."""

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from nbtrack.tracking.cells.effects import NO_SOURCES, Deferred, Outside, Source, Sources
from nbtrack.tracking.cells.magic_walk import MagicWalk
from nbtrack.tracking.cells.sources import bare, union

_MOST_REPEATS = 200


class CodeWalk(MagicWalk):
    """What statements do."""

    statements: ClassVar[dict[type, Callable[[Any, Any], None]]] = {}
    """The function that walks over each kind of statement."""

    def run(self, body: Iterable[ast.stmt]) -> None:
        """Walk over statements."""
        statements = self.statements
        for statement in body:
            statements[type(statement)](self, statement)

    # Branches

    def branch(self, body: Sequence[ast.stmt]) -> set[str]:
        """Walk over statements that may not be executed; the names that are bound in any case after them."""
        before = self.certain
        self.certain = set(before)
        self.branches += 1
        self.run(body)
        self.branches -= 1
        after, self.certain = self.certain, before
        return after

    def loop(self, begin: Callable[[], None], body: Sequence[ast.stmt]) -> None:
        """Walk over a loop; again, where a later round finds other objects than the first."""
        outer, self.loaded = self.loaded, {}
        before = self.certain
        self.certain = set(before)
        self.branches += 1
        for _ in range(4):
            self.certain = set(before)
            begin()
            self.run(body)
            loaded = self.loaded
            self.repeats += 1
            if self.repeats > _MOST_REPEATS:
                self.opaque = self.opaque or "loops too deep to be read"
                break
            if all(self.env.get(name, sources) <= sources for name, sources in loaded.items()):
                break
        self.branches -= 1
        self.certain = before
        if outer is not None:
            for name, sources in self.loaded.items():
                outer[name] = outer.get(name, NO_SOURCES) | sources
        self.loaded = outer

    # Functions

    def define(self, node: Any) -> Sources:
        """A function, a lambda or a class: what its definition itself does, and its body for later."""
        defaults: Sources = NO_SOURCES
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None and type(default) is not ast.Constant:
                defaults |= self.value(default)
        if type(node) is not ast.Lambda:
            for argument in (
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                arguments.vararg,
                arguments.kwarg,
            ):
                if argument is not None and argument.annotation is not None:
                    self.annotation(argument.annotation)
            if node.returns is not None:
                self.annotation(node.returns)
        if self.is_function:
            self.has_inner = True
            self.waiting.append((node, defaults))
            return defaults | {id(node)}
        return frozenset((self.body_of(node, defaults),))

    def annotation(self, node: ast.expr) -> None:
        """The annotation of a parameter or name."""
        if type(node) is not ast.Constant:
            self.value(node)

    def body_of(self, node: Any, defaults: Sources) -> Deferred:
        """The effects of the body of a function."""
        names = parameters_of(node.args)
        walk = CodeWalk(self.modules, parameters=names)
        if type(node) is ast.Lambda:
            walk.give(walk.value(node.body))
        else:
            walk.run(node.body)
        walk.finish()
        return walk.deferred(
            getattr(node, "name", "<lambda>"),
            names,
            holds=defaults,
            is_coroutine=type(node) is ast.AsyncFunctionDef,
        )

    def finish(self) -> None:
        """Walk over the functions inside this function, as if they were called at its end."""
        while self.waiting:
            node, _ = self.waiting.pop()
            env, certain = self.env, self.certain
            self.env = {
                name: self.ever.get(name, NO_SOURCES) | env.get(name, NO_SOURCES)
                for name in {*env, *self.ever}
            }
            self.certain = set(self.env)
            bound = set(self.ever)
            returned = set(self.returned)
            for name in parameters_of(node.args):
                self.env[name.lstrip("*")] = NO_SOURCES
                self.certain.add(name.lstrip("*"))
            self.branches += 1
            if type(node) is ast.Lambda:
                self.value(node.body)
            else:
                self.run(node.body)
            self.branches -= 1
            self.returned = returned
            for name in bound:  # `nonlocal`
                if name in self.env and name in env:
                    env[name] = env[name] | self.env[name]
            self.env, self.certain = env, certain

    def deferred(
        self, name: str, parameters: tuple[str, ...], *, holds: Sources, is_coroutine: bool
    ) -> Deferred:
        """What was walked over, as the body of a function."""
        own = {each for each in (*self.ever, *self.env) if each not in self.globals}

        def kept(source: Source) -> bool:
            return not isinstance(source, str) or bare(source) not in own

        def filtered(sources: Iterable[Source]) -> Sources:
            return frozenset(each for each in sources if type(each) is not int and kept(each))

        mutated = [each for each in self.mutated if isinstance(each, str) and kept(each)]
        consumed = [each for each in self.consumed if isinstance(each, str) and kept(each)]
        reads = frozenset(each for each in self.reads if each not in own)
        flows = {
            key: filtered(sources)
            for key, sources in self.stored.items()
            if key.startswith(":") or key not in own
        }
        for each in self.globals:
            if each in self.env:
                flows[each] = flows.get(each, NO_SOURCES) | filtered(self.env[each])
        calls = tuple(
            type(call)(
                filtered(call.callee) or _MADE_HERE,
                call.path,
                tuple((key, filtered(each)) for key, each in call.arguments if filtered(each)),
                call.bound,
            )
            for call in self.calls
        )
        return Deferred(
            name,
            reads=reads,
            uses=frozenset(
                bare(each)
                for each in self.uses
                if isinstance(each, str) and kept(each) and not bare(each).startswith(":")
            ),
            writes=frozenset(
                each
                for each in self.globals
                if each in self.env or each in self.deleted or each in self.may_bound
            ),
            mutates=frozenset(each.lstrip("~^") for each in mutated if not bare(each).startswith(":")),
            consumes=frozenset(bare(each) for each in consumed if not bare(each).startswith(":")),
            flows=flows,
            parameters=parameters,
            changed_parameters=frozenset(bare(each)[1:] for each in mutated if bare(each).startswith(":")),
            consumed_parameters=frozenset(bare(each)[1:] for each in consumed if bare(each).startswith(":")),
            calls=calls,
            returns=filtered(self.returned),
            is_lazy=self.is_lazy or is_coroutine or self.has_inner,
            holds=holds,
            is_shared=any(type(source) is int for source in holds),
            outside=self.outside(),
            opaque=self.opaque,
        )

    def give(self, sources: Sources) -> None:
        """A function returns or yields."""
        self.returned.update(sources)


_MADE_HERE: Sources = frozenset((0,))
"""Stands for objects that a function made itself."""


def parameters_of(arguments: ast.arguments) -> tuple[str, ...]:
    """The names of parameters in the order of their places; those that take the rest have a star."""
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    stars = [f"*{each.arg}" for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return (*names, *(each.arg for each in arguments.kwonlyargs), *stars)


def class_of(name: str, methods: dict[str, list[Deferred]], *, holds: Sources, is_shared: bool) -> Deferred:
    """A class as the sum of its methods."""
    every = [method for group in methods.values() for method in group]

    flows: dict[str, Sources] = {}
    for method in every:
        for key, sources in method.flows.items():
            if not key.startswith(":"):
                flows[key] = flows.get(key, NO_SOURCES) | {
                    each for each in sources if not (isinstance(each, str) and bare(each).startswith(":"))
                }
    constructors = [m for each in ("__init__", "__new__", "__post_init__") for m in methods.get(each, ())]
    first = constructors[0] if constructors else None
    calls = tuple(call for method in every for call in method.calls)
    outsides = [method.outside for method in every]
    opaque = next((method.opaque for method in every if method.opaque), "")
    return Deferred(
        name,
        reads=union(method.reads for method in every),
        uses=union(method.uses for method in every),
        writes=union(method.writes for method in every),
        mutates=union(method.mutates for method in every),
        consumes=union(method.consumes for method in every),
        flows=flows,
        parameters=first.parameters if first else (),
        changed_parameters=first.changed_parameters - set(first.parameters[:1]) if first else frozenset(),
        consumed_parameters=first.consumed_parameters if first else frozenset(),
        calls=calls,
        methods={key: tuple(group) for key, group in methods.items()},
        holds=holds,
        is_class=True,
        is_shared=is_shared,
        opaque=opaque,
        outside=Outside(
            draws=union(each.draws | each.seeds for each in outsides),
            settings=tuple(dict.fromkeys(setting for each in outsides for setting in each.settings)),
            files_read=union(each.files_read for each in outsides),
            files_written=union(each.files_written for each in outsides),
        ),
    )
