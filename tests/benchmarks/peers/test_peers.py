"""The comparison runs, here for nbtrack alone, and finds out a peer that loses something."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.peers import environments
from tests.benchmarks.peers.__main__ import main
from tests.benchmarks.peers.contestants import CHECKOUT, CONTESTANTS, FLOOR
from tests.benchmarks.peers.environments import NotInstalledError, python_of
from tests.benchmarks.peers.processes import Player
from tests.benchmarks.peers.table import Table
from tests.benchmarks.peers.work import QUICK, log_metric, search


def test_the_table_can_be_made_and_nbtrack_keeps_everything(capsys: pytest.CaptureFixture[str]) -> None:
    work = ["log_metric", "kill", "params", "search", "crowd"]

    main(["--quick", "--here", "--peers", "nbtrack", "--work", ",".join(work)])

    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["", "floor", "nbtrack"]
    measured = {name: cells for name, (_, *cells) in zip(work, rows[2:], strict=True)}
    assert not any(cell in ("failed", "not installed") for cells in measured.values() for cell in cells)
    assert measured["kill"][1] == "200 of 200"
    assert measured["crowd"][1].endswith(" 0 lost")


@pytest.mark.parametrize(
    ("right", "wrong", "work"),
    [("0, value, 0)", "0, value + 1e-9, 0)", log_metric), ("acc DESC", "acc", search)],
)
def test_a_peer_whose_answer_is_wrong_has_no_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, work: Callable[..., Any]
) -> None:
    honest = Player(FLOOR, Path(sys.executable), tmp_path / "honest")
    wrongs = Player(FLOOR, Path(sys.executable), tmp_path / "wrong")
    script = tmp_path / "wrong" / "floor" / "scripts" / "floor_worker.py"
    script.write_text(script.read_text().replace(right, wrong))

    cells = work([wrongs, honest], QUICK)

    assert list(cells) == [honest]
    assert "floor is out of this row" in capsys.readouterr().err


def test_a_peer_whose_process_ends_too_early_has_no_figure_either(tmp_path: Path) -> None:
    player = Player(FLOOR, Path(sys.executable), tmp_path)
    (tmp_path / "floor" / "scripts" / "floor_worker.py").write_text("raise SystemExit(3)")

    assert log_metric([player], QUICK) == {}


def test_a_peer_that_cannot_be_installed_says_so_in_its_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(environments, "CACHE", tmp_path / "file")

    with pytest.raises(NotInstalledError):
        python_of(CONTESTANTS[1])

    table = Table([CONTESTANTS[1]], QUICK, absent={CONTESTANTS[1].name})
    table.add("start_end", {})
    assert "| not installed |" in table.as_markdown("")


def test_footnotes_are_numbered_once_each() -> None:
    wandb = next(contestant for contestant in CONTESTANTS if contestant.name == "wandb")
    table = Table([wandb], QUICK, absent=set())

    for work in ("search", "frame", "params"):
        table.add(work, {"wandb": "7 ms"} if work == "params" else {})

    text = table.as_markdown("")
    assert text.count("—<sup>1</sup>") == 2
    assert "7 ms<sup>2</sup>" in text
    assert [line[:2] for line in text.splitlines()[-2:]] == ["1.", "2."]


def test_environments_lie_where_git_ignores_them() -> None:
    top = environments.CACHE.relative_to(CHECKOUT).parts[0]

    assert f"{top}/" in (CHECKOUT / ".gitignore").read_text().split()
