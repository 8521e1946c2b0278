"""What a cell prints: both streams, in order, also from threads and from what has held a stream for long."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from nbtrack.core.printed_text import PrintedText
from nbtrack.ui.cells.stand_ins import StandIn

_STREAMS = ("stdout", "stderr")
_MOST_WAITING = 65_536
"""Characters after which they are folded: seldom enough to cost little, and soon enough to need no memory."""


class PrintedOutput:
    """Takes in what is written to the streams, from `follow` to `stop`.

    Args:
        is_shown: Whether IPython is writing what it shows itself: displays, values, tracebacks. In a
            kernel those are no text of the streams; None: it never does.
    """

    def __init__(self, is_shown: Callable[[], bool] | None = None) -> None:
        self._text = PrintedText()
        self._waiting: deque[str | None] = deque()
        self._size = 0
        self._stream = ""
        self._is_shown = is_shown
        self._folding = threading.Lock()
        self._process = os.getpid()
        self._stand_ins: list[StandIn] = []
        self._followed: list[Any] = []

    def follow(self) -> None:
        """Take in what goes to `sys.stdout` and `sys.stderr` as they are now, as well as to earlier ones."""
        for name in _STREAMS:
            stream = getattr(sys, name)
            if any(stream is other for other in self._followed):
                continue
            try:
                self._stand_ins.append(StandIn(stream, "write", self._teller(name)))
            except (AttributeError, TypeError):
                continue  # there is none, or it cannot be followed
            self._followed.append(stream)

    def stop(self) -> Exception | None:
        """Leave the streams alone; what went wrong in following them."""
        for stand_in in reversed(self._stand_ins):
            stand_in.remove()
        return next((each.error for each in self._stand_ins if each.error is not None), None)

    def text(self) -> str:
        """What was printed, as one would finally read it."""
        with self._folding:
            self._fold()
        return self._text.text()

    def _teller(self, stream: str) -> Callable[..., None]:
        waiting, is_shown = self._waiting, self._is_shown

        def tell(text: str, *_: Any) -> None:
            if type(text) is not str or (is_shown is not None and is_shown()):
                return
            if self._stream != stream:
                self._stream = stream
                waiting.append(None)
            waiting.append(text)
            self._size += len(text)
            if self._size > _MOST_WAITING:
                self._fold_soon()

        return tell

    def _fold_soon(self) -> None:
        # A signal handler may print while its own thread folds: never wait here.
        if self._folding.acquire(blocking=False):
            try:
                if os.getpid() == self._process:
                    self._fold()
                else:
                    self._waiting.clear()  # a forked child, whose text nobody will ask for
            finally:
                self._folding.release()

    def _fold(self) -> None:
        self._size = 0
        pieces: list[str] = []
        for _ in range(len(self._waiting)):
            piece = self._waiting.popleft()
            if piece is not None:
                pieces.append(piece)
                continue
            self._text.add("".join(pieces))
            pieces.clear()
            self._text.part()
        self._text.add("".join(pieces))
