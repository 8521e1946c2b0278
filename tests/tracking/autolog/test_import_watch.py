"""A module that is watched for is told of once its code has run, and is imported as ever."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nbtrack.tracking.autolog import import_watch


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "toypack"
    folder.joinpath("deep").mkdir(parents=True)
    folder.joinpath("__init__.py").write_text("from toypack import inner\nDONE = True\n")
    folder.joinpath("inner.py").write_text("DONE = True\n")
    folder.joinpath("data.txt").write_text("kept\n")
    folder.joinpath("broken.py").write_text("raise ValueError('of the module')\n")
    folder.joinpath("deep", "__init__.py").write_text("DONE = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    import_watch.unwatch("toypack")
    for name in [name for name in sys.modules if name.partition(".")[0] == "toypack"]:
        del sys.modules[name]


def watch(*, submodules: bool = False) -> list[str]:
    told: list[str] = []

    def note(module: ModuleType) -> None:
        assert module.DONE  # its code has run
        told.append(module.__name__)

    import_watch.watch("toypack", note, submodules=submodules)
    return told


@pytest.mark.usefixtures("package")
def test_a_module_that_is_imported_later_is_told_of_when_its_code_has_run() -> None:
    told = watch()
    assert told == []

    importlib.import_module("toypack")
    importlib.import_module("toypack.deep")
    importlib.import_module("toypack")

    assert told == ["toypack"]


@pytest.mark.usefixtures("package")
def test_one_that_is_there_is_told_of_at_once() -> None:
    importlib.import_module("toypack")

    assert watch() == ["toypack"]


@pytest.mark.usefixtures("package")
def test_those_below_are_told_of_one_by_one() -> None:
    told = watch(submodules=True)

    importlib.import_module("toypack.deep")

    assert told == ["toypack.inner", "toypack", "toypack.deep"]


@pytest.mark.usefixtures("package")
def test_a_module_that_is_imported_again_is_told_of_again() -> None:
    told = watch()
    module = importlib.import_module("toypack")

    importlib.reload(module)

    assert told == ["toypack", "toypack"]


def test_a_module_keeps_its_own_loader(package: Path) -> None:
    from importlib import resources
    from importlib.machinery import SourceFileLoader

    watch(submodules=True)

    module = importlib.import_module("toypack")

    assert module.__spec__ is not None
    assert type(module.__loader__) is type(module.__spec__.loader) is SourceFileLoader
    assert resources.files("toypack").joinpath("data.txt").read_text() == "kept\n"


@pytest.mark.usefixtures("package")
def test_an_error_in_a_module_is_what_it_is() -> None:
    told = watch(submodules=True)

    with pytest.raises(ValueError, match="of the module"):
        importlib.import_module("toypack.broken")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'toypack\.absent'"):
        importlib.import_module("toypack.absent")

    assert told == ["toypack.inner", "toypack"]


@pytest.mark.usefixtures("package")
def test_with_the_last_watch_nothing_of_ours_stays_in_the_importing() -> None:
    before = list(sys.meta_path)
    told = watch()
    assert sys.meta_path != before

    import_watch.unwatch("toypack")
    importlib.import_module("toypack")

    assert sys.meta_path == before
    assert told == []
