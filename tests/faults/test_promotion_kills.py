"""Promotions under many hands and SIGKILL: the old state or the new, one order of events, one Production."""

import json
from contextlib import nullcontext, suppress
from pathlib import Path
from random import Random
from typing import Any

from nbtrack.core.errors import NbtrackError
from nbtrack.core.promotions import Destination
from nbtrack.core.registry_events import RegistryEvent
from nbtrack.core.registry_timeline import holders
from nbtrack.documents.database import Database
from nbtrack.stores.opening import open_store
from nbtrack.tracking.tracker import Tracker
from tests.faults.children import Ack, WarmParent, rounds, seeded, spin

PROCESSES, EACH = 4, 40
ATTEMPTS = 400
"""Of a control, which ends with the first that is caught: under load most kills come between changes."""
VERSIONS = 5
PRODUCTION, CHAMPION = Destination(stage="Production"), Destination(alias="champion")


def change_something(tracker: Tracker, random: Random) -> None:
    """One change of those that promotion knows; what cannot be done just now is left."""
    version = random.randrange(1, VERSIONS + 1)
    with suppress(NbtrackError):
        match random.randrange(10):
            case 0 | 1 | 2:
                tracker.promote("iris", version, "Production")
            case 3 | 4:
                tracker.promote("iris", version, "champion")
            case 5:
                tracker.rollback("iris")
            case 6:
                tracker.undo("iris")
            case 7:
                tracker.request("iris", version, "Production")
            case 8:
                tracker.approve("iris")
            case _:
                tracker.delete_model_version("iris", version)
                tracker.undo("iris")


def change_for_ever(ack: Ack, folder: Path) -> None:
    """Promote, ask, approve, roll back and undo until killed; acknowledges each change."""
    tracker, random = Tracker(store=folder), Random(0)
    while True:
        change_something(tracker, random)
        ack(b".")


def change_torn_for_ever(ack: Ack, folder: Path) -> None:
    """Broken on purpose: each statement stands for itself."""
    Database.transaction = lambda self: nullcontext()  # pyright: ignore  # in this process only
    change_for_ever(ack, folder)


def change_many(ack: Ack, folder: Path, count: int, seed: int) -> None:
    """The same, a number of times."""
    tracker, random = Tracker(store=folder), Random(seed)
    ack("ready")
    for _ in range(count):
        change_something(tracker, random)
    ack("done")


def begun(folder: Path) -> None:
    with open_store(folder) as store:  # pyright: ignore[reportGeneralTypeIssues]
        for _ in range(VERSIONS):
            store.registry.create_version("iris", "elsewhere://model", make_model=True)


def problems_of(folder: Path) -> list[str]:
    """What does not fit together: what is there, and the story of how it came to be."""
    problems: list[str] = []
    with open_store(folder) as store:  # pyright: ignore[reportGeneralTypeIssues]
        registry, history = store.registry, store.registry.history("iris")
        production, model = registry.versions_in("iris", "Production"), registry.get_model("iris")
        if len(production) > 1:
            problems.append(f"several in Production: {production}")
        for to, now in (
            (PRODUCTION, max(production, default=None)),
            (CHAMPION, model.aliases.get("champion")),
        ):
            told = [held.version for held in holders(history, to)][-1]
            if told != now:
                problems.append(f"{to} is {now}, its story ends with {told}")
        problems += out_of_order(history)
        decided = {event.details["request"] for event in history if event.what in _DECISIONS}
        pending = {request.number for request in registry.requests("iris")}
        asked = {event.details["request"] for event in history if event.what == "promotion.requested"}
        if pending != asked - decided:
            problems.append(f"pending are {pending}, by the story {asked - decided}")
        bin_of = store.documents.table("registry_bin").all()
        gone = set(range(1, VERSIONS + 1)) - {version.version for version in registry.search_versions()}
        if sorted(document["version"] for document in bin_of) != sorted(gone):
            problems.append(f"in the bin are {bin_of}, gone are {gone}")
        told_twice: dict[int, dict[str, Any]] = {}
        for line in (Path(store.uri) / "events.log").read_text().splitlines():
            event = json.loads(line)
            if "number" in event:
                event.pop("facts", None)  # the log alone has them
                told_twice[event.pop("number")] = event
        if any(
            told_twice.get(event.doc_id) != dict(event)
            for event in store.documents.table("registry_events").all()
        ):
            problems.append("the event log tells another story")
    return problems


_DECISIONS = ("promotion.approved", "promotion.rejected", "promotion.withdrawn")


def out_of_order(history: list[RegistryEvent]) -> list[str]:
    """The moves that did not begin where the one before ended: two orders of events."""
    stages: dict[int, str] = {}
    champion: int | None = None
    wrong: list[str] = []
    for event in history:
        version, details = event.version, event.details
        match event.what:
            case "model_version.created" if version is not None:
                stages[version] = "None"
            case "model_version.staged" if version is not None:
                began = stages[version] == details["before"]
                others = [number for number in details.get("archived", ()) if stages[number] != "Production"]
                if not began or others:
                    wrong.append(f"change {event.number} does not begin where the one before ended: {event}")
                stages |= dict.fromkeys(details.get("archived", ()), "Archived")
                stages |= dict.fromkeys(details.get("returned", ()), details["before"])
                stages[version] = details["stage"]
            case "model_version.deleted" if version is not None:
                champion = None if champion == version else champion
            case "model_version.restored" if version is not None:
                champion = version if details.get("aliases") else champion
            case "registered_model.aliased":
                if details["before"] != champion:
                    wrong.append(f"change {event.number} moves an alias from {details['before']}: {champion}")
                champion = version
            case _:
                pass
    return wrong


def kill_while_changing(
    children: WarmParent, folder: Path, random: Random, work: Any = change_for_ever
) -> list[str]:
    """Kill a child that promotes; what does not fit together afterwards."""
    begun(folder)
    child = children.start(work, folder)
    child.wait_for(1 + random.randrange(30))
    spin(random.uniform(0, 0.003))
    child.kill()
    child.end()
    return problems_of(folder)


def test_a_kill_at_any_point_of_a_promotion_leaves_the_old_state_or_the_new(
    children: WarmParent, tmp_path: Path
) -> None:
    random = seeded("promotions")

    for number in range(rounds(15, 300)):
        assert kill_while_changing(children, tmp_path / str(number), random) == []


def test_control_promotions_without_transactions_are_caught(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("torn promotions")

    caught = any(
        kill_while_changing(children, tmp_path / str(number), random, change_torn_for_ever)
        for number in range(ATTEMPTS)
    )

    assert caught


def test_processes_that_promote_at_once_have_one_order_of_events_and_one_production(
    children: WarmParent, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    begun(folder)
    count = rounds(EACH, 400)

    workers = [children.start(change_many, folder, count, seed) for seed in range(PROCESSES)]
    for worker in workers:
        worker.succeed()

    assert problems_of(folder) == []


def test_control_processes_without_transactions_are_caught(children: WarmParent, tmp_path: Path) -> None:
    for number in range(ATTEMPTS):
        folder = tmp_path / str(number)
        begun(folder)
        workers = [children.start(torn_many, folder, EACH, seed) for seed in range(PROCESSES)]
        for worker in workers:
            worker.end()
        if problems_of(folder):
            return

    raise AssertionError("nothing was found to be wrong")


def torn_many(ack: Ack, folder: Path, count: int, seed: int) -> None:
    """Broken on purpose: each statement stands for itself."""
    Database.transaction = lambda self: nullcontext()  # pyright: ignore  # in this process only
    with suppress(Exception):  # half of a change may leave what the next cannot read
        change_many(ack, folder, count, seed)
