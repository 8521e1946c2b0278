"""Where a command is given, and where what it shows goes: a terminal, a pipe or a notebook."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from nbtrack.core.static_views import View
from nbtrack.tracking.tracker import Tracker


class Screen(Protocol):
    """What commands know of the place they are given in."""

    @property
    def tracker(self) -> Tracker:
        """Whose runs are meant."""
        ...

    @property
    def program(self) -> str:
        """How a command is given here, such as `%nbtrack`; for advice."""
        ...

    @property
    def width(self) -> int | None:
        """Columns that text may take; None is any number."""
        ...

    @property
    def is_passing(self) -> bool:
        """Whether what is shown is looked at now and not kept: then times are told as ages."""
        ...

    @property
    def is_bound(self) -> bool:
        """Whether runs are those of the active experiment unless the user says otherwise."""
        ...

    def show(self, view: View) -> None:
        """Show a view."""
        ...

    def say(self, text: str) -> None:
        """Show a line of text, whatever signs it holds."""
        ...

    def note(self, text: str) -> None:
        """Show a line about what is done, beside what is shown or written."""
        ...

    def write(self, text: str) -> None:
        """Write text for other programs, as it is."""
        ...

    def agrees(self, question: str) -> bool:
        """Ask the user, where somebody can answer; where nobody can, it is agreed."""
        ...

    def confirms(self, question: str) -> bool:
        """Ask the user for something grave; where nobody can answer it is not done.

        Raises:
            UsageError: There is nobody to ask.
        """
        ...

    def edited(self, text: str) -> str | None:
        """What the user makes of a text in an editor; None when it stays as it is."""
        ...

    def next_cell(self, text: str) -> bool:
        """Put text into a new cell below; False where there are no cells."""
        ...

    def progress(
        self, label: str, length: int, *, details: Callable[[], str] | None = None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Show how far long work is; gives a function that is told of each step done.

        Args:
            label: What is done.
            length: Bytes in all.
            details: Gives words that stand beside the bar.
        """
        ...
