"""SIGKILL while a folder is written among the artifacts: it is listed whole, or not at all."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from nbtrack.stores.local.artifacts import RunArtifacts
from tests.faults.children import Ack, WarmParent, rounds, seeded, spin

ATTEMPTS = 50
FILES = 8


def write_folders_for_ever(ack: Ack, run: Path, kind: Any = RunArtifacts) -> None:
    """Write folder after folder until killed; acknowledges the begin and the end of each."""
    artifacts = kind(run / "artifacts")
    number = 0
    while True:
        ack(b"b")
        with artifacts.write_folder(f"models/{number}") as folder:
            (folder / "data").mkdir()
            for file in range(FILES):
                (folder / "data" / str(file)).write_bytes(b"x" * 5000)
        ack(b"e")
        number += 1


class InPlace(RunArtifacts):
    """Broken on purpose: fills the folder where everybody sees it."""

    @contextmanager
    def write_folder(self, path: str) -> Generator[Path]:
        folder = self.root / path
        folder.mkdir(parents=True)
        yield folder


def write_in_place_for_ever(ack: Ack, run: Path) -> None:
    write_folders_for_ever(ack, run, InPlace)


def kill_while_writing(
    children: WarmParent, run: Path, random: Random, work: Any = write_folders_for_ever
) -> list[str]:
    """Kill a child that writes folders; what is wrong with the folders afterwards."""
    run.mkdir()
    child = children.start(work, run)
    child.wait_for(1 + random.randrange(8))
    spin(random.uniform(0, 0.003))
    child.kill()
    child.end()
    artifacts = RunArtifacts(run / "artifacts")
    found = [info.path for info in artifacts.list("models")]
    problems = [
        f"lost: models/{number}"
        for number in range(child.acks.count(b"e"))
        if f"models/{number}" not in found
    ]
    for path in found:
        sizes = [info.file_size for info in artifacts.list(f"{path}/data")]
        if sizes != [5000] * FILES:
            problems.append(f"half a folder is listed: {path} has {sizes}")
    if [info.path for info in artifacts.list()] not in ([], ["models"]):
        problems.append("what was being written is listed")
    return problems


def test_a_kill_leaves_folders_whole_or_unlisted(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("folders")
    left = 0

    for number in range(10 * rounds(12, 300)):
        run = tmp_path / str(number)
        assert kill_while_writing(children, run, random) == []
        left += len([name for name in os.listdir(run) if name.startswith(".nbtrack-incoming-")])
        if left and number + 1 >= rounds(12, 300):  # on a busy machine chance may take longer
            break

    assert left, "no kill struck while a folder was being written"


def test_what_the_dead_have_left_is_removed_and_what_the_living_write_is_not(tmp_path: Path) -> None:
    artifacts = RunArtifacts(tmp_path / "artifacts")
    dead = tmp_path / ".nbtrack-incoming-dead"
    dead.mkdir()
    (dead / "half").write_text("half")
    just_made = tmp_path / ".nbtrack-incoming-new"
    just_made.mkdir()

    with artifacts.write_folder("mine") as mine:
        for folder in (dead, mine):
            os.utime(folder, (0, 0))
        with artifacts.write_folder("other"):
            assert not dead.exists()
            assert mine.exists()
            assert just_made.exists()
    shutil.rmtree(just_made)

    assert [info.path for info in artifacts.list()] == ["mine", "other"]


def test_control_a_writer_that_fills_in_place_is_caught(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("folders in place")

    caught = any(
        kill_while_writing(children, tmp_path / str(number), random, write_in_place_for_ever)
        for number in range(ATTEMPTS)
    )

    assert caught
