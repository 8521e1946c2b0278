"""What is recorded of a plain PyTorch loop besides its loss: what it trains, with what, how fast.

One `About` goes with each training. The loop tells it of each optimizer's first step, of every step, and of
the losses once they have been read from the device; nothing here waits for a device.
"""

import inspect
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from types import FrameType
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog.torch import optimizer_params, ranks, schedulers
from nbtrack.tracking.autolog.torch.gradient_norms import GradientNorms
from nbtrack.tracking.autolog.torch.learning_rates import Curve, LearningRates
from nbtrack.tracking.autolog.torch.loss_names import autocast_type, loss_function
from nbtrack.tracking.autolog.torch.progress import Progress
from nbtrack.tracking.autolog.torch.trained_modules import parameter_ids, trained_modules
from nbtrack.tracking.autolog.torch.training_models import TrainingModels

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from nbtrack.tracking.autolog.sessions import Session


@dataclass(frozen=True, slots=True)
class _Followed:
    """An optimizer of a training."""

    parameters: frozenset[int]
    rates: list[Curve]
    leads: bool
    """Whether its steps are those of the training: it is the first, or has taken over from the first."""
    gradient_norm: str
    """The metric; empty if it is not to be kept."""


class About:
    """What there is to tell of one training."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._followed: dict[int, _Followed] = {}
        """By the identity of the optimizer."""
        self._models = TrainingModels(session)
        self._rates = LearningRates(session)
        self._progress = Progress(session)
        self._norms = GradientNorms(session) if session.options.get("log_gradient_norm") else None
        self._step = -1
        """The last step of the training."""
        self._unscheduled: list[tuple[weakref.ref[Optimizer], str]] = []
        """Optimizers that no schedule is known of yet, with what is added to the names of their params."""

    def describe(self, optimizer: "Optimizer", curve_end: str | None, grad_fn: Any = None) -> None:
        """Record what an optimizer trains and how; called in its first step, before it changes the weights.

        The user's frames are on the stack then, which is where its module is looked for.

        Args:
            optimizer: The optimizer; later ones of the same training (a GAN's) are told apart by number.
            curve_end: What the name of its loss curve ends with, and so those of its other metrics:
                nothing, `-2`, ... None: none of them is kept.
            grad_fn: `loss.grad_fn` of the last backward before this step, which tells the loss function
                and the precision. None: not seen.
        """
        parameters = frozenset(parameter_ids(optimizer))
        before = [known for known in self._followed.values() if known.parameters & parameters]
        number = len(self._followed) + 1
        if before:  # it has taken over from another, as one that is made anew for each epoch does
            self._followed[id(optimizer)] = replace(before[-1], parameters=parameters)
            self._models.go_on()
            return
        end = "" if number == 1 else f"-{number}"
        if number == 1:
            self._progress.end = self._rates.end = curve_end
        gradient_norm = "" if curve_end is None else f"gradient_norm{curve_end}"
        self._followed[id(optimizer)] = _Followed(parameters, [], number == 1, gradient_norm)
        seen: dict[str, Any] = {}
        if grad_fn is not None:
            with self._session.attempt("loss function"):
                seen[f"loss_function{end}"] = loss_function(grad_fn)
        with self._session.attempt("modules"):
            seen |= self._modules(optimizer, inspect.currentframe(), end)
        if number == 1:
            seen["precision"] = _precision(optimizer, grad_fn)
            seen["world_size"] = ranks.world_size()
        params = {key: value for key, value in seen.items() if value is not None}
        with self._session.attempt("optimizer"):
            params |= optimizer_params.optimizer_params(optimizer, number)
        self._session.log_params(params)

    def before_step(self, optimizer: "Optimizer", step: int) -> None:
        """Take note of a step that is about to be made: learning rates, epoch, time, gradient norm.

        Args:
            optimizer: The optimizer.
            step: Which step of the training this is, from 0; several optimizers each count their own.
        """
        known = self._followed.get(id(optimizer))
        if known is None:
            return
        self._rates.look(optimizer, known.rates, step)
        if self._norms is not None and known.gradient_norm:
            self._norms.take(optimizer, known.gradient_norm, step)
        if known.leads and step > self._step:
            self._step = step
            self._progress.step(step, perf_counter())

    def take_losses(self, steps: Sequence[int], losses: Sequence[float]) -> None:
        """Take losses that were read from the device, to make those of whole epochs of them.

        Args:
            steps: The steps they belong to, in order; none comes twice.
            losses: The mean loss of each step.
        """
        self._progress.take_losses(steps, losses)
        self._rates.read()
        if self._norms is not None:
            self._norms.read()

    def let_go(self) -> None:
        """Log the model now if nobody else holds it any more, and release it.

        Called when another optimizer is made: memory that the user gave back is theirs again.
        """
        self._models.let_go()

    def finish(self) -> None:
        """Record what is left, outside the loop: the last epoch, throughput, the model.

        A training may go on after it seemed over; then its optimizers are described again.
        """
        with self._session.attempt("progress"):
            self._progress.finish()
        with self._session.attempt("learning rates"):
            self._rates.finish()
        if self._norms is not None:
            with self._session.attempt("gradient norms"):
                self._norms.read(wait=True)
        with self._session.attempt("learning rate schedule"):
            late = {
                f"lr_scheduler{end}": optimizer_params.scheduler_name(schedulers.made_for(optimizer))
                for reference, end in self._unscheduled
                if (optimizer := reference()) is not None
            }
            self._session.log_params({key: name for key, name in late.items() if name})
        self._unscheduled = []
        if self._progress.count:
            self._session.say(f"{self._progress.count} epoch{'s' if self._progress.count > 1 else ''}")
        self._models.finish()

    def _modules(self, optimizer: "Optimizer", frame: FrameType | None, end: str) -> dict[str, Any]:
        found = trained_modules(optimizer, frame)
        schedule = optimizer_params.scheduler_name([*schedulers.made_for(optimizer), *found.schedulers])
        if schedule is None:
            self._unscheduled.append((weakref.ref(optimizer), end))
        return {f"lr_scheduler{end}": schedule, **self._models.add(optimizer, found, end)}


def _precision(optimizer: "Optimizer", grad_fn: Any) -> str | None:
    """The type of the weights, or what autocast computed in; None where that cannot be told."""
    first = next((parameter for group in optimizer.param_groups for parameter in group["params"]), None)
    if first is None:
        return None
    own = str(first.dtype).removeprefix("torch.")
    if own != "float32":
        return own
    cast_to = None if grad_fn is None else autocast_type(grad_fn)
    return None if cast_to is None else f"autocast {cast_to}" if cast_to else own
