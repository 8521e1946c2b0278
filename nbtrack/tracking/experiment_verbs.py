"""The verbs on experiments that a tracker carries."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.core import settings
from nbtrack.core.entities import Experiment, LifecycleStage, ViewType
from nbtrack.core.errors import DeletedError, InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.names import check_experiment_name, check_key
from nbtrack.core.paged_lists import PagedList
from nbtrack.stores.contracts import Store
from nbtrack.tracking.conditions import check_count, check_view, experiment_search
from nbtrack.tracking.store_access import StoreAccess

DEFAULT_EXPERIMENT_ID = "0"


class ExperimentVerbs(StoreAccess):
    """Chooses, makes, reads and changes experiments; the tracker says in which store."""

    experiment: Any
    """The name of the experiment of new runs; None when none was chosen."""

    _experiment_id: str | None
    """The id that name had when it was last looked up."""

    def set_experiment(
        self, experiment_name: str | None = None, experiment_id: str | int | None = None
    ) -> Experiment:
        """Choose the experiment of new runs; a run that is active stays in its own.

        The name is kept: after a later `set_tracking_uri` it means the experiment of that name there.

        Args:
            experiment_name: Made when it does not exist.
            experiment_id: One that exists; give one of the two.

        Raises:
            InvalidValueError: Both or none given, or a name that cannot be.
            NotFoundError: No experiment has that id.
            DeletedError: It is deleted.
        """
        if (experiment_name is None) == (experiment_id is None):
            raise InvalidValueError("set_experiment takes either a name or an experiment_id.")
        if self._is_off():
            self.experiment = experiment_name
            return Experiment(DEFAULT_EXPERIMENT_ID, experiment_name or "", "")
        store = self._store()
        if experiment_id is not None:
            found = store.experiments.get(str(experiment_id))
        else:
            check_experiment_name(experiment_name)
            found = store.experiments.ensure(str(experiment_name))
        check_active(found)
        self._choose(found.name)
        self._experiment_id = found.experiment_id
        return found

    def create_experiment(
        self,
        name: str,
        artifact_location: str | Path | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an experiment and return its id.

        Args:
            name: 1 to 500 characters.
            artifact_location: A folder, as a path or a `file:` URI, that gets the artifacts of the
                experiment's runs; None keeps them in the store, which can then be moved as a whole.
            tags: Its first tags; values become text.

        Raises:
            AlreadyExistsError: There is one of that name, perhaps deleted.
            InvalidValueError: The name or the location cannot be used.
        """
        texts = _tag_texts(tags or {})
        check_experiment_name(name)
        location = _checked_location(artifact_location)
        if self._is_off():
            return DEFAULT_EXPERIMENT_ID
        return self._store().experiments.create(name, texts, location)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Read an experiment, also a deleted one.

        Raises:
            NotFoundError: None has that id.
        """
        return self._store_to_read("experiment", str(experiment_id)).experiments.get(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Read an experiment by name, also a deleted one; None when there is none."""
        return self._store().experiments.find(name) if self._has_store() else None

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = None,
        filter_string: Any = None,
        order_by: Sequence[str] | None = None,
    ) -> PagedList[Experiment]:
        """Find experiments.

        Args:
            view_type: One of `ViewType`.
            max_results: How many at most, from 1; None is all.
            filter_string: Such as `name LIKE 'churn%' and tags.team = 'nlp'`; or a `Query`.
            order_by: Such as `["name ASC"]`. Ties and None: the newest first.

        Raises:
            InvalidValueError: The filter or the order is malformed.
        """
        return self.experiments_page(view_type, max_results, filter_string, order_by)

    def experiments_page(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = None,
        filter_string: Any = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Find experiments, a page of them; see `MlflowClient.search_experiments`.

        Raises:
            InvalidValueError: The filter, the order or the token is malformed.
        """
        check_view("view_type", view_type)
        if max_results is not None:
            check_count("max_results", max_results)
        condition, order = experiment_search(filter_string, order_by)
        if self._is_off() or not self._has_store():
            return PagedList()
        return self._store().experiments.search(
            condition, order, view=view_type, limit=max_results, after=page_token
        )

    def rename_experiment(self, experiment_id: str | int, new_name: str) -> None:
        """Give an experiment another name.

        Raises:
            NotFoundError: None has that id.
            AlreadyExistsError: Another one has that name, perhaps a deleted one.
            DeletedError: It is deleted.
        """
        check_experiment_name(new_name)
        if self._is_off():
            return
        store = self._store_to_read("experiment", str(experiment_id))
        is_chosen = store.experiments.get(str(experiment_id)).name == self.experiment
        store.experiments.rename(str(experiment_id), new_name)
        if is_chosen:
            self._choose(new_name)

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Put an experiment and its runs into the bin.

        Versions of its models load on; of those that are at work, in a stage or with an alias, it warns.

        Raises:
            NotFoundError: None has that id.
            InvalidStateError: It is deleted already.
        """
        if not self._is_off():
            from nbtrack.tracking import versions_at_work  # lazy: most scripts only log

            self._store_to_read("experiment", str(experiment_id)).experiments.delete(str(experiment_id))
            versions_at_work.warn_of_experiment(self, str(experiment_id))

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Take an experiment out of the bin, with the runs that went there with it.

        Raises:
            NotFoundError: None has that id.
            InvalidStateError: It is not deleted.
        """
        if not self._is_off():
            self._store_to_read("experiment", str(experiment_id)).experiments.restore(str(experiment_id))

    def set_experiment_tag(self, key: str, value: Any) -> None:
        """Set one tag of the active experiment; an existing one is overwritten.

        Args:
            key: Name of the tag: any text.
            value: Anything; its `str()` is kept.
        """
        self.set_experiment_tags({key: value})

    def set_experiment_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags of the active experiment; existing ones are overwritten."""
        texts = _tag_texts(tags)
        if not self._is_off():
            store = self._store()
            store.experiments.set_tags(self._active_experiment(store).experiment_id, texts)

    def tag_experiment(self, experiment_id: str | int, tags: Mapping[str, Any]) -> None:
        """Set tags of any experiment; existing ones are overwritten.

        Raises:
            NotFoundError: None has that id.
        """
        texts = _tag_texts(tags)
        if not self._is_off():
            name = str(experiment_id)
            self._store_to_read("experiment", name).experiments.set_tags(name, texts)

    def untag_experiment(self, experiment_id: str | int, key: str) -> None:
        """Take a tag off any experiment.

        Raises:
            NotFoundError: None has that id, or it has no such tag.
        """
        check_key("tag", key)
        if not self._is_off():
            name = str(experiment_id)
            self._store_to_read("experiment", name).experiments.delete_tag(name, key)

    def delete_experiment_tag(self, key: str) -> None:
        """Take a tag off the active experiment.

        Raises:
            NotFoundError: It has no such tag.
        """
        check_key("tag", key)
        if not self._is_off():
            store = self._store()
            store.experiments.delete_tag(self._active_experiment(store).experiment_id, key)

    def name_experiment(self, name: str | None) -> None:
        """Choose the experiment of new runs by its name; the first of them makes it.

        Args:
            name: Of an experiment; None goes back to the setting, or Default.

        Raises:
            InvalidValueError: No experiment can have that name.
        """
        if name is not None:
            check_experiment_name(name)
        self._choose(name)

    def _choose(self, name: str | None) -> None:
        self.experiment = name
        if self._exports and name is not None:
            settings.leave_experiment(name)
        elif self._exports:
            settings.leave_no_experiment()

    def _chosen(self) -> str | None:
        """The experiment that was chosen: here or, without settings, in the process that started this one."""
        if self.experiment is not None or not self._exports:
            return self.experiment
        if settings.setting("EXPERIMENT_NAME") or settings.setting("EXPERIMENT_ID"):
            return None
        return settings.inherited_experiment()

    def _active_experiment(self, store: Store) -> Experiment:
        experiment_id = self._active_experiment_id(store)
        try:
            return store.experiments.get(experiment_id)
        except NotFoundError:
            if experiment_id != settings.setting("EXPERIMENT_ID"):
                raise
            advice = f"{settings.variable_of('EXPERIMENT_ID')} asks for it. "
            advice += f"It was looked for in {self._store_place()}."
            raise NotFoundError("experiment with the id", experiment_id, advice=advice) from None

    def _active_experiment_id(self, store: Store) -> str:
        name = self._chosen()
        if name is None:
            name, experiment_id = settings.setting("EXPERIMENT_NAME"), settings.setting("EXPERIMENT_ID")
            if name is None:
                return experiment_id or DEFAULT_EXPERIMENT_ID
            if experiment_id is not None:
                _check_agree(store, name, experiment_id)
        if self._experiment_id is not None:
            # The id was found in the store of that time, which set_tracking_uri may have changed.
            try:
                if store.experiments.get(self._experiment_id).name == name:
                    return self._experiment_id
            except NotFoundError:
                self._experiment_id = None
        self._experiment_id = store.experiments.ensure(name).experiment_id
        return self._experiment_id


def check_active(experiment: Experiment) -> None:
    """Refuse an experiment that lies in the bin.

    Raises:
        DeletedError: It does.
    """
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise DeletedError(
            f"Experiment {experiment.name!r} is deleted. Restore it "
            f"(restore_experiment({experiment.experiment_id!r})), or choose another name."
        )


def _check_agree(store: Store, name: str, experiment_id: str) -> None:
    """Refuse two settings that name different experiments: one of them is not what is meant."""
    found = store.experiments.find(name)
    if found is not None and found.experiment_id != experiment_id:
        raise InvalidValueError(
            f"{settings.variable_of('EXPERIMENT_NAME')} is {name!r}, which has the id {found.experiment_id}, "
            f"but {settings.variable_of('EXPERIMENT_ID')} is {experiment_id!r}. Unset one of them."
        )


def _tag_texts(tags: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(tags, Mapping):
        raise InvalidTypeError(f"tags are given as a dict, got {type(tags).__name__}.")
    return {check_key("tag", key): str(value) for key, value in tags.items()}


def _checked_location(location: Any) -> str | None:
    """The `file:` URI of a folder for artifacts."""
    if location is None:
        return None
    if not isinstance(location, str | Path):
        raise InvalidTypeError(
            f"An artifact_location is text or a Path, got {type(location).__name__} {location!r:.80}."
        )
    text = str(location)
    scheme = text.partition(":")[0].lower() if "://" in text or text.lower().startswith("file:") else ""
    if not text.strip() or "\0" in text or len(text) > 2048:
        raise InvalidValueError(
            f"The artifact_location {text!r:.80} is empty, holds NUL or is longer than 2,048 characters."
        )
    if text.startswith("runs:"):
        raise InvalidValueError(f"The artifact_location {text!r:.80} lies in a run. Give a folder.")
    if scheme and scheme != "file":
        raise InvalidValueError(
            f"The artifact_location {text!r:.80} is of a kind that nbtrack cannot write to: give a folder."
        )
    if scheme:
        from urllib.parse import unquote, urlsplit  # lazy: 5 ms that a plain folder does not need

        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
            raise InvalidValueError(
                f"The artifact_location {text!r:.80} names a host, a query or a fragment. "
                "Give a folder on this machine: file:///folder."
            )
        return Path(unquote(parts.path)).absolute().as_uri()
    return Path(text).expanduser().absolute().as_uri()
