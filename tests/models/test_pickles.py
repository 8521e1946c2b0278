"""What a pickle would import is found in whatever it is wrapped, and nothing in it runs."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.safety.pickles import PickleReport, inspect

FOLDERS = Path(__file__).parent / "mlflow_folders"


class Evil:
    """Calls `os.system` when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo harm > marker",)


def report(path: Path, data: bytes) -> PickleReport | None:
    path.write_bytes(data)
    return inspect(path)


EVIL = f"{os.system.__module__}.system"
PACKED = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}
ARRAYS = [
    np.arange(20.0).reshape(4, 5),
    np.asfortranarray(np.ones((3, 2), "f4")),
    np.array(["ab", "cde"]),
    np.array([1, "x", None, Evil()], dtype=object),
    np.zeros(3, [("a", "f4"), ("b", "S3")]),
    np.array(2.5),
    np.zeros((0, 4)),
    np.array(["2020-01-01"], "M8[s]"),
]


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_are_followed(protocol: int, tmp_path: Path) -> None:
    found = report(tmp_path / "weights.safetensors", pickle.dumps([1, Evil(), {"a": Path("x")}], protocol))

    assert found is not None
    assert (found.format, found.complete) == ("pickle", True)
    assert found.imports[0] == EVIL
    assert any(name.startswith("pathlib.") for name in found.imports)
    assert found.path == str(tmp_path / "weights.safetensors")


@pytest.mark.parametrize("name", PACKED)
def test_compressed_pickles_are_known_by_their_bytes(name: str, tmp_path: Path) -> None:
    found = report(tmp_path / "model.pkl", PACKED[name](pickle.dumps(Evil())))

    assert found == PickleReport(str(tmp_path / "model.pkl"), f"{name} of pickle", (EVIL,), True)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93\x8c\x01x\x85R.",  # from the memo
        b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94h\x000h\x01h\x00\x93.",  # in the other order
        b"\x80\x02(X\x02\x00\x00\x00osX\x06\x00\x00\x00systeml\x8c\x02os\x8c\x06system\x93.",  # behind a list
        b"\x80\x04U\x02osS'system'\n\x93.",  # short and quoted strings
        b"\x80\x04V\\u006fs\nT\x06\x00\x00\x00system\x93.",  # with escapes
        b"cos\nsystem\n(S'x'\ntR.",
        b"(S'x'\nios\nsystem\n.",  # by INST
        b"\x80\x04\x8c\x02osq\xffh\xff0\x8c\x06system2\x940\x8c\x00q\x07h\xffh\x01\x93.",  # numbered, doubled
    ],
)
def test_names_that_are_put_together_are_found(data: bytes, tmp_path: Path) -> None:
    found = report(tmp_path / "model.pkl", data)

    assert found is not None
    assert "os.system" in found.imports
    assert found.complete


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04cbuiltins\nstr\n\x8c\x02os\x85R\x8c\x06system\x93.",  # the module is computed
        b"\x80\x02\x82\x01.",  # a number of the extension registry
    ],
)
def test_names_that_are_computed_are_told_as_unknown(data: bytes, tmp_path: Path) -> None:
    found = report(tmp_path / "model.pkl", data)

    assert found is not None
    assert found.imports[0] == "something it does not name"


def test_joblib_files_are_followed_past_the_arrays_between_their_opcodes(tmp_path: Path) -> None:
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)):
        joblib.dump([*ARRAYS, Evil(), ARRAYS], tmp_path / "model.joblib", compress=compress)

        found = inspect(tmp_path / "model.joblib")

        assert found is not None
        assert found.complete
        assert found.imports[0] == EVIL


def test_arrays_of_objects_are_looked_into_and_arrays_of_numbers_are_not(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.save(tmp_path / "numbers.npy", np.arange(5))
    np.savez(tmp_path / "both.npz", a=np.arange(5), b=np.array([Evil()], dtype=object))
    np.savez_compressed(tmp_path / "numbers.npz", a=np.arange(5))

    evil, both = inspect(tmp_path / "evil.npy"), inspect(tmp_path / "both.npz")

    assert evil is not None
    assert (evil.format, evil.imports[0], evil.complete) == ("numpy array", EVIL, True)
    assert both is not None
    assert (both.format, both.imports[0], both.complete) == ("numpy arrays", EVIL, True)
    assert inspect(tmp_path / "numbers.npy") is None
    assert inspect(tmp_path / "numbers.npz") is None


@pytest.mark.parametrize("is_zip", [True, False])
def test_files_of_torch_are_followed(is_zip: bool, tmp_path: Path) -> None:
    content = {"w": torch.zeros(3), "evil": Evil()}
    torch.save(content, tmp_path / "model.pth", _use_new_zipfile_serialization=is_zip)

    found = inspect(tmp_path / "model.pth")

    assert found is not None
    assert found.format == ("torch zip" if is_zip else "torch pickles")
    assert found.imports[0] == EVIL
    assert "torch._utils._rebuild_tensor_v2" in found.imports
    assert found.complete


def test_a_pickle_is_found_in_zip_files_in_zip_files_and_in_tar_files(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("notes.txt", "hello")
        archive.writestr("weights.bin", gzip.compress(pickle.dumps(Evil())))
    with zipfile.ZipFile(tmp_path / "model", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    with tarfile.open(tmp_path / "old", "w") as archive:
        archive.add(tmp_path / "model", "pickle")

    for name in ("model", "old"):
        found = inspect(tmp_path / name)
        assert found is not None
        assert found.imports == (EVIL,)


def test_what_cloudpickle_wrote_says_that_it_brings_code(tmp_path: Path) -> None:
    found = report(tmp_path / "model.pkl", cloudpickle.dumps(lambda x: x + 1))

    assert found is not None
    assert found.imports[0].startswith("cloudpickle.")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"import os\nprint(1)\n",
        b"column one\nother\n1,2\n",
        b"a,b\n1,2\n",
        b'{"a": 1}',
        b"I am text\n",
        b"(a)",
        bytes(1000),
        (640).to_bytes(8, "little") + b'{"__metadata__": {}}',
        b"\x80",
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        random.Random(1).randbytes(1000),
    ],
)
def test_what_is_no_pickle_is_none(data: bytes, tmp_path: Path) -> None:
    assert report(tmp_path / "model.pkl", data) is None


@pytest.mark.parametrize("end", [3, 10, 20])
def test_a_pickle_that_is_cut_or_goes_on_as_something_else_is_incomplete(end: int, tmp_path: Path) -> None:
    whole = pickle.dumps([Path("x"), Evil(), list(range(50))])

    for data in (whole[:-end], whole[:-end] + b"\xff\xff"):
        found = report(tmp_path / "model.pkl", data)
        assert found is not None
        assert not found.complete
        assert found.imports[0] == EVIL


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.pkl")

    with pytest.raises(InvalidValueError, match="named pipe"):
        inspect(tmp_path / "model.pkl")


BEGIN = b"\x80\x04cos\nsystem\n"
BOMBS = {
    "a length of 2^40, compressed": lambda: zlib.compress(BEGIN + b"\x8e" + (1 << 40).to_bytes(8, "little")),
    "gigabytes of zeros, compressed": lambda: zeros(),
    "opcodes without end": lambda: BEGIN + b"N0" * 3_000_000 + b".",
    "opcodes without end, compressed": lambda: gzip.compress(BEGIN + b"N0" * 20_000_000, 1),
    "a length of 2^63": lambda: BEGIN + b"\x8e" + (1 << 63).to_bytes(8, "little") + b"x",
    "a number of 2 GB": lambda: BEGIN + b"\x8b" + (0x7FFF_FFFF).to_bytes(4, "little") + b"x",
    "a line without end": lambda: BEGIN + b"S" + b"x" * 30_000_000,
    "an array of 2^62 numbers": lambda: joblib_array_of(1 << 62),
    "compressed again and again": lambda: again_and_again(),
}


def zeros() -> bytes:
    packer = zlib.compressobj(9)
    start = BEGIN + b"\x8e" + (3 << 30).to_bytes(8, "little")
    pieces = [packer.compress(start), *(packer.compress(bytes(1 << 20)) for _ in range(3 << 8))]
    return b"".join([*pieces, packer.flush()])


def joblib_array_of(count: int) -> bytes:
    file = io.BytesIO()
    joblib.dump([Evil(), np.zeros(7)], file)
    return file.getvalue().replace(b"K\x07\x85", b"\x8a\x08" + count.to_bytes(8, "little") + b"\x85")


def again_and_again() -> bytes:
    data = pickle.dumps(Evil())
    for _ in range(50):
        data = gzip.compress(data)
    return data


@pytest.mark.parametrize("name", BOMBS)
def test_reading_is_bounded_in_time_and_memory(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(BOMBS[name]())
    program = """
import resource, sys
from pathlib import Path
from nbtrack.models.safety.pickles import inspect
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = inspect(Path(sys.argv[1]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024, None if found is None else found.complete)
"""
    before = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.pkl")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert time.monotonic() - before < 60
    megabytes, complete = done.stdout.split()
    assert int(megabytes) < 64
    assert complete in ("False", "None")


def test_a_gigabyte_is_passed_over_not_held(tmp_path: Path) -> None:
    size = 1 << 30
    with open(tmp_path / "model.pkl", "wb") as file:
        file.write(b"\x80\x04\x8e" + size.to_bytes(8, "little"))
        file.seek(size, io.SEEK_CUR)
        file.write(b"0cos\nsystem\n.")
    before = time.monotonic()

    found = inspect(tmp_path / "model.pkl")

    assert time.monotonic() - before < 10
    assert found is not None
    assert (found.imports, found.complete) == (("os.system",), True)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        for start in (b"", b"\x80\x04", b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"(c", b"\x78\x9c"):
            file.seek(0)
            file.truncate()
            file.write(start + data)
            file.flush()

            found = inspect(Path(file.name))

            assert found is None or isinstance(found.complete, bool)


LEAVES = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
VALUES = st.recursive(
    LEAVES | st.just(Path("x")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
)


@given(VALUES, st.integers(0, 5))
def test_the_imports_found_are_those_that_loading_asks_for(value: object, protocol: int) -> None:
    import tempfile

    asked: list[str] = []

    class Noting(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            asked.append(f"{module}.{name}")
            return super().find_class(module, name)

    data = pickle.dumps([value, Path("y")], protocol)
    Noting(io.BytesIO(data)).load()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        found = inspect(Path(file.name))

    assert found is not None
    assert found.complete
    assert set(found.imports) == set(asked)


@pytest.mark.parametrize(
    "case", sorted(str(path.parent.relative_to(FOLDERS)) for path in FOLDERS.glob("*/*/expected.json"))
)
def test_the_pickles_in_folders_of_mlflow_are_found(case: str) -> None:
    told = json.loads((FOLDERS / case / "expected.json").read_text())["pickles"]

    reports = {
        path.relative_to(FOLDERS / case / "model").as_posix(): inspect(path)
        for path in (FOLDERS / case / "model").rglob("*")
        if path.is_file()
    }

    assert {name for name, found in reports.items() if found is not None} == set(told)
    assert all(found is None or found.complete for found in reports.values())
