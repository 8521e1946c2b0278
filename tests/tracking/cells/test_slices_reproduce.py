"""With and without facts of the kernel, also of a failing cell: a slice gives what the notebook gave."""

import random
import re
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nbtrack.core.cells import ExecutedCell
from nbtrack.tracking.cells.slicing import slice_of
from tests.tracking.cells.executing import Notebook, execute
from tests.tracking.cells.programs import notebooks

_QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@given(sources=notebooks(), has_facts=st.booleans())
@_QUICK
def test_a_slice_gives_what_the_notebook_gave(sources: list[str], has_facts: bool) -> None:
    notebook = Notebook()
    random.seed(8)
    errors = [notebook.execute(source) for source in sources]
    assume(not any(isinstance(error, RecursionError) for error in errors))
    whole = _seen(notebook.namespace, errors[-1])
    cells = notebook.cells if has_facts else [_without_facts(cell) for cell in notebook.cells]
    found = slice_of(cells, len(cells))
    assume(not any(mark.kind == "failed" for mark in found.marks))

    fresh = Notebook()
    random.seed(8)
    failed = [execute(each.source, fresh.namespace)[0] for each in found.cells]

    assert _seen(fresh.namespace, failed[-1]) == whole, _told(cells, found)
    assert not any(failed[:-1]), _told(cells, found)


@given(sources=notebooks())
@settings(_QUICK, max_examples=40)
def test_slices_that_go_on_from_one_another_are_those_of_a_fresh_history(sources: list[str]) -> None:
    notebook = Notebook()
    for source in sources:
        notebook.execute(source)
    numbers = range(1, len(notebook.cells) + 1)

    going_on = [slice_of(notebook.cells, number) for number in numbers]
    fresh = [slice_of([replace(cell) for cell in notebook.cells], number) for number in numbers]

    assert going_on == fresh


def _without_facts(cell: ExecutedCell) -> ExecutedCell:
    return ExecutedCell(cell.number, cell.source, status=cell.status, stopped_at=cell.stopped_at)


def _told(cells: list[ExecutedCell], found: Any) -> str:
    chosen = {each.cell.number for each in found.cells}
    return "\n".join(
        f"{'*' if cell.number in chosen else ' '} {cell.number} {cell.status}\n{cell.source}"
        for cell in cells
    )


def _seen(namespace: dict[str, Any], error: BaseException | None) -> Any:
    """What can be told of a result: its values, and which of its objects are one."""
    if error is not None:
        return type(error).__name__, _shape(str(error), {})
    return _shape(namespace.get("result"), {})


def _shape(value: Any, known: dict[int, int]) -> Any:
    if isinstance(value, str):
        return re.sub("0x[0-9a-f]+", "ADDRESS", value)
    if isinstance(value, (int, float, type(None))):
        return value
    if id(value) in known:
        return f"#{known[id(value)]}"
    known[id(value)] = len(known)
    known[-len(known)] = value  # kept, so that its id stays its own
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(_shape(each, known) for each in value)]
    if isinstance(value, dict):
        return {key: _shape(each, known) for key, each in value.items()}
    if hasattr(value, "__next__") or hasattr(value, "mapping"):
        return type(value).__name__
    if isinstance(value, type):
        return value.__name__
    if callable(value):
        return "function"
    return type(value).__name__, _shape(vars(value), known) if hasattr(value, "__dict__") else ""
