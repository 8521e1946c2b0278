"""The verbs that take back what people changed: of runs and experiments, and of registered models."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from time import time_ns
from typing import TYPE_CHECKING, Any, overload

from nbtrack.core.errors import InvalidTypeError
from nbtrack.core.users import current_user
from nbtrack.tracking.conditions import check_count
from nbtrack.tracking.promotions import PromotionVerbs

if TYPE_CHECKING:
    from nbtrack.core.changes import Change, ChangeList
    from nbtrack.core.registry_events import RegistryEvent


class ChangeVerbs(PromotionVerbs):
    """Tells who changed what, and takes it back; the tracker says in which store."""

    experiment: Any
    """The name of the experiment of new runs; None when none was chosen."""

    def name_experiment(self, name: str | None) -> None:
        """Choose the experiment of new runs by its name."""
        raise NotImplementedError

    def changes(self, max_results: int | None = 100) -> ChangeList:
        """What people changed of runs and experiments, the oldest first: deletions, names, tags, notes.

        Args:
            max_results: How many of the latest; None is all.
        """
        from nbtrack.core.changes import ChangeList  # lazy: most scripts only log

        if max_results is not None:
            check_count("max_results", max_results)
        return self._store().changes.latest(max_results) if self._has_store() else ChangeList()

    def together(self) -> AbstractContextManager[None]:
        """What is changed of runs and experiments in the `with` block is one change, also for `undo`."""
        return nullcontext() if self._is_off() or not self._has_store() else self._store().changes.together()

    @overload
    def undo(self, name: str, event: Any = None, *, why: str | None = None) -> RegistryEvent: ...
    @overload
    def undo(
        self, name: int | Change | None = None, event: None = None, *, why: str | None = None
    ) -> Change: ...
    def undo(
        self, name: str | int | Change | None = None, event: Any = None, *, why: str | None = None
    ) -> RegistryEvent | Change:
        """Take back the latest change of runs and experiments, or one of a registered model.

        A deletion, a restoration, a new name, tags and notes: what people change, not what a run logs about
        itself. Undone again, it takes back the change before.

        Args:
            name: Without it, the latest change of yours. The number of a change, or the change itself: that
                one, whoever made it; also an undo. A text: the registered model whose latest change is
                taken back, whatever it was: a promotion, a deletion, a tag, a new name.
            event: Of a registered model, the number of the change, or the event itself.
            why: The reason; the history keeps it.

        Returns:
            What was done, as a change or an event; undo its number to have it as it was before the undo.

        Raises:
            NotFoundError: There is no such change, or registered model.
            InvalidStateError: It is not one to take back, was taken back, or what it changed has been
                changed again; then nothing is done.
            AlreadyExistsError: What would come back has a name that is taken.
            ApprovalError: It is a rule of approval of somebody else's, and only its approvers may change it.
        """
        if isinstance(name, str):
            return super().undo(name, event, why=why)
        number = _number_of(name, event)
        if self._is_off():
            from nbtrack.core.changes import Change

            return Change(0, time_ns() // 1_000_000, current_user(), ())
        done = self._store_to_read("change", str(number or "to undo")).changes.undo(number, why=why)
        for part in done.parts:
            if part["what"] == "experiment.renamed" and part["before"] == self.experiment:
                self.name_experiment(part["name"])  # it goes on with the one that was chosen
        return done

    @overload
    def undoable(self, name: str, event: Any = None) -> RegistryEvent: ...
    @overload
    def undoable(self, name: int | Change | None = None, event: None = None) -> Change: ...
    def undoable(self, name: str | int | Change | None = None, event: Any = None) -> RegistryEvent | Change:
        """The change that `undo` would take back; arguments and errors are those of `undo`."""
        if isinstance(name, str):
            return super().undoable(name, event)
        number = _number_of(name, event)
        return self._store_to_read("change", str(number or "to undo")).changes.undoable(number)


def _number_of(change: Any, event: Any) -> int | None:
    from nbtrack.core.changes import Change

    if event is not None:
        raise InvalidTypeError("An event is one of a registered model: give its name, undo(name, event).")
    if isinstance(change, Change):
        return change.number
    if change is not None and (isinstance(change, bool) or not isinstance(change, int)):
        raise InvalidTypeError(
            "undo takes the number of a change, or the name of a registered model; got "
            f"{type(change).__name__} {change!r:.80}."
        )
    return change
