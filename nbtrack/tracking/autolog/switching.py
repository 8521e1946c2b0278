"""Switching autolog on and off: hooks go onto a framework once it is imported, and come off again."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.nearest_names import nearest
from nbtrack.core.warn import warn_user
from nbtrack.tracking.autolog import import_watch, options
from nbtrack.tracking.autolog.frameworks import FRAMEWORKS, Framework, Watched
from nbtrack.tracking.autolog.patching import Hook, warn_of

_lock = threading.RLock()
_on: dict[str, list[Hook]] = {}
"""The hooks of each framework that are on, in the order in which they were put on."""
_hooked: dict[str, set[int]] = {}
"""The modules of each framework that were hooked into, by identity: a reloaded one is another."""

_OTHER_NAMES = {"lightning": "pytorch", "tensorflow": "tensorflow"}
"""Names that `exclude_flavors` may have as well. Keras without TensorFlow is `keras`, as in MLflow."""


def switch(framework: str, *, disable: bool = False, **given: Any) -> None:
    """What `nbtrack.<framework>.autolog` does: record it from now on, as told, or no more.

    Args:
        framework: One of `FRAMEWORKS`.
        disable: Whether to record it no more.
        **given: Its options; those that are not given have their defaults.

    Raises:
        InvalidTypeError: `extra_tags` is no dict.
        InvalidValueError: The options contradict each other.
    """
    known = FRAMEWORKS[framework]
    if disable:
        with _lock:
            _take_off(known)
            options.clear(framework)
        return
    values = {**options.COMMON, **known.defaults, **given}
    check(values)
    with _lock:
        options.choose(framework, values, own=True)
        _put_on(known)


def switch_all(*, disable: bool = False, exclude_flavors: Sequence[str] | None = None, **given: Any) -> None:
    """What `nbtrack.autolog` does: record all frameworks from now on, or none.

    A framework whose own `autolog` was called keeps the options it was given; switched off it is all the
    same: off means off.

    Args:
        disable: Whether to record nothing any more.
        exclude_flavors: Frameworks to leave as they are.
        **given: Options of all frameworks.

    Raises:
        InvalidTypeError: `extra_tags` is no dict, or `exclude_flavors` no list of names.
    """
    excluded = _excluded(exclude_flavors)
    check({**options.COMMON, **given})
    with _lock:
        for known in FRAMEWORKS.values():
            if known.name in excluded:
                continue
            if disable:
                _take_off(known)
                options.clear(known.name)
            elif not options.is_own(known.name):
                values = {**options.COMMON, **known.defaults, **given}
                options.choose(known.name, values, own=False)
                _put_on(known)


def check(values: Mapping[str, Any]) -> None:
    """Refuse options that no training could be recorded with: better now than in the middle of one.

    Raises:
        InvalidTypeError: A tag, a name or a number is of a wrong type.
        InvalidValueError: One has no meaning.
    """
    tags = values.get("extra_tags")
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidTypeError(f"extra_tags are given as a dict, got {type(tags).__name__} {tags!r:.80}.")
    name = values.get("registered_model_name")
    if name is not None:
        from nbtrack.core.names import check_model_name

        check_model_name(name)
    for option in ("max_tuning_runs", "log_every_n_epoch", "log_every_n_step", "log_every_n_steps"):
        number = values.get(option)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidTypeError(
                f"{option} is a whole number or None, got {type(number).__name__} {number!r:.80}."
            )
        if number < 0:
            raise InvalidValueError(f"{option} is {number}. Give 0 or more, or None.")
    mode, freq = values.get("checkpoint_mode", "min"), values.get("checkpoint_save_freq", "epoch")
    if mode not in ("min", "max"):
        raise InvalidValueError(f"checkpoint_mode is 'min' or 'max', got {mode!r:.80}.")
    if freq != "epoch" and (isinstance(freq, bool) or not isinstance(freq, int) or freq < 1):
        raise InvalidValueError(
            f"checkpoint_save_freq is 'epoch', or a number of batches from 1, got {freq!r:.80}."
        )


def _excluded(names: Sequence[str] | None) -> frozenset[str]:
    if names is None:
        return frozenset()
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise InvalidTypeError(
            f"exclude_flavors is a list of frameworks, such as ['sklearn'], got {names!r:.80}."
        )
    for name in names:
        # MLflow knows many more frameworks; only what was meant for one of ours is a mistake.
        if name in FRAMEWORKS or name in _OTHER_NAMES:
            continue
        if meant := nearest(name, FRAMEWORKS, likeness=0.75):
            warn_user(f"exclude_flavors names {name!r}, which autolog does not know. Did you mean {meant!r}?")
    return frozenset(_OTHER_NAMES.get(name, name) for name in names)


def _put_on(known: Framework) -> None:
    for watched in known.watched:

        def told(module: ModuleType, watched: Watched = watched) -> None:
            _hook_into(known, watched, module)

        import_watch.watch(watched.module, told, submodules=watched.submodules)


def _hook_into(known: Framework, watched: Watched, module: ModuleType) -> None:
    """A module of a framework has been imported: put on what hooks into it.

    It never raises: the user is importing something.
    """
    with _lock:
        values = options.of(known.name)
        hooked = _hooked.setdefault(known.name, set())
        if values is None or id(module) in hooked:
            return
        hooked.add(id(module))
        if values["disable_for_unsupported_versions"] and not _is_supported(known):
            return
    try:
        # Not under the lock: this imports, and another thread may wait for us in an import of its own.
        ours: Any = import_module(watched.hooks)
        hooks: list[Hook] = list(ours.hooks(module))
        with _lock:
            if options.of(known.name) is None:
                return  # switched off meanwhile
            on = _on.setdefault(known.name, [])
            for hook in hooks:
                hook.put_on()
                on.append(hook)
    except Exception as failure:  # noqa: BLE001 - an import of the user's goes on whatever we meet in it
        warn_of(failure, known.name, f"module {module.__name__}")


def _take_off(known: Framework) -> None:
    for watched in known.watched:
        import_watch.unwatch(watched.module)
    hooks = _on.pop(known.name, [])
    _hooked.pop(known.name, None)
    for hook in reversed(hooks):
        hook.take_off()


def _is_supported(known: Framework) -> bool:
    from packaging.version import InvalidVersion, Version

    with suppress(PackageNotFoundError, InvalidVersion):
        return Version(version(known.package)) >= Version(known.oldest)
    return True
