"""The files that a Python model brings along, found by what the user calls them."""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.models.flavors.python import ArtifactSource
from nbtrack.tracking.model_uris import Where, local_model_folder

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def local_artifacts(where: Where, artifacts: Any) -> dict[str, ArtifactSource]:
    """Bring artifacts to this machine.

    Args:
        where: The store or tracker in which `runs:/` and `models:/` URIs are looked up.
        artifacts: Name to a path, or to a `file:`, `runs:/<run_id>/<path>` or `models:/` URI.

    Raises:
        InvalidTypeError: It is no dict of names to paths.
        InvalidValueError: A URI is of another kind.
        NotFoundError: There is no such run, artifact or model.
    """
    if not isinstance(artifacts, Mapping):
        raise InvalidTypeError(
            f"artifacts takes a dict of names to paths or URIs, got {type(artifacts).__name__}."
        )
    found: dict[str, ArtifactSource] = {}
    for name, given in cast("Mapping[str, Any]", artifacts).items():
        if isinstance(given, ArtifactSource):
            found[name] = given
            continue
        if not isinstance(given, str | PathLike):
            raise InvalidTypeError(
                f"The artifact {name!r} is a path or a URI, got {type(given).__name__} {given!r:.80}."
            )
        text = str(cast("Any", given))
        scheme = _SCHEME.match(text)
        if scheme is None:
            found[name] = ArtifactSource(Path(text), text)
        elif scheme[1].lower() in ("runs", "models", "file"):
            found[name] = ArtifactSource(local_model_folder(where, text), text)
        else:
            raise InvalidValueError(
                f"nbtrack cannot read the artifact {name!r} from {text[:200]!r}: it knows paths, and file:, "
                "runs:/ and models:/ URIs. Download it first."
            )
    return found
