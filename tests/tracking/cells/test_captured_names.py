"""What is captured of the names of a cell: by its text and by what the names mean before and after."""

import builtins
import datetime
import enum
import math
import types
from argparse import Namespace
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from nbtrack.tracking.capture_options import KINDS, NameFilter
from nbtrack.tracking.cells.captured_names import CapturedNames


def captured(
    cell: str,
    before: dict[str, Any] | None = None,
    *,
    include: Any = (),
    exclude: Any = (),
    kinds: Any = KINDS,
    runs: str | None = None,
) -> CapturedNames:
    """Capture a cell; `runs` is how much of it runs, when an error ends it."""
    namespace: dict[str, Any] = {} if before is None else before
    looking = CapturedNames(cell, namespace, frozenset(kinds), NameFilter(include, exclude))
    exec(cell if runs is None else runs, namespace)
    looking.end(namespace, is_whole=runs is None)
    return looking


@pytest.mark.parametrize(
    ("cell", "params"),
    [
        ("lr = 0.1", {"lr": "0.1"}),
        ("lr, epochs = 1e-3, 5", {"lr": "0.001", "epochs": "5"}),
        ("a = b = -3", {"a": "-3", "b": "-3"}),
        ("size: int = 28 * 28", {"size": "784"}),
        ("limit = float('inf')\nn = int(1e6)", {"limit": "inf", "n": "1000000"}),
        ("name = 'adam'\nshuffle = True\nbest = None", {"name": "adam", "shuffle": "True", "best": "None"}),
        ("hidden = [64, 32]\nshape = (3,)", {"hidden": "[64, 32]", "shape": "(3,)"}),
        ("c = {'lr': 1, 'opt': {'name': 'sgd'}}", {"c.lr": "1", "c.opt.name": "sgd"}),
        ("c = dict(lr=0.1)", {"c.lr": "0.1"}),
        ("x = 1\nif x:\n    mode = 'fast'\nelse:\n    mode = 'slow'", {"x": "1", "mode": "fast"}),
        ("try:\n    n = 1\nfinally:\n    m = 2", {"n": "1", "m": "2"}),
        ("x = 1\ndel x", {"x": "1"}),
        ("c = {'lr': 1}\nc['lr'] = 2\nd = {'lr': 3}", {"d.lr": "3"}),
        ("losses = []\nseen = {}", {}),
        ("hidden = [1]\nhidden.append(2)", {}),
        ("for i in range(3):\n    pass", {}),
        ("_x = 1\n__y = 2", {}),
        ("def f():\n    inner = 1\nclass C:\n    field = 2", {}),
        ("x = b'bytes'\ny = ...", {}),
        ("zero = -0.0", {"zero": "-0.0"}),
        ("int = 5\nlist = 'shadow'", {"int": "5", "list": "shadow"}),
        ("x = '<b>&\"'", {"x": '<b>&"'}),
    ],
)
def test_what_a_cell_sets_to_literals_is_a_param(cell: str, params: dict[str, str]) -> None:
    looking = captured(cell)

    assert looking.params == params
    assert looking.metrics == {}


@pytest.mark.parametrize(
    ("cell", "metrics"),
    [
        ("x = sum([1, 2])", {"x": 3.0}),
        ("total = 0\nfor i in range(4):\n    total += i", {"total": 6.0}),
        ("for i in range(4):\n    last = i * 2", {"last": 6.0}),
        ("a, b = divmod(7, 2)", {"a": 3.0, "b": 1.0}),
        ("a, *rest = [1.5, 2, 3]", {"a": 1.5}),
        ("if (n := len('abc')) > 2:\n    pass", {"n": 3.0}),
        ("best = None\nbest = max(1, 2)", {"best": 2.0}),
        ("x = float('n' + 'an')\ny = float('in' + 'f')", {"x": math.nan, "y": math.inf}),
        ("is_good = 3 > 2", {}),
        ("text = str(3)", {}),
        ("x = complex(1, 2)", {}),
        ("x = len('ab')\ndel x", {}),
        ("import math\ntau = math.tau", {"tau": math.tau}),
        ("big = 10 ** len('ab' * 200)", {}),
        ("total = 0\ndef add():\n    global total\n    total = total + 5\nadd()", {"total": 5.0}),
    ],
)
def test_what_a_cell_computes_is_a_metric(cell: str, metrics: dict[str, float]) -> None:
    looking = captured(cell)

    assert looking.metrics == pytest.approx(metrics, nan_ok=True)
    assert not set(looking.params) & set(metrics)


def test_numbers_of_libraries_are_metrics_and_arrays_are_data() -> None:
    before = {"np": np, "torch": torch, "pd": pd}

    looking = captured(
        "a, b = np.float32(0.5), np.longdouble(2)\nc = np.array(3.5)\nd = torch.ones(3).mean()\n"
        "e = torch.nn.Parameter(torch.tensor(2.0))\nf = np.bool_(True)\ng = torch.tensor([1.0])\n"
        "X = np.zeros((1797, 64))\ns = pd.Series(range(3))\ndf = pd.DataFrame({'a': [1, 2]})\n"
        "h = np.array(object(), dtype=object)\ni = torch.tensor(True)\nj = torch.tensor(1j)",
        before,
    )

    assert looking.metrics == {"a": 0.5, "b": 2.0, "c": 3.5, "d": 1.0, "e": 2.0}
    assert [str(size) for size in looking.data.values()] == ["g (1)", "X (1,797 x 64)", "s (3)", "df (2 x 1)"]
    assert looking.data["X"].dtype == "float64"
    assert looking.data["df"].columns == ("a",)


def test_data_that_is_read_is_told_with_collections_and_loaders() -> None:
    data = TensorDataset(torch.zeros(100, 3))
    before = {"words": ["a"] * 500, "short": [1], "loader": DataLoader(data, batch_size=10), "data": data}

    looking = captured("x = (words, short, loader, data)", before)

    assert {str(size) for size in looking.data.values()} == {
        "words (list of 500)",
        "loader (DataLoader of 100)",
        "data (Dataset of 100)",
    }


class Color(enum.Enum):
    RED = 1


@dataclass
class Config:
    lr: float = 0.1
    layers: tuple[int, ...] = (8, 8)


def test_scalars_that_are_read_are_params() -> None:
    before: dict[str, Any] = {
        "lr": 0.1,
        "color": Color.RED,
        "path": Path("data/x.csv"),
        "day": datetime.date(2026, 11, 22),
        "price": Decimal("1.50"),
        "depth": np.int64(4),
        "device": torch.device("cpu"),
        "config": Config(),
        "options": Namespace(seed=3),
        "space": types.SimpleNamespace(a=1, inner={"b": 2}),
        "unread": 5,
        "In": ["x"],
        "_": 6,
        "np": np,
    }

    looking = captured(
        "x = (lr, color, path, day, price, depth, device, config, options, space, In, _, np)", before
    )

    assert looking.params == {
        "lr": "0.1",
        "color": "Color.RED",
        "path": "data/x.csv",
        "day": "2026-11-22",
        "price": "1.50",
        "depth": "4",
        "device": "cpu",
        "config.lr": "0.1",
        "config.layers": "(8, 8)",
        "options.seed": "3",
        "space.a": "1",
        "space.inner.b": "2",
    }


def test_a_name_that_is_read_and_set_again_has_the_param_it_was_read_with() -> None:
    looking = captured("print(lr)\nlr = 0.5\nepoch = epoch + 1", {"lr": 0.1, "epoch": 3})

    assert looking.params == {"lr": "0.1", "epoch": "3"}
    assert looking.metrics == {"epoch": 4.0}


def test_what_functions_of_the_notebook_read_is_a_param() -> None:
    before: dict[str, Any] = {}
    exec(
        "epochs, rate, other, depth = 3, 0.5, 7, 2\n"
        "def inner(x):\n    return [x.other * rate for _ in range(depth)]\n"
        "def train(x):\n    return inner(x), epochs",
        before,
    )

    looking = captured("result = train", before)

    assert looking.params == {"epochs": "3", "rate": "0.5", "depth": "2"}


def test_secrets_are_left_out_by_name_and_by_look() -> None:
    token = "ghp_" + "kJ8s2LqP0vXz7RtB4nWm1YcD6fGh3AeU"

    looking = captured(
        f"password = 'hunter2'\nx = {token!r}\nconfig = {{'api_key': 'k', 'lr': 1}}\nuse(db_password, PIN)",
        {"use": lambda *_: None, "db_password": 123456, "PIN": 7},
    )

    assert looking.params == {"config.lr": "1", "PIN": "7"}
    assert looking.left_out == {
        "db_password": "secret",
        "password": "secret",
        "x": "secret",
        "config.api_key": "secret",
    }
    assert token not in repr((looking.params, looking.left_out))


def test_what_is_too_long_is_left_out() -> None:
    looking = captured(f"text = {'x' * 251!r}\nn = 1 << 5000\nx = huge", {"huge": 10**5000})

    assert looking.params == {}
    assert looking.left_out["text"] == "too long"
    assert looking.left_out["huge"] == "too long"
    assert "n" in looking.left_out


def test_names_are_chosen_by_patterns() -> None:
    cell = "lr = 1\nlr_min = 2\nn_layers = 3\ndebug = 4\ntotal = sum([1])\nconfig = {'lr': 5, 'x': 6}"

    included = captured(cell, include=["lr*", "config"])
    excluded = captured(cell, exclude="n_*, debug, config.x, total")

    assert included.params == {"lr": "1", "lr_min": "2", "config.lr": "5", "config.x": "6"}
    assert included.metrics == {}
    assert excluded.params == {"lr": "1", "lr_min": "2", "config.lr": "5"}
    assert excluded.left_out == dict.fromkeys(("n_layers", "debug", "config.x", "total"), "excluded")


def test_kinds_are_chosen() -> None:
    cell = "lr = 1\ntotal = sum([1])\nmany = list(range(100))"

    assert captured(cell, kinds=["params"]).metrics == {}
    assert captured(cell, kinds=["metrics"]).params == {}
    assert captured(cell, kinds=["data"]).data.keys() == {"many"}


def test_a_cell_that_fails_keeps_what_it_has_computed_and_nothing_of_an_earlier_attempt() -> None:
    before = {"accuracy": 0.75, "loss": 0.5, "scores": list(range(100))}
    cell = "lr = 0.1\nloss = sum([0.25])\n1 / 0\naccuracy = 2 * loss\nscores = list(range(300))\nlate = 1"

    looking = captured(cell, before, runs="lr = 0.1\nloss = sum([0.25])")

    assert looking.params == {"lr": "0.1", "late": "1"}
    assert looking.metrics == {"loss": 0.25}
    assert looking.data == {}


def test_what_a_branch_did_not_compute_is_not_told() -> None:
    looking = captured("if early:\n    accuracy = sum([1.5])", {"early": False, "accuracy": 0.75})

    assert looking.metrics == {}


class _Hostile(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("a metaclass with an opinion")

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError("not compared")

    def __hash__(cls) -> int:
        raise RuntimeError("not hashed")

    def __instancecheck__(cls, instance: object) -> bool:
        raise RuntimeError("not asked")


class Rude(metaclass=_Hostile):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("nobody looks at me")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")

    __len__ = __float__ = __eq__ = __hash__ = __str__ = __repr__ = __index__ = __bool__  # type: ignore[assignment]


class Fake:
    """Says that it is an array."""

    shape = (3,)
    ndim = 0
    dtype = np.dtype("f8")

    def __float__(self) -> float:
        raise RuntimeError("called")

    item = __float__


Fake.__module__ = "numpy"


class Wild(float):
    def __float__(self) -> float:
        raise RuntimeError("called")

    __repr__ = __str__ = __float__  # type: ignore[assignment]


class WildList(list[int]):
    def __len__(self) -> int:
        raise RuntimeError("called")


HOSTILE = {
    "rude": Rude,
    "a class of its own": lambda: Rude,
    "fake": Fake,
    "wild": lambda: Wild(1.5),
    "list": lambda: WildList([1] * 100),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_objects_that_misbehave_are_not_asked(kind: str) -> None:
    make = HOSTILE[kind]

    looking = captured("y = x\nz = [x, x]\nw = make()", {"x": make(), "make": make})

    assert looking.params == {}
    assert looking.metrics == {}
    assert looking.data == {}
    assert looking.left_out == {}


def test_cells_that_cannot_be_read_are_captured_as_nothing() -> None:
    for cell in ("x = (", "%%bash\nx=1", "", "\0", "%%html\n<b>"):
        looking = CapturedNames(cell, {"x": 1}, frozenset(KINDS), NameFilter())
        looking.end({"x": 1}, is_whole=True)

        assert (looking.params, looking.metrics) == ({}, {})


def test_magics_are_no_hindrance() -> None:
    cell = (
        "%%track name -p a=1\n%%time\nlr = 0.1\n!ls\n%matplotlib inline\nfiles = !ls\n%time n = sum([1, 2])"
    )
    looking = CapturedNames(cell, {}, frozenset(KINDS), NameFilter())
    looking.end({"lr": 0.1, "n": 3, "files": ["a"] * 50}, is_whole=True)

    assert looking.params == {"lr": "0.1"}
    assert looking.metrics == {"n": 3.0}


def test_a_cell_with_very_many_names_is_bounded() -> None:
    looking = captured("\n".join(f"p{i} = {i}\nm{i} = sum([{i}])" for i in range(150)))

    assert (len(looking.params), len(looking.metrics)) == (100, 100)
    assert looking.left_out["p149"] == "too many"
    assert builtins.len(looking.left_out) == 100
