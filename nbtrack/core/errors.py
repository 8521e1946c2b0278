"""The errors nbtrack raises on purpose.

Every one derives from `NbtrackError` and knows what an MLflow client should see: a REST code
and an HTTP status. Where Python or MLflow raises a builtin, ours derives from it too, so that
`except TypeError` and `except FileNotFoundError` keep working. A message names the thing, quotes
what was given and says what to do next.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, Self


class NbtrackError(Exception):
    """Something nbtrack refused or could not do; `str(error)` says what, where and what to do.

    Args:
        message: The text; or what MLflow's server answers with: `{"error_code": ..., "message": ...}`.
        error_code: MLflow's name or number of the kind of error; None is that of the class.
        **json_kwargs: More fields for `serialize_as_json`.
    """

    rest_code = "INTERNAL_ERROR"
    http_status = 500
    json_kwargs: Mapping[str, Any] = {}

    def __init__(
        self,
        message: str | Mapping[str, Any] = "",
        error_code: str | int | None = None,
        **json_kwargs: Any,
    ) -> None:
        if isinstance(message, Mapping):
            error_code = message.get("error_code", error_code)
            code_and_text = (str(error_code or self.rest_code), str(message.get("message", dict(message))))
            message = ": ".join(code_and_text)
        super().__init__(message)
        if error_code is not None:
            from nbtrack.core.error_codes import HTTP_STATUS, name_of  # lazy: only others' code asks for it

            self.rest_code = name_of(error_code)
            self.http_status = HTTP_STATUS.get(self.rest_code, 500)
        if json_kwargs:
            self.json_kwargs = json_kwargs

    @classmethod
    def invalid_parameter_value(cls, message: str, **json_kwargs: Any) -> Self:
        """An error of the kind `INVALID_PARAMETER_VALUE`; MLflow's short way."""
        return cls(message, "INVALID_PARAMETER_VALUE", **json_kwargs)

    @property
    def message(self) -> str:
        """The text of the error; MLflow's name for it."""
        return str(self)

    @property
    def error_code(self) -> str:
        """MLflow's name of this kind of error, such as `RESOURCE_DOES_NOT_EXIST`."""
        return self.rest_code

    def get_http_status_code(self) -> int:
        """The HTTP status that MLflow's server answers this error with."""
        return self.http_status

    def serialize_as_json(self) -> str:
        """The error as MLflow's REST API sends it."""
        return json.dumps({"error_code": self.rest_code, "message": self.message, **self.json_kwargs})


class InvalidValueError(NbtrackError, ValueError):
    """What was given cannot be used: malformed, out of range or contradictory."""

    rest_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class InvalidTypeError(InvalidValueError, TypeError):
    """What was given is of a type that cannot be used there."""


class MissingModuleError(InvalidValueError, ImportError):
    """A model imports a module that is not here: a package, or code that was left out of it."""

    def __init__(self, message: str, module: str) -> None:
        super().__init__(message)
        self.name = module


class ParamConflictError(InvalidValueError):
    """A param of a run would change; params are written once."""


class NotFoundError(NbtrackError):
    """The store holds nothing under that name."""

    rest_code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404

    def __init__(
        self, kind: str, name: str, known: Collection[str] = (), advice: str = "", holder: str = ""
    ) -> None:
        self.kind, self.name = kind, name
        self.nearest: str | None = None
        """The known name that was probably meant."""
        # What has names for itself, such as a run its tags, is the subject of the sentence.
        parts = [f"{holder} has no {kind} {name!r}." if holder else f"No {kind} {name!r}."]
        if known:
            from nbtrack.core.nearest_names import (
                nearest,  # lazy: it is wanted only when something went wrong
            )

            self.nearest = nearest(str(name), known)
            parts += [f"Did you mean {self.nearest!r}?"] if self.nearest else []
        if advice:
            parts.append(advice)
        super().__init__(" ".join(parts))


class MissingFileError(NotFoundError, FileNotFoundError):
    """A file or folder that should be read does not exist."""

    def __init__(self, kind: str, name: str, known: Collection[str] = (), advice: str = "") -> None:
        super().__init__(kind, name, known, advice)


class UnknownAliasError(NotFoundError):
    """No version of the registered model holds that alias."""

    rest_code = "INVALID_PARAMETER_VALUE"  # MLflow's for this case
    http_status = 400


class AlreadyExistsError(NbtrackError):
    """The name is taken."""

    rest_code = "RESOURCE_ALREADY_EXISTS"
    http_status = 400


class RunAlreadyActiveError(InvalidValueError):
    """`start_run` was called inside a run without `nested=True`; MLflow raises a plain Exception."""


class InvalidStateError(NbtrackError):
    """The thing exists, but not in a state in which that can be done."""

    rest_code = "INVALID_STATE"
    http_status = 400  # with MLflow's, 500, its clients would try again and again


class ApprovalError(NbtrackError):
    """A move in the registry demands an approval that it does not have, or not of this user."""

    rest_code = "PERMISSION_DENIED"
    http_status = 403


class DeletedError(InvalidStateError):
    """The run or experiment lies in the bin: restore it first."""

    rest_code = "INVALID_PARAMETER_VALUE"  # MLflow's for this case


class StoreError(NbtrackError, OSError):
    """The store cannot be opened, read or written; the message names the path."""

    rest_code = "INTERNAL_ERROR"
    http_status = 500

    # OSError's own __str__ looks at errno; ours is always the sentence.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ForeignStoreError(StoreError):
    """A file or folder there was made by something else; nbtrack leaves it alone."""

    rest_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class StoreVersionError(StoreError):
    """The store was written by a newer nbtrack than this one."""

    rest_code = "INVALID_STATE"
    http_status = 400


class CorruptLogError(StoreError):
    """Whole records of a metric log fail their checksum; the message names file and byte range."""


class UntrustedModelError(NbtrackError):
    """Loading a model would run code, and the user neither logged nor trusted it."""

    rest_code = "PERMISSION_DENIED"
    http_status = 403


class ConfigurationError(NbtrackError, OSError):
    """nbtrack's folder in the user's configuration cannot be used; the message names what is wrong."""

    rest_code = "INVALID_STATE"
    http_status = 500

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class MissingExtraError(NbtrackError, ImportError):
    """An optional package is missing; the message is the pip command that installs it."""

    rest_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, what: str, package: str, extra: str | None = None) -> None:
        target = f'"nbtrack[{extra}]"' if extra else package
        super().__init__(f"{what} needs {package}, which is not installed: pip install {target}")


def said(error: BaseException) -> str:
    """What somebody else's error says, to stand before a full stop of ours."""
    return str(error).rstrip().rstrip(".") or type(error).__name__
