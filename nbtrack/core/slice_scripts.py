"""A slice as a script, a notebook or one cell: what runs from a fresh start and gives the same."""

import ast
import re
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nbtrack.core.cell_code import CellMagic, MagicLine, head_of, parsed, rewritten
from nbtrack.core.secrets import REDACTED
from nbtrack.core.text_tables import visible

if TYPE_CHECKING:
    from nbtrack.core.cells import Slice, SliceCell

_IPYTHON = """\
try:
    from IPython import get_ipython  # None outside of IPython: there the magics below are left out
except ImportError:
    get_ipython = lambda: None
"""
_DISPLAY = """\
try:
    from IPython.display import display
except ImportError:
    display = print
"""
_LOOP = "import asyncio\n\n_loop = asyncio.new_event_loop()\n"
_OWN_MAGICS = ("nbtrack", "track")
_SAID_ONCE = ("timeit", "pip", "conda", "mamba", "uv")
"""Line magics that bind no names: in a script they are comments."""

_VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FUTURE = re.compile(r"from[ \t]+__future__[ \t]+import[ \t].*")


def to_script(found: "Slice") -> str:
    """Python that runs as it stands: `python FILE`.

    Lines of `%%track` and of what only looks at a cell (`%%time`) are dropped; other magics become calls
    that need IPython, or what they do in plain Python. Top-level `await` is put into functions.
    """
    parts: list[str] = []
    futures: dict[str, None] = {}
    for each in found.cells:
        body = _as_python(each)
        for line in _futures_in(body):
            futures.setdefault(line)
        body = _without_futures(body)
        parts.append(f"{_section(each, sign='# %% ')}\n{body.strip(chr(10))}\n".rstrip() + "\n")
    code = "\n\n".join(parts)
    preamble = [*(f"{line}\n" for line in futures)]
    if "get_ipython()" in code:
        preamble.append(_IPYTHON)
    if _names_display(found):
        preamble.append(_DISPLAY)
    if "_loop.run_until_complete" in code:
        preamble.append(_LOOP)
        code += "\n\n_loop.close()\n"
    return "\n".join([_commented(_title(found)), *preamble, code])


def to_notebook(found: "Slice") -> dict[str, Any]:
    """A notebook of nbformat 4.5: a cell for each executed cell, as it was written."""
    cells: list[dict[str, Any]] = []
    taken: set[str] = set()

    def add(source: str, wanted: str, metadata: dict[str, Any] | None = None) -> None:
        cell_id = wanted if _VALID_ID.fullmatch(wanted) and wanted not in taken else f"cell-{len(cells)}"
        taken.add(cell_id)
        cells.append(
            {
                "cell_type": "code",
                "id": cell_id,
                "metadata": metadata or {},
                "source": source,
                "execution_count": None,
                "outputs": [],
            }
        )

    loads = any(re.search(r"%(?:load|reload)_ext\s+nbtrack", each.source) for each in found.cells)
    tracks = any(magic.name in _OWN_MAGICS for each in found.cells for magic in head_of(each.source)[0])
    if tracks and not loads:
        add("%load_ext nbtrack", "load-nbtrack")
    for each in found.cells:
        about = {"number": each.cell.number, "reasons": list(each.reasons)}
        note = "".join(f"# {line}\n" for line in _notes(each))
        add(_below_magics(each.source, note), each.cell.cell_id or "", {"nbtrack": about})
    title: dict[str, Any] = {
        "cell_type": "markdown",
        "id": "about-this-slice",
        "metadata": {},
        "source": "\n".join(_markdown(found)),
    }
    return {
        "cells": [title, *cells],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def to_cell(found: "Slice") -> str:
    """One cell that does what all of them did; of the last one the `%%track` line is kept, at the top."""
    parts: list[str] = []
    track = ""
    for each in found.cells:
        magics, body = head_of(each.source)
        if each is found.cells[-1]:
            track = next((f"{magic.text}\n" for magic in magics if magic.name == "track"), "")
        if magics and not magics[-1].is_wrapper:
            body = _cell_magic_call(magics[-1], body)
        parts.append(f"{_section(each, sign='# ')}\n{body.strip(chr(10))}".rstrip())
    return track + "\n\n".join(parts)


# ---- what stands above ----------------------------------------------------------------------------


def _title(found: "Slice") -> list[str]:
    count, last = len(found.cells), found.cells[-1].cell.number if found.cells else 0
    lines = [f"The {count} {'cells' if count != 1 else 'cell'} that cell {last} came from"]
    lines[0] += f", which made run {found.run_id}." if found.run_id else "."
    if found.left_out:
        lines.append(f"{found.left_out:,} others that were executed before it have nothing to do with it.")
    return [*lines, *(f"! {mark.text}" for mark in found.marks)]


def _markdown(found: "Slice") -> list[str]:
    first, *others = _title(found)
    lines = [_escaped(first), *(["", *(f"- {_escaped(line.removeprefix('! '))}" for line in others)])]
    return lines if others else lines[:1]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", visible(text))


def _section(each: "SliceCell", sign: str) -> str:
    reasons = "; ".join(each.reasons)
    first = f"{sign}cell {each.cell.number}{': ' if reasons else ''}{visible(reasons)}"
    return "\n".join([first, *(f"# {line}" for line in _notes(each))])


def _notes(each: "SliceCell") -> list[str]:
    """What a reader has to know of a cell."""
    notes: list[str] = []
    if each.source != each.cell.source:
        line = f" in line {each.cell.stopped_at}" if each.cell.stopped_at else ""
        notes.append(f"It stopped{line}: what stood from there on did not run and is left out.")
    if REDACTED in each.source:
        notes.append(f"A secret was left out: put it in where {REDACTED} stands.")
    return notes


def _commented(lines: Iterable[str]) -> str:
    return "".join(f"# {visible(line)}\n" for line in lines)


# ---- one cell as Python ----------------------------------------------------------------------------


def _as_python(each: "SliceCell") -> str:
    magics, body = head_of(each.source)
    said = [f"# {magic.text}" for magic in magics if magic.name not in _OWN_MAGICS and magic.is_wrapper]
    said = [line.replace("# %%", "# was: %%", 1) for line in said]
    if magics and not magics[-1].is_wrapper:
        return "\n".join([*said[:-1], _cell_magic_as_python(magics[-1], body)])
    body = rewritten(body, _line_as_python)
    try:
        tree = ast.parse(body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # `automagic`, or a syntax of somebody else's: only IPython itself knows.
        return "\n".join([*said, f"get_ipython().run_cell({each.source!r})"])
    if _awaits(tree):
        body = _awaited(body, tree, each.cell.number)
    return "\n".join([*said, body])


def _line_as_python(magic: MagicLine) -> str:
    name, argument = magic.name, magic.argument
    # In a block there may be nothing else.
    nothing = f"{'pass  ' if magic.indent else ''}# {magic.text}"
    if "?" in magic.sign:
        return nothing
    if magic.sign != "%":
        if magic.target is None and magic.sign == "!":
            return f"if get_ipython(): get_ipython().system({magic.rest!r})"
        call = f"get_ipython().getoutput({magic.rest!r})"
        return f"if get_ipython(): {call}" if magic.target is None else f"{magic.target} = {call}"
    if magic.target is None:
        if name in ("time", "prun") and argument and not argument.startswith("-"):
            return argument
        is_ours = name in _OWN_MAGICS or (name in ("load_ext", "reload_ext") and argument == "nbtrack")
        if is_ours or name in _SAID_ONCE:
            return nothing
        if plain := _plain(name, argument):
            return plain
        return f"if get_ipython(): get_ipython().run_line_magic({name!r}, {argument!r})"
    if name == "time":
        return f"{magic.target} = {argument}"
    return f"{magic.target} = get_ipython().run_line_magic({name!r}, {argument!r})"


def _plain(name: str, argument: str) -> str | None:
    """What a line magic does in plain Python; None where that takes IPython."""
    if any(sign in argument for sign in "{}$~"):
        return None
    if name in ("env", "set_env"):
        key, sign, value = argument.partition("=") if "=" in argument else argument.partition(" ")
        if sign and key.strip().isidentifier():
            return f'__import__("os").environ[{key.strip()!r}] = {value.strip()!r}'
    try:
        words = shlex.split(argument)
    except ValueError:
        return None
    if len(words) == 1 and not words[0].startswith("-"):
        if name == "cd":
            return f'__import__("os").chdir({words[0]!r})'
        if name == "run" and words[0].endswith(".py"):
            return f'globals().update(__import__("runpy").run_path({words[0]!r}, run_name="__main__"))'
    return None


def _cell_magic_as_python(magic: CellMagic, body: str) -> str:
    if magic.name in ("writefile", "file"):
        try:
            words = shlex.split(magic.rest)
        except ValueError:
            words = []
        appends = words[:1] in (["-a"], ["--append"])
        if len(words) == 1 + appends and not any(sign in words[-1] for sign in "{}$~"):
            mode = "a" if appends else "w"
            text = f"{body.rstrip(chr(10))}\n"
            return (
                f'with open({words[-1]!r}, {mode!r}, encoding="utf-8") as _file:\n'
                f"    _file.write({_long_text(text)})"
            )
    return f"if get_ipython(): {_cell_magic_call(magic, body)}"


def _cell_magic_call(magic: CellMagic, body: str) -> str:
    return f"get_ipython().run_cell_magic({magic.name!r}, {magic.rest!r}, {_long_text(body)})"


def _long_text(text: str) -> str:
    """A literal of several lines that stays readable."""
    pieces = [repr(line) for line in text.splitlines(keepends=True)]
    return repr(text) if len(pieces) < 2 else "(\n" + "".join(f"    {piece}\n" for piece in pieces) + ")"


# ---- what notebooks may do and scripts may not -----------------------------------------------------


def _futures_in(body: str) -> list[str]:
    return [line.strip() for line in body.split("\n") if _FUTURE.fullmatch(line.rstrip())]


def _without_futures(body: str) -> str:
    return "\n".join("" if _FUTURE.fullmatch(line.rstrip()) else line for line in body.split("\n"))


def _names_display(found: "Slice") -> bool:
    """Whether it uses `display`, which is there in notebooks alone."""
    trees = [tree for each in found.cells if (tree := parsed(each.source)) is not None]
    imported = {
        alias.asname or alias.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    names = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return "display" in names - imported


_Scope = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def _awaits(tree: ast.AST) -> bool:
    """Whether code awaits outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        if not isinstance(node, _Scope) and _awaits(node):
            return True
    return False


def _awaited(body: str, tree: ast.Module, number: int) -> str:
    """A cell that awaits, as a function that an event loop runs."""
    names = sorted(_bound(tree))
    is_simple = not any(
        isinstance(node, ast.AnnAssign)
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names))
        for node in ast.walk(tree)
    )
    if not is_simple:
        flags = "__import__('ast').PyCF_ALLOW_TOP_LEVEL_AWAIT"
        code = f"compile({_long_text(body)}, 'cell {number}', 'exec', flags={flags})"
        return f"_loop.run_until_complete(eval({code}))"
    strings = _lines_within_strings(body)
    lines = [
        f"    {line}" if line.strip() and index not in strings else line
        for index, line in enumerate(body.split("\n"), start=1)
    ]
    bindings = [f"    global {', '.join(names)}"] if names else []
    return "\n".join(
        [
            f"async def _cell_{number}():",
            *bindings,
            *lines,
            "",
            f"_loop.run_until_complete(_cell_{number}())",
        ]
    )


def _bound(tree: ast.AST) -> set[str]:
    """The names that code binds or deletes outside of functions and classes."""
    names: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        names |= _bound(node)
    return names


def _lines_within_strings(body: str) -> set[int]:
    """The lines that begin within a text: an indent would become part of it."""
    within: set[int] = set()
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno is not None:
            if isinstance(node, ast.Constant) and not isinstance(node.value, (str, bytes)):
                continue
            within |= set(range(node.lineno + 1, node.end_lineno + 1))
    return within


def _below_magics(source: str, note: str) -> str:
    """A note at the top of the body of a cell; cell magics stay first."""
    if not note:
        return source
    magics, body = head_of(source)
    head = "".join(f"{magic.text}\n" for magic in magics)
    return f"{source}\n" if magics and not magics[-1].is_wrapper else f"{head}{note}{body}"
