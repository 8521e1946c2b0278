"""Code before and after, beside each other: HTML of two columns, and text of one or two.

A `-` stands before what is gone and a `+` before what is new, so nothing is lost without styles; the
words of a changed line are `<del>` and `<ins>`.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

from nbtrack.core.html_tables import CELL_STYLE, safe
from nbtrack.core.line_differences import LineRow, Span, with_context
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import text_width, visible

_CONTEXT = 3
_TAB = "    "
_HTML_WIDTH = 56
"""Letters of a line of one side in HTML: two sides fit into a notebook; what is longer goes on below."""

_NEAR = 20
"""A line that goes on below breaks behind a space or sign, where there is one among its last letters."""

_LEAST_SIDE = 50
"""Where text leaves each side fewer columns, the code stands below each other."""

# Grey letters stay grey and the page stays light or dark: these only tint it.
_TINTS = {"-": "rgba(248,81,73,.14)", "+": "rgba(46,160,67,.16)"}
_WORD_TINTS = {"-": "rgba(248,81,73,.38)", "+": "rgba(46,160,67,.40)"}
_PRE_STYLE = ' style="margin:0;padding:0;border:0;background:none;white-space:pre;line-height:1.4"'


class Piece(NamedTuple):
    """A stretch of a line."""

    text: str
    """As it is shown: nothing in it steers a terminal."""
    is_marked: bool
    """Whether only this side has it."""


class CodeLine(NamedTuple):
    """A line of one side as it is shown; without pieces it is empty, beside a line of the other side."""

    number: str
    sign: str
    """`-`, `+` or a space."""
    pieces: Sequence[Piece]

    @property
    def text(self) -> str:
        """The code in it."""
        return "".join(piece.text for piece in self.pieces)


def code_view(
    rows: Sequence[LineRow],
    headings: tuple[str, str],
    *,
    width: int | None = None,
    most_lines: int | None = None,
    most_letters: int | None = None,
) -> View:
    """Draw what differs between two texts, with some lines around it.

    Args:
        rows: Their lines beside each other.
        headings: What the two sides are called.
        width: Columns that the text may take; where that is not enough for two sides, and with None,
            the text is a unified diff.
        most_lines: Rows at most; None is any number.
        most_letters: Of a line at most; None is any number.
    """
    return parts_view(
        with_context(rows, _CONTEXT),
        headings,
        width=width,
        most_lines=most_lines,
        most_letters=most_letters,
    )


def parts_view(
    parts: Sequence[Sequence[LineRow]],
    headings: tuple[str, str],
    *,
    width: int | None = None,
    most_lines: int | None = None,
    most_letters: int | None = None,
) -> View:
    """Draw the parts of two texts in which they differ; see `code_view`."""
    shown: list[Sequence[LineRow]] = []
    room = sum(map(len, parts)) if most_lines is None else most_lines
    for part in parts:
        if room > 0:
            shown.append(part[:room])
            room -= len(part)
    left_out = sum(map(len, parts)) - sum(map(len, shown))
    note = f"and {left_out:,} {'line' if left_out == 1 else 'lines'} more" if left_out else ""
    digits = _digits(parts)
    html = _html(shown, digits, headings, most_letters) + (f"<div>{note}</div>" if note else "")
    side = 0 if width is None else (width - 3 - 2 * (digits + 3)) // 2
    if side >= _LEAST_SIDE and not _is_one_sided(shown):
        text = _beside(shown, digits, side, most_letters)
    else:
        text = list(_unified(shown, digits, most_letters))
    return View(html, "\n".join([*text, *([f"… {note}"] if note else [])]))


def _is_one_sided(parts: Sequence[Sequence[LineRow]]) -> bool:
    kinds = {row.kind for part in parts for row in part}
    return kinds <= {"added"} or kinds <= {"removed"}


def _html(
    parts: Sequence[Sequence[LineRow]], digits: int, headings: tuple[str, str], most_letters: int | None
) -> str:
    sides: tuple[list[str], list[str]] = ([], [])
    for at, part in enumerate(parts):
        if at or not _is_beginning(part):
            for side in sides:
                side.append(" ⋯")
        for pair in _lines(part, digits, _HTML_WIDTH, most_letters):
            for side, line in zip(sides, pair, strict=True):
                side.append(_html_line(line))
    one_sided = _is_one_sided(parts)
    columns = [
        (heading, lines)
        for heading, lines in zip(headings, sides, strict=True)
        if not one_sided or any(each.strip(" ⋯") for each in lines)
    ]
    head = "".join(f'<th scope="col"{CELL_STYLE}>{safe(heading)}</th>' for heading, _ in columns)
    style = ' style="text-align:left;vertical-align:top"'
    cells = "".join(f"<td{style}><pre{_PRE_STYLE}>{chr(10).join(lines)}</pre></td>" for _, lines in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"


def _html_line(line: CodeLine) -> str:
    if not line.pieces:
        return " "
    tag = {"-": "del", "+": "ins"}.get(line.sign)
    code = "".join(
        f'<{tag} style="text-decoration:none;background:{_WORD_TINTS[line.sign]}">{safe(piece.text)}</{tag}>'
        if piece.is_marked
        else safe(piece.text)
        for piece in line.pieces
    )
    drawn = f"{line.number} {line.sign} {code}"
    return drawn if tag is None else f'<span style="background:{_TINTS[line.sign]}">{drawn}</span>'


def _beside(
    parts: Sequence[Sequence[LineRow]], digits: int, side: int, most_letters: int | None
) -> list[str]:
    """Text of two columns."""
    pairs: list[tuple[str, str]] = []
    for at, part in enumerate(parts):
        if at or not _is_beginning(part):
            pairs.append((" ⋯", " ⋯"))
        for left, right in _lines(part, digits, side, most_letters):
            pairs.append((_text_line(left), _text_line(right)))
    widest = max(text_width(left) for left, _ in pairs)
    return [f"{left}{' ' * (widest - text_width(left))} │ {right}".rstrip() for left, right in pairs]


def _text_line(line: CodeLine) -> str:
    return f"{line.number} {line.sign} {line.text}".rstrip() if line.pieces else ""


def _unified(parts: Sequence[Sequence[LineRow]], digits: int, most_letters: int | None) -> Iterator[str]:
    """Text of one column: what is gone, then what is new."""
    for at, part in enumerate(parts):
        if at or not _is_beginning(part):
            yield " ⋯"
        for is_same, group in groupby(part, key=lambda row: row.kind == "same"):
            found = list(group)
            if is_same:
                for row in found:
                    yield _text_line(_side(row, digits, most_letters, is_left=False))
                continue
            for is_left in (True, False):
                for row in found:
                    if (line := _side(row, digits, most_letters, is_left=is_left)).pieces:
                        yield _text_line(line)


def _lines(
    part: Sequence[LineRow], digits: int, width: int, most_letters: int | None
) -> Iterator[tuple[CodeLine, CodeLine]]:
    """The lines of both sides; where one is longer than a column, the other has empty lines beside it."""
    for row in _side_by_side(part):
        sides = [_side(row, digits, most_letters, is_left=is_left) for is_left in (True, False)]
        folded = [list(_folded(line, digits, width)) for line in sides]
        for at in range(max(map(len, folded))):
            left, right = (lines[at] if at < len(lines) else CodeLine("", " ", ()) for lines in folded)
            yield left, right


def _side_by_side(part: Sequence[LineRow]) -> Iterator[LineRow]:
    """The rows with removed and added lines that follow each other in one row: it saves room."""
    for is_replaced, group in groupby(part, key=lambda row: row.kind in ("removed", "added")):
        found = list(group)
        if not is_replaced:
            yield from found
            continue
        gone = [row for row in found if row.kind == "removed"]
        come = [row for row in found if row.kind == "added"]
        for at in range(max(len(gone), len(come))):
            old = gone[at] if at < len(gone) else None
            new = come[at] if at < len(come) else None
            yield LineRow(
                "replaced",
                None if old is None else old.left,
                None if old is None else old.before,
                None if new is None else new.right,
                None if new is None else new.after,
            )


def _side(row: LineRow, digits: int, most_letters: int | None, *, is_left: bool) -> CodeLine:
    """One side of a row."""
    number, line, marks, sign = (
        (row.left, row.before, row.before_marks, "-")
        if is_left
        else (row.right, row.after, row.after_marks, "+")
    )
    if number is None or line is None:
        return CodeLine("", " ", ())
    pieces = list(_pieces(line, marks, most_letters)) or [Piece("", False)]
    return CodeLine(f"{number:>{digits}}", " " if row.kind == "same" else sign, pieces)


def _pieces(line: str, marks: Sequence[Span], most_letters: int | None) -> Iterator[Piece]:
    """A line in stretches, as they are shown."""
    end = len(line) if most_letters is None else min(len(line), most_letters)
    at = 0
    for start, stop in (*marks, (len(line), len(line))):
        for low, high, is_marked in ((at, start, False), (start, stop, True)):
            if low < min(high, end):
                yield Piece(visible(line[low : min(high, end)].replace("\t", _TAB)), is_marked)
        at = stop
    if end < len(line):
        yield Piece("…", False)


def _folded(line: CodeLine, digits: int, width: int) -> Iterator[CodeLine]:
    """A line in lines of at most that many columns; the first one has its number."""
    number, pieces = line.number, list(line.pieces)
    rest = line.text
    while text_width(rest) > width:
        fitting = _fitting(rest, width)
        head, pieces = _parted(pieces, fitting)
        yield CodeLine(number, line.sign, head)
        rest, number = rest[fitting:], " " * digits
    yield CodeLine(number, line.sign, pieces)


def _parted(pieces: Sequence[Piece], letters: int) -> tuple[list[Piece], list[Piece]]:
    """The first letters of some pieces, and the others."""
    head: list[Piece] = []
    for at, piece in enumerate(pieces):
        if letters < len(piece.text):
            first, last = (
                Piece(piece.text[:letters], piece.is_marked),
                Piece(piece.text[letters:], piece.is_marked),
            )
            return [*head, *([first] if letters else [])], [last, *pieces[at + 1 :]]
        head.append(piece)
        letters -= len(piece.text)
    return head, []


def _fitting(text: str, width: int) -> int:
    """How many letters of a longer text stand in that many columns: up to a space or sign, if one is near."""
    fitting = width
    if not text.isascii():
        taken = accumulate(map(text_width, text))
        fitting = max(1, next((at for at, columns in enumerate(taken) if columns > width), len(text)))
    for signs in (" ", "(,=.[/"):
        at = max(text.rfind(sign, max(fitting - _NEAR, 0), fitting) for sign in signs)
        if at >= 0 and text[:at].strip():
            return at + 1
    return fitting


def _is_beginning(part: Sequence[LineRow]) -> bool:
    """Whether nothing is left out before a part."""
    return part[0].left in (None, 1) and part[0].right in (None, 1)


def _digits(parts: Sequence[Sequence[LineRow]]) -> int:
    """Columns of the highest number of a line."""
    numbers = (number or 0 for part in parts for row in part for number in (row.left, row.right))
    return len(str(max(numbers, default=0)))
