"""Which packages Python would import from, by the names of their `.dist-info` folders.

`importlib.metadata` opens a file for each package and takes 100 to 300 ms for a few hundred; a
listing of the folders takes one.
"""

import os
import re
import sys
from typing import NamedTuple

_ENDINGS = (".dist-info", ".egg-info")
_HOMES = ("site-packages", "dist-packages")


class _Listing(NamedTuple):
    """What was found, and what it was found in."""

    path: list[str]
    times: dict[str, int]
    packages: dict[str, str]
    folders: dict[str, str]
    """Name to the `.dist-info` folder."""


_known: _Listing | None = None


def installed_packages() -> dict[str, str]:
    """Name to version of what is installed on `sys.path`, by name; the first of a name is imported.

    Names are in their normal form: lower-case, with `-`. While nothing changes it is the same dict.
    """
    global _known
    packages = known_packages()
    if packages is not None:
        return packages
    path, times, found = list(sys.path), dict[str, int](), dict[str, str]()
    folders: dict[str, str] = {}
    for folder in path:
        time = _time_of(folder)
        try:
            names = [name for name in os.listdir(folder or ".") if name.endswith(_ENDINGS)]
        except OSError:
            names = []
        # Folders of code alone change all the time: a script's own folder, where it leaves its files.
        if names or os.path.basename(folder) in _HOMES:
            times[folder] = time
        for name in names:
            parts = name.rpartition(".")[0].split("-")
            # The .egg-info of a checkout says no version.
            found.setdefault(_normal(parts[0]), parts[1] if len(parts) > 1 else "")
            folders.setdefault(_normal(parts[0]), os.path.join(folder, name))
    packages = dict(sorted(found.items()))
    _known = _Listing(path, times, packages, folders)
    return packages


def info_folder(package: str) -> str | None:
    """The `.dist-info` or `.egg-info` folder of a package; None where it is not installed.

    Args:
        package: Its name in the normal form.
    """
    installed_packages()
    return None if _known is None else _known.folders.get(package)


def known_packages() -> dict[str, str] | None:
    """What `installed_packages` gave, if that is still right; None when it has to look again."""
    known = _known
    if known is None or known.path != sys.path:
        return None
    is_right = all(_time_of(folder) == time for folder, time in known.times.items())
    return known.packages if is_right else None


def _time_of(folder: str) -> int:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
