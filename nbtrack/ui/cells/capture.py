"""What a tracked cell was set to, what it computed and on which data, recorded without a call.

Names decide, as they stand in the code: scalars that the cell reads from before or binds to literals are
params, numbers that it binds to something computed are metrics. What the cell logs itself counts more.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.cell_reports import Captured
from nbtrack.core.cells import CellStatus
from nbtrack.core.secrets import redact_value
from nbtrack.tracking.capture_options import (
    DATA,
    METRICS,
    PARAMS,
    NameFilter,
    captured_kinds,
)
from nbtrack.ui.cells.tracked_cell import TrackedCell

_MOST_PARAMS, _MOST_METRICS, _MOST_DATA = 100, 100, 50
_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit", "get_ipython", "shell"})
_ABSENT = object()
_FILLED_IN = re.compile(r"^%%track\b.*[{$]", re.MULTILINE)


@dataclass
class _Seen:
    """What was seen of one cell before it ran."""

    kinds: frozenset[str]
    names: NameFilter
    computed: Mapping[str, bool]
    """Names that it computes, and whether it binds them in any case."""
    data: list[str]
    """Names that may mean data."""
    before: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the computed names meant."""


class CellCapture:
    """Records the params, the metrics and the sizes of data of each tracked cell."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def begin(self, cell: TrackedCell) -> None:
        """Record what the cell is set to, so that it is there whatever becomes of the kernel."""
        kinds = kinds_of(cell)
        if not kinds.intersection((PARAMS, METRICS, DATA)) or cell.run is None:
            return
        # lazy: `%load_ext` need not wait for them
        from nbtrack.tracking.cells.bindings import Bindings, bindings_of
        from nbtrack.tracking.cells.notebook_syntax import python_of
        from nbtrack.tracking.cells.reading import effects_of

        effects = effects_of(cell.code)
        tree = python_of(cell.code).tree
        bound = Bindings() if tree is None else bindings_of(tree)
        names = NameFilter(cell.tracker.capture_include, cell.tracker.capture_exclude)
        namespace: dict[str, Any] = cell.shell.user_ns
        read = [name for name in _read_in_code(effects.reads, cell, tree) if _is_of_the_user(name, namespace)]
        report = _report_of(cell)
        if PARAMS in kinds:
            set_to = {name: value for name, value in bound.literals.items() if not name.startswith("_")}
            values = {name: namespace[name] for name in read if name in namespace} | {
                name: value for name, value in set_to.items() if name not in read
            }
            self._record_params(cell, report, values, names)
        computed = {} if METRICS not in kinds else bound.computed
        data = [*read, *bound.computed] if DATA in kinds else []
        self._seen[id(cell)] = _Seen(
            kinds,
            names,
            {name: is_certain for name, is_certain in computed.items() if not name.startswith("_")},
            list(dict.fromkeys(name for name in data if not name.startswith("_"))),
            {name: namespace.get(name, _ABSENT) for name in computed},
        )

    def end(self, cell: TrackedCell) -> None:
        """Record what it computed, as far as it came."""
        seen, run = self._seen.pop(id(cell), None), cell.run
        if seen is None or run is None:
            return
        namespace: dict[str, Any] = cell.shell.user_ns
        report = _report_of(cell)
        logged = run.snapshot().data
        if METRICS in seen.kinds:
            has_ended_well = cell.executed is None or cell.executed.status == CellStatus.OK
            found = dict(_metrics_in(seen, namespace, report, all_bound=has_ended_well))
            found = {name: value for name, value in found.items() if name not in logged.metrics}
            report.left_out += [(name, "too many") for name in list(found)[_MOST_METRICS:]]
            report.metrics = dict(list(found.items())[:_MOST_METRICS])
            if report.metrics:
                run.log_metrics(report.metrics)
        if seen.data:
            self._record_data(cell, seen, namespace, report)
        # What the cell has logged itself since is no capture.
        report.params = {key: text for key, text in report.params.items() if logged.params.get(key) == text}

    def _record_params(
        self, cell: TrackedCell, report: Captured, values: Mapping[str, Any], names: NameFilter
    ) -> None:
        run = cell.run
        assert run is not None  # noqa: S101 - `begin` looks
        found = dict(_params_in(values, report, names))
        held = run.data.params
        for name, text in list(found.items()):
            if name in held:
                del found[name]
                if held[name] != text:
                    report.left_out.append((name, "the run has another value"))
        report.left_out += [(name, "too many") for name in list(found)[_MOST_PARAMS:]]
        report.params = dict(list(found.items())[:_MOST_PARAMS])
        if report.params:
            run.assume_params(report.params)

    def _record_data(
        self, cell: TrackedCell, seen: _Seen, namespace: Mapping[str, Any], report: Captured
    ) -> None:
        from nbtrack.tracking.cells.captured_values import data_size

        sizes = [
            size
            for name in seen.data
            if not seen.names.excludes(name) and (size := data_size(name, namespace.get(name))) is not None
        ][:_MOST_DATA]
        report.data = [str(size) for size in sizes]
        if sizes and cell.run is not None:
            held = {size.name: size.described for size in sizes}
            cell.run.set_tags({system_tags.DATA_SIZES: json.dumps(held, ensure_ascii=False)})


def kinds_of(cell: TrackedCell) -> frozenset[str]:
    """What is captured of a cell; see `tracking/capture_options`.

    Raises:
        NbtrackError: The options of the tracker make no sense.
    """
    return frozenset() if cell.options.no_capture else captured_kinds(cell.tracker.capture)


def _read_in_code(reads: Iterable[str], cell: TrackedCell, tree: ast.Module | None) -> Iterable[str]:
    """The names that the code reads: those that only its `%%track` line fills in stand there already."""
    if tree is None or not _FILLED_IN.search(cell.code):
        return reads
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return [name for name in reads if name in named]


def _report_of(cell: TrackedCell) -> Captured:
    if cell.report.captured is None:
        cell.report.captured = Captured()
    return cell.report.captured


def _params_in(values: Mapping[str, Any], report: Captured, names: NameFilter) -> Iterator[tuple[str, str]]:
    from nbtrack.tracking.cells.captured_values import NotKept, param_texts

    for name, value in values.items():
        try:
            texts = param_texts(name, value)
        except NotKept as reason:
            report.left_out.append((name, str(reason)))
            continue
        for key, text in texts.items():
            if names.excludes(key):
                report.left_out.append((key, "excluded"))
            elif redact_value(text, key.rpartition(".")[2]) != text or redact_value(text, key) != text:
                report.left_out.append((key, "secret"))
            else:
                yield key, text


def _metrics_in(
    seen: _Seen, namespace: Mapping[str, Any], report: Captured, *, all_bound: bool
) -> Iterable[tuple[str, float]]:
    from nbtrack.tracking.cells.captured_values import NotKept, metric_value

    for name, is_certain in seen.computed.items():
        value = namespace.get(name, _ABSENT)
        if value is _ABSENT or (not (all_bound and is_certain) and value is seen.before.get(name, _ABSENT)):
            continue  # the cell did not come so far, or took another way
        try:
            number = metric_value(value)
        except NotKept as reason:
            report.left_out.append((name, str(reason)))
            continue
        if number is None:
            continue
        if seen.names.excludes(name):
            report.left_out.append((name, "excluded"))
        elif redact_value(str(value), name) != str(value):
            report.left_out.append((name, "secret"))
        else:
            yield name, number


def _is_of_the_user(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a name is one of the notebook's own, and no code."""
    from nbtrack.tracking.cells.captured_values import is_no_value

    return not name.startswith("_") and name not in _OF_IPYTHON and not is_no_value(namespace.get(name))
