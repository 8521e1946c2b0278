"""The slice has the cells that a result came from, and no other that could be told apart."""

import pytest

from nbtrack.core.cells import CellStatus, ExecutedCell
from nbtrack.tracking.cells.slicing import slice_of
from tests.tracking.cells.executing import Notebook, numbers, read_only, reasons, sliced

CASES = {
    "names that are read": (["a = 1", "b = 2", "c = a + 1", "c * 2"], [1, 3, 4]),
    "the last definition counts": (["a = 1", "a = 2", "a"], [2, 3]),
    "a cell that only looks stays out": (["x = [1, 2]", "print(x)", "len(x), sorted(x)", "sum(x)"], [1, 4]),
    "a cell in a branch may have bound the name": (["a = 1", "if a > 5:\n    a = 2", "a"], [1, 2, 3]),
    "both branches bind the name": (["a = 1", "b = 1", "if b:\n    a = 2\nelse:\n    a = 3", "a"], [2, 3, 4]),
    "a loop may bind nothing": (["x = 0", "for x in [5, 6]: pass", "x"], [1, 2, 3]),
    "a name that is tried": (
        ["import math", "try:\n    n = 1\nexcept Exception:\n    n = 2", "n = n + 1", "n"],
        [2, 3, 4],
    ),
    "a cell executed twice": (["x = 0", "x += 1", "x += 1", "x"], [1, 2, 3, 4]),
    "a definition executed twice": (["x = 0", "x += 1", "x = 0", "x"], [3, 4]),
    "a list that is changed": (["x = [1]", "y = [2]", "x.append(3)", "y.append(4)", "x"], [1, 3, 5]),
    "a list that is changed by another name": (
        ["x = [1]", "y = x", "z = [0]", "y.append(3)", "z.append(1)", "x"],
        [1, 2, 4, 6],
    ),
    "a list inside another": (["x = [1]", "d = {'x': x}", "d['x'].append(2)", "x"], [1, 2, 3, 4]),
    "a loop variable is an alias": (
        ["rows = [[1], [2]]", "for row in rows:\n    row.append(0)", "rows"],
        [1, 2, 3],
    ),
    "a trainer that trains what it is given": (
        [
            "from types import SimpleNamespace as Net\nclass Trainer:\n    pass",
            "trainer = Trainer()\ntrainer.fit = lambda net, data: setattr(net, 'w', sum(data))",
            "data = [1, 2]",
            "net = Net(w=0)",
            "trainer.fit(net, data)",
            "q = len(data)",
            "net.w",
        ],
        [1, 2, 3, 4, 5, 7],
    ),
    "an earlier attempt that learned from the same data": (
        [
            "from sklearn.naive_bayes import GaussianNB",
            "X, y = [[0.0], [1.0]], [0, 1]",
            "def train(m):\n    for _ in y:\n        m.partial_fit(X, y, y)\n    return m.score(X, y)",
            "a = train(GaussianNB())",
            "b = train(GaussianNB())",
        ],
        [1, 2, 3, 5],
    ),
    "numbers cannot be changed": (["x = 1", "y = x", "y += 1", "x"], [1, 4]),
    "what is deleted and bound again": (["x = 1", "del x", "x = 2", "x"], [3, 4]),
    "what is deleted": (["x = 1", "del x", "y = 'x' in globals()", "y"], [1, 2, 3, 4]),
    "a function reads when it is called": (
        ["k = 2", "def f(v):\n    return v * k", "k = 3", "q = 1", "f(2)"],
        [2, 3, 5],
    ),
    "a name that the cell binds before it calls": (["k = 1", "def f():\n    return k", "k = 5\nf()"], [2, 3]),
    "a function that calls another": (
        ["def g():\n    return k", "def f():\n    return g()", "k = 1", "z = 2", "f()"],
        [1, 2, 3, 5],
    ),
    "a function that is carried": (
        ["def f():\n    return k", "table = {'f': f}", "k = 1", "table['f']()"],
        [1, 2, 3, 4],
    ),
    "a callback": (
        ["k = 3", "def key(v):\n    return v % k", "data = [4, 5, 6]", "sorted(data, key=key)"],
        [1, 2, 3, 4],
    ),
    "a function that binds a name of the notebook": (
        ["n = 0", "def count():\n    global n\n    n += 1", "count()", "m = 1", "n"],
        [1, 2, 3, 5],
    ),
    "a function that changes its argument": (
        ["def add(x):\n    x.append(1)", "a = []", "b = []", "add(a)", "add(b)", "a"],
        [1, 2, 4, 6],
    ),
    "an attribute of a class is one of its instances": (
        ["class A:\n    n = 1", "class B(A):\n    pass", "b = B()", "A.n = 2", "A.n + 1", "b.n"],
        [1, 2, 3, 4, 6],
    ),
    "a function that leaves its argument alone": (
        ["def look(x):\n    return len(x) + max(x)", "a = [1]", "look(a)", "a"],
        [2, 4],
    ),
    "a function that works on a copy": (
        [
            "def prepared(x):\n    x = x.copy()\n    x['b'] = 1\n    return x",
            "a = {'a': 1}",
            "prepared(a)",
            "a",
        ],
        [2, 4],
    ),
    "a function that keeps what it gets": (
        ["kept = []", "def keep(x):\n    kept.append(x)", "a = [1]", "keep(a)", "a.append(2)", "kept"],
        [1, 2, 3, 4, 5, 6],
    ),
    "a default that is shared": (
        ["def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "f(1)", "f(2)"],
        [1, 2, 3],
    ),
    "a function that sets an item of the notebook's": (
        ["table = {}", "def note(k):\n    table[k] = 1", "z = {}", "note('a')", "table"],
        [1, 2, 4, 5],
    ),
    "a function that puts one argument into another": (
        ["def put(box, x):\n    box['x'] = x", "box, a = {}, []", "put(box, a)", "a.append(1)", "box"],
        [1, 2, 3, 4, 5],
    ),
    "a method that only looks": (
        [
            "class T:\n    n = 1\n    def inspected(self):\n        return self.n",
            "t = T()",
            "t.inspected()",
            "t.n",
        ],
        [1, 2, 4],
    ),
    "a function that nobody knows": (
        ["import random", "mix = random.Random(0).shuffle", "xs = [1, 2, 3]", "ys = [4]", "mix(xs)", "xs"],
        [1, 2, 3, 5, 6],
    ),
    "a bound method": (["xs = [1]", "add = xs.append", "ys = [2]", "add(5)", "xs"], [1, 2, 4, 5]),
    "what instances share": (
        ["class T:\n    made = []", "t = T()", "u = T()", "v = []", "u.made.append(1)", "t.made"],
        [1, 2, 3, 5, 6],
    ),
    "a later round of a loop": (
        ["a, b = [1], [2]", "y = a\nfor i in range(2):\n    y.append(i)\n    y = b\ny = None", "b"],
        [1, 2, 3],
    ),
    "an alias of one branch": (
        ["a, b, c = [1], [2], 1", "if c:\n    y = a\nelse:\n    y = b\ny.append(3)\ny = None", "a"],
        [1, 2, 3],
    ),
    "a function that runs text": (
        ["x = 1", "def f(t):\n    return eval(t)", "y = f('x')", "y"],
        [1, 2, 3, 4],
    ),
    "a copy holds the same elements": (["a = [[1]]", "b = a.copy()", "b[0].append(2)", "a"], [1, 2, 3, 4]),
    "a list of what another holds": (
        ["a = [[1]]", "b = list(a)", "z = 1", "b[0].append(2)", "a"],
        [1, 2, 4, 5],
    ),
    "an instance that changes when it is looked at": (
        [
            "class B:\n    n = 0\n    def __len__(self):\n        self.n += 1\n        return 1",
            "b = B()",
            "len(b)",
            "b.n",
        ],
        [1, 2, 3, 4],
    ),
    "a function that the cell hands on": (
        ["def helper():\n    return k", "def f():\n    return g()", "k = 1", "z = 2", "g = helper\nf()"],
        [1, 2, 3, 5],
    ),
    "an instance of a class that is patched": (
        ["class A:\n    pass", "t = A()", "A.f = lambda self: k", "k = 2", "z = 3", "t.f()"],
        [1, 2, 3, 4, 6],
    ),
    "an attribute of a class": (
        ["class A:\n    pass", "rows = [1]", "A.rows = rows", "z = 3", "rows.append(2)", "A.rows"],
        [1, 2, 3, 5, 6],
    ),
    "a closure": (
        [
            "def maker():\n    n = [0]\n    def step():\n"
            "        n[0] += rate\n        return n[0]\n    return step",
            "rate = 2",
            "step = maker()",
            "step()",
            "z = 1",
            "step()",
        ],
        [1, 2, 3, 4, 6],
    ),
    "a lambda": (["k = 1", "f = lambda v: v + k", "k = 2", "f(1)"], [2, 3, 4]),
    "a generator": (["k = 1", "def g():\n    yield k", "it = g()", "k = 2", "list(it)"], [1, 2, 3, 4, 5]),
    "a generator expression": (["k = 1", "it = (k * i for i in [1, 2])", "k = 2", "list(it)"], [1, 2, 3, 4]),
    "an iterator is used up": (
        ["it = iter([1, 2, 3])", "next(it)", "other = [1]", "list(other)", "next(it)"],
        [1, 2, 5],
    ),
    "an iterator that is looped over": (
        ["it = iter([1, 2, 3])", "for i in it:\n    break", "next(it)"],
        [1, 2, 3],
    ),
    "a list that is looped over": (["xs = [1, 2]", "for x in xs:\n    print(x)", "sum(xs)"], [1, 3]),
    "an instance": (
        [
            "class T:\n    n = 0\n    def go(self):\n        self.n += step",
            "step = 3",
            "t = T()",
            "u = T()",
            "u.go()",
            "t.go()",
            "t.n",
        ],
        [1, 2, 3, 6, 7],
    ),
    "a class keeps the functions of its time": (
        [
            "class T:\n    def go(self):\n        return 1",
            "t = T()",
            "class T:\n    def go(self):\n        return 2",
            "t.go()",
        ],
        [1, 2, 4],
    ),
    "a class that counts its instances": (
        [
            "class T:\n    made = []\n    def __init__(self):\n        self.made.append(1)",
            "T()",
            "t = T()",
            "len(t.made)",
        ],
        [1, 2, 3, 4],
    ),
    "a base class": (
        [
            "class A:\n    def f(self):\n        return k",
            "class B(A):\n    pass",
            "k = 2",
            "z = 3",
            "B().f()",
        ],
        [1, 2, 3, 5],
    ),
    "a class that is patched": (
        ["class A:\n    pass", "A.f = lambda self: k", "k = 2", "A().f()"],
        [1, 2, 3, 4],
    ),
    "a decorator": (
        [
            "def twice(f):\n    return lambda v: f(f(v)) + k",
            "@twice\ndef g(v):\n    return v + 1",
            "k = 1",
            "z = 1",
            "g(1)",
        ],
        [1, 2, 3, 5],
    ),
    "imports by name": (["import json", "import math", "from math import sqrt", "math.pi"], [2, 4]),
    "imports of parts of a package": (
        [
            "import os.path",
            "import os",
            "z = 1",
            "import xml.dom",
            "import xml.etree.ElementTree",
            "xml.dom.__name__",
        ],
        [4, 5, 6],
    ),
    "a star import": (["from math import *", "z = 1", "sqrt(4)"], [1, 3]),
    "cells out of order": (["y = 1", "x = y", "y = 2", "x = y", "x"], [3, 4, 5]),
    "names of a comprehension are its own": (
        ["i = 7", "[i for i in range(3)]", "[i for i in range(3)]"],
        [3],
    ),
    "a walrus in a comprehension": (["w = 0", "[w := i for i in range(3)]", "w"], [1, 2, 3]),
    "unpacking": (["t = (1, 2)", "a, *b = t", "c = 1", "a, b"], [1, 2, 4]),
    "names in a format": (["a = 1", "b = 2", "f'{a:>{5}}'"], [1, 3]),
    "a with block": (
        ["import contextlib", "x = 1", "with contextlib.nullcontext(x) as y:\n    z = y", "z"],
        [1, 2, 3, 4],
    ),
    "an exception's name is gone": (
        ["e = 1", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    pass\nx = 2", "x"],
        [2, 3],
    ),
    "match": (["v = [1, 2]", "match v:\n    case [a, b]:\n        c = a", "z = 1", "c"], [1, 2, 4]),
    "settings always count": (["import os", "os.environ['A_SETTING'] = '1'", "z = 1", "1 + 1"], [1, 2, 4]),
    "random numbers": (
        ["import random", "random.seed(1)", "z = 1", "random.random()", "random.random()"],
        [1, 2, 4, 5],
    ),
    "random numbers that nobody needs": (
        ["import random", "random.seed(1)", "random.random()", "z = 1", "z + 1"],
        [4, 5],
    ),
    "a second seed": (
        ["import random", "random.seed(1)", "random.random()", "random.seed(2)", "random.random()"],
        [1, 4, 5],
    ),
    "a seed in a function": (
        ["import random", "def f():\n    random.seed(3)", "f()", "random.random()"],
        [1, 2, 3, 4],
    ),
    "a generator of random numbers": (
        ["import random", "rng = random.Random(0)", "rng.random()", "z = 1", "rng.random()"],
        [1, 2, 3, 5],
    ),
    "globals by name": (["x = 1", "globals()['y'] = x", "z = 1", "y"], [1, 2, 4]),
    "code that is text": (["x = 1", "z = 1", "exec('y = ' + 'x')", "q = 1", "y"], [1, 2, 3, 5]),
    "after code that is text": (["x = 1", "exec('y = ' + 'x')", "q = 1", "q"], [1, 2, 3, 4]),
}


@pytest.mark.parametrize(("sources", "expected"), CASES.values(), ids=CASES)
def test_the_slice_is_exactly_the_cells_that_count(sources: list[str], expected: list[int]) -> None:
    assert numbers(*sources) == expected


def test_a_failed_cell_counts_up_to_the_statement_that_failed() -> None:
    found = sliced("x = [1]", "x.append(2)\n1 / 0\nx = []", "y = 0\n1 / 0", "x")

    assert [(each.cell.number, each.source) for each in found.cells] == [
        (1, "x = [1]"),
        (2, "x.append(2)"),
        (4, "x"),
    ]
    assert not found.marks


def test_a_cell_with_a_mistake_in_its_syntax_did_nothing() -> None:
    cells = [
        ExecutedCell(1, "x = [1]"),
        ExecutedCell(2, "x.append(2", status=CellStatus.FAILED, stopped_at=1),
        ExecutedCell(3, "x"),
    ]

    found = slice_of(cells, 3)

    assert [each.cell.number for each in found.cells] == [1, 3]
    assert found.marks == ()


def test_what_a_stopped_statement_may_have_changed_is_marked() -> None:
    found = sliced("x = []", "for i in range(3):\n    x.append(1 / (i - 1))", "x")

    assert [each.cell.number for each in found.cells] == [1, 3]
    assert [(mark.kind, mark.text) for mark in found.marks] == [
        ("failed", "cell 2 was stopped while it may have changed x, which cell 3 reads")
    ]


def test_objects_from_before_code_that_is_text_may_be_in_any_other() -> None:
    found = read_only("d = 1", "exec('n = []; o = [n]')", "o.append(n)\nd = {'k': n}", "z = 1", "n")

    assert found == [1, 2, 3, 5]


def test_what_was_stopped_before_code_that_is_text_is_marked() -> None:
    found = sliced("x = 1", "x, y = 2, 3 / 0", "exec('z = 1')", "x")

    assert [each.cell.number for each in found.cells] == [1, 3, 4]
    assert "cell 2 was stopped while it may have changed what cell 3 reads" in [
        mark.text for mark in found.marks
    ]


def test_code_that_is_text_may_have_done_anything_before_it_was_stopped() -> None:
    found = sliced("x = 1", "z = 1", "exec('x = 2; 1 / 0')", "x")

    assert [each.cell.number for each in found.cells] == [1, 2, 4]
    assert "failed" in {mark.kind for mark in found.marks}


def test_each_cell_has_its_reasons() -> None:
    found = reasons("import random", "random.seed(1)", "x = [1]", "y = x", "y.append(random.random())", "x")

    assert found == {
        1: ("imports random, which cells 2 and 5 read",),
        2: ("seeds Python's random state",),
        3: ("defines x, which cells 4 and 6 read",),
        4: ("defines y, which cell 5 reads",),
        5: ("changes y, through which x may change, which cell 6 reads",),
        6: ("is the cell itself",),
    }


def test_reasons_are_bounded() -> None:
    names = [f"x{i}" for i in range(20)]
    readers = [f"y{i} = ({name}, {name})" for i, name in enumerate(names)]
    whole = f"[{', '.join(f'y{i}' for i in range(20))}]"

    one = reasons("x = 1", *(f"y{i} = x" for i in range(20)), whole)
    many = reasons(f"{' = '.join(names)} = 1", *readers, whole)

    assert one[1] == ("defines x, which cells 2, 3, 4, 5, 6, 7 and 14 more read",)
    assert len(many[1]) == 6
    assert many[1][-1] == "and 15 reasons more"


def test_names_that_nobody_defined_are_marked() -> None:
    notebook = Notebook()
    notebook.namespace["hidden"] = 3
    notebook.execute("x = hidden + 1")
    notebook.execute("x")

    found = notebook.slice()

    assert [mark.text for mark in found.marks] == ["cell 1 reads hidden, which no executed cell defines"]


def test_a_cell_that_nobody_saw_kills_nothing() -> None:
    cells = [
        ExecutedCell(1, "x = 1"),
        ExecutedCell(2, "x = 2", status=CellStatus.UNKNOWN),
        ExecutedCell(3, "x"),
    ]

    found = slice_of(cells, 3)

    assert [each.cell.number for each in found.cells] == [1, 2, 3]
    assert [mark.text for mark in found.marks] == ["nobody saw how cell 2 went"]


def test_later_cells_do_not_count_and_those_left_out_are_counted() -> None:
    cells = [ExecutedCell(n, s) for n, s in enumerate(["a = 1", "b = 1", "a", "a = 2"], start=1)]

    found = slice_of(cells, 3)

    assert [each.cell.number for each in found.cells] == [1, 3]
    assert found.left_out == 1
    assert slice_of(cells, 9).cells == ()


def test_views_of_arrays_are_aliases_and_copies_are_not() -> None:
    found = numbers(
        "import numpy as np", "a = np.zeros(4)", "b = a[::2]", "c = a + 1", "c[0] = 9", "b[0] = 1", "a.sum()"
    )

    assert found == [1, 2, 3, 6, 7]


def test_arrays_that_one_call_gave_are_each_their_own() -> None:
    found = numbers(
        "import numpy as np",
        "a, b = np.meshgrid([1, 2], [3, 4])",
        "a[0] = 9",
        "pair = list(np.meshgrid([1, 2], [3, 4]))\nc, d = pair",
        "c[0] = 9",
        "pair[1][0] = 7",
        "b.sum(), d.sum()",
    )

    assert found == [1, 2, 4, 5, 6, 7]


def test_new_columns_of_a_frame_do_not_concern_what_was_taken_out_of_it() -> None:
    found = numbers(
        "import pandas as pd",
        "df = pd.DataFrame({'x': [1, 2], 'y': [3, 4]})",
        "X = df[['x']]",
        "df['z'] = 0",
        "df.head()",
        "X.sum()",
    )

    assert found == [1, 2, 3, 6]


def test_a_usual_notebook_of_scikit_learn() -> None:
    found = numbers(
        "import numpy as np\nimport pandas as pd\nfrom sklearn.datasets import load_iris\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import train_test_split",
        "X, y = load_iris(return_X_y=True)",
        "df = pd.DataFrame(X)",
        "df.describe()",
        "df['target'] = y",
        "df.groupby('target').mean()",
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
        "X_train.shape, y_train.mean()",
        "C, other = 0.5, 3",
        "model = LogisticRegression(C=C, max_iter=500)",
        "model.fit(X_train, y_train)",
        "model.predict(X_test[:3])",
        "accuracy = model.score(X_test, y_test)\naccuracy",
    )

    assert found == [1, 2, 7, 9, 10, 11, 13]


def test_plots_looks_and_other_models_stay_out() -> None:
    found = numbers(
        "import matplotlib\nmatplotlib.use('Agg')\n"
        "import matplotlib.pyplot as plt\nimport pandas as pd\n"
        "from sklearn.datasets import load_iris\nfrom sklearn.linear_model import LogisticRegression\n"
        "from sklearn.metrics import accuracy_score, confusion_matrix\n"
        "from sklearn.model_selection import cross_val_score\n"
        "from sklearn.tree import DecisionTreeClassifier",
        "df = load_iris(as_frame=True).frame",
        "df.head()",
        "fig, ax = plt.subplots()\ndf['target'].hist(ax=ax)\nplt.close(fig)",
        "correlations = df.corr()\ncorrelations['target'].sort_values()",
        "df['area'] = df['petal length (cm)'] * df['petal width (cm)']",
        "X, y = df.drop(columns='target'), df['target']",
        "other = LogisticRegression(max_iter=500).fit(X, y)\nprint(other.score(X, y))",
        "cross_val_score(other, X, y, cv=2).mean()",
        "tree = DecisionTreeClassifier(max_depth=2, random_state=0)\ntree.fit(X, y)",
        "weights = pd.Series(tree.feature_importances_, index=X.columns)\nweights.plot.barh()\nplt.close()",
        "def evaluate(model):\n    return accuracy_score(y, model.predict(X))",
        "evaluate(other), confusion_matrix(y, other.predict(X))",
        "accuracy = evaluate(tree)\naccuracy",
    )

    assert found == [1, 2, 6, 7, 10, 12, 14]


def test_a_network_may_change_the_batches_that_it_is_called_with() -> None:
    sources = (
        "import torch\nfrom torch import nn",
        "torch.manual_seed(0)\nX = torch.randn(8, 2)\nloader = torch.utils.data.DataLoader(X)",
        "X.mean()",
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = nn.Linear(2, 1)\n    def forward(self, x):\n        return self.layer(x)",
        "def train(model):\n    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "    for batch in loader:\n        optimizer.zero_grad()\n        loss = model(batch).mean()\n"
        "        loss.backward()\n        optimizer.step()\n    return loss.item()",
        "other = Net()\ntrain(other)",
        "torch.manual_seed(1)\nmodel = Net()",
        "train(model)",
        "loss = model(X).square().mean().item()\nloss",
    )

    kinds = {"X": "tensor", "loss": "value", "other": "object", "model": "object", "loader": "object"}
    cells = [ExecutedCell(number, source, kinds=kinds) for number, source in enumerate(sources, start=1)]

    found = [each.cell.number for each in slice_of(cells, len(cells)).cells]

    # Cell 6 would not count if it were known that no layer works in place: the code alone does not tell.
    assert found == [1, 2, 4, 5, 6, 7, 8, 9]


def test_files_that_cells_write_are_read_by_others(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = numbers(
        "with open('a.txt', 'w') as file:\n    file.write('1')",
        "with open('b.txt', 'w') as file:\n    file.write('2')",
        "with open('a.txt', 'w') as file:\n    file.write('3')",
        "with open('a.txt') as file:\n    text = file.read()",
        "text",
    )

    assert found == [3, 4, 5]


def test_a_file_that_is_appended_to_needs_all_who_wrote_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = numbers(
        "with open('a.txt', 'w') as file:\n    file.write('1')",
        "with open('a.txt', 'a') as file:\n    file.write('2')",
        "z = 1",
        "with open('a.txt') as file:\n    text = file.read()",
    )

    assert found == [1, 2, 4]


def test_a_path_that_a_name_holds_is_followed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = numbers(
        "import pathlib",
        "ONE, TWO = 'one.txt', 'two.txt'",
        "pathlib.Path(ONE).write_text('1')",
        "pathlib.Path(TWO).write_text('2')",
        "pathlib.Path(TWO).read_text()",
    )

    assert found == [1, 2, 4, 5]


def test_magics_that_set_something_count_and_others_do_not() -> None:
    found = read_only(
        "%matplotlib inline",
        "%load_ext autoreload\n%autoreload 2",
        "%env A=1",
        "!ls",
        "%cd data",
        "!pip install x",
        "x = 1",
        "%%time\nx",
    )

    assert found == [3, 5, 6, 7, 8]


def test_a_cell_magic_that_nobody_knows_may_do_anything() -> None:
    assert read_only("a = 1", "%%sql\nselect 1", "b = 1", "b") == [1, 2, 3, 4]
    assert read_only("a = 1", "%%html\n<b>", "b = 1", "b") == [3, 4]


def test_a_module_that_a_cell_writes_is_needed_by_its_import() -> None:
    assert read_only(
        "%%writefile tools.py\nx = 1", "%%writefile other.py\nx = 1", "import tools", "tools.x"
    ) == [1, 3, 4]
