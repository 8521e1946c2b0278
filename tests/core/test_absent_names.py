"""Names that nbtrack does not have: later ones, slips of the pen, and what dir() lists."""

import subprocess
import sys
from importlib import import_module

import pytest

import nbtrack
from nbtrack.core.absent_names import ELSEWHERE, LATER, OUTSIDE, absent_name

MODULES = [
    name
    for name in nbtrack.__all__
    if name not in ("load_ipython_extension", "unload_ipython_extension")
    and type(getattr(nbtrack, name)) is type(sys)
]


def asked(module: str, name: str) -> str:
    """What is said to somebody who reads the name off the module."""
    with pytest.raises(AttributeError) as caught:
        getattr(import_module(module), name)
    return str(caught.value)


def imported(module: str, name: str) -> str:
    """What is said to somebody who imports the name from the module."""
    with pytest.raises(ImportError) as caught:
        exec(f"from {module} import {name}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("nbtrack", "evaluate"),
        ("nbtrack", "onnx"),
        ("nbtrack", "projects"),
        ("nbtrack", "metrics"),
        ("nbtrack", "evaluation"),
        ("nbtrack", "deployments"),
        ("nbtrack.pytorch", "load_checkpoint"),
        ("nbtrack.pyfunc", "spark_udf"),
        ("nbtrack.models", "evaluate"),
        ("nbtrack.data", "from_spark"),
    ],
)
def test_what_mlflow_has_and_nbtrack_not_yet_is_said_to_come_later(module: str, name: str) -> None:
    assert not hasattr(import_module(module), name)

    expected = f"{module} has no {name!r} yet: docs/mlflow.md says what comes later"
    assert asked(module, name) == imported(module, name) == expected


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("nbtrack", "trace"),
        ("nbtrack", "genai"),
        ("nbtrack", "mcp"),
        ("nbtrack.pyfunc", "ChatModel"),
        ("nbtrack.entities", "Span"),
    ],
)
def test_what_mlflow_has_for_language_models_is_said_to_be_no_part_of_nbtrack(module: str, name: str) -> None:
    why = "what MLflow has for language models is no part of nbtrack (docs/mlflow.md)"

    assert asked(module, name) == imported(module, name) == f"{module} has no {name!r}: {why}"


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        ("nbtrack", "log_metrc", "; did you mean 'log_metric'?"),
        ("nbtrack", "serch_runs", "; did you mean 'search_runs'?"),
        ("nbtrack", "something_else", ""),
        ("nbtrack", "_log_metric", ""),
        ("nbtrack", "infer_signature", "; it is nbtrack.models.infer_signature"),
        ("nbtrack.sklearn", "log_modl", "; did you mean 'log_model'?"),
        (
            "nbtrack.exceptions",
            "foo",
            "; it has ExecutionException, MlflowException, NbtrackError, RestException",
        ),
        ("nbtrack.sklearn", "_foo", ""),
        ("nbtrack.sklearn", "__wrapped__", ""),
        ("nbtrack.sklearn", "infer_signature", "; it is nbtrack.models.infer_signature"),
        ("nbtrack.tracking", "x", ""),
        ("nbtrack.tracking", "log_metric", "; it is nbtrack.log_metric"),
        ("nbtrack.tracking", "MlflowClent", "; did you mean 'MlflowClient'?"),
        ("nbtrack.models", "infer_signatur", "; did you mean 'infer_signature'?"),
        ("nbtrack.pyfunc", "PythonModl", "; did you mean 'PythonModel'?"),
        ("nbtrack.data", "from_pands", "; did you mean 'from_pandas'?"),
        ("nbtrack.artifacts", "load_txt", "; did you mean 'load_text'?"),
        ("nbtrack.types", "Schemaa", "; did you mean 'Schema'?"),
        ("nbtrack.entities", "RunStat", "; did you mean 'RunStatus'?"),
        ("nbtrack.exceptions", "MlflowExcepton", "; did you mean 'MlflowException'?"),
    ],
)
def test_a_slip_of_the_pen_is_told_the_nearest_name(module: str, name: str, hint: str) -> None:
    expected = f"module {module!r} has no attribute {name!r}{hint}"

    assert asked(module, name) == imported(module, name) == expected


@pytest.mark.parametrize("module", MODULES)
def test_each_public_module_answers_in_our_words(module: str) -> None:
    # Python's own would be: cannot import name ...
    assert imported(f"nbtrack.{module}", "no_such_name").startswith(f"module 'nbtrack.{module}' has no")


def test_where_nbtrack_answers_for_mlflow_the_names_are_mlflows() -> None:
    def said(module: str, name: str) -> str:
        return absent_name(module, name, ["log_model"], ["log_metric"])

    who = "nbtrack, which answers for mlflow here,"
    later = f"{who} has no 'mlflow.pytorch.load_checkpoint' yet: docs/mlflow.md says what comes later"
    assert said("mlflow.pytorch", "load_checkpoint") == later
    assert said("mlflow", "trace").startswith(f"{who} has no 'mlflow.trace': what MLflow has for")
    assert said("mlflow.sklearn", "log_modl").endswith("; did you mean 'log_model'?")
    assert said("mlflow.sklearn", "log_metric").endswith("; it is mlflow.log_metric")
    assert said("mlflow", "infer_signature").endswith("; it is mlflow.models.infer_signature")


def test_python_finds_no_more_in_a_module_than_before() -> None:
    import nbtrack.sklearn

    assert not hasattr(nbtrack.sklearn, "__path__")
    assert not hasattr(nbtrack.sklearn, "load_checkpoint")
    assert getattr(nbtrack.sklearn, "load_checkpoint", None) is None


@pytest.mark.parametrize("program", ["import nbtrack; nbtrack.log_metrc", "from nbtrack import log_metrc"])
def test_a_traceback_guesses_once(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr.lower().count("did you mean") == 1


@pytest.mark.parametrize("table", [LATER, OUTSIDE])
def test_nothing_that_is_said_to_be_absent_is_there(table: dict[str, frozenset[str]]) -> None:
    for inner, names in table.items():
        module = import_module(f"nbtrack.{inner}" if inner else "nbtrack")
        assert [name for name in sorted(names) if hasattr(module, name)] == []


def test_what_is_said_to_be_elsewhere_is_there() -> None:
    for name, module in ELSEWHERE.items():
        assert hasattr(import_module(module), name)


def test_only_public_names_are_listed() -> None:
    nbtrack.search_runs  # noqa: B018 - what is loaded stands among the module's own names

    assert [name for name in dir(nbtrack) if not name.startswith("__")] == sorted(nbtrack.__all__)
    assert "__version__" in dir(nbtrack)
