"""Loops that tell how far they are."""

import asyncio
import io
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import nbtrack
from nbtrack.tracking import progress_board
from nbtrack.tracking.progress import DONE, STOPPED, Progress, clock
from nbtrack.tracking.progress_board import ProgressBoard, progress_html
from nbtrack.tracking.tracker import Tracker


@pytest.fixture
def board() -> ProgressBoard:
    """A board that shows nothing."""
    return ProgressBoard(is_silent=True)


def said(progress: Progress) -> str:
    """Its words without times and rates."""
    return re.sub(r" · [\d,.]+ (it/s|s/it)| · \d+:\d\d( left)?$| after \d+:\d\d", "", progress.words())


def test_a_loop_gives_the_items_and_knows_how_many_there_are(board: ProgressBoard) -> None:
    progress = Progress([5, 6, 7], None, "epoch", board)

    given = [(item, said(progress)) for item in progress]

    assert given == [(5, "epoch 0 of 3 · 0 %"), (6, "epoch 1 of 3 · 33 %"), (7, "epoch 2 of 3 · 66 %")]
    assert (said(progress), progress.status, len(progress)) == ("epoch 3 of 3 · 100 %", DONE, 3)


@pytest.mark.parametrize(
    ("iterable", "total", "words"),
    [
        ((each for each in range(3)), None, "3"),
        ((each for each in range(3)), 6, "3 of 6 · 50 %"),
        ((each for each in range(3)), 2, "3"),
        ([], None, "0 of 0"),
        (iter([1, 2, 3]), None, "3 of 3 · 100 %"),
        ({1: 2}, None, "1 of 1 · 100 %"),
    ],
)
def test_what_is_not_known_is_not_said(board: ProgressBoard, iterable: Any, total: Any, words: str) -> None:
    progress = Progress(iterable, total, None, board)

    for _ in progress:
        pass

    assert said(progress) == words


def test_a_loader_whose_length_raises_is_gone_through(board: ProgressBoard) -> None:
    class Loader:
        def __len__(self) -> int:
            raise TypeError("the dataset is a stream")

        def __iter__(self) -> Iterator[int]:
            return iter((1, 2))

    progress = Progress(Loader(), None, None, board)

    assert list(iter(progress)) == [1, 2]
    assert said(progress) == "2"


def test_leaving_early_and_an_error_say_where_the_loop_stopped(board: ProgressBoard) -> None:
    left, failed = (Progress(range(10), None, None, board) for _ in range(2))

    for item in left:
        if item == 4:
            break
    loop = iter(failed)
    next(loop)  # an error keeps it so, in its traceback
    board.stop()

    assert (said(left), left.status) == ("4 of 10 · 40 % · stopped", STOPPED)
    assert (said(failed), failed.status) == ("0 of 10 · 0 % · stopped", STOPPED)


def test_an_asynchronous_loop_is_counted_too(board: ProgressBoard) -> None:
    async def items() -> AsyncIterator[int]:
        for each in range(3):
            yield each

    async def loop() -> list[int]:
        return [each async for each in progress]

    progress = Progress(items(), 4, None, board)

    assert asyncio.run(loop()) == [0, 1, 2]
    assert said(progress) == "3 of 4 · 75 %"


def test_an_inner_loop_stands_below_and_counts_for_the_outer_one(board: ProgressBoard) -> None:
    outer = Progress(range(2), None, "epoch", board)

    seen: list[list[str]] = []
    for _ in outer:
        inner = Progress(range(4), None, "batch", board)
        for item in inner:
            if item == 2:
                seen.append([said(each) for each in board.rows])

    assert seen[0] == ["epoch 0 of 2 · 25 %", "batch 2 of 4 · 50 %"]
    assert seen[1] == ["epoch 1 of 2 · 75 %", "batch 2 of 4 · 50 %"]
    assert [said(each) for each in board.rows] == ["epoch 2 of 2 · 100 %", "batch 4 of 4 · 100 %"]


def test_the_bar_reads_without_styles_and_its_name_is_text(board: ProgressBoard) -> None:
    progress = Progress(range(4), None, '<b>"$x$', board)
    for _ in progress:
        break

    html = progress_html([progress])

    assert "<b>" not in html
    assert "$" not in html.replace("&#36;", "")
    assert '<progress value="0.0000" max="1"' in html
    assert "0 of 4" in html


def test_a_bar_of_unknown_length_does_not_move_for_ever(board: ProgressBoard) -> None:
    assert "<progress" not in progress_html([Progress(iter(()), None, None, board)])


def test_a_pipe_gets_a_line_for_each_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    board = ProgressBoard()

    for item in Progress(range(1000), None, "step", board):
        if item % 10 == 0:
            board.draw()

    lines = stream.getvalue().splitlines()
    assert [re.match(r"(✓ )?step ([\d,]+) of", line)[2] for line in lines] == [  # type: ignore[index]
        *("100", "200", "300", "400", "500", "600", "700", "800", "900", "1,000")
    ]


def test_a_terminal_gets_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    board = ProgressBoard()

    for _ in Progress(range(5), None, "step", board):
        board.draw()

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("\n")
    assert stream.getvalue().count("\r") == 6
    assert "\r✓ step 5 of 5 · 100 %" in stream.getvalue()


def test_a_closed_stream_costs_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)

    assert list(iter(Progress(range(3), None, None, ProgressBoard()))) == [0, 1, 2]


def test_a_loop_of_a_run_that_ends_is_over(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tracker = Tracker(store=tmp_path / "store")
    run = tracker.start_run()
    loop = iter(run.progress(range(10), name="step"))
    next(loop)

    run.end()

    assert "step 0 of 10" in capsys.readouterr().err
    assert run.progress_board.rows == []
    tracker.close()


def test_no_run_is_started_for_a_loop_and_none_is_shown_where_nothing_is_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    off = Tracker(enabled=False)

    assert [*nbtrack.progress(range(3))] == [0, 1, 2]
    shown = capsys.readouterr().err
    assert [*off.progress(range(3)), *off.start_run().progress(range(3))] == [0, 1, 2, 0, 1, 2]

    assert nbtrack.active_run() is None
    assert "3 of 3" in shown
    assert capsys.readouterr().err == ""


def test_the_thread_that_draws_ends_when_no_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_board, "PERIOD", 0.001)
    board = ProgressBoard()

    list(iter(Progress(range(3), None, None, board)))

    thread = board._thread
    assert isinstance(thread, threading.Thread)
    thread.join(10)
    assert not thread.is_alive()


def test_times_are_told_as_clocks_do() -> None:
    assert [clock(each) for each in (0, 19.4, 61, 3723)] == ["0:00", "0:19", "1:01", "1:02:03"]
