"""The params that runs of a session have because papermill ran the notebook with them."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.core.secrets import redact_value
from nbtrack.tracking.cells.parameters import injected_parameters

_ABSENT = object()


class InjectedParameters:
    """Finds them among the cells that a shell has executed.

    Args:
        shell: The IPython shell.
        cells: Gives the cells executed so far, in their order.
    """

    def __init__(self, shell: Any, cells: Callable[[], Sequence[ExecutedCell]]) -> None:
        self._shell = shell
        self._cells = cells
        self._injected: dict[str, Any] = {}
        self._looked_at = 0
        """The number of the last cell that need not be looked at again."""

    def __call__(self) -> Mapping[str, str]:
        """The parameters, those of a later cell over those of an earlier one; without secrets."""
        cells = self._cells()
        first = bisect_right(cells, self._looked_at, key=attrgetter("number"))
        for cell in cells[first:]:
            if cell.status == CellStatus.RUNNING:
                break
            self._injected.update(injected_parameters(cell.source))
            self._looked_at = cell.number
        texts = {name: str(self._now(name, value)) for name, value in self._injected.items()}
        return {name: text for name, text in texts.items() if redact_value(text, name) == text}

    def _now(self, name: str, injected: Any) -> Any:
        """What a parameter means now: code may have computed with it since."""
        now: Any = self._shell.user_ns.get(name, _ABSENT)
        return now if isinstance(now, bool | int | float | str) or now is None else injected
