"""What nbtrack writes below a cell: views, and lines on stderr."""

import sys
from typing import Any

from nbtrack.core import static_views


def show(view: static_views.View) -> None:
    """Display a view, as HTML where that can be shown, else as text."""
    from IPython import display

    module: Any = display
    module.display(static_views.bundle(view), raw=True)


def say(text: str) -> None:
    """Tell the user something in one line."""
    print(f"nbtrack: {' '.join(text.split())}", file=sys.stderr)
