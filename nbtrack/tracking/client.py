"""`MlflowClient`: the verbs by id, with MLflow's names and arguments.

Nothing here is active: each call names its run or its experiment.
"""

import weakref
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from nbtrack.core.datasets import DatasetInput
from nbtrack.core.entities import Experiment, FileInfo, Metric, Param, Run, RunTag, ViewType
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.logged_models import LoggedModel, LoggedModelList, LoggedModelStatus
from nbtrack.core.model_links import LoggedModelOutput
from nbtrack.core.names import check_model_id, check_run_id
from nbtrack.core.paged_lists import PagedList
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.registry_client import RegistryClient
from nbtrack.tracking.store_access import folder_of
from nbtrack.tracking.tracker import Tracker

_SEARCH_MAX = 1000


class MlflowClient(RegistryClient):
    """Reads and writes a store by ids.

    Args:
        tracking_uri: The store: a folder, a `file:` or a `sqlite:///` URI. None is the store of the
            fluent functions, also when that changes later.
        registry_uri: The store of registered models, where it is another one.
    """

    def __init__(
        self,
        tracking_uri: str | PathLike[str] | None = None,
        registry_uri: str | PathLike[str] | None = None,
    ) -> None:
        self._tracker = default_tracker
        if tracking_uri is not None:
            self._tracker = Tracker()
            self._tracker.set_tracking_uri(tracking_uri)
        self._own = [] if tracking_uri is None else [self._tracker]
        self._models = self._tracker
        if registry_uri is not None:
            # The fluent functions keep their own registry.
            models = Tracker(store=folder_of(self._tracker))
            models.set_registry_uri(registry_uri)
            self._models = models
            self._own.append(models)
            # It has no runs that would end with it. A client is mostly just dropped.
            self._closing = weakref.finalize(self, models.close)
            self._closing.atexit = False  # then every tracker is closed anyway

    def close(self) -> None:
        """Close the stores that this client has opened for itself; a later call opens them again."""
        for tracker in self._own:
            tracker.close()

    @property
    def tracking_uri(self) -> str:
        """The store, as `get_tracking_uri` says it."""
        return self._tracker.get_tracking_uri()

    def __repr__(self) -> str:
        return f"<MlflowClient {self.tracking_uri}>"

    # ---- experiments -------------------------------------------------------------------------

    def create_experiment(
        self,
        name: str,
        artifact_location: str | Path | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an experiment and return its id; see `Tracker.create_experiment`."""
        return self._tracker.create_experiment(name, artifact_location, tags)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Read an experiment, also a deleted one; see `Tracker.get_experiment`."""
        return self._tracker.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Read an experiment by name, also a deleted one; None when there is none."""
        return self._tracker.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = _SEARCH_MAX,
        filter_string: Any = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Find experiments, a page of them; see `Tracker.search_experiments`.

        Args:
            view_type: One of `ViewType`.
            max_results: The size of a page; None is all.
            filter_string: Such as `name LIKE 'churn%'`.
            order_by: Such as `["name ASC"]`.
            page_token: The `token` of the page before.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        return self._tracker.experiments_page(view_type, max_results, filter_string, order_by, page_token)

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Put an experiment and its runs into the bin; see `Tracker.delete_experiment`."""
        self._tracker.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Take an experiment out of the bin; see `Tracker.restore_experiment`."""
        self._tracker.restore_experiment(experiment_id)

    def rename_experiment(self, experiment_id: str | int, new_name: str) -> None:
        """Give an experiment another name; see `Tracker.rename_experiment`."""
        self._tracker.rename_experiment(experiment_id, new_name)

    def set_experiment_tag(self, experiment_id: str | int, key: str, value: Any) -> None:
        """Set one tag of an experiment; an existing one is overwritten.

        Raises:
            NotFoundError: None has that id.
        """
        self._tracker.tag_experiment(experiment_id, {key: value})

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        """Take a tag off an experiment.

        Raises:
            NotFoundError: None has that id, or it has no such tag.
        """
        self._tracker.untag_experiment(experiment_id, key)

    # ---- runs --------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str | int,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run that is RUNNING, but active nowhere; see `Tracker.create_run`."""
        return self._tracker.create_run(experiment_id, start_time, tags, run_name)

    def get_run(self, run_id: str) -> Run:
        """Read a run as it is now, also a running or deleted one."""
        return self._tracker.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Read the run that a nested run was started in; None when it is not nested."""
        return self._tracker.get_parent_run(run_id)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status of a run, its name, or both; see `Tracker.update_run`."""
        self._tracker.update_run(run_id, status, name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run; see `Tracker.set_terminated`."""
        self._tracker.set_terminated(run_id, status, end_time)

    def delete_run(self, run_id: str) -> None:
        """Put a run into the bin; see `Tracker.delete_run`."""
        self._tracker.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Take a run out of the bin; see `Tracker.restore_run`."""
        self._tracker.restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: Any = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = _SEARCH_MAX,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Find runs, a page of them.

        Runs that are started or deleted between two pages neither repeat nor hide others.

        Args:
            experiment_ids: Look in these; in none when it is empty.
            filter_string: As in `Tracker.search_runs`.
            run_view_type: One of `ViewType`.
            max_results: The size of a page, from 1.
            order_by: As in `Tracker.search_runs`.
            page_token: The `token` of the page before; its filter and order must be the same.

        Returns:
            The runs; `token` is None on the last page.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        return self._tracker.runs_page(
            experiment_ids, filter_string, run_view_type, max_results, order_by, page_token
        )

    # ---- logging -----------------------------------------------------------------------------

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> Any:
        """Log one point of a metric; see `ActiveRun.log_metric`."""
        if (dataset_name is None) != (dataset_digest is None):
            raise InvalidValueError("dataset_name and dataset_digest are given together, or neither.")
        check_run_id(run_id)
        result = self._tracker.log_metric(key, value, step, synchronous, timestamp, run_id, model_id)
        if dataset_name is not None and dataset_digest is not None:
            self._tracker.link_metric(run_id, key, dataset_name, dataset_digest)
        return result

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param and give its value back; see `ActiveRun.log_param`."""
        result = self._tracker.log_batch((), [Param(key, value)], (), synchronous, check_run_id(run_id))
        return value if synchronous is not False else result

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Set one tag; see `ActiveRun.set_tag`."""
        return self._tracker.set_tags({key: value}, synchronous, check_run_id(run_id))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off; see `ActiveRun.delete_tag`."""
        self._tracker.delete_tag(key, check_run_id(run_id))

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> Any:
        """Log metrics, params and tags in one call; see `ActiveRun.log_batch`."""
        return self._tracker.log_batch(metrics, params, tags, synchronous, check_run_id(run_id))

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Sequence[Any] | None = None
    ) -> None:
        """Say which data sets and logged models a run used.

        Args:
            run_id: The run.
            datasets: A `DatasetInput` for each.
            models: A `LoggedModelInput` for each.
        """
        self._tracker.add_inputs(datasets or (), check_run_id(run_id), models)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Say which logged models a run has made; see `ActiveRun.log_outputs`."""
        self._tracker.log_outputs(models, check_run_id(run_id))

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Read all points of a metric, ordered by timestamp, then as logged."""
        return self._tracker.get_metric_history(run_id, key)

    # ---- logged models -----------------------------------------------------------------------

    def create_logged_model(
        self,
        experiment_id: str | int,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Any = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a logged model without files, PENDING; see `Tracker.initialize_logged_model`.

        Nothing is active here: without a `source_run_id` it has no run, and gets only the tags given.
        """
        return self._tracker.create_logged_model(experiment_id, name, source_run_id, tags, params, model_type)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Read a logged model; see `Tracker.get_logged_model`."""
        return self._tracker.get_logged_model(model_id)

    def finalize_logged_model(self, model_id: str, status: str | LoggedModelStatus) -> LoggedModel:
        """Say how a model has become; see `Tracker.finalize_logged_model`."""
        return self._tracker.finalize_logged_model(model_id, status)

    def delete_logged_model(self, model_id: str) -> None:
        """Put a model into the bin; see `Tracker.delete_logged_model`."""
        self._tracker.delete_logged_model(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a model; see `Tracker.set_logged_model_tags`."""
        self._tracker.set_logged_model_tags(model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a model; see `Tracker.delete_logged_model_tag`."""
        self._tracker.delete_logged_model_tag(model_id, key)

    def log_model_params(self, model_id: str, params: Any) -> None:
        """Write params of a model; see `Tracker.log_model_params`."""
        self._tracker.log_model_params(params, check_model_id(model_id))

    def log_model_artifact(
        self, model_id: str, local_path: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy a file or folder among the files of a model; see `Tracker.log_model_artifact`."""
        self._tracker.log_model_artifact(model_id, local_path, artifact_path)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy what a folder holds among the files of a model; see `Tracker.log_model_artifacts`."""
        self._tracker.log_model_artifacts(model_id, local_dir, artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies in a folder of a model; see `Tracker.list_logged_model_artifacts`."""
        return self._tracker.list_logged_model_artifacts(model_id, path)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: Any = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Any] | None = None,
        page_token: str | None = None,
    ) -> LoggedModelList:
        """Find logged models, a page of them; see `Tracker.search_logged_models`.

        Args:
            experiment_ids: Look in these; in none when it is empty.
            filter_string: As in `Tracker.search_logged_models`, like the rest.
            datasets: On which metrics must have been measured.
            max_results: The size of a page, from 1; None is 100.
            order_by: The order.
            page_token: The `token` of the page before; its filter and order must be the same.

        Returns:
            The models; `token` is None on the last page.

        Raises:
            InvalidValueError: The filter, the order, the data sets or the token are malformed.
        """
        return self._tracker.logged_models_page(
            experiment_ids, filter_string, datasets, max_results, order_by, page_token
        )

    # ---- artifacts ---------------------------------------------------------------------------

    def log_artifact(
        self, run_id: str, local_path: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy a file or folder into a run; see `ActiveRun.log_artifact`."""
        self._tracker.log_artifact(local_path, artifact_path, check_run_id(run_id))

    def log_artifacts(
        self, run_id: str, local_dir: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Copy what a folder holds into a run; see `ActiveRun.log_artifacts`."""
        self._tracker.log_artifacts(local_dir, artifact_path, check_run_id(run_id))

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Keep text as an artifact; see `ActiveRun.log_text`."""
        self._tracker.log_text(text, artifact_file, check_run_id(run_id))

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or list as an artifact; see `ActiveRun.log_dict`."""
        self._tracker.log_dict(dictionary, artifact_file, check_run_id(run_id))

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Keep what a binary stream holds as an artifact; see `ActiveRun.log_stream`."""
        self._tracker.log_stream(stream, artifact_file, check_run_id(run_id))

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a figure as an artifact; see `ActiveRun.log_figure`."""
        self._tracker.log_figure(figure, artifact_file, save_kwargs=save_kwargs, run_id=check_run_id(run_id))

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool = True,
    ) -> None:
        """Keep an image, alone or as one of a series; see `ActiveRun.log_image`."""
        self._tracker.log_image(image, artifact_file, key, step, timestamp, synchronous, check_run_id(run_id))

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Keep a table, or append to it; see `ActiveRun.log_table`."""
        self._tracker.log_table(data, artifact_file, check_run_id(run_id))

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> Any:
        """Read the tables of that name of an experiment's runs as one DataFrame; see `Tracker.load_table`."""
        return self._tracker.load_table(artifact_file, run_ids, extra_columns, experiment_id=experiment_id)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies in an artifact folder of a run, one level, by name."""
        return self._tracker.list_artifacts(run_id, path)

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """A local path of an artifact or a folder of artifacts; see `Tracker.download_artifacts`."""
        return self._tracker.download_artifacts(run_id, path, dst_path)
