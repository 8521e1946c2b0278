"""What every store must do with experiments."""

import pytest

from nbtrack.core.entities import RunStatus, ViewType
from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, InvalidValueError, NotFoundError
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.contracts import Store


def names(store: Store, **where: object) -> list[str]:
    return [each.name for each in store.experiments.search(**where)]  # type: ignore[arg-type]


def finished(store: Store, experiment_id: str, name: str) -> str:
    run_id = store.runs.create(experiment_id, name, tags={})
    store.runs.end(run_id, RunStatus.FINISHED, tags={})
    return run_id


def test_a_fresh_store_has_the_default_experiment(store: Store) -> None:
    assert names(store) == ["Default"]
    assert store.experiments.get("0").name == "Default"


def test_an_experiment_keeps_its_name_tags_and_times(store: Store) -> None:
    experiment_id = store.experiments.create("churn", {"team": "nlp"})

    found = store.experiments.get(experiment_id)

    assert (found.name, found.tags, found.lifecycle_stage) == ("churn", {"team": "nlp"}, "active")
    assert found.creation_time == found.last_update_time > 1_600_000_000_000
    assert store.experiments.find("churn") == found
    assert store.experiments.find("other") is None


def test_a_name_is_taken_also_by_a_deleted_experiment(store: Store) -> None:
    gone = store.experiments.create("gone")
    store.experiments.delete(gone)

    with pytest.raises(AlreadyExistsError, match=f"deleted.*restore_experiment\\('{gone}'\\)"):
        store.experiments.create("gone")
    with pytest.raises(AlreadyExistsError, match="set_experiment"):
        store.experiments.create("Default")


def test_renaming(store: Store) -> None:
    experiment_id = store.experiments.create("old")

    store.experiments.rename(experiment_id, "new")

    assert store.experiments.get(experiment_id).name == "new"
    assert store.experiments.find("old") is None
    with pytest.raises(AlreadyExistsError, match="'Default' exists"):
        store.experiments.rename(experiment_id, "Default")
    with pytest.raises(InvalidValueError, match="empty"):
        store.experiments.rename(experiment_id, " ")
    with pytest.raises(NotFoundError, match="nowhere"):
        store.experiments.rename("nowhere", "x")
    assert store.experiments.get(experiment_id).name == "new"


def test_deleting_takes_the_runs_along_and_restoring_brings_those_back(store: Store) -> None:
    experiment_id = store.experiments.create("churn")
    kept, deleted_before = finished(store, experiment_id, "kept"), finished(store, experiment_id, "before")
    elsewhere = finished(store, "0", "elsewhere")
    store.runs.delete(deleted_before)

    store.experiments.delete(experiment_id)

    assert names(store) == ["Default"]
    assert names(store, view=ViewType.DELETED_ONLY) == ["churn"]
    assert sorted(names(store, view=ViewType.ALL)) == ["Default", "churn"]
    assert store.runs.get(kept).info.lifecycle_stage == "deleted"
    assert store.runs.get(elsewhere).info.lifecycle_stage == "active"

    store.experiments.restore(experiment_id)

    assert store.experiments.get(experiment_id).lifecycle_stage == "active"
    assert store.runs.get(kept).info.lifecycle_stage == "active"
    assert store.runs.get(deleted_before).info.lifecycle_stage == "deleted"


def test_a_run_restored_while_its_experiment_is_deleted_is_not_deleted_again_by_its_return(
    store: Store,
) -> None:
    experiment_id = store.experiments.create("churn")
    run_id = finished(store, experiment_id, "one")
    store.experiments.delete(experiment_id)
    store.runs.restore(run_id)
    store.runs.delete(run_id)

    store.experiments.restore(experiment_id)

    assert store.runs.get(run_id).info.lifecycle_stage == "deleted"


def test_the_bin_refuses_what_makes_no_sense(store: Store) -> None:
    experiment_id = store.experiments.create("churn")

    with pytest.raises(InvalidStateError, match="'churn' is active already"):
        store.experiments.restore(experiment_id)
    store.experiments.delete(experiment_id)
    with pytest.raises(InvalidStateError, match="'churn' is deleted already"):
        store.experiments.delete(experiment_id)
    with pytest.raises(InvalidStateError, match="Restore it before you rename it"):
        store.experiments.rename(experiment_id, "other")
    with pytest.raises(NotFoundError, match="nowhere"):
        store.experiments.delete("nowhere")


def test_tags_of_an_experiment(store: Store) -> None:
    experiment_id = store.experiments.create("churn", {"a": "1"})

    store.experiments.set_tags(experiment_id, {"a": "2", "b": "3"})
    store.experiments.delete_tag(experiment_id, "b")

    assert store.experiments.get(experiment_id).tags == {"a": "2"}
    with pytest.raises(NotFoundError, match=r"Experiment 'churn' has no tag 'aa'\. Did you mean 'a'\?"):
        store.experiments.delete_tag(experiment_id, "aa")
    with pytest.raises(NotFoundError, match="nowhere"):
        store.experiments.set_tags("nowhere", {"a": "1"})


def test_a_change_moves_the_time_of_the_last_update(store: Store) -> None:
    experiment_id = store.experiments.create("churn")
    before = store.experiments.get(experiment_id)
    while store.experiments.get(experiment_id).last_update_time == before.last_update_time:
        store.experiments.set_tags(experiment_id, {"a": "1"})

    assert store.experiments.get(experiment_id).last_update_time > before.last_update_time
    assert store.experiments.get(experiment_id).creation_time == before.creation_time


def test_searching_experiments(store: Store) -> None:
    for name, team in (("a", "nlp"), ("b", "vision"), ("c", "nlp")):
        store.experiments.create(name, {"team": team})

    assert names(store, condition=Query().tags.team == "nlp", order_by=[Order(("name",))]) == ["a", "c"]
    assert names(store, order_by=[Order(("name",), True)], limit=2) == ["c", "b"]
    page = store.experiments.search(order_by=[Order(("name",), True)], limit=2)
    assert names(store, order_by=[Order(("name",), True)], limit=2, after=page.token) == ["a", "Default"]
    assert store.experiments.search(limit=4).token is None
    assert names(store)[-1] == "Default"


def test_artifacts_go_where_the_experiment_wants_them(store: Store, tmp_path_factory) -> None:
    place = tmp_path_factory.mktemp("disk") / "with space"
    experiment_id = store.experiments.create("big", {}, place.as_uri())
    location = store.experiments.get(experiment_id).artifact_location
    run_id = store.runs.create(experiment_id, "one", tags={}, artifact_location=location)

    store.runs.artifacts(run_id).save_bytes("notes/a.txt", lambda file: file.write(b"hello"))

    assert (place / run_id / "artifacts" / "notes" / "a.txt").read_bytes() == b"hello"
    assert store.runs.get(run_id).info.artifact_uri == (place / run_id / "artifacts").as_uri()
    with store.runs.artifacts(run_id).open("notes/a.txt") as file:
        assert file.read() == b"hello"
