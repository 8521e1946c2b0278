"""The scripts of `tests/mlflow_code` by the real MLflow, and with the drop-in beside it: they print the same.

Those that MLflow 3.17 cannot run to their end are left out.
"""

from pathlib import Path

import pytest

from tests.mlflow_code.conftest import SCRIPTS, in_process


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("tuning.py", ["--epochs", "2", "--rates", "0.1", "0.5"]),
        ("typed_settings.py", []),
        ("optional_tracking.py", ["--track"]),
        ("by_client.py", []),
        ("life_of_a_model.py", []),
        ("readings.py", []),
    ],
)
def test_a_script_prints_what_it_prints_with_mlflow(
    script: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def printed(folder: str, *command: str) -> str:
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        return in_process(*command, str(SCRIPTS / script), *arguments)[0]

    theirs = printed("theirs")
    ours = printed("ours", "-m", "nbtrack.mlflow_drop_in")

    assert ours == theirs
    assert (tmp_path / "theirs/mlflow.db").exists()
    assert (tmp_path / "ours/mlflow.nbtrack").exists()
