"""The errors, under the names by which MLflow's users catch them."""

from nbtrack.core.errors import NbtrackError as NbtrackError

MlflowException = NbtrackError
"""Every error that nbtrack raises on purpose."""

RestException = NbtrackError
"""What MLflow raises when its server refuses: the same errors."""
