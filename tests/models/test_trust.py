"""A model runs code only if this user signed it, trusts its content, or says so in the call."""

import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from nbtrack.core.errors import (
    ConfigurationError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    UntrustedModelError,
)
from nbtrack.models.safety import trust
from nbtrack.models.safety.folder_digests import SIGNATURE_FILE
from nbtrack.models.safety.trust import (
    check_trusted,
    distrust_folder,
    folder_digest,
    is_own,
    sign_folder,
    trust_folder,
    trusted_digests,
)
from nbtrack.models.safety.user_key import configuration_folder, signing_key

WHY = "model.pkl is a pickle"


def make_model(folder: Path) -> Path:
    (folder / "code").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.pkl").write_bytes(pickle.dumps({"a": Path("x")}))
    (folder / "code" / "own.py").write_text("x = 1\n")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def signed(model: Path) -> Path:
    assert sign_folder(model)
    return model


def loads(folder: Path, *, word: bool = False) -> bool:
    try:
        check_trusted(folder, ["model.pkl"], why=WHY, trust=word)
    except UntrustedModelError:
        return False
    return True


def refusal(folder: Path) -> str:
    with pytest.raises(UntrustedModelError) as caught:
        check_trusted(folder, ["model.pkl"], why=WHY)
    return str(caught.value)


def test_a_signed_model_loads_and_so_does_its_copy(signed: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(signed, tmp_path / "elsewhere")

    assert is_own(signed)
    assert loads(signed)
    assert loads(copy)


def test_a_model_without_a_signature_is_refused_with_what_it_would_import_and_both_ways(model: Path) -> None:
    message = refusal(model)

    assert "'it is not signed'" not in message
    assert "it is not signed" in message
    assert "model.pkl would import pathlib.PosixPath" in message
    assert "trust=True" in message
    assert f"nbtrack trust {model}" in message
    assert UntrustedModelError.http_status == 403


def test_the_word_of_a_call_holds_for_that_call_only(model: Path) -> None:
    assert loads(model, word=True)
    assert not loads(model)


def test_the_word_is_true_or_false(model: Path) -> None:
    with pytest.raises(InvalidTypeError, match="trust is True or False, got str 'pickle'"):
        check_trusted(model, [], why=WHY, trust="pickle")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: (m / "model.pkl").write_bytes(b"other"), "'model.pkl' has changed"),
        (lambda m: (m / "MLmodel").write_text("flavors: []\n"), "'MLmodel' has changed"),
        (lambda m: (m / "code" / "os.py").write_text(""), "'code/os.py' was added"),
        (
            lambda m: (m / "code" / "__pycache__").mkdir() or (m / "code/__pycache__/own.pyc").write_text(""),
            "added",
        ),
        (lambda m: (m / "code" / "own.py").unlink(), "'code/own.py' was removed"),
        (lambda m: (m / SIGNATURE_FILE).unlink(), "it is not signed"),
        (lambda m: (m / SIGNATURE_FILE).write_text("{"), "is no JSON"),
        (lambda m: (m / SIGNATURE_FILE).write_text("[" * 100_000), "is no JSON"),
        (lambda m: (m / SIGNATURE_FILE).write_text("[]"), "is no signature"),
        (
            lambda m: (m / SIGNATURE_FILE).write_text('{"format": 2, "files": {}, "hmac": ""}'),
            "another nbtrack",
        ),
    ],
)
def test_a_signed_model_that_was_changed_is_refused_with_what_changed(
    signed: Path, change, said: str
) -> None:
    change(signed)

    assert said in refusal(signed)
    assert not is_own(signed)


def test_a_change_that_keeps_size_and_time_is_seen(signed: Path) -> None:
    file = signed / "model.pkl"
    status, data = file.stat(), file.read_bytes()
    file.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert "'model.pkl' has changed" in refusal(signed)


def test_the_signature_of_another_model_does_not_fit(signed: Path, tmp_path: Path) -> None:
    other = make_model(tmp_path / "other")
    (other / "model.pkl").write_bytes(b"cos\nsystem\n(S'x'\ntR.")
    shutil.copy(signed / SIGNATURE_FILE, other)

    assert not loads(other)


def test_a_list_of_files_that_was_made_to_fit_is_not_signed(signed: Path) -> None:
    (signed / "model.pkl").write_bytes(b"cos\nsystem\n(S'x'\ntR.")
    document = json.loads((signed / SIGNATURE_FILE).read_text())
    from nbtrack.models.safety.folder_digests import hash_file

    document["files"]["model.pkl"] = hash_file(signed, "model.pkl").digest._asdict()
    (signed / SIGNATURE_FILE).write_text(json.dumps(document))

    assert "neither logged nor trusted" in refusal(signed)


def test_the_key_of_another_user_does_not_fit(signed: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "other"))

    assert "neither logged nor trusted" in refusal(signed)
    assert not (tmp_path / "other").exists()


def test_the_file_that_is_put_into_downloads_changes_nothing(signed: Path) -> None:
    (signed / "registered_model_meta").write_text("model_name: x\n")

    assert loads(signed)


def test_a_trusted_model_loads_until_it_changes_or_is_trusted_no_more(model: Path, tmp_path: Path) -> None:
    digest = trust_folder(model)
    copy = shutil.copytree(model, tmp_path / "copy")

    assert [(each.digest, each.path) for each in trusted_digests()] == [(digest, str(model))]
    assert loads(model)
    assert loads(copy)
    (copy / "model.pkl").write_bytes(b"other")
    assert not loads(copy)
    assert distrust_folder(model)
    assert not distrust_folder(digest)
    assert not loads(model)
    assert trusted_digests() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: (m / "model.pkl").write_bytes(b"other"), "'model.pkl' has changed since you trusted it"),
        (
            lambda m: (m / "code" / "os.py").write_text(""),
            "'code/os.py' was added to it after you trusted it",
        ),
        (
            lambda m: (m / "code" / "own.py").unlink(),
            "'code/own.py' was removed from it after you trusted it",
        ),
    ],
    ids=["changed", "added", "removed"],
)
def test_a_trusted_model_that_was_changed_is_refused_with_what_changed(
    model: Path, change, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    trust_folder(model)
    change(model)

    assert said in refusal(model)
    assert said in refusal(Path("model"))
    assert "neither logged nor trusted" not in refusal(model)


def test_what_was_trusted_before_files_were_kept_is_said_to_have_changed(model: Path) -> None:
    digest = trust_folder(model)
    entry = configuration_folder() / "trusted-models" / digest
    entry.write_text(json.dumps({"path": str(model), "timestamp": 1}))
    loaded = loads(model)
    (model / "model.pkl").write_bytes(b"other")

    assert loaded
    assert "it has changed since you trusted it" in refusal(model)


def test_the_parts_of_cloudpickle_are_told_as_one() -> None:
    parts = ("os.system", "cloudpickle.cloudpickle._make_function", "cloudpickle.subimport", "a.B", "c.D")
    running = trust.RunsCode("model.pkl", parts, True)

    assert running.sentence() == "model.pkl would import os.system, cloudpickle, a.B and c.D"
    assert running.sentence(2) == "model.pkl would import os.system, cloudpickle and 2 more"


def test_a_model_that_is_signed_and_one_that_is_not_have_one_digest(model: Path) -> None:
    before = folder_digest(model)
    sign_folder(model)

    assert folder_digest(model) == before


# ---- the key -------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_user_only(model: Path) -> None:
    sign_folder(model)
    key = configuration_folder() / "signing.key"

    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert key.read_bytes() == signing_key()
    assert len(signing_key()) == 32
    assert os.listdir(key.parent) == ["signing.key"]
    assert key.read_bytes() not in (model / SIGNATURE_FILE).read_bytes()


def _made_key(barrier) -> str:
    barrier.wait()
    return signing_key().hex()


def test_fifty_processes_that_need_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for index in range(3):
        os.environ["XDG_CONFIG_HOME"] = str(tmp_path / f"config-{index}")
        ends = []
        barrier = context.Barrier(50)
        for _ in range(50):
            ours, theirs = context.Pipe(duplex=False)
            context.Process(
                target=lambda end=theirs, all_of_us=barrier: end.send(_made_key(all_of_us)), daemon=True
            ).start()
            ends.append(ours)
        keys = [end.recv() for end in ends]

        assert len(set(keys)) == 1
        assert os.listdir(tmp_path / f"config-{index}" / "nbtrack") == ["signing.key"]
    del os.environ["XDG_CONFIG_HOME"]


def test_a_umask_that_lets_all_write_makes_no_folder_that_they_can_write(model: Path) -> None:
    before = os.umask(0)
    try:
        assert sign_folder(model)
        trust_folder(model)
        assert is_own(model)
    finally:
        os.umask(before)

    folder = configuration_folder()
    for place in (folder.parent, folder, *folder.rglob("*"), model / SIGNATURE_FILE):
        assert place.stat().st_mode & 0o077 == 0, place


def _share_key() -> None:
    (configuration_folder() / "signing.key").chmod(0o644)


def _share_folder() -> None:
    configuration_folder().chmod(0o777)


def _share_folder_above() -> None:
    configuration_folder().parent.chmod(0o777)


def _cut_key() -> None:
    (configuration_folder() / "signing.key").write_bytes(b"short")


def _link_key() -> None:
    key = configuration_folder() / "signing.key"
    key.rename(key.with_name("moved"))
    key.symlink_to("moved")


@pytest.mark.parametrize("harm", [_share_key, _share_folder, _share_folder_above, _cut_key, _link_key])
def test_a_key_that_others_could_have_changed_signs_and_opens_nothing(
    signed: Path, harm, tmp_path: Path
) -> None:
    trust_folder(signed)
    shutil.rmtree(configuration_folder() / "trusted-models")
    harm()

    with pytest.raises(ConfigurationError, match=r"chmod|remove|Remove|cannot be read"):
        signing_key()
    assert "your key cannot be used" in refusal(signed)
    with pytest.warns(RuntimeWarning, match="not signed"):
        assert not sign_folder(make_model(tmp_path / "next"))


def test_a_key_of_another_user_is_refused(signed: Path) -> None:
    key = configuration_folder() / "signing.key"
    os.chown(key, 12345, -1)

    assert "belongs to another user" in refusal(signed)


def test_a_list_that_others_can_write_is_not_believed(model: Path) -> None:
    trust_folder(model)
    configuration_folder().chmod(0o777)

    assert not loads(model)
    with pytest.raises(ConfigurationError, match="Other users can write"):
        trusted_digests()


def test_a_home_that_cannot_be_written_leaves_models_unsigned_with_one_warning(
    model: Path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null/config")
    monkeypatch.setattr(trust, "_warned", set())

    with pytest.warns(RuntimeWarning, match="Models are not signed, so loading them asks for trust=True"):
        assert not sign_folder(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not sign_folder(model)
    assert not (model / SIGNATURE_FILE).exists()
    assert "your key cannot be used" in refusal(model) or "it is not signed" in refusal(model)


# ---- what no model folder may hold ---------------------------------------------------------------


def test_links_and_special_files_are_refused_even_with_the_users_word(signed: Path) -> None:
    (signed / "code" / "more.py").symlink_to("/etc/passwd")
    with pytest.raises(InvalidValueError, match=r"holds a link, 'code/more.py'"):
        check_trusted(signed, [], why=WHY, trust=True)
    (signed / "code" / "more.py").unlink()
    os.mkfifo(signed / "pipe")
    with pytest.raises(InvalidValueError, match="holds a named pipe, 'pipe'"):
        check_trusted(signed, [], why=WHY, trust=True)
    with pytest.raises(InvalidValueError, match="named pipe"):
        sign_folder(signed)


def test_too_many_files_and_too_deep_folders_are_refused(tmp_path: Path) -> None:
    wide, deep = tmp_path / "wide", tmp_path / "deep"
    wide.mkdir()
    for index in range(10_001):
        (wide / str(index)).touch()
    deep.joinpath(*["d"] * 34).mkdir(parents=True)

    with pytest.raises(InvalidValueError, match="more than 10,000 files"):
        check_trusted(wide, [], why=WHY)
    with pytest.raises(InvalidValueError, match="more than 32 levels"):
        check_trusted(deep, [], why=WHY)


@pytest.mark.parametrize("place", ["", "code", "model.pkl"])
def test_a_model_that_others_can_write_is_refused_unless_the_call_vouches_for_it(
    signed: Path, place: str
) -> None:
    trust_folder(signed)
    target = signed / place
    target.chmod(target.stat().st_mode | 0o002)

    assert "other users can write to" in refusal(signed)
    with pytest.warns(RuntimeWarning, match="other users can write"):
        check_trusted(signed, ["model.pkl"], why=WHY, trust=True)


def test_a_group_of_ones_own_may_write(signed: Path) -> None:
    for each in (signed, *signed.rglob("*")):
        each.chmod(each.stat().st_mode | 0o020)

    assert loads(signed)
    os.chown(signed, -1, 12345)
    assert not loads(signed)


def test_a_file_that_is_not_there_is_named(signed: Path) -> None:
    with pytest.raises(MissingFileError, match=r"No file 'modle.pkl'. Did you mean 'model.pkl'\?"):
        check_trusted(signed, ["modle.pkl"], why=WHY)


def test_nothing_heavy_is_imported_to_sign_and_to_check(signed: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from nbtrack.models.safety.trust import check_trusted
check_trusted(Path({str(signed)!r}), ["model.pkl"], why="x")
print(sorted({{"pickle", "numpy", "yaml", "nbtrack.models.safety.pickles", "tarfile"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
