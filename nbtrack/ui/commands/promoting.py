"""The commands that move stages and aliases, and those of approval.

`promote`, `rollback`, `request`, `approve`, `reject`, `requests` and `require-approval`. What a script has
to know besides is said by the exit status: 3 when a version stays where it is, 4 when it waits for approval.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from nbtrack.core import promotion_views
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.metric_directions import is_greater_better
from nbtrack.core.promotions import Promotion, read_destination
from nbtrack.core.registry_events import approval_words
from nbtrack.ui.commands import completing, completing_models
from nbtrack.ui.commands.model_options import (
    Decorator,
    json_option,
    name_argument,
    version_argument,
    why_option,
)
from nbtrack.ui.commands.named_versions import (
    find_model,
    find_version_before,
)
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.saying import say_done
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

STAYED, WAITS = 3, 4
"""Exit statuses of what is no error, and yet no promotion."""
_STAGES = ("Production", "Staging", "Archived")


def _moving(command: Callable[..., None]) -> Callable[..., None]:
    """What `promote` and `request` take."""
    for add in (
        json_option,
        why_option,
        click.option(
            "--keep-others",
            is_flag=True,
            help="Leave other versions in the stage; else they go to Archived.",
        ),
        click.option(
            "--higher-is-better/--lower-is-better",
            "higher_is_better",
            default=None,
            help="Which METRIC is better, where its name does not say so.",
        ),
        click.option(
            "--if-better",
            metavar="METRIC",
            help="Only if this metric is better than that of the version that has it now.",
            shell_complete=completing.metrics,
        ),
        click.argument("to", required=False, metavar="TO", shell_complete=completing_models.places),
        version_argument,
        name_argument,
    ):
        command = add(command)
    return command


@verb(
    "promote",
    examples=[
        "iris 3 Production",
        'iris 3 Production --if-better accuracy --why "new data"',
        "iris latest @champion",
    ],
)
@_moving
@click.pass_context
def promote(context: click.Context, **given: Any) -> None:
    """Move a stage or an alias to a version.

    TO is a stage (Staging, Production, Archived, None) or an alias (@champion). Where approval is demanded,
    this asks for it. The exit status is 3 when the version is not better, and 4 when it waits for approval.
    """
    screen: Screen = context.obj
    promotion = _move(screen, screen.tracker.promote, **given)
    if promotion.status == "requested":
        context.exit(WAITS)
    if not promotion and not _is_there(screen, promotion):
        context.exit(STAYED)


@verb("rollback", examples=["iris", 'iris --why "slow"', "iris @champion"])
@name_argument
@click.argument("to", default="Production", required=False, shell_complete=completing_models.places)
@why_option
@json_option
@click.pass_obj
def rollback(screen: Screen, name: str, to: str, why: str | None, as_json: bool) -> None:
    """Give a stage or alias back to the version before.

    TO is Production if you do not say. Given again, it goes further back.
    """
    model = find_model(screen.tracker, name)
    _tell(screen, screen.tracker.rollback(model.name, to, why=why), as_json=as_json)


@verb("request", examples=['iris 3 Production --why "please look"'])
@_moving
@click.pass_context
def request(context: click.Context, **given: Any) -> None:
    """Ask somebody else to promote a version.

    TO is a stage or an alias. The exit status is 3 when the version is not better.
    """
    screen: Screen = context.obj
    promotion = _move(screen, screen.tracker.request, **given)
    if promotion.status == "kept" and not _is_there(screen, promotion):
        context.exit(STAYED)


@verb("requests", examples=["", "iris", "iris --all"])
@click.argument("name", required=False, shell_complete=completing_models.names)
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@json_option
@click.pass_obj
def requests(screen: Screen, name: str | None, everything: bool, as_json: bool) -> None:
    """List the promotions that wait for approval."""
    tracker = screen.tracker
    name = None if name is None else find_model(tracker, name).name
    found = tracker.promotion_requests(name, pending=not everything)
    if as_json:
        screen.write(json_text([each.to_dictionary() for each in found]))
        return
    screen.show(promotion_views.requests_table(found, width=screen.width))


_request_argument: Decorator = click.argument(
    "number", type=int, required=False, metavar="[REQUEST]", shell_complete=completing_models.requests
)


@verb("approve", examples=["iris", 'iris 2 --why "checked on the test set"'])
@name_argument
@_request_argument
@why_option
@json_option
@click.pass_obj
def approve(screen: Screen, name: str, number: int | None, why: str | None, as_json: bool) -> None:
    """Approve a request, which promotes the version.

    REQUEST is its number; it may be left out while only one waits.
    """
    model = find_model(screen.tracker, name)
    _tell(screen, screen.tracker.approve(model.name, number, why=why), as_json=as_json)


@verb("reject", examples=['iris 2 --why "too slow"'])
@name_argument
@_request_argument
@why_option
@json_option
@click.pass_obj
def reject(screen: Screen, name: str, number: int | None, why: str | None, as_json: bool) -> None:
    """Reject a request: the version stays where it is.

    REQUEST is its number; it may be left out while only one waits.
    """
    model = find_model(screen.tracker, name)
    _tell(screen, screen.tracker.reject(model.name, number, why=why), as_json=as_json)


@verb(
    "require-approval",
    examples=[
        "iris Production",
        "iris Production --by ada --by bob --four-eyes",
        "iris Production --lift",
        "iris",
    ],
)
@name_argument
@click.argument("to", required=False, shell_complete=completing_models.places)
@click.option(
    "--by", "approvers", multiple=True, metavar="USER", help="Only these may approve; else everybody."
)
@click.option("--four-eyes", is_flag=True, help="Nobody approves what they asked for.")
@click.option("--lift", is_flag=True, help="Demand it no more.")
@why_option
@json_option
@click.pass_obj
def require_approval(
    screen: Screen,
    name: str,
    to: str | None,
    approvers: Sequence[str],
    four_eyes: bool,
    lift: bool,
    why: str | None,
    as_json: bool,
) -> None:
    """Let moves to a stage or alias wait for approval.

    Without TO, show what demands it.
    """
    tracker = screen.tracker
    model = find_model(tracker, name)
    if to is None:
        if approvers or four_eyes or lift:
            raise click.UsageError("Say what for: the stage or alias TO.")
        _show_rules(screen, model.name, as_json=as_json)
        return
    if lift:
        if approvers or four_eyes:
            raise click.UsageError("--lift goes without --by and --four-eyes.")
        tracker.lift_approval(model.name, to, why=why)
    else:
        tracker.require_approval(model.name, to, approvers=list(approvers), four_eyes=four_eyes, why=why)
    if as_json:
        _show_rules(screen, model.name, as_json=True)
        return
    demands = f"demands {'no ' * lift}approval for {read_destination(to, model.aliases)}"
    words = " any more" if lift else approval_words({"approvers": approvers, "four_eyes": four_eyes})
    say_done(screen, f"{model.name!r} {demands}{words}.", "models", "undo", model.name)


def _show_rules(screen: Screen, name: str, *, as_json: bool) -> None:
    rules: Mapping[str, Mapping[str, Any]] = screen.tracker.approvals(name)
    if as_json:
        screen.write(json_text(dict(rules)))
    elif not rules:
        screen.say(f"{name!r} demands approval for nothing.")
    else:
        for to, rule in rules.items():
            screen.say(f"{name!r} demands approval for {to}{approval_words(rule)}.")


def _tell(screen: Screen, promotion: Promotion, *, as_json: bool) -> None:
    if as_json:
        screen.write(json_text(promotion.to_dictionary()))
    elif promotion:
        say_done(screen, promotion.reason, "models", "undo", promotion.name, "--event", str(promotion.event))
    elif promotion.status == "requested":
        screen.say(promotion.reason)
        words = ["models", "approve", promotion.name, str(promotion.request)]
        screen.say(f"Approve it: {screen.program} {shlex.join(words)}")
    else:
        screen.say(promotion.reason)


def _move(
    screen: Screen,
    verb_of_tracker: Callable[..., Promotion],
    *,
    name: str,
    version: str,
    to: str | None,
    if_better: str | None,
    higher_is_better: bool | None,
    keep_others: bool,
    why: str | None,
    as_json: bool,
) -> Promotion:
    found, to = find_version_before(screen.tracker, name, version, to, "TO")
    to = _place(screen, found.name, to)
    try:
        promotion = verb_of_tracker(
            found.name,
            found.version,
            to,
            if_better=if_better,
            higher_is_better=higher_is_better,
            archive_existing_versions=not keep_others,
            why=why,
        )
    except InvalidValueError:
        if if_better is None or higher_is_better is not None or is_greater_better(if_better) is not None:
            raise
        raise InvalidValueError(
            f"The name of the metric {if_better!r} does not say whether more or less of it is better: add "
            "--higher-is-better or --lower-is-better."
        ) from None
    _tell(screen, promotion, as_json=as_json)
    return promotion


def _place(screen: Screen, model: str, to: str) -> str:
    """Where a version is to go; a new alias needs its @ here, since `prod` is quickly typed.

    Raises:
        InvalidValueError: It is a word that is nothing yet.
    """
    aliases = screen.tracker.get_registered_model(model).aliases
    destination = read_destination(to, aliases)
    if destination.alias is not None and not to.strip().startswith("@") and destination.alias not in aliases:
        near = next((f"{stage} or " for stage in _STAGES if stage.lower().startswith(to.lower()[:3])), "")
        raise InvalidValueError(f"{to!r} is no stage, and no alias of {model!r} yet. Write {near}@{to}.")
    return str(destination)


def _is_there(screen: Screen, promotion: Promotion) -> bool:
    """Whether the version has had the stage or alias already: what was wanted is so."""
    found = screen.tracker.get_model_version(promotion.name, promotion.version)
    if promotion.to.startswith("@"):
        return promotion.to[1:] in found.aliases
    return found.current_stage == promotion.to
