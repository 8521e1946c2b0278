"""Runs programs in a Python of their own, as the tests of the drop-in need them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
INSTALLED = "import nbtrack.mlflow_drop_in as drop_in\ndrop_in.install()\n"


class Ended(NamedTuple):
    """What a program showed, and its exit status; negative: the signal that ended it."""

    output: str
    errors: str
    status: int


def run(*words: str, python: str = sys.executable, path: tuple[str | Path, ...] = ()) -> Ended:
    """Run Python with these words.

    Args:
        *words: Its arguments.
        python: Which Python.
        path: More folders to import from, before nbtrack.
    """
    folders = os.pathsep.join(map(str, (*path, ROOT)))
    done = subprocess.run(
        [python, *words],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Ended(done.stdout, done.stderr, done.returncode)


def output_of(program: str, *, path: tuple[str | Path, ...] = (), warnings: str = "error") -> str:
    """What a program prints that must end well."""
    ended = run("-W", warnings, "-c", program, path=path)
    assert ended.status == 0, ended.errors
    return ended.output


def with_drop_in(program: str, *, path: tuple[str | Path, ...] = (), warnings: str = "error") -> str:
    """What a program prints that begins with the drop-in installed."""
    return output_of(INSTALLED + program, path=path, warnings=warnings)
