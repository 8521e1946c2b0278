"""Numbers, times and tables as text: for terminals, screen readers and the HTML beside it."""

import math
from collections.abc import Container, Sequence
from time import time

_BLOCKS = "▁▂▃▄▅▆▇█"
_LEAST_FOLDED = 24
"""Columns that a folded column has at least."""


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """A curve in block characters, at most `width` of them; empty for fewer than two values."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    if len(finite) > width:
        # The mean of each stretch: with one character a stretch, its two extremes do not fit.
        finite = [
            math.fsum(stretch) / len(stretch)
            for index in range(width)
            if (stretch := finite[index * len(finite) // width : (index + 1) * len(finite) // width])
        ]
    low, high = min(finite), max(finite)
    span = high - low
    if not span or not math.isfinite(span):
        return _BLOCKS[0] * len(finite)
    return "".join(_BLOCKS[min(7, int((value - low) / span * 8))] for value in finite)


def number(value: float) -> str:
    """A number in at most about four digits that matter: `0.9737`, `1.2e-05`, `12,000`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}" if value or math.copysign(1, value) > 0 else "-0"
    if 1e-4 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    return f"{value:.3g}"


def duration(milliseconds: float) -> str:
    """How long: `12 ms`, `3.4 s`, `5 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0.0, milliseconds / 1000)
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def file_size(size: int | None) -> str:
    """A size for people: `812 B`, `1.2 MB`; nothing for a folder."""
    if size is None:
        return ""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:,.1f} TB"


def age(timestamp: int) -> str:
    """How long ago: `just now`, `5 min ago`, `3 d ago`.

    Args:
        timestamp: Milliseconds since 1970, UTC.
    """
    seconds = time() - timestamp / 1000
    for limit, unit, name in ((60, 0, ""), (3600, 60, "min"), (172_800, 3600, "h"), (math.inf, 86_400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago" if unit else "just now"
    return "just now"


def moment(timestamp: int) -> str:
    """A moment in local time: `2026-11-21 14:03:59`.

    Args:
        timestamp: Milliseconds since 1970, UTC.
    """
    from datetime import datetime  # lazy: only people look at moments

    try:
        return datetime.fromtimestamp(timestamp / 1000).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} ms"


def shortened(text: str, limit: int) -> str:
    """Text of at most `limit` characters, its end given up."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def visible(text: str) -> str:
    """Text that cannot steer a terminal: control characters and halves of surrogates are written out."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter == " " else letter.encode("unicode_escape").decode()
        for letter in text
    )


def visible_block(text: str) -> str:
    """Several lines that cannot steer a terminal; tabs become spaces."""
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None when it is a file or a pipe, which have room for all."""
    import shutil  # lazy: only commands ask
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> str:
    """An aligned table, a line for the columns and one for each row.

    Args:
        columns: Names of the columns.
        rows: Cells of each row, one for each column.
        right: Indexes of the columns that are aligned to the right (numbers).
    """
    cells = [[visible(cell) for cell in row] for row in ([*columns], *rows)]
    widths = [max(text_width(row[index]) for row in cells) for index in range(len(columns))]
    lines = [
        "  ".join(
            " " * (widths[index] - text_width(cell)) + cell
            if index in right
            else cell + " " * (widths[index] - text_width(cell))
            for index, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])


def folded_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Container[int] = ()
) -> str:
    """A table as of `text_table` whose last column goes on below itself where it would be too wide.

    Args:
        columns: Names of the columns.
        rows: Cells of each row; the last one may have several lines.
        width: Columns that the text may take, if the others leave room for the last.
        right: As in `text_table`; not of the last column.
    """
    taken = sum(
        max(text_width(visible(row[at])) for row in (columns, *rows)) + 2 for at in range(len(columns) - 1)
    )
    room = max(width - taken, _LEAST_FOLDED)
    folded: list[list[str]] = []
    for *cells, last in rows:
        lines = [piece for line in last.split("\n") for piece in wrapped(visible(line), room)]
        folded.append([*cells, lines[0]])
        folded += [[*([""] * len(cells)), line] for line in lines[1:]]
    return text_table(columns, folded, right)


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` columns, parted at spaces where there are any; at least one line."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if text_width(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def text_width(text: str) -> int:
    """Columns a terminal gives the text: wide letters (CJK, emoji) take two."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width  # lazy: 3 ms that few tables need

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
