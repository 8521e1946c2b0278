"""What the parts of nbtrack that look at a tracked cell have to say of it; its card shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nbtrack.core.cells import CellMark
from nbtrack.core.comparisons import ComparedMetric, ComparedText


@dataclass
class Captured:
    """What was recorded of a cell without a call, and what was not."""

    params: dict[str, str] = field(default_factory=dict[str, str])
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    data: list[str] = field(default_factory=list[str])
    """Sizes of data, in words: `X (1,797 x 64)`."""
    files: list[str] = field(default_factory=list[str])
    """Artifacts: the printed output, the figures."""
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Names, and why each was left out: `secret`, `excluded`, `too long` ..."""


@dataclass(frozen=True)
class AttemptChanges:
    """What changed since the attempt before."""

    run_id: str
    """The attempt that this one is compared with."""
    attempt: int
    code: Sequence[str] = ()
    """A unified diff of the tracked cell, without its head: lines that begin with `+`, `-`, ` ` or `@@`."""
    cells: Sequence[str] = ()
    """Other cells of the slice that changed, came or went, a sentence each."""
    params: Sequence[ComparedText] = ()
    """Those that differ: the values before and now."""
    metrics: Sequence[ComparedMetric] = ()
    """Those that differ: the values before and now, with their direction."""


@dataclass
class CellReport:
    """All of it. What is None or empty is not told."""

    lineage: str | None = None
    """The id of the lineage that the run is an attempt of."""
    attempt: int | None = None
    """Which attempt it is, from 1."""
    captured: Captured | None = None
    changes: AttemptChanges | None = None
    marks: list[CellMark] = field(default_factory=list[CellMark])
