"""Notebooks of many kinds: each ends in a tracked cell that logs the metric `score`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """Cells in the order in which they are executed."""

    cells: tuple[str, ...]
    unrelated: tuple[int, ...] = ()
    """The places, from 0, of cells that have nothing to do with the result."""
    fails: tuple[int, ...] = ()
    """The places of cells that fail."""


def _session(*cells: str, unrelated: tuple[int, ...] = (), fails: tuple[int, ...] = ()) -> Session:
    return Session(cells, unrelated, fails)


def scored(value: str) -> str:
    """A tracked cell that logs the metric."""
    return f"%%track --quiet\nnbtrack.log_metric('score', {value})"


SESSIONS = {
    "functions": _session(
        "def square(x):\n    return x * x",
        "def cube(x):\n    return square(x) * x",
        "def unused(x):\n    return x + 1",
        "numbers = [1.5, 2.5]",
        "unused(7)",
        scored("sum(cube(x) for x in numbers)"),
        unrelated=(2, 4),
    ),
    "classes": _session(
        "class Base:\n    scale = 3\n    def __init__(self):\n        self.seen = []",
        "class Mean(Base):\n    def add(self, x):\n        self.seen.append(x * self.scale)\n"
        "        return self",
        "class Other:\n    pass",
        "mean, other = Mean(), None",
        "mean.add(1).add(2)",
        "Mean.scale = 5",
        "mean.add(4)",
        scored("sum(mean.seen) / len(mean.seen)"),
        unrelated=(2,),
    ),
    "imports": _session(
        "import json, statistics as st",
        "from math import sqrt as root, floor",
        "import collections",
        "values = [root(x) for x in range(10)]",
        scored("st.mean(values) + floor(2.5)"),
        unrelated=(2,),
    ),
    "loops": _session(
        "total, log = 0.0, []",
        "for step in range(5):\n    if step % 2:\n        continue\n    total += step / 3\n"
        "    log.append(total)",
        "for letter in 'abc':\n    word = letter * 3",
        "while len(log) < 6:\n    log.append(log[-1] * 1.5)",
        scored("sum(log) + step"),
        unrelated=(2,),
    ),
    "mutation": _session(
        "settings = {'depth': {'max': 3}}\nrows = []",
        "alias = settings['depth']\nsame_rows = rows",
        "alias['max'] = 11",
        "same_rows.extend([1, 2, 3])\nsame_rows[0] = 9",
        "elsewhere = [5]\nelsewhere.clear()",
        "rows.sort()",
        scored("settings['depth']['max'] * rows[-1] + rows[0]"),
        unrelated=(4,),
    ),
    "executed again": _session(
        "x = 1.5",
        "x = x * 2",
        "y = 100",
        "x = x * 2",
        "x = x * 2",
        scored("x"),
        unrelated=(2,),
    ),
    "out of order": _session(
        "rate = 0.1",
        "def step(w):\n    return w - rate * 2 * w",
        "w = step(8.0)",
        "rate = 0.25",
        "w = step(w)",
        "rate = 0.9",
        scored("w"),
        unrelated=(5,),
    ),
    "magics": _session(
        "%precision 3\n%env NBT_FACTOR=3",
        "%%writefile nbt_module.py\ndef tripled(x):\n    '''It\\'s'''\n    return 3 * x\n",
        "import os, sys\nsys.path.insert(0, os.getcwd())",
        "import nbt_module",
        "%%time\nfactor = int(os.environ['NBT_FACTOR'])",
        "%timeit -n1 -r1 factor",
        "%time answer = nbt_module.tripled(factor)",
        "factor?",
        "%%track --quiet\n%%capture said\nprint('no one sees it')\nnbtrack.log_metric('score', answer)",
    ),
    "async": _session(
        "import asyncio",
        "async def fetch(x):\n    await asyncio.sleep(0)\n    return x * 2",
        "found = await asyncio.gather(*(fetch(x) for x in range(5)))",
        "lock = asyncio.Lock()",
        "async with lock:\n    total = sum(found)\n    text = '''\nkept\n'''",
        "async def other():\n    pass\nawait other()",
        "%%track --quiet\nlast = await fetch(total)\nnbtrack.log_metric('score', last + len(text))",
        unrelated=(5,),
    ),
    "a failing cell": _session(
        "weights = [1.0, 2.0]",
        "weights.append(4.0)\nbias = 0.5\nweights.append(missing)\nbias = 99",
        "1 / 0",
        "def broken(:",
        scored("sum(weights) + bias"),
        unrelated=(2, 3),
        fails=(1, 2, 3),
    ),
    "globals": _session(
        "count = 0",
        "def tick(by=1):\n    global count\n    count += by\n    return count",
        "tick()",
        "quiet = 5",
        "ticks = [tick(2) for _ in range(3)]",
        "del quiet",
        scored("count + ticks[-1]"),
        unrelated=(3, 5),
    ),
    "generators": _session(
        "def numbers():\n    n = 0\n    while True:\n        n += 1\n        yield n * n",
        "source = numbers()",
        "first = next(source)",
        "next(source)",
        "words = iter('abc')",
        "next(words)",
        scored("next(source) + first"),
        unrelated=(4, 5),
    ),
    "random": _session(
        "import random\nrandom.seed(7)",
        "first = random.random()",
        "between = random.random()",
        "letters = 'abc'",
        scored("first + random.random()"),
        unrelated=(3,),
    ),
    "files": _session(
        "from pathlib import Path",
        "Path('numbers.txt').write_text('1\\n2\\n3')",
        "Path('other.txt').write_text('nothing')",
        "with open('numbers.txt', 'a') as file:\n    file.write('\\n4')",
        scored("sum(map(int, Path('numbers.txt').read_text().split()))"),
        unrelated=(2,),
    ),
    "pandas": _session(
        "import pandas as pd\nimport numpy as np",
        "frame = pd.DataFrame({'kind': list('abab'), 'x': [1.0, 2.0, np.nan, 4.0]})",
        "frame['twice'] = frame['x'] * 2",
        "unused = pd.DataFrame({'z': [1]})",
        "frame.fillna({'twice': 7.0}, inplace=True)",
        "frame.describe()",
        "means = frame.groupby('kind')['twice'].mean()",
        scored("float(means['a'] * 10 + means['b'])"),
        unrelated=(3,),
    ),
    "scikit-learn": _session(
        "from sklearn.datasets import load_iris\nfrom sklearn.model_selection import train_test_split",
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.preprocessing import StandardScaler",
        "X, y = load_iris(return_X_y=True)",
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=3, test_size=0.6)",
        "look = X[:3].mean()",
        "scaler = StandardScaler()\nX_train = scaler.fit_transform(X_train)",
        "model = LogisticRegression(C=0.01)",
        "model.fit(X_train, y_train)",
        scored("model.score(scaler.transform(X_test), y_test)"),
        unrelated=(4,),
    ),
    "torch": _session(
        "import torch\nfrom torch import nn",
        "torch.manual_seed(5)",
        "x = torch.randn(32, 3)\ny = x @ torch.tensor([[1.0], [-2.0], [0.5]])",
        "model = nn.Linear(3, 1)",
        "unused = 'nothing'",
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
        "for epoch in range(10):\n    loss = nn.functional.mse_loss(model(x), y)\n    optimizer.zero_grad()\n"
        "    loss.backward()\n    optimizer.step()",
        scored("nn.functional.mse_loss(model(x), y).item()"),
        unrelated=(4,),
    ),
}
