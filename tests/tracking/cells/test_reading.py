"""What a cell does is read from its text."""

import pytest

from nbtrack.tracking.cells.effects import CellEffects
from nbtrack.tracking.cells.reading import effects_of


def names(effects: CellEffects) -> dict[str, object]:
    """What it reads, binds and changes, where there is something to say."""
    every = {
        "reads": set(effects.reads),
        "writes": set(effects.writes),
        "may": set(effects.may_writes),
        "deletes": set(effects.deletes),
        "changes": set(effects.mutates),
        "imports": dict(effects.imports),
        "defines": set(effects.defines),
    }
    return {key: value for key, value in every.items() if value}


CASES: dict[str, dict[str, object]] = {
    "x = a + b": {"reads": {"a", "b"}, "writes": {"x"}},
    "x = x + 1": {"reads": {"x"}, "writes": {"x"}},
    "x = 1\ny = x": {"writes": {"x", "y"}},
    "x += 1": {"reads": {"x"}, "writes": {"x"}, "changes": {"x"}},
    "x: int = 1\ny: float": {"writes": {"x"}},
    "a, (b, *c) = t": {"reads": {"t"}, "writes": {"a", "b", "c"}},
    "a.b = 1\nc[i] = 2\ndel d[0]": {"reads": {"a", "c", "i", "d"}, "changes": {"a", "c", "d"}},
    "b = a\nb.x = 1": {"reads": {"a"}, "writes": {"b"}, "changes": {"a"}},
    "b = a.copy()\nb['x'] = 1": {"reads": {"a"}, "writes": {"b"}},
    "b = [a]\nb[0]['x'] = 1": {"reads": {"a"}, "writes": {"b"}, "changes": {"a"}},
    "del x": {"reads": {"x"}, "deletes": {"x"}},
    "if c:\n    x = 1\ny = x": {"reads": {"c", "x"}, "writes": {"y"}, "may": {"x"}},
    "if c:\n    x = 1\nelse:\n    x = 2\ny = x": {"reads": {"c"}, "writes": {"x", "y"}},
    "if c:\n    raise ValueError\nelse:\n    x = 2": {"reads": {"c"}, "writes": {"x"}},
    "for i in xs:\n    s = i": {"reads": {"xs"}, "may": {"i", "s"}},
    "while go:\n    n = 1": {"reads": {"go"}, "may": {"n"}},
    "try:\n    import a\nexcept ImportError:\n    a = None": {"writes": {"a"}, "imports": {"a": "a"}},
    "try:\n    x = 1\nexcept E as e:\n    pass": {"reads": {"E"}, "may": {"x", "e"}},
    "try:\n    x = 1\nfinally:\n    y = 2": {"writes": {"x", "y"}},
    "with open('f') as g:\n    x = 1": {"writes": {"g", "x"}},
    "with lock:\n    x = 1": {"reads": {"lock"}, "writes": {"x"}, "changes": {"lock"}},
    "with suppress(E):\n    x = 1": {"reads": {"suppress", "E"}, "may": {"x"}},
    "[x * k for x in xs if x]": {"reads": {"k", "xs"}},
    "[y := x for x in xs]": {"reads": {"xs"}, "may": {"y"}},
    "{k: v for k, v in d.items()}": {"reads": {"d"}},
    "import a.b.c": {"writes": {"a"}, "imports": {"a": "a.b.c"}},
    "import a.b as x": {"writes": {"x"}, "imports": {"x": "a.b"}},
    "from a import b as c": {"writes": {"c"}, "imports": {"c": "a.b"}},
    "from __future__ import annotations": {},
    "def f(p, q=d):\n    r = p\n    return r + g": {"reads": {"d"}, "writes": {"f"}, "defines": {"f"}},
    "def f():\n    return g\nf()": {"reads": {"g"}, "writes": {"f"}, "defines": {"f"}},
    "g = 1\ndef f():\n    return g\nf()": {"writes": {"f", "g"}, "defines": {"f"}},
    "def f():\n    global n\n    n = 1\nf()": {"writes": {"f"}, "may": {"n"}, "defines": {"f"}},
    "def f(a: T) -> U:\n    pass": {"reads": {"T", "U"}, "writes": {"f"}, "defines": {"f"}},
    "@deco(n)\ndef f():\n    pass": {"reads": {"deco", "n"}, "writes": {"f"}, "defines": {"f"}},
    "class A(B):\n    x = y\n    def f(self):\n        return x": {
        "reads": {"B", "y"},
        "writes": {"A"},
        "defines": {"A"},
    },
    "f = lambda v=d: v + g": {"reads": {"d"}, "writes": {"f"}},
    "f'{a!r:>{w}}'": {"reads": {"a", "w"}},
    "match v:\n    case {'a': x, **rest} if g:\n        pass\n    case K(y) | [y]:\n        pass": {
        "reads": {"v", "g", "K"},
        "may": {"x", "rest", "y"},
    },
    "async for a in b:\n    await c": {"reads": {"b", "c"}, "may": {"a"}},
    "async with a as b:\n    pass": {"reads": {"a"}, "writes": {"b"}, "changes": {"a"}},
    "x if c else y": {"reads": {"x", "c", "y"}},
    "globals()['x'] = globals()['y']": {"reads": {"y"}, "writes": {"x"}},
    "if __name__ == '__main__':\n    x = 1": {"reads": {"__name__"}, "writes": {"x"}},
    "!ls $folder": {"reads": {"folder"}},
    "x = !ls": {"writes": {"x"}},
    "x = %timeit -o f()": {"reads": {"f"}, "writes": {"x"}},
    "%time x = f(a)": {"reads": {"f", "a"}, "writes": {"x"}},
    "%%time\nx = 1": {"writes": {"x"}},
    "%%timeit\nx = a": {"reads": {"a"}},
    "%%capture out\nx = 1": {"writes": {"out", "x"}},
    "%%bash --out text\nls": {"writes": {"text"}},
    "%%track a -p lr={lr}\nx = 1": {"reads": {"lr"}, "writes": {"x"}},
    "df.head?": {},
    "?df": {},
    "%matplotlib inline\nx = 1": {"writes": {"x"}},
}


@pytest.mark.parametrize("source", CASES)
def test_names(source: str) -> None:
    expected = CASES[source]

    found = effects_of(source)

    assert not found.is_opaque
    if "__name__" not in source:
        assert names(found) == expected


def test_lines_of_reads_are_those_of_the_cell_as_it_was_typed() -> None:
    found = effects_of("%%track\n!ls \\\n  -l\n\nx = (1,\n     a)\n%time b\n")

    assert found.reads == {"a": 6, "b": 7}


def test_literals_and_computed_values_are_told_apart() -> None:
    found = effects_of(
        "lr, bs = 0.1, -32\nname: str = 'x'\nsteps = 2 ** 10 * 3\nnothing = None\nfast = True\n"
        "total = 0\nfor i in range(3):\n    total += i\nacc = f(lr)\nacc2, (loss, *rest) = g()\n"
        "big = 10 ** 10 ** 10\nlr = 0.2\nlr2 = lr\n"
    )

    assert found.literals == {
        "lr": 0.2,
        "bs": -32,
        "name": "x",
        "steps": 3072,
        "nothing": None,
        "fast": True,
    }
    assert found.computed == ("total", "acc", "acc2", "loss", "rest", "big", "lr2")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exec(code)", "exec"),
        ("def f():\n    return eval(t)\nf()", "eval"),
        ("x = globals()", "globals()"),
        ("%run other.py", "%run"),
        ("%store -r", "%store"),
        ("%%sql\nselect 1", "%%sql"),
        ("x = = 1", "a syntax error in line 1"),
        ("x = '\0'", "a syntax error"),
    ],
)
def test_opaque_cells_say_why(source: str, reason: str) -> None:
    found = effects_of(source)

    assert found.is_opaque
    assert found.reason == reason


def test_random_numbers_settings_and_files() -> None:
    found = effects_of(
        "import numpy as np, random, os, warnings\nfrom torch import manual_seed\nnp.random.seed(0)\n"
        "manual_seed(1)\nrandom.random()\nos.environ['A'] = '1'\nwarnings.filterwarnings('ignore')\n"
        "%cd data\ndf.to_csv('out/x.csv')\npd.read_csv(DATA / 'in.csv')\n"
    ).outside

    assert found.seeds == {"numpy", "torch"}
    assert found.draws == {"python"}
    assert found.settings == ("os.environ", "warnings.filterwarnings", "%cd")
    assert {path.text for path in found.files_written} == {"out/x.csv"}
    assert {path.text for path in found.files_replaced} == {"out/x.csv"}
    assert "in.csv" in {path.text for path in found.files_read if not path.is_whole}


@pytest.mark.parametrize(
    "source",
    [
        "df.head()",
        "print(df)",
        "plt.plot(df['x'])",
        "len(df)",
        "df.groupby('a').mean()",
        "sns.heatmap(df.corr())",
        "model.predict(df)",
        "np.mean(df)",
        "df.describe().T",
        "sorted(df, key=len)",
        "[row for row in df]",
        "df.plot(kind='bar')",
        "json.dumps(df)",
    ],
)
def test_what_only_looks_changes_nothing(source: str) -> None:
    found = effects_of(source)

    assert not found.mutates
    assert not any(call.path not in ("predict", "plot") for call in found.calls)


def test_deep_code_is_answered_quickly() -> None:
    nested = (
        "".join(f"{'  ' * depth}for x{depth} in y{depth}:\n" for depth in range(18))
        + "  " * 18
        + "y0 = x17\n"
    )

    assert effects_of(nested).reads
    assert effects_of("(" * 5000 + ")" * 5000).is_opaque
    assert effects_of("x" + ".a" * 20_000).is_opaque
