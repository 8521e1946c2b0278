"""Patches: a function of a framework is made to tell us of its calls, by an exchange of its code.

The function object stays what it is. So names that were imported from the framework long before reach
us too, and nothing that looks at the function sees another one: identity, pickling, `inspect.signature`,
`clone` and `repr` go on as before. Taking the patch off puts the same code object back.

Only functions that live in importable modules may be patched: what a user has defined may be pickled
by value, with its code, and the pickle would then need nbtrack.
"""

import inspect
import linecache
import threading
import time
import warnings
from collections.abc import Callable, Generator
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Protocol

from nbtrack.core.warn import PATCHED, warn_user
from nbtrack.tracking.autolog import options

FILE = PATCHED
"""Where tracebacks say that the patched function is; `callers` knows our frames by it."""


class Hook(Protocol):
    """Something that is put on a framework when its autolog is switched on, and taken off again."""

    def put_on(self) -> None:
        """Begin to record; putting it on twice changes nothing."""
        ...

    def take_off(self) -> None:
        """Leave the framework as it was; taking it off twice changes nothing."""
        ...


class Call:
    """One call of a patched function."""

    __slots__ = (
        *("_observers", "_started"),
        *("args", "error", "is_taken", "kwargs", "name", "own", "result", "seconds"),
    )

    def __init__(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], started: float) -> None:
        self._observers: list[tuple[Patch, Generator[None]]] = []
        self._started = started
        self.name = name
        """The function's, such as `LogisticRegression.fit`."""
        self.args = args
        """May be exchanged before the function runs."""
        self.kwargs = kwargs
        """May be exchanged before the function runs."""
        self.result: Any = None
        """What the function gave."""
        self.error: BaseException | None = None
        """What the function raised; it goes on to the user by itself."""
        self.seconds = 0.0
        """How long the function took."""
        self.own = 0.0
        """How many seconds of ours the call has cost, up to the part that is at work."""
        self.is_taken = False
        """Whether an observer has recorded it, for others that would record the same."""

    def spent(self) -> float:
        """How many seconds of ours the call has cost so far, the part that is at work included."""
        return self.own + time.perf_counter() - self._started

    def begin(self, patch: "Patch") -> None:
        """Let an observer see the call; nothing of ours is raised."""
        try:
            observer = patch.observe(self)
            if observer is not None:
                next(observer, None)
                self._observers.append((patch, observer))
        except Exception as failure:  # noqa: BLE001 - the training goes on, whatever happens to its record
            warn_of(failure, patch.framework, self.name)

    def is_observed(self) -> bool:
        """Whether there is something to see in it; from now on its own time is counted."""
        now = time.perf_counter()
        self.own, self._started = now - self._started, now
        return bool(self._observers)

    def returned(self, result: Any) -> None:
        """The function has returned; nothing of ours is raised."""
        self.seconds = time.perf_counter() - self._started
        self.result = result
        self._finish()

    def raised(self, error: BaseException) -> None:
        """The function has raised; nothing of ours is raised."""
        self.seconds = time.perf_counter() - self._started
        self.error = error
        self._finish()

    def _finish(self) -> None:
        self._started = time.perf_counter()
        while self._observers:
            patch, observer = self._observers.pop()
            try:
                next(observer, None)
            except Exception as failure:  # noqa: BLE001 - the training is done, whatever happens to its record
                warn_of(failure, patch.framework, self.name)


Observe = Callable[[Call], "Generator[None] | None"]
"""Called with each call, before the function runs. None: there is nothing to see. Else a generator: what
is before its `yield` happens before the function runs, what is behind it afterwards."""


class Patch:
    """A function of a framework, and who observes its calls."""

    def __init__(self, function: Any, observe: Observe, *, framework: str) -> None:
        """Nothing happens before `put_on`.

        Args:
            function: A function, not a bound method: of a class, what is in its `__dict__`.
            observe: Who is told of each call.
            framework: For warnings and options, such as `sklearn`.
        """
        self.function: FunctionType = function
        self.observe = observe
        self.framework = framework

    def put_on(self) -> None:
        """Exchange the function's code, unless another patch has done so."""
        with _lock:
            exchange = _exchanges.get(id(self.function))
            if exchange is None:
                exchange = _exchanges[id(self.function)] = _Exchange(self.function)
            if self not in exchange.patches:
                exchange.patches = (*exchange.patches, self)

    def take_off(self) -> None:
        """Give the function its own code back, unless another patch needs it."""
        with _lock:
            exchange = _exchanges.get(id(self.function))
            if exchange is None:
                return
            exchange.patches = tuple(patch for patch in exchange.patches if patch is not self)
            if not exchange.patches:
                exchange.undo()
                del _exchanges[id(self.function)]


class _Exchange:
    """A function whose code is exchanged, with its patches."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.patches: tuple[Patch, ...] = ()
        original = copy_of(function)
        self._own_code = function.__code__
        self._ours = _exchanged(self._own_code, original, self._begin)
        # Whoever asks for signature or source is led to the original, as with functools.wraps.
        self._leads_there = not hasattr(function, "__wrapped__")
        if self._leads_there:
            function.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        function.__code__ = self._ours

    def undo(self) -> None:
        """Put the function's own code back."""
        if self.function.__code__ is self._ours:  # else somebody else has exchanged it meanwhile
            self.function.__code__ = self._own_code
        if self._leads_there:
            del self.function.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """Called first instead of the function; None: it is to run as if nothing were."""
        call = Call(self.function.__qualname__, args, kwargs, time.perf_counter())
        for patch in self.patches:
            call.begin(patch)
        return call if call.is_observed() else None


_exchanges: dict[int, _Exchange] = {}
"""By the identity of the function, which the exchange keeps alive."""
_lock = threading.RLock()


def function_of(attribute: Any) -> FunctionType | None:
    """The function behind what stands in the `__dict__` of a class; None where there is none to patch.

    Static and class methods are unwrapped, and so are the descriptors of scikit-learn that make a method
    depend on the estimator inside.
    """
    for inner in ("__func__", "fn"):
        if not isinstance(attribute, FunctionType):
            attribute = getattr(attribute, inner, attribute)
    return attribute if isinstance(attribute, FunctionType) else None


_told: set[tuple[str, str]] = set()


def warn_of(failure: Exception, framework: str, name: str) -> None:
    """Warn of an error of ours, once for each function of each framework; it never raises.

    Args:
        failure: What went wrong.
        framework: Such as `sklearn`.
        name: What could not be recorded, such as `LogisticRegression.fit`.
    """
    values = options.of(framework)
    if (framework, name) in _told or (values is not None and values.get("silent")):
        return
    _told.add((framework, name))
    try:
        _warn_caller(
            f"{framework} autolog could not record all of {name}: {_sentence(failure)} "
            "Your training goes on. nbtrack.autolog(disable=True) switches it off."
        )
    except Warning:
        # Warnings are errors here. An error of ours still ends no training: it is said as Python says
        # what it cannot raise.
        _Unraisable(failure, name)


class _Unraisable:
    """Gone as soon as it is made; what is raised then, Python itself prints, and nobody gets."""

    def __init__(self, failure: Exception, name: str) -> None:
        self._failure = failure
        self._name = name

    def __repr__(self) -> str:
        return f"<autolog of {self._name}>"

    def __del__(self) -> None:
        raise self._failure


def _sentence(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(".") + "."


def _warn_caller(message: str) -> None:
    """Warn about the line that called the patched function, which is the user's."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename != FILE:
        frame = frame.f_back
        level += 1
    if frame is None:
        warn_user(message)
    else:
        warnings.warn(message, RuntimeWarning, stacklevel=level + 1)


_SOURCE = """\
def outer({cells}):
    def function(*args, **kwargs):
        call = None
        try:
            call = "begin"(args, kwargs)
            if call is None:
                result = "original"(*args, **kwargs)
            else:
                result = "original"(*call.args, **call.kwargs)
        except BaseException as error:
            if call is not None:
                call.raised(error)
            raise
        if call is not None:
            call.returned(result)
        return result
        ({mentioned})
    return function
"""


def _exchanged(code: CodeType, original: FunctionType, begin: Callable[..., Call | None]) -> CodeType:
    """Code that calls `begin`, then the original once, for a function whose code is `code`.

    It takes whatever is given, and passes it on. It must name as many variables of an enclosing function
    as the original does: a function takes no other code. What it calls are constants of the code, so that
    it depends on nothing in the module of the function.
    """
    ours = _compiled(len(code.co_freevars))
    constants = {"begin": begin, "original": original}
    return ours.replace(
        co_consts=tuple(
            constants.get(const, const) if isinstance(const, str) else const for const in ours.co_consts
        ),
        co_freevars=code.co_freevars,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )


@cache
def _compiled(cell_count: int) -> CodeType:
    """The code for functions that name so many variables of an enclosing function."""
    # Not by their own names, which may be those of variables of ours.
    cells = [f"cell_{number:04}" for number in range(cell_count)]
    mentioned = "".join(f"{name}, " for name in cells) or "None"
    source = _SOURCE.format(cells=", ".join(cells), mentioned=mentioned)
    with warnings.catch_warnings():
        # "begin"(...) calls a text, warns the compiler; the text is exchanged below.
        warnings.simplefilter("ignore", SyntaxWarning)
        outer = compile(source, FILE, "exec", dont_inherit=True).co_consts[0]
    # Tracebacks show the lines.
    shown = _SOURCE.replace('"begin"', "begin").replace('"original"', "original")
    linecache.cache[FILE] = (len(shown), None, [str(line) for line in shown.splitlines(keepends=True)], FILE)
    return next(const for const in outer.co_consts if isinstance(const, CodeType))


def copy_of(function: FunctionType) -> FunctionType:
    """A function that does what `function` does, with the code that it has now."""
    names, closure = function.__globals__, function.__closure__
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, closure)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    copy.__doc__ = function.__doc__
    # Python 3.14 works annotations out when they are asked for.
    for attribute in ("__annotate__", "__annotations__"):
        if hasattr(function, attribute):
            setattr(copy, attribute, getattr(function, attribute))
            break
    copy.__dict__.update(function.__dict__)
    return copy
