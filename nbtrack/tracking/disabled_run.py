"""The run of a tracker that is switched off: every verb does nothing, at once."""

from inspect import isfunction
from typing import TYPE_CHECKING, Any

from nbtrack.core.datasets import RunInputs
from nbtrack.core.entities import LifecycleStage, Run, RunData, RunInfo, RunOutputs, RunStatus
from nbtrack.tracking import metric_history
from nbtrack.tracking.active_run import ActiveRun, RunKeeper
from nbtrack.tracking.switched_off import DISABLED_RUN_ID

if TYPE_CHECKING:
    from nbtrack.core.cells import ExecutedCell, Slice

_KEPT = ("end", "nested")
"""What works for a run that is nowhere as for any other."""


def disabled_snapshot() -> Run:
    """A run that is nowhere, for code that reads what it has started."""
    stage = LifecycleStage.ACTIVE
    return Run(
        RunInfo(DISABLED_RUN_ID, "0", "", RunStatus.RUNNING, 0, None, stage, "", "disabled"), RunData()
    )


def _silent(kind: "type[DisabledRun]") -> "type[DisabledRun]":
    """Replace each verb that is inherited, also those still to be written, by one that does nothing."""
    for above in ActiveRun.__mro__[: ActiveRun.__mro__.index(Run)]:
        for name, verb in vars(above).items():
            if isfunction(verb) and not name.startswith("_") and name not in vars(kind) and name not in _KEPT:
                setattr(kind, name, _nothing)
    return kind


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


@_silent
class DisabledRun(ActiveRun):
    """What `start_run` gives while tracking is switched off.

    Arguments are not looked at, whatever they are; what a verb returns is what its callers can use.
    """

    def __init__(self, tracker: "RunKeeper") -> None:
        self._tracker = tracker
        self._run_id = DISABLED_RUN_ID
        self.takes_nested = True
        self.nested_ids = []
        self.before_end = []

    # All of them have the same id, and yet are not the same.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def info(self) -> RunInfo:
        """A run that is nowhere."""
        return disabled_snapshot().info

    @property
    def data(self) -> RunData:
        """Nothing."""
        return RunData()

    @property
    def inputs(self) -> RunInputs:
        """None."""
        return RunInputs()

    @property
    def outputs(self) -> RunOutputs:
        """None."""
        return RunOutputs()

    @property
    def is_owner(self) -> bool:
        """It belongs to nobody else."""
        return True

    @property
    def store_uri(self) -> str:
        """No store."""
        return ""

    def snapshot(self) -> Run:
        """A run that is nowhere."""
        return disabled_snapshot()

    def log_param(self, key: str, value: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Give the value back."""
        return value

    def get_artifact_uri(self, *args: Any, **kwargs: Any) -> str:
        """No place."""
        return ""

    def log_model(self, model: Any = None, artifact_path: Any = None, *args: Any, **options: Any) -> Any:
        """Say where it would lie."""
        from nbtrack.models.mlmodel import Model
        from nbtrack.models.model_info import ModelInfo

        name = str(options.get("name") or artifact_path or "model")
        about = Model(artifact_path=name, run_id=DISABLED_RUN_ID)
        return ModelInfo(about, f"runs:/{DISABLED_RUN_ID}/{name}", name=name)

    def slice(self) -> "Slice":
        """No cells."""
        from nbtrack.core.cells import Slice

        return Slice(())

    def cells(self) -> "list[ExecutedCell]":
        """No cells."""
        return []

    def progress(self, iterable: Any, *args: Any, **kwargs: Any) -> Any:
        """The iterable, without a bar."""
        return iterable

    def points_since(self, place: Any = None) -> tuple[dict[str, tuple[list[int], list[float]]], Any]:
        """No points."""
        return {}, None

    def metric_history(self, key: str, output_format: str = "list") -> Any:
        """No points."""
        return metric_history.nothing(output_format)

    def has_settled(self) -> bool:
        """Nothing is ever left."""
        return True
