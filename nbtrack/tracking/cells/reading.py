"""Reads the text of a cell: `effects_of`."""

import ast
from functools import lru_cache

from nbtrack.tracking.cells.effects import CellEffects


@lru_cache(maxsize=4096)
def effects_of(source: str) -> CellEffects:
    """What a cell does, from its text as it was typed, with its magics.

    It is pure and never raises: what cannot be read is opaque.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return CellEffects(is_opaque=True, reason="a syntax error")
    reads: dict[str, int] = {}
    writes: dict[str, None] = {}
    literals: dict[str, str | int | float | bool | None] = {}
    for statement in tree.body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        for node in names:
            if isinstance(node.ctx, ast.Load) and node.id not in writes:
                reads.setdefault(node.id, node.lineno)
        for node in names:
            if isinstance(node.ctx, ast.Store):
                writes[node.id] = None
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            value = statement.value.value
            for target in statement.targets:
                if isinstance(target, ast.Name) and isinstance(value, (str, int, float, bool, type(None))):
                    literals[target.id] = value
    computed = tuple(name for name in writes if name not in literals)
    return CellEffects(reads=reads, writes=frozenset(writes), literals=literals, computed=computed)
