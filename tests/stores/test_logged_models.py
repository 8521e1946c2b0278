"""Logged models of a local store: what is an event, what a failure leaves behind."""

from pathlib import Path

import pytest

from nbtrack.core.errors import NbtrackError
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.stores.local import logged_models
from nbtrack.stores.local.store import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_each_change_is_an_event(store: LocalStore) -> None:
    models, run_id = store.logged_models, store.runs.create("0", "one", tags={})
    model_id = models.create("0", "net", source_run_id=run_id, params={"lr": "1"}, tags={"a": "b"}).model_id
    models.set_tags(model_id, {"a": "c"})
    models.delete_tag(model_id, "a")
    models.log_params(model_id, {"depth": "3"})
    models.finalize(model_id, "FAILED", "why")
    models.delete(model_id)
    models.restore(model_id)

    events = [event for event in store.events.read() if event["what"].startswith("logged_model.")]

    assert [event["what"].partition(".")[2] for event in events] == [
        "created",
        "tagged",
        "tagged",
        "params_logged",
        "finalized",
        "deleted",
        "restored",
    ]
    assert all(event["model_id"] == model_id for event in events)
    created, tagged, untagged, logged, finalized, *_ = events
    assert (created["name"], created["source_run_id"], created["params"]) == ("net", run_id, {"lr": "1"})
    assert (tagged["tags"], tagged["before"]) == ({"a": "c"}, {"a": "b"})
    assert (untagged["tags"], untagged["before"]) == ({"a": None}, {"a": "c"})
    assert logged["params"] == {"depth": "3"}
    assert (finalized["status"], finalized["message"]) == ("FAILED", "why")


def test_a_model_and_what_its_run_says_of_it_are_written_together(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.runs.create("0", "one", tags={})

    def fail(*_: object) -> str:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(logged_models, "_longer", fail)
    with pytest.raises(RuntimeError):
        store.logged_models.create("0", "net", source_run_id=run_id, as_output=True, flavors={"sklearn": {}})

    assert store.logged_models.search() == []
    assert store.runs.get(run_id).outputs.model_outputs == []
    assert [event for event in store.events.read() if event["what"].startswith("logged_model.")] == []


def test_outputs_of_which_one_is_missing_leave_all_as_it_was(store: LocalStore) -> None:
    run_id = store.runs.create("0", "one", tags={})
    model = store.logged_models.create("0", "net", source_run_id=run_id)

    with pytest.raises(NbtrackError):
        store.logged_models.log_outputs(
            run_id, [LoggedModelOutput(model.model_id, 5), LoggedModelOutput("m-none", 1)]
        )

    assert store.runs.get(run_id).outputs.model_outputs == []
    assert store.documents.table("logged_models").all()[0]["step"] == 0


def test_looking_at_models_makes_no_table(store: LocalStore) -> None:
    run_id = store.runs.create("0", "one", tags={})

    assert store.logged_models.search() == []
    assert store.logged_models.find_model(run_id, "net").model is None
    store.runs.delete(run_id)
    store.runs.restore(run_id)

    assert "logged_models" not in store.documents.tables()


def test_the_files_of_a_model_follow_the_artifact_location_of_its_experiment(
    store: LocalStore, tmp_path: Path
) -> None:
    experiment_id = store.experiments.create("far", artifact_location=(tmp_path / "far").as_uri())
    run_id = store.runs.create(experiment_id, "one", tags={}, artifact_location=(tmp_path / "far").as_uri())

    model = store.logged_models.create(experiment_id, "a net", source_run_id=run_id)
    artifacts, path = store.logged_models.artifacts(model.model_id)
    with artifacts.write_folder(path) as folder:
        (folder / "w").write_text("w")

    assert (tmp_path / "far" / run_id / "artifacts" / "a net" / "w").is_file()
    assert model.artifact_location == (tmp_path / "far" / run_id / "artifacts" / "a net").as_uri()
    assert store.logged_models.search()[0].artifact_location == model.artifact_location
