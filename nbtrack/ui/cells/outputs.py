"""What a tracked cell prints and the figures it displays, kept as artifacts of its run.

The user sees all of it as before: each call goes through first, and is looked at afterwards.
"""

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator
from io import BytesIO
from typing import Any

from nbtrack.core.cell_reports import Captured
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.capture_options import FIGURES, OUTPUT
from nbtrack.ui.cells.capture import kinds_of
from nbtrack.ui.cells.displayed_figures import DisplayedFigures
from nbtrack.ui.cells.printed_output import PrintedOutput
from nbtrack.ui.cells.stand_ins import StandIn
from nbtrack.ui.cells.tracked_cell import TrackedCell
from nbtrack.ui.output import say

OUTPUT_FILE, FIGURES_FOLDER = "output.txt", "figures"

_CAPTURES = re.compile(r"(?:\s*%%[^\n]*\n)*\s*%%capture\b")


class CellOutputs:
    """Keeps the output and the figures of each tracked cell."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}

    def begin(self, cell: TrackedCell) -> None:
        """Watch what the cell shows, unless nothing of it is wanted."""
        kinds = kinds_of(cell)
        if OUTPUT not in kinds and FIGURES not in kinds:
            return
        watched = self._watched[id(cell)] = _Watched(cell, kinds)
        try:
            watched.begin()
        except BaseException:
            self._watched.pop(id(cell)).stop()
            raise

    def end(self, cell: TrackedCell) -> None:
        """Stop watching, and keep what was shown."""
        watched = self._watched.pop(id(cell), None)
        if watched is None:
            return
        watched.stop()
        watched.keep()


class _Watched:
    """One cell that is being watched."""

    def __init__(self, cell: TrackedCell, kinds: Container[str]) -> None:
        self._cell, self._shell = cell, cell.shell
        self._figures = DisplayedFigures() if FIGURES in kinds else None
        is_shown = None if getattr(self._shell, "kernel", None) is not None else _is_showing(self._shell)
        self._printed = PrintedOutput(is_shown) if OUTPUT in kinds else None
        self._stand_ins: list[StandIn] = []
        self._hidden: list[Any] = []
        """What `%%capture` keeps of displays."""
        self._events: list[tuple[str, Callable[..., None]]] = []

    def begin(self) -> None:
        if self._printed is not None:
            self._printed.follow()
        if self._figures is not None:
            publisher, hook = self._shell.display_pub, self._shell.displayhook
            self._listen(publisher, "publish", self._on_display)
            self._listen(hook, "write_format_data", self._on_value)
            if type(publisher).__name__ != "DisplayPublisher":  # in a terminal it clears a line
                self._listen(publisher, "clear_output", self._on_clear)
        if _CAPTURES.match(self._cell.code):
            # What it hides from the notebook is the cell's output all the same.
            self._events.append(("pre_run_cell", self._on_hidden))
            self._shell.events.register("pre_run_cell", self._on_hidden)

    def stop(self) -> None:
        for stand_in in reversed(self._stand_ins):
            stand_in.remove()
        error = None if self._printed is None else self._printed.stop()
        for event, callback in self._events:
            if callback in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, callback)
        error = next((each.error for each in self._stand_ins if each.error is not None), error)
        if error is not None:
            say(f"The captured output may not be complete. {type(error).__name__}: {error}")

    def keep(self) -> None:
        run = self._cell.run
        text = "" if self._printed is None else self._printed.text()
        for outputs in self._hidden:
            for output in list(outputs):
                self._on_display(**output)
        captured = Captured() if self._cell.report.captured is None else self._cell.report.captured
        pictures = [] if self._figures is None else list(self._figures.files(captured.left_out))
        if run is None or not (text.strip() or pictures or captured.left_out):
            return
        self._cell.report.captured = captured
        taken = self._paths_in(run)
        if text.strip():
            from nbtrack.core.text_secrets import redact_text  # lazy: most cells print nothing

            redacted = redact_text(text, _known_secrets(self._shell))
            path = next(_free(OUTPUT_FILE, taken))
            run.log_text(redacted, path)
            captured.files.append(path)
            if redacted != text:
                captured.left_out.append((path, "secrets in it"))
        if pictures:
            first = _highest_number(self._paths_in(run, FIGURES_FOLDER) if FIGURES_FOLDER in taken else ())
            for number, ending, data in pictures:
                path = f"{FIGURES_FOLDER}/figure-{first + number}.{ending}"
                run.log_stream(BytesIO(data), path)
                captured.files.append(path)

    def _paths_in(self, run: ActiveRun, folder: str | None = None) -> set[str]:
        try:
            return {info.path for info in self._cell.tracker.list_artifacts(run.run_id, folder)}
        except NbtrackError:
            return set()  # the run itself keeps what its store refuses, and says so

    def _listen(self, owner: Any, name: str, tell: Callable[..., None]) -> None:
        try:
            self._stand_ins.append(StandIn(owner, name, tell))
        except (AttributeError, TypeError):
            return  # a front end of another kind

    def _on_display(
        self, data: Any = None, *_: Any, transient: "dict[str, Any] | None" = None, **__: Any
    ) -> None:
        if self._figures is not None:
            self._figures.add(data, None if transient is None else transient.get("display_id"))

    def _on_value(self, format_dict: Any = None, *_: Any, **__: Any) -> None:
        if self._figures is not None:
            self._figures.add(format_dict)

    def _on_clear(self, wait: bool = False) -> None:
        if self._figures is not None:
            self._figures.clear(wait=bool(wait))

    def _on_hidden(self, _: Any = None) -> None:
        """A cell begins within the cell: that of `%%capture`."""
        if self._printed is not None:
            self._printed.follow()
        outputs = getattr(self._shell.display_pub, "outputs", None)
        is_watched = any(stand_in.owner is self._shell.display_pub for stand_in in self._stand_ins)
        if isinstance(outputs, list) and not is_watched and all(outputs is not each for each in self._hidden):
            self._hidden.append(outputs)


def _is_showing(shell: Any) -> Callable[[], bool]:
    """In a terminal, IPython writes what it shows itself to the streams."""

    def is_showing() -> bool:
        return bool(
            getattr(shell.display_pub, "_is_publishing", False)
            or getattr(shell.displayhook, "_is_active", False)
            or getattr(shell, "showing_traceback", False)
        )

    return is_showing


def _free(name: str, taken: Container[str]) -> Iterator[str]:
    """Names that no artifact has: those of a run that was resumed, and of its user, stay."""
    stem, _, ending = name.rpartition(".")
    number = 1
    while True:
        found = name if number == 1 else f"{stem}-{number}.{ending}"
        if found not in taken:
            yield found
        number += 1


def _highest_number(paths: Iterable[str]) -> int:
    """The highest number that a figure has; 0: there is none."""
    found = (re.match(rf"{FIGURES_FOLDER}/figure-(\d{{1,6}})\.", path) for path in paths)
    return max((int(match[1]) for match in found if match is not None), default=0)


def _known_secrets(shell: Any) -> list[str]:
    """Values of the notebook's and the environment's variables whose names say that they are secret."""
    from nbtrack.core.secrets import is_secret_name

    names: dict[str, Any] = {**os.environ, **shell.user_ns}
    return [value for name, value in names.items() if type(value) is str and value and is_secret_name(name)]
