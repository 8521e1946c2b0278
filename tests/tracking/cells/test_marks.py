"""Honest marks: what is said, and above all what is not said of a result that is fine."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbtrack.core.cell_marks import marks_in, marks_tag
from nbtrack.core.cells import CellMark, ExecutedCell, Slice, SliceCell
from nbtrack.tracking.cells.marks import marks_of
from nbtrack.tracking.saved_notebooks import SavedCell, SavedNotebook, saved_notebook


def slice_of(*cells: ExecutedCell | str) -> Slice:
    executed = [
        cell if isinstance(cell, ExecutedCell) else ExecutedCell(number, cell, f"id{number}", start_time=1000)
        for number, cell in enumerate(cells, start=1)
    ]
    return Slice(tuple(SliceCell(cell, cell.source, ()) for cell in executed))


def texts(found: Slice, kind: str, notebook: SavedNotebook | None = None, **tags: str) -> list[str]:
    return [mark.text for mark in marks_of(found, tags, notebook) if mark.kind == kind]


_SKLEARN = "from sklearn.model_selection import train_test_split\nfrom sklearn.svm import SVC\n"
_TORCH = "import torch\nfrom torch.utils.data import DataLoader\n"


@pytest.mark.parametrize(
    ("code", "drawn"),
    [
        ("import numpy as np\nx = np.random.rand(3)", "numpy.random.rand in cell 1 draws from numpy's"),
        ("import numpy as np\nnp.random.seed(1)\nx = np.random.rand(3)", None),
        ("import numpy as np\nnp.random.seed()\nx = np.random.rand(3)", "numpy.random.rand"),
        ("import numpy as np\nrng = np.random.default_rng(1)\nrng.normal()", None),
        ("import numpy as np\nrng = np.random.default_rng()", "a generator that begins anew each time"),
        ("from numpy import random\nrandom.shuffle([1])", "numpy.random.shuffle"),
        ("import random\nrandom.random()", "random.random in cell 1 draws from Python's"),
        ("import random as r\nr.seed(3)\nr.random()", None),
        ("from random import choice\nchoice([1])", "random.choice"),
        ("random = Mine()\nrandom.random()", None),
        (f"{_SKLEARN}train_test_split([1])", "train_test_split"),
        (f"{_SKLEARN}train_test_split([1], random_state=None)", "train_test_split"),
        (f"{_SKLEARN}train_test_split([1], random_state=0)", None),
        (f"{_SKLEARN}train_test_split([1], shuffle=False)", None),
        (f"{_SKLEARN}train_test_split([1], **options)", None),
        (f"{_SKLEARN}SVC().fit(X, y)", None),
        (f"{_SKLEARN}import numpy\nnumpy.random.seed(0)\ntrain_test_split([1])", None),
        ("from sklearn.model_selection import KFold\nKFold(5)", None),
        ("from sklearn.model_selection import KFold\nKFold(5, shuffle=True)", "KFold"),
        ("import sklearn.ensemble as e\ne.RandomForestClassifier()", "RandomForestClassifier"),
        ("def train_test_split(x):\n    return x\ntrain_test_split([1])", None),
        (f"{_TORCH}torch.randn(3)", "torch.randn in cell 1 draws from torch's"),
        (f"{_TORCH}torch.manual_seed(0)\ntorch.randn(3)", None),
        (f"{_TORCH}torch.nn.Linear(3, 1)", "torch.nn.Linear"),
        (f"{_TORCH}DataLoader(data, shuffle=True)", "DataLoader(shuffle=True)"),
        (f"{_TORCH}DataLoader(data)", None),
        (f"{_TORCH}DataLoader(data, shuffle=True, generator=g)", None),
        (f"{_TORCH}def seed_everything(n):\n    pass\nseed_everything(1)\ntorch.randn(3)", None),
        ("import pandas as pd\nframe.sample(frac=1)", "DataFrame.sample"),
        ("import pandas as pd\nframe.sample(frac=1, random_state=1)", None),
        ("normal.sample(3)", None),
        ("%%time\n%matplotlib inline\nimport random\nrandom.random()", "random.random"),
        ("x = (", None),
    ],
)
def test_random_numbers_without_a_seed_are_told(code: str, drawn: str | None) -> None:
    found = texts(slice_of(code), "seed")

    assert bool(found) == (drawn is not None), found
    assert drawn is None or drawn in found[0]


def test_a_seed_in_any_cell_of_the_slice_counts_and_many_draws_are_one_mark() -> None:
    draws = [f"x{index} = np.random.rand()" for index in range(5)]

    (text,) = texts(slice_of("import numpy as np", *draws), "seed")

    assert text == (
        "numpy.random.rand in cell 2, numpy.random.rand in cell 3 and 3 more draw from numpy's generator, "
        "which nothing here seeds."
    )
    assert texts(slice_of("import numpy as np\nnp.random.seed(1)", *draws), "seed") == []


def saved(*cells: tuple[str | None, str], at: int = 2000) -> SavedNotebook:
    return SavedNotebook(tuple(SavedCell(*cell) for cell in cells), at)


def test_cells_out_of_order_are_told() -> None:
    found = slice_of("a = 1", "b = 2", "c = 3")

    assert texts(found, "order", saved(("id2", "b = 2"), ("id1", "a = 1"), ("id3", "c = 3"))) == [
        "Cell 1 was executed before cell 2, and stands below it in the notebook."
    ]
    assert texts(found, "order", saved(("id1", "a"), (None, "x"), ("id2", "b"), ("id3", "c"))) == []
    assert texts(found, "order") == []


def test_cells_without_ids_are_known_by_their_text_where_only_one_has_it() -> None:
    cells = [ExecutedCell(1, "a = 1"), ExecutedCell(2, "b = 2")]

    assert len(texts(slice_of(*cells), "order", saved((None, "b = 2\n"), (None, "a = 1")))) == 1
    assert texts(slice_of(*cells), "order", saved((None, "b = 2"), (None, "a = 1"), (None, "a = 1"))) == []


def test_cells_that_were_deleted_or_changed_are_told() -> None:
    found = slice_of("a = 1", "b = 2", "c = 3", "d = 4")
    now = saved(("id1", "a = 1\n"), ("id3", "c = 5"))

    assert texts(found, "hidden", now) == [
        "Cells 2 and 4 are no longer in the notebook.",
        "Cell 3 was changed in the notebook since.",
    ]


def test_a_notebook_that_was_saved_before_says_nothing_of_later_cells() -> None:
    found = slice_of("a = 1", ExecutedCell(2, "b = 2", "id2", start_time=3000))

    assert texts(found, "hidden", saved(("id1", "a = 1"))) == []
    assert texts(found, "hidden", saved(("id1", "a = 1"), at=3001)) == [
        "Cell 2 is no longer in the notebook."
    ]


def test_cells_that_hold_secrets_are_not_compared() -> None:
    assert texts(slice_of("key = '[redacted]'"), "hidden", saved(("id1", "key = 'abc'"))) == []


def test_what_a_slice_says_of_itself_comes_first_as_a_sentence() -> None:
    found = replace(slice_of("x = 1", "x = 1"), marks=(CellMark("unknown", "cell 1 runs `exec`"),))

    assert [mark.kind for mark in marks_of(found)] == ["unknown", "hidden"]
    assert marks_of(found)[0].text == "Cell 1 runs `exec`."


def test_a_cell_whose_every_execution_counts_is_told() -> None:
    found = slice_of("x = 1", "x += 1", "y = 1", "x += 1")

    assert texts(found, "hidden") == ["Cells 2 and 4 are one cell, executed 2 times, and each time counts."]


def test_a_failed_cell_is_told_but_the_last_one_which_the_card_tells() -> None:
    failed = ExecutedCell(1, "x = 1\n1 / 0", status="failed", stopped_at=2)
    last = ExecutedCell(2, "1 / 0", status="failed", stopped_at=1)

    assert texts(slice_of(failed, last), "failed") == [
        "Cell 1 failed in line 2; what it had done before counts."
    ]


def test_what_git_says_later_is_told_without_being_kept_twice() -> None:
    tags = {"mlflow.source.git.dirty": "true", "nbtrack.git.changed_files": "3"}
    marks = marks_of(slice_of("x = 1", "x = 1"), tags)

    kept = marks_tag(marks)

    assert [mark.kind for mark in marks] == ["hidden", "git"]
    assert [mark["kind"] for mark in json.loads(kept)] == ["hidden"]
    assert marks_in({**tags, "nbtrack.marks": kept}) == marks
    assert marks_in({"nbtrack.marks": kept}) == marks[:1]
    assert marks_in({**tags, "nbtrack.git.changed_files": "1"}) == [
        CellMark("git", "1 file that Git knows differs from the commit.")
    ]


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"kind": "x"}]', "null", "[" * 100_000])
def test_a_tag_that_holds_no_marks_is_none(text: str) -> None:
    assert marks_in({"nbtrack.marks": text}) == []


def write(path: str, document: Any) -> None:
    Path(path).write_text(document if isinstance(document, str) else json.dumps(document))


def test_a_saved_notebook_is_read_again_only_when_it_has_changed() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": "a", "source": ["x = 1\n", "y"]},
        {"cell_type": "markdown", "id": "b", "source": "text"},
        {"cell_type": "code", "source": "z"},
    ]
    write("n.ipynb", {"cells": cells})
    os.utime("n.ipynb", ns=(0, 5_000_000_000))

    found = saved_notebook("n.ipynb")

    assert found == SavedNotebook((SavedCell("a", "x = 1\ny"), SavedCell(None, "z")), 5000)
    assert saved_notebook("n.ipynb") is found
    write("n.ipynb", {"cells": []})
    assert saved_notebook("n.ipynb") != found


@pytest.mark.parametrize(
    "document", ["", "{", "[]", "{}", {"cells": 1}, {"cells": [1]}, {"worksheets": []}, '{"cells": [{}]}']
)
def test_what_is_no_notebook_is_none(document: Any) -> None:
    write("n.ipynb", document)

    assert saved_notebook("n.ipynb") is None
    assert saved_notebook("nowhere.ipynb") is None
    assert saved_notebook("fileId=drive") is None
    assert saved_notebook(None) is None
