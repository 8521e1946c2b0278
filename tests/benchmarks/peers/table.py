"""The table, in Markdown: a row for each work, a column for each peer, footnotes below."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from tests.benchmarks.peers.contestants import Contestant
from tests.benchmarks.peers.work import WORK, Scale


@dataclass
class Table:
    """Grows row by row."""

    columns: Sequence[Contestant]
    scale: Scale
    absent: set[str]
    """Names of the peers that could not be installed."""

    _rows: list[str] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)

    def add(self, work: str, cells: dict[str, str]) -> None:
        """Add a row.

        Args:
            work: The name of the work.
            cells: What each peer reached, by name; one that failed has no cell.
        """
        shown = [self._cell(contestant, work, cells) for contestant in self.columns]
        self._rows.append(f"| {WORK[work].title.format(**asdict(self.scale))} | {' | '.join(shown)} |")

    def as_markdown(self, caption: str) -> str:
        """The table, the line below it, and the footnotes."""
        head = f"| | {' | '.join(contestant.title for contestant in self.columns)} |"
        rule = f"| --- |{' --- |' * len(self.columns)}"
        notes = [f"{number}. {note}" for number, note in enumerate(self._notes, 1)]
        return "\n".join([head, rule, *self._rows, "", caption, "", *notes])

    def _cell(self, contestant: Contestant, work: str, cells: dict[str, str]) -> str:
        if contestant.name in self.absent:
            return "not installed"
        if why := contestant.cannot.get(work):
            return f"—{self._mark(why)}"
        cell = cells.get(contestant.name)
        if cell is None:
            return "failed"
        note = contestant.notes.get(work)
        return f"{cell}{self._mark(note)}" if note else cell

    def _mark(self, note: str) -> str:
        if note not in self._notes:
            self._notes.append(note)
        return f"<sup>{self._notes.index(note) + 1}</sup>"
