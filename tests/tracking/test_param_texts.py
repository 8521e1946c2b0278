"""Params from what people keep them in."""

import argparse
from dataclasses import dataclass, field
from types import SimpleNamespace

import pydantic
import pytest

from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.tracking.param_texts import param_texts
from nbtrack.tracking.tracker import Tracker


@dataclass
class Optimizer:
    name: str = "adam"
    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass
class Config:
    optimizer: Optimizer = field(default_factory=Optimizer)
    epochs: int = 3
    note: str | None = None


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    depth: int = 4
    optimizer: Optimizer = Optimizer()


FLAT = {
    "optimizer.name": "adam",
    "optimizer.lr": "0.001",
    "optimizer.betas": "(0.9, 0.999)",
}


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"lr": 0.1, "on": True, "none": None}, {"lr": "0.1", "on": "True", "none": "None"}),
        ({"a": {"b": {"c": 1}}, "d": [1, {"e": 2}]}, {"a.b.c": "1", "d": "[1, {'e': 2}]"}),
        ({"layers": {0: 64, 1: 32}}, {"layers.0": "64", "layers.1": "32"}),
        ({"empty": {}, "text": ""}, {"empty": "{}", "text": ""}),
        (Config(), {**FLAT, "epochs": "3", "note": "None"}),
        (Model(extra_one=7), {**FLAT, "depth": "4", "extra_one": "7"}),
        (argparse.Namespace(lr=0.1, inner=argparse.Namespace(a=1)), {"lr": "0.1", "inner.a": "1"}),
        (SimpleNamespace(lr=0.1), {"lr": "0.1"}),
        ({"config": Config(epochs=1)}, {**{f"config.{k}": v for k, v in FLAT.items()}} | {
            "config.epochs": "1", "config.note": "None"}),
        ({}, {}),
        ({"same": 1, "a.b": 2, "a": {"b": 2}}, {"same": "1", "a.b": "2"}),
    ],
    ids=str,
)  # fmt: skip
def test_what_holds_params_is_flattened(given: object, texts: dict[str, str]) -> None:
    assert param_texts(given) == texts


@pytest.mark.parametrize(
    "given", [5, "lr=1", None, [("lr", 1)], Config, {1: 2}, pytest.param(object(), id="object()")], ids=str
)
def test_what_holds_no_params_is_refused(given: object) -> None:
    with pytest.raises(InvalidTypeError, match=r"params are given as|key of a param"):
        param_texts(given)


def test_two_values_for_one_key_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"'a\.b' is given twice, as '1' and as '2'"):
        param_texts({"a.b": 1, "a": {"b": 2}})


def test_params_that_contain_themselves_are_refused() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop

    with pytest.raises(InvalidValueError, match="contain themselves"):
        param_texts(loop)


def test_a_config_is_logged_in_one_call_and_once_more(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_params(Config())
        tracker.log_params(Config())

    assert tracker.get_run(run.run_id).data.params == {**FLAT, "epochs": "3", "note": "None"}


def test_a_dict_given_as_one_param_stays_one(tracker: Tracker) -> None:
    with tracker.start_run() as run:
        tracker.log_param("optimizer", {"lr": 0.1})

    assert tracker.get_run(run.run_id).data.params == {"optimizer": "{'lr': 0.1}"}
