"""The registry's part of `MlflowClient`: MLflow's names, arguments and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrack.tracking.conditions import check_count
from nbtrack.tracking.registry import MOST_MODELS, MOST_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from nbtrack.core.promotions import Promotion, PromotionRequestList
    from nbtrack.core.registry import ModelVersion, ModelVersionList, RegisteredModel, RegisteredModelList
    from nbtrack.core.registry_events import RegistryEvent, RegistryHistory
    from nbtrack.core.version_comparisons import VersionComparison
    from nbtrack.tracking.promotions import PromotionVerbs

_MODELS_PAGE, _VERSIONS_PAGE = 100, 10_000


class RegistryClient:
    """Reads and changes what is registered."""

    _models: PromotionVerbs
    """Who does it."""

    # ---- registered models -------------------------------------------------------------------

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        *,
        why: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model without versions; see `Tracker.create_registered_model`."""
        return self._models.create_registered_model(name, tags, description, why=why)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Read a registered model with the highest version in each stage."""
        return self._models.get_registered_model(name)

    def search_registered_models(
        self,
        filter_string: Any = None,
        max_results: int = _MODELS_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> RegisteredModelList:
        """Find registered models, a page of them.

        Args:
            filter_string: As in `Tracker.search_registered_models`.
            max_results: The size of a page, from 1 to 1,000.
            order_by: As in `Tracker.search_registered_models`.
            page_token: The `token` of the page before; its filter and order must be the same.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        check_count("max_results", max_results, MOST_MODELS)
        return self._models.registered_models_page(filter_string, max_results, order_by, page_token)

    def rename_registered_model(
        self, name: str, new_name: str, *, why: str | None = None
    ) -> RegisteredModel | None:
        """Give a registered model another name; see `Tracker.rename_registered_model`."""
        return self._models.rename_registered_model(name, new_name, why=why)

    def update_registered_model(
        self, name: str, description: str | None = None, *, why: str | None = None
    ) -> RegisteredModel | None:
        """Write the description of a registered model; see `Tracker.update_registered_model`."""
        return self._models.update_registered_model(name, description, why=why)

    def delete_registered_model(self, name: str, *, why: str | None = None) -> None:
        """Remove a registered model with all its versions; see `Tracker.delete_registered_model`."""
        self._models.delete_registered_model(name, why=why)

    def set_registered_model_tag(self, name: str, key: str, value: Any, *, why: str | None = None) -> None:
        """Set one tag of a registered model; see `Tracker.set_registered_model_tag`."""
        self._models.set_registered_model_tag(name, key, value, why=why)

    def delete_registered_model_tag(self, name: str, key: str, *, why: str | None = None) -> None:
        """Take a tag off a registered model; see `Tracker.delete_registered_model_tag`."""
        self._models.delete_registered_model_tag(name, key, why=why)

    def set_registered_model_alias(
        self, name: str, alias: str, version: str | int, *, why: str | None = None
    ) -> None:
        """Let an alias name a version, and no other; see `Tracker.set_registered_model_alias`."""
        self._models.set_registered_model_alias(name, alias, version, why=why)

    def delete_registered_model_alias(self, name: str, alias: str, *, why: str | None = None) -> None:
        """Take an alias away; see `Tracker.delete_registered_model_alias`."""
        self._models.delete_registered_model_alias(name, alias, why=why)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Read the version that an alias names; `latest` is always the highest."""
        return self._models.get_model_version_by_alias(name, alias)

    # ---- versions ----------------------------------------------------------------------------

    def create_model_version(
        self,
        name: str,
        source: Any,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = 300,
        model_id: str | None = None,
        *,
        why: str | None = None,
    ) -> ModelVersion:
        """Add a version to a registered model that exists; see `Tracker.create_model_version`."""
        return self._models.create_model_version(
            name, source, run_id, tags, run_link, description, await_creation_for, model_id, why=why
        )

    def copy_model_version(
        self, src_model_uri: str, dst_name: str, *, why: str | None = None
    ) -> ModelVersion:
        """Make a version the next one of another registered model; see `Tracker.copy_model_version`."""
        return self._models.copy_model_version(src_model_uri, dst_name, why=why)

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Read a version."""
        return self._models.get_model_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> ModelVersionList:
        """Read the highest version in each stage that has any; see `Tracker.get_latest_versions`."""
        return self._models.get_latest_versions(name, stages)

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages there are; the same for every version."""
        return self._models.get_model_version_stages(name, version)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where the files of a version are; see `Tracker.get_model_version_download_uri`."""
        return self._models.get_model_version_download_uri(name, version)

    def search_model_versions(
        self,
        filter_string: Any = None,
        max_results: int = _VERSIONS_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> ModelVersionList:
        """Find model versions, a page of them.

        Args:
            filter_string: As in `Tracker.search_model_versions`.
            max_results: The size of a page, from 1 to 200,000.
            order_by: As in `Tracker.search_model_versions`.
            page_token: The `token` of the page before; its filter and order must be the same.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        check_count("max_results", max_results, MOST_VERSIONS)
        return self._models.model_versions_page(filter_string, max_results, order_by, page_token)

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None, *, why: str | None = None
    ) -> ModelVersion | None:
        """Write the description of a version; see `Tracker.update_model_version`."""
        return self._models.update_model_version(name, version, description, why=why)

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        why: str | None = None,
    ) -> ModelVersion | None:
        """Move a version to a stage; see `Tracker.transition_model_version_stage`."""
        return self._models.transition_model_version_stage(
            name, version, stage, archive_existing_versions, why=why
        )

    def delete_model_version(self, name: str, version: str | int, *, why: str | None = None) -> None:
        """Remove a version and its aliases; see `Tracker.delete_model_version`."""
        self._models.delete_model_version(name, version, why=why)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
        *,
        why: str | None = None,
    ) -> None:
        """Set one tag of a version, or of the highest in a stage; see `Tracker.set_model_version_tag`."""
        self._models.set_model_version_tag(name, version, key, value, stage, why=why)

    def delete_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        stage: str | None = None,
        *,
        why: str | None = None,
    ) -> None:
        """Take a tag off a version, or the highest in a stage; see `Tracker.delete_model_version_tag`."""
        self._models.delete_model_version_tag(name, version, key, stage, why=why)

    def compare_versions(self, name: str, version: Any, other: Any) -> VersionComparison:
        """What differs between two versions; see `nbtrack.compare_versions`."""
        return self._models.compare_versions(name, version, other)

    # ---- promotion, beyond MLflow ------------------------------------------------------------

    def promote(
        self,
        name: str,
        version: str | int,
        to: str,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> Promotion:
        """Move a stage or an alias to a version, or ask for it; see `nbtrack.promote`."""
        return self._models.promote(
            name,
            version,
            to,
            if_better=if_better,
            higher_is_better=higher_is_better,
            archive_existing_versions=archive_existing_versions,
            why=why,
        )

    def request(
        self,
        name: str,
        version: str | int,
        to: str,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> Promotion:
        """Ask for a promotion; see `nbtrack.request`."""
        return self._models.request(
            name,
            version,
            to,
            if_better=if_better,
            higher_is_better=higher_is_better,
            archive_existing_versions=archive_existing_versions,
            why=why,
        )

    def approve(self, name: str, request: str | int | None = None, *, why: str | None = None) -> Promotion:
        """Approve a request, which moves the version; see `nbtrack.approve`."""
        return self._models.approve(name, request, why=why)

    def reject(self, name: str, request: str | int | None = None, *, why: str | None = None) -> Promotion:
        """Reject a request; see `nbtrack.reject`."""
        return self._models.reject(name, request, why=why)

    def promotion_requests(self, name: str | None = None, *, pending: bool = True) -> PromotionRequestList:
        """The requests of a registered model, or of all; see `nbtrack.promotion_requests`."""
        return self._models.promotion_requests(name, pending=pending)

    def require_approval(
        self,
        name: str,
        to: str,
        *,
        approvers: Sequence[str] | None = None,
        four_eyes: bool = False,
        why: str | None = None,
    ) -> None:
        """Let every move to a stage or alias wait for approval; see `nbtrack.require_approval`."""
        self._models.require_approval(name, to, approvers=approvers, four_eyes=four_eyes, why=why)

    def lift_approval(self, name: str, to: str, *, why: str | None = None) -> None:
        """Demand no approval any more; see `nbtrack.lift_approval`."""
        self._models.lift_approval(name, to, why=why)

    def rollback(self, name: str, to: str = "Production", *, why: str | None = None) -> Promotion:
        """Give a stage or alias back to the version that had it before; see `nbtrack.rollback`."""
        return self._models.rollback(name, to, why=why)

    def undo(self, name: str, event: Any = None, *, why: str | None = None) -> RegistryEvent:
        """Take back the latest change of a registered model, or one of them; see `nbtrack.undo`."""
        return self._models.undo(name, event, why=why)

    def history(self, name: str, to: str | None = None) -> RegistryHistory:
        """Every change of a registered model and its versions; see `nbtrack.history`."""
        return self._models.history(name, to)

    def version_at(self, name: str, to: str, when: datetime | date | str | float) -> ModelVersion | None:
        """Which version had a stage or an alias at a moment; see `nbtrack.version_at`."""
        return self._models.version_at(name, to, when)
