"""Settings from the environment: `NBTRACK_X` first, MLflow's `MLFLOW_X` as the fall-back.

Nothing is read at import; a setting is looked up when it is needed.
"""

import os

SETTINGS = {
    "TRACKING_URI": "The store: a folder, a `file:` URI or a `sqlite:///` URI.",
    "REGISTRY_URI": "A store of its own for registered models.",
    "EXPERIMENT_NAME": "The experiment of new runs; made when it does not exist.",
    "EXPERIMENT_ID": "The experiment of new runs, by id.",
    "RUN_ID": "The run that the next `start_run()` resumes.",
    "DISABLED": "`1` turns every call into a no-op (nbtrack only).",
    "CAPTURE_ENVIRONMENT": "`0` keeps no Git commit, packages and command line of runs (nbtrack only).",
    "ENABLE_SYSTEM_METRICS_LOGGING": "`true` lets every new run log system metrics.",
    "SYSTEM_METRICS_SAMPLING_INTERVAL": "Seconds between their samples; 10 if not set.",
    "SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING": "How many samples make one point; 1 if not set.",
    "SYSTEM_METRICS_NODE_ID": "The name of this machine in the names of system metrics.",
    "ACTIVE_MODEL_ID": "The logged model that metrics are measured of, until `set_active_model`.",
    "RUN_CONTEXT": "Tags of every new run, as a JSON object.",
}
"""Name without prefix, and what it sets."""

NBTRACK_ONLY = frozenset({"DISABLED", "CAPTURE_ENVIRONMENT"})
"""Those that MLflow has no variable for."""

# Set by nbtrack itself for the processes that are started from here: process, run and store of the
# run that is active, process and name of the experiment that was chosen. Not for users.
_ACTIVE_RUN = "NBTRACK_ACTIVE_RUN"
_PARENT_RUN = "NBTRACK_PARENT_RUN"
_ACTIVE_EXPERIMENT = "NBTRACK_ACTIVE_EXPERIMENT"


def setting(name: str) -> str | None:
    """The value of a setting of `SETTINGS`; None when it is unset or empty."""
    return os.environ.get(f"NBTRACK_{name}") or os.environ.get(f"MLFLOW_{name}") or None


def variable_of(name: str) -> str:
    """The environment variable that a setting was read from."""
    return f"NBTRACK_{name}" if os.environ.get(f"NBTRACK_{name}") else f"MLFLOW_{name}"


def is_disabled() -> bool:
    """Whether `NBTRACK_DISABLED` asks for no tracking."""
    return os.environ.get("NBTRACK_DISABLED", "").strip().lower() in ("1", "true", "yes", "on")


def captures_environment() -> bool:
    """Whether `NBTRACK_CAPTURE_ENVIRONMENT` leaves the capture of the environment on."""
    text = os.environ.get("NBTRACK_CAPTURE_ENVIRONMENT", "")
    return not text or text.strip().lower() not in ("0", "false", "no", "off")


def wants_system_metrics() -> bool:
    """Whether runs log system metrics when nobody says so for the run."""
    text = setting("ENABLE_SYSTEM_METRICS_LOGGING")
    return text is not None and text.strip().lower() in ("1", "true", "yes", "on")


def consume_run_id() -> tuple[str, str] | None:
    """The run that the environment asks to resume, and the variable that does; None without one.

    Asked once, as in MLflow, so it is removed.
    """
    run_id = setting("RUN_ID")
    if run_id is None:
        return None
    variable = variable_of("RUN_ID")
    os.environ.pop("NBTRACK_RUN_ID", None)
    os.environ.pop("MLFLOW_RUN_ID", None)
    return run_id, variable


def leave_run(run_id: str, uri: str) -> None:
    """Tell processes spawned from here which run is active."""
    if os.environ.get(_ACTIVE_RUN) and not _is_ours(os.environ[_ACTIVE_RUN]):
        # A worker's own runs come and go; what it was started in is to be found again after them.
        os.environ[_PARENT_RUN] = os.environ[_ACTIVE_RUN]
    os.environ[_ACTIVE_RUN] = f"{os.getpid()}:{run_id}:{uri}"


def leave_no_run() -> None:
    """Tell processes spawned from here that no run of this process is active."""
    inherited = os.environ.get(_PARENT_RUN)
    if inherited is None:
        os.environ.pop(_ACTIVE_RUN, None)
    else:
        os.environ[_ACTIVE_RUN] = inherited


def forget_inherited_run() -> None:
    """Have nothing to do with the run of the process that spawned this one any more."""
    os.environ.pop(_PARENT_RUN, None)
    os.environ.pop(_ACTIVE_RUN, None)


def inherited_run() -> tuple[str, str] | None:
    """The run id and tracking URI of the run that was active in the process that spawned this one."""
    for left in (os.environ.get(_ACTIVE_RUN, ""), os.environ.get(_PARENT_RUN, "")):
        # Our own process says it too, for its children: that is nothing inherited.
        run_id, _, uri = left.partition(":")[2].partition(":")
        if uri and not _is_ours(left):
            return run_id, uri
    return None


def _is_ours(left: str) -> bool:
    return left.partition(":")[0] == str(os.getpid())


def leave_experiment(name: str) -> None:
    """Tell processes spawned from here which experiment was chosen."""
    os.environ[_ACTIVE_EXPERIMENT] = f"{os.getpid()}:{name}"


def leave_no_experiment() -> None:
    """Tell processes spawned from here that none was chosen, if this process has said one."""
    if inherited_experiment() is None:
        os.environ.pop(_ACTIVE_EXPERIMENT, None)


def inherited_experiment() -> str | None:
    """The name of the experiment that was chosen in the process that spawned this one."""
    pid, _, name = os.environ.get(_ACTIVE_EXPERIMENT, "").partition(":")
    return name or None if pid != str(os.getpid()) else None
