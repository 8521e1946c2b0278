"""One training of a loop of the user's own: its curves, in one run, and how it comes to its end.

A training is found out about in its first step, and nobody says when it is over. Its own run ends with the
cell or script, when the user starts a run, or when another training begins. Points are written about once a
second, each with the time of its step.
"""

import time
import weakref
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog import cell_end, sessions
from nbtrack.tracking.autolog.sessions import Session
from nbtrack.tracking.autolog.torch.about import About
from nbtrack.tracking.autolog.torch.losses import Loss, Losses
from nbtrack.tracking.autolog.torch.optimizers import parameters_of

if TYPE_CHECKING:
    from nbtrack.tracking.active_run import ActiveRun

METRIC = "training_loss"
"""The losses of the first optimizer of a run; those of the next are `training_loss-2`."""

_FLUSH_MS = 1000
"""How long a point may wait to be written: what waits is lost when the process is killed."""

_MOST_WAITING = 1024
_MOST_CURVES = 20
"""Curves in one run. Whoever makes an optimizer for each task of a thousand wants no thousand metrics."""


class Curve:
    """The losses of one optimizer, or of several that train the same parameters one after the other."""

    __slots__ = ("end", "key", "steps")

    def __init__(self, end: str | None) -> None:
        self.end = end
        """What is added to the names of metrics; None: there are too many, and none is kept."""
        self.key = "" if end is None else METRIC + end
        self.steps = 0
        """Made so far."""


class Member:
    """An optimizer of a training."""

    __slots__ = ("curve", "optimizer", "parameters")

    def __init__(self, optimizer: Any, curve: Curve) -> None:
        # Never the optimizer itself: its memory is the user's to free.
        self.optimizer = weakref.ref(optimizer)
        self.curve = curve
        # An identity may be another's later, so with the parameter itself.
        self.parameters = {id(each): weakref.ref(each) for each in parameters_of(optimizer)}

    def trains(self, parameter: Any) -> bool:
        """Whether it changes a parameter."""
        known = self.parameters.get(id(parameter))
        return known is not None and known() is parameter


class Loop:
    """One training."""

    def __init__(self, session: Session, losses: Losses, made: int) -> None:
        """Begin to record it.

        Args:
            session: Where.
            losses: Those of the thread that trains.
            made: How many optimizers had been made when it made its first step.
        """
        self.session = session
        self.about = About(session)
        self.is_open = True
        self.is_together = False
        """Whether all optimizers of the thread are its, whenever they were made."""
        self._losses = losses
        self._made = made
        self._members: dict[int, Member] = {}
        """By the identity of the optimizer."""
        self._first: Curve | None = None
        self._latest: float | None = None
        """The last loss of the first curve."""
        self._waiting: list[_Step] = []
        """The steps that have not been written."""
        self._flush_at = 0
        self._ends_with_cell = False
        self._every: int = session.options.get("log_every_n_step") or 1
        _loops.add(self)
        session.before_run_ends(self.finish)

    # ---- whose step it is ----------------------------------------------------------------------

    def member(self, optimizer: Any) -> Member | None:
        """An optimizer that has made a step here, while the training goes on."""
        member = self._members.get(id(optimizer))
        return member if member is not None and member.optimizer() is optimizer and self.is_open else None

    def optimizers(self) -> list[Any]:
        """Those that have made a step here and are still there."""
        found = [member.optimizer() for member in self._members.values()]
        return [optimizer for optimizer in found if optimizer is not None]

    def take_in(self, optimizer: Any, number: int) -> Member | None:
        """Find the curve for an optimizer that is about to make its first step.

        Args:
            optimizer: The optimizer.
            number: The how manyth it is that was made in this process.

        Returns:
            It, with its curve; None if this is another training: it was made after this one had begun, and
            trains nothing that is trained here.
        """
        is_late = number > self._made
        same, shared = self._kin(optimizer)
        if same is not None:
            curve = same.curve
        elif shared is not None and is_late:
            curve = shared.curve
        elif not is_late or self.is_together or not self._members:
            curve = self._abandoned() or self._new_curve()
        else:
            return None
        self._first = self._first or curve
        member = self._members[id(optimizer)] = Member(optimizer, curve)
        return member

    def _kin(self, optimizer: Any) -> tuple[Member | None, Member | None]:
        """An optimizer here that trains the very same parameters, and one that trains some of them."""
        parameters = parameters_of(optimizer)
        shared = None
        for member in self._members.values():
            common = sum(map(member.trains, parameters))
            if common and common == len(parameters) == len(member.parameters):
                return member, member
            if common and shared is None:
                shared = member
        return None, shared

    def _abandoned(self) -> Curve | None:
        """A curve whose optimizers are gone, where optimizers come and go."""
        if not self.is_together:
            return None
        alive = {id(member.curve) for member in self._members.values() if member.optimizer() is not None}
        gone = (member.curve for member in self._members.values() if id(member.curve) not in alive)
        return next(gone, None)

    def _new_curve(self) -> Curve:
        run = self.session.run
        number = _curves_in.get(run, 0) + 1
        _curves_in[run] = number
        if number == _MOST_CURVES + 1:
            self.session.skip(f"metrics of more than {_MOST_CURVES} optimizers")
        if number > _MOST_CURVES:
            return Curve(None)
        return Curve("" if number == 1 else f"-{number}")

    # ---- points --------------------------------------------------------------------------------

    def stepped(self, curve: Curve, losses: list[Loss]) -> None:
        """Take note of a step that has just been made.

        Args:
            curve: Of the optimizer that made it.
            losses: Those whose gradients it has used.
        """
        now = time.time_ns() // 1_000_000
        with self._losses.lock:
            if losses and curve.key:
                self._waiting.append((curve, curve.steps, now, losses))
            curve.steps += 1
            if now >= self._flush_at or len(self._waiting) >= _MOST_WAITING or not self._ends_with_cell:
                if not self._ends_with_cell:
                    self._ends_with_cell = True
                    cell_end.at_end(self._cell_ended)
                self._flush_at = now + _FLUSH_MS
                self.flush()

    def flush(self, *, wait: bool = False) -> None:
        """Write the points whose losses have been read.

        Args:
            wait: Whether to wait for those that are on their way from a device.
        """
        with self._losses.lock:
            self._losses.read(wait=wait)
            self._write()

    def _write(self) -> None:
        known: list[tuple[Curve, int, int, float]] = []
        for curve, number, timestamp, losses in self._waiting:
            mean = _mean(losses)
            if mean is None:
                break
            known.append((curve, number, timestamp, mean))
        written = 0
        try:
            for curve, number, timestamp, mean in known:
                if number % self._every == 0:
                    self.session.run.append_point(curve.key, mean, number, timestamp)
                written += 1
        finally:  # an interrupt neither loses points nor writes them twice
            del self._waiting[:written]
        own = [(number, mean) for curve, number, _, mean in known if curve is self._first]
        if own:
            self._latest = own[-1][1]
            with self.session.attempt("losses of epochs"):
                self.about.take_losses([number for number, _ in own], [mean for _, mean in own])

    def _cell_ended(self, error: BaseException | None) -> None:
        del error
        self._ends_with_cell = False
        if self.is_open:
            self.flush(wait=True)

    # ---- the end -------------------------------------------------------------------------------

    def end(self) -> None:
        """The training is over: another has begun, or nothing is to be recorded any more."""
        self.finish()
        sessions.close(self.session)

    def finish(self) -> None:
        """Record what is left: the run ends, or is left. A second time nothing happens."""
        with self._losses.lock:
            if not self.is_open:
                return
            self.is_open = False
        _loops.discard(self)
        for wait in (False, True):  # what is there is written even if the device cannot be waited for
            with self.session.attempt("losses"):
                self.flush(wait=wait)
        if self._latest is not None and self._first is not None:
            steps = self._first.steps
            self.session.say(f"{METRIC} {self._latest:.4g} after {steps} step{'s'[: steps != 1]}")
        with self.session.attempt("end of the loop"):
            self.about.finish()

    def reopened(self, made: int) -> "Loop":
        """This training once more, which turned out not to be over.

        Args:
            made: How many optimizers have been made by now.
        """
        sessions.reopen_loop(self.session)
        loop = Loop(self.session, self._losses, made)
        loop.is_together = True
        loop._members, loop._first, loop.about = self._members, self._first, self.about
        return loop


_Step = tuple[Curve, int, int, list[Loss]]
"""A step that was made: its number and time, and the losses whose gradients it has used."""


def _mean(losses: list[Loss]) -> float | None:
    """The mean of some losses; None while one of them has not been read."""
    total = 0.0
    for loss in losses:
        numbers = loss.block.numbers
        if numbers is None:
            return None
        total += numbers[loss.place]
    return total / len(losses)


_curves_in: "weakref.WeakKeyDictionary[ActiveRun, int]" = weakref.WeakKeyDictionary()
_loops: "weakref.WeakSet[Loop]" = weakref.WeakSet()


def open_loops() -> list[Loop]:
    """The trainings of all threads that are being recorded."""
    return list(_loops)
