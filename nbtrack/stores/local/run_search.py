"""Finding runs: which match, in what order, which page of them.

Runs at rest are found by SQL. Running ones are read as they really are, with their latest points,
*before* the condition is asked, and sorted in among the others, so an answer is right at any moment.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nbtrack.core.entities import LifecycleStage, Run, RunStatus, ViewType
from nbtrack.core.errors import NotFoundError
from nbtrack.documents.ordering import Order, sort_documents
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Table

_MOST_TRIES = 20


class RunSearch:
    """Searches the runs of one store folder.

    Args:
        table: The documents of the runs.
        truth_of: A run and its sketches as they really are at this moment, from its document;
            NotFoundError when it is gone.
        sketches_of: The sketches of a run at rest, by its id.
        as_run: The run of a document and its sketches.
    """

    def __init__(
        self,
        table: Table,
        *,
        truth_of: Callable[[Any], tuple[Any, Any]],
        sketches_of: Callable[[str], Any],
        as_run: Callable[[Any, Any], Run],
    ) -> None:
        self._table = table
        self._truth_of = truth_of
        self._at_rest_sketches_of = sketches_of
        self._as_run = as_run

    def find(
        self,
        experiment_ids: Sequence[str] | None,
        condition: Any,
        order_by: Sequence[Order],
        *,
        view: int,
        limit: int | None,
        offset: int,
        with_sketches: bool,
    ) -> list[Run]:
        """Find runs; `Runs.search` in the contracts says what the arguments mean."""
        order = [*order_by, Order(("start_time",), True), Order(("run_id",))]
        scope = _scope(experiment_ids, view)
        at_rest = Query().status != RunStatus.RUNNING
        for part in (scope, condition):
            at_rest = at_rest if part is None else at_rest & part
        truths, running = self._running(scope, condition)
        found = self._at_rest(at_rest, order, limit, offset, bool(truths))
        for _ in range(_MOST_TRIES):
            # A run that was resumed between the two looks is in neither: look again.
            if {document["run_id"] for document in self._table.search(_is_running(scope))} <= running:
                break
            truths, running = self._running(scope, condition)
            found = self._at_rest(at_rest, order, limit, offset, bool(truths))
        if truths:
            # One that ended between them is in both.
            ended = {document["run_id"] for document in found}
            moving = [truth for run_id, (truth, _) in truths.items() if run_id not in ended]
            found = sort_documents([*found, *moving], order)
            found = found[offset : None if limit is None else offset + limit]
        return [
            self._as_run(document, self._sketches_of(document, truths) if with_sketches else None)
            for document in found
        ]

    def _running(self, scope: Any, condition: Any) -> tuple[dict[str, tuple[Any, Any]], set[str]]:
        """The running runs that match, as they really are, with their sketches; and the ids of all."""
        truths: dict[str, tuple[Any, Any]] = {}
        running: list[Any] = self._table.search(_is_running(scope))
        for found in running:
            with suppress(NotFoundError):  # it was removed since
                truth, sketches = self._truth_of(found)
                if condition is None or condition(truth):
                    truths[truth["run_id"]] = truth, sketches
        return truths, {document["run_id"] for document in running}

    def _at_rest(
        self, condition: Any, order: Sequence[Order], limit: int | None, offset: int, whole: bool
    ) -> list[Any]:
        """The page of runs at rest; with `whole` from the first on, for others to be sorted in."""
        if whole:
            limit, offset = None if limit is None else limit + offset, 0
        return self._table.select(condition, order_by=order, limit=limit, offset=offset)

    def _sketches_of(
        self, document: Mapping[str, Any], truths: Mapping[str, tuple[Any, Any]]
    ) -> Mapping[str, Any] | None:
        run_id = document["run_id"]
        return truths[run_id][1] if run_id in truths else self._at_rest_sketches_of(run_id)


def _is_running(scope: Any) -> Any:
    is_running = Query().status == RunStatus.RUNNING
    return is_running if scope is None else is_running & scope


def _scope(experiment_ids: Sequence[str] | None, view: int) -> Any:
    """The condition on experiment and lifecycle; None when there is none."""
    scope: Any = None
    if view != ViewType.ALL:
        stage = LifecycleStage.DELETED if view == ViewType.DELETED_ONLY else LifecycleStage.ACTIVE
        scope = Query().lifecycle_stage == stage
    if experiment_ids is not None:
        wanted: Any = Query().experiment_id.one_of(list(experiment_ids))
        scope = wanted if scope is None else scope & wanted
    return scope
