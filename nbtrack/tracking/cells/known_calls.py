"""What is known of functions and methods by their names: what they change, draw from, set, read and write.

Names of methods are a convention (`df.mean()` changes nothing), which a class of the notebook may
break: whoever asks looks at those first. What is not known here may change all that it is given.
"""

import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

BUILTINS = frozenset(dir(builtins)) | {"display", "get_ipython", "exit", "quit", "open"}
"""Names that mean something without being bound; those of IPython too."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HARMLESS_METHODS = _words(
    """
    T abs absolute agg aggregate all any apply applymap argmax argmin argsort as_integer_ratio
    as_posix assign astype at_time autocorr between bfill bit_length bmm bool_ boxplot capitalize
    casefold center clip coalesce columns combine combine_first compare conj conjugate copy corr
    corrwith count cov cpu cross_join cuda cummax cummin cumprod cumsum cumsum_ cut date
    decision_function decode deepcopy describe detach diff difference dot double drop_duplicates
    drop_nulls dropna dtypes duplicated elements encode end endswith eq equals estimate evaluate_all
    ewm exists expand expandtabs explode factorize ffill fillna filter find find_all findall
    finditer first first_valid_index flatten float float_ floor format format_map from_dict fromkeys
    fullmatch ge get get_depth get_feature_names get_feature_names_out get_metric get_n_leaves
    get_params get_support get_text glob group groupby groups gt half hash head hex hist idxmax
    idxmin index infer_objects info int_ intersection inverse_transform is_dir is_file isalnum
    isalpha isascii isdecimal isdigit isdisjoint isidentifier isin islower isna isnull isnumeric
    isoformat isspace issubset issuperset istitle isupper item items iterdir iterrows itertuples
    join keys kurt kurtosis last le len ljust loc log_artifact log_artifacts log_dict log_figure
    log_image log_input log_metric log_metrics log_model log_param log_params log_table log_text
    long lower lstrip lt map mask match matmul max max_ mean median melt memory_usage merge min mm
    mode most_common mro named_buffers named_children named_modules named_parameters ndim ne
    nlargest nonzero norm notna notnull nsmallest numel numpy nunique parameters partition
    pct_change permute pipe pivot pivot_table plot pow predict predict_log_proba predict_proba prod
    quantile query ravel read_bytes read_text relative_to removeprefix removesuffix rename
    reorder_levels repeat replace resample reset_index reshape resolve rfind rglob rindex rjust
    rolling rolling_mean round rpartition rsplit rstrip sample score score_samples search select
    select_dtypes set_axis set_index set_tag set_tags shape shift show_ size skew slice softmax
    sort_index sort_values sorted span split splitlines sqrt squeeze stack start startswith
    state_dict std stem str strftime strip sub sum summary swapaxes swapcase symmetric_difference t
    tail take time timestamp timetuple title to to_arrow to_bytes to_csv to_dense to_dict to_excel
    to_feather to_frame to_hdf to_html to_json to_latex to_list to_markdown to_numpy to_pandas
    to_parquet to_pickle to_records to_series to_sql to_string to_timestamp toarray tobytes todense
    tolist topk total_seconds trace transform translate transpose tz_convert tz_localize union
    unique unsqueeze unstack upper value_counts values var view weekday where with_columns with_name
    with_suffix write_csv_ xs zfill
    """
)
"""Methods that change neither their object nor what they are given."""

FRESH_METHODS = _words(
    """
    abs all any argmax argmin argsort corr count cov cummax cummin cumprod cumsum decision_function
    deepcopy describe dot endswith exists find format get_depth get_n_leaves head_ idxmax idxmin
    is_dir is_file isna isnull isoformat item join kurt kurtosis log_metric log_metrics log_param
    log_params lower max mean median memory_usage min norm notna numel nunique predict
    predict_log_proba predict_proba prod quantile read_bytes read_text replace score score_samples
    size skew split splitlines startswith std strftime strip sum timestamp to_csv to_json to_numpy_
    to_parquet to_string tobytes tolist total_seconds upper value_counts var
    """
)
"""Harmless methods whose result holds nothing of the object's own, where elements cannot change."""

RECEIVER_METHODS = _words(
    """
    add addHandler add_argument add_child add_hline add_patch add_scalar add_subplot add_trace
    add_vline annotate append appendleft axhline axvline backward bar barh binomial choice clear
    close colorbar compile contourf cpu_ difference_update discard errorbar eval exponential
    export_text extend extendleft fill fill_between fit fit_generator fit_predict fit_resample
    fit_transform flush gauss grid imshow insert integers intersection_update invoke isatty
    kneighbors legend load_state_dict load_weights log matshow next normal partial_fit permutation
    pie poisson pop popitem popleft push put rand randint randn random random_sample read readline
    readlines remove requires_grad_ reverse rotate save savefig scatter seed seek set set_aspect
    set_context set_description set_facecolor set_index_ set_params set_position set_postfix
    set_prop_cycle set_size_inches set_style set_text set_tick_params set_title set_visible
    set_xlabel set_xlim set_xscale set_xticklabels set_xticks set_ylabel set_ylim set_yscale
    set_yticklabels set_yticks setdefault sort stackplot standard_normal step subplots
    subplots_adjust suptitle symmetric_difference_update tell text tick_params tight_layout train
    truncate twinx uniform update update_layout update_traces violinplot write writelines writerow
    writerows zero_grad
    """
)
"""Methods that change their object, or keep in it what they are given, and leave that as it is."""

FITTING_METHODS = _words("fit fit_generator fit_predict fit_resample fit_transform partial_fit test validate")
"""Methods by which an estimator learns from data, or a trainer trains a model that it is given."""

OUTER_METHODS = _words(
    """
    add append appendleft clear discard extend extendleft insert pop popitem popleft remove reverse
    setdefault sort update
    """
)
"""Methods that change their object alone, and nothing that it holds."""

_PURE_BUILTINS = _words(
    """
    AssertionError AttributeError BaseException Exception IndexError KeyError NotImplementedError
    RuntimeError StopIteration TypeError ValueError abs all any ascii bin bool breakpoint bytearray
    bytes callable chr complex dir display divmod exit float format frozenset hasattr hash help hex
    id input int isinstance issubclass len max min object oct ord pow print property quit range repr
    round slice str sum type
    """
)
_HOLDING_BUILTINS = _words(
    """
    aiter classmethod dict enumerate filter getattr iter list map memoryview open reversed set
    sorted staticmethod super tuple vars zip
    """
)
_FRESH_BUILTINS = _words(
    """
    abs all any ascii bin bool breakpoint bytearray bytes callable chr complex dir display divmod
    exit float format hasattr hash help hex id input int isinstance issubclass len oct ord pow print
    quit range repr round slice str type
    """
)
_CHANGING_BUILTINS = _words("setattr delattr next anext")

_KNOWN_MODULES = _words(
    """
    IPython PIL abc altair argparse ast base64 bisect bokeh calendar catboost cmath collections
    concurrent contextlib copy csv cv2 dataclasses datasets datetime decimal enum fractions
    functools gc glob gzip hashlib heapq hvplot imageio inspect io itertools jax joblib json keras
    lightgbm lightning logging math matplotlib mlflow multiprocessing nbtrack numba numpy operator
    optuna os pandas pathlib pickle platform plotly polars pprint psutil pyarrow pylab
    pytorch_lightning random re requests scipy seaborn shutil skimage sklearn skorch statistics
    statsmodels string struct subprocess sys tempfile tensorflow textwrap threading time timeit
    torch torchmetrics torchvision tqdm traceback transformers types typing urllib uuid warnings
    xgboost yaml zipfile zlib zoneinfo
    """
)
"""Modules whose functions leave what they are given as it is, those below excepted."""

_CHANGING_FUNCTIONS = re.compile(
    r"""
    heapq\.(?!nlargest|nsmallest|merge) | bisect\.insort | operator\.(i[a-z]+|setitem|delitem)$ 
        | random\.shuffle
    | numpy\.(random\.shuffle|put|place|copyto|putmask|fill_diagonal|put_along_axis)$ | torch\..*_$
    | (pickle|json|joblib|yaml|torch|csv)\.(dump|writer|DictWriter)$ | shutil\.copyfileobj 
        | functools\.(reduce|singledispatch)
    | .*\.(train|fit|fit_\w+|step|optimize|minimize|evaluate|backward)$ | .*\.autograd\.backward
    | transformers\.Trainer | .*\.partial_fit
    """,
    re.VERBOSE,
)
_UNCHANGING_EVEN_SO = re.compile(
    r"(lightgbm|xgboost)\.(train|cv)$|scipy\.optimize\.|numpy\.polynomial|joblib\.dump$|torch\.dump$"
)
_FRESH_FUNCTIONS = re.compile(
    r"""
    (math|cmath|statistics|time|re|os|platform|glob|hashlib|uuid|textwrap|string|sys|warnings|logging)\.
    | sklearn\.(metrics|model_selection\.cross_val_)
    | sklearn\.datasets\. | copy\.deepcopy | json\.(dumps|loads) | pickle\.(dumps|loads) | datetime\. 
        | decimal\.
    | numpy\.(mean|sum|std|var|min|max|median|quantile|percentile|arange|linspace|zeros|ones|full|eye
        |random\.|exp|log|sqrt
        |abs|concatenate|vstack|hstack|stack|where|allclose|array_equal|unique|load|save|argmax|argmin
            |round|isnan|corrcoef
        |bincount|histogram|logspace|meshgrid|copy|dot|matmul|cumsum|diff|sort|argsort|log1p|expm1|log10
            |prod|all|any|clip)
    | pandas\.(read_|concat|get_dummies|date_range|crosstab|merge|to_datetime|to_numeric|isna|notna|cut|qcut)
    | torch\.(rand|zeros|ones|arange|linspace|randn|randint|randperm|full|eye|manual_seed|save|load)
    | nbtrack\.(log_|set_) | mlflow\.(log_|set_)
    | polars\.(read_|scan_)
    """,
    re.VERBOSE,
)

_SETTING = re.compile(
    r"""
    os\.(chdir|putenv|unsetenv|environ|umask) | sys\.(path|setrecursionlimit|modules|stdout|stderr|argv)\b
    | warnings\.(filterwarnings|simplefilter|resetwarnings|showwarning) | logging\.(basicConfig|disable
        |getLogger\(\)) | locale\.setlocale
    | matplotlib\.(use|rc|rcParams|rcdefaults|style) | matplotlib\.pyplot\.(rc$|rcParams|rcdefaults
        |style|ion|ioff|switch_backend|set_cmap|set_loglevel)
    | seaborn\.(set|set_\w+|reset_\w+) | pandas\.(set_option|reset_option|options) | numpy\.(set_\w+
        |seterr|seterrcall)
    | torch\.(set_\w+|backends|use_deterministic_algorithms|autograd\.set_\w+|inductor|_dynamo
        |multiprocessing\.set_\w+)
    | sklearn\.(set_config|config_context) | polars\.Config | (tensorflow|keras|jax)\..*(config|set_\w+
        |enable_\w+|disable_\w+|mixed_precision)
    | (nbtrack|mlflow)\.(set_tracking_uri|set_experiment|autolog|\w+\.autolog|set_registry_uri|mlflow_drop_in)
    | plotly\.(io\.(templates|renderers)|offline\.init_notebook_mode) | decimal\.(getcontext
        |setcontext) | gc\.disable
    | socket\.setdefaulttimeout | multiprocessing\.set_\w+ | tqdm\..*\.pandas | transformers\.(logging
        |set_seed|utils\.logging)
    | .*\b(seed_everything|set_random_seed|set_seed|fix_seed|enable_\w+|register_\w+)$ | faulthandler\. 
        | nest_asyncio\.
    """,
    re.VERBOSE,
)
_EVERY_SEED = re.compile(r".*\b(seed_everything|set_random_seed|set_seed)$")
_SEEDS = {
    "random.seed": "python",
    "random.setstate": "python",
    "numpy.random.seed": "numpy",
    "numpy.random.set_state": "numpy",
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "torch.set_rng_state": "torch",
    "torch.seed": "torch",
}
_DRAWS = (
    (re.compile(r"random\.(?!Random|SystemRandom|seed|setstate)\w+$"), "python"),
    (
        re.compile(
            r"numpy\.random\.(?!default_rng|Generator|RandomState|SeedSequence|PCG64|Philox|MT19937|seed|set_state|bit_generator)\w+$"
        ),
        "numpy",
    ),
    (
        re.compile(
            r"torch\.(rand|randn|randint|randperm|rand_like|randn_like|randint_like|normal|bernoulli|multinomial|poisson|dropout"
            r"|get_rng_state|nn\.init\.\w+_|nn\.(?!functional|init|utils|Module|Sequential|Parameter|ReLU|Flatten|\w*Loss)[A-Z]\w+"
            r"|nn\.functional\.\w*dropout\w*)$"
        ),
        "torch",
    ),
)
_DRAWS_UNSEEDED = re.compile(
    r"""
    sklearn\.(model_selection\.(train_test_split|cross_val_\w+|cross_validate|learning_curve
        |permutation_test_score)
        |utils\.(shuffle|resample)|datasets\.make_\w+|inspection\.permutation_importance)$
    """,
    re.VERBOSE,
)
"""Functions that draw from numpy's generator unless they are given `random_state`."""

_DRAWING_METHODS = {"sample": "numpy", "fit": "numpy", "fit_transform": "numpy", "fit_predict": "numpy"}

_READERS = re.compile(
    r"\b(read\w*|load\w*|open|imread|fromfile|genfromtxt|scan\w*|ImageFolder|from_file|from_csv)$"
)
_WRITERS = re.compile(
    r"\b(to_(csv|excel|json|parquet|pickle|feather|hdf|html|latex|markdown|stata|orc|xml|file)"
    r"|save\w*|dump\w*|write_\w+|imwrite|imsave|touch|mkdir|makedirs|unlink|rename|remove|rmtree|copy\w*|move|tofile"
    r"|urlretrieve|extractall|extract|download\w*|export\w*|symlink_to)$"
)
_REPLACERS = re.compile(
    r"\b(to_(csv|excel|json|parquet|pickle|feather|html)|save\w*|dump|write_text|write_bytes|imwrite|imsave|tofile)$"
)

_ALIASES = {
    "np": "numpy",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "mpl": "matplotlib",
    "sns": "seaborn",
    "pl": "polars",
    "tf": "tensorflow",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "px": "plotly.express",
    "go": "plotly.graph_objects",
    "xgb": "xgboost",
    "lgb": "lightgbm",
    "sm": "statsmodels.api",
    "jnp": "jax.numpy",
}
_SELF_NAMED = _words(
    "numpy pandas matplotlib seaborn torch random os sys math json time warnings logging sklearn nbtrack"
    " mlflow tensorflow"
)


def usual_module(name: str) -> str | None:
    """The module that a name of a notebook means by convention: `np`, `torch`."""
    return name if name in _SELF_NAMED else _ALIASES.get(name)


@dataclass(frozen=True)
class KnownFunction:
    """What a function does to what it is given, and to the world."""

    is_harmless: bool = False
    """Whether it changes nothing that it is given."""
    is_fresh: bool = False
    """Whether its result holds nothing of what it was given."""
    copies: bool = False
    """Whether its result is a new object that holds what its arguments hold."""
    changes_first: bool = False
    """Whether it changes its first argument, and nothing else."""
    seeds: frozenset[str] = frozenset()
    draws: frozenset[str] = frozenset()
    draws_unless_seeded: bool = False
    is_setting: bool = False


UNKNOWN = KnownFunction()


@lru_cache(maxsize=8192)
def function(dotted: str) -> KnownFunction:
    """What is known of a function or class of a library, by its whole name: `numpy.random.seed`."""
    is_changing = bool(_CHANGING_FUNCTIONS.match(dotted)) and not _UNCHANGING_EVEN_SO.match(dotted)
    is_known = dotted.partition(".")[0] in _KNOWN_MODULES
    seeds = frozenset({_SEEDS[dotted]}) if dotted in _SEEDS else frozenset[str]()
    if _EVERY_SEED.match(dotted):
        seeds = frozenset({"python", "numpy", "torch"})
    return KnownFunction(
        is_harmless=is_known and not is_changing,
        is_fresh=is_known and bool(_FRESH_FUNCTIONS.match(dotted)),
        changes_first=is_known
        and is_changing
        and dotted.partition(".")[0] in ("heapq", "bisect", "random", "numpy", "operator"),
        copies=dotted in ("copy.copy", "collections.OrderedDict", "collections.deque", "collections.Counter"),
        seeds=seeds,
        draws=frozenset(generator for pattern, generator in _DRAWS if pattern.match(dotted)),
        draws_unless_seeded=bool(_DRAWS_UNSEEDED.match(dotted)),
        is_setting=bool(_SETTING.match(dotted)) and not seeds,
    )


@lru_cache(maxsize=1024)
def builtin(name: str) -> KnownFunction:
    """What is known of a builtin function."""
    return KnownFunction(
        is_harmless=name in _PURE_BUILTINS
        or name in _HOLDING_BUILTINS
        or name.endswith(("Error", "Warning", "Exception")),
        is_fresh=name in _FRESH_BUILTINS,
        copies=name in ("list", "dict", "set", "sorted"),
        changes_first=name in _CHANGING_BUILTINS,
    )


def is_harmless(path: Sequence[str]) -> bool:
    """Whether a method changes neither its object nor what it is given: `head`, `plot.barh`, `str.lower`."""
    return path[-1] in HARMLESS_METHODS or (len(path) > 1 and path[-2] in _ACCESSORS)


_ACCESSORS = frozenset(("cat", "dt", "plot", "str"))
"""What pandas has methods of frames and series in."""


def drawing_method(name: str) -> str | None:
    """The generator that a method draws from unless it was given a seed, as far as names tell."""
    return _DRAWING_METHODS.get(name)


@lru_cache(maxsize=4096)
def file_use(name: str) -> str:
    """What a function does to the paths it is given: `reads`, `writes`, `replaces`; empty: unknown."""
    if _REPLACERS.search(name):
        return "replaces"
    if _WRITERS.search(name):
        return "writes"
    return "reads" if _READERS.search(name) else ""


@lru_cache(maxsize=4096)
def looks_like_a_path(text: str) -> bool:
    """Whether a text may name a file: it has a folder or an ending."""
    if not 1 < len(text) <= 300 or "\n" in text or " " in text.strip()[:1]:
        return False
    if "://" in text:
        return False
    return (
        bool(re.search(r"\.[A-Za-z][A-Za-z0-9]{0,7}$", text)) or "/" in text.strip("/ ") or text.endswith("/")
    )
