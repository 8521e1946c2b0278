"""What every worker does: take a command as a line of JSON, measure, answer with a line of JSON.

All clocks are here, around the same calls for every peer; a worker script says only how its peer
does a thing. Each works in the environment of its peer, so this needs nothing but Python.
"""

import contextlib
import json
import os
import signal
import sys
import traceback
from importlib.metadata import version
from time import perf_counter_ns
from typing import Any, Protocol

import data


class Peer(Protocol):
    """What a peer is asked to do; one that has no such thing lacks the method and is not asked."""

    package: str
    """What pip calls it; none for the floor."""

    def open(self) -> None:
        """Use the store in the working directory, and make it when there is none."""

    def start(self) -> None:
        """Start a run and make it the active one."""

    def run_id(self) -> str:
        """The id of the active run."""

    def log(self, value: float, step: int) -> None:
        """Log one point of the metric `loss`."""

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        """Log both on the active run."""

    def end(self) -> None:
        """End the active run; all it logged is in the store when this returns."""

    def prepare_to_read(self) -> None:
        """Do what the peer asks for before another process reads what was logged."""

    def is_kept(self, run: str) -> bool:
        """Whether the run is in the store, as one that ended where the peer tells that."""

    def values(self, run: str) -> Any:
        """All values of `loss` in the order of the steps, as the peer hands them out fastest."""

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        """What a run holds, without what the peer itself added."""

    def make_runs(self, runs: int) -> None:
        """Fill the store with runs as `data` describes them."""

    def search(self) -> list[float]:
        """Search; the values of `acc` of the best runs."""

    def frame(self) -> Any:
        """All runs with params, metrics and tags as a pandas DataFrame."""

    def column_of_acc(self) -> str:
        """The name of the DataFrame's column with `acc`."""

    def make_points(self, points: int) -> str:
        """Fill a run with so many points of `loss`, in any way; its id."""


def describe(peer: Peer) -> dict[str, Any]:
    """The version that is measured."""
    return {"version": version(peer.package) if peer.package else ""}


def open_store(peer: Peer) -> dict[str, Any]:
    """Open the store."""
    peer.open()
    return {}


def start(peer: Peer) -> dict[str, Any]:
    """Start a run."""
    peer.start()
    return {"run": peer.run_id()}


def end(peer: Peer) -> dict[str, Any]:
    """End the run."""
    peer.end()
    return {}


def log(peer: Peer, first: int, points: int) -> dict[str, Any]:
    """Log points one by one and time each call, in nanoseconds."""
    times = []
    for step in range(first, first + points):
        value = data.value_at(step)
        begin = perf_counter_ns()
        peer.log(value, step)
        times.append(perf_counter_ns() - begin)
    return {"times": times}


def log_whole_run(peer: Peer, points: int) -> dict[str, Any]:
    """Start a run, log points one by one, and end it."""
    peer.start()
    times = log(peer, 0, points)["times"]
    run = peer.run_id()
    peer.end()
    return {"run": run, "times": times}


def log_until_killed(peer: Peer, points: int) -> None:
    """Log points, acknowledge each after the call returned, and die by SIGKILL after the last."""
    peer.start()
    os.write(_ANSWERS, json.dumps({"run": peer.run_id()}).encode() + b"\n")
    for step in range(points):
        peer.log(data.value_at(step), step)
        os.write(_ANSWERS, b"%d\n" % step)
    os.kill(os.getpid(), signal.SIGKILL)


def start_and_end(peer: Peer, runs: int) -> dict[str, Any]:
    """Runs with nothing in them."""
    times, made = [], []
    for _ in range(runs):
        begin = perf_counter_ns()
        peer.start()
        middle = perf_counter_ns()
        made.append(peer.run_id())
        after = perf_counter_ns()
        peer.end()
        times.append(perf_counter_ns() - after + middle - begin)
    return {"times": times, "runs": made}


def log_params_and_tags(peer: Peer, runs: int) -> dict[str, Any]:
    """Runs with 100 params and 20 tags: the time of the whole run, and that of the calls alone."""
    times, calls, made = [], [], []
    for _ in range(runs):
        begin = perf_counter_ns()
        peer.start()
        started = perf_counter_ns()
        peer.log_params_and_tags(data.MANY_PARAMS, data.MANY_TAGS)
        logged = perf_counter_ns()
        made.append(peer.run_id())
        after = perf_counter_ns()
        peer.end()
        times.append(perf_counter_ns() - after + logged - begin)
        calls.append(logged - started)
    return {"times": times, "calls": calls, "runs": made}


def prepare_to_read(peer: Peer) -> dict[str, Any]:
    """Let the peer do what it asks for before what was logged is read."""
    peer.prepare_to_read()
    return {}


def are_kept(peer: Peer, runs: list[str]) -> dict[str, Any]:
    """Whether runs are in the store."""
    return {"kept": [peer.is_kept(run) for run in runs]}


def values(peer: Peer, run: str) -> dict[str, Any]:
    """Read a metric whole: the time, and the values."""
    begin = perf_counter_ns()
    read = peer.values(run)
    took = perf_counter_ns() - begin
    return {"time": took, "values": [float(value) for value in read]}


def params_and_tags(peer: Peer, run: str) -> dict[str, Any]:
    """Read the params and tags of a run."""
    params, tags = peer.params_and_tags(run)
    return {"params": params, "tags": tags}


def make_runs(peer: Peer, runs: int) -> dict[str, Any]:
    """Fill the store with runs."""
    peer.make_runs(runs)
    return {}


def search(peer: Peer) -> dict[str, Any]:
    """Search: the time, and the values of `acc` of the answer."""
    begin = perf_counter_ns()
    answer = peer.search()
    took = perf_counter_ns() - begin
    return {"time": took, "acc": answer}


def frame(peer: Peer) -> dict[str, Any]:
    """All runs as a DataFrame: the time, the column `acc`, and how many columns there are."""
    begin = perf_counter_ns()
    answer = peer.frame()
    took = perf_counter_ns() - begin
    return {"time": took, "acc": answer[peer.column_of_acc()].tolist(), "columns": len(answer.columns)}


def make_points(peer: Peer, points: int) -> dict[str, Any]:
    """Fill a run with points."""
    return {"run": peer.make_points(points)}


_COMMANDS = (
    describe,
    open_store,
    start,
    end,
    log,
    log_whole_run,
    log_until_killed,
    start_and_end,
    log_params_and_tags,
    prepare_to_read,
    are_kept,
    values,
    params_and_tags,
    make_runs,
    search,
    frame,
    make_points,
)

# The answers keep standard output for themselves: what a peer prints goes to standard error.
_ANSWERS = -1


def serve(peer: Peer) -> None:
    """Answer commands until standard input ends."""
    global _ANSWERS
    _ANSWERS = os.dup(1)
    os.dup2(2, 1)
    commands = {command.__name__: command for command in _COMMANDS}
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = commands[command.pop("do")](peer, **command)
        except Exception:  # noqa: BLE001 - the driver tells it, and the other peers go on
            answer = {"error": traceback.format_exc()}
        with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(_ANSWERS), "w") as out:
            out.write(json.dumps(answer) + "\n")
