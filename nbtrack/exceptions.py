"""The errors, under the names by which MLflow's users catch them."""

from typing import TYPE_CHECKING

from nbtrack.core.absent_names import hints_of
from nbtrack.core.errors import NbtrackError as NbtrackError

MlflowException = NbtrackError
"""Every error that nbtrack raises on purpose."""

RestException = NbtrackError
"""What MLflow raises when its server refuses: the same errors."""

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)


class ExecutionException(NbtrackError):
    """What MLflow raises when the run of a project fails."""
