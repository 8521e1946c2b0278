"""The id of all that is recorded nowhere, since nbtrack is switched off, and the error for reading it."""

from nbtrack.core.errors import NotFoundError

DISABLED_RUN_ID = "d15ab1ed" * 4
"""The id of every run that is recorded nowhere; reading it gives nothing instead of an error."""


def nothing_recorded(run_id: str) -> NotFoundError:
    """The error for reading what was logged while tracking was switched off."""
    return NotFoundError(
        "run", run_id, advice="Nothing was recorded: NBTRACK_DISABLED or enabled=False switches nbtrack off."
    )
