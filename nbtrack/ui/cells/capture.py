"""What a tracked cell was set to, what it computed and on which data, recorded without a call.

What the cell logs itself counts more: a captured param gives way to it, and so does a metric.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nbtrack.core import system_tags
from nbtrack.core.cell_reports import Captured
from nbtrack.core.cells import CellStatus
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.capture_options import (
    DATA,
    METRICS,
    PARAMS,
    NameFilter,
    captured_kinds,
)
from nbtrack.ui.cells.tracked_cell import TrackedCell

if TYPE_CHECKING:
    from nbtrack.tracking.cells.captured_names import CapturedNames


@dataclass
class _Seen:
    """What is known of one cell that is being run."""

    names: "CapturedNames"
    points: Mapping[str, int]
    """How many points each metric had when it began: of a run that it goes on with."""
    params: Mapping[str, str]
    """What the run had when it began."""


class CellCapture:
    """Records the params, the metrics and the sizes of data of each tracked cell."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def begin(self, cell: TrackedCell) -> None:
        """Record what the cell is set to, so that it is there whatever becomes of the kernel."""
        kinds, tracker, run = kinds_of(cell) & {PARAMS, METRICS, DATA}, cell.tracker, cell.run
        if not kinds or run is None:
            return
        from nbtrack.tracking.cells.captured_names import CapturedNames  # lazy: `%load_ext` need not wait

        names = NameFilter(tracker.capture_include, tracker.capture_exclude)
        found = CapturedNames(cell.code, cell.shell.user_ns, kinds, names)
        points: dict[str, int] = {}
        held = dict(cell.options.params)
        if run.run_id == cell.options.resume:
            data = run.data
            points = {key: summary.count for key, summary in data.summaries.items()}
            held = dict(data.params)
        self._seen[id(cell)] = seen = _Seen(found, points, held)
        _keep_params(run, seen, _report_of(cell))
        # The cell may end its run itself.
        run.before_end.append(partial(self.end, cell))

    def end(self, cell: TrackedCell) -> None:
        """Record what it computed, as far as it came."""
        seen, run = self._seen.pop(id(cell), None), cell.run
        if seen is None or run is None:
            return
        found, report = seen.names, _report_of(cell)
        has_ended_well = cell.executed is None or cell.executed.status == CellStatus.OK
        found.end(cell.shell.user_ns, is_whole=has_ended_well)
        _keep_params(run, seen, report)
        logged = run.snapshot().data
        for key, value in found.metrics.items():
            count = logged.summaries[key].count if key in logged.summaries else 0
            if count == seen.points.get(key, 0):  # the cell itself has not logged it
                run.log_metric(key, value, step=count)
                report.metrics[key] = value
        if found.data:
            report.data = [str(size) for size in found.data.values()]
            sizes = {size.name: size.described for size in found.data.values()}
            run.set_tags({system_tags.DATA_SIZES: json.dumps(sizes, ensure_ascii=False)})
        report.left_out += found.left_out.items()
        # What the cell has logged itself since is no capture.
        report.params = {key: text for key, text in report.params.items() if logged.params.get(key) == text}


def kinds_of(cell: TrackedCell) -> frozenset[str]:
    """What is captured of a cell; see `tracking/capture_options`.

    Raises:
        NbtrackError: The options of the tracker make no sense.
    """
    return frozenset() if cell.options.no_capture else captured_kinds(cell.tracker.capture)


def _keep_params(run: ActiveRun, seen: _Seen, report: Captured) -> None:
    """Record the params that are known by now and not recorded yet, unless the run had others before."""
    new: dict[str, str] = {}
    for key, text in seen.names.params.items():
        if key not in report.params and seen.params.get(key, text) == text:
            new[key] = text
        elif key not in report.params:
            seen.names.left_out[key] = "the run has another value"
    if new:
        run.assume_params(new)
        report.params |= new


def _report_of(cell: TrackedCell) -> Captured:
    if cell.report.captured is None:
        cell.report.captured = Captured()
    return cell.report.captured
