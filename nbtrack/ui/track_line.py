"""The `%%track` line of a cell: found, understood, and taken out of IPython's way.

Everything here is pure: IPython transforms a cell several times, also to ask whether it is
complete, so nothing may happen but text.
"""

import re
from argparse import Namespace
from typing import Any

from IPython.core.error import UsageError  # noqa: TID253 - only the magics import this module
from IPython.core.magic_arguments import MagicArgumentParser  # noqa: TID253 - as above

_TRACK = re.compile(r"%%track(?=\s|$)(?P<options>.*)")
_CELL_MAGIC = re.compile(r"%%(?P<name>\w+)")

# Cell magics that run the rest of the cell as code of this kernel, so that `%%track` may follow them.
_WRAPPERS = {"time", "capture", "prun"}


def track_options(cell: str) -> str | None:
    """What follows `%%track` in a cell; None when the cell is not tracked.

    `%%track` is the first line, or follows `%%time`, `%%capture` or `%%prun`.
    """
    for line in cell.lstrip("\n").split("\n"):
        line = line.strip()
        if match := _TRACK.fullmatch(line):
            return match["options"].strip()
        magic = _CELL_MAGIC.match(line)
        if magic is None or magic["name"] not in _WRAPPERS:
            return None
    return None


def transform(lines: list[str]) -> list[str]:
    """Take `%%track ...` out of a cell: it becomes a comment, so that line numbers stay exact.

    A line that cannot be understood, asks for help or begins `%%track?` is left alone: then the
    magic of that name answers, and the cell does not run.
    """
    if not lines or not (match := _TRACK.fullmatch(lines[0].rstrip("\n").rstrip())):
        return lines
    try:
        parse_options(match["options"])
    except UsageError:
        return lines
    if len(lines) > 1 and lines[1].startswith("%%"):
        return lines[1:]  # another cell magic must come first to be one
    return [f"# {lines[0]}", *lines[1:]]


def parse_options(options: str) -> Namespace:
    """Understand the options of `%%track`.

    Returns:
        name, experiment, params and tags (lists of (key, value)), resume, nested, quiet.

    Raises:
        UsageError: They are malformed, or ask for help; the message is the usage.
    """
    from IPython.utils.process import arg_split

    parser = make_parser()
    try:
        words = arg_split(options, posix=True)
    except ValueError as error:
        raise UsageError(f"%%track: {error} in {options!r}.\n{parser.format_usage()}") from None
    if "-h" in words or "--help" in words:
        raise UsageError(parser.format_help())
    parsed: Namespace = parser.parse_args(words)
    parsed.name = " ".join(parsed.name) or None
    parsed.params = [_pair("-p", text) for text in parsed.params]
    parsed.tags = [_pair("-t", text) for text in parsed.tags]
    return parsed


def make_parser() -> Any:
    """The parser of `%%track`'s options."""
    parser = MagicArgumentParser(
        prog="%%track",
        description="Run this cell as a tracked run: its code, params, metrics, status and duration are recorded.",
    )
    add = parser.add_argument
    add("name", nargs="*", metavar="NAME", help="Name of the run; one is made up otherwise.")
    add("-e", "--experiment", help="Its experiment; made when it does not exist.")
    add("-p", "--param", dest="params", action="append", default=[], metavar="KEY=VALUE", help="Log a param.")
    add("-t", "--tag", dest="tags", action="append", default=[], metavar="KEY=VALUE", help="Set a tag.")
    add("--resume", metavar="RUN_ID", help="Go on with this run instead of starting one.")
    add("--nested", action="store_true", help="Make it a child of the active run.")
    add("--quiet", action="store_true", help="Show no card.")
    return parser


def _pair(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"%%track {option} takes KEY=VALUE, got {text!r}.")
    return key, value
