"""What is measured of models."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbtrack import sklearn as nbtrack_sklearn
from nbtrack.tracking.tracker import Tracker
from tests.benchmarks.timing import Row, clean_environment, in_turn, median, shown


def _small_model() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    data, target = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=500).fit(data, target), data


def _pickle(model: Any, file: Path) -> None:
    with open(file, "wb") as target:
        pickle.dump(model, target)
        target.flush()
        os.fsync(target.fileno())


def log_small_model(folder: Path, scale: float) -> Row:
    """Log a small scikit-learn model with its signature, next to its pickle on the disk."""
    from nbtrack.models.signature import infer_signature

    tracker = Tracker(store=folder / "store")
    model, data = _small_model()
    signature = infer_signature(data, model.predict(data))
    calls = max(3, int(100 * scale))
    with tracker.start_run() as run:
        run.log_model(model, "warm", input_example=data[:2])
        ours, floor = in_turn(
            lambda index: run.log_model(model, f"m{index}", signature=signature),
            lambda index: _pickle(model, folder / f"{index}.pkl"),
            calls,
        )
        with_example, _ = in_turn(
            lambda index: run.log_model(model, f"e{index}", input_example=data[:2]), lambda _: None, calls
        )
    tracker.close()
    return Row(
        "`log_model` of a small scikit-learn model (with an input example)",
        f"{shown(median(ours))} ({shown(median(with_example))})",
        f"`pickle.dump` and `fsync`: {shown(median(floor))}",
        "≤ 20 ms",
        median(ours) / median(floor),
    )


def load_small_model(folder: Path, scale: float) -> Row:
    """Load it again, its signature verified, next to reading its pickle."""
    tracker = Tracker(store=folder / "store")
    model, _ = _small_model()
    with tracker.start_run() as run:
        place = run.log_model(model, "model").folder
    _pickle(model, folder / "bare.pkl")
    ours, floor = in_turn(
        lambda _: nbtrack_sklearn.load_model(str(place)),
        lambda _: pickle.loads((folder / "bare.pkl").read_bytes()),
        max(3, int(300 * scale)),
    )
    tracker.close()
    return Row(
        "`load_model` of it, verified",
        shown(median(ours)),
        f"`pickle.load`: {shown(median(floor))}",
        "",
        median(ours) / median(floor),
    )


_BIG = """
import json, resource, sys, time
import psutil
import torch
import nbtrack

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

size, what = int(sys.argv[1]), sys.argv[2]
base = psutil.Process().memory_info().rss
if what == "save":
    model = torch.nn.Module()
    model.weights = torch.nn.Parameter(torch.rand(size // 4))
    began = time.perf_counter()
    torch.save(model, "bare.pth")
    with open("bare.pth", "rb+") as file:
        __import__("os").fsync(file.fileno())
    bare = time.perf_counter() - began
    nbtrack.start_run(run_id=None)
    began = time.perf_counter()
    nbtrack.pytorch.log_model(model, "big")
    ours = time.perf_counter() - began
    print(nbtrack.active_run().info.run_id, file=sys.stderr)
else:
    began = time.perf_counter()
    if what == "bare":
        model = torch.load("bare.pth", weights_only=False)
    else:
        model = nbtrack.pytorch.load_model(f"runs:/{what}/big")
    float(model.weights.sum())
    ours = bare = time.perf_counter() - began
print(json.dumps([ours, bare, peak() - base]))
"""


def big_model(folder: Path, scale: float) -> Row:
    """Log and load a PyTorch model of a gigabyte in processes of their own: time, and memory at the peak."""
    size = max(20_000_000, int(1_000_000_000 * scale))

    def run(what: str) -> tuple[list[float], str]:
        done = subprocess.run(
            [sys.executable, "-c", _BIG, str(size), what],
            cwd=folder,
            env=clean_environment(folder),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1]), done.stderr.strip().rpartition("\n")[2]

    (save, bare_save, save_peak), run_id = run("save")
    (bare_load, _, _), _ = run("bare")
    (load, _, load_peak), _ = run(run_id)
    return Row(
        f"a PyTorch model of {size / 1e9:.2g} GB: `log_model`, `load_model`; memory at the peak, in models",
        f"{shown(save * 1e9)}, {shown(load * 1e9)}; {save_peak / size:.1f}, {load_peak / size:.1f}",
        f"`torch.save` and `fsync`, `torch.load`: {shown(bare_save * 1e9)}, {shown(bare_load * 1e9)}",
        "memory < 2 models",
        (save + load) / (bare_save + bare_load),
    )
