"""Statements, each with what walks over it."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbtrack.tracking.cells.definitions import CodeWalk, class_of
from nbtrack.tracking.cells.effects import NO_SOURCES, Deferred, FilePath, Sources
from nbtrack.tracking.cells.expressions import EXPRESSIONS
from nbtrack.tracking.cells.sources import derived, themselves


def _expression(walk: CodeWalk, node: ast.Expr) -> None:
    if type(node.value) is not ast.Constant:
        sources = walk.value(node.value)
        if sources:
            walk.use(sources)


def _assign(walk: CodeWalk, node: ast.Assign) -> None:
    value = node.value
    sources = walk.value(value)
    for target in node.targets:
        walk.assign(target, sources, value)
        if type(target) is ast.Name and type(value) is ast.Constant and isinstance(value.value, str):
            walk.texts[target.id] = value.value


def _annotated(walk: CodeWalk, node: ast.AnnAssign) -> None:
    walk.annotation(node.annotation)
    if node.value is not None:
        walk.assign(node.target, walk.value(node.value), node.value)


def _augmented(walk: CodeWalk, node: ast.AugAssign) -> None:
    target = node.target
    sources = walk.used(node.value)
    if isinstance(target, ast.Name):
        before = walk.read(target.id, node.lineno)
        walk.use(before)
        # `+=` changes lists and arrays, and binds numbers anew.
        walk.mutate(themselves(before), node.lineno)
        walk.store(before, derived(sources))
        walk.bind(target.id, before | derived(sources) | {id(node)})
    else:
        owner = walk.used(target.value)
        if isinstance(target, ast.Subscript):
            walk.used(target.slice)
        walk.set_outside(target)
        walk.mutate(themselves(owner), node.lineno)
        walk.store(owner, derived(sources))


def _delete(walk: CodeWalk, node: ast.Delete) -> None:
    for target in node.targets:
        _delete_target(walk, target)


def _delete_target(walk: CodeWalk, target: ast.expr) -> None:
    if isinstance(target, ast.Name):
        name = target.id
        walk.read(name, target.lineno)
        if walk.branches:
            walk.may_bound.add(name)
            walk.certain.discard(name)
        else:
            if name in walk.env:
                walk.ever[name] = walk.ever.get(name, NO_SOURCES) | walk.env[name]
            walk.env.pop(name, None)
            walk.certain.add(name)
            walk.deleted.add(name)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for each in target.elts:
            _delete_target(walk, each)
    elif isinstance(target, (ast.Attribute, ast.Subscript)):
        sources = walk.used(target.value)
        if isinstance(target, ast.Subscript):
            walk.used(target.slice)
        walk.set_outside(target)
        walk.mutate(themselves(sources), target.lineno)


def _for(walk: CodeWalk, node: ast.For | ast.AsyncFor) -> None:
    sources = walk.used(node.iter)
    walk.consume(sources)
    items = derived(sources)
    walk.loop(lambda: walk.assign(node.target, items), node.body)
    if node.orelse:
        walk.branch(node.orelse)


def _while(walk: CodeWalk, node: ast.While) -> None:
    walk.used(node.test)
    walk.loop(lambda: _test(walk, node.test), node.body)
    if node.orelse:
        walk.branch(node.orelse)


def _test(walk: CodeWalk, node: ast.expr) -> None:
    walk.used(node)


def _if(walk: CodeWalk, node: ast.If) -> None:
    walk.used(node.test)
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__":
        walk.run(node.body)  # `if __name__ == "__main__":` is true in a notebook
        return
    body = walk.branch(node.body)
    orelse = walk.branch(node.orelse) if node.orelse else walk.certain
    if _leaves(node.body):
        walk.certain = orelse
    elif node.orelse and _leaves(node.orelse):
        walk.certain = body
    else:
        walk.certain = body & orelse


def _leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and type(body[-1]) in (ast.Raise, ast.Return)


def _with(walk: CodeWalk, node: ast.With | ast.AsyncWith) -> None:
    is_suppressing = False
    for item in node.items:
        sources = walk.used(item.context_expr)
        called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        is_suppressing = is_suppressing or name in ("suppress", "raises", "assertRaises", "ignored")
        if called is None:
            walk.mutate(sources, node.lineno)
        if item.optional_vars is not None:
            walk.assign(item.optional_vars, sources | {id(item)})
    if is_suppressing:
        walk.branch(node.body)
    else:
        walk.run(node.body)


def _try(walk: CodeWalk, node: Any) -> None:
    body = walk.branch([*node.body, *node.orelse])
    ends = [body] if not (_leaves(node.body) or _leaves(node.orelse)) else []
    for handler in node.handlers:
        before = set(walk.certain)
        if handler.type is not None:
            walk.used(handler.type)
        if handler.name is not None:
            walk.branches += 1
            walk.bind(handler.name, NO_SOURCES)
            walk.branches -= 1
        after = walk.branch(handler.body)
        if handler.name is not None:
            after.discard(handler.name)
            walk.env.pop(handler.name, None)
        walk.certain = before
        if not _leaves(handler.body):
            ends.append(after)
    if ends:
        walk.certain = set.intersection(*ends)
    walk.run(node.finalbody)


def _import(walk: CodeWalk, node: ast.Import) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        module = alias.name if alias.asname else name
        walk.bind(name, NO_SOURCES)
        walk.modules = {**walk.modules, name: module}
        walk.imported[name] = alias.name
        walk.files_read.add(FilePath(alias.name.partition(".")[0] + ".py"))


def _import_from(walk: CodeWalk, node: ast.ImportFrom) -> None:
    module = "." * node.level + (node.module or "")
    if node.module == "__future__":
        return
    first = module.lstrip(".").partition(".")[0]
    walk.files_read.add(FilePath(f"{first}.py"))
    for alias in node.names:
        if alias.name == "*":
            walk.star_imports.append(module)
            continue
        name = alias.asname or alias.name
        walk.bind(name, NO_SOURCES)
        walk.modules = {**walk.modules, name: f"{module}.{alias.name}"}
        walk.imported[name] = f"{module}.{alias.name}"


def _function(walk: CodeWalk, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    sources = walk.define(node)
    walk.bind(node.name, _decorated(walk, node, sources))


_PLAIN_DECORATORS = frozenset(
    [
        "staticmethod",
        "classmethod",
        "property",
        "wraps",
        "cache",
        "lru_cache",
        "cached_property",
        "dataclass",
        "total_ordering",
        "no_grad",
        "inference_mode",
        "contextmanager",
        "abstractmethod",
        "override",
        "overload",
        "jit",
        "njit",
        "final",
        "runtime_checkable",
    ]
)


def _decorated(walk: CodeWalk, node: Any, sources: Sources) -> Sources:
    for decorator in reversed(node.decorator_list):
        if isinstance(decorator, ast.Call):
            walk.arguments(decorator)
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        given = walk.used(function)
        if name in _PLAIN_DECORATORS:
            if name in ("cache", "lru_cache"):
                sources |= {id(decorator)}
            continue
        if isinstance(function, ast.Attribute):
            walk.mutate(given, decorator.lineno)
            walk.store(given, sources)
        results = frozenset(
            each if not isinstance(each, str) or each.endswith("()") else f"{each}()" for each in given
        )
        sources = sources | given | results | {id(decorator)}
        walk.use(sources)
    return sources


def _class(walk: CodeWalk, node: ast.ClassDef) -> None:
    sources: Sources = NO_SOURCES
    for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
        sources |= walk.used(base)
    if walk.is_function:
        walk.has_inner = True
    env, certain, may_bound, modules = dict(walk.env), set(walk.certain), set(walk.may_bound), walk.modules
    deleted, texts = set(walk.deleted), dict(walk.texts)
    methods: dict[str, list[Deferred]] = {}
    is_shared = False
    for statement in node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and not walk.is_function:
            _define_method(walk, statement, methods)
        else:
            walk.run((statement,))
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
                is_shared = is_shared or not _is_fixed(statement.value)
    held = sources
    own = {method for group in methods.values() for method in group}
    for name, each in walk.env.items():
        if env.get(name) is not each:
            held |= each - own
    walk.env, walk.certain, walk.may_bound, walk.modules = env, certain, may_bound, modules
    walk.deleted, walk.texts = deleted, texts
    if walk.is_function:
        sources |= held | {id(node)}
    else:
        sources = frozenset((class_of(node.name, methods, holds=held, is_shared=is_shared),))
    walk.bind(node.name, _decorated(walk, node, sources))


def _is_fixed(node: ast.expr) -> bool:
    if isinstance(node, (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp, ast.Lambda)):
        return True
    if isinstance(node, ast.Tuple):
        return all(_is_fixed(each) for each in node.elts)
    if isinstance(node, ast.BinOp):
        return _is_fixed(node.left) and _is_fixed(node.right)
    return False


def _define_method(walk: CodeWalk, node: Any, methods: dict[str, list[Deferred]]) -> None:
    """A method of a class at the top of a cell: names of the class do not mean anything in its body."""
    sources = walk.define(node)
    method = next(each for each in sources if isinstance(each, Deferred) and each.name == node.name)
    decorators = {
        each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")
        for each in node.decorator_list
    }
    if "staticmethod" in decorators:
        method = replace(method, parameters=("", *method.parameters))
    methods.setdefault(node.name, []).append(method)
    walk.bind(node.name, _decorated(walk, node, sources))


def _return(walk: CodeWalk, node: ast.Return) -> None:
    if node.value is not None:
        walk.give(walk.value(node.value))


def _raise(walk: CodeWalk, node: ast.Raise) -> None:
    if node.exc is not None:
        walk.used(node.exc)
    if node.cause is not None:
        walk.used(node.cause)


def _assert(walk: CodeWalk, node: ast.Assert) -> None:
    walk.used(node.test)
    if node.msg is not None:
        before = set(walk.certain)
        walk.used(node.msg)
        walk.certain = before


def _global(walk: CodeWalk, node: ast.Global) -> None:
    if walk.is_function:
        walk.globals.update(node.names)
        for name in node.names:
            walk.env.pop(name, None)


def _nothing(walk: CodeWalk, node: ast.stmt) -> None:
    pass


def _match(walk: CodeWalk, node: ast.Match) -> None:
    sources = walk.used(node.subject)
    items = derived(sources)
    for case in node.cases:
        before = walk.certain
        walk.certain = set(before)
        walk.branches += 1
        for each in ast.walk(case.pattern):
            if isinstance(each, (ast.MatchAs, ast.MatchStar)) and each.name is not None:
                walk.bind(each.name, items | sources)
            elif isinstance(each, ast.MatchMapping) and each.rest is not None:
                walk.bind(each.rest, items)
            elif isinstance(each, (ast.MatchValue, ast.MatchClass)):
                walk.used(each.value if isinstance(each, ast.MatchValue) else each.cls)
        if case.guard is not None:
            walk.used(case.guard)
        walk.run(case.body)
        walk.branches -= 1
        walk.certain = before


def _type_alias(walk: CodeWalk, node: Any) -> None:
    names = {each.name for each in node.type_params}
    known = {name for name in names if name in walk.certain}
    walk.certain |= names
    walk.value(node.value)
    walk.certain -= names - known
    walk.bind(node.name.id, NO_SOURCES)


CodeWalk.table = EXPRESSIONS
CodeWalk.statements = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.If: _if,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Global: _global,
    ast.Nonlocal: _nothing,
    ast.Pass: _nothing,
    ast.Break: _nothing,
    ast.Continue: _nothing,
    ast.Match: _match,
}
for _late, _walked in (("TryStar", _try), ("TypeAlias", _type_alias)):
    if hasattr(ast, _late):
        CodeWalk.statements[getattr(ast, _late)] = _walked
