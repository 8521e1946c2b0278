"""Errors of data that does not fit the signature of a model: which column, what was given, what is wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.core.errors import InvalidTypeError

SHOWN = 8
"""How many problems a message lists; the others are counted."""


class SignatureMismatchError(InvalidTypeError):
    """Data, or params, do not fit the signature of the model; nothing was predicted.

    Attributes:
        problems: A sentence for each column, tensor or param that does not fit.
        columns: What is wrong in each column that does not fit, without its row; where it is columns.
        error_class: MLflow's name of this kind of error.
    """

    error_class = "SCHEMA_ENFORCEMENT_FAILED"

    def __init__(
        self, problems: Sequence[str], what: str = "input", columns: Mapping[Any, str] | None = None
    ) -> None:
        self.problems = list(problems)
        self.columns = dict(columns or {})
        shown = self.problems[:SHOWN]
        if len(self.problems) > SHOWN:
            shown.append(f"and {len(self.problems) - SHOWN} more")
        do = "do" if what.endswith("s") else "does"
        beginning = f"The {what} {do} not fit the signature of the model"
        super().__init__(
            f"{beginning}: {shown[0]}" if len(shown) == 1 else "\n- ".join([f"{beginning}:", *shown])
        )


class MisfitError(InvalidTypeError):
    """One column or array does not fit; whoever knows its name makes a `SignatureMismatchError` of it.

    Attributes:
        why: What is wrong with which value, without its subject.
        place: Where the first value that does not fit is, counted from 0 in the order of memory; None:
            all of it is of another kind.
        advised: Whether `why` says what to do already.
    """

    def __init__(self, why: str, place: int | None = None, *, advised: bool = False) -> None:
        self.why, self.place, self.advised = why, place, advised
        super().__init__(why)
