"""Which of the processes of a distributed training records it: the first one alone."""

import sys
from typing import Any


def is_recording() -> bool:
    """Whether this process records: it is no part of a process group, or rank 0 of it."""
    distributed = _process_group()
    return distributed is None or distributed.get_rank() == 0


def world_size() -> int | None:
    """How many processes train together; None: this one alone, without a process group."""
    distributed = _process_group()
    return None if distributed is None else distributed.get_world_size()


def _process_group() -> Any:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed
