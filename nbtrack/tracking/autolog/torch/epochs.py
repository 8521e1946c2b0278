"""Epochs, as seen from the data loaders: a pass through a loader in which an optimizer made steps.

A pass without a step (validation) is none. Where loaders lie in each other the outer one counts; where
several are read side by side, the one that was begun last.
"""

from dataclasses import dataclass

from nbtrack.tracking.autolog.torch.loader_passes import OVER, Pass, Shape, open_passes


@dataclass
class Epoch:
    """One epoch of a training."""

    number: int
    """From 0."""
    loader_pass: Pass
    shape: Shape | None
    """What a whole pass holds; None where several loaders make up the epoch."""
    first_step: int
    last_step: int
    last_time: float
    """When its last step was made, by `time.perf_counter`."""
    batches: int
    """How many its loader has given up to the last step."""
    steps: int
    others: dict[int, int]
    """How far other passes were when it began, by their id."""

    def seconds(self) -> float:
        """How long it took, from the begin of its loader to the end, or else its last step."""
        ended = self.loader_pass.ended
        return max(self.last_time, ended or 0.0) - self.loader_pass.began

    def samples(self) -> int | None:
        """How many samples its batches held; None where the loader does not say."""
        return None if self.shape is None else self.shape.samples_in(self.batches)


class Epochs:
    """Which epoch of a training is going on."""

    def __init__(self) -> None:
        self.current: Epoch | None = None
        self._is_around = False
        """Whether the pass of the epoch stands around others, which come and go inside it."""
        self._are_peeks = True
        """Whether all passes so far gave one batch of several: `next(iter(loader))` makes no epochs."""

    @property
    def are_real(self) -> bool:
        """Whether what was seen are epochs."""
        return self.current is not None and not self._are_peeks

    def step(self, step: int, now: float) -> Epoch | None:
        """Take note of a step of an optimizer, which is about to be made.

        Args:
            step: Its number.
            now: The time, by `time.perf_counter`.

        Returns:
            The epoch that was over before this step, if one was.
        """
        epoch, ended = self.current, None
        if epoch is None:
            self._begin(0, self._fresh(None), step, now)
        else:
            batches = epoch.loader_pass.batches()
            if batches > epoch.batches:
                epoch.batches = epoch.loader_pass.seen = batches
                self._are_peeks = False
            elif batches == OVER or not self._is_around:
                # No new batch: a second step for the same one, a loader that read ahead, or another pass.
                ended = self._turn_over(epoch, step, now)
        epoch = self.current
        if epoch is not None:
            epoch.last_step, epoch.last_time = step, now
            epoch.steps += 1
        return ended

    def _turn_over(self, epoch: Epoch, step: int, now: float) -> Epoch | None:
        fresh = self._fresh(epoch)
        if fresh is None:
            return None
        around = _around(epoch, fresh)
        if around is None and not self._are_peeks:
            self._begin(epoch.number + 1, fresh, step, now)
            return epoch
        if around is not None:
            self._is_around, epoch.shape = True, None
            fresh.seen, fresh = fresh.batches(), around
        epoch.loader_pass, epoch.batches = fresh, fresh.batches()
        fresh.seen = epoch.batches
        return None

    def _fresh(self, epoch: Epoch | None) -> Pass | None:
        """The pass that gave the batch for this step, if it is not the one of the epoch."""
        known = None if epoch is None else epoch.loader_pass
        found = [one for one in open_passes() if one is not known and one.batches() > one.seen]
        again = [one for one in found if known is not None and one.is_like(known)]
        return (again or found or [None])[-1]

    def _begin(self, number: int, fresh: Pass | None, step: int, now: float) -> None:
        if fresh is None:
            return
        fresh.seen = fresh.batches()
        others = {id(one): one.batches() for one in open_passes() if one is not fresh}
        before = self.current
        self._is_around = self._is_around and before is not None and fresh.is_like(before.loader_pass)
        self._are_peeks = self._are_peeks and fresh.seen == 1 and (fresh.shape.batches or 0) > 1
        shape = None if self._is_around else fresh.shape
        self.current = Epoch(number, fresh, shape, step, step, now, fresh.seen, 0, others)


def _around(epoch: Epoch, fresh: Pass) -> Pass | None:
    """The pass around that of the epoch, if there is one: it gave one batch, and another loader began."""
    if epoch.steps < 2 or fresh.is_like(epoch.loader_pass):
        return None
    for one in open_passes():
        is_older = one is not fresh and one.began < epoch.loader_pass.began
        if is_older and one.batches() == epoch.others.get(id(one), OVER) + 1:
            return one
    return None
