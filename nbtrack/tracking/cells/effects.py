"""What a cell does, as far as its text tells: plain data, made by `reading.effects_of`.

Names stand for what they meant when the cell began. *Sources* say where a value may have come from:
a text is such a name (`df` the object itself, `~df` something taken out of it, `^df` a copy that holds
the same, `f()` what calling it gave), a number is an object that the cell made, a `Deferred` is a
function that it defined. In a function `:x` is its parameter x.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Scalar: TypeAlias = "str | int | float | bool | None"
Source: TypeAlias = "str | int | Deferred"
Sources: TypeAlias = "frozenset[Source]"
NO_SOURCES: Sources = frozenset()


@dataclass(frozen=True)
class FilePath:
    """A path in the code of a cell."""

    text: str
    """The path, or the end of it that is known; empty: any path."""
    is_whole: bool = True
    """Whether `text` is all of it."""
    name: str | None = None
    """The name that holds it, which another cell may have bound to a text."""


@dataclass(frozen=True)
class Call:
    """A call whose consequences depend on what is called."""

    callee: Sources
    """The function; of a method the object that has it."""
    path: str
    """The attributes between the two, `metrics.f1_score`; empty: the callee itself is called."""
    arguments: tuple[tuple[int | str, Sources], ...] = ()
    """By place or name, those that may be objects. A starred one has the place -1."""
    bound: frozenset[str] = frozenset()
    """The names that the cell had bound itself by then."""


@dataclass(frozen=True)
class Outside:
    """What code does to the world around its names, and what it takes from there."""

    seeds: frozenset[str] = frozenset()
    """Generators of random numbers, `python`, `numpy`, `torch`, whose state it sets in any case."""
    draws: frozenset[str] = frozenset()
    """Generators that it draws from before it seeds them, or whose state it sets in some cases."""
    settings: tuple[str, ...] = ()
    """What it sets for all that follows, as written: `os.environ`, `%cd`, `torch.set_num_threads`."""
    files_read: frozenset[FilePath] = frozenset()
    files_written: frozenset[FilePath] = frozenset()
    files_replaced: frozenset[FilePath] = frozenset()
    """Of the written files those that are written anew, in any case."""


@dataclass(frozen=True, eq=False)
class Deferred:
    """The body of a function or class, which has its effects when it is called. Compared by identity."""

    name: str
    reads: frozenset[str] = frozenset()
    """Names of the notebook that it needs."""
    uses: frozenset[str] = frozenset()
    """Those among them whose own code may run."""
    writes: frozenset[str] = frozenset()
    """Names of the notebook that it may bind or delete: `global`."""
    mutates: frozenset[str] = frozenset()
    """Names of the notebook whose objects it may change."""
    consumes: frozenset[str] = frozenset()
    """Names of the notebook that it iterates over, which changes iterators."""
    flows: Mapping[str, Sources] = field(default_factory=dict[str, Sources])
    """What may be put into names of the notebook or their objects; a key `:x` is a parameter."""
    parameters: tuple[str, ...] = ()
    changed_parameters: frozenset[str] = frozenset()
    """Parameters whose objects it may change; `*` is any further one."""
    consumed_parameters: frozenset[str] = frozenset()
    calls: tuple[Call, ...] = ()
    returns: Sources = NO_SOURCES
    """What its result may be or hold."""
    methods: Mapping[str, "tuple[Deferred, ...]"] = field(default_factory=dict[str, "tuple[Deferred, ...]"])
    """Of a class."""
    holds: "Sources" = NO_SOURCES
    """What it keeps itself: the defaults of its parameters, the bases and attributes of a class."""
    is_class: bool = False
    is_lazy: bool = False
    """Whether its body runs after the call: generators, coroutines, and functions that return functions."""
    is_shared: bool = False
    """Whether its calls or instances share an object: a default that is a list, a class attribute."""
    outside: Outside = Outside()
    opaque: str = ""
    """Why it may read and bind any name: `exec`; empty: it does not."""

    def __repr__(self) -> str:
        return f"<{'class' if self.is_class else 'function'} {self.name}>"


@dataclass(frozen=True)
class CellEffects:
    """What a cell does. It is conservative: what it may do counts, unless it says otherwise."""

    reads: Mapping[str, int] = field(default_factory=dict[str, int])
    """Names whose value from before it needs, with the line; also through functions that it runs."""
    soft_reads: frozenset[str] = frozenset()
    """Those among them that may be missing: read by functions, looked for in `globals()`."""
    builtins: frozenset[str] = frozenset()
    """Names of Python's builtins that it reads, which are in `reads` only if a cell binds them as well."""
    uses: "Mapping[Source, frozenset[str]]" = field(default_factory=dict["Source", frozenset[str]])
    """Names and functions whose own code may run (called, passed on, an operand), with the names that the
    cell had bound itself when it first did."""
    writes: frozenset[str] = frozenset()
    """Names that it binds in any case."""
    may_writes: frozenset[str] = frozenset()
    """Names that it binds, or deletes, in some cases: in a branch, a loop, a `try`, a function."""
    deletes: frozenset[str] = frozenset()
    """Names that mean nothing after it, in any case."""
    mutates: Mapping[str, int] = field(default_factory=dict[str, int])
    """Names from before whose objects it may change, with the line; `f()`: what f gave. What its `calls`
    may change comes on top: `may_mutate` has all."""
    consumes: frozenset[str] = frozenset()
    """Names from before that it iterates over, which changes iterators."""
    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name -> what it imports: `numpy`, `numpy.random.seed`."""
    star_imports: tuple[str, ...] = ()
    """Modules of which it imports all names: it may bind any name."""
    defines: Mapping[str, Deferred] = field(default_factory=dict[str, Deferred])
    """The functions and classes that it defines at its top."""
    flows: Mapping[str, Sources] = field(default_factory=dict[str, Sources])
    """Name -> where what it means, or holds, when the cell has run may have come from. Also of names
    that the cell only puts something into."""
    held: Mapping[str, Sources] = field(default_factory=dict[str, Sources])
    """The same at any time while it runs, of the names for which that is more."""
    calls: tuple[Call, ...] = ()
    """The calls that cannot be judged from this cell alone."""
    literals: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    """Scalars that it binds at its top, by their last binding there."""
    computed: tuple[str, ...] = ()
    """Names that it binds to something computed, in the order of their first binding."""
    outside: Outside = Outside()
    magics: tuple[str, ...] = ()
    """The names of its magics, `%matplotlib`, `%%time`; `!` for a shell command."""
    shows: "Sources | None" = None
    """Where the value of its last expression, which IPython keeps as `_`, came from; None: it has none."""
    is_opaque: bool = False
    """Whether it may read and bind any name: nobody can tell from its text."""
    reason: str = ""
    """Why it is opaque, as written: `exec`, `%run`, `a syntax error in line 3`."""

    @property
    def touched(self) -> frozenset[str]:
        """All names of the notebook that it has to do with; what the history asks `facts_of` about."""
        names = self.writes.union(
            self.reads, self.may_writes, self.deletes, self.mutates, self.consumes, self.flows
        )
        return frozenset(name.removesuffix("()") for name in names)

    @property
    def may_mutate(self) -> frozenset[str]:
        """Names from before whose objects it may change if none of the functions that it calls is known."""
        sources = {source for call in self.calls for source in call.callee}
        sources |= {source for call in self.calls for _, given in call.arguments for source in given}
        names = {source.lstrip("~^") for source in sources if isinstance(source, str)}
        return frozenset(name.removesuffix("()") for name in names | set(self.mutates))
