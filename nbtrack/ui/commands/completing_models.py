"""What can stand where the cursor is in commands of the registry: names, versions, aliases, stages."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from nbtrack.core.text_tables import age, shortened, visible
from nbtrack.documents.queries import Query
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.completing import MOST, careful

if TYPE_CHECKING:
    from nbtrack.core.registry import ModelVersion

_NO_STAGE = "None"
_PLACES = ("Production", "Staging", "Archived")
_MOST_VERSIONS = 400
_HELP = 60


@careful
def names(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Names of registered models."""
    place: Any = Query().name
    # Between the text and the text followed by the last letter there is.
    condition = (place >= incomplete) & (place < f"{incomplete}\U0010ffff") if incomplete else None
    for each in tracker.search_registered_models(MOST, condition):
        if each.name.isprintable():
            yield CompletionItem(each.name, help=visible(shortened(each.description or "", _HELP)))


@careful
def versions(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Versions of the registered model that stands before: numbers, aliases, stages that have one."""
    yield from _versions(tracker, ctx, incomplete)


def _versions(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    name = _name(ctx)
    found = tracker.search_model_versions(_MOST_VERSIONS, Query().name == name, ["version_number DESC"])
    for each in found:
        if str(each.version).startswith(incomplete):
            yield CompletionItem(str(each.version), help=_about(each))
    model = tracker.get_registered_model(name)
    for alias, version in sorted(model.aliases.items()):
        if f"@{alias}".startswith(incomplete):
            yield CompletionItem(f"@{alias}", help=f"version {version}")
    for each in model.latest_versions:
        if _is_stage(each.current_stage, incomplete):
            yield CompletionItem(each.current_stage, help=f"version {each.version}")


@careful
def versions_or_texts(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Versions where several words follow a name, of which the first may be one."""
    if not ctx.params.get("words"):
        yield from _versions(tracker, ctx, incomplete)


@careful
def aliases(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Aliases of the registered model that stands before."""
    for alias, version in sorted(tracker.get_registered_model(_name(ctx)).aliases.items()):
        if alias.startswith(incomplete):
            yield CompletionItem(alias, help=f"version {version}")


@careful
def places(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Where a version can be promoted to: stages, and the aliases that there are."""
    for stage in _PLACES:
        if _is_stage(stage, incomplete):
            yield CompletionItem(stage)
    for alias, version in sorted(tracker.get_registered_model(_name(ctx)).aliases.items()):
        if f"@{alias}".startswith(incomplete):
            yield CompletionItem(f"@{alias}", help=f"version {version}")


@careful
def requests(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Numbers of the requests that wait for approval."""
    for each in tracker.promotion_requests(_name(ctx)):
        if str(each.number).startswith(incomplete):
            yield CompletionItem(str(each.number), help=visible(f"version {each.version} to {each.to}"))


@careful
def changes(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Numbers of the changes of a registered model, the latest first."""
    for each in reversed(tracker.history(_name(ctx))[-MOST:]):
        if str(each.number).startswith(incomplete):
            yield CompletionItem(str(each.number), help=visible(shortened(str(each), _HELP)))


def _is_stage(stage: str, incomplete: str) -> bool:
    return stage != _NO_STAGE and stage.lower().startswith(incomplete.lower())


def _name(ctx: click.Context) -> str:
    # Behind an option that wants a value, click has not come to the arguments.
    return str(ctx.params.get("name") or ctx.args[0])


def _about(version: "ModelVersion") -> str:
    stage = "" if version.current_stage == _NO_STAGE else f"{version.current_stage}, "
    return f"{stage}registered {age(version.creation_timestamp)}"
