"""`python -m nbtrack.mlflow_drop_in`: a program runs as Python would run it, and so do those it starts."""

import re
import signal
import sys
import zipfile
from pathlib import Path

import pytest

from nbtrack.core.version import MLFLOW_VERSION
from nbtrack.mlflow_drop_in import _WORKER_PATH  # pyright: ignore[reportPrivateUsage]
from tests.drop_in_programs import INSTALLED, ROOT, Ended, run

DROP_IN = ("-m", "nbtrack.mlflow_drop_in")
SHOWS_ITSELF = """\
\"\"\"Shows what a program can see of how it was started.\"\"\"
import os, pickle, sys
class Own: pass
print(__doc__, __name__, __file__, __spec__ and __spec__.name, __package__, type(__loader__).__name__)
print(sorted(globals()))
print(sys.argv, sys.path[0], sys.modules["__main__"].Own is Own)
print(pickle.loads(pickle.dumps(Own)) is Own, getattr(__builtins__, "__name__", "?"))
"""
ENDINGS = {
    "with nothing": "",
    "with an error": "def inner():\n    raise ValueError('no')\ninner()\n",
    "with an error from another": "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('b') from e\n",
    "with a group": "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])\n",
    "with a mistake in it": "print('never')\nx = (\n",
    "with a status": "import sys\nsys.exit(3)\n",
    "with a message": "import sys\nsys.exit('stop it')\n",
    "with success": "raise SystemExit\n",
    "with an exit hook": "import atexit\natexit.register(print, 'bye')\nraise ValueError('no')\n",
    "with an interrupt": "raise KeyboardInterrupt\n",
    "with a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "with a hook of its own": (
        "import sys, traceback\n"
        "def hook(kind, value, tb):\n"
        "    print('mine', kind.__name__, value, [f.name for f in traceback.extract_tb(tb)])\n"
        "sys.excepthook = hook\n"
        "def inner():\n    raise ValueError('no')\n"
        "inner()\n"
    ),
    "with a thread": (
        "import threading\nended = threading.Event()\n"
        "threading.Thread(target=lambda: (ended.wait(), print('after'))).start()\n"
        "print('before')\nended.set()\n"
    ),
    "with an error that is shown later": (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.excepthook(KeyError, KeyError('late'), None))\n"
        "raise ValueError('no')\n"
    ),
    "with an annotation": "x: 'nothing.that.there.is' = 1\nprint(__annotations__)\n",
}


def same(ended: Ended) -> Ended:
    """What a program showed, without where Python itself is at work."""
    errors = re.sub(r'  File "<frozen runpy>".*\n', "", ended.errors)
    return ended._replace(errors=re.sub(r"^python: |^\S*/python[\d.]*: ", "", errors))


def both(*words: str, path: tuple[Path, ...] = ()) -> tuple[Ended, Ended]:
    """What Python shows of these words, and what it shows of them under the drop-in."""
    return same(run(*words, path=path)), same(run(*DROP_IN, *words, path=path))


# ---- as Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_ends_as_under_python(ending: str) -> None:
    Path("script.py").write_text(ENDINGS[ending])

    under_python, under_drop_in = both("script.py")

    assert under_drop_in == under_python


def test_an_interrupt_is_the_signal_to_the_shell() -> None:
    Path("script.py").write_text("raise KeyboardInterrupt\n")

    assert run(*DROP_IN, "script.py").status == -signal.SIGINT


@pytest.mark.parametrize(
    "words", [["script.py"], ["sub/script.py", "-m", "--help", "a b"], ["linked.py", "-h"]]
)
def test_a_script_sees_what_it_sees_under_python(words: list[str]) -> None:
    Path("sub").mkdir()
    for name in ("script.py", "sub/script.py"):
        Path(name).write_text(SHOWS_ITSELF)
    Path("linked.py").symlink_to("sub/script.py")

    under_python, under_drop_in = both(*words)

    assert under_python.status == 0
    assert under_drop_in == under_python


@pytest.mark.parametrize("words", [["-m", "tool", "a"], ["-m", "package", "-m", "b"], ["-m", "package.part"]])
def test_a_module_sees_what_it_sees_under_python(words: list[str]) -> None:
    Path("package").mkdir()
    Path("package/__init__.py").write_text("")
    for name in ("tool.py", "package/__main__.py", "package/part.py"):
        Path(name).write_text(SHOWS_ITSELF + "raise ValueError('no')\n")

    under_python, under_drop_in = both(*words)

    assert under_python.status == 1
    assert under_drop_in == under_python


@pytest.mark.parametrize("place", ["folder", "archive.zip"])
def test_folders_and_archives_are_programs_too(place: str) -> None:
    Path("folder").mkdir()
    Path("folder/__main__.py").write_text("import beside\n" + SHOWS_ITSELF)
    Path("folder/beside.py").write_text("")
    with zipfile.ZipFile("archive.zip", "w") as archive:
        for file in Path("folder").glob("*.py"):
            archive.write(file, file.name)

    under_python, under_drop_in = both(place, "a")

    assert under_python.status == 0
    assert under_drop_in == under_python


@pytest.mark.parametrize(
    "words",
    [
        ["none.py"],
        ["empty"],
        ["-m", "no_such_module"],
        ["-m", "no_such.module"],
        ["-m", "bare"],
    ],
)
def test_what_cannot_be_run_is_refused_as_by_python(words: list[str]) -> None:
    for name in ("empty", "bare"):
        Path(name).mkdir()
    Path("bare/__init__.py").write_text("")

    under_python, under_drop_in = both(*words)

    assert under_drop_in == under_python
    assert under_drop_in.status > 0


def test_under_safe_path_no_folder_is_added() -> None:
    Path("script.py").write_text("import os, sys\nprint(os.getcwd() in sys.path)\n")

    assert run("-P", *DROP_IN, "script.py").output == run("-P", "script.py").output == "False\n"


# ---- its own words -------------------------------------------------------------------------------


def test_help_says_what_it_does() -> None:
    shown = run(*DROP_IN, "--help")

    assert shown == run(*DROP_IN, "-h")
    assert shown.output.startswith("usage: python -m nbtrack.mlflow_drop_in script.py [arguments]")
    assert "What nbtrack does not have raises an error that names it." in shown.output
    assert (shown.errors, shown.status) == ("", 0)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ([], "There is nothing to run."),
        (["-m"], "There is nothing to run."),
        (["-x", "script.py"], "There is no option '-x'."),
    ],
)
def test_without_a_program_it_says_how_it_is_called(words: list[str], wrong: str) -> None:
    shown = run(*DROP_IN, *words)

    assert shown.errors.startswith("usage: python -m nbtrack.mlflow_drop_in script.py [arguments]")
    assert shown.errors.endswith(f"\n{wrong} --help says more.\n")
    assert (shown.output, shown.status) == ("", 2)


def test_a_script_that_says_import_mlflow_logs_into_nbtrack() -> None:
    Path("train.py").write_text(
        "import mlflow, sys\n"
        "with mlflow.start_run(run_name=sys.argv[1]):\n"
        "    mlflow.log_metric('loss', 0.5)\n"
        "print(mlflow.search_runs()[['metrics.loss', 'tags.mlflow.source.name']].values.tolist())\n"
    )

    assert run(*DROP_IN, "train.py", "first") == ("[[0.5, 'train.py']]\n", "", 0)
    assert Path(".nbtrack").is_dir()


def test_a_script_that_installs_the_drop_in_itself_runs_as_well() -> None:
    Path("train.py").write_text(
        "import mlflow\n"
        "import nbtrack.mlflow_drop_in as drop_in\n"
        "print(drop_in.is_installed(), drop_in.__spec__.name)\n"
        "drop_in.install()\n"
    )

    assert run(*DROP_IN, "train.py") == ("True nbtrack.mlflow_drop_in\n", "", 0)


# ---- those it starts -----------------------------------------------------------------------------

WORKERS = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import mlflow
def work(_):
    import mlflow.sklearn
    return repr(mlflow.sklearn)
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
            print(method, *pool.map(work, [0]))
"""


def test_workers_get_nbtrack_however_they_are_started() -> None:
    Path("train.py").write_text(WORKERS)

    shown = run(*DROP_IN, "train.py")

    assert (shown.errors, shown.status) == ("", 0)
    ours = "<module 'mlflow.sklearn' (nbtrack)>"
    assert sorted(shown.output.splitlines()) == [f"{each} {ours}" for each in ("fork", "forkserver", "spawn")]


def test_programs_that_it_starts_get_nbtrack() -> None:
    Path("sub").mkdir()
    Path("sub/train.py").write_text(
        "from importlib.util import find_spec\n"
        "assert find_spec('mlflow') is not None\n"
        "from mlflow.models.signature import infer_signature\n"
        "import mlflow, sys, importlib.metadata\n"
        "print(mlflow, infer_signature.__module__, importlib.metadata.version('mlflow'), sys.path[0])\n"
        "import mlflow.onnx\n"
    )
    program = INSTALLED + (
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, 'sub/train.py'], capture_output=True, text=True)\n"
        "print(done.stdout, done.stderr.splitlines()[-1])\n"
    )

    shown = run("-c", program)

    ours = f"<module 'mlflow' (nbtrack)> nbtrack.models.signature {MLFLOW_VERSION} {Path('sub').absolute()}"
    absent = "ModuleNotFoundError: nbtrack, which answers for mlflow here, has no 'mlflow.onnx' yet"
    assert shown.errors == ""
    assert shown.output.startswith(f"{ours}\n {absent}")


def test_a_child_that_imports_no_mlflow_loads_nothing_of_ours() -> None:
    program = INSTALLED + (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'import sys; print([each for each in sys.modules if"
        ' each.startswith((\\"nbtrack\\", \\"mlflow\\"))])\'], capture_output=True, text=True).stdout)\n'
    )

    assert run("-c", program).output == "[]\n\n"


@pytest.fixture
def their_mlflow(tmp_path: Path) -> Path:
    """A folder with a package `mlflow` that is not nbtrack's, and a command of that name."""
    package = tmp_path / "site" / "mlflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = 'theirs'\n")
    (package / "__main__.py").write_text("import mlflow; print(mlflow.__version__)\n")
    (package.parent / "bin").mkdir()
    command = "import mlflow, os, sys; print(mlflow.__version__, os.environ['PYTHONPATH'])\n"
    (package.parent / "bin" / "mlflow").write_text(command)
    return package.parent


def test_a_python_without_nbtrack_gets_its_own_mlflow(their_mlflow: Path) -> None:
    program = "import sys; sys.path.remove(ROOT); import mlflow; print(mlflow.__version__)"

    shown = run("-S", "-c", f"ROOT = {str(ROOT)!r}; {program}", path=(Path(_WORKER_PATH), their_mlflow))

    assert shown == ("theirs\n", "", 0)


def test_a_python_too_old_for_nbtrack_gets_its_own_mlflow(their_mlflow: Path) -> None:
    program = "import sys; sys.version_info = (3, 10, 13); import mlflow; print(mlflow.__version__)"

    shown = run("-c", program, path=(Path(_WORKER_PATH), their_mlflow))

    assert shown == ("theirs\n", "", 0)


def test_mlflows_own_command_stays_mlflows(their_mlflow: Path) -> None:
    shown = run(str(their_mlflow / "bin" / "mlflow"), path=(Path(_WORKER_PATH), their_mlflow))

    assert shown == (f"theirs {their_mlflow}:{ROOT}\n", "", 0)


def test_mlflow_as_a_module_stays_mlflows_and_its_arguments_are_its_own(their_mlflow: Path) -> None:
    Path("script.py").write_text("import mlflow; print(mlflow)\n")
    Path("tool").mkdir()
    Path("tool/__init__.py").write_text("import mlflow\n")  # while Python still looks for its __main__
    Path("tool/__main__.py").write_text("import tool; print(tool.mlflow)\n")
    path = (Path(_WORKER_PATH), their_mlflow)

    assert run("-m", "mlflow", path=path) == ("theirs\n", "", 0)
    assert run("script.py", "-m", "mlflow", path=path).output == "<module 'mlflow' (nbtrack)>\n"
    assert run("-m", "script", "-m", "mlflow", path=path).output == "<module 'mlflow' (nbtrack)>\n"
    assert (
        run("-mtool", path=path).output
        == run("-m", "tool", path=path).output
        == "<module 'mlflow' (nbtrack)>\n"
    )


def test_a_worker_reads_a_model_that_calls_things_by_mlflows_own_names() -> None:
    # It has not imported mlflow itself, and finds at first what is to make way.
    program = INSTALLED + (
        "import subprocess, sys\n"
        'read = \'import nbtrack.models.code.mlflow_names as n, sys; print(n.are_needed(), "mlflow" in '
        'sys.modules, n.named("mlflow.pyfunc.model", "_FunctionPythonModel").__name__)\'\n'
        "print(subprocess.run([sys.executable, '-c', read], capture_output=True, text=True).stdout)\n"
    )

    assert run("-c", program) == ("True False FunctionModel\n\n", "", 0)


def test_without_any_mlflow_the_command_finds_none(their_mlflow: Path) -> None:
    shown = run(str(their_mlflow / "bin" / "mlflow"), path=(Path(_WORKER_PATH),))

    assert shown.errors.endswith("ModuleNotFoundError: No module named 'mlflow'\n")
    assert shown.status == 1


def test_the_python_of_the_tests_has_no_mlflow() -> None:
    assert run("-c", "import mlflow").errors.endswith("ModuleNotFoundError: No module named 'mlflow'\n")
    assert sys.version_info >= (3, 11)
