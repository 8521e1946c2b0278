"""Expressions, each with what walks over it."""

import ast
from collections.abc import Callable
from typing import Any

from nbtrack.tracking.cells.definitions import CodeWalk
from nbtrack.tracking.cells.effects import NO_SOURCES, Deferred, Sources
from nbtrack.tracking.cells.sources import derived


def _constant(walk: CodeWalk, node: ast.Constant) -> Sources:
    return NO_SOURCES


def _name(walk: CodeWalk, node: ast.Name) -> Sources:
    return walk.read(node.id, node.lineno)


def _attribute(walk: CodeWalk, node: ast.Attribute) -> Sources:
    sources = walk.value(node.value)
    if sources:
        walk.use(sources)
        return derived(sources)
    return sources


def _subscript(walk: CodeWalk, node: ast.Subscript) -> Sources:
    owner = node.value
    if (
        type(owner) is ast.Call
        and type(owner.func) is ast.Name
        and owner.func.id in ("globals", "locals", "vars")
        and not owner.args
        and type(node.slice) is ast.Constant
        and isinstance(node.slice.value, str)
        and owner.func.id not in walk.certain
    ):
        return walk.read(node.slice.value, node.lineno)
    sources = walk.used(owner)
    if type(node.slice) is not ast.Constant:
        walk.used(node.slice)
    return derived(sources)


def _slice(walk: CodeWalk, node: ast.Slice) -> Sources:
    for part in (node.lower, node.upper, node.step):
        if part is not None and type(part) is not ast.Constant:
            walk.used(part)
    return NO_SOURCES


def _binary(walk: CodeWalk, node: ast.BinOp) -> Sources:
    left, right = walk.value(node.left), walk.value(node.right)
    if left or right:
        sources = left | right
        walk.use(sources)
        return derived(sources) | {id(node)}
    return NO_SOURCES


def _unary(walk: CodeWalk, node: ast.UnaryOp) -> Sources:
    sources = walk.used(node.operand)
    return derived(sources) if sources and type(node.op) is not ast.Not else NO_SOURCES


def _either(walk: CodeWalk, node: ast.BoolOp) -> Sources:
    sources = NO_SOURCES
    for index, each in enumerate(node.values):
        sources |= _in_branch(walk, each) if index else walk.used(each)
    return sources


def _compare(walk: CodeWalk, node: ast.Compare) -> Sources:
    right = node.comparators[0]
    if (
        type(right) is ast.Call
        and type(right.func) is ast.Name
        and right.func.id in ("globals", "locals", "vars", "dir")
        and not right.args
        and isinstance(node.ops[0], (ast.In, ast.NotIn))
        and type(node.left) is ast.Constant
        and isinstance(node.left.value, str)
    ):
        if node.left.value not in walk.certain:
            walk.soft_reads.add(node.left.value)
            walk.read(node.left.value, node.lineno)
        return NO_SOURCES
    sources = walk.used(node.left)
    for each in node.comparators:
        sources = sources | walk.used(each)
    return derived(sources) | {id(node)} if sources else NO_SOURCES


def _in_branch(walk: CodeWalk, node: ast.expr) -> Sources:
    before = set(walk.certain)
    walk.branches += 1
    sources = walk.used(node)
    walk.branches -= 1
    walk.certain = before
    return sources


def _conditional(walk: CodeWalk, node: ast.IfExp) -> Sources:
    walk.used(node.test)
    return _in_branch(walk, node.body) | _in_branch(walk, node.orelse)


def _sequence(walk: CodeWalk, node: ast.Tuple | ast.List | ast.Set) -> Sources:
    sources: Sources = NO_SOURCES
    for each in node.elts:
        if type(each) is not ast.Constant:
            sources = sources | walk.value(each)
    return sources if type(node) is ast.Tuple else sources | {id(node)}


def _dictionary(walk: CodeWalk, node: ast.Dict) -> Sources:
    sources: Sources = NO_SOURCES
    for key in node.keys:
        if key is not None and type(key) is not ast.Constant:
            sources |= walk.used(key)
    for each in node.values:
        if type(each) is not ast.Constant:
            sources = sources | walk.value(each)
    return sources | {id(node)}


def _starred(walk: CodeWalk, node: ast.Starred) -> Sources:
    sources = walk.used(node.value)
    walk.consume(sources)
    return derived(sources)


def _joined(walk: CodeWalk, node: Any) -> Sources:
    for each in node.values:
        walk.value(each)
    return NO_SOURCES


def _formatted(walk: CodeWalk, node: Any) -> Sources:
    walk.used(node.value)
    if node.format_spec is not None:
        walk.value(node.format_spec)
    return NO_SOURCES


def _named(walk: CodeWalk, node: ast.NamedExpr) -> Sources:
    sources = walk.value(node.value)
    walk.bind(node.target.id, sources)  # pyright: ignore[reportAttributeAccessIssue]
    return sources


def _await(walk: CodeWalk, node: ast.Await) -> Sources:
    sources = walk.used(node.value)
    walk.consume(sources)
    return sources


def _yield(walk: CodeWalk, node: ast.Yield | ast.YieldFrom) -> Sources:
    sources = walk.value(node.value)
    walk.is_lazy = True  # pyright: ignore[reportAttributeAccessIssue]
    walk.give(sources)  # pyright: ignore[reportAttributeAccessIssue]
    return frozenset((id(node),))


def _comprehension(
    walk: CodeWalk, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
) -> Sources:
    """Its own names are gone after it; a name bound with `:=` is not."""
    hidden: dict[str, tuple[Sources | None, bool]] = {}
    before, hidden_before = set(walk.certain), walk.hidden
    walk.branches += 1
    for loop in node.generators:
        sources = walk.used(loop.iter)
        walk.consume(sources)
        for target in ast.walk(loop.target):
            if isinstance(target, ast.Name) and target.id not in hidden:
                hidden[target.id] = walk.env.get(target.id), target.id in walk.certain
                walk.env.pop(target.id, None)
        walk.hidden = walk.hidden | hidden.keys()
        walk.hide(loop.target, derived(sources))  # pyright: ignore[reportAttributeAccessIssue]
        for condition in loop.ifs:
            walk.used(condition)
    if isinstance(node, ast.DictComp):
        sources = walk.used(node.key) | walk.value(node.value)
    else:
        sources = walk.value(node.elt)
        if isinstance(node, ast.GeneratorExp):
            walk.use(sources)
    walk.branches -= 1
    for name, (old, _) in hidden.items():
        if old is None:
            walk.env.pop(name, None)
        else:
            walk.env[name] = old
    walk.certain, walk.hidden = before, hidden_before
    if isinstance(node, ast.GeneratorExp):
        # Its body runs later, too, with what its names mean then.
        names = frozenset(
            each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id not in hidden
        )
        if names:
            sources |= {Deferred("<generator>", reads=names, uses=names, consumes=names, is_lazy=True)}
    return sources | {id(node)}


def _lambda(walk: CodeWalk, node: ast.Lambda) -> Sources:
    return walk.define(node)


EXPRESSIONS: dict[type, Callable[[Any, Any], Sources]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _either,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dictionary,
    ast.Starred: _starred,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.NamedExpr: _named,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.Call: CodeWalk.call,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
}
for _late, _walked in (("TemplateStr", _joined), ("Interpolation", _formatted)):
    if hasattr(ast, _late):
        EXPRESSIONS[getattr(ast, _late)] = _walked
