"""What commands write for other programs: JSON and CSV."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from nbtrack.core.entities import Run


def run_as_plain(run: Run) -> dict[str, Any]:
    """A run as nested plain dicts, with the summaries of its metrics."""
    whole = run.to_dictionary()
    whole["data"]["summaries"] = {key: summary.to_document() for key, summary in run.data.summaries.items()}
    return whole


def json_text(value: Any) -> str:
    """JSON that every program reads: NaN and infinities are text."""
    return json.dumps(_finite(value), indent=2, default=str)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV, with a line of names; what is missing is empty."""
    import csv  # lazy: a shell that completes waits for each import
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().rstrip("\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in cast("list[Any]", value)]
    return value
