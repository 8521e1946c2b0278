"""What was printed, as one would finally read it, and no more of it than is wanted.

A carriage return writes over a line, as progress bars do; colours are left out; the escape sequences
that move the cursor up and down are followed, as nested bars need them. Of a long text the beginning
and the end are kept. Text is taken in piece by piece, and memory does not grow with it.
"""

import re
from collections import deque

MOST = 1_000_000
"""Characters that are kept of a text."""

_CONTROL = re.compile(r"[\r\x08\x1b]")
_PIECE = re.compile(
    r"[^\n\r\x08\x1b]+|\n|\r|\x08|\x1b\[([0-9;?]*)[ -/]*([@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|\x1b"
)
_HALF = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|\][^\x07\x1b]{0,4000}\x1b?)?\Z")
"""An escape sequence whose rest comes with the next piece."""

_LIVE_ROWS, _LONGEST_ROW, _WIDEST = 100, 100_000, 10_000


class PrintedText:
    """Takes in what is printed.

    Args:
        most: How many characters are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept = _Ends(most)
        self._rows = [""]
        self._row = self._column = 0
        self._half = ""

    def add(self, text: str) -> None:
        """Take in a piece of what is printed; it may begin and end anywhere."""
        text = self._half + text
        self._half = ""
        most = max(self._most, _LONGEST_ROW)
        if len(text) > 4 * most:
            self.add(text[: 2 * most])
            self._row, self._column = len(self._rows) - 1, len(self._rows[-1])
            self._let_go(0)
            middle = text[2 * most : -2 * most]
            self._kept.leave_out(len(middle), middle.count("\n"))
            text = text[-2 * most :]
        if _CONTROL.search(text) or not self._is_at_end():
            if half := _HALF.search(text, max(0, len(text) - 4100)):
                self._half, text = half[0], text[: half.start()]
            self._follow(text)
        else:
            rows = text.split("\n")
            rows[0] = self._rows[-1] + rows[0]
            self._rows[-1:] = rows
            self._row, self._column = len(self._rows) - 1, len(self._rows[-1])
        if len(self._rows) > 2 * _LIVE_ROWS or len(self._rows[-1]) > _LONGEST_ROW:
            self._let_go(_LIVE_ROWS)

    def part(self) -> None:
        """What comes next stands in a line of its own, as from another stream."""
        self._half = ""
        self._row = len(self._rows) - 1
        if self._rows[-1]:
            self._rows.append("")
            self._row += 1
        self._column = 0

    def text(self) -> str:
        """All of it; where something is left out, a line says so."""
        return self._kept.text("\n".join(self._rows))

    def _is_at_end(self) -> bool:
        return self._row == len(self._rows) - 1 and self._column == len(self._rows[-1])

    def _let_go(self, rows: int) -> None:
        """Be done with all but the last rows, and with a last one that is too long."""
        done = max(0, min(len(self._rows) - max(rows, 1), self._row))
        if done:
            self._kept.add("\n".join(self._rows[:done]) + "\n")
            del self._rows[:done]
            self._row -= done
        if self._is_at_end() and (len(self._rows[-1]) > _LONGEST_ROW or not rows):
            self._kept.add("\n".join(self._rows))
            self._rows, self._row, self._column = [""], 0, 0

    def _follow(self, text: str) -> None:
        for match in _PIECE.finditer(text):
            piece = match[0]
            if piece == "\n":
                if self._row == len(self._rows) - 1:
                    self._rows.append("")
                self._row += 1
                self._column = 0
            elif piece == "\r":
                self._column = 0
            elif piece == "\x08":
                self._column = max(0, self._column - 1)
            elif piece[0] == "\x1b":
                if match[2]:
                    self._obey(match[2], match[1])
            else:
                self._write(piece)
            if len(self._rows) > 4 * _LIVE_ROWS:
                self._let_go(_LIVE_ROWS)

    def _write(self, text: str) -> None:
        line, column = self._rows[self._row], self._column
        if column == len(line):
            line += text
        elif column > len(line):
            line = line.ljust(column) + text
        else:
            line = (line[:column] + text + line[column + len(text) :]).rstrip(" ")
        self._rows[self._row] = line
        self._column = column + len(text)

    def _obey(self, command: str, arguments: str) -> None:
        first = arguments.split(";")[0]
        number = int(first[:6]) if first.isdecimal() else 0
        many = max(number, 1)
        line = self._rows[self._row]
        if command == "A":
            self._row = max(0, self._row - many)
        elif command == "B":
            self._row = min(len(self._rows) - 1, self._row + many)
        elif command == "C":
            self._column = min(self._column + many, max(_WIDEST, self._column))
        elif command == "D":
            self._column = max(0, self._column - many)
        elif command == "G":
            self._column = min(many - 1, _WIDEST)
        elif command == "K":
            kept = {0: line[: self._column], 1: " " * self._column + line[self._column :]}
            self._rows[self._row] = kept.get(number, "")
        elif command == "J" and number == 0:
            self._rows[self._row] = line[: self._column]
            del self._rows[self._row + 1 :]


class _Ends:
    """The beginning and the end of a text."""

    def __init__(self, most: int) -> None:
        self._room = self._most = most // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._tail_size = self._left_out = self._left_out_lines = 0

    def add(self, text: str) -> None:
        if self._room:
            if len(text) <= self._room:
                self._head.append(text)
                self._room -= len(text)
                return
            end = _last_break(text, self._room)
            self._head.append(text[:end])
            self._room = 0
            text = text[end:]
        self._tail.append(text)
        self._tail_size += len(text)
        self._cut()

    def leave_out(self, size: int, lines: int) -> None:
        """Know of text that was never added; what is in the tail stands before it."""
        for each in self._tail:
            size, lines = size + len(each), lines + each.count("\n")
        self._room = self._tail_size = 0
        self._tail.clear()
        self._left_out += size
        self._left_out_lines += lines

    def text(self, end: str) -> str:
        """All that is kept, and what comes last."""
        if self._room >= len(end):
            return "".join(self._head) + end
        self.add(end)
        head, tail = "".join(self._head), "".join(self._tail)
        if not self._left_out:
            return head + tail
        begin = "" if head.endswith("\n") or not head else "\n"
        lines = f"{self._left_out_lines:,} lines, " if self._left_out_lines > 1 else ""
        return f"{head}{begin}[... {lines}{self._left_out:,} characters left out ...]\n{tail}"

    def _cut(self) -> None:
        while self._tail_size > self._most:
            first = self._tail.popleft()
            over = self._tail_size - self._most
            if over < len(first):
                start = first.find("\n", over) + 1 or over
                self._tail.appendleft(first[start:])
                first = first[:start]
            self._tail_size -= len(first)
            self._left_out += len(first)
            self._left_out_lines += first.count("\n")


def _last_break(text: str, end: int) -> int:
    """Where to cut a text: after its last line that fits, else after a word."""
    return text.rfind("\n", 0, end) + 1 or text.rfind(" ", 0, end) + 1 or end
