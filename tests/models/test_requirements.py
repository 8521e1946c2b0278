"""What a model needs: found from what it imports, or said by the user; and the files that say it."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.core.package_names import package_of
from nbtrack.models.code.code_imports import imports_of_source
from nbtrack.models.requirements import (
    given_requirements,
    infer_requirements,
    merged,
    mismatches,
    package_name,
    write_environment,
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages before all others."""
    folder = tmp_path / "zoo" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def install(site: Path, name: str, version: str, *files: str, origin: Any = None) -> None:
    """Put a package there, as pip would."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.linear_model._base", "scikit-learn"),
        ("PIL.Image", "pillow"),
        ("yaml", "pyyaml"),
        ("mpl_toolkits.mplot3d", "matplotlib"),
        ("numpy._core.multiarray", "numpy"),
        ("dateutil", "python-dateutil"),
        ("cloudpickle.cloudpickle", "cloudpickle"),
    ],
)
def test_a_module_is_known_by_its_package(module: str, package: str) -> None:
    found = package_of(module)

    assert found is not None
    assert found[0] == package
    assert found[1][0].isdigit()


def test_xgboost_is_the_package_that_is_installed() -> None:
    found = package_of("xgboost.core")

    assert found is not None
    assert found[0] in ("xgboost", "xgboost-cpu")


@pytest.mark.parametrize("module", ["os.path", "json", "__main__", "no_such_module.at_all", "builtins"])
def test_what_is_no_package_has_none(module: str) -> None:
    assert package_of(module) is None


def test_modules_under_a_shared_name_belong_to_their_own_packages(site: Path) -> None:
    install(site, "zoogle-cloud-storage", "2.0", "zoogle/cloud/storage/__init__.py")
    install(site, "zoogle-auth", "1.5", "zoogle/auth/__init__.py", "zoogle/oauth2/__init__.py")

    lines = infer_requirements(["zoogle.cloud.storage.client", "zoogle.oauth2.credentials", "zoogle.absent"])

    assert lines == ["zoogle-auth==1.5", "zoogle-cloud-storage==2.0"]


def test_a_package_from_a_repository_is_named_by_its_commit_without_a_password(site: Path) -> None:
    url = "https://ada:secret@example.org/zoo.git"
    origin = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "0a1b2c"}, "subdirectory": "python"}
    install(site, "zookeeper", "1.0", "zookeeper.py", origin=origin)

    lines = infer_requirements(["zookeeper"])

    assert lines == ["zookeeper @ git+https://example.org/zoo.git@0a1b2c#subdirectory=python"]


def test_a_package_that_is_installed_in_place_gets_a_warning(site: Path, tmp_path: Path) -> None:
    install(site, "zookeeper", "1.0", origin={"url": f"file://{tmp_path}", "dir_info": {"editable": True}})
    (tmp_path / "zookeeper.py").write_text("")
    sys.path.append(str(tmp_path))

    with pytest.warns(RuntimeWarning, match=r"needs zookeeper, which is installed in place.*code_paths"):
        lines = infer_requirements(["zookeeper"])

    assert lines == ["zookeeper==1.0"]


def test_a_build_of_ones_own_is_pinned_without_its_label(site: Path) -> None:
    install(site, "zookeeper", "1.0+cpu", "zookeeper/__init__.py")

    assert infer_requirements(["zookeeper.cages"]) == ["zookeeper==1.0"]


def test_code_beside_the_notebook_gets_a_warning_that_names_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_steps").mkdir()
    (tmp_path / "my_steps" / "__init__.py").write_text("")
    (tmp_path / "my_steps" / "clean.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_steps.clean  # pyright: ignore[reportMissingImports]

    del my_steps
    try:
        with pytest.warns(
            RuntimeWarning, match=r"The model imports 'my_steps', which is code of yours"
        ) as seen:
            lines = infer_requirements(["my_steps", "my_steps.clean", "numpy"])
        told = infer_requirements(["my_steps.clean", "numpy"], code=["my_steps"])
    finally:
        for name in ("my_steps", "my_steps.clean"):
            sys.modules.pop(name)

    assert len(seen) == 1
    assert [line.partition("==")[0] for line in lines] == ["numpy"]
    assert told == lines


def test_a_small_model_takes_milliseconds() -> None:
    modules = {"sklearn.linear_model._base", "numpy._core.multiarray", "scipy", "cloudpickle.cloudpickle"}
    infer_requirements(modules)

    started = time.process_time()
    for _ in range(20):
        infer_requirements(modules)
    each = (time.process_time() - started) / 20

    assert each < 0.005  # it is 0.15 ms


def test_what_code_of_ones_own_imports_is_needed_too(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "__init__.py").write_text("from . import clean\n")
    (tmp_path / "steps" / "clean.py").write_text(
        "def clean():\n    import polars\n    from steps import other\n"
    )

    nbtrack.sklearn.save_model(
        LinearRegression().fit([[1], [2]], [1, 2]), tmp_path / "m", code_paths=[tmp_path / "steps"]
    )

    lines = (tmp_path / "m" / "requirements.txt").read_text().split()
    assert "polars" in [line.partition("==")[0] for line in lines]


# What the user says


def test_code_that_python_cannot_parse_has_no_requirements(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("import yaml\nx = 1" + "+1" * 300_000)
    (tmp_path / "deep.py").write_text("import yaml\nx = " + "-" * 300_000 + "1")

    assert imports_of_source(tmp_path) == frozenset()


def test_lines_are_taken_as_pip_would(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text(
        "pandas[parquet]>=2 ; python_version > '3.8'  # tables\n\n-c held.txt\n"
    )
    (tmp_path / "held.txt").write_text("numpy<3\n")
    (tmp_path / "all.txt").write_text(
        "# what it needs\n"
        "-r more.txt\n"
        "scikit-learn==1.5.0 \\\n"
        "    --hash=sha256:abc \\\n"
        "    --hash=sha256:def\n"
        "zoo @ https://example.org/zoo.whl#sha256=1\n"
        "git+https://example.org/cage.git@main#egg=cage\n"
        "./wheels/own.whl\n"
        "--find-links https://ada:secret@example.org/wheels\n",
        encoding="utf-8-sig",
    )

    lines, constraints = given_requirements(str(tmp_path / "all.txt"), "pip_requirements")

    assert [" ".join(line.split()) for line in lines] == [
        "pandas[parquet]>=2 ; python_version > '3.8'",
        "scikit-learn==1.5.0 --hash=sha256:abc --hash=sha256:def",
        "zoo @ https://example.org/zoo.whl#sha256=1",
        "git+https://example.org/cage.git@main#egg=cage",
        "./wheels/own.whl",
        "--find-links https://example.org/wheels",
    ]
    assert constraints == ["numpy<3"]


@pytest.mark.parametrize("line", ["-r {}", "-r{}", "--requirement {}", "--requirement={}"])
def test_a_file_may_be_named_in_every_way_of_pip(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("numpy\n")

    assert given_requirements([line.format(tmp_path / "a.txt")], "x") == (["numpy"], [])
    constrained = line.replace("requirement", "constraint").replace("-r", "-c")
    assert given_requirements([constrained.format(tmp_path / "a.txt")], "x") == ([], ["numpy"])


def test_what_is_no_requirement_is_told(tmp_path: Path) -> None:
    for line in ("==1.0", "import numpy", "!", "{'a': 1}"):
        with pytest.raises(InvalidValueError, match=r"pip_requirements holds .*, which is no requirement"):
            given_requirements([line], "pip_requirements")
    with pytest.raises(InvalidTypeError, match="got int 3 among the lines"):
        given_requirements(["numpy", 3], "pip_requirements")  # type: ignore[list-item]
    with pytest.raises(MissingFileError, match=r"pip_requirements=\['numpy'\]"):
        given_requirements("numpy", "pip_requirements")
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")
    with pytest.raises(InvalidValueError, match="includes itself"):
        given_requirements(tmp_path / "a.txt", "pip_requirements")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidValueError, match="no text in UTF-8"):
        given_requirements(tmp_path / "c.txt", "pip_requirements")
    with pytest.raises(InvalidValueError, match="names the URL"):
        given_requirements(["-r https://example.org/a.txt"], "pip_requirements")


def test_of_two_lines_for_one_package_the_later_holds() -> None:
    found = ["numpy==2.0", "scikit_learn==1.5", "git+https://example.org/a.git"]

    lines = merged(found, ["Scikit.Learn>=1.6", "git+https://example.org/b.git"])

    assert lines == ["numpy==2.0", found[2], "Scikit.Learn>=1.6", "git+https://example.org/b.git"]
    assert package_name("Zoo_Keeper[cages]>=1; python_version>'3'") == "zoo-keeper"


def written(folder: Path) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    return (
        (folder / "requirements.txt").read_text().splitlines(),
        yaml.safe_load((folder / "conda.yaml").read_text()),
        yaml.safe_load((folder / "python_env.yaml").read_text()),
    )


def test_the_files_are_those_of_mlflow(tmp_path: Path) -> None:
    env = write_environment(tmp_path, ["numpy==2.0"], ["scipy<2"])

    lines, conda, python = written(tmp_path)
    assert env == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert lines == ["numpy==2.0", "-c constraints.txt"]
    assert (tmp_path / "constraints.txt").read_text() == "scipy<2\n"
    assert conda["name"] == "mlflow-env"
    assert conda["dependencies"][-1] == {"pip": ["numpy==2.0", "-c constraints.txt"]}
    assert python["dependencies"] == ["-r requirements.txt"]
    assert python["python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_conda_environment_is_kept_and_its_pip_lines_are_the_requirements(tmp_path: Path) -> None:
    (tmp_path / "held.txt").write_text("scipy<2\n")
    given = {
        "name": "own",
        "dependencies": ["python=3.11", "cmake", {"pip": ["numpy==2.0", f"-c {tmp_path / 'held.txt'}"]}],
    }

    write_environment(tmp_path, [], conda_env=given)

    lines, conda, _ = written(tmp_path)
    assert lines == ["numpy==2.0", "-c constraints.txt"]
    assert conda["dependencies"] == ["python=3.11", "cmake", {"pip": ["numpy==2.0", "-c constraints.txt"]}]
    assert (tmp_path / "constraints.txt").read_text() == "scipy<2\n"


def test_requirements_are_said_in_one_way(tmp_path: Path) -> None:
    model = LinearRegression().fit([[1], [2]], [1, 2])

    nbtrack.sklearn.save_model(model, tmp_path / "a", pip_requirements=["numpy==2.0", "-c", "numpy<3"][:1])
    nbtrack.sklearn.save_model(model, tmp_path / "b", extra_pip_requirements=["numpy==1.0", "zoo"])
    nbtrack.sklearn.save_model(model, tmp_path / "c", pip_requirements=[])

    assert (tmp_path / "a" / "requirements.txt").read_text() == "numpy==2.0\n"
    extra = (tmp_path / "b" / "requirements.txt").read_text().splitlines()
    assert extra[-2:] == ["numpy==1.0", "zoo"]
    assert any(line.startswith("scikit-learn==") for line in extra)
    assert (tmp_path / "c" / "requirements.txt").read_text().strip() == ""


def test_differing_versions_are_told(site: Path) -> None:
    install(site, "zookeeper", "1.0+cpu")
    install(site, "cage", "2.0")

    told = mismatches(
        ["zookeeper==1.0", "cage==1.0", "absent==3", "numpy>=1", "-c constraints.txt", "nbtrack==0"]
    )

    assert told == ["cage: wants 1.0, found 2.0", "absent: wants 3, not installed"]


def test_a_package_that_stands_for_another_is_no_mismatch_and_mlflow_is_not_needed(site: Path) -> None:
    install(site, "faiss_gpu", "1.9.0")

    told = mismatches(["faiss-cpu==1.9.0", "mlflow==3.17.2", "mlflow-skinny==3.17.2"])
    other = mismatches(["faiss-cpu==1.8.0", "lightning-fabric==0.1"])

    assert told == []
    assert other == ["faiss-cpu: wants 1.8.0, found 1.9.0", "lightning-fabric: wants 0.1, not installed"]
