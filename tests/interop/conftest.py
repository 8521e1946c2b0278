"""What these tests need beyond the others: the real MLflow, in this process, silent and local.

`pip install -e ".[test,interop]"`, then `pytest tests/interop`; a plain `pytest` leaves them out.
"""

import os

import pytest

# Read when MLflow is first imported.
os.environ["DO_NOT_TRACK"] = "true"
os.environ["KERAS_BACKEND"] = "torch"

# MLflow's own uses of what is deprecated, and of what differs here.
IGNORED = ("ignore:::mlflow", "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*type hints")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let MLflow warn."""
    for item in items:
        for warning in IGNORED:
            item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
