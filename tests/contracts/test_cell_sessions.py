"""The cells that kernels executed: what was appended is read, whatever happens between two appends."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError, StoreError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store

SESSION = "0123456789abcdef" * 2

names = st.text(min_size=1, max_size=5)
cells = st.builds(
    ExecutedCell,
    number=st.integers(1, 2**53),
    source=st.text(st.characters(), max_size=40),
    cell_id=st.none() | names,
    status=st.sampled_from(CellStatus.ALL),
    start_time=st.integers(0, 2**53),
    end_time=st.none() | st.integers(0, 2**53),
    stopped_at=st.none() | st.integers(1, 1000),
    kinds=st.dictionaries(names, names, max_size=3),
    aliases=st.lists(st.lists(names, max_size=3), max_size=2),
)


@given(executed=st.lists(cells, unique_by=lambda cell: cell.number, max_size=5))
def test_what_was_appended_is_read_by_number(tmp_path_factory: Any, executed: list[ExecutedCell]) -> None:
    with open_store(tmp_path_factory.mktemp("store")) as store:
        store.cell_sessions.append(SESSION, [{"number": 1, "source": "x"}])
        for cell in executed:
            store.cell_sessions.append(SESSION, [cell.to_dictionary()])

        found = store.cell_sessions.read(SESSION)

    numbers = {cell.number for cell in executed}
    expected = executed if 1 in numbers else [*executed, ExecutedCell(1, "x")]
    assert found == sorted(expected, key=lambda cell: cell.number)


def test_a_cell_is_running_until_its_end_is_appended(store: Store) -> None:
    begun = {"number": 3, "source": "x = 1", "status": "running", "start_time": 5}
    store.cell_sessions.append(SESSION, [{"number": 1, "source": "1"}, begun])

    assert [cell.status for cell in store.cell_sessions.read(SESSION)] == ["ok", "running"]

    store.cell_sessions.append(SESSION, [{"number": 3, "status": "failed", "end_time": 9, "stopped_at": 1}])

    assert store.cell_sessions.read(SESSION)[1] == ExecutedCell(
        3, "x = 1", status="failed", start_time=5, end_time=9, stopped_at=1
    )


def test_a_source_that_is_the_same_is_named_by_its_number(store: Store) -> None:
    store.cell_sessions.append(SESSION, [{"number": 1, "source": "x"}, {"number": 2, "source_of": 1}])
    store.cell_sessions.append(SESSION, [{"number": 3, "source_of": 2}, {"number": 4, "source_of": 9}])

    assert [(cell.number, cell.source) for cell in store.cell_sessions.read(SESSION)] == [
        (1, "x"),
        (2, "x"),
        (3, "x"),
    ]


def test_fields_of_a_later_nbtrack_are_left_out(store: Store) -> None:
    store.cell_sessions.append(SESSION, [{"number": 1, "source": "x", "mood": "good"}])
    store.cell_sessions.append(SESSION, [{"number": 2, "source": "y", "status": "dreaming"}])

    assert store.cell_sessions.read(SESSION) == [ExecutedCell(1, "x")]


def test_torn_lines_are_left_out_and_harm_no_others(store: Store) -> None:
    store.cell_sessions.append(SESSION, [{"number": 1, "source": "x"}])
    (file,) = Path(store.uri, "sessions").iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"number":2,"source":"y')

    assert [cell.number for cell in store.cell_sessions.read(SESSION)] == [1]

    store.cell_sessions.append(SESSION, [{"number": 3, "source": "z"}])
    with file.open("ab") as garbage:
        garbage.write(b'\xff\xfe\n[1]\nnull\n{"number":true,"source":"q"}\n{"source":"q"}\n')

    assert [cell.number for cell in store.cell_sessions.read(SESSION)] == [1, 3]


@pytest.mark.parametrize("session", ["", "..", "../events.log", "0" * 31, "A" * 32, "0" * 32 + "\n", None])
def test_a_session_id_is_32_hex_digits(store: Store, session: Any) -> None:
    with pytest.raises(NotFoundError, match="session"):
        store.cell_sessions.read(session)
    with pytest.raises(InvalidValueError, match="32 hex digits"):
        store.cell_sessions.append(session, [{"number": 1, "source": "x"}])


def test_a_session_that_is_not_there_is_said_so(store: Store) -> None:
    with pytest.raises(NotFoundError, match=SESSION):
        store.cell_sessions.read(SESSION)


@pytest.mark.parametrize("number", [None, 0, -1, "1", True, 1.0])
def test_a_record_without_a_number_is_refused(store: Store, number: Any) -> None:
    with pytest.raises(InvalidValueError, match="number"):
        store.cell_sessions.append(SESSION, [{"number": 1, "source": "x"}, {"number": number}])

    with pytest.raises(NotFoundError):
        store.cell_sessions.read(SESSION)


def test_what_json_has_no_form_for_is_refused(store: Store) -> None:
    with pytest.raises(InvalidTypeError, match="JSON"):
        store.cell_sessions.append(SESSION, [{"number": 1, "source": object()}])


def test_a_store_that_was_deleted_stays_deleted(store: Store) -> None:
    Path(store.uri).rename(f"{store.uri}-away")

    with pytest.raises(StoreError, match="Cannot write"):
        store.cell_sessions.append(SESSION, [{"number": 1, "source": "x"}])

    assert not Path(store.uri).exists()


def test_sessions_do_not_make_a_folder_another_store(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other" / "sessions").mkdir(parents=True)

    open_store(tmp_path / "other").close()

    assert (tmp_path / "other" / "documents.db").exists()


_KILLED = """
import os, sys
from nbtrack.stores.opening import open_store

sessions = open_store(sys.argv[1]).cell_sessions
for number in range(1, 4):
    sessions.append(sys.argv[2], [{"number": number, "source": "x" * 5000, "status": "running"}])
os.kill(os.getpid(), 9)
"""


def test_what_was_appended_survives_the_death_of_the_process(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, store.uri, SESSION], check=False, timeout=60)

    assert done.returncode == -9
    assert [cell.number for cell in store.cell_sessions.read(SESSION)] == [1, 2, 3]


def test_others_read_whole_cells_while_one_writes(store: Store) -> None:
    store.cell_sessions.append(SESSION, [{"number": 1, "source": "0"}])
    wrong: list[Any] = []
    is_over = threading.Event()

    def read() -> None:
        sessions = store.cell_sessions
        while not is_over.is_set():
            found = [cell.source for cell in sessions.read(SESSION)]
            if found != [str(index) * 3000 if index else "0" for index in range(len(found))]:
                wrong.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(1, 200):
        store.cell_sessions.append(SESSION, [{"number": index + 1, "source": str(index) * 3000}])
    is_over.set()
    reader.join()

    assert wrong == []
    assert len(store.cell_sessions.read(SESSION)) == 200
