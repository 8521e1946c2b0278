"""`%config NBTrack`, IPython's configuration and the command line, in a real IPython shell."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets.config import Config

import nbtrack
from nbtrack.tracking.fluent import default_tracker
from nbtrack.ui.configuration import NBTrack
from tests.ui.conftest import Notebook


@pytest.fixture(autouse=True)
def tracker_as_it_was() -> Iterator[None]:
    yield
    default_tracker.set_tracking_uri(None)
    default_tracker.name_experiment(None)
    default_tracker.enabled, default_tracker.on_error = True, "warn"


def configured(notebook: Notebook, **options: object) -> None:
    """Load nbtrack under a configuration file that says this."""
    section = Config()
    for name, value in options.items():
        section.NBTrack[name] = value
    notebook.shell.config = section
    notebook.value("%load_ext nbtrack")


def test_the_list_of_options_has_each_with_its_help_and_its_value(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    nbtrack.set_experiment("digits")

    notebook.value("%config NBTrack")

    listed = capsys.readouterr().out
    for name, trait in NBTrack.class_traits(config=True).items():
        assert f"NBTrack.{name}=" in listed
        assert trait.help.split(":")[0] in " ".join(listed.split())
    assert "Current: 'digits'" in listed


def test_an_assignment_counts_at_once_and_changes_nothing_else(notebook: Notebook) -> None:
    notebook.value("%config NBTrack.store = 'elsewhere'")
    nbtrack.set_tracking_uri("chosen later")

    notebook.value("%config NBTrack.experiment = 'digits'")

    assert default_tracker.experiment == "digits"
    assert nbtrack.get_tracking_uri() == str(Path.cwd() / "chosen later")
    assert notebook.value("%config NBTrack.store") == str(Path.cwd() / "chosen later")
    assert notebook.value("%config NBTrack.experiment") == "digits"
    assert not Path("elsewhere").exists()


def test_an_attribute_that_code_sets_counts_too(notebook: Notebook) -> None:
    (configuration,) = [each for each in notebook.shell.configurables if isinstance(each, NBTrack)]

    configuration.on_error = "raise"
    configuration.experiment = "digits"

    assert (default_tracker.on_error, default_tracker.experiment) == ("raise", "digits")


def test_the_last_choice_counts_whoever_made_it(notebook: Notebook) -> None:
    notebook.value("%config NBTrack.store = 'a'\nnbtrack.set_tracking_uri('b')\n%config NBTrack.store = 'a'")

    notebook.value("%%track --quiet\n1")

    assert (Path("a") / "documents.db").exists()
    assert not Path("b").exists()


def test_a_value_that_cannot_be_is_told_and_changes_nothing(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for line in ("store = 5", "store = 'http://x'", "experiment = 'a' * 600", "on_error = 'explode'"):
        notebook.run(f"%config NBTrack.{line}")

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert said[0] == "The 'store' trait of a NBTrack instance expected a unicode string, not the int 5."
    assert "'http://x'" in said[1]
    assert "500" in said[2]
    assert "['warn', 'raise']" in said[3]
    assert (default_tracker.store, default_tracker.experiment) == (None, None)
    assert default_tracker.on_error == "warn"


def test_a_configuration_file_sets_what_nobody_else_does(
    bare_notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the environment")

    configured(bare_notebook, store=Path("of the file"), experiment="of the file", on_error="raise")

    assert nbtrack.get_tracking_uri() == str(Path.cwd() / "of the file")
    assert os.environ["NBTRACK_TRACKING_URI"] == str(Path.cwd() / "of the file")
    assert default_tracker.on_error == "raise"
    assert default_tracker.experiment is None
    bare_notebook.value("%%track --quiet\n1")
    experiment = nbtrack.get_experiment(bare_notebook.only_run().info.experiment_id)
    assert experiment.name == "of the environment"


def test_what_code_has_chosen_before_loading_stays(bare_notebook: Notebook) -> None:
    nbtrack.set_tracking_uri("of the code")
    nbtrack.set_experiment("of the code")

    configured(bare_notebook, store="of the file", experiment="of the file")

    assert nbtrack.get_tracking_uri() == str(Path.cwd() / "of the code")
    assert default_tracker.experiment == "of the code"


def test_unloading_takes_back_what_the_configuration_set(bare_notebook: Notebook) -> None:
    before = dict(os.environ)

    configured(bare_notebook, store="of the file", experiment="of the file", on_error="raise", enabled=False)
    bare_notebook.value("%unload_ext nbtrack")

    assert (default_tracker.store, default_tracker.experiment) == (None, None)
    assert (default_tracker.on_error, default_tracker.enabled) == ("warn", True)
    assert dict(os.environ) == before
    assert not [each for each in bare_notebook.shell.configurables if isinstance(each, NBTrack)]


def test_unloading_leaves_what_was_chosen_since(bare_notebook: Notebook) -> None:
    configured(bare_notebook, experiment="of the file")
    nbtrack.set_experiment("of the code")

    bare_notebook.value("%unload_ext nbtrack")

    assert default_tracker.experiment == "of the code"


def test_a_configuration_that_cannot_be_adds_nothing_to_the_shell(
    bare_notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    bare_notebook.shell.config = Config({"NBTrack": {"on_error": "explode"}})

    result = bare_notebook.run("%load_ext nbtrack")

    assert "The 'on_error' trait of a NBTrack instance" in str(result.error_in_exec)
    assert "track" not in bare_notebook.shell.magics_manager.magics["cell"]
    assert not [each for each in bare_notebook.shell.configurables if isinstance(each, NBTrack)]


def test_the_command_line_wins_against_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_EXPERIMENT_NAME", "of the environment")
    monkeypatch.setenv("IPYTHONDIR", str(Path.cwd() / "ipython"))
    Path("cells.ipy").write_text("%load_ext nbtrack\n%nbtrack status\n")

    command = [sys.executable, "-m", "IPython", "--NBTrack.experiment=of the line", "cells.ipy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "experiment  of the line" in done.stdout
    assert done.stderr == ""
