"""The verbs of logged models: made, changed, found, and made active, by a tracker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core import system_tags
from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.names import artifact_parts, check_key, check_logged_model_name, check_model_id
from nbtrack.core.warn import warn_user
from nbtrack.tracking import run_context
from nbtrack.tracking.conditions import check_count, logged_model_search
from nbtrack.tracking.experiment_ids import checked_ids, warn_of_unknown
from nbtrack.tracking.param_texts import param_texts
from nbtrack.tracking.store_access import StoreAccess
from nbtrack.tracking.switched_off import DISABLED_RUN_ID

if TYPE_CHECKING:
    import threading
    from os import PathLike

    from nbtrack.core.logged_models import LoggedModel, LoggedModelList, LoggedModelStatus
    from nbtrack.stores.contracts import Artifacts, Store
    from nbtrack.tracking.active_model import ActiveModel
    from nbtrack.tracking.active_models import ActiveModels
    from nbtrack.tracking.active_run import ActiveRun

DISABLED_MODEL_ID = f"m-{DISABLED_RUN_ID}"
"""The id of every model that is recorded nowhere; reading it gives nothing instead of an error."""

_OUTPUT_FORMATS = ("pandas", "list")
_BY_NAME = "get_experiment_by_name finds the id of a name"


class LoggedModelVerbs(StoreAccess):
    """Makes, changes and finds logged models; looking makes no store where there is none."""

    _current: Callable[[], ActiveRun | None]
    _active_models: ActiveModels
    _last: threading.local

    # ---- made --------------------------------------------------------------------------------

    def initialize_logged_model(
        self,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Any = None,
        model_type: str | None = None,
        experiment_id: str | int | None = None,
    ) -> LoggedModel:
        """Make a logged model without files, which is PENDING until `finalize_logged_model`.

        Args:
            name: Its name, with `/` for folders; several models may have one name. None makes one up.
            source_run_id: The run that makes it; None is the active run, if there is one.
            tags: Its first tags; values become text. Who and what made it is added, as to a run.
            params: Its params, written once, as `log_params` takes them.
            model_type: Any text, to find models of one kind by.
            experiment_id: Its experiment; None is that of the run, else the active one.

        Raises:
            NotFoundError: There is no such run or experiment.
            DeletedError: One of them is deleted.
            InvalidValueError: The name is empty, or no artifact path.
            StoreError: The store cannot be opened or written.
        """
        return self._make(name, source_run_id, tags, params, model_type, experiment_id)

    def create_external_model(
        self,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Any = None,
        model_type: str | None = None,
        experiment_id: str | int | None = None,
    ) -> LoggedModel:
        """Make a logged model whose files are kept elsewhere: an agent, a model behind an API.

        It is READY at once. Arguments and errors are those of `initialize_logged_model`.
        """
        tags = {**(tags or {}), system_tags.EXTERNAL_MODEL: "true"}
        return self._make(name, source_run_id, tags, params, model_type, experiment_id, is_ready=True)

    def create_logged_model(
        self,
        experiment_id: str | int,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Any = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """As `initialize_logged_model`, by ids alone: whatever is active, and whoever asks, is left out."""
        return self._make(name, source_run_id, tags, params, model_type, experiment_id, is_active=False)

    def finalize_logged_model(self, model_id: str, status: str | LoggedModelStatus) -> LoggedModel:
        """Say how a model has become: `READY` or `FAILED`.

        Raises:
            NotFoundError: There is no such model.
            InvalidValueError: It is no such status.
        """
        from nbtrack.core.logged_models import LoggedModelStatus  # lazy: most scripts log no model

        check_model_id(model_id)
        if not LoggedModelStatus.is_finalized(status := LoggedModelStatus.of(status)):
            raise InvalidValueError(f"A model is finalized as READY or FAILED, not as {status}.")
        if self._goes_nowhere(model_id):
            return _disabled_model()
        return self._models_of(model_id).finalize(model_id, status)

    # ---- changed -----------------------------------------------------------------------------

    def log_model_params(self, params: Any, model_id: str | None = None) -> None:
        """Write params of a model; all of them or, when one would change, none.

        Args:
            params: As `log_params` takes them.
            model_id: The model; None is the active one.

        Raises:
            NotFoundError: There is no such model.
            InvalidValueError: No model is given, and none is active.
            ParamConflictError: A param has another value already.
        """
        texts = param_texts(params)
        model_id = self.get_active_model_id() if model_id is None else model_id
        if model_id is None:
            if self._is_off():
                return
            raise InvalidValueError(
                "No model is active: give a model_id, or choose one with set_active_model."
            )
        check_model_id(model_id)
        if not self._goes_nowhere(model_id):
            self._models_of(model_id).log_params(model_id, texts)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a model; existing ones are overwritten, values become text.

        Raises:
            NotFoundError: There is no such model.
        """
        check_model_id(model_id)
        texts = _tag_texts(tags)
        if not self._goes_nowhere(model_id):
            self._models_of(model_id).set_tags(model_id, texts)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a model.

        Raises:
            NotFoundError: There is no such model, or it has no such tag.
        """
        check_model_id(model_id)
        check_key("tag", key)
        if not self._goes_nowhere(model_id):
            self._models_of(model_id).delete_tag(model_id, key)

    def delete_logged_model(self, model_id: str) -> None:
        """Put a model into the bin, from which `restore_logged_model` takes it; its files stay in its run.

        One that is there stays there. Versions that were made of it load on; of those that are at work, in a
        stage or with an alias, it warns.

        Raises:
            NotFoundError: There is no such model.
        """
        check_model_id(model_id)
        if not self._goes_nowhere(model_id):
            from nbtrack.tracking import versions_at_work  # lazy: most scripts only log

            self._models_of(model_id).delete(model_id)
            versions_at_work.warn_of_logged_model(self, model_id)

    def restore_logged_model(self, model_id: str) -> None:
        """Take a model out of the bin; one that is not there stays as it is.

        Raises:
            NotFoundError: There is no such model.
        """
        check_model_id(model_id)
        if not self._goes_nowhere(model_id):
            self._models_of(model_id).restore(model_id)

    # ---- files -------------------------------------------------------------------------------

    def log_model_artifact(
        self, model_id: str, local_path: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy a file or folder among the files of a model.

        Args:
            model_id: The model.
            local_path: What to copy.
            artifact_path: Folder inside the model; None is its root.

        Raises:
            NotFoundError: There is no such model, or nothing to copy; then it is a FileNotFoundError.
            InvalidValueError: `artifact_path` would leave the model or is malformed.
        """
        check_model_id(model_id)
        if not self._goes_nowhere(model_id):
            artifacts, folder = self._place(model_id, artifact_path)
            artifacts.save_file(local_path, folder)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy what a folder holds among the files of a model; arguments as of `log_model_artifact`."""
        check_model_id(model_id)
        if not self._goes_nowhere(model_id):
            artifacts, folder = self._place(model_id, artifact_path)
            artifacts.save_folder(local_dir, folder)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies in a folder of a model, one level, by name; paths are those inside the model.

        Raises:
            NotFoundError: There is no such model.
            InvalidValueError: `path` would leave the model or is malformed.
        """
        check_model_id(model_id)
        if self._goes_nowhere(model_id):
            return []
        artifacts, folder = self._place(model_id, path)
        _, home = self._place(model_id, None)
        return [
            FileInfo(info.path.removeprefix(f"{home}/"), info.is_dir, info.file_size)
            for info in artifacts.list(folder)
        ]

    # ---- found -------------------------------------------------------------------------------

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Read a logged model as it is now, also one whose run is deleted.

        Raises:
            NotFoundError: There is no such model, or it is deleted.
        """
        check_model_id(model_id)
        if self._goes_nowhere(model_id):
            return _disabled_model()
        return self._models_of(model_id).get(model_id)

    def last_logged_model(self) -> LoggedModel | None:
        """The model that this thread has logged or made last, as it is now; None without one."""
        model_id = getattr(self._last, "model_id", None)
        try:
            return None if model_id is None else self.get_logged_model(model_id)
        except NotFoundError:
            return None  # it was of another store, or is gone

    def search_logged_models(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter_string: Any = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Any] | None = None,
        output_format: str = "pandas",
    ) -> Any:
        """Find logged models.

        Args:
            experiment_ids: Look in these, by their ids; None is the active experiment. Of one that does not
                exist it is warned.
            filter_string: Such as `metrics.accuracy > 0.9 and params.model = 'tree'`; or a condition on
                documents. Models have the attributes name, model_id, model_type, status, source_run_id,
                experiment_id, creation_timestamp and last_updated_timestamp.
            datasets: Only what was measured on one of these counts as a metric: dicts of `dataset_name`
                and, if wanted, `dataset_digest`.
            max_results: How many at most, from 1; None is all.
            order_by: Such as `["metrics.accuracy DESC"]`, or MLflow's dicts of `field_name`, `ascending`,
                `dataset_name` and `dataset_digest`. Ties and None: the newest first.
            output_format: `pandas` for a DataFrame with MLflow's columns, `list` for a list of
                `LoggedModel`.

        Raises:
            InvalidValueError: The filter, the order or the data sets are malformed.
        """
        from nbtrack.core.logged_models import LoggedModel, LoggedModelList  # lazy: most scripts log no model

        if output_format not in _OUTPUT_FORMATS:
            raise InvalidValueError(f"The output format {output_format!r} is none of pandas, list.")
        if max_results is not None:
            check_count("max_results", max_results)
        ids = checked_ids(experiment_ids, _BY_NAME)
        condition, order = logged_model_search(filter_string, datasets, order_by)
        found = LoggedModelList()
        if not self._is_off() and self._has_store():
            store = self._store()
            warn_of_unknown(store, ids, "experiment_ids=[{experiment_id!r}]")
            ids = ids or self._experiments_searched(store)
            found = store.logged_models.search(ids, condition, order, limit=max_results)
        if output_format == "list":
            return found
        import pandas as pd

        columns = LoggedModel.columns()
        rows = [{**model.to_dictionary(), "status": model.status} for model in found]
        return pd.DataFrame(rows, columns=columns)

    def logged_models_page(
        self,
        experiment_ids: Sequence[str],
        filter_string: Any = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Any] | None = None,
        page_token: str | None = None,
    ) -> LoggedModelList:
        """Find logged models, a page of them; see `MlflowClient.search_logged_models`.

        Raises:
            InvalidValueError: The filter, the order, the data sets or the token are malformed.
        """
        from nbtrack.core.logged_models import LoggedModelList  # lazy: most scripts log no model

        if max_results is not None:
            check_count("max_results", max_results)
        condition, order = logged_model_search(filter_string, datasets, order_by)
        ids = checked_ids(experiment_ids, _BY_NAME)
        if not ids or self._is_off() or not self._has_store():
            return LoggedModelList()
        return self._store().logged_models.search(
            ids, condition, order, limit=max_results or 100, after=page_token
        )

    # ---- active ------------------------------------------------------------------------------

    def set_active_model(self, *, name: str | None = None, model_id: str | None = None) -> ActiveModel:
        """Choose the model that what this thread logs is measured of: it keeps the last points.

        Args:
            name: The newest model of that name in the active experiment; made as by
                `create_external_model` when there is none.
            model_id: The model.

        Returns:
            The model; in a `with` block it is active until its end, and then the one before.

        Raises:
            NotFoundError: There is no such model.
            InvalidValueError: Neither is given, or the model has another name.
        """
        from nbtrack.tracking.active_model import ActiveModel  # lazy: most scripts log no model

        if name is None and model_id is None:
            raise InvalidValueError("set_active_model takes a name or a model_id.")
        if name is not None:
            name = check_logged_model_name(name)
        model = self._named(str(name)) if model_id is None else self.get_logged_model(model_id)
        if name is not None and model.name != name and not self._goes_nowhere(model.model_id):
            raise InvalidValueError(f"The model {model.model_id} is named {model.name!r}, not {name!r}.")
        restore = self._active_models.set(model.model_id)
        for run in self._active_runs():
            run.watch_models()
        return ActiveModel(model, restore)

    def get_active_model_id(self) -> str | None:
        """The id of the model that what this thread logs is measured of; None without one."""
        return self._active_models.current()

    def clear_active_model(self) -> None:
        """Have no active model in this thread, also none by the settings."""
        self._active_models.clear()

    def note_logged_model(self, model_id: str) -> None:
        """Know which model this thread has logged last, for `last_logged_model`."""
        self._last.model_id = model_id

    # ---- inside ------------------------------------------------------------------------------

    def _make(
        self,
        name: str | None,
        source_run_id: str | None,
        tags: Mapping[str, Any] | None,
        params: Any,
        model_type: str | None,
        experiment_id: str | int | None,
        *,
        is_ready: bool = False,
        is_active: bool = True,
    ) -> LoggedModel:
        """Make a model; with `is_active` in the active run, and known as the last one."""
        from nbtrack.core.logged_models import LoggedModelStatus  # lazy: most scripts log no model

        texts, held = _tag_texts(tags or {}), {} if params is None else param_texts(params)
        run = self._current() if is_active and source_run_id is None else None
        source_run_id = run.run_id if run is not None else source_run_id
        if self._is_off() or source_run_id == DISABLED_RUN_ID:
            return _disabled_model()
        store = self._store()
        if experiment_id is None:
            experiment_id = (
                self._active_experiment_id(store)
                if source_run_id is None
                else store.runs.get(source_run_id).info.experiment_id
            )
        if is_active:
            texts = {**run_context.context_tags(store), **texts}
        model = store.logged_models.create(
            str(experiment_id),
            name,
            source_run_id=source_run_id,
            model_type=model_type,
            tags=texts,
            params=held,
            status=LoggedModelStatus.READY if is_ready else LoggedModelStatus.PENDING,
        )
        if is_active:
            self.note_logged_model(model.model_id)
        return model

    def _named(self, name: str) -> LoggedModel:
        """The newest model of a name in the active experiment, made when there is none."""
        from nbtrack.core.logged_models import LoggedModelList  # lazy: most scripts log no model

        found = LoggedModelList()
        if not self._is_off() and self._has_store():
            from nbtrack.documents.queries import Query

            store = self._store()
            ids = self._experiments_searched(store)
            found = store.logged_models.search(ids, Query().name == name, limit=2)
        if len(found) > 1:
            warn_user(f"There are several models named {name!r}; the newest one is active now.", UserWarning)
        return found[0] if found else self.create_external_model(name)

    def _place(self, model_id: str, path: str | None) -> tuple[Artifacts, str]:
        artifacts, home = self._models_of(model_id).artifacts(model_id)
        return artifacts, "/".join((home, *artifact_parts(path)))

    def _goes_nowhere(self, model_id: str) -> bool:
        return self._is_off() or model_id == DISABLED_MODEL_ID

    def _models_of(self, model_id: str) -> Any:
        return self._store_to_read("logged model", model_id).logged_models

    # What the tracker is.

    def _active_runs(self) -> Sequence[ActiveRun]:
        raise NotImplementedError

    def _active_experiment_id(self, store: Store) -> str:
        raise NotImplementedError

    def _experiments_searched(self, store: Store) -> list[str]:
        raise NotImplementedError


def _disabled_model() -> LoggedModel:
    """A model that is nowhere, for code that reads what it has made."""
    from nbtrack.core.logged_models import LoggedModel  # lazy: most scripts log no model

    return LoggedModel("0", DISABLED_MODEL_ID, "disabled", "", 0, 0)


def _tag_texts(tags: Any) -> dict[str, str]:
    if not isinstance(tags, Mapping):
        raise InvalidTypeError(f"tags are given as a dict, got {type(tags).__name__}.")
    given = cast("Mapping[Any, Any]", tags)
    return {check_key("tag", key): str(value) for key, value in given.items()}
