"""Cells taken apart: magics at the top, IPython's lines within Python, and nothing else touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.cell_code import head_of, parsed, rewritten


def names_of(source: str) -> list[str]:
    return [magic.name for magic in head_of(source)[0]]


@pytest.mark.parametrize(
    ("source", "names", "body"),
    [
        ("x = 1", [], "x = 1"),
        ("%%track first -p a=1\nx = 1", ["track"], "x = 1"),
        ("%%track\n\n%%time\nx = 1", ["track", "time"], "x = 1"),
        ("\n\n%%time\n%%track\nx = 1", ["time", "track"], "x = 1"),
        ("%%time\n# why\nx = 1", ["time"], "# why\nx = 1"),
        ("%%bash\n%%track\nls", ["bash"], "%%track\nls"),
        ("# %%track\nx = 1", [], "# %%track\nx = 1"),
        ("%%writefile a.py\nx = 1", ["writefile"], "x = 1"),
    ],
)
def test_the_cell_magics_at_the_top_are_found(source: str, names: list[str], body: str) -> None:
    assert names_of(source) == names
    assert head_of(source)[1] == body


def marked(body: str) -> str:
    return rewritten(body, lambda magic: f"<{magic.target}|{magic.sign}|{magic.rest}>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("%matplotlib inline\nx = 1", "<None|%|matplotlib inline>\nx = 1"),
        ("if x:\n    !ls {x}", "if x:\n    <None|!|ls {x}>"),
        ("files = !ls\na, b = %sql x", "<files|!|ls>\n<a, b|%|sql x>"),
        ("thing?\n%time??\n?other", "<None|?|thing>\n<None|??|%time>\n<None|?|other>"),
        ("!ls \\\n  -l\nx = 1", "<None|!|ls   -l>\n\nx = 1"),
        ("x = (7\n% 2)\ny = x % 2\nz = x != 2", "x = (7\n% 2)\ny = x % 2\nz = x != 2"),
        ('s = """\n%time\n!ls\nwhat?\n"""\n%time', 's = """\n%time\n!ls\nwhat?\n"""\n<None|%|time>'),
        ("x = 7 \\\n% 2", "x = 7 \\\n% 2"),
        ("!echo \"it's\"\nx = 'a'\n%cd 'b", "<None|!|echo \"it's\">\nx = 'a'\n<None|%|cd 'b>"),
        ("t = f'{x!r}'\nu = '100%'", "t = f'{x!r}'\nu = '100%'"),
    ],
)
def test_lines_of_ipython_are_replaced_and_no_others(body: str, expected: str) -> None:
    assert marked(body) == expected


def test_the_lines_of_what_is_parsed_are_those_of_the_cell() -> None:
    tree = parsed("\n%%track\n%%time\n%matplotlib inline\n!ls \\\n -l\nx = 1\n%time y = 2")

    assert tree is not None
    assert [statement.lineno for statement in tree.body][-2:] == [7, 8]
    assert parsed("%%bash\nls") is None
    assert parsed("x = (") is None


@given(st.text(st.sampled_from("%!?x= \n'\"(\\#:"), max_size=60))
def test_any_text_keeps_its_number_of_lines(text: str) -> None:
    written = rewritten(text, lambda magic: "pass")

    assert written.count("\n") == text.count("\n")
    parsed(text)
    head_of(text)
