"""An archive that a stranger made: unpacked whole, or refused with nothing left behind."""

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import AlreadyExistsError, InvalidValueError, MissingFileError, StoreError
from nbtrack.models.safety.archives import extract

Make = Callable[[Path], None]


def member(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w", **options: object) -> Make:
    def make(path: Path) -> None:
        with tarfile.open(path, mode, **options) as archive:  # type: ignore[call-overload]
            for info, data in members:
                archive.addfile(info, io.BytesIO(data) if info.isreg() else None)

    return make


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Make:
    def make(path: Path) -> None:
        import warnings

        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
            warnings.simplefilter("ignore")
            for info, data in members:
                archive.writestr(info, data)

    return make


def zip_info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def raw(data: bytes) -> Make:
    return lambda path: path.write_bytes(data) and None


def tar_bytes(make: Make, tmp_path: Path) -> bytes:
    make(tmp_path / "plain.tar")
    return (tmp_path / "plain.tar").read_bytes()


def changed_zip(change: Callable[[bytearray], object]) -> Make:
    def make(path: Path) -> None:
        zipped(("a.txt", b"hello" * 100), ("b.txt", b"b" * 100))(path)
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)

    return make


def central(data: bytearray) -> int:
    return data.find(b"PK\x01\x02")


def overlapping(path: Path) -> None:
    """Two names for one member's bytes."""
    zipped(("a.txt", b"0" * 100_000), ("b.txt", b"0" * 100_000))(path)
    data = bytearray(path.read_bytes())
    second = data.find(b"PK\x01\x02", central(data) + 4)
    struct.pack_into("<L", data, second + 42, 0)
    path.write_bytes(data)


def many_in_tar(path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        for index in range(1_000_000 // 40):
            info = tarfile.TarInfo(f"f{index}")
            file.write(info.tobuf(tarfile.USTAR_FORMAT))


def many_in_zip(path: Path) -> None:
    """A million empty members, in the list only."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<3H", 1, 0, 0) + bytes(12) + b"a"
    directory = entry * 600_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 4, 0)
    path.write_bytes(b"PK\x03\x04" + directory + end)


def lying_pax(path: Path) -> None:
    """A header that says it is 8 GB long, and would be read into memory."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, (1 << 33) - 1
    path.write_bytes(info.tobuf() + bytes(10240))


def lying_name(path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, (1 << 33) - 1
    path.write_bytes(info.tobuf() + bytes(10240))


def cut(path: Path) -> None:
    tar(member("a", bytes(9000)))(path)
    os.truncate(path, 4000)


LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc"}
HARD = {"type": tarfile.LNKTYPE, "linkname": "../../secret"}
DEEP = "d" * 200 + "/"

HOSTILE: dict[str, tuple[Make, str]] = {
    "tar: climbs": (tar(member("a"), member("../evil")), r"'\.\.' would leave"),
    "tar: climbs in the middle": (tar(member("a/../../evil")), r"'\.\.' would leave"),
    "tar: absolute": (tar(member("/tmp/evil")), "is absolute"),
    "tar: a drive": (tar(member("C:evil")), "begins like a drive"),
    "tar: backslash": (tar(member("..\\evil")), "a backslash"),
    "tar: control character": (tar(member("a\nb")), "a control character"),
    "tar: no name": (tar(member("")), "without a name"),
    "tar: a dot that is a file": (tar(member(".")), "without a name"),
    "tar: link": (tar(member("a", **LINK)), "is a link to '/etc'"),
    "tar: link, then a file through it": (tar(member("a", **LINK), member("a/evil")), "is a link"),
    "tar: hard link": (tar(member("a", **HARD)), "is a link"),
    "tar: a link without a name": (tar(member("a", type=tarfile.SYMTYPE, linkname="")), "is a link"),
    "tar: named pipe": (tar(member("a", type=tarfile.FIFOTYPE)), "no plain file"),
    "tar: device": (tar(member("a", type=tarfile.CHRTYPE, devmajor=1, devminor=5)), "a device"),
    "tar: block device": (tar(member("a", type=tarfile.BLKTYPE)), "a device"),
    "tar: setuid": (tar(member("a", mode=0o4755)), "setuid"),
    "tar: a kind nobody knows": (tar(member("a", b"", type=b"Z")), "no plain file|device"),
    "tar: twice": (tar(member("a"), member("a")), "in it twice"),
    "tar: a file that is a folder": (tar(member("a"), member("a/b")), "in it twice"),
    "tar: a folder that is a file": (tar(member("a/b"), member("a")), "in it twice"),
    "tar: differ in case": (tar(member("Model"), member("mODEL")), "differ only in case"),
    "tar: folders differ in case": (tar(member("Code/a"), member("code/b")), "differ only in case"),
    "tar: differ in composition": (tar(member("\u00e9"), member("e\u0301")), "differ only in case"),
    "tar: long chain": (tar(member(DEEP * 30 + "x")), "longer than 4000|levels deep"),
    "tar: deep chain": (tar(member("d/" * 40 + "x")), "32 levels deep"),
    "tar: long name": (tar(member("n" * 300)), "longer than 255 bytes"),
    "tar: sparse": (
        tar(member("a", b"1\n0\n1\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})),
        "sparse",
    ),
    "tar: many": (many_in_tar, "more than 10,000 members"),
    "tar: a bomb": (tar(member("a", bytes(60_000_000)), mode="w:gz"), "too large for|200 times"),
    "tar: a bomb in bzip2": (tar(member("a", bytes(60_000_000)), mode="w:bz2"), "too large for|200 times"),
    "tar: a bomb in xz": (tar(member("a", bytes(60_000_000)), mode="w:xz"), "too large for|200 times"),
    "tar: a header of 8 GB": (lying_pax, "larger than 1 MB"),
    "tar: a name of 8 GB": (lying_name, "larger than 1 MB"),
    "tar: cut": (
        lambda path: (tar(member("a", bytes(9000)))(path), os.truncate(path, 4000))[0],
        "not as long|damaged",
    ),
    "zip: climbs": (zipped(("a", b""), ("../evil", b"x")), r"'\.\.' would leave"),
    "zip: absolute": (zipped(("/tmp/evil", b"x")), "is absolute"),
    "zip: backslash": (zipped((zip_info("..\\evil", 0), b"x")), "a backslash"),
    "zip: link": (zipped((zip_info("a", stat.S_IFLNK | 0o777), b"/etc/passwd")), "no plain file"),
    "zip: device": (zipped((zip_info("a", stat.S_IFCHR | 0o777), b"")), "no plain file"),
    "zip: setuid": (zipped((zip_info("a", stat.S_IFREG | 0o4755), b"x")), "setuid"),
    "zip: twice": (zipped(("a", b"1"), ("a", b"2")), "in it twice"),
    "zip: differ in case": (zipped(("A", b"1"), ("a", b"2")), "differ only in case"),
    "zip: a bomb": (zipped(("a", bytes(60_000_000))), "200 times larger"),
    "zip: a bomb of many": (zipped(*((f"{i}", bytes(3_000_000)) for i in range(20))), "200 times larger"),
    "zip: shared bytes": (overlapping, "shares bytes"),
    "zip: many": (many_in_zip, "more than 10,000 members"),
    "zip: too many, honest": (zipped(*((f"{i}", b"") for i in range(10_001))), "more than 10,000"),
    "zip: says it is larger": (
        changed_zip(lambda data: struct.pack_into("<L", data, central(data) + 24, 600)),
        "not as long",
    ),
    "zip: says it is smaller": (
        changed_zip(lambda data: struct.pack_into("<L", data, central(data) + 24, 10)),
        "damaged|not as long",
    ),
    "zip: another name inside": (
        changed_zip(lambda data: data.__setitem__(slice(30, 35), b"x.txt")),
        "damaged",
    ),
    "zip: other bytes": (changed_zip(lambda data: data.__setitem__(40, data[40] ^ 255)), "damaged"),
    "zip: encrypted": (
        changed_zip(lambda data: data.__setitem__(central(data) + 8, data[central(data) + 8] | 1)),
        "encrypted",
    ),
    "zip: NUL in the name": (
        changed_zip(lambda data: data.__setitem__(slice(central(data) + 46, central(data) + 51), b"a\0txt")),
        "a control character|damaged",
    ),
    "zip: no list": (raw(b"PK\x03\x04" + bytes(100)), "damaged"),
    "zip: an endless list": (
        raw(b"PK\x03\x04" + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFF_FFF0, 4, 0)),
        "too long",
    ),
    "nothing": (raw(b" "), "damaged"),
    "text": (raw(b"hello " * 200), "damaged"),
    "a pickle": (raw(b"\x80\x04cos\nsystem\n."), "damaged"),
    "damaged gzip": (raw(b"\x1f\x8b" + bytes(100)), "damaged"),
    "damaged xz": (raw(b"\xfd7zXZ\0" + bytes(100)), "damaged"),
    "gzip of noise": (raw(gzip.compress(b"noise")), "damaged"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_could_harm_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, said = HOSTILE[case]
    inside = tmp_path / "inside"
    inside.mkdir()
    make(inside / "archive")
    (tmp_path / "secret").write_text("secret")
    before = sorted(tmp_path.rglob("*"))
    started = time.monotonic()

    with pytest.raises(InvalidValueError, match=rf"(?s)The archive '.*archive' is not unpacked: .*({said})"):
        extract(inside / "archive", inside / "model")

    assert time.monotonic() - started < 60
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "secret").stat().st_nlink == 1


def test_members_are_unpacked_with_modes_of_ours(tmp_path: Path) -> None:
    make = tar(
        member("./", b"", type=tarfile.DIRTYPE),
        member("./MLmodel", b"flavors: {}\n", mode=0o777),
        member("empty", b"", type=tarfile.DIRTYPE, mode=0o2777),
        member("code/own.py", b"x = 1\n"),
        member("code", b"", type=tarfile.DIRTYPE),
        member("large", bytes(range(256)) * 4000),
    )
    for name, pack in {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.items():
        (tmp_path / f"a{name}").write_bytes(pack(tar_bytes(make, tmp_path)))

        folder = extract(tmp_path / f"a{name}", tmp_path / f"model{name}")

        assert folder == tmp_path / f"model{name}"
        assert (folder / "MLmodel").read_text() == "flavors: {}\n"
        assert (folder / "large").read_bytes() == bytes(range(256)) * 4000
        assert (folder / "empty").is_dir()
        assert (folder / "code" / "own.py").stat().st_mode & 0o7777 == 0o600
        assert {each.stat().st_mode & 0o7777 for each in (folder, folder / "code", folder / "empty")} == {
            0o700
        }


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_file_is_unpacked(compression: int, tmp_path: Path) -> None:
    zipped(("code/", b""), ("code/own.py", b"x"), ("é.txt", b"y" * 1000), compression=compression)(
        tmp_path / "a"
    )

    folder = extract(tmp_path / "a", tmp_path / "new" / "model")

    assert (folder / "code" / "own.py").read_bytes() == b"x"
    assert (folder / "é.txt").read_bytes() == b"y" * 1000


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    tar(member("a"))(tmp_path / "archive")
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to("nowhere")

    for name in ("model", "link"):
        with pytest.raises(AlreadyExistsError):
            extract(tmp_path / "archive", tmp_path / name)
    with pytest.raises(MissingFileError):
        extract(tmp_path / "none", tmp_path / "new")
    with pytest.raises(StoreError):
        extract(tmp_path / "archive", tmp_path / "archive" / "below")


_NAME = st.text(st.sampled_from("aA/.é\\ \0b"), min_size=1, max_size=8)


@given(names=st.lists(_NAME, min_size=1, max_size=4))
def test_whatever_the_names_all_lands_inside_or_nothing_does(names: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as outer:
        inside = Path(outer, "inside")
        inside.mkdir()
        tar(*(member(name, name.encode()) for name in names))(inside / "archive")

        try:
            extract(inside / "archive", inside / "model")
        except InvalidValueError:
            assert not (inside / "model").exists()
        else:
            found = [each for each in (inside / "model").rglob("*") if each.is_file()]
            assert len(found) == len(names)

        assert {each.name for each in Path(outer).iterdir()} == {"inside"}
        assert {each.name for each in inside.iterdir()} <= {"archive", "model"}
