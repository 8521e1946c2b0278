"""What people change of runs and experiments, and its undo, on every store."""

import multiprocessing
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.core import users
from nbtrack.core.entities import LifecycleStage, RunStatus
from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store

if TYPE_CHECKING:
    from nbtrack.core.changes import Change


def new_run(store: Store, name: str = "baseline", **tags: str) -> str:
    run_id = store.runs.create("0", name, tags=tags)
    store.runs.end(run_id, RunStatus.FINISHED, tags={})
    return run_id


def tags_of(store: Store, run_id: str) -> dict[str, str]:
    return {key: value for key, value in store.runs.get(run_id).data.tags.items() if "." not in key}


def stage_of(store: Store, run_id: str) -> str:
    return store.runs.get(run_id).info.lifecycle_stage


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go on as another user."""

    def be(name: str) -> None:
        monkeypatch.setenv("LOGNAME", name)
        users.current_user.cache_clear()

    be("ada")
    return be


@pytest.fixture(autouse=True)
def users_as_they_were() -> Any:
    yield
    users.current_user.cache_clear()


def test_each_kind_of_change_tells_what_it_was_and_is_taken_back(store: Store) -> None:
    run_id = new_run(store, team="nlp")
    experiment_id = store.experiments.create("digits", {"owner": "ada"})
    short = run_id[:8]
    runs, experiments = store.runs, store.experiments
    done: list[tuple[Callable[[], None], str]] = [
        (lambda: runs.delete(run_id), f"deleted run 'baseline' ({short})"),
        (
            lambda: runs.update(run_id, run_name="first"),
            f"renamed run 'first' ({short}), which was 'baseline'",
        ),
        (
            lambda: runs.change_tags(run_id, {"team": "cv", "new": "1"}),
            f"set tag team of run 'baseline' ({short}) to 'cv', from 'nlp'; "
            f"set tag new of run 'baseline' ({short}) to '1'",
        ),
        (
            lambda: runs.change_tags(run_id, {"team": None}),
            f"took tag team off run 'baseline' ({short}), which was 'nlp'",
        ),
        (
            lambda: runs.change_tags(run_id, {"mlflow.note.content": "good"}),
            f"wrote the note on run 'baseline' ({short}): 'good'",
        ),
        (
            lambda: runs.change_tags(run_id, {"mlflow.runName": "second"}),
            f"renamed run 'second' ({short}), which was 'baseline'",
        ),
        (
            lambda: experiments.rename(experiment_id, "letters"),
            "renamed experiment 'letters', which was 'digits'",
        ),
        (lambda: experiments.delete(experiment_id), "deleted experiment 'digits' with its runs"),
        (
            lambda: experiments.set_tags(experiment_id, {"owner": "bob"}),
            "set tag owner of experiment 'digits' to 'bob', from 'ada'",
        ),
        (
            lambda: experiments.delete_tag(experiment_id, "owner"),
            "took tag owner off experiment 'digits', which was 'ada'",
        ),
    ]
    before = store.runs.get(run_id), store.experiments.get(experiment_id)

    for number, (change, said) in enumerate(done):
        change()
        (told,) = store.changes.latest(1)
        undone = store.changes.undo()

        assert str(told) == said
        assert told.number == 2 * number + 1
        assert undone.undoes == told.number
        assert f"undo of {told.number}" in str(undone)
        after = store.runs.get(run_id), store.experiments.get(experiment_id)
        assert (after[0].info, after[0].data.tags) == (before[0].info, before[0].data.tags)
        assert (after[1].name, after[1].tags, after[1].lifecycle_stage) == (
            "digits",
            {"owner": "ada"},
            "active",
        )


def test_what_a_run_logs_about_itself_and_what_changes_nothing_is_no_change(store: Store) -> None:
    run_id = new_run(store, team="nlp")

    store.runs.set_tags(run_id, {"best": "1"})
    store.runs.delete_tag(run_id, "best")
    store.runs.change_tags(run_id, {"team": "nlp"})
    store.runs.update(run_id, run_name="baseline")
    store.runs.restore(run_id)
    store.runs.delete(run_id)
    store.runs.delete(run_id)

    assert [each.parts[0]["what"] for each in store.changes.latest()] == ["run.deleted"]


def test_undo_goes_further_back_each_time_and_then_says_that_nothing_is_left(store: Store) -> None:
    run_id = new_run(store)
    for value in ("a", "b", "c"):
        store.runs.change_tags(run_id, {"tag": value})

    seen = [store.changes.undo() and tags_of(store, run_id).get("tag") for _ in range(3)]

    assert seen == ["b", "a", None]
    with pytest.raises(InvalidStateError, match="Nothing of yours is left to be undone"):
        store.changes.undo()


def test_an_undo_is_undone_by_its_number_and_the_change_stands_again(store: Store) -> None:
    run_id = new_run(store)
    store.runs.delete(run_id)
    undo = store.changes.undo()

    redo = store.changes.undo(undo.number)

    assert stage_of(store, run_id) == LifecycleStage.DELETED
    assert redo.undoes == undo.number
    assert [each.undone_by for each in store.changes.latest()] == [None, redo.number, None]
    store.changes.undo()
    assert stage_of(store, run_id) == LifecycleStage.ACTIVE


def test_an_earlier_change_is_undone_by_its_number(store: Store) -> None:
    run_id = new_run(store)
    store.runs.change_tags(run_id, {"a": "1"})
    store.runs.change_tags(run_id, {"b": "1"})

    store.changes.undo(1)

    assert tags_of(store, run_id) == {"b": "1"}
    with pytest.raises(InvalidStateError, match="was undone by change 3 already"):
        store.changes.undo(1)


def test_what_was_changed_since_is_said_and_nothing_is_done(store: Store, be: Callable[[str], None]) -> None:
    run_id, other = new_run(store), new_run(store, "other")
    with store.changes.together():
        store.runs.delete(other)
        store.runs.change_tags(run_id, {"team": "nlp"})
    be("bob")
    store.runs.change_tags(run_id, {"team": "cv"})
    be("ada")

    with pytest.raises(
        InvalidStateError, match=r"change 2 of bob came after it: set tag team .* Nothing was changed"
    ):
        store.changes.undo()

    assert tags_of(store, run_id) == {"team": "cv"}
    assert stage_of(store, other) == LifecycleStage.DELETED
    assert len(store.changes.latest()) == 2


def test_what_was_put_back_and_done_again_by_somebody_else_is_theirs(
    store: Store, be: Callable[[str], None]
) -> None:
    run_id = new_run(store)
    store.runs.delete(run_id)
    be("bob")
    store.runs.restore(run_id)
    store.runs.delete(run_id)
    be("ada")

    with pytest.raises(InvalidStateError, match="change 3 of bob"):
        store.changes.undo()

    assert stage_of(store, run_id) == LifecycleStage.DELETED


def test_a_tag_that_the_run_has_logged_since_stays(store: Store) -> None:
    run_id = new_run(store)
    store.runs.change_tags(run_id, {"team": "nlp"})
    store.runs.set_tags(run_id, {"team": "logged"})

    with pytest.raises(InvalidStateError, match="it is not as this change left it"):
        store.changes.undo()

    assert tags_of(store, run_id) == {"team": "logged"}


def test_only_a_number_takes_back_what_somebody_else_did(store: Store, be: Callable[[str], None]) -> None:
    run_id = new_run(store)
    be("bob")
    store.runs.delete(run_id)
    be("ada")

    with pytest.raises(InvalidStateError, match=r"The latest is change 1, which bob made: deleted run"):
        store.changes.undo()
    undone = store.changes.undo(1, why="needed")

    assert stage_of(store, run_id) == LifecycleStage.ACTIVE
    assert (undone.who, undone.why) == ("ada", "needed")


def test_a_number_that_no_change_has_is_an_error(store: Store) -> None:
    store.runs.delete(new_run(store))

    for number in (0, 2, 99):
        with pytest.raises((NotFoundError, ValueError)):
            store.changes.undo(number)


def test_several_changes_together_are_one(store: Store) -> None:
    ids = [new_run(store, f"run {number}") for number in range(7)]
    with store.changes.together():
        for run_id in ids:
            store.runs.delete(run_id)

    (told,) = store.changes.latest()
    store.changes.undo()

    assert str(told) == "deleted 7 runs: 'run 0', 'run 1', 'run 2', 'run 3', 'run 4' and 2 more"
    assert {stage_of(store, run_id) for run_id in ids} == {LifecycleStage.ACTIVE}


def test_what_was_changed_twice_in_one_change_is_as_before_it(store: Store) -> None:
    run_id = new_run(store, team="nlp")
    with store.changes.together():
        store.runs.change_tags(run_id, {"team": "cv"})
        store.runs.update(run_id, run_name="first")
        store.runs.update(run_id, run_name="second")
        store.runs.delete(run_id)

    store.changes.undo()
    run = store.runs.get(run_id)

    assert (run.info.run_name, run.info.lifecycle_stage) == ("baseline", "active")
    assert tags_of(store, run_id) == {"team": "nlp"}


def test_changes_together_are_all_made_or_none(store: Store) -> None:
    run_id = new_run(store)

    def delete_both() -> None:
        with store.changes.together():
            store.runs.delete(run_id)
            store.runs.delete("0" * 32)

    with pytest.raises(NotFoundError):
        delete_both()

    assert stage_of(store, run_id) == LifecycleStage.ACTIVE
    assert store.changes.latest() == []


def test_a_deleted_experiment_comes_back_with_the_runs_that_went_with_it(store: Store) -> None:
    experiment_id = store.experiments.create("digits")
    kept, binned = (store.runs.create(experiment_id, name, tags={}) for name in ("kept", "binned"))
    store.runs.delete(binned)
    store.experiments.delete(experiment_id)

    store.changes.undo()

    assert store.experiments.get(experiment_id).lifecycle_stage == LifecycleStage.ACTIVE
    assert [stage_of(store, run_id) for run_id in (kept, binned)] == ["active", "deleted"]


def test_a_name_that_is_taken_since_is_an_error_and_nothing_is_done(store: Store) -> None:
    experiment_id = store.experiments.create("digits")
    store.experiments.rename(experiment_id, "letters")
    store.experiments.create("digits")

    with pytest.raises(AlreadyExistsError, match="'digits'"):
        store.changes.undo()

    assert store.experiments.get(experiment_id).name == "letters"
    assert len(store.changes.latest()) == 1


def test_hostile_names_and_values_stay_text(store: Store) -> None:
    run_id = new_run(store, "<b>\x1b[31m\n$x$")
    store.runs.change_tags(run_id, {"<i>": "</td><script>" * 500})

    (change,) = store.changes.latest()
    for shown in (change._repr_mimebundle_(), store.changes.latest()._repr_mimebundle_()):
        assert "<script>" not in shown["text/html"]
        assert "\x1b" not in shown["text/plain"]
        assert len(shown["text/html"]) < 3000
    store.changes.undo()

    assert tags_of(store, run_id) == {}


def _change_and_undo(uri: str, run_id: str, who: int) -> None:
    os.environ["LOGNAME"] = f"user {who}"
    users.current_user.cache_clear()
    with open_store(uri) as store:  # type: ignore[attr-defined]
        for step in range(12):
            store.runs.change_tags(run_id, {f"tag {who}": str(step)})
        for _ in range(5):
            store.changes.undo()


def _undo(uri: str, count: int) -> None:
    with open_store(uri) as store:  # type: ignore[attr-defined]
        for _ in range(count):
            store.changes.undo()


def test_processes_of_one_user_undo_each_change_once(store: Store) -> None:
    run_id = new_run(store)
    for number in range(40):
        store.runs.change_tags(run_id, {f"tag {number}": "1"})
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_undo, args=(store.uri, 10)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert tags_of(store, run_id) == {}


def test_processes_that_change_and_undo_at_once_do_not_mix_their_changes(store: Store) -> None:
    run_id = new_run(store)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_change_and_undo, args=(store.uri, run_id, who)) for who in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert tags_of(store, run_id) == {f"tag {who}": "6" for who in range(4)}
    found = store.changes.latest()
    assert [each.number for each in found] == list(range(1, 4 * 17 + 1))
    assert sum(each.undone_by is not None for each in found) == 4 * 5


@settings(max_examples=15, deadline=None)
@given(values=st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=8), undone=st.integers(1, 8))
def test_undoing_leads_through_the_earlier_states(
    tmp_path_factory: pytest.TempPathFactory, values: list[str | None], undone: int
) -> None:
    with open_store(tmp_path_factory.mktemp("store")) as store:  # type: ignore[attr-defined]
        run_id = new_run(store)
        states = [tags_of(store, run_id)]
        for value in values:
            if value is None and "tag" not in states[-1]:
                continue
            store.runs.change_tags(run_id, {"tag": value})
            if tags_of(store, run_id) != states[-1]:
                states.append(tags_of(store, run_id))
        for _ in range(min(undone, len(states) - 1)):
            last: Change = store.changes.undo()
            states.pop()

            assert tags_of(store, run_id) == states[-1]
            assert last.undoes is not None
