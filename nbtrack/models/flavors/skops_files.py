"""The skops format: estimators as a zip of arrays and a tree of names, which runs nothing when it is read.

skops itself says which types it does not know to be harmless. A file's own list of what to trust is the
word of whoever wrote the file, so it is not asked.
"""

import json
import zipfile
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from nbtrack.core.errors import InvalidValueError, MissingExtraError, said
from nbtrack.core.versions import is_at_least

if TYPE_CHECKING:
    from nbtrack.models.safety.folder import ModelFolder

_SAFE_SINCE = "0.13"
_SCHEMA = "schema.json"
_MOST_MEMBERS = 1_000_000
_MOST_SCHEMA_BYTES = 500_000_000
_MOST_TIMES = 200
"""How many times its size on disk a file may take in memory."""
_ALWAYS_FINE = 64_000_000
_MOST_SCHEMA_TIMES = 20
"""How many times its size on disk a file's tree of names may have; JSON takes far more once it is read."""
_ALWAYS_FINE_SCHEMA = 1_000_000
_ALWAYS_FINE_VALUES = 200_000
_BYTES_A_VALUE = 4
"""Bytes on disk for one more object in that tree; skops writes 200 for each, before they are packed."""


def write_skops(
    model: Any, file: Path, trusted: Collection[str] = (), *, harmless: Collection[str] = ()
) -> None:
    """Write an estimator as a skops file.

    Args:
        model: The estimator.
        file: Where.
        trusted: Types that the user says it may hold, besides those that skops trusts.
        harmless: Types that the flavor knows, which need not be named.

    Raises:
        InvalidValueError: It holds what skops has no form for, or a type that was not named.
        MissingExtraError: skops is not installed.
    """
    skops = _skops()
    name = type(model).__name__
    advice = "serialization_format='cloudpickle' takes everything."
    try:
        skops.dump(model, file)
        unknown = set(skops.get_untrusted_types(file=file))
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise InvalidValueError(
            f"skops has no form for something in this {name}: {said(error)}. {advice}"
        ) from error
    by_name_only = sorted(each for each in unknown if each.startswith("__main__.") or "<" in each)
    if by_name_only:
        raise InvalidValueError(
            f"This {name} holds {', '.join(by_name_only)}, and skops keeps functions and classes by name "
            f"only: those of a notebook or script, and lambdas, are not found again. {advice}"
        )
    if more := sorted(unknown - set(trusted) - set(harmless)):
        raise InvalidValueError(
            f"This {name} holds types that skops does not trust: {', '.join(more)}. Name them as "
            f"skops_trusted_types={more!r}, or: {advice}"
        )
    try:
        # It says by loading whether it can.
        skops.load(file, trusted=sorted(unknown))
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        raise InvalidValueError(f"skops cannot read back this {name}: {said(error)}. {advice}") from error


def read_skops(folder: "ModelFolder", name: str) -> Any:
    """Read an estimator from a skops file; trust is asked for where it holds types that skops does not know.

    Args:
        folder: The model's folder.
        name: The file in it.

    Raises:
        UntrustedModelError: It holds unknown types, and is not the user's own.
        InvalidValueError: It is no skops file, or would take far more memory than its size.
        MissingExtraError: skops is not installed.
    """
    skops = _skops()
    where = f"{name!r} of the model at {folder.path}"
    holes = _holes_of_skops()
    try:
        with folder.open(name) as file:
            _check_size(file, where)
            unknown = sorted(skops.get_untrusted_types(file=file))
            if holes is None and not unknown:
                file.seek(0)
                return skops.load(file, trusted=unknown)
        shown = ", ".join(unknown[:8]) + (", …" if len(unknown) > 8 else "")
        folder.require_trust(name, why=holes or f"{name} holds types that skops does not trust: {shown}")
        with folder.open(name) as file:
            return skops.load(file, trusted=unknown)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:
        # What nbtrack itself says is said.
        if type(error).__module__.startswith("nbtrack."):
            raise
        raise InvalidValueError(
            f"{where} cannot be read by skops: {type(error).__name__}: {said(error)}."
        ) from error


def _check_size(file: IO[bytes], where: str) -> None:
    """Refuse a file that unpacks to far more than it is, or names one array again and again."""
    file.seek(0, 2)
    packed = file.tell()
    allowed = _ALWAYS_FINE + _MOST_TIMES * packed
    file.seek(0)
    with zipfile.ZipFile(file) as members:
        listed = members.infolist()
        sizes = {each.filename: each.file_size for each in listed}
        if len(listed) > _MOST_MEMBERS or len(sizes) < len(listed):
            raise InvalidValueError(f"{where} holds too many files, or two of one name.")
        most = min(_MOST_SCHEMA_BYTES, _ALWAYS_FINE_SCHEMA + _MOST_SCHEMA_TIMES * packed)
        if sizes.get(_SCHEMA, 0) > most:
            raise InvalidValueError(f"{where} is no skops file: its {_SCHEMA} has {sizes[_SCHEMA]:,} bytes.")
        schema = members.read(_SCHEMA)
        values = schema.count(b"[") + schema.count(b"{")
        if values > _ALWAYS_FINE_VALUES + packed // _BYTES_A_VALUE:
            raise InvalidValueError(f"{where} is no skops file: its {_SCHEMA} holds {values:,} objects.")
        total = 0
        nested: dict[str, int] = {}
        for named in _named_files(json.loads(schema)):
            if named not in nested:
                nested[named] = _unpacked(members, named, sizes.get(named, 0), allowed)
            total += nested[named]
            if total > allowed:
                raise InvalidValueError(
                    f"{where} would take more than {_MOST_TIMES} times its size in memory, so it is not read."
                )
    file.seek(0)


def _named_files(schema: Any) -> list[str]:
    """The members that a tree names, once for each object."""
    found: list[str] = []
    seen: set[Any] = set()
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += cast("list[Any]", each)
        elif isinstance(each, dict):
            node = cast("dict[str, Any]", each)
            waiting += node.values()
            key = node.get("__id__")
            if isinstance(node.get("file"), str) and (key is None or key not in seen):
                seen.add(key)
                found.append(node["file"])
    return found


def _unpacked(members: zipfile.ZipFile, name: str, size: int, allowed: int) -> int:
    """Bytes that a member takes; sparse matrices lie in a zip of their own."""
    if size > allowed or name not in members.NameToInfo:
        return size
    with members.open(name) as member:
        if member.read(2) != b"PK":
            return size
    with zipfile.ZipFile(BytesIO(members.read(name))) as inner:
        return size + sum(each.file_size for each in inner.infolist())


def _holes_of_skops() -> str | None:
    """What is wrong with an old skops, whose word on what is harmless does not hold; None when nothing is.

    CVE-2025-54412, 54413 and 54886: files that ran code although no type in them was unknown.
    """
    import skops

    if is_at_least(skops.__version__, _SAFE_SINCE):
        return None
    return f"skops {skops.__version__} has known holes; `pip install -U skops` mends them"


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingExtraError("The skops format", "skops") from error
    return skops.io
