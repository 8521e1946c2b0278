"""The verbs that keep files in a run: artifacts, text, data, figures, images, tables."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from typing import Any, BinaryIO

from nbtrack.core import system_tags
from nbtrack.core.errors import InvalidTypeError
from nbtrack.core.names import artifact_parts
from nbtrack.stores.contracts import Runs

_YAML = (".yml", ".yaml")


class ArtifactVerbs:
    """What a run can keep as files; the run itself says where, and what a refusing store means.

    What a verb needs loads with its first call: most runs use few of them.
    """

    _runs: Runs
    _run_id: str
    _has_images = False
    """Whether the run is tagged as one with a series of images."""
    _noted_tables: frozenset[str] = frozenset()
    """The tables that are in the run's list of tables for sure."""

    def log_artifact(self, local_path: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file, or a folder with all it holds, into the run.

        Args:
            local_path: The file or folder.
            artifact_path: Folder inside the run, with `/`; None is its root.

        Raises:
            MissingFileError: There is no such file; it is a FileNotFoundError.
            InvalidValueError: `artifact_path` would leave the run or is malformed.
        """
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_file(local_path, artifact_path))

    def log_artifacts(self, local_dir: str | PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what a folder holds into the run.

        Args:
            local_dir: The folder.
            artifact_path: Folder inside the run, with `/`; None is its root.

        Raises:
            MissingFileError: There is no such folder.
            InvalidValueError: `artifact_path` would leave the run or is malformed.
        """
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_folder(local_dir, artifact_path))

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep text as an artifact, in UTF-8.

        Args:
            text: What to keep.
            artifact_file: Path inside the run, such as `notes/summary.txt`.

        Raises:
            InvalidTypeError: `text` is not text.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        if not isinstance(text, str):
            raise InvalidTypeError(
                f"log_text takes text, got {type(text).__name__}. "
                "Use log_dict for data, log_artifact for files."
            )
        data = text.encode("utf-8", "surrogatepass")
        self._save(artifact_file, lambda file: _put(file, data))

    def log_stream(self, stream: BinaryIO, artifact_file: str) -> None:
        """Keep what a binary stream holds from where it stands, read piece by piece.

        Args:
            stream: Anything with `read(size)` that gives bytes, such as `open(path, "rb")`.
            artifact_file: Path inside the run.

        Raises:
            InvalidTypeError: It cannot be read, or gives text.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        from nbtrack.tracking.streams import StreamSource

        artifact_file = "/".join(artifact_parts(artifact_file))
        source = StreamSource(stream)
        try:
            self._write_file(lambda: source.save(self._runs.artifacts(self._run_id), artifact_file))
        except BaseException:
            source.close()
            raise
        source.keep_if_needed()

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or a list as an artifact: YAML for `.yml` and `.yaml`, else JSON.

        Args:
            dictionary: What to keep. Numpy's and torch's values become numbers and lists; what has
                no form of its own is kept as its `str()`.
            artifact_file: Path inside the run, such as `config.yaml`.

        Raises:
            InvalidTypeError: JSON or YAML has no form for something in it.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        from nbtrack.tracking.plain_values import as_json_default, plain

        artifact_file = "/".join(artifact_parts(artifact_file))
        if artifact_file.lower().endswith(_YAML):
            import yaml

            try:
                text = yaml.safe_dump(
                    plain(dictionary), default_flow_style=False, sort_keys=False, allow_unicode=True
                )
            except (yaml.YAMLError, RecursionError) as error:
                raise InvalidTypeError(f"{artifact_file!r}: YAML has no form for this: {error}.") from error
        else:
            try:
                text = json.dumps(dictionary, indent=2, default=as_json_default, ensure_ascii=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidTypeError(f"{artifact_file!r}: JSON has no form for this: {error}.") from error
        self.log_text(text, artifact_file)

    def _log_soon_again(self, dictionary: Mapping[str, Any], artifact_file: str) -> None:
        """Keep a dict as JSON that will be kept once more by `log_dict`: without waiting for the disk."""
        from nbtrack.tracking.plain_values import as_json_default

        data = json.dumps(dictionary, default=as_json_default, ensure_ascii=False).encode()
        self._save(artifact_file, lambda file: _put(file, data), sync=False)

    def log_figure(
        self, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a matplotlib or plotly figure as an artifact.

        Args:
            figure: A matplotlib figure, in any format that it saves by the file's ending; or a
                plotly figure, as `.html` (complete, it opens without a network), `.json` or an
                image (which needs plotly's `kaleido`).
            artifact_file: Path inside the run, such as `plots/roc.png`.
            save_kwargs: Passed on to `savefig`, `write_html` or `write_image`.

        Raises:
            InvalidTypeError: It is neither kind of figure.
            InvalidValueError: The ending is none that a plotly figure is saved with, or
                `artifact_file` would leave the run.
        """
        from nbtrack.tracking.figures import figure_bytes

        artifact_file = "/".join(artifact_parts(artifact_file))
        data = figure_bytes(figure, artifact_file, save_kwargs)
        self._save(artifact_file, lambda file: _put(file, data))

    def log_image(
        self,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool = False,
    ) -> None:
        """Keep an image: as one artifact, or as one of a series that goes with the steps of training.

        Args:
            image: An array or tensor, (height, width) or (height, width, 1, 3 or 4 channels), of
                integers from 0 to 255, floats from 0 to 1 or booleans; a Pillow image; or an
                `nbtrack.Image`.
            artifact_file: Path inside the run, such as `samples/first.png`; its ending is the format.
            key: Name of the series, instead of `artifact_file`. The image goes into `images/`, as
                PNG and as a small WebP, under MLflow's names.
            step: The x position in the series; None is 0.
            timestamp: Milliseconds since 1970, UTC; None is now.
            synchronous: Taken for MLflow's sake; logging is always immediate.

        Raises:
            InvalidTypeError: It is no image, or not exactly one of `artifact_file` and `key` is given.
            InvalidValueError: Its shape or range is no image's, `key` holds other letters than a-z,
                digits, spaces and `_-./`, or `artifact_file` is no path that an image is saved under.
        """
        from nbtrack.tracking import images

        if (artifact_file is None) == (key is None):
            raise InvalidTypeError(
                "log_image takes either artifact_file='one.png' or key='samples' for a series with steps."
            )
        picture = images.as_pil(image)
        if artifact_file is not None:
            if step is not None or timestamp is not None:
                raise InvalidTypeError(
                    "step and timestamp belong to a series: give key= instead of artifact_file=."
                )
            name = (artifact_parts(artifact_file) or ("",))[-1]
            data = images.encoded(picture, name.rpartition(".")[2].lower() if "." in name else "png")
            self._save(artifact_file, lambda file: _put(file, data))
            return
        path = images.series_path(key, step, timestamp)
        self._save_all(
            {
                f"{path}.png": images.encoded(picture, "png"),
                f"{path}+compressed.webp": images.small_copy(picture),
            }
        )
        if not self._has_images:
            self.set_tags({system_tags.LOGGED_IMAGES: "True"})
            self._has_images = True

    def log_table(self, data: Any, artifact_file: str) -> None:
        """Keep a table as an artifact, or add rows to one that is there.

        Many threads and processes may add to one table at once. New columns are added too; rows
        that have no value for a column hold None there.

        Args:
            data: A DataFrame of pandas (without its index) or polars; a dict of columns; a dict of
                single values, which is one row; or `{"columns": [...], "data": [rows]}`. Cells may
                be Pillow images or `nbtrack.Image`.
            artifact_file: Path inside the run, `.json` or `.parquet` (which needs pyarrow).

        Raises:
            InvalidTypeError: It is no table, or Parquet has no form for a value.
            InvalidValueError: Columns differ in length, images stand beside other values, the ending
                is another one, or what is there is no table.
            MissingExtraError: pyarrow is not installed.
        """
        from nbtrack.tracking import tables

        artifact_file = "/".join(artifact_parts(artifact_file))
        rows = tables.NewRows(data, artifact_file)
        self._write_file(lambda: rows.add_to(self._runs.artifacts(self._run_id)))
        if artifact_file not in self._noted_tables:
            self._write(
                lambda: self._runs.change_tag(
                    self._run_id, system_tags.LOGGED_ARTIFACTS, lambda held: tables.noted(held, artifact_file)
                )
            )
            self._noted_tables = self._noted_tables | {artifact_file}

    def get_artifact_uri(self, artifact_path: str | None = None) -> str:
        """The URI of an artifact, or of the folder of all artifacts; it need not exist.

        Args:
            artifact_path: Path inside the run; None is its root.

        Raises:
            InvalidValueError: `artifact_path` would leave the run or is malformed.
        """
        from nbtrack.tracking.artifact_access import uri_of

        return uri_of(self._runs.get(self._run_id), artifact_path)

    def _save(self, artifact_file: str, write: Callable[[BinaryIO], None], *, sync: bool = True) -> None:
        def save() -> None:
            self._runs.artifacts(self._run_id).save_bytes(artifact_file, write, sync=sync)

        self._write_file(save)

    def _save_all(self, files: Mapping[str, bytes]) -> None:
        for path in files:
            artifact_parts(path)
        for path, data in files.items():
            self._save(path, partial(_put, data=data))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags."""
        raise NotImplementedError

    def _write(self, write: Callable[[], None]) -> None:
        raise NotImplementedError

    def _write_file(self, write: Callable[[], None]) -> None:
        raise NotImplementedError


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)
