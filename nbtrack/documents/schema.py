"""How tables look in the database: names, columns, indexes, and what a violated one says.

A document table has the columns `doc_id`, `odd` (see `nbtrack.documents.push_down`) and `doc`, in
this order: reading what stands behind a long document costs a walk through its pages.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError
from nbtrack.documents.codec import decode, encode
from nbtrack.documents.columns import Columns, ColumnTables
from nbtrack.documents.push_down import Literals, compile_literally, value_sql
from nbtrack.documents.queries import Condition, Path, find_value

Key = Path | tuple[Path, ...]
"""What identifies a document: the value at one path, or those at several paths taken together."""

_TABLE_PREFIX = "d_"
_COLUMNS_PREFIXES = ("c_", "n_")
_INDEX_PREFIX = "i_"


class Index(NamedTuple):
    """An index that makes searches for values of `key` fast."""

    key: Key
    """One path, or several: then searches for the first, or the first two, ... profit."""
    where: Condition | None = None
    """Only documents that meet this are in the index, such as `Query().status == "RUNNING"`; searches
    for this condition joined by `&` with others profit."""


class DuplicateDocumentError(AlreadyExistsError, ValueError):
    """A document with that id, or with that value of a unique key, exists; TinyDB raises ValueError."""


class Layout:
    """The statements that make one table with its indexes.

    Args:
        name: The name of the table.
        unique: Keys of which every value stands in one document only (null and missing do not count).
        indexes: Further indexes.
        columns: What is kept apart.
    """

    def __init__(
        self,
        name: str,
        unique: Iterable[Key] = (),
        indexes: Iterable[Index] = (),
        columns: Columns | None = None,
    ) -> None:
        self.name = name
        self.identifier = table_identifier(name)
        self.literals: Literals = {}
        self.indexes: list[str] = []
        self.sorted_paths: set[Path] = set()
        """Paths by whose values an index goes through all documents."""
        self.statements = [
            f"CREATE TABLE IF NOT EXISTS {self.identifier} "
            "(doc_id INTEGER PRIMARY KEY, odd INTEGER NOT NULL, doc BLOB NOT NULL)",
            f"CREATE INDEX IF NOT EXISTS {_index_identifier(name, 'odd')} "
            f"ON {self.identifier} (odd) WHERE odd = 1",
        ]
        self.columns: ColumnTables | None = None
        self.declare(unique, indexes, columns)

    def declare(
        self, unique: Iterable[Key], indexes: Iterable[Index], columns: Columns | None = None
    ) -> bool:
        """Add unique keys, indexes and columns; returns whether there was something new among them."""
        known = len(self.indexes), self.columns
        if columns is not None and self.columns is None:
            self.columns = ColumnTables(*column_identifiers(self.name), self.identifier, columns)
        for key in unique:
            self._add("UNIQUE INDEX", "unique", key, "")
        for index in indexes:
            condition = ""
            if index.where is not None:
                compiled = compile_literally(index.where)
                if compiled is None:
                    raise InvalidValueError(
                        f"An index cannot be limited to {index.where!r}; use == and != with text, integers, "
                        "booleans or None, joined by &, | and ~."
                    )
                condition = f" WHERE {compiled[0]}"
                self.literals = {**self.literals, **compiled[1]}
            self._add("INDEX", "index", index.key, condition)
            if index.where is None:
                self.sorted_paths.add(_paths_of(index.key)[0])
        return (len(self.indexes), self.columns) != known

    def _add(self, what: str, word: str, key: Key, condition: str) -> None:
        paths = _paths_of(key)
        name = _index_identifier(self.name, f"{word} {encode(paths)[0]}{condition}")
        statement = f"CREATE {what} IF NOT EXISTS {name} ON {self.identifier} ({_columns(paths)}){condition}"
        if statement not in self.indexes:
            self.indexes.append(statement)

    def explain_violation(self, message: str, document: Any) -> DuplicateDocumentError | None:
        """The error for a violated constraint.

        Args:
            message: What SQLite says.
            document: What was being written, or the part that was changed, to quote the value from.
        """
        if message.endswith(".doc_id"):
            doc_id = getattr(document, "doc_id", "?")
            return DuplicateDocumentError(f"Document with ID {doc_id} already exists in table {self.name!r}.")
        found = re.search(r"index '(.*)'", message)
        paths = self._paths_in(found.group(1)) if found else ()
        if not paths:
            return None
        key = " and ".join(".".join(path) for path in paths)
        value = " and ".join(repr(find_value(document, path)) for path in paths)
        return DuplicateDocumentError(f"Table {self.name!r} already holds a document whose {key} is {value}.")

    def _paths_in(self, index: str) -> tuple[Path, ...]:
        """The paths of a unique index, read from its name: another process may have made it."""
        _, is_unique, text = _unescape(index).partition(f"{_INDEX_PREFIX}{self.name} unique ")
        return tuple(tuple(path) for path in decode(text)) if is_unique else ()


def table_identifier(name: str) -> str:
    """The quoted SQL name of a document table; any text is a name."""
    return f'"{_TABLE_PREFIX}{_escape(name)}"'


def column_identifiers(name: str) -> tuple[str, str]:
    """The quoted SQL names of the tables that hold the columns of a document table."""
    entries, changed = (f'"{prefix}{_escape(name)}"' for prefix in _COLUMNS_PREFIXES)
    return entries, changed


def table_name(identifier: str) -> str | None:
    """The name behind an unquoted SQL name; None if it is no document table."""
    return _unescape(identifier[len(_TABLE_PREFIX) :]) if identifier.startswith(_TABLE_PREFIX) else None


def _paths_of(key: Any) -> tuple[Path, ...]:
    paths: Any = (key,) if _is_path(key) else key
    if not isinstance(paths, (tuple, list)) or not paths or not all(map(_is_path, cast("Any", paths))):
        raise InvalidValueError(f'A key is a path such as ("run_id",) or a tuple of paths, not {key!r}.')
    return tuple(tuple(path) for path in cast("Any", paths))


def _is_path(path: Any) -> bool:
    if not isinstance(path, (tuple, list)) or not path:
        return False
    return all(isinstance(key, str) for key in cast("Iterable[Any]", path))


def _columns(paths: tuple[Path, ...]) -> str:
    columns: list[str] = []
    for path in paths:
        value = value_sql(path)
        if value is None:
            raise InvalidValueError(
                f"The path {path!r} cannot be indexed: a key must not begin with '$' or hold double quotes, "
                "backslashes, control characters or surrogates."
            )
        columns.append(value)
    return ", ".join(columns)


def _index_identifier(table: str, what: str) -> str:
    return f'"{_INDEX_PREFIX}{_escape(f"{table} {what}")}"'


def _escape(text: str) -> str:
    """Text as an SQL name: SQLite's names know no upper case, NUL or surrogates."""
    return re.sub(
        r"[^a-z0-9_]",
        lambda found: "".join(f"%{byte:02x}" for byte in found.group().encode("utf-8", "surrogatepass")),
        text,
    )


def _unescape(identifier: str) -> str:
    plain = re.sub(rb"%(..)", lambda found: bytes.fromhex(found.group(1).decode()), identifier.encode())
    return plain.decode("utf-8", "surrogatepass")
