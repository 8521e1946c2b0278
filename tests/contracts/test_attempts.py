"""What every store must do with the attempts of lineages."""

from pathlib import Path

import pytest

from nbtrack.core.entities import Run, ViewType
from nbtrack.core.errors import StoreError
from nbtrack.core.lineages import CellIdentity, StartedAttempt
from nbtrack.documents.ordering import Order
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import Store


def cell(name: str | None = None, *, folder: Path | None = None, **known: str) -> CellIdentity:
    place = {} if folder is None else {"notebook": str(folder / "a.ipynb")}
    return CellIdentity(**{"folder": "/somewhere", "name": name, **place, **known})


def begin(store: Store, of: CellIdentity, *, experiment: str = "0", is_new: bool = False) -> StartedAttempt:
    return store.attempts.create(experiment, of, new_name="made up", tags={"team": "nlp"}, is_new=is_new)


def numbers(runs: list[Run]) -> list[str]:
    return [run.data.tags["nbtrack.attempt"] for run in runs]


def test_a_cell_that_runs_again_makes_the_next_attempt_of_its_lineage(store: Store) -> None:
    started = [begin(store, cell(cell_id="a", source="s")) for _ in range(3)]

    assert [each.number for each in started] == [1, 2, 3]
    assert len({each.lineage for each in started}) == 1
    assert [each.before for each in started] == [None, started[0].run_id, started[1].run_id]
    run = store.runs.get(started[1].run_id)
    assert run.info.run_name == started[1].run_name == "made up"
    assert run.data.tags == {
        "team": "nlp",
        "mlflow.runName": "made up",
        "nbtrack.lineage": started[0].lineage,
        "nbtrack.attempt": "2",
    }


def test_an_attempt_has_the_name_of_the_one_before_unless_the_cell_gives_one(store: Store) -> None:
    first = begin(store, cell(cell_id="a"))
    store.runs.update(first.run_id, run_name="renamed")

    assert begin(store, cell(cell_id="a")).run_name == "renamed"
    assert begin(store, cell("given", cell_id="a")).run_name == "given"


def test_a_name_is_the_cell_whatever_its_id_and_code_are(store: Store) -> None:
    first = begin(store, cell("tree", cell_id="a", source="s"))

    assert begin(store, cell("tree", cell_id="b", source="t")).lineage == first.lineage
    assert begin(store, cell("forest", cell_id="a", source="s")).lineage != first.lineage
    assert begin(store, cell(cell_id="a", source="s")).lineage != first.lineage


def test_other_cells_notebooks_folders_and_experiments_are_other_lineages(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "a.ipynb").touch()
    other = store.experiments.create("other")
    a = cell(cell_id="a", folder=tmp_path)

    lineages = [
        begin(store, a).lineage,
        begin(store, a, experiment=other).lineage,
        begin(store, cell(cell_id="b", folder=tmp_path)).lineage,
        begin(store, CellIdentity(notebook=str(tmp_path / "copy.ipynb"), cell_id="a")).lineage,
        begin(store, cell(cell_id="a")).lineage,
        begin(store, CellIdentity(folder="/elsewhere", cell_id="a")).lineage,
        begin(store, cell(source="s")).lineage,
    ]

    assert len(set(lineages)) == len(lineages)
    assert begin(store, a).lineage == lineages[0]


def test_a_notebook_that_was_moved_goes_on_with_its_lineages(store: Store, tmp_path: Path) -> None:
    before, after = tmp_path / "a.ipynb", tmp_path / "deep" / "b.ipynb"
    before.touch()
    lineages = {
        name: begin(store, CellIdentity(notebook=str(before), name=name, cell_id="1")).lineage
        for name in ("tree", None)
    }

    after.parent.mkdir()
    before.rename(after)

    for name, lineage in lineages.items():
        moved = CellIdentity(notebook=str(after), name=name, cell_id="1")
        assert [begin(store, moved).lineage for _ in range(2)] == [lineage, lineage]
        assert begin(store, moved).number == 4
    begin(store, CellIdentity(notebook=str(after), name="forest", cell_id="1"))
    assert begin(store, CellIdentity(notebook=str(tmp_path / "c.ipynb"), cell_id="1")).number == 1


def test_where_no_ids_are_sent_a_cell_is_known_by_its_code(store: Store) -> None:
    first = begin(store, cell(cell_id="a", source="s"))

    assert begin(store, cell(source="s")).lineage == first.lineage
    assert begin(store, cell(source="t")).lineage != first.lineage
    assert begin(store, cell(cell_id="b", source="s")).lineage != first.lineage


def test_an_id_that_passes_with_its_kernel_is_followed_while_it_lives(store: Store) -> None:
    first = begin(store, cell(passing_id="kernel 1, cell 3", source="s"))
    edited = begin(store, cell(passing_id="kernel 1, cell 3", source="t"))

    assert edited.lineage == first.lineage
    assert begin(store, cell(passing_id="kernel 2, cell 9", source="t")).lineage == first.lineage
    assert begin(store, cell(passing_id="kernel 2, cell 3", source="u")).lineage != first.lineage


def test_a_new_lineage_is_the_one_that_the_cell_goes_on_with(store: Store) -> None:
    first = begin(store, cell(cell_id="a"))

    begun = begin(store, cell(cell_id="a"), is_new=True)

    assert begun.lineage != first.lineage
    assert (begun.number, begun.before, begun.run_name) == (1, None, "made up")
    after = begin(store, cell(cell_id="a"))
    assert (after.lineage, after.number) == (begun.lineage, 2)


def test_a_deleted_attempt_keeps_its_number_and_its_name_goes_on(store: Store) -> None:
    first, second = begin(store, cell(cell_id="a")), begin(store, cell(cell_id="a"))
    store.runs.update(second.run_id, run_name="renamed")
    store.runs.delete(second.run_id)

    third = begin(store, cell(cell_id="a"))

    assert (third.number, third.before, third.run_name) == (3, second.run_id, "renamed")
    assert numbers(store.attempts.search(third.lineage)) == ["1", "2", "3"]
    assert numbers(store.attempts.search(third.lineage, view=ViewType.ACTIVE_ONLY)) == ["1", "3"]
    latest = store.attempts.latest(third.lineage, before=3)
    assert latest is not None
    assert latest.info.run_id == first.run_id


def test_attempts_are_listed_by_number_and_found_by_it(store: Store) -> None:
    started = [begin(store, cell(cell_id="a")) for _ in range(12)]
    begin(store, cell(cell_id="b"))

    assert [run.info.run_id for run in store.attempts.search(started[0].lineage)] == [
        each.run_id for each in started
    ]
    (eleventh,) = store.attempts.search(started[0].lineage, number=11)
    assert eleventh.info.run_id == started[10].run_id
    assert store.attempts.search(started[0].lineage, number=13) == []
    assert store.attempts.search("nobody") == []


def test_the_latest_attempt_is_that_of_the_highest_number_that_ended_so(store: Store) -> None:
    statuses = ["FINISHED", "FAILED", "FINISHED", "KILLED"]
    started = [begin(store, cell(cell_id="a")) for _ in statuses]
    for each, status in zip(started, statuses, strict=True):
        store.runs.end(each.run_id, status, tags={})
    lineage = started[0].lineage

    def latest(**asked: object) -> str | None:
        found = store.attempts.latest(lineage, **asked)  # type: ignore[arg-type]
        return None if found is None else found.data.tags["nbtrack.attempt"]

    assert latest() == "4"
    assert latest(statuses=["FINISHED"]) == "3"
    assert latest(before=3, statuses=["FINISHED"]) == "1"
    assert latest(before=1) is None


def test_a_run_that_cannot_be_begun_takes_no_number(store: Store, tmp_path: Path) -> None:
    begin(store, cell(cell_id="a"))
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(StoreError):
        store.attempts.create(
            "0", cell(cell_id="a"), new_name="x", tags={}, artifact_location=(blocked / "folder").as_uri()
        )

    assert begin(store, cell(cell_id="a")).number == 2


def test_lineages_go_on_where_only_the_runs_are_left(store: Store) -> None:
    started = [begin(store, cell(cell_id="a")) for _ in range(3)]
    store.runs.delete(started[-1].run_id)
    for table in ("cells", "lineages"):
        store.documents.drop_table(table)

    after = begin(store, cell(cell_id="a"))

    assert (after.lineage, after.number, after.before) == (started[0].lineage, 4, started[2].run_id)
    assert begin(store, cell(cell_id="a")).number == 5


def test_a_search_for_one_per_lineage_finds_the_first_of_each_in_the_order(store: Store) -> None:
    for position in range(30):
        started = begin(store, cell(f"cell {position % 3}"))
        store.runs.set_params(started.run_id, {"position": f"{(position * 7) % 30:02}"})
        store.runs.end(started.run_id, "FINISHED", tags={})
    plain = [store.runs.create("0", f"plain {each}", tags={}) for each in range(2)]
    store.runs.end(plain[0], "FINISHED", tags={})

    latest = store.runs.search(one_per_lineage=True)
    best = store.runs.search(None, None, [Order(("params", "position"))], one_per_lineage=True)

    # Several may have begun in one millisecond.
    assert {(run.info.run_name, run.data.tags.get("nbtrack.attempt")) for run in latest} == {
        ("plain 1", None),
        ("plain 0", None),
        ("cell 2", "10"),
        ("cell 1", "10"),
        ("cell 0", "10"),
    }
    assert len(latest) == 5
    assert latest.token is None
    assert [(run.info.run_name, run.data.params.get("position")) for run in best[:3]] == [
        ("cell 0", "00"),
        ("cell 1", "01"),
        ("cell 2", "02"),
    ]


@pytest.mark.parametrize(("limit", "more"), [(1, True), (2, True), (3, False), (4, False)])
def test_lineages_are_counted_however_many_attempts_stand_before_them(
    store: Store, limit: int, more: bool
) -> None:
    names = ["first", *["second"] * 60, *["third"] * 130]
    for name in names:
        store.runs.end(begin(store, cell(name)).run_id, "FINISHED", tags={})

    found = store.runs.search(limit=limit, one_per_lineage=True, with_sketches=True)

    assert [run.info.run_name for run in found] == ["third", "second", "first"][:limit]
    assert (found.token is not None) == more
    matching = store.runs.search(None, Query().run_name == "second", limit=limit, one_per_lineage=True)
    assert numbers(matching) == ["60"]
    assert numbers(store.runs.search(limit=1, offset=2, one_per_lineage=True)) == ["1"]
