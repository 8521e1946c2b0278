import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time

import psutil
import pytest

from nbtrack.core import settings
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.tracking import system_metrics
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.system_metrics import SystemMetricsSampler
from nbtrack.tracking.tracker import Tracker
from tests.conftest import HAS_GPU

NAMES = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
    "system/process_cpu_percentage",
    "system/process_memory_megabytes",
}


def points(tracker: Tracker, run: ActiveRun, name: str = "system/disk_usage_percentage") -> list:
    return tracker.get_metric_history(run.run_id, name)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not what():
        assert monotonic() < deadline
        threading.Event().wait(0.01)


def without_gpus(names: set[str]) -> set[str]:
    return {name for name in names if "/gpu_" not in name}


def test_the_names_are_those_of_mlflow_and_the_process_s_own(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, interval=0.2)
        sampler.start()
        wait_for(lambda: len(points(tracker, run)) >= 2)
        sampler.stop()

    assert without_gpus(set(tracker.get_run(run.run_id).data.metrics)) == NAMES


def test_the_values_are_those_of_psutil(tracker: Tracker) -> None:
    block = bytearray(80_000_000)
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, interval=0.3)
        sampler.start()
        busy_until = process_time() + 0.5
        while process_time() < busy_until:
            block[0] += 0
        sampler.stop()
        metrics = {key.partition("/")[2]: value for key, value in run.data.metrics.items()}
        highest = run.data.summaries["system/process_cpu_percentage"].max

    memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
    assert metrics["system_memory_usage_megabytes"] == pytest.approx(memory.used / 1e6, rel=0.5)
    assert metrics["system_memory_usage_percentage"] == pytest.approx(memory.percent, abs=20)
    assert metrics["disk_usage_megabytes"] == pytest.approx(disk.used / 1e6, rel=0.2)
    assert metrics["disk_available_megabytes"] == pytest.approx(disk.free / 1e6, rel=0.2)
    assert metrics["disk_usage_percentage"] == pytest.approx(disk.percent, abs=10)
    assert metrics["process_memory_megabytes"] == pytest.approx(
        psutil.Process().memory_info().rss / 1e6, rel=0.3
    )
    assert metrics["process_memory_megabytes"] > 80
    assert 0 <= metrics["cpu_utilization_percentage"] <= 100
    assert highest > 10
    assert metrics["network_receive_megabytes"] >= 0


def test_what_goes_through_the_network_is_counted_from_the_start(tracker: Tracker) -> None:
    import socket

    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, interval=0.05)
        sampler.start()
        wait_for(lambda: bool(points(tracker, run)))
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        taken, _ = server.accept()
        taken.settimeout(20)
        sender = threading.Thread(target=lambda: client.sendall(bytes(5_000_000)))
        sender.start()
        received = 0
        while received < 5_000_000:
            received += len(taken.recv(1 << 16))
        sender.join()
        for each in (client, taken, server):
            each.close()
        threading.Event().wait(0.2)
        sampler.stop()
        metrics = run.data.metrics

    assert 5 <= metrics["system/network_receive_megabytes"] < 50_000
    assert 5 <= metrics["system/network_transmit_megabytes"] < 50_000


def test_a_short_run_has_points_too(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        sampler.stop()

    assert len(points(tracker, run)) == 1


def test_a_run_of_a_second_has_one_at_its_start_and_one_at_its_end(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        wait_for(lambda: bool(points(tracker, run)))
        threading.Event().wait(0.2)
        sampler.stop()

    assert [point.step for point in points(tracker, run)] == [0, 1]


def test_steps_go_on_where_a_resumed_run_had_stopped(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        for step in (0, 4, 2):
            run.log_metric("system/disk_usage_percentage", 1.0, step=step)
        run.log_metric("loss", 1.0, step=100)

    with tracker.start_run(run_id=run.run_id) as again:
        sampler = SystemMetricsSampler(again)
        sampler.start()
        sampler.stop()

    assert max(point.step for point in points(tracker, run)) == 5


def test_several_samples_make_a_point_and_what_is_left_makes_the_last(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, interval=0.02, samples=5)
        sampler.start()
        wait_for(lambda: len(points(tracker, run)) >= 3)
        sampler.stop()
        found = points(tracker, run)

    assert [point.step for point in found] == list(range(len(found)))
    assert found[1].timestamp - found[0].timestamp >= 5 * 20 * 0.9


def test_the_node_stands_in_the_names(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, node_id="node-3")
        sampler.start()
        sampler.stop()

    assert "system/node-3/disk_usage_percentage" in run.data.metrics
    assert all(key.startswith("system/node-3/") for key in run.data.metrics)


def test_it_stops_at_once_and_only_once(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        wait_for(lambda: bool(points(tracker, run)))
        began = monotonic()
        sampler.stop()
        took = monotonic() - began
        count = len(points(tracker, run))
        sampler.stop()

    assert took < 0.5
    assert len(points(tracker, run)) == count
    assert "nbtrack-system-metrics" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_sample(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run, interval=0.05)
        sampler.start()
        wait_for(lambda: bool(points(tracker, run)))
        pid = os.fork()
        if pid == 0:
            threading.Event().wait(0.2)  # long enough for another sample
            sampler.stop()
            alive = [thread.name for thread in threading.enumerate() if "system" in thread.name]
            os._exit(len(alive))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        count = len(points(tracker, run))
        wait_for(lambda: len(points(tracker, run)) > count)
        sampler.stop()

    steps = [point.step for point in points(tracker, run)]
    assert steps == list(range(len(steps)))


def test_what_cannot_be_measured_is_left_out_with_one_warning(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tracker.start_run()
    sampler = SystemMetricsSampler(run, interval=0.05)
    sampler.start()
    wait_for(lambda: bool(points(tracker, run)))
    before = len(points(tracker, run, "system/system_memory_usage_percentage"))

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        # psutil's own setting: from here on it finds nothing.
        monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
        count = len(points(tracker, run))
        wait_for(lambda: len(points(tracker, run)) >= count + 3)
        sampler.stop()
    run.end()

    assert [str(each.message)[:37] for each in told] == ["Some system metrics cannot be logged:"]
    assert len(points(tracker, run, "system/system_memory_usage_percentage")) <= before + 1


def test_a_run_that_has_ended_meanwhile_disturbs_nobody(tracker: Tracker) -> None:
    run = tracker.start_run()
    sampler = SystemMetricsSampler(run, interval=0.05)
    sampler.start()
    run.end()

    sampler.stop()

    assert tracker.get_run(run.run_id).info.status == "FINISHED"


# ---- settings --------------------------------------------------------------------------------------


def test_it_is_off_until_somebody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [settings.wants_system_metrics()]
    system_metrics.enable_system_metrics_logging()
    found += [settings.wants_system_metrics()]
    system_metrics.disable_system_metrics_logging()
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    found += [settings.wants_system_metrics()]
    monkeypatch.delenv("NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING")
    found += [settings.wants_system_metrics()]

    assert found == [False, True, False, True]


def test_interval_samples_and_node_can_be_set(tracker: Tracker) -> None:
    system_metrics.set_system_metrics_sampling_interval(0.02)
    system_metrics.set_system_metrics_samples_before_logging(3)
    system_metrics.set_system_metrics_node_id(7)
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        wait_for(lambda: len(points(tracker, run, "system/7/disk_usage_percentage")) >= 2)
        sampler.stop()

    system_metrics.set_system_metrics_sampling_interval(None)
    system_metrics.set_system_metrics_samples_before_logging(None)
    system_metrics.set_system_metrics_node_id(None)
    assert not [name for name in os.environ if "SYSTEM_METRICS" in name]


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf"), "5", True])
def test_an_interval_is_a_number_of_seconds(interval: object) -> None:
    with pytest.raises((InvalidValueError, InvalidTypeError), match="interval"):
        system_metrics.set_system_metrics_sampling_interval(interval)  # type: ignore[arg-type]

    assert "NBTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL" not in os.environ


@pytest.mark.parametrize("samples", [0, -1, 1.5, "5", True])
def test_a_number_of_samples_is_a_whole_number(samples: object) -> None:
    with pytest.raises((InvalidValueError, InvalidTypeError), match="samples"):
        system_metrics.set_system_metrics_samples_before_logging(samples)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NBTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL", "often"),
        ("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0"),
        ("NBTRACK_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "1.5"),
    ],
)
def test_a_setting_that_cannot_be_is_told_and_left_out(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with tracker.start_run() as run:
        with pytest.warns(RuntimeWarning, match=name):
            sampler = SystemMetricsSampler(run)
        sampler.start()
        sampler.stop()

    assert points(tracker, run)


# ---- GPUs ------------------------------------------------------------------------------------------


@pytest.mark.gpu
def test_each_gpu_is_measured(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        sampler.stop()
        metrics = run.data.metrics

    assert 0 <= metrics["system/gpu_0_utilization_percentage"] <= 100
    assert 0 < metrics["system/gpu_0_memory_usage_percentage"] <= 100
    assert metrics["system/gpu_0_memory_usage_megabytes"] > 0
    assert 0 < metrics["system/gpu_0_power_usage_watts"] < 2000
    assert 0 < metrics["system/gpu_0_power_usage_percentage"] < 200


def test_a_machine_without_a_gpu_logs_none_and_says_nothing(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        sampler = SystemMetricsSampler(run)
        sampler.start()
        sampler.stop()

    assert any("gpu" in key for key in run.data.metrics) == HAS_GPU


# ---- runs ------------------------------------------------------------------------------------------


def test_a_run_that_is_asked_to_logs_them_until_it_ends(tracker: Tracker) -> None:
    with tracker.start_run(log_system_metrics=True) as run:
        wait_for(lambda: bool(points(tracker, run)))
        threading.Event().wait(0.15)

    recorded = tracker.get_run(run.run_id)
    assert without_gpus(set(recorded.data.metrics)) == NAMES
    assert recorded.data.summaries["system/disk_usage_percentage"].count == 2
    assert "nbtrack-system-metrics" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("asked", [None, False])
def test_a_run_that_is_not_asked_logs_none(tracker: Tracker, asked: bool | None) -> None:
    with tracker.start_run(log_system_metrics=asked) as run:
        assert "nbtrack-system-metrics" not in {thread.name for thread in threading.enumerate()}

    assert not run.data.metrics


def test_all_runs_log_them_when_that_is_set(tracker: Tracker) -> None:
    system_metrics.enable_system_metrics_logging()

    with tracker.start_run() as outer, tracker.start_run(nested=True) as inner:
        pass
    with tracker.start_run(log_system_metrics=False) as without:
        pass
    cell = tracker.start_cell_run()
    tracker.finish(cell, "FINISHED")

    assert all(run.data.metrics for run in (outer, inner, cell))
    assert not without.data.metrics


def test_a_resumed_run_goes_on_with_them(tracker: Tracker) -> None:
    with tracker.start_run(log_system_metrics=True) as run:
        pass
    with tracker.start_run(run_id=run.run_id, log_system_metrics=True):
        pass

    assert [point.step for point in points(tracker, run)] == [0, 1]


def test_a_disabled_tracker_measures_nothing(tmp_path: Path) -> None:
    tracker = Tracker(store=tmp_path / "store", enabled=False)

    with tracker.start_run(log_system_metrics=True) as run:
        run.log_system_metrics()
        assert "nbtrack-system-metrics" not in {thread.name for thread in threading.enumerate()}

    assert not run.data.metrics
