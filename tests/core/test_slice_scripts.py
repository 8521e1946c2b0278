"""Slices written out: a script, a notebook and a cell that do what the cells did."""

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbtrack.core.cells import CellMark, ExecutedCell, Slice, SliceCell
from nbtrack.core.slice_scripts import to_cell


def slice_of(*sources: str, **more: Any) -> Slice:
    cells = [
        SliceCell(ExecutedCell(number, source), source, (f"reason {number}",))
        for number, source in enumerate(sources, start=1)
    ]
    return Slice(tuple(cells), **more)


def run(script: str) -> dict[str, Any]:
    """What the names of a script mean when it has run as `python FILE` runs it."""
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    exec(compile(script, "script.py", "exec"), names)
    return names


def test_a_script_tells_what_it_is_and_runs() -> None:
    found = slice_of(
        "x = 2", "%%track first\ny = x * 3", run_id="ab" * 16, left_out=3, marks=(CellMark("seed", "None."),)
    )

    script = found.to_script()

    assert script.splitlines()[:3] == [
        f"# The 2 cells that cell 2 came from, which made run {'ab' * 16}.",
        "# 3 others that were executed before it have nothing to do with it.",
        "# ! None.",
    ]
    assert "# %% cell 1: reason 1\nx = 2\n" in script
    assert "%%track" not in script
    assert run(script)["y"] == 6


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%time\n%%track\nx = 1", 1),
        ("%%capture out\nx = 1", 1),
        ("%time x = 1", 1),
        ("x = %time 1", 1),
        ("%matplotlib inline\n%load_ext nbtrack\n%nbtrack runs\nx = 1\nx?\n%timeit x", 1),
        ("if True:\n    %load_ext nbtrack\n    !true\nx = 1", 1),
        ("%env NBT_TRY=12\nimport os\nx = int(os.environ['NBT_TRY'])", 12),
        ("%%writefile made.py\nx = 1\ntext = '''it's\n'''\n", None),
        ("%%bash\nexit 1", None),
        ("%%html\n<b>'bold'</b>\n", None),
        ("from __future__ import annotations\nx: Later = 1", 1),
        ("display('shown')\nx = 1", 1),
        ("import asyncio\nx = await asyncio.sleep(0, 1)", 1),
    ],
)
def test_what_only_notebooks_have_is_written_as_python(
    cell: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBT_TRY", "0")

    names = run(slice_of("first = 0", cell).to_script())

    assert names.get("x") == expected


def test_a_file_that_a_cell_wrote_is_written_and_a_script_that_it_ran_runs() -> None:
    names = run(
        slice_of(
            "%mkdir -p nowhere\nimport os\nos.mkdir('below')",
            "%cd below",
            "%%writefile 'made here.py'\nx = 'it''s'\ntext = '''\\n\nb'''",
            "%%writefile -a 'made here.py'\ny = 2",
            "%run 'made here.py'",
        ).to_script()
    )

    assert (names["x"], names["text"], names["y"]) == ("its", "\n\nb", 2)
    assert Path("made here.py").read_text().endswith("b'''\ny = 2\n")
    os.chdir("..")


def test_cells_that_await_share_a_loop_and_bind_the_names_of_the_script() -> None:
    names = run(
        slice_of(
            "import asyncio\nqueue = asyncio.Queue()\ntask = asyncio.ensure_future(queue.put(5))\nawait task",
            "async def get():\n    '''doc\n  string'''\n    return await queue.get()\n"
            "text = '''\nkept\n  as it is'''\n"
            "for index in range(2):\n    if (twice := index * 2):\n        pass\n"
            "try:\n    x: int = await get()\nexcept OSError as error:\n    pass",
            "plain = '''\na\n  b''' + f'''{x}\nc'''\nawait task",
            "doubled = [await asyncio.sleep(0, x)] if x else [y async for y in numbers()]\n"
            "import os.path as where, json",
        ).to_script()
    )

    assert (names["x"], names["doubled"]) == (5, [5])
    assert names["plain"] == "\na\n  b5\nc"
    assert names["text"] == "\nkept\n  as it is"
    assert (names["index"], names["twice"], names["json"]) == (1, 2, json)
    assert names["get"].__doc__ == "doc\n  string"


def test_what_only_ipython_understands_asks_it_or_is_skipped() -> None:
    script = slice_of("cd below\nx = 1", "files = !ls", "%%bash\nls").to_script()

    compile(script, "script.py", "exec")
    assert "get_ipython().run_cell('cd below\\nx = 1')" in script
    assert "files = get_ipython().getoutput('ls')" in script
    assert "if get_ipython(): get_ipython().run_cell_magic('bash', '', 'ls')" in script


def test_what_did_not_run_and_secrets_that_were_left_out_are_told() -> None:
    cell = ExecutedCell(4, "key = '[redacted]'\n1 / 0\nx = 2", status="failed", stopped_at=2)
    found = Slice((SliceCell(cell, "key = '[redacted]'", ("defines key",)),))

    script, (_, restored) = found.to_script(), found.to_notebook()["cells"]

    for text in (script, restored["source"], to_cell(found)):
        assert "# It stopped in line 2: what stood from there on did not run and is left out.\n" in text
        assert "# A secret was left out: put it in where [redacted] stands.\n" in text
        assert "1 / 0" not in text


def test_a_notebook_is_valid_and_keeps_the_cells_as_they_were() -> None:
    sources = ["x = 1", "%%bash\nls", "%%time\n%%track\ny = x"]
    found = slice_of(*sources, marks=(CellMark("seed", "*No* <b>seed</b>."),), left_out=1)

    notebook = found.to_notebook()

    nbformat.validate(nbformat.from_dict(json.loads(json.dumps(notebook))))
    title, load, *cells = notebook["cells"]
    assert title["cell_type"] == "markdown"
    assert r"\*No\* \<b\>seed\</b\>." in title["source"]
    assert load["source"] == "%load_ext nbtrack"
    assert [cell["source"] for cell in cells] == sources
    assert cells[0]["metadata"]["nbtrack"] == {"number": 1, "reasons": ["reason 1"]}


def test_ids_of_cells_are_kept_where_they_are_valid_and_unique() -> None:
    ids = ["ab-1", "ab-1", "not valid!", "x" * 65, None]
    cells = [
        SliceCell(ExecutedCell(number, "x = 1", cell_id), "x = 1", ())
        for number, cell_id in enumerate(ids, start=1)
    ]

    notebook = Slice(tuple(cells)).to_notebook()

    found = [cell["id"] for cell in notebook["cells"]]
    assert found[1] == "ab-1"
    assert len(set(found)) == len(found) == 6
    nbformat.validate(nbformat.from_dict(notebook))


def test_one_cell_is_tracked_as_the_last_one_was() -> None:
    cell = to_cell(slice_of("%%track other\nx = 1", "%%bash\nls", "%%time\n%%track mine -p a=1\n%time y = x"))

    assert cell.splitlines()[:3] == ["%%track mine -p a=1", "# cell 1: reason 1", "x = 1"]
    assert "get_ipython().run_cell_magic('bash', '', 'ls')" in cell
    assert cell.endswith("# cell 3: reason 3\n%time y = x")


def test_names_that_would_leave_a_comment_stay_in_it() -> None:
    cell = ExecutedCell(1, "x = 1")
    reason = "defines a\nimport os; os.abort()\r\x1b[31m"
    found = Slice((SliceCell(cell, "x = 1", (reason,)),), marks=(CellMark("seed", f"b{reason}"),))

    for text in (found.to_script(), to_cell(found)):
        assert [line for line in text.splitlines() if "os.abort" in line and not line.startswith("#")] == []
    assert run(found.to_script())["x"] == 1


def test_a_script_runs_where_there_is_no_ipython(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(slice_of("%matplotlib inline\n!ls", "display('x')", "print(6 * 7)").to_script())

    done = subprocess.run([sys.executable, "-S", str(file)], capture_output=True, text=True, check=True)

    assert done.stdout == "x\n42\n"


def test_a_slice_of_nothing_is_nothing_that_fails() -> None:
    run(Slice(()).to_script())
    nbformat.validate(nbformat.from_dict(Slice(()).to_notebook()))
    assert to_cell(Slice(())) == ""
