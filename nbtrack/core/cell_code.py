"""The code of a cell taken apart: the cell magics at its top, and Python with IPython's own lines in it.

Pure text, without IPython: a slice is read and written where there is none.
"""

import ast
import re
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO

# Cell magics that run the rest of the cell as code of the same notebook.
_WRAPPERS = frozenset(("track", "time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "heat"))

_CELL_MAGIC = re.compile(r"%%(?P<name>[\w.]+)(?:[ \t]+(?P<rest>.*))?")
_LINE = re.compile(r"(?P<indent>\s*)(?P<sign>%|!!?|\?\??)(?P<rest>.*)", re.DOTALL)
_ASSIGNED = re.compile(
    r"(?P<indent>\s*)(?P<target>[A-Za-z_][\w., \[\]'\"]*?)\s*=\s*(?P<sign>%|!)(?P<rest>.*)", re.DOTALL
)
_HELP = re.compile(r"(?P<indent>\s*)(?P<rest>%{0,2}[\w.*\[\]'\"]+)(?P<sign>\?\??)\s*")


@dataclass(frozen=True)
class CellMagic:
    """A line such as `%%time` at the top of a cell."""

    name: str
    rest: str
    """What stands behind the name."""

    @property
    def is_wrapper(self) -> bool:
        """Whether the rest of the cell is Python that binds names of the notebook."""
        return self.name in _WRAPPERS

    @property
    def text(self) -> str:
        """The line as it was written."""
        return f"%%{self.name} {self.rest}".rstrip()


@dataclass(frozen=True)
class MagicLine:
    """A line of IPython's own within Python: `%matplotlib inline`, `files = !ls`, `thing?`."""

    indent: str
    sign: str
    """`%`, `!`, `!!`, `?` or `??`."""
    rest: str
    """What stands behind the sign; of help the name that is asked about."""
    target: str | None = None
    """What the result is assigned to."""

    @property
    def name(self) -> str:
        """Of `%` the magic's name."""
        return self.rest.split(None, 1)[0] if self.sign == "%" and self.rest.strip() else ""

    @property
    def argument(self) -> str:
        """Of `%` what stands behind the name."""
        parts = self.rest.strip().split(None, 1)
        return parts[1] if len(parts) > 1 else ""

    @property
    def text(self) -> str:
        """The line as it was written, without its indent."""
        text = f"{self.rest}{self.sign}" if "?" in self.sign else f"{self.sign}{self.rest}"
        return text if self.target is None else f"{self.target} = {text}"


def head_of(source: str) -> tuple[list[CellMagic], str]:
    """The cell magics at the top of a cell, and the rest of it.

    Behind one whose body is no Python of the notebook there is no other.
    """
    lines = source.split("\n")
    found: list[CellMagic] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        match = _CELL_MAGIC.fullmatch(line)
        if match is None:
            if line and not line.startswith("#"):
                break
            # A comment or blank line belongs to the body, unless another magic follows.
            following = next((each.strip() for each in lines[at:] if each.strip()), "")
            if not found and line.startswith("#"):
                break
            if not following.startswith("%%"):
                break
            at += 1
            continue
        found.append(CellMagic(match["name"], (match["rest"] or "").strip()))
        at += 1
        if not found[-1].is_wrapper:
            break
    return found, "\n".join(lines[at:])


def rewritten(body: str, replace: Callable[[MagicLine], str]) -> str:
    """Python with each line of IPython's own replaced; all other lines are as they were.

    Args:
        body: A cell without the cell magics at its top.
        replace: Gives the code that stands for a line, without its indent.
    """
    lines = body.split("\n")
    written: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        magic = _magic_in(line)
        if magic is None or _is_within(written):
            written.append(line)
            at += 1
            continue
        taken = 1
        while line.endswith("\\") and at + taken < len(lines):
            line = f"{line[:-1]}{lines[at + taken]}"
            taken += 1
        magic = _magic_in(line) or magic
        # As many lines as before: what is said of line 7 stays true.
        written += [f"{magic.indent}{replace(magic)}", *[""] * (taken - 1)]
        at += taken
    return "\n".join(written)


def parsed(source: str) -> ast.Module | None:
    """The Python of a cell, with the numbers of its lines; None when it is none, or cannot be read."""
    magics, body = head_of(source)
    if magics and not magics[-1].is_wrapper:
        return None
    above = source.count("\n") - body.count("\n")
    text = "\n" * above + rewritten(body, _nothing)
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _nothing(magic: MagicLine) -> str:
    if magic.name in ("time", "prun") and magic.target is None and not magic.argument.startswith("-"):
        return magic.argument or "pass"  # the statement that it runs
    return "pass" if magic.target is None else f"{magic.target} = None"


def _magic_in(line: str) -> MagicLine | None:
    if not any(sign in line for sign in "%!?"):
        return None
    if match := _HELP.fullmatch(line) or _LINE.fullmatch(line):
        return MagicLine(match["indent"], match["sign"], match["rest"])
    if match := _ASSIGNED.fullmatch(line):
        return MagicLine(match["indent"], match["sign"], match["rest"], match["target"].strip())
    return None


def _is_within(lines: Sequence[str]) -> bool:
    """Whether what follows these lines goes on with a statement of theirs, or a text."""
    if not lines:
        return False
    if lines[-1].endswith("\\"):
        return True
    try:
        for _ in tokenize.generate_tokens(StringIO("\n".join((*lines, ""))).readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:
        return False
    return False
