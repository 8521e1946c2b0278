"""What a tracked cell records without a call."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nbtrack.core.data_sizes import data_sizes
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import NbtrackError
from nbtrack.tracking.fluent import default_tracker
from tests.ui.conftest import Notebook


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    default_tracker.capture = True
    default_tracker.capture_include = default_tracker.capture_exclude = ()


def captured(notebook: Notebook, *cells: str) -> tuple[dict[str, str], dict[str, float]]:
    """What the run of the last of some cells holds."""
    for cell in cells:
        notebook.run(cell)
    data = notebook.runs()[-1].data
    return dict(data.params), dict(data.metrics)


def test_what_a_cell_is_set_to_is_a_param_and_what_it_computes_a_metric(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "seed, depth = 7, 3\nunused = 5\nimport math",
        "%%track --quiet\nlr, name = 0.1, 'adam'\nscore = math.sqrt(seed) * lr\nbest = score + depth\n"
        "label = name.upper()",
    )

    assert params == {"seed": "7", "depth": "3", "lr": "0.1", "name": "adam"}
    assert metrics == {"score": pytest.approx(0.26457513), "best": pytest.approx(3.26457513)}


def test_counters_private_names_and_what_a_function_binds_are_neither(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "%%track --quiet\ntotal = 0\nfor index in range(4):\n    total += index\n_hidden = 3 * total\n"
        "def twice(x):\n    inner = 2 * x\n    return inner\nfinal = twice(total)",
    )

    assert params == {}
    assert metrics == {"total": 6, "final": 12}


def test_a_name_that_is_read_and_bound_again_is_a_param_as_it_was_before(notebook: Notebook) -> None:
    params, metrics = captured(notebook, "rate = 0.5", "%%track --quiet\nrate = rate / 2")

    assert params == {"rate": "0.5"}
    assert metrics == {"rate": 0.25}


def test_what_the_cell_logs_itself_counts_more(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "import nbtrack",
        "%%track -p lr=1e-3\nlr, depth = 0.1, 3\nnbtrack.log_param('depth', 'deep')\n"
        "loss = depth / 4\nnbtrack.log_metric('loss', 9)\nlast = loss * 2",
    )

    assert params == {"lr": "1e-3", "depth": "deep"}
    assert metrics == {"loss": 9, "last": 1.5}
    assert "lr (the run has another value)" in notebook.cards[-1]


def test_secrets_are_never_captured(notebook: Notebook) -> None:
    key = "kJ8s9dF7gH3jK2lQ9wE4rT6yU1iO5pA0"
    params, _ = captured(
        notebook,
        f"api_key = 'hunter2hunter2'\npath = {key!r}",
        f"%%track\npassword = 'tiger'\nother = {key!r}\nconfig = {{'token': {key!r}, 'lr': 0.1}}\n"
        "used = api_key, path",
    )

    run = notebook.runs()[-1]
    artifacts = [
        default_tracker.load_text(run.info.run_id, info.path)
        for info in default_tracker.list_artifacts(run.info.run_id)
        if not info.is_dir
    ]
    assert params == {"config.lr": "0.1"}
    assert "password (secret)" in notebook.cards[-1]
    for text in (*artifacts, notebook.cards[-1], notebook.pages[-1], json.dumps(dict(run.data.tags))):
        assert key not in text
        assert "hunter2" not in text
        assert "tiger" not in text


def test_the_sizes_of_data_are_kept_and_not_the_data(notebook: Notebook) -> None:
    captured(
        notebook,
        "import numpy as np, pandas as pd\nX = np.zeros((1797, 64))\n"
        "frame = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})",
        "%%track\nhalf = X[::2]\nmean = frame['a'].mean()",
    )

    run = notebook.runs()[-1]
    assert data_sizes(run.data.tags) == {
        "X": "ndarray 1,797 x 64 float64",
        "frame": "DataFrame 2 x 2",
        "half": "ndarray 899 x 64 float64",
    }
    assert "X (1,797 x 64)" in notebook.cards[-1]
    assert run.data.metrics == {"mean": 1.5}


def test_of_a_cell_that_fails_what_it_computed_before_is_kept(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "late = 5.5\nsize = 2",
        "%%track --quiet\nlr = 0.1\nearly = size * lr\nraise RuntimeError('stop')\nlate = early * 3",
    )

    assert notebook.runs()[-1].info.status == RunStatus.FAILED
    assert params == {"lr": "0.1", "size": "2"}
    assert metrics == {"early": 0.2}


def test_a_branch_that_was_not_taken_computes_nothing(notebook: Notebook) -> None:
    _, metrics = captured(
        notebook,
        "left, right = 1.5, 2.5\nflag = True",
        "%%track --quiet\nif flag:\n    left = left * 2\nelse:\n    right = right * 2",
    )

    assert metrics == {"left": 3.0}


@pytest.mark.parametrize(
    ("options", "params", "metrics"),
    [
        ({"capture": False}, {}, {}),
        ({"capture": ["metrics"]}, {}, {"y": 2, "z": 3}),
        ({"capture": "params"}, {"lr": "1"}, {}),
        ({"capture_exclude": ["z", "l*"]}, {}, {"y": 2}),
        ({"capture_include": "lr, z"}, {"lr": "1"}, {"z": 3}),
    ],
    ids=["nothing", "metrics", "params", "exclude", "include"],
)
def test_options_choose_what_is_captured(
    notebook: Notebook, options: dict[str, Any], params: dict[str, str], metrics: dict[str, float]
) -> None:
    for name, value in options.items():
        notebook.run(f"%config NBTrack.{name} = {value!r}")

    assert captured(notebook, "%%track --quiet\nlr = 1\ny = lr + 1\nz = y + 1") == (params, metrics)


def test_a_cell_may_ask_for_no_capture(notebook: Notebook) -> None:
    assert captured(notebook, "%%track --no-capture\nlr = 1\ny = lr + 1") == ({}, {})
    assert data_sizes(notebook.runs()[-1].data.tags) == {}


def test_a_kind_that_is_not_captured_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        NbtrackError, match=r"Nothing named 'metric' is captured, only params, metrics, .*'metrics'"
    ):
        type(default_tracker)(capture=["metric"])


def test_values_that_misbehave_are_not_asked(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "class Odd:\n    def __len__(self): raise SystemExit\n"
        "    __float__ = __eq__ = __bool__ = __str__ = __repr__ = __len__\n"
        "    __class__ = property(__len__)\n    def __getattr__(self, name): raise SystemExit\nodd = Odd()",
        "%%track --quiet\nkept = odd\nother = Odd()\nnan = float('inf') * 0 + abs(0)\nzero = nan and -0.0\n"
        "big = 10 ** 400\nlarge = big + 1",
    )

    assert notebook.runs()[-1].info.status == RunStatus.FINISHED
    assert params == {}
    assert str(metrics.pop("nan")) == "nan"
    assert str(metrics) == "{'zero': -0.0}"


def test_a_run_that_goes_on_in_another_cell_keeps_its_params_without_a_warning(notebook: Notebook) -> None:
    notebook.run("%%track --quiet\nlr = 0.1")
    run_id = notebook.only_run().info.run_id

    result = notebook.run(f"%%track --resume {run_id}\nlr = 0.2\nloss = lr * 2")

    result.raise_error()
    assert notebook.only_run().data.params == {"lr": "0.1"}
    assert notebook.only_run().data.metrics == {"loss": 0.4}
    assert "lr (the run has another value)" in notebook.cards[-1]


def test_a_run_that_goes_on_gets_a_further_point_of_what_is_computed_again(notebook: Notebook) -> None:
    notebook.run("%%track --quiet\nloss = sum([0.5])\nother = sum([1])")
    run_id = notebook.only_run().info.run_id

    notebook.value(
        f"%%track --resume {run_id}\nimport nbtrack\nloss = sum([0.25])\n"
        "other = sum([2])\nnbtrack.log_metric('other', 9, step=5)"
    )

    summaries = notebook.only_run().data.summaries
    assert (summaries["loss"].count, summaries["loss"].last) == (2, 0.25)
    assert (summaries["other"].count, summaries["other"].last) == (2, 9)


def test_a_cell_that_ends_its_run_is_captured_until_then(notebook: Notebook) -> None:
    params, metrics = captured(
        notebook,
        "import nbtrack",
        "%%track\nlr = 0.1\nlayers = [8]\nloss = sum([0.5])\nnbtrack.end_run()\nlate = sum([2])",
    )

    assert (params, metrics) == ({"lr": "0.1", "layers": "[8]"}, {"loss": 0.5})
    assert len(notebook.runs()) == 1


def test_what_the_functions_of_the_notebook_read_is_captured_with_what_they_are_called_for(
    notebook: Notebook,
) -> None:
    params, metrics = captured(
        notebook,
        "epochs, other = 3, 4\ndef train(rate):\n    return rate * epochs",
        "%%track\nrate = 0.5\nloss = train(rate)",
    )

    assert params == {"epochs": "3", "rate": "0.5"}
    assert metrics == {"loss": 1.5}


def test_a_list_that_the_cell_changes_is_left_out(notebook: Notebook) -> None:
    params, _ = captured(notebook, "%%track\nlayers, kept = [8], [9]\nlayers.append(4)")

    assert params == {"kept": "[9]"}
    assert "layers (changed by the cell)" in notebook.cards[-1]


def test_the_params_are_there_while_the_cell_runs(notebook: Notebook) -> None:
    value = notebook.value(
        "%%track --quiet\nimport nbtrack\nlr = 0.1\ndict(nbtrack.active_run().data.params)"
    )

    assert value == {"lr": "0.1"}


def test_awaited_cells_and_timed_ones_are_captured(notebook: Notebook) -> None:
    cells = [
        "%%time\n%%track --quiet\nlr = 0.1\ny = lr * 2",
        "%%track --quiet\nimport asyncio\nn = 2\nawait asyncio.sleep(0)\ny = n * 3",
    ]

    assert captured(notebook, cells[0]) == ({"lr": "0.1"}, {"y": 0.2})
    assert captured(notebook, cells[1]) == ({"n": "2"}, {"y": 6})
