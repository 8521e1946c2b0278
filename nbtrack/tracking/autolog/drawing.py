"""Pictures of what a training recorded, drawn when nobody waits for them: at the end of the cell or script.

Their data is kept in the run at once, so nothing is lost by a process that is killed before. Whoever asks
for the artifacts of the run earlier finds the pictures too: they are drawn then.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.autolog import cell_end
from nbtrack.tracking.autolog.patching import warn_of

LONGEST = 2.0
"""Seconds of drawing at the end of a cell or script; what is left then waits until somebody asks for it."""

_MOST_WAITING = 500

_waiting: list["_Picture"] = []
_postponed: dict[str, str | None] = {}
"""The runs whose pictures were not drawn when the cell ended, and what their tag said before, by id."""
_ends_with_cell = False
"""Whether the end of the cell is waited for."""
_lock = threading.RLock()


@dataclass(frozen=True)
class _Picture:
    run: ActiveRun
    artifact_file: str
    draw: Callable[[], Any]
    framework: str
    data: Mapping[str, Any] | None

    @property
    def is_text(self) -> bool:
        return self.artifact_file.endswith(".html")

    @property
    def data_file(self) -> str:
        return self.artifact_file.rpartition(".")[0] + ".json"


def draw_later(
    run: ActiveRun,
    artifact_file: str,
    draw: Callable[[], Any],
    framework: str,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Draw a picture into a run when the cell or script ends.

    Args:
        run: It may have ended by then.
        artifact_file: Where it goes.
        draw: Gives the figure, of matplotlib made without pyplot; or the text of the file.
        framework: Whose training it is, for warnings.
        data: What it shows, which is kept at once beside it, as JSON.
    """
    global _ends_with_cell
    picture = _Picture(run, artifact_file, draw, framework, data)
    if data is not None:
        # The disk is waited for when nobody waits for us.
        run._log_soon_again(data, picture.data_file)  # pyright: ignore[reportPrivateUsage]
    with _lock:
        _waiting.append(picture)
        if not _ends_with_cell:
            _ends_with_cell = True
            cell_end.at_end(_draw_all)


def draw_of(run_id: str) -> None:
    """Draw now what waits to be drawn into a run: somebody asks for its artifacts."""
    with _lock:
        due = [picture for picture in _waiting if picture.run.run_id == run_id]
        for picture in due:
            _waiting.remove(picture)
            _draw(picture)
        if due and run_id in _postponed:
            _say_of(due[0].run, _postponed.pop(run_id))


def _draw_all(error: BaseException | None) -> None:
    """Draw for a while; what is left waits until somebody asks for it."""
    global _ends_with_cell
    del error  # what failed later changes nothing about what there is to see
    began = time.monotonic()
    with _lock:
        _ends_with_cell = False
        _waiting.sort(key=lambda picture: picture.is_text, reverse=True)  # texts cost next to nothing
        while _waiting and time.monotonic() - began < LONGEST:
            _draw(_waiting.pop(0))
        del _waiting[:-_MOST_WAITING]
        late = {picture.run.run_id: picture.run for picture in _waiting}
        for run_id, run in late.items():
            if run_id not in _postponed:
                earlier = _postponed[run_id] = run.data.tags.get(system_tags.AUTOLOG_SKIPPED)
                what = f"pictures, until somebody asks for them: drawing took more than {LONGEST:g} s"
                _say_of(run, f"{earlier}; {what}" if earlier else what)


def _say_of(run: ActiveRun, skipped: str | None) -> None:
    with suppress(NbtrackError):  # it may be gone
        if skipped is None:
            run.delete_tag(system_tags.AUTOLOG_SKIPPED)
        else:
            run.set_tag(system_tags.AUTOLOG_SKIPPED, skipped)


def _draw(picture: _Picture) -> None:
    try:
        if picture.data is not None:
            picture.run.log_dict(picture.data, picture.data_file)
        drawn = picture.draw()
        if isinstance(drawn, str):
            picture.run.log_text(drawn, picture.artifact_file)
        else:
            picture.run.log_figure(drawn, picture.artifact_file)
    except Exception as failure:  # noqa: BLE001 - a picture less costs nobody anything
        warn_of(failure, picture.framework, picture.artifact_file)


cell_end.before_reading.append(draw_of)


def _forget_in_child() -> None:
    """A forked child draws nothing of its parent's."""
    global _lock, _ends_with_cell
    _lock = threading.RLock()
    _ends_with_cell = False
    _waiting.clear()
    _postponed.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
