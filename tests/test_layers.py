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


# What a script that logs a run has no use for. Each makes the start of every script longer.
NOT_FOR_A_FIRST_RUN = """
    IPython asyncio click matplotlib numpy pandas plotly psutil traitlets yaml
    argparse base64 bz2 difflib getpass importlib.metadata logging lzma pickle random shlex shutil
    socket sqlite3 ssl subprocess tempfile textwrap traceback
    nbtrack.core.comparisons nbtrack.core.html_tables nbtrack.core.logged_models nbtrack.core.package_names
    nbtrack.core.registry nbtrack.core.run_columns nbtrack.core.secrets nbtrack.core.static_views
    nbtrack.core.text_tables
    nbtrack.filters.fields nbtrack.filters.grammar nbtrack.filters.tokens nbtrack.filters.tree
    nbtrack.models
    nbtrack.stores.local.logged_models nbtrack.stores.local.registry
    nbtrack.tracking.client nbtrack.tracking.configurable_tracker nbtrack.tracking.data_sets
    nbtrack.tracking.model_logging nbtrack.tracking.model_uris nbtrack.tracking.run_frames
    nbtrack.tracking.system_metrics
    nbtrack.ui
""".split()  # noqa: SIM905 - a list would take a line a word


def test_a_first_run_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    script = tmp_path / "work" / "train.py"
    script.write_text("""
import sys
before = set(sys.modules)
import nbtrack
with nbtrack.start_run(run_name="first", tags={"team": "nlp"}):
    nbtrack.log_param("lr", 0.1)
    nbtrack.log_metric("loss", 0.5, step=1)
    nbtrack.set_tag("done", "yes")
nbtrack.flush()
print(*sorted(set(sys.modules) - before))
""")

    done = subprocess.run(
        [sys.executable, "train.py"], cwd=script.parent, capture_output=True, text=True, check=True
    )

    loaded = done.stdout.split()
    assert "nbtrack.tracking.tracker" in loaded
    assert [name for name in NOT_FOR_A_FIRST_RUN if name in loaded] == []


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
