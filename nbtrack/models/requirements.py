"""What a model needs to be loaded: `requirements.txt`, and MLflow's `conda.yaml` and `python_env.yaml`.

The requirements come from the modules that its flavor and its pickle name, pinned to what is installed
here; nothing is imported and no process is started for it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.core.package_names import (
    is_editable,
    is_local_module,
    package_of,
    python_version,
    requirement_of,
    stand_ins,
)
from nbtrack.core.warn import warn_user
from nbtrack.models.safety.safe_files import open_inside
from nbtrack.models.yaml_text import yaml_text

REQUIREMENTS_FILE = "requirements.txt"
CONSTRAINTS_FILE = "constraints.txt"
CONDA_FILE = "conda.yaml"
PYTHON_FILE = "python_env.yaml"

Requirements = str | PathLike[str] | Iterable[str]
"""Lines of a requirements file, or its path."""

_MOST_BYTES = 1_000_000
_OUR_OWN = "nbtrack"
_NOT_NEEDED = frozenset({_OUR_OWN, "mlflow", "mlflow-skinny", "mlflow-tracing"})
"""What a model folder names and nbtrack reads it without."""
_NEVER = frozenset({"pip", "setuptools", "wheel", "pytest", "ipykernel", "ipython", "jupyterlab", "notebook"})
"""What a model was made in, and does not need."""


def infer_requirements(modules: Iterable[str], *, code: Iterable[str] = ()) -> list[str]:
    """The packages, pinned, of modules that a model imports.

    Args:
        modules: Modules, dotted where they are part of one; Python's own are left out.
        code: Modules that lie in the model's own folder.

    Returns:
        Lines such as `scikit-learn==1.9.1`, by name.
    """
    found: dict[str, str] = {}
    local: list[str] = []
    in_place: list[str] = []
    own = set(code)
    for module in sorted({name for name in modules if name.partition(".")[0] not in own}):
        package = package_of(module)
        if package is not None:
            name, version = package
            if name not in _NEVER and name not in found:
                found[name] = requirement_of(name, version)
                if name != _OUR_OWN and is_editable(name):
                    in_place.append(name)
        elif is_local_module(root := module.partition(".")[0]) and root not in local:
            local.append(root)
    if local:
        names = ", ".join(repr(name) for name in local)
        warn_user(
            f"The model imports {names}, which is code of yours and no installed package: elsewhere it "
            "cannot be loaded. Give its files as code_paths=[...]."
        )
    if in_place:
        warn_user(
            f"The model needs {', '.join(in_place)}, which is installed in place, from a checkout of yours "
            "(pip install -e): where that version is not on an index, it cannot be loaded. Give its files as "
            "code_paths=[...], or name where it can be had in extra_pip_requirements=[...]."
        )
    return [found[name] for name in sorted(found)]


def requirements_of_folder(folder: Path, flavors: Iterable[str]) -> list[str]:
    """The packages, pinned to what is installed here, that a model folder imports; nothing of it runs.

    Args:
        folder: The model's folder; its pickles and its code are looked at.
        flavors: Its flavors, for what its own files do not name.
    """
    from nbtrack.models.code.code_imports import imports_of_source
    from nbtrack.models.safety.pickles import inspect, reading_budget
    from nbtrack.models.safety.safe_files import scan

    modules = {_MODULES_OF_FLAVORS[flavor] for flavor in flavors if flavor in _MODULES_OF_FLAVORS}
    code: set[str] = set()
    budget = reading_budget()
    for name in scan(folder).files:
        if name.endswith(".py"):
            code.update(part.removesuffix(".py") for part in name.split("/"))
            modules |= imports_of_source(folder / name)
        elif (report := inspect(folder / name, budget)) is not None:
            modules.update(report.imports)
    return infer_requirements(modules, code=code)


_MODULES_OF_FLAVORS = {
    "sklearn": "sklearn",
    "pytorch": "torch",
    "lightning": "lightning",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "keras": "keras",
    "tensorflow": "keras",
}


def given_requirements(given: Requirements, argument: str) -> tuple[list[str], list[str]]:
    """The lines of requirements that the user gave.

    Args:
        given: Lines, or the path of a requirements file.
        argument: The name under which they were given, for errors.

    Returns:
        Requirements, and constraints (from `-c` lines and files).

    Raises:
        MissingFileError: There is no such file.
        InvalidTypeError: They are neither.
    """
    reading = _Reading(argument)
    if isinstance(given, str | PathLike):
        reading.take_file(Path(given))
    else:
        for line in given:
            if not isinstance(line, str):
                raise InvalidTypeError(
                    f"{argument} takes lines of a requirements file or its path, got {type(line).__name__} "
                    f"{line!r:.80} among the lines."
                )
            reading.take_text(line, Path())
    return reading.lines, reading.constraints


def merged(*groups: Sequence[str]) -> list[str]:
    """Requirements of several sources; of two for one package the later holds."""
    found: dict[str, str] = {}
    for group in groups:
        for line in group:
            name = package_name(line)
            found.pop(name, None)
            found[name] = line
    return list(found.values())


def package_name(requirement: str) -> str:
    """The package of a requirement line in its normal form; the line itself where it names none."""
    match = None if "://" in requirement and " @ " not in requirement else _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else requirement


def write_environment(
    folder: Path, requirements: Sequence[str], constraints: Sequence[str] = (), conda_env: Any = None
) -> dict[str, str]:
    """Write the files that say what a model needs.

    Args:
        folder: The model's folder.
        requirements: Lines.
        constraints: Lines; none writes no file.
        conda_env: What the user gave instead: a dict, or the path of a conda file.

    Returns:
        The `env` of the `python_function` entry.

    Raises:
        InvalidValueError: `conda_env` is no conda environment.
    """
    if conda_env is None:
        conda = conda_environment(_lines_with(requirements, constraints))
    else:
        conda = given_conda(conda_env)
        reading = _Reading("conda_env")
        for line in _pip_lines(conda):
            reading.take_text(line, Path())
        requirements, constraints = reading.lines, reading.constraints
        conda = _with_pip_lines(conda, _lines_with(requirements, constraints))
    requirements = _lines_with(requirements, constraints)
    if constraints:
        (folder / CONSTRAINTS_FILE).write_text("\n".join(constraints) + "\n", encoding="utf-8")
    (folder / REQUIREMENTS_FILE).write_text("\n".join(requirements) + "\n", encoding="utf-8")
    (folder / CONDA_FILE).write_text(yaml_text(conda), encoding="utf-8")
    (folder / PYTHON_FILE).write_text(
        yaml_text(
            {
                "python": python_version(),
                "build_dependencies": [_pip(), "setuptools", "wheel"],
                "dependencies": [f"-r {REQUIREMENTS_FILE}"],
            }
        ),
        encoding="utf-8",
    )
    return {"conda": CONDA_FILE, "virtualenv": PYTHON_FILE}


def conda_environment(lines: Sequence[str]) -> dict[str, Any]:
    """A conda environment with this Python, in which pip installs some lines of requirements."""
    return {
        "name": "mlflow-env",  # MLflow's tools look for this name
        "channels": ["conda-forge"],
        "dependencies": [f"python={python_version()}", "pip", {"pip": list(lines)}],
    }


def read_requirements(folder: Path) -> list[str]:
    """The lines of a model folder's requirements; none where it has no such file.

    Raises:
        InvalidValueError: A link or something special lies there.
    """
    try:
        with open_inside(folder, REQUIREMENTS_FILE) as file:
            return requirement_lines(file)
    except MissingFileError:
        return []


def requirement_lines(file: BinaryIO) -> list[str]:
    """The lines of a requirements file, without comments."""
    text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def mismatches(requirements: Iterable[str]) -> list[str]:
    """Which pins of a model differ from what is installed, such as `numpy: wants 1.26.4, found 2.4.6`."""
    from nbtrack.core.installed_packages import installed_packages

    installed = installed_packages()
    found: list[str] = []
    for line in requirements:
        match = _PIN.fullmatch(line.partition(";")[0].strip())
        if match is None or (name := package_name(match[1])) in _NOT_NEEDED:
            continue
        present = next((each for each in stand_ins(name) if each in installed), None)
        here = installed.get(present or name, "").partition("+")[0]
        if present is None:
            found.append(f"{name}: wants {match[2]}, not installed")
        elif here and here != match[2].partition("+")[0]:
            found.append(f"{name}: wants {match[2]}, found {here}")
    return found


def given_conda(conda_env: Any) -> dict[str, Any]:
    """A conda environment that the user gave, as a dict.

    Raises:
        MissingFileError: There is no such file.
        InvalidValueError: It is no conda environment.
    """
    if isinstance(conda_env, str | PathLike):
        from nbtrack.models.safety.safe_yaml import read_yaml

        path = Path(cast("str", conda_env))
        if not path.is_file():
            raise MissingFileError("conda file", str(path))
        conda_env = read_yaml(path)
    if not isinstance(conda_env, Mapping) or not isinstance(
        cast("Mapping[str, Any]", conda_env).get("dependencies"), list
    ):
        raise InvalidValueError(
            "conda_env takes a dict with 'dependencies', or the path of a conda file, got "
            f"{conda_env!r:.120}."
        )
    return dict(cast("Mapping[str, Any]", conda_env))


_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc])(?=\S))(.+)")
_REQUIREMENT = re.compile(
    r"(?:\.{0,2}/|~|[A-Za-z]:\\|[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:$|\[|[=<>!~;@(,]|--))", re.ASCII
)
_PASSWORD = re.compile(r"(://)(?!git@)(?!\$\{)[^/@\s]*@")
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*===?\s*([A-Za-z0-9.!+_-]+)")


class _Reading:
    """Requirements and constraints, with the files that they name read in."""

    def __init__(self, argument: str) -> None:
        self.lines: list[str] = []
        self.constraints: list[str] = []
        self._argument = argument
        self._open: list[Path] = []

    def take_file(self, path: Path) -> None:
        """Take the lines of a file.

        Raises:
            MissingFileError: There is no such file.
            InvalidValueError: It includes itself, or is no text.
        """
        if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
            raise InvalidValueError(
                f"{self._argument} names the URL {str(path)!r}. Give a file that lies here."
            )
        if not path.is_file():
            advice = f"It was given as {self._argument}."
            if self._argument.endswith("requirements") and not path.suffix:
                advice += f" For the package of that name: {self._argument}=[{str(path)!r}]."
            raise MissingFileError("requirements file", str(path), advice=advice)
        place = path.resolve()
        if place in self._open:
            raise InvalidValueError(f"{self._argument}: the file {str(path)!r} includes itself.")
        self._open.append(place)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidValueError(
                f"{self._argument}: the file {str(path)!r} is no text in UTF-8."
            ) from None
        self.take_text(text, path.parent)
        self._open.pop()

    def take_text(self, text: str, home: Path) -> None:
        """Take lines; those that end with a backslash go on in the next.

        Args:
            text: One line, or those of a file.
            home: The folder that names in it start from.

        Raises:
            InvalidValueError: A line is no requirement.
        """
        for line in re.sub(r"\\\r?\n", " ", text).splitlines():
            self._take(re.sub(r"(^|\s)#.*$", "", line).strip(), home)

    def _take(self, line: str, home: Path) -> None:
        option = _INCLUDE.match(line)
        if not line:
            return
        if option is None:
            self.lines.append(self._checked(line))
        elif option[1] in ("-r", "--requirement"):
            self.take_file(home / option[2].strip())
        else:
            outer = self.lines
            self.lines = self.constraints
            try:
                self.take_file(home / option[2].strip())
            finally:
                self.lines = outer

    def _checked(self, line: str) -> str:
        """A line that pip would take, without a password."""
        if not line.startswith("-") and "://" not in line and not _REQUIREMENT.match(line):
            raise InvalidValueError(
                f"{self._argument} holds {line!r:.120}, which is no requirement. Write it as `numpy==2.1` or "
                "`numpy>=2,<3`."
            )
        # The folder may go anywhere; pip takes ${NAME} from the environment instead.
        return _PASSWORD.sub(r"\1", line)


def _lines_with(requirements: Sequence[str], constraints: Sequence[str]) -> list[str]:
    return [*requirements, *([f"-c {CONSTRAINTS_FILE}"] if constraints else [])]


def _with_pip_lines(conda: Mapping[str, Any], lines: list[str]) -> dict[str, Any]:
    """A conda environment with other lines for pip, where it has some."""
    given = cast("list[Any]", conda["dependencies"])
    has_lines = [isinstance(each, Mapping) and "pip" in each for each in given]
    rest: list[Any] = [{"pip": lines} if has else each for each, has in zip(given, has_lines, strict=True)]
    return {**conda, "dependencies": rest}


def _pip_lines(conda: Mapping[str, Any]) -> list[str]:
    for each in conda["dependencies"]:
        if isinstance(each, Mapping):
            return [str(line) for line in cast("Mapping[str, Any]", each).get("pip") or ()]
    return []


@cache
def _pip() -> str:
    package = package_of("pip")
    return f"pip=={package[1]}" if package else "pip"
