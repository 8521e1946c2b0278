"""Who is measured, with which settings, and what to know when reading a figure."""

from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Contestant:
    """One column of the table."""

    name: str
    title: str
    requirements: tuple[str, ...]
    """What pip installs into its environment."""

    first_import: str
    """The import a script begins with."""

    first_use: str
    """The import, and a look at what is called first: some load when they are used."""

    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables; the other settings are in the worker's script."""

    cannot: dict[str, str] = field(default_factory=dict)
    """Work it is not asked to do -> why."""

    notes: dict[str, str] = field(default_factory=dict)
    """Work -> what to know of the figure."""

    points_to_read: int | None = None
    """How many points are read of one metric, where a million takes too long to make."""


_OFFLINE_HAS_NO_READER = "Offline there is no search and no DataFrame: W&B reads on its server."

_TRACKIO_SQL = (
    "Store made by copying the rows of one run in SQL. No filter language: SQL of ours, through its function "
    "for read-only SQL."
)
_COPIED = "Store made by copying the rows of one run in SQL."
_TRACKIO_LATER = "The call appends to a list; a thread writes it every half second."
_WANDB_HELPER = "The call hands the point to a helper process, which writes."
_BARE_WRITE = "`os.write` of 32 packed bytes to an open file."
_BARE_SQL = "Bare SQL on SQLite (WAL, synchronous=NORMAL)."
_AIM_TAKES_LONG = "Not run: making 10,000 runs takes minutes, indexing them minutes more."

FLOOR = Contestant(
    name="floor",
    title="floor",
    requirements=(),
    first_import="import sqlite3",
    first_use="import sqlite3; sqlite3.connect",
    notes={
        "log_metric": _BARE_WRITE,
        "kill": _BARE_WRITE,
        "crowd": _BARE_WRITE,
        "params": _BARE_SQL,
        "start_end": _BARE_SQL,
        "search": "A bare table with just the right index, 50 documents decoded.",
        "frame": "Each document decoded by `json.loads`, then `pandas.DataFrame`.",
        "read": "`numpy.fromfile`.",
        "import": "`import sqlite3`.",
    },
)

CONTESTANTS = (
    Contestant(
        name="nbtrack",
        title="nbtrack",
        requirements=("-e", str(CHECKOUT)),
        first_import="import nbtrack",
        first_use="import nbtrack; nbtrack.start_run",
        settings={"NBTRACK_CAPTURE_ENVIRONMENT": "0"},
    ),
    Contestant(
        name="mlflow",
        title="MLflow (SQLite)",
        requirements=("mlflow",),
        first_import="import mlflow",
        first_use="import mlflow; mlflow.start_run",
        settings={
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
            "GIT_PYTHON_REFRESH": "quiet",
        },
        notes={
            "search": _COPIED,
            "frame": _COPIED,
            "read": "Points written in SQL.",
        },
    ),
    Contestant(
        name="wandb",
        title="W&B offline",
        requirements=("wandb", "numpy"),
        first_import="import wandb",
        first_use="import wandb; wandb.init",
        settings={
            "WANDB_MODE": "offline",
            "WANDB_SILENT": "true",
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_DISABLE_GIT": "true",
        },
        cannot={"search": _OFFLINE_HAS_NO_READER, "frame": _OFFLINE_HAS_NO_READER},
        notes={
            "log_metric": _WANDB_HELPER,
            "crowd": _WANDB_HELPER,
            "kill": "The helper process lives on and has 10 seconds to write what it holds.",
            "params": "Tags are labels there: `key=value` as one text.",
            "read": "Offline W&B has no function that reads: a parser of ours for its `.wandb` file.",
        },
        points_to_read=100_000,
    ),
    Contestant(
        name="trackio",
        title="Trackio",
        requirements=("trackio", "pandas"),
        first_import="import trackio",
        first_use="import trackio; trackio.init",
        settings={"TRACKIO_DIR": "trackio", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
        notes={
            "log_metric": _TRACKIO_LATER,
            "kill": _TRACKIO_LATER,
            "crowd": _TRACKIO_LATER,
            "params": "A run is written with its first point, so one is logged; there are no tags: "
            "all goes into its config.",
            "start_end": "A run is written with its first point, so one is logged.",
            "search": _TRACKIO_SQL,
            "frame": _TRACKIO_SQL,
            "read": "Points written by its own bulk function.",
        },
    ),
    Contestant(
        name="aim",
        title="Aim",
        requirements=("aim",),
        first_import="import aim",
        first_use="from aim import Run",
        settings={"DO_NOT_TRACK": "true"},
        cannot={
            "search": _AIM_TAKES_LONG,
            "frame": _AIM_TAKES_LONG,
        },
        notes={
            "kill": "After `aim storage reindex`; before it the run cannot be read.",
        },
        points_to_read=100_000,
    ),
)
