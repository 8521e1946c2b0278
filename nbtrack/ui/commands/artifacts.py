"""The commands `artifacts ls` and `artifacts get`: what files a run keeps, and a copy of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from nbtrack.core import static_views
from nbtrack.core.entities import FileInfo
from nbtrack.core.errors import AlreadyExistsError, InvalidStateError, MissingFileError, StoreError
from nbtrack.core.text_tables import file_size
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.named import called, find_run, short_id
from nbtrack.ui.commands.printing import json_text
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import HELP_OPTIONS, VerbGroup, verb


@click.group("artifacts", cls=VerbGroup, context_settings=HELP_OPTIONS)
def artifacts() -> None:
    """List or get the files of a run."""


@verb("ls", examples=["1a2b3c4d", "1a2b3c4d model -r"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("path", required=False, shell_complete=completing.artifacts)
@click.option("-r", "--recursive", is_flag=True, help="Also what lies in folders.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.pass_obj
def ls(screen: Screen, run: str, path: str | None, recursive: bool, as_json: bool) -> None:
    """List the artifacts of a run; PATH is a folder or a file among them."""
    tracker = screen.tracker
    found = find_run(tracker, run)
    listed = list(_listed(tracker, found.info.run_id, path, recursive))
    if as_json:
        plain = [{"path": each.path, "is_dir": each.is_dir, "file_size": each.file_size} for each in listed]
        screen.write(json_text(plain))
    elif not listed:
        screen.say(f"{called(found)} has no artifacts.")
    else:
        rows = [[_shown(each), file_size(each.file_size)] for each in listed]
        screen.show(static_views.table(["artifact", "size"], rows, right=(1,)))


@verb("get", examples=["1a2b3c4d model", "1a2b3c4d confusion.png -o pictures/", "1a2b3c4d"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("path", required=False, shell_complete=completing.artifacts)
@click.option(
    "-o",
    "--output",
    metavar="DST",
    help="Where to: a folder that exists takes it under its own name, anything else is its new name.",
    type=click.Path(),
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.pass_obj
def get(screen: Screen, run: str, path: str | None, output: str | None, force: bool) -> None:
    """Copy an artifact out of the store.

    PATH is a file or a folder; without it all artifacts are copied. Nothing is overwritten without --force.
    """
    tracker = screen.tracker
    found = find_run(tracker, run)
    path = path.strip("/") if path else None
    name = path.rpartition("/")[2] if path else f"artifacts-{short_id(found)}"
    target = _target(output, name)
    if target.exists() and not force:
        raise AlreadyExistsError(f"{target} exists already. Choose another place with -o, or add --force.")
    infos = [each for each in _listed(tracker, found.info.run_id, path, True) if not each.is_dir]
    if not infos and path is None:
        raise InvalidStateError(f"{called(found)} has no artifacts.")
    size = sum(each.file_size or 0 for each in infos)
    try:
        _fetch(screen, found.info.run_id, path, infos, target)
    except OSError as error:
        if isinstance(error, StoreError | MissingFileError):
            raise
        raise StoreError(f"Cannot write {target}: {error.strerror or error}.") from error
    files = "1 file" if len(infos) == 1 else f"{len(infos):,} files"
    screen.say(f"Got {files}, {file_size(size)}: {os.path.relpath(target)}")


artifacts.add_command(ls)
artifacts.add_command(get)


def _listed(tracker: Tracker, run_id: str, path: str | None, recursive: bool) -> Iterator[FileInfo]:
    """What a path means: a folder's contents, each folder before what lies in it; or the file itself."""
    path = path.strip("/") if path else None
    level = tracker.list_artifacts(run_id, path or None)
    if not level and path:
        above = tracker.list_artifacts(run_id, path.rpartition("/")[0] or None)
        itself = [each for each in above if each.path == path]
        if not itself:
            raise MissingFileError("artifact", path, [each.path for each in above])
        level = [each for each in itself if not each.is_dir]
    for each in level:
        yield each
        if recursive and each.is_dir:
            yield from _listed(tracker, run_id, each.path, True)


def _target(output: str | None, name: str) -> Path:
    if output is None:
        return Path(name)
    place = Path(output).expanduser()
    return place / name if output.endswith(("/", os.sep)) or place.is_dir() else place


def _fetch(screen: Screen, run_id: str, path: str | None, infos: list[FileInfo], target: Path) -> None:
    """Copy files to a place beside the target, and then give them their names: all of them, or none."""
    import tempfile  # lazy: a shell that completes waits for each import

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".nbtrack-", dir=target.parent) as incoming:
        whole = Path(incoming) / "whole"
        with screen.progress("Copying", sum(each.file_size or 0 for each in infos)) as advance:
            for each in infos:
                inner = os.path.relpath(each.path, path) if path else each.path
                copy = whole if inner == "." else whole / inner
                copy.parent.mkdir(parents=True, exist_ok=True)
                _copy(screen.tracker, run_id, each.path, copy, advance)
        if not infos:
            whole.mkdir()
        _publish(whole, target)


def _copy(tracker: Tracker, run_id: str, path: str, copy: Path, advance: Any) -> None:
    with tracker.open_artifact(run_id, path) as source, open(copy, "wb") as file:
        while piece := source.read(1 << 20):
            file.write(piece)
            advance(len(piece))


def _publish(source: Path, target: Path) -> None:
    """Give a file or folder its name; a folder that is there takes what lies in the new one."""
    if source.is_dir() and target.is_dir() and not target.is_symlink():
        for each in sorted(source.iterdir()):
            _publish(each, target / each.name)
        return
    os.replace(source, target)


def _shown(info: FileInfo) -> str:
    return f"{info.path}/" if info.is_dir else info.path
