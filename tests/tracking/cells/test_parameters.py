"""Which cell is one that papermill injects, and what it sets."""

import keyword
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator

from nbtrack.tracking.cells.parameters import injected_parameters

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_papermill_writes_is_read_back(parameters: dict[str, Any]) -> None:
    cell = PythonTranslator.codify(parameters)

    assert injected_parameters(cell) == parameters


def test_what_has_no_literal_is_read_back() -> None:
    cell = PythonTranslator.codify({"a": math.nan, "b": math.inf, "c": -math.inf})

    found = injected_parameters(cell)

    assert math.isnan(found.pop("a"))
    assert found == {"b": math.inf, "c": -math.inf}


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "lr = 1",
        "# parameters of the model\nlr = 1",
        "# Parameters of the model\nlr = 1",
        "# Parameters\nlr = 1\nprint(lr)",
        "# Parameters\nlr = compute()",
        "# Parameters\nlr = float(compute())",
        "# Parameters\nlr = float('1', '2')",
        "# Parameters\nlr += 1",
        "# Parameters\nmodel.lr = 1",
        "# Parameters\na = b = 1",
        "# Parameters\n%load_ext nbtrack",
        "# Parameters\n",
        "# Parameters\nlr = " + "[" * 5000,
        "# Parameters\nlr = '\0'",
    ],
)
def test_other_cells_are_none(cell: str) -> None:
    assert injected_parameters(cell) == {}
