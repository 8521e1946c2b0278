"""`nbtrack.autolog`: one call, and whatever is trained from now on is recorded."""

from collections.abc import Mapping, Sequence

from nbtrack.tracking.autolog import switching


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    log_traces: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, str] | None = None,
    exclude_flavors: Sequence[str] | None = None,
) -> None:
    """Record whatever scikit-learn, PyTorch, Lightning, XGBoost, LightGBM and Keras train from now on.

    A training goes into the active run; where there is none, into a run of its own. Frameworks that are
    imported later are recorded too. A framework whose own `autolog` was called keeps what it was told.
    Calling it again changes the options.

    Args:
        log_input_examples: Whether to keep a few rows of the data with each model.
        log_model_signatures: Whether to keep what each model takes and gives.
        log_models: Whether to keep the trained models.
        log_datasets: Whether to keep name, digest and schema of the data.
        log_traces: Taken for MLflow's sake: there are no traces of trainings.
        disable: Record nothing any more: each function of each framework is again what it was. This also
            switches off frameworks whose own `autolog` was called.
        exclusive: Leave the user's runs alone: record only where no run is active.
        disable_for_unsupported_versions: Do not record frameworks older than those it was made for.
        silent: Print no line for a run, and no warning of ours.
        extra_tags: Tags of each run that is started for a training.
        exclude_flavors: Frameworks to leave alone, such as `["lightgbm"]`.

    Raises:
        InvalidTypeError: `extra_tags` is no dict, or `exclude_flavors` no list of names.
    """
    del log_traces
    switching.switch_all(
        disable=disable,
        exclude_flavors=exclude_flavors,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_models=log_models,
        log_datasets=log_datasets,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        extra_tags=extra_tags,
    )
