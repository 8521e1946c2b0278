"""`%nbtrack trust`: what stands in a cell is meant."""

import pickle
from pathlib import Path

import pytest

from nbtrack.models.safety.trust import trusted_digests
from tests.ui.conftest import Notebook


def test_a_cell_trusts_without_a_question(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("model")
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(eval))

    notebook.value("%nbtrack trust model")
    shown = capsys.readouterr().out

    (known,) = trusted_digests()
    assert "model.pkl would import builtins.eval" in shown
    assert f"Undo: %nbtrack trust --forget {known.digest[:12]}" in shown
