"""The event log: one readable line for each change, whatever lies between them."""

import json
import threading
from pathlib import Path

from nbtrack.stores.local.events import EventLog


def test_events_are_lines_of_json_that_say_who_when_and_what(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.log")

    log.append("run.tagged", run_id="a", before={"k": None}, tags={"k": "v\n"})
    log.close()

    lines = (tmp_path / "events.log").read_text().splitlines()
    assert len(lines) == 1
    event = json.loads(lines[0])
    assert event["what"] == "run.tagged"
    assert event["before"] == {"k": None}
    assert event["tags"] == {"k": "v\n"}
    assert event["who"]
    assert event["time"] > 1_600_000_000_000
    assert list(log.read()) == [event]


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    log = EventLog(path)
    log.append("first")
    log.close()
    with path.open("a") as file:
        file.write('{"what": "torn\n[1]\n')

    log.append("second")

    assert [event["what"] for event in log.read()] == ["first", "second"]
    log.close()


def test_no_file_is_no_events(tmp_path: Path) -> None:
    assert list(EventLog(tmp_path / "nothing").read()) == []


def test_threads_and_several_logs_do_not_mix_their_lines(tmp_path: Path) -> None:
    logs = [EventLog(tmp_path / "events.log") for _ in range(2)]

    def work(number: int) -> None:
        for index in range(200):
            logs[number % 2].append("e", number=number, index=index, text="x" * 200)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [(event["number"], event["index"]) for event in logs[0].read()]
    assert sorted(found) == [(number, index) for number in range(4) for index in range(200)]
    for log in logs:
        log.close()


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "not" / "there")

    log.append("lost")

    assert list(log.read()) == []
