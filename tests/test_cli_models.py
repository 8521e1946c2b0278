"""`nbtrack models predict`: predictions for a file, from a terminal, a pipe and a notebook."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import nbtrack
from nbtrack.models.schema.schema_types import ColSpec, Schema
from nbtrack.models.signature import ModelSignature
from tests.test_cli import in_terminal, lines, run

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Doubling(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        return model_input["x"].to_numpy() * 2


@pytest.fixture(autouse=True)
def _model() -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("double", "x")]))
    nbtrack.pyfunc.save_model("model", python_model=Doubling(), signature=signature)
    Path("in.csv").write_text("id,x\n007,1\n008,2\n")


def test_a_file_becomes_a_file() -> None:
    said = lines("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv", "--keep-columns")

    assert len(said) == 1
    assert said[0].startswith("Scored 2 rows in ")
    assert said[0].endswith(": out.csv")
    assert Path("out.csv").read_text() == "id,x,prediction\n007,1,2.0\n008,2,4.0\n"


def test_a_model_is_found_by_its_run(tmp_path: Path) -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("double", "x")]))
    with nbtrack.start_run() as active:
        nbtrack.pyfunc.log_model(name="doubling", python_model=Doubling(), signature=signature)

    uri = f"runs:/{active.info.run_id}/doubling"

    assert "Scored 2 rows" in lines("models", "predict", "-m", uri, "-i", "in.csv", "-o", "out.csv")[0]


def nbtrack_process(*words: str, given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "nbtrack", *words], input=given, capture_output=True, text=True, check=False
    )


def test_it_stands_in_a_pipe_as_mlflow_does() -> None:
    body = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[1.5]]}})

    as_mlflow = nbtrack_process("models", "predict", "-m", "model", "--env-manager", "conda", given=body)
    as_csv = nbtrack_process("models", "predict", "-m", "model", "-i", "-", "-t", "csv", given="x\n1\n2\n")

    assert json.loads(as_mlflow.stdout) == {"predictions": [3.0]}
    assert "--env-manager conda: nbtrack predicts in the environment that it runs in." in as_mlflow.stderr
    assert as_csv.stdout == "prediction\n2.0\n4.0\n"


def test_a_bad_row_is_one_sentence_and_a_status() -> None:
    Path("in.csv").write_text("x\n1\nabc\n")

    failed = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv")
    skipped = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv", "--skip-bad-rows")

    assert failed.exit_code == 1
    assert "in.csv, line 3, column 'x': 'abc' is no double." in failed.output
    assert "--skip-bad-rows" in failed.output
    assert skipped.exit_code == 0
    assert "1 row does not fit: see out.csv.bad-rows.csv." in skipped.output
    assert "Scored 1 row " in skipped.output


def test_a_terminal_shows_rows_and_the_rate() -> None:
    with open("in.csv", "w") as file:
        file.write("x,note\n" + f"1.25,{'a' * 1000}\n" * 11_000)

    _, shown = in_terminal("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv", keys="")

    assert "rows/s" in shown
    assert "11,000 rows" in shown
    assert "100%" in shown


def test_a_stranger_is_asked_for_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))

    refused = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv")
    trusted = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv", "--trust")

    assert (refused.exit_code, trusted.exit_code) == (1, 0)
    assert "trust" in refused.output


class Crash(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        if "long" in set(model_input["text"]):
            raise ValueError("length too long")
        return model_input["text"]


class Unreadable(nbtrack.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        raise KeyError("weights")

    def predict(self, context: Any, model_input: Any) -> Any:
        return model_input


def test_an_error_of_the_model_is_told_as_the_models_with_its_lines() -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("string", "text")]))
    nbtrack.pyfunc.save_model("Crash", python_model=Crash(), signature=signature)
    nbtrack.pyfunc.save_model("Unreadable", python_model=Unreadable(), signature=signature)
    Path("x.csv").write_text('text\n"a\nb"\nshort\nlong\n')

    whole = run("models", "predict", "-m", "Crash", "-i", "x.csv", "-o", "out.csv")
    last = run("models", "predict", "-m", "Crash", "-i", "x.csv", "-o", "out.csv", "--chunk-size", "2")
    unreadable = run("models", "predict", "-m", "Unreadable", "-i", "x.csv")

    said = "Error: The model 'Crash' failed in predict() on x.csv, line{}: ValueError: length too long\n"
    assert (whole.exit_code, whole.output) == (1, said.format("s 2 to 5"))
    assert last.output.endswith(said.format("s 4 to 5"))
    assert unreadable.output.startswith("Error: The model 'Unreadable' cannot be loaded: KeyError: 'weights'")


def test_an_output_that_cannot_be_is_told_before_a_row_is_scored() -> None:
    no_folder = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "/nope/x.csv")
    no_format = run("models", "predict", "-m", "model", "-i", "in.csv", "-o", "x.xlsx")
    Path("locked").mkdir(mode=0o500)

    assert no_folder.exit_code == 1
    assert "No folder '/nope'" in no_folder.output
    assert no_format.exit_code == 1
    assert "'.xlsx'" in no_format.output
    assert ".csv, .tsv, .txt, .json, .jsonl, .ndjson, .parquet, .pq, and .gz, .bz2, .xz" in no_format.output
    assert "mistake" not in no_folder.output + no_format.output


def test_rows_that_are_no_json_ask_for_their_format() -> None:
    unsaid = nbtrack_process("models", "predict", "-m", "model", given="x\n1\n")
    said = nbtrack_process("models", "predict", "-m", "model", "-t", "json", given="x\n1\n")

    assert "-t csv" in unsaid.stderr
    assert "-t csv" not in said.stderr
    assert "no JSON" in said.stderr
