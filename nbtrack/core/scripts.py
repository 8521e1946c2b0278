"""Running somebody's program as `python script.py` and `python -m module` do.

It is `__main__`, has its own `sys.argv` and `sys.path[0]`, ends the process as it would by itself, and a
traceback begins with its own lines.
"""

import builtins
import io
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn


def run_script(path: str, arguments: Sequence[str]) -> None:
    """Run a file, or a folder or zip archive with a `__main__.py`.

    Args:
        path: The script.
        arguments: Its `sys.argv[1:]`.

    Raises:
        SystemExit: There is no such script.
        BaseException: Whatever it raises.
    """
    sys.argv[:] = [path, *arguments]
    place = os.path.abspath(path)
    spec = PathFinder.find_spec("__main__", [place])
    if spec is not None:
        _set_first_folder(place)
        _run(_code_of(spec), spec.origin, spec)
        return
    try:
        with io.open_code(place) as file:
            source = file.read()
    except IsADirectoryError:
        _refuse(f"can't find '__main__' module in {place!r}", 1)
    except OSError as error:
        _refuse(f"can't open file {place!r}: [Errno {error.errno}] {error.strerror}", 2)
    _set_first_folder(os.path.dirname(os.path.realpath(path)))
    _run(source, place, None)


def run_module(name: str, arguments: Sequence[str]) -> None:
    """Run a module, or the `__main__` of a package.

    Args:
        name: Such as `pytest` or `training.run`.
        arguments: Its `sys.argv[1:]`.

    Raises:
        SystemExit: There is no such module.
        BaseException: Whatever it raises.
    """
    sys.argv[:] = ["-m", *arguments]  # until it is found, as in Python
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            package, name = name, f"{name}.__main__"
            spec = find_spec(name)
            if spec is None:
                why = f"{package!r} is a package and cannot be directly executed"
                _refuse(f"No module named {name}; {why}", 1)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        _refuse(f"Error while finding module specification for {name!r} ({found})", 1)
    if spec is None:
        _refuse(f"No module named {name}", 1)
    sys.argv[0] = spec.origin or name
    _run(_code_of(spec), spec.origin, spec)


def _set_first_folder(folder: str) -> None:
    """Put the folder of the script where Python puts it."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _code_of(spec: ModuleSpec) -> CodeType:
    get_code = getattr(spec.loader, "get_code", None)
    code: CodeType | None = None if get_code is None else get_code(spec.name)
    if code is None:
        _refuse(f"No code object available for {spec.name}", 1)
    return code


def _run(code: CodeType | bytes, file: str | None, spec: ModuleSpec | None) -> None:
    main = ModuleType("__main__")
    loader: Any = SourceFileLoader("__main__", file or "") if spec is None else spec.loader
    cached = None if spec is None else spec.cached
    package = None if spec is None else spec.parent
    vars(main).update(
        __builtins__=builtins,
        __cached__=cached,
        __file__=file,
        __loader__=loader,
        __package__=package,
        __spec__=spec,
    )
    if sys.version_info < (3, 14):
        vars(main)["__annotations__"] = {}
    sys.modules["__main__"] = main
    try:
        if isinstance(code, bytes):
            code = compile(code, file or "", "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - it is what the user asked for
    except BaseException as error:
        _show_only(error, error.__traceback__ and error.__traceback__.tb_next)
        raise


def _show_only(error: BaseException, traceback: TracebackType | None) -> None:
    """Show a traceback from where the program begins, when Python shows the error."""
    show = sys.excepthook

    def show_without_us(kind: type[BaseException], value: BaseException, whole: TracebackType | None) -> None:
        if value is error:
            value, whole = error.with_traceback(traceback), traceback
        show(kind, value, whole)

    sys.excepthook = show_without_us


def _refuse(message: str, status: int) -> NoReturn:
    print(f"{sys.executable}: {message}", file=sys.stderr)
    sys.exit(status)
