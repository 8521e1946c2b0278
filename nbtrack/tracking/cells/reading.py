"""Reads the text of a cell: `effects_of`."""

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from nbtrack.tracking.cells import known_magics
from nbtrack.tracking.cells.effects import (
    NO_SOURCES,
    CellEffects,
    Deferred,
    FilePath,
    Outside,
    Scalar,
    Source,
    Sources,
)
from nbtrack.tracking.cells.known_calls import BUILTINS
from nbtrack.tracking.cells.notebook_syntax import MAGIC_CALL, NotebookCode, python_of
from nbtrack.tracking.cells.sources import bare, union
from nbtrack.tracking.cells.statements import CodeWalk

_LONGEST = 1_000_000
"""Characters; a longer cell is not read."""


@lru_cache(maxsize=4096)
def effects_of(source: str) -> CellEffects:
    """What a cell does, from its text as it was typed, with its magics.

    It is pure and never raises: what cannot be read is opaque.
    """
    if len(source) > _LONGEST:
        return CellEffects(is_opaque=True, reason="more code than is read")
    try:
        code = python_of(source)
        if code.foreign is not None:
            return _of_foreign(code)
        if code.tree is None:
            return CellEffects(is_opaque=True, reason=code.problem)
        return _of_code(code.tree, code)
    except Exception:  # noqa: BLE001 - whatever the text is, it has an answer
        return CellEffects(is_opaque=True, reason="code that cannot be read")


def _of_code(tree: ast.Module, code: NotebookCode) -> CellEffects:
    walk = CodeWalk({})
    shows: Sources | None = None
    body = tree.body
    walk.run(body[:-1])
    if body and isinstance(body[-1], ast.Expr) and not _is_magic(body[-1].value):
        shows = walk.used(body[-1].value)
    else:
        walk.run(body[-1:])
    for name, options in code.cell_magics:
        _cell_magic(walk, name, options)
    reads, uses, outside = dict(walk.reads), dict(walk.uses), walk.outside()
    soft, may_writes, mutated = set(walk.soft_reads), set(walk.may_bound), dict(walk.mutated)
    consumed = {bare(each) for each in walk.consumed if isinstance(each, str)}
    outside = _with_functions(walk, reads, uses, soft, may_writes, mutated, consumed, outside)
    builtins = frozenset(name for name in reads if name in BUILTINS)
    names = {name for name in walk.env if name not in walk.deleted}
    writes = frozenset(name for name in walk.certain if name in names)
    flows = {name: walk.env[name] for name in names}
    for name, sources in walk.stored.items():
        if name not in flows:
            flows[name] = sources
    is_local = any(name == "timeit" for name, _ in code.cell_magics)
    if is_local:
        writes, names, may_writes = frozenset[str](), set[str](), set[str]()
        flows = {name: sources for name, sources in flows.items() if name in walk.stored}
    literals, computed = _scalars(body)
    defines = {
        name: source
        for name, sources in flows.items()
        for source in sources
        if isinstance(source, Deferred) and source.name == name
    }
    return CellEffects(
        reads={name: line for name, line in reads.items() if name not in builtins},
        soft_reads=frozenset(soft),
        builtins=builtins,
        uses=uses,
        writes=writes,
        may_writes=frozenset(may_writes) - writes,
        deletes=frozenset(walk.deleted),
        mutates={each.lstrip("~^"): line for each, line in mutated.items() if isinstance(each, str)},
        consumes=frozenset(consumed),
        imports=dict(walk.imported),
        star_imports=tuple(walk.star_imports),
        defines=defines,
        flows=flows,
        held={name: sources for name, sources in walk.ever.items() if sources != flows.get(name)},
        calls=tuple(walk.calls),
        literals={} if is_local else {name: value for name, value in literals.items() if name in writes},
        computed=() if is_local else tuple(name for name in computed if name in names),
        outside=outside,
        magics=(*(f"%%{name}" for name, _ in code.cell_magics), *walk.magics),
        shows=shows,
        is_opaque=bool(walk.opaque),
        reason=walk.opaque,
    )


def _with_functions(
    walk: CodeWalk,
    reads: dict[str, int],
    uses: dict[Source, frozenset[str]],
    soft: set[str],
    may_writes: set[str],
    mutated: dict[Source, int],
    consumed: set[str],
    outside: Outside,
) -> Outside:
    """Add what the functions do that the cell defines and may run itself."""
    waiting = [(source, bound) for source, bound in uses.items() if isinstance(source, Deferred)]
    seen: set[int] = set()
    outsides = [outside]
    while waiting:
        function, bound = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        outsides.append(function.outside)
        walk.opaque = walk.opaque or function.opaque
        may_writes |= function.writes
        for names, change in (
            (function.reads, None),
            (function.mutates, mutated),
            (function.consumes, consumed),
        ):
            for name in names:
                sources = (
                    walk.env.get(name, NO_SOURCES) | walk.ever.get(name, NO_SOURCES)
                    if name in bound
                    else frozenset((name,))
                )
                for source in sources:
                    if isinstance(source, Deferred) or (isinstance(source, str) and name in bound):
                        if source not in uses:
                            uses[source] = bound
                        if isinstance(source, Deferred):
                            waiting.append((source, bound))
                    elif isinstance(source, str):
                        if source not in reads and source not in walk.reads:
                            reads[source] = 1
                            soft.add(source)
                        if name in function.uses and source not in uses:
                            uses[source] = bound
                    if isinstance(source, str) and change is mutated:
                        mutated.setdefault(source, 1)
                    elif isinstance(source, str) and change is consumed:
                        consumed.add(bare(source))
    if len(outsides) == 1:
        return outside
    return Outside(
        outside.seeds,
        union((*(each.draws for each in outsides), *(each.seeds for each in outsides[1:]))),
        tuple(dict.fromkeys(setting for each in outsides for setting in each.settings)),
        union(each.files_read for each in outsides),
        union(each.files_written for each in outsides),
        outside.files_replaced,
    )


def _is_magic(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == MAGIC_CALL


def _cell_magic(walk: CodeWalk, name: str, options: str) -> None:
    if name == "capture":
        words = [word for word in options.split() if not word.startswith("-")]
        if words and words[0].isidentifier():
            walk.bind(words[0], frozenset((id(walk),)))
    elif name in ("timeit", "prun", "lprun", "mprun"):
        walk.line_of_code(options)
    elif name == "track":
        walk.names_in(options, 1, only_marked=True)


def _of_foreign(code: NotebookCode) -> CellEffects:
    """A cell whose code is not the notebook's."""
    name, options = code.cell_magics[-1]
    magics = tuple(f"%%{name}" for name, _ in code.cell_magics)
    anything = frozenset((FilePath("", is_whole=False),))
    if name in known_magics.SHOWN_CELL_MAGICS:
        return CellEffects(magics=magics)
    if name in known_magics.FILE_CELL_MAGICS:
        words = [word.strip("'\"") for word in options.split() if word not in ("-a", "--append")]
        path = frozenset((FilePath(words[0]),)) if words else anything
        is_new = not {"-a", "--append"} & set(options.split()) and bool(words)
        outside = Outside(files_written=path, files_replaced=path if is_new else frozenset())
        return CellEffects(magics=magics, outside=outside)
    if name in known_magics.SHELL_CELL_MAGICS:
        words = options.replace("=", " ").split()
        bound = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("--out", "--err", "--proc")]
        used = {known_magics.shell_use(line) for line in (code.foreign or "").split("\n") if line.strip(" #")}
        outside = Outside(
            settings=(f"%%{name}",) if "installs" in used else (),
            files_read=anything if used - {"looks"} else frozenset(),
            files_written=anything if used - {"looks"} else frozenset(),
        )
        return CellEffects(magics=magics, writes=frozenset(bound), computed=tuple(bound), outside=outside)
    return CellEffects(magics=magics, is_opaque=True, reason=f"%%{name}")


# Scalars


_NO_LITERAL = object()


def _scalars(body: list[ast.stmt]) -> tuple[dict[str, Scalar], list[str]]:
    """Names that are bound to literals at the top, and names that are bound to something computed."""
    literals: dict[str, Scalar] = {}
    computed: dict[str, None] = {}
    for target, value, is_top in _assignments(body, is_top=True):
        for name, part in _parts(target, value):
            literal = _literal(part) if part is not None else _NO_LITERAL
            if literal is _NO_LITERAL:
                if part is None or not isinstance(part, ast.Lambda):
                    computed[name] = None
                literals.pop(name, None)
            elif is_top:
                computed.pop(name, None)
                literals[name] = literal  # pyright: ignore[reportArgumentType]
    return literals, list(computed)


def _assignments(
    body: Iterable[ast.stmt], *, is_top: bool
) -> Iterator[tuple[ast.expr, ast.expr | None, bool]]:
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield target, node.value, is_top
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield node.target, node.value, is_top
        elif isinstance(node, ast.AugAssign):
            yield node.target, None, is_top
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    yield item.optional_vars, None, is_top
            yield from _assignments(node.body, is_top=is_top)
        else:
            for field in ("body", "orelse", "finalbody"):
                if inner := getattr(node, field, None):
                    yield from _assignments(inner, is_top=False)
            for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                yield from _assignments(inner.body, is_top=False)


def _parts(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Starred):
        yield from _parts(target.value, None)
    elif isinstance(target, (ast.Tuple, ast.List)):
        elements: list[Any] = [None] * len(target.elts)
        has_star = any(isinstance(each, ast.Starred) for each in target.elts)
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(elements) and not has_star:
            elements = value.elts
        for each, part in zip(target.elts, elements, strict=True):
            yield from _parts(each, part)


_OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def _literal(node: ast.expr) -> Any:
    """The value of a literal, or of simple arithmetic of literals."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, (str, int, float, bool, type(None))) else _NO_LITERAL
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _literal(node.operand)
        if not isinstance(value, (int, float)):
            return _NO_LITERAL
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = _literal(node.left), _literal(node.right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return _NO_LITERAL
        if isinstance(node.op, ast.Pow) and (abs(right) > 64 or abs(left) > 1e6):
            return _NO_LITERAL
        try:
            value = _OPERATIONS[type(node.op)](left, right)
        except (ArithmeticError, ValueError):
            return _NO_LITERAL
        return value if isinstance(value, (int, float)) else _NO_LITERAL
    return _NO_LITERAL
