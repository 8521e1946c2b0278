"""What the history of a notebook and capture add to a cell: to a usual one, and to one of 500 lines.

Each cell is a new one, as after an edit: nothing that was found out of an earlier one helps. Told is the
processor time, which holds still on a busy machine.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.benchmarks.timing import Row, clean_environment, shown

_USUAL = """\
lr, epochs, hidden = 0.{n}, 5, [64, 32]
config = {"batch_size": 32, "optimizer": "adam"}
rng = np.random.default_rng(seed)
X_train, X_test = X[:1200], X[1200:]
y_train, y_test = y[:1200], y[1200:]
weights = rng.normal(size=X.shape[1])
losses = []
total = 0
for epoch in range(epochs):
    error = X_train @ weights - y_train
    loss = (error**2).mean()
    losses.append(loss)
    total += loss
    weights = weights - lr * 1e-4 * (X_train.T @ error) / len(y_train)
    if loss < 1e-6:
        break
print("loss", loss)
predicted = X_test @ weights
accuracy = (np.sign(predicted) == y_test).mean()
best = min(losses)
best, accuracy
"""
_BLOCK = """\
# Step {i}: what is above the limit counts more, as in the step before.
def step_{i}(values, rate=0.1, *, scale=2):
    \"\"\"Add up values, the odd ones less.\"\"\"
    total = 0.0
    for index, value in enumerate(values):
        if value > limit and index % 2:
            total += value * rate + scale
        else:
            total -= helper(value)

    return [total, *values[:3]]


rate_{i}, names_{i} = 0.5, ["a", "b", "c"]
table_{i} = {name: len(name) + {i} for name in names_{i}}
# The names weigh nothing here.
result_{i} = step_{i}([1, 2, 3], rate=rate_{i})
score_{i} = sum(value for value in result_{i} if value > 0) / (1 + len(names_{i}))

"""
_PROGRAM = """
import gc, json, sys
from time import process_time_ns
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

HistoryManager.enabled = False
shell = InteractiveShell.instance()
shell.display_pub = CapturingDisplayPublisher(parent=shell)
cell, rounds = json.loads(sys.stdin.readline())
shell.run_cell("import numpy as np\\nX, y = np.ones((1797, 64)), np.ones(1797)")
shell.run_cell("seed, limit, helper = 7, 1, abs")
number = 0
def took(first):
    global number
    number += 1
    source = first + "# " + str(number) + "\\n" + cell.replace("{n}", str(number))
    gc.collect()
    start = process_time_ns()
    result = shell.run_cell(source, store_history=True)
    spent = process_time_ns() - start
    result.raise_error()
    shell.display_pub.outputs.clear()
    return spent
times = []
for index in range(rounds + 1):
    shell.run_cell("%unload_ext nbtrack")
    bare = took("")
    shell.run_cell("%load_ext nbtrack")
    kept = took("")
    ways = ["%%track --no-capture\\n", "%%track\\n"]
    spent = dict((way, took(way)) for way in ways[:: 1 if index % 2 else -1])
    times.append((bare, kept, *map(spent.get, ways)))
print("\\nmeasured", json.dumps(times[1:]))
"""


def cell_overhead(folder: Path, scale: float) -> Row:
    """Cells of 20 and of 500 lines: without nbtrack, with its history, tracked, and captured too."""
    long = "".join(_BLOCK.replace("{i}", str(index)) for index in range(500 // _BLOCK.count("\n")))
    program = folder / "cells.py"
    program.write_text(_PROGRAM)
    added: list[str] = []
    alone: list[str] = []
    whole: list[str] = []
    for cell in (_USUAL, long):
        done = subprocess.run(
            [sys.executable, str(program)],
            input=json.dumps([cell, max(2, int(15 * scale))]) + "\n",
            cwd=folder,
            env={**clean_environment(folder), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        times: list[tuple[int, ...]] = json.loads(done.stdout.rpartition("measured ")[2])
        more = median(kept - bare + captured - tracked for bare, kept, tracked, captured in times)
        added.append(shown(max(0, more)))
        alone.append(shown(median(bare for bare, *_ in times)))
        whole.append(shown(median(captured for *_, captured in times)))
    return Row(
        "history and capture, added to a cell of 20 lines; of 500",
        "; ".join(added),
        f"the cell alone: {'; '.join(alone)}, with all of `%%track` {'; '.join(whole)}",
        "≤ 5 ms; ≤ 20 ms",
    )
