"""Lineages: by what a tracked cell is known again, and which attempt of it a run is.

The rules alone: which keys a cell has, and what its source is when nothing else tells it from others.
A store gives the numbers, `stores/local/attempts.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps

from nbtrack.core import system_tags
from nbtrack.core.records import Record

_MAGIC = re.compile(r"\s*%%(track|time|timeit|capture|prun)(\s|$)")
_NUMBERED = re.compile(r"(?P<text>.+)#(?P<attempt>[1-9][0-9]{0,8})", re.DOTALL)


@dataclass(frozen=True)
class CellIdentity(Record):
    """What is known of a tracked cell, to know it again."""

    notebook: str | None = None
    """The absolute path of its notebook; None when nobody tells."""
    folder: str = ""
    """Where the kernel began to work: it stands in for a notebook that nobody tells."""
    name: str | None = None
    """The name that its `%%track` line gives; it wins over everything else."""
    cell_id: str | None = None
    """The id that its notebook keeps of it; None when the front end sends none."""
    passing_id: str | None = None
    """An id that is its own only while this kernel lives."""
    source: str = ""
    """A digest of its code, `source_digest`."""

    @property
    def looked_up(self) -> list[list[str]]:
        """By what it is looked for, the surest first."""
        if self.name is not None:
            return [["name", self.name]]
        if self.cell_id is not None:
            return [["cell", self.cell_id]]
        by_source = [["source", self.source]]
        return by_source if self.passing_id is None else [["passing", self.passing_id], *by_source]

    @property
    def known_by(self) -> list[list[str]]:
        """By what it will be found from now on; where ids are not sent, its source finds it."""
        if self.name is not None or self.cell_id is None:
            return self.looked_up
        return [*self.looked_up, ["source", self.source]]


@dataclass(frozen=True)
class StartedAttempt(Record):
    """A run that was just begun as the next attempt of a lineage."""

    run_id: str
    run_name: str
    lineage: str
    number: int
    """Its number, from 1; two runs of one lineage never have the same."""
    before: str | None = None
    """The id of the attempt with the number before it, deleted or not; None for the first."""


def source_digest(code: str) -> str:
    """A digest of what a cell does: neither cell magics nor empty lines and comments change it."""
    lines = (line.rstrip() for line in code.splitlines())
    kept = [line for line in lines if line and not line.lstrip().startswith("#") and not _MAGIC.match(line)]
    return sha256("\n".join(kept).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def lineage_key(experiment_id: str, place: Sequence[str], identity: Sequence[str]) -> str:
    """32 hex digits for a cell of a notebook in an experiment; its first lineage has them as its id.

    Args:
        experiment_id: Lineages end at the border of an experiment.
        place: What the notebook is, relative to the store, which may be moved with it.
        identity: One of `CellIdentity.looked_up`.
    """
    text = dumps([experiment_id, *place, *identity])
    return sha256(text.encode()).hexdigest()[:32]


def attempt_in(tags: Mapping[str, str]) -> int | None:
    """Which attempt of its lineage a run is, by its tags; None when it is of none."""
    text = tags.get(system_tags.ATTEMPT, "")
    if not tags.get(system_tags.LINEAGE) or not text.isascii() or not text.isdecimal():
        return None
    return int(text[:9])


def attempt_mark(tags: Mapping[str, str]) -> str:
    """What stands behind the name of a run that is not the first of its lineage: ` ↻ 3`."""
    attempt = attempt_in(tags)
    return "" if attempt is None or attempt < 2 else f" ↻ {attempt}"


def split_number(text: str) -> tuple[str, int] | None:
    """What `baseline#2` means: the name and the attempt; None for text without a number."""
    match = _NUMBERED.fullmatch(text)
    return None if match is None else (match["text"], int(match["attempt"]))
