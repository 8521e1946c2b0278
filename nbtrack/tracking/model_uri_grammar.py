"""The text of a model URI, taken apart; nothing is looked up.

    models:/<name>/<version>      models:/<name>@<alias>      runs:/<run_id>/<path>
    models:/<name>/<stage>        models:/<model_id>          a path, or a file: URI
    models:/<name>/latest

Behind each but the last may stand `/` and a path inside the model. Nothing is decoded: a `%` is part of
the name.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.names import artifact_parts, check_model_name, check_run_id, check_version, meant_version
from nbtrack.core.registry import ModelVersionStages
from nbtrack.models.mlmodel import MLMODEL_FILE

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_OUR_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OUR_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_ALIAS_BEHIND = re.compile(r"[^@]*@([\w-]+)")
_NEGATIVE = re.compile(r"\s*-\s*[0-9]+\s*", re.ASCII)
# Something else than the slash between name and version: models:/iris:3.
_PARTED_OTHERWISE = re.compile(r"(models:/[^/]+?)(?::|,|#|=|%2F)([0-9]+|[A-Za-z]+)$", re.I | re.ASCII)
_ITS_SCHEME = re.compile(r"(model|run)s?:/*(?=[^/])", re.I | re.ASCII)
_FORMS = "models:/<name>/<version>, models:/<name>@<alias>, models:/<name>/<stage> or models:/<name>/latest"
_ONE_OF = f"It is one of {_FORMS}."


@dataclass(frozen=True)
class ModelUri:
    """A model URI in its parts; those that it does not have are None."""

    text: str
    """As it was given."""
    run_id: str | None = None
    name: str | None = None
    """Of a registered model."""
    version: int | None = None
    alias: str | None = None
    stage: str | None = None
    """As in `ModelVersionStages`."""
    model_id: str | None = None
    """Of a logged model."""
    folder: Path | None = None
    """On this machine."""
    path: str | None = None
    """Inside the run, or inside the model of the registry."""

    @property
    def is_latest(self) -> bool:
        """Whether it is the highest version of a registered model, whichever that is."""
        return self.name is not None and self.version is None and self.alias is None and self.stage is None


class _MalformedError(InvalidValueError):
    """It can be no model URI; it may still be clear what it was meant for."""

    def __init__(self, why: str, advice: str = "") -> None:
        self.why = why
        super().__init__(f"{why} {advice}".rstrip())


class UnclearSelectorError(InvalidValueError):
    """What stands behind the name of a registered model is neither a version nor a stage."""

    def __init__(self, uri: str, name: str, selector: str) -> None:
        self.uri, self.name, self.selector = uri, name, selector
        self.refusal = (
            f"{_refusal(uri)}{selector[:80]!r} is neither a version nor a stage "
            f"({', '.join(ModelVersionStages.ALL)})."
        )
        stage = ModelVersionStages.nearest(selector)
        advice = [f"Did you mean models:/{name}/{stage}?"] if stage else []
        if re.fullmatch(r"[\w-]+", selector):
            advice.append(f"An alias stands behind an @: models:/{name}@{selector[:80]}.")
        elif not stage:
            advice.append(unfilled(selector) or _ONE_OF)
        super().__init__(" ".join([self.refusal, *advice]))


def parse_model_uri(uri: Any) -> ModelUri:
    """Take a model URI apart.

    Args:
        uri: One of the forms above, as text or a path; or the MLmodel file of a folder, which means the
            folder.

    Raises:
        InvalidTypeError: It is neither text nor a path.
        InvalidValueError: It is malformed, or of a kind that nbtrack does not read.
    """
    uri = uri_text(uri)
    if isinstance(uri, os.PathLike):
        path = Path(cast("os.PathLike[str]", uri))
        return ModelUri(str(path), folder=folder_of(path))
    if not isinstance(uri, str):
        raise InvalidTypeError(f"A model URI is text or a path, got {type(uri).__name__} {uri!r:.80}.")
    if not uri.strip() or "\0" in uri:
        raise InvalidValueError(f"{uri!r:.80} is no model URI. Write {_FORMS}, or a path.")
    try:
        return _parse(uri)
    except _MalformedError as error:
        meant = corrected(uri)
        raise InvalidValueError(f"{error.why} Did you mean {meant}?" if meant else str(error)) from None


def uri_text(uri: Any) -> Any:
    """What a user gave for a model as URI or path: that of what `log_model` returned, else as it is."""
    if isinstance(uri, str | os.PathLike):
        return cast("Any", uri)
    held = getattr(uri, "model_uri", None)
    return held if isinstance(held, str) else uri


def corrected(uri: str) -> str | None:
    """A URI of the right form that a malformed one may have been meant for; None when none is near."""
    text = re.sub(r"\s*[/\\]\s*", "/", uri.strip(" \t\r\n\"'`<>"))
    text = _ITS_SCHEME.sub(lambda found: f"{found[1].lower()}s:/", text, count=1)
    text = _PARTED_OTHERWISE.sub(r"\1/\2", text)
    scheme = _SCHEME.match(text)
    if text == uri or scheme is None or scheme[1] not in ("models", "runs") or not text.isprintable():
        return None
    try:
        _parse(text)
    except InvalidValueError:
        return None
    return text


def unfilled(part: str) -> str:
    """What to say of a place-holder that nothing was put into; empty for anything else."""
    if "{" in part:
        return "Is the f in front of the quotes missing?"
    return "Put what is yours there." if re.fullmatch(r"<.*>", part) else ""


# ---- the forms ---------------------------------------------------------------------------------


def _parse(uri: str) -> ModelUri:
    match = _SCHEME.match(uri)
    # One letter is a drive of Windows.
    scheme = match[1].lower() if match else ""
    if scheme == "models":
        return _parse_registry(uri)
    if scheme == "runs":
        return _parse_run(uri)
    if scheme == "file":
        return ModelUri(uri, folder=folder_of(_file_path(uri)))
    if not scheme and _OUR_MODEL_ID.fullmatch(uri) and not os.path.exists(uri):
        return ModelUri(uri, model_id=uri)
    if _OUR_RUN_ID.fullmatch(uri) and not os.path.exists(uri):
        raise InvalidValueError(
            f"{uri!r} is the id of a run, which may have several models: write runs:/{uri}/<name>, with the "
            "name that the model was logged under."
        )
    if scheme and not os.path.exists(uri):
        raise _MalformedError(
            f"nbtrack cannot read models from {uri[:200]!r}: it knows models:/, runs:/ and file: URIs, "
            "and paths."
        )
    return ModelUri(uri, folder=folder_of(Path(os.path.expanduser(uri))))


def _refusal(uri: str) -> str:
    return f"{uri[:200]!r} is no model URI: "


def _parse_registry(uri: str) -> ModelUri:
    refusal = _refusal(uri)
    rest = uri.split(":", 1)[1]
    slashes = len(rest) - len(rest.lstrip("/"))
    if not rest.strip("/ "):
        raise _MalformedError(f"{refusal}it names no model.", _ONE_OF)
    # models:///name/1 is the same with an empty host, models://name/1 has the name where a host stands.
    if slashes in (0, 2):
        raise _MalformedError(f"{refusal}write models:/ with one slash.", _ONE_OF)
    first, _, more = rest.lstrip("/").partition("/")
    more = more.strip("/")
    if not first.strip():
        raise _MalformedError(f"{refusal}it names no model.", _ONE_OF)
    if _OUR_MODEL_ID.fullmatch(first):
        return ModelUri(uri, model_id=first, path=_inside(more, "model"))
    selector, _, path = more.partition("/")
    name, at, alias = first.rpartition("@")
    # A path inside a model hardly begins by a number, and a name may hold an @: models:/me@home/3.
    if at and not (selector and _reads_as_version(selector)):
        if not name.strip() or not alias.strip():
            raise _MalformedError(f"{refusal}before and behind '@' stand a name and an alias.", _ONE_OF)
        return ModelUri(uri, name=_name(name, refusal), alias=alias, path=_inside(more, "model"))
    name = _name(first, refusal)
    if not selector and _MODEL_ID.fullmatch(name):
        return ModelUri(uri, model_id=name)  # as in MLflow, where ids that were given may look like this
    if not selector:
        raise _MalformedError(
            f"{refusal}it names no version.",
            f"Write models:/{name}/latest for the highest one; or one of {_FORMS}.",
        )
    path = _inside(path, "model")
    if selector.isascii() and selector.isdigit():
        return ModelUri(uri, name=name, version=_version(selector, refusal), path=path)
    if selector.lower() == "latest":
        return ModelUri(uri, name=name, path=path)
    if selector.lower() in _STAGES:
        return ModelUri(uri, name=name, stage=ModelVersionStages.canonical(selector), path=path)
    raise _unclear(uri, name, selector)


_STAGES = frozenset(stage.lower() for stage in ModelVersionStages.ALL)


def _reads_as_version(selector: str) -> bool:
    return (selector.isascii() and selector.isdigit()) or selector.lower() in ("latest", *_STAGES)


def _unclear(uri: str, name: str, selector: str) -> InvalidValueError:
    version, alias = meant_version(selector), _ALIAS_BEHIND.fullmatch(selector)
    meant = [f"models:/{name}@{alias[1]}"] if alias else []
    meant += [f"models:/{name}/{version}"] if version else []
    if meant:
        why = "a version and an alias are named one at a time" if alias else "a version is a whole number"
        return InvalidValueError(f"{_refusal(uri)}{why}. Did you mean {' or '.join(meant)}?")
    if _NEGATIVE.fullmatch(selector):
        return InvalidValueError(
            f"{_refusal(uri)}versions count from 1. Write models:/{name}/latest for the highest."
        )
    return UnclearSelectorError(uri, name, selector)


def _name(name: str, refusal: str) -> str:
    try:
        return check_model_name(name)
    except InvalidValueError as error:
        raise _MalformedError(f"{refusal}{error}") from None


def _version(selector: str, refusal: str) -> int:
    try:
        return check_version(selector)
    except InvalidValueError as error:
        raise InvalidValueError(f"{refusal}{error}") from None


def _parse_run(uri: str) -> ModelUri:
    rest = uri.split(":", 1)[1]
    slashes = len(rest) - len(rest.lstrip("/"))
    run_id, _, path = rest.lstrip("/").partition("/")
    if slashes in (0, 2) or not run_id:
        raise _MalformedError(f"{uri[:200]!r} names no run.", "Write runs:/<run_id>/<path>.")
    try:
        check_run_id(run_id)
    except InvalidValueError as error:
        raise _MalformedError(f"{uri[:200]!r} names no run: {error}", unfilled(run_id)) from None
    return ModelUri(uri, run_id=run_id, path=_inside(path.lstrip("/"), "run"))


def _inside(path: str, root: str) -> str | None:
    return "/".join(artifact_parts(path, root=root)) or None


def _file_path(uri: str) -> Path:
    from urllib.parse import unquote, urlsplit  # lazy: 5 ms that few need

    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise InvalidValueError(f"{uri[:200]!r} is no URI: {error}.") from None
    if parts.netloc not in ("", "localhost"):
        raise InvalidValueError(
            f"{uri[:200]!r} names the host {parts.netloc!r}; a model lies on this machine: file:///folder."
        )
    if parts.query or parts.fragment:
        raise InvalidValueError(
            f"{uri[:200]!r} holds '?' or '#'. Write them as %3F and %23 if they belong to the path."
        )
    if not parts.path:
        raise InvalidValueError(f"{uri[:200]!r} names no folder.")
    path = unquote(parts.path)
    if "\0" in path:
        raise InvalidValueError(f"{uri[:200]!r} names no folder: it holds %00.")
    return Path(path)


def folder_of(path: Path) -> Path:
    """The folder of a model, of which the MLmodel file may have been given."""
    return path.parent if path.name == MLMODEL_FILE and os.path.isfile(path) else path
