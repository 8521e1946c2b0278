"""Finding runs: which match, in what order, which page of them.

Runs at rest are found by SQL. Running ones, and those whose workers may log late, are read as they
really are, with their latest points, *before* the condition is asked, and sorted in among the others,
so an answer is right at any moment.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nbtrack.core import system_tags
from nbtrack.core.entities import LifecycleStage, Run, RunList, RunStatus, ViewType
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.lineages import attempt_in
from nbtrack.documents.ordering import Order, Position, Rank, is_after, sort_documents
from nbtrack.documents.projection import EACH, project
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Table
from nbtrack.filters.relations import resolve
from nbtrack.stores.page_tokens import make_token, read_token

if TYPE_CHECKING:
    from nbtrack.core.run_columns import RunColumns

_HELD = ("run_id", "experiment_id", "status", "start_time", "end_time", "artifact_location")
_COLUMNS: tuple[tuple[Any, ...], ...] = (*((name,) for name in _HELD), ("params",), ("tags",))
_LAST_VALUES = ("metrics", EACH, "last")
"""What is read of a run for a table of runs."""

AT_REST = Query().status != RunStatus.RUNNING
"""Which runs nobody writes to."""

LATEST_FIRST = (Order(("start_time",), True), Order(("run_id",)))
"""How runs are sorted when no order is given, and those that are alike in the order given."""

T = TypeVar("T")

KINDS = ("metrics", "params", "tags")

_MOST_TRIES = 20
_CHUNK = 100
_LINEAGE_PAGE = 50
_RECENT = 1000
"""Runs whose keys are looked at to suggest one."""


class RunSearch:
    """Searches the runs of one store folder.

    Args:
        table: The documents of the runs.
        sketches: The documents of their sketches.
        truth_of: A run and its sketches as they really are at this moment, from its document;
            NotFoundError when it is gone.
        late_runs: The ids of runs to which workers may log, or have logged, when they are at rest.
        as_run: The run of a document and its sketches.
        uri_of: Where the artifacts of a run are, from its id and its `artifact_location`.
    """

    def __init__(
        self,
        table: Table,
        sketches: Table,
        *,
        truth_of: Callable[[Any], tuple[Any, Any]],
        late_runs: Callable[[], set[str]],
        as_run: Callable[[Any, Any], Run],
        uri_of: Callable[[str, str | None], str],
    ) -> None:
        self._table = table
        self._sketches = sketches
        self._truth_of = truth_of
        self._late_runs = late_runs
        self._as_run = as_run
        self._uri_of = uri_of

    def runs(
        self,
        experiment_ids: Sequence[str] | None,
        condition: Any,
        order_by: Sequence[Order],
        *,
        view: int,
        limit: int | None,
        offset: int,
        after: str | None,
        with_sketches: bool,
        one_per_lineage: bool = False,
    ) -> RunList:
        """Find runs; `Runs.search` in the contracts says what the arguments mean."""
        find = self._find_lineages if one_per_lineage else self._find
        found = find(experiment_ids, condition, order_by, view=view, limit=limit, offset=offset, after=after)
        sketches: Mapping[str, Any] = self._sketches_of(found) if with_sketches else {}
        return RunList(
            [self._as_run(document, sketches.get(document["run_id"])) for document in found.documents],
            found.token,
        )

    def columns(
        self,
        experiment_ids: Sequence[str] | None,
        condition: Any,
        order_by: Sequence[Order],
        *,
        view: int,
        limit: int | None,
    ) -> "RunColumns":
        """Find runs, as columns."""
        orders = [*order_by, *LATEST_FIRST]
        condition = self._resolve(condition, experiment_ids, view)
        keys = tuple(path for path, _ in orders)

        def at_rest(condition: Any, whole: bool) -> Iterable[list[Any]]:
            # The keys of the order are there to sort running runs in.
            paths = (*_COLUMNS, *(keys if whole else ()), _LAST_VALUES)
            return self._table.select_values(paths, condition, order_by=orders, limit=limit)

        rows, moving = self._look(_scope(experiment_ids, view), condition, at_rest, itemgetter(0))
        if moving:

            def rank_of(row: list[Any]) -> Rank:
                return Rank(row[len(_COLUMNS) : -1], orders)

            rows = list(rows)
            for truth, _ in moving.values():
                insort(
                    rows,
                    [project(truth, path) for path in (*_COLUMNS, *keys, _LAST_VALUES)],
                    key=rank_of,
                )
            rows = rows[:limit]
        return _as_columns(rows, self._uri_of)

    def has_key(self, kind: str, key: str, experiment_ids: Sequence[str] | None) -> bool:
        """Whether any run has that metric, param or tag."""
        _check_kind(kind)
        has: Any = Query()[kind][key].exists()
        scope = _scope(experiment_ids, ViewType.ALL)
        if self._table.contains(has if scope is None else has & scope):
            return True
        # The first points of a running run need not be folded yet.
        return kind == "metrics" and bool(self._moving(scope, has).truths)

    def recent_keys(self, kind: str, experiment_ids: Sequence[str] | None) -> list[str]:
        """The keys of the latest thousand runs, those of the latest run first."""
        _check_kind(kind)
        found = self._find(experiment_ids, None, (), view=ViewType.ALL, limit=_RECENT)
        return list(dict.fromkeys(key for document in found.documents for key in document[kind]))

    def _find(
        self,
        experiment_ids: Sequence[str] | None,
        condition: Any,
        order_by: Sequence[Order],
        *,
        view: int,
        limit: int | None,
        offset: int = 0,
        after: str | None = None,
    ) -> "_Found":
        orders = [*order_by, *LATEST_FIRST]
        condition = self._resolve(condition, experiment_ids, view)
        page = _Page(orders, limit, offset, None if after is None else read_token(after, orders))

        def at_rest(condition: Any, whole: bool) -> list[Any]:
            return self._table.select(
                condition,
                order_by=orders,
                after=page.after,
                limit=page.end if whole else page.room,
                offset=0 if whole else offset,
            )

        found, truths = self._look(_scope(experiment_ids, view), condition, at_rest, itemgetter("run_id"))
        found = list(found)
        if truths:
            found = page.cut([*found, *(truth for truth, _ in truths.values())])
        token = None
        if limit is not None and len(found) > limit:
            found = found[:limit]
            token = make_token(found[-1], orders) if found else None
        return _Found(found, token, {run_id: sketches for run_id, (_, sketches) in truths.items()})

    def _find_lineages(
        self,
        experiment_ids: Sequence[str] | None,
        condition: Any,
        order_by: Sequence[Order],
        *,
        view: int,
        limit: int | None,
        offset: int = 0,
        after: str | None = None,
    ) -> "_Found":
        """As `_find`, but of each lineage only the first: page by page until there are enough lines."""
        lines: list[Any] = []
        lineages: dict[str, int] = {}
        """Where the line of each stands."""
        moving: dict[str, Any] = {}
        token = after
        wanted = None if limit is None else offset + limit
        while True:
            size = None if wanted is None else max(2 * (wanted - len(lines)), _LINEAGE_PAGE)
            asked = condition
            if lineages:
                # Of a cell that was run a thousand times, SQL passes over what need not be read.
                others: Any = ~Query().tags[system_tags.LINEAGE].one_of(sorted(lineages))
                asked = others if condition is None else condition & others
            found = self._find(experiment_ids, asked, order_by, view=view, limit=size, after=token)
            moving.update(found.moving)
            for document in found.documents:
                lineage = document["tags"].get(system_tags.LINEAGE)
                if lineage in lineages:
                    place = lineages[lineage]
                    # Of those that began within one millisecond, chance says which comes first.
                    if not order_by and _is_later(document, lines[place]):
                        lines[place] = document
                    continue
                if lineage:
                    lineages[lineage] = len(lines)
                lines.append(document)
            token = found.token
            if token is None or (wanted is not None and len(lines) > wanted):
                break
        if wanted is not None and len(lines) > wanted:
            token = make_token(lines[wanted - 1], [*order_by, *LATEST_FIRST])
        return _Found(lines[offset:wanted], token, moving)

    def _resolve(self, condition: Any, experiment_ids: Sequence[str] | None, view: int) -> Any:
        """The condition with its comparisons of parents and children answered."""

        def find(inner: Any) -> list[Any]:
            return self._find(experiment_ids, inner, (), view=view, limit=None).documents

        return resolve(condition, find)

    def _look(
        self,
        scope: Any,
        condition: Any,
        at_rest: Callable[[Any, bool], Iterable[T]],
        id_of: Callable[[T], str],
    ) -> tuple[Iterable[T], dict[str, tuple[Any, Any]]]:
        """What was found at rest, and the moving runs that match: no run in neither, none in both.

        Args:
            scope: Which experiments and lifecycle; None is all.
            condition: What to match; None matches all.
            at_rest: Finds runs at rest by a condition; the flag says that running ones will be sorted in.
            id_of: The run id of one of those.
        """
        # Each part is looked up in the document: the one that is likely to rule out most comes first.
        resting: Any = AT_REST
        for part in (scope, condition):
            resting = resting if part is None else part & resting
        tries = 0
        while True:
            tries += 1
            moving = self._moving(scope, condition)
            truths = moving.truths
            asked = resting
            if moving.late:
                # What is in their documents may be out of date.
                asked = resting & ~Query().run_id.one_of(sorted(moving.late))
            found = at_rest(asked, bool(truths))
            if truths:
                # One that ended between the two looks is in both.
                found = list(found)
                for run_id in map(id_of, found):
                    truths.pop(run_id, None)
            # A run that was resumed between the two looks is in neither: look again. What workers have
            # begun to log since the first look need not be known.
            again: list[Any] = self._table.search(_is_running(scope))
            running = {document["run_id"] for document in again}
            if tries == _MOST_TRIES or running <= moving.run_ids | moving.late:
                return found, truths

    def _moving(self, scope: Any, condition: Any) -> "_Moving":
        """The runs that are written to, or may be, as they really are."""
        late = self._late_runs()
        documents: list[Any] = self._table.search(_is_running(scope))
        run_ids = {document["run_id"] for document in documents}
        late -= run_ids
        if late:
            is_late: Any = Query().run_id.one_of(sorted(late))
            documents += self._table.search(is_late if scope is None else is_late & scope)
        truths: dict[str, tuple[Any, Any]] = {}
        for found in documents:
            with suppress(NotFoundError):  # it was removed since
                truth, sketches = self._truth_of(found)
                if condition is None or condition(truth):
                    truths[truth["run_id"]] = truth, sketches
        return _Moving(truths, run_ids, late)

    def _sketches_of(self, found: "_Found") -> dict[str, Any]:
        """The sketches of what was found, by run id."""
        at_rest = [
            run_id for document in found.documents if (run_id := document["run_id"]) not in found.moving
        ]
        documents: list[Any] = self._sketches.search(Query().run_id.one_of(at_rest))
        sketches = {document["run_id"]: document for document in documents}
        return {**sketches, **found.moving}


class _Moving(NamedTuple):
    truths: dict[str, tuple[Any, Any]]
    """Those that match, with their sketches, by id."""
    run_ids: set[str]
    """All that are running."""
    late: set[str]
    """All others whose workers may log."""


class _Page(NamedTuple):
    orders: Sequence[Order]
    limit: int | None
    offset: int
    after: Position | None

    @property
    def room(self) -> int | None:
        """How many to look for: one more than was asked for tells whether anything is left."""
        return None if self.limit is None else self.limit + 1

    @property
    def end(self) -> int | None:
        return None if self.limit is None else self.offset + self.limit + 1

    def cut(self, documents: Sequence[Any]) -> list[Any]:
        """The page, and one more, of documents of which only some are beyond the position."""
        if self.after is not None:
            documents = [document for document in documents if is_after(document, self.after, self.orders)]
        return sort_documents(documents, self.orders)[self.offset : self.end]


class _Found(NamedTuple):
    documents: list[Any]
    token: str | None
    moving: Mapping[str, Any]
    """The sketches of the moving runs, by id."""


def _as_columns(rows: Iterable[list[Any]], uri_of: Callable[[str, str | None], str]) -> "RunColumns":
    """The columns of rows of the values of `_COLUMNS`, and last those of the metrics."""
    from nbtrack.core.run_columns import INFO, RunColumns, extend_columns  # lazy: most scripts only log

    info: dict[str, list[Any]] = {name: [] for name in _HELD}
    held: tuple[dict[str, list[Any]], ...] = ({}, {}, {})
    rows = iter(rows)
    # What is done with in a moment is still in the processor's cache, and memory is used again and again.
    while chunk := list(islice(rows, _CHUNK)):
        length = len(info["run_id"])
        columns = list(zip(*chunk, strict=True))
        for column, values in zip(info.values(), columns[: len(_HELD)], strict=True):
            column.extend(values)
        for kind, values in zip(held, (columns[-1], *columns[len(_HELD) : len(_COLUMNS)]), strict=True):
            extend_columns(kind, values, length)
    info["artifact_uri"] = list(map(uri_of, info["run_id"], info.pop("artifact_location")))
    return RunColumns({name: info[name] for name in INFO}, *held)


def _is_later(one: Any, other: Any) -> bool:
    """Whether an attempt has a higher number than another one that began in the same millisecond."""
    numbers = [attempt_in(document["tags"]) or 0 for document in (one, other)]
    return one["start_time"] == other["start_time"] and numbers[0] > numbers[1]


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidValueError(f"Keys are those of {', '.join(KINDS)}, not of {kind!r}.")


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
