"""Which of the processes of a distributed training records it: the first one alone."""

import sys


def is_recording() -> bool:
    """Whether this process records: it is no part of a process group, or rank 0 of it."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return distributed.get_rank() == 0
