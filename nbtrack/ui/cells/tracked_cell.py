"""A cell that is being run, and what looks at it."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from nbtrack.core.cell_reports import CellReport
from nbtrack.core.cells import ExecutedCell
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.cells.track_line import TrackOptions


@dataclass
class TrackedCell:
    """A cell that is being run, tracked or not."""

    shell: Any
    """The IPython shell that runs it."""
    tracker: Tracker
    """What records it."""
    info: Any
    """IPython's description of it."""
    message: Any
    """The request of the front end that it is part of."""
    options: TrackOptions = field(default_factory=TrackOptions)
    """What its `%%track` line asks for."""
    run: ActiveRun | None = None
    """The run that records it."""
    executed: ExecutedCell | None = None
    """What the history of the session knows of it."""
    report: CellReport = field(default_factory=CellReport)
    """What its parts have to say of it."""
    parts: "list[CellPart]" = field(default_factory=list["CellPart"])
    """What looks at it."""
    error: BaseException | None = None
    """What ended it, or a cell inside it."""
    shown_before: BaseException | None = None
    """The last exception whose traceback IPython had shown when it began."""
    active_before: list[ActiveRun] | None = None
    """The runs that were active when it began, which stay so; None: the cell is not tracked."""
    _experiments: tuple[str, str | None] | None = None

    @property
    def code(self) -> str:
        """The cell as it was written, with its magics."""
        return self.info.raw_cell or ""

    @property
    def cell_id(self) -> str | None:
        """The id that the front end gave the cell; None under nbclient and in a terminal."""
        cell_id = getattr(self.info, "cell_id", None)
        return str(cell_id) if cell_id else None

    @property
    def is_quiet(self) -> bool:
        """Whether no card is wanted."""
        return self.options.quiet

    def enter_experiment(self, name: str | None) -> None:
        """Let runs that the cell starts itself stand in the cell's experiment."""
        if name is not None:
            self._experiments = name, self.tracker.experiment
            self.tracker.experiment = name

    def leave_experiment(self) -> None:
        """Go back to the notebook's experiment, unless the cell has chosen one."""
        if self._experiments is not None:
            entered, before = self._experiments
            if self.tracker.experiment == entered:
                self.tracker.experiment = before


class CellPart(Protocol):
    """Something that looks at tracked cells. What goes wrong in it is said, and costs only its own part."""

    def begin(self, cell: TrackedCell) -> None:
        """The cell is about to run; its run has begun."""
        ...

    def end(self, cell: TrackedCell) -> None:
        """The cell has run, or was torn down; its run has not ended yet."""
        ...
