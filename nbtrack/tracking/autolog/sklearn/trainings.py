"""One training: the estimator, and the data it was called with."""

from copy import deepcopy
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sklearn import data_rows
from nbtrack.tracking.autolog.sklearn.estimators import params_of

FIRST_ROWS = 5
"""Rows that the signature is inferred from, and that an input example has; MLflow's number."""

_COPIED = 64_000_000
"""Bytes of data that are copied where the estimator is told to work on the user's own."""


@dataclass(eq=False)
class Training:
    """What is known of a training before it begins, to be recorded then and afterwards."""

    estimator: Any
    params: dict[str, Any]
    """The params as they were before it: training changes some inside a pipeline, such as `random_state`."""
    X: Any
    """The inputs, (rows, ...); anything that scikit-learn takes."""
    y: Any
    """The targets, (rows,) or (rows, outputs); None where there are none."""
    sample_weight: Any
    row_count: int | None
    """None where `X` is not data of which rows can be taken, such as a generator."""
    first_rows: Any
    """A copy of the first five."""

    @classmethod
    def of(cls, call: Call, function: FunctionType, *, deep: bool = True) -> "Training":
        """The training that a call is.

        Args:
            call: A call of a method that trains; its first argument is the estimator.
            function: That method.
            deep: Whether the params of the estimators inside count.
        """
        estimator, *given = call.args
        names = _parameters(function)[1:]
        by_name = {**dict(zip(names, given, strict=False)), **call.kwargs}
        inputs = by_name.get(names[0]) if names else None
        y = next((by_name[name] for name in names[1:2] if name in ("y", "Y") and name in by_name), None)
        if y is None and len(names) < 2:
            y = call.kwargs.get("y")
        params = params_of(estimator, deep=deep)
        count = data_rows.row_count(inputs)
        if count and _works_in_place(params) and data_rows.nbytes(inputs) <= _COPIED:
            inputs = deepcopy(inputs)
        return cls(
            estimator=estimator,
            params=params,
            X=inputs,
            y=y,
            sample_weight=by_name.get("sample_weight"),
            row_count=count,
            first_rows=data_rows.first_rows(inputs, FIRST_ROWS) if count else None,
        )

    @property
    def has_changed_data(self) -> bool:
        """Whether the training has changed what it was given, so that nothing can be measured on it."""
        if self.first_rows is None:
            return False
        return not data_rows.are_equal(data_rows.rows(self.X, slice(FIRST_ROWS)), self.first_rows)


def _works_in_place(params: dict[str, Any]) -> bool:
    return any(
        value is False and key.rpartition("__")[2] in ("copy", "copy_X", "copy_x")
        for key, value in params.items()
    )


def _parameters(function: FunctionType) -> tuple[str, ...]:
    """The names of what a function takes by position, of the function behind all decorators."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]
    code = function.__code__
    return code.co_varnames[: code.co_argcount]
