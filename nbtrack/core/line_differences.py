"""Two texts line by line, beside each other: which lines are the same, changed, removed and added.

Lines that stand once in both texts hold the alignment (as in Git's patience), so that code which moved
together stays together; every step has a bound, so that a cell of thousands of lines takes
milliseconds. What is said of (a, b) is the mirror of what is said of (b, a).
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby, pairwise

from nbtrack.core.records import Record

Span = tuple[int, int]
"""Where something begins in a line, and where it ends."""

# A number counts as one word: 0.1 becomes 0.05, not 0.[1 -> 05].
_WORD = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|\s+|.", re.DOTALL)
_PLACE = re.compile(r"@@ -(\d+),\d+ \+(\d+),\d+ @@")
_ALIKE = 0.4
"""From here on a removed line and an added one count as one line that changed."""

_MOST_COMPARED = 4_000
"""Pairs of lines that are aligned one with each other, without lines that hold the alignment."""

_NEARBY = 8
"""Of more lines, each is compared with so many on the other side."""

_MOST_WORDS = 20_000
"""Pairs of words likewise."""

_MOST_LETTERS = 2_000
"""Of longer lines the words are not compared."""


@dataclass(frozen=True)
class LineRow(Record):
    """A line of the text before and the line of the text after that it belongs to."""

    kind: str
    """`same`, `changed`, `removed` or `added`."""
    left: int | None = None
    """Number of the line before, counted from 1; None for an added one."""
    before: str | None = None
    right: int | None = None
    """Number of the line after; None for a removed one."""
    after: str | None = None
    before_marks: tuple[Span, ...] = ()
    """Of a changed line, the words that are gone."""
    after_marks: tuple[Span, ...] = ()
    """Of a changed line, the words that are new."""

    def mirrored(self) -> "LineRow":
        """The row of the comparison the other way round."""
        kind = {"removed": "added", "added": "removed"}.get(self.kind, self.kind)
        return LineRow(
            *(kind, self.right, self.after, self.left, self.before), self.after_marks, self.before_marks
        )


def line_rows(before: str, after: str) -> tuple[LineRow, ...]:
    """Put two texts beside each other, line by line.

    The lines of all rows, joined, are the texts again. Between rows that both texts have,
    removed lines stand before added ones.
    """
    if after < before:
        # One order for both ways round, since of equally good alignments the first is taken.
        return _parted([row.mirrored() for row in line_rows(after, before)])
    left, right = before.split("\n"), after.split("\n")
    rows: list[LineRow] = []
    done = (0, 0)
    for start, end in (*_equal_lines(left, right), (len(left), len(right))):
        rows += _replaced(left, right, done, (start, end))
        if start < len(left) and end < len(right):
            rows.append(LineRow("same", start + 1, left[start], end + 1, right[end]))
        done = (start + 1, end + 1)
    return _parted(rows)


def unified(rows: Sequence[LineRow], context: int = 3) -> list[str]:
    """The rows as the lines of a unified diff, without its head; nothing where nothing differs."""
    lines: list[str] = []
    for part in with_context(rows, context):
        lines.append(_place_of(part))
        for is_same, group in groupby(part, key=lambda row: row.kind == "same"):
            shown = list(group)
            if is_same:
                lines += [f" {row.before}" for row in shown]
                continue
            lines += [f"-{row.before}" for row in shown if row.before is not None]
            lines += [f"+{row.after}" for row in shown if row.after is not None]
    return lines


def parts_of_unified(lines: Sequence[str]) -> list[list[LineRow]]:
    """The parts that `unified` made such lines of; what is no unified diff gives none."""
    parts: list[list[LineRow]] = []
    hunks: list[tuple[int, int, list[str]]] = []
    for line in lines:
        if match := _PLACE.fullmatch(line):
            hunks.append((int(match[1]), int(match[2]), []))
        elif hunks and line[:1] in (" ", "-", "+"):
            hunks[-1][2].append(line)
    for first, first_right, held in hunks:
        before, after = ([line[1:] for line in held if line[0] in (" ", sign)] for sign in "-+")
        if not before or not after:
            sign = "removed" if before else "added"
            numbers = enumerate(before or after, start=first if before else first_right)
            parts.append(
                [
                    LineRow(sign, at, line) if before else LineRow(sign, right=at, after=line)
                    for at, line in numbers
                ]
            )
            continue
        shifted = [
            replace(
                row, left=row.left and row.left + first - 1, right=row.right and row.right + first_right - 1
            )
            for row in line_rows("\n".join(before), "\n".join(after))
        ]
        parts.append(shifted)
    return parts


def with_context(rows: Sequence[LineRow], context: int = 3) -> list[Sequence[LineRow]]:
    """The parts of the rows that differ, each with some lines before and after it.

    Args:
        rows: All rows.
        context: So many lines that are the same stand before and after what differs.
    """
    parts: list[tuple[int, int]] = []
    for at, row in enumerate(rows):
        if row.kind == "same":
            continue
        start, end = at - context, at + context + 1
        # A gap of one line takes as much room as the sign that something is left out.
        start, end = 0 if start <= 1 else start, len(rows) if end >= len(rows) - 1 else end
        if parts and start <= parts[-1][1] + 1:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return [rows[start:end] for start, end in parts]


def changed_lines(rows: Sequence[LineRow]) -> int:
    """How many lines differ; a changed line counts once."""
    return sum(row.kind != "same" for row in rows)


def likeness(before: "Counter[str]", after: "Counter[str]") -> float:
    """How much two bags of words have in common, from 0 to 1 (Dice)."""
    total = before.total() + after.total()
    if not total:
        return 1.0
    small, large = (before, after) if len(before) <= len(after) else (after, before)
    return 2 * sum(min(count, large[word]) for word, count in small.items()) / total


def words_of(text: str) -> "Counter[str]":
    """The words of a text, each as often as it is there; names and numbers, without signs and spaces."""
    return Counter(word for word in _WORD.findall(text) if word[0].isalnum() or word[0] == "_")


def _parted(rows: list[LineRow]) -> tuple[LineRow, ...]:
    """The rows with removed lines before added ones, wherever nothing stands between them."""
    ordered: list[LineRow] = []
    for is_held, group in groupby(rows, key=lambda row: row.kind in ("same", "changed")):
        found = list(group)
        ordered += found if is_held else sorted(found, key=lambda row: row.kind != "removed")
    return tuple(ordered)


def _equal_lines(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Which lines are the same, as indexes that rise on both sides."""
    found: list[tuple[int, int]] = []
    waiting = [(0, len(left), 0, len(right))]
    while waiting:
        low, high, from_, to = waiting.pop()
        while low < high and from_ < to and left[low] == right[from_]:
            found.append((low, from_))
            low, from_ = low + 1, from_ + 1
        while low < high and from_ < to and left[high - 1] == right[to - 1]:
            high, to = high - 1, to - 1
            found.append((high, to))
        if low == high or from_ == to:
            continue
        anchors = _anchors(left, right, (low, high, from_, to))
        if anchors:
            found += anchors
            edges = [(low - 1, from_ - 1), *anchors, (high, to)]
            waiting += [
                (start + 1, end, start_right + 1, end_right)
                for (start, start_right), (end, end_right) in pairwise(edges)
            ]
        elif (high - low) * (to - from_) <= _MOST_COMPARED:
            blocks = SequenceMatcher(None, left[low:high], right[from_:to], autojunk=False)
            for at, at_right, size in blocks.get_matching_blocks():
                found += [(low + at + more, from_ + at_right + more) for more in range(size)]
    return sorted(found)


def _anchors(
    left: Sequence[str], right: Sequence[str], part: tuple[int, int, int, int]
) -> list[tuple[int, int]]:
    """Lines that stand once on both sides: as many as rise on both."""
    low, high, from_, to = part
    counts, counts_right = Counter(left[low:high]), Counter(right[from_:to])
    places = {right[at]: at for at in range(from_, to)}
    pairs = [
        (at, places[left[at]])
        for at in range(low, high)
        # An empty line says nothing about what belongs together.
        if counts[left[at]] == 1 and counts_right[left[at]] == 1 and left[at].strip()
    ]
    return [pairs[index] for index in longest_rising([place for _, place in pairs])]


def longest_rising(values: Sequence[int]) -> list[int]:
    """Indexes of a longest part of different values that rises, in order."""
    tails: list[int] = []
    tail_at: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values):
        at = bisect_left(tails, value)
        before.append(tail_at[at - 1] if at else -1)
        if at == len(tails):
            tails.append(value)
            tail_at.append(index)
        else:
            tails[at], tail_at[at] = value, index
    chosen: list[int] = []
    index = tail_at[-1] if tail_at else -1
    while index >= 0:
        chosen.append(index)
        index = before[index]
    return chosen[::-1]


def _replaced(
    left: Sequence[str], right: Sequence[str], start: tuple[int, int], end: tuple[int, int]
) -> Iterator[LineRow]:
    """The rows between two lines that are the same: what was removed, added, or changed."""
    olds, news = range(start[0], end[0]), range(start[1], end[1])
    pairs = _alike([left[at] for at in olds], [right[at] for at in news]) if olds and news else []
    done = (0, 0)
    for at, at_right in (*pairs, (len(olds), len(news))):
        yield from (LineRow("removed", olds[each] + 1, left[olds[each]]) for each in range(done[0], at))
        for each in range(done[1], at_right):
            yield LineRow("added", right=news[each] + 1, after=right[news[each]])
        if at < len(olds) and at_right < len(news):
            old, new = left[olds[at]], right[news[at_right]]
            yield LineRow("changed", olds[at] + 1, old, news[at_right] + 1, new, *_marks(old, new))
        done = (at + 1, at_right + 1)


def _alike(olds: Sequence[str], news: Sequence[str]) -> list[tuple[int, int]]:
    """Which removed and added lines are the same line, changed; as indexes that rise on both sides."""
    bags, bags_right = [_bag(line) for line in olds], [_bag(line) for line in news]
    if len(olds) * len(news) > _MOST_COMPARED:
        return _alike_nearby(bags, bags_right)
    likes = [[likeness(bag, other) for other in bags_right] for bag in bags]
    # best[i][j]: the most likeness that the lines from i and j on can have together.
    best = [[0.0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for at in reversed(range(len(olds))):
        for at_right in reversed(range(len(news))):
            like = likes[at][at_right]
            together = best[at + 1][at_right + 1] + like if like >= _ALIKE else 0.0
            best[at][at_right] = max(best[at + 1][at_right], best[at][at_right + 1], together)
    pairs: list[tuple[int, int]] = []
    at = at_right = 0
    while at < len(olds) and at_right < len(news):
        like, most = likes[at][at_right], best[at][at_right]
        if like >= _ALIKE and most == best[at + 1][at_right + 1] + like:
            pairs.append((at, at_right))
            at, at_right = at + 1, at_right + 1
        elif most == best[at + 1][at_right]:
            at += 1
        else:
            at_right += 1
    return pairs


def _alike_nearby(
    bags: "Sequence[Counter[str]]", bags_right: "Sequence[Counter[str]]"
) -> list[tuple[int, int]]:
    """The same of many lines: each looks only at the next few on the other side."""
    pairs: list[tuple[int, int]] = []
    done = 0
    for at, bag in enumerate(bags):
        nearby = range(done, min(done + _NEARBY, len(bags_right)))
        likes = [(likeness(bag, bags_right[other]), -other) for other in nearby]
        if likes and max(likes)[0] >= _ALIKE:
            done = -max(likes)[1]
            pairs.append((at, done))
            done += 1
    return pairs


def _bag(line: str) -> "Counter[str]":
    """The words and signs of a line, by which lines are alike."""
    return Counter(word for word in _WORD.findall(line[:_MOST_LETTERS]) if not word.isspace())


def _marks(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The words that only one of two lines has; nothing where all of them differ."""
    if max(len(old), len(new)) > _MOST_LETTERS:
        return (), ()
    words, others = _WORD.findall(old), _WORD.findall(new)
    if len(words) * len(others) > _MOST_WORDS:
        return (), ()
    starts, starts_right = _starts(words), _starts(others)
    gone: list[Span] = []
    come: list[Span] = []
    for kind, low, high, from_, to in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        _mark(gone, old, (starts[low], starts[high]))
        _mark(come, new, (starts_right[from_], starts_right[to]))
    return tuple(gone), tuple(come)


def _starts(words: Sequence[str]) -> list[int]:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return starts


def _mark(marks: list[Span], line: str, span: Span) -> None:
    """Add a span; with the one before it, where only spaces stand between them."""
    if span[0] == span[1]:
        return
    if marks and not line[marks[-1][1] : span[0]].strip():
        marks[-1] = (marks[-1][0], span[1])
    else:
        marks.append(span)


def _place_of(part: Sequence[LineRow]) -> str:
    """Where a part of a unified diff stands, as Git writes it."""
    sides: list[str] = []
    for sign, numbers in (("-", [row.left for row in part]), ("+", [row.right for row in part])):
        known = [number for number in numbers if number is not None]
        sides.append(f"{sign}{known[0] if known else 0},{len(known)}")
    return f"@@ {' '.join(sides)} @@"
