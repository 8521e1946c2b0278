"""Columns: some values of the documents kept apart, so that a search need not walk through documents.

A table with columns has two more in SQL: the entries, of (key, doc_id, value), and the ids of documents
that have changed since they were entered. Triggers write down those ids in the very statement that
changes a document, and enter the documents when there are a few hundred: one by one, each would write
to a page for each of its keys.

Columns only ever narrow down. What they let through is looked at in the documents, and they let through
what has changed, and what they do not hold exactly (long text, null). So an entry may be out of date.
"""
# ruff: noqa: S608 - table names and paths are quoted where they are made, values are bound.

from collections.abc import Sequence
from typing import Any, NamedTuple

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.projection import EACH
from nbtrack.documents.push_down import compile_condition, compile_literally, path_sql
from nbtrack.documents.queries import Both, Comparison, Condition

_ENTRY = "entry\0."
_LONGEST = 100
"""Characters of a text that is kept; a longer one is in the document only."""


class Columns(NamedTuple):
    """What is kept apart."""

    paths: Sequence[tuple[Any, ...]]
    """Up to ten paths with one `EACH`: `("metrics", EACH, "last")`."""
    where: Condition
    """Only documents that meet this, such as `Query().status != "RUNNING"`, which spares those that change
    often; searches for this condition joined by `&` with others profit."""
    batch: int = 256
    """Changed documents that are entered at once."""


class ColumnTables:
    """The two tables beside one table, in SQL.

    Args:
        entries: The quoted name of the entries.
        changed: The quoted name of the ids of documents that have changed.
        table: The quoted name of the table of documents.
        columns: What is held.
    """

    def __init__(self, entries: str, changed: str, table: str, columns: Columns) -> None:
        self._entries = entries
        self._changed = changed
        self._table = table
        self._batch = columns.batch
        self._where = columns.where
        self._paths = [_checked(path) for path in columns.paths]
        compiled = compile_literally(columns.where)
        if compiled is None:
            raise InvalidValueError(
                f"Columns cannot be limited to {columns.where!r}; use == and != with text, integers, "
                "booleans or None, joined by &, | and ~."
            )
        self._condition = compiled[0]

    @property
    def mark(self) -> str:
        """The name of the trigger that is there when the columns are."""
        return f"{self._entries[1:-1]} updated"

    @property
    def statements(self) -> list[str]:
        """What makes the tables, enters the documents that are there, and keeps them true."""
        name = self._entries[1:-1]
        at_rest = f"SELECT odd = 0 AND {self._condition} FROM (SELECT NEW.odd AS odd, NEW.doc AS doc)"
        # No ON CONFLICT here: SQLite would apply it to what the trigger below does, too.
        note = (
            f"INSERT INTO {self._changed} SELECT NEW.doc_id "
            f"WHERE NEW.doc_id NOT IN (SELECT doc_id FROM {self._changed});"
        )
        documents = f"{self._changed} CROSS JOIN {self._table} USING (doc_id)"
        enter = (
            f"INSERT INTO {self._entries} {self._select(documents)} "
            "ON CONFLICT (key, doc_id) DO UPDATE SET value = excluded.value;"
        )
        removed = "(SELECT OLD.doc_id AS doc_id, OLD.odd AS odd, OLD.doc AS doc)"
        # The document tells under which keys it was entered: only the garbage of changed ones stays.
        remove = (
            f"DELETE FROM {self._entries} WHERE doc_id = OLD.doc_id "
            f"AND key IN (SELECT key FROM ({self._select(removed)}));"
        )
        return [
            f"DROP TABLE IF EXISTS {self._entries}",
            f"DROP TABLE IF EXISTS {self._changed}",
            f"CREATE TABLE {self._entries} (key TEXT NOT NULL, doc_id INTEGER NOT NULL, value, "
            "PRIMARY KEY (key, doc_id)) WITHOUT ROWID",
            f"CREATE TABLE {self._changed} (doc_id INTEGER PRIMARY KEY)",
            f"INSERT INTO {self._entries} {self._select(self._table)}",
            f'CREATE TRIGGER "{name} inserted" AFTER INSERT ON {self._table} WHEN ({at_rest}) '
            f"BEGIN {note} END",
            f'CREATE TRIGGER "{self.mark}" AFTER UPDATE ON {self._table} WHEN ({at_rest}) BEGIN {note} END',
            f'CREATE TRIGGER "{name} removed" AFTER DELETE ON {self._table} '
            f"BEGIN {remove} DELETE FROM {self._changed} WHERE doc_id = OLD.doc_id; END",
            f'CREATE TRIGGER "{name} changed" AFTER INSERT ON {self._changed} '
            f"WHEN (SELECT count(*) FROM {self._changed}) >= {self._batch} "
            f"BEGIN {enter} DELETE FROM {self._changed}; END",
        ]

    def narrow(self, condition: Any) -> tuple[str, tuple[Any, ...]] | None:
        """SQL for the ids of documents among which are all that match; None if columns do not help."""
        parts: Sequence[Any] = condition.parts if isinstance(condition, Both) else (condition,)
        # A list: a generator that `any` leaves half-way is closed by Python, which drops interrupts.
        if not [part for part in parts if isinstance(part, Condition) and part == self._where]:
            return None  # others match as well, which are not held
        found = [test for part in parts if (test := self._test(part)) is not None]
        if not found:
            return None
        # CROSS JOIN keeps SQLite from looking into the documents in between.
        joined = " CROSS JOIN ".join(
            f"{self._entries} c{at} ON {test.replace(_ENTRY, f'c{at}.')}"
            + (f" AND c{at}.doc_id = c0.doc_id" if at else "")
            for at, (test, _) in enumerate(found)
        )
        return (
            f"SELECT c0.doc_id AS narrowed FROM (SELECT 1) CROSS JOIN {joined} "
            f"WHERE c{len(found) - 1}.doc_id NOT IN (SELECT doc_id FROM {self._changed}) "
            f"UNION ALL SELECT doc_id FROM {self._changed}",
            tuple(binding for _, bindings in found for binding in bindings),
        )

    def _test(self, part: Any) -> tuple[str, tuple[Any, ...]] | None:
        """SQL that is true for the entries of documents which may meet a part of a condition."""
        if not isinstance(part, Comparison):
            return None
        key, literal, compiled = self._key_of(part.path), path_sql(part.path), compile_condition(part)
        if key is None or literal is None or compiled is None:
            return None
        sql = compiled.sql.replace(f"jsonb_extract(doc, {literal})", f"{_ENTRY}value")
        if "doc" in sql:
            return None  # it asks for more than the value
        return f"{_ENTRY}key = ? AND ifnull({sql}, {_ENTRY}value IS NULL)", (key, *compiled.bindings)

    def _select(self, source: str) -> str:
        """SELECT the entries of the documents in `source`, in their order."""
        selects: list[str] = []
        for number, path in enumerate(self._paths):
            at = path.index(EACH)
            outer, inner = path_sql(path[:at]), path_sql(path[at + 1 :])
            value = "CASE WHEN type NOT IN ('object', 'array') THEN value END"
            if len(path) > at + 1:
                value = f"CASE type WHEN 'object' THEN jsonb_extract(value, {inner}) END"
            selects.append(
                f"SELECT '{number}' || key AS key, doc_id, {value} AS found FROM {source}, "
                f"jsonb_each(doc, {outer}) "
                f"WHERE odd = 0 AND {self._condition} AND json_type(doc, {outer}) = 'object'"
            )
        kept = f"CASE WHEN typeof(found) IN ('integer', 'real') OR length(found) <= {_LONGEST} THEN found END"
        # A blob is a list or an object: it has a length as well.
        kept = f"CASE WHEN typeof(found) <> 'blob' THEN {kept} END"
        return f"SELECT key, doc_id, {kept} FROM ({' UNION ALL '.join(selects)}) WHERE 1 ORDER BY key, doc_id"

    def _key_of(self, path: tuple[str, ...]) -> str | None:
        """How entries of that path are called; None if there are none."""
        for number, held in enumerate(self._paths):
            at = held.index(EACH)
            if len(path) == len(held) and path[:at] == held[:at] and path[at + 1 :] == held[at + 1 :]:
                return f"{number}{path[at]}"
        return None


def _checked(path: tuple[Any, ...]) -> tuple[Any, ...]:
    path = tuple(path)
    at = path.index(EACH) if path.count(EACH) == 1 else 0
    if at == 0 or path_sql(path[:at]) is None or (path[at + 1 :] and path_sql(path[at + 1 :]) is None):
        raise InvalidValueError(
            f"Columns have paths with keys around one EACH, such as ('metrics', EACH, 'last'), not {path!r}."
        )
    return path
