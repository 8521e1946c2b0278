"""The folder listing is the architecture: each folder imports only those listed above it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nbtrack"
LAYERS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists())
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imports(path: Path, *, typing_too: bool) -> Iterator[str]:
    """Modules of ours that a file imports, also inside functions."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    if not typing_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped.update(inner for statement in node.body for inner in ast.walk(statement))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)


def test_no_folder_imports_one_that_is_listed_below_it() -> None:
    upward = []
    for name, path in MODULES.items():
        parts = name.split(".")
        layer = parts[1] if len(parts) > 1 else None
        if layer not in LAYERS:
            continue  # the faces stand on top
        for imported in imports(path, typing_too=True):
            target = imported.split(".")
            if target[0] != "nbtrack":
                continue
            below = (
                len(target) < 2 or target[1] not in LAYERS or LAYERS.index(target[1]) > LAYERS.index(layer)
            )
            if below or {layer, target[1]} == {"ui", "web"}:
                upward.append(f"{name} imports {imported}")

    assert not upward


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {found for found in imports(path, typing_too=False) if found in MODULES and found != name}
        for name, path in MODULES.items()
    }

    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


WITH_PUBLIC_NAMES = ("models", "tracking")


@pytest.mark.parametrize("layer", LAYERS)
def test_the_init_of_a_folder_is_a_docstring_and_nothing_else(layer: str) -> None:
    body = ast.parse((PACKAGE / layer / "__init__.py").read_text()).body

    if layer in WITH_PUBLIC_NAMES:
        # A lazy table of what MLflow's users import from there; it imports nothing by itself.
        imported = {node.module for node in body if isinstance(node, ast.ImportFrom)}
        assert imported <= {"importlib", "typing"}
    else:
        assert [type(node) for node in body] == [ast.Expr]


def test_importing_nbtrack_loads_nothing_heavy_starts_nothing_and_makes_nothing(tmp_path: Path) -> None:
    program = """
import os, sys, threading
before = dict(os.environ)
import nbtrack
nbtrack.start_run, nbtrack.Tracker, nbtrack.search_runs, nbtrack.Query
heavy = {"numpy", "pandas", "IPython", "plotly", "matplotlib", "ipywidgets", "psutil", "yaml", "click"}
print(sorted(heavy & set(sys.modules)), threading.active_count(), os.listdir(), dict(os.environ) == before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "work", capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[] 1 [] True"


def test_every_public_name_is_there_and_typed() -> None:
    import nbtrack

    declared = (PACKAGE / "__init__.py").read_text()
    assert set(re.findall(r" import (\w+) as ", declared)) <= set(nbtrack.__all__)
    for name in nbtrack.__all__:
        assert getattr(nbtrack, name) is not None
        assert name in dir(nbtrack)
        assert f"{name} as {name}" in declared or f"def {name}(" in declared
    with pytest.raises(AttributeError, match="'no_such_thing'"):
        nbtrack.no_such_thing  # noqa: B018
