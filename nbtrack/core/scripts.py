"""Running somebody's script as `python script.py` and `python -m module` do."""

import os
import sys
from types import ModuleType


def run_script(argv: list[str]) -> None:
    """Run `script.py [args]`."""
    path = argv[0]
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    main = ModuleType("__main__")
    main.__file__ = path
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    sys.argv[:] = argv
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    exec(code, main.__dict__)  # noqa: S102 - it is what the user asked for
