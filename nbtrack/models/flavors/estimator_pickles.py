"""Reading the pickle of an estimator: whatever wrote it, and with an error that says what is missing."""

from typing import TYPE_CHECKING, Any, BinaryIO

from nbtrack.core.errors import InvalidValueError, MissingExtraError, MissingModuleError, NbtrackError, said
from nbtrack.core.installed_packages import installed_packages
from nbtrack.models.code.code_paths import current_code
from nbtrack.models.code.unpickling import python_of, unpickle

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

_HEAD = 1 << 16
_PICKLE_START = b"\x80"
"""The first byte of any pickle since Python 2.3; joblib's compressed files begin otherwise."""
_JOBLIB_MARK = b"joblib.numpy_pickle"


def read_pickle(folder: "ModelFolder", name: str, *, made_with: tuple[str, Any] | None = None) -> Any:
    """Read a pickle of a model's folder, after its trust was asked for.

    Args:
        folder: The folder.
        name: The file in it: a pickle, or what `joblib.dump` writes.
        made_with: The package, and which version of it, that the pickle was made with.

    Raises:
        UntrustedModelError: It is not the user's own.
        InvalidValueError: It cannot be read; the message says which package is missing or differs.
    """
    folder.require_trust(name, why=f"{name} is a pickle, which runs code when it is read")
    with folder.open(name) as file:
        head = file.read(_HEAD)
        file.seek(0)
        try:
            if not head.startswith(_PICKLE_START) or _JOBLIB_MARK in head:
                return _joblib_load(file)
            try:
                return unpickle(file, current_code(), python_version=lambda: python_of(folder))
            except (KeyboardInterrupt, MemoryError, NbtrackError):
                raise
            except Exception:
                # joblib puts arrays between the opcodes, and the first may come late.
                if not _holds(file, _JOBLIB_MARK):
                    raise
                file.seek(0)
                return _joblib_load(file)
        except (KeyboardInterrupt, MemoryError, NbtrackError):
            raise
        except ModuleNotFoundError as error:
            raise MissingModuleError(_said(folder, name, made_with, error), error.name or "") from error
        except Exception as error:
            raise InvalidValueError(_said(folder, name, made_with, error)) from error


def _joblib_load(file: BinaryIO) -> Any:
    try:
        import joblib
    except ImportError as error:
        raise MissingExtraError("A model that joblib wrote", "joblib") from error
    return joblib.load(file)


def _holds(file: BinaryIO, mark: bytes) -> bool:
    file.seek(0)
    last = b""
    while piece := file.read(1 << 20):
        if mark in last + piece:
            return True
        last = piece[-len(mark) :]
    return False


def _said(folder: "ModelFolder", name: str, made_with: tuple[str, Any] | None, error: Exception) -> str:
    is_cut = isinstance(error, EOFError) or "truncated" in str(error)
    what = "it ends early" if is_cut else f"{type(error).__name__}: {said(error)}"
    text = f"{name!r} of the model at {folder.path} cannot be read: {what}."
    if isinstance(error, ModuleNotFoundError) and error.name:
        text += (
            f" It needs the module {error.name!r}. `pip install -r {folder.path / 'requirements.txt'}` "
            "installs packages; code of your own goes into the model with code_paths=[...] when it is logged."
        )
    elif made_with is not None and (differing := version_note(made_with)):
        text += f" {differing}"
    return text


def version_note(made_with: tuple[str, Any]) -> str | None:
    """A sentence on a package that differs from the one a model was made with; None when it does not."""
    package, version = made_with
    here = installed_packages().get(package, "").partition("+")[0]
    if not isinstance(version, str) or not version or not here or here == version.partition("+")[0]:
        return None
    return (
        f"It was made with {package} {version}, and {here} is installed: it may fail or predict otherwise. "
        f"`pip install {package}=={version}` installs its own."
    )
