"""A warning of registered versions that are at work while what they are made of goes into the bin."""

from contextlib import suppress
from typing import Any

from nbtrack.core.entities import ViewType
from nbtrack.core.errors import NbtrackError
from nbtrack.core.registry import ModelVersion, ModelVersionStages
from nbtrack.core.warn import warn_user
from nbtrack.documents.queries import Query
from nbtrack.stores.contracts import Registry
from nbtrack.tracking.store_access import StoreAccess

_MOST_NAMED = 5


def warn_of_run(access: StoreAccess, run_id: str) -> None:
    """Warn of the versions that are made of a run that was deleted."""
    _warn_of(access, Query().run_id == run_id, f"run {run_id}", f"restore_run({run_id!r})")


def warn_of_logged_model(access: StoreAccess, model_id: str) -> None:
    """Warn of the versions that are made of a logged model that was deleted."""
    made_of, restore = f"the logged model {model_id}", f"restore_logged_model({model_id!r})"
    _warn_of(access, Query().model_id == model_id, made_of, restore)


def warn_of_experiment(access: StoreAccess, experiment_id: str) -> None:
    """Warn of the versions that are made of runs of an experiment that was deleted."""
    with suppress(NbtrackError):
        registry = _registry(access)
        at_work = [] if registry is None else _at_work(registry)
        run_ids = sorted({version.run_id for version in at_work if version.run_id is not None})
        if run_ids:
            runs = access._store().runs  # pyright: ignore[reportPrivateUsage]
            condition: Any = Query().run_id.one_of(run_ids)
            of_it = {run.info.run_id for run in runs.search([experiment_id], condition, view=ViewType.ALL)}
            _warn(
                [version for version in at_work if version.run_id in of_it],
                f"experiment {experiment_id}",
                f"restore_experiment({experiment_id!r})",
            )


def _registry(access: StoreAccess) -> Registry | None:
    if not access._has_registry():  # pyright: ignore[reportPrivateUsage]
        return None
    return access._registry_store().registry  # pyright: ignore[reportPrivateUsage]


def _warn_of(access: StoreAccess, condition: Any, made_of: str, restore: str) -> None:
    # The deletion is done, and a registry that cannot be asked does not make it an error.
    with suppress(NbtrackError):
        registry = _registry(access)
        if registry is not None:
            at_work = [version for version in registry.search_versions(condition) if _is_at_work(version)]
            _warn(sorted(at_work, key=_name_and_number), made_of, restore)


def _at_work(registry: Registry) -> list[ModelVersion]:
    staged: Any = Query().current_stage.one_of(list(ModelVersionStages.ACTIVE))
    found = {(each.name, each.version): each for each in registry.search_versions(staged)}
    for model in registry.search_models():
        for number in set(model.aliases.values()):
            if (model.name, number) not in found:
                found[model.name, number] = registry.get_version(model.name, number)
    return sorted(found.values(), key=_name_and_number)


def _name_and_number(version: ModelVersion) -> tuple[str, int]:
    return version.name, version.version


def _is_at_work(version: ModelVersion) -> bool:
    """Whether people load it by its stage or an alias."""
    return version.current_stage in ModelVersionStages.ACTIVE or bool(version.aliases)


def _warn(versions: list[ModelVersion], made_of: str, restore: str) -> None:
    if not versions:
        return
    named = ", ".join(map(_named, versions[:_MOST_NAMED]))
    more = f" and {len(versions) - _MOST_NAMED} more" if len(versions) > _MOST_NAMED else ""
    it, they = ("is", "It loads") if len(versions) == 1 else ("are", "They load")
    warn_user(
        f"{named}{more} {it} made of {made_of}, which is in the bin now. {they} as long as its files are "
        f"there; {restore} takes it back.",
        UserWarning,
    )


def _named(version: ModelVersion) -> str:
    stage = [version.current_stage] if version.current_stage in ModelVersionStages.ACTIVE else []
    marks = ", ".join([*stage, *(f"@{alias}" for alias in version.aliases)])
    return f"Version {version.version} of {version.name!r} ({marks})"
