"""Which modules an optimizer trains: from its parameters to what the user calls the model.

An optimizer knows tensors only. The modules are looked for in the variables that the user's code can reach
while it calls `step()`; those that were made before autolog was switched on are found like others.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from nbtrack.tracking.autolog.torch.user_frames import reachable, user_frames, variables

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer

SECONDS = 0.008
"""How long to look through the user's variables at the most; a usual notebook takes 0.2 ms."""


@dataclass
class Trained:
    """What was found of an optimizer."""

    modules: list["Module"] = field(default_factory=list["Module"])
    """The outermost ones, without what only wraps them: DDP, `torch.compile`."""
    schedulers: list[Any] = field(default_factory=list[Any])
    """Learning rate schedulers of that optimizer that were met on the way."""
    is_whole: bool = False
    """Whether the modules hold all of its parameters."""
    names: dict[int, str] = field(default_factory=dict[int, str])
    """What the user calls modules, by their identity, where a variable or an attribute tells."""


def trained_modules(optimizer: "Optimizer", frame: FrameType | None) -> Trained:
    """Look for the modules that an optimizer trains, in what the user's code can reach.

    Args:
        optimizer: The optimizer.
        frame: The frame that is running, which `optimizer.step()` led to.
    """
    from torch import Tensor, nn, optim

    wanted = parameter_ids(optimizer)
    search = _Search(wanted)
    schedulers: list[Any] = []

    def opens(value: Any) -> bool:
        return not isinstance(value, Tensor | nn.Module | optim.Optimizer)

    frames = user_frames(frame)
    for level in reachable(frames, opens, seconds=SECONDS):
        for value in level:
            kind = cast("type[Any]", type(value))
            if issubclass(kind, nn.Module):
                search.consider(value)
            elif ("LR" in kind.__name__ or "Schedule" in kind.__name__) and _schedules(value, optimizer):
                schedulers.append(value)
        if search.is_whole():
            break
    modules = search.chosen()
    return Trained(modules, schedulers, search.is_whole(), _names_of(modules, frames))


def trained_modules_anywhere(optimizer: "Optimizer") -> Trained:
    """As `trained_modules`, among all objects of this process; 30 to 100 ms, so at the end of a training."""
    from torch import nn

    kinds = _kinds_of(nn.Module)
    search = _Search(parameter_ids(optimizer))
    for module in [value for value in gc.get_objects() if type(value) in kinds]:
        search.consider(module)
    return Trained(search.chosen(), [], search.is_whole())


def parameter_ids(optimizer: "Optimizer") -> dict[int, int]:
    """The ids of the tensors that an optimizer changes, with the place of each in it."""
    every = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return {id(parameter): place for place, parameter in enumerate(every)}


def unwrapped(module: "Module") -> "Module":
    """The module inside what only wraps it: DDP, DataParallel, `torch.compile`, and engines of their kind."""
    while True:
        inner = own_modules(module)
        name = next(iter(inner)) if len(inner) == 1 else ""
        if name not in ("module", "_orig_mod") or own_parameters(module):
            return module
        module = inner[name]


def own_modules(module: "Module") -> dict[str, "Module"]:
    """The modules directly in a module; `named_children` leaves out one that is there twice."""
    found = module._modules  # pyright: ignore[reportPrivateUsage]
    return {name: child for name, child in found.items() if child is not None}


def own_parameters(module: "Module") -> dict[str, Any]:
    """The parameters directly in a module; `named_parameters` leaves out one that is there twice."""
    found = cast("dict[str, Any]", module._parameters)  # pyright: ignore[reportPrivateUsage]
    return {name: parameter for name, parameter in found.items() if parameter is not None}


def parameters_of(module: "Module") -> Iterator[Any]:
    """The parameters of a module and of those inside it; shared ones once."""
    seen: set[int] = set()
    waiting: list[Module] = [module]
    while waiting:
        owner = waiting.pop()
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        for parameter in own_parameters(owner).values():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield parameter
        waiting.extend(reversed(own_modules(owner).values()))


@dataclass
class _Candidate:
    module: "Module"
    held: frozenset[int]
    """Which of the wanted parameters it holds."""
    others: int
    """How many parameters it holds beside them that could be trained."""
    size: int
    """How many modules are in it: whether it is the outer or the inner one of two."""


class _Search:
    def __init__(self, wanted: dict[int, int]) -> None:
        self._wanted = wanted
        self._found: dict[int, _Candidate] = {}
        self._covered: set[int] = set()

    def consider(self, module: "Module") -> None:
        if not self._wanted:
            return
        if "_modules" not in vars(module):  # `super().__init__()` was not called yet
            return
        module = unwrapped(module)
        if id(module) in self._found:
            return
        held: set[int] = set()
        others = 0
        for parameter in parameters_of(module):
            if id(parameter) in self._wanted:
                held.add(id(parameter))
            elif parameter.requires_grad:
                others += 1
        if held:
            size = sum(1 for _ in module.modules())
            self._found[id(module)] = _Candidate(module, frozenset(held), others, size)
            self._covered |= held

    def is_whole(self) -> bool:
        return bool(self._wanted) and len(self._covered) == len(self._wanted)

    def chosen(self) -> list["Module"]:
        """The fewest modules that hold all that is held by any, the outermost of those that fit equally.

        One with further parameters that wait for another optimizer (the two halves of a GAN in one module)
        fits less well than one without; parameters that are frozen do not count.
        """
        left = set(self._covered)
        chosen: list[_Candidate] = []
        while left:
            best = max(
                self._found.values(),
                key=lambda one: (len(one.held & left), -one.others, one.size),
            )
            chosen.append(best)
            left -= best.held
        chosen.sort(key=lambda one: min(self._wanted[held] for held in one.held))
        return [one.module for one in chosen]


def _names_of(modules: Sequence["Module"], frames: Iterable[FrameType]) -> dict[int, str]:
    """The variables that hold modules, or attributes of variables, innermost frame first."""
    from torch import nn

    wanted = {id(module) for module in modules}
    names: dict[int, str] = {}

    def note(space: Iterable[tuple[Any, Any]]) -> None:
        for name, value in space:
            if isinstance(value, nn.Module) and isinstance(name, str) and not name.startswith("_"):
                inner = id(unwrapped(value)) if "_modules" in vars(value) else 0
                if inner in wanted:
                    names.setdefault(inner, name)

    for frame in frames:
        local = variables(frame)
        note(local.items())
        if len(names) < len(wanted):
            for value in local.values():
                note(_attributes(value).items())
        if len(names) == len(wanted):
            break
    return names


def _kinds_of(kind: type) -> set[type]:
    found: set[type] = set()
    waiting: list[type] = [kind]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting.extend(type.__subclasses__(kind))
    return found


def _schedules(value: Any, optimizer: object) -> bool:
    return _attributes(value).get("optimizer") is optimizer


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, without running code of its class."""
    if isinstance(value, type):
        return {}
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def class_name(module: "Module") -> str:
    """The name of a module's class; of one that FSDP has changed, the user's."""
    inner = own_modules(module).get("_fsdp_wrapped_module", module)
    kind = type(inner)
    if kind.__name__.startswith("FSDP") and len(kind.__bases__) > 1:
        kind = kind.__bases__[-1]
    return kind.__name__


def outermost(modules: Iterable["Module"]) -> list["Module"]:
    """Modules without those that lie in another of them."""
    given = list(modules)
    inside = {id(inner) for module in given for inner in module.modules() if inner is not module}
    return [module for module in given if id(module) not in inside]
