"""Which store a tracker uses, and whether it uses any."""

import os
import threading
from os import PathLike
from typing import Any, NamedTuple

from nbtrack.core import settings
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store, store_exists, store_folder


class _SaidUri(NamedTuple):
    """A URI with a scheme, as it was chosen: code written for MLflow looks at the scheme."""

    text: str
    folder: str
    """What it means in `chosen_in`."""
    chosen_in: str | None
    """The working directory; None for an absolute URI."""

    @classmethod
    def of(cls, uri: Any, folder: str | None) -> "_SaidUri | None":
        """What there is to remember of a URI; None for a path, which says no more than its folder."""
        if folder is None or not isinstance(uri, str) or not uri.lower().startswith(("file:", "sqlite:")):
            return None
        is_absolute = uri.lower().startswith(("file:/", "sqlite:////"))
        return cls(uri, folder, None if is_absolute else os.getcwd())

    @classmethod
    def text_for(cls, folder: str, uri: Any) -> str:
        """How a store is called that a setting names now."""
        said = cls.of(uri, folder)
        return folder if said is None else said.text

    def still_means(self, folder: str) -> bool:
        """Whether it leads whoever reads it now to that folder."""
        if self.folder != folder:
            return False
        try:
            return self.chosen_in is None or self.chosen_in == os.getcwd()
        except OSError:
            return False  # the working directory is gone


def folder_of(tracker: "StoreAccess") -> str:
    """Where the store of a tracker lies."""
    return tracker._store_place()  # pyright: ignore[reportPrivateUsage]


class StoreAccess:
    """The store of a tracker, opened when it is first needed; looking makes none."""

    store: Any
    """The tracking URI that was chosen; None when none was."""
    enabled: Any
    """Whether anything is recorded at all."""

    def _begin(self) -> None:
        self._opened: Store | None = None
        self._said: _SaidUri | None = None
        self._registry_uri: str | None = None
        self._said_of_registry: _SaidUri | None = None
        self._opened_registry: Store | None = None
        self._opening = threading.Lock()
        self._exports = False

    def set_tracking_uri(self, uri: str | PathLike[str] | None) -> None:
        """Choose the store for what is logged from now on; runs that are active stay where they are.

        Args:
            uri: A folder, a `file:` URI or `sqlite:///d/x.db` (the folder `d/x.nbtrack`). None
                goes back to the setting or the nearest `.nbtrack`.

        Raises:
            InvalidValueError: It is no tracking URI that this nbtrack knows.
            ForeignStoreError: Something else lives there; it is left alone.
        """
        folder = None if uri is None else str(store_folder(uri))
        self.store = folder
        self._said = _SaidUri.of(uri, folder)
        self._leave()
        self._opened = None
        if self._exports:
            if folder is None:
                os.environ.pop("NBTRACK_TRACKING_URI", None)
            else:
                # Scripts started from here log into the same store, as with MLflow.
                os.environ["NBTRACK_TRACKING_URI"] = folder

    def get_tracking_uri(self) -> str:
        """The store: the `file:` or `sqlite:///` URI that was set, else its folder; nothing is made.

        The folder is also the answer when a relative URI was chosen in another working directory.
        """
        folder = self._store_place()
        if self._opened is None and self.store is None:
            # The store that is open may be another than the setting says by now.
            return _SaidUri.text_for(folder, settings.setting("TRACKING_URI"))
        if self._said is not None and self._said.still_means(folder):
            return self._said.text
        return folder

    def _store_place(self) -> str:
        """The folder of the store."""
        # An open store stays where it is when the working directory changes.
        store = self._opened
        return str(store_folder(self._uri())) if store is None else store.uri

    def is_tracking_uri_set(self) -> bool:
        """Whether a store was chosen, by `set_tracking_uri`, an argument or a setting."""
        return self.store is not None or settings.setting("TRACKING_URI") is not None

    def set_registry_uri(self, uri: str | PathLike[str] | None) -> None:
        """Choose a store of its own for registered models and their versions.

        Args:
            uri: As for `set_tracking_uri`. None goes back to the setting, or the store of the runs.

        Raises:
            InvalidValueError: It is no tracking URI that this nbtrack knows.
            ForeignStoreError: Something else lives there; it is left alone.
        """
        self._registry_uri = None if uri is None else str(store_folder(uri))
        self._said_of_registry = _SaidUri.of(uri, self._registry_uri)
        self._leave_registry()
        if self._exports:
            if self._registry_uri is None:
                os.environ.pop("NBTRACK_REGISTRY_URI", None)
            else:
                os.environ["NBTRACK_REGISTRY_URI"] = self._registry_uri

    def get_registry_uri(self) -> str:
        """The store of registered models, as `get_tracking_uri` says it; nothing is made."""
        own = self._own_registry_uri()
        if own is None:
            return self.get_tracking_uri()
        folder = str(store_folder(own))
        if self._registry_uri is None:
            return _SaidUri.text_for(folder, own)
        said = self._said_of_registry
        return said.text if said is not None and said.still_means(folder) else folder

    def registry_for(self, store: Store) -> Store:
        """The store that gets the versions of models that are logged in `store`; mostly the same."""
        return store if self._own_registry_uri() is None else self._registry_store()

    def _registry_store(self) -> Store:
        """The store of registered models, made when there is none."""
        own = self._own_registry_uri()
        if own is None:
            return self._store()
        folder = str(store_folder(own))
        if folder == self._store_place():
            return self._store()
        store = self._opened_registry
        if store is None or store.uri != folder or not store.is_there():
            with self._opening:
                store = self._opened_registry
                if store is None or store.uri != folder or not store.is_there():
                    replaced, store = store, open_store(folder)
                    self._opened_registry = store
                    if replaced is not None:
                        replaced.close()
        return store

    def _has_registry(self) -> bool:
        """Whether there is a store of registered models already: looking makes none."""
        own = self._own_registry_uri()
        return self._has_store() if own is None else store_exists(own)

    def _registry_to_read(self, kind: str, name: str) -> Store:
        if not self._has_registry():
            raise NotFoundError(kind, name, advice=f"There is no store at {self.get_registry_uri()}.")
        return self._registry_store()

    def _own_registry_uri(self) -> Any:
        return self._registry_uri or settings.setting("REGISTRY_URI")

    def _leave_registry(self) -> None:
        store, self._opened_registry = self._opened_registry, None
        if store is not None:
            store.close()

    def _store(self) -> Store:
        store = self._opened
        # A store that was deleted is made anew: writing on would lose everything without an error.
        if store is None or not store.is_there():
            # One store for all threads: its background thread looks after the runs of each.
            with self._opening:
                store = self._opened
                if store is None or not store.is_there():
                    replaced, store = store, open_store(self._uri())
                    self._opened = store
                    if self.store is None:
                        self._said = _SaidUri.of(settings.setting("TRACKING_URI"), store.uri)
                    if replaced is not None and not self._is_in_use(replaced):
                        replaced.close()
        return store

    def _has_store(self) -> bool:
        """Whether there is a store already: looking makes none."""
        return self._opened is not None or store_exists(self._uri())

    def _store_to_read(self, kind: str, name: str) -> Store:
        if not self._has_store():
            raise NotFoundError(kind, name, advice=f"There is no store at {self._store_place()}.")
        return self._store()

    def _uri(self) -> Any:
        if self.store is not None:
            return self.store
        uri = settings.setting("TRACKING_URI")
        if uri is not None:
            try:
                store_folder(uri)
            except InvalidValueError as error:
                raise InvalidValueError(f"{settings.variable_of('TRACKING_URI')} is set: {error}") from error
        return uri

    def _is_off(self) -> bool:
        return not self.enabled or settings.is_disabled()

    def _is_in_use(self, store: Store) -> bool:
        """Whether a run of that store may still be written."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Let go of what belongs to the store used so far."""

    def _after_fork(self) -> None:
        """Runs in the child, where a lock that another thread held may never be freed."""
        self._opening = threading.Lock()
