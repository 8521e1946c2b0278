"""Many processes over one store: opened at once, written at once, read meanwhile, forked and spawned."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrack.tracking import fluent
from nbtrack.tracking.tracker import Tracker

ROUNDS = 10 if os.environ.get("NBTRACK_TEST_FAULTS") == "full" else 1

_OPEN_AND_RUN = """
import sys
from nbtrack.tracking.tracker import Tracker
print("ready", flush=True)
sys.stdin.readline()
with Tracker(store=sys.argv[1]).start_run(run_name=sys.argv[2]) as run:
    run.log_param("number", sys.argv[2])
    run.log_metric("m", 1.0)
"""

_WRITE = """
import sys
from nbtrack.tracking.tracker import Tracker
print("ready", flush=True)
sys.stdin.readline()
with Tracker(store=sys.argv[1]).start_run(run_name=sys.argv[2]) as run:
    for step in range(2500):
        run.log_metric("m", float(step), step=step)
        if step % 250 == 0:
            run.log_param(f"p{step}", step)
"""


def start_together(program: str, store: Path, count: int) -> list["subprocess.Popen[str]"]:
    """Processes that have imported everything, and are let go at the same time."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for number in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return processes


def end_well(processes: list["subprocess.Popen[str]"]) -> None:
    for process in processes:
        _, complaints = process.communicate(timeout=120)
        assert (process.returncode, complaints) == (0, "")


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_twenty_processes_open_a_store_that_does_not_exist(tmp_path: Path, _round: int) -> None:
    store = tmp_path / "store"

    end_well(start_together(_OPEN_AND_RUN, store, 20))

    tracker = Tracker(store=store)
    runs = tracker.search_runs(output_format="list")
    assert sorted(run.data.params["number"] for run in runs) == sorted(str(number) for number in range(20))
    assert all(run.info.status == "FINISHED" and run.data.metrics == {"m": 1.0} for run in runs)
    assert [experiment.name for experiment in tracker.search_experiments()] == ["Default"]
    tracker.close()


def test_four_writers_and_a_reader_who_never_sees_half_of_anything(tmp_path: Path) -> None:
    store = tmp_path / "store"
    reader = Tracker(store=store)
    reader.set_experiment("Default")
    seen: dict[str, int] = {}

    writers = start_together(_WRITE, store, 4)
    looks = 0
    while any(writer.poll() is None for writer in writers) or not looks:
        looks += 1
        for run in reader.search_runs(output_format="list"):
            summary = run.data.summaries.get("m")
            count = summary.count if summary else 0
            assert count >= seen.get(run.info.run_id, 0), "points that were there are gone"
            assert summary is None or (summary.last, summary.max, summary.min) == (count - 1, count - 1, 0.0)
            assert len(run.data.params) <= 10
            points = reader.get_metric_history(run.info.run_id, "m", output_format="numpy")
            assert points["step"].tolist() == list(range(len(points)))
            assert len(points) >= count
            seen[run.info.run_id] = count

    end_well(writers)
    runs = reader.search_runs(output_format="list")
    assert len(runs) == 4
    for run in runs:
        assert run.data.summaries["m"].count == 2500
        assert len(run.data.params) == 10
        assert run.info.status == "FINISHED"
    reader.close()


def in_child(work: Any) -> int:
    """Run something in a forked child that ends as scripts end: with its exit handlers."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os.write(write_end, b"x")
            os._exit(code)
    os.close(write_end)
    os.read(read_end, 1)
    os.close(read_end)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_logs_to_its_parents_run_and_never_ends_it(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        run.log_metric("m", 0.0, step=0)

        def child() -> None:
            tracker.log_metric("m", 1.0, step=1)
            tracker.log_param("from", "child")
            run.log_metric("child", 5.0)
            tracker.end_run()

        assert in_child(child) == 0
        assert tracker.active_run() == run
        assert run.info.status == "RUNNING"
        run.log_metric("m", 2.0, step=2)

    found = tracker.get_run(run.run_id)
    assert [point.value for point in tracker.get_metric_history(run.run_id, "m")] == [0.0, 1.0, 2.0]
    assert found.data.metrics == {"m": 2.0, "child": 5.0}
    assert found.data.params == {"from": "child"}
    assert found.info.status == "FINISHED"
    assert len(tracker.search_runs()) == 1


def test_a_fork_while_threads_log_at_full_speed_does_not_hang(tracker: Tracker) -> None:
    import threading

    stop = threading.Event()
    with tracker.start_run() as run:

        def log() -> None:
            step = 0
            while not stop.is_set():
                run.log_metric("threads", float(step), step=step)
                if step % 50 == 0:
                    run.set_tag("step", step)
                step += 1

        threads = [threading.Thread(target=log) for _ in range(2)]
        for thread in threads:
            thread.start()
        codes = [in_child(lambda: tracker.log_metric("children", 1.0)) for _ in range(20)]
        stop.set()
        for thread in threads:
            thread.join()

    assert codes == [0] * 20
    assert tracker.get_run(run.run_id).data.summaries["children"].count == 20


def log_in_worker(number: int) -> int:
    """What a worker of a pool does: it knows no run, and logs."""
    import nbtrack

    nbtrack.log_metric("worker", float(number), step=number)
    return os.getpid()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool_log_to_the_run_of_their_parent(tmp_path: Path, method: str) -> None:
    fluent.set_tracking_uri(tmp_path / "store")
    with fluent.start_run() as run:
        with multiprocessing.get_context(method).Pool(2) as pool:
            pids = pool.map(log_in_worker, range(8))
            pool.close()
            pool.join()
        assert run.info.status == "RUNNING"

    assert os.getpid() not in pids
    found = fluent.get_run(run.run_id)
    assert found.data.summaries["worker"].count == 8
    assert sorted(point.step for point in run.metric_history("worker")) == list(range(8))
    assert found.info.status == "FINISHED"
    assert len(fluent.search_runs()) == 1


def test_a_data_loaders_workers_log_to_the_run(tmp_path: Path) -> None:
    from torch.utils.data import DataLoader, Dataset

    class Logged(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> int:
            fluent.log_metric("loaded", float(index), step=index)
            return index

    fluent.set_tracking_uri(tmp_path / "store")
    with fluent.start_run() as run:
        loaded = [
            int(value) for batch in DataLoader(Logged(), batch_size=3, num_workers=2) for value in batch
        ]

    assert loaded == list(range(12))
    assert run.data.summaries["loaded"].count == 12
    assert len(fluent.search_runs()) == 1


def test_a_script_started_from_a_run_has_its_own_and_logs_beside_it_without_one(tmp_path: Path) -> None:
    program = (
        "import json, nbtrack\n"
        "nbtrack.log_metric('from script', 1.0)\n"
        "attached = nbtrack.active_run().run_id\n"
        "nbtrack.end_run()\n"
        "with nbtrack.start_run() as own: pass\n"
        "print(json.dumps([attached, own.run_id]))\n"
    )
    fluent.set_tracking_uri(tmp_path / "store")
    with fluent.start_run() as run:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert run.info.status == "RUNNING"

    attached, own = json.loads(done.stdout)
    assert attached == run.run_id != own
    assert run.data.metrics == {"from script": 1.0}
    assert fluent.get_run(own).info.status == "FINISHED"
