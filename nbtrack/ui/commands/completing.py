"""What can stand where the cursor is: runs, experiments, fields and artifacts of the store.

Asked at each press of a key, so it reads little, and an error is an empty answer.
"""

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from nbtrack.core.entities import Run, ViewType
from nbtrack.core.errors import NbtrackError
from nbtrack.core.lineages import attempt_in
from nbtrack.core.text_tables import age, visible
from nbtrack.documents.queries import Query
from nbtrack.filters.fields import RUN
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.named import find_run, search
from nbtrack.ui.commands.store_tracker import StoreTracker

MOST = 40
"""How many of a kind are offered."""
_SUMMARIES = ("min", "max", "mean")
_PLAIN_KEY = re.compile(r"[\w/:.-]+")
# The part of a filter, an order or a list of columns that is being typed.
_LAST_FIELD = re.compile(r"[\w./`:-]*\Z")

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def careful(completer: Callable[[Tracker, click.Context, str], Iterable[CompletionItem]]) -> Completer:
    """A completer that knows whose runs are meant, and of which an error is an empty answer."""

    @wraps(completer)
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return list(completer(_tracker_of(ctx), ctx, incomplete))
        except Exception:  # noqa: BLE001  # a shell that is being typed into is no place for errors
            return []

    return complete


@careful
def runs(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Names of runs, the latest first, and ids where those are meant."""
    if (numbered := incomplete.rpartition("#"))[1] and (named := numbered[0]):
        yield from _attempts(tracker, named, incomplete)
    ids = {str(given) for given in ctx.params.values() if isinstance(given, str)}
    found = _beginning_with(tracker, "run_name", incomplete)
    seen: set[str] = set()
    for run in found:
        name = run.info.run_name
        if name not in seen and name not in ids and name.isprintable():
            seen.add(name)
            yield CompletionItem(name, help=_about(run))
    if re.fullmatch(r"[0-9a-f]{2,}", incomplete):
        for run in _beginning_with(tracker, "run_id", incomplete):
            yield CompletionItem(run.info.run_id, help=f"{visible(run.info.run_name)}, {_about(run)}")


def _attempts(tracker: Tracker, named: str, incomplete: str) -> Iterable[CompletionItem]:
    """`baseline#3`, `baseline#2`, ...: the latest attempts at first."""
    try:
        found = tracker.attempts(named, ViewType.ALL)
    except NbtrackError:
        return
    for run in reversed(found[-MOST:]):
        text = f"{named}#{attempt_in(run.data.tags)}"
        if attempt_in(run.data.tags) and text.startswith(incomplete):
            yield CompletionItem(text, help=_about(run))


@careful
def experiments(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Names of experiments."""
    for each in tracker.search_experiments(ViewType.ALL):
        if each.name.startswith(incomplete) and each.name.isprintable():
            yield CompletionItem(each.name)


@careful
def fields(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Fields of the filter, at the end of what is typed."""
    typed = _LAST_FIELD.search(incomplete)
    last = typed[0] if typed else ""
    head = incomplete[: len(incomplete) - len(last)]
    for name in field_names(tracker, last):
        yield CompletionItem(head + name)


@careful
def columns(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Fields, duration and experiment, at the end of a list with commas."""
    head, comma, last = incomplete.rpartition(",")
    for name in ("duration", "experiment"):
        if name.startswith(last):
            yield CompletionItem(f"{head}{comma}{name}")
    for name in field_names(tracker, last):
        yield CompletionItem(f"{head}{comma}{name}")


@careful
def artifacts(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Paths of artifacts of the run that stands before."""
    run = find_run(tracker, str(ctx.params["run"]))
    folder = incomplete.rpartition("/")[0]
    for info in tracker.list_artifacts(run.info.run_id, folder or None):
        if info.path.startswith(incomplete) and info.path.isprintable():
            yield CompletionItem(f"{info.path}/" if info.is_dir else info.path)


@careful
def metrics(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Names of metrics of the latest runs."""
    for key in keys(tracker, "metrics"):
        if key.startswith(incomplete):
            yield CompletionItem(key)


@careful
def tags(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Keys of tags, with the sign that a value follows."""
    if "=" not in incomplete:
        for key in keys(tracker, "tags"):
            if key.startswith(incomplete):
                yield CompletionItem(f"{key}=")


@careful
def changes(tracker: Tracker, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
    """Numbers of changes that stand, the latest first."""
    for change in reversed(tracker.changes(MOST)):
        number = str(change.number)
        if change.undone_by is None and number.startswith(incomplete):
            yield CompletionItem(number, help=f"{visible(change.who)}: {visible(str(change))}")


def field_names(tracker: Tracker, beginning: str) -> list[str]:
    """The fields of runs that begin so: attributes at first, then the keys of a group."""
    group, dot, rest = beginning.partition(".")
    if not dot:
        words = [*RUN.attributes, *(f"{name}." for name in ("metrics", "params", "tags", "dataset"))]
        return [word for word in words if word.startswith(beginning)]
    if group not in ("metrics", "params", "tags"):
        return []
    found: list[str] = []
    for key in keys(tracker, group):
        name = f"{group}.{key if _PLAIN_KEY.fullmatch(key) else f'`{key}`'}"
        found.append(name)
        if group == "metrics" and rest.startswith(key):
            found += [f"{name}.{summary}" for summary in _SUMMARIES]
    return [name for name in found if name.startswith(beginning)]


def _tracker_of(ctx: click.Context) -> Tracker:
    screen: Any = ctx.find_root().obj
    # A shell asks without giving the command, and then only its options are known.
    return StoreTracker(store=ctx.find_root().params.get("store")) if screen is None else screen.tracker


def _beginning_with(tracker: Tracker, field: str, text: str) -> list[Run]:
    place: Any = Query()[field]
    # Between the text and the text followed by the last letter there is.
    condition = (place >= text) & (place < f"{text}\U0010ffff") if text else None
    return search(tracker, condition, limit=MOST)


def keys(tracker: Tracker, group: str) -> list[str]:
    """The keys that the latest runs have in a group, those of the latest run first."""
    found: list[Run] = tracker.search_runs(
        max_results=MOST, output_format="list", search_all_experiments=True, run_view_type=ViewType.ALL
    )
    keys = dict.fromkeys(key for run in found for key in getattr(run.data, group))
    return [key for key in keys if key.isprintable() and "`" not in key]


def _about(run: Run) -> str:
    return f"{run.info.status}, {age(run.info.start_time)}"
