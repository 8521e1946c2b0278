"""How a cell binds its names at its top: to literals, to what it computes, or as counters of loops."""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

_SCALARS = (int, float, complex, bool, str, type(None))
_MOST_BITS = 4096
_NUMBERS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}
_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"int": int, "float": float}


@dataclass
class Bindings:
    """The names that a cell binds at its top; those of its functions and classes are not among them."""

    literals: dict[str, Any] = field(default_factory=dict[str, Any])
    """Bound once, in any case, to something that is written out: also `28 * 28`, `float("inf")`,
    `[64, 32]`, `{"lr": 0.1}`."""
    choices: set[str] = field(default_factory=set[str])
    """Bound to literals only, but to several or in some cases."""
    computed: dict[str, bool] = field(default_factory=dict[str, bool])
    """Bound to what is computed, or changed by `+=`, in the order of the text; whether in any case."""
    counters: set[str] = field(default_factory=set[str])
    """What `for` counts with, and nothing else binds."""


class _NoLiteral(Exception):
    pass


def bindings_of(tree: ast.Module, *, has_walruses: bool = True) -> Bindings:
    """How the code binds its names. It never raises.

    Args:
        tree: The code.
        has_walruses: Whether `:=` may stand in it: each expression is searched for it then.
    """
    reader = _Reader(has_walruses=has_walruses)
    reader.block(tree.body, is_certain=True)
    return reader.found()


class _Reader:
    def __init__(self, *, has_walruses: bool) -> None:
        self._has_walruses = has_walruses
        self._values: dict[str, list[Any]] = {}
        self._doubtful: set[str] = set()
        self._computed: dict[str, bool] = {}
        self._counters: set[str] = set()
        self._others: set[str] = set()
        """Functions, classes, modules, and what `with`, `except` and `match` bind."""

    def found(self) -> Bindings:
        found = Bindings()
        for name, values in self._values.items():
            if name in self._computed or name in self._counters or name in self._others:
                self._computed.setdefault(name, name not in self._doubtful)
            elif len(values) == 1 and name not in self._doubtful:
                found.literals[name] = values[0]
            else:
                found.choices.add(name)
        found.computed = {
            name: is_certain for name, is_certain in self._computed.items() if name not in self._others
        }
        found.counters = self._counters - self._others - self._values.keys() - self._computed.keys()
        return found

    def block(self, statements: Iterable[ast.stmt], *, is_certain: bool) -> None:
        for statement in statements:
            self._statement(statement, is_certain)
            # Ways to end a cell, or a turn of a loop, early.
            if isinstance(statement, ast.Break | ast.Continue | ast.Raise):
                is_certain = False

    def _statement(self, statement: ast.stmt, is_certain: bool) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._walruses(value)
                for target in targets:
                    self._bind(target, value, is_certain)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._walruses(value)
                self._bind(target, value, is_certain)
            case ast.AugAssign(target=ast.Name(id=name)):
                self._compute(name, is_certain)
            case ast.For() | ast.AsyncFor():
                self._counters.update(_names_in(statement.target))
                self._walruses(statement.iter)
                self.block(statement.body, is_certain=False)
                self.block(statement.orelse, is_certain=False)
            case ast.While() | ast.If():
                self._walruses(statement.test)
                self.block(statement.body, is_certain=False)
                self.block(statement.orelse, is_certain=False)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    self._walruses(item.context_expr)
                    if item.optional_vars is not None:
                        self._others.update(_names_in(item.optional_vars))
                self.block(statement.body, is_certain=is_certain)
            case ast.Try() | ast.TryStar():
                self.block(statement.body, is_certain=False)
                for handler in statement.handlers:
                    self.block(handler.body, is_certain=False)
                self.block(statement.orelse, is_certain=False)
                self.block(statement.finalbody, is_certain=is_certain)
            case ast.Match():
                self._walruses(statement.subject)
                for each in statement.cases:
                    self._others.update(_captured_in(each.pattern))
                    self.block(each.body, is_certain=False)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._others.add(statement.name)
                for inner in statement.body:
                    for name in inner.names if isinstance(inner, ast.Global) else ():
                        self._compute(name, False)
            case ast.Import() | ast.ImportFrom():
                self._others.update(each.asname or each.name.partition(".")[0] for each in statement.names)
            case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
                self._walruses(value)
            case _:
                pass

    def _bind(self, target: ast.expr, value: ast.expr, is_certain: bool) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._give(name, value, is_certain)
            case (
                (ast.Tuple(elts=targets) | ast.List(elts=targets)),
                (ast.Tuple(elts=values) | ast.List(elts=values)),
            ) if len(targets) == len(values) and not any(
                isinstance(each, ast.Starred) for each in (*targets, *values)
            ):
                for each, part in zip(targets, values, strict=True):
                    self._bind(each, part, is_certain)
            case _:
                for name in _names_in(target):
                    self._compute(name, is_certain)

    def _give(self, name: str, value: ast.expr, is_certain: bool) -> None:
        try:
            literal = _literal(value)
        except (_NoLiteral, ArithmeticError, ValueError, TypeError, RecursionError):
            self._compute(name, is_certain)
            return
        if not is_certain:
            self._doubtful.add(name)
        self._values.setdefault(name, []).append(literal)

    def _compute(self, name: str, is_certain: bool) -> None:
        self._computed[name] = self._computed.get(name, False) or is_certain

    def _walruses(self, expression: ast.expr) -> None:
        """Names that an expression binds by `:=`; those in comprehensions, too."""
        for node in ast.walk(expression) if self._has_walruses else ():
            if isinstance(node, ast.NamedExpr):
                self._compute(node.target.id, False)


def _names_in(target: ast.expr) -> list[str]:
    """The names that a target binds; `a.b` and `a[0]` bind none."""
    match target:
        case ast.Name(id=name):
            return [name]
        case ast.Starred(value=inner):
            return _names_in(inner)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [name for part in parts for name in _names_in(part)]
        case _:
            return []


def _captured_in(pattern: ast.pattern) -> list[str]:
    names = (getattr(node, "name", None) or getattr(node, "rest", None) for node in ast.walk(pattern))
    return [str(name) for name in names if name]


def _literal(node: ast.expr) -> Any:
    """The value of an expression in which everything is written out.

    Raises:
        _NoLiteral: It is none.
        ArithmeticError, ValueError, TypeError: It has no value.
    """
    match node:
        case ast.Constant(value=value) if isinstance(value, _SCALARS):
            return cast("Any", value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return +_number(operand)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _NUMBERS:
            return _result(type(operator), _number(left), _number(right))
        case ast.Tuple(elts=parts):
            return tuple(_literal(part) for part in parts)
        case ast.List(elts=parts):
            return [_literal(part) for part in parts]
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            known = cast("list[ast.expr]", keys)
            return {_literal(key): _literal(value) for key, value in zip(known, values, strict=True)}
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if keywords and all(
            each.arg for each in keywords
        ):
            return {each.arg: _literal(each.value) for each in keywords}
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _CONVERSIONS:
            return _CONVERSIONS[name](_literal(argument))
        case _:
            raise _NoLiteral


def _number(node: ast.expr) -> Any:
    value = _literal(node)
    if isinstance(value, bool) or not isinstance(value, int | float | complex):
        raise _NoLiteral
    return value


def _result(operator: type[ast.operator], left: Any, right: Any) -> Any:
    if operator is ast.Pow and isinstance(right, int) and isinstance(left, int):
        if abs(right) * max(1, abs(left).bit_length()) > _MOST_BITS:
            raise _NoLiteral
    elif isinstance(left, int) and isinstance(right, int):
        is_large = left.bit_length() + right.bit_length() > _MOST_BITS
        if is_large:
            raise _NoLiteral
    return _NUMBERS[operator](left, right)
