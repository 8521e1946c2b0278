"""A run that goes on, as its card shows it: read by a thread from the end of its metric log.

What is being logged waits for none of it. The thread rests a hundred and fifty times as long as it has
worked, so it takes little of the machine however much there is to draw, and it draws only what has changed.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from time import localtime, monotonic, strftime, thread_time
from typing import Any

from nbtrack.core.cell_card import Drawing
from nbtrack.core.curve_svg import curves_html
from nbtrack.core.curves import Curve
from nbtrack.core.entities import Run, RunData
from nbtrack.core.static_views import View
from nbtrack.core.system_metric_names import is_system_metric
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.progress_board import progress_html, progress_texts

MOST_HZ = 5.0
_REST = 150
"""So many times as long as an update took of the processor, the thread waits at least for the next.

As much again is spent by the kernel's own thread that sends it, and by the loop that has to fetch its data
anew: measured, all of it is 1 % of a loop.
"""

_LONGEST_REST = 5.0
_RECENT = 5.0
"""Seconds over which the speed is taken."""


class LiveRun:
    """What is known of a run that goes on. Only one thread reads at a time."""

    def __init__(self, run: ActiveRun) -> None:
        self._run = run
        self._board = run.progress_board
        self._board.is_shown_elsewhere = True
        self._place: Any = None
        self._curves: dict[str, Curve] = {}
        self._snapshot = run.snapshot()
        self._nested: Run | None = None
        self._speeds: dict[str, list[tuple[float, int, int]]] = {}
        """When how many points had been read, and the step of the last, by metric."""
        self._snapshot_at = monotonic()
        self._snapshot_rest = 0.25
        self._state: Any = None

    def read(self) -> bool:
        """Take what is new; True when there is something."""
        now = monotonic()
        points, self._place = self._run.points_since(self._place)
        for key, (steps, values) in points.items():
            curve = self._curves.get(key)
            if curve is None:
                curve = self._curves[key] = Curve(key)
            curve.add(steps, values)
            seen = self._speeds.setdefault(key, [])
            seen.append((now, curve.count, steps[-1]))
            while len(seen) > 2 and now - seen[1][0] > _RECENT:
                del seen[0]
        if now - self._snapshot_at >= self._snapshot_rest:
            # Params and tags come at the beginning, mostly, and reading them takes longer than points do.
            self._snapshot_at, self._snapshot_rest = now, min(30.0, 2 * self._snapshot_rest)
            self._snapshot = self._run.snapshot()
        self._nested = self._run.latest_nested()
        held, nested = self._snapshot.data, self._nested
        state = (
            {key: curve.count for key, curve in self._curves.items()},
            self._board.state,
            None if nested is None else (nested.info.run_id, nested.info.status, dict(nested.data.metrics)),
            (len(held.params), dict(held.tags)),
        )
        is_new, self._state = state != self._state, state
        return is_new

    def run(self) -> Run:
        """The run as it stands, with the points that have been read."""
        held = self._snapshot.data
        curves = self._curves.values()
        summaries = {curve.key: curve.summary() for curve in curves}
        metrics = {key: summary.last for key, summary in summaries.items()}
        sketches = {curve.key: curve.sketch() for curve in curves}
        return replace(self._snapshot, data=RunData(metrics, held.params, held.tags, summaries, sketches))

    def drawing(self) -> Drawing:
        """What the card shows of it while it goes on."""
        nested = self._nested
        return Drawing(
            nested=[] if nested is None else [nested],
            nested_count=len(self._run.nested_ids),
            pictures=self.pictures,
            progress=self.progress,
            facts=[("speed", speed)] if (speed := self._speed()) else [],
            # A kernel that is killed leaves this card, which must not look like now for ever.
            note=f"drawn {strftime('%H:%M:%S', localtime())}",
        )

    @property
    def pictures(self) -> str:
        """The curves, as HTML."""
        return curves_html([each for key, each in self._curves.items() if not is_system_metric(key)])

    @property
    def progress(self) -> View | None:
        """How far loops are; None when there are none."""
        rows = self._board.rows
        return View(progress_html(rows), "\n".join(progress_texts(rows))) if rows else None

    def _speed(self) -> str:
        """How fast the metric with the most points goes on, in steps or points a second."""
        training = [key for key in self._curves if not is_system_metric(key)]
        if not training:
            return ""
        seen = self._speeds[max(training, key=lambda key: self._curves[key].count)]
        (begin, count, step), (end, last_count, last_step) = seen[0], seen[-1]
        if not end > begin:
            return ""
        steps = (last_step - step) / (end - begin)
        if steps > 0:
            return f"{rate(steps)} steps/s"
        return f"{rate((last_count - count) / (end - begin))} points/s"


def rate(value: float) -> str:
    """A rate in as many digits as hold still."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Updates:
    """Calls a function now and then in a thread of its own, until it is told to stop."""

    def __init__(self, update: Callable[[], bool], hz: float) -> None:
        """Begin at once.

        Args:
            update: What it calls; it says whether to go on.
            hz: How often a second at most.
        """
        self._update = update
        self._period = 1 / min(MOST_HZ, max(hz, 0.01))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="nbtrack-live-card", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call no more; a call that is under way ends first, if it takes no longer than a second."""
        self._stopping.set()
        self._thread.join(1.0)

    def _work(self) -> None:
        rest = self._period
        while not self._stopping.wait(rest):
            began = thread_time()
            if not self._update():
                return
            rest = max(self._period, min(_LONGEST_REST, _REST * (thread_time() - began)))
