"""Which package on PyPI a module comes from, as it is installed here."""

import json
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from nbtrack.core.installed_packages import info_folder, installed_packages

# Modules whose package has another name; the rest of the world names them alike. Some have several.
_PACKAGES = {
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "skimage": ("scikit-image",),
    "PIL": ("pillow",),
    "yaml": ("pyyaml",),
    "bs4": ("beautifulsoup4",),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "google.protobuf": ("protobuf",),
    "attr": ("attrs",),
    "umap": ("umap-learn",),
    "imblearn": ("imbalanced-learn",),
    "lightning": ("lightning", "lightning-fabric"),
    "fitz": ("pymupdf",),
    "jwt": ("pyjwt",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos"),
    "mpl_toolkits": ("matplotlib",),
    "_pytest": ("pytest",),
    "re2": ("google-re2",),
    "hydra": ("hydra-core",),
    "git": ("gitpython",),
    "Crypto": ("pycryptodome",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pkg_resources": ("setuptools",),
}
_PARTS = frozenset({"lightning-fabric"})
"""Packages that bring a part of what the others of their module bring."""
_NEVER_LOCAL = ("__main__", "nbtrack", "mlflow")
"""`mlflow` is ours where the drop-in answers for it."""


def package_of(module: str) -> tuple[str, str] | None:
    """The package that a module is installed from.

    Args:
        module: A module, such as `sklearn` or `google.cloud.storage`.

    Returns:
        Name and version, such as `("scikit-learn", "1.9.1")`, without a build's own label (`+cpu`); None
        for Python's own modules, for code that is not installed and for what is not there.
    """
    root, _, rest = module.partition(".")
    if root in sys.stdlib_module_names or root == "__main__":
        return None
    installed = installed_packages()
    places = _places(root)
    if rest and _is_shared(root):
        name = _package_in_namespace(module, installed)
        return None if name is None else (name, _version(name, installed[name]))
    for name in (*_PACKAGES.get(root, ()), _normal(root)):
        # A checkout that is installed in place lies elsewhere; any other of that name is somebody's own.
        if name in installed and (_are_installed(places) or is_editable(name)):
            return name, _version(name, installed[name])
    if not _are_installed(places):
        return None
    name = _homes(id(installed)).get(root)
    return None if name is None else (name, _version(name, installed.get(name, "")))


def stand_ins(package: str) -> tuple[str, ...]:
    """The packages that bring what a package brings, itself first: `xgboost-cpu` for `xgboost`."""
    if package in _PARTS:
        return (package,)
    others = [
        name for names in _PACKAGES.values() if package in names for name in names if name not in _PARTS
    ]
    return (package, *(name for name in others if name != package))


def requirement_of(name: str, version: str) -> str:
    """The line of a requirements file that brings a package as it is here.

    Returns:
        `name==version`; or `name @ URL` where it came from a repository or an archive, without a
        password in the URL.
    """
    origin = _origin(name)
    url = str(origin.get("url") or "")
    vcs = origin.get("vcs_info")
    if isinstance(vcs, dict):
        about = cast("dict[str, Any]", vcs)
        inner = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
        return f"{name} @ {about.get('vcs')}+{_without_password(url)}@{about.get('commit_id')}{inner}"
    if isinstance(origin.get("archive_info"), dict) and url.startswith(("https://", "http://")):
        return f"{name} @ {_without_password(url)}"
    return f"{name}=={version}" if version else name


def is_editable(name: str) -> bool:
    """Whether a package is a checkout that is installed in place: only this machine has it like that."""
    folder = info_folder(name)
    if folder is None:
        return False
    if folder.endswith(".egg-info"):
        return "site-packages" not in folder and "dist-packages" not in folder
    about = _origin(name).get("dir_info")
    return isinstance(about, dict) and bool(cast("dict[str, Any]", about).get("editable"))


def is_local_module(module: str) -> bool:
    """Whether a module is code beside the user's own, which another machine does not have.

    Args:
        module: A top-level module. One that was never imported here is none.
    """
    if module in sys.stdlib_module_names or module in _NEVER_LOCAL or module not in sys.modules:
        return False
    places = _places(module)
    return any(map(os.path.isabs, places)) and not _are_installed(places) and package_of(module) is None


def python_version() -> str:
    """This Python, as `3.11.7`."""
    return ".".join(map(str, sys.version_info[:3]))


def _places(root: str) -> list[str]:
    """Where a top-level module lies: its file, or the folders of one that has none."""
    module = sys.modules.get(root)
    try:
        spec = find_spec(root) if module is None else getattr(module, "__spec__", None)
    except (ImportError, ValueError):
        spec = None
    origin = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    if isinstance(origin, str):
        return [origin]
    return [str(place) for place in getattr(spec, "submodule_search_locations", None) or ()]


def _are_installed(places: list[str]) -> bool:
    return any(not {"site-packages", "dist-packages"}.isdisjoint(Path(place).parts) for place in places)


def _is_shared(root: str) -> bool:
    """Whether many packages put their modules under one top-level name, as Google's and Azure's do."""
    module = sys.modules.get(root)
    try:
        spec = find_spec(root) if module is None else getattr(module, "__spec__", None)
    except (ImportError, ValueError):
        return False
    return spec is not None and not isinstance(spec.origin, str)


def _package_in_namespace(module: str, installed: dict[str, str]) -> str | None:
    """The package of `google.cloud.storage`: by its name, else by the files that packages list."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        own_name = (_normal("-".join(parts[:end])),) if end > 1 else ()
        for name in (*_PACKAGES.get(".".join(parts[:end]), ()), *own_name):
            if name in installed:
                return name
    files = _files_of_packages(parts[0], id(installed))
    for end in range(len(parts), 1, -1):
        place = "/".join(parts[:end])
        for name, listed in files.items():
            if any(line.startswith((f"{place}/", f"{place}.py,", f"{place}.")) for line in listed):
                return name
    return None


@cache
def _files_of_packages(root: str, listing: int) -> dict[str, tuple[str, ...]]:
    """The files below a shared name, by package.

    Args:
        root: The shared name.
        listing: Which listing of packages it belongs to.
    """
    del listing
    found: dict[str, tuple[str, ...]] = {}
    for name in installed_packages():
        record = os.path.join(info_folder(name) or "", "RECORD")
        try:
            with open(record, encoding="utf-8") as file:
                lines = tuple(line for line in file if line.startswith(f"{root}/"))
        except (OSError, UnicodeDecodeError):
            continue
        if lines:
            found[name] = lines
    return found


def _normal(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()


def _version(name: str, listed: str) -> str:
    if not listed:  # a checkout says it only in its own files
        from importlib.metadata import PackageNotFoundError, version  # lazy: 30 ms that few packages need

        try:
            listed = version(name)
        except PackageNotFoundError:
            return ""
    return listed.partition("+")[0]


def _origin(name: str) -> dict[str, Any]:
    """Where pip says that a package came from; empty for one from an index."""
    folder = info_folder(name)
    if folder is None:
        return {}
    try:
        with open(os.path.join(folder, "direct_url.json"), encoding="utf-8") as file:
            held = json.load(file)
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", held) if isinstance(held, dict) else {}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    kept = user if at and user == "git" else ""
    return urlunsplit(parts._replace(netloc=f"{kept}@{host}" if kept else host))


@cache
def _homes(listing: int) -> dict[str, str]:
    """Module to package, of all that is installed; takes 0.1 s and more, so it is the last resort.

    Args:
        listing: Which listing of packages it belongs to.
    """
    del listing
    from importlib.metadata import packages_distributions

    return {
        module: packages[0].replace("_", "-").lower()
        for module, packages in packages_distributions().items()
        if packages
    }
