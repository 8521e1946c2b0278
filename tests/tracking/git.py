"""Real Git repositories for the tests."""

import os
import subprocess
from pathlib import Path

_AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; what it says."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    options = (*_AS_ADA, "-c", "protocol.file.allow=always")
    return subprocess.run(
        ["git", *options, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def make_repository(folder: Path) -> str:
    """A repository with one file, `train.py`, in one commit on `main`; the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    (folder / "train.py").write_text("print(1)\n")
    return commit_all(folder)


def commit_all(folder: Path) -> str:
    """Commit everything in a folder; the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "change")
    return git(folder, "rev-parse", "HEAD")
