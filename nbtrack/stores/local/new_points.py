"""What was logged since somebody looked last: for pictures of a run that goes on.

It reads the ends of the segments and nothing else: no document, no summary, no lock.
"""

import os
import sys
from collections.abc import Mapping

from nbtrack.core.errors import StoreError
from nbtrack.stores.local import metric_log
from nbtrack.stores.local.folding import by_key
from nbtrack.stores.local.metric_frames import ARRAY_BYTES, FRAME_BYTES
from nbtrack.stores.local.metric_log import START, SegmentMark

NewPoints = dict[str, tuple[list[int], list[float]]]

_FEW_BYTES = 64 * FRAME_BYTES
"""From so many on arrays are faster, where numpy has been imported already."""


def new_points(folder: str, marks: Mapping[str, SegmentMark]) -> tuple[NewPoints, dict[str, SegmentMark]]:
    """Read the points that were appended to the segments of a run after `marks`.

    Args:
        folder: The run's folder.
        marks: What the call before returned; empty reads from the beginning.

    Returns:
        Steps and values of each metric, in the order written by each process, and the marks to pass
        next time. A segment that cannot be read is left for then.
    """
    found: NewPoints = {}
    now = dict(marks)
    arrays_from = _FEW_BYTES if "numpy" in sys.modules else ARRAY_BYTES
    for name in metric_log.segments(folder):
        path, mark = os.path.join(folder, name), now.get(name, START)
        try:
            if os.stat(path).st_size - mark.end < FRAME_BYTES:
                continue
            tail = metric_log.read_tail(path, mark, arrays_from=arrays_from)
        except (OSError, StoreError):
            continue
        now[name] = tail.mark
        for number, steps, _, values in by_key(tail.decoded):
            key = tail.mark.keys[number] if number < len(tail.mark.keys) else ""
            if not key:
                continue
            if tail.decoded.in_arrays:
                steps, values = steps.tolist(), values.tolist()
            held = found.setdefault(key, ([], []))
            held[0].extend(steps)
            held[1].extend(values)
    return found, now
