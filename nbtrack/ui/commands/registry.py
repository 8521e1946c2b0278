"""The command `registry`: the registered models, and the versions of one."""

from collections.abc import Sequence
from typing import Any

import click

from nbtrack.core import registry_views, static_views
from nbtrack.core.registry import ModelVersion, RegisteredModel
from nbtrack.filters.fields import MODEL_VERSION, REGISTERED_MODEL
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.named import where_it_was_looked
from nbtrack.ui.commands.orders import with_directions
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb(
    "registry", examples=["", "iris", "iris -f \"current_stage = 'Production'\"", "-f \"name LIKE 'iris%'\""]
)
@click.argument("name", required=False, shell_complete=completing.registered_models)
@click.option(
    "-f",
    "--filter",
    "filter_string",
    default="",
    metavar="FILTER",
    help="Only those that match; behind a NAME its versions, such as: version_number > 3",
)
@click.option(
    "-o",
    "--order",
    multiple=True,
    metavar="FIELD",
    help="Sort by a field; else models stand by name, and versions with the highest first.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.pass_obj
def registry(
    screen: Screen, name: str | None, filter_string: str, order: Sequence[str], as_json: bool
) -> None:
    """List registered models, or the versions of one."""
    tracker = screen.tracker
    if name is None:
        models = tracker.search_registered_models(
            filter_string=filter_string, order_by=with_directions(order, entity=REGISTERED_MODEL)
        )
        if as_json:
            screen.write(json_text([_model_as_plain(model) for model in models]))
            return
        screen.show(registry_views.models_table(models))
        if not models:
            screen.say(where_it_was_looked(screen))
        return
    model = tracker.get_registered_model(name)
    found = tracker.search_model_versions(
        filter_string=_of_model(model.name, filter_string),
        order_by=with_directions(order, entity=MODEL_VERSION) or ["version_number DESC"],
    )
    if as_json:
        screen.write(json_text([_version_as_plain(version) for version in found]))
        return
    screen.show(_with_versions(model, found))


def _of_model(name: str, filter_string: str) -> str:
    """The filter of versions of one model."""
    quoted = name.replace("'", "''")
    return f"name = '{quoted}'" + (f" and ({filter_string})" if filter_string.strip() else "")


def _with_versions(model: RegisteredModel, versions: Sequence[ModelVersion]) -> static_views.View:
    card, table = registry_views.model_card(model), registry_views.versions_table(versions)
    return static_views.View(card.html + table.html, f"{card.text}\n\n{table.text}")


def _model_as_plain(model: RegisteredModel) -> dict[str, Any]:
    whole = model.to_dictionary()
    latest = whole.pop("latest_versions")
    return {**whole, "latest_versions": {each["current_stage"]: each["version"] for each in latest}}


def _version_as_plain(version: ModelVersion) -> dict[str, Any]:
    return {
        name: value for name, value in version.to_dictionary().items() if name not in ("params", "metrics")
    }
