"""`NBTrack`: what `%config NBTrack`, IPython's configuration files and its command line set in a notebook.

Each option but those of cards belongs to the tracker of the fluent functions; here it only gets a name
that traitlets knows. What was chosen in code stays: a configuration file is asked last, as a default
would be.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from traitlets import All, Bool, Enum, Float, TraitError, Unicode, observe, validate
from traitlets.config import Config, LoggingConfigurable

from nbtrack.core import settings
from nbtrack.core.errors import NbtrackError
from nbtrack.core.names import check_experiment_name
from nbtrack.stores.opening import store_folder
from nbtrack.tracking.capture_traits import CaptureTrait, NamesTrait
from nbtrack.tracking.tracker import Tracker

SECTION = "NBTrack"
_SETTINGS = {
    "store": ("TRACKING_URI",),
    "experiment": ("EXPERIMENT_NAME", "EXPERIMENT_ID"),
}
"""The environment variables that say the same, and win against a configuration file."""

_OF_THE_NOTEBOOK = frozenset({"live_hz"})
"""Options that no tracker has."""


class Text(Unicode[Any, Any]):
    """Text that code may choose as well: it reads as what is chosen at this moment."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Take a path, too."""
        given: Any = os.fspath(cast("os.PathLike[str]", value)) if isinstance(value, os.PathLike) else value
        return super().validate(obj, given)

    def get(self, obj: Any, cls: Any = None) -> Any:
        """What the tracker has; while a configuration is read, what it says."""
        held: Any = super().get(obj, cls)
        return held if obj.is_reading else getattr(obj.tracker, str(self.name))


class NBTrack(LoggingConfigurable):
    """What nbtrack records in this notebook, and where."""

    store = Text(
        None,
        allow_none=True,
        help="Tracking URI of the store: a folder, file: or sqlite:///. None: the nearest .nbtrack.",
    ).tag(config=True)
    experiment = Text(
        None, allow_none=True, help="Name of the experiment of new runs; made when it does not exist."
    ).tag(config=True)
    enabled = Bool(True, help="Whether anything is recorded at all.").tag(config=True)
    on_error = Enum(
        ["warn", "raise"], "warn", help="What a run does when the store refuses: say so and go on, or raise."
    ).tag(config=True)

    capture = CaptureTrait()
    capture_include = NamesTrait(help="The only names that are captured, such as lr, n_*; none: all.").tag(
        config=True
    )
    capture_exclude = NamesTrait(help="Names that are not captured, such as debug_*.").tag(config=True)

    live_hz = Float(
        4.0,
        min=0.1,
        max=5.0,
        help="How often a second the card of `%%track --live` is replaced at most.",
    ).tag(config=True)

    is_reading = True
    """Whether a configuration is being read."""

    def __init__(self, shell: Any, tracker: Tracker) -> None:
        """Read the configuration of a shell, and set what it says, unless code or the environment has.

        Raises:
            TraitError: A value cannot be; nothing is set.
        """
        self.tracker = tracker
        self._shell = shell
        self._before: dict[str, Any] = {}
        self._set: dict[str, Any] = {}
        self.is_reading = True
        super().__init__(parent=shell)
        configured = self._configured(self.config)
        self.is_reading = False
        for name in configured:
            if self._is_open(name):
                self._apply(name, self._trait_values[name])
        shell.configurables.append(self)

    def remove(self) -> None:
        """Take back what was set here, where nobody has set it anew since."""
        if self in self._shell.configurables:
            self._shell.configurables.remove(self)
        for name, value in self._set.items():
            if getattr(self.tracker, name) == value:
                self._give(name, self._before[name])
        self._set.clear()

    def _load_config(self, cfg: Config, section_names: Any = None, traits: Any = None) -> None:
        """Read all of it at the beginning; later what a `%config` line assigns, which counts at once."""
        was_reading, self.is_reading = self.is_reading, True
        try:
            super()._load_config(cfg, section_names, traits)
        finally:
            self.is_reading = was_reading
        if not was_reading:
            for name in self._configured(cfg):
                self._apply(name, self._trait_values[name])

    def _configured(self, config: Config) -> list[str]:
        """The options of the tracker that a configuration sets."""
        held: Mapping[str, Any] = self._find_my_config(config)
        return [name for name in held if name in self._of_tracker() and name in self._trait_values]

    def _of_tracker(self) -> set[str]:
        return set(self.traits(config=True)) - _OF_THE_NOTEBOOK

    def _is_open(self, name: str) -> bool:
        """Whether what the configuration says of an option is asked, when the extension is loaded."""
        if name not in _SETTINGS:
            return True
        if getattr(self.tracker, name) is not None:
            return False  # code was faster
        if name in _command_line(self._shell):
            return True
        is_inherited = name == "experiment" and settings.inherited_experiment() is not None
        return not is_inherited and all(settings.setting(each) is None for each in _SETTINGS[name])

    def _apply(self, name: str, value: Any) -> None:
        self._before.setdefault(name, getattr(self.tracker, name))
        self._give(name, value)
        self._set[name] = getattr(self.tracker, name)

    def _give(self, name: str, value: Any) -> None:
        give: Mapping[str, Callable[[Any], None]] = {
            "store": self.tracker.set_tracking_uri,
            "experiment": self.tracker.name_experiment,
        }
        if name in give:
            give[name](value)
        else:
            setattr(self.tracker, name, value)

    @observe(All)
    def _assigned(self, change: Any) -> None:
        """An attribute was set in code."""
        if not self.is_reading and change["name"] in self._of_tracker():
            self._apply(change["name"], change["new"])

    @validate("store")
    def _checked_store(self, proposal: Any) -> Any:
        value = proposal["value"] or None
        try:
            if value is not None:
                store_folder(value)
        except NbtrackError as error:
            raise TraitError(f"NBTrack.store: {error}") from None
        return value

    @validate("experiment")
    def _checked_experiment(self, proposal: Any) -> Any:
        value = proposal["value"] or None
        try:
            if value is not None:
                check_experiment_name(value)
        except NbtrackError as error:
            raise TraitError(f"NBTrack.experiment: {error}") from None
        return value


def _command_line(shell: Any) -> Mapping[str, Any]:
    """What the command line of IPython, or of the kernel, says of `NBTrack`."""
    application = shell
    while application is not None:
        config = getattr(application, "cli_config", None)
        if config is not None:
            return config.get(SECTION, {})
        application = getattr(application, "parent", None)
    return {}
