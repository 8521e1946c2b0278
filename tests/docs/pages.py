"""The pages of the documentation as their tests see them: blocks, headings, links, words in code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
FACES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,})(?P<info>[^`]*)$")
_HEADING = re.compile(r"(?P<marks>#{1,6}) +(?P<title>.+?) *#*$")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(
    r"\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)[^()]*\)|(?:href|src)=\"(?P<other>[^\"]+)\""
)
_DEFINED = re.compile(r"^\[[^\]]+\]:\s+(?P<target>\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: ```` ```python no-run ```` has the language `python` and the mark `no-run`."""

    language: str
    marks: tuple[str, ...]
    text: str
    line: int
    """The line of the page on which the text begins, from 1."""

    @property
    def file(self) -> str | None:
        """The name after `file=`: the block is that file."""
        return next((mark[5:] for mark in self.marks if mark.startswith("file=")), None)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, from the top."""
    found: list[Block] = []
    inside: Block | None = None
    fence, lines = "", list[str]()
    for number, line in enumerate(page.splitlines(), start=1):
        match = _FENCE.fullmatch(line)
        if inside is None:
            if match:
                language, *marks = match["info"].split() or [""]
                inside, fence, lines = Block(language, tuple(marks), "", number + 1), match["fence"], []
        elif match and len(match["fence"]) >= len(fence) and not match["info"].strip():
            text = "".join(f"{inner}\n" for inner in lines)
            found.append(Block(inside.language, inside.marks, text, inside.line))
            inside = None
        else:
            lines.append(line)
    assert inside is None, f"the block that begins on line {inside.line if inside else 0} has no end"
    return found


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    lines = page.splitlines()
    for block in blocks(page):
        for index in range(block.line - 2, block.line + block.text.count("\n")):
            lines[index] = ""
    return "".join(f"{line}\n" for line in lines)


def code(page: str) -> str:
    """Everything a page writes as code: its blocks and its spans in backticks."""
    spans = [match[2] for match in _SPAN.finditer(prose(page))]
    return "\n".join([*(block.text for block in blocks(page)), *spans])


def links(page: str) -> list[str]:
    """Where the links and pictures of a page lead."""
    text = _SPAN.sub("", prose(page))
    inline = [match["target"] or match["other"] for match in _LINK.finditer(text)]
    return [unescape(target) for target in (*inline, *(match["target"] for match in _DEFINED.finditer(text)))]


def sections(page: str) -> Iterator[tuple[str, str]]:
    """Each heading of a page with what stands under it, up to the next heading of any level."""
    title, lines = "", list[str]()
    bare = prose(page).splitlines()
    for shown, line in zip(bare, page.splitlines(), strict=True):
        if match := _HEADING.fullmatch(shown):
            yield title, "\n".join(lines)
            title, lines = match["title"], []
        else:
            lines.append(line)
    yield title, "\n".join(lines)


def anchors(page: str) -> set[str]:
    """The names by which the headings of a page can be linked, made as GitHub makes them."""
    names: set[str] = set()
    for line in prose(page).splitlines():
        if match := _HEADING.fullmatch(line):
            title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", match["title"])
            plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            name, count = plain, 0
            while name in names:
                count += 1
                name = f"{plain}-{count}"
            names.add(name)
    return names | set(re.findall(r"(?:id|name)=\"([^\"]+)\"", prose(page)))


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page or section: rows of cells as they are written, without the line of dashes."""
    found: list[list[list[str]]] = []
    was_row = False
    for line in prose(text).splitlines():
        is_row = line.startswith("|")
        if is_row and not was_row:
            found.append([])
        if is_row and set(line) - set("|- "):
            found[-1].append([cell.strip() for cell in line.strip().strip("|").split(" | ")])
        was_row = is_row
    return found


def spans(text: str) -> list[str]:
    """What a text writes in backticks, in its order."""
    return [match[2] for match in _SPAN.finditer(text)]
