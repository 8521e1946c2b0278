"""Turns the text of a cell, with magics and shell commands, into Python of as many lines.

IPython does the same with its own state; this is text alone. A magic becomes the call
`__nbtrack_magic__(name, rest)`, so that whoever reads the code sees it in its place.
"""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent

from nbtrack.tracking.cells import known_magics

MAGIC_CALL = "__nbtrack_magic__"
"""The function that stands for magics; a shell command has the name `!`."""


@dataclass(frozen=True)
class NotebookCode:
    """The text of a cell as Python."""

    tree: ast.Module | None
    """None: it is no Python; `problem` says why."""
    problem: str = ""
    cell_magics: tuple[tuple[str, str], ...] = ()
    """The names and options of the `%%` lines above the code."""
    foreign: str | None = None
    """What stands below a cell magic that does not run it as code of the notebook."""


_CELL_MAGIC = re.compile(r"%%([^\s?]+)[ \t]*(.*)$")
_ASSIGNED = re.compile(r"^(\s*[^=!<>%#'\"()]+(?:\[[^\]]*\])?\s*=\s*)(%{1,2}[A-Za-z_]\S*|!+)(.*)$", re.DOTALL)
_MAGIC = re.compile(r"^(\s*)(%{1,2}|!{1,2})(.*)$", re.DOTALL)
_HELP = re.compile(r"^(\s*)(\?{1,2}\s*\S.*|[^#\"']*?[\w.\])*]\s*\?{1,2})\s*$")
_AUTOMAGIC = re.compile(
    r"^(\s*)(cd|pip|conda|ls|pwd|mkdir|cat|load_ext|matplotlib|autoreload)[ \t]+([^=(\s,.].*)$"
)
_PROMPT = re.compile(r"^(>>> ?|\.\.\. ?|In \[\d+\]: ?|\s*\.{3,}: ?)")
_TIME = re.compile(r"^(?:-[a-zA-Z]+(?:[ \t]+\d+)?[ \t]+)*")


@lru_cache(maxsize=4)  # several look at a cell, one after the other
def python_of(source: str) -> NotebookCode:
    """The code of a cell as it was typed; its tree is for reading alone. It never raises."""
    if not source.lstrip().startswith("%%"):
        tree, problem = _parsed(source)
        if tree is not None:
            return NotebookCode(tree)
    lines = source.split("\n")
    begin = next((index for index, line in enumerate(lines) if line.strip()), 0)
    magics: list[tuple[str, str]] = []
    for index in range(begin, len(lines)):
        match = _CELL_MAGIC.match(lines[index])
        if match is None:
            if lines[index].strip():
                break
            continue
        name, options = match[1], match[2].strip()
        magics.append((name, options))
        lines[index] = ""
        if name not in known_magics.TRANSPARENT_CELL_MAGICS:
            return NotebookCode(None, cell_magics=tuple(magics), foreign="\n".join(lines[index + 1 :]))
    tree, problem = _parsed("\n".join(lines)) if magics else (None, "")
    if tree is not None:
        return NotebookCode(tree, cell_magics=tuple(magics))
    for is_automagic in (False, True):
        text = "\n".join(_python_lines(lines, is_automagic=is_automagic))
        tree, problem = _parsed(text)
        if tree is None and (source[:1] in " \t" or _PROMPT.match(lines[begin] if lines else "")):
            tree, problem = _parsed(_without_prompts(text))
        if tree is not None:
            return NotebookCode(tree, cell_magics=tuple(magics))
    return NotebookCode(None, problem, tuple(magics))


def _parsed(text: str) -> tuple[ast.Module | None, str]:
    try:
        return ast.parse(text), ""
    except SyntaxError as error:
        return None, f"a syntax error in line {error.lineno}" if error.lineno else "a syntax error"
    except (ValueError, RecursionError, MemoryError, OverflowError):
        return None, "code that cannot be read"


def _without_prompts(text: str) -> str:
    return dedent("\n".join(_PROMPT.sub("", line) for line in text.split("\n")))


def _python_lines(lines: list[str], *, is_automagic: bool) -> list[str]:
    python: list[str] = []
    state = _Open()
    index = 0
    while index < len(lines):
        line = lines[index]
        found = None if state.is_open else _magic_in(line, is_automagic=is_automagic)
        if found is None:
            state.read(line)
            python.append(line)
            index += 1
            continue
        head, name, rest = found
        used = 1
        while rest.endswith("\\") and index + used < len(lines):
            rest = f"{rest[:-1]} {lines[index + used].strip()}"
            used += 1
        python.append(_python_of_magic(head, name, rest))
        python.extend([""] * (used - 1))
        index += used
    return python


def _magic_in(line: str, *, is_automagic: bool) -> tuple[str, str, str] | None:
    """What stands before a magic in a line, its name and the rest."""
    if match := _ASSIGNED.match(line):
        head, mark, rest = match.groups()
        return (head, "!", rest) if mark[0] == "!" else (head, mark.lstrip("%"), rest.strip())
    if match := _HELP.match(line):
        return match[1], "pinfo", match[2].strip("? ")
    if match := _MAGIC.match(line):
        indent, mark, rest = match.groups()
        if mark[0] == "!":
            return indent, "!", rest
        name, _, rest = rest.strip().partition(" ")
        return (indent, name, rest.strip()) if name else None
    if is_automagic and (match := _AUTOMAGIC.match(line)):
        return match[1], match[2], match[3]
    return None


def _python_of_magic(head: str, name: str, rest: str) -> str:
    if name == "time" or (name in known_magics.RUNNING_LINE_MAGICS and not head.strip()):
        statement = _TIME.sub("", rest).strip()
        tree, _ = _parsed(statement)
        is_expression = tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
        if (
            statement
            and tree is not None
            and (name == "time" or is_expression)
            and (is_expression or not head.strip())
        ):
            return f"{head}{statement}"
    return f"{head}{MAGIC_CALL}({name!r}, {rest!r})"


class _Open:
    """Whether the lines read so far end inside a string of many lines, brackets or a continued line."""

    _SIGN = re.compile(r"\\.|'''|\"\"\"|['\"]|[()\[\]{}]|#")

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._is_continued = False

    @property
    def is_open(self) -> bool:
        return bool(self._quote) or self._depth > 0 or self._is_continued

    def read(self, line: str) -> None:
        for match in self._SIGN.finditer(line):
            sign = match[0]
            if self._quote:
                if sign == self._quote:
                    self._quote = ""
            elif sign[0] in "'\"":
                self._quote = sign
            elif sign == "#":
                break
            elif sign in "([{":
                self._depth += 1
            elif sign in ")]}":
                self._depth = max(0, self._depth - 1)
        if len(self._quote) == 1:
            self._quote = ""  # a string of one line ends with it
        self._is_continued = line.endswith("\\")
