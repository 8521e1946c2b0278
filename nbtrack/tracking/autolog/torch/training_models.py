"""The modules of one training: what is told of them at its begin, and their weights at its end.

They are held until then, since the function that trained may have returned. A module that takes a large part
of its device's memory is not: then it is logged only if the user has kept it.
"""

import os
import sys
import weakref
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from nbtrack.tracking import torch_states
from nbtrack.tracking.autolog.torch import module_summary
from nbtrack.tracking.autolog.torch.module_summary import counts
from nbtrack.tracking.autolog.torch.trained_modules import (
    Trained,
    class_name,
    outermost,
    parameters_of,
    trained_modules_anywhere,
)

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer

    from nbtrack.tracking.autolog.sessions import Session

_LARGE = 0.1
"""The share of its device's memory from which on a module is not held."""
_MANY = 1500
"""Modules in a module beyond which its summary waits for the end of the training; so many take 20 ms."""


class TrainingModels:
    """The modules that are trained."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._held: list[Module] = []
        self._large: list[weakref.ref[Module]] = []
        self._names: dict[int, str] = {}
        """What the user calls each, by its identity."""
        self._unfound: list[tuple[weakref.ref[Optimizer], str]] = []
        """Optimizers whose modules could not all be reached from the user's code."""
        self._used: set[str] = set()
        """Names that modules were logged by."""
        self._is_summed_up = True
        self._logged: list[weakref.ref[Module]] = []
        """Modules that were logged when the training seemed over."""

    def add(self, optimizer: "Optimizer", found: Trained, end: str) -> dict[str, Any]:
        """Take the modules that were found of an optimizer.

        Args:
            optimizer: The optimizer.
            found: What it trains.
            end: What is added to the names of params, for all but the first optimizer.

        Returns:
            Params that tell of them.
        """
        if not found.is_whole:
            self._unfound.append((weakref.ref(optimizer), end))
        known = {id(module) for module in self._modules()}
        fresh = [module for module in found.modules if id(module) not in known]
        if found.modules and not fresh:
            return {}
        tensors = _tensors_of(fresh)
        if not fresh:
            tensors = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        told = counts(tensors)
        params: dict[str, Any] = {
            f"parameter_count{end}": told.parameters,
            f"trainable_parameter_count{end}": told.trainable,
            f"device{end}": ", ".join(dict.fromkeys(str(tensor.device) for tensor in tensors)),
        }
        self._names.update(found.names)
        for module in fresh:
            self._hold(module)
        if fresh:
            params[f"model_class{end}"] = ", ".join(class_name(module) for module in fresh)
            self._session.call_it(", ".join(class_name(one) for one in outermost(self._modules())))
            self._sum_up(now=True)
        return params

    def go_on(self) -> None:
        """The training was not over: hold its modules again, to be logged once more."""
        logged, self._logged = self._logged, []
        for module in logged:
            if (found := module()) is not None:
                self._hold(found)

    def let_go(self) -> None:
        """Log modules that nobody else holds any more, and release them."""
        orphans: list[Module] = []
        for place in range(len(self._held)):
            if sys.getrefcount(self._held[place]) <= 2:  # the list's, the argument's
                orphans.append(self._held[place])
        if orphans:
            names = self._unique_names()
            self._held = [module for module in self._held if not any(module is one for one in orphans)]
            self._sum_up(now=False)
            while orphans:
                module = orphans.pop(0)
                self._log(module, names[id(module)])

    def finish(self) -> None:
        """Log the modules and release them; those that were not found are looked for everywhere."""
        with self._session.attempt("modules"):
            self._search()
        with self._session.attempt("model summary"):
            self._sum_up(now=False)
        modules, names = self._modules(), self._unique_names()
        self._held, self._large, self._used = [], [], set()
        self._logged = [weakref.ref(module) for module in modules]
        for module in outermost(modules):
            self._log(module, names[id(module)])

    def _modules(self) -> list["Module"]:
        return [*self._held, *(module for one in self._large if (module := one()) is not None)]

    def _hold(self, module: "Module") -> None:
        sizes: dict[Any, int] = {}
        for tensor in _tensors_of([module]):
            size = counts([tensor]).size
            sizes[tensor.device] = sizes.get(tensor.device, 0) + size
        if any(size > _LARGE * _memory(device) for device, size in sizes.items()):
            self._large.append(weakref.ref(module))
        else:
            self._held.append(module)

    def _sum_up(self, *, now: bool) -> None:
        """Write the summary of all modules so far; the one of a huge module waits for the end."""
        modules = outermost(self._modules())
        if not modules or (self._is_summed_up and not now):
            return
        if now and sum(1 for module in modules for _ in module.modules()) > _MANY:
            self._is_summed_up = False
            return
        self._is_summed_up = True
        file = (
            "model_summary.txt"
            if self._session.ordinal == 1
            else f"model_summary-{self._session.ordinal}.txt"
        )
        self._session.run.log_text(module_summary.summary(modules), file)

    def _search(self) -> None:
        """Look everywhere for modules of optimizers that could not be reached from the user's code."""
        unfound, self._unfound = self._unfound, []
        for reference, end in unfound:
            optimizer = reference()
            if optimizer is None:
                continue
            found = trained_modules_anywhere(optimizer)
            if found.modules:
                params = self.add(optimizer, found, end)
                self._session.log_params(
                    {key: value for key, value in params.items() if key == f"model_class{end}"}
                )
        self._unfound = []

    def _unique_names(self) -> dict[int, str]:
        """The names of the modules in the run: `model`, or the user's word for each of several."""
        modules = outermost(self._modules())
        if len(modules) == 1 and not self._used:
            self._used.add("model")
            return {id(modules[0]): "model"}
        names: dict[int, str] = {}
        for module in modules:
            name = self._names.get(id(module), class_name(module).lower())
            unique = next(
                one
                for number in count(1)
                if (one := name if number == 1 else f"{name}-{number}") not in self._used
            )
            self._used.add(unique)
            names[id(module)] = unique
        return names

    def _log(self, module: "Module", name: str) -> None:
        session = self._session
        if not session.options.get("log_models", True):
            return
        if any(type(tensor).__name__ == "DTensor" for tensor in _tensors_of([module])) or _is_sharded(module):
            session.skip("model: its weights lie in parts on several processes")
            return
        given: dict[str, Any] = {} if name == "model" else {"registered_model_name": None}
        is_kept = False
        with session.attempt("model"):
            session.log_model(module, name=name, **given)
            is_kept = True
        if not is_kept:
            with session.attempt("weights"):
                torch_states.log_state_dict(module.state_dict(), f"{name}_weights", run_id=session.run.run_id)
                session.skip(f"model: only its weights could be kept, in {name}_weights")


def _tensors_of(modules: Sequence["Module"]) -> list[Any]:
    """The parameters of modules, shared ones once."""
    found = {id(tensor): tensor for module in modules for tensor in parameters_of(module)}
    return list(found.values())


def _is_sharded(module: "Module") -> bool:
    return any(kind.__module__.startswith("torch.distributed.fsdp") for kind in type(module).__mro__)


def _memory(device: Any) -> int:
    """Bytes of memory that a device has."""
    if device.type == "cuda":
        import torch

        properties_of: Any = getattr(torch.cuda, "get_device_properties")  # noqa: B009 - it has no types
        return int(properties_of(device).total_memory)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 16 << 30
