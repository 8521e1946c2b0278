"""Whatever a notebook does: the cells of a slice, executed alone, compute the same as all of them did."""

import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.tracking.cells.notebook_syntax import python_of
from nbtrack.tracking.cells.reading import _of_code, effects_of
from tests.tracking.cells.executing import Notebook, execute

# The first cell: names of all kinds, and functions that the cells need.
BEGINNING = """
def show(v, depth=0):
    if depth > 3: return 0
    if isinstance(v, (int, float)): return int(v) % 97
    if isinstance(v, str): return len(v)
    if isinstance(v, dict): return sum(show(x, depth + 1) for x in v.values()) * 3 + 1
    if isinstance(v, (list, tuple)):
        return sum(show(x, depth + 1) * (i + 2) for i, x in enumerate(v)) % 97 + 1
    if hasattr(v, "value"): return show(v.value, depth + 1) + 5
    return 7
def seq(v):
    return v if hasattr(v, "__next__") else list(v)[:5] if isinstance(v, (list, tuple, dict)) else [v]
def first(v):
    return v[0]
def put(v, w):
    v.append(w)
def copied(v):
    return list(v)
kept_globally = []
def global_put(v):
    kept_globally.append(v)
    v.append(len(kept_globally))
a = [1]; b = [2, 3]; c = 4; d = {'k': 1}
def f(p): return p
def g(p): return [p]
h = len
class K:
    kept = []
    count = 0
    def __init__(self, v=0): self.value = v
    def run(self, v): return v
class L(K): pass
"""

name = st.sampled_from("abcd")
function = st.sampled_from("fgh")
cls = st.sampled_from("KL")
number = st.integers(0, 9).map(str)


def text(template: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A template that is filled in."""
    return st.fixed_dictionaries(parts).map(lambda values: template.format(**values))


def block(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.split("\n"))


expression = st.one_of(
    number,
    name,
    function,
    text("[{n}]", n=number),
    text("[{x}, {y}]", x=name, y=name),
    text("{{'k': {x}}}", x=name),
    text("dict(k={x})", x=name),
    text("show({x})", x=name),
    text("first({x})", x=name),
    text("copied({x})", x=name),
    text("{x}.copy()", x=name),
    text("sorted([{x}], key=show)", x=name),
    text("{f}({x})", f=function, x=name),
    text("{x}()", x=name),
    text("{k}({x})", k=cls, x=name),
    text("{x}.value", x=name),
    text("{x}.run({y})", x=name, y=name),
    text("{x}.get({n}, 0)", x=name, n=number),
    text("[show(i) for i in seq({x})]", x=name),
    text("(show(i) + show({x}) for i in seq({y}))", x=name, y=name),
    text("iter(seq({x}))", x=name),
    text("list(seq({x}))", x=name),
    text("({x} if show({y}) else {z})", x=name, y=name, z=name),
    text("lambda: {x}", x=name),
    text("(lambda z: [z, {x}])({y})", x=name, y=name),
)
assignment = text("{x} = {e}", x=name, e=expression)
simple = st.one_of(
    assignment,
    assignment,
    assignment,
    text("{x}, {y} = {e}, {g}", x=name, y=name, e=expression, g=expression),
    text("{x} = {y}; {y} = {e}", x=name, y=name, e=expression),
    text("{x}.append({e})", x=name, e=expression),
    text("{x}.update(k={e})", x=name, e=expression),
    text("r = {x}.pop()", x=name),
    text("{x}[0] = {e}", x=name, e=expression),
    text("{x}.value = {e}", x=name, e=expression),
    text("{x} += [{e}]", x=name, e=expression),
    text("{x} += {n}", x=name, n=number),
    text("del {x}[0]", x=name),
    text("del {x}", x=name),
    text("put({x}, {e})", x=name, e=expression),
    text("global_put({x})", x=name),
    text("{f}({x})", f=function, x=name),
    text("{f}.memo = {x}", f=function, x=name),
    text("{x}.run({e})", x=name, e=expression),
    text("show({x})", x=name),
    text("next({x})", x=name),
    text("[{x} := i for i in seq({y})]", x=name, y=name),
    text("{k}.kept.append({x})", k=cls, x=name),
    text("{k}.count += 1", k=cls),
    text("{k}.run = lambda self, v: show({x})", k=cls, x=name),
)
inner = st.one_of(
    simple,
    text("if show({x}):\n{b}", x=name, b=simple.map(block)),
    text("if show({x}):\n{b}\nelse:\n{h}", x=name, b=simple.map(block), h=simple.map(block)),
    text("for {i} in seq({x}):\n{b}", i=name, x=name, b=simple.map(block)),
    text("while show({x}) > 40:\n{b}\n    break", x=name, b=simple.map(block)),
    text("try:\n{b}\nexcept Exception as {e}:\n{h}", b=simple.map(block), e=name, h=simple.map(block)),
    text("with {x} as {y}:\n{b}", x=name, y=name, b=simple.map(block)),
)
body = st.lists(inner, min_size=1, max_size=3).map("\n".join)
definition = st.one_of(
    text(
        "def {f}(p):\n    global {x}\n{b}\n    return {e}",
        f=function,
        x=name,
        b=body.map(block),
        e=st.one_of(expression, st.just("p")),
    ),
    text(
        "def {f}(p, q={d}):\n    p.append({x})\n    q.append(1)\n    return {e}",
        f=function,
        d=expression,
        x=name,
        e=st.sampled_from(["p", "q", "show(q)", "[p, q]"]),
    ),
    text("def {f}(p):\n    p = p.copy()\n    p[0] = {x}\n    return {e}", f=function, x=name, e=expression),
    text("def {f}(p):\n    p.append({x})\n    return {e}", f=function, x=name, e=expression),
    text(
        "def {f}(p):\n    def inner(z):\n        z.append({x})\n        return p\n"
        "    inner({y})\n    return inner",
        f=function,
        x=name,
        y=name,
    ),
    text("def {f}(p):\n    yield show({x})\n    yield p", f=function, x=name),
    text(
        "def {f}(p):\n    n = p\n    for i in seq({x}):\n        n.append(i)\n        n = {y}\n    return n",
        f=function,
        x=name,
        y=name,
    ),
    text("@{g}\ndef {f}(p):\n    return {e}", g=function, f=function, e=expression),
    text(
        "class {k}:\n    kept = []\n    count = {n}\n    def __init__(self, v):\n        self.value = v\n"
        "    def run(self, v):\n        {s}\n        return {e}",
        k=cls,
        n=number,
        s=st.sampled_from(
            [
                "self.value = v",
                "self.kept.append(v)",
                "self.count += 1",
                "v.append(1)",
                "a.append(self)",
                "pass",
            ]
        ),
        e=expression,
    ),
    text(
        "class {k}({l}):\n    def run(self, v):\n        return show(self.value) + show({x})",
        k=cls,
        l=cls,
        x=name,
    ),
    text(
        "class {k}:\n    value = {x}\n    def __init__(self, v=None):\n        self.items = v\n"
        "    def __iter__(self):\n        self.value = {e}\n        return iter([1])\n"
        "    def append(self, v):\n        v.append({y})\n    def get(self, *v):\n        self.value = 3\n"
        "    def __enter__(self):\n        return self\n    def __exit__(self, *e):\n        self.value = 4\n"
        "        return True\n    def __call__(self, v=1):\n        self.items = {y}\n        return self",
        k=cls,
        x=name,
        y=name,
        e=expression,
    ),
)
cell = st.one_of(body, body, body, definition, st.tuples(definition, body).map("\n".join))
target = st.one_of(
    text("result = [{e}, {x}]", e=expression, x=name),
    text("result = [show({x}), {x}]", x=name),
    text("result = {f}({x})", f=function, x=name),
    text("result = {x}.run({y})", x=name, y=name),
    text("result = list(seq({x}))", x=name),
)


@settings(max_examples=120)
@given(st.lists(cell, min_size=2, max_size=6), st.lists(st.integers(0, 5), min_size=2, max_size=9), target)
def test_the_slice_alone_computes_the_same(sources: list[str], order: list[int], last: str) -> None:
    notebook = Notebook()
    try:
        with LimitedSteps(5_000):
            notebook.execute(BEGINNING)
            for index in order:  # repeated, and out of order
                notebook.execute(sources[index % len(sources)])
            if notebook.execute(last) is not None:
                return
    except TooManyStepsError:
        return
    computed = described(notebook.namespace.get("result"))

    found = notebook.slice()

    if any(mark.kind in ("failed", "unknown") for mark in found.marks):
        return  # it says that it is not sure
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for each in found.cells:
        with LimitedSteps(10_000):
            error, _ = execute(each.source, namespace)
        assert error is None, told(notebook, found)
    assert described(namespace.get("result")) == computed, told(notebook, found)


@given(
    st.one_of(st.text(), st.lists(cell).map("\n".join), st.text(alphabet="%!?=()[]{}'\":;,. \n\tabx1#@\\"))
)
def test_any_text_can_be_read(source: str) -> None:
    effects = effects_of(source)

    assert effects.touched >= set(effects.reads)


@settings(max_examples=100)
@given(st.lists(cell, min_size=1, max_size=3).map("\n".join))
def test_code_is_read_without_an_error_inside(source: str) -> None:
    code = python_of(source)

    assert code.tree is not None
    assert not _of_code(code.tree, code).is_opaque


class TooManyStepsError(BaseException):
    """A cell does not end."""


class LimitedSteps:
    """Ends endless loops and recursions of the cells."""

    def __init__(self, most: int) -> None:
        self.left = most

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self.step)

    def __exit__(self, *exc_info: object) -> None:
        sys.settrace(self.before)

    def step(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != "<cell>":
            return None
        self.left -= 1
        if self.left < 0:
            raise TooManyStepsError
        return self.step


def described(value: Any, seen: dict[int, int] | None = None) -> str:
    """All that can be reached from a value, as text; the same object twice is told."""
    seen = {} if seen is None else seen
    if isinstance(value, (int, float, str, type(None))):
        return repr(value)
    if id(value) in seen:
        return f"@{seen[id(value)]}"
    seen[id(value)] = len(seen)
    if len(seen) > 60:
        return "..."
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}[{', '.join(described(each, seen) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {described(each, seen)}' for key, each in value.items())}}}"
    if isinstance(value, type):
        return f"class {value.__name__}"
    if hasattr(value, "__dict__") and not callable(value):
        return f"{type(value).__name__} {described(dict(vars(value)), seen)}"
    return type(value).__name__


def told(notebook: Notebook, found: Any) -> str:
    cells = "\n".join(
        f"# {cell.number} {cell.status} {cell.kinds}\n{cell.source}" for cell in notebook.cells[1:]
    )
    return f"slice {[each.cell.number for each in found.cells]} of\n{cells}"
