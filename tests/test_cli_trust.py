"""`nbtrack trust`: a look at what a model would run, a question, and a list that can be shortened."""

import os
import pickle
import shutil
from pathlib import Path

import pytest

import nbtrack
from nbtrack.core.errors import UntrustedModelError
from nbtrack.models.safety.trust import check_trusted, sign_folder, trusted_digests
from tests.test_cli import in_terminal, lines, run


@pytest.fixture
def model() -> Path:
    """A model of somebody else in the working directory."""
    folder = Path("model")
    (folder / "code").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.pkl").write_bytes(pickle.dumps([Path("x"), eval]))
    (folder / "code" / "own.py").write_text("")
    return folder


def is_trusted(folder: Path) -> bool:
    try:
        check_trusted(folder, ["model.pkl"], why="it is a pickle")
    except UntrustedModelError:
        return False
    return True


def test_it_shows_what_would_run_and_what_trust_means_and_then_trusts_the_content(model: Path) -> None:
    before = is_trusted(model)
    shown = "\n".join(lines("trust", "model", "--yes"))
    copy = shutil.copytree(model, "copy")

    (known,) = trusted_digests()
    assert not before
    assert f"The model {str(model.absolute())!r}: 3 files, " in shown
    assert f"digest {known.digest}" in shown
    assert "  model.pkl would import builtins.eval and pathlib.PosixPath\n" in shown
    assert "  code/own.py is code\n" in shown
    assert "it may do whatever you may do" in shown
    assert shown.endswith(f"Undo: nbtrack trust --forget {known.digest[:12]}")
    assert is_trusted(model)
    assert is_trusted(copy)
    assert lines("trust", "model") == [f"You trust the model {str(model.absolute())!r} already."]


@pytest.mark.parametrize(("keys", "trusted"), [("y\n", True), ("n\n", False), ("\n", False), ("\x03", False)])
def test_a_terminal_is_asked_and_no_is_the_answer_of_who_says_nothing(
    model: Path, keys: str, trusted: bool
) -> None:
    _, shown = in_terminal("trust", "model", keys=keys)

    assert "Do you trust whoever made it? [y/N]" in shown
    assert is_trusted(model) is trusted


def test_where_nobody_can_answer_it_is_not_trusted(model: Path) -> None:
    result = run("trust", "model")

    assert result.exit_code == 2
    assert "There is no terminal to ask at: add --yes" in result.output
    assert not is_trusted(model)


def test_the_list_is_shown_and_shortened_by_digest_beginning_folder_or_former_place(model: Path) -> None:
    assert lines("trust", "--list") == ["You trust no models but those that you log yourself."]
    for way in ("digest", "beginning", "folder", "former place"):
        run("trust", "model", "--yes")
        (known,) = trusted_digests()
        told = lines("trust")
        if way == "former place":
            model.rename("moved")
        names = {"digest": known.digest, "beginning": known.digest[:12].upper()}

        forgotten = lines("trust", "--forget", names.get(way, "model"))

        assert (told[0].split(), told[2].split()[0]) == (
            ["digest", "trusted", "lay", "at"],
            known.digest[:12],
        )
        assert told[2].endswith(str(Path("model").absolute()))
        assert forgotten == [f"The model with the digest {known.digest[:12]} is trusted no more."]
        assert trusted_digests() == []
    assert "No trusted model 'model'" in run("trust", "--forget", "model").output
    assert run("trust", "--forget").exit_code == 2


def test_ones_own_model_needs_no_trust(model: Path) -> None:
    sign_folder(model)

    assert lines("trust", "model", "--yes") == [
        f"You logged the model {str(model.absolute())!r} yourself: it loads as it is."
    ]
    assert trusted_digests() == []


def test_a_model_of_a_run_is_found_by_its_uri(model: Path) -> None:
    with nbtrack.start_run() as started:
        started.log_artifacts(model, "borrowed")

    shown = lines("trust", f"runs:/{started.run_id}/borrowed", "--yes")

    assert shown[-1].startswith("Trusted '")
    assert is_trusted(model)


def test_names_in_a_model_steer_no_terminal(model: Path) -> None:
    (model / "\x1b]0;title\x07.py").write_text("")
    (model / "model.pkl").write_bytes(b"c\x1b[2Jos\nsystem\x9b\n.")

    shown = run("trust", "model", "--yes").output
    (model / "more").write_text("")
    with pytest.raises(UntrustedModelError) as caught:
        check_trusted(model, ["model.pkl", "code"], why="it is a pickle")

    for text in (shown, str(caught.value)):
        assert not any(sign in text for sign in "\x1b\x07\x9b")


def test_a_model_that_others_can_write_is_told_so(model: Path) -> None:
    model.chmod(0o777)

    assert any("Watch out: other users can write to it" in line for line in lines("trust", "model", "--yes"))


def test_what_is_no_model_is_said(model: Path) -> None:
    os.mkfifo(model / "pipe")

    assert "holds a named pipe, 'pipe'" in run("trust", "model", "--yes").output
    assert "No model folder 'nothing'" in run("trust", "nothing", "--yes").output
