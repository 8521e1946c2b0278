"""What nbtrack's registry answers beside what MLflow's did, as `record_registry_answers.py` wrote it down."""

import inspect
import json
from pathlib import Path
from typing import Any

import nbtrack
from nbtrack import MlflowClient, NbtrackError
from nbtrack.core import errors
from nbtrack.core.error_codes import HTTP_STATUS
from tests.tracking.registry_calls import CALLS, answers_of

ANSWERS = json.loads(Path(__file__).with_name("registry_answers.json").read_text(encoding="utf-8"))

DIFFERENT = {
    'client.get_model_version("iris", -1)': "it could never be a version: refused as what it is",
    'client.rename_registered_model("wine", "grapes")': "the renamed model comes back, not None",
    'client.rename_registered_model("iris", "iris")': "as above",
    'client.get_model_version("iris", 1.5)': "it could never be a version; MLflow reads version 1",
    'client.get_model_version("iris", True)': "as above",
    'client.set_model_version_tag("iris", 0, "team", "x")': "0 is a version that is not there",
    "client.search_registered_models(max_results=0)": "a page of none is a mistake, as it is of versions",
    "client.search_registered_models(max_results=-1)": "as above",
    'client.search_registered_models(order_by=["tags.team"])': "orders by it",
    'client.search_registered_models(order_by=["creation_timestamp"])': "orders by it",
}
"""Calls that are answered otherwise on purpose, and why."""


def comparable(call: str, answer: Any) -> Any:
    """An answer without what nbtrack says beyond MLflow."""
    if isinstance(answer, dict) and "refused" in answer:
        return answer
    if "search_model_versions(" in call:
        # MLflow leaves the aliases out of what it finds, and says so.
        return [{**version, "aliases": []} for version in answer]
    return answer


def test_the_registry_answers_as_mlflow_does(tmp_path: Path) -> None:
    nbtrack.set_tracking_uri(tmp_path / "store")
    ours = json.loads(json.dumps(answers_of(MlflowClient(), nbtrack, NbtrackError)))

    assert len(CALLS) > 350
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


def test_each_error_has_the_http_status_that_mlflow_gives_its_code() -> None:
    def kinds(kind: type[NbtrackError]) -> list[type[NbtrackError]]:
        return [kind, *(each for known in kind.__subclasses__() for each in kinds(known))]

    theirs = ANSWERS["http"]
    assert {code: HTTP_STATUS.get(code, 500) for code in theirs} == theirs
    different = {
        kind.__name__: (kind.rest_code, kind.http_status)
        for kind in kinds(NbtrackError)
        if kind.__module__ == errors.__name__ and theirs[kind.rest_code] != kind.http_status
    }
    # MLflow's 500 would make its clients try again, and again.
    assert different == {
        "InvalidStateError": ("INVALID_STATE", 400),
        "StoreVersionError": ("INVALID_STATE", 400),
    }
