"""Pickling a model, and noting which modules it will import.

cloudpickle is asked about each object that is no plain value anyway; the note costs next to nothing,
where reading the pickle again, or loading it in another process as MLflow does, takes its time.
"""

import pickle
import sys
import types
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.code_imports import imports_of_code

_NO_REQUIREMENT = frozenset({"builtins", "__main__", "None"})
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


def pickle_to(model: Any, file: Path, *, by_cloudpickle: bool = True) -> frozenset[str]:
    """Write a model's pickle, streamed.

    Args:
        model: What to pickle.
        file: Where; it must not exist.
        by_cloudpickle: Whether classes and functions of notebooks and scripts go into the pickle
            themselves. Else they are only named.

    Returns:
        The top-level modules that loading it will import, `cloudpickle` among them.

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
            if isinstance(obj, types.ModuleType):
                seen.add(obj.__name__)
            elif isinstance(obj, types.CodeType):
                # It goes into the pickle itself, with the imports that its lines do.
                seen.update(imports_of_code(obj))
            else:
                named = obj if isinstance(obj, _NAMED) else type(obj)
                if id(named) not in asked:
                    asked[id(named)] = named
                    if _is_imported(named, by_value):
                        seen.add(str(named.__module__))
            return cast("Any", super()).reducer_override(obj) if by_cloudpickle else NotImplemented

    return NotingPickler


def modules_of(seen: set[str], *, by_cloudpickle: bool = True) -> frozenset[str]:
    """The top-level modules that loading a pickle will import, from what its pickler noted."""
    named = {name.partition(".")[0] for name in seen if name}
    if by_cloudpickle:
        named.add("cloudpickle")
    return frozenset(named) - _NO_REQUIREMENT


def unpicklable(model: Any, error: Exception) -> InvalidValueError:
    """What to say when a model cannot be pickled."""
    return InvalidValueError(
        f"This {type(model).__name__} cannot be pickled: {error}. Locks, open files, connections and "
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
