"""What tracked cells print and display becomes artifacts: in a real shell, and in one real kernel."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbtrack import artifacts
from nbtrack.core.entities import Run
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.tracker import Tracker
from tests.ui.conftest import Notebook
from tests.ui.test_real_kernel import TIMEOUT, Kernel, shown

PNG = b"\x89PNG\r\n\x1a\n"


def files_of(run: Run, tracker: Tracker = default_tracker) -> list[str]:
    """The output and the figures of a run."""
    paths = [info.path for info in tracker.list_artifacts(run.info.run_id)]
    figures = tracker.list_artifacts(run.info.run_id, "figures") if "figures" in paths else []
    return [path for path in paths if path.startswith("output")] + [info.path for info in figures]


def output_of(notebook: Notebook, cell: str) -> str:
    """What a tracked cell, which may fail, leaves of its output."""
    notebook.run(cell)
    return artifacts.load_text(f"runs:/{notebook.runs()[-1].info.run_id}/output.txt")


def hooked(notebook: Notebook) -> list[set[str]]:
    """What somebody has put upon the objects that show things."""
    shell: Any = notebook.shell
    watched: list[Any] = [shell.display_pub, shell.displayhook]
    found = [set(vars(each)) & {"publish", "clear_output", "write_format_data"} for each in watched]
    streams = [getattr(vars(stream).get("write"), "__qualname__", "") for stream in (sys.stdout, sys.stderr)]
    return [
        *found,
        {name for name in streams if "StandIn" in name},
        {*shell.events.callbacks["pre_run_cell"][1:]},
    ]


def test_both_streams_are_kept_in_order(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    output = output_of(
        notebook,
        "%%track --quiet\nimport sys\nprint('first')\nprint('second', file=sys.stderr)\n"
        "sys.stdout.writelines(['third\\n', 'fourth'])\nprint('fifth', file=sys.stderr)\n6 * 7",
    )

    assert output == "first\nsecond\nthird\nfourth\nfifth\n"
    seen = capsys.readouterr()
    assert seen.out.startswith("first\nthird\nfourth")
    assert seen.err == "second\nfifth\n"


def test_a_cell_that_shows_nothing_leaves_nothing(notebook: Notebook) -> None:
    notebook.value("%%track --quiet\nanswer = 42\nprint()\nanswer")

    assert files_of(notebook.only_run()) == []


def test_progress_bars_and_colours_are_folded(notebook: Notebook) -> None:
    output = output_of(
        notebook,
        "%%track --quiet\nimport sys\nfor i in range(5001):\n"
        "    sys.stderr.write(f'\\r{i:4}/5000 \\x1b[32m{\"#\" * (i // 1000)}\\x1b[0m')\n"
        "print()\nprint('done')",
    )

    assert output == "5000/5000 #####\n\ndone\n"


def test_of_a_long_output_the_beginning_and_the_end_are_kept(notebook: Notebook) -> None:
    output = output_of(notebook, "%%track --quiet\nfor i in range(4_000):\n    print(f'{i:04}', 'x' * 600)")

    assert 900_000 < len(output) < 1_000_100
    assert output.startswith("0000 xxx")
    assert output.endswith("3999 " + "x" * 600 + "\n")
    (told,) = (line for line in output.splitlines() if "left out" in line)
    kept = len(output.splitlines()) - 1
    assert told.startswith(f"[... {4_000 - kept:,} lines, ")


def test_threads_and_what_holds_a_stream_count(notebook: Notebook) -> None:
    notebook.value(
        "import logging, sys, threading\nlog = logging.getLogger('test_outputs')\n"
        "handler = logging.StreamHandler(sys.stderr)\nlog.addHandler(handler)\nlog.propagate = False"
    )
    output = output_of(
        notebook,
        "%%track --quiet\nthread = threading.Thread(target=print, args=['threaded'])\nthread.start()\n"
        "thread.join()\nlog.warning('logged')",
    )

    assert output == "threaded\nlogged\n"


@pytest.mark.parametrize("head", ["%%track --quiet\n%%capture kept\n", "%%capture kept\n%%track --quiet\n"])
def test_what_capture_hides_is_kept_and_stays_hidden(
    notebook: Notebook, head: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = output_of(
        notebook,
        head + "from IPython.display import SVG, display\nprint('hidden')\ndisplay(SVG('<svg><g/></svg>'))",
    )

    assert output == "hidden\n"
    assert capsys.readouterr().out == ""
    assert notebook.value("kept.stdout") == "hidden\n"
    assert notebook.value("len(kept.outputs)") == 1
    assert files_of(notebook.only_run()) == ["output.txt", "figures/figure-1.svg"]


def test_what_the_cell_redirects_is_no_output(notebook: Notebook) -> None:
    output = output_of(
        notebook,
        "%%track --quiet\nimport contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as taken:\n"
        "    print('elsewhere')\nprint('here')",
    )

    assert output == "here\n"
    assert notebook.value("taken.getvalue()") == "elsewhere\n"


@pytest.mark.parametrize("end", ["1/0", "raise KeyboardInterrupt", "raise SystemExit", "%unload_ext nbtrack"])
def test_however_a_cell_ends_its_output_is_kept_and_nothing_is_left_behind(
    notebook: Notebook, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = hooked(notebook)
    streams = sys.stdout, sys.stderr

    output = output_of(notebook, f"%%track --quiet\nprint('before')\n{end}\nprint('after')")

    assert output == "before\n"
    assert (sys.stdout, sys.stderr) == streams
    assert hooked(notebook)[:3] == before[:3] == [set(), set(), set()]
    notebook.run("print('not recorded')")
    assert "not recorded" in capsys.readouterr().out


def test_hooks_of_others_upon_ours_stay_whole(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    notebook.value("seen = []")
    output = output_of(
        notebook,
        "%%track --quiet\nimport sys\nbelow = sys.stdout.write\n"
        "def write(text):\n    seen.append(text)\n    return below(text)\n"
        "sys.stdout.write = write\nprint('both')\n%unload_ext nbtrack\nprint('later')",
    )

    assert output == "both\n"
    assert stream.getvalue() == "both\nlater\n"
    assert notebook.value("''.join(seen)") == "both\nlater\n"


def test_secrets_that_are_printed_stay_out_of_the_store(notebook: Notebook) -> None:
    notebook.value("api_key = 'correct-horse-7'")
    output = output_of(
        notebook,
        "%%track --quiet\nprint('using', api_key)\nprint('hf_' + 'abcDEF123' * 4)\n"
        "print('password: hunter2')\nprint('token: The')",
    )

    assert output == "using [redacted]\n[redacted]\npassword: [redacted]\ntoken: The\n"


def test_figures_are_kept_as_they_were_published(notebook: Notebook) -> None:
    notebook.value(
        "%%track --quiet\nfrom IPython.display import SVG, HTML, display\nimport plotly.graph_objects as go\n"
        "from PIL import Image\ndisplay(SVG('<svg><g/></svg>'))\n"
        "display({'application/vnd.plotly.v1+json': go.Figure(go.Bar(y=[1])).to_plotly_json()}, raw=True)\n"
        "display(HTML('<p>no figure</p>'), HTML('<div><canvas></canvas></div>'))\nImage.new('RGB', (3, 2))"
    )

    run = notebook.only_run()
    assert files_of(run) == [
        "figures/figure-1.svg",
        "figures/figure-2.plotly.json",
        "figures/figure-3.html",
        "figures/figure-4.png",
    ]
    where = f"runs:/{run.info.run_id}/figures"
    assert artifacts.load_text(f"{where}/figure-1.svg") == "<svg><g/></svg>"
    assert artifacts.load_dict(f"{where}/figure-2.plotly.json")["data"][0]["type"] == "bar"
    assert artifacts.load_image(f"{where}/figure-4.png").size == (3, 2)


@pytest.mark.parametrize(
    ("before", "option", "kept"),
    [
        ("", "--no-capture", []),
        ("%config NBTrack.capture = 'params, output'", "", ["output.txt"]),
        ("%config NBTrack.capture = ['figures']", "", ["figures/figure-1.svg"]),
        ("%config NBTrack.capture = False", "", []),
    ],
)
def test_only_what_is_wanted_is_kept(notebook: Notebook, before: str, option: str, kept: list[str]) -> None:
    notebook.run(before)
    notebook.value(
        f"%%track --quiet {option}\nfrom IPython.display import SVG\nprint('printed')\nSVG('<svg><g/></svg>')"
    )

    assert files_of(notebook.only_run()) == kept


def test_tables_and_the_views_of_nbtrack_are_no_figures(notebook: Notebook) -> None:
    notebook.value(
        "%%track --quiet\nimport pandas as pd\nfrom IPython.display import display\n"
        "nbtrack.log_metric('m', 1, step=1)\nnbtrack.log_metric('m', 2, step=2)\n"
        "display(nbtrack.active_run())\n"
        "display({'application/vnd.nbtrack+json': {}, 'text/html': '<svg></svg>'}, raw=True)\n"
        "pd.DataFrame({'a': [1]})"
    )

    assert files_of(notebook.only_run()) == []


def test_many_and_large_figures_are_named_and_left_out(notebook: Notebook) -> None:
    notebook.value(
        "%%track\nfrom IPython.display import SVG, display\n"
        "display({'image/svg+xml': '<svg>' + ' ' * (5 << 20) + '</svg>'}, raw=True)\n"
        "for i in range(24):\n    display(SVG(f'<svg><g id=\"{i}\"/></svg>'))"
    )

    assert len(files_of(notebook.only_run())) == 19
    assert "figure 1 (svg) (too large)" in notebook.cards[-1]
    assert "5 more figures (20 are kept)" in notebook.cards[-1]


def test_of_a_figure_that_is_drawn_anew_the_last_is_kept(notebook: Notebook) -> None:
    notebook.value(
        "%%track --quiet\nfrom IPython.display import SVG, clear_output, display\n"
        "for i in range(30):\n    clear_output(wait=True)\n    display(SVG(f'<svg><g id=\"{i}\"/></svg>'))\n"
        "handle = display(SVG('<svg><a/></svg>'), display_id=True)\nhandle.update(SVG('<svg><b/></svg>'))"
    )

    run = notebook.only_run()
    assert files_of(run) == ["figures/figure-1.svg", "figures/figure-2.svg"]
    where = f"runs:/{run.info.run_id}/figures"
    assert artifacts.load_text(f"{where}/figure-1.svg") == '<svg><g id="29"/></svg>'
    assert artifacts.load_text(f"{where}/figure-2.svg") == "<svg><b/></svg>"


def test_files_that_are_there_already_stay(notebook: Notebook) -> None:
    notebook.value(
        "%%track --quiet\nfrom IPython.display import SVG\nprint('printed')\nrun = nbtrack.active_run()\n"
        "run.log_text('mine', 'output.txt')\nrun.log_text('mine', 'figures/figure-1.svg')\n"
        "SVG('<svg><g/></svg>')"
    )

    run = notebook.only_run()
    assert files_of(run) == ["output-2.txt", "output.txt", "figures/figure-1.svg", "figures/figure-2.svg"]
    assert artifacts.load_text(f"runs:/{run.info.run_id}/output.txt") == "mine"


def test_a_store_that_refuses_costs_one_line_and_nothing_else(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(RuntimeWarning, match="could not write to its store"):
        result = notebook.run(
            "%%track --quiet\nprint('shown')\nimport shutil\nfrom pathlib import Path\n"
            "folder = Path(nbtrack.get_artifact_uri().removeprefix('file://'))\n"
            "shutil.rmtree(folder)\n_ = folder.write_text('in the way')\nprint('also')\n'value'"
        )
    Path(notebook.value("str(folder)")).unlink()  # or the end of the process tells of it as well

    assert result.success
    assert result.result == "value"
    assert capsys.readouterr().out.startswith("shown\nalso\n")
    assert hooked(notebook)[:3] == [set(), set(), set()]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Tracker]]:
    """One kernel for all tests, and another process's look at its store."""
    folder = tmp_path_factory.mktemp("outputs")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(folder / "ipython")}, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        started = Kernel(manager, client)
        started.value("%load_ext nbtrack\nimport nbtrack, os, sys")
        tracker = Tracker(store=folder / ".nbtrack")
        yield started, tracker
        tracker.close()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def last_run(tracker: Tracker) -> Run:
    found: list[Run] = tracker.search_runs(output_format="list", search_all_experiments=True)
    return found[0]


def read(tracker: Tracker, run: Run, path: str) -> bytes:
    place = artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path=path, tracking_uri=tracker.store
    )
    return Path(place).read_bytes()


def test_in_a_kernel_figures_that_are_drawn_when_the_cell_has_run_are_kept(
    kernel: tuple[Kernel, Tracker],
) -> None:
    notebook, tracker = kernel

    reply, said = notebook.run(
        "%%track --quiet\nimport matplotlib.pyplot as plt\n"
        "%config InlineBackend.figure_formats = ['png', 'svg']\nprint('drawing')\n_ = plt.plot([1, 3])"
    )

    assert reply["status"] == "ok"
    assert [each for each in shown(said) if not each.startswith("<Figure")] == ["stream"]
    run = last_run(tracker)
    assert files_of(run, tracker) == ["output.txt", "figures/figure-1.png", "figures/figure-1.svg"]
    assert read(tracker, run, "figures/figure-1.png").startswith(PNG)
    assert b"<svg" in read(tracker, run, "figures/figure-1.svg")


def test_in_a_kernel_the_last_value_is_a_figure_once(kernel: tuple[Kernel, Tracker]) -> None:
    notebook, tracker = kernel

    _, said = notebook.run(
        "%%track --quiet\nimport matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\n"
        "_ = axes.plot([1])\nfigure"
    )

    assert [each["msg_type"] for each in said if "data" in each["content"]] == [
        "execute_result",
        "display_data",
    ]
    assert [path for path in files_of(last_run(tracker), tracker) if path.endswith("png")] == [
        "figures/figure-1.png"
    ]


def test_in_a_kernel_an_interrupted_cell_keeps_what_it_printed(kernel: tuple[Kernel, Tracker]) -> None:
    notebook, tracker = kernel

    message = notebook.send("%%track --quiet\nimport time\nprint('waiting')\ntime.sleep(60)")
    notebook.until_printed(message, "waiting")
    notebook.manager.interrupt_kernel()
    notebook.until_idle(message)

    run = last_run(tracker)
    assert run.info.status == "KILLED"
    assert read(tracker, run, "output.txt") == b"waiting\n"


def test_in_a_kernel_nothing_is_left_behind(kernel: tuple[Kernel, Tracker]) -> None:
    notebook, _ = kernel
    look = (
        "_shell = get_ipython()\n"
        "[name for each in (sys.stdout, sys.stderr, _shell.display_pub, _shell.displayhook)\n"
        " for name, value in vars(each).items() if 'StandIn' in getattr(value, '__qualname__', '')]"
    )

    within = notebook.value("%%track --quiet\n" + look)

    assert within == "['write', 'write', 'publish', 'clear_output', 'write_format_data']"
    assert notebook.value(look) == "[]"
