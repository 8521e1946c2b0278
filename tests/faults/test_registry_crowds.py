"""The registry under many hands and SIGKILL: no number twice, one Production, its story complete."""

import json
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

from nbtrack.core.registry import ModelVersionStages
from nbtrack.stores.contracts import Store
from nbtrack.stores.local.registry import LocalRegistry
from nbtrack.stores.opening import open_store
from tests.faults.children import Ack, WarmParent, rounds, seeded, spin

PROCESSES, EACH = 4, 25
ATTEMPTS = 400
"""Of a control, which ends with the first that is caught: under load most kills come between changes."""


def register_many(ack: Ack, folder: Path, count: int) -> None:
    """Register versions; acknowledges each number, a line each."""
    store = open_store(folder)
    ack("ready")
    for _ in range(count):
        ack(str(store.registry.create_version("iris", "runs:/r/model", make_model=True).version))
    store.close()


def promote_many(ack: Ack, folder: Path, count: int, seed: int) -> None:
    """Move versions to Production, over and over, each time archiving the others."""
    registry, random = open_store(folder).registry, Random(seed)
    ack("ready")
    for _ in range(count):
        number = random.randrange(1, 5)
        registry.set_stage("iris", number, "Production", archive_others=True)
        registry.set_alias("iris", "champion", number)
    ack("done")


def change_for_ever(ack: Ack, folder: Path, kind: Any = LocalRegistry) -> None:
    """Register, promote, delete and rename until killed; acknowledges each change."""
    store = open_store(folder)
    registry = kind(store.documents, store.events)  # pyright: ignore[reportAttributeAccessIssue]
    random = Random(0)
    while True:
        name = "iris" if registry.find_model("iris") else "flowers"
        last = registry.get_version_by_alias(name, "latest").version
        match random.randrange(5):
            case 0:
                registry.create_version(name, "runs:/r/model")
            case 1:
                registry.rename_model(name, "flowers" if name == "iris" else "iris")
            case 2 if last > 6:
                found = registry.search_versions(limit=3)
                registry.delete_version(name, random.choice(found).version)
            case _:
                registry.set_stage(name, last, "Production", archive_others=True)
        ack(b".")


class Torn(LocalRegistry):
    """Broken on purpose: each statement stands for itself."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._database = type("Untied", (), {"transaction": lambda self: nullcontext()})()


def change_torn_for_ever(ack: Ack, folder: Path) -> None:
    change_for_ever(ack, folder, Torn)


def problems_of(store: Store) -> list[str]:
    """What does not fit together: versions, what the model knows of them, and the story of both."""
    problems: list[str] = []
    (model,) = store.documents.table("registered_models").all()
    versions: list[Any] = store.documents.table("model_versions").all()
    if {version["name"] for version in versions} - {model["name"]}:
        problems.append("versions are left behind under another name")
    stages: dict[str, list[int]] = {}
    for version in versions:
        stages.setdefault(version["current_stage"], []).append(version["version"])
    if len(stages.get(ModelVersionStages.PRODUCTION, [])) > 1:
        problems.append(f"several in Production: {stages}")
    if model["latest"] != {stage: max(numbers) for stage, numbers in stages.items()}:
        problems.append(f"the latest are {model['latest']}, but there are {stages}")
    if dangling := set(model["aliases"].values()) - {version["version"] for version in versions}:
        problems.append(f"aliases of versions that are gone: {dangling}")
    told: list[Any] = store.documents.table("registry_events").all()
    if replay(told) != (
        {version["version"]: version["current_stage"] for version in versions},
        model["name"],
    ):
        problems.append("the story ends otherwise than the versions stand")
    lines: dict[int, dict[str, Any]] = {}
    for line in (Path(store.uri) / "events.log").read_text().splitlines():
        event = json.loads(line)
        if "number" in event:
            lines[event.pop("number")] = event
    if any(lines.get(event.doc_id) != dict(event) for event in told):
        problems.append("the event log tells another story")
    return problems


def replay(events: list[Any]) -> tuple[dict[int, str], str]:
    """The stages of the versions, and the name, as a story of changes leaves them."""
    stages: dict[int, str] = {}
    for event in events:
        match event["what"]:
            case "model_version.created":
                stages[event["version"]] = "None"
            case "model_version.staged":
                stages |= dict.fromkeys(event.get("archived", ()), "Archived")
                stages[event["version"]] = event["stage"]
            case "model_version.deleted":
                del stages[event["version"]]
    return stages, events[-1]["name"]


def begun(folder: Path, versions: int = 4) -> Store:
    store = open_store(folder)
    for _ in range(versions):
        store.registry.create_version("iris", "runs:/r/model", make_model=True)
    return store


def kill_while_changing(
    children: WarmParent, folder: Path, random: Random, work: Any = change_for_ever
) -> list[str]:
    """Kill a child that changes the registry; what does not fit together afterwards."""
    begun(folder).close()
    child = children.start(work, folder)
    child.wait_for(1 + random.randrange(30))
    spin(random.uniform(0, 0.002))
    child.kill()
    child.end()
    with open_store(folder) as store:  # pyright: ignore[reportGeneralTypeIssues]
        return problems_of(store)


def test_processes_that_register_at_once_get_numbers_of_their_own(
    children: WarmParent, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    workers = [children.start(register_many, folder, EACH) for _ in range(PROCESSES)]

    numbers = [int(line) for worker in workers for line in worker.succeed().lines[1:]]

    assert sorted(numbers) == list(range(1, PROCESSES * EACH + 1))
    store = open_store(folder)
    assert len(store.registry.search_versions()) == PROCESSES * EACH
    assert problems_of(store) == []
    store.close()


def test_processes_that_promote_at_once_leave_one_in_production(children: WarmParent, tmp_path: Path) -> None:
    store = begun(tmp_path / "store")
    workers = [
        children.start(promote_many, tmp_path / "store", rounds(15, 200), seed) for seed in range(PROCESSES)
    ]
    for worker in workers:
        worker.succeed()

    assert problems_of(store) == []
    assert len(store.registry.latest_versions("iris", ["Production"])) == 1
    store.close()


def test_a_kill_leaves_the_registry_as_it_was_or_as_it_was_to_be(
    children: WarmParent, tmp_path: Path
) -> None:
    random = seeded("registry")

    for number in range(rounds(15, 300)):
        assert kill_while_changing(children, tmp_path / str(number), random) == []


def test_control_a_registry_without_transactions_is_caught(children: WarmParent, tmp_path: Path) -> None:
    random = seeded("torn registry")

    caught = any(
        kill_while_changing(children, tmp_path / str(number), random, change_torn_for_ever)
        for number in range(ATTEMPTS)
    )

    assert caught
