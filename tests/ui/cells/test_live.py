"""Cards that follow a running cell."""

import threading
from typing import Any

import pytest
from IPython.core.displaypub import DisplayPublisher

from nbtrack.core import mime
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.cells import card
from nbtrack.ui.cells.live import LiveRun
from nbtrack.ui.display_handle import DisplayHandle
from tests.ui.conftest import Notebook

UNTIL_SHOWN = """
import time
def shown(text):
    texts = [o["data"]["text/plain"] for o in shell.display_pub.outputs if o["update"]]
    return any(text in each for each in texts)
deadline = time.monotonic() + 30
"""


@pytest.fixture
def live(notebook: Notebook) -> Notebook:
    """A notebook whose cells can wait until something was shown."""
    notebook.value(UNTIL_SHOWN)
    notebook.value("%config NBTrack.live_hz = 5")
    return notebook


def displays(notebook: Notebook) -> list[dict[str, Any]]:
    return notebook.shown.outputs


def live_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "nbtrack-live-card"]


def test_a_live_card_begins_with_the_cell_follows_it_and_stays(live: Notebook) -> None:
    live.value(
        "%%track long --live -p lr=0.1\nstep = 0\n"
        "while not shown('steps/s') and time.monotonic() < deadline:\n"
        "    nbtrack.log_metric('loss', 1 / (step + 1), step=step)\n    step += 1\n    time.sleep(0.002)"
    )

    first, *between, last = displays(live)
    assert [each["update"] for each in (first, *between, last)] == [False] + [True] * (len(between) + 1)
    assert len({each["transient"]["display_id"] for each in displays(live)}) == 1
    assert first["data"]["text/plain"].startswith("▶ RUNNING long · ")
    assert "lr=0.1" in first["data"]["text/plain"]
    assert "<svg" in between[-1]["data"]["text/html"]
    assert " so far · loss " in between[-1]["data"]["text/plain"]
    assert " · drawn " in between[-1]["data"]["text/plain"]
    assert last["data"]["text/plain"].startswith("✓ FINISHED long · ")
    assert "drawn" not in last["data"]["text/plain"]
    assert "<svg" in last["data"]["text/html"]
    points = live.only_run().data.summaries["loss"].count
    assert f"{points:,} points" in last["data"]["text/html"], "the picture has all of them"
    assert mime.MIME_TYPE in first["data"]
    assert live_threads() == []


def test_a_card_that_is_not_live_has_no_pictures(live: Notebook) -> None:
    live.value("%%track\nfor step in range(9):\n    nbtrack.log_metric('loss', step, step=step)")

    assert ["<svg" in each["data"]["text/html"] for each in displays(live)] == [False]


def test_the_loops_of_a_live_cell_stand_on_its_card(live: Notebook) -> None:
    live.value(
        "%%track --live\nfor i in nbtrack.progress(range(3), name='epoch'):\n"
        "    while not shown(f'epoch {i} of 3') and time.monotonic() < deadline:\n"
        "        nbtrack.log_metric('m', 1)\n        time.sleep(0.005)"
    )

    assert all(mime.MIME_TYPE in each["data"] for each in displays(live)), "there is no bar of its own"
    assert "✓ epoch 3 of 3 · 100 %" in displays(live)[-1]["data"]["text/plain"]
    assert "<progress value" in displays(live)[-1]["data"]["text/html"]


def test_a_loop_in_a_cell_shows_a_bar_that_stays(live: Notebook) -> None:
    live.value("%%track\nfor i in nbtrack.progress(range(3), name='epoch'):\n    pass")

    first, *_, last, shown_card = displays(live)
    assert first["data"]["text/plain"].startswith("epoch 0 of 3")
    assert last["data"]["text/plain"].startswith("✓ epoch 3 of 3 · 100 %")
    assert last["update"] is True
    assert last["transient"] == first["transient"] != shown_card["transient"]


@pytest.mark.parametrize("ending", ["1 / 0", "raise KeyboardInterrupt"])
def test_an_error_in_a_loop_leaves_a_bar_that_says_where(live: Notebook, ending: str) -> None:
    live.run(f"for i in nbtrack.progress(range(9), name='step'):\n    if i == 4:\n        {ending}")

    last = displays(live)[-1]["data"]["text/plain"]
    assert last.startswith("■ step 4 of 9 · 44 %")
    assert "stopped after" in last


def test_each_cell_has_its_own_bar(live: Notebook) -> None:
    for _ in range(2):
        live.value("for i in nbtrack.progress(range(3)):\n    pass")

    assert len({each["transient"]["display_id"] for each in displays(live)}) == 2
    assert all("\n" not in each["data"]["text/plain"] for each in displays(live))


def test_a_quiet_cell_shows_neither_card_nor_bar(live: Notebook) -> None:
    live.value("%%track --quiet --live\nfor i in nbtrack.progress(range(3)):\n    nbtrack.log_metric('m', i)")

    assert displays(live) == []


def test_nested_runs_are_counted_and_the_latest_is_told(live: Notebook) -> None:
    live.value(
        "%%track sweep --live\nfor i in range(2):\n    with nbtrack.start_run(run_name=f'trial-{i}'):\n"
        "        while not shown(f'trial-{i}') and time.monotonic() < deadline:\n"
        "            nbtrack.log_metric('loss', i)\n            time.sleep(0.005)"
    )

    texts = [each["data"]["text/plain"] for each in displays(live)[:-1]]
    assert any("2 runs, 1 of them below" in text and "trial-1" in text for text in texts)


@pytest.mark.parametrize("ending", ["1 / 0", "raise KeyboardInterrupt"])
def test_whatever_ends_the_cell_ends_the_following(live: Notebook, ending: str) -> None:
    live.run(f"%%track --live\nnbtrack.log_metric('m', 1)\n{ending}")

    assert live_threads() == []
    assert displays(live)[-1]["data"]["text/plain"].split()[1] in ("FAILED", "KILLED")
    assert len({each["transient"]["display_id"] for each in displays(live)}) == 1


def test_what_has_been_read_is_not_new_again() -> None:
    run = default_tracker.start_run()
    following = LiveRun(run)

    answers = [following.read(), following.read()]
    run.log_metric("m", 1.0)
    answers += [following.read(), following.read()]
    for _ in run.progress(range(1)):
        answers += [following.read(), following.read()]

    assert answers == [True, False, True, False, True, False]
    run.end()


def test_a_picture_that_cannot_be_drawn_is_said_once_and_costs_nothing(
    live: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = card.LiveRun.drawing

    def broken(following: LiveRun) -> Any:
        if following.run().data.metrics:
            raise RuntimeError("no ink")
        return draw(following)

    monkeypatch.setattr(card.LiveRun, "drawing", broken)

    live.value(
        "%%track --live\nimport threading\nnbtrack.log_metric('m', 1)\n"
        "def goes_on():\n"
        "    return any(each.name == 'nbtrack-live-card' for each in threading.enumerate())\n"
        "while goes_on() and time.monotonic() < deadline:\n"
        "    nbtrack.log_metric('m', 1)\n    time.sleep(0.005)"
    )

    assert live.only_run().info.status == "FINISHED"
    assert displays(live)[-1]["data"]["text/plain"].startswith("✓ FINISHED")
    assert capsys.readouterr().err.count("not live any more: RuntimeError: no ink") == 1


def test_a_terminal_is_shown_the_text_once(live: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    live.shell.display_pub = DisplayPublisher(parent=live.shell, shell=live.shell)

    live.value("%%track once --live\nnbtrack.log_metric('m', 1)")

    assert capsys.readouterr().out.count("once") == 1
    assert DisplayHandle(live.shell).can_replace is False


def test_the_same_is_not_shown_again(live: Notebook) -> None:
    handle = DisplayHandle(live.shell)

    sent = [handle.show({"text/plain": text}) for text in ("a", "a", "b")]

    assert sent == [True, False, True]
