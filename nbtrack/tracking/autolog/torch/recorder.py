"""What PyTorch tells of a loop, put together: losses whose gradient is taken, and steps of optimizers.

The losses since the last step are those of the next one, unless their gradients were set to zero before it,
or lead to another optimizer. All of this is of one thread: two threads may train two models. What PyTorch
calls here it calls in the middle of the user's loop: it costs microseconds, and raises no error of ours.
"""

import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from nbtrack.tracking.autolog import callers, cell_end, sessions
from nbtrack.tracking.autolog.patching import warn_of
from nbtrack.tracking.autolog.torch import ranks, scalar_losses
from nbtrack.tracking.autolog.torch.gradient_paths import GradientPaths
from nbtrack.tracking.autolog.torch.loops import Loop, Member, open_loops
from nbtrack.tracking.autolog.torch.losses import Loss, Losses
from nbtrack.tracking.autolog.torch.optimizers import KnownOptimizers, mark_of

FRAMEWORK = "pytorch"
TITLE = "PyTorch loop"

_MOST_PENDING = 16_384
"""Losses that no step has used, kept at most: a script may take gradients of anything."""

_MOST_SCALED = 64
_OPTIMIZER_FILE = os.path.join("torch", "optim", "optimizer.py")
_PAUSE_SECONDS = 0.5
"""How long nothing is tried after a training could not be recorded."""


class _Here:
    """What is known in one thread."""

    def __init__(self, torch: Any, optimizers: KnownOptimizers) -> None:
        self.loop: Loop | None = None
        self.losses = Losses(torch)
        self.paths = GradientPaths(torch, optimizers)
        self.pending: list[Loss] = []
        """Losses that no step has used yet."""
        self.grad_fn: Any = None
        """Of the last loss, until the first step of a training has been made with it."""
        self.scaled: dict[int, tuple[weakref.ref[Any], Any, Any]] = {}
        """Of losses that a GradScaler has scaled, by identity: the scaled one, the loss, its grad_fn."""
        self.is_stepping = False
        self.stepping: Member | None = None
        """The optimizer that is in a step, where it belongs to the training."""
        self.inner_steps = 0
        """Steps of optimizers inside the step of another."""
        self.pending_before_step = 0
        self.opening: Any = None
        """An optimizer whose first step has begun without a loss: a closure may compute one."""
        self.ended: dict[int, tuple[weakref.ref[Any], Loop]] = {}
        """Trainings that ended because another began, by the identity of each optimizer of theirs."""
        self.pause_until = 0.0

    def is_known(self) -> bool:
        """Whether a loss can only be of the training that goes on, and of one optimizer."""
        return self.loop is not None and self.loop.is_open and not self.paths.are_several()

    def ended_with(self, optimizer: Any) -> Loop | None:
        """The training of an optimizer, if it ended because another one began in this thread."""
        entry = self.ended.get(id(optimizer))
        if entry is None or entry[0]() is not optimizer or not sessions.may_reopen(entry[1].session):
            return None
        return entry[1]

    def note_end(self, loop: Loop) -> None:
        """Remember a training that seems to be over, until the cell or script is."""
        if not self.ended:
            ended = self.ended
            cell_end.at_end(lambda _: ended.clear())
        self.ended.update((id(each), (weakref.ref(each), loop)) for each in loop.optimizers())


class _OfThread(threading.local):
    def __init__(self, torch: Any, optimizers: KnownOptimizers) -> None:
        self.here = _Here(torch, optimizers)


class Recorder:
    """Records the loops of this process."""

    def __init__(self, torch: Any) -> None:
        """Nothing is recorded before something is told.

        Args:
            torch: The module.
        """
        self._torch = torch
        self._tensor: type = torch.Tensor
        self._optimizers = KnownOptimizers()
        self._of_thread = _OfThread(torch, self._optimizers)
        self._is_off = False

    # ---- what PyTorch tells --------------------------------------------------------------------

    def optimizer_is_made(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """An optimizer is being made."""
        try:
            self._optimizers.made(args[0] if args else kwargs["self"])
            loop = self._of_thread.here.loop
            if loop is not None and loop.is_open:
                loop.about.let_go()
        except Exception as failure:  # noqa: BLE001 - the training goes on, whatever happens to its record
            warn_of(failure, FRAMEWORK, "Optimizer.__init__")

    def loss_is_scaled(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """A GradScaler has scaled a loss, or several: their backward will start from what it gave."""
        try:
            given: Any = args[1] if len(args) > 1 else kwargs["outputs"]
            if result is given or self._is_off:
                return
            scaled = self._of_thread.here.scaled
            if len(scaled) > _MOST_SCALED:
                scaled.clear()
            is_one = type(given) is self._tensor
            for big, loss in [(result, given)] if is_one else zip(result, given, strict=False):
                if type(big) is self._tensor and type(loss) is self._tensor:
                    scaled[id(big)] = (weakref.ref(big), loss.detach(), loss.grad_fn)
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "GradScaler.scale")

    def gradient_is_taken(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """A backward begins."""
        try:
            here = self._of_thread.here
            if not here.is_known() and (self._is_off or sessions.is_inside()):
                return
            # So it comes from `Tensor.backward()`: the usual case first, and quickly.
            if (
                len(args) == 4
                and type(args[0]) is self._tensor
                and args[0].numel() == 1
                and args[1] is None
                and kwargs.get("inputs") is None
            ):
                given = args[0]
                entry = here.scaled.pop(id(given), None) if here.scaled else None
                if entry is not None and entry[0]() is given:
                    self._keep(here, entry[1], entry[2], is_scaled=True)
                elif here.is_known():
                    loss = here.losses.keep(given)
                    if loss is not None:
                        here.pending.append(loss)
                        if len(here.pending) > _MOST_PENDING:
                            del here.pending[: _MOST_PENDING // 2]
                else:
                    self._keep(here, given, given.grad_fn, is_scaled=False)
            elif (loss := scalar_losses.of(self._torch, args, kwargs, self._optimizers)) is not None:
                self._keep(here, loss, None, is_scaled=False)
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "backward")

    def gradients_are_zeroed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """An optimizer sets its gradients to zero: what led to them trains nothing."""
        try:
            here = self._of_thread.here
            if here.pending:
                optimizer = args[0] if args else kwargs["self"]
                self._optimizers.seen(optimizer)
                _refuse(here, {mark_of(optimizer)}, self._optimizers)
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "Optimizer.zero_grad")

    def module_is_zeroed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """A module sets the gradients of its parameters to zero."""
        try:
            here = self._of_thread.here
            if here.pending:
                module = args[0] if args else kwargs["self"]
                zeroed = set(map(id, module.parameters()))
                _refuse(here, zeroed & set(map(mark_of, self._optimizers.all())), self._optimizers)
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "Module.zero_grad")

    def step_begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """An optimizer is about to make a step."""
        del args, kwargs
        try:
            here = self._of_thread.here
            if here.is_stepping and _steps_under_way() > 1:
                here.inner_steps += 1
                return
            if self._is_off:
                return
            here.is_stepping, here.inner_steps = True, 0
            here.pending_before_step = len(here.pending)
            loop = here.loop
            member = here.stepping = None if loop is None else loop.member(optimizer)
            if member is not None and loop is not None:
                loop.about.before_step(optimizer, member.curve.steps)
            elif here.pending:
                self._join(here, optimizer)
            else:
                here.opening = optimizer
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "Optimizer.step")

    def step_is_made(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """An optimizer has made a step."""
        del args, kwargs
        try:
            here = self._of_thread.here
            if here.inner_steps:
                here.inner_steps -= 1
                return
            if self._is_off:
                return
            here.is_stepping = False
            here.opening = here.grad_fn = None
            loop, member, here.stepping = here.loop, here.stepping, None
            if member is None or loop is None:
                here.pending.clear()
            elif here.paths.are_several():
                loop.stepped(member.curve, _taken(here, optimizer))
            else:
                taken, here.pending = here.pending, []
                loop.stepped(member.curve, taken)
        except Exception as failure:  # noqa: BLE001 - as above
            warn_of(failure, FRAMEWORK, "Optimizer.step")

    def stop(self) -> None:
        """Autolog is switched off: complete what has been recorded."""
        for loop in open_loops():
            loop.end()

    def forked(self) -> None:
        """Runs in a forked child, which has no part in the trainings of its parent."""
        if open_loops():
            self._is_off = True
        else:
            self._of_thread = _OfThread(self._torch, self._optimizers)

    # ---- inside --------------------------------------------------------------------------------

    def _keep(self, here: _Here, given: Any, grad_fn: Any, *, is_scaled: bool) -> None:
        """Keep a loss of which more is to be known."""
        loss = here.losses.keep(given)
        if loss is None:
            return
        if is_scaled:
            loss.is_scaled = True
        if grad_fn is not None and here.paths.are_several():
            loss.comes_from = here.paths.place()
            loss.leads_to = here.paths.leads_to(grad_fn, loss.comes_from)
        if not here.is_known():
            # It holds on to the model: not where no optimizer could ask for it.
            here.grad_fn = grad_fn if self._optimizers.are_there() else None
        here.pending.append(loss)
        if len(here.pending) > _MOST_PENDING:
            del here.pending[: _MOST_PENDING // 2]
        if here.opening is not None:
            optimizer, here.opening = here.opening, None
            if _steps_under_way():  # else that step was left by an error
                self._join(here, optimizer)

    def _join(self, here: _Here, optimizer: Any) -> None:
        """Find the training that an optimizer belongs to, which is about to make its first step in it."""
        if time.monotonic() < here.pause_until or sessions.is_inside() or not ranks.is_recording():
            return
        if callers.is_below("sklearn"):
            return  # a candidate of a search, a fold: also in a worker thread
        here.pause_until = time.monotonic() + _PAUSE_SECONDS  # unless it goes well
        self._optimizers.seen(optimizer)
        number, made = self._optimizers.number_of(optimizer), self._optimizers.count
        loop = here.loop if here.loop is not None and here.loop.is_open else None
        earlier = here.ended_with(optimizer)
        member = None if loop is None or earlier is not None else loop.take_in(optimizer, number)
        if member is None:
            if loop is not None:
                loop.end()
            if earlier is not None:
                # The training that ended it was one inside it.
                loop = earlier.reopened(made)
                here.ended.clear()
            else:
                if loop is not None:
                    here.note_end(loop)
                session = sessions.open_loop(FRAMEWORK, TITLE)
                if session is None:
                    return
                loop = Loop(session, here.losses, made)
            here.loop = loop
            member = loop.member(optimizer) or loop.take_in(optimizer, number)
        here.pause_until = 0.0
        if loop is not None and member is not None:
            here.stepping = member
            loop.about.describe(optimizer, member.curve.end, here.grad_fn)
            loop.about.before_step(optimizer, member.curve.steps)


def _refuse(here: _Here, marks: set[int], optimizers: KnownOptimizers) -> None:
    """Some optimizers cannot use the losses so far: their gradients are no more."""
    if here.is_stepping:
        # A closure takes the gradient anew each time, and all of it belongs to the step.
        del here.pending[: here.pending_before_step]
        here.pending_before_step = 0
        return
    everyone = set(map(mark_of, optimizers.all()))
    left: list[Loss] = []
    for loss in here.pending:
        # A GradScaler may skip the step that was to use it; then it is the next one's.
        if not loss.is_scaled:
            loss.refused_by |= marks
        if not everyone <= loss.refused_by:
            left.append(loss)
    here.pending[:] = left


def _taken(here: _Here, optimizer: Any) -> list[Loss]:
    """The losses of a step that an optimizer has made, where there are several; others stay."""
    pending = here.pending
    mark = mark_of(optimizer)
    fresh = [loss for loss in pending if mark not in loss.refused_by]
    taken = [loss for loss in fresh if loss.leads_to is None or mark in loss.leads_to]
    if not taken:
        # Somebody's they must be: what was found out about their places was of other losses.
        taken = fresh
        for loss in taken:
            if loss.comes_from is not None:
                here.paths.doubt(loss.comes_from)
    used = set(map(id, taken))
    here.pending = [loss for loss in pending if id(loss) not in used]
    return taken


def _steps_under_way() -> int:
    """How many optimizers of this thread are in a step; 2 for more."""
    found = 0
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and found < 2:
        code = frame.f_code
        # What PyTorch puts around each `step`; the compiler gives parts of it other names.
        if "wrapper" in code.co_name and code.co_filename.endswith(_OPTIMIZER_FILE):
            found += 1
        frame = frame.f_back
    return found
