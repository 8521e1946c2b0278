"""Names that nbtrack does not have: later ones, slips of the pen, and what dir() lists."""

import subprocess
import sys

import pytest

import nbtrack


@pytest.mark.parametrize("name", ["autolog", "evaluate", "onnx", "projects"])
def test_what_mlflow_has_and_nbtrack_not_yet_is_said_to_come_later(name: str) -> None:
    assert not hasattr(nbtrack, name)
    with pytest.raises(AttributeError) as caught:
        getattr(nbtrack, name)

    assert str(caught.value) == f"nbtrack has no {name!r} yet: docs/mlflow.md says what comes later"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("log_metrc", "module 'nbtrack' has no attribute 'log_metrc'; did you mean 'log_metric'?"),
        ("serch_runs", "module 'nbtrack' has no attribute 'serch_runs'; did you mean 'search_runs'?"),
        ("something_else", "module 'nbtrack' has no attribute 'something_else'"),
        ("_log_metric", "module 'nbtrack' has no attribute '_log_metric'"),
    ],
)
def test_a_slip_of_the_pen_is_told_the_nearest_name(name: str, message: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(nbtrack, name)

    assert str(caught.value) == message


def test_a_traceback_guesses_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import nbtrack; nbtrack.log_metrc"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.lower().count("did you mean") == 1


def test_nothing_that_comes_later_is_there_already() -> None:
    from nbtrack.absent_names import LATER

    assert not LATER & set(nbtrack.__all__)


def test_only_public_names_are_listed() -> None:
    nbtrack.search_runs  # noqa: B018 - what is loaded stands among the module's own names

    assert [name for name in dir(nbtrack) if not name.startswith("__")] == sorted(nbtrack.__all__)
    assert "__version__" in dir(nbtrack)
