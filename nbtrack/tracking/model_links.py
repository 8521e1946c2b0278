"""Which logged models the points of a run are measured of, and telling these models.

As in MLflow: of the model that the call names, else of the active one, else of those that the run has made
at the step of the point. A model that a run did not make, and of which it logs a metric, is an input of it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidTypeError, NotFoundError, StoreError
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.core.names import check_model_id
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import Runs, RunWriter, Store

if TYPE_CHECKING:
    from nbtrack.core.datasets import DatasetInput

Point = tuple[str, float, int, int]
"""Key, value, step, timestamp in ms."""


class ModelLinks:
    """The models of one run, as far as this process knows of them."""

    def __init__(self, store: Store, run_id: str, active: Callable[[], str | None]) -> None:
        self._store = store
        self._run_id = run_id
        self._active = active
        self.may_be_active = False
        """Whether to ask for the active model: that costs more than a point."""
        self._made: dict[int, list[str]] = {}
        self._linked: set[str] = set()
        self._known: set[str] = set()
        self._gone: set[str] = set()
        with suppress(StoreError, NotFoundError):  # training goes on where a store refuses
            run = store.runs.get(run_id)
            for output in run.outputs.model_outputs:
                self.add_output(output)
            self._linked.update(each.model_id for each in run.inputs.model_inputs)

    def add_output(self, output: LoggedModelOutput) -> None:
        """Know of a model that the run has made."""
        for made in self._made.values():
            with suppress(ValueError):  # it was said of another step before
                made.remove(output.model_id)
        self._made.setdefault(output.step, []).append(output.model_id)
        self._linked.add(output.model_id)

    def models_at(self, step: int) -> Sequence[str]:
        """The models that points of a step are measured of, when the call names none."""
        if self.may_be_active and (active := self._active()) is not None:
            return (active,)
        return self._made.get(step, ())

    def check(self, model_id: str) -> str:
        """Check that a model is there, as far as the store answers.

        Raises:
            NotFoundError: There is none of that id.
        """
        check_model_id(model_id)
        if model_id not in self._known:
            try:
                self._store.logged_models.get(model_id)
            except StoreError:
                return model_id
            self._known.add(model_id)
        return model_id

    def tell(self, model_ids: Sequence[str], points: Sequence[Metric]) -> None:
        """Let models keep points. One that is gone is told nothing more: the points are in the run.

        Raises:
            StoreError: The store cannot be written.
        """
        for model_id in model_ids:
            if model_id in self._gone:
                continue
            try:
                self._store.logged_models.log_metrics(model_id, points)
                if model_id not in self._linked:
                    self._store.logged_models.log_inputs(self._run_id, [model_id])
                    self._linked.add(model_id)
            except NotFoundError as error:
                self._gone.add(model_id)
                warn_user(f"{error} What is measured of it is kept in the run alone.")


class ModelLinkVerbs:
    """What a run does with logged models; the run itself says what a refusing store means."""

    _store: Store
    _runs: Runs
    _run_id: str
    _writer: RunWriter
    _append: Callable[[str, float, int, int], None]
    _links: ModelLinks | None
    _tracker: Any

    def log_outputs(self, models: Sequence[Any] | None = None) -> None:
        """Say which logged models the run has made.

        Metrics that it logs at the step of one are measured of that model from now on.

        Args:
            models: A `LoggedModelOutput(model_id, step)` of each.

        Raises:
            InvalidTypeError: One is none.
            NotFoundError: There is no such model.
        """
        outputs = [_checked_output(each) for each in models or ()]
        links = self._watched()
        for output in outputs:
            links.check(output.model_id)
        self._write(lambda: self._store.logged_models.log_outputs(self._run_id, outputs))
        for output in outputs:
            links.add_output(output)

    def note_output(self, model_id: str, step: int = 0) -> None:
        """Know of a model that is one of the run's outputs already; `log_model` calls it."""
        self._watched().add_output(LoggedModelOutput(model_id, step))
        self._tracker.note_logged_model(model_id)

    def watch_models(self, *, active: bool = True) -> None:
        """Let models keep what is measured of them; the tracker calls it.

        Args:
            active: Whether there may be an active model; else only those that the run has made.
        """
        self._watched().may_be_active |= active

    def _watched(self) -> ModelLinks:
        # Only from here on does a point cost more than its 32 bytes.
        self._append = self._append_linked
        return self._known_models()

    def _known_models(self) -> ModelLinks:
        if self._links is None:
            self._links = ModelLinks(self._store, self._run_id, self._tracker.get_active_model_id)
        return self._links

    def _append_linked(self, key: str, value: float, step: int, timestamp: int) -> None:
        self._writer.append(key, value, step, timestamp)
        if self._links is not None and (models := self._links.models_at(step)):
            self._tell(models, [(key, value, step, timestamp)], None)

    def _append_of(
        self, points: Sequence[Point], model_id: str | None, measured_on: "DatasetInput | None"
    ) -> None:
        """Write points of one step that were measured of a model, on a data set, or both."""
        models: Sequence[str] = ()
        if model_id is not None:
            models = [self._known_models().check(model_id)]
        elif self._links is not None and points:
            models = self._links.models_at(points[0][2])
        for point in points:
            self._writer.append(*point)
        if models and points:
            self._tell(models, points, measured_on)

    def _tell(
        self, models: Sequence[str], points: Sequence[Point], measured_on: "DatasetInput | None"
    ) -> None:
        dataset = None if measured_on is None else measured_on.dataset
        metrics = [
            Metric(
                key,
                value,
                timestamp,
                step,
                dataset_name=None if dataset is None else dataset.name,
                dataset_digest=None if dataset is None else dataset.digest,
                run_id=self._run_id,
            )
            for key, value, step, timestamp in points
        ]
        self._tell_metrics(models, metrics)

    def _tell_metrics(self, models: Sequence[str], metrics: Sequence[Metric]) -> None:
        links, told = self._links, list(models)
        if links is not None:
            self._write(lambda: links.tell(told, metrics))

    def _write(self, write: Callable[[], None]) -> None:
        raise NotImplementedError


def model_id_of(given: Any) -> str:
    """The id of a model that was given as an input: the id, a `LoggedModel` or a `LoggedModelInput`.

    Raises:
        InvalidTypeError: It is none of these.
    """
    model_id: Any = given if isinstance(given, str) else getattr(given, "model_id", None)
    if not isinstance(model_id, str):
        raise InvalidTypeError(
            f"A model is given as its id, a LoggedModel or a LoggedModelInput, got {type(given).__name__}."
        )
    return check_model_id(model_id)


def _checked_output(given: Any) -> LoggedModelOutput:
    model_id: Any = getattr(given, "model_id", None)
    step: Any = getattr(given, "step", None)
    if model_id is None or step is None:
        raise InvalidTypeError(
            f"log_outputs takes LoggedModelOutput(model_id, step) objects, got {type(given).__name__}."
        )
    if isinstance(step, bool) or not isinstance(step, int):
        raise InvalidTypeError(f"The step of a model is a whole number, got {type(step).__name__}.")
    return LoggedModelOutput(check_model_id(model_id), step)
