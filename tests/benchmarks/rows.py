"""What is measured: each function makes one line of the table."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import apsw
import numpy as np

from nbtrack.tracking.tracker import Tracker
from tests.benchmarks import run_stores
from tests.benchmarks.boosting_rows import autolog_lightgbm, autolog_xgboost
from tests.benchmarks.cell_rows import cell_overhead
from tests.benchmarks.keras_rows import autolog_keras
from tests.benchmarks.lightning_rows import autolog_lightning
from tests.benchmarks.live_rows import live_card
from tests.benchmarks.model_rows import big_model, load_small_model, log_small_model
from tests.benchmarks.registry_rows import search_versions
from tests.benchmarks.sklearn_rows import autolog_sklearn
from tests.benchmarks.timing import (
    Row,
    clean_environment,
    in_turn,
    median,
    percentile,
    shown,
    whole_processes,
)
from tests.benchmarks.torch_rows import torch_loop


def log_metric(folder: Path, scale: float) -> Row:
    """One call of log_metric, next to a bare 32-byte write."""
    tracker = Tracker(store=folder / "store")
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    frame = bytes(32)
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5)
        ours, floor = in_turn(
            lambda index: tracker.log_metric("loss", 0.5, step=index),
            lambda _: os.write(bare, frame),
            int(50_000 * scale),
        )
        assert run.data.summaries["loss"].count == int(50_000 * scale) + 1
    tracker.close()
    os.close(bare)
    return Row(
        "`log_metric`, survives `kill -9`: median (p99)",
        f"{shown(median(ours))} ({shown(percentile(ours, 0.99))})",
        f"bare `os.write` of 32 bytes: {shown(median(floor))} ({shown(percentile(floor, 0.99))})",
        "≤ 3 µs (≤ 10 µs)",
        median(ours) / median(floor),
    )


def start_and_end(folder: Path, scale: float) -> Row:
    """A run with nothing in it, next to the SQL statements and files it cannot do without."""
    tracker = Tracker(store=folder / "store")
    connection = _bare_database(folder / "bare.db")
    document = json.dumps({"run_id": "a" * 32, "status": "RUNNING", "tags": {"x": "y" * 200}})

    def floor(index: int) -> None:
        connection.execute("INSERT INTO runs VALUES (?, jsonb(?))", (index, document)).fetchall()
        os.mkdir(folder / f"run-{index}")
        for name in ("run.json", "events"):
            with open(folder / f"run-{index}" / name, "wb", buffering=0) as file:
                file.write(document.encode())
        connection.execute("UPDATE runs SET doc = jsonb(?) WHERE id = ?", (document, index)).fetchall()

    ours, bare = in_turn(lambda _: tracker.start_run().end(), floor, int(1000 * scale))
    tracker.close()
    return Row(
        "`start_run` + `end_run`",
        shown(median(ours)),
        f"two bare SQL statements, a folder and two files: {shown(median(bare))}",
        "≤ 400 µs",
        median(ours) / median(bare),
    )


def log_params(folder: Path, scale: float) -> Row:
    """100 params and 20 tags, next to 120 rows in one SQL transaction."""
    tracker = Tracker(store=folder / "store")
    connection = _bare_database(folder / "bare.db")
    params = {f"param {index}": index / 7 for index in range(100)}
    tags = {f"tag {index}": str(index) for index in range(20)}
    rows = [(key, str(value)) for key, value in [*params.items(), *tags.items()]]

    def ours(_: int) -> None:
        tracker.log_params(params)
        tracker.set_tags(tags)

    def floor(_: int) -> None:
        with connection:
            for row in rows:
                connection.execute("INSERT INTO rows VALUES (?, ?)", row).fetchall()

    own: list[int] = []
    bare: list[int] = []
    for _ in range(int(300 * scale)):
        with tracker.start_run():
            once_ours, once_bare = in_turn(ours, floor, 1)
        own += once_ours
        bare += once_bare
    tracker.close()
    return Row(
        "`log_params` of 100 and `set_tags` of 20",
        shown(median(own)),
        f"120 rows, one by one, in a bare SQL transaction: {shown(median(bare))}",
        "≤ 500 µs",
        median(own) / median(bare),
    )


def read_a_million(folder: Path, scale: float) -> Row:
    """A whole curve as an array, next to numpy reading the same bytes."""
    points = int(1_000_000 * scale)
    tracker = Tracker(store=folder / "store")
    with tracker.start_run() as run:
        for step in range(points):
            run.log_metric("loss", step / points, step=step)
    segments = list((folder / "store" / "runs" / run.run_id).glob("metrics-*"))
    size = sum(segment.stat().st_size for segment in segments)

    def ours(_: int) -> None:
        assert len(tracker.get_metric_history(run.run_id, "loss", output_format="numpy")) == points

    own, bare = in_turn(ours, lambda _: np.fromfile(segments[0], dtype=np.uint8), 15)
    tracker.close()
    return Row(
        f"read one metric of {points:,} points; bytes a point",
        f"{shown(median(own))}; {size / points:.1f}",
        f"`numpy.fromfile`: {shown(median(bare))}; 32",
        "≤ 25 ms; ≤ 40",
        median(own) / median(bare),
    )


_WRITER = """
import json, os, sys
from time import perf_counter_ns
from nbtrack.tracking.tracker import Tracker
store, points = sys.argv[1], int(sys.argv[2])
tracker = Tracker(store=store)
times = []
print("ready", flush=True)
sys.stdin.readline()
start = perf_counter_ns()
with tracker.start_run() as run:
    for step in range(points):
        begin = perf_counter_ns()
        tracker.log_metric("loss", 0.5, step=step)
        times.append(perf_counter_ns() - begin)
took = perf_counter_ns() - start
times.sort()
answer = [run.run_id, took, times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]]
print(json.dumps(answer), flush=True)
"""

_BARE_WRITER = """
import json, os, sys
from time import perf_counter_ns
store, points = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
start = perf_counter_ns()
file = os.open(f"{store}-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for step in range(points):
    os.write(file, bytes(32))
print(json.dumps(["", perf_counter_ns() - start, 0, 0, 0]), flush=True)
"""


def crowd(processes: int) -> Callable[[Path, float], Row]:
    """So many processes logging 2,500 points each into one store, started together."""

    def measure(folder: Path, scale: float) -> Row:
        points = int(2500 * scale)
        floors, walls, p99s, worst, lost = [], [], [], 0, 0
        for round_number in range(max(1, int(7 * scale))):
            floor_wall, _ = _run_together(_BARE_WRITER, folder / f"bare-{round_number}", processes, points)
            store = folder / f"store-{round_number}"
            Tracker(store=store).set_experiment("Default")
            wall, answers = _run_together(_WRITER, store, processes, points)
            reader = Tracker(store=store)
            for run_id, _, _, p99, longest in answers:
                run = reader.get_run(run_id)
                lost += points - len(reader.get_metric_history(run_id, "loss", output_format="numpy"))
                assert run.info.status == "FINISHED"
                p99s.append(p99)
                worst = max(worst, longest)
            reader.close()
            floors.append(floor_wall)
            walls.append(wall)
        goal = "≤ 50 ms, 0 lost" if processes == 4 else "0 lost, p99 ≤ 1 ms"
        return Row(
            f"{processes} processes x {points:,} points into one store: wall, p99, worst call, lost",
            f"{shown(median(walls))}, {shown(median(p99s))}, {shown(worst)}, {lost} lost",
            f"bare `os.write`: {shown(median(floors))}",
            goal,
            median(walls) / median(floors),
        )

    return measure


def import_time(folder: Path, scale: float) -> Row:
    """`import nbtrack` over the bare interpreter."""
    bare, sqlite, ours, used = whole_processes(
        ["pass", "import sqlite3", "import nbtrack", "import nbtrack; nbtrack.start_run"],
        int(15 * scale) or 1,
    )
    over = median(ours) - median(bare)
    floor = median(sqlite) - median(bare)
    return Row(
        "`import nbtrack` over the bare interpreter (with the first function used)",
        f"{shown(over)} ({shown(median(used) - median(bare))})",
        f"`import sqlite3`: {shown(floor)}",
        "≤ 50 ms",
        over / floor,
    )


def fresh_start(folder: Path, scale: float) -> Row:
    """From nothing to a recorded run: python, import, fresh store, one run with a metric, end."""
    floor = (
        "import sqlite3; c = sqlite3.connect('x.db'); c.execute('PRAGMA journal_mode=WAL'); "
        "c.execute('CREATE TABLE t (x)'); c.execute('INSERT INTO t VALUES (1)'); c.commit()"
    )
    ours = "import nbtrack\nwith nbtrack.start_run():\n    nbtrack.log_metric('loss', 0.5)"
    own, bare = whole_processes([ours, floor], int(15 * scale) or 1)
    return Row(
        "python start + import + fresh store + one run + end",
        shown(median(own)),
        f"python + sqlite3 + one commit: {shown(median(bare))}",
        "≤ 150 ms",
        median(own) / median(bare),
    )


def search(runs: int, goal: str) -> Callable[[Path, float], Row]:
    """The best 50 of so many runs, as a list and as a DataFrame, next to a table indexed for just that."""

    def measure(folder: Path, scale: float) -> Row:
        store = run_stores.store_of(int(runs * scale))

        def find(output_format: str) -> Any:
            return store.tracker.search_runs(
                filter_string=run_stores.FILTER,
                order_by=run_stores.ORDER,
                max_results=run_stores.PAGE,
                output_format=output_format,
            )

        expected = [run_id for run_id, _ in store.bare_search()]
        assert [run.info.run_id for run in find("list")] == find("pandas")["run_id"].tolist() == expected
        calls = max(3, int(31 * scale))
        own, bare = in_turn(lambda _: find("list"), lambda _: store.bare_search(), calls)
        frames, _ = in_turn(lambda _: find("pandas"), lambda _: store.bare_search(), calls)
        return Row(
            f"`search_runs`: filter, sort, top {run_stores.PAGE} of {store.count:,} runs: list, DataFrame",
            f"{shown(median(own))}, {shown(median(frames))}",
            f"SQL on a table indexed for it: {shown(median(bare))}",
            goal,
            median(own) / median(bare),
        )

    return measure


def frame(folder: Path, scale: float) -> Row:
    """All of 10,000 runs as a DataFrame, next to decoding their documents one by one."""
    store = run_stores.store_of(int(10_000 * scale))
    texts = store.texts()

    def floor(_: int) -> None:
        for text in texts:
            json.loads(text)

    def ours(_: int) -> None:
        assert len(store.tracker.search_runs()) == store.count

    ours(0)
    own, bare = in_turn(ours, floor, max(2, int(9 * scale)))
    return Row(
        f"all of {store.count:,} runs as a DataFrame",
        shown(median(own)),
        f"`json.loads` of each document: {shown(median(bare))}",
        "≤ 100 ms",
        median(own) / median(bare),
    )


def page_deep(folder: Path, scale: float) -> Row:
    """The page after half of 100,000 runs, next to the first page."""
    store = run_stores.store_of(int(100_000 * scale))

    def page(size: int, token: str | None) -> Any:
        return store.tracker.runs_page(["0"], max_results=size, order_by=run_stores.ORDER, page_token=token)

    deep = page(store.count // 2, None).token
    whole = page(store.count, None)
    expected = whole[store.count // 2 :][: run_stores.PAGE]
    found = page(run_stores.PAGE, deep)
    assert [run.info.run_id for run in found] == [run.info.run_id for run in expected]
    own, bare = in_turn(
        lambda _: page(run_stores.PAGE, deep), lambda _: page(run_stores.PAGE, None), max(3, int(9 * scale))
    )
    return Row(
        f"`search_runs` of all {store.count:,} runs, sorted: page {store.count // 2 // run_stores.PAGE:,}",
        shown(median(own)),
        f"the first page: {shown(median(bare))}",
        "as the first",
        median(own) / median(bare),
    )


ROWS: dict[str, Callable[[Path, float], Row]] = {
    "log_metric": log_metric,
    "start_and_end": start_and_end,
    "log_params": log_params,
    "read_a_million": read_a_million,
    "search_10k": search(10_000, "≤ 5 ms"),
    "search_100k": search(100_000, "≤ 40 ms"),
    "frame_10k": frame,
    "versions_10k": search_versions,
    "log_small_model": log_small_model,
    "load_small_model": load_small_model,
    "big_model": big_model,
    "torch_loop": torch_loop,
    "autolog_sklearn": autolog_sklearn,
    "autolog_lightning": autolog_lightning,
    "autolog_keras": autolog_keras,
    "cell_overhead": cell_overhead,
    "live_card": live_card,
    "page_deep": page_deep,
    "crowd_4": crowd(4),
    "crowd_16": crowd(16),
    "autolog_xgboost": autolog_xgboost,
    "autolog_lightgbm": autolog_lightgbm,
    "import": import_time,
    "fresh_start": fresh_start,
}


def measure(name: str, scale: float = 1.0) -> Row:
    """Measure one line in a folder of its own; a smaller scale is quicker and rougher."""
    with tempfile.TemporaryDirectory() as folder:
        return ROWS[name](Path(folder), scale)


def _run_together(program: str, store: Path, processes: int, points: int) -> tuple[int, list[list]]:
    """Start processes, let them go at once, and wait: wall nanoseconds and what each said."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store), str(points)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(store.parent),
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begin = perf_counter_ns()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = []
    for process in started:
        assert process.stdout is not None
        answers.append(json.loads(process.stdout.readline()))
    wall = perf_counter_ns() - begin
    for process in started:
        process.communicate()
        assert process.returncode == 0
    return wall, answers


def _bare_database(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, doc BLOB)",
        "CREATE TABLE rows (key TEXT, value TEXT)",
    ):
        connection.execute(statement).fetchall()
    return connection
