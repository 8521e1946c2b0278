import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import nbtrack.pytorch
from nbtrack.core.errors import UntrustedModelError


def saved(path: Path, content: Any, **options: Any) -> Path:
    folder = path / "state"
    folder.mkdir()
    torch.save(content, folder / "state_dict.pth", **options)
    return folder


def rewritten(folder: Path, change: Callable[[str, bytes], bytes], packed: int = zipfile.ZIP_STORED) -> Path:
    file = folder / "state_dict.pth"
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(file, "w", packed) as new:
        for name, content in members.items():
            new.writestr(name, change(name, content))
    return folder


def with_pickle(path: Path, content: bytes) -> Path:
    folder = saved(path, {})
    return rewritten(folder, lambda name, was: content if name.endswith("/data.pkl") else was)


SIZE = b"J" + (40_000_000).to_bytes(4, "little")
"""An integer: enough to be seen, too little to harm."""
BOMBS = {
    "bytes": b"\x80\x02cbuiltins\nbytearray\n" + SIZE + b"\x85R.",
    "bytes of a long number": b"\x80\x02cbuiltins\nbytearray\n\x8a\x04" + SIZE[1:] + b"\x85R.",
    "bytes by a tensor's maker": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nbytearray\n"
    b"cbuiltins\nbytearray\n" + SIZE + b"\x85}tR.",
    "a tensor": b"\x80\x02ctorch\nTensor\n" + SIZE + b"\x85R.",
    "a tensor of integers": b"\x80\x02ctorch\nIntTensor\n" + SIZE + b"\x85\x81.",
    "a storage": b"\x80\x02ctorch.storage\nUntypedStorage\n" + SIZE + b"\x85R.",
    "copies of one text": b"\x80\x02X" + (200_000).to_bytes(4, "little") + b"a" * 200_000 + b"q\x000"
    b"](" + b"c_codecs\nencode\nh\x00X\x05\x00\x00\x00utf-8\x86R" * 300 + b"e.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_strangers_pickle_that_makes_more_than_it_holds_asks_for_trust(name: str, tmp_path: Path) -> None:
    folder = with_pickle(tmp_path, BOMBS[name])

    with pytest.raises(UntrustedModelError, match=r"of whatever size it says|again and again"):
        nbtrack.pytorch.load_state_dict(folder)


def test_a_strangers_deflated_tensors_ask_for_trust(tmp_path: Path) -> None:
    folder = rewritten(
        saved(tmp_path, {"w": torch.zeros(100_000)}), lambda _, content: content, zipfile.ZIP_DEFLATED
    )

    with pytest.raises(UntrustedModelError, match="it is compressed"):
        nbtrack.pytorch.load_state_dict(folder)
    assert nbtrack.pytorch.load_state_dict(folder, trust=True)["w"].shape == (100_000,)


def test_members_that_hide_from_one_of_two_readers_ask_for_trust(tmp_path: Path) -> None:
    folder = saved(tmp_path, {"w": torch.zeros(2)})
    with zipfile.ZipFile(folder / "state_dict.pth", "a") as archive:
        archive.writestr("STATE_DICT/DATA.PKL", BOMBS["bytes"])

    with pytest.raises(UntrustedModelError, match=r"have one name|one pickle"):
        nbtrack.pytorch.load_state_dict(folder)


def test_the_form_before_zip_asks_a_stranger_for_trust(tmp_path: Path) -> None:
    folder = saved(tmp_path, {"w": torch.ones(2)}, _use_new_zipfile_serialization=False)

    with pytest.raises(UntrustedModelError, match=r"since 1\.6"):
        nbtrack.pytorch.load_state_dict(folder)
    assert nbtrack.pytorch.load_state_dict(folder, trust=True)["w"].tolist() == [1.0, 1.0]


def test_a_model_that_is_read_with_weights_only_is_bounded_too(tmp_path: Path) -> None:
    nbtrack.pytorch.save_model(torch.nn.Linear(1, 1), tmp_path / "m")
    (tmp_path / "m" / "nbtrack.signature.json").unlink()
    bomb = with_pickle(tmp_path, BOMBS["bytes"]) / "state_dict.pth"
    bomb.rename(tmp_path / "m" / "data" / "model.pth")

    with pytest.raises(UntrustedModelError, match="makes a bytearray"):
        nbtrack.pytorch.load_model(tmp_path / "m", weights_only=True)


def test_ones_own_is_not_bounded(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.pytorch.log_state_dict({"raw": bytearray(b"abc")}, "checkpoint")

    loaded = nbtrack.pytorch.load_state_dict(f"runs:/{run.info.run_id}/checkpoint")

    assert loaded["raw"] == bytearray(b"abc")


def test_what_checkpoints_hold_loads_from_a_stranger(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.BatchNorm1d(30), torch.nn.LSTM(30, 4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    dense = torch.eye(3)
    content = OrderedDict(
        model=model.state_dict(),
        optimizer=optimizer.state_dict(),
        scheduler=scheduler.state_dict(),
        sparse=dense.to_sparse(),
        small=torch.ones(4).to(torch.float8_e4m3fn),
        wide=torch.ones(4, dtype=torch.complex64),
        parameter=torch.nn.Parameter(dense),
        shape=torch.Size([2, 3]),
        device=torch.device("cpu"),
        kind=torch.bfloat16,
        random=torch.get_rng_state(),
        names={"a", "b"},
        counts=Counter("abc"),
        raw=b"\x00\xff" * 500,
        number=1j,
        nothing=torch.empty(0, 3),
        part=torch.arange(10)[2:5],
        meta=torch.empty(3, device="meta"),
    )
    folder = saved(tmp_path, content)

    loaded = nbtrack.pytorch.load_state_dict(folder)

    assert list(loaded) == list(content)
    assert torch.equal(loaded["model"]["0.weight"], model[0].weight)
    assert loaded["raw"] == content["raw"]
