"""Tables and text as HTML that keeps its meaning without styles and scripts, as on GitHub."""

from collections.abc import Sequence

from nbtrack.core.text_tables import visible

# Notebook front ends align cells to the right and break lines in them; without styles the tables
# are still tables.
CELL_STYLE = ' style="text-align:left;white-space:pre"'
"""The attribute of every cell."""


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a head; the cells are text."""
    head = "".join(f'<th scope="col"{CELL_STYLE}>{safe(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{CELL_STYLE}>{safe(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    """A table of names and what they are."""
    rows = "".join(
        f'<tr><th scope="row"{CELL_STYLE}>{safe(key)}</th><td{CELL_STYLE}>{safe(value)}</td></tr>'
        for key, value in pairs
    )
    return f"<table><tbody>{rows}</tbody></table>"


def safe(text: str) -> str:
    """Text as HTML that shows it letter by letter, whatever it holds."""
    from html import escape  # lazy: only what is looked at needs it

    # JupyterLab typesets $...$ in HTML outputs as mathematics; a param may well hold two dollars.
    return escape(visible(text)).replace("$", "&#36;<span></span>")


def safe_block(text: str) -> str:
    """Several lines as HTML, for `<pre>`."""
    return "\n".join(safe(line.expandtabs()) for line in text.split("\n"))
