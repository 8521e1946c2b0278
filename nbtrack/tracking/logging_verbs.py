"""The verbs of logging that a tracker carries: each goes to the active run, or to a run by its id.

What a verb does stands at the run's verb of the same name, in `active_run` and `artifact_verbs`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import cleandoc
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO

from nbtrack.core.datasets import DatasetInput
from nbtrack.core.entities import Metric, Param, RunTag
from nbtrack.tracking.active_run import ActiveRun

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo

_BY_ID = """    run_id: Log to this run, active or not, of this process or another; None is the active run.
"""


def _with_docs_of_the_run(verbs: "type[LoggingVerbs]") -> "type[LoggingVerbs]":
    """Let `help()` and Shift-Tab tell of each verb what stands at the run's."""
    for name, verb in vars(verbs).items():
        of_run = getattr(getattr(ActiveRun, name, None), "__doc__", None)
        if of_run and not name.startswith("_") and "see `ActiveRun." in (verb.__doc__ or ""):
            takes_id = "run_id" in verb.__code__.co_varnames[: verb.__code__.co_argcount]
            lines = cleandoc(of_run).splitlines(keepends=True)
            if takes_id and "Args:\n" in lines:
                at = lines.index("Args:\n") + 1
                while at < len(lines) and lines[at].startswith(" "):
                    at += 1
                lines.insert(at, _BY_ID)
            verb.__doc__ = "".join(lines)
    return verbs


@_with_docs_of_the_run
class LoggingVerbs:
    """Logs to the active run of this thread, starting one when there is none.

    With a `run_id` a verb logs to that run, active or not, of this process or another.
    """

    _current: Callable[[], ActiveRun | None]
    """The run this thread logs to."""

    def log_metric(
        self,
        key: str,
        value: Any,
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
        run_id: str | None = None,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log one point of a metric; see `ActiveRun.log_metric`."""
        run = (self._current() or self._implicit()) if run_id is None else self._handle(run_id)
        if dataset is None and model_id is None:
            return run.log_metric(key, value, step, synchronous, timestamp)
        return run.log_metric(key, value, step, synchronous, timestamp, model_id=model_id, dataset=dataset)

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        synchronous: bool | None = None,
        run_id: str | None = None,
        timestamp: int | None = None,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log a point of each of several metrics; see `ActiveRun.log_metrics`."""
        return self._run(run_id).log_metrics(
            metrics, step, synchronous, timestamp, model_id=model_id, dataset=dataset
        )

    def log_param(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param and give its value back; see `ActiveRun.log_param`."""
        return self._run(None).log_param(key, value, synchronous)

    def log_params(self, params: Any, synchronous: bool | None = None, run_id: str | None = None) -> Any:
        """Log several params, from a dict or another holder of params; see `ActiveRun.log_params`."""
        return self._run(run_id).log_params(params, synchronous)

    def log_batch(
        self,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
        run_id: str | None = None,
    ) -> Any:
        """Log metrics, params and tags in one call; see `ActiveRun.log_batch`."""
        return self._run(run_id).log_batch(metrics, params, tags, synchronous)

    def set_tag(self, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Set one tag; see `ActiveRun.set_tag`."""
        return self._run(None).set_tag(key, value, synchronous)

    def set_tags(
        self, tags: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
    ) -> Any:
        """Set several tags; see `ActiveRun.set_tags`."""
        return self._run(run_id).set_tags(tags, synchronous)

    def delete_tag(self, key: str, run_id: str | None = None) -> None:
        """Take a tag off; see `ActiveRun.delete_tag`."""
        self._run(run_id).delete_tag(key)

    def log_artifact(
        self,
        local_path: str | PathLike[str],
        artifact_path: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Copy a file or folder into the run; see `ActiveRun.log_artifact`."""
        self._run(run_id).log_artifact(local_path, artifact_path)

    def log_artifacts(
        self,
        local_dir: str | PathLike[str],
        artifact_path: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Copy what a folder holds into the run; see `ActiveRun.log_artifacts`."""
        self._run(run_id).log_artifacts(local_dir, artifact_path)

    def log_text(self, text: str, artifact_file: str, run_id: str | None = None) -> None:
        """Keep text as an artifact; see `ActiveRun.log_text`."""
        self._run(run_id).log_text(text, artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
        """Keep a dict or list as an artifact; see `ActiveRun.log_dict`."""
        self._run(run_id).log_dict(dictionary, artifact_file)

    def log_stream(self, stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
        """Keep what a binary stream holds as an artifact; see `ActiveRun.log_stream`."""
        self._run(run_id).log_stream(stream, artifact_file)

    def log_figure(
        self,
        figure: Any,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep a figure as an artifact; see `ActiveRun.log_figure`."""
        self._run(run_id).log_figure(figure, artifact_file, save_kwargs=save_kwargs)

    def log_image(
        self,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool = False,
        run_id: str | None = None,
    ) -> None:
        """Keep an image, alone or as one of a series; see `ActiveRun.log_image`."""
        self._run(run_id).log_image(image, artifact_file, key, step, timestamp, synchronous)

    def log_table(self, data: Any, artifact_file: str, run_id: str | None = None) -> None:
        """Keep a table, or append to it; see `ActiveRun.log_table`."""
        self._run(run_id).log_table(data, artifact_file)

    def log_model(
        self,
        model: Any,
        artifact_path: str | None = None,
        *,
        name: str | None = None,
        flavor: str | None = None,
        signature: Any = None,
        input_example: Any = None,
        code_paths: Iterable[str | PathLike[str]] | None = None,
        pip_requirements: Any = None,
        extra_pip_requirements: Any = None,
        conda_env: Any = None,
        metadata: Mapping[str, Any] | None = None,
        registered_model_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        model_type: str | None = None,
        step: int | None = None,
        model_id: str | None = None,
        run_id: str | None = None,
        **flavor_options: Any,
    ) -> "ModelInfo":
        """Keep a trained model; see `ActiveRun.log_model`."""
        return self._run(run_id).log_model(
            model,
            artifact_path,
            name=name,
            flavor=flavor,
            signature=signature,
            input_example=input_example,
            code_paths=code_paths,
            pip_requirements=pip_requirements,
            extra_pip_requirements=extra_pip_requirements,
            conda_env=conda_env,
            metadata=metadata,
            registered_model_name=registered_model_name,
            params=params,
            tags=tags,
            model_type=model_type,
            step=step,
            model_id=model_id,
            **flavor_options,
        )

    def log_input(
        self,
        dataset: Any = None,
        context: str | None = None,
        tags: Mapping[str, str] | None = None,
        model: Any = None,
    ) -> None:
        """Say which data set, or which logged model, the run used; see `ActiveRun.log_input`."""
        self._run(None).log_input(dataset, context, tags, model)

    def log_inputs(
        self,
        datasets: Sequence[Any] | None = None,
        contexts: Sequence[str | None] | None = None,
        tags_list: Sequence[Mapping[str, str] | None] | None = None,
        models: Sequence[Any] | None = None,
    ) -> None:
        """Say which data sets and logged models the run used; see `ActiveRun.log_inputs`."""
        self._run(None).log_inputs(datasets, contexts, tags_list, models)

    def log_outputs(self, models: Sequence[Any] | None = None, run_id: str | None = None) -> None:
        """Say which logged models the run has made; see `ActiveRun.log_outputs`."""
        self._run(run_id).log_outputs(models)

    def add_inputs(
        self,
        inputs: Sequence[DatasetInput],
        run_id: str | None = None,
        models: Sequence[Any] | None = None,
    ) -> None:
        """Keep inputs that are there as entities; see `ActiveRun.add_inputs`."""
        self._run(run_id).add_inputs(inputs, models)

    def get_artifact_uri(self, artifact_path: str | None = None) -> str:
        """The `file:` URI of an artifact of the active run, or of its artifact folder."""
        return self._run(None).get_artifact_uri(artifact_path)

    def flush_async_logging(self) -> None:
        """Return at once: nothing is ever waiting. `flush()` waits for the disk."""

    def flush_artifact_async_logging(self) -> None:
        """Return at once: nothing is ever waiting. `flush()` waits for the disk."""

    def _run(self, run_id: str | None) -> ActiveRun:
        return (self._current() or self._implicit()) if run_id is None else self._handle(run_id)

    # What the tracker is.

    def _implicit(self) -> ActiveRun:
        raise NotImplementedError

    def _handle(self, run_id: str) -> ActiveRun:
        raise NotImplementedError
