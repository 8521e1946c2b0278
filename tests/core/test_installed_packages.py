import sys
from importlib import metadata
from pathlib import Path

import pytest

from nbtrack.core.installed_packages import installed_packages, known_packages


def test_the_packages_are_those_of_importlib() -> None:
    packages = installed_packages()

    for name in ("numpy", "tinydb", "scikit-learn", "ipykernel"):
        assert packages[name] == metadata.version(name)
    assert packages == dict(sorted(packages.items()))


def test_what_is_installed_later_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    before = installed_packages()
    again = installed_packages()

    (site / "Zoo_Keeper-1.0.dist-info").mkdir()

    assert again is before
    assert known_packages() is None
    assert installed_packages() == {**before, "zoo-keeper": "1.0"}


def test_the_first_of_a_name_is_the_one_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("a", "1.0"), ("b", "2.0")):
        (tmp_path / folder / f"zoo-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "none"), "x.zip"]
    )

    assert installed_packages() == {"zoo": "1.0"}


def test_files_in_a_folder_without_packages_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = installed_packages()

    (tmp_path / "checkpoint.pt").touch()

    assert installed_packages() is before
