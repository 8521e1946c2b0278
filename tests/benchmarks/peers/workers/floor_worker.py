"""The floor: what the machine does at best for the same work, with nothing around it.

Points: one `os.write` of 32 bytes each. Runs: rows in a bare SQLite database (WAL,
synchronous=NORMAL), one SQL statement each. Reading: `numpy.fromfile`, indexed SQL.
"""

import json
import os
import sqlite3
import struct
import uuid
from pathlib import Path
from typing import Any

import data
import serving

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, status TEXT);
CREATE TABLE IF NOT EXISTS texts (run TEXT, kind TEXT, key TEXT, value TEXT);
CREATE TABLE IF NOT EXISTS found (lr TEXT, acc REAL, run TEXT);
CREATE INDEX IF NOT EXISTS found_by ON found (lr, acc);
CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, document TEXT);
"""


class Floor:
    package = ""

    def open(self) -> None:
        self.connection = sqlite3.connect("bare.db", isolation_level=None, timeout=60)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_SCHEMA)
        self.points = -1

    def start(self) -> None:
        self.run = uuid.uuid4().hex
        self.connection.execute("INSERT INTO runs VALUES (?, 'RUNNING')", (self.run,))

    def run_id(self) -> str:
        return self.run

    def log(self, value: float, step: int) -> None:
        if self.points < 0:
            self.points = os.open(self.run, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(self.points, struct.pack("<qqdq", step, 0, value, 0))

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        self.connection.execute("BEGIN")
        for kind, texts in (("param", params), ("tag", tags)):
            for key, value in texts.items():
                self.connection.execute("INSERT INTO texts VALUES (?, ?, ?, ?)", (self.run, kind, key, value))
        self.connection.execute("COMMIT")

    def end(self) -> None:
        self.connection.execute("UPDATE runs SET status = 'FINISHED' WHERE id = ?", (self.run,))
        if self.points >= 0:
            os.close(self.points)
            self.points = -1

    def prepare_to_read(self) -> None:
        pass

    def is_kept(self, run: str) -> bool:
        return ("FINISHED",) in self.connection.execute("SELECT status FROM runs WHERE id = ?", (run,))

    def values(self, run: str) -> Any:
        import numpy as np

        return np.fromfile(run, dtype="<f8")[2::4]

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        return tuple(
            dict(
                self.connection.execute(
                    "SELECT key, value FROM texts WHERE run = ? AND kind = ?", (run, kind)
                )
            )
            for kind in ("param", "tag")
        )

    def make_runs(self, runs: int) -> None:
        self.connection.execute("BEGIN")
        for run in range(runs):
            params, metrics, tags = data.params_of(run), data.metrics_of(run), data.tags_of(run)
            document = {"id": run, "status": "FINISHED", **params, **metrics, **tags}
            self.connection.execute("INSERT INTO documents VALUES (?, ?)", (str(run), json.dumps(document)))
            self.connection.execute("INSERT INTO found VALUES (?, ?, ?)", (params["lr"], metrics["acc"], run))
        self.connection.execute("COMMIT")

    def search(self) -> list[float]:
        rows = self.connection.execute(
            "SELECT acc, document FROM found JOIN documents ON id = run WHERE lr = '0.1' AND acc > ? "
            "ORDER BY acc DESC LIMIT ?",
            (data.ENOUGH, data.FIRST),
        )
        return [json.loads(document)["acc"] for _, document in rows]

    def frame(self) -> Any:
        import pandas as pd

        rows = self.connection.execute("SELECT document FROM documents")
        return pd.DataFrame([json.loads(document) for (document,) in rows])

    def column_of_acc(self) -> str:
        return "acc"

    def make_points(self, points: int) -> str:
        Path("million").write_bytes(
            b"".join(struct.pack("<qqdq", step, 0, data.value_at(step), 0) for step in range(points))
        )
        return "million"


serving.serve(Floor())
