"""What people changed of runs and experiments, read and taken back.

A change is taken back only while what it changed is still as it left it: whole or not at all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbtrack.core.changes import (
    Aspect,
    Change,
    ChangeList,
    aspects_of,
    part_sentence,
    standing_changes,
    thing_name,
)
from nbtrack.core.entities import LifecycleStage
from nbtrack.core.errors import InvalidStateError, NotFoundError
from nbtrack.core.names import check_number
from nbtrack.core.users import current_user
from nbtrack.documents.queries import Query
from nbtrack.stores.local.change_log import LATEST_FIRST, ChangeLog

if TYPE_CHECKING:
    from nbtrack.stores.local.experiments import LocalExperiments
    from nbtrack.stores.local.runs import LocalRuns

_PAGE = 100


class LocalChanges:
    """Reads the changes of a store, and takes them back."""

    def __init__(self, log: ChangeLog, runs: "LocalRuns", experiments: "LocalExperiments") -> None:
        self._log = log
        self._runs = runs
        self._experiments = experiments
        self.together = log.together

    def latest(self, limit: int | None = None) -> ChangeList:
        """The latest changes, the oldest first, with who took them back."""
        found: list[Change] = []
        for change, undone_by in standing_changes(self._latest_first()):
            if limit is not None and len(found) >= limit:
                break
            found.append(replace(change, undone_by=undone_by))
        return ChangeList(reversed(found))

    def undoable(self, number: int | None = None) -> Change:
        """The change that `undo` would take back.

        Raises:
            NotFoundError: There is none of that number.
            InvalidStateError: It was taken back already; or nothing of this user's is left.
        """
        return self._undoable(number)[0]

    def undo(self, number: int | None = None, *, why: str | None = None) -> Change:
        """Take a change back, whole or not at all.

        Args:
            number: Its number, whoever made it; also that of an undo. None is the latest change of this
                user's that stands.
            why: What the user says about it.

        Returns:
            What was done, a change as well.

        Raises:
            NotFoundError: There is none of that number, or what it changed is gone.
            InvalidStateError: It was taken back already, what it changed was changed again since, or
                nothing of this user's is left.
            AlreadyExistsError: What would come back has a name that is taken.
        """
        with self._log.database.transaction():
            change, later = self._undoable(number)
            with self._log.together(undoes=change.number, why=why):
                for part in reversed(change.parts):
                    self._check_unchanged(change, part, later)
                    self._take_back(part)
            return self.latest(1)[-1]

    def _undoable(self, number: int | None) -> tuple[Change, list[Change]]:
        """The change that is meant, and those after it that stand and are no undo, the latest first."""
        if number is not None:
            number = check_number("change", number)
        user, later, others = current_user(), list[Change](), list[Change]()
        for change, undone_by in standing_changes(self._latest_first()):
            if change.number == number:
                if undone_by is not None:
                    raise InvalidStateError(f"Change {number} was undone by change {undone_by} already.")
                return change, later
            if number is not None and change.number < number:
                break
            if undone_by is not None or change.undoes is not None:
                continue
            if number is None and change.who == user:
                return change, later
            others.append(change)
            later.append(change)
        if number is not None:
            raise NotFoundError("change", str(number), advice="The list of changes has their numbers.")
        hint = ""
        if others:
            of = others[0]
            hint = f" The latest is change {of.number}, which {of.who} made: {of}. Its number takes it back."
        raise InvalidStateError(f"Nothing of yours is left to be undone.{hint}")

    def _latest_first(self) -> Iterator[Change]:
        """Every change, read in pages as far as somebody looks."""
        condition: Any = None
        while True:
            page: list[Any] = self._log.table.select(condition, order_by=[LATEST_FIRST], limit=_PAGE)
            yield from map(_as_change, page)
            if len(page) < _PAGE:
                return
            condition = Query().number < page[-1]["number"]

    # ---- whether it is as it was left -----------------------------------------------------------

    def _check_unchanged(self, change: Change, part: Mapping[str, Any], later: list[Change]) -> None:
        touched = aspects_of(part)
        for each in later:
            if any(touched & aspects_of(other) for other in each.parts):
                raise self._changed_since(
                    change, part, f"change {each.number} of {each.who} came after it: {each}"
                )
        if any(held != left for held, left in self._held_and_left(part, touched)):
            raise self._changed_since(change, part, "it is not as this change left it")

    def _changed_since(self, change: Change, part: Mapping[str, Any], why: str) -> InvalidStateError:
        return InvalidStateError(
            f"Change {change.number} ({part_sentence(part)}) is not undone: {why}. Nothing was changed. Undo "
            "that first, or change it by hand."
        )

    def _held_and_left(self, part: Mapping[str, Any], touched: set[Aspect]) -> Iterator[tuple[Any, Any]]:
        """What each aspect of a thing is now, and what the change made of it."""
        document = self._document(part)
        for aspect in touched:
            if aspect[1] == "lifecycle":
                is_deleted = part["what"].endswith(".deleted")
                left = LifecycleStage.DELETED if is_deleted else LifecycleStage.ACTIVE
                yield document["lifecycle_stage"], left
            elif aspect[1] == "name":
                yield document["run_name" if "run_id" in part else "name"], part["name"]
            else:
                yield document["tags"].get(aspect[2]), part["tags"][aspect[2]]

    def _document(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            if "run_id" in part:
                return self._runs.document_of(part["run_id"])
            return self._experiments.document_of(part["experiment_id"])
        except NotFoundError:
            raise NotFoundError(
                "change", part_sentence(part), advice=f"{thing_name(part)} is gone."
            ) from None

    # ---- taking back, by the verbs that anybody uses ---------------------------------------------

    def _take_back(self, part: Mapping[str, Any]) -> None:
        reverters: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "run.deleted": lambda part: self._runs.restore(part["run_id"]),
            "run.restored": self._delete_run_again,
            "run.renamed": lambda part: self._runs.update(part["run_id"], run_name=part["before"]),
            "run.tagged": lambda part: self._runs.change_tags(part["run_id"], _before(part)),
            "experiment.deleted": lambda part: self._experiments.restore(part["experiment_id"]),
            "experiment.restored": lambda part: self._experiments.delete(part["experiment_id"]),
            "experiment.renamed": lambda part: self._experiments.rename(
                part["experiment_id"], part["before"]
            ),
            "experiment.tagged": lambda part: self._experiments.change_tags(
                part["experiment_id"], _before(part)
            ),
        }
        reverters[part["what"]](part)

    def _delete_run_again(self, part: Mapping[str, Any]) -> None:
        self._runs.delete(part["run_id"], with_experiment=bool(part.get("with_experiment")))


def _before(part: Mapping[str, Any]) -> dict[str, str | None]:
    return {key: part["before"].get(key) for key in part["tags"]}


def _as_change(document: Mapping[str, Any]) -> Change:
    return Change(
        number=document["number"],
        timestamp=document["time"],
        who=document["who"],
        parts=document["parts"],
        undoes=document.get("undoes"),
        why=document.get("why"),
    )
