"""The verbs that say which data and which logged models a run used."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nbtrack.core.datasets import DatasetInput, check_inputs
from nbtrack.core.errors import InvalidTypeError, StoreError
from nbtrack.stores.contracts import Runs, Store
from nbtrack.tracking.model_links import model_id_of


class InputVerbs:
    """What a run can say of its data; the run itself says what a refusing store means."""

    _store: Store
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
            model: A logged model that was used: its id, a `LoggedModel` or a `LoggedModelInput`.

        Raises:
            InvalidTypeError: It is no data, or no model.
            InvalidValueError: A text is empty or too long.
            NotFoundError: There is no such logged model.
        """
        if dataset is None and model is None:
            raise InvalidTypeError("log_input takes a data set, a DataFrame or an array, got None.")
        models = None if model is None else [model]
        if dataset is None:
            self.log_inputs(models=models)
        else:
            self.log_inputs([dataset], [context], [tags], models)

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
            models: Logged models that were used, as `model` of `log_input`.

        Raises:
            InvalidTypeError: One is no data, or no model.
            InvalidValueError: The lists differ in length, or a text is empty or too long.
            NotFoundError: There is no such logged model.
        """
        from nbtrack.tracking.data_sets import as_inputs

        ids = [model_id_of(model) for model in models or () if model is not None]
        if models is not None and datasets is not None and any(each is None for each in datasets):
            # With a model a place may have no data set, as in MLflow.
            at = [place for place, dataset in enumerate(datasets) if dataset is not None]
            datasets = [datasets[place] for place in at]
            contexts = None if contexts is None else [contexts[place] for place in at]
            tags_list = None if tags_list is None else [tags_list[place] for place in at]
        inputs = as_inputs(datasets, contexts, tags_list)
        self._check_models(ids)
        if inputs or not ids:
            self._write(lambda: self._runs.log_inputs(self._run_id, inputs))
        if ids:
            self._write(lambda: self._store.logged_models.log_inputs(self._run_id, ids))

    def add_inputs(self, inputs: Sequence[DatasetInput], models: Sequence[Any] | None = None) -> None:
        """Keep inputs that are there as entities, as `MlflowClient.log_inputs` takes them.

        Raises:
            InvalidTypeError: One is no `DatasetInput`.
            InvalidValueError: A text is empty or too long.
            NotFoundError: There is no such logged model.
        """
        checked = check_inputs(inputs)
        ids = [model_id_of(model) for model in models or ()]
        self._check_models(ids)
        self._write(lambda: self._runs.log_inputs(self._run_id, checked))
        if ids:
            self._write(lambda: self._store.logged_models.log_inputs(self._run_id, ids))

    def _check_models(self, model_ids: Sequence[str]) -> None:
        for model_id in model_ids:
            with suppress(StoreError):  # what the store refuses is written later
                self._store.logged_models.get(model_id)

    def _write(self, write: Callable[[], None]) -> None:
        raise NotImplementedError
