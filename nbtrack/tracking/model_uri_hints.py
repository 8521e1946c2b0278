"""What a model URI that leads nowhere was meant to be, by what the store holds."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from nbtrack.core.errors import InvalidValueError, NbtrackError, NotFoundError
from nbtrack.core.names import meant_version
from nbtrack.core.nearest_names import nearest
from nbtrack.core.registry import ModelVersionStages
from nbtrack.stores.contracts import Registry
from nbtrack.tracking.model_uri_grammar import (
    ModelUri,
    UnclearSelectorError,
    corrected,
    unfilled,
)

_MOST_LISTED = 12
_RUN_ID = re.compile(r"[0-9a-f]{8,32}")
_WHOLE_RUN_ID = re.compile(r"[0-9a-f]{32}")


def of_selector(registry: Registry, error: UnclearSelectorError) -> InvalidValueError:
    """The error for `models:/<name>/<word>` where the word is neither a version nor a stage."""
    name, word = error.name, error.selector
    try:
        aliases = sorted(registry.get_model(name).aliases)
    except NotFoundError as missing:
        return InvalidValueError(f"{error.refusal} {missing}")
    alias = nearest(word, aliases)
    if alias is not None and alias.casefold() == word.strip().casefold():
        return InvalidValueError(
            f"{error.refusal} It is an alias, and an alias stands behind an @: models:/{name}@{alias}."
        )
    near = nearest(word, [*aliases, "latest", *ModelVersionStages.ALL]) or ModelVersionStages.nearest(word)
    advice = [hint] if (hint := unfilled(word)) else list[str]()
    if near is not None:
        advice.append(f"Did you mean models:/{name}{'@' if near in aliases else '/'}{near}?")
    listed = ", ".join(aliases[:_MOST_LISTED]) + (" and more" if len(aliases) > _MOST_LISTED else "")
    has = f"the {'alias' if len(aliases) == 1 else 'aliases'} {listed}" if aliases else "no aliases"
    advice.append(f"{name!r} has {has}.")
    return InvalidValueError(" ".join([error.refusal, *advice]))


def of_alias(parsed: ModelUri) -> str:
    """What to add where a registered model has no such alias: it may be a stage or a version."""
    name, alias = parsed.name, str(parsed.alias)
    if alias.strip().lower() in [stage.lower() for stage in ModelVersionStages.ALL]:
        stage = ModelVersionStages.canonical(alias)
        return f"{stage} is a stage, which stands behind a slash: models:/{name}/{stage}."
    if (version := meant_version(alias)) is not None:
        return f"A version stands behind a slash: models:/{name}/{version}."
    return ""


def of_name(registry: Registry, parsed: ModelUri) -> str:
    """What to add where there is no registered model of that name: it may hold an alias."""
    name, at, alias = str(parsed.name).rpartition("@")
    if not at or registry.find_model(name) is None:
        return unfilled(str(parsed.name))
    version = "latest" if parsed.is_latest else parsed.version or parsed.stage
    other = "" if parsed.alias is not None else f" or models:/{name}/{version}"
    return (
        f"There is {name!r}: an alias and a version are named one at a time, models:/{name}@{alias}{other}."
    )


def of_model_id(registry: Registry | None, model_id: str) -> str:
    """What to add where there is no logged model of that id: it may be the name of a registered one."""
    if _WHOLE_RUN_ID.fullmatch(model_id):
        return f"It is like the id of a run, whose models are runs:/{model_id}/<name>."
    if registry is None:
        return ""
    try:
        registry.get_model(model_id)
    except NotFoundError as error:
        if error.nearest is None:
            return ""
        return f"Did you mean the registered model {error.nearest!r}: models:/{error.nearest}/latest?"
    return (
        f"There is a registered model of that name: write models:/{model_id}/latest for its highest version."
    )


def of_path(text: str, leads_somewhere: Callable[[str], Any]) -> str:
    """What to add where nothing lies at a path: its text may be a URI without its beginning, or in quotes.

    Args:
        text: What was given.
        leads_somewhere: Raises an NbtrackError for a URI that leads nowhere.
    """
    for meant in _meant_uris(text):
        try:
            leads_somewhere(meant)
        except NbtrackError:
            continue
        return f"Did you mean {meant}?"
    return ""


def _meant_uris(text: str) -> Iterator[str]:
    if (uri := corrected(text)) is not None:
        yield uri
    plain = text.strip(" \t\r\n\"'`<>").replace("\\", "/").lstrip("./")
    if not plain or not plain.isprintable():
        return
    scheme, _, rest = plain.partition("/")
    if scheme.lower() in ("models", "runs") and rest:
        yield f"{scheme.lower()}:/{rest}"
    if _RUN_ID.fullmatch(scheme):
        yield f"runs:/{plain}"
    yield f"models:/{plain}"
    if not rest:
        yield f"models:/{plain}/latest"


def advised(error: NbtrackError, advice: str) -> NbtrackError:
    """The same error, whose message ends with advice; as it is where there is none."""
    if advice:
        error.args = (f"{error} {advice}", *error.args[1:])
    return error
