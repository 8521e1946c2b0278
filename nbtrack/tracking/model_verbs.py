"""The verb that keeps a trained model in a run."""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbtrack.core.names import check_model_name
from nbtrack.stores.contracts import Store
from nbtrack.tracking.model_links import ModelLinkVerbs

if TYPE_CHECKING:
    from nbtrack.models.model_info import ModelInfo


class ModelVerbs(ModelLinkVerbs):
    """What a run does with models; what it needs loads with the first call."""

    _store: Store
    _run_id: str

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
        **flavor_options: Any,
    ) -> "ModelInfo":
        """Keep a trained model, with what is needed to use it again.

        It is signed with the user's key, so that this user loads it again without being asked. A second
        model of one name in a run lies beside the first; the name then means the one of the highest step,
        and of these the latest.

        Args:
            model: An estimator, a module, a Booster, a `PythonModel` or a function.
            artifact_path: Its name, with `/` for folders; MLflow 2's word for `name`.
            name: Its name in the run; `model` when there is none.
            flavor: How it is saved, such as `sklearn`; None looks at the model.
            signature: What it takes and gives, from `infer_signature`. None finds it out where there is an
                input example; False keeps none.
            input_example: A few rows to ask it with, kept beside it.
            code_paths: Files and folders of code that it imports.
            pip_requirements: Lines that replace the requirements that are found, or their file.
            extra_pip_requirements: Lines that are added to them.
            conda_env: A conda environment instead, as a dict or file.
            metadata: More to say of it: text, numbers, lists and dicts.
            registered_model_name: Also make it the next version of this registered model.
            params: Params of the model itself; those of the run are on it anyway.
            tags: Tags of the model itself.
            model_type: A word of yours for what kind it is.
            step: The training step it comes from; None: the end, with the last value of each metric.
            model_id: A model of `initialize_logged_model` that this is.
            **flavor_options: The flavor's own, such as `serialization_format="skops"`.

        Returns:
            Where it lies (`model_uri`), and what is known of it.

        Raises:
            InvalidTypeError: It is no model that nbtrack knows, or an option is of a wrong type.
            InvalidValueError: It cannot be saved, or the options contradict each other; nothing is kept.
            MissingFileError: A file that was named is not there.
        """
        from nbtrack.models.saving import SaveOptions
        from nbtrack.tracking import model_logging

        if registered_model_name is not None:
            check_model_name(registered_model_name)
        if flavor_options.get("artifacts") is not None:
            from nbtrack.tracking.model_artifacts import local_artifacts

            flavor_options["artifacts"] = local_artifacts(self._store, flavor_options["artifacts"])
        given = model_logging.ModelToLog(
            model=model,
            flavor=model_logging.chosen_flavor(model, flavor),
            name=model_logging.check_name(artifact_path, name),
            save=SaveOptions(
                signature=signature,
                input_example=input_example,
                code_paths=code_paths,
                pip_requirements=pip_requirements,
                extra_pip_requirements=extra_pip_requirements,
                conda_env=conda_env,
                metadata=metadata,
            ),
            log=model_logging.LogOptions(registered_model_name, params, tags, model_type, step, model_id),
            flavor_options=flavor_options,
        )
        logged = model_logging.LoggedFolder(self._store, self._run_id, given, self._registry_store)
        self._write_file(logged.log)
        logged.keep_if_needed()
        self.note_output(str(logged.info.model_id), step or 0)
        return logged.info

    def _registry_store(self) -> Store:
        raise NotImplementedError

    def _write_file(self, write: Callable[[], None]) -> None:
        raise NotImplementedError
