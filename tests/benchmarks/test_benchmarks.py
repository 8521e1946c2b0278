"""The benchmarks run and tell the truth about losses; no time is asserted."""

import pytest

from tests.benchmarks.rows import ROWS, measure


@pytest.mark.parametrize("name", ROWS)
def test_each_line_can_be_measured(name: str) -> None:
    row = measure(name, scale=0.02)

    line = row.as_markdown()
    assert line.count("|") == 6
    assert "lost" not in row.ours or " 0 lost" in row.ours
