"""How tables look in the database: names, columns, indexes, and what a violated one says.

A document table has the columns `doc_id`, `odd` (see `nbtrack.documents.push_down`) and `doc`, in
this order: what stands behind a long document costs a walk through its pages.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError
from nbtrack.documents.codec import decode, encode
from nbtrack.documents.push_down import compile_literally, value_sql
from nbtrack.documents.queries import Condition, Path

Key = Path | tuple[Path, ...]
"""What identifies a document: one path, or several paths taken together."""

_TABLE_PREFIX = "d_"


class Index(NamedTuple):
    """An index that makes searches on `key` fast.

    Attributes:
        key: One path, or several: then searches on the first, or the first two, ... profit.
        where: Index only documents that meet this condition, such as `Query().status == "RUNNING"`.
            Searches that contain it, joined by `&`, profit.
    """

    key: Key
    where: Condition | None = None


class DuplicateDocumentError(AlreadyExistsError, ValueError):
    """A document with that id, or with that value of a unique key, exists; TinyDB raises ValueError."""


def table_identifier(name: str) -> str:
    """The quoted SQL name of a document table; any text is a name."""
    return f'"{_TABLE_PREFIX}{_escape(name)}"'


def table_name(identifier: str) -> str | None:
    """The name behind an unquoted SQL name; None if it is no document table."""
    return _unescape(identifier[len(_TABLE_PREFIX) :]) if identifier.startswith(_TABLE_PREFIX) else None


def paths_of(key: Key) -> tuple[Path, ...]:
    """A key as its paths."""
    paths: tuple[Any, ...] = (key,) if key and isinstance(key[0], str) else tuple(key)
    if not paths or not all(path and all(isinstance(part, str) for part in path) for path in paths):
        raise InvalidValueError(f'A key is a path such as ("run_id",) or a tuple of paths, not {key!r}.')
    return tuple(tuple(path) for path in paths)


class Layout:
    """The statements that make one table with its indexes.

    Args:
        name: The name of the table.
        unique: Keys of which every value stands in one document only (null and missing do not count).
        indexes: Further indexes.
    """

    def __init__(self, name: str, unique: Iterable[Key] = (), indexes: Iterable[Index] = ()) -> None:
        self.name = name
        self.identifier = table_identifier(name)
        self.unique: dict[str, tuple[Path, ...]] = {}
        self.literals: dict[tuple[Any, ...], str] = {}
        odd = _escape(f"{name} odd")
        self.statements = [
            f"CREATE TABLE IF NOT EXISTS {self.identifier} "
            "(doc_id INTEGER PRIMARY KEY, odd INTEGER NOT NULL, doc BLOB NOT NULL)",
            f'CREATE INDEX IF NOT EXISTS "{odd}" ON {self.identifier} (odd) WHERE odd = 1',
        ]
        for key in unique:
            self.add_unique(key)
        for index in indexes:
            self.add_index(index)

    def add_unique(self, key: Key) -> None:
        """Declare a unique key."""
        paths = paths_of(key)
        name = _escape(f"{self.name} unique {encode(paths)[0]}")
        if name not in self.unique:
            self.unique[name] = paths
            self.statements.append(
                f'CREATE UNIQUE INDEX IF NOT EXISTS "{name}" ON {self.identifier} ({_columns(paths)})'
            )

    def add_index(self, index: Index) -> None:
        """Declare an index."""
        paths = paths_of(index.key)
        condition = ""
        if index.where is not None:
            compiled = compile_literally(index.where)
            if compiled is None:
                raise InvalidValueError(
                    f"An index cannot be limited to {index.where!r}; use == and != with text, integers, "
                    "booleans or None, joined by & and |."
                )
            condition = f" WHERE {compiled[0]}"
            self.literals.update(compiled[1])
        name = _escape(f"{self.name} index {encode(paths)[0]}{condition}")
        statement = f'CREATE INDEX IF NOT EXISTS "{name}" ON {self.identifier} ({_columns(paths)}){condition}'
        if statement not in self.statements:
            self.statements.append(statement)

    def explain_violation(self, message: str, documents: Sequence[Any]) -> DuplicateDocumentError | None:
        """The error for a violated constraint.

        Args:
            message: What SQLite says.
            documents: The documents (or parts) being written, to quote the value from.
        """
        if f"{self.identifier[1:-1]}.doc_id" in message:
            ids = ", ".join(str(getattr(document, "doc_id", "?")) for document in documents)
            return DuplicateDocumentError(f"Document with ID {ids} already exists in table {self.name!r}.")
        found = re.search(r"index '(.*)'", message)
        if found is None:
            return None
        paths = self.unique.get(found.group(1)) or _paths_in(found.group(1))
        names = " and ".join(".".join(path) for path in paths) or "unique key"
        values = [tuple(_value_at(document, path) for path in paths) for document in documents]
        shown = ", ".join(" and ".join(map(repr, value)) for value in values[:1])
        return DuplicateDocumentError(
            f"Table {self.name!r} already holds a document whose {names} is {shown or 'the same'}."
        )


def _columns(paths: tuple[Path, ...]) -> str:
    columns: list[str] = []
    for path in paths:
        value = value_sql(path)
        if value is None:
            raise InvalidValueError(
                f"The path {path!r} cannot be indexed: its keys must not be empty of characters, begin with "
                "'$' or hold quotes, backslashes or control characters."
            )
        columns.append(value)
    return ", ".join(columns)


def _paths_in(identifier: str) -> tuple[Path, ...]:
    _, found, text = _unescape(identifier).rpartition(" unique ")
    return tuple(tuple(path) for path in decode(text)) if found else ()


def _value_at(document: Any, path: Path) -> Any:
    try:
        for key in path:
            document = document[key]
    except (KeyError, TypeError):
        return None
    return document


def _escape(text: str) -> str:
    """Text as an SQL name: SQLite's names know no upper case, NUL or surrogates."""
    return re.sub(
        r"[^a-z0-9_]",
        lambda found: "".join(f"%{byte:02x}" for byte in found.group().encode("utf-8", "surrogatepass")),
        text,
    )


def _unescape(identifier: str) -> str:
    return re.sub(
        rb"%(..)", lambda found: bytes.fromhex(found.group(1).decode()), identifier.encode()
    ).decode("utf-8", "surrogatepass")
