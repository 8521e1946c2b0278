"""What a notebook keeps of an object: HTML and text for any reader, and data for a front end that knows us.

A front end without our extension ignores the MIME type and shows the HTML. The data names what is
shown and holds a snapshot of it, so that it can be drawn with no store and no kernel: no path of the
machine, no secret, and never more than a notebook should keep.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.core import system_tags
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.secrets import redact_value
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import shortened, visible

if TYPE_CHECKING:
    from nbtrack.core.entities import Run

MIME_TYPE = "application/vnd.nbtrack+json"
VERSION = 1
"""Of the form of the data; a front end that does not know it shows the HTML."""

_COUNTS = (200, 100, 50, 20, 8, 3, 1, 0)
_TEXT = 200
_KEPT_TAGS = (
    system_tags.ERROR,
    system_tags.PARENT_RUN_ID,
    system_tags.NOTEBOOK,
    system_tags.CELL_ID,
    system_tags.LINEAGE,
    system_tags.ATTEMPT,
    system_tags.GIT_COMMIT,
    system_tags.GIT_BRANCH,
    system_tags.GIT_DIRTY,
)
"""Tags with a fixed meaning that say nothing of the machine."""


def bundle(
    view: View,
    kind: str,
    ids: Mapping[str, str],
    snapshot: Callable[[int], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A view as a notebook's MIME bundle, with what it shows as data.

    Args:
        view: What any front end shows.
        kind: What it is a view of, such as `run`.
        ids: What names it, such as `run_id`.
        snapshot: Gives what it looks like now, with at most that many entries of each kind; what is
            too much even with none is left out.
    """
    data: dict[str, Any] = {"version": VERSION, "kind": kind, **ids}
    for count in _COUNTS:
        if snapshot is None:
            break
        whole = {**data, "snapshot": snapshot(count)}
        if len(json.dumps(whole)) <= MOST_BYTES:
            data = whole
            break
    return {MIME_TYPE: data, "text/html": view.html, "text/plain": view.text}


def run_bundle(view: View, run: "Run", more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A view of one run as a notebook's MIME bundle.

    Args:
        view: What any front end shows.
        run: The run.
        more: What else the snapshot holds: plain data, small.
    """
    return bundle(
        view, "run", {"run_id": run.info.run_id}, lambda most: {**run_snapshot(run, most), **(more or {})}
    )


def run_snapshot(run: "Run", most: int) -> dict[str, Any]:
    """A run as plain data, as JSON takes it: numbers that JSON does not have are text.

    Args:
        run: The run.
        most: How many params, metrics and tags at most; the numbers of all of them are told. The sketch
            of a metric is one text: a notebook's file has a line for each entry of a list.
    """
    info, data = run.info, run.data
    tags = {key: value for key, value in data.tags.items() if not system_tags.is_system_tag(key)}
    facts = {key: data.tags[key] for key in _KEPT_TAGS if key in data.tags}
    return {
        "run_name": _text(info.run_name),
        "experiment_id": info.experiment_id,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "params": _texts(data.params, most),
        "metrics": {
            _text(key): {
                "last": number(summary.last),
                "last_step": summary.last_step,
                "min": number(summary.min),
                "min_step": summary.min_step,
                "max": number(summary.max),
                "max_step": summary.max_step,
                "count": summary.count,
                "sketch": " ".join(f"{value:.5g}" for value in data.sketches.get(key, ())),
            }
            for key, summary in list(data.summaries.items())[:most]
        },
        "tags": _texts(tags, most),
        "facts": _texts(facts, most),
        "counts": {"params": len(data.params), "metrics": len(data.summaries), "tags": len(tags)},
    }


def number(value: float) -> float | str:
    """A number as JSON takes it: NaN and infinities are text, as MLflow's clients send them."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def texts(values: Sequence[str], most: int) -> list[str]:
    """Some texts, each of them short."""
    return [_text(value) for value in values[:most]]


def _texts(held: Mapping[str, str], most: int) -> dict[str, str]:
    return {
        _text(key): _text(redact_value(str(value)[: 4 * _TEXT], key))
        for key, value in list(held.items())[:most]
    }


def _text(text: str) -> str:
    # Halves of surrogates are no JSON for everybody.
    return visible(shortened(text, _TEXT))
