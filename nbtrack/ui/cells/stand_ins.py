"""Methods that are called through us for a while: of streams, of the display, whoever made them.

A stand-in is an attribute of the one object, not of its class, and the object stays the one it is:
others hold it, and ask for its type. They may be put upon each other and taken away in any order.
"""

from collections.abc import Callable
from typing import Any

_MARK = "_nbtrack_stand_in"


class StandIn:
    """Calls a method, and tells of each call after it; what goes wrong in telling is kept silent.

    Args:
        owner: The object.
        name: Its method.
        tell: Is given the positional and the named arguments of each call that did not fail.

    Raises:
        AttributeError: The object has no such method, or cannot be changed.
        TypeError: The object cannot be changed.
    """

    def __init__(self, owner: Any, name: str, tell: Callable[..., None]) -> None:
        self.is_on = True
        self.original: Any = getattr(owner, name)
        self.owner, self._name = owner, name
        self._is_new = name not in vars(owner)
        original = self.original

        def call(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if self.is_on:
                try:
                    tell(*arguments, **options)
                except Exception as error:  # noqa: BLE001 - what the user does must go on whatever it is
                    self.error = error
            return result

        setattr(call, _MARK, self)
        self.error: Exception | None = None
        """What went wrong in telling, the last time it did."""
        self._call = call
        setattr(owner, name, call)

    def remove(self) -> None:
        """Call nothing any more; where others have put themselves upon it, it only passes calls on."""
        self.is_on = False
        if vars(self.owner).get(self._name) is not self._call:
            return
        original, is_new = self.original, self._is_new
        while (below := getattr(original, _MARK, None)) is not None and not below.is_on:
            original, is_new = below.original, below._is_new
        if is_new:
            delattr(self.owner, self._name)
        else:
            setattr(self.owner, self._name, original)
