"""`nbtrack.Tracker` is configured as IPython's own classes are."""

import subprocess
import sys
from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.configurable import Configurable

import nbtrack


def test_a_configuration_names_the_tracker_as_users_do(tmp_path: Path) -> None:
    config = Config()
    config.Tracker.store = str(tmp_path / "store")
    config.Tracker.experiment = "digits"

    tracker = nbtrack.Tracker(config=config)
    with tracker.start_run() as run:
        tracker.log_metric("loss", 0.5)

    assert isinstance(tracker, Configurable)
    assert tracker.get_experiment_by_name("digits").experiment_id == run.info.experiment_id
    assert Path(tracker.get_tracking_uri()) == tmp_path / "store"
    tracker.close()


def test_an_argument_wins_over_the_configuration() -> None:
    config = Config()
    config.Tracker.on_error = "raise"
    config.Tracker.enabled = False

    tracker = nbtrack.Tracker(config=config, on_error="warn")

    assert (tracker.on_error, tracker.enabled) == ("warn", False)


def test_what_no_option_can_be_is_refused() -> None:
    with pytest.raises(TraitError, match="on_error"):
        nbtrack.Tracker(on_error="ignore")


def test_the_functions_do_without_traitlets(tmp_path: Path) -> None:
    program = """
import sys
import nbtrack
with nbtrack.start_run():
    nbtrack.log_metric("loss", 0.5)
nbtrack.MlflowClient().search_experiments()
print("traitlets" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "work", capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
