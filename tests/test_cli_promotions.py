"""`nbtrack models promote` and its kin: who is in Production, since when, by whom, and back."""

import json
import os
from typing import Any

import pytest

import nbtrack
from nbtrack import MlflowClient
from tests.test_cli import completions, in_terminal, lines, process, run
from tests.test_cli_registry import refused


@pytest.fixture
def iris() -> MlflowClient:
    """A registered model of three versions, the second of them the best."""
    client = MlflowClient()
    client.create_registered_model("iris")
    for number, (accuracy, depth) in enumerate([(0.8, 1.0), (0.9, 2.0), (0.85, 3.0)], start=1):
        with nbtrack.start_run(run_name=f"fit {number}") as active:
            active.log_metrics({"accuracy": accuracy, "depth": depth})
            active.log_text("flavors: {}", "clf/MLmodel")
        client.create_model_version("iris", f"runs:/{active.run_id}/clf", active.run_id)
    return client


def in_production() -> int | None:
    found = MlflowClient().get_latest_versions("iris", ["Production"])
    return found[0].version if found else None


def told(*words: str) -> list[dict[str, Any]]:
    """The history as JSON."""
    return json.loads(run("models", "history", "iris", *words, "--json").output)


def as_user(name: str, *words: str) -> Any:
    return process("models", *words, env={**os.environ, "LOGNAME": name})


# ---- promoting -----------------------------------------------------------------------------------


def test_a_version_is_promoted_and_what_it_says_takes_it_back(iris: MlflowClient) -> None:
    iris.set_registered_model_alias("iris", "best", 3)

    said = [
        *lines("models", "promote", "iris", "1", "production", "--why", "first"),
        *lines("models", "promote", "iris/2", "Production"),
        *lines("models", "promote", "iris", "@best", "@champion"),
    ]

    assert [each.partition(" Undo: ")[0] for each in said] == [
        "Promoted version 1 of 'iris' to Production.",
        "Promoted version 2 of 'iris' to Production, from version 1.",
        "Promoted version 3 of 'iris' to @champion.",
    ]
    assert in_production() == 2
    undo = said[1].partition("Undo: nbtrack ")[2].split()
    assert lines(*undo)[-1].startswith("Took it back: ")
    assert in_production() == 1
    assert [each["why"] for each in told("--to", "Production")] == ["first", None, None]


def test_only_what_is_better_is_promoted_and_the_exit_status_says_so(iris: MlflowClient) -> None:
    better = ["--if-better", "accuracy"]
    first = run("models", "promote", "iris", "1", "Production", *better)
    second = run("models", "promote", "iris", "2", "Production", *better)
    third = run("models", "promote", "iris", "3", "Production", *better)
    again = run("models", "promote", "iris", "2", "Production", *better)
    plain = run("models", "promote", "iris", "3", "Production", *better, "--json")

    assert [each.exit_code for each in (first, second, third, again, plain)] == [0, 0, 3, 0, 3]
    assert third.output == (
        "Version 3 of 'iris' has accuracy 0.85, version 2, which holds Production, 0.9: not better.\n"
    )
    assert "Undo" not in again.output
    assert json.loads(plain.output)["status"] == "kept"
    assert in_production() == 2


def test_the_direction_of_a_metric_is_said_where_its_name_does_not(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "2", "Production")

    words = ["models", "promote", "iris", "1", "Production", "--if-better", "depth"]
    assert "add --higher-is-better or --lower-is-better." in refused(*words)
    assert run(*words, "--higher-is-better").exit_code == 3
    assert run(*words, "--lower-is-better").exit_code == 0
    assert in_production() == 1


def test_others_stay_in_the_stage_when_they_are_to_be_kept(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "1", "Production")
    lines("models", "promote", "iris", "2", "Production", "--keep-others")

    assert iris.get_model_version("iris", 1).current_stage == "Production"


@pytest.mark.parametrize("words", ["iris Production", "iris 1", "iris"])
def test_a_promotion_needs_a_version_and_a_place(iris: MlflowClient, words: str) -> None:
    result = run("models", "promote", *words.split())

    assert result.exit_code == 2
    assert "Missing argument" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("irsi 1 Production", "Did you mean 'iris'?"),
        ("iris 9 Production", "has no version '9'. It has 3, 2, 1."),
        ("iris 1 Prodktion", "Did you mean 'Production'?"),
        ("iris 1 latest", "taken"),
        ("iris 1 prod", "'prod' is no stage, and no alias of 'iris' yet. Write Production or @prod."),
        ("iris 1 challenger", "Write @challenger."),
        ("iris 1 Production --if-better accurac", "Did you mean 'accuracy'?"),
    ],
)
def test_what_cannot_be_promoted_is_said_in_a_line(iris: MlflowClient, words: str, said: str) -> None:
    assert said in refused("models", "promote", *words.split())
    assert in_production() is None


def test_a_rollback_goes_back_and_further_back(iris: MlflowClient) -> None:
    for version in "123":
        lines("models", "promote", "iris", version, "Production")

    said = lines("models", "rollback", "iris", "--why", "slow")
    further = lines("models", "rollback", "iris", "production")

    assert said[0].startswith("Rolled Production of 'iris' back to version 2, from version 3. Undo: nbtrack ")
    assert further[0].startswith("Rolled Production of 'iris' back to version 1, from version 2.")
    assert "No other version" in refused("models", "rollback", "iris")
    assert "No other version of 'iris' had @champion before." in refused(
        "models", "rollback", "iris", "@champion"
    )
    assert in_production() == 1


# ---- approval ------------------------------------------------------------------------------------


def test_where_approval_is_demanded_a_promotion_waits_for_it(iris: MlflowClient) -> None:
    demanded = lines("models", "require-approval", "iris", "production", "--by", "ada", "--four-eyes")
    asked = run("models", "promote", "iris", "1", "Production", "--why", "smaller")
    refusal = as_user("eve", "approve", "iris")
    shown = run("models", "show", "iris").output
    approved = as_user("ada", "approve", "iris", "1", "--why", "checked")

    assert demanded == [
        "'iris' demands approval for Production by ada, never by who asked. Undo: nbtrack models undo iris"
    ]
    assert asked.exit_code == 4
    assert asked.output.splitlines() == [
        "Asked to promote version 1 of 'iris' to Production: request 1.",
        "Approve it: nbtrack models approve iris 1",
    ]
    assert (refusal.returncode, "that is up to ada" in refusal.stderr) == (1, True)
    assert "by ada, never by who asked" in shown
    assert "pending" in shown
    assert "smaller" in shown
    assert approved.stdout.startswith("Promoted version 1 of 'iris' to Production. Undo: ")
    assert in_production() == 1
    assert lines("models", "requests") == ["No requests."]
    (decided,) = json.loads(run("models", "requests", "iris", "--all", "--json").output)
    assert (decided["status"], decided["decided_by"], decided["comment"]) == ("APPROVED", "ada", "checked")


def test_a_request_is_rejected_or_taken_back(iris: MlflowClient) -> None:
    for version in "12":
        assert run("models", "request", "iris", version, "Production").exit_code == 0

    assert "2 requests of 'iris' are pending" in refused("models", "approve", "iris")
    assert lines("models", "reject", "iris", "1", "--why", "slow")[0].startswith("Rejected request 1: ")
    lines("models", "undo", "iris")
    assert lines("models", "requests", "iris") == ["No requests."]
    assert "was rejected by" in refused("models", "approve", "iris", "1")
    assert "has no request '7'" in refused("models", "reject", "iris", "7")
    assert in_production() is None


def test_what_demands_approval_is_shown_and_lifted(iris: MlflowClient) -> None:
    rules = json.loads(run("models", "require-approval", "iris", "@champion", "--json").output)

    assert rules == {"@champion": {"approvers": [], "four_eyes": False}}
    assert lines("models", "require-approval", "iris") == ["'iris' demands approval for @champion."]
    assert json.loads(run("models", "require-approval", "iris", "--json").output) == {
        "@champion": {"approvers": [], "four_eyes": False}
    }
    assert lines("models", "require-approval", "iris", "@champion", "--lift")[0].startswith(
        "'iris' demands no approval for @champion any more. Undo: "
    )
    assert lines("models", "require-approval", "iris") == ["'iris' demands approval for nothing."]
    assert run("models", "require-approval", "iris", "--lift").exit_code == 2
    assert run("models", "require-approval", "iris", "staging", "--lift", "--by", "ada").exit_code == 2


def test_requests_fit_a_terminal(iris: MlflowClient) -> None:
    lines("models", "request", "iris", "1", "Production", "--why", "because " * 20)

    _, shown = in_terminal("models", "requests")

    assert max(map(len, shown.splitlines())) <= 70
    assert "version 1 of iris to Production, pending" in " ".join(shown.split())


def test_a_request_that_is_not_better_is_none(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "2", "Production")

    assert run("models", "request", "iris", "1", "Production", "--if-better", "accuracy").exit_code == 3
    assert lines("models", "requests") == ["No requests."]


# ---- history -------------------------------------------------------------------------------------


def test_the_history_says_who_changed_what_and_why(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "1", "Production", "--why", "first")
    lines("models", "tag", "iris", "team=bio")

    shown = run("models", "history", "iris").output
    assert "moved version 1 from None to Production" in shown
    assert "first" in shown
    assert [each["sentence"] for each in told("--to", "Production")] == [
        "moved version 1 from None to Production"
    ]
    assert len(told()) == 6
    last = lines("models", "history", "iris", "-n", "1")
    assert "set tag team to 'bio'" in last[2]
    assert last[3] == "There are 6 changes, these are the latest; choose how many with -n."
    assert "Did you mean 'iris'?" in refused("models", "history", "irsi")


def test_the_history_answers_what_was_in_production_then(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "1", "Production")
    then = str(told()[-1]["timestamp"])
    lines("models", "promote", "iris", "2", "Production")

    assert lines("models", "history", "iris", "--at", then) == [
        f"Version 1 of 'iris' had Production at {then}; now it is Archived."
    ]
    assert lines("models", "history", "iris", "--at", "2020-05-03 14:00") == [
        "No version of 'iris' had Production at 2020-05-03 14:00."
    ]
    assert json.loads(run("models", "history", "iris", "--at", then, "--json").output)["version"] == 1
    assert (
        json.loads(run("models", "history", "iris", "--to", "staging", "--at", then, "--json").output) is None
    )
    assert "has no alias 'x'" in refused("models", "history", "iris", "--to", "@x", "--at", then)
    assert "'yesterday' is no moment" in refused("models", "history", "iris", "--at", "yesterday")


def test_the_history_fits_a_terminal(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "1", "Production", "--why", "because " * 20)

    _, shown = in_terminal("models", "history", "iris")

    assert max(map(len, shown.splitlines())) <= 70
    assert " ".join(shown.split()).count("because") == 20


# ---- undo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "left"), [("y\n", 1), ("n\n", 2)])
def test_a_terminal_is_shown_what_is_undone_and_asked(iris: MlflowClient, keys: str, left: int) -> None:
    lines("models", "promote", "iris", "1", "Production")
    lines("models", "promote", "iris", "2", "Production", "--why", "a slip")

    status, shown = in_terminal("models", "undo", "iris", keys=keys)

    assert status == 0
    assert "moved version 2 from None to Production; archived 1. Why: a slip" in " ".join(shown.split())
    assert "Take it back? [y/N]" in shown
    assert in_production() == left


def test_a_change_is_undone_by_its_number_and_again(iris: MlflowClient) -> None:
    lines("models", "promote", "iris", "1", "Production")
    number = str(told()[-1]["number"])
    lines("models", "tag", "iris", "team=bio")

    undone = lines("models", "undo", "iris", "--event", number, "--why", "slip")
    assert in_production() is None
    assert "was undone by change" in refused("models", "undo", "iris", "--event", number)
    again = undone[-1].partition("Undo: nbtrack ")[2].split()
    lines(*again, "--yes")
    assert in_production() == 1
    assert told()[-2]["why"] == "slip"
    assert "has no change '99'" in refused("models", "undo", "iris", "--event", "99")


def test_what_was_deleted_comes_back(iris: MlflowClient) -> None:
    lines("models", "alias", "iris", "champion", "2")
    said = lines("models", "delete", "iris", "2", "--yes")
    gone = lines("models", "delete", "iris", "--yes")

    for line in (*gone, *said):
        lines(*line.partition("Undo: nbtrack ")[2].split())

    assert iris.get_model_version_by_alias("iris", "champion").version == 2
    assert json.loads(run("models", "undo", "iris", "--json").output)["sentence"].startswith("took @champion")


def test_where_nothing_is_left_to_undo_it_says_so(iris: MlflowClient) -> None:
    assert "nothing but registrations is left" in refused("models", "undo", "iris")


# ---- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["promote", "iris", "1", ""], ["Production", "Staging", "Archived", "@champion"]),
        (["promote", "iris", "1", "prod"], ["Production"]),
        (["promote", "iris", "1", "@"], ["@champion"]),
        (["promote", "iris", "1", "Production", "--if-better", "acc"], ["accuracy"]),
        (["rollback", "iris", "St"], ["Staging"]),
        (["approve", "iris", ""], ["1"]),
        (["history", "iris", "--to", "@"], ["@champion"]),
        (["undo", "iris", "--event", ""], ["6", "5", "4", "3", "2", "1"]),
        (["require-approval", "i"], ["iris"]),
    ],
)
def test_the_shell_completes_promotions(iris: MlflowClient, words: list[str], expected: list[str]) -> None:
    iris.set_registered_model_alias("iris", "champion", 1)
    nbtrack.request("iris", 2, "Production")

    assert completions("models", *words) == expected
