"""The loop of a Trainer that fits: what happens in it is told to the recorder that the Trainer carries.

The Trainer carries it as an attribute while it fits, so that it gets into the processes that the Trainer
starts. All of them come here; the one of rank 0 records.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from nbtrack.tracking.autolog import callers, sessions
from nbtrack.tracking.autolog.patching import Call

if TYPE_CHECKING:
    from nbtrack.tracking.autolog.lightning.recorder import Recorder

ATTRIBUTE = "_nbtrack_recorder"


def recorder_of(trainer: Any) -> "Recorder | None":
    """Who records what a Trainer fits; None: nobody, here."""
    recorder = _carried(trainer)
    if recorder is None or recorder.is_paused or not trainer.is_global_zero:
        return None
    return recorder


def _carried(trainer: Any) -> "Recorder | None":
    return getattr(trainer, ATTRIBUTE, None)


def of_run(call: Call, package: str) -> Generator[None]:
    """The loop as a whole; what a learning rate finder tries out in it is no training to be recorded."""
    recorder = _carried(call.args[0].trainer)
    pauses = recorder is not None and callers.is_called_from(f"{package}.tuner")
    if recorder is not None and pauses:
        recorder.is_paused = True
    # A loop of PyTorch is all that can be seen of it in a worker process.
    with sessions.unrecorded():
        yield
    if recorder is not None and pauses:
        recorder.is_paused = False


def of_start(call: Call, package: str) -> Generator[None] | None:
    """The training starts: optimizers, data and weights are in place."""
    del package
    trainer = call.args[0].trainer
    recorder = recorder_of(trainer)
    return None if recorder is None else _start(call, trainer, recorder)


def _start(call: Call, trainer: Any, recorder: "Recorder") -> Generator[None]:
    yield
    if call.error is None:
        with recorder.at_work():
            recorder.start(trainer)


def of_epoch_start(call: Call, package: str) -> Generator[None] | None:
    """An epoch starts."""
    del package
    trainer = call.args[0].trainer
    recorder = recorder_of(trainer)
    return None if recorder is None else _epoch_start(call, trainer, recorder)


def _epoch_start(call: Call, trainer: Any, recorder: "Recorder") -> Generator[None]:
    yield
    if call.error is None:
        with recorder.at_work():
            recorder.start_epoch(trainer)


def of_epoch_end(call: Call, package: str) -> Generator[None] | None:
    """An epoch ends, validation included."""
    del package
    trainer = call.args[0].trainer
    recorder = recorder_of(trainer)
    return None if recorder is None else _epoch_end(call, trainer, recorder)


def _epoch_end(call: Call, trainer: Any, recorder: "Recorder") -> Generator[None]:
    epoch: int = trainer.current_epoch
    yield
    # What callbacks and the module log at the end of the epoch belongs to it, and is there only now.
    # Values that are reduced over processes have been, so that rank 0 alone may read them.
    if call.error is None:
        with recorder.at_work():
            recorder.end_epoch(trainer, epoch)


def of_step(call: Call, package: str) -> Generator[None] | None:
    """A batch has been trained on."""
    del package
    trainer = call.args[0].trainer
    recorder = _carried(trainer)
    if recorder is None or not recorder.watches_steps or recorder_of(trainer) is None:
        return None
    return _step(call, trainer, recorder)


def _step(call: Call, trainer: Any, recorder: "Recorder") -> Generator[None]:
    yield
    if call.error is None:
        with recorder.at_work():
            recorder.end_step(trainer)


def of_end(call: Call, package: str) -> Generator[None] | None:
    """The training ends well, be it early."""
    del package
    trainer = call.args[0].trainer
    recorder = recorder_of(trainer)
    return None if recorder is None else _end(call, trainer, recorder)


def _end(call: Call, trainer: Any, recorder: "Recorder") -> Generator[None]:
    yield
    if call.error is None:
        with recorder.at_work():
            recorder.end(trainer)
