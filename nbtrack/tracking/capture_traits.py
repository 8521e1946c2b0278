"""The options of capture as traitlets know them: `c.Tracker.capture`, `%config NBTrack.capture_exclude`."""

from typing import Any

from traitlets import TraitError, TraitType

from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.capture_options import KINDS, captured_kinds, captured_names


class CaptureTrait(TraitType[Any, Any]):
    """What `%%track` captures; see `capture_options.captured_kinds`."""

    info_text = f"True, False or some of {', '.join(KINDS)}"

    def __init__(self) -> None:
        super().__init__(True, help=f"What %%track records of a cell without a call: {self.info_text}.")
        self.tag(config=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Take kinds as they are given, where they are kinds."""
        try:
            captured_kinds(value)
        except NbtrackError as error:
            raise TraitError(str(error)) from None
        return value

    def from_string(self, s: str) -> Any:
        """What a command line says."""
        return {"true": True, "false": False}.get(s.strip().lower(), s)


class NamesTrait(TraitType[Any, Any]):
    """Patterns of names."""

    info_text = "names or patterns, as a list or as text with commas"

    def __init__(self, *, help: str) -> None:
        super().__init__((), help=help)

    def validate(self, obj: Any, value: Any) -> Any:
        """Take a list, or text with commas."""
        try:
            return captured_names(str(self.name), value)
        except NbtrackError as error:
            raise TraitError(str(error)) from None

    def from_string(self, s: str) -> Any:
        """What a command line says."""
        return s
