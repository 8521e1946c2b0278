"""Runs the examples of a page, from the top, in one folder and one namespace.

- ```` ```python ```` is executed; with `file=NAME` it is written to that file instead.
- ```` ```ipython ```` is a cell of a notebook, in the same namespace.
- ```` ```shell ````: the lines that begin with `nbtrack` or `python` are executed.
- ```` ```text output ```` is what the block before it must show. Run ids, times and durations may
  differ, widths of columns too, and `…` stands for anything.
- `no-run` leaves a block out.

`python -m tests.docs.examples docs/logging.md` puts the outputs of the examples as they are now
into the page.
"""

import atexit
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from nbtrack.core.users import current_user
from tests.docs.pages import ROOT, Block, blocks

HOME = "/home/ada/project"
"""How the folder in which the examples run is written in the pages."""
USER = "ada"
"""And so who runs them."""


class Shown(NamedTuple):
    """What a page says an example shows, and what it does show."""

    said: Block
    actual: str

    @property
    def agree(self) -> bool:
        """Whether the two are the same but for what may differ."""
        pieces = [re.escape(piece) for piece in normal(by_ada(self.said.text)).split("…")]
        return re.fullmatch(".*?".join(pieces), normal(self.actual), re.DOTALL) is not None


def normal(text: str) -> str:
    """An output without what is different each time."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "RUN-ID", text)
    text = re.sub(r"\b[0-9a-f]{24}\b", "WRITER", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "SHORT-ID", text)
    text = re.sub(r"\b[1-9]\d{17}\b", "EXPERIMENT-ID", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?\b", "TIME", text)
    text = re.sub(r"\b1[78]\d{11}\b", "TIME", text)
    text = re.sub(r"\b\d+(\.\d+)? (ms|s|µs|μs|ns)\b", "DURATION", text)
    text = re.sub(r"[ \t]+", " ", re.sub("─+", "─", text))
    return "\n".join(line.strip() for line in text.strip().splitlines())


def by_ada(text: str) -> str:
    """A text with the name of the pages instead of that of the user."""
    return re.sub(rf"\b{re.escape(current_user())}\b", USER, text)


def run(page: str, name: str, folder: Path) -> Iterator[Shown]:
    """Run the examples of a page in `folder`, the working directory; gives each output it states."""
    module = ModuleType("page")
    shown = ""
    with _notebook(module) as cell:
        for block in blocks(page):
            if "no-run" in block.marks:
                continue
            if block.language == "text":
                if "output" in block.marks:
                    yield Shown(block, by_ada(shown.replace(str(folder), HOME)))
            elif block.file:
                (folder / block.file).write_text(block.text)
            elif block.language == "python":
                shown = _run_python(block, name, module)
            elif block.language == "ipython":
                shown = cell(block.text)
            elif block.language == "shell":
                shown = "".join(_run_command(line) for line in block.text.splitlines())


def _run_python(block: Block, name: str, module: ModuleType) -> str:
    # The empty lines give a traceback the line numbers of the page.
    compiled = compile("\n" * (block.line - 1) + block.text, name, "exec")
    with redirect_stdout(io.StringIO()) as output:
        exec(compiled, module.__dict__)
    return output.getvalue()


def _run_command(line: str) -> str:
    words = shlex.split(line, comments=True)
    if words[:1] == ["nbtrack"]:
        from click.testing import CliRunner

        from nbtrack.cli import main

        result = CliRunner().invoke(main, words[1:])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output
    if words[:1] == ["python"]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        done = subprocess.run(
            [sys.executable, "-W", "error", *words[1:]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
    return ""


@contextmanager
def _notebook(module: ModuleType) -> Iterator[Any]:
    """A function that runs a cell as a notebook does and returns what it shows; starts when first used."""
    shells: list[Any] = []

    def cell(text: str) -> str:
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.utils.capture import capture_output
        from traitlets.config import Config

        if not shells:
            config = Config()
            config.HistoryManager.enabled = False
            shells.append(InteractiveShell.instance(config=config, user_module=module))
        with capture_output() as captured:
            shells[0].run_cell(text, store_history=True)  # as a front end does
        # What has a place of its own is replaced there.
        displayed = {
            (output.transient or {}).get("display_id", index): output.data.get("text/plain", "")
            for index, output in enumerate(captured.outputs)
        }
        # A result is printed with a prompt that notebooks do not show.
        printed = re.sub(r"^Out\[\d*\]: ?\n?", "", captured.stdout, flags=re.MULTILINE)
        whole = "\n".join([printed.rstrip("\n"), *displayed.values(), captured.stderr])
        return re.sub(r"\x1b\[[0-9;]*m", "", whole)

    try:
        yield cell
    finally:
        for shell in shells:
            shell.run_line_magic("unload_ext", "nbtrack")
            shell.restore_sys_module_state()
            type(shell).clear_instance()
            atexit.unregister(shell.atexit_operations)


def rewrite(path: Path) -> None:
    """Put the outputs of the examples as they are now into a page; those with `…` stay."""
    from nbtrack.tracking import fluent

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / "project"
        folder.mkdir()
        os.environ["HOME"] = temporary
        os.chdir(folder)
        page = path.read_text()
        lines = page.splitlines()
        for said, actual in reversed(list(run(page, str(path), folder))):
            if not Shown(said, actual).agree and "…" not in said.text:
                new = [line.rstrip() for line in actual.strip("\n").splitlines()]
                lines[said.line - 1 : said.line - 1 + said.text.count("\n")] = new
        path.write_text("\n".join(lines) + "\n")
        fluent.default_tracker.close()
        fluent.default_tracker.set_tracking_uri(None)
        fluent.default_tracker.experiment = None


if __name__ == "__main__":
    for argument in [Path(argument).resolve() for argument in sys.argv[1:]]:
        rewrite(argument)
