"""The verbs that say which data a run used."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbtrack.core.datasets import DatasetInput, check_inputs
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.stores.contracts import Runs


class InputVerbs:
    """What a run can say of its data; the run itself says what a refusing store means."""

    _runs: Runs
    _run_id: str

    def log_input(
        self,
        dataset: Any = None,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
        model: Any = None,
    ) -> None:
        """Keep which data was used: its name, digest, source, columns and size, not the data itself.

        Saying it again changes nothing but the tags.

        Args:
            dataset: A data set of `nbtrack.data`, or data: a DataFrame of pandas or polars, or an array.
            context: What it was used for, such as `train`.
            tags: More notes on the use; values become text.
            model: MLflow's argument for a logged model; there are none yet.

        Raises:
            InvalidTypeError: It is no data.
            InvalidValueError: A text is empty or too long; or `model` is given.
        """
        if dataset is None and model is None:
            raise InvalidTypeError("log_input takes a data set, a DataFrame or an array, got None.")
        self.log_inputs([dataset], [context], [tags], None if model is None else [model])

    def log_inputs(
        self,
        datasets: Sequence[Any] | None = None,
        contexts: Sequence[str | None] | None = None,
        tags_list: Sequence[Mapping[str, Any] | None] | None = None,
        models: Sequence[Any] | None = None,
    ) -> None:
        """Keep which data was used, several data sets at once: all of them or none.

        Args:
            datasets: As `dataset` of `log_input`.
            contexts: What each was used for.
            tags_list: More notes on each.
            models: MLflow's argument for logged models; there are none yet.

        Raises:
            InvalidTypeError: One is no data.
            InvalidValueError: The lists differ in length, a text is empty or too long; or a model is given.
        """
        from nbtrack.tracking.data_sets import as_inputs

        if models is not None and any(model is not None for model in models):
            raise InvalidValueError(
                "nbtrack keeps no models as inputs yet. Log their names as params or tags."
            )
        inputs = as_inputs(datasets, contexts, tags_list)
        self._write(lambda: self._runs.log_inputs(self._run_id, inputs))

    def add_inputs(self, inputs: Sequence[DatasetInput]) -> None:
        """Keep inputs that are there as entities, as `MlflowClient.log_inputs` takes them.

        Raises:
            InvalidTypeError: One is no `DatasetInput`.
            InvalidValueError: A text is empty or too long.
        """
        checked = check_inputs(inputs)
        self._write(lambda: self._runs.log_inputs(self._run_id, checked))

    def _write(self, write: Callable[[], None]) -> None:
        raise NotImplementedError
