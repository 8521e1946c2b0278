"""Where data came from: a file, a URL, or the code that made it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.core.errors import InvalidStateError, InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.core.secrets import redact_value
from nbtrack.tracking.run_context import source_tags


class DataSource:
    """The source of a data set.

    Args:
        source_type: `local`, `http`, `code`, or the scheme of a URI.
        details: What is to be known of it: `uri`, `url` or `tags`.
    """

    def __init__(self, source_type: str, details: Mapping[str, Any]) -> None:
        self.source_type = source_type
        self._details = dict(details)

    @property
    def uri(self) -> str | None:
        """The path or URL; None for data that code has made."""
        return self._details.get("uri") or self._details.get("url")

    def to_dict(self) -> dict[str, Any]:
        """The source as a plain dict."""
        return dict(self._details)

    def to_json(self) -> str:
        """The source as JSON."""
        return json.dumps(self._details)

    def load(self) -> str:
        """The local path of the data.

        Raises:
            MissingFileError: The file is not there any more.
            InvalidStateError: It is no local file; nbtrack loads nothing from elsewhere.
        """
        if self.source_type != "local" or self.uri is None:
            where = f"Read it from {self.uri}." if self.uri else "It was made by code."
            raise InvalidStateError(f"A data set of the type {self.source_type!r} is no local file. {where}")
        path = _local_path(self.uri)
        if not path.exists():
            raise MissingFileError("file", str(path), advice="The data set came from there.")
        return str(path)

    def __repr__(self) -> str:
        return f"<DataSource {self.source_type} {self.uri or ''}>"


def source_of(source: Any) -> DataSource:
    """The source that was given: a path, a URL (without what is secret in it), or None for this code.

    Raises:
        InvalidTypeError: It is nothing of that kind.
        InvalidValueError: It is empty.
    """
    if source is None:
        return DataSource("code", {"tags": source_tags()})
    if isinstance(source, DataSource):
        return source
    if isinstance(source, str | Path):
        text = str(source)
        if not text.strip():
            raise InvalidValueError(f"The source of a data set is a path or a URL, got {text!r}.")
        return _of_text(text)
    if callable(getattr(source, "to_json", None)) and callable(getattr(source, "_get_source_type", None)):
        return _of_json(str(source._get_source_type()), source.to_json())  # one of MLflow's own
    raise InvalidTypeError(f"The source of a data set is a path or a URL, got {type(source).__name__}.")


def source_from(source_type: str, text: str) -> DataSource:
    """The source that a stored data set names."""
    return _of_json(source_type, text)


def _of_json(source_type: str, text: str) -> DataSource:
    try:
        details = json.loads(text)
    except ValueError:
        details = text
    return DataSource(source_type, details if isinstance(details, dict) else {"uri": str(details)})  # pyright: ignore[reportUnknownArgumentType]


def _of_text(text: str) -> DataSource:
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or not scheme.isidentifier() or scheme == "file":
        return DataSource("local", {"uri": text})
    slash = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    user, at, host = rest[:slash].rpartition("@")
    # In Azure's URIs that is no user, but the container.
    kept = f"{user}{at}" if scheme.startswith(("abfs", "wasb")) and ":" not in user else ""
    bare = redact_value(f"{scheme}://{host}{rest[slash:]}")
    uri = f"{scheme}://{kept}{bare[len(scheme) + 3 :]}"
    return (
        DataSource("http", {"url": uri}) if scheme in ("http", "https") else DataSource(scheme, {"uri": uri})
    )


def _local_path(uri: str) -> Path:
    if not uri.lower().startswith("file:"):
        return Path(uri).expanduser()
    from urllib.parse import unquote, urlsplit

    return Path(unquote(urlsplit(uri).path))
