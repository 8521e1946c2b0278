"""Which notebook this process serves, as far as its front end says."""

import os
import sys
from typing import Any

_VARIABLES = ("__vsc_ipynb_file__", "IPYNB_FILE", "JPY_SESSION_NAME")


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
    """Path or name of the notebook a kernel serves; None when the front end does not tell.

    VS Code leaves it in a variable of the notebook, Jupyter in the environment; `IPYNB_FILE` is for
    who runs notebooks by other means, as with MLflow.
    """
    path = shell.user_ns.get(_VARIABLES[0]) or next(filter(None, map(os.environ.get, _VARIABLES)), None)
    return str(path) if path else None
