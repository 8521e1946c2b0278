"""Ways to run a script that was written for MLflow: with the drop-in, or with one line changed.

The scripts lie in `scripts/` as people write them: they import mlflow and know nothing of nbtrack. They run
in the empty folder of the test, which then looks at what they printed and at what nbtrack has of them.
"""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nbtrack import mlflow_drop_in

SCRIPTS = Path(__file__).parent / "scripts"
TIMEOUT = 240
"""Seconds after which a script counts as hanging; generous, for machines under load."""

BY_INSTALL = """
import nbtrack.mlflow_drop_in, runpy, sys
nbtrack.mlflow_drop_in.install()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""

RunScript = Callable[..., str]
"""Runs a script of `scripts/` by its name, with arguments, and gives what it printed."""


def in_process(*command: str) -> tuple[str, str]:
    """Run Python to its good end; what it printed, and what it said beside that."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        # In UTF-8, whatever the machine's locale is: scripts print and write what they like.
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def with_drop_in() -> RunScript:
    """By `python -m nbtrack.mlflow_drop_in script.py`; the script gets no warning."""

    def run(script: str, *arguments: str) -> str:
        printed, said = in_process("-m", "nbtrack.mlflow_drop_in", str(SCRIPTS / script), *arguments)
        assert "Warning" not in said, said
        return printed

    return run


@pytest.fixture
def with_install() -> Callable[..., tuple[str, str]]:
    """By `install()` before the script; gives what it printed and what it said."""
    return lambda script, *arguments: in_process("-c", BY_INSTALL, str(SCRIPTS / script), *arguments)


@pytest.fixture(params=["the drop-in", "import nbtrack as mlflow"])
def run(
    request: pytest.FixtureRequest,
    with_drop_in: RunScript,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> RunScript:
    """Both: by the drop-in, and here, with nbtrack imported in MLflow's place."""

    def run_changed(script: str, *arguments: str) -> str:
        changed = Path.cwd() / script
        changed.write_text(with_nbtrack((SCRIPTS / script).read_text("utf-8")), "utf-8")
        monkeypatch.setattr(sys, "argv", [str(changed), *arguments])
        main = sys.modules["__main__"]
        try:
            runpy.run_path(str(changed), run_name="__main__")
        finally:
            sys.modules["__main__"] = main
        return capsys.readouterr().out

    return with_drop_in if request.param == "the drop-in" else run_changed


def with_nbtrack(code: str) -> str:
    """What somebody changes who does not want the drop-in: the lines that import."""
    code = re.sub(r"^(\s*)import mlflow(\.\w+)*$", r"\1import nbtrack as mlflow", code, flags=re.MULTILINE)
    return re.sub(r"^(\s*)from mlflow", r"\1from nbtrack", code, flags=re.MULTILINE)


@pytest.fixture
def mlflow() -> Iterator[ModuleType]:
    """`import mlflow` with the drop-in in this process, for a test."""
    mlflow_drop_in.install()
    try:
        import mlflow

        yield mlflow
    finally:
        mlflow_drop_in.uninstall()
