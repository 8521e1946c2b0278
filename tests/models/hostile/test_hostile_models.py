"""Models that were made to harm are refused with the reason, before anything of them runs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.models.hostile.corpus import CASES

TRIAL = Path(__file__).parent / "trial.py"
ROOT = Path(__file__).parents[3]


class Trial(NamedTuple):
    answers: dict[str, tuple[str, str]]
    events: list[str]
    marker_is_there: bool
    seconds: float


def try_all(kind: str, cases: list[list[str]], folder: Path, environment: dict[str, str]) -> dict[str, Trial]:
    work = folder / kind
    work.mkdir()
    done = subprocess.run(
        [sys.executable, str(TRIAL), kind],
        input=json.dumps(cases),
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-600:]
    rows: list[Any] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {row[0]: Trial({way: tuple(told) for way, told in row[1].items()}, *row[2:]) for row in rows}


Places = tuple[Path, dict[str, str], list[list[str]]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """All models of the corpus, made for a user with a home of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        rows: list[list[str]] = []
        for number, (name, case) in enumerate(CASES.items()):
            place, marker = folder / f"{number}" / "model", folder / f"marker-{number}"
            place.mkdir(parents=True)
            case.make(place, marker)
            rows.append([name, str(place), str(marker), case.loader])
        own = {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch"}
        environment = {**os.environ, **own}
        yield folder, environment, rows


@pytest.fixture(scope="module")
def untrusted(places: Places) -> dict[str, Trial]:
    folder, environment, rows = places
    return try_all("untrusted", rows, folder, environment)


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 40
    assert sum(case.is_live for case in CASES.values()) >= 15


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_the_reason_and_nothing_of_it_runs(name: str, untrusted: dict[str, Trial]) -> None:
    case, trial = CASES[name], untrusted[name]

    assert not trial.marker_is_there
    assert trial.events == []
    kind, text = trial.answers[case.loader]
    assert kind == "refused", text
    assert re.search(f"(?s){case.said}", text), text
    others = {way: told for way, told in trial.answers.items() if told[0] != "refused"}
    assert set(others) <= set(case.harmless), others
    assert trial.seconds < 30


LIVE = [name for name, case in CASES.items() if case.is_live]


def test_the_same_models_do_what_they_were_made_for_when_they_are_trusted(
    untrusted: dict[str, Trial], places: Places
) -> None:
    folder, environment, rows = places

    trusted = try_all("trusted", [row for row in rows if row[0] in LIVE], folder, environment)

    assert [name for name in LIVE if not trusted[name].marker_is_there] == []
