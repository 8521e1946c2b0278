"""What is measured: each function is one row of the table."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from tests.benchmarks.peers.environments import say
from tests.benchmarks.peers.processes import PeerError, Player
from tests.benchmarks.peers.turns import Turns
from tests.benchmarks.peers.workers import data
from tests.benchmarks.timing import median, percentile, shown


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    rounds: int
    """Turns of each peer."""

    slow_rounds: int
    """The same, where a turn can take half a minute."""

    calls: int
    """Points that are logged in a turn."""

    runs_a_turn: int

    killed: int
    """Points logged before the kill."""

    crowd: int
    """Points of each of four processes."""

    runs: int
    """Runs that are searched."""

    points: int
    """Points of the long metric."""

    rest: float
    """Seconds after a turn that writes."""


FULL = Scale(
    rounds=10,
    slow_rounds=3,
    calls=1000,
    runs_a_turn=5,
    killed=10_000,
    crowd=2500,
    runs=10_000,
    points=1_000_000,
    rest=0.5,
)
QUICK = Scale(
    rounds=2, slow_rounds=1, calls=100, runs_a_turn=2, killed=200, crowd=50, runs=100, points=2000, rest=0.0
)

Cells = dict[Player, str]
"""What stands in the row; a peer that failed is not among the keys."""

CROWD = 4
"""Processes that log into one store."""


def log_metric(players: Sequence[Player], scale: Scale) -> Cells:
    """One call after the other in a run that is warm."""
    with Turns(players) as turns:
        workers = turns.workers("points")
        runs = turns.each(lambda player: workers[player][0].ask("start")["run"])
        turns.each(lambda player: workers[player][0].ask("log", first=0, points=scale.calls))
        answers = turns.rounds(
            scale.rounds,
            lambda player, turn: workers[player][0].ask(
                "log", first=(turn + 1) * scale.calls, points=scale.calls
            ),
            scale.rest,
        )
        turns.each(lambda player: workers[player][0].ask("end"))
        logged = (scale.rounds + 1) * scale.calls
        turns.each(lambda player: _check_points(player, "points", [runs[player]], logged))
        times = {player: _all_of("times", answers[player]) for player in turns.players}
    return {player: f"{shown(median(own))} ({shown(percentile(own, 0.99))})" for player, own in times.items()}


def kill(players: Sequence[Player], scale: Scale) -> Cells:
    """A process logs as fast as it can and dies by SIGKILL; a fresh one counts what is there."""

    def kept(player: Player) -> str:
        with player.worker("killed") as worker:
            worker.send("log_until_killed", points=scale.killed)
            run, acknowledged = worker.until_killed()
        if acknowledged != scale.killed:
            raise PeerError(f"{acknowledged} points of {scale.killed} were acknowledged")
        found = set(_read_points(player, "killed", [run], or_nothing=True)[0])
        there = sum(data.value_at(step) in found for step in range(acknowledged))
        return f"{there:,} of {acknowledged:,}"

    with Turns(players) as turns:
        return turns.each(kept)


def params(players: Sequence[Player], scale: Scale) -> Cells:
    """A run with 100 params and 20 tags."""
    with Turns(players) as turns:
        workers = turns.workers("params")
        turns.each(lambda player: workers[player][0].ask("log_params_and_tags", runs=1))
        answers = turns.rounds(
            scale.rounds,
            lambda player, _: workers[player][0].ask("log_params_and_tags", runs=scale.runs_a_turn),
            scale.rest,
        )
        turns.each(lambda player: _check_params(player, "params", _all_of("runs", answers[player])))
        return {
            player: f"{shown(median(_all_of('times', answers[player])))} "
            f"({shown(median(_all_of('calls', answers[player])))})"
            for player in turns.players
        }


def start_end(players: Sequence[Player], scale: Scale) -> Cells:
    """A run with nothing in it."""
    with Turns(players) as turns:
        workers = turns.workers("bare")
        turns.each(lambda player: workers[player][0].ask("start_and_end", runs=1))
        answers = turns.rounds(
            scale.rounds,
            lambda player, _: workers[player][0].ask("start_and_end", runs=scale.runs_a_turn),
            scale.rest,
        )
        turns.each(lambda player: _check_kept(player, "bare", _all_of("runs", answers[player])))
        return {player: shown(median(_all_of("times", answers[player]))) for player in turns.players}


def search(players: Sequence[Player], scale: Scale) -> Cells:
    """Search with a filter and an order, the best 50 as objects."""
    right = data.best_of(scale.runs)

    def check(answer: dict[str, Any]) -> None:
        if answer["acc"] != right:
            raise PeerError(f"the search answers {answer['acc'][:3]}..., right is {right[:3]}...")

    return _read_runs(players, "search", check, scale, scale.rounds)


def frame(players: Sequence[Player], scale: Scale) -> Cells:
    """All runs with their params, metrics and tags, as a DataFrame."""
    right = sorted(data.metrics_of(run)["acc"] for run in range(scale.runs))
    columns = len(data.params_of(0)) + len(data.metrics_of(0)) + len(data.tags_of(0))

    def check(answer: dict[str, Any]) -> None:
        if sorted(answer["acc"]) != right or answer["columns"] < columns:
            raise PeerError(f"the DataFrame has {len(answer['acc'])} rows and {answer['columns']} columns")

    return _read_runs(players, "frame", check, scale, scale.slow_rounds)


def read(players: Sequence[Player], scale: Scale) -> Cells:
    """One long metric as a numpy array."""
    points = {
        player: min(scale.points, player.contestant.points_to_read or scale.points) for player in players
    }
    right = _right_points(scale.points)

    def make(player: Player) -> str:
        with player.worker("long") as maker:
            run = maker.ask("make_points", points=points[player])["run"]
            maker.ask("prepare_to_read")
        return run

    with Turns(players) as turns:
        runs = turns.each(make)
        workers = turns.workers("long")

        def ask(player: Player, _: int = 0) -> dict[str, Any]:
            answer = workers[player][0].ask("values", run=runs[player])
            _compare(answer.pop("values"), right[: points[player]])
            return answer

        turns.each(ask)
        answers = turns.rounds(scale.slow_rounds, ask)
        return {
            player: shown(median([answer["time"] for answer in answers[player]]))
            + ("" if points[player] == scale.points else f" for {points[player]:,}")
            for player in turns.players
        }


def import_time(players: Sequence[Player], scale: Scale) -> Cells:
    """Whole processes: Python with nothing, with the import, and with the first function looked up."""

    def ask(player: Player, _: int = 0) -> dict[str, Any]:
        contestant = player.contestant
        return {
            name: _whole_process(player, program)
            for name, program in (
                ("bare", "pass"),
                ("import", contestant.first_import),
                ("use", contestant.first_use),
            )
        }

    with Turns(players) as turns:
        turns.each(ask)
        answers = turns.rounds(scale.rounds, ask)
    cells = {}
    for player in turns.players:
        bare, imported, used = (
            median([answer[name] for answer in answers[player]]) for name in ("bare", "import", "use")
        )
        cells[player] = f"{shown(max(0, imported - bare))} ({shown(max(0, used - bare))})"
    return cells


def crowd(players: Sequence[Player], scale: Scale) -> Cells:
    """Four processes log a run each into one store, until the last one has ended."""
    with Turns(players) as turns:
        workers = turns.workers("crowd", CROWD)

        def ask(player: Player, _: int) -> dict[str, Any]:
            begin = perf_counter_ns()
            for worker in workers[player]:
                worker.send("log_whole_run", points=scale.crowd)
            answers = [worker.answer() for worker in workers[player]]
            wall = perf_counter_ns() - begin
            return {
                "wall": wall,
                "runs": [answer["run"] for answer in answers],
                "times": _all_of("times", answers),
            }

        def lost(player: Player) -> int:
            read = _read_points(player, "crowd", _all_of("runs", answers[player]))
            right = set(_right_points(scale.crowd))
            return sum(scale.crowd - len(right & set(values)) for values in read)

        answers = turns.rounds(scale.slow_rounds, ask, scale.rest)
        losses = turns.each(lost)
        return {
            player: f"{shown(median([answer['wall'] for answer in answers[player]]))} "
            f"({shown(percentile(_all_of('times', answers[player]), 0.99))}), {losses[player]:,} lost"
            for player in turns.players
        }


@dataclass(frozen=True)
class Work:
    """One row."""

    title: str
    """What is measured; the fields of the scale are filled in."""

    measure: Callable[[Sequence[Player], Scale], Cells]


WORK = {
    "log_metric": Work("one `log_metric` in a warm run: median (p99)", log_metric),
    "kill": Work("kept after `kill -9`, of {killed:,} points just logged", kill),
    "params": Work("run with 100 params and 20 tags, start to end (the calls alone)", params),
    "start_end": Work("start and end of a run", start_end),
    "search": Work("search {runs:,} runs: filter, order, best 50", search),
    "frame": Work("all {runs:,} runs as a DataFrame", frame),
    "read": Work("read one metric of {points:,} points", read),
    "import": Work("import, over bare Python (and look up the first function)", import_time),
    "crowd": Work("4 processes x {crowd:,} points into one store: wall (p99 of a call), lost", crowd),
}


def _read_runs(
    players: Sequence[Player],
    command: str,
    check: Callable[[dict[str, Any]], None],
    scale: Scale,
    rounds: int,
) -> Cells:
    """Ask the same of a store full of runs again and again; each answer is checked."""

    def make(player: Player) -> None:
        marker = player.store("runs") / "made"
        if not marker.exists():
            with player.worker("runs") as maker:
                maker.ask("make_runs", runs=scale.runs)
            marker.touch()

    with Turns(players) as turns:
        turns.each(make)
        workers = turns.workers("runs")

        def ask(player: Player, _: int = 0) -> dict[str, Any]:
            answer = workers[player][0].ask(command)
            check(answer)
            return answer

        turns.each(ask)
        answers = turns.rounds(rounds, ask)
        return {
            player: shown(median([answer["time"] for answer in answers[player]])) for player in turns.players
        }


def _check_points(player: Player, store: str, runs: Sequence[str], points: int) -> None:
    for values in _read_points(player, store, runs):
        _compare(values, _right_points(points))


def _read_points(
    player: Player, store: str, runs: Sequence[str], *, or_nothing: bool = False
) -> list[list[float]]:
    """The points of runs, by a fresh process; a run that cannot be read may count as empty."""
    with player.worker(store) as reader:
        reader.ask("prepare_to_read")
        try:
            return [reader.ask("values", run=run)["values"] for run in runs]
        except PeerError as error:
            if or_nothing:
                say(f"taken for empty: {error}")
                return [[] for _ in runs]
            raise


def _check_params(player: Player, store: str, runs: Sequence[str]) -> None:
    with player.worker(store) as reader:
        reader.ask("prepare_to_read")
        for run in runs:
            answer = reader.ask("params_and_tags", run=run)
            if answer != {"params": data.MANY_PARAMS, "tags": data.MANY_TAGS}:
                raise PeerError(f"other params or tags came back than were logged: {answer}")


def _check_kept(player: Player, store: str, runs: Sequence[str]) -> None:
    with player.worker(store) as reader:
        reader.ask("prepare_to_read")
        if not all(reader.ask("are_kept", runs=list(runs))["kept"]):
            raise PeerError("a run that ended is not in the store")


def _compare(values: list[float], right: list[float]) -> None:
    if values != right:
        raise PeerError(f"other points came back than were logged: {len(values):,} of {len(right):,}")


def _right_points(points: int) -> list[float]:
    return [data.value_at(step) for step in range(points)]


def _all_of(name: str, answers: Sequence[dict[str, Any]]) -> list[Any]:
    """What all answers say under a name, sorted."""
    return sorted(value for answer in answers for value in answer[name])


def _whole_process(player: Player, program: str) -> int:
    begin = perf_counter_ns()
    done = subprocess.run(
        [player.python, "-c", program],
        cwd=player.store("import"),
        env=player.environment,
        capture_output=True,
    )
    took = perf_counter_ns() - begin
    if done.returncode:
        raise PeerError(done.stderr.decode(errors="replace")[-2000:])
    return took
