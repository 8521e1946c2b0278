"""An environment for each peer: made on first use, used again after that.

They lie in `build/peers/`, which git ignores. Remove the folder of a peer to get its current release.
"""

import subprocess
import sys
import venv
from pathlib import Path

from tests.benchmarks.peers.contestants import CHECKOUT, Contestant

CACHE = CHECKOUT / "build" / "peers"


class NotInstalledError(Exception):
    """A peer's environment cannot be made here; the message says why."""


def python_of(contestant: Contestant) -> Path:
    """The Python of a peer's environment, which is made when it is not there yet.

    Raises:
        NotInstalledError: pip refused.
    """
    folder = CACHE / contestant.name
    python = folder / "bin" / "python"
    wanted = _wanted(contestant)
    made_for = folder / "made-for.txt"
    if made_for.is_file() and made_for.read_text() == wanted:
        return python
    say(f"installing {contestant.title} into {folder}; this can take minutes")
    try:
        venv.create(folder, with_pip=True, symlinks=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *contestant.requirements], check=True, stdout=sys.stderr)
    except (subprocess.CalledProcessError, OSError) as error:
        raise NotInstalledError(str(error)) from error
    made_for.write_text(wanted)
    return python


def say(message: str) -> None:
    """Tell whoever waits what is going on."""
    print(f"# {message}", file=sys.stderr, flush=True)


def _wanted(contestant: Contestant) -> str:
    """What an environment was made for; when that changes it is made again."""
    own = (CHECKOUT / "pyproject.toml").read_text() if "-e" in contestant.requirements else ""
    return "\n".join([sys.version, *contestant.requirements, own])
