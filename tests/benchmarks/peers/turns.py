"""Turns: every peer does a thing once, then again, the first of a round being another each time.

A peer that fails is out of the row, and the others go on.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from tests.benchmarks.peers.environments import say
from tests.benchmarks.peers.processes import PeerError, Player, Worker

T = TypeVar("T")


class Turns(ExitStack):
    """The peers that are still in; its workers end with it."""

    def __init__(self, players: Sequence[Player]) -> None:
        super().__init__()
        self.players = list(players)
        self._round = 0

    def workers(self, store: str, count: int = 1) -> dict[Player, list[Worker]]:
        """So many processes of each peer, with the store open; the first one makes it."""
        return self.each(lambda player: [self.enter_context(player.worker(store)) for _ in range(count)])

    def each(self, act: Callable[[Player], T], rest: float = 0.0) -> dict[Player, T]:
        """One turn each.

        Args:
            act: What a peer does in its turn.
            rest: Seconds to wait after a turn, so that no peer's background work falls into the
                time of the next.
        """
        answers: dict[Player, T] = {}
        first = self._round % max(1, len(self.players))
        self._round += 1
        for player in self.players[first:] + self.players[:first]:
            try:
                answers[player] = act(player)
            except PeerError as error:
                say(f"{player.contestant.title} is out of this row: {error}")
                self.players.remove(player)
            time.sleep(rest)
        return answers

    def rounds(
        self, count: int, act: Callable[[Player, int], dict[str, Any]], rest: float = 0.0
    ) -> dict[Player, list[dict[str, Any]]]:
        """Many turns each; what the peers that are still in answered."""
        gathered = [self.each(lambda player, turn=turn: act(player, turn), rest) for turn in range(count)]
        return {player: [answers[player] for answers in gathered] for player in self.players}
