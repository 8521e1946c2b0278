"""MLflow's codes of errors, as in `mlflow.protos.databricks_pb2`: numbers and HTTP statuses."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """What kind of error it is."""

    INTERNAL_ERROR = 1
    TEMPORARILY_UNAVAILABLE = 2
    IO_ERROR = 3
    BAD_REQUEST = 4
    DEADLINE_EXCEEDED = 7
    CANCELLED = 8
    RESOURCE_EXHAUSTED = 9
    ABORTED = 10
    NOT_FOUND = 11
    ALREADY_EXISTS = 12
    UNAUTHENTICATED = 13
    INVALID_PARAMETER_VALUE = 1000
    ENDPOINT_NOT_FOUND = 1001
    MALFORMED_REQUEST = 1002
    INVALID_STATE = 1003
    PERMISSION_DENIED = 1004
    FEATURE_DISABLED = 1005
    CUSTOMER_UNAUTHORIZED = 1006
    REQUEST_LIMIT_EXCEEDED = 1007
    RESOURCE_CONFLICT = 1008
    UNPARSEABLE_HTTP_ERROR = 1009
    NOT_IMPLEMENTED = 1010
    DATA_LOSS = 1011
    INVALID_STATE_TRANSITION = 2001
    COULD_NOT_ACQUIRE_LOCK = 2002
    RESOURCE_ALREADY_EXISTS = 3001
    RESOURCE_DOES_NOT_EXIST = 3002
    QUOTA_EXCEEDED = 4001
    RESOURCE_LIMIT_EXCEEDED = 5002

    @classmethod
    def Name(cls, number: int) -> str:
        """The name of a number; protobuf's way to ask.

        Raises:
            ValueError: There is no such code.
        """
        return cls(number).name

    @classmethod
    def Value(cls, name: str) -> int:
        """The number of a name; protobuf's way to ask.

        Raises:
            ValueError: There is no such code.
        """
        try:
            return int(cls[name])
        except KeyError:
            raise ValueError(f"There is no error code {name!r}.") from None


HTTP_STATUS = {
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "CANCELLED": 499,
    "RESOURCE_EXHAUSTED": 429,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}
"""Where it is not 500."""


def name_of(code: str | int) -> str:
    """The name of a code that is given as name or number; of one that is not known, `INTERNAL_ERROR`."""
    if isinstance(code, str):
        return code if code in ErrorCode.__members__ else "INTERNAL_ERROR"
    known = {int(member): name for name, member in ErrorCode.__members__.items()}
    return known.get(code, "INTERNAL_ERROR")


def __getattr__(name: str) -> int:
    if name in ErrorCode.__members__:
        return int(ErrorCode[name])
    raise AttributeError(f"There is no error code {name!r}.")


def __dir__() -> list[str]:
    return sorted({*globals(), *ErrorCode.__members__})
