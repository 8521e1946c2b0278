"""Timing: many calls, the floor and ours in turn, so that both meet the same noise."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    floor: str
    goal: str
    ratio: float | None = None
    """Ours divided by the floor, median against median."""

    def as_markdown(self) -> str:
        """The line, in Markdown."""
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}x"
        return f"| {self.what} | {self.ours} | {self.floor} | {ratio} | {self.goal} |"


HEADER = "| what | nbtrack | floor, same run | ratio | goal |\n| --- | --- | --- | --- | --- |"


def in_turn(
    ours: Callable[[int], object], floor: Callable[[int], object], calls: int
) -> tuple[list[int], list[int]]:
    """Time two things alternately.

    Args:
        ours: Called with 0, 1, 2, ...
        floor: Called with the same numbers.
        calls: How often each.

    Returns:
        Nanoseconds of each call, sorted: ours, the floor's.
    """
    own: list[int] = []
    bare: list[int] = []
    for index in range(calls):
        start = perf_counter_ns()
        floor(index)
        middle = perf_counter_ns()
        ours(index)
        own.append(perf_counter_ns() - middle)
        bare.append(middle - start)
    return sorted(own), sorted(bare)


def median(times: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(times)


def percentile(times: Sequence[int], share: float) -> int:
    """The time that `share` of the calls do not exceed; `times` is sorted."""
    return times[min(len(times) - 1, int(len(times) * share))]


def shown(nanoseconds: float) -> str:
    """A time for people: `1.9 µs`, `330 µs`, `12.5 ms`."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def whole_processes(programs: Sequence[str], runs: int) -> list[list[int]]:
    """Time Python programs as whole processes, in turn, each in an empty folder.

    Modules are compiled, as pip leaves them: the warm-up does it where Python is told not to keep
    what it compiles, as on many a build machine.

    Returns:
        For each program the nanoseconds of its runs, sorted; one warm-up is not counted.
    """
    times: list[list[int]] = [[] for _ in programs]
    with tempfile.TemporaryDirectory() as compiled:
        for run in range(runs + 1):
            for program, own in zip(programs, times, strict=True):
                with tempfile.TemporaryDirectory() as folder:
                    env = {**clean_environment(folder), "PYTHONPYCACHEPREFIX": compiled}
                    env.pop("PYTHONDONTWRITEBYTECODE", None)
                    start = perf_counter_ns()
                    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, env=env)
                    took = perf_counter_ns() - start
                if run:
                    own.append(took)
    return [sorted(own) for own in times]


def clean_environment(home: str | Path) -> dict[str, str]:
    """The environment without settings of trackers; its home is `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "MLFLOW_"))}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
