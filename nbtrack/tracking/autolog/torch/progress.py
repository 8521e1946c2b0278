"""How a training gets on: its epochs with their mean losses, its steps and samples a second."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nbtrack.tracking.autolog.torch.epochs import Epoch, Epochs

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.sessions import Session

EPOCH_METRIC = "training_epoch"
"""The number of each epoch, at its first step."""
LOSS_METRIC = "training_loss_epoch"
"""The mean of the losses of the steps of an epoch, at the number of the epoch."""
STEPS_METRIC = "steps_per_second"
SAMPLES_METRIC = "samples_per_second"

_WINDOW = 10.0
"""Seconds after which the speed is taken down inside an epoch that goes on."""
_LEAST_WINDOW = 1.0
"""Seconds that the rest of an epoch must have lasted for a point of its own."""


class Progress:
    """The progress of one training."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.end: str | None = ""
        """What the names of metrics end with: `-2` in the second training of a run; None: none is kept."""
        self._epochs = Epochs()
        self._told: Epoch | None = None
        """The epoch whose begin stands in the run."""
        self._speed = _Speed(self._log)
        self._losses = _EpochLosses()
        self._counts: list[int] = []
        """What the run says of how many epochs there were."""
        self.count = 0
        """Epochs so far; 0 where none are seen."""
        every = session.options.get("log_every_n_epoch")
        self._every: int = every if isinstance(every, int) and every > 0 else 1

    def step(self, step: int, now: float) -> None:
        """Take note of a step that is about to be made.

        Args:
            step: Its number.
            now: The time, by `time.perf_counter`.
        """
        before = self._epochs.current
        ended = self._epochs.step(step, now)
        epoch = self._epochs.current
        if ended is not None:
            self._speed.epoch_ended(ended)
        if epoch is not before and epoch is not None:
            self._begins(epoch)
        if epoch is not self._told and self._epochs.are_real and epoch is not None:
            self._told = epoch
            self.count = epoch.number + 1
            self._losses.epoch_begins(epoch.number, epoch.first_step)
            self._log(EPOCH_METRIC, epoch.number, epoch.first_step)
        self._speed.step(step, now, epoch)

    def take_losses(self, steps: Sequence[int], losses: Sequence[float]) -> None:
        """Take losses that were read, in the order of their steps."""
        for number, mean in self._losses.take(steps, losses):
            self._log_loss(number, mean)

    def finish(self) -> None:
        """Log what is not logged yet; all losses have been taken."""
        epoch = self._epochs.current
        last = self._losses.rest()
        if last is not None:
            self._log_loss(*last, is_last=True)
        if epoch is not None and self._epochs.are_real:
            self._speed.epoch_ended(epoch)
        else:
            self._speed.finish()
        if self.count and self.count not in self._counts:
            # A training may go on although it seemed over, and a param stays what it was.
            self._counts.append(self.count)
            number = len(self._counts)
            self._session.log_params({"epochs" if number == 1 else f"epochs-{number}": self.count})

    def _begins(self, epoch: Epoch) -> None:
        self._speed.epoch_begins(epoch)
        if epoch.number:
            return
        with self._session.attempt("data loader"):
            shape = epoch.loader_pass.shape
            told = {
                "batch_size": shape.batch_size,
                "dataset_class": shape.dataset_class,
                "dataset_length": shape.dataset_length,
            }
            self._session.log_params({key: value for key, value in told.items() if value is not None})

    def _log_loss(self, number: int, mean: float, *, is_last: bool = False) -> None:
        if is_last or (number + 1) % self._every == 0:
            self._log(LOSS_METRIC, mean, number)

    def _log(self, metric: str, value: float, step: int) -> None:
        if self.end is not None:
            self._session.run.log_metric(metric + self.end, value, step=step)


class _EpochLosses:
    """Sums of losses, which come later than the steps they belong to."""

    def __init__(self) -> None:
        self._begins: deque[tuple[int, int]] = deque()
        """Number and first step of the epochs whose losses have not all come; the first is added up."""
        self._sum, self._count = 0.0, 0
        self._early: list[tuple[int, float]] = []
        """Losses that came before it was known whether there are epochs."""

    def epoch_begins(self, number: int, first_step: int) -> None:
        self._begins.append((number, first_step))

    def take(self, steps: Sequence[int], losses: Sequence[float]) -> list[tuple[int, float]]:
        """Add up losses; the numbers and means of the epochs that are complete with them."""
        pairs = list(zip(steps, losses, strict=True))
        if not self._begins:
            # One batch is no epoch yet: the next step tells.
            self._early = [*self._early, *pairs][-2:]
            return []
        early, self._early = self._early, []
        complete: list[tuple[int, float]] = []
        for step, loss in [*early, *pairs]:
            while len(self._begins) > 1 and step >= self._begins[1][1]:
                complete += self._complete()
                self._begins.popleft()
            if step >= self._begins[0][1]:
                self._sum += loss
                self._count += 1
        return complete

    def rest(self) -> tuple[int, float] | None:
        """The epoch that is being added up, as far as it is."""
        found = self._complete()
        return found[0] if found else None

    def _complete(self) -> list[tuple[int, float]]:
        if not self._begins or not self._count:
            return []
        mean = self._sum / self._count
        self._sum, self._count = 0.0, 0
        return [(self._begins[0][0], mean)]


class _Speed:
    """Steps and samples a second: of each epoch; of stretches of 10 s in longer ones, and without any."""

    def __init__(self, log_metric: Callable[[str, float, int], None]) -> None:
        self._log_metric = log_metric
        """With name, value and step."""
        self._began: float | None = None
        self._steps = 0
        self._batches = 0
        """Batches of the epoch that earlier stretches have counted."""
        self._has_point = False
        """Whether the epoch has a point of its own already."""
        self._last = (0, 0.0)
        """Number and time of the last step."""

    def epoch_begins(self, epoch: Epoch) -> None:
        self._began = epoch.loader_pass.began
        self._steps = self._batches = 0
        self._has_point = False

    def step(self, step: int, now: float, epoch: Epoch | None) -> None:
        if self._began is None:
            self._began = now
        elif now - self._began >= _WINDOW and self._steps:
            batches = None
            if epoch is not None and epoch.shape is not None:
                batches = epoch.batches - 1 - self._batches  # the last one is for the step to come
            size = epoch.shape.batch_size if epoch is not None and epoch.shape is not None else None
            samples = None if size is None or batches is None else batches * size
            self._log(self._last[0], self._steps, samples, now - self._began)
            self._began, self._steps, self._has_point = now, 0, True
            self._batches += batches or 0
        self._steps += 1
        self._last = (step, now)

    def epoch_ended(self, epoch: Epoch) -> None:
        if self._began is None or not self._steps:
            return
        seconds = epoch.loader_pass.began + epoch.seconds() - self._began
        if self._has_point and seconds < _LEAST_WINDOW:
            return
        samples = epoch.samples()
        size = 0 if epoch.shape is None else epoch.shape.batch_size or 0
        left = None if samples is None else samples - self._batches * size
        self._log(epoch.last_step, self._steps, left, seconds)

    def finish(self) -> None:
        """The last stretch, of a training without epochs: up to the begin of its last step."""
        step, at = self._last
        if self._began is None or self._steps < 2 or (self._has_point and at - self._began < _LEAST_WINDOW):
            return
        self._log(step, self._steps - 1, None, at - self._began)

    def _log(self, step: int, steps: int, samples: int | None, seconds: float) -> None:
        if seconds <= 0:
            return
        self._log_metric(STEPS_METRIC, steps / seconds, step)
        if samples:
            self._log_metric(SAMPLES_METRIC, samples / seconds, step)
