"""What names mean is told without running code of the user's."""

import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from nbtrack.tracking.cells.facts import facts_of


class Explosive:
    """Whatever is asked of it raises."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        raise RuntimeError


class ExplosiveType(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class OfExplosiveType(metaclass=ExplosiveType):
    pass


def test_kinds() -> None:
    values = {
        "number": 1,
        "text": "a",
        "pair": (1, ("a", None)),
        "path": Path("a"),
        "scalar": np.float64(1),
        "date": pd.Timestamp("2026-01-01"),
        "device": torch.device("cpu"),
        "rows": [1],
        "holder": ([],),
        "ordered": OrderedDict(),
        "array": np.zeros(2),
        "objects": np.array([[]], dtype=object),
        "frame": pd.DataFrame(),
        "tensor": torch.zeros(2),
        "module": random,
        "function": test_functions,
        "builtin": len,
        "cls": Explosive,
        "thing": Explosive(),
        "iterator": iter([1]),
        "iterators": [iter([1])],
        "odd": object.__new__(OfExplosiveType),
    }

    kinds, _ = facts_of(values, [*values, "gone"])

    assert {name: kind for name, kind in kinds.items() if ":" not in name} == {
        **dict.fromkeys(("number", "text", "pair", "path", "scalar", "date", "device"), "value"),
        **dict.fromkeys(("ordered", "objects", "thing", "odd"), "object"),
        **dict.fromkeys(("rows", "holder"), "collection"),
        **dict.fromkeys(("iterator", "iterators"), "iterator"),
        **dict.fromkeys(("function", "builtin"), "function"),
        "array": "array",
        "frame": "frame",
        "tensor": "tensor",
        "module": "module:random",
        "cls": "class",
        "gone": "absent",
    }


def test_functions() -> None:
    """Only a name for `test_kinds`."""


def test_names_of_one_object_and_of_one_memory_are_aliases() -> None:
    rows, array, tensor = [1], np.zeros(4), torch.zeros(4)
    values = {
        "rows": rows,
        "same": rows,
        "other": [1],
        "one": 1,
        "uno": 1,
        "array": array,
        "view": array[::2].T,
        "copy": array.copy(),
        "tensor": tensor,
        "part": tensor[1:],
        "clone": tensor.clone(),
        "_hidden": rows,
    }

    _, aliases = facts_of(values, [])

    assert aliases == (("rows", "same"), ("array", "view"), ("tensor", "part"))


def test_the_state_of_a_generator_tells_whether_it_was_drawn_from() -> None:
    def states() -> dict[str, str]:
        return {key: kind for key, kind in facts_of({}, [])[0].items() if key.startswith("random:")}

    before = states()
    untouched = states()
    random.random()
    np.random.standard_normal()
    torch.rand(1)
    after = states()

    assert before == untouched
    assert set(before) == {"random:python", "random:numpy", "random:torch"}
    assert all(before[key] != after[key] for key in before)
