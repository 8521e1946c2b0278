"""`nbtrack.Tracker`: a tracker whose options traitlets configures, as it does IPython's own."""

from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Bool, Enum, Unicode
from traitlets.config.configurable import Configurable

from nbtrack.core.errors import InvalidTypeError
from nbtrack.tracking import tracker
from nbtrack.tracking.capture_traits import CaptureTrait, NamesTrait

_ARGUMENTS = (
    "store",
    "experiment",
    "enabled",
    "on_error",
    "capture",
    "capture_include",
    "capture_exclude",
)


# Named as the class it extends: a section of a configuration has the name of its class, `c.Tracker.store`.
class Tracker(tracker.Tracker, Configurable):
    """Records runs into one store.

    Args:
        store: A folder, a `file:` or a `sqlite:///` URI; None is `NBTRACK_TRACKING_URI`, else the
            nearest `.nbtrack` from the working directory upwards, else a new one there.
        experiment: Name of the experiment of new runs; made when it does not exist.
        enabled: False makes every call a cheap no-op; so does `NBTRACK_DISABLED=1`.
        on_error: What to do when the store refuses in the middle of a run: `warn` (training goes
            on, what was not written is kept in memory and tried again) or `raise`.
        capture: What `%%track` records of a cell without a call: True is everything, False nothing, else some
            of `params`, `metrics`, `data`, `output` and `figures`.
        capture_include: The only names that are captured: patterns such as `lr` and `n_*`; none means all.
        capture_exclude: Names that are not captured: patterns.
    """

    store = AnyTrait(
        None, allow_none=True, help="Tracking URI of the store: a folder, file: or sqlite:///."
    ).tag(config=True)
    experiment = Unicode(None, allow_none=True, help="Name of the experiment of new runs.").tag(config=True)
    enabled = Bool(True, help="Whether anything is recorded at all.").tag(config=True)
    on_error = Enum(["warn", "raise"], "warn", help="What to do when the store refuses.").tag(config=True)
    capture = CaptureTrait()
    capture_include = NamesTrait(help="The only names that are captured, such as lr, n_*; none: all.").tag(
        config=True
    )
    capture_exclude = NamesTrait(help="Names that are not captured, such as debug_*.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        known = (*self.trait_names(), "parent", "config", "log")
        for name in kwargs:
            if name not in known:
                raise InvalidTypeError(
                    f"Tracker has no argument {name!r}; there are {', '.join(_ARGUMENTS)}."
                )
        Configurable.__init__(self, **kwargs)  # which sets what is not given from the configuration
        self._begin()
