"""Loads models in a process of its own and tells what happened; run as a program.

python trial.py untrusted|trusted < [[name, folder, marker, loader], ...] as JSON
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import sysconfig
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

FLAVORS = ("sklearn", "pytorch", "lightning", "xgboost", "lightgbm", "keras")
LIBRARIES = {
    "torch.export": "pytorch",
    "safetensors.torch": "pytorch",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "keras": "keras",
}
"""What is imported before anybody watches, and for which flavor."""
WATCHED = frozenset(
    [
        "import",
        "exec",
        "compile",
        "pickle.find_class",
        "marshal.loads",
        "code.__new__",
        "function.__new__",
        "ctypes.dlopen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "subprocess.Popen",
        "pty.spawn",
        "webbrowser.open",
        "socket.connect",
        "socket.bind",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.symlink",
        "os.link",
        "os.chmod",
        "shutil.rmtree",
    ]
)
HOMES = tuple(
    {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {str(Path(importlib.util.find_spec("nbtrack").origin).parent)}  # type: ignore[union-attr, arg-type]
    | {"<frozen"}
)
INSTALLED = {*sys.stdlib_module_names, "nbtrack", *importlib.metadata.packages_distributions()}


def loaders() -> dict[str, Callable[..., Any]]:
    """All ways to load a model that there are, by name."""
    from nbtrack import pyfunc

    found: dict[str, Callable[..., Any]] = {"pyfunc": pyfunc.load_model}
    for flavor in FLAVORS:
        if importlib.util.find_spec(f"nbtrack.{flavor}") is not None:
            found[flavor] = importlib.import_module(f"nbtrack.{flavor}").load_model
    if "pytorch" in found:
        found["pytorch weights"] = functools.partial(found["pytorch"], weights_only=True)
        found["pytorch state"] = importlib.import_module("nbtrack.pytorch").load_state_dict
    return found


def commands(folder: str) -> list[list[str]]:
    """All commands that look at a model."""
    from nbtrack.cli import main

    found = [["trust", folder], ["trust", "--forget", folder]]
    if "models" in main.commands:
        Path("input.csv").write_text("a\n1\n")
        found.append(["models", "predict", "-m", folder, "-i", "input.csv", "-o", "output.csv"])
    return found


class Watch:
    """What the interpreter does while a model is looked at."""

    def __init__(self) -> None:
        self.events: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.events is None or event not in WATCHED or _is_fine(event, arguments):
            return
        self.events.append(f"{event} {str(arguments)[:120]}")


def _is_fine(event: str, arguments: tuple[Any, ...]) -> bool:
    """What libraries do that are loaded when they are needed."""
    if event == "import":
        return str(arguments[0]).partition(".")[0] in INSTALLED
    if event == "exec":
        code = arguments[0]
        return isinstance(code, types.CodeType) and code.co_filename.startswith(HOMES)
    if event == "compile":
        # Literals are parsed by the same function; what is run afterwards is another event.
        return str(arguments[1]).startswith((*HOMES, "<unknown>"))
    if event in ("marshal.loads", "code.__new__", "function.__new__"):
        return _is_import_machinery()
    return event == "os.mkdir" and "__pycache__" in str(arguments[0])


def _is_import_machinery() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def said(load: Callable[[], Any]) -> tuple[str, str]:
    """What loading ended with: the kind of answer and its text."""
    from nbtrack.core.errors import NbtrackError

    try:
        load()
    except NbtrackError as error:
        return "refused", str(error)
    except BaseException as error:  # noqa: BLE001 - whatever comes is told
        return f"crashed: {type(error).__name__}", str(error)[:2000]
    return "loaded", ""


def main() -> None:
    """Try every model that stdin names."""
    from click.testing import CliRunner

    from nbtrack.cli import main as command_line

    trust = sys.argv[1] == "trusted"
    cases = json.load(sys.stdin)
    ways = loaders()
    watch = Watch()
    if not trust:
        # What libraries import and define at first is theirs; the models come after it.
        warm_up(ways)
    for name, folder, marker, loader in cases:
        before = time.monotonic()
        if trust:
            answers = {loader: said(lambda: ways[loader](folder, trust=True))}  # noqa: B023
            events: list[str] = []
        else:
            watch.events = events = []
            answers = {way: said(lambda: load(folder)) for way, load in ways.items()}  # noqa: B023
            for words in commands(folder):
                result = CliRunner().invoke(command_line, words)
                crash = result.exception is not None and not isinstance(result.exception, SystemExit)
                answers[" ".join(words[:2])] = ("crashed" if crash else "refused", result.output)
            watch.events = None
        row = [name, answers, events, os.path.lexists(marker), time.monotonic() - before]
        print(json.dumps(row), flush=True)


def warm_up(ways: dict[str, Callable[..., Any]]) -> None:
    """Look at a model that does nothing in every way."""
    from click.testing import CliRunner

    from nbtrack.cli import main as command_line

    for name in ("sklearn", "pyfunc.model"):
        folder = Path(name)
        folder.mkdir()
        entry = f"{{loader_module: mlflow.{name}, python_model: model.pkl}}"
        (folder / "MLmodel").write_text(f"flavors: {{python_function: {entry}}}\n")
        (folder / "model.pkl").write_bytes(b"N.")
        for load in ways.values():
            said(lambda: load(folder))  # noqa: B023
        for words in commands(str(folder)):
            CliRunner().invoke(command_line, words)
    if "pytorch" in ways:
        import torch

        torch.save({"a": torch.zeros(1)}, "harmless.pth")
        torch.load("harmless.pth", weights_only=True)
    for name in ("skops.io", "sklearn.pipeline", "sklearn.preprocessing", *LIBRARIES):
        if LIBRARIES.get(name, "sklearn") in ways:
            importlib.import_module(name)


if __name__ == "__main__":
    main()
