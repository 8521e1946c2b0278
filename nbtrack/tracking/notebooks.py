"""Which notebook this process serves, as far as its front end says."""

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any

_VARIABLES = ("__vsc_ipynb_file__", "IPYNB_FILE", "JPY_SESSION_NAME")
_STARTER = "JPY_PARENT_PID"
"""The process that started a kernel, as Jupyter's launcher leaves it."""
_RUNNERS = ("papermill", "nbconvert", "execute", "run")
"""What runs a notebook that its command line names: the programs, and the words behind `jupyter`."""


def interactive_shell() -> Any:
    """The IPython shell this process runs, in a kernel or a terminal; None when there is none."""
    ipython = sys.modules.get("IPython")
    # Only look when somebody else has imported it: it takes 0.2 s.
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def notebook_shell() -> Any:
    """The IPython shell of a kernel; None in a script, a terminal and a plain interpreter."""
    shell = interactive_shell()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def notebook_path(shell: Any) -> str | None:
    """Path or name of the notebook a kernel serves; None when nothing tells.

    VS Code leaves it in a variable of the notebook, Jupyter in the environment; `IPYNB_FILE` is for
    who runs notebooks by other means, as with MLflow. papermill, nbconvert and `jupyter execute` tell
    the kernel nothing, but stand above it with the notebook on their command line.
    """
    path = shell.user_ns.get(_VARIABLES[0]) or next(filter(None, map(os.environ.get, _VARIABLES)), None)
    if path:
        return str(path)
    starter = os.environ.get(_STARTER, "")
    return _notebook_run_by(int(starter)) if starter.isdigit() else None


@lru_cache(maxsize=1)
def _notebook_run_by(process: int) -> str | None:
    """The notebook that a program was told to run; None when it is no such program, or is gone."""
    import psutil  # lazy: where the front end tells, nobody asks

    try:
        return notebook_on(psutil.Process(process).cmdline())
    except psutil.Error:
        return None


def notebook_on(command: Sequence[str]) -> str | None:
    """The notebook on a command line that runs one: of papermill the first, else the only one.

    Args:
        command: Program and arguments; JupyterLab's may name a notebook as well, which is opened in it.
    """
    words = [PurePath(word).stem.removeprefix("jupyter-") for word in command]
    notebooks = [word for word in command if word.endswith(".ipynb") and not word.startswith("-")]
    # The program may stand behind an interpreter, `python -m` and `jupyter`.
    is_papermill = "papermill" in words[:4]
    if not notebooks or not (is_papermill or any(runner in words[:4] for runner in _RUNNERS)):
        return None
    return notebooks[0] if is_papermill or len(notebooks) == 1 else None
