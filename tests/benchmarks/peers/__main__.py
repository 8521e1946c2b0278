"""`python -m tests.benchmarks.peers` prints the table of nbtrack and its peers."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from tests.benchmarks.peers.contestants import CHECKOUT, CONTESTANTS, FLOOR, Contestant
from tests.benchmarks.peers.environments import NotInstalledError, python_of, say
from tests.benchmarks.peers.processes import PeerError, Player
from tests.benchmarks.peers.table import Table
from tests.benchmarks.peers.work import FULL, QUICK, WORK


def main(arguments: Sequence[str] | None = None) -> None:
    """Install what is missing, measure, and print."""
    options = _options(arguments)
    scale = QUICK if options.quick else FULL
    chosen = [contestant for contestant in CONTESTANTS if contestant.name in options.peers]
    with tempfile.TemporaryDirectory(prefix="nbtrack-peers-", ignore_cleanup_errors=True) as folder:
        players = _players(chosen, Path(folder), here=options.here)
        versions = _versions(players)
        present = [player for player in players if player.contestant.name in versions]
        absent = {contestant.name for contestant in chosen} - versions.keys()
        table = Table([FLOOR, *chosen], scale, absent)
        for name in options.work:
            say(f"measuring {name}")
            begin = perf_counter()
            able = [player for player in present if name not in player.contestant.cannot]
            cells = WORK[name].measure(able, scale)
            table.add(name, {player.contestant.name: cell for player, cell in cells.items()})
            say(f"{name} took {perf_counter() - begin:.0f} s")
    measured = [
        f"{player.contestant.title} {versions[player.contestant.name]}"
        for player in present
        if player.contestant is not FLOOR
    ]
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    print(table.as_markdown(f"Measured in one run: {', '.join(measured)}; {machine}."))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument(
        "--peers", type=_some_of(names), default=names, help=f"some of {','.join(names)} (default: all)"
    )
    parser.add_argument(
        "--work",
        type=_some_of(list(WORK)),
        default=list(WORK),
        help=f"some of {','.join(WORK)} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="a small scale, to see that it works")
    parser.add_argument(
        "--here",
        action="store_true",
        help="run nbtrack and the floor in this Python, install nothing for them",
    )
    return parser.parse_args(arguments)


def _some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """A comma-separated choice, in the order of `names`."""

    def choose(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose of {', '.join(names)}")
        return [name for name in names if name in chosen]

    return choose


def _players(chosen: Sequence[Contestant], folder: Path, *, here: bool) -> list[Player]:
    """The floor, and the peers that can be installed."""
    nbtrack = next(contestant for contestant in CONTESTANTS if contestant.name == "nbtrack")
    players = []
    for contestant in (FLOOR, *chosen):
        # The floor needs numpy and pandas, which nbtrack brings.
        environment = nbtrack if contestant is FLOOR else contestant
        try:
            if here and environment is nbtrack:
                players.append(Player(contestant, Path(sys.executable), folder, path=str(CHECKOUT)))
            else:
                players.append(Player(contestant, python_of(environment), folder))
        except NotInstalledError as error:
            say(f"{contestant.title} is not installed: {error}")
    return players


def _versions(players: Sequence[Player]) -> dict[str, str]:
    """The versions of the peers whose worker starts, by name."""
    versions = {}
    for player in players:
        try:
            with player.worker("empty", opened=False) as worker:
                versions[player.contestant.name] = worker.ask("describe")["version"]
        except PeerError as error:
            say(f"{player.contestant.title} does not start: {error}")
    return versions


if __name__ == "__main__":
    main()
