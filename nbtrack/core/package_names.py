"""Which package on PyPI a module comes from, as it is installed here."""

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from nbtrack.core.installed_packages import installed_packages

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
    "google": ("protobuf",),
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
}


def package_of(module: str) -> tuple[str, str] | None:
    """The package that a module is installed from.

    Args:
        module: A top-level module, such as `sklearn`.

    Returns:
        Name and version, such as `("scikit-learn", "1.9.1")`, without a build's own label (`+cpu`); None
        for Python's own modules, for code that is not installed and for what is not there.
    """
    if module in sys.stdlib_module_names or module == "__main__":
        return None
    installed = installed_packages()
    for name in (*_PACKAGES.get(module, ()), module.replace("_", "-").lower()):
        if name in installed:
            return name, _version(name, installed[name])
    if not is_installed(module):
        return None
    name = _homes(id(installed)).get(module)
    return None if name is None else (name, _version(name, installed.get(name, "")))


def is_installed(module: str) -> bool:
    """Whether a module is an installed package; False for scripts, notebooks' folders and checkouts."""
    origin = getattr(sys.modules.get(module), "__file__", None)
    if origin is None:
        try:
            spec = find_spec(module)
        except (ImportError, ValueError):
            return False
        if spec is None:
            return False
        origin = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    parts = Path(origin).parts
    return "site-packages" in parts or "dist-packages" in parts


def _version(name: str, listed: str) -> str:
    if not listed:  # a checkout says it only in its own files
        from importlib.metadata import PackageNotFoundError, version  # lazy: 30 ms that few packages need

        try:
            listed = version(name)
        except PackageNotFoundError:
            return ""
    return listed.partition("+")[0]


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


def python_version() -> str:
    """This Python, as `3.11.7`."""
    return ".".join(map(str, sys.version_info[:3]))


def is_local_module(module: str) -> bool:
    """Whether a module is code beside the user's own, which another machine does not have."""
    if module in sys.stdlib_module_names or module in ("__main__", "nbtrack"):
        return False
    origin = getattr(sys.modules.get(module), "__file__", None)
    if origin is None or not os.path.isabs(origin):
        return False
    return not is_installed(module) and package_of(module) is None
