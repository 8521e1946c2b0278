"""The command `experiments`: what there is, how many runs, and since when."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from nbtrack.core import static_views, system_tags
from nbtrack.core.entities import Experiment, LifecycleStage
from nbtrack.core.text_tables import age, moment, shortened
from nbtrack.filters.fields import EXPERIMENT
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.looking import view_of
from nbtrack.ui.commands.named import where_it_was_looked
from nbtrack.ui.commands.orders import with_directions
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_CELL = 40


class _Count(NamedTuple):
    """The runs of one experiment."""

    runs: int = 0
    latest: int | None = None
    """Start of the latest, in milliseconds since 1970, UTC."""


@verb("experiments", examples=["", "-f \"name LIKE 'digits%' and tags.team = 'nlp'\"", "-o name --all"])
@click.option(
    "-f",
    "--filter",
    "filter_string",
    default="",
    metavar="FILTER",
    help="Only experiments that match, such as: name LIKE 'digits%'",
)
@click.option(
    "-o",
    "--order",
    multiple=True,
    metavar="FIELD",
    help="Sort by name, creation_time or last_update_time; else the newest comes first.",
)
@click.option("--deleted", is_flag=True, help="Deleted experiments instead of the others.")
@click.option("--all", "both", is_flag=True, help="Deleted experiments too.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.pass_obj
def experiments(
    screen: Screen, filter_string: str, order: Sequence[str], deleted: bool, both: bool, as_json: bool
) -> None:
    """List experiments.

    How many runs they have, and when the latest one started.
    """
    tracker = screen.tracker
    found = tracker.search_experiments(
        view_type=view_of(deleted, both),
        filter_string=filter_string,
        order_by=with_directions(order, entity=EXPERIMENT),
    )
    counts = _counts(tracker, found)
    if as_json:
        screen.write(json_text([_as_plain(each, counts) for each in found]))
        return
    if not found:
        screen.show(static_views.View("<p>No experiments.</p>", "No experiments."))
        screen.say(where_it_was_looked(screen))
        return
    rows: list[list[str]] = []
    for each in found:
        count = counts.get(each.experiment_id, _Count())
        rows.append(
            [
                shortened(each.name, _CELL) + " (deleted)" * _is_deleted(each),
                f"{count.runs:,}",
                "" if count.latest is None else _told(count.latest, screen),
                _own_tags(each),
            ]
        )
    headings = ["experiment", "runs", "latest run", "tags"]
    if not any(row[3] for row in rows):
        headings, rows = headings[:3], [row[:3] for row in rows]
    screen.show(static_views.table(headings, rows, right=(1,)))


def _counts(tracker: Tracker, experiments: Sequence[Experiment]) -> dict[str, _Count]:
    """The runs of each experiment by its id: of a deleted one the deleted runs, else the others."""
    if not experiments:
        return {}  # there may be no store, and looking makes none
    stages = {each.experiment_id: each.lifecycle_stage for each in experiments}
    counts: dict[str, _Count] = {}
    rows: Any = tracker.documents.table("runs").select_values(
        [("experiment_id",), ("lifecycle_stage",), ("start_time",)]
    )
    for experiment_id, stage, start in rows:
        if stages.get(experiment_id) == stage:
            runs, latest = counts.get(experiment_id, _Count())
            counts[experiment_id] = _Count(runs + 1, start if latest is None else max(latest, start))
    return counts


def _told(timestamp: int, screen: Screen) -> str:
    return age(timestamp) if screen.is_passing else moment(timestamp)[:16]


def _is_deleted(experiment: Experiment) -> bool:
    return experiment.lifecycle_stage == LifecycleStage.DELETED


def _own_tags(experiment: Experiment) -> str:
    return ", ".join(
        shortened(f"{key}={value}", _CELL)
        for key, value in experiment.tags.items()
        if not system_tags.is_system_tag(key)
    )


def _as_plain(experiment: Experiment, counts: dict[str, _Count]) -> dict[str, Any]:
    count = counts.get(experiment.experiment_id, _Count())
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "artifact_location": experiment.artifact_location,
        "tags": dict(experiment.tags),
        "runs": count.runs,
        "latest_run": count.latest,
    }
