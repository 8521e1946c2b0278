"""Tables of runs: rows that are added to one, and the same table of several runs as one DataFrame."""

import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO, cast

from nbtrack.core import system_tags
from nbtrack.core.entities import Run, ViewType
from nbtrack.core.errors import InvalidValueError, MissingFileError, NotFoundError
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import Artifacts, Store
from nbtrack.tracking import images
from nbtrack.tracking.table_data import as_frame
from nbtrack.tracking.table_files import table_format


class NewRows:
    """Rows that were checked, to be added to a table of a run; see `ActiveRun.log_table`."""

    def __init__(self, data: Any, artifact_file: str) -> None:
        self._path = artifact_file
        self._format = table_format(artifact_file)
        self._image_files: dict[str, bytes] = {}
        self._rows = self._format.rows(self._with_references(as_frame(data)))

    def add_to(self, artifacts: Artifacts) -> None:
        """Publish the table with these rows at its end; what others add meanwhile is not lost.

        Raises:
            InvalidValueError: What is there is no table, or has columns of other types.
            StoreError: The store refuses; the table is as it was.
        """
        with artifacts.locked():
            held = _read(artifacts, self._path)
            rows = self._rows
            if held is not None:
                rows = self._format.join([self._format.read(held, self._path), rows], self._path)
            # The table last: what it refers to is there.
            for path, data in {**self._image_files, self._path: self._format.write(rows)}.items():
                artifacts.save_bytes(path, partial(_put, data=data))

    def _with_references(self, frame: Any) -> Any:
        """The frame with a reference to its files, as MLflow has it, in the place of each image."""
        import pandas as pd

        folder = f"table_images/{self._path.rpartition('.')[0]}"
        for at, name in enumerate(frame.columns):
            if str(frame.dtypes.iloc[at]) != "object":
                continue
            cells = frame.iloc[:, at].tolist()
            if not any(map(images.is_image, cells)):
                continue
            for cell in cells:
                if cell is not None and not images.is_image(cell):
                    raise InvalidValueError(
                        f"Column {name!r} holds images and also {type(cell).__name__}. "
                        "Give each row an image or None."
                    )
            references = [None if cell is None else self._keep(cell, folder) for cell in cells]
            frame.isetitem(at, pd.Series(references, dtype=object))
        return frame

    def _keep(self, cell: Any, folder: str) -> dict[str, str]:
        image = images.as_pil(cell)
        path = f"{folder}/{uuid.uuid4()}"
        self._image_files[f"{path}.png"] = images.encoded(image, "png")
        self._image_files[f"{path}.webp"] = images.small_copy(image)
        return {"type": "image", "filepath": f"{path}.png", "compressed_filepath": f"{path}.webp"}


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def noted(held: str | None, artifact_file: str) -> str:
    """The tag that lists a run's tables, with one more."""
    entries, entry = _entries(held), {"path": artifact_file, "type": "table"}
    return json.dumps(entries if entry in entries else [*entries, entry])


def load_table(
    store: Store,
    experiment_ids: Sequence[str] | None,
    artifact_file: str,
    run_ids: Sequence[str] | str | None = None,
    extra_columns: Sequence[str] | str | None = None,
) -> Any:
    """Read a table of several runs, one below the other, the latest run first.

    Args:
        store: Where the runs are.
        experiment_ids: Only runs of these, unless `run_ids` are given; None is every experiment.
        artifact_file: The path under which the table was logged.
        run_ids: Only these runs; those that have no such table are left out.
        extra_columns: Columns of `search_runs` to repeat in each row of a run: `run_id`,
            `params.lr`, `metrics.loss`, ...

    Returns:
        A DataFrame. An image is a dict with the artifact paths of its files.

    Raises:
        NotFoundError: No run has such a table, there is no such run, or none of the runs has such
            an extra column.
        InvalidValueError: The path is no table's, or an extra column is a column of the table.
        InvalidTypeError: The columns of `.parquet` tables of several runs differ in their types.
    """
    kind = table_format(artifact_file)
    candidates = _runs_with_tables(store, experiment_ids, run_ids)
    runs: list[Run] = []
    parts: list[Any] = []
    for run in candidates:
        if artifact_file in _tables_of(run):
            held = _read(store.runs.artifacts(run.info.run_id), artifact_file)
            if held is not None:
                runs.append(run)
                parts.append(kind.read(held, artifact_file))
    if not runs:
        where = "the runs that were given" if run_ids is not None else "the experiment"
        known = list(dict.fromkeys(path for run in candidates for path in _tables_of(run)))
        raise NotFoundError("table", artifact_file, known, f"It was looked for in {where}.")
    frame = kind.frame(kind.join(parts, artifact_file))
    return _with_extra_columns(frame, runs, [kind.count(part) for part in parts], extra_columns)


def _runs_with_tables(
    store: Store, experiment_ids: Sequence[str] | None, run_ids: Sequence[str] | str | None
) -> list[Run]:
    has_tables = Query().tags[system_tags.LOGGED_ARTIFACTS].exists()
    if run_ids is None:
        return store.runs.search(experiment_ids, has_tables)
    wanted = [run_ids] if isinstance(run_ids, str) else list(run_ids)
    for run_id in wanted:
        store.runs.get(run_id)
    return store.runs.search(None, has_tables & Query().run_id.one_of(wanted), view=ViewType.ALL)


def _tables_of(run: Run) -> list[str]:
    entries = _entries(run.data.tags.get(system_tags.LOGGED_ARTIFACTS))
    return [str(entry.get("path")) for entry in entries if entry.get("type") == "table"]


def _entries(held: str | None) -> list[dict[str, Any]]:
    # A user may have written anything into the tag.
    try:
        entries = json.loads(held or "[]")
    except ValueError:
        return []
    if not isinstance(entries, list):
        return []
    return [cast("dict[str, Any]", each) for each in cast("list[Any]", entries) if isinstance(each, dict)]


def _read(artifacts: Artifacts, path: str) -> bytes | None:
    try:
        with artifacts.open(path) as file:
            return file.read()
    except MissingFileError:
        return None


def _with_extra_columns(
    frame: Any, runs: list[Run], lengths: list[int], extra_columns: Sequence[str] | str | None
) -> Any:
    if not extra_columns:
        return frame
    import pandas as pd

    from nbtrack.tracking.run_frames import as_frame as frame_of_runs

    about = frame_of_runs(runs)
    added: dict[str, Any] = {}
    for name in [extra_columns] if isinstance(extra_columns, str) else extra_columns:
        if name in frame.columns:
            raise InvalidValueError(f"The extra column {name!r} is a column of the table itself.")
        if name in about.columns:
            values: list[Any] = about[name].tolist()
        elif name in ("run_name", "user_id", "lifecycle_stage"):
            values = [getattr(run.info, name) for run in runs]
        else:
            raise NotFoundError("column", str(name), list(about.columns), "Columns are those of search_runs.")
        added[name] = [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]
    return pd.concat([frame, pd.DataFrame(added, index=frame.index)], axis=1)
