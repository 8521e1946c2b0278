"""The commands that look at registered models: `models list` and `models show`."""

from collections.abc import Sequence
from typing import Any

import click

from nbtrack.core import promotion_views, registry_views, static_views
from nbtrack.core.paged_lists import PagedList
from nbtrack.core.registry import RegisteredModel
from nbtrack.core.registry_events import approval_words
from nbtrack.filters.fields import MODEL_VERSION, REGISTERED_MODEL
from nbtrack.ui.commands import completing_models
from nbtrack.ui.commands.model_options import filter_option, json_option, number_option, order_option
from nbtrack.ui.commands.named import where_it_was_looked
from nbtrack.ui.commands.named_versions import find_version, meant, versions_of
from nbtrack.ui.commands.orders import with_directions
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb


@verb("list", examples=["", "-f \"name LIKE 'iris%' and tags.team = 'bio'\"", "-o last_updated_timestamp"])
@filter_option("name LIKE 'iris%'")
@order_option("by name")
@number_option
@json_option
@click.pass_obj
def list_models(screen: Screen, filter_string: str, order: Sequence[str], number: int, as_json: bool) -> None:
    """List registered models.

    Their highest version, and which versions are in use as what.
    """
    show_models(screen, filter_string, order, number, as_json=as_json)


@verb("show", examples=["iris", "iris 3", "iris @champion", "iris Production", "iris -f 'version > 3'"])
@click.argument("name", shell_complete=completing_models.names)
@click.argument("version", required=False, shell_complete=completing_models.versions)
@filter_option("version_number > 3")
@order_option("the highest version comes first")
@number_option
@json_option
@click.pass_obj
def show_model(
    screen: Screen,
    name: str,
    version: str | None,
    filter_string: str,
    order: Sequence[str],
    number: int,
    as_json: bool,
) -> None:
    """Show a registered model, or one of its versions.

    VERSION is a number, an alias behind an @, a stage or latest. FILTER and FIELD are of versions.
    """
    name, version = meant(screen.tracker, name, version)
    if version is None:
        show_versions(screen, name, filter_string, order, number, as_json=as_json)
        return
    if filter_string or order:
        raise click.UsageError("--filter and --order choose among versions: leave out the VERSION.")
    found = find_version(screen.tracker, name, version)
    if as_json:
        screen.write(json_text(found.to_dictionary()))
        return
    screen.show(registry_views.version_card(found, width=screen.width))


def show_models(
    screen: Screen, filter_string: str, order: Sequence[str], number: int, *, as_json: bool
) -> None:
    """Show at most so many registered models in a table."""
    models = screen.tracker.search_registered_models(
        number, filter_string, with_directions(order, entity=REGISTERED_MODEL)
    )
    if as_json:
        screen.write(json_text([_model_as_plain(model) for model in models]))
        return
    screen.show(registry_views.models_table(models, width=screen.width, most=number))
    _say_more(screen, models, number)
    if not models:
        screen.say(where_it_was_looked(screen))
        if not filter_string:
            screen.say(f"A run's model becomes one by: {screen.program} models register RUN NAME")


def show_versions(
    screen: Screen, name: str, filter_string: str, order: Sequence[str], number: int, *, as_json: bool
) -> None:
    """Show a registered model with its versions; filter, order and number are of these."""
    tracker = screen.tracker
    model = tracker.get_registered_model(name)
    found = tracker.search_model_versions(
        number,
        versions_of(model.name, filter_string),
        with_directions(order, entity=MODEL_VERSION) or ["version_number DESC"],
    )
    if as_json:
        screen.write(
            json_text({**_model_as_plain(model), "versions": [each.to_dictionary() for each in found]})
        )
        return
    # What is in use stands in the table of versions, if all of them do.
    is_whole = not filter_string and found.token is None
    views = [registry_views.model_card(model, has_table=not is_whole, width=screen.width)]
    if rules := tracker.approvals(name):
        demands = [[to, approval_words(rule)] for to, rule in rules.items()]
        views.append(static_views.table(["approval for", "is given"], demands))
    if waiting := tracker.promotion_requests(name):
        views.append(promotion_views.requests_table(waiting, width=screen.width))
    views.append(registry_views.versions_table(found, has_title=False, width=screen.width, most=number))
    html, text = "".join(view.html for view in views), "\n\n".join(view.text for view in views)
    screen.show(static_views.View(html, text))
    _say_more(screen, found, number)


def _say_more(screen: Screen, found: PagedList[Any], number: int) -> None:
    if found.token is not None:
        screen.say(f"There are more than these {number}; choose how many with -n.")


def _model_as_plain(model: RegisteredModel) -> dict[str, Any]:
    whole = model.to_dictionary()
    latest = whole.pop("latest_versions")
    return {**whole, "latest_versions": {each["current_stage"]: each["version"] for each in latest}}
