"""The learning rates of a training, as curves: a point whenever one changes, the first and the last.

Further groups have a curve of their own, `learning_rate-1`, once they differ from the first. In the
second training of a run they are `learning_rate-2` and `learning_rate-2-group1`. A learning rate that is a
tensor is not waited for: it is copied on its device when it was written, and read with the losses.
"""

import time
import weakref
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog.torch.device_points import DevicePoints

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from nbtrack.tracking.active_run import ActiveRun
    from nbtrack.tracking.autolog.sessions import Session

Point = tuple[str, float, int, int]
"""Metric, value, step, and milliseconds since 1970."""

METRIC = "learning_rate"
CURVES = 8
"""Groups that are followed in one training at the most; some optimizers have one for each layer."""
_MOST_POINTS = 1000


class Curve:
    """The learning rate of one group of parameters."""

    __slots__ = ("first", "key", "logged", "rate", "seen", "step", "version", "waiting")

    def __init__(self, key: str, first: "Curve | None") -> None:
        self.key = key
        self.first = first
        """Of the first group of the training; None for that itself."""
        self.seen: Any = None
        """What stood there at the last step: a number or a tensor."""
        self.step = 0
        """The last step."""
        self.version = -1
        """How often the tensor had been written to; -1 where it is no tensor."""
        self.rate: float | None = None
        self.logged: tuple[int, float] | None = None
        """Step and value of the last point."""
        self.waiting = 0
        """How many copies lie on the device."""


class LearningRates:
    """The learning rates of the optimizers of one training."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.end: str | None = ""
        """What the names of metrics end with: `-2` in the second training of a run; None: none is kept."""
        self._curves: list[Curve] = []
        self._on_devices: DevicePoints[tuple[Curve, int, int]] = DevicePoints()
        """With curve, step and time of each."""
        self._points: list[Point] = []
        """What is not written yet: a schedule changes all of them in every step."""

    def look(self, optimizer: "Optimizer", curves: list[Curve], step: int) -> None:
        """Take down the learning rates of an optimizer, if they have changed since its last step.

        Args:
            optimizer: The optimizer.
            curves: Its curves, empty at first: each further group is added.
            step: The step that it is about to make.
        """
        if self.end is None:
            return
        groups = optimizer.param_groups
        if len(curves) < len(groups) and len(self._curves) < CURVES:
            self._add(curves, len(groups))
        has_changed = False
        for group, curve in zip(groups, curves, strict=False):
            curve.step = step
            rate: Any = group.get("lr")
            if rate is curve.seen:
                if curve.version < 0 or rate._version == curve.version:  # asking does not wait
                    continue
            elif curve.version < 0 and type(rate) is float and rate == curve.seen:
                continue
            curve.seen = rate
            has_changed = True
            if isinstance(rate, float | int):
                curve.version, curve.rate = -1, float(rate)
            elif hasattr(rate, "_version"):
                curve.version = rate._version
                if rate.device.type == "cpu":
                    curve.rate = float(rate)
                elif self._on_devices.keep((curve, step, now_ms()), rate.detach()):
                    curve.waiting += 1
        if has_changed:
            now = now_ms()
            for curve in curves:
                if not curve.waiting:
                    self._take(curve, step, now)
            if len(self._points) >= _MOST_POINTS:
                self.read()

    def _add(self, curves: list[Curve], groups: int) -> None:
        for _ in range(min(groups - len(curves), CURVES - len(self._curves))):
            number = len(self._curves)
            first = self._curves[0] if number else None
            curves.append(Curve(self._key(number), first))
            self._curves.append(curves[-1])

    def _key(self, number: int) -> str:
        """A metric for a group that no other training of the run has."""
        taken = _taken_in.setdefault(self._session.run, set())
        usual = f"{METRIC}{self.end}"
        if number:
            usual = f"{usual}-group{number}" if self.end else f"{METRIC}-{number}"
        # `learning_rate-2` may be that of the first training's third group, or of the second training.
        key = usual if usual not in taken else f"{METRIC}{self.end}-group{number}"
        taken.add(key)
        return key

    def read(self, *, wait: bool = False) -> None:
        """Write what is not written, with those that have come from a device.

        Args:
            wait: Whether to wait for all.
        """
        for (curve, step, timestamp), rate in self._on_devices.read(wait=wait):
            curve.waiting -= 1
            curve.rate = rate
            self._take(curve, step, timestamp)
        points, self._points = self._points, []
        for point in points:
            self._session.run.append_point(*point)

    def finish(self) -> None:
        """Write the last point of each curve."""
        self.read(wait=True)
        for curve in self._curves:
            if curve.logged is not None and curve.logged[0] < curve.step:
                self._log(curve, curve.step, curve.logged[1], now_ms())
        self.read()

    def _take(self, curve: Curve, step: int, timestamp: int) -> None:
        if curve.rate is None:
            return
        if curve.logged is None:
            if curve.first is not None and curve.first.rate == curve.rate:
                return  # all groups alike: one curve
        elif curve.logged[1] == curve.rate:
            return
        self._log(curve, step, curve.rate, timestamp)

    def _log(self, curve: Curve, step: int, rate: float, timestamp: int) -> None:
        curve.logged = (step, rate)
        self._points.append((curve.key, rate, step, timestamp))


_taken_in: "weakref.WeakKeyDictionary[ActiveRun, set[str]]" = weakref.WeakKeyDictionary()
"""The metrics of learning rates in each run."""


def now_ms() -> int:
    """The time, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
