"""Undo of what people changed of runs and experiments, by the verbs and commands they use."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import nbtrack
from nbtrack.cli import main
from nbtrack.core.errors import InvalidStateError, InvalidTypeError, NotFoundError
from nbtrack.tracking.fluent import default_tracker


@pytest.fixture
def run_id() -> Iterator[str]:
    with nbtrack.start_run(run_name="baseline", tags={"team": "nlp"}) as run:
        pass
    yield run.run_id
    default_tracker.name_experiment(None)


def command(*words: str, code: int = 0) -> list[str]:
    """What a command prints."""
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output.splitlines()


def test_a_deletion_is_taken_back_and_says_so(run_id: str) -> None:
    nbtrack.delete_run(run_id)

    done = nbtrack.undo(why="a slip")

    assert str(done) == f"restored run 'baseline' ({run_id[:8]}) (undo of 1)"
    assert done.why == "a slip"
    assert nbtrack.get_run(run_id).info.lifecycle_stage == "active"
    assert [str(change) for change in nbtrack.changes()] == [
        f"deleted run 'baseline' ({run_id[:8]})",
        str(done),
    ]


def test_tags_notes_and_names_that_people_change_are_changes_and_logged_ones_are_not(run_id: str) -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run(run_id=run_id):
        nbtrack.set_tag("logged", "1")
    client.set_tag(run_id, "logged", "2")
    default_tracker.tag_run(run_id, {"team": "cv"})
    client.update_run(run_id, name="renamed")

    default_tracker.undo()
    default_tracker.undo()

    run = nbtrack.get_run(run_id)
    assert (run.info.run_name, run.data.tags["team"], run.data.tags["logged"]) == ("baseline", "nlp", "2")
    with pytest.raises(InvalidStateError, match="Nothing of yours"):
        nbtrack.undo()


def test_a_change_is_undone_by_its_number_or_itself_and_undone_again(run_id: str) -> None:
    default_tracker.tag_run(run_id, {"a": "1"})
    nbtrack.delete_run(run_id)

    nbtrack.undo(1)
    again = nbtrack.undo(nbtrack.changes()[-1])

    assert nbtrack.get_run(run_id).data.tags["a"] == "1"
    assert again.undoes == 3
    assert default_tracker.undoable().number == 2


def test_the_registry_has_an_undo_of_its_own(run_id: str) -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("iris")
    client.update_registered_model("iris", "described")
    nbtrack.delete_run(run_id)

    nbtrack.undo("iris")

    assert client.get_registered_model("iris").description is None
    assert nbtrack.get_run(run_id).info.lifecycle_stage == "deleted"


def test_what_is_no_change_is_said(run_id: str) -> None:
    with pytest.raises(InvalidTypeError, match=r"got float 1\.5"):
        nbtrack.undo(1.5)  # type: ignore[call-overload]
    with pytest.raises(InvalidTypeError, match="give its name"):
        nbtrack.undo(None, 3)  # type: ignore[call-overload]
    with pytest.raises(NotFoundError, match="'7'"):
        nbtrack.undo(7)


def test_looking_for_changes_makes_no_store() -> None:
    assert nbtrack.changes() == []
    with pytest.raises(NotFoundError, match="There is no store at"):
        nbtrack.undo()
    assert not Path(".nbtrack").exists()


def test_a_chosen_experiment_stays_chosen_when_its_name_comes_back() -> None:
    chosen = nbtrack.set_experiment("digits")
    nbtrack.rename_experiment(chosen.experiment_id, "letters")

    nbtrack.undo()

    with nbtrack.start_run() as run:
        assert run.info.experiment_id == chosen.experiment_id
    default_tracker.name_experiment(None)


def test_the_command_takes_back_what_a_command_did_as_a_whole(run_id: str) -> None:
    with nbtrack.start_run(run_name="other") as other:
        pass
    command("delete", run_id, other.run_id, "-y")

    (said,) = command("undo")

    assert said.startswith("Took back change 1 (")
    assert said.endswith(": deleted 2 runs: 'baseline', 'other'). Undo: nbtrack undo 2")
    assert len(nbtrack.search_runs()) == 2
    command(*said.partition("Undo: nbtrack ")[2].split())
    assert len(nbtrack.search_runs()) == 0


def test_the_command_lists_who_changed_what_and_what_was_undone(run_id: str) -> None:
    command("tag", run_id, "team=cv", "new=1", "--remove", "team", code=0)
    command("undo", "--why", "no")

    table = command("undo", "--list")
    (first, second) = json.loads("\n".join(command("undo", "--list", "--json")))

    assert "undone by 2" in " ".join(table)
    assert "why: no" in " ".join(table)
    assert [first["undone_by"], second["undoes"]] == [2, 1]
    assert nbtrack.get_run(run_id).data.tags["team"] == "nlp"


def test_a_conflict_is_one_line_and_an_exit_code(run_id: str) -> None:
    command("note", run_id, "first " * 20)
    nbtrack.MlflowClient().set_tag(run_id, "mlflow.note.content", "by a script")

    (said,) = command("undo", code=1)

    assert "it is not as this change left it" in said
    assert command("note", run_id, "--show") == ["by a script"]
