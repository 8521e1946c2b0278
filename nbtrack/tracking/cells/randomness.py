"""Random numbers that nobody pinned: which code draws, from which generator, and whether it is seeded."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from nbtrack.core.cell_code import parsed

_EVERYTHING = frozenset(
    str.split(
        "seed_everything set_seed set_seeds set_all_seeds seed_all fix_seed fix_seeds set_random_seed "
        "set_random_seeds fix_random_seeds set_global_seed enable_full_determinism"
    )
)
"""Functions that seed all generators, of Lightning, transformers, Keras and of many a notebook."""

_NUMPY_QUIET = frozenset(
    str.split(
        "seed set_state get_state default_rng RandomState Generator SeedSequence BitGenerator PCG64 "
        "PCG64DXSM MT19937 Philox SFC64 bit_generator"
    )
)
_PYTHON_QUIET = frozenset(str.split("seed getstate setstate Random SystemRandom"))
_TORCH_DRAWS = frozenset(
    str.split(
        "rand randn randint rand_like randn_like randint_like randperm normal multinomial bernoulli poisson "
        "random_split"
    )
)
_TORCH_LAYERS = frozenset(
    str.split(
        "Linear Bilinear LazyLinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d RNN "
        "LSTM GRU RNNCell LSTMCell GRUCell Embedding EmbeddingBag MultiheadAttention Transformer "
        "TransformerEncoderLayer TransformerDecoderLayer"
    )
)
_KERAS_LAYERS = frozenset(
    str.split("Dense Conv1D Conv2D Conv3D LSTM GRU SimpleRNN Embedding MultiHeadAttention SeparableConv2D")
)
_SKLEARN = frozenset(
    str.split(
        """
        train_test_split ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit RandomForestClassifier
        RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor ExtraTreeClassifier ExtraTreeRegressor
        DecisionTreeClassifier DecisionTreeRegressor GradientBoostingClassifier GradientBoostingRegressor
        AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor MLPClassifier MLPRegressor
        SGDClassifier SGDRegressor Perceptron PassiveAggressiveClassifier PassiveAggressiveRegressor KMeans
        MiniBatchKMeans BisectingKMeans GaussianMixture BayesianGaussianMixture TSNE IsolationForest
        RandomizedSearchCV HalvingRandomSearchCV TruncatedSVD FastICA SpectralClustering LinearSVC LinearSVR
        RandomTreesEmbedding GaussianRandomProjection SparseRandomProjection RBFSampler Nystroem
        permutation_importance learning_curve make_classification make_regression make_blobs make_moons
        make_circles make_friedman1 make_friedman2 make_friedman3 make_gaussian_quantiles make_hastie_10_2
        make_multilabel_classification make_s_curve make_swiss_roll make_low_rank_matrix shuffle resample
        QuantileTransformer BernoulliRBM LatentDirichletAllocation MiniBatchDictionaryLearning
        """
    )
) - {"learning_curve", "QuantileTransformer"}
_SKLEARN_IF_SHUFFLED = frozenset(str.split("KFold StratifiedKFold StratifiedGroupKFold GroupKFold"))
_PINS = ("random_state", "seed", "generator", "rng")


@dataclass
class Draws:
    """What the code of several cells has to do with chance."""

    seeded: set[str] = field(default_factory=set[str])
    """The generators that it seeds: `numpy`, `python`, `torch`, `tensorflow`."""
    drawn: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """Generator, what draws from it, and the number of the cell; a generator of `fresh` is new each time."""

    def unpinned(self) -> dict[str, list[tuple[str, int]]]:
        """By generator, what draws from it though nothing seeds it: name and cell, each once."""
        found: dict[str, dict[tuple[str, int], None]] = {}
        for generator, name, number in self.drawn:
            if generator not in self.seeded:
                found.setdefault(generator, {}).setdefault((name, number))
        return {generator: list(uses) for generator, uses in found.items()}


def draws_of(cells: Sequence[tuple[int, str]]) -> Draws:
    """What cells have to do with chance, as far as their text tells.

    Args:
        cells: Number and source of each.
    """
    codes = [(number, code) for number, source in cells if (code := _code_of(source)) is not None]
    modules: dict[str, str] = {}
    for _, code in codes:
        modules |= code.imports
    found = Draws()
    for number, code in codes:
        for call in code.calls:
            _look_at(call, number, modules, found)
    return found


class _Code(NamedTuple):
    """What of the code of one cell matters here."""

    imports: Mapping[str, str]
    """What the imported names mean, wherever they are imported."""
    calls: tuple[ast.Call, ...]


# The slice of each attempt has mostly the cells of the one before.
@lru_cache(maxsize=256)
def _code_of(source: str) -> _Code | None:
    """None: it is no Python, or cannot be read."""
    tree = parsed(source)
    if tree is None:
        return None
    names: dict[str, str] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            calls.append(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return _Code(names, tuple(calls))


def _look_at(call: ast.Call, number: int, modules: dict[str, str], found: Draws) -> None:
    path = _path(call.func)
    if not path:
        return
    root, *rest = path
    *above, name = [*modules.get(root, root).split("."), *rest]
    module = ".".join(above)
    top = above[0] if above else ""
    if name in _EVERYTHING:
        found.seeded |= {"numpy", "python", "torch", "tensorflow"}
    elif module == "numpy.random":
        if name in ("seed", "set_state") and _is_given(call):
            found.seeded.add("numpy")
        elif name in ("default_rng", "RandomState") and not _is_given(call):
            found.drawn.append(("fresh", f"numpy.random.{name}()", number))
        elif name not in _NUMPY_QUIET:
            found.drawn.append(("numpy", f"numpy.random.{name}", number))
    elif module == "random" and root in modules:
        if name in ("seed", "setstate") and _is_given(call):
            found.seeded.add("python")
        elif name == "Random" and not _is_given(call):
            found.drawn.append(("fresh", "random.Random()", number))
        elif name not in _PYTHON_QUIET:
            found.drawn.append(("python", f"random.{name}", number))
    elif top == "torch":
        if name == "manual_seed" and module in ("torch", "torch.random"):
            found.seeded.add("torch")
        elif name in _TORCH_DRAWS and not _is_pinned(call):
            found.drawn.append(("torch", f"torch.{name}", number))
        elif name in _TORCH_LAYERS:
            found.drawn.append(("torch", f"torch.nn.{name}", number))
        elif name == "DataLoader" and _is_true(call, "shuffle") and not _is_pinned(call):
            found.drawn.append(("torch", "DataLoader(shuffle=True)", number))
    elif module in ("tensorflow.random", "tf.random") and name == "set_seed":
        found.seeded.add("tensorflow")
    elif top in ("keras", "tensorflow") and name in _KERAS_LAYERS:
        found.drawn.append(("tensorflow", f"keras.layers.{name}", number))
    elif top == "sklearn":
        _look_at_sklearn(call, name, number, found)
    elif name == "sample" and root not in modules and "pandas" in modules.values():
        # Of a distribution of torch it is called without them.
        is_of_frame = bool(call.args) or any(word.arg in ("n", "frac") for word in call.keywords)
        if is_of_frame and not _is_pinned(call):
            found.drawn.append(("numpy", "DataFrame.sample", number))


def _look_at_sklearn(call: ast.Call, name: str, number: int, found: Draws) -> None:
    draws = name in _SKLEARN or (name in _SKLEARN_IF_SHUFFLED and _is_true(call, "shuffle"))
    if draws and not _is_pinned(call) and not _is_false(call, "shuffle"):
        found.drawn.append(("numpy", name, number))


def _path(node: ast.expr) -> list[str]:
    """`np.random.rand` as a list; of what is no such path its last names."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return (
        [node.id if isinstance(node, ast.Name) else "", *names] if names or isinstance(node, ast.Name) else []
    )


def _is_given(call: ast.Call) -> bool:
    """Whether it gets a seed that is not None."""
    values: Iterable[ast.expr] = [*call.args, *(word.value for word in call.keywords)]
    return any(not (isinstance(value, ast.Constant) and value.value is None) for value in values)


def _is_pinned(call: ast.Call) -> bool:
    """Whether it says itself where its chance comes from; `**options` may do so."""
    for word in call.keywords:
        if word.arg is None:
            return True
        if word.arg in _PINS:
            return not (isinstance(word.value, ast.Constant) and word.value.value is None)
    return False


def _is_true(call: ast.Call, name: str) -> bool:
    return any(
        word.arg == name and not (isinstance(word.value, ast.Constant) and not word.value.value)
        for word in call.keywords
    )


def _is_false(call: ast.Call, name: str) -> bool:
    return any(
        word.arg == name and isinstance(word.value, ast.Constant) and not word.value.value
        for word in call.keywords
    )
