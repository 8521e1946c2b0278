"""Whether a writer lives: on its own machine by its process, elsewhere by its heartbeat."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.stores.local import liveness
from nbtrack.stores.local.liveness import SILENCE_SECONDS, beat, is_alive, last_activity, process_start

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The folder of a run."""
    run = tmp_path / "runs" / "run"
    run.mkdir(parents=True)
    return str(run)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test ends it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def writer(pid: int, **different: Any) -> dict[str, Any]:
    return {**liveness.this_process(), "pid": pid, "started": process_start(pid), **different}


def test_this_process_lives(folder: str) -> None:
    assert is_alive(liveness.this_process(), folder)


def test_a_run_without_a_writer_has_none_that_lives(folder: str) -> None:
    assert not is_alive(None, folder)
    assert not is_alive({}, folder)


def test_a_process_is_alive_until_it_is_gone(process: subprocess.Popen[bytes], folder: str) -> None:
    of_process = writer(process.pid)
    assert is_alive(of_process, folder)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has asked for its status
    assert not is_alive(of_process, folder)
    process.wait()
    assert not is_alive(of_process, folder)


def test_a_stopped_process_is_alive(process: subprocess.Popen[bytes], folder: str) -> None:
    of_process = writer(process.pid)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

    assert is_alive(of_process, folder)
    process.send_signal(signal.SIGCONT)
    assert is_alive(of_process, folder)


def test_a_pid_that_is_used_again_is_another_process(folder: str) -> None:
    again = writer(os.getpid(), started=(process_start(os.getpid()) or 0) - 1)

    assert not is_alive(again, folder)


def test_a_forked_child_is_not_taken_for_its_parent() -> None:
    program = """
import os
from nbtrack.stores.local.liveness import process_start, this_process
parent = this_process()
child = os.fork()
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
own = this_process()
print(own["started"] == process_start(os.getpid()), own["started"] != parent["started"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "True True\n"


def test_no_process_has_no_start() -> None:
    # The largest pid Linux gives is 4,194,304.
    assert process_start(2**22 + 1) is None
    assert process_start(-1) is None
    assert process_start(os.getpid()) == process_start(os.getpid()) is not None


@linux
def test_a_name_that_looks_like_the_rest_of_the_line_misleads_nobody(tmp_path: Path, folder: str) -> None:
    """/proc/<pid>/stat has the program's name in parentheses, whatever it holds."""
    strange = tmp_path / ") Z 1 (x"
    strange.symlink_to(sys.executable)
    process = subprocess.Popen([str(strange), "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert process_start(process.pid) is not None
        assert is_alive(writer(process.pid), folder)
    finally:
        process.communicate(b"\n")


def test_a_restart_of_the_machine_ends_every_process(folder: str) -> None:
    assert not is_alive(writer(os.getpid(), boot="of yesterday"), folder)


@pytest.mark.parametrize("where", [{"host": "elsewhere"}, {"pid_namespace": "pid:[1]"}])
def test_a_writer_elsewhere_lives_while_its_heart_beats(where: dict[str, str], folder: str) -> None:
    # The pid says nothing here: it may be anybody's.
    elsewhere = writer(2**22 + 1, started=1.0, **where)
    beat(folder)
    assert is_alive(elsewhere, folder)

    long_ago = time.time() - SILENCE_SECONDS - 5
    os.utime(folder, (long_ago, long_ago))
    assert not is_alive(elsewhere, folder)

    beat(folder)
    assert is_alive(elsewhere, folder)


def test_points_are_a_heartbeat_too(folder: str) -> None:
    elsewhere = writer(1, host="elsewhere")
    long_ago = time.time() - 1000
    segment = Path(folder, "metrics-1.log")
    segment.write_bytes(b"")
    os.utime(folder, (long_ago, long_ago))
    os.utime(segment, (long_ago, long_ago))
    assert not is_alive(elsewhere, folder)

    segment.write_bytes(b"a point")
    os.utime(folder, (long_ago, long_ago))

    assert is_alive(elsewhere, folder)


def test_silence_is_measured_by_the_clock_of_the_file_server(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's clock may be an hour off; it is not asked."""
    elsewhere = writer(1, host="elsewhere")
    beat(folder)

    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert is_alive(elsewhere, folder)
    assert os.listdir(os.path.dirname(folder)) == ["run"]  # the probe is gone


def test_a_store_that_cannot_be_written_goes_by_our_clock(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = writer(1, host="elsewhere")
    beat(folder)
    opened = os.open

    def refuse(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)

    assert is_alive(elsewhere, folder)


def test_a_run_whose_folder_is_gone_has_no_living_writer_elsewhere(folder: str) -> None:
    os.rmdir(folder)

    assert not is_alive(writer(1, host="elsewhere"), folder)
    assert is_alive(writer(os.getpid()), folder)
    beat(folder)
    assert last_activity(folder) is None


def test_the_last_activity_is_the_latest_of_all_files(folder: str) -> None:
    for name, age in (("run.json", 30), ("metrics-1.log", 10), ("metrics-2.log", 20)):
        path = Path(folder, name)
        path.write_bytes(b"")
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    os.utime(folder, (1_700_000_000 - 100,) * 2)

    assert last_activity(folder) == (1_700_000_000 - 10) * 1000


def test_a_document_of_another_nbtrack_is_read_without_an_error(folder: str) -> None:
    for strange in ({"host": 5}, {"pid": "x"}, {"started": None}, {"boot": None, "host": None}):
        assert is_alive({**liveness.this_process(), **strange}, folder) in (True, False)
