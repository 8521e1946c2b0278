"""The cell that papermill injects: the parameters with which a notebook is run.

The kernel is sent its text alone, so it is known by that: the comment that papermill writes, and below
it nothing but names that are set to plain values. A cell that somebody wrote so means the same.
"""

import ast
from functools import lru_cache
from typing import Any

COMMENT = "# Parameters"
_MOST_LETTERS = 100_000


def injected_parameters(source: str) -> dict[str, Any]:
    """The parameters that a cell sets, by their names; empty when it is no such cell.

    Args:
        source: The cell.
    """
    first, _, _ = source.lstrip()[: len(COMMENT) + 20].partition("\n")
    if first.rstrip() != COMMENT or len(source) > _MOST_LETTERS:
        return {}
    return dict(_parameters_in(source))


@lru_cache(maxsize=16)
def _parameters_in(source: str) -> tuple[tuple[str, Any], ...]:
    try:
        statements = ast.parse(source).body
        return tuple(pair for statement in statements for pair in _pair_in(statement))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _pair_in(statement: ast.stmt) -> list[tuple[str, Any]]:
    """The name and value that an assignment sets.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        raise ValueError("no assignment")
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        raise ValueError("no name")
    return [(target.id, ast.literal_eval(_Floats().visit(statement.value)))]


class _Floats(ast.NodeTransformer):
    """Makes values of what papermill writes for NaN and infinities, which have no literal."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`float('nan')` is a value; other calls stay, and are none."""
        if isinstance(node.func, ast.Name) and node.func.id == "float" and not node.keywords:
            (argument,) = node.args
            return ast.copy_location(ast.Constant(float(ast.literal_eval(argument))), node)
        return node
