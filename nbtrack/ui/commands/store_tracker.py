"""The tracker of commands: it looks at the store and changes it also where recording is switched off."""

from nbtrack.tracking.tracker import Tracker


class StoreTracker(Tracker):
    """Heeds neither `enabled` nor `NBTRACK_DISABLED`: they switch off recording, and it records nothing."""

    def _is_off(self) -> bool:
        return False
