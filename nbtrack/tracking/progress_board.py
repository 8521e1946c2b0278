"""Where the loops of a run are shown: a bar in a notebook, a line on a terminal, else a line now and then.

A loop inside another stands below it; the next one at its place replaces it. A thread draws, four times a
second at most and only when something has changed; it lives while a loop does.
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from time import monotonic
from typing import Any, Protocol

from nbtrack.core.html_tables import safe
from nbtrack.core.text_tables import shortened, visible
from nbtrack.tracking.notebooks import interactive_shell
from nbtrack.tracking.progress import DONE, RUNNING, Progress

PERIOD = 0.25
_MOST_ROWS = 20
_NAME = 80
_LINE_SECONDS = 30.0


class ProgressBoard:
    """Shows the loops of one run, or those outside of runs."""

    def __init__(self, *, is_silent: bool = False) -> None:
        """Begin with no loops.

        Args:
            is_silent: Whether nothing is shown.
        """
        self.is_silent = is_silent
        self.is_shown_elsewhere = False
        """Whether a card shows it that draws itself."""
        self._lock = threading.Lock()
        self._rows: list[Progress] = []
        self._open: list[Progress] = []
        self._place: _Place | None = None
        self._drawn: object = None
        self._drawn_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._pid = os.getpid()
        self._shell: Any = None

    @property
    def rows(self) -> list[Progress]:
        """The loops, the outer ones first."""
        with self._lock:
            return list(self._rows)

    @property
    def state(self) -> object:
        """Equal to what it was as long as nothing has changed."""
        return [(id(each), each.done, each.status) for each in self.rows]

    def begin(self, progress: Progress) -> None:
        """A loop begins, inside those that are going on."""
        if os.getpid() != self._pid:
            return  # in a forked child nobody looks
        with self._lock:
            depth = len(self._open)
            if depth:
                outer = self._open[-1]
                outer.inner = progress
                del self._rows[self._rows.index(outer) + 1 :]
            self._rows.append(progress)
            del self._rows[:-_MOST_ROWS]
            self._open.append(progress)
        if self._is_drawn_here and not depth:
            with suppress(Exception):  # no bar is worth a loop
                self._begin_drawing()

    def end(self, progress: Progress) -> None:
        """A loop is over, and so are those inside it."""
        with self._lock:
            if progress in self._open:
                del self._open[self._open.index(progress) :]
            if self._open:
                self._open[-1].inner = None
            is_outermost = not self._open
        if self._is_drawn_here and is_outermost:
            self.draw(is_last=True)

    def stop(self, *_: Any) -> None:
        """Nothing goes on any more: the cell or the run has ended, by whatever ended it."""
        with self._lock:
            stopped, self._open = self._open, []
        for progress in stopped:
            progress.stop()
        self._forget_cell()
        if stopped and self._is_drawn_here:
            self.draw(is_last=True)
        if not self.is_shown_elsewhere:
            with self._lock:
                # What another cell shows stands below that cell.
                self._rows, self._place = [], None

    def draw(self, *, is_last: bool = False) -> None:
        """Show how it stands, if that has changed."""
        place, rows = self._place, self.rows
        if place is None or not rows:
            return
        state = self.state
        if state == self._drawn and not is_last:
            return
        self._drawn, self._drawn_at = state, monotonic()
        with suppress(Exception):  # whoever has closed the stream does not want to know
            place.show(rows, is_last=is_last)

    @property
    def _is_drawn_here(self) -> bool:
        return not (self.is_silent or self.is_shown_elsewhere) and os.getpid() == self._pid

    def _begin_drawing(self) -> None:
        if self._place is None:
            self._place = _place()
            self._listen_to_cell()
        if monotonic() - self._drawn_at >= PERIOD:
            self.draw()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="nbtrack-progress", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Draw until a loop has been over for a while: the next one often begins at once."""
        idle = 0
        while idle < 8:
            self._wake.wait(PERIOD)
            idle = 0 if self._open else idle + 1
            if self._open and self._is_drawn_here:
                self.draw()

    def _listen_to_cell(self) -> None:
        """A loop that an error left is kept in its traceback: only the end of the cell tells."""
        shell = interactive_shell()
        if shell is not None and self._shell is None:
            shell.events.register("post_run_cell", self.stop)
            self._shell = shell

    def _forget_cell(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            with suppress(ValueError):
                shell.events.unregister("post_run_cell", self.stop)


def progress_html(rows: Sequence[Progress]) -> str:
    """Bars with words: what is left without styles reads the same."""
    return "".join(f"<div>{_bar(each)}{safe(_words(each))}</div>" for each in rows)


def progress_texts(rows: Sequence[Progress]) -> list[str]:
    """A line for each."""
    return [visible(_words(each)) for each in rows]


def _bar(progress: Progress) -> str:
    # A bar without a value would move for ever in a saved notebook.
    if progress.share is None:
        return ""
    label = escape(visible(shortened(progress.name, _NAME) or "progress")).replace("$", "&#36;")
    return f'<progress value="{progress.share:.4f}" max="1" aria-label="{label}"></progress> '


def _words(progress: Progress) -> str:
    mark = {DONE: "✓ ", RUNNING: ""}.get(progress.status, "■ ")
    return f"{mark}{shortened(progress.words(), 2 * _NAME)}"


class _Place(Protocol):
    """Something that shows loops."""

    def show(self, rows: Sequence[Progress], *, is_last: bool) -> None:
        """Show how they stand."""
        ...


def _place() -> "_Place":
    shell = interactive_shell()
    publisher = getattr(shell, "display_pub", None)
    # The stock publisher prints: it has no place that could be shown anew.
    if publisher is not None and type(publisher).__name__ != "DisplayPublisher":
        return _Output(publisher.publish)
    is_terminal = getattr(sys.stderr, "isatty", bool)()
    return _TerminalLine() if is_terminal else _Lines()


class _Output:
    """An output of a notebook, replaced in place."""

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._id = os.urandom(8).hex()
        self._is_there = False

    def show(self, rows: Sequence[Progress], *, is_last: bool) -> None:
        bundle = {"text/html": progress_html(rows), "text/plain": "\n".join(progress_texts(rows))}
        is_there, self._is_there = self._is_there, True
        self._publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=is_there)


class _TerminalLine:
    """The last line of a terminal, written over."""

    def __init__(self) -> None:
        self._width = 0

    def show(self, rows: Sequence[Progress], *, is_last: bool) -> None:
        import shutil  # lazy: only terminals ask

        room = max(20, shutil.get_terminal_size().columns - 1)
        line = shortened(" | ".join(progress_texts(rows if not is_last else rows[:1])), room)
        sys.stderr.write(f"\r{line:<{min(self._width, room)}}{chr(10) * is_last}")
        sys.stderr.flush()
        self._width = 0 if is_last else len(line)


class _Lines:
    """A file or pipe: a line for each tenth, or each half minute."""

    def __init__(self) -> None:
        self._tenth = 0
        self._at = monotonic()

    def show(self, rows: Sequence[Progress], *, is_last: bool) -> None:
        outer = next((each for each in rows if each.status == RUNNING), rows[-1])
        tenth = int((outer.share or 0.0) * 10 + 1e-9)
        if is_last or tenth > self._tenth or monotonic() - self._at >= _LINE_SECONDS:
            self._tenth, self._at = 0 if is_last else tenth, monotonic()
            print(progress_texts([outer])[0], file=sys.stderr, flush=True)
