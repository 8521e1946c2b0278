"""Where PyTorch tells of a loop: its global optimizer hooks, and taps on what takes and zeroes gradients."""

import os
import sys
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from nbtrack.tracking.autolog import import_watch
from nbtrack.tracking.autolog.patching import Hook
from nbtrack.tracking.autolog.taps import Tap
from nbtrack.tracking.autolog.torch import about_hooks
from nbtrack.tracking.autolog.torch.recorder import Recorder

_COMPILER = "torch._dynamo"


def hooks(module: ModuleType) -> Iterator[Hook]:
    """Hooks for `torch`."""
    yield LoopHook(module)
    yield from about_hooks.hooks(module)


class LoopHook:
    """All that tells of loops."""

    def __init__(self, torch: Any) -> None:
        """Nothing happens before `put_on`.

        Args:
            torch: The module.
        """
        self._torch = torch
        self._is_on = False
        self._is_apart = False
        self._recorder = Recorder(torch)
        recorder = self._recorder
        optimizer = torch.optim.Optimizer
        self._taps = [
            Tap(torch.autograd.backward, before=recorder.gradient_is_taken),
            Tap(torch.amp.GradScaler.scale, after=recorder.loss_is_scaled),
            Tap(optimizer.__init__, before=recorder.optimizer_is_made),
            Tap(optimizer.zero_grad, before=recorder.gradients_are_zeroed),
            Tap(torch.nn.Module.zero_grad, before=recorder.module_is_zeroed),
        ]
        self._compiler_tap: Tap | None = None
        self._step_hooks: list[Any] = []

    def put_on(self) -> None:
        """Begin to record loops."""
        if self._is_on:
            return
        self._is_on = True
        for tap in self._taps:
            tap.put_on()
        self._register(lambda function: function)
        _recorders.add(self._recorder)
        if _COMPILER in sys.modules:
            self._keep_apart()  # it may have been at work already
        else:
            import_watch.watch(_COMPILER, self._watch_compiler)

    def take_off(self) -> None:
        """Leave PyTorch as it was."""
        if not self._is_on:
            return
        self._is_on = False
        import_watch.unwatch(_COMPILER)
        if self._compiler_tap is not None:
            self._compiler_tap.take_off()
        for tap in reversed(self._taps):
            tap.take_off()
        self._unregister()
        _recorders.discard(self._recorder)
        self._recorder.stop()

    def _watch_compiler(self, compiler: ModuleType) -> None:
        """The compiler has been imported, as it is with the first optimizer; mostly it is never used."""
        if self._is_on:
            self._compiler_tap = Tap(compiler.optimize, before=self._keep_apart)
            self._compiler_tap.put_on()

    def _keep_apart(self, *_: Any) -> None:
        """Have the compiler leave our functions alone; it costs some time in each step."""
        if self._is_apart:
            return
        self._is_apart = True
        disable: Callable[[Any], Any] = self._torch.compiler.disable
        for tap in self._taps:
            tap.listen_by(disable)
        self._unregister()
        self._register(disable)

    def _register(self, prepared: Callable[[Any], Any]) -> None:
        # Of torch.optim it is no attribute.
        optimizer: Any = import_module("torch.optim.optimizer")
        self._step_hooks = [
            optimizer.register_optimizer_step_pre_hook(prepared(self._recorder.step_begins)),
            optimizer.register_optimizer_step_post_hook(prepared(self._recorder.step_is_made)),
        ]

    def _unregister(self) -> None:
        for hook in self._step_hooks:
            hook.remove()
        self._step_hooks = []


_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _forked() -> None:
    for recorder in list(_recorders):
        recorder.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
