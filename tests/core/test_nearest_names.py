"""Which known name a misspelt one was meant to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.nearest_names import nearest


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("irsi", ["iris", "wine"], "iris"),
        ("IRIS", ["iris2", "iris"], "iris"),
        (" iris", ["iris2", "iris"], "iris"),
        ("my%20model", ["my_models", "my model"], "my model"),
        ("gr%C3%B6%C3%9Fe", ["größe"], "größe"),
        ("gro\u0308ße", ["gr\u00f6ße"], "gr\u00f6ße"),
        ("nothing", ["iris"], None),
        ("iris", [], None),
        ("", ["iris"], None),
        ("x" * 10_000, ["x" * 500, "y"], "x" * 500),
    ],
)
def test_the_nearest_name_is_found(written: str, known: list[str], meant: str | None) -> None:
    assert nearest(written, known) == meant


def test_the_first_of_names_that_are_alike_but_for_case_is_found() -> None:
    assert nearest("IRIS", ["Iris", "iris"]) == "Iris"


def test_how_much_alike_they_must_be_can_be_said() -> None:
    assert nearest("best", ["latest"]) == "latest"
    assert nearest("best", ["latest"], likeness=0.9) is None


@given(st.text(), st.lists(st.text()))
def test_whatever_is_written_a_known_name_or_none_is_found(written: str, known: list[str]) -> None:
    assert nearest(written, known) in {None, *known}
    if written in known:
        assert nearest(written, known) is not None
