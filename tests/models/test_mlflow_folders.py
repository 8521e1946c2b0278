"""Folders that MLflow 2.22 and 3.17 wrote (`mlflow_folders/make_folders.py`)."""

import json
import re
import zipfile
from pathlib import Path

import pytest

FOLDERS = Path(__file__).parent / "mlflow_folders"
CASES = sorted(str(path.parent.relative_to(FOLDERS)) for path in FOLDERS.glob("*/*/expected.json"))


@pytest.mark.parametrize("case", CASES)
def test_every_pickle_in_a_folder_is_told_beside_it(case: str) -> None:
    told = json.loads((FOLDERS / case / "expected.json").read_text())["pickles"]

    found = {
        path.relative_to(FOLDERS / case / "model").as_posix()
        for path in (FOLDERS / case / "model").rglob("*")
        if path.is_file() and holds_a_pickle(path)
    }

    assert found == set(told)


def holds_a_pickle(path: Path) -> bool:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith((".pkl", ".pt")) for name in archive.namelist())
    return path.read_bytes()[:1] == b"\x80"


def test_the_folders_are_small_and_name_no_machine() -> None:
    files = [path for path in FOLDERS.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    contents = [path.read_bytes() for path in files]

    assert len(CASES) >= 54
    assert sum(map(len, contents)) < 1_500_000
    paths = {match for content in contents for match in re.findall(rb"/(?:tmp|root|home)/[\w/]*", content)}
    assert {path.split(b"/")[2] for path in paths} == {b"ada"}
