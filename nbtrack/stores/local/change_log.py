"""What people change of runs and experiments, written down by the change itself.

Each change is one document of the table `changes`, in the transaction of what it tells of, and a line
for each thing in the event log.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from nbtrack.core.names import check_reason
from nbtrack.core.users import current_user
from nbtrack.documents.database import Database
from nbtrack.documents.tables import Order
from nbtrack.stores.local.events import EventLog
from nbtrack.stores.local.metric_log import now_ms

LATEST_FIRST = Order(("number",), True)


class ChangeLog:
    """Writes changes down; knows which of them a thread is making."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self.database = database
        self._events = events
        self.table = database.table("changes", unique=[("number",)])
        self._of_thread = threading.local()

    @contextmanager
    def together(self, *, undoes: int | None = None, why: str | None = None) -> Generator[None]:
        """What is changed in the block is one change, in one transaction: all of it or, by an error, nothing.

        Args:
            undoes: The number of the change that is taken back.
            why: What the user says about it.
        """
        if self._parts is not None:
            yield  # it is part of a change already
            return
        check_reason(why)
        parts: list[dict[str, Any]] = []
        self._of_thread.parts = parts
        try:
            with self.database.transaction():
                yield
                if parts:
                    self._write(parts, undoes, why)
        finally:
            self._of_thread.parts = None

    def tell(self, what: str, **details: Any) -> None:
        """Say what was changed, inside the block of `together`, after it."""
        parts = self._parts
        if parts is not None:
            parts.append({"what": what, **details})

    @property
    def _parts(self) -> list[dict[str, Any]] | None:
        return getattr(self._of_thread, "parts", None)

    def _write(self, parts: list[dict[str, Any]], undoes: int | None, why: str | None) -> None:
        newest = list(self.table.select_values([("number",)], order_by=[LATEST_FIRST], limit=1))
        number = newest[0][0] + 1 if newest else 1
        document: dict[str, Any] = {
            "number": number,
            "time": now_ms(),
            "who": current_user(),
            "parts": parts,
            **({} if undoes is None else {"undoes": undoes}),
            **({"why": why} if why else {}),
        }
        self.table.insert(document)
        about = {key: document[key] for key in ("undoes", "why") if key in document}
        for part in parts:
            self._events.append(**part, **about, number=number)
