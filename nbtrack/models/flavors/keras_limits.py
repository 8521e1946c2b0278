"""Whether a stranger's `.keras` file takes about the memory that it has bytes.

Its configuration is built once with variables that have shapes and no values, which Keras makes inside a
`StatelessScope`; that costs milliseconds, on every backend.
"""

import json
import os
import struct
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from nbtrack.models.safety.archives import RefusedError, check_directory, check_overlaps
from nbtrack.models.safety.safe_files import open_plain

MOST_TIMES: Final = 20
ALWAYS_FINE: Final = 100_000_000
"""Bytes that a model may take besides `MOST_TIMES` its file."""
_MOST_UNPACKED_TIMES = 200
_MOST_CONFIG = 5_000_000
_MOST_PARTS = 50_000
_MOST_WORK = 50_000
_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_COMPILED = ("loss", "metrics", "weighted_metrics")
_WAITING = "uninitialized_variables"


class TooLargeError(Exception):
    """Its variables would take more than is allowed."""


def doubt(path: Path, keras: Any, objects: Mapping[str, Any], *, with_compile: bool) -> str | None:
    """Why a model could take far more memory than its file, as a clause; None when it does not.

    Args:
        path: The `.keras` file.
        keras: Keras.
        objects: Classes and functions of the caller's.
        with_compile: Whether its losses and metrics will be made, too.

    Raises:
        ValueError: Keras cannot build it; so do other errors of Keras and of its layers say.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        most = MOST_TIMES * size + ALWAYS_FINE
        try:
            if file.read(4) != b"PK\x03\x04":
                return None  # Keras refuses it
            check_directory(file, size)
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                config, reason = _config(archive, most, size)
        except (RefusedError, zipfile.BadZipFile, struct.error, NotImplementedError) as error:
            return f"its file is damaged ({str(error)[:200]})"
    return reason or _variables_doubt(config, keras, objects, most, with_compile=with_compile)


def _config(archive: zipfile.ZipFile, most: int, size: int) -> tuple[dict[str, Any], str | None]:
    """The configuration; and why the file is not read, if so."""
    infos = archive.infolist()
    check_overlaps(infos)
    by_name = {info.filename: info for info in infos}
    if len(by_name) < len(infos):
        return {}, "two of its members have one name"
    if sum(info.file_size for info in infos) > max(ALWAYS_FINE, _MOST_UNPACKED_TIMES * size):
        return {}, f"it unpacks to more than {_MOST_UNPACKED_TIMES} times its size"
    if _CONFIG not in by_name or by_name[_CONFIG].file_size > _MOST_CONFIG:
        return {}, f"its {_CONFIG} is not there, or has more than {_MOST_CONFIG:,} bytes"
    text = archive.read(_CONFIG)
    if text.count(b"class_name") > _MOST_PARTS:
        return {}, f"it has more than {_MOST_PARTS:,} parts"
    if _WEIGHTS not in by_name:
        return {}, "its weights are not in the usual form"
    if _stored(archive, most) > most:
        return {}, f"its weights unpack to more than {MOST_TIMES} times its size"
    try:
        config = json.loads(text)
        work = _work(config)[1]
    except (ValueError, RecursionError):
        return {}, f"its {_CONFIG} is no JSON, or nested too deeply"
    if not isinstance(config, dict):
        return {}, f"its {_CONFIG} holds no model"
    if work > _MOST_WORK:
        return {}, "Keras would take very long to build all its layers"
    return cast("dict[str, Any]", config), None


def _work(value: Any) -> tuple[int, int]:
    """The parts in a configuration; and how often one is built: a Sequential builds all for each it adds."""
    parts = work = 0
    held: list[Any] = []
    if isinstance(value, list):
        held = cast("list[Any]", value)
    elif isinstance(value, dict):
        node = cast("dict[str, Any]", value)
        held = list(node.values())
        parts += "class_name" in node
    for each in held:
        if isinstance(each, list | dict):
            more_parts, more_work = _work(each)
            parts += more_parts
            work += more_work
    if isinstance(value, dict):
        layers = cast("dict[str, Any]", value).get("layers")
        if isinstance(layers, list) and "output_layers" not in value:
            work += len(cast("list[Any]", layers)) * parts
    return parts, work


def _stored(archive: zipfile.ZipFile, most: int) -> int:
    """Bytes of all arrays in the weights, as they will lie in memory."""
    import h5py

    total = 0

    def add(_: str, held: Any) -> bool | None:
        nonlocal total
        total += int(getattr(held, "nbytes", 0))
        return True if total > most else None

    try:
        with archive.open(_WEIGHTS) as member, cast("Any", h5py).File(member, "r") as held:
            held.visititems(add)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return most + 1
    return total


def _variables_doubt(
    config: dict[str, Any], keras: Any, objects: Mapping[str, Any], most: int, *, with_compile: bool
) -> str | None:
    state: Any = import_module("keras.src.backend.common.global_state")
    before = state.get_global_attribute(_WAITING)
    # Keras keeps variables without values here, to fill them later; these never are.
    state.set_global_attribute(_WAITING, _Counted(most))
    compiled = config.get("compile_config")
    held = cast("dict[str, Any]", compiled) if with_compile and isinstance(compiled, dict) else {}
    try:
        with keras.StatelessScope(initialize_variables=False):
            parts = [{**config, "compile_config": None}, *(held.get(name) for name in _COMPILED)]
            for part in filter(None, parts):
                keras.saving.deserialize_keras_object(part, custom_objects=dict(objects), safe_mode=True)
    except TooLargeError as error:
        return str(error)
    finally:
        state.set_global_attribute(_WAITING, before if before is not None else [])
    return None


class _Counted(list[Any]):
    """Takes variables up to so many bytes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def append(self, variable: Any, /) -> None:
        size = 8 if "64" in str(variable.dtype) else 4
        for each in variable.shape:
            size *= int(each)
        self._left -= size
        if self._left < 0:
            raise TooLargeError(
                f"its layers ask for more than {MOST_TIMES} times the memory of its file, such as for "
                f"{tuple(variable.shape)} numbers"
            )
        super().append(variable)
