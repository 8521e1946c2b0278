"""Pickling a model, and noting which modules it will import.

cloudpickle is asked about each object that is no plain value anyway; the note costs next to nothing,
where reading the pickle again, or loading it in another process as MLflow does, takes its time.
"""

import pickle
import sys
import types
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError, said
from nbtrack.core.warn import warn_user
from nbtrack.models.code.code_imports import imports_of_code

_NO_REQUIREMENT = frozenset({"builtins", "__main__", "__mp_main__", "None"})
_NAMED_HERE = "__main__:"
"""Before the names of classes and functions of this notebook or script that a pickle only names."""
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


def pickle_to(model: Any, file: Path, *, by_cloudpickle: bool = True) -> frozenset[str]:
    """Write a model's pickle, streamed.

    Args:
        model: What to pickle.
        file: Where; it must not exist.
        by_cloudpickle: Whether classes and functions of notebooks and scripts go into the pickle
            themselves. Else they are only named.

    Returns:
        The modules that loading and using it will import, `cloudpickle` among them.

    Raises:
        InvalidValueError: Something in it cannot be pickled; the message names it.
    """
    seen: set[str] = set()
    pickler = noting_pickler(seen, by_cloudpickle=by_cloudpickle)
    try:
        with open(file, "xb") as target:
            pickler(target, protocol=_PROTOCOL).dump(model)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise unpicklable(model, error) from error
    here = sorted(name.removeprefix(_NAMED_HERE) for name in seen if name.startswith(_NAMED_HERE))
    if here and not by_cloudpickle:
        warn_user(
            f"The pickle only names {', '.join(here)}, from this notebook or script: it can be loaded "
            "nowhere else. serialization_format='cloudpickle' takes the code along."
        )
    return modules_of(seen, by_cloudpickle=by_cloudpickle)


def noting_pickler(seen: set[str], *, by_cloudpickle: bool = True) -> type[pickle.Pickler]:
    """A class of picklers that note the modules which reading their pickle will import.

    Args:
        seen: Where they are noted; `modules_of` says which packages they are.
        by_cloudpickle: As in `pickle_to`.
    """
    import cloudpickle

    asked: dict[int, Any] = {}
    registered = cast("set[str]", cloudpickle.list_registry_pickle_by_value())
    by_value = frozenset(registered if by_cloudpickle else ())
    base = cast("type[pickle.Pickler]", cloudpickle.Pickler if by_cloudpickle else pickle.Pickler)

    class NotingPickler(base):
        def reducer_override(self, obj: Any) -> Any:
            reduced = cast("Any", super()).reducer_override(obj) if by_cloudpickle else NotImplemented
            if isinstance(obj, types.ModuleType):
                seen.add(obj.__name__)
            elif isinstance(obj, types.CodeType):
                # It goes into the pickle itself, with the imports that its lines do.
                seen.update(imports_of_code(obj))
            elif not isinstance(obj, _NAMED):
                kind = cast("type[Any]", type(obj))
                if id(kind) not in asked:
                    asked[id(kind)] = kind
                    if _is_imported(kind, by_value):
                        seen.add(str(kind.__module__))
            elif reduced is NotImplemented:
                module = str(obj.__module__)
                seen.add(f"{_NAMED_HERE}{obj.__qualname__}" if module == "__main__" else module)
            return reduced

    return NotingPickler


def modules_of(seen: set[str], *, by_cloudpickle: bool = True) -> frozenset[str]:
    """The modules that loading a pickle will import, from what its pickler noted."""
    named = {name for name in seen if name and not name.startswith(_NAMED_HERE)}
    if by_cloudpickle:
        named.add("cloudpickle")
    return frozenset(named) - _NO_REQUIREMENT


def unpicklable(model: Any, error: Exception) -> InvalidValueError:
    """What to say when a model cannot be pickled."""
    return InvalidValueError(
        f"This {type(model).__name__} cannot be pickled: {said(error)}. Locks, open files, connections and "
        "generators in a model cannot be saved; leave them out in __getstate__."
    )


def _is_imported(named: Any, by_value: frozenset[str]) -> bool:
    """Whether a class or function is found under its name.

    One made in a function goes along itself, and so do those of modules that are registered for it.
    """
    module = str(named.__module__)
    if any(module == each or module.startswith(f"{each}.") for each in by_value):
        return False
    found: Any = sys.modules.get(module)
    for part in str(named.__qualname__).split("."):
        found = getattr(found, part, None)
    return found is named or not isinstance(named, type | types.FunctionType)


_PROTOCOL = 5
"""Read by every Python that nbtrack runs on, and by MLflow's."""
