"""Notebooks by chance: cells of code that shares, changes, calls, defers and fails."""

from string import Formatter

from hypothesis import strategies as st

_NUMBERS = st.sampled_from(("n", "m"))
_LISTS = st.sampled_from(("x", "y", "z"))
_ANY = st.sampled_from(
    ("n", "m", "x", "y", "z", "d", "o", "p", "x[0]", "d['k']", "o.v", "[n]", "(x, y)", "3")
)

_EXPRESSIONS = (
    "{any}",
    "{number} + 1",
    "{number} * {number}",
    "len({list})",
    "[{any}, {any}]",
    "{{'k': {any}}}",
    "{list} + {list}",
    "{list}[:]",
    "list({list})",
    "{list}.copy()",
    "[each for each in {list}]",
    "[n for n in {list} if n]",
    "sorted({list}, key=lambda each: ({number}, repr(type(each))))",
    "({any} if {number} > 2 else {any})",
    "({list} or {any})",
    "{list}.pop()",
    "d.get('k', {any})",
    "d.setdefault('k', {any})",
    "d.values()",
    "iter({list})",
    "(each for each in {list} if {number})",
    "map(lambda each: [each, {number}], {list})",
    "next(it)",
    "list(it)",
    "zip({list}, it)",
    "T({any})",
    "U({any})",
    "o.go({any})",
    "p.go({any})",
    "o.v",
    "o.held",
    "o.made()",
    "T.count",
    "lambda each=None: ({any}, {any})",
    "random.random()",
    "f'{{{number}}} {{len({list})}}'",
    "'x' in globals()",
    "(n := {number})",
    "getattr(o, 'v')",
    "copy.copy({any})",
    "copy.deepcopy({any})",
    "functools.partial(f, {any})",
    "max({list}, key=len)",
)
_CALLS = ("f()", "f({any})", "c()", "table['f']()", "table['f']({any})")
_STATEMENTS = (
    "{number} = {expression}",
    "{number} = {constant}",
    "{list} = [{any}]",
    "{list} = {list}",
    "{list} = {expression}",
    "d = {{'k': {any}}}",
    "d = dict(d)",
    "o = T({any})",
    "o = U({any})",
    "p = o",
    "p = T({any})",
    "it = iter({list})",
    "it = {expression}",
    "{number} += {constant}",
    "{list} += [{any}]",
    "{list}.append({expression})",
    "{list}.extend([{any}])",
    "{list}[0] = {any}",
    "{list}[0].append({any})",
    "{list}.clear()",
    "{list}.reverse()",
    "d['k'] = {expression}",
    "d['k'].append({any})",
    "d.update(k={any})",
    "del d['k']",
    "o.v = {expression}",
    "o.v.append({any})",
    "o.go({any})",
    "o.held.append({any})",
    "T.count = {number}",
    "T.extra = lambda self: {any}",
    "{list}[0], {number} = {any}, {any}",
    "{list}, {list} = {list}, {list}",
    "{number}, *{list} = {expression}",
    "{expression}",
    "print({any})",
    "c = {expression}",
    "c = f",
    "table = {{'f': f}}",
    "table['f'] = {expression}",
    "setattr(o, 'v', {any})",
    "random.seed({constant})",
    "random.shuffle({list})",
    "del {list}",
    "assert {number}",
    "exec('n = {constant}')",
    "globals()['{list}'] = {expression}",
    "import math as m",
)
_INNER = (
    *_STATEMENTS[:-4],
    "{list}.append({number})",
    "v = {expression}",
    "v.append({any})",
    "w = [v, {any}]",
)
_COMPOUND = (
    "if {number}:\n{block}",
    "if {number} > 2:\n{block}\nelse:\n{block}",
    "for {number} in range(2):\n{block}",
    "for each in {list}[:3]:\n{block}",
    "for each in {list}[:2]:\n    each.append({any})",
    "for {list} in ([{any}], [2]):\n{block}\n    break",
    "for each in it:\n{block}\n    break",
    "while {number} and len({list}) < 4:\n    {list}.append({any})\n    break",
    "try:\n{block}\nexcept Exception:\n{block}",
    "try:\n{block}\nfinally:\n{block}",
    "with contextlib.suppress(Exception):\n{block}",
    "with contextlib.nullcontext({any}) as {list}:\n{block}",
    "match {any}:\n    case [{number}, *{list}]:\n{deeper}\n    case _:\n        n = 0",
)
_HEADERS = ("v=None", "v=x", "v=[]", "v=None, *rest", "v=None, w=y", "*v")
_DEFINITIONS = tuple(
    """\
def f({header}):
{inner}
    return {result}

def f({header}):
    global n, x
{inner}
    return {result}

def f({header}):
{inner}
    yield {result}

def f({header}):
    kept = [{any}]
    def g(w=None):
        kept.append(w)
        return kept, {result}
    return g

def f({header}):
    def g(w={any}):
        nonlocal v
        v = [v, w]
        return v
    return g

@functools.cache
def f(v=None):
{inner}
    return {result}

def wrap(g):
    def inner(*v):
        x.append({number})
        return g(*v)
    return inner

@wrap
def f(v=None):
{inner}
    return {result}

class T:
    held = [{any}]
    count = 0
    def __init__(self, v):
        self.v = v
        T.count += 1
    def go(self, w):
        self.v = [self.v, w, {any}]
        return self.v
    def made(self):
        return self.held

class T:
    held = []
    def __init__(self, v=None):
{deep}
        self.v = {result}
        self.held.append(v)
    def go(self, v):
{deep}
        return {result}

class T:
    held = x
    def __init__(self, v):
        self.v = [v]
    def __iadd__(self, other):
        self.v.append(other)
        return self
    def __len__(self):
        self.v.append({number})
        return 2
    def go(self, w):
        y.append(w)
        return f(w)
    @property
    def made(self):
        return lambda: {any}

class U(T):
    def go(self, v):
{deep}
        return super().go(v)

@dataclasses.dataclass
class U:
    v: object = None
    held: list = dataclasses.field(default_factory=lambda: [{any}])
    def go(self, w):
        self.held.append(w)
        return self.held
    def made(self):
        return self.v""".strip().split("\n\n")
)
_RESULTS = ("v", "{any}", "[v, {any}]", "{expression}", "w", "n + 1")
_CONSTANTS = st.integers(0, 4).map(str)

BEGIN = tuple(
    """\
import contextlib, copy, dataclasses, functools, random

n, m = 1, 2

x = [1, [2]]
y = [x, 3]

z = [[0], 5]
d = {'k': z}

def f(v=None):
    return [v, n]

class T:
    held = []
    count = 0
    def __init__(self, v):
        self.v = v
    def go(self, w):
        self.v = w
        return n
    def made(self):
        return self.held

class U(T):
    pass

o = T(x)
p = U(n)
it = iter(y)
c = f
table = {'f': f}""".strip().split("\n\n")
)
"""Cells that bind every name, so that most of what follows works."""

APART = (
    *BEGIN[:2],
    "x = [1, [2]]",
    "y = [[3]]",
    "z = [[0], 5]",
    "d = {'k': [4]}",
    *BEGIN[4:7],
    "o = T([6])",
    "p = T(7)",
    "it = iter([1, [2], 3])",
    "c = lambda v=None: [v]",
    "table = {'f': len}",
)
"""The same, but nothing is shared: most cells may be left out."""


@st.composite
def _filled(draw: st.DrawFn, templates: tuple[str, ...], depth: int = 0) -> str:
    """One of the templates, its holes filled."""
    text = draw(st.sampled_from(templates))
    while "{" in text:
        parts = _parts(text)
        if not any(hole for _, hole in parts):
            break
        filled: list[str] = []
        for literal, hole in parts:
            filled.append(literal)
            if hole:
                filled.append(draw(_hole(hole, depth)))
        return "".join(filled)
    return text.replace("{{", "{").replace("}}", "}")


def _parts(template: str) -> list[tuple[str, str | None]]:
    return [(literal, hole) for literal, hole, _, _ in Formatter().parse(template)]


def _hole(hole: str, depth: int) -> st.SearchStrategy[str]:
    if hole == "expression":
        calls = _CALLS if depth < 10 else ()
        return _filled((*_EXPRESSIONS, *calls), depth)
    if hole == "inner":
        return st.lists(_filled(_INNER, depth + 10), min_size=1, max_size=2).map(_indented)
    if hole in ("deep", "deeper"):
        return _hole("inner" if hole == "deep" else "block", depth).map(_deeper)
    if hole == "block":
        return st.lists(_filled(_STATEMENTS, depth + 1), min_size=1, max_size=2).map(_indented)
    if hole == "result":
        return _filled(_RESULTS, depth + 10)
    return {
        "number": _NUMBERS,
        "list": _LISTS,
        "any": _ANY,
        "constant": _CONSTANTS,
        "header": st.sampled_from(_HEADERS),
    }[hole]


def _indented(statements: list[str]) -> str:
    return "\n".join(f"    {line}" for each in statements for line in each.split("\n"))


def _deeper(block: str) -> str:
    return "\n".join(f"    {line}" for line in block.split("\n"))


_CELLS = st.one_of(
    st.lists(_filled(_STATEMENTS), min_size=1, max_size=3).map("\n".join),
    _filled(_COMPOUND),
    _filled(_DEFINITIONS),
    _filled(_CALLS),
)
_LAST = st.one_of(
    st.sampled_from([f"result = {name}" for name in (*"nmxyzdopcf", "it", "table")]),
    _filled(tuple(f"result = {each}" for each in (*_EXPRESSIONS, *_CALLS))),
)


@st.composite
def notebooks(draw: st.DrawFn) -> list[str]:
    """Cells, some of them executed twice; the last binds `result`."""
    cells = draw(st.lists(_CELLS, min_size=1, max_size=7))
    again = draw(st.lists(st.integers(0, len(cells) - 1), max_size=2))
    begin = draw(st.sampled_from((BEGIN, APART)))
    return [*begin, *cells, *(cells[index] for index in again), draw(_LAST)]
