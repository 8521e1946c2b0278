"""YAML that a stranger wrote: plain values or a clear refusal, fast either way."""

import os
import time
from pathlib import Path

import pytest

from nbtrack.core.errors import InvalidValueError, MissingFileError
from nbtrack.models.safety.safe_yaml import parse_yaml, read_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join(['*' + chr(97 + level)] * 9)}]\n"
    for level in range(12)
)


def test_plain_values_are_read(tmp_path: Path) -> None:
    file = tmp_path / "MLmodel"
    file.write_text("a: 1\nb: &b [x, 2.5, null]\nc: *b\nd: é\n")

    assert read_yaml(file) == {"a": 1, "b": ["x", 2.5, None], "c": ["x", 2.5, None], "d": "é"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('!!python/object/apply:os.system ["true"]', "only plain values are.*python/object/apply:os.system"),
        ("!!python/name:os.system", "only plain values"),
        ("!!python/module:antigravity", "only plain values"),
        ("a: " + "[" * 100_000, "nested deeper than 64 levels"),
        ("{a: " * 100_000, "nested deeper than 64 levels"),
        (LAUGHS, "more than 1,000,000 values, aliases written out"),
        ("&a [*a]", "an alias of what it is part of"),
        ("a: *b", "an alias of what it is part of, or of nothing"),
        ("a: " + "1:" * 2_000_000 + "1", "a number of 4,000,001 digits"),
        ('a: !!int "' + "1:" * 2_000_000 + '1"', "4,000,001 letters that is said to be .*int"),
        ('a: !!int " ' + "1:" * 2_000_000 + '1"', "4,000,002 letters that is said to be .*int"),
        ('a: !!float " ' + "1:" * 2_000_000 + '1"', "4,000,002 letters that is said to be .*float"),
        ("a: !!bool foo", "is no YAML that can be read: KeyError"),
        ("a: !!timestamp foo", "is no YAML that can be read: AttributeError"),
        ('a: !!int ""', "is no YAML that can be read: IndexError"),
        ("a: " + "9" * 900_000, "a number of 900,000 digits"),
        ("a: b: c", "is no YAML: mapping values are not allowed"),
        ("a: \0", "is no YAML"),
        (b"a: \xff", "is no YAML"),
        ("? [a]\n: 1", "unhashable key"),
        ("a: 2024-99-99", "is no YAML that can be read"),
        ("x" * 5_000_001, "larger than 5,000,000 bytes"),
        ("- a\n" * 1_100_000, "more than 1,000,000 values"),
    ],
)
def test_what_would_harm_or_is_no_yaml_is_refused_with_the_reason(text: str | bytes, said: str) -> None:
    before = time.monotonic()

    with pytest.raises(InvalidValueError, match=f"(?s)'MLmodel'.*{said}"):
        parse_yaml(text, "MLmodel")

    assert time.monotonic() - before < 60


def test_only_a_plain_file_of_some_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(InvalidValueError, match="is a named pipe, no file"):
        read_yaml(tmp_path / "pipe")
    with pytest.raises(InvalidValueError, match="is a device, no file"):
        read_yaml(Path("/dev/zero"))
    with pytest.raises(InvalidValueError, match="larger than"):
        read_yaml(tmp_path / "huge")
    with pytest.raises(InvalidValueError, match="is a folder, no file"):
        read_yaml(tmp_path)
    with pytest.raises(MissingFileError):
        read_yaml(tmp_path / "none")
