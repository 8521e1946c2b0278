"""The drop-in: code that says `import mlflow` gets nbtrack.

    import nbtrack.mlflow_drop_in as drop_in

    drop_in.install()

or, for a script as it stands: `python -m nbtrack.mlflow_drop_in train.py --epochs 3`.

Modules with MLflow's names are made when they are imported, and look a name up in ours when it is used: they
are never our own module objects, and `import mlflow` loads no more than `import nbtrack`.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.version import MLFLOW_VERSION

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

__all__ = ["MODULES", "install", "is_installed", "uninstall"]

MODULES: dict[str, str] = {
    "mlflow": "nbtrack",
    "mlflow.artifacts": "nbtrack.artifacts",
    "mlflow.client": "nbtrack.tracking",
    "mlflow.config": "nbtrack.tracking nbtrack.tracking.system_metrics nbtrack.tracking.run_operations",
    "mlflow.data": "nbtrack.data",
    "mlflow.data.dataset": "nbtrack.data",
    "mlflow.data.dataset_source": "nbtrack.data",
    "mlflow.data.numpy_dataset": "nbtrack.data",
    "mlflow.data.pandas_dataset": "nbtrack.data",
    "mlflow.data.polars_dataset": "nbtrack.data",
    "mlflow.entities": "nbtrack.entities",
    "mlflow.entities.dataset": "nbtrack.entities",
    "mlflow.entities.dataset_input": "nbtrack.entities",
    "mlflow.entities.experiment": "nbtrack.entities",
    "mlflow.entities.experiment_tag": "nbtrack.entities",
    "mlflow.entities.file_info": "nbtrack.entities",
    "mlflow.entities.input_tag": "nbtrack.entities",
    "mlflow.entities.lifecycle_stage": "nbtrack.entities",
    "mlflow.entities.logged_model": "nbtrack.entities",
    "mlflow.entities.logged_model_input": "nbtrack.entities",
    "mlflow.entities.logged_model_output": "nbtrack.entities",
    "mlflow.entities.logged_model_parameter": "nbtrack.entities",
    "mlflow.entities.logged_model_status": "nbtrack.entities",
    "mlflow.entities.logged_model_tag": "nbtrack.entities",
    "mlflow.entities.metric": "nbtrack.entities",
    "mlflow.entities.model_registry": "nbtrack.entities",
    "mlflow.entities.model_registry.model_version": "nbtrack.entities",
    "mlflow.entities.model_registry.model_version_stages": "nbtrack.core.mlflow_stages",
    "mlflow.entities.model_registry.model_version_status": "nbtrack.entities",
    "mlflow.entities.model_registry.model_version_tag": "nbtrack.entities",
    "mlflow.entities.model_registry.registered_model": "nbtrack.entities",
    "mlflow.entities.model_registry.registered_model_alias": "nbtrack.entities",
    "mlflow.entities.model_registry.registered_model_tag": "nbtrack.entities",
    "mlflow.entities.param": "nbtrack.entities",
    "mlflow.entities.run": "nbtrack.entities",
    "mlflow.entities.run_data": "nbtrack.entities",
    "mlflow.entities.run_info": "nbtrack.entities",
    "mlflow.entities.run_inputs": "nbtrack.entities",
    "mlflow.entities.run_outputs": "nbtrack.entities",
    "mlflow.entities.run_status": "nbtrack.entities",
    "mlflow.entities.run_tag": "nbtrack.entities",
    "mlflow.entities.source_type": "nbtrack.entities",
    "mlflow.entities.view_type": "nbtrack.entities",
    "mlflow.environment_variables": "nbtrack.core.mlflow_variables",
    "mlflow.exceptions": "nbtrack.exceptions nbtrack.core.error_codes",
    "mlflow.keras": "nbtrack.keras",
    "mlflow.lightgbm": "nbtrack.lightgbm",
    "mlflow.lightning": "nbtrack.lightning",  # MLflow has it in mlflow.pytorch
    "mlflow.models": "nbtrack.models",
    "mlflow.models.model": "nbtrack.models",
    "mlflow.models.model_config": "nbtrack.models",
    "mlflow.models.python_api": "nbtrack.models",
    "mlflow.models.signature": "nbtrack.models",
    "mlflow.models.utils": "nbtrack.models",
    "mlflow.protos": "",
    "mlflow.protos.databricks_pb2": "nbtrack.core.error_codes",
    "mlflow.pyfunc": "nbtrack.pyfunc",
    "mlflow.pyfunc.model": "nbtrack.pyfunc",
    "mlflow.pytorch": "nbtrack.pytorch",
    "mlflow.sklearn": "nbtrack.sklearn",
    "mlflow.store": "",
    "mlflow.store.artifact": "",
    "mlflow.store.artifact.runs_artifact_repo": "nbtrack.tracking.artifact_places",
    "mlflow.store.entities": "nbtrack.core.paged_lists",
    "mlflow.store.entities.paged_list": "nbtrack.core.paged_lists",
    "mlflow.store.model_registry": "nbtrack.core.mlflow_limits",
    "mlflow.store.tracking": "nbtrack.core.mlflow_limits",
    "mlflow.system_metrics": "nbtrack.tracking.system_metrics",
    "mlflow.tensorflow": "nbtrack.tensorflow",
    "mlflow.tracking": "nbtrack.tracking",
    "mlflow.tracking._model_registry": "",
    "mlflow.tracking._model_registry.fluent": "nbtrack.tracking.fluent",
    "mlflow.tracking._model_registry.utils": "nbtrack.tracking",
    "mlflow.tracking._tracking_service": "",
    "mlflow.tracking._tracking_service.utils": "nbtrack.tracking",
    "mlflow.tracking.artifact_utils": "nbtrack.tracking.artifact_places",
    "mlflow.tracking.client": "nbtrack.tracking",
    "mlflow.tracking.context": "nbtrack.tracking.run_context",
    "mlflow.tracking.context.registry": "nbtrack.tracking.run_context",
    "mlflow.tracking.fluent": "nbtrack.tracking.fluent nbtrack",
    "mlflow.types": "nbtrack.types",
    "mlflow.types.schema": "nbtrack.types",
    "mlflow.types.type_hints": "nbtrack.models.schema.type_hints",
    "mlflow.utils": "",
    "mlflow.utils.async_logging": "",
    "mlflow.utils.async_logging.run_operations": "nbtrack.tracking.run_operations",
    "mlflow.utils.environment": "nbtrack.models.mlflow_environments",
    "mlflow.utils.file_utils": "nbtrack.core.mlflow_files",
    "mlflow.utils.mlflow_tags": "nbtrack.core.mlflow_tags",
    "mlflow.utils.validation": "nbtrack.core.mlflow_limits",
    "mlflow.version": "",
    "mlflow.xgboost": "nbtrack.xgboost",
}
"""MLflow's modules -> ours, in which a name is looked up in this order; some only hold other modules."""

_CONSTANTS = {"mlflow": {"__version__": MLFLOW_VERSION}, "mlflow.version": {"VERSION": MLFLOW_VERSION}}
_PACKAGES = ("mlflow", "mlflow-skinny")
"""The packages on PyPI that bring `mlflow`."""

_ORIGIN = "nbtrack"
"""Of the specs of these modules, by which they are known: `nbtrack/models/code/mlflow_names.py`."""

_WORKER_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_path")
"""A folder with a package `mlflow` that installs the drop-in, for processes started from here."""


def install() -> None:
    """Make `import mlflow`, and imports of its modules, mean nbtrack: in this process and those it starts.

    The real MLflow may be installed or not. A second call changes nothing. The processes are those that
    take the environment variables of this one, with `PYTHONPATH`.

    Raises:
        InvalidStateError: MLflow itself has been imported already; nothing is changed.
    """
    if is_installed():
        return
    loaded: list[tuple[str, Any]] = list(sys.modules.items())
    if any(_is_mlflows(name) and module is not None for name, module in loaded):  # None forbids an import
        from nbtrack.core.errors import InvalidStateError  # lazy, as below

        raise InvalidStateError(
            "MLflow itself has been imported in this process, and cannot be replaced any more. Call "
            "nbtrack.mlflow_drop_in.install() before the first `import mlflow`, also before libraries that "
            "import it; in a notebook, restart the kernel and run it in the first cell. A script runs as it "
            "stands with `python -m nbtrack.mlflow_drop_in script.py`."
        )
    sys.meta_path.insert(0, _FINDER)
    if os.path.isdir(_WORKER_PATH):
        # multiprocessing gives its workers this; behind the script's own folder, as in Python.
        sys.path.insert(0 if sys.flags.safe_path else 1, _WORKER_PATH)
        os.environ["PYTHONPATH"] = os.pathsep.join((_WORKER_PATH, *_python_path()))


def uninstall() -> None:
    """Undo `install`: the next `import mlflow` is for MLflow itself, where it is installed.

    What was imported before keeps meaning nbtrack.
    """
    if not is_installed():
        return
    sys.meta_path.remove(_FINDER)
    for name, module in list(sys.modules.items()):
        if _is_mlflows(name) and getattr(getattr(module, "__spec__", None), "loader", None) is _FINDER:
            del sys.modules[name]
    sys.path[:] = [folder for folder in sys.path if folder != _WORKER_PATH]
    if kept := _python_path():
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        os.environ.pop("PYTHONPATH", None)


def is_installed() -> bool:
    """Whether `import mlflow` means nbtrack in this process."""
    return _FINDER in sys.meta_path


class _Finder:
    """Finds and makes MLflow's modules; Python's import system asks it before any other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if not _is_mlflows(fullname):
            return None
        if fullname in MODULES:
            # All are packages: of these Python asks for what `from mlflow.x import y` does not find.
            return ModuleSpec(fullname, _FINDER, origin=_ORIGIN, is_package=True)
        if _is_being_imported():
            from nbtrack.core.absent_names import absent_name  # lazy: only where something is wrong

            module, _, name = fullname.rpartition(".")
            raise ModuleNotFoundError(absent_name(module, name, _modules_in(module)), name=fullname)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name, f"nbtrack answers for {spec.name} here.")

    def exec_module(self, module: ModuleType) -> None:
        # `importlib.reload` is to undo what was set from outside.
        for name in [name for name in vars(module) if not name.startswith("__")]:
            if any(_look_up(home, name) is not _ABSENT for home in MODULES[module.__name__].split()):
                delattr(module, name)
        _furnish(module)

    def find_distributions(self, context: "DistributionFinder.Context") -> "Iterator[Distribution]":
        """MLflow as an installed package, for who asks for its version; it is in no list of packages."""
        name = context.name and context.name.lower().replace("_", "-")
        if name in _PACKAGES and context.path == sys.path:
            yield _package(name)


def _furnish(module: ModuleType) -> None:
    """Let a module look its names up in ours when they are used, and keep what it has found."""
    own = module.__name__

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return list(_names_of(own))
        if name.startswith("__"):
            raise AttributeError(f"module {own!r} has no attribute {name!r}", name=name)
        if (inner := f"{own}.{name}") in MODULES:
            return import_module(inner) if is_installed() else _unlisted(inner)
        for home in MODULES[own].split():
            value = _look_up(home, name)
            if value is not _ABSENT:
                setattr(module, name, value)
                return value
        from nbtrack.core.absent_names import absent  # lazy, as above

        known = () if name.startswith("_") else (*_names_of(own), *_modules_in(own))
        raise absent(own, name, known, _names_of("mlflow"))

    def __dir__() -> list[str]:
        return sorted({*vars(module), *_names_of(own), *_modules_in(own)})

    # A package without a file is a bare folder to some, who then take MLflow for absent.
    vars(module).update(_CONSTANTS.get(own, {}), __file__=__file__, __getattr__=__getattr__, __dir__=__dir__)


def _unlisted(name: str) -> ModuleType:
    """A module for those that were imported before `uninstall`: Python would find MLflow's own."""
    module = module_from_spec(ModuleSpec(name, _FINDER, origin=_ORIGIN, is_package=True))
    _furnish(module)
    return module


def _package(name: str) -> "Distribution":
    from importlib.metadata import Distribution  # lazy: few ask

    class Package(Distribution):
        def read_text(self, filename: str) -> str | None:
            is_metadata = filename == "METADATA"
            return (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {MLFLOW_VERSION}\n" if is_metadata else None
            )

        def locate_file(self, path: Any) -> Any:
            raise FileNotFoundError(f"nbtrack answers for {name} here, and has no file {str(path)!r} of it.")

    return Package()


def _look_up(home: str, name: str) -> Any:
    """What a module of ours has under a name; our own modules are not handed out."""
    value = getattr(import_module(home), name, _ABSENT)
    return _ABSENT if isinstance(value, ModuleType) else value


def _names_of(module: str) -> tuple[str, ...]:
    """The public names that stand for those of a module of MLflow's, without modules; loads none of them."""
    from pkgutil import iter_modules  # lazy: they are wanted for lists and messages only

    names: set[str] = set(_CONSTANTS.get(module, {}))
    for home in MODULES[module].split():
        found = import_module(home)
        inner = {each.name for each in iter_modules(getattr(found, "__path__", ()))}
        listed: Iterable[str] = getattr(found, "__all__", None) or dir(found)
        names.update(name for name in listed if name not in inner and _is_of_ours(vars(found).get(name)))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def _is_of_ours(value: object) -> bool:
    """Whether a module of ours has not just imported it."""
    home = getattr(value, "__module__", None) or _ORIGIN
    return not isinstance(value, ModuleType) and home.partition(".")[0] == "nbtrack"


def _modules_in(module: str) -> tuple[str, ...]:
    package = f"{module}."
    inner = (name.removeprefix(package) for name in MODULES if name.startswith(package))
    return tuple(name for name in inner if "." not in name)


def _is_being_imported() -> bool:
    """Whether an import asks the finder, and not `importlib.util.find_spec`, which wants to hear no."""
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage] - nothing public says it
    while frame is not None and frame.f_code.co_filename == "<frozen importlib._bootstrap>":
        if frame.f_code.co_name == "_find_and_load":
            return True
        frame = frame.f_back
    return False


def _is_mlflows(name: str) -> bool:
    return name == "mlflow" or name.startswith("mlflow.")


def _python_path() -> list[str]:
    """`PYTHONPATH`, without our folder; an empty folder in it is the working directory."""
    text = os.environ.get("PYTHONPATH")
    return [folder for folder in text.split(os.pathsep) if folder != _WORKER_PATH] if text else []


_ABSENT = object()
_FINDER = cast("Any", _Finder())

_USAGE = """\
usage: python -m nbtrack.mlflow_drop_in script.py [arguments]
       python -m nbtrack.mlflow_drop_in -m module [arguments]"""
_HELP = f"""\
{_USAGE}

Runs a script or module as Python does, but `import mlflow` in it, in the libraries it uses and in the
processes it starts gets nbtrack, whether MLflow is installed or not: what it logs goes to nbtrack's store.
What nbtrack does not have raises an error that names it.

In a notebook or program: import nbtrack.mlflow_drop_in; nbtrack.mlflow_drop_in.install()
More: docs/mlflow.md, Code that imports mlflow itself."""


def _main(words: Sequence[str]) -> None:
    if words[:1] in (["-h"], ["--help"]):
        print(_HELP)
    elif (words[:1] == ["-m"] and len(words) > 1) or (words and not words[0].startswith("-")):
        from nbtrack.core.scripts import run_module, run_script  # lazy: `install()` alone has no need of it

        install()
        if words[0] == "-m":
            run_module(words[1], words[2:])
        else:
            run_script(words[0], words[1:])
    else:
        wrong = (
            f"There is no option {words[0]!r}."
            if words[:1] not in ([], ["-m"])
            else "There is nothing to run."
        )
        print(f"{_USAGE}\n\n{wrong} --help says more.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    # Python has made a second module of this file; what others import is the first.
    from nbtrack import mlflow_drop_in

    mlflow_drop_in._main(sys.argv[1:])  # pyright: ignore[reportPrivateUsage]
