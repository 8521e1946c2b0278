"""What a search has measured, `cv_results_`, as the text of a CSV file."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, cast


def table_of(results: Mapping[str, Any]) -> str:
    """A table with a row for each candidate, as pandas would write it; what one does not set is empty."""
    columns = [[_cell(value) for value in cast("Iterable[Any]", column)] for column in results.values()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(results))
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _cell(value: Any) -> str:
    # What is masked is an object of a class of its own, which has no value to compare.
    if value is None or type(value).__name__ == "MaskedConstant":
        return ""
    is_nan = isinstance(value, float) and value != value
    return "" if is_nan else str(value)
