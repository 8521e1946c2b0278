"""The card below a tracked cell: one place, shown once, replaced when more is known."""

import threading
from pathlib import Path
from subprocess import run as run_command
from typing import Any

import pytest

from nbtrack.core import mime
from nbtrack.tracking import environment
from nbtrack.ui.cells import card
from tests.ui.conftest import Notebook


def displays(notebook: Notebook) -> list[dict[str, Any]]:
    """What was shown and replaced, in order."""
    return [output for output in notebook.shown.outputs if mime.MIME_TYPE in output["data"]]


def test_the_card_is_shown_once_with_data_for_a_front_end_that_knows_us(notebook: Notebook) -> None:
    notebook.value("%%track once\nnbtrack.log_metric('m', 1)")

    (shown,) = displays(notebook)
    run = notebook.only_run()
    assert shown["update"] is False
    assert shown["transient"]["display_id"]
    data = shown["data"][mime.MIME_TYPE]
    assert (data["kind"], data["run_id"]) == ("run", run.info.run_id)
    assert data["snapshot"]["metrics"]["m"]["last"] == 1
    assert str(Path.cwd()) not in str(data)


def test_what_git_says_late_replaces_the_card_in_place(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (
        "init -q",
        "add a.txt",
        "-c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm x",
    ):
        Path("a.txt").write_text("1")
        run_command(["git", *command.split()], check=True)
    Path("a.txt").write_text("2")
    shown, known = threading.Event(), threading.Event()
    ask, replace = environment._Place.find_out, card._show_late

    def find_out(*arguments: Any) -> dict[str, str]:
        assert shown.wait(30)
        return ask(*arguments)

    def show_late(*arguments: Any) -> None:
        replace(*arguments)
        known.set()

    monkeypatch.setattr(environment._Place, "find_out", find_out)
    monkeypatch.setattr(card, "_show_late", show_late)
    notebook.value("%%track late\n1")
    shown.set()

    assert known.wait(30)

    first, second = displays(notebook)
    assert "1 file differs from the commit" not in first["data"]["text/plain"]
    assert "1 file differs from the commit" in second["data"]["text/plain"]
    assert second["update"] is True
    assert second["transient"] == first["transient"]
    assert second["data"][mime.MIME_TYPE]["snapshot"]["marks"][0]["kind"] == "git"


def test_a_late_answer_that_changes_nothing_shows_nothing(notebook: Notebook) -> None:
    notebook.value("%%track\n1")

    environment.settle(notebook.value("from nbtrack.tracking.fluent import default_tracker as d; d._store()"))

    assert len(displays(notebook)) == 1


def test_a_card_that_cannot_be_drawn_costs_neither_the_cell_nor_the_run(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(card, "cell_card", broken)

    assert notebook.value("%%track\nnbtrack.log_metric('m', 1)\n6 * 7") == 42

    assert notebook.only_run().info.status == "FINISHED"
    assert capsys.readouterr().err.count("\n") == 1
    assert displays(notebook) == []
