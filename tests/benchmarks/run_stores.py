"""Stores with many runs to search in, made in seconds: documents as runs leave them, without running."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw

from nbtrack.core.summaries import Sketch, fold
from nbtrack.documents.codec import encode
from nbtrack.tracking.tracker import Tracker

FILTER = "metrics.acc > 0.9 and params.lr = '0.1'"
ORDER = ["metrics.acc DESC"]
PAGE = 50


@dataclass(frozen=True)
class RunStore:
    """A store with runs, and the same numbers in a bare indexed table."""

    tracker: Tracker
    count: int
    bare: apsw.Connection
    folder: tempfile.TemporaryDirectory[str]
    """Removed when nobody holds it any more."""

    def bare_search(self) -> list[Any]:
        """What `FILTER` and `ORDER` ask for, where an index was made for just that."""
        return self.bare.execute(
            "SELECT run_id, acc FROM runs WHERE lr = '0.1' AND acc > 0.9 ORDER BY acc DESC LIMIT ?", (PAGE,)
        ).fetchall()

    def texts(self) -> list[str]:
        """The documents as JSON text."""
        return [encode(dict(document))[0] for document in self.tracker.documents.table("runs")]


@lru_cache
def store_of(count: int) -> RunStore:
    """A store with so many runs at rest, of 8-10 params, 3-5 metrics and 5-8 tags; the same each time."""
    folder = tempfile.TemporaryDirectory()
    tracker = Tracker(store=Path(folder.name, "store"))
    tracker.create_experiment("another")
    chance = random.Random(0)
    documents = [_document(chance, number) for number in range(count)]
    database = tracker.documents
    with database.transaction():
        database.table("runs").insert_multiple(documents)
        database.table("sketches").insert_multiple(map(_sketches, documents))
    bare = apsw.Connection(str(Path(folder.name, "bare.db")))
    bare.execute("PRAGMA journal_mode = WAL").fetchall()
    bare.execute("CREATE TABLE runs (run_id TEXT, acc REAL, lr TEXT)").fetchall()
    with bare:
        bare.executemany("INSERT INTO runs VALUES (?, ?, ?)", _rows(documents)).fetchall()
        bare.execute("CREATE INDEX by_both ON runs (lr, acc, run_id)").fetchall()
    return RunStore(tracker, count, bare, folder)


def _document(chance: random.Random, number: int) -> dict[str, Any]:
    start = 1_700_000_000_000 + number
    metrics: dict[str, Any] = {}
    for key in ("loss", "acc", "f1", "val_loss", "val_acc")[: chance.choice((3, 4, 5))]:
        metrics[key] = fold(None, [0, 1], [start, start], [chance.random(), chance.random()]).to_document()
    params = {f"param_{index}": str(chance.random()) for index in range(chance.choice((7, 8, 9)))}
    tags = {f"mlflow.tag_{index}": "x" * 20 for index in range(chance.choice((4, 5, 6, 7)))}
    return {
        "run_id": chance.randbytes(16).hex(),
        "run_name": f"run-{number}",
        "experiment_id": "0",
        "user_id": "me",
        "status": "FINISHED",
        "start_time": start,
        "end_time": start + 1000,
        "lifecycle_stage": "active",
        "params": {"lr": chance.choice(["0.1", "0.01", "0.001"]), **params},
        "tags": {**tags, "mlflow.runName": f"run-{number}"},
        "metrics": metrics,
        "folds": 1,
        "writer": None,
    }


def _sketches(document: dict[str, Any]) -> dict[str, Any]:
    shapes = {key: Sketch().extended([0.5, metric["last"]]) for key, metric in document["metrics"].items()}
    return {
        "run_id": document["run_id"],
        "marks": {},
        "sketches": {key: shape.to_document() for key, shape in shapes.items()},
        "folds": 1,
    }


def _rows(documents: list[dict[str, Any]]) -> Iterator[tuple[str, float | None, str]]:
    for document in documents:
        yield document["run_id"], document["metrics"]["acc"]["last"], document["params"]["lr"]
