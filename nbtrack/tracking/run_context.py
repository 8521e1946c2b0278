"""Where a run comes from: who ran it, and which script or notebook."""

import os
import sys
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.users import current_user


def context_tags() -> dict[str, str]:
    """The tags that say where this process's runs come from."""
    tags = {system_tags.USER: current_user()}
    shell = notebook_shell()
    if shell is not None:
        name = notebook_name(shell)
        tags[system_tags.SOURCE_TYPE] = system_tags.SOURCE_TYPE_NOTEBOOK
        tags[system_tags.SOURCE_NAME] = name or "notebook"
        if name:
            tags[system_tags.NOTEBOOK] = name
    else:
        tags[system_tags.SOURCE_TYPE] = system_tags.SOURCE_TYPE_LOCAL
        tags[system_tags.SOURCE_NAME] = (sys.argv[0] if sys.argv else "") or "<console>"
    return tags


def notebook_shell() -> Any:
    """The IPython shell of a kernel; None in a script, a terminal and a plain interpreter."""
    shell = interactive_shell()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def interactive_shell() -> Any:
    """The IPython shell this process runs, in a kernel or a terminal; None when there is none."""
    ipython = sys.modules.get("IPython")
    # Only look when somebody else has imported it: it takes 0.2 s.
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def notebook_name(shell: Any) -> str | None:
    """File name of the notebook a kernel serves, where the front end tells it: VS Code and Jupyter."""
    path = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return os.path.basename(str(path)) if path else None
