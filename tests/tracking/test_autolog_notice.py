"""`autolog` takes what MLflow's takes, records nothing, and says so once."""

import inspect
import json
import warnings
from importlib import import_module
from pathlib import Path

import pytest

import nbtrack
from nbtrack.tracking import autolog_notice

MLFLOWS: dict[str, list[list[str]]] = json.loads(
    Path(__file__).parent.parent.joinpath("mlflow_names.json").read_text()
)["autolog"]
"""Arguments and defaults, by module of MLflow's."""


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autolog_notice, "_told", set[str]())


@pytest.mark.parametrize("module", MLFLOWS)
def test_it_takes_the_arguments_of_mlflows(module: str) -> None:
    ours = inspect.signature(import_module(module.replace("mlflow", "nbtrack")).autolog).parameters

    taken = [[name, repr(argument.default)] for name, argument in ours.items()]
    wanted = [
        [name, default.replace("SERIALIZATION_FORMAT_CLOUDPICKLE", "'cloudpickle'")]
        for name, default in MLFLOWS[module]
    ]
    assert taken == wanted


@pytest.mark.parametrize("module", MLFLOWS)
def test_it_warns_once_at_the_line_that_calls_it(module: str) -> None:
    own = import_module(module.replace("mlflow", "nbtrack"))
    call = f"{module.removeprefix('mlflow').lstrip('.')}.autolog()".lstrip(".")

    with pytest.warns(RuntimeWarning) as said:
        assert own.autolog(log_models=False) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own.autolog()

    (warning,) = said
    assert str(warning.message).startswith(
        f"{call} records nothing: nbtrack 0.1.0 does not log on its own yet."
    )
    assert "docs/mlflow.md" in str(warning.message)
    assert warning.filename == __file__
    assert nbtrack.active_run() is None
    assert nbtrack.last_active_run() is None


@pytest.mark.parametrize("module", MLFLOWS)
def test_switching_it_off_says_nothing(module: str) -> None:
    assert import_module(module.replace("mlflow", "nbtrack")).autolog(disable=True) is None


def test_each_framework_is_told_apart() -> None:
    with pytest.warns(RuntimeWarning, match=r"^sklearn\.autolog"):
        nbtrack.sklearn.autolog()
    with pytest.warns(RuntimeWarning, match=r"^autolog\(\)"):
        nbtrack.autolog()


def test_an_argument_that_mlflow_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="log_everything"):
        nbtrack.sklearn.autolog(log_everything=True)  # pyright: ignore[reportCallIssue]
