"""How deep a file is nested is known before a parser that recurses reads it."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.models.safety.json_depth import UnknownFormError, is_too_deep

FOLDERS = Path(__file__).parent / "mlflow_folders"


def text(value: str) -> bytes:
    return b"L" + struct.pack(">q", len(value.encode())) + value.encode()


def ubjson(value: Any) -> bytes:
    """A value as XGBoost writes it."""
    if isinstance(value, dict):
        return b"{" + b"".join(text(key) + ubjson(each) for key, each in value.items()) + b"}"
    if isinstance(value, list) and value and all(type(each) is float for each in value):
        return b"[$D#L" + struct.pack(">q", len(value)) + b"".join(struct.pack(">d", each) for each in value)
    if isinstance(value, list) and len(value) % 2:
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(ubjson, value))
    if isinstance(value, list):
        return b"[" + b"".join(map(ubjson, value)) + b"]"
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"L" + struct.pack(">q", value)
    return {None: b"Z", True: b"T", False: b"F"}[value]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.sampled_from('a"\\[]{}')),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.floats(allow_nan=False), max_size=4)
        | st.dictionaries(st.text(st.sampled_from('a"\\[]{}'), max_size=3), inner, max_size=3)
    ),
)


@pytest.mark.parametrize("name", ["model.json", "model.ubj"])
@given(value=VALUES, levels=st.sampled_from([0, 80, 130]), by=st.sampled_from(["list", "one", "dict"]))
def test_the_depth_is_that_of_the_value(name: str, value: Any, levels: int, by: str) -> None:
    depth = deepest(value) + levels
    for _ in range(levels):
        value = {"list": [value, 1], "one": [value], "dict": {"[": value}}[by]
    whole: Any = {"a": value}
    data = json.dumps(whole).encode() if name.endswith("json") else ubjson(whole)

    assert is_too_deep(io.BytesIO(data), name) is (depth + 1 > 100)


def deepest(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(deepest, inner), default=0)


def test_files_of_xgboost_are_not_too_deep(tmp_path: Path) -> None:
    booster = xgboost.train(
        {"max_depth": 12},
        xgboost.DMatrix([[i % 7, i % 11] for i in range(300)], [i % 3 for i in range(300)]),
        40,
    )
    files = [tmp_path / "model.json", tmp_path / "model.ubj"]
    for file in files:
        booster.save_model(file)

    for file in [*files, *FOLDERS.glob("*/xgboost*/model/model.*")]:
        with open(file, "rb") as opened:
            assert is_too_deep(opened, file.name) is False
            assert opened.tell() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\x80\x04cos\n.",
        b"{L" + bytes(20),
        b"[$x#L" + bytes(8),
        b"{i\x01a",
        b"[$U#L" + struct.pack(">q", 1 << 60),
        b"[$d#L" + struct.pack(">q", (1 << 63) - 1),
        b"[SL" + struct.pack(">q", (1 << 63) - 1),
    ],
)
def test_what_is_not_understood_is_said(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.ubj").write_bytes(data)

    with pytest.raises(UnknownFormError):
        is_too_deep(io.BytesIO(data), "model.ubj")
    with open(tmp_path / "model.ubj", "rb") as file, pytest.raises(UnknownFormError):
        is_too_deep(file, "model.ubj")


def test_an_escape_at_the_end_of_a_piece_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(1, 12):
        monkeypatch.setattr("nbtrack.models.safety.json_depth._PIECE", size)
        data = json.dumps({'\\"[\\\\': '\\\\"' + "[" * 200, "b": [[1]]}).encode()

        assert is_too_deep(io.BytesIO(data), "model.json") is False
