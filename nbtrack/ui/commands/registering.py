"""The commands that make and change what is registered, but for promotions.

`register`, `copy`, `alias`, `tag`, `note`, `rename` and `delete`. Names are looked up before anything is
changed; each says in a line what was done, and how to undo it.
"""

import os
import re
import sys
from collections.abc import Sequence

import click

from nbtrack.core import static_views
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.names import check_registry_tag
from nbtrack.core.registry import ModelVersion, RegisteredModel
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands import completing, completing_models
from nbtrack.ui.commands.model_options import json_option, name_argument, version_argument, why_option
from nbtrack.ui.commands.named import find_run
from nbtrack.ui.commands.named_versions import (
    called_version,
    find_model,
    find_version,
    find_version_before,
    in_use,
    meant,
    reads_as_version,
    versions_of,
)
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.saying import (
    MOST_SAID,
    check_held,
    say_done,
    show_note,
    show_tags,
    tag_changes,
    tag_pairs,
)
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@verb(
    "register",
    examples=["baseline iris", "1a2b3c4d/classifier iris", "runs:/<run_id>/classifier iris", "./model iris"],
)
@click.argument("model", shell_complete=completing.runs)
@click.argument("name", shell_complete=completing_models.names)
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A first tag; may be given several times."
)
@json_option
@why_option
@click.pass_obj
def register(
    screen: Screen, model: str, name: str, tags: Sequence[str], as_json: bool, why: str | None
) -> None:
    """Make a model the next version of a registered model.

    MODEL is a run that logged one, by its name or the beginning of its id, and RUN/PATH where it logged
    several; or a model URI, or a folder. The registered model NAME is made when there is none.
    """
    tracker = screen.tracker
    pairs = tag_pairs(tags)
    version = tracker.register_model(_model_uri(tracker, model), name, tags=pairs, why=why)
    if as_json:
        screen.write(json_text(version.to_dictionary()))
        return
    loads = f"models:/{version.name}/{version.version}"
    say_done(screen, f"It loads as {loads}.", "models", "delete", version.name, str(version.version))


@verb("copy", examples=["iris 3 iris-live", "iris @champion iris-live"])
@name_argument
@version_argument
@click.argument("to", required=False, metavar="NEW_NAME", shell_complete=completing_models.names)
@json_option
@why_option
@click.pass_obj
def copy(screen: Screen, name: str, version: str, to: str | None, as_json: bool, why: str | None) -> None:
    """Make a version the next one of another registered model.

    Description, tags and run go with it; aliases and stage do not.
    """
    origin, to = find_version_before(screen.tracker, name, version, to, "NEW_NAME")
    made = screen.tracker.copy_model_version(f"models:/{origin.name}/{origin.version}", to, why=why)
    if as_json:
        screen.write(json_text(made.to_dictionary()))
        return
    loads = f"models:/{made.name}/{made.version}"
    say_done(screen, f"It loads as {loads}.", "models", "delete", made.name, str(made.version))


@verb("alias", examples=["iris champion 3", "iris champion @challenger", "iris --remove challenger", "iris"])
@name_argument
@click.argument("alias", required=False, shell_complete=completing_models.aliases)
@click.argument("version", required=False, shell_complete=completing_models.versions)
@click.option(
    "--remove", "removed", metavar="ALIAS", help="Take one away.", shell_complete=completing_models.aliases
)
@json_option
@why_option
@click.pass_obj
def alias(
    screen: Screen,
    name: str,
    alias: str | None,
    version: str | None,
    removed: str | None,
    as_json: bool,
    why: str | None,
) -> None:
    """Let an alias name a version, or list aliases.

    models:/NAME@ALIAS loads that version, and no other from then on.
    """
    tracker = screen.tracker
    model = find_model(tracker, name)
    if removed is not None:
        if alias is not None:
            raise click.UsageError("Give either ALIAS VERSION or --remove ALIAS.")
        _remove_alias(screen, model, removed.removeprefix("@"), why)
    elif alias is None:
        _show_aliases(screen, model, as_json=as_json)
    elif version is None:
        raise click.UsageError("Give the VERSION that the alias is to name, or --remove ALIAS.")
    else:
        alias = alias.removeprefix("@")
        found = find_version(tracker, model.name, version)
        before = model.aliases.get(alias)
        tracker.set_registered_model_alias(model.name, alias, found.version, why=why)
        was = "" if before is None else f", before: {before}"
        undo = ["--remove", alias] if before is None else [alias, str(before)]
        said = f"@{alias} of {model.name!r} names version {found.version} now{was}."
        say_done(screen, said, "models", "alias", model.name, *undo)


def _remove_alias(screen: Screen, model: RegisteredModel, alias: str, why: str | None) -> None:
    if alias not in model.aliases:
        raise NotFoundError("alias", alias, list(model.aliases), holder=f"Registered model {model.name!r}")
    screen.tracker.delete_registered_model_alias(model.name, alias, why=why)
    held = str(model.aliases[alias])
    say_done(screen, f"{model.name!r} has no @{alias} any more.", "models", "alias", model.name, alias, held)


def _show_aliases(screen: Screen, model: RegisteredModel, *, as_json: bool) -> None:
    if as_json:
        screen.write(json_text(dict(model.aliases)))
    elif not model.aliases:
        screen.say(f"{model.name!r} has no aliases.")
    else:
        rows = [[f"@{alias}", str(version)] for alias, version in sorted(model.aliases.items())]
        screen.show(static_views.table(["alias", "version"], rows, right=(1,)))


@verb("tag", examples=["iris team=bio", "iris 3 checked=yes", "iris @champion --remove checked", "iris 3"])
@name_argument
@click.argument(
    "words", nargs=-1, metavar="[VERSION] [KEY=VALUE]...", shell_complete=completing_models.versions_or_texts
)
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Take a tag off.")
@json_option
@why_option
@click.pass_obj
def tag(
    screen: Screen, name: str, words: Sequence[str], removed: Sequence[str], as_json: bool, why: str | None
) -> None:
    """Set, take off or show tags of a model or a version."""
    tracker = screen.tracker
    name, text = meant(tracker, name)
    if words and "=" not in words[0]:
        name, text = meant(tracker, name, words[0]) if text is None else (name, text)
        words = words[1:]
    pairs = dict(check_registry_tag(key, value) for key, value in tag_pairs(words).items())
    thing = _thing(tracker, name, text)
    held, called = thing.tags, _called(thing)
    check_held(called, held, removed)
    if not pairs and not removed:
        if as_json:
            screen.write(json_text(dict(held)))
        else:
            show_tags(screen, called, dict(held))
        return
    number = thing.version if isinstance(thing, ModelVersion) else None
    for key, value in pairs.items():
        if number is None:
            tracker.set_registered_model_tag(name, key, value, why=why)
        else:
            tracker.set_model_version_tag(name, number, key, value, why=why)
    for key in removed:
        if number is None:
            tracker.delete_registered_model_tag(name, key, why=why)
        else:
            tracker.delete_model_version_tag(name, number, key, why=why)
    said, undo = tag_changes(held, pairs, removed)
    say_done(screen, f"{called}: {said}.", "models", "tag", *_words(thing), *undo)


@verb(
    "note", examples=['iris "Three kinds of iris."', 'iris 3 "Less regularization."', "iris 3 --show", "iris"]
)
@name_argument
@click.argument(
    "words", nargs=-1, metavar="[VERSION] [TEXT]", shell_complete=completing_models.versions_or_texts
)
@click.option("--show", "only_show", is_flag=True, help="Show the note.")
@why_option
@click.pass_obj
def note(screen: Screen, name: str, words: Sequence[str], only_show: bool, why: str | None) -> None:
    """Write the description of a model or a version.

    It is Markdown. Without TEXT it opens in an editor; - reads the text from the standard input.
    """
    tracker = screen.tracker
    name, version = meant(tracker, name)
    rest = list(words)
    if version is None and rest and (len(rest) > 1 or only_show or reads_as_version(rest[0])):
        version = rest.pop(0)
    if len(rest) > (0 if only_show else 1):
        raise click.UsageError("Give NAME, VERSION and TEXT; quote what has spaces.")
    thing = _thing(tracker, name, version)
    before = thing.description or ""
    if only_show:
        show_note(screen, before)
        return
    text = screen.edited(before) if not rest else sys.stdin.read() if rest[0] == "-" else rest[0]
    if text is None or text.strip() == before.strip():
        screen.say(f"The description of {_called(thing)} is as it was.")
        return
    if isinstance(thing, ModelVersion):
        tracker.update_model_version(thing.name, thing.version, text.strip(), why=why)
    else:
        tracker.update_registered_model(thing.name, text.strip() or None, why=why)
    can_be_said = len(before) <= MOST_SAID and "\n" not in before
    undo = ["models", "note", *_words(thing), before] if can_be_said else []
    done = "Wrote the description of" if text.strip() else "Removed the description of"
    say_done(screen, f"{done} {_called(thing)}.", *undo)


@verb("rename", examples=["iris flowers"])
@name_argument
@click.argument("new_name")
@why_option
@click.pass_obj
def rename(screen: Screen, name: str, new_name: str, why: str | None) -> None:
    """Rename a registered model.

    Versions, tags and aliases go with it.
    """
    model = find_model(screen.tracker, name)
    screen.tracker.rename_registered_model(model.name, new_name, why=why)
    said = f"The registered model {model.name!r} is called {new_name!r} now."
    say_done(screen, said, "models", "rename", new_name, model.name)


@verb("delete", examples=["iris 3", "iris 1 2 --yes", "iris"])
@name_argument
@click.argument("versions", nargs=-1, metavar="[VERSION]...", shell_complete=completing_models.versions)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@why_option
@click.pass_obj
def delete(screen: Screen, name: str, versions: Sequence[str], yes: bool, why: str | None) -> None:
    """Delete versions, or a registered model with all of them.

    Runs and the files of models stay. A number is never used again.
    """
    tracker = screen.tracker
    name, version = meant(tracker, name)
    versions = [version, *versions] if version is not None else versions
    if not versions:
        model = tracker.get_registered_model(name)
        _delete_model(screen, model, yes=yes, why=why)
        return
    found = {each.version: each for each in (find_version(tracker, name, text) for text in versions)}
    used = [f"{number} is {in_use(each)}" for number, each in found.items() if in_use(each)]
    listed = ", ".join(map(str, found))
    what = f"version{'s' if len(found) > 1 else ''} {listed} of {name!r}"
    question = f"Delete {what}?" + (f" ({'; '.join(used)})" if used else "")
    if not (yes or screen.confirms(question)):
        return
    for number in found:
        tracker.delete_model_version(name, number, why=why)
        say_done(screen, f"Deleted version {number} of {name!r}.", "models", "undo", name)


def _delete_model(screen: Screen, model: RegisteredModel, *, yes: bool, why: str | None) -> None:
    count = len(screen.tracker.search_model_versions(filter_string=versions_of(model.name)))
    versions = "1 version" if count == 1 else f"{count:,} versions"
    if yes or screen.confirms(f"Delete the registered model {model.name!r} with {versions}?"):
        screen.tracker.delete_registered_model(model.name, why=why)
        say_done(
            screen,
            f"Deleted the registered model {model.name!r} with {versions}.",
            "models",
            "undo",
            model.name,
        )


def _thing(tracker: Tracker, name: str, version: str | None) -> RegisteredModel | ModelVersion:
    return tracker.get_registered_model(name) if version is None else find_version(tracker, name, version)


def _called(thing: RegisteredModel | ModelVersion) -> str:
    return called_version(thing) if isinstance(thing, ModelVersion) else repr(thing.name)


def _words(thing: RegisteredModel | ModelVersion) -> list[str]:
    """What is typed to mean it."""
    return [thing.name, *([str(thing.version)] if isinstance(thing, ModelVersion) else [])]


def _model_uri(tracker: Tracker, text: str) -> str:
    """The model URI that is meant: as it is, or that of a run which was named."""
    if _URI.match(text) or os.path.exists(text) or text.startswith((".", "/", "~")):
        return text
    name, _, path = text.partition("/")
    try:
        run = find_run(tracker, text)
        path = ""
    except NotFoundError:
        if not path:
            raise
        run = find_run(tracker, name)
    if path:
        return f"runs:/{run.info.run_id}/{path}"
    from nbtrack.tracking.model_uris import files_of, models_among, resolve_model  # lazy: few commands

    artifacts, _ = files_of(resolve_model(tracker, f"runs:/{run.info.run_id}"))
    models = models_among(artifacts)
    if len(models) == 1:
        return f"runs:/{run.info.run_id}/{models[0]}"
    if models:
        ways = ", ".join(f"{text}/{model}" for model in models)
        raise InvalidValueError(f"The run {text!r} has {len(models)} models: {ways}. Give one of them.")
    raise InvalidValueError(f"The run {text!r} has no model: it is logged by log_model.")
