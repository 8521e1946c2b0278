"""The verbs a tracker finds, reads, deletes and restores runs with."""

from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO

from nbtrack.core import system_tags
from nbtrack.core.cells import ExecutedCell, Slice
from nbtrack.core.entities import FileInfo, Run, RunList, ViewType
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.names import check_key, check_run_id
from nbtrack.core.warn import warn_user
from nbtrack.documents.database import Database
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access, environment, metric_history
from nbtrack.tracking.conditions import check_count, check_view, run_search
from nbtrack.tracking.disabled_run import disabled_snapshot
from nbtrack.tracking.experiment_ids import checked_ids, warn_of_unknown
from nbtrack.tracking.experiment_verbs import ExperimentVerbs
from nbtrack.tracking.switched_off import DISABLED_RUN_ID, nothing_recorded

if TYPE_CHECKING:
    from nbtrack.core.differences import Difference

_OUTPUT_FORMATS = ("pandas", "list")
_BY_NAME = "a name as experiment_names=[...]"


class ReadingVerbs(ExperimentVerbs):
    """Reads what a store holds; looking makes no store where there is none."""

    def get_run(self, run_id: str) -> Run:
        """Read a run as it is now, also a running or deleted one.

        Raises:
            NotFoundError: There is no such run.
        """
        check_run_id(run_id)
        if run_id == DISABLED_RUN_ID:
            return disabled_snapshot()
        return self._store_to_read("run", run_id).runs.get(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Read the run that a nested run was started in; None when it is not nested.

        Raises:
            NotFoundError: There is no such run, or its parent is gone.
        """
        parent = self.get_run(run_id).data.tags.get(system_tags.PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def attempts(self, run: Run | str, run_view_type: int = ViewType.ACTIVE_ONLY) -> RunList:
        """The attempts of the lineage of a run, the first one first; of a run without one, the run itself.

        Args:
            run: A run, its id or the beginning of it, or its name; a name means the latest attempt that has
                it, and `baseline#2` the second one of its lineage.
            run_view_type: One of `ViewType`.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: Runs of several lineages are meant; the message lists them.
        """
        check_view("run_view_type", run_view_type)
        if self._is_off() or (isinstance(run, str) and run == DISABLED_RUN_ID):
            return RunList()
        from nbtrack.tracking import named_runs  # lazy: most scripts only log

        if isinstance(run, str) and not self._has_store():
            raise NotFoundError("run", run, advice=f"There is no store at {self._store_place()}.")
        return named_runs.attempts_of(self, named_runs.run_meant(self, run), view=run_view_type)

    def delete_run(self, run_id: str) -> None:
        """Put a run into the bin, from which `restore_run` takes it; nested runs stay where they are.

        Versions of its models load on; of those that are at work, in a stage or with an alias, it warns.

        Raises:
            NotFoundError: There is no such run.
        """
        check_run_id(run_id)
        if run_id != DISABLED_RUN_ID:
            from nbtrack.tracking import versions_at_work  # lazy: most scripts only log

            self._store_to_read("run", run_id).runs.delete(run_id)
            versions_at_work.warn_of_run(self, run_id)

    def restore_run(self, run_id: str) -> None:
        """Take a run out of the bin; one that is not there stays as it is.

        Raises:
            NotFoundError: There is no such run.
        """
        check_run_id(run_id)
        if run_id != DISABLED_RUN_ID:
            self._store_to_read("run", run_id).runs.restore(run_id)

    def tag_run(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of any run, as it lies in the store; existing ones are overwritten.

        Unlike `set_tags` with a `run_id` it does not make this process a writer of the run.

        Raises:
            NotFoundError: There is no such run.
        """
        texts = {check_key("tag", key): str(value) for key, value in tags.items()}
        if run_id != DISABLED_RUN_ID and not self._is_off():
            self._store_of(run_id).runs.change_tags(run_id, texts)

    def untag_run(self, run_id: str, key: str) -> None:
        """Take a tag off any run.

        Raises:
            NotFoundError: There is no such run, or it has no such tag.
        """
        check_key("tag", key)
        if run_id != DISABLED_RUN_ID and not self._is_off():
            self._store_of(run_id).runs.change_tags(run_id, {key: None})

    def get_metric_history(self, run_id: str, key: str, output_format: str = "list") -> Any:
        """Read all points of a metric, ordered by timestamp, then as logged.

        Args:
            run_id: The run.
            key: The metric; one that was never logged has no points.
            output_format: `list` for a list of `Metric`; `numpy` for a structured array,
                (points,), with the fields `step`, `timestamp` (ms since 1970, UTC) and `value`;
                `pandas` for a DataFrame of these, with times that know their zone.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: It is no output format.
        """
        check_run_id(run_id)
        if run_id == DISABLED_RUN_ID:
            return metric_history.nothing(output_format)
        return metric_history.read(self._store_to_read("run", run_id).runs, run_id, key, output_format)

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter_string: Any = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 100_000,
        order_by: Sequence[str] | None = None,
        output_format: str = "pandas",
        search_all_experiments: bool = False,
        experiment_names: Sequence[str] | None = None,
        *,
        one_per_lineage: bool = False,
    ) -> Any:
        """Find runs.

        Args:
            experiment_ids: Look in these; None is the active experiment.
            filter_string: Such as `metrics.loss < 0.2 and params.model = 'tree'`; or a condition on
                documents, such as `Query().params.model == "tree"`.
            run_view_type: One of `ViewType`.
            max_results: How many at most, from 1; None is all.
            order_by: Such as `["metrics.loss ASC"]`; runs without the metric come last. Ties and
                None: the latest start first.
            output_format: `pandas` for a DataFrame with MLflow's columns, `list` for a list of `Run`.
            search_all_experiments: Look in every experiment.
            experiment_names: Look in these.
            one_per_lineage: Of the attempts of a tracked cell that match, only the one that comes first in
                the order, the latest when there is none; `max_results` then counts lineages, and
                the output format is `list`.

        Raises:
            InvalidValueError: The filter or order is malformed, or arguments contradict each other.
        """
        if output_format not in _OUTPUT_FORMATS:
            raise InvalidValueError(f"The output format {output_format!r} is none of pandas, list.")
        if experiment_ids and experiment_names:
            raise InvalidValueError("search_runs takes either experiment_ids or experiment_names.")
        if one_per_lineage and output_format != "list":
            raise InvalidValueError('one_per_lineage needs output_format="list".')
        if max_results is not None:
            check_count("max_results", max_results)
        check_view("run_view_type", run_view_type)
        ids = checked_ids(experiment_ids, _BY_NAME)
        condition, order = run_search(filter_string, order_by)
        as_list = output_format == "list"
        found: Any = RunList()
        if not self._is_off() and self._has_store():
            store = self._store()
            scope = None if search_all_experiments else ids or self._scope(store, experiment_names)
            if not search_all_experiments:
                warn_of_unknown(store, ids, "experiment_names=[{name!r}]")
            search: Any = (
                partial(store.runs.search, with_sketches=True, one_per_lineage=one_per_lineage)
                if as_list
                else store.runs.search_columns
            )
            found = search(scope, condition, order, view=run_view_type, limit=max_results)
            from nbtrack.tracking import key_hints  # lazy: with the filters

            key_hints.hint(store.runs, scope, filter_string, order_by, found)
        if as_list:
            return found
        from nbtrack.tracking.run_frames import as_frame

        return as_frame(found)

    def runs_page(
        self,
        experiment_ids: Sequence[str],
        filter_string: Any = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> RunList:
        """Find runs, a page of them; see `MlflowClient.search_runs`.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        check_count("max_results", max_results)
        check_view("run_view_type", run_view_type)
        ids = checked_ids(experiment_ids, _BY_NAME)
        condition, order = run_search(filter_string, order_by)
        if not ids or self._is_off() or not self._has_store():
            return RunList()
        return self._store().runs.search(
            ids, condition, order, view=run_view_type, limit=max_results, after=page_token
        )

    def link_metric(self, run_id: str, key: str, dataset_name: str, dataset_digest: str) -> None:
        """Say on which data set a metric of a run was measured; its history then names it.

        Raises:
            NotFoundError: There is no such run.
        """
        check_run_id(run_id)
        if run_id != DISABLED_RUN_ID and not self._is_off():
            runs = self._store_to_read("run", run_id).runs
            runs.link_metric(run_id, key, (str(dataset_name), str(dataset_digest)))

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies in an artifact folder of a run, one level, by name; of a file, nothing.

        Args:
            run_id: The run.
            path: Folder inside the run; None is its root.

        Raises:
            NotFoundError: There is no such run.
            InvalidValueError: `path` would leave the run or is malformed.
        """
        if run_id == DISABLED_RUN_ID:
            return []
        return artifact_access.list_artifacts(self._store_of(run_id), run_id, path)

    def open_artifact(self, run_id: str, path: str) -> BinaryIO:
        """Open an artifact of a run, to read it piece by piece.

        Raises:
            MissingFileError: There is no such artifact.
            NotFoundError: There is no such run.
            InvalidValueError: `path` would leave the run or is malformed.
        """
        return artifact_access.artifacts_of(self._store_of(run_id), run_id).open(path)

    def download_artifacts(
        self, run_id: str, path: str | None = None, dst_path: str | PathLike[str] | None = None
    ) -> str:
        """Bring an artifact, or a folder with all it holds, onto this machine, and say where it lies.

        Args:
            run_id: The run.
            path: File or folder inside the run; None is all of them.
            dst_path: A folder, made when there is none; the artifact keeps its path below it. None:
                what lies on this machine already is not copied; read the store's own file, do not
                write to it.

        Raises:
            NotFoundError: There is no such run, or no such artifact.
            InvalidValueError: `path` would leave the run or is malformed.
            StoreError: It cannot be written; what was there before is still there.
        """
        return artifact_access.download_artifacts(self._store_of(run_id), run_id, path, dst_path)

    def load_text(self, run_id: str, artifact_file: str) -> str:
        """Read a text artifact of a run, in UTF-8.

        Raises:
            NotFoundError: There is no such run, or no such artifact.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        return artifact_access.load_text(self._store_of(run_id), run_id, artifact_file)

    def load_table(
        self,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
        *,
        experiment_id: str | int | None = None,
    ) -> Any:
        """Read a table of several runs, one below the other, the latest run first.

        Args:
            artifact_file: The path under which the table was logged.
            run_ids: Only these runs; None is every run of the experiment.
            extra_columns: Columns of `search_runs` to repeat in each row of a run: `run_id`,
                `params.lr`, `metrics.loss`, ...
            experiment_id: The experiment; None is the active one.

        Returns:
            A DataFrame. An image is a dict with the artifact paths of its files.

        Raises:
            NotFoundError: No run has such a table, there is no such run, or none of the runs has such
                an extra column.
            InvalidValueError: The path is no table's, or an extra column is a column of the table.
        """
        from nbtrack.tracking import tables  # lazy: few need it, and it loads much

        if self._is_off():
            import pandas as pd

            return pd.DataFrame()
        store = self._store_to_read("table", artifact_file)
        ids = [self._active_experiment_id(store) if experiment_id is None else str(experiment_id)]
        return tables.load_table(store, ids, artifact_file, run_ids, extra_columns)

    def get_environment(self, run_id: str) -> dict[str, Any]:
        """What a run ran in: git, packages, Python, platform, command line.

        Raises:
            NotFoundError: There is no such run.
        """
        if run_id == DISABLED_RUN_ID:
            return {}
        store = self._store_of(run_id)
        return environment.of_run(store, store.runs.get(run_id))

    def diff(self, a: "Run | str", b: "Run | str | None" = None) -> "Difference":
        """What differs between two runs: params, metrics, the code of their cells, packages, Git and data.

        Of metrics it says what became better and worse, of code which lines changed. As the last line of
        a cell it draws itself; `print` shows it as text.

        Args:
            a: The run before, its id or the beginning of it, or its name; `baseline#2` is the second attempt
                of the lineage of that name.
            b: The run after. None: `a` is compared with the attempt before it.

        Raises:
            NotFoundError: There is no such run, or no attempt before it.
        """
        from nbtrack.tracking import run_differences  # lazy: only people compare

        return run_differences.difference_of(self, a, b)

    def slice_of(self, run: Run | str) -> Slice:
        """The cells, in execution order, that a run came from, each with its reasons.

        Args:
            run: A run, its id or the beginning of it, or its name; `baseline#2` is the second attempt.

        Raises:
            NotFoundError: There is no such run, or it was not made in a cell of a notebook with
                `%load_ext nbtrack`.
        """
        from nbtrack.tracking.cells import slices  # lazy: few runs are asked

        run_id = self._id_meant(run)
        return slices.slice_of_run(self._store_of(run_id), run_id)

    def cells_of(self, run: Run | str) -> list[ExecutedCell]:
        """All cells that were executed before a run ended, from the first of its session.

        Args:
            run: As in `slice_of`.

        Raises:
            NotFoundError: There is no such run, it was not made in a cell of a notebook with
                `%load_ext nbtrack`, or it was copied here without its session.
        """
        from nbtrack.tracking.cells import slices  # lazy, as above

        run_id = self._id_meant(run)
        return slices.cells_of_run(self._store_of(run_id), run_id)

    def _id_meant(self, run: Run | str) -> str:
        from nbtrack.tracking import named_runs  # lazy: most scripts only log

        if run == DISABLED_RUN_ID:
            return DISABLED_RUN_ID
        return named_runs.run_meant(self, run).info.run_id

    @property
    def documents(self) -> Database:
        """The document database of the store, to query in TinyDB's idiom.

        `tracker.documents.table("runs").search(Query().params.model == "tree")`; the tables are
        `runs`, `experiments` and `sketches`.
        """
        return self._store().documents

    def _store_of(self, run_id: str) -> Store:
        check_run_id(run_id)
        if run_id == DISABLED_RUN_ID:
            raise nothing_recorded(run_id)
        return self._store_to_read("run", run_id)

    def _scope(self, store: Store, names: Sequence[str] | None) -> list[str]:
        """The ids of the experiments to look in."""
        if names is None:
            chosen = self._chosen()
            if chosen is not None and store.experiments.find(chosen) is None:
                return []
            return [self._active_experiment_id(store)]
        ids: list[str] = []
        for name in [names] if isinstance(names, str) else names:
            found = store.experiments.find(name)
            if found is not None:
                ids.append(found.experiment_id)
            else:
                known = [experiment.name for experiment in store.experiments.search()]
                # In a script that runs for the first time it is no mistake: MLflow warns as well.
                warn_user(str(NotFoundError("experiment named", name, known)), UserWarning)
        return ids
