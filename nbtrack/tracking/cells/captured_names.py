"""What is recorded of a cell's names without a call: params, metrics and sizes of data.

Names are found in the text of the cell; values are looked up before it runs and when it has run.
"""

import ast
import dis
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, cast

from nbtrack.core.secrets import is_secret_name, redact_value
from nbtrack.tracking.capture_options import DATA, METRICS, PARAMS, NameFilter
from nbtrack.tracking.cells.bindings import Bindings, bindings_of
from nbtrack.tracking.cells.captured_values import (
    DataSize,
    NotKept,
    data_size,
    is_no_value,
    is_number,
    metric_value,
    param_texts,
)
from nbtrack.tracking.cells.notebook_syntax import python_of
from nbtrack.tracking.cells.reading import effects_of

_MOST = {PARAMS: 100, METRICS: 100, DATA: 50}
_MOST_FUNCTIONS = 50
_SHORTEST_SECRET = 16
"""Characters of what is taken for a secret by its look."""
_OF_IPYTHON = frozenset(("In", "Out", "get_ipython", "exit", "quit", "open"))
_FILLED_IN = re.compile(r"^%%track\b.*[{$]", re.MULTILINE)
_ABSENT = object()


class CapturedNames:
    """Looks at the names of one cell: before it runs, and when it has run."""

    def __init__(
        self, source: str, namespace: Mapping[str, Any], kinds: Collection[str], names: NameFilter
    ) -> None:
        """Look before the cell runs; the params are known then, but for those of `end`.

        Args:
            source: The cell as it was written.
            namespace: What the notebook's names mean now.
            kinds: What is wanted, of `capture_options.KINDS`.
            names: Which names are wanted.
        """
        self.params: dict[str, str] = {}
        self.metrics: dict[str, float] = {}
        self.data: dict[str, DataSize] = {}
        self.left_out: dict[str, str] = {}
        """Names that would have been captured, and why they were not."""
        self._kinds = kinds
        self._names = names
        tree = python_of(source).tree
        self._bindings = bound = (
            Bindings() if tree is None else bindings_of(tree, has_walruses=":=" in source)
        )
        self._read: dict[str, None] = {}
        for name in _with_those_of_functions(_read_in_code(source, tree), namespace):
            value = namespace.get(name, _ABSENT)
            if value is not _ABSENT and _is_wanted(name) and not is_no_value(value):
                self._read[name] = None
                self._add_param(name, value)
        self._set_to = {name: value for name, value in bound.literals.items() if self._is_set(name)}
        for name, value in self._set_to.items():
            if not _may_change(value):
                self._add_param(name, value)
        # Numbers are kept alive, nothing that may be large.
        self._before = {
            name: namespace[name] if is_number(namespace[name]) else id(namespace[name])
            for name in (*bound.computed, *bound.choices, *self._set_to)
            if name in namespace
        }

    def end(self, namespace: Mapping[str, Any], *, is_whole: bool) -> None:
        """Look when the cell has run.

        Args:
            namespace: What the notebook's names mean now.
            is_whole: Whether all of the cell has run: what an error kept it from binding may mean
                what it meant after an earlier attempt.
        """
        for name, literal in self._set_to.items():
            if not _may_change(literal):
                continue
            now = namespace.get(name, _ABSENT)
            is_reached = now is not _ABSENT and (is_whole or not self._is_from_before(name, now))
            if not is_reached or _is_same(literal, now):
                self._add_param(name, literal)
            elif literal and PARAMS in self._kinds:
                self.left_out[name] = "changed by the cell"
        for name in sorted(self._bindings.choices):
            if not self._is_set(name) or name not in namespace:
                continue
            if is_whole or not self._is_from_before(name, namespace[name]):
                self._add_param(name, namespace[name])
        for name in self._read:
            self._add_data(name, namespace.get(name))
        for name, is_certain in self._bindings.computed.items():
            value = namespace.get(name, _ABSENT)
            if value is _ABSENT or not _is_wanted(name) or is_no_value(value):
                continue
            if (is_whole and is_certain) or not self._is_from_before(name, value):
                self._add_metric(name, value)
                self._add_data(name, value)

    def _is_set(self, name: str) -> bool:
        return _is_wanted(name) and name not in self._read

    def _is_from_before(self, name: str, value: Any) -> bool:
        before = self._before.get(name, _ABSENT)
        return before is value or (type(before) is int and not is_number(value) and before == id(value))

    def _add_param(self, name: str, value: Any) -> None:
        if PARAMS not in self._kinds:
            return
        try:
            texts = param_texts(name, value)
        except NotKept as reason:
            self.left_out[name] = "excluded" if self._names.excludes(name) else str(reason)
            return
        for key, text in texts.items():
            if self._names.excludes(key):
                self.left_out[key] = "excluded"
            elif _is_secret(key, text) or _is_secret(key.rpartition(".")[2], text):
                self.left_out[key] = "secret"
            else:
                self._keep(PARAMS, self.params, key, text)

    def _add_metric(self, name: str, value: Any) -> None:
        if METRICS not in self._kinds:
            return
        try:
            number = metric_value(value)
        except NotKept as reason:
            self.left_out[name] = str(reason)
            return
        if number is None:
            return
        if self._names.excludes(name):
            self.left_out[name] = "excluded"
        elif _is_secret(name, repr(number)):
            self.left_out[name] = "secret"
        else:
            self._keep(METRICS, self.metrics, name, number)

    def _add_data(self, name: str, value: Any) -> None:
        if DATA in self._kinds and not self._names.excludes(name):
            size = data_size(name, value)
            if size is not None:
                self._keep(DATA, self.data, name, size)

    def _keep(self, kind: str, kept: dict[str, Any], name: str, value: Any) -> None:
        if name in kept or len(kept) < _MOST[kind]:
            kept[name] = value
        else:
            self.left_out[name] = "too many"


def _is_secret(name: str, text: str) -> bool:
    # Most are short, and nothing but their names could tell of a secret.
    is_plain = len(text) < _SHORTEST_SECRET and text.replace(".", "").replace("-", "").isalnum()
    if is_plain and "token" not in name.lower() and not is_secret_name(name):
        return False
    return redact_value(text, name) != text


def _is_wanted(name: str) -> bool:
    return not name.startswith("_") and name not in _OF_IPYTHON


def _may_change(literal: Any) -> bool:
    """Whether what a cell sets a name to may be another thing in the end, though it is the same object."""
    return isinstance(literal, list | dict)


def _is_same(literal: Any, now: Any) -> bool:
    """Whether a name still means what was written; never asks an object of the user's."""
    if type(literal) is not type(now):
        return False
    if type(literal) in (list, tuple):
        return len(literal) == len(now) and all(map(_is_same, literal, now))
    if type(literal) is dict:
        written, meant = cast("dict[Any, Any]", literal), cast("dict[Any, Any]", now)
        return _is_same(list(written.items()), list(meant.items()))
    return repr(literal) == repr(now)


def _read_in_code(source: str, tree: ast.Module | None) -> Iterable[str]:
    """The names that the code reads; those that its `%%track` line fills in are no reads of it."""
    reads = effects_of(source).reads
    if tree is None or not _FILLED_IN.search(source):
        return reads
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return [name for name in reads if name in named]


def _with_those_of_functions(reads: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[str]:
    """The names that a cell reads, and those that the notebook's functions among them read."""
    waiting = list(reads)
    seen = set(waiting)
    functions = 0
    while waiting:
        name = waiting.pop(0)
        yield name
        value = namespace.get(name)
        if type(value) is not FunctionType or value.__globals__ is not namespace:
            continue
        functions += 1
        if functions > _MOST_FUNCTIONS:
            continue
        for read in _globals_of(value.__code__, namespace):
            if read not in seen:
                seen.add(read)
                waiting.append(read)


def _globals_of(code: CodeType, namespace: Mapping[str, Any]) -> Iterator[str]:
    """The names of the notebook that a function needs; an attribute of the same name is none."""
    if any(name in namespace for name in code.co_names):
        for instruction in dis.get_instructions(code):
            if instruction.opname == "LOAD_GLOBAL" and instruction.argval in namespace:
                yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant, namespace)
