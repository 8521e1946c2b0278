"""What a card that follows its cell costs the loop in it, in a real kernel.

Told is the processor time of the kernel, of all its threads: it is what the loop can lose at most, and it
holds still where the time of the loop does not.
"""

import os
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.timing import Row

_TIMEOUT = 120
_SETUP = """
%load_ext nbtrack
import nbtrack, time
import numpy as np
a, b = np.random.default_rng(0).random((2, {size}, {size}))
def loop(steps):
    began = time.process_time()
    for step in range(steps):
        loss = float((a @ b)[0, 0])
        nbtrack.log_metric("loss", loss + step % 7, step=step)
        nbtrack.log_metric("accuracy", step / steps, step=step)
    return (time.process_time() - began) / steps
"""


def live_card(folder: Path, scale: float) -> Row:
    """Steps of about 1 ms with two points each: in turn in a tracked cell, and in one with `--live`."""
    from jupyter_client.manager import KernelManager

    steps, rounds = max(20, int(2000 * scale)), max(1, int(10 * scale))
    manager: Any = KernelManager(kernel_name="python3")
    environment = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1"}
    manager.start_kernel(env=environment, cwd=str(folder))
    client: Any = manager.blocking_client()
    client.start_channels()
    updates = 0

    def run(cell: str) -> str:
        nonlocal updates
        message, printed = client.execute(cell), ""
        while True:
            received = client.get_iopub_msg(timeout=_TIMEOUT)
            content: dict[str, Any] = received["content"]
            updates += received["msg_type"] == "update_display_data"
            if received["msg_type"] == "stream" and content["name"] == "stdout":
                printed += content["text"]
            is_ours = received["parent_header"].get("msg_id") == message
            if is_ours and content.get("execution_state") == "idle":
                return printed

    def step_seconds(option: str) -> float:
        run(f"%%track{option}\ntook = loop({steps})")
        return float(run("print(took)"))

    try:
        client.wait_for_ready(timeout=_TIMEOUT)
        run(_SETUP.format(size=270))
        step_seconds("")
        pairs: list[tuple[float, float]] = []
        for index in range(rounds):
            if index % 2:
                followed, bare = step_seconds(" --live"), step_seconds("")
            else:
                bare, followed = step_seconds(""), step_seconds(" --live")
            pairs.append((bare, followed))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    share = median(followed / bare for bare, followed in pairs)
    seconds = sum(followed for _, followed in pairs) * steps
    return Row(
        "live card of a cell that trains: added to a step",
        f"{max(0, share - 1):.1%}",
        f"the step: {median(bare for bare, _ in pairs) * 1e3:.2f} ms; {updates / seconds:.1f} cards a second",
        "≤ 2 %",
        share,
    )
