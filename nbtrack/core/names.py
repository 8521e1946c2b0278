"""What may be a key, an id, a name or an artifact path.

User-given names never become paths of ours; artifact paths are the exception, and
`artifact_parts` is the one place that decides which of them are taken.
"""

import re
from operator import index
from pathlib import PurePath
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_COMPONENT_BYTES = 255
_MAX_PATH_BYTES = 4000
_MAX_EXPERIMENT_NAME = 500
_MAX_MODEL_NAME = 500
_ALIAS = re.compile(r"[\w-]+")
_VERSION_LIKE = re.compile(r"[vV][0-9]+")
_MAX_ALIAS = 255
_MAX_VERSION = 2**63 - 1
# What people write for 3: v3, version 3, 3.0, +3, or 3 with something behind it that no version has.
_MEANT_VERSION = re.compile(
    r"\s*(?:(?:v|ver|version)[ _.:=-]?|\+)?0*([1-9][0-9]{0,17})(?:\.0+)?(?![0-9A-Za-z.])", re.I | re.ASCII
)
_VERSIONS = "those are whole numbers from 1."
_MAX_REGISTRY_KEY, _MAX_REGISTRY_VALUE = 250, 100_000


def check_key(kind: str, key: Any) -> str:
    """Check the key of a metric, param or tag: any text that is not empty.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty.
    """
    if not isinstance(key, str):
        raise InvalidTypeError(f"The key of a {kind} is text, got {type(key).__name__} {key!r}.")
    if not key:
        raise InvalidValueError(f"The key of a {kind} is empty. Give it a name.")
    return key


def check_run_id(run_id: Any) -> str:
    """Check the form of a run id (it may still name no run).

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It could never be a run id.
    """
    if not isinstance(run_id, str):
        raise InvalidTypeError(f"A run id is text, got {type(run_id).__name__} {run_id!r}.")
    if not _ID.fullmatch(run_id):
        raise InvalidValueError(f"{run_id[:80]!r} is no run id: those are letters, digits, '_' and '-'.")
    return run_id


def check_model_id(model_id: Any) -> str:
    """Check the form of the id of a logged model (it may still name none).

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It could never be one.
    """
    if not isinstance(model_id, str):
        raise InvalidTypeError(
            f"The id of a logged model is text, got {type(model_id).__name__} {model_id!r:.80}."
        )
    if not _ID.fullmatch(model_id):
        raise InvalidValueError(
            f"{model_id[:80]!r} is no id of a logged model: those are 'm-' and 32 hex digits."
        )
    return model_id


def check_experiment_name(name: Any) -> str:
    """Check the name of an experiment: 1 to 500 characters, as in MLflow.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty, blank or too long.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"The name of an experiment is text, got {type(name).__name__} {name!r}.")
    if not name.strip():
        raise InvalidValueError(f"The name of an experiment is empty: {name!r}.")
    if len(name) > _MAX_EXPERIMENT_NAME:
        raise InvalidValueError(
            f"The name of an experiment may have {_MAX_EXPERIMENT_NAME} characters, "
            f"this one has {len(name)}: {name[:60]!r}…"
        )
    return name


def check_model_name(name: Any) -> str:
    """Check the name of a registered model: 1 to 500 characters without what parts a model URI.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty, blank, too long, `.` or `..`, or holds `/`, `:`, NUL or half of a
            surrogate pair.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(
            f"The name of a registered model is text, got {type(name).__name__} {name!r:.80}."
        )
    if not name.strip():
        raise InvalidValueError(f"The name of a registered model is empty: {name!r:.80}.")
    if found := [letter for letter in "/:\0" if letter in name]:
        raise InvalidValueError(
            f"{name[:80]!r} is no name of a registered model: it holds {found[0]!r}, which parts a model "
            "URI such as models:/iris/3."
        )
    if name in (".", ".."):
        raise InvalidValueError(f"{name!r} is no name of a registered model. Give it a word.")
    if not _is_encodable(name):
        raise InvalidValueError(
            f"{name[:80]!r} is no name of a registered model: it holds half of a surrogate pair."
        )
    if len(name) > _MAX_MODEL_NAME:
        raise InvalidValueError(
            f"The name of a registered model may have {_MAX_MODEL_NAME} characters, "
            f"this one has {len(name)}: {name[:60]!r}…"
        )
    return name


def check_alias(alias: Any) -> str:
    """Check an alias of a model version that is to be set, as MLflow does.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty, too long, holds other characters than letters, digits, `_` and
            `-`, is `latest`, or reads like a version (`v2`).
    """
    check_alias_form(alias)
    if alias.lower() == "latest":
        raise InvalidValueError(
            f"The alias {alias!r} is taken: models:/<name>/latest is always the highest version."
        )
    if _VERSION_LIKE.fullmatch(alias):
        raise InvalidValueError(f"The alias {alias!r} reads like a version. Use a word, such as 'champion'.")
    return alias


def check_alias_form(alias: Any) -> str:
    """Check the form of an alias that is to be looked up; `latest` is one that is always there.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It could never be an alias.
    """
    if not isinstance(alias, str):
        raise InvalidTypeError(f"An alias is text, got {type(alias).__name__} {alias!r:.80}.")
    if not _ALIAS.fullmatch(alias):
        meant = re.sub(r"[^\w-]+", "-", alias.strip(" @"))[:80]
        hint = f" Did you mean {meant!r}?" if re.search(r"\w", meant) else ""
        raise InvalidValueError(
            f"{alias[:80]!r} is no alias: those are letters, digits, '_' and '-', such as 'champion'.{hint}"
        )
    if len(alias) > _MAX_ALIAS:
        raise InvalidValueError(
            f"An alias may have {_MAX_ALIAS} characters, this one has {len(alias)}: {alias[:60]!r}…"
        )
    return alias


def check_version(version: Any) -> int:
    """Check the number of a model version, which may come as text, or out of a table: 3, `"3"` or 3.0.

    Raises:
        InvalidTypeError: It is neither a whole number nor text.
        InvalidValueError: It could never be a version.
    """
    if isinstance(version, str):
        text = version.strip()
        # isdecimal() would take digits of all alphabets, and int() underscores.
        if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_VERSION:
            return int(text)
        meant = meant_version(text)
        if meant is not None:
            hint = f" Did you mean {meant}?"
        elif _ALIAS.fullmatch(text.removeprefix("@")) and not text.isdigit():
            hint = " get_model_version_by_alias finds the version of an alias, and of 'latest'."
        else:
            hint = ""
        raise InvalidValueError(f"{version[:80]!r} is no version of a model: {_VERSIONS}{hint}")
    given: Any = int(version) if isinstance(version, float) and version.is_integer() else version
    try:
        number = None if isinstance(given, bool) else index(given)
    except TypeError:
        number = None
    if number is None:
        raise InvalidTypeError(
            f"The version of a model is a whole number, got {type(version).__name__} {version!r:.80}."
        )
    if not 0 <= number <= _MAX_VERSION:
        raise InvalidValueError(f"{shown_number(number)} is no version of a model: {_VERSIONS}")
    return number


def check_number(kind: str, number: Any) -> int:
    """Check the number of something else that is counted from 1; see `check_version`.

    Args:
        kind: What is counted, such as `request`.
        number: What was given.

    Raises:
        InvalidTypeError: It is neither a whole number nor text.
        InvalidValueError: It could never be such a number.
    """
    try:
        return check_version(number)
    except InvalidTypeError:
        given = f"{type(number).__name__} {shown_number(number)}"
        raise InvalidTypeError(f"The number of a {kind} is a whole number, got {given}.") from None
    except InvalidValueError:
        raise InvalidValueError(
            f"{shown_number(number)} is no number of a {kind}: those are whole numbers from 1."
        ) from None


def meant_version(text: str) -> int | None:
    """The version that something like `v3`, `3.0` or `3 ` was meant for; None when it is like none."""
    if found := _MEANT_VERSION.match(text):
        return int(found[1])
    return int(text) if text.isdecimal() and len(text) < 19 else None


def shown_number(number: Any) -> str:
    """A number as an error quotes it, of whatever length; Python refuses to write out the longest."""
    try:
        return f"{number!r:.80}"
    except ValueError:
        return "a number of thousands of digits"


def check_reason(why: Any) -> None:
    """Check the reason that is kept with a change: text, or none.

    Raises:
        InvalidTypeError: It is something else.
    """
    if why is not None and not isinstance(why, str):
        raise InvalidTypeError(f"The reason (why) is text, got {type(why).__name__} {why!r:.80}.")


def _is_encodable(text: str) -> bool:
    """Whether text can be written to a file or a screen, which half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_registry_tag(key: Any, value: Any) -> tuple[str, str]:
    """Check a tag of a registered model or a version; the value becomes text.

    Raises:
        InvalidTypeError: The key is not text.
        InvalidValueError: The key is empty, or one of the two is longer than MLflow takes.
    """
    check_key("tag", key)
    text = str(value)
    for what, given, most in (("key", key, _MAX_REGISTRY_KEY), ("value", text, _MAX_REGISTRY_VALUE)):
        if len(given) > most:
            raise InvalidValueError(
                f"The {what} of a tag in the registry may have {most:,} characters, this one has "
                f"{len(given):,}: {given[:60]!r}…"
            )
    return key, text


def check_logged_model_name(name: Any) -> str:
    """Check the name of a model, which is an artifact path too: slashes part folders.

    Returns:
        The path, in its usual form: `a//b/` is `a/b`.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It is empty, or no artifact path.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"The name of a model is text, got {type(name).__name__} {name!r:.80}.")
    parts = artifact_parts(name)
    if not parts or not name.strip():
        raise InvalidValueError(f"The name of a model is empty: {name!r}.")
    return "/".join(parts)


def artifact_parts(path: Any, *, kind: str = "artifact path", root: str = "run") -> tuple[str, ...]:
    """Split an artifact path into checked components; nothing given is the artifact root, `()`.

    The verdict is the same on every system, so that what one machine wrote opens on another. What
    changes no meaning is left out: `./a`, `a//b` and `a/` are `a`, `a/b` and `a`.

    Args:
        path: What was given.
        kind: What it is called in errors.
        root: What it must not leave, for errors.

    Raises:
        InvalidTypeError: It is neither text nor a path.
        InvalidValueError: It is absolute, climbs (`..`), holds a backslash, a control character or a
            drive letter, or is too long.
    """
    if isinstance(path, PurePath):
        path = path.as_posix()
    if path is None or path == "":
        return ()
    if not isinstance(path, str):
        raise InvalidTypeError(f"An {kind} is text, got {type(path).__name__} {path!r:.80}.")
    shown = repr(path if len(path) <= 80 else path[:79] + "…")
    refusal = f"The {kind} {shown} is not taken: "
    if _DRIVE.match(path) and path[2:3] not in ("/", "\\"):
        raise InvalidValueError(
            f"{refusal}it begins like a drive of Windows, {path[:2]!r}. Leave out the ':'."
        )
    if path.startswith("/") or _DRIVE.match(path):
        raise InvalidValueError(
            f"{refusal}it is absolute. Give a path inside the {root}, such as 'plots/roc.png'."
        )
    if "\\" in path:
        raise InvalidValueError(f"{refusal}it holds a backslash. Part folders with '/'.")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise InvalidValueError(f"{refusal}it holds a control character.")
    try:
        whole = path.encode()
    except UnicodeEncodeError:
        raise InvalidValueError(f"{refusal}it holds half of a surrogate pair.") from None
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    for part in parts:
        if part == "..":
            raise InvalidValueError(f"{refusal}'..' would leave the {root}.")
        if len(part.encode()) > _MAX_COMPONENT_BYTES:
            raise InvalidValueError(f"{refusal}{part[:40]!r}… is longer than {_MAX_COMPONENT_BYTES} bytes.")
    if len(whole) > _MAX_PATH_BYTES:
        raise InvalidValueError(f"{refusal}it is longer than {_MAX_PATH_BYTES} bytes.")
    return parts
