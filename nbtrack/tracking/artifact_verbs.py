"""The verbs that keep files in a run: artifacts, text, data, figures."""

import json
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, BinaryIO

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError
from nbtrack.core.names import artifact_parts
from nbtrack.stores.contracts import Runs

_YAML = (".yml", ".yaml")
_PLOTLY_IMAGES = ("png", "jpg", "jpeg", "webp", "svg", "pdf")


class ArtifactVerbs:
    """What a run can keep as files; the run itself says where, and what a refusing store means."""

    _runs: Runs
    _run_id: str

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

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or a list as an artifact: YAML for `.yml` and `.yaml`, else JSON.

        Args:
            dictionary: What to keep; in JSON, what has no form of its own is kept as its `str()`.
            artifact_file: Path inside the run, such as `config.yaml`.

        Raises:
            InvalidTypeError: JSON or YAML has no form for something in it.
            InvalidValueError: `artifact_file` would leave the run or is malformed.
        """
        artifact_parts(artifact_file)
        if artifact_file.lower().endswith(_YAML):
            import yaml

            try:
                text = yaml.safe_dump(
                    dictionary, default_flow_style=False, sort_keys=False, allow_unicode=True
                )
            except yaml.YAMLError as error:
                raise InvalidTypeError(f"{artifact_file!r}: YAML has no form for this: {error}.") from error
        else:
            try:
                text = json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidTypeError(f"{artifact_file!r}: JSON has no form for this: {error}.") from error
        self.log_text(text, artifact_file)

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
        options = dict(save_kwargs or {})
        artifact_parts(artifact_file)
        ending = artifact_file.rpartition(".")[2].lower() if "." in artifact_file else ""
        if hasattr(figure, "savefig"):
            options.setdefault("format", ending or "png")
            self._save(artifact_file, lambda file: figure.savefig(file, **options))
        elif hasattr(figure, "write_html") and hasattr(figure, "to_json"):
            self._save(artifact_file, _plotly_writer(figure, ending, options))
        else:
            raise InvalidTypeError(
                f"log_figure takes a matplotlib or plotly figure, got {type(figure).__name__}."
            )

    def _save(self, artifact_file: str, write: Callable[[BinaryIO], None]) -> None:
        self._write_file(lambda: self._runs.artifacts(self._run_id).save_bytes(artifact_file, write))

    def _write_file(self, write: Callable[[], None]) -> None:
        raise NotImplementedError


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _plotly_writer(figure: Any, ending: str, options: dict[str, Any]) -> Callable[[BinaryIO], None]:
    if ending == "html":
        # The library goes into the file: plots open without a network, and call nobody.
        options.setdefault("include_plotlyjs", True)
        options.setdefault("auto_open", False)
        options.pop("auto_open")
        return lambda file: _put(file, figure.to_html(**options).encode())
    if ending == "json":
        return lambda file: _put(file, figure.to_json(**options).encode())
    if ending in _PLOTLY_IMAGES:
        try:
            import kaleido  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
        except ImportError:
            raise MissingExtraError("Saving a plotly figure as an image", "kaleido") from None
        return lambda file: figure.write_image(file, format=ending, **options)
    raise InvalidValueError(
        f"A plotly figure is saved as .html, .json or .{', .'.join(_PLOTLY_IMAGES)}, not as {ending!r}."
    )
