"""What is measured of the registry."""

import json
from pathlib import Path

import apsw

from nbtrack.core.entities import Metric
from nbtrack.core.registry import VersionFacts
from nbtrack.tracking.client import MlflowClient
from tests.benchmarks.timing import Row, in_turn, median, shown

_PAGE = 50
_FILTER = "tags.team = 'b' and version_number > 10"
_BARE = (
    "SELECT json(doc) FROM versions WHERE doc ->> '$.tags.team' = 'b' AND doc ->> '$.version' > 10 "
    f"ORDER BY doc ->> '$.creation_timestamp' DESC, doc ->> '$.name', doc ->> '$.version' DESC LIMIT {_PAGE}"
)


def _facts(number: int, count: int) -> VersionFacts:
    """What a version keeps of a model with 30 params, 20 metrics and 20 columns."""
    columns = [{"name": f"column {at}", "type": "double", "required": True} for at in range(20)]
    return VersionFacts(
        params={f"param {at}": f"{number / (at + 1):.4f}" for at in range(30)},
        metrics=[Metric(f"metric {at}", (number * (at + 1) % count) / count, 1, 100) for at in range(20)],
        signature={"inputs": json.dumps(columns), "outputs": '[{"type": "long", "required": true}]'},
        model_size_bytes=number,
        flavors=["python_function", "sklearn"],
        requirements=["cloudpickle==3.1.2", "numpy==2.4.6", "scikit-learn==1.8.0"],
        run_name=f"run {number}",
    )


def search_versions(folder: Path, scale: float) -> Row:
    """The latest 50 of 10,000 versions that match, next to the bare SQL of that on their documents."""
    client = MlflowClient(folder / "store")
    store = client._tracker._store()  # pyright: ignore[reportPrivateUsage]
    count = int(10_000 * scale)
    with store.documents.transaction():
        for number in range(count):
            tags = {"team": "abc"[number % 3], "f1": number / count}
            store.registry.create_version(
                f"model {number % 50}",
                f"runs:/{number:032x}/model",
                tags=tags,
                facts=_facts(number, count),
                make_model=True,
            )
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE versions (doc BLOB)")
    documents = store.documents.table("model_versions").all()
    connection.executemany(
        "INSERT INTO versions VALUES (jsonb(?))", [(json.dumps(document),) for document in documents]
    )

    def find(_: int) -> list[tuple[str, int]]:
        order = ["creation_timestamp DESC"]
        return [(each.name, each.version) for each in client.search_model_versions(_FILTER, _PAGE, order)]

    def bare(_: int) -> list[tuple[str, int]]:
        found = [json.loads(text) for (text,) in connection.execute(_BARE)]
        return [(each["name"], each["version"]) for each in found]

    assert find(0) == bare(0)
    own, floor = in_turn(find, bare, max(3, int(31 * scale)))
    store.close()
    return Row(
        f"`search_model_versions`: filter, sort, top {_PAGE} of {count:,} versions",
        shown(median(own)),
        f"bare SQL on the documents in memory: {shown(median(floor))}",
        "≤ 10 ms",
        median(own) / median(floor),
    )
