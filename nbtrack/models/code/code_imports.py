"""Which modules Python code imports, read from its source or bytecode; nothing is imported."""

import ast
import dis
from collections.abc import Iterator
from pathlib import Path
from types import CodeType


def imports_of_source(place: Path) -> frozenset[str]:
    """The modules that a file, or the files in a folder, import; what cannot be read counts as none."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return frozenset(name for file in files for name in _of_file(file))


def imports_of_code(code: CodeType) -> Iterator[str]:
    """The modules that compiled code imports when it is run, also in what it defines."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and instruction.argval:
            yield str(instruction.argval)
    for held in code.co_consts:
        if isinstance(held, CodeType):
            yield from imports_of_code(held)


def _of_file(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    # Python's own parser says the last two of an expression that is nested too deeply.
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # What is imported may be a module, too: `from google.cloud import storage`.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
