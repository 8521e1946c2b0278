"""The drop-in: code that says `import mlflow` gets nbtrack.

    import nbtrack.mlflow_drop_in

    nbtrack.mlflow_drop_in.install()

or, for a script as it stands: `python -m nbtrack.mlflow_drop_in train.py --epochs 3`.

Modules of MLflow's names are made when they are imported, and look a name up in ours when it is used: they
are never our own module objects, and `import mlflow` loads no more than `import nbtrack`.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from nbtrack.core.absent_names import absent, absent_name
from nbtrack.core.errors import InvalidStateError
from nbtrack.core.version import MLFLOW_VERSION

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

__all__ = ["MODULES", "install", "is_installed", "uninstall"]

# MLflow's module -> ours, in which a name is looked up in this order. A module without one of ours only
# holds others.
MODULES: dict[str, str] = {
    "mlflow": "nbtrack",
    "mlflow.artifacts": "nbtrack.artifacts",
    "mlflow.client": "nbtrack.tracking",
    "mlflow.data": "nbtrack.data",
    "mlflow.data.dataset": "nbtrack.data",
    "mlflow.data.dataset_source": "nbtrack.data",
    "mlflow.data.numpy_dataset": "nbtrack.data",
    "mlflow.data.pandas_dataset": "nbtrack.data",
    "mlflow.data.polars_dataset": "nbtrack.data",
    "mlflow.entities": "nbtrack.entities",
    "mlflow.entities.model_registry": "nbtrack.entities",
    "mlflow.entities.view_type": "nbtrack.entities",
    "mlflow.exceptions": "nbtrack.exceptions",
    "mlflow.keras": "nbtrack.keras",
    "mlflow.lightgbm": "nbtrack.lightgbm",
    "mlflow.models": "nbtrack.models",
    "mlflow.models.model": "nbtrack.models",
    "mlflow.models.signature": "nbtrack.models",
    "mlflow.protos": "",
    "mlflow.protos.databricks_pb2": "nbtrack.core.error_codes",
    "mlflow.pyfunc": "nbtrack.pyfunc",
    "mlflow.pyfunc.model": "nbtrack.pyfunc",
    "mlflow.pytorch": "nbtrack.pytorch",
    "mlflow.sklearn": "nbtrack.sklearn",
    "mlflow.tensorflow": "nbtrack.tensorflow",
    "mlflow.tracking": "nbtrack.tracking nbtrack",
    "mlflow.tracking.client": "nbtrack.tracking",
    "mlflow.tracking.context": "",
    "mlflow.tracking.context.registry": "nbtrack.tracking.run_context",
    "mlflow.tracking.fluent": "nbtrack nbtrack.tracking",
    "mlflow.types": "nbtrack.types",
    "mlflow.types.schema": "nbtrack.types",
    "mlflow.utils": "",
    "mlflow.utils.mlflow_tags": "nbtrack.core.mlflow_tags",
    "mlflow.utils.validation": "nbtrack.core.mlflow_limits",
    "mlflow.xgboost": "nbtrack.xgboost",
}


def install() -> None:
    """Make `import mlflow`, and imports of its modules, mean nbtrack in this process.

    A second call changes nothing. The real MLflow may be installed or not.

    Raises:
        InvalidStateError: MLflow itself has been imported already; nothing is changed.
    """
    if is_installed():
        return
    loaded = [name for name in sys.modules if _is_mlflow(name)]
    if loaded:
        raise InvalidStateError(
            "MLflow itself has been imported already, so that it cannot be replaced by nbtrack in this "
            "process. Call nbtrack.mlflow_drop_in.install() before the first `import mlflow`, also before "
            "libraries that import it; in a notebook, restart the kernel first. For a script: "
            "python -m nbtrack.mlflow_drop_in script.py"
        )
    sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Undo `install`: the next `import mlflow` finds MLflow itself, where it is installed.

    What was imported before keeps meaning nbtrack.
    """
    if not is_installed():
        return
    sys.meta_path.remove(_FINDER)
    for name in [name for name, module in sys.modules.items() if isinstance(module, _Stand)]:
        del sys.modules[name]


def is_installed() -> bool:
    """Whether `import mlflow` means nbtrack in this process."""
    return _FINDER in sys.meta_path


class _Stand(ModuleType):
    """Stands for a module of MLflow's; its names are looked up in ours when they are used."""

    def __getattr__(self, name: str) -> Any:
        own = self.__name__
        if name.startswith("__"):
            if name == "__all__":
                return _public_names(own)
            raise AttributeError(f"module {own!r} has no attribute {name!r}", name=name)
        if f"{own}.{name}" in MODULES:
            return import_module(f"{own}.{name}")
        for home in MODULES[own].split():
            value = _found(home, name)
            if value is not _ABSENT:
                setattr(self, name, value)
                return value
        raise absent(own, name, _public_names(own), _public_names("mlflow"))

    def __dir__(self) -> list[str]:
        inner = (name.removeprefix(f"{self.__name__}.") for name in MODULES if _parent(name) == self.__name__)
        return sorted({*vars(self), *inner, *_public_names(self.__name__)})


class _Finder:
    """Finds the modules of MLflow's names; Python's import system asks it first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if not _is_mlflow(fullname):
            return None
        if fullname in MODULES:
            return ModuleSpec(fullname, cast("Any", self), origin="nbtrack", is_package=True)
        if _is_being_imported():
            raise ModuleNotFoundError(_absence(fullname), name=fullname)
        return None  # importlib.util.find_spec asks, or Python's import system whether a name is a module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Stand(spec.name, f"nbtrack stands for {spec.name} here.")

    def exec_module(self, module: ModuleType) -> None:
        # A package without a file is a bare folder to some, who then take MLflow for absent.
        vars(module)["__file__"] = __file__
        if module.__name__ == "mlflow":
            vars(module)["__version__"] = MLFLOW_VERSION

    def find_distributions(self, context: "DistributionFinder.Context") -> "Iterable[Distribution]":
        """MLflow as an installed package, for whoever asks for its version by its name."""
        name = getattr(context, "name", None)
        if name is not None and name.lower().replace("_", "-") in ("mlflow", "mlflow-skinny"):
            yield _distribution(name)


def _distribution(name: str) -> "Distribution":
    from importlib.metadata import Distribution  # lazy: few ask

    class OfferedMlflow(Distribution):
        def read_text(self, filename: str) -> str | None:
            if filename in ("METADATA", "PKG-INFO"):
                return f"Metadata-Version: 2.1\nName: {name}\nVersion: {MLFLOW_VERSION}\n"
            return None

        def locate_file(self, path: Any) -> Any:
            raise FileNotFoundError(f"{path}: nbtrack stands for {name}, and has none of its files.")

    return OfferedMlflow()


def _found(home: str, name: str) -> Any:
    """What a module of ours has under a name; modules of ours are not handed out under MLflow's names."""
    value = getattr(import_module(home), name, _ABSENT)
    return _ABSENT if isinstance(value, ModuleType) else value


def _public_names(module: str) -> list[str]:
    names: set[str] = set()
    for home in MODULES[module].split():
        found = import_module(home)
        listed: Iterable[str] = getattr(found, "__all__", None) or dir(found)
        names.update(
            name for name in listed if not name.startswith("_") and _found(home, name) is not _ABSENT
        )
    return sorted(names)


def _is_being_imported() -> bool:
    """Whether the finder is asked for `import mlflow.x`, and not for `from mlflow import x`."""
    names: set[str] = set()
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_filename == "<frozen importlib._bootstrap>":
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return "_find_and_load_unlocked" in names and "_handle_fromlist" not in names


def _absence(name: str) -> str:
    module, _, last = name.rpartition(".")
    return absent_name(module, last, (), ())


def _is_mlflow(name: str) -> bool:
    return name == "mlflow" or name.startswith("mlflow.")


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


_ABSENT = object()
_FINDER = _Finder()


def _main() -> None:
    import nbtrack.mlflow_drop_in as drop_in
    from nbtrack.core.scripts import run_script

    drop_in.install()
    run_script(sys.argv[1:])


if __name__ == "__main__":
    _main()
