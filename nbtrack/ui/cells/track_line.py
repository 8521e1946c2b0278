"""The `%%track` line of a cell: found, understood, and taken out of IPython's way.

Everything here is pure: IPython transforms a cell several times, also to ask whether it is
complete, so nothing may happen but text.
"""

import re
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from IPython.core import inputtransformer2 as ipython_input  # noqa: TID253 - only the magics import this module
from IPython.core.error import UsageError  # noqa: TID253 - as above

from nbtrack.ui.words import OpenQuoteError, filled_in, split_words

# Cell magics that run the rest of the cell as code of this kernel, so that `%%track` may follow them.
_WRAPPERS = ("time", "timeit", "capture", "prun")
_WRAPPER = re.compile(rf"%%(?:{'|'.join(_WRAPPERS)})(?:\s|$)")
_TRACK = re.compile(r"%%track(?:\s(?P<options>.*))?")

_USAGES = (
    "%%track [NAME] [-e EXPERIMENT] [-p KEY=VALUE] [-t KEY=VALUE]",
    "[--new|--discard|--resume RUN] [--nested] [--no-capture] [--live] [--quiet]",
)
_USAGE = " ".join(_USAGES)
_LINES = "\n        ".join(_USAGES)
_HELP = f"""\
{_LINES}

Record this cell as a run: its code, params, metrics, status and duration.

  NAME                         name of the run; else one is made up
  -e, --experiment EXPERIMENT  experiment of the cell's runs; made when it does not exist
  -p, --param KEY=VALUE        log a param; may be repeated
  -t, --tag KEY=VALUE          set a tag; may be repeated
  --new                        begin a new lineage, instead of the cell's next attempt
  --discard                    put the run into the bin at its end
  --resume RUN                 go on with this run, by its id or name, instead of starting one
  --nested                     make the run a child of the active one, else it stands beside it
  --no-capture                 record only what the cell logs itself
  --live                       show the card while the cell runs, with curves
  --quiet                      show no card
  -h, --help                   show this text; the cell does not run

Examples:

  %%track
  %%track "first try" -p lr=0.1 -t team=nlp
  %%track baseline -e digits -p lr={{lr}} -p size=$size

{{Expressions}} and $names are filled in from the notebook before the cell runs; 'single quotes' keep
text as it is. %%track is the first line of a cell; it stacks with %%time, %%timeit, %%capture and
%%prun, above or below. Runs that the cell starts itself are nested in its run.
"""


@dataclass(frozen=True)
class TrackOptions:
    """What a `%%track` line asks for."""

    name: str | None = None
    experiment: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    resume: str | None = None
    new: bool = False
    discard: bool = False
    no_capture: bool = False
    nested: bool = False
    live: bool = False
    quiet: bool = False
    help: bool = False


def track_line(cell: str) -> str | None:
    """What follows `%%track` in a cell; None when the cell is not tracked.

    `%%track` is the first line, or follows cell magics that run the rest of the cell.
    """
    lines = f"{cell}\n".splitlines(keepends=True)
    while lines := _cleaned(lines):
        if (options := _options_in(lines[0])) is not None:
            return options
        if not _WRAPPER.match(lines[0]):
            return None
        lines = lines[1:]
    return None


def transform(lines: list[str]) -> list[str]:
    """Take `%%track ...` out of a cell: it becomes a comment, so that line numbers stay exact.

    A line that cannot be understood, asks for help or begins `%%track?` is left alone: then the
    magic of that name answers, and the cell does not run.

    It stands before IPython's own transformation of cell magics, not among the cleanups: so a
    terminal still waits for the rest of the cell after the first line.
    """
    options = _options_in(lines[0]) if lines else None
    if options is None:
        return lines
    if not _is_good(options):
        # IPython would say of a line alone that the cell's body is empty.
        return lines if len(lines) > 1 else [*lines, "\n"]
    for index, line in enumerate(lines[1:], start=1):
        if line.startswith("%%"):
            return lines[index:]  # another cell magic must come first to be one
        if line.strip():
            break
    return [f"# {lines[0]}", *lines[1:]]


def parse_options(options: str, expand: Callable[[str], str] = str) -> TrackOptions:
    """Understand the options of `%%track`.

    Args:
        options: What stands behind `%%track`.
        expand: Fills in `{expressions}` and `$names`. It is given the pieces of each value, not
            the line: whatever a variable holds, it stays one value.

    Raises:
        UsageError: They are malformed; the message is one line with the usage.
    """
    parser = _Parser()
    try:
        words = split_words(options)
    except OpenQuoteError as error:
        parser.error(str(error))
    if "-h" in words or "--help" in words:
        return TrackOptions(help=True)
    parsed: Namespace = parser.parse_intermixed_args(words)
    if parsed.resume and (parsed.experiment or parsed.nested):
        parser.error("--resume goes on with a run where it is; it takes neither -e nor --nested")
    if sum(map(bool, (parsed.resume, parsed.new, parsed.discard))) > 1:
        parser.error("give one of --new, --discard and --resume")

    def text(word: str | None) -> str | None:
        return None if word is None else filled_in(word, expand)

    def pairs(option: str, words: list[str]) -> tuple[tuple[str, str], ...]:
        for word in words:
            if filled_in(word).find("=") < 1:
                parser.error(f"{option} takes KEY=VALUE, got {word}")
        filled = [filled_in(word, expand).partition("=") for word in words]
        return tuple((key, value) for key, _, value in filled)

    return TrackOptions(
        name=" ".join(filled_in(word, expand) for word in parsed.name) or None,
        experiment=text(parsed.experiment),
        params=pairs("-p", parsed.params),
        tags=pairs("-t", parsed.tags),
        resume=text(parsed.resume),
        new=parsed.new,
        discard=parsed.discard,
        no_capture=parsed.no_capture,
        nested=parsed.nested,
        live=parsed.live,
        quiet=parsed.quiet,
    )


def option_names() -> list[tuple[list[str], bool]]:
    """The names of each option, the short one first, and whether a value follows."""
    return [
        (list(action.option_strings), action.nargs != 0)
        for action in _Parser().options()
        if action.option_strings
    ]


def help_text() -> str:
    """What `%%track --help` and `%%track?` show."""
    return _HELP


class _Parser(ArgumentParser):
    """The parser of `%%track`'s options; its errors are one line."""

    def __init__(self) -> None:
        super().__init__(prog="%%track", add_help=False, allow_abbrev=False)
        add = self.add_argument
        add("name", nargs="*")
        add("-e", "--experiment")
        add("-p", "--param", dest="params", action="append", default=[])
        add("-t", "--tag", dest="tags", action="append", default=[])
        add("--resume")
        add("--new", action="store_true")
        add("--discard", action="store_true")
        add("--no-capture", action="store_true")
        add("--nested", action="store_true")
        add("--live", action="store_true")
        add("--quiet", action="store_true")
        add("-h", "--help", action="store_true")

    def options(self) -> list[Action]:
        """The options, as they were added."""
        return list(self._actions)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%track: {message}. Usage: {_USAGE}")


def _cleaned(lines: list[str]) -> list[str]:
    """The lines as IPython sees them when it looks for a cell magic: no blank lines, indent or prompts."""
    stock: Any = ipython_input
    for step in (stock.leading_empty_lines, stock.leading_indent, stock.classic_prompt, stock.ipython_prompt):
        lines = step(lines) if lines else lines
    return lines if any(line.strip() for line in lines) else []


def _options_in(line: str) -> str | None:
    match = _TRACK.fullmatch(line.rstrip())
    return None if match is None else (match["options"] or "").strip()


def _is_good(options: str) -> bool:
    try:
        return not parse_options(options).help
    except UsageError:
        return False
