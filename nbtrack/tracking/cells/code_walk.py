"""What is known at one point of code that is walked over: names, and where their values come from.

The walk is abstract and goes through the code once, a loop sometimes twice. The modules `calls`,
`definitions`, `expressions` and `statements` add to it what each part of the language does.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nbtrack.tracking.cells import known_calls
from nbtrack.tracking.cells.effects import NO_SOURCES, Call, FilePath, Source, Sources
from nbtrack.tracking.cells.sources import bare, derived, objects_in, themselves


class Walk:
    """What code does, as far as it was walked over."""

    table: ClassVar[dict[type, Callable[[Any, Any], Sources]]] = {}
    """The method that walks over each kind of expression."""

    def __init__(self, modules: dict[str, str], *, parameters: Sequence[str] | None = None) -> None:
        self.modules = modules
        """Names that the code imports -> what they import."""
        self.env: dict[str, Sources] = {}
        """Names that may be bound by now -> where their values may come from."""
        self.certain: set[str] = set()
        """Those that are bound in any case."""
        self.hidden: set[str] = set()
        """Names of comprehensions, which functions do not see."""
        self.ever: dict[str, Sources] = {}
        self.reads: dict[str, int] = {}
        self.soft_reads: set[str] = set()
        self.uses: dict[Source, frozenset[str]] = {}
        self.mutated: dict[Source, int] = {}
        self.consumed: set[Source] = set()
        self.stored: dict[str, Sources] = {}
        """Names from before -> what was put into their objects."""
        self.calls: list[Call] = []
        self.loaded: dict[str, Sources] | None = None
        """In a loop: what names meant when they were read."""
        self.branches = 0
        """How many branches, loops and the like the code stands in."""
        self.opaque = ""
        self.magics: list[str] = []
        self.seeds: set[str] = set()
        self.draws: set[str] = set()
        self.settings: dict[str, None] = {}
        self.files_read: set[FilePath] = set()
        self.files_written: set[FilePath] = set()
        self.files_replaced: set[FilePath] = set()
        self.texts: dict[str, str] = {}
        """Names that the code has bound to a text."""
        self.is_function = parameters is not None
        self.globals: set[str] = set()
        self.deleted: set[str] = set()
        self.may_bound: set[str] = set()
        """Names that are bound or deleted in some cases."""
        self.star_imports: list[str] = []
        self.imported: dict[str, str] = {}
        self.computed: dict[str, None] = {}
        self.returned: set[Source] = set()
        self.waiting: list[tuple[Any, Sources]] = []
        """Functions inside this function, which are walked over at its end."""
        self.is_lazy = False
        self.has_inner = False
        self.repeats = 0
        self.class_depth = 0
        for name in parameters or ():
            self.env[name.lstrip("*")] = frozenset((f":{name}",))
            self.certain.add(name.lstrip("*"))

    # What happens to values

    def value(self, node: ast.expr | None) -> Sources:
        """Walk over an expression; where its value may come from."""
        return NO_SOURCES if node is None else self.table[type(node)](self, node)

    def used(self, node: ast.expr | None) -> Sources:
        """Walk over an expression whose value is worked with."""
        sources = self.value(node)
        if sources:
            self.use(sources)
        return sources

    def use(self, sources: Sources) -> None:
        """Code of the values may run."""
        uses = self.uses
        for source in sources:
            if source not in uses and type(source) is not int:
                uses[source] = frozenset(self.certain - self.hidden if self.hidden else self.certain)

    def mutate(self, sources: Sources, line: int) -> None:
        """The objects may change."""
        for source in sources:
            if type(source) is not int:
                self.mutated.setdefault(source, line)

    def consume(self, sources: Sources) -> None:
        """The values are iterated over."""
        self.consumed.update(sources)

    def read(self, name: str, line: int) -> Sources:
        """A name is read."""
        sources = self.env.get(name)
        if name not in self.certain:
            if name not in self.reads:
                self.reads[name] = line
            sources = frozenset((name,)) if sources is None else sources | {name}
        elif sources is None:
            sources = NO_SOURCES
        if self.loaded is not None:
            self.loaded[name] = self.loaded.get(name, NO_SOURCES) | sources
        return sources

    # What objects hold

    def store(self, into: Sources, what: Sources) -> None:
        """Values are put into objects."""
        what = what - into
        if not what:
            return
        for source in into:
            if isinstance(source, str) and source[0] != "^":
                name = bare(source)
                self.stored[name] = self.stored.get(name, NO_SOURCES) | what
        # Names of this code that mean those objects hold the values from now on.
        into = objects_in(into)
        for name, sources in self.env.items():
            if not into.isdisjoint(sources):
                self.env[name] = sources | what
                if name in self.ever:
                    self.ever[name] |= what

    def store_in_env(self, into: Sources, what: Sources) -> None:
        """An unknown call may put any of its values into any other."""
        if len(what) > 1 or (what and into != what):
            into = objects_in(into)
            for name, sources in self.env.items():
                if not into.isdisjoint(sources) and not what <= sources:
                    self.env[name] = sources | what
                    if name in self.ever:
                        self.ever[name] |= what

    # Binding

    def bind(self, name: str, sources: Sources) -> None:
        """A name is bound."""
        if self.branches:
            before = self.env.get(name)
            self.env[name] = sources if before is None else before | sources
            if name not in self.may_bound:
                self.may_bound.add(name)
        else:
            before = self.env.get(name)
            if before is not None:
                self.ever[name] = self.ever.get(name, NO_SOURCES) | before
            self.env[name] = sources
        if self.is_function:
            self.ever[name] = self.ever.get(name, NO_SOURCES) | sources
        self.certain.add(name)
        self.deleted.discard(name)
        if name in self.modules:
            self.modules = {key: value for key, value in self.modules.items() if key != name}
        if name in self.texts:
            del self.texts[name]

    def hide(self, target: ast.expr, sources: Sources) -> None:
        """Bind the names of a comprehension."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.env[node.id] = sources
                self.certain.add(node.id)
            elif isinstance(node, (ast.Attribute, ast.Subscript)):
                self.mutate(self.value(node.value), node.lineno)

    def assign(self, target: ast.expr, sources: Sources, value: ast.expr | None = None) -> None:
        """Bind a target of any kind."""
        if isinstance(target, ast.Name):
            self.bind(target.id, sources)
        elif isinstance(target, (ast.Tuple, ast.List)):
            elements = target.elts
            if (
                isinstance(value, (ast.Tuple, ast.List))
                and len(value.elts) == len(elements)
                and not any(isinstance(each, ast.Starred) for each in (*value.elts, *elements))
            ):
                # The values were walked over already; to do so again reads nothing new.
                parts = [self._again(each) for each in value.elts]
                for element, part, each in zip(elements, parts, value.elts, strict=True):
                    self.assign(element, part, each)
                return
            self.consume(sources)
            for element in elements:
                self.assign(element, derived(sources))
        elif isinstance(target, ast.Starred):
            self.assign(target.value, sources | {id(target)})
        else:
            self.change(target, sources)

    def _again(self, node: ast.expr) -> Sources:
        if type(node) is ast.Constant:
            return NO_SOURCES
        if type(node) is ast.Name:
            bound = self.env.get(node.id, NO_SOURCES)
            return bound if node.id in self.certain else bound | {node.id}
        calls, self.calls = self.calls, []
        sources = self.value(node)
        self.calls = calls
        return sources

    def change(self, target: Any, sources: Sources) -> None:
        """Assign to an attribute or an item."""
        owner = target.value
        if (
            type(target) is ast.Subscript
            and type(owner) is ast.Call
            and type(owner.func) is ast.Name
            and owner.func.id in ("globals", "locals", "vars")
            and not owner.args
            and not self.is_function
            and type(target.slice) is ast.Constant
            and isinstance(target.slice.value, str)
        ):
            self.bind(target.slice.value, sources)
            return
        into = self.used(owner)
        if type(target) is ast.Subscript and type(target.slice) is not ast.Constant:
            self.used(target.slice)
        self.set_outside(target)
        self.mutate(themselves(into), target.lineno)
        self.store(into, sources)

    def set_outside(self, target: Any) -> None:
        """An assignment to something in a module is a setting."""
        path: list[str] = []
        root: Any = target
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            if isinstance(root, ast.Attribute):
                path.append(root.attr)
            root = root.value
        if type(root) is ast.Name:
            module = self.modules.get(root.id)
            if module is None and root.id not in self.env:
                module = known_calls.usual_module(root.id)
            if module is not None:
                self.settings[".".join((module, *reversed(path)))] = None
