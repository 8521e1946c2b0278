"""Pickling a model, and noting which modules it will import.

cloudpickle is asked about each object that is no plain value anyway; the note costs next to nothing,
where reading the pickle again, or loading it in another process as MLflow does, takes its time.
"""

import pickle
import types
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError

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
    import cloudpickle

    seen: set[str] = set()
    base = cast("type[pickle.Pickler]", cloudpickle.Pickler if by_cloudpickle else pickle.Pickler)

    class NotingPickler(base):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, types.ModuleType):
                seen.add(obj.__name__)
            else:
                named = obj if isinstance(obj, _NAMED) else type(obj)
                seen.add(str(named.__module__))
            return cast("Any", super()).reducer_override(obj) if by_cloudpickle else NotImplemented

    try:
        with open(file, "xb") as target:
            NotingPickler(target, protocol=_PROTOCOL).dump(model)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise InvalidValueError(
            f"This {type(model).__name__} cannot be pickled: {error}. Locks, open files, connections and "
            "generators in a model cannot be saved; leave them out in __getstate__."
        ) from error
    if by_cloudpickle:
        seen.add("cloudpickle")
    return frozenset(name.partition(".")[0] for name in seen if name) - _NO_REQUIREMENT


_PROTOCOL = 5
"""Read by every Python that nbtrack runs on, and by MLflow's."""
