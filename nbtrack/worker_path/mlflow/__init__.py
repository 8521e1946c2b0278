"""What `import mlflow` finds in processes that are started from one with the drop-in.

`nbtrack.mlflow_drop_in.install()` puts the folder above on `PYTHONPATH`. This module makes way for the
drop-in; and for MLflow itself in a Python that has no nbtrack, and where MLflow's own command runs.
"""

import os
import sys
from importlib import import_module

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _is_its_own_command() -> bool:
    """Whether `mlflow` or `python -m mlflow` runs here."""
    called = sys.argv[0] if getattr(sys, "argv", None) else ""
    if called == "-m":  # so Python says it while it looks for the module
        options = zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
        called = next((following for option, following in options if option == "-m"), "")
    return os.path.basename(called).partition(".")[0] == "mlflow"


def _make_way() -> None:
    # nbtrack may be in reach of a Python that is too old for it: the whole PYTHONPATH is handed down.
    if sys.version_info >= (3, 11) and not _is_its_own_command():
        try:
            from nbtrack.mlflow_drop_in import install
        except ModuleNotFoundError as error:
            if error.name not in ("nbtrack", "nbtrack.mlflow_drop_in"):
                raise
        else:
            del sys.modules["mlflow"]
            install()
            return
    sys.path[:] = [place for place in sys.path if place != _FOLDER]
    kept = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place != _FOLDER]
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    del sys.modules["mlflow"]


_make_way()
import_module("mlflow")  # whoever imports this module gets what Python finds under its name afterwards
