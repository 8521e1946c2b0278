"""The params that runs of a notebook have because papermill ran it with them."""

import nbtrack
from tests.ui.conftest import Notebook


def params_of(notebook: Notebook, name: str) -> dict[str, str]:
    return next(run.data.params for run in notebook.runs() if run.info.run_name == name)


def test_a_parameter_is_recorded_as_it_is_when_the_run_begins(notebook: Notebook) -> None:
    notebook.value("# Parameters\nlr = 0.5\nsizes = [1, 2]\nnothing = None")
    notebook.value("lr = lr / 2\nsizes.append(3)\nsizes = {}")

    notebook.value("%%track changed --quiet\n1")

    assert params_of(notebook, "changed") == {"lr": "0.25", "sizes": "[1, 2]", "nothing": "None"}


def test_nested_runs_leave_them_to_their_parent(notebook: Notebook) -> None:
    notebook.value("# Parameters\nlr = 0.5")

    notebook.value("%%track outer --quiet\nwith nbtrack.start_run(run_name='inner'):\n    pass")

    assert params_of(notebook, "outer") == {"lr": "0.5"}
    assert params_of(notebook, "inner") == {}


def test_later_cells_win_and_failed_ones_do_not_count(notebook: Notebook) -> None:
    notebook.value("# Parameters\nlr = 0.5\nepochs = 1")
    notebook.value("%%track first --quiet\n1")
    notebook.value("# Parameters\nepochs = 2")
    notebook.run("# Parameters\nepochs = [" + "[" * 300)

    notebook.value("%%track second --quiet -p lr=7\nnbtrack.log_param('epochs', 'logged')")

    assert params_of(notebook, "first") == {"lr": "0.5", "epochs": "1"}
    assert params_of(notebook, "second") == {"lr": "7", "epochs": "logged"}


def test_secrets_among_them_are_left_out(notebook: Notebook) -> None:
    notebook.value(
        "# Parameters\napi_key = 'x9'\npassword = 'hunter2'\nurl = 'https://ada:pw@host/x'\nlr = 1"
    )

    notebook.value("%%track --quiet\n1")

    assert notebook.only_run().data.params == {"lr": "1"}


def test_parameters_of_before_loading_count_and_unloading_ends_them(bare_notebook: Notebook) -> None:
    bare_notebook.value("# Parameters\nlr = 0.5")
    bare_notebook.value("%load_ext nbtrack\nimport nbtrack")
    bare_notebook.value("%%track loaded --quiet\n1")

    bare_notebook.value("%unload_ext nbtrack")
    with nbtrack.start_run(run_name="unloaded"):
        pass

    assert params_of(bare_notebook, "loaded") == {"lr": "0.5"}
    assert params_of(bare_notebook, "unloaded") == {}
