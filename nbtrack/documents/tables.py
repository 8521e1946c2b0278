"""A table of documents: TinyDB's `Table`, reading and writing single documents.

What differs from TinyDB's own tables:

- Documents come in the order of their ids, and each call answers with fresh ones; there is no cache.
- `<`, `<=`, `>`, `>=` on values of different types do not match instead of raising TypeError, for
  conditions made by `nbtrack.documents.queries`.
- A change is all or nothing, also of many documents, and nobody else writes in between.
- Changing or reading a table that does not exist makes no table.

Beyond TinyDB: unique keys and indexes, `patch` (nested fields), `select` (order and page) and
`select_values` (only some of each document).
"""
# ruff: noqa: S608 - table names and paths are quoted where they are made, values are bound.

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import apsw
from tinydb import table as tinydb_table
from tinydb.queries import QueryLike
from tinydb.table import Document

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.changes import Assignment, apply_changes, assign, check_paths
from nbtrack.documents.codec import MAX_INTEGER, decode, decode_many, encode
from nbtrack.documents.columns import Columns
from nbtrack.documents.ordering import Order, Position, check_position, is_after, order_sql, sort_documents
from nbtrack.documents.projection import EACH, Projection, project
from nbtrack.documents.push_down import Compiled, compile_condition, value_sql
from nbtrack.documents.queries import Path
from nbtrack.documents.rows import TableRows
from nbtrack.documents.schema import DuplicateDocumentError, Index, Key, Layout

if TYPE_CHECKING:
    from nbtrack.documents.engine import Engine

__all__ = [
    "EACH",
    "Change",
    "Document",
    "DuplicateDocumentError",
    "Index",
    "MissingConditionError",
    "Order",
    "Table",
]

Change = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]
"""What `update` takes: fields to set, or a function that changes the document it is given."""

_ALL = Compiled("1", (), True)
_FOREMOST = 2000
"""Documents that are looked at first where an index gives the order."""
_MOST_WANTED = 1100


class MissingConditionError(InvalidValueError, RuntimeError):
    """Neither a condition nor ids were given; TinyDB raises RuntimeError."""


class Table(tinydb_table.Table):
    """One table; `Database.table` makes it. Safe to share between threads and across forks.

    Args:
        storage: The storage of the database.
        name: Any text.
        cache_size: Ignored; TinyDB's query cache shows old documents when another process writes.
        persist_empty: Make the table now instead of with its first document.
        unique: Keys of which every value stands in one document only.
        indexes: What searches should be fast on.
        columns: What is kept apart, for searches among many documents.
    """

    def __init__(
        self,
        storage: Any,
        name: str,
        cache_size: int = 0,
        persist_empty: bool = False,
        *,
        unique: Sequence[Key] = (),
        indexes: Sequence[Index] = (),
        columns: Columns | None = None,
    ) -> None:
        super().__init__(storage, name, cache_size=0)
        self._engine: Engine = storage.engine
        self._layout = Layout(name, unique, indexes, columns)
        self._rows = TableRows(self._engine, self._layout)
        self._sql = self._layout.identifier
        self._odd_rows = f"SELECT doc_id, json(doc), 1 FROM {self._sql} WHERE odd = 1"
        self._has_odd = f"EXISTS (SELECT 1 FROM {self._sql} WHERE odd = 1)"
        if persist_empty:
            self._rows.make()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} database={self._engine.path!r}>"

    def declare(
        self, unique: Sequence[Key] = (), indexes: Sequence[Index] = (), columns: Columns | None = None
    ) -> None:
        """Add unique keys, indexes and columns; they are made before the next change."""
        if self._layout.declare(unique, indexes, columns):
            self._rows.declare()

    # --- reading ---

    def all(self) -> list[Document]:
        """All documents, by id."""
        return list(self)

    def __iter__(self) -> Iterator[Document]:
        # All rows are fetched first: the loop's body may change the table.
        rows = self._rows.read(f"SELECT doc_id, json(doc), odd FROM {self._sql}")
        values = decode_many([row[1] for row in rows], odd=any(row[2] for row in rows))
        for (doc_id, _, _), value in zip(rows, values, strict=True):
            yield self.document_class(value, doc_id)

    def __len__(self) -> int:
        rows = self._rows.read(f"SELECT count(*) FROM {self._sql}")
        return rows[0][0] if rows else 0

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that match, by id."""
        return sorted(self._matching(cond), key=_id_of)

    def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: Iterable[int] | None = None
    ) -> Any:
        """One document by condition (the first by id) or by id, None if there is none; or several by ids."""
        if doc_id is not None:
            rows = self._rows.read(
                f"SELECT json(doc) FROM {self._sql} WHERE doc_id = ?", (_findable(doc_id),)
            )
            return self.document_class(decode(rows[0][0]), doc_id) if rows else None
        if doc_ids is not None:
            return self._by_ids(doc_ids)
        if cond is None:
            raise MissingConditionError("You have to pass either cond or doc_id or doc_ids.")
        return min(self._matching(cond, only_first=True), key=_id_of, default=None)

    def contains(self, cond: QueryLike | None = None, doc_id: int | None = None) -> bool:
        """Whether a document with that id, or one that matches, exists."""
        if doc_id is None and cond is None:
            raise MissingConditionError("You have to pass either cond or doc_id.")
        return self.get(cond, doc_id) is not None

    def count(self, cond: QueryLike) -> int:
        """How many documents match."""
        compiled = self._compile(cond)
        if compiled is None or not compiled.is_exact:
            return len(self._matching(cond))
        rows = self._rows.read(
            f"SELECT NULL, NULL, count(*) FROM {self._sql} WHERE odd = 0 AND {compiled.sql} "
            f"UNION ALL {self._odd_rows}",
            compiled.bindings,
        )
        return rows[0][2] + sum(bool(cond(decode(text))) for _, text, _ in rows[1:]) if rows else 0

    def select(
        self,
        cond: QueryLike | None = None,
        *,
        order_by: Sequence[Order] = (),
        after: Position | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Document]:
        """Documents that match, sorted, a page of them.

        Args:
            cond: Which documents; None for all.
            order_by: The first key counts most; see `nbtrack.documents.ordering` for how values sort.
                Documents that are alike, and all if there is no key, come by id.
            after: Only what comes after a document with these values, one for each key of `order_by`:
                the next page, which holds whatever was inserted or removed meanwhile. The last key
                should be unique: a document that is alike in all of them is not after it.
            limit: The most documents to return; None for all.
            offset: How many to leave out at the start.
        """
        end = None if limit is None else offset + limit
        if foremost := self._foremost(order_by, after, end):
            selection = self._selection(cond, order_by, after, limit, offset, among=foremost)
            rows = selection and self._rows.read(
                f"SELECT doc_id, json(doc), 0 FROM ({selection.sql} LIMIT ? OFFSET ?) "
                f"CROSS JOIN {self._sql} ON doc_id = found UNION ALL {self._odd_rows}",
                (*selection.bindings, limit, offset),
            )
            # With odd documents there are more, or the last is one.
            if rows and len(rows) == limit and not rows[-1][2]:
                return self._evaluate(rows, cond)
        selection = self._selection(cond, order_by, after, limit, offset)
        if selection is None:
            found = list(self) if cond is None else self._matching(cond)
            return _page(found, order_by, after)[offset:end]
        # Odd documents are sorted in among the others in Python, so where there are any, SQL's page must
        # begin at the start.
        rows = self._rows.read(
            f"SELECT doc_id, json(doc), 0 FROM ({selection.sql} "
            f"LIMIT CASE WHEN {self._has_odd} THEN ? ELSE ? END "
            f"OFFSET CASE WHEN {self._has_odd} THEN 0 ELSE ? END) "
            f"CROSS JOIN {self._sql} ON doc_id = found UNION ALL {self._odd_rows}",
            (*selection.bindings, -1 if end is None else end, -1 if limit is None else limit, offset),
        )
        found = self._evaluate(rows, cond)
        if not rows or not rows[-1][2]:
            return found
        return _page(found, order_by, after)[offset:end]

    def select_values(
        self,
        paths: Sequence[Path | tuple[Any, ...]],
        cond: QueryLike | None = None,
        *,
        order_by: Sequence[Order] = (),
        after: Position | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Iterator[list[Any]]:
        """What `select` finds, but of each document only the values at `paths`.

        Several times as fast as whole documents where much of them is not wanted. The rows are decoded
        one by one, so that many of them need not be in memory together.

        Args:
            paths: What to read. One of the keys of a path may be `EACH`: the value is then a dict of what
                is found in each value of the object there, by its key.
            cond: As for `select`, like the rest.
            order_by: The order.
            after: The position after which to begin.
            limit: The most rows.
            offset: How many to leave out at the start.

        Returns:
            For each document a list of its values, in the order of `paths`; None where there is none.
        """
        selection = self._selection(cond, order_by, after, limit, offset)
        projection = Projection(paths)
        is_few = self._foremost(order_by, after, None if limit is None else offset + limit) is not None
        if selection is not None and projection.sql is not None and not is_few:
            rows = self._rows.read(
                f"SELECT {projection.sql}, 0 FROM ({selection.sql} LIMIT ? OFFSET ?) "
                f"CROSS JOIN {self._sql} ON doc_id = found UNION ALL SELECT NULL, 1 WHERE {self._has_odd}",
                (*selection.bindings, -1 if limit is None else limit, offset),
            )
            if not rows or not rows[-1][1]:
                return projection.rows(decode_many([row[0] for row in rows], odd=False))
        # A few of many are found at once by `select`. Odd documents are few and far between: where there is
        # one, it is done the slow way.
        documents = self.select(cond, order_by=order_by, after=after, limit=limit, offset=offset)
        return ([project(document, path) for path in paths] for document in documents)

    # --- writing ---

    def insert(self, document: Mapping[str, Any]) -> int:
        """Add a document; a `Document` keeps its id, any other gets the next one.

        Raises:
            AlreadyExistsError: The id, or the value of a unique key, is taken.
            InvalidTypeError: The document, or something in it, is of a type that cannot be stored.
        """
        doc_id, odd, text = self._prepare(document)
        return self._rows.insert(text, odd, doc_id, document)

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add documents, all or none; returns their ids in the order given. Raises what `insert` does."""
        return self._rows.insert_many(documents, self._prepare)

    def update(
        self, fields: Change, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None
    ) -> list[int]:
        """Set fields of documents, or let a function change them; returns the ids of those changed.

        Args:
            fields: Top-level fields to set, or a function called with each document, inside the
                transaction that stores the results: nobody can write in between.
            cond: Which documents; None for all.
            doc_ids: Which documents, by id, instead of `cond`; unknown ids are skipped.
        """
        if callable(fields):
            return self._rewrite(fields, cond, doc_ids)
        changes: dict[Any, Any] = {(key,): value for key, value in fields.items()}
        return self._apply(changes, lambda document: document.update(fields), cond, doc_ids)

    def update_multiple(self, updates: Iterable[tuple[Change, QueryLike]]) -> list[int]:
        """Do several updates as one; a document that several of them meet is listed as often."""
        changed: list[tuple[int, int]] = []
        with self._engine.transaction():
            for at, (fields, cond) in enumerate(updates):
                changed.extend((doc_id, at) for doc_id in self.update(fields, cond))
        return [doc_id for doc_id, _ in sorted(changed)]

    def patch(
        self,
        changes: Mapping[Path, Any],
        cond: QueryLike | None = None,
        doc_ids: Iterable[int] | None = None,
    ) -> list[int]:
        """Set nested fields: `table.patch({("params", "lr"): "0.1"}, Query().run_id == run_id)`.

        Objects on the way are made where they are missing.

        Args:
            changes: What to set, by path; later ones win.
            cond: Which documents; None for all.
            doc_ids: Which documents, by id, instead of `cond`; unknown ids are skipped.

        Returns:
            The ids of the documents that match.

        Raises:
            InvalidValueError: Something on the way is no object; nothing was changed.
        """
        check_paths(changes)
        return self._apply(changes, lambda document: apply_changes(document, changes), cond, doc_ids)

    def upsert(self, document: Mapping[str, Any], cond: QueryLike | None = None) -> list[int]:
        """Update the documents that match (or have the id of `document`); insert it if there are none."""
        doc_ids = [document.doc_id] if isinstance(document, self.document_class) else None
        if doc_ids is None and cond is None:
            raise MissingConditionError(
                "If you don't specify a search query, you must specify a doc_id. "
                "Hint: use a table.Document object."
            )
        with self._engine.transaction():
            return self.update(document, cond, doc_ids) or [self.insert(document)]

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove documents by condition or id; returns the ids of those removed."""
        if cond is None and doc_ids is None:
            raise MissingConditionError("Use truncate() to remove all documents.")
        wanted = None if doc_ids is None else list(dict.fromkeys(doc_ids))
        return self._execute(f"DELETE FROM {self._sql}", (), cond, wanted, {})

    def truncate(self) -> None:
        """Remove all documents; ids begin again at 1."""
        self._rows.clear()

    # --- from rows to documents ---

    def _selection(
        self,
        cond: QueryLike | None,
        order_by: Sequence[Order],
        after: Position | None,
        limit: int | None,
        offset: int,
        among: Compiled | None = None,
    ) -> Compiled | None:
        """A statement that finds the ids of documents that are not odd, sorted; None if SQL cannot.

        With `among` only those that it finds are looked at.
        """
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidValueError(f"limit and offset count documents, not {limit!r} and {offset!r}.")
        if after is not None:
            check_position(after, order_by)
        compiled = _ALL if cond is None else self._compile(cond)
        order = order_sql(order_by, after)
        if compiled is None or not compiled.is_exact or order is None:
            return None
        source, bindings = self._sql, ()
        if among is None and self._layout.columns and (found := self._layout.columns.narrow(cond)):
            among = Compiled(*found, False) if self._rows.has_columns() else None
        if among is not None:
            source = f"({among.sql}) CROSS JOIN {self._sql} ON doc_id = narrowed"
            bindings = among.bindings
        # The LIMIT inside keeps SQLite from computing a key more than once.
        return Compiled(
            f"SELECT found FROM (SELECT {order.columns} FROM {source} WHERE odd = 0 AND {compiled.sql} "
            f"LIMIT -1) WHERE {order.beyond} ORDER BY {order.terms}",
            (*bindings, *compiled.bindings, *order.bindings),
            True,
        )

    def _foremost(
        self, order_by: Sequence[Order], after: Position | None, end: int | None
    ) -> Compiled | None:
        """The ids of the documents that come first in an order, or after a position, as an index tells.

        If a page is found among them, it is the page: nothing comes before a number. None where looking
        there does not pay.
        """
        if (
            not order_by
            or end is None
            or end > _MOST_WANTED
            or tuple(order_by[0].path) not in self._layout.sorted_paths
        ):
            return None
        bound = after[0] if after else None
        order = order_sql(order_by)
        value = value_sql(tuple(order_by[0].path))
        if order is None or value is None or (after is not None and not isinstance(bound, (int, float))):
            return None
        last: Any = self._rows.read(f"SELECT max(doc_id) FROM {self._sql}")
        if not last or (last[0][0] or 0) < _FOREMOST * 2:
            return None
        descending = order_by[0].descending
        low, high = ("-9e999", "?") if descending else ("?", "9e999")
        if after is None:
            low, high = "-9e999", "9e999"
        return Compiled(
            f"SELECT found AS narrowed FROM (SELECT {order.columns} FROM {self._sql} "
            f"WHERE odd = 0 AND {value} BETWEEN {low} AND {high}) "
            f"ORDER BY key0{' DESC' if descending else ''}, {order.rest} LIMIT {_FOREMOST}",
            () if after is None else (bound,),
            False,
        )

    def _compile(self, cond: QueryLike) -> Compiled | None:
        return compile_condition(cond, self._layout.literals)

    def _matching(self, cond: QueryLike, *, only_first: bool = False) -> list[Document]:
        """Documents that match, in any order; with `only_first` at least the first of them."""
        compiled = self._compile(cond)
        if compiled is None:
            rows = self._rows.read(f"SELECT doc_id, json(doc), 1 FROM {self._sql}")
            return self._evaluate(rows, cond, only_first=only_first)
        undecided = 0 if compiled.is_exact else 1
        found = f"SELECT doc_id, json(doc), {undecided} FROM {self._sql} WHERE odd = 0 AND {compiled.sql}"
        if only_first and compiled.is_exact:
            found = f"SELECT * FROM ({found} ORDER BY doc_id LIMIT 1)"
        return self._evaluate(self._rows.read(f"{found} UNION ALL {self._odd_rows}", compiled.bindings), cond)

    def _evaluate(
        self, rows: Sequence[tuple[int, str, int]], cond: QueryLike | None, *, only_first: bool = False
    ) -> list[Document]:
        """The documents of rows (id, text, whether SQL has not decided on it) that match."""
        texts = [row[1] for row in rows]
        # Odd rows come last, and are undecided.
        odd = bool(rows) and rows[-1][2] != 0
        values = decode_many(texts, odd=odd) if len(texts) > 1 and not only_first else map(decode, texts)
        found: list[Document] = []
        for (doc_id, _, undecided), value in zip(rows, values, strict=True):
            if not undecided or cond is None or cond(value):
                found.append(self.document_class(value, doc_id))
                if only_first:
                    break
        return found

    def _by_ids(self, doc_ids: Iterable[int]) -> list[Document]:
        rows = self._rows.read(
            f"SELECT doc_id, json(doc), odd FROM {self._sql} "
            "WHERE doc_id IN (SELECT value FROM json_each(?)) ORDER BY doc_id",
            (_id_list(doc_ids),),
        )
        values = decode_many([row[1] for row in rows], odd=any(row[2] for row in rows))
        return [self.document_class(value, row[0]) for row, value in zip(rows, values, strict=True)]

    # --- from documents to rows ---

    def _prepare(self, document: Any) -> tuple[int | None, bool, str]:
        """The id (None if it is to be found), the oddity and the text of a document to insert."""
        if not isinstance(document, dict):
            if not isinstance(document, Mapping):
                raise InvalidTypeError(f"Document is not a Mapping, but of type {type(document).__name__}.")
            document = dict(document)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        text, odd = encode(document)
        if not isinstance(document, self.document_class):
            return None, odd, text
        doc_id: Any = document.doc_id
        if _findable(doc_id) is None:
            raise InvalidValueError(f"A doc_id is an integer of at most 64 bits, not {doc_id!r}.")
        return doc_id, odd, text

    def _apply(
        self,
        changes: Mapping[Path, Any],
        change: Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None,
        doc_ids: Iterable[int] | None,
    ) -> list[int]:
        """Make `changes` in SQL; where SQL cannot, let `change` do the same in Python."""
        wanted = None if doc_ids is None else list(doc_ids)
        assignment = assign(changes) if changes else Assignment("odd = odd", ())
        if assignment is not None:
            try:
                head = f"UPDATE {self._sql} SET {assignment.sql}"
                return self._execute(head, assignment.bindings, cond, wanted, changes)
            except apsw.SQLError as error:
                if "malformed JSON" not in str(error):  # how `assign` refuses
                    raise
        return self._rewrite(change, cond, wanted)

    def _execute(
        self,
        head: str,
        bindings: tuple[Any, ...],
        cond: QueryLike | None,
        doc_ids: list[int] | None,
        changes: Mapping[Path, Any],
    ) -> list[int]:
        """Run an UPDATE or DELETE on the documents meant; returns their ids."""
        written = _Written(changes)
        by_id = f"{head} WHERE doc_id IN (SELECT value FROM json_each(?)) RETURNING doc_id"
        if doc_ids is not None:
            rows = self._rows.change(by_id, (*bindings, _id_list(doc_ids)), written)
            changed = {row[0] for row in rows}
            return [doc_id for doc_id in doc_ids if doc_id in changed]
        if cond is None:
            return _sorted_ids(self._rows.change(f"{head} RETURNING doc_id", bindings, written))
        compiled = self._compile(cond)
        if compiled is not None and compiled.is_exact:
            # One statement, unless there are odd documents; these are rare.
            rows = self._rows.change(
                f"{head} WHERE odd = 0 AND {compiled.sql} AND NOT {self._has_odd} RETURNING doc_id",
                (*bindings, *compiled.bindings),
                written,
            )
            if rows or not self._rows.read(f"SELECT 1 FROM {self._sql} WHERE odd = 1 LIMIT 1"):
                return _sorted_ids(rows)
        with self._engine.transaction():
            matching = [document.doc_id for document in self._matching(cond)]
            if not matching:
                return []
            return _sorted_ids(self._rows.change(by_id, (*bindings, _id_list(matching)), written))

    def _rewrite(
        self,
        change: Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None,
        doc_ids: Iterable[int] | None,
    ) -> list[int]:
        """Read documents, change them in Python and write them back, as one transaction."""
        with self._engine.transaction():
            if doc_ids is not None:
                wanted = list(doc_ids)
                known = {document.doc_id: document for document in self._by_ids(wanted)}
                documents = [known[doc_id] for doc_id in wanted if doc_id in known]
            else:
                documents = self.all() if cond is None else self.search(cond)
            for document in documents:
                change(document)
                text, odd = encode(document)
                self._rows.replace(document.doc_id, odd, text, document)
        return [document.doc_id for document in documents]


class _Written(dict[str, Any]):
    """What changes write, as a document; built only when an error quotes it."""

    def __init__(self, changes: Mapping[Path, Any]) -> None:
        super().__init__()
        self._changes = changes

    def __getitem__(self, key: str) -> Any:
        if not self and self._changes:
            apply_changes(self, self._changes)
        return super().__getitem__(key)


def _page(documents: list[Document], orders: Sequence[Order], after: Position | None) -> list[Document]:
    """Documents sorted in Python, from a position on."""
    if after is not None:
        documents = [document for document in documents if is_after(document, after, orders)]
    return sort_documents(documents, orders)


def _findable(doc_id: Any) -> int | None:
    """The id as SQLite takes it; None, which no row has, if it is no integer of 64 bits."""
    return doc_id if isinstance(doc_id, int) and -MAX_INTEGER - 1 <= doc_id <= MAX_INTEGER else None


def _id_list(doc_ids: Iterable[int]) -> str:
    return f"[{','.join([str(int(doc_id)) for doc_id in doc_ids])}]"


def _id_of(document: Document) -> int:
    return document.doc_id


def _sorted_ids(rows: Sequence[tuple[int]]) -> list[int]:
    return sorted(row[0] for row in rows)
