"""What is logged, the same for every peer; the driver compares what comes back with it."""

import math

ENOUGH = 0.9
"""The search asks for `metrics.acc > 0.9 and params.lr = '0.1'`, the best first."""

FIRST = 50
"""So many runs the search answers at most."""


def value_at(step: int) -> float:
    """The value of the metric `loss` at a step; no two steps have the same."""
    return math.sin(step)


def params_of(run: int) -> dict[str, str]:
    """Eight params of run number `run`."""
    return {
        "lr": ("0.1", "0.01", "0.001")[run % 3],
        "batch_size": str(16 << run % 4),
        "optimizer": ("adam", "sgd")[run % 2],
        "depth": str(run % 7),
        "dropout": f"{run % 5 / 10:.1f}",
        "seed": str(run),
        "width": str(64 * (1 + run % 3)),
        "model": "resnet",
    }


def metrics_of(run: int) -> dict[str, float]:
    """Four metrics of run number `run`; no two runs of the first 10,007 have the same `acc`."""
    acc = run * 7919 % 10007 / 10007
    return {"acc": acc, "loss": 1 - acc, "val_acc": acc * 0.9, "val_loss": 1.1 - acc}


def tags_of(run: int) -> dict[str, str]:
    """Two tags of run number `run`."""
    return {"team": ("nlp", "cv")[run % 2], "dataset": f"v{run % 4}"}


def best_of(runs: int) -> list[float]:
    """The right answer of the search over so many runs: the values of `acc`."""
    hits = (metrics_of(run)["acc"] for run in range(runs) if params_of(run)["lr"] == "0.1")
    return sorted((acc for acc in hits if acc > ENOUGH), reverse=True)[:FIRST]


MANY_PARAMS = {f"param_{number}": str(number / 7) for number in range(100)}
MANY_TAGS = {f"tag_{number}": str(number) for number in range(20)}
