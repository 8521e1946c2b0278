"""What the records that people see have in common."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any


class Record:
    """A frozen dataclass whose names and values can be walked over: `dict(run.info)`, as in MLflow."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for field in fields(self):  # pyright: ignore[reportArgumentType]
            yield field.name, getattr(self, field.name)
