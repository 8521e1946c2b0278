"""Promotions: to where a version is moved, what came of it, and the requests that wait for approval."""

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.names import check_alias
from nbtrack.core.paged_lists import PagedList
from nbtrack.core.records import Record
from nbtrack.core.registry import ModelVersionStages

_STAGE_OF = {stage.lower(): stage for stage in ModelVersionStages.ALL}
_MISTYPED_STAGE = 0.8
"""From this likeness on a word is taken for a slip of the pen: `Stagin`, but not `stage1`."""


@dataclass(frozen=True)
class Destination:
    """A stage or an alias: to where a version is promoted. `str()` writes it so that it can be read back."""

    stage: str | None = None
    alias: str | None = None

    def __str__(self) -> str:
        return f"@{self.alias}" if self.stage is None else self.stage

    @property
    def is_active_stage(self) -> bool:
        """Whether it is a stage in which one version takes over the work of another."""
        return self.stage in ModelVersionStages.ACTIVE


def read_destination(to: Any, aliases: Collection[str] = ()) -> Destination:
    """The stage or alias that a user means.

    Args:
        to: A stage in any case, or an alias; `@champion` is always an alias.
        aliases: Those that the registered model has.

    Raises:
        InvalidTypeError: It is not text.
        InvalidValueError: It can be neither; it could be both; or it reads like a slip of the pen.
    """
    if not isinstance(to, str):
        raise InvalidTypeError(
            f"A version is promoted to a stage or an alias, such as 'Production' or '@champion'; "
            f"got {type(to).__name__} {to!r:.80}."
        )
    word = to.strip()
    if word.startswith("@"):
        return Destination(alias=check_alias(word[1:]))
    stage = _STAGE_OF.get(word.lower())
    if stage is not None:
        if word != stage and word in aliases:
            raise InvalidValueError(
                f"{word!r} could be the stage or the alias: write {stage!r} or {'@' + word!r}."
            )
        return Destination(stage=stage)
    if word in aliases:
        return Destination(alias=word)
    if not word:
        raise InvalidValueError(
            "A version is promoted to a stage or an alias, such as 'Production' or '@champion'; got ''."
        )
    meant = _mistyped_stage(word) or next(("@" + each for each in aliases if _is_slip(word, each)), None)
    if meant is not None:
        raise InvalidValueError(
            f"{word!r} is no stage, and no alias yet. Did you mean {meant!r}? "
            f"Write {'@' + word!r} for a new alias."
        )
    return Destination(alias=check_alias(word))


def _mistyped_stage(word: str) -> str | None:
    for lower, stage in _STAGE_OF.items():
        if SequenceMatcher(None, word.lower(), lower).ratio() >= _MISTYPED_STAGE:
            return stage
    return None


def _is_slip(word: str, known: str) -> bool:
    """Whether two words differ by case, by letters that changed places, or by one missing or too many.

    A word that only ends otherwise (`champion-2`, `champions`) is likely meant so.
    """
    if word.lower() == known.lower():
        return True
    if len(word) < 4:
        return False
    if len(word) == len(known):
        return sorted(word) == sorted(known)
    short, long = sorted((word, known), key=len)
    if len(long) - len(short) != 1 or long.startswith(short):
        return False
    return any(long[:at] + long[at + 1 :] == short for at, letter in enumerate(long) if letter.isalpha())


@dataclass(frozen=True)
class Promotion(Record):
    """What came of a promotion; true where the version has been moved."""

    name: str
    """The registered model."""
    version: int
    to: str
    """The stage, or the alias behind an `@`."""
    status: str
    """One of `promoted`, `kept` (it stays where it was), `requested` (it waits for approval), `rejected`."""
    reason: str
    """What was done, or why not, as a sentence."""
    replaced: list[int] = field(default_factory=list[int])
    """The versions that had the stage or alias before, and have it no more."""
    request: int | None = None
    """The number of the request that it waits for, or that led to it."""
    event: int | None = None
    """The number of the event; what `undo` takes."""

    def __bool__(self) -> bool:
        return self.status == "promoted"

    def __str__(self) -> str:
        return self.reason

    def to_dictionary(self) -> dict[str, Any]:
        """The promotion as a plain dict."""
        return {**dict(self), "replaced": list(self.replaced)}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import promotion_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(promotion_views.promotion_card(self))


class RequestStatus:
    """What became of a request, as text."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True)
class PromotionRequest(Record):
    """Somebody asks to move a version to a stage or alias, and somebody approves or rejects it."""

    number: int
    """What `approve` and `reject` take."""
    name: str
    """The registered model, as it is called now."""
    version: int
    to: str
    """The stage, or the alias behind an `@`."""
    status: str
    """One of those of `RequestStatus`."""
    requested_by: str
    requested_at: int
    """Milliseconds since 1970, UTC."""
    why: str | None = None
    """What was said when it was asked for."""
    decided_by: str | None = None
    decided_at: int | None = None
    """Milliseconds since 1970, UTC."""
    comment: str | None = None
    """What was said when it was approved, rejected or withdrawn."""
    if_better: str | None = None
    """The metric that has to be better than the holder's, also when the request is approved."""
    higher_is_better: bool | None = None
    """Whether more of it is better; None: its name says so."""
    archive_existing_versions: bool = True
    """Whether the other versions in the stage go to Archived."""

    def __str__(self) -> str:
        return (
            f"Request {self.number}: version {self.version} of {self.name!r} to {self.to}, asked for by "
            f"{self.requested_by}: {self.status.lower()}"
        )

    def to_dictionary(self) -> dict[str, Any]:
        """The request as a plain dict."""
        return dict(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import promotion_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(promotion_views.request_card(self))


class PromotionRequestList(PagedList[PromotionRequest]):
    """Requests, the oldest first; draws itself as a table."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import promotion_views, static_views  # lazy: only what is looked at is drawn

        return static_views.bundle(promotion_views.requests_table(self))
