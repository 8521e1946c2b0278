"""One place below a cell that is shown once and then replaced in place."""

import os
from typing import Any

from IPython.core.displaypub import DisplayPublisher  # noqa: TID253 - loaded by %load_ext, inside IPython


class DisplayHandle:
    """A display of one front end, which any thread may replace, also when the cell has long ended.

    It keeps to the front end that showed it: `%%capture` changes the shell's for a while.
    """

    def __init__(self, shell: Any) -> None:
        """Nothing is shown yet.

        Args:
            shell: The IPython shell whose cell it stands below.
        """
        self._publisher: Any = shell.display_pub
        self._id = os.urandom(8).hex()
        self._shown: dict[str, Any] | None = None

    @property
    def can_replace(self) -> bool:
        """Whether the front end replaces what it has shown; a terminal would show it again."""
        return type(self._publisher) is not DisplayPublisher

    def show(self, bundle: dict[str, Any]) -> bool:
        """Show a MIME bundle in its place; True when something was sent.

        What is there already is not sent again, and nothing where it would be shown a second time.
        """
        is_first = self._shown is None
        if bundle == self._shown or not (is_first or self.can_replace):
            return False
        self._shown = bundle
        options = {"transient": {"display_id": self._id}} if self.can_replace else {}
        self._publisher.publish(data=bundle, metadata={}, update=not is_first, **options)
        return True
