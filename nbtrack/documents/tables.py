"""A table of documents: TinyDB's `Table`, reading and writing single documents.

What differs from TinyDB's own tables:

- Documents come in the order of their ids, and each call answers with fresh ones; there is no cache.
- `<`, `<=`, `>`, `>=` on values of different types do not match instead of raising TypeError, for
  conditions made by `nbtrack.documents.queries`.
- A change is all or nothing, also of many documents, and nobody else writes in between.
- Changing or reading a table that does not exist makes no table.

Beyond TinyDB: unique keys and indexes, `patch` (nested fields) and `select` (order and page).
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, cast

import apsw
from tinydb import table as tinydb_table
from tinydb.queries import QueryLike
from tinydb.table import Document

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.documents.changes import Assignment, apply_changes, assign, check_paths
from nbtrack.documents.codec import MAX_INTEGER, as_dict, decode, encode
from nbtrack.documents.engine import Engine, Rows
from nbtrack.documents.ordering import Order, order_sql, sort_documents
from nbtrack.documents.push_down import Compiled, compile_condition, id_list
from nbtrack.documents.queries import Path
from nbtrack.documents.schema import DuplicateDocumentError, Index, Key, Layout

__all__ = ["Document", "Index", "Order", "Table"]

Change = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]
"""What `update` takes: fields to set, or a function that changes the document it is given."""


class MissingConditionError(InvalidValueError, RuntimeError):
    """Neither a condition nor ids were given; TinyDB raises RuntimeError."""


class Table(tinydb_table.Table):
    """One table; `Database.table` makes it. Safe to share between threads and processes.

    Args:
        storage: The storage of the database.
        name: Any text.
        cache_size: Ignored; TinyDB's query cache shows old documents when another process writes.
        persist_empty: Make the table now instead of with its first document.
        unique: Keys of which every value stands in one document only.
        indexes: What searches should be fast on.
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
    ) -> None:
        super().__init__(storage, name, cache_size=0)
        self._engine: Engine = storage.engine
        self._layout = Layout(name, unique, indexes)
        self._sql_name = self._layout.identifier
        self._lock = threading.Lock()
        self._next_free = -MAX_INTEGER - 1  # ids below were given out by this object
        self._made_at = -1  # the engine's count of rollbacks when the schema was last seen complete
        if persist_empty:
            self._make()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} database={self._engine.path!r}>"

    def declare(self, unique: Sequence[Key] = (), indexes: Sequence[Index] = ()) -> None:
        """Add unique keys and indexes; they are made before the next change."""
        for key in unique:
            self._layout.add_unique(key)
        for index in indexes:
            self._layout.add_index(index)
        if unique or indexes:
            self._made_at = -1

    # ------------------------------------------------------------------------------- reading

    def all(self) -> list[Document]:
        """All documents, by id."""
        return list(self)

    def __iter__(self) -> Iterator[Document]:
        # All rows are fetched first: the loop's body may change the table.
        for doc_id, text in self._read(f"SELECT doc_id, json(doc) FROM {self._sql_name}"):
            yield self._document(doc_id, text)

    def __len__(self) -> int:
        rows = self._read(f"SELECT count(*) FROM {self._sql_name}")
        return rows[0][0] if rows else 0

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that match, by id."""
        return sorted(self._matching(cond), key=_id_of)

    def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: Iterable[int] | None = None
    ) -> Any:
        """One document by condition (the first by id) or by id, None if there is none; or several by ids."""
        if doc_id is not None:
            rows = self._read(
                f"SELECT json(doc) FROM {self._sql_name} WHERE doc_id = ?", (_storable_id(doc_id),)
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
        rows = self._read(
            f"SELECT NULL, NULL, count(*) FROM {self._sql_name} WHERE odd = 0 AND {compiled.sql} "
            f"UNION ALL SELECT doc_id, json(doc), 1 FROM {self._sql_name} WHERE odd = 1",
            compiled.bindings,
        )
        if not rows:
            return 0
        return rows[0][2] + sum(1 for _, text, _ in rows[1:] if cond(decode(text)))

    def select(
        self,
        cond: QueryLike | None = None,
        *,
        order_by: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Document]:
        """Documents that match, sorted, a page of them.

        Args:
            cond: Which documents; None for all.
            order_by: The first key counts most; see `nbtrack.documents.ordering` for how values sort.
                Documents that are alike, and all if there is no key, come by id.
            limit: The most documents to return; None for all.
            offset: How many to leave out at the start.
        """
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidValueError(f"limit and offset count documents, not {limit!r} and {offset!r}.")
        compiled = Compiled("1", (), True) if cond is None else self._compile(cond)
        order = order_sql(order_by)
        end = None if limit is None else offset + limit
        if compiled is None or not compiled.is_exact or order is None:
            found = list(self) if cond is None else self._matching(cond)
            return sort_documents(found, order_by)[offset:end]
        name = self._sql_name
        has_odd = f"EXISTS (SELECT 1 FROM {name} WHERE odd = 1)"
        # Odd documents are sorted in among the others in Python: then the page starts there.
        rows = self._read(
            f"SELECT doc_id, json(doc), 0 FROM (SELECT doc_id AS found FROM {name} "
            f"WHERE odd = 0 AND {compiled.sql} ORDER BY {order} "
            f"LIMIT CASE WHEN {has_odd} AND ? >= 0 THEN ? + ? ELSE ? END "
            f"OFFSET CASE WHEN {has_odd} THEN 0 ELSE ? END) CROSS JOIN {name} ON doc_id = found "
            f"UNION ALL SELECT doc_id, json(doc), 1 FROM {name} WHERE odd = 1",
            (*compiled.bindings, *_page(limit, offset)),
        )
        if not rows or not rows[-1][2]:
            return [self._document(doc_id, text) for doc_id, text, _ in rows]
        return sort_documents(self._evaluate(rows, cond), order_by)[offset:end]

    # ------------------------------------------------------------------------------- writing

    def insert(self, document: Mapping[str, Any]) -> int:
        """Add a document; a `Document` keeps its id, any other gets the next one.

        Raises:
            AlreadyExistsError: The id, or the value of a unique key, is taken.
            InvalidTypeError: The document, or something in it, is of a type that cannot be stored.
        """
        text, odd = encode(_checked(document))
        if isinstance(document, self.document_class):
            doc_id = _storable_id(document.doc_id)
            sql = f"INSERT INTO {self._sql_name} (doc_id, odd, doc) VALUES (?, ?, jsonb(?)) RETURNING doc_id"
        else:
            doc_id = self._next_free
            sql = (
                f"INSERT INTO {self._sql_name} (doc_id, odd, doc) VALUES "
                f"(max(?, ifnull((SELECT max(doc_id) FROM {self._sql_name}), 0) + 1), ?, jsonb(?)) "
                "RETURNING doc_id"
            )
        return self._given_out(self._write(sql, (doc_id, odd, text), [document])[0][0])

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add documents, all or none; returns their ids in the order given."""
        doc_ids: list[int] = []
        current: list[Any] = [None]

        def rows() -> Iterator[tuple[int, bool, str]]:
            last = self._read(f"SELECT max(doc_id) FROM {self._sql_name}")[0][0]
            next_id = max(self._next_free, (last or 0) + 1)
            for document in documents:
                current[0] = document
                text, odd = encode(_checked(document))
                doc_id = next_id
                if isinstance(document, self.document_class):
                    doc_id = _storable_id(document.doc_id)
                next_id = max(next_id, doc_id + 1)
                doc_ids.append(doc_id)
                yield doc_id, odd, text

        with self._engine.transaction():
            self._make()
            try:
                self._engine.run_many(
                    f"INSERT INTO {self._sql_name} (doc_id, odd, doc) VALUES (?, ?, jsonb(?))", rows()
                )
            except apsw.Error as error:
                raise self._explain(error, current) from error
        if doc_ids:
            self._given_out(max(doc_ids))
        return doc_ids

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
        changes: dict[Path, Any] = {(key,): value for key, value in fields.items()}
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
        return self._execute(f"DELETE FROM {self._sql_name}", (), cond, doc_ids)

    def truncate(self) -> None:
        """Remove all documents; ids begin again at 1."""
        self._read(f"DELETE FROM {self._sql_name}")
        with self._lock:
            self._next_free = -MAX_INTEGER - 1

    # ------------------------------------------------------------------------------ documents

    def _document(self, doc_id: int, text: str) -> Document:
        return self.document_class(decode(text), doc_id)

    def _compile(self, cond: QueryLike) -> Compiled | None:
        return compile_condition(cond, self._layout.literals)

    def _matching(self, cond: QueryLike, *, only_first: bool = False) -> list[Document]:
        """Documents that match, in any order; with `only_first` at least the first of them."""
        name = self._sql_name
        compiled = self._compile(cond)
        if compiled is None:
            rows = self._read(f"SELECT doc_id, json(doc), 1 FROM {name}")
            return self._evaluate(rows, cond, only_first=only_first)
        found = f"SELECT doc_id, json(doc), {0 if compiled.is_exact else 1} FROM {name} WHERE odd = 0 AND {compiled.sql}"
        if only_first and compiled.is_exact:
            found = f"SELECT * FROM ({found} ORDER BY doc_id LIMIT 1)"
        rows = self._read(
            f"{found} UNION ALL SELECT doc_id, json(doc), 1 FROM {name} WHERE odd = 1", compiled.bindings
        )
        return self._evaluate(rows, cond)

    def _evaluate(self, rows: Rows, cond: QueryLike | None, *, only_first: bool = False) -> list[Document]:
        """The documents of rows (id, text, whether SQL has not decided on it) that match."""
        found: list[Document] = []
        for doc_id, text, undecided in rows:
            value = decode(text)
            if not undecided or cond is None or cond(value):
                found.append(self.document_class(value, doc_id))
                if only_first:
                    break
        return found

    def _by_ids(self, doc_ids: Iterable[int]) -> list[Document]:
        rows = self._read(
            f"SELECT doc_id, json(doc) FROM {self._sql_name} WHERE doc_id IN (SELECT value FROM json_each(?)) "
            "ORDER BY doc_id",
            (id_list(list(doc_ids)),),
        )
        return [self._document(doc_id, text) for doc_id, text in rows]

    # -------------------------------------------------------------------------------- changes

    def _apply(
        self,
        changes: Mapping[Path, Any],
        change: Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None,
        doc_ids: Iterable[int] | None,
    ) -> list[int]:
        """Make `changes` in SQL; where SQL cannot, let `change` do the same in Python."""
        if doc_ids is not None:
            doc_ids = list(doc_ids)
        assignment = assign(changes) if changes else Assignment("odd = odd", ())
        if assignment is None:
            return self._rewrite(change, cond, doc_ids)
        sql = f"UPDATE {self._sql_name} SET {assignment.sql}"
        try:
            return self._execute(sql, assignment.bindings, cond, doc_ids, changes)
        except apsw.SQLError as error:
            if "malformed" not in str(error):
                raise
        return self._rewrite(change, cond, doc_ids)

    def _execute(
        self,
        head: str,
        bindings: tuple[Any, ...],
        cond: QueryLike | None,
        doc_ids: Iterable[int] | None,
        changes: Mapping[Path, Any] | None = None,
    ) -> list[int]:
        """Run an UPDATE or DELETE on the documents meant; returns their ids."""
        by_id = f"{head} WHERE doc_id IN (SELECT value FROM json_each(?)) RETURNING doc_id"
        if doc_ids is not None:
            wanted = list(doc_ids)
            changed = {row[0] for row in self._change(by_id, (*bindings, id_list(wanted)), changes)}
            return [doc_id for doc_id in wanted if doc_id in changed]
        if cond is None:
            return _sorted_ids(self._change(f"{head} RETURNING doc_id", bindings, changes))
        compiled = self._compile(cond)
        odd = f"EXISTS (SELECT 1 FROM {self._sql_name} WHERE odd = 1)"
        if compiled is not None and compiled.is_exact:
            rows = self._change(
                f"{head} WHERE odd = 0 AND {compiled.sql} AND NOT {odd} RETURNING doc_id",
                (*bindings, *compiled.bindings),
                changes,
            )
            if rows or not self._read(f"SELECT 1 FROM {self._sql_name} WHERE odd = 1 LIMIT 1"):
                return _sorted_ids(rows)
        with self._engine.transaction():
            matching = [document.doc_id for document in self._matching(cond)]
            return (
                _sorted_ids(self._change(by_id, (*bindings, id_list(matching)), changes)) if matching else []
            )

    def _rewrite(
        self,
        change: Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None,
        doc_ids: Iterable[int] | None,
    ) -> list[int]:
        """Read documents, change them in Python and write them back, as one transaction."""
        sql = f"UPDATE {self._sql_name} SET odd = ?, doc = jsonb(?) WHERE doc_id = ?"
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
                self._write(sql, (odd, text, document.doc_id), [document])
        return [document.doc_id for document in documents]

    # ------------------------------------------------------------------------------ statements

    def _read(self, sql: str, bindings: Sequence[Any] = ()) -> Rows:
        try:
            return self._engine.run(sql, bindings)
        except apsw.SQLError as error:
            if _is_missing_table(error):
                return []
            raise

    def _change(self, sql: str, bindings: Sequence[Any], changes: Mapping[Path, Any] | None) -> Rows:
        """Change existing documents: where there is no table, there are none."""
        if self._made_at != self._engine.rollbacks and len(self._layout.statements) > 2:
            self._make(only_existing=True)
        try:
            return self._read(sql, bindings)
        except apsw.ConstraintError as error:
            document: dict[str, Any] = {}
            if changes:
                apply_changes(document, changes)
            raise self._explain(error, [document]) from error

    def _write(self, sql: str, bindings: Sequence[Any], documents: Sequence[Any]) -> Rows:
        if self._made_at != self._engine.rollbacks:
            self._make()
        try:
            return self._engine.run(sql, bindings)
        except apsw.SQLError as error:
            if not _is_missing_table(error):
                raise self._explain(error, documents) from error
        except apsw.ConstraintError as error:
            raise self._explain(error, documents) from error
        with self._engine.transaction():  # another process dropped the table
            self._make()
            return self._engine.run(sql, bindings)

    def _make(self, *, only_existing: bool = False) -> None:
        """Make the table and its indexes, where they are missing."""
        rollbacks = self._engine.rollbacks
        with self._engine.transaction():
            if only_existing and not self._engine.run(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (self._sql_name[1:-1],)
            ):
                return
            try:
                for statement in self._layout.statements:
                    self._engine.run(statement)
            except apsw.ConstraintError as error:
                raise self._explain(error, ()) from error
        # Inside a transaction of the caller the table may still be undone: then `rollbacks` changes.
        self._made_at = rollbacks

    def _explain(self, error: apsw.Error, documents: Sequence[Any]) -> Exception:
        if isinstance(error, apsw.ConstraintError):
            return self._layout.explain_violation(str(error), documents) or error
        if "malformed" in str(error):
            return InvalidValueError(
                "The document is nested too deeply to be stored (SQLite reads 1,000 levels); flatten it "
                "or store it as text."
            )
        return error

    def _given_out(self, doc_id: int) -> int:
        with self._lock:
            self._next_free = max(self._next_free, doc_id + 1)
        return doc_id


def _checked(document: Any) -> dict[Any, Any]:
    if not isinstance(document, Mapping):
        raise InvalidTypeError(f"Document is not a Mapping, but of type {type(document).__name__}.")
    return as_dict(cast("Mapping[Any, Any]", document))


def _storable_id(doc_id: Any) -> int:
    if not isinstance(doc_id, int) or not -MAX_INTEGER - 1 <= doc_id <= MAX_INTEGER:
        raise InvalidValueError(f"A doc_id is an integer of at most 64 bits, not {doc_id!r}.")
    return doc_id


def _id_of(document: Document) -> int:
    return document.doc_id


def _sorted_ids(rows: Rows) -> list[int]:
    return sorted(row[0] for row in rows)


def _page(limit: int | None, offset: int) -> tuple[int, ...]:
    most = -1 if limit is None else limit
    return most, most, offset, most, offset


def _is_missing_table(error: apsw.SQLError) -> bool:
    return "no such table" in str(error)


_ = DuplicateDocumentError
