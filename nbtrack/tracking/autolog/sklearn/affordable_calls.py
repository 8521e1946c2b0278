"""Calls that are made only if they do not take long: their time is estimated from a few rows first.

What is learned lazily, such as nearest neighbours or a kernel machine, trains in no time and predicts for
minutes. Nobody shall wait for that who only trained.
"""

import time
from collections.abc import Callable
from typing import Any

from nbtrack.tracking.autolog.sklearn import data_rows

SHORTEST = 0.5
"""Seconds that measuring may take, however short the training was."""

SHARE = 0.1
"""The share of the training's own time that measuring may take beyond that."""

_AT_ONCE = 256
"""Rows for which a call is made without an estimate."""

_SLICE = 100


class TooSlowError(Exception):
    """A call on all rows would take too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it would take about {seconds:.2g} s")


class Allowance:
    """How long measuring may still take."""

    def __init__(self, trained: float) -> None:
        """Nothing is spent yet.

        Args:
            trained: Seconds that the training took.
        """
        self.left = max(SHORTEST, SHARE * trained)
        """Seconds."""

    def call(self, function: Callable[..., Any], count: int, *data: Any, at_once: int = _AT_ONCE) -> Any:
        """Call a function of data, if it is fast enough on a part of them.

        Args:
            function: What is called, such as a `predict`.
            count: How many rows there are.
            *data: What it is called with, of as many rows each.
            at_once: So many rows need no estimate.

        Raises:
            TooSlowError: It would take longer than what is left.
        """
        began = time.perf_counter()
        try:
            if count > at_once:
                self._check(function, count, data, max(_SLICE, at_once // 3))
            return function(*data)
        finally:
            self.left -= time.perf_counter() - began

    def _check(self, function: Callable[..., Any], count: int, data: tuple[Any, ...], first: int) -> None:
        small = _seconds(function, data, first)
        estimate = small * count / first
        if estimate <= self.left:
            return
        # A part of it may be what each call costs, such as that of starting threads.
        most = int(first * min(20.0, self.left / 2 / small)) if small else 0
        if most >= 2 * first and most < count:
            large = _seconds(function, data, most)
            estimate = large + max(0.0, large - small) / (most - first) * (count - most)
        if estimate > self.left:
            raise TooSlowError(estimate)


def _seconds(function: Callable[..., Any], data: tuple[Any, ...], count: int) -> float:
    part = [None if each is None else data_rows.rows(each, slice(count)) for each in data]
    began = time.perf_counter()
    function(*part)
    return time.perf_counter() - began
