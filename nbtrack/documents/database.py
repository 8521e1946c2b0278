"""The database: TinyDB's `TinyDB` on one SQLite file.

Example:
    >>> with Database("documents.db") as database:
    ...     runs = database.table("runs", unique=[("run_id",)])
    ...     runs.insert({"run_id": "a", "metrics": {"loss": 0.5}})
    ...     runs.search(Query().metrics.loss < 1)
"""

import os
from collections.abc import Sequence
from typing import Any

import apsw
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from nbtrack.core.errors import StoreError
from nbtrack.documents.columns import Columns
from nbtrack.documents.engine import BUSY_TIMEOUT, Engine, Transaction
from nbtrack.documents.schema import Index, Key, column_identifiers, table_identifier, table_name
from nbtrack.documents.tables import Table


class DocumentStorage(Storage):
    """TinyDB's view of the whole database as one dict, for its middlewares; nbtrack never uses it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Every table with every document; None if there are no tables."""
        return {
            name: {str(document.doc_id): dict(document) for document in Table(self, name)}
            for name in _table_names(self.engine)
        } or None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace everything by `data`, or nothing if that fails."""
        with self.engine.transaction():
            for name in _table_names(self.engine):
                if name not in data:
                    _drop(self.engine, name)
            for name, documents in data.items():
                table = Table(self, name, persist_empty=True)
                table.truncate()
                table.insert_multiple(
                    Document(document, int(doc_id)) for doc_id, document in documents.items()
                )

    def close(self) -> None:
        """Close this process's connections."""
        self.engine.close()


class Database(TinyDB):
    """A document database in one file, made when it is first used; its folder must exist.

    Safe to share between threads, and across forks; other processes may use the same file.

    Args:
        path: The file.
        read_only: Never write anything, and read even where nothing can be written.
        timeout: Seconds a change waits for other processes' changes before it raises StoreError.
    """

    table_class = Table

    def __init__(
        self, path: str | os.PathLike[str], *, read_only: bool = False, timeout: float = BUSY_TIMEOUT
    ) -> None:
        self._engine = Engine(os.path.abspath(path), read_only=read_only, timeout=timeout)
        self._storage = DocumentStorage(self._engine)
        self._tables: dict[str, Table] = {}  # pyright: ignore[reportIncompatibleVariableOverride]
        self._opened = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path!r}{'' if self._opened else ' (closed)'}>"

    @property
    def path(self) -> str:
        """The database file."""
        return self._engine.path

    def table(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        name: str,
        unique: Sequence[Key] = (),
        indexes: Sequence[Index] = (),
        columns: Columns | None = None,
        **options: Any,
    ) -> Table:
        """The table of that name; made with its first document.

        Args:
            name: Any text.
            unique: Keys of which every value stands in one document only: a path such as
                `("run_id",)`, or several taken together such as `(("name",), ("version",))`.
            indexes: What searches should be fast on.
            columns: Values kept apart, for fast searches among many documents.
            **options: TinyDB's `cache_size` (ignored) and `persist_empty`.
        """
        table = self._tables.get(name)
        if table is None:
            made = self.table_class(
                self._storage, name, unique=unique, indexes=indexes, columns=columns, **options
            )
            return self._tables.setdefault(name, made)
        table.declare(unique, indexes, columns)
        return table

    def tables(self) -> set[str]:
        """The names of all tables."""
        return _table_names(self._engine)

    def drop_table(self, name: str) -> None:
        """Remove a table with its documents."""
        self._tables.pop(name, None)
        with self._engine.transaction():
            _drop(self._engine, name)

    def drop_tables(self) -> None:
        """Remove all tables with their documents."""
        self._tables.clear()
        with self._engine.transaction():
            for name in _table_names(self._engine):
                _drop(self._engine, name)

    def transaction(self) -> Transaction:
        """A context in which all changes by this thread, in all tables, become one.

        An exception undoes them all; inside another transaction it undoes those of the inner one.
        Other writers wait meanwhile, so keep it short.
        """
        return self._engine.transaction()

    def sync(self) -> None:
        """Return when every change made so far survives a power cut; each survives a crash already."""
        self._engine.sync()

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write an exact copy to the new file `path` while others go on working.

        Raises:
            AlreadyExistsError: Something is at `path`.
        """
        self._engine.backup(os.path.abspath(path))

    def check(self) -> list[str]:
        """Look for damage, in all of the file; what is found, nothing if it is sound."""
        try:
            found = [text for (text,) in self._engine.run("PRAGMA integrity_check")]
        except StoreError as error:
            if not isinstance(error.__cause__, apsw.CorruptError):
                raise
            found = [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the file; using the database afterwards raises StoreError."""
        self._opened = False
        self._engine.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process gets a database of its own on the same file.
        return _reopen, (type(self), self.path, self._engine.read_only, self._engine.timeout)

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *args: object) -> None:
        if self._opened:
            self.close()

    def __getattr__(self, name: str) -> Any:
        # As in TinyDB the database stands for its default table; but not for what pickle, copy and
        # IPython look for.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.table(self.default_table_name), name)


def _reopen(kind: type[Database], path: str, read_only: bool, timeout: float) -> Database:
    return kind(path, read_only=read_only, timeout=timeout)


def _drop(engine: Engine, name: str) -> None:
    for identifier in (table_identifier(name), *column_identifiers(name)):
        engine.run(f"DROP TABLE IF EXISTS {identifier}")


def _table_names(engine: Engine) -> set[str]:
    rows = engine.run("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name for (found,) in rows if (name := table_name(found)) is not None}
