"""System metrics: what a run's machine does meanwhile, as metrics of the run.

A thread of its own samples now and then, so that the training waits for nothing; the names are
MLflow's. Nothing of it can fail a run: what cannot be measured is left out, with one warning.
"""

import math
import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, Protocol

from nbtrack.core import settings
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.system_metric_names import PREFIX
from nbtrack.core.warn import warn_user

if TYPE_CHECKING:
    from nbtrack.core.summaries import MetricSummary

DEFAULT_INTERVAL = 10.0
"""Seconds between samples; MLflow's."""

_FIRST_AFTER = 0.5
_SHORTEST = 0.1
"""Seconds: what a processor did in less says nothing."""

_PATIENCE = 1.0
_MEGABYTE = 1e6

_ENABLE = "ENABLE_SYSTEM_METRICS_LOGGING"
_INTERVAL = "SYSTEM_METRICS_SAMPLING_INTERVAL"
_SAMPLES = "SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"
_NODE_ID = "SYSTEM_METRICS_NODE_ID"


def enable_system_metrics_logging() -> None:
    """Let the runs started from now on log system metrics, those of child processes too."""
    _set(_ENABLE, "true")


def disable_system_metrics_logging() -> None:
    """Let the runs started from now on log no system metrics, unless `start_run` asks for them."""
    _set(_ENABLE, "false")


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Choose how often system metrics are sampled.

    Args:
        interval: Seconds; None is 10.

    Raises:
        InvalidTypeError: It is no number.
        InvalidValueError: It is not above zero.
    """
    _set(_INTERVAL, None if interval is None else str(_checked_interval(interval)))


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Choose how many samples make one point, which is their mean.

    Args:
        samples: From 1; None is 1.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidValueError: It is less than 1.
    """
    _set(_SAMPLES, None if samples is None else str(_checked_samples(samples)))


def set_system_metrics_node_id(node_id: str | int | None) -> None:
    """Name this machine in the names of its system metrics: `system/<node_id>/...`.

    Args:
        node_id: Such as the rank of the machine among those that train together; None is none.
    """
    _set(_NODE_ID, None if node_id is None else str(node_id))


class Sampled(Protocol):
    """What the sampler needs of a run."""

    @property
    def data(self) -> Any:
        """What was logged so far, with `summaries`."""
        ...

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
    ) -> Any:
        """Log a point of each metric."""
        ...


class SystemMetricsSampler:
    """Samples for one run, in a thread of its own, from `start` to `stop`.

    The first sample comes after half a second, the last when it is stopped, so that a short run has
    some too. A forked child does not sample.

    Args:
        run: Where the points go.
        interval: Seconds between samples; None is the setting, else 10.
        samples: How many samples make a point; None is the setting, else 1.
        node_id: Part of the names; None is the setting, else none.
    """

    def __init__(
        self,
        run: Sampled,
        interval: float | None = None,
        samples: int | None = None,
        node_id: str | None = None,
    ) -> None:
        self._run = run
        self._interval = (
            _from_setting(_INTERVAL, DEFAULT_INTERVAL, _as_interval)
            if interval is None
            else (_checked_interval(interval))
        )
        self._samples = (
            _from_setting(_SAMPLES, 1, _as_samples) if samples is None else _checked_samples(samples)
        )
        node = settings.setting(_NODE_ID) if node_id is None else str(node_id)
        self._prefix = f"{PREFIX}{node}/" if node else PREFIX
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._machine: _Machine | None = None
        self._waiting: list[dict[str, float]] = []
        self._sampled_at = float("-inf")
        self._step = 0
        self._has_warned = False

    def start(self) -> None:
        """Begin to sample; the thread imports what it needs itself."""
        thread = threading.Thread(target=self._work, name="nbtrack-system-metrics", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._warn(error)
            return
        self._thread = thread

    def stop(self) -> None:
        """Take a last sample and end; it takes milliseconds. Stopping again does nothing."""
        thread, self._thread = self._thread, None
        if thread is None or self._pid != os.getpid():
            return
        self._stopping.set()
        thread.join(_PATIENCE)
        if not thread.is_alive() and self._machine is not None:
            if monotonic() - self._sampled_at > _SHORTEST:
                self._sample(self._machine)
            self._log()
            self._machine.close()

    def _work(self) -> None:
        try:
            self._machine = machine = _Machine()
            self._step = self._next_step()
        except Exception as error:  # noqa: BLE001  # no measurement is worth a training
            self._warn(error)
            return
        wait = min(_FIRST_AFTER, self._interval)
        while not self._stopping.wait(wait):
            self._sample(machine)
            if len(self._waiting) >= self._samples:
                self._log()
            wait = self._interval

    def _next_step(self) -> int:
        """The step to go on with, when the run was resumed."""
        summaries: Mapping[str, MetricSummary] = self._run.data.summaries
        steps = [each.last_step for key, each in summaries.items() if key.startswith(self._prefix)]
        return max(steps, default=-1) + 1

    def _sample(self, machine: "_Machine") -> None:
        self._sampled_at = monotonic()
        self._waiting.append(machine.sample(self._warn))

    def _log(self) -> None:
        samples, self._waiting = self._waiting, []
        keys = dict.fromkeys(key for sample in samples for key in sample)
        means: dict[str, float] = {}
        for key in keys:
            values = [sample[key] for sample in samples if key in sample]
            means[self._prefix + key] = sum(values) / len(values)
        if means:
            try:
                self._run.log_metrics(means, step=self._step, timestamp=time_ns() // 1_000_000)
            except InvalidValueError:
                self._stopping.set()  # the run has ended, without a word to us
            except Exception as error:  # noqa: BLE001  # as above; the store itself warns of what it refuses
                self._warn(error)
            self._step += 1

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn_user(f"Some system metrics cannot be logged: {type(error).__name__}: {error}")


class _Machine:
    """This machine, to be measured: processor, memory, disk, network, GPUs, and this process."""

    def __init__(self) -> None:
        import psutil  # lazy: 20 ms that only those who want it pay

        self._psutil = psutil
        self._process = psutil.Process()
        self._cpu = _busy_and_total(psutil.cpu_times())
        self._own_seconds = self._process_seconds()
        self._cpu_at = self._own_at = monotonic()
        self._received, self._sent = self._network()
        self._gpus = _Gpus()
        self._sources: list[Callable[[], dict[str, float]]] = [
            self._processor,
            self._memory,
            self._disk,
            self._traffic,
            self._gpus.sample,
            self._own,
        ]

    def sample(self, on_error: Callable[[Exception], None]) -> dict[str, float]:
        """Measure everything; what fails is told and left out."""
        found: dict[str, float] = {}
        for source in self._sources:
            try:
                found |= source()
            except Exception as error:  # noqa: BLE001  # no measurement is worth a training
                on_error(error)
        return found

    def close(self) -> None:
        """Let go of the GPUs."""
        self._gpus.close()

    def _processor(self) -> dict[str, float]:
        at = monotonic()
        if at - self._cpu_at < _SHORTEST:
            return {}
        before, now = self._cpu, _busy_and_total(self._psutil.cpu_times())
        self._cpu, self._cpu_at = now, at
        share = (now[0] - before[0]) / max(now[1] - before[1], 1e-9)
        return {"cpu_utilization_percentage": min(max(share * 100, 0.0), 100.0)}

    def _memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
        }

    def _disk(self) -> dict[str, float]:
        disk = self._psutil.disk_usage(os.path.abspath(os.sep))
        return {
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_available_megabytes": disk.free / _MEGABYTE,
        }

    def _traffic(self) -> dict[str, float]:
        received, sent = self._network()
        # An interface that went away takes its counts along.
        return {
            "network_receive_megabytes": max(received - self._received, 0) / _MEGABYTE,
            "network_transmit_megabytes": max(sent - self._sent, 0) / _MEGABYTE,
        }

    def _own(self) -> dict[str, float]:
        found = {"process_memory_megabytes": self._process.memory_info().rss / _MEGABYTE}
        at, seconds = monotonic(), self._process_seconds()
        if at - self._own_at >= _SHORTEST:
            found["process_cpu_percentage"] = (seconds - self._own_seconds) / (at - self._own_at) * 100
            self._own_at, self._own_seconds = at, seconds
        return found

    def _process_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _network(self) -> tuple[int, int]:
        counts: Any = self._psutil.net_io_counters()  # None where there is no interface
        return (counts.bytes_recv, counts.bytes_sent) if counts is not None else (0, 0)


class _Gpus:
    """NVIDIA's GPUs, through its management library; none where there is no GPU or no library."""

    def __init__(self) -> None:
        self._library: Any = None
        self._handles: list[Any] = []
        try:
            import pynvml  # pyright: ignore[reportMissingTypeStubs, reportMissingImports]

            library: Any = pynvml
            library.nvmlInit()
            self._library = library
            count: int = library.nvmlDeviceGetCount()
            self._handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except Exception:  # noqa: BLE001  # not installed, no driver, no permission: each has errors of its own
            self.close()

    def sample(self) -> dict[str, float]:
        """Measure each GPU; what one of them does not know, such as its power, is left out."""
        found: dict[str, float] = {}
        for index, handle in enumerate(self._handles):
            for measure in (self._memory, self._utilization, self._power):
                try:
                    found |= {f"gpu_{index}_{name}": value for name, value in measure(handle).items()}
                except self._library.NVMLError:
                    continue
        return found

    def close(self) -> None:
        """Let go of the library."""
        library, self._library, self._handles = self._library, None, []
        if library is not None:
            try:
                library.nvmlShutdown()
            except library.NVMLError:
                return

    def _memory(self, handle: Any) -> dict[str, float]:
        memory = self._library.nvmlDeviceGetMemoryInfo(handle)
        return {
            "memory_usage_percentage": memory.used / memory.total * 100,
            "memory_usage_megabytes": memory.used / _MEGABYTE,
        }

    def _utilization(self, handle: Any) -> dict[str, float]:
        return {"utilization_percentage": float(self._library.nvmlDeviceGetUtilizationRates(handle).gpu)}

    def _power(self, handle: Any) -> dict[str, float]:
        milliwatts = self._library.nvmlDeviceGetPowerUsage(handle)
        limit = self._library.nvmlDeviceGetEnforcedPowerLimit(handle)
        return {
            "power_usage_watts": milliwatts / 1000,
            "power_usage_percentage": milliwatts / limit * 100,
        }


def _busy_and_total(times: Any) -> tuple[float, float]:
    """Seconds that all processors together were busy, and all seconds, since the machine started."""
    # The guests' seconds are in the user's already, on Linux.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _set(name: str, text: str | None) -> None:
    # As in MLflow it stands in the environment, so that child processes do the same.
    if text is None:
        os.environ.pop(f"NBTRACK_{name}", None)
        os.environ.pop(f"MLFLOW_{name}", None)
    else:
        os.environ[f"NBTRACK_{name}"] = text


def _from_setting(name: str, default: Any, read: Callable[[str], Any]) -> Any:
    text = settings.setting(name)
    if text is None:
        return default
    try:
        return read(text)
    except ValueError as error:
        warn_user(f"{settings.variable_of(name)} is left out: {error} It is taken as {default:g}.")
        return default


def _as_interval(text: str) -> float:
    try:
        return _checked_interval(float(text))
    except ValueError:
        raise InvalidValueError(f"A sampling interval is a number of seconds, got {text!r}.") from None


def _as_samples(text: str) -> int:
    try:
        return _checked_samples(int(text))
    except ValueError:
        raise InvalidValueError(f"A number of samples is a whole number from 1, got {text!r}.") from None


def _checked_interval(interval: Any) -> float:
    if isinstance(interval, bool) or not isinstance(interval, int | float):
        raise InvalidTypeError(
            f"A sampling interval is a number of seconds, got {type(interval).__name__} {interval!r}."
        )
    if not 0 < interval < math.inf:
        raise InvalidValueError(f"A sampling interval is above zero seconds, got {interval!r}.")
    return float(interval)


def _checked_samples(samples: Any) -> int:
    if isinstance(samples, bool) or not isinstance(samples, int):
        raise InvalidTypeError(
            f"A number of samples is a whole number, got {type(samples).__name__} {samples!r}."
        )
    if samples < 1:
        raise InvalidValueError(f"A number of samples is from 1, got {samples}.")
    return samples
