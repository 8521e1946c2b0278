"""The rows of one document table: made when first written, read as empty while there are none."""
# ruff: noqa: S608 - table names are quoted by `nbtrack.documents.schema`, values are bound.

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError, StoreError
from nbtrack.documents.codec import MAX_INTEGER
from nbtrack.documents.engine import Engine
from nbtrack.documents.engine import Rows as Fetched
from nbtrack.documents.schema import Layout

_NO_ID = -MAX_INTEGER - 1


class TableRows:
    """Statements on one table; `layout.identifier` is its name in SQL.

    Args:
        engine: The database.
        layout: How the table looks.
    """

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self._engine = engine
        self._layout = layout
        self._name = layout.identifier
        self._next_id = _NO_ID  # ids below were given out by this object
        self._made_at = -1  # the engine's count of rollbacks when the schema was last seen complete
        self._columns_at = -1  # the same for the columns
        self._insert_next = (
            f"INSERT INTO {self._name} (doc_id, odd, doc) VALUES "
            f"(max(?, ifnull((SELECT max(doc_id) FROM {self._name}), 0) + 1), ?, jsonb(?))"
        )
        self._insert_at = f"INSERT INTO {self._name} (doc_id, odd, doc) VALUES (?, ?, jsonb(?))"

    def read(self, sql: str, bindings: Sequence[Any] = ()) -> Fetched:
        """Run a SELECT; no rows if there is no table."""
        try:
            return self._engine.run(sql, bindings)
        except apsw.SQLError as error:
            if _is_missing_table(error):
                return []
            raise

    def change(self, sql: str, bindings: Sequence[Any], written: Any) -> Fetched:
        """Run an UPDATE or DELETE; where there is no table there are no documents to change.

        Args:
            sql: The statement.
            bindings: What stands for its question marks.
            written: What is written, the document or part of it; errors quote it.
        """
        if (self._layout.indexes or self._layout.columns) and self._made_at != self._engine.rollbacks:
            self.make(only_existing=True)
        try:
            return self.read(sql, bindings)
        except apsw.ConstraintError as error:
            raise self._explain(error, written) from error

    def replace(self, doc_id: int, odd: bool, text: str, document: Any) -> None:
        """Write another document at an id that exists."""
        sql = f"UPDATE {self._name} SET odd = ?, doc = jsonb(?) WHERE doc_id = ?"
        try:
            self.change(sql, (odd, text, doc_id), document)
        except apsw.SQLError as error:
            raise self._explain(error, document) from error

    def insert(self, text: str, odd: bool, doc_id: int | None, document: Any) -> int:
        """Add one row, at `doc_id` or, if that is None, at the next free id; returns the id."""
        if self._made_at != self._engine.rollbacks:
            self.make()
        sql, place = (self._insert_next, self._next_id) if doc_id is None else (self._insert_at, doc_id)
        bindings = (place, odd, text)
        try:
            try:
                found = self._engine.insert(sql, bindings)
            except apsw.SQLError as error:
                if not _is_missing_table(error):
                    raise
                with self._engine.transaction():  # it was dropped, by another process perhaps
                    self.make()
                    found = self._engine.insert(sql, bindings)
        except (apsw.ConstraintError, apsw.SQLError) as error:
            raise self._explain(error, document) from error
        self._give_out(found)
        return found

    def insert_many(
        self, documents: Iterable[Any], prepare: Callable[[Any], tuple[int | None, bool, str]]
    ) -> list[int]:
        """Add rows, all or none; `prepare` gives id (None for the next), oddity and text of each."""
        doc_ids: list[int] = []
        current: Any = None

        def bindings() -> Iterable[tuple[int, bool, str]]:
            nonlocal current
            last = self.read(f"SELECT max(doc_id) FROM {self._name}")[0][0]
            next_id = max(self._next_id, (last or 0) + 1)
            for current in documents:
                doc_id, odd, text = prepare(current)
                if doc_id is None:
                    doc_id = next_id
                next_id = max(next_id, doc_id + 1)
                doc_ids.append(doc_id)
                yield doc_id, odd, text

        with self._engine.transaction():
            self.make()
            try:
                self._engine.run_many(self._insert_at, bindings())
            except (apsw.ConstraintError, apsw.SQLError) as error:
                raise self._explain(error, current) from error
        if doc_ids:
            self._give_out(max(doc_ids))
        return doc_ids

    def clear(self) -> None:
        """Remove all rows; ids begin again at 1."""
        self.read(f"DELETE FROM {self._name}")
        with self._engine.links.lock:
            self._next_id = _NO_ID

    def declare(self) -> None:
        """Look again, before the next change, whether all indexes are there."""
        self._made_at = -1

    def make(self, *, only_existing: bool = False) -> None:
        """Make the table and its indexes where they are missing."""
        rollbacks = self._engine.rollbacks
        with self._engine.transaction():
            if only_existing and not self._holds("table", self._name[1:-1]):
                return
            for statement in [*self._layout.statements, *self._layout.indexes]:
                try:
                    self._engine.run(statement)
                except apsw.ConstraintError as error:
                    raise AlreadyExistsError(
                        f"Table {self._layout.name!r} holds documents that have the same value of a key "
                        f"which is to be unique. (SQLite: {error})"
                    ) from error
            if self._layout.columns and not self._holds("trigger", self._layout.columns.mark):
                for statement in self._layout.columns.statements:
                    self._engine.run(statement)
        # In a transaction of the caller's all this may still be undone: then `rollbacks` grows.
        self._made_at = rollbacks

    def has_columns(self) -> bool:
        """Whether the columns are there: a database may be older, or may not be written."""
        if self._layout.columns is None:
            return False
        rollbacks = self._engine.rollbacks
        if self._columns_at != rollbacks:
            if not self._holds("trigger", self._layout.columns.mark):
                return False
            self._columns_at = rollbacks
        return True

    def _holds(self, kind: str, name: str) -> bool:
        sql = "SELECT 1 FROM sqlite_schema WHERE type = ? AND name = ?"
        return bool(self._engine.run(sql, (kind, name)))

    def _explain(self, error: apsw.Error, written: Any) -> Exception:
        if isinstance(error, apsw.ConstraintError):
            explained = self._layout.explain_violation(str(error), written)
            return explained or StoreError(f"A row of {self._name} was refused. (SQLite: {error})")
        if "malformed JSON" in str(error):
            return InvalidValueError(
                "The document is nested too deeply to be stored (more than 1,000 levels); flatten it or "
                "store the inner part as text."
            )
        return StoreError(f"A statement on {self._name} failed. (SQLite: {error})")

    def _give_out(self, doc_id: int) -> None:
        with self._engine.links.lock:
            self._next_id = max(self._next_id, doc_id + 1)


def _is_missing_table(error: apsw.SQLError) -> bool:
    return str(error).startswith("no such table")
