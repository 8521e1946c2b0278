"""What nbtrack's registry answers beside what MLflow's did, as `record_registry_answers.py` wrote it down."""

import inspect
import json
from pathlib import Path
from typing import Any

from nbtrack import MlflowClient, NbtrackError
from tests.tracking.registry_calls import CALLS, answers_of

ANSWERS = json.loads(Path(__file__).with_name("registry_answers.json").read_text(encoding="utf-8"))

DIFFERENT = {
    'client.get_model_version("iris", -1)': "it could never be a version: refused as what it is",
    'client.rename_registered_model("wine", "grapes")': "the renamed model comes back, not None",
}
"""Calls that are answered otherwise on purpose, and why."""


def comparable(call: str, answer: Any) -> Any:
    """An answer without what nbtrack says beyond MLflow."""
    if isinstance(answer, dict) and "refused" in answer:
        return answer
    if call.startswith("client.search_model_versions("):
        # MLflow leaves the aliases out of what it finds, and says so.
        return [{**version, "aliases": []} for version in answer]
    return answer


def test_the_registry_answers_as_mlflow_does(tmp_path: Path) -> None:
    ours = json.loads(json.dumps(answers_of(MlflowClient(tmp_path / "store"), NbtrackError)))

    assert len(CALLS) > 200
    assert [call for call, _ in ANSWERS["answers"]] == CALLS
    different: dict[str, tuple[Any, Any]] = {}
    for (call, theirs), answer in zip(ANSWERS["answers"], ours, strict=True):
        # Where MLflow falls over what it was given, or says that it was at fault, any refusal is better.
        falls = isinstance(theirs, dict) and ("fails" in theirs or theirs.get("refused") == "INTERNAL_ERROR")
        if falls and isinstance(answer, dict) and answer.get("refused", "INTERNAL_ERROR") != "INTERNAL_ERROR":
            continue
        if comparable(call, answer) != comparable(call, theirs):
            different[call] = (answer, theirs)
    assert {call: answers for call, answers in different.items() if call not in DIFFERENT} == {}
    assert set(different) == set(DIFFERENT), "what differs on purpose differs no more"


def test_the_methods_take_mlflows_arguments_and_beyond_them_only_why(tmp_path: Path) -> None:
    for name, wanted in ANSWERS["arguments"].items():
        ours = inspect.signature(getattr(MlflowClient(tmp_path / "store"), name)).parameters

        taken = [[each.name, each.kind.name] for each in ours.values()]
        assert taken[: len(wanted)] == wanted, name
        assert taken[len(wanted) :] in ([], [["why", "KEYWORD_ONLY"]]), name
