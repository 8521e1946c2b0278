"""The run of a tracker that is switched off: every verb does nothing, at once."""

from collections.abc import Mapping
from typing import Any

from nbtrack.core.datasets import RunInputs
from nbtrack.core.entities import LifecycleStage, Run, RunData, RunInfo, RunStatus
from nbtrack.tracking import metric_history
from nbtrack.tracking.active_run import ActiveRun, RunKeeper


class DisabledRun(ActiveRun):
    """What `start_run` gives while tracking is switched off: every verb does nothing, at once."""

    def __init__(self, tracker: "RunKeeper") -> None:
        self._tracker = tracker
        self._run_id = "0" * 32
        self.takes_nested = True
        self.nested_ids = []

    # All of them have the same id, and yet are not the same.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def info(self) -> RunInfo:
        """A run that is nowhere."""
        return RunInfo(
            self._run_id, "disabled", "0", "", RunStatus.RUNNING, 0, None, LifecycleStage.ACTIVE, ""
        )

    @property
    def data(self) -> RunData:
        """Nothing."""
        return RunData()

    @property
    def inputs(self) -> RunInputs:
        """None."""
        return RunInputs()

    def snapshot(self) -> Run:
        """A run that is nowhere."""
        return Run(self.info, self.data)

    @property
    def is_owner(self) -> bool:
        """It belongs to nobody else."""
        return True

    def log_metric(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Give the value back."""
        return value

    def log_params(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def set_tag(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def set_tags(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_artifact(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_artifacts(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_text(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_dict(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_figure(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def metric_history(self, key: str, output_format: str = "list") -> Any:
        """No points."""
        return metric_history.nothing(output_format)

    def flush(self) -> None:
        """Do nothing."""

    def has_settled(self) -> bool:
        """Nothing is ever left."""
        return True

    def close(self, status: str, tags: Mapping[str, str], *, sync: bool) -> None:
        """Do nothing."""
