"""Lines that tell the user what was done: no warnings, and no answers to be read by programs."""

import sys
from contextlib import suppress

from nbtrack.tracking.notebooks import notebook_shell


def tell(line: str) -> None:
    """Print a line where it disturbs least.

    In a script that is stderr, as in MLflow: stdout may be what the script answers. Below a cell it is
    stdout, since notebooks show stderr in red, as if something had gone wrong.
    """
    stream = sys.stderr if notebook_shell() is None else sys.stdout
    # Whoever has closed the stream does not want to know; what the line tells of is done.
    with suppress(OSError, ValueError):
        print(line, file=stream)
