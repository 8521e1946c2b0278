"""Taps: a lean kind of patch, for functions that a training calls in every step.

A tap tells of a call before it, or after it, and can change nothing; it costs half a microsecond. Like a
patch it exchanges the code of the function, whose object stays what it is. The exchanged code says that it
comes from the file of the function, and finds what it calls in defaults, not in constants: `torch.compile`
then treats the function as it treats it untapped, where code of ours would be compiled or refused.
"""

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Final

from nbtrack.tracking.autolog.patching import copy_of

Before = Callable[[tuple[Any, ...], dict[str, Any]], None]
"""Called with the arguments."""

After = Callable[[tuple[Any, ...], dict[str, Any], Any], None]
"""Called with the arguments and the result; not when the function has raised."""


class Tap:
    """A function of a framework, and who listens to its calls; a hook."""

    def __init__(self, function: Any, *, before: Before | None = None, after: After | None = None) -> None:
        """Nothing happens before `put_on`.

        Args:
            function: A function, not a bound method.
            before: Called before it runs; it must not raise.
            after: Called instead once it has run; it must not raise.
        """
        self.function: FunctionType = function
        self._is_before = before is not None
        self._listener: Callable[..., None] = before or after or _nobody
        self._own_code: CodeType | None = None
        self._ours: CodeType | None = None
        self._own_defaults: dict[str, Any] | None = None
        self._defaults: dict[str, Any] = {}
        self._has_original = False

    def put_on(self) -> None:
        """Exchange the function's code."""
        if self._own_code is not None:
            return
        function, code = self.function, self.function.__code__
        original = copy_of(function)
        # Whoever asks for signature or source is led to the original, as with functools.wraps.
        self._has_original = not hasattr(function, "__wrapped__")
        if self._has_original:
            function.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        self._own_defaults = function.__kwdefaults__
        self._defaults = {**(self._own_defaults or {}), _LISTENER: self._listener, _ORIGINAL: original}
        self._own_code, self._ours = code, _exchanged(code, is_before=self._is_before)
        # In this order: another thread may be about to call the function.
        function.__kwdefaults__ = self._defaults
        function.__code__ = self._ours

    def take_off(self) -> None:
        """Give the function its own code back."""
        function, code = self.function, self._own_code
        if code is None:
            return
        if function.__code__ is not self._ours:
            self._defaults[_LISTENER] = _nobody  # somebody else's patch lies above, and calls through us
            return
        self._own_code = self._ours = None
        function.__code__ = code
        function.__kwdefaults__ = self._own_defaults  # pyright: ignore[reportAttributeAccessIssue]
        if self._has_original:
            del function.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]

    def listen_by(self, exchange: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Tell another listener from now on.

        Args:
            exchange: Gives it, from the one that is told so far.
        """
        self._listener = exchange(self._listener)
        if _LISTENER in self._defaults:
            self._defaults[_LISTENER] = self._listener


def _nobody(*_: Any) -> None: ...


_LISTENER: Final = "_nbtrack_listener"
_ORIGINAL: Final = "_nbtrack_original"

# On one line each: the line that tracebacks show is the one where the function begins.
_BEFORE: Final = f"{_LISTENER}(args, kwargs); return {_ORIGINAL}(*args, **kwargs)"
_AFTER: Final = f"result = {_ORIGINAL}(*args, **kwargs); {_LISTENER}(args, kwargs, result); return result"


def _exchanged(code: CodeType, *, is_before: bool) -> CodeType:
    """Code that calls the listener and the original, for a function whose code is `code`.

    It names the variables of an enclosing function that `code` names: a function takes no other.
    """
    cells = ", ".join(code.co_freevars)
    body = _BEFORE if is_before else _AFTER
    mention = f"; ({cells},)" if cells else ""
    source = (
        f"def outer({cells}):\n"
        f" def function(*args, {_LISTENER}, {_ORIGINAL}, **kwargs): {body}{mention}\n"
        " return function\n"
    )
    outer = next(
        const
        for const in compile(source, code.co_filename, "exec", dont_inherit=True).co_consts
        if isinstance(const, CodeType)
    )
    ours = next(const for const in outer.co_consts if isinstance(const, CodeType))
    return ours.replace(
        co_name=code.co_name, co_qualname=code.co_qualname, co_firstlineno=code.co_firstlineno
    )
