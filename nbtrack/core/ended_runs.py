"""Runs that are kept when they have happened already, such as the candidates of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbtrack.core.datasets import DatasetInput
from nbtrack.core.entities import RunStatus
from nbtrack.core.records import Record


@dataclass(frozen=True)
class EndedRun(Record):
    """What is to be kept of one of them."""

    run_name: str
    """For people."""
    start_time: int
    """Milliseconds since 1970, UTC."""
    end_time: int
    """Milliseconds since 1970, UTC; the time of its points too."""
    status: str = RunStatus.FINISHED
    """FINISHED, FAILED or KILLED."""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    points: Sequence[tuple[str, float, int]] = ()
    """Points of metrics: key, value, step."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    inputs: Sequence[DatasetInput] = ()
    """The data sets it used."""
