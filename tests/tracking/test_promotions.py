"""Promotion, approval, rollback, undo and history, by the verbs people use."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.core import users
from nbtrack.core.errors import (
    AlreadyExistsError,
    ApprovalError,
    InvalidStateError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
)
from nbtrack.core.registry_events import RegistryHistory
from nbtrack.tracking.tracker import Tracker

SCORES = (0.90, 0.95, 0.93)


@pytest.fixture
def client() -> nbtrack.MlflowClient:
    """A registered model `iris` with a version of each of three runs."""
    client = nbtrack.MlflowClient()
    client.create_registered_model("iris")
    for score in SCORES:
        with nbtrack.start_run() as run:
            nbtrack.log_metrics({"accuracy": score, "loss": 1 - score, "x": score})
        client.create_model_version("iris", "elsewhere://model", run.run_id)
    return client


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Go on as another user."""

    def become(name: str) -> None:
        monkeypatch.setenv("LOGNAME", name)
        users.current_user.cache_clear()

    yield become
    users.current_user.cache_clear()


def stages() -> dict[int, str]:
    found = nbtrack.search_model_versions(filter_string="name = 'iris'")
    return {version.version: version.current_stage for version in found}


def aliases() -> dict[str, int]:
    return dict(nbtrack.MlflowClient().get_registered_model("iris").aliases)


def what_happened(history: RegistryHistory | None = None) -> list[str]:
    return [str(event) for event in (nbtrack.history("iris") if history is None else history)]


# ---- promote -------------------------------------------------------------------------------------


def test_a_promoted_version_takes_the_stage_over(client: nbtrack.MlflowClient) -> None:
    first = nbtrack.promote("iris", 1, "production", why="first")

    second = nbtrack.promote("iris", "2", "Production")

    assert (first.status, first.to, first.replaced, bool(first)) == ("promoted", "Production", [], True)
    assert (second.version, second.replaced) == (2, [1])
    assert str(second) == "Promoted version 2 of 'iris' to Production, from version 1."
    assert stages() == {1: "Archived", 2: "Production", 3: "None"}


def test_versions_share_a_stage_when_they_are_not_archived(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Staging")

    shared = nbtrack.promote("iris", 2, "Staging", archive_existing_versions=False)

    assert shared.replaced == []
    assert str(shared) == "Promoted version 2 of 'iris' to Staging, beside version 1."
    assert stages() == {1: "Staging", 2: "Staging", 3: "None"}


def test_a_version_alone_in_its_stage_takes_the_place_of_those_beside_it(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production", archive_existing_versions=False)

    assert nbtrack.promote("iris", 2, "Production").replaced == [1]

    assert stages() == {1: "Archived", 2: "Production", 3: "None"}


def test_archived_and_none_are_stages_that_many_versions_share(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Archived")
    nbtrack.promote("iris", 2, "Archived")

    assert stages() == {1: "Archived", 2: "Archived", 3: "None"}
    assert nbtrack.promote("iris", 1, "Archived").status == "kept"


@pytest.mark.parametrize("to", ["champion", "@champion"])
def test_a_promoted_version_takes_the_alias_over(client: nbtrack.MlflowClient, to: str) -> None:
    nbtrack.promote("iris", 1, to)

    promotion = nbtrack.promote("iris", 2, to)

    assert (promotion.to, promotion.replaced) == ("@champion", [1])
    assert aliases() == {"champion": 2}


def test_what_has_the_place_already_stays_and_leaves_no_event(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 1, "champion")
    before = nbtrack.history("iris")

    for to in ("Production", "champion"):
        promotion = nbtrack.promote("iris", 1, to)
        assert (promotion.status, bool(promotion)) == ("kept", False)

    assert str(promotion) == "Version 1 of 'iris' has @champion already."
    assert nbtrack.history("iris") == before


def test_what_is_missing_or_cannot_be_is_refused_and_nothing_moves(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "champion")
    before = nbtrack.history("iris")

    for arguments, error, message in (
        (("irsi", 1, "Production"), NotFoundError, "Did you mean 'iris'"),
        (("iris", 7, "Production"), NotFoundError, "has no version '7'. It has 3, 2, 1."),
        (("iris", 2, "Prodction"), InvalidValueError, "Did you mean 'Production'"),  # codespell:ignore
        (("iris", 2, "chmapion"), InvalidValueError, "Did you mean '@champion'"),
        (("iris", 2, "champon"), InvalidValueError, "Did you mean '@champion'"),
        (("iris", 2, "Champion"), InvalidValueError, "Did you mean '@champion'"),
        (("iris", 2, ""), InvalidValueError, "such as 'Production' or '@champion'; got ''"),
        (("iris", 2, "a b"), InvalidValueError, "'a b' is no alias"),
        (("iris", 2, "@latest"), InvalidValueError, "is taken"),
        (("iris", 2, None), InvalidTypeError, "got NoneType None"),
        (("a/b", 2, "Production"), InvalidValueError, "'a/b'"),
    ):
        with pytest.raises(error, match=message):
            nbtrack.promote(*arguments)

    assert nbtrack.history("iris") == before


@pytest.mark.parametrize("alias", ["champions", "champion-2", "champion_eu", "challenger", "prod"])
def test_an_alias_that_goes_on_like_another_is_an_alias_of_its_own(
    client: nbtrack.MlflowClient, alias: str
) -> None:
    nbtrack.promote("iris", 1, "champion")

    nbtrack.promote("iris", 2, alias)

    assert aliases() == {"champion": 1, alias: 2}


def test_an_alias_named_like_a_stage_has_to_be_told_from_it(client: nbtrack.MlflowClient) -> None:
    client.set_registered_model_alias("iris", "production", 1)

    with pytest.raises(InvalidValueError, match="write 'Production' or '@production'"):
        nbtrack.promote("iris", 2, "production")
    nbtrack.promote("iris", 2, "Production")
    nbtrack.promote("iris", 3, "@production")

    assert (aliases(), stages()[2]) == ({"production": 3}, "Production")


# ---- if_better -----------------------------------------------------------------------------------


def test_only_a_better_version_moves_when_that_is_asked_for(client: nbtrack.MlflowClient) -> None:
    assert nbtrack.promote("iris", 1, "Production", if_better="accuracy")
    assert nbtrack.promote("iris", 2, "Production", if_better="accuracy")

    kept = nbtrack.promote("iris", 3, "Production", if_better="accuracy")

    assert (kept.status, bool(kept)) == ("kept", False)
    assert str(kept) == (
        "Version 3 of 'iris' has accuracy 0.93, version 2, which holds Production, 0.95: not better."
    )
    assert stages() == {1: "Archived", 2: "Production", 3: "None"}


def test_of_a_loss_less_is_better_and_the_direction_may_be_said(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "@a")
    assert nbtrack.promote("iris", 2, "@a", if_better="loss")
    assert not nbtrack.promote("iris", 3, "@a", if_better="loss")
    assert nbtrack.promote("iris", 3, "@a", if_better="x", higher_is_better=False)

    with pytest.raises(InvalidValueError, match="'x' does not say whether more or less"):
        nbtrack.promote("iris", 2, "@a", if_better="x")


def test_an_equal_value_is_not_better_and_close_ones_are_told_apart(client: nbtrack.MlflowClient) -> None:
    for value in (0.5, 0.5, 0.5000000001):
        with nbtrack.start_run() as run:
            nbtrack.log_metric("f1", value)
        client.create_model_version("iris", "elsewhere://model", run.run_id)
    nbtrack.promote("iris", 4, "@best")

    assert not nbtrack.promote("iris", 5, "@best", if_better="f1")
    assert "f1 0.5000000001 against 0.5" in str(nbtrack.promote("iris", 6, "@best", if_better="f1"))


def test_nan_is_never_better_and_any_number_is_better_than_it(client: nbtrack.MlflowClient) -> None:
    for value in (float("nan"), 0.1):
        with nbtrack.start_run() as run:
            nbtrack.log_metric("f1", value)
        client.create_model_version("iris", "elsewhere://model", run.run_id)
    nbtrack.promote("iris", 5, "@best")

    assert not nbtrack.promote("iris", 4, "@best", if_better="f1")
    nbtrack.promote("iris", 4, "@best")
    assert nbtrack.promote("iris", 5, "@best", if_better="f1")


def test_it_has_to_be_better_than_the_best_of_those_that_share_the_stage(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production", archive_existing_versions=False)

    assert not nbtrack.promote("iris", 3, "Production", if_better="accuracy")


def test_the_metric_is_that_of_the_moment_of_registration(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 2, "Production")
    run_id = client.get_model_version("iris", 3).run_id

    client.log_metric(str(run_id), "accuracy", 0.99, step=1)

    assert not nbtrack.promote("iris", 3, "Production", if_better="accuracy")


def test_a_metric_that_was_logged_later_counts_where_registration_knew_none(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.promote("iris", 1, "Production")
    for version, value in ((1, 0.2), (2, 0.3)):
        client.log_metric(str(client.get_model_version("iris", version).run_id), "test_f1", value)

    assert nbtrack.promote("iris", 2, "Production", if_better="test_f1")


def test_a_metric_that_one_of_both_lacks_is_an_error_that_says_which(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")

    with pytest.raises(NotFoundError, match=r"Version 2 of 'iris' has no metric 'accuracies'. Did you"):
        nbtrack.promote("iris", 2, "Production", if_better="accuracies")
    with pytest.raises(InvalidTypeError, match="if_better is the name of a metric"):
        nbtrack.promote("iris", 2, "Production", if_better=0.9)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidValueError, match="goes with if_better"):
        nbtrack.promote("iris", 2, "Production", higher_is_better=True)

    assert stages()[1] == "Production"


def test_the_event_of_a_promotion_tells_what_was_compared(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")

    promotion = nbtrack.promote("iris", 2, "Production", if_better="accuracy", why="better")

    event = nbtrack.history("iris")[-1]
    assert (event.number, event.why, event.version) == (promotion.event, "better", 2)
    assert event.details["if_better"] == {
        "metric": "accuracy",
        "value": 0.95,
        "holder": 1,
        "holder_value": 0.9,
    }


# ---- approval ------------------------------------------------------------------------------------


def test_where_approval_is_demanded_a_promotion_waits_for_it(client: nbtrack.MlflowClient) -> None:
    nbtrack.require_approval("iris", "Production")

    asked = nbtrack.promote("iris", 1, "Production", why="ready")

    assert (asked.status, bool(asked), stages()[1]) == ("requested", False, "None")
    (request,) = nbtrack.promotion_requests("iris")
    assert (request.number, request.version, request.to, request.status) == (
        asked.request,
        1,
        "Production",
        "PENDING",
    )
    assert request.why == "ready"

    approved = nbtrack.approve("iris", why="fine")

    assert approved
    assert approved.request == asked.request
    assert stages()[1] == "Production"
    assert list(nbtrack.promotion_requests()) == []
    (decided,) = nbtrack.promotion_requests("iris", pending=False)
    assert (decided.status, decided.comment, decided.decided_by) == ("APPROVED", "fine", users.current_user())
    assert what_happened()[-3:] == [
        f"asked to promote version 1 to Production: request {asked.request}",
        f"approved request {asked.request}: version 1 to Production",
        f"moved version 1 from None to Production (request {asked.request})",
    ]


def test_no_verb_goes_around_a_demanded_approval(client: nbtrack.MlflowClient) -> None:
    nbtrack.require_approval("iris", "Production")
    nbtrack.require_approval("iris", "@champion")
    before = nbtrack.history("iris")

    with pytest.raises(
        ApprovalError, match="Production of registered model 'iris' demands approval"
    ) as refused:
        client.transition_model_version_stage("iris", 1, "production")
    with pytest.raises(ApprovalError, match="@champion"):
        client.set_registered_model_alias("iris", "champion", 1)

    assert (refused.value.error_code, refused.value.get_http_status_code()) == ("PERMISSION_DENIED", 403)
    assert nbtrack.history("iris") == before
    client.transition_model_version_stage("iris", 1, "Staging")  # nobody demands it there


def test_a_rejected_version_stays_where_it_is(client: nbtrack.MlflowClient) -> None:
    asked = nbtrack.request("iris", 1, "Production")

    rejected = nbtrack.reject("iris", asked.request, why="too slow")

    assert (rejected.status, bool(rejected), stages()[1]) == ("rejected", False, "None")
    with pytest.raises(InvalidStateError, match="was rejected by"):
        nbtrack.approve("iris", asked.request)
    with pytest.raises(InvalidStateError, match="No request of 'iris' is pending"):
        nbtrack.approve("iris")


def test_asking_again_is_the_request_that_waits(client: nbtrack.MlflowClient) -> None:
    first = nbtrack.request("iris", 1, "Production")

    again = nbtrack.request("iris", 1, "Production")

    assert first.request == again.request
    assert str(again) == (
        f"Request {first.request} by {users.current_user()} waits for version 1 of 'iris' to Production "
        "already."
    )
    assert len(nbtrack.promotion_requests("iris")) == 1


def test_of_several_requests_the_number_decides(client: nbtrack.MlflowClient) -> None:
    nbtrack.request("iris", 1, "Production")
    second = nbtrack.request("iris", 2, "Production")

    with pytest.raises(InvalidStateError, match=r"2 requests of 'iris' are pending: 1 \(version 1 to Prod"):
        nbtrack.approve("iris")
    with pytest.raises(NotFoundError, match=r"has no request '9'. Pending are 1, 2."):
        nbtrack.approve("iris", 9)
    nbtrack.approve("iris", second)  # pyright: ignore[reportArgumentType]  # what request gave back

    assert stages()[2] == "Production"


def test_a_request_is_judged_again_when_it_is_approved(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.request("iris", 3, "Production", if_better="accuracy")
    nbtrack.promote("iris", 2, "Production")

    with pytest.raises(InvalidStateError, match=r"not approved: Version 3 .* 0.95: not better"):
        nbtrack.approve("iris")

    assert stages()[2] == "Production"
    assert len(nbtrack.promotion_requests("iris")) == 1


def test_only_the_approvers_approve_and_change_the_rule(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    become("ada")
    nbtrack.require_approval("iris", "Production", approvers=["ada", "grace"], four_eyes=True)
    nbtrack.promote("iris", 1, "Production")

    become("bob")
    with pytest.raises(
        ApprovalError, match="bob may not approve request 1 of 'iris': that is up to ada, grace"
    ):
        nbtrack.approve("iris")
    with pytest.raises(ApprovalError, match="bob may not change who approves"):
        nbtrack.lift_approval("iris", "Production")
    become("ada")
    with pytest.raises(ApprovalError, match=r"ada asked for request 1 .* somebody else"):
        nbtrack.approve("iris")
    become("grace")
    nbtrack.approve("iris")

    assert stages()[1] == "Production"
    asked, approved = (event.who for event in nbtrack.history("iris")[-3:-1])
    assert (asked, approved) == ("ada", "grace")
    nbtrack.lift_approval("iris", "Production")
    client.transition_model_version_stage("iris", 2, "Production")


def test_undo_goes_around_no_rule_of_approval(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    become("ada")
    nbtrack.require_approval("iris", "Production", approvers=["ada"])

    become("bob")
    with pytest.raises(ApprovalError, match="bob may not change who approves Production of 'iris'"):
        nbtrack.undo("iris")

    assert "Production" in Tracker().approvals("iris")
    become("ada")
    nbtrack.undo("iris")
    client.transition_model_version_stage("iris", 2, "Production")


def test_an_approval_that_fails_is_told_of_nowhere(client: nbtrack.MlflowClient) -> None:
    nbtrack.request("iris", 1, "Staging", if_better="accuracy")
    nbtrack.promote("iris", 3, "Staging")

    with pytest.raises(InvalidStateError, match="Request 1 is not approved"):
        nbtrack.approve("iris")

    log = Path(nbtrack.get_tracking_uri(), "events.log").read_text()
    assert "promotion.approved" not in log


def test_what_demands_nothing_cannot_be_lifted(client: nbtrack.MlflowClient) -> None:
    nbtrack.require_approval("iris", "Production")

    with pytest.raises(
        NotFoundError, match=r"no demand of approval for 'Staging'. It demands it for Production"
    ):
        nbtrack.lift_approval("iris", "Staging")
    with pytest.raises(InvalidValueError, match="approvers are user names"):
        nbtrack.require_approval("iris", "Staging", approvers=[3])  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidTypeError, match="approvers are user names"):
        nbtrack.require_approval("iris", "Staging", approvers=3)  # pyright: ignore[reportArgumentType]


def test_a_rollback_needs_no_approval_since_it_had_one(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production")
    nbtrack.require_approval("iris", "Production")

    assert nbtrack.rollback("iris", why="on fire")

    assert stages() == {1: "Production", 2: "Archived", 3: "None"}


def test_an_approval_that_finds_its_version_deleted_changes_nothing(client: nbtrack.MlflowClient) -> None:
    nbtrack.request("iris", 1, "Production")
    client.delete_model_version("iris", 1)
    before = nbtrack.history("iris")

    with pytest.raises(NotFoundError, match=r"has no version '1'. It was deleted."):
        nbtrack.approve("iris")

    assert nbtrack.history("iris") == before
    assert len(nbtrack.promotion_requests("iris")) == 1


# ---- rollback ------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["Production", "@champion"])
def test_each_rollback_goes_further_back(client: nbtrack.MlflowClient, to: str) -> None:
    for version in (1, 2, 3):
        nbtrack.promote("iris", version, to)

    backs = [nbtrack.rollback("iris", to).version for _ in range(2)]

    assert backs == [2, 1]
    with pytest.raises(InvalidStateError, match="No other version of 'iris' had"):
        nbtrack.rollback("iris", to)


def test_a_rollback_is_for_production_unless_it_says_otherwise(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production")

    promotion = nbtrack.rollback("iris", why="slow")

    assert str(promotion) == "Rolled Production of 'iris' back to version 1, from version 2."
    assert (nbtrack.history("iris")[-1].why, stages()[2]) == ("slow", "Archived")
    with pytest.raises(InvalidValueError, match="A version in Archived does no work"):
        nbtrack.rollback("iris", "Archived")


def test_a_rollback_that_was_undone_comes_again(client: nbtrack.MlflowClient) -> None:
    for version in (1, 2, 3):
        nbtrack.promote("iris", version, "Production")

    nbtrack.rollback("iris")
    nbtrack.undo("iris")

    assert stages()[3] == "Production"
    assert nbtrack.rollback("iris").version == 2


def test_a_rollback_passes_over_versions_that_are_deleted(client: nbtrack.MlflowClient) -> None:
    for version in (1, 2, 3):
        nbtrack.promote("iris", version, "Production")
    client.delete_model_version("iris", 2)

    assert nbtrack.rollback("iris").version == 1
    with pytest.raises(InvalidStateError, match="No other version"):
        nbtrack.rollback("iris")


def test_a_rollback_gives_an_empty_stage_to_the_last_that_had_it(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 1, "Archived")

    assert nbtrack.rollback("iris").version == 1


# ---- undo ----------------------------------------------------------------------------------------


def undoable_changes() -> list[Callable[[nbtrack.MlflowClient], Any]]:
    return [
        lambda client: client.set_registered_model_alias("iris", "champion", 1),
        lambda client: client.set_registered_model_alias("iris", "champion", 2),
        lambda client: client.delete_registered_model_alias("iris", "champion"),
        lambda client: client.set_registered_model_tag("iris", "team", "a"),
        lambda client: client.set_registered_model_tag("iris", "team", "b"),
        lambda client: client.delete_registered_model_tag("iris", "team"),
        lambda client: client.set_model_version_tag("iris", 1, "k", "a"),
        lambda client: client.delete_model_version_tag("iris", 1, "k"),
        lambda client: client.update_registered_model("iris", "kinds"),
        lambda client: client.update_registered_model("iris", None),
        lambda client: client.update_model_version("iris", 2, "deep"),
        lambda client: client.transition_model_version_stage("iris", 1, "Production"),
        lambda client: client.transition_model_version_stage("iris", 2, "Production"),
        lambda client: client.transition_model_version_stage("iris", 3, "Production", True),
        lambda client: client.set_registered_model_alias("iris", "old", 2),
        lambda client: client.delete_model_version("iris", 2),
        lambda client: client.require_approval("iris", "Staging", approvers=[users.current_user()]),
        lambda client: client.lift_approval("iris", "Staging"),
        lambda client: client.request("iris", 1, "Staging"),
        lambda client: client.delete_registered_model("iris"),
    ]


def all_of_it() -> str:
    """Everything the registry holds of iris, but for times, bin and story."""
    store = nbtrack.tracking.fluent.default_tracker._store()  # pyright: ignore
    tables = [store.documents.table(name).all() for name in ("registered_models", "model_versions")]
    plain = [
        {key: value for key, value in document.items() if key != "last_updated_timestamp"}
        for table in tables
        for document in sorted(table, key=lambda document: document.get("version", 0))
    ]
    for document in plain:
        if document.get("approvals") == {}:  # as good as none
            del document["approvals"]
    return json.dumps([*plain, len(store.registry.requests())], sort_keys=True)


def test_undo_takes_back_every_kind_of_change_one_after_the_other(client: nbtrack.MlflowClient) -> None:
    states: list[str] = []
    for change in undoable_changes():
        states.append(all_of_it())
        change(client)

    for number, state in reversed(list(enumerate(states))):
        nbtrack.undo("iris")
        assert all_of_it() == state, f"change {number}"

    with pytest.raises(InvalidStateError, match="nothing but registrations is left"):
        nbtrack.undo("iris")


def test_what_was_undone_is_had_again_by_the_number_of_the_undo(client: nbtrack.MlflowClient) -> None:
    for change in undoable_changes()[:-1]:
        changed = change(client)
        del changed
        after = all_of_it()
        undone = nbtrack.undo("iris")
        if undone.what == "promotion.withdrawn":
            continue
        nbtrack.undo("iris", undone)

        assert all_of_it() == after, str(undone)


def test_a_renamed_model_gets_its_name_back(client: nbtrack.MlflowClient) -> None:
    client.rename_registered_model("iris", "flowers")

    event = nbtrack.undo("flowers", why="confusing")

    assert (event.name, event.why, str(event)) == (
        "iris",
        "confusing",
        f"renamed it from 'flowers' to 'iris' (undo of {event.undoes})",
    )
    assert client.get_model_version("iris", 3).version == 3


def test_a_name_that_is_taken_is_not_taken_back(client: nbtrack.MlflowClient) -> None:
    client.rename_registered_model("iris", "flowers")
    client.create_registered_model("iris")

    with pytest.raises(AlreadyExistsError, match="another registered model is named 'iris' now"):
        nbtrack.undo("flowers")


def test_a_name_that_was_changed_again_is_not_taken_back(client: nbtrack.MlflowClient) -> None:
    client.rename_registered_model("iris", "flowers")
    first = nbtrack.history("flowers")[-1]
    client.rename_registered_model("flowers", "plants")

    with pytest.raises(InvalidStateError, match="the name was changed again since"):
        nbtrack.undo("plants", first)

    assert [nbtrack.undo(name).name for name in ("plants", "flowers")] == ["flowers", "iris"]


def test_a_deleted_model_comes_back_with_all_that_it_had(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 2, "Production")
    nbtrack.promote("iris", 2, "champion")
    before = all_of_it()
    client.delete_registered_model("iris")
    assert nbtrack.history("iris")[-1].what == "registered_model.deleted"

    event = nbtrack.undo("iris")

    assert (str(event), all_of_it()) == (f"restored the registered model (undo of {event.undoes})", before)
    assert client.create_model_version("iris", "elsewhere://model").version == 4
    metrics = client.get_model_version("iris", 2).metrics
    assert metrics is not None
    assert {metric.key: metric.value for metric in metrics}["accuracy"] == 0.95


def test_another_model_of_the_name_of_a_deleted_one_is_left_alone(client: nbtrack.MlflowClient) -> None:
    client.delete_registered_model("iris")
    client.create_registered_model("iris")

    with pytest.raises(InvalidStateError, match="nothing but registrations"):
        nbtrack.undo("iris")

    assert len(nbtrack.history("iris")) == 1


def test_what_was_deleted_again_by_undo_comes_back_by_the_number_of_either(
    client: nbtrack.MlflowClient,
) -> None:
    before = all_of_it()
    deletions: list[Callable[[], None]] = [
        lambda: client.delete_model_version("iris", 2),
        lambda: client.delete_registered_model("iris"),
    ]
    for delete in deletions:
        delete()
        deleted = nbtrack.history("iris")[-1]
        again = nbtrack.undo("iris", nbtrack.undo("iris", deleted))

        nbtrack.undo("iris", deleted)

        assert all_of_it() == before
        with pytest.raises(InvalidStateError, match="was changed again since"):
            nbtrack.undo("iris", again)
        assert all_of_it() == before


def test_what_an_older_nbtrack_deleted_for_good_is_not_undone(client: nbtrack.MlflowClient) -> None:
    client.delete_model_version("iris", 2)
    store = nbtrack.tracking.fluent.default_tracker._store()  # pyright: ignore
    store.documents.table("registry_bin").truncate()  # it had none

    with pytest.raises(InvalidStateError, match="what it deleted is gone"):
        nbtrack.undo("iris")


@pytest.mark.parametrize("number", ["one", -1, 1.5, [1], "v1"])
def test_what_is_no_number_of_a_request_or_a_change_is_called_so(
    client: nbtrack.MlflowClient, number: Any
) -> None:
    with pytest.raises(InvalidValueError, match="number of a request"):
        nbtrack.approve("iris", number)
    with pytest.raises(InvalidValueError, match="number of a change"):
        nbtrack.undo("iris", number)


def test_who_has_set_a_rule_may_take_it_back_at_once(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    become("ada")
    nbtrack.require_approval("iris", "Production", approvers=["adda"])

    nbtrack.undo("iris", why="a slip")

    assert Tracker().approvals("iris") == {}


def test_a_deleted_version_comes_back_with_stage_and_aliases_but_takes_none_away(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.promote("iris", 2, "Production")
    for alias in ("champion", "best"):
        nbtrack.promote("iris", 2, alias)
    client.delete_model_version("iris", 2)
    deleted = nbtrack.history("iris")[-1]
    nbtrack.promote("iris", 3, "champion")

    nbtrack.undo("iris", deleted.number)

    assert (aliases(), stages()[2]) == ({"champion": 3, "best": 2}, "Production")


def test_a_deleted_version_comes_back_to_no_stage_that_another_has_taken_over(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 3, "Production", archive_existing_versions=False)
    client.delete_model_version("iris", 3)
    deleted = nbtrack.history("iris")[-1]

    shared = nbtrack.undo("iris", deleted)
    nbtrack.undo("iris", shared)
    again = nbtrack.history("iris")[-1]
    nbtrack.promote("iris", 2, "Production")
    nbtrack.undo("iris", again)

    assert shared.details["stage"] == "Production"  # it was there beside version 1 before
    assert stages() == {1: "Archived", 2: "Production", 3: "Archived"}
    held = nbtrack.version_at("iris", "Production", datetime.now(UTC))
    assert held is not None
    assert held.version == 2


def test_a_version_does_not_go_back_where_another_has_taken_over(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    left = nbtrack.promote("iris", 1, "Archived")
    nbtrack.promote("iris", 2, "Production")

    with pytest.raises(InvalidStateError, match="version 2 has taken Production over since"):
        nbtrack.undo("iris", left)

    nbtrack.undo("iris")
    nbtrack.undo("iris", left)
    assert stages()[1] == "Production"


def test_what_changed_nothing_stands_for_no_other_change_or_request(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    kept = nbtrack.promote("iris", 1, "Production")
    asked = nbtrack.request("iris", 2, "Production")
    before = nbtrack.history("iris")

    for nothing in (kept, asked, nbtrack.promotion_requests("iris")[0]):
        with pytest.raises(InvalidStateError, match="There is no change to undo"):
            nbtrack.undo("iris", nothing)
    for nothing in (kept, before[0]):
        with pytest.raises(InvalidStateError, match="There is no request to decide"):
            nbtrack.approve("iris", nothing)  # pyright: ignore[reportArgumentType]

    assert nbtrack.history("iris") == before
    assert nbtrack.approve("iris", before[-1])  # pyright: ignore[reportArgumentType]  # the event that asks


def test_what_was_changed_again_is_not_undone(client: nbtrack.MlflowClient) -> None:
    first = nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production")
    tagged = nbtrack.promote("iris", 1, "champion")
    nbtrack.promote("iris", 3, "champion")
    before = nbtrack.history("iris")

    with pytest.raises(InvalidStateError, match="version 1 was changed again since"):
        nbtrack.undo("iris", first)
    with pytest.raises(InvalidStateError, match="the alias 'champion' was changed again since"):
        nbtrack.undo("iris", tagged.event)
    with pytest.raises(NotFoundError, match="has no change '99'"):
        nbtrack.undo("iris", 99)
    with pytest.raises(InvalidStateError, match=r"not one to undo: .* registered version 1"):
        nbtrack.undo("iris", 2)

    assert nbtrack.history("iris") == before


def test_nothing_is_undone_twice(client: nbtrack.MlflowClient) -> None:
    promotion = nbtrack.promote("iris", 1, "Production")
    undone = nbtrack.undo("iris")

    with pytest.raises(InvalidStateError, match=f"was undone by change {undone.number} already"):
        nbtrack.undo("iris", promotion.event)


def test_a_change_whose_version_is_gone_waits_for_it(client: nbtrack.MlflowClient) -> None:
    promotion = nbtrack.promote("iris", 1, "Production")
    client.delete_model_version("iris", 1)

    with pytest.raises(InvalidStateError, match=r"version 1 was deleted since. Undo that first."):
        nbtrack.undo("iris", promotion.event)


# ---- history -------------------------------------------------------------------------------------


def test_the_history_tells_who_what_when_and_why_under_all_names(client: nbtrack.MlflowClient) -> None:
    began = datetime.now(UTC).timestamp() * 1000
    nbtrack.promote("iris", 1, "Production", why="first")
    client.rename_registered_model("iris", "flowers")

    history = nbtrack.history("flowers")

    assert [event.what for event in history] == [
        "registered_model.created",
        *["model_version.created"] * 3,
        "model_version.staged",
        "registered_model.renamed",
    ]
    assert [event.number for event in history] == sorted(event.number for event in history)
    assert {event.who for event in history} == {users.current_user()}
    assert history[-2].why == "first"
    assert abs(history[-1].timestamp - began) < 60_000
    with pytest.raises(NotFoundError):
        nbtrack.history("iris")


def test_the_history_of_a_stage_has_only_what_changed_its_holder(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 1, "champion")
    nbtrack.promote("iris", 2, "Production")
    nbtrack.promote("iris", 2, "Staging")

    of_stage = [event.version for event in nbtrack.history("iris", "Production")]
    of_alias = [event.version for event in nbtrack.history("iris", "champion")]

    assert (of_stage, of_alias) == ([1, 2, 2], [1])


def test_it_is_known_which_version_was_in_production_at_any_time(
    client: nbtrack.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {1: "2026-05-01", 2: "2026-05-03", 3: "2026-05-05"}
    for version, day in days.items():
        at = int(datetime.fromisoformat(day).timestamp() * 1000)
        monkeypatch.setattr("nbtrack.stores.local.registry_documents.this_moment", lambda at=at: at)
        monkeypatch.setattr("nbtrack.stores.local.registry.this_moment", lambda at=at: at)
        nbtrack.promote("iris", version, "Production")
    client.delete_model_version("iris", 1)

    def number(when: Any) -> int | None:
        found = nbtrack.version_at("iris", "Production", when)
        return None if found is None else found.version

    assert number("2026-04-30") is None
    assert number("2026-05-02") == 1  # deleted since, and still known
    assert number("2026-05-03 14:00") == 2
    assert number(date(2026, 5, 4)) == 2
    assert number(datetime(2026, 5, 4, 12)) == 2  # as people write it: local time
    assert number(datetime.now(UTC)) == 3
    assert number(int(datetime.now(UTC).timestamp() * 1000)) == 3


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("yesterday", "'yesterday' is no moment"),
        (1_763_758_000, "reads like seconds since 1970: give milliseconds, 1763758000000"),
        (True, "got True"),
        (None, "got None"),
        (float("nan"), "got nan"),
        pytest.param(10**400, "got 1000", id="a number of 401 digits"),
    ],
)
def test_what_is_no_moment_is_refused(client: nbtrack.MlflowClient, when: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        nbtrack.version_at("iris", "Production", when)


# ---- looks, other registries, switched off -------------------------------------------------------


def test_all_that_comes_back_draws_itself_and_shows_names_letter_by_letter(
    client: nbtrack.MlflowClient,
) -> None:
    client.create_registered_model("<b>x<i>")
    client.create_model_version("<b>x<i>", "elsewhere://model")
    promotion = nbtrack.promote("<b>x<i>", 1, "Production", why="<script>alert(1)<script>")
    nbtrack.request("<b>x<i>", 1, "champion", why="<i>")

    for shown in (
        promotion,
        nbtrack.history("<b>x<i>"),
        nbtrack.history("<b>x<i>")[-2],
        nbtrack.promotion_requests(),
        nbtrack.promotion_requests()[0],
    ):
        drawn = shown._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]
        assert "<b>" not in drawn["text/html"]
        assert "<script>" not in drawn["text/html"]
        assert "<i>" not in drawn["text/html"]
        assert drawn["text/plain"].strip()


def test_promotions_work_in_a_registry_of_its_own(tmp_path: Path) -> None:
    client = nbtrack.MlflowClient(tracking_uri=tmp_path / "runs", registry_uri=tmp_path / "models")
    for score in (0.1, 0.2):
        run = client.create_run("0")
        client.log_metric(run.info.run_id, "accuracy", score)
        client.set_terminated(run.info.run_id)
        if score == 0.1:
            client.create_registered_model("iris")
        client.create_model_version("iris", "elsewhere://model", run.info.run_id)

    client.promote("iris", 1, "Production")

    assert client.promote("iris", 2, "Production", if_better="accuracy")
    assert client.rollback("iris").version == 1
    assert client.undo("iris").version == 1
    assert client.version_at("iris", "Production", datetime.now(UTC)) == client.get_model_version("iris", 2)
    assert client.history("iris", "Production")
    client.close()


def test_a_tracker_that_is_switched_off_moves_nothing_and_fails_nowhere() -> None:
    tracker = Tracker(enabled=False)

    assert not tracker.promote("iris", 1, "Production")
    assert not tracker.request("iris", 1, "Production")
    assert not tracker.approve("iris")
    assert not tracker.reject("iris", 3)
    assert not tracker.rollback("iris")
    assert tracker.undo("iris").number == 0
    assert list(tracker.history("iris")) == []
    assert tracker.version_at("iris", "Production", "2026-05-03") is None
    assert list(tracker.promotion_requests("iris")) == []
    tracker.require_approval("iris", "Production")
    tracker.lift_approval("iris", "Production")
    assert not Path(".nbtrack").exists()


def test_looking_makes_no_store() -> None:
    assert list(nbtrack.promotion_requests()) == []
    for look in (
        lambda: nbtrack.history("iris"),
        lambda: nbtrack.promote("iris", 1, "Production"),
        lambda: nbtrack.undo("iris"),
    ):
        with pytest.raises(NotFoundError, match="There is no store"):
            look()

    assert not Path(".nbtrack").exists()


def test_a_registration_is_told_by_the_name_of_its_run(client: nbtrack.MlflowClient) -> None:
    with nbtrack.start_run(run_name="a try") as run:
        nbtrack.log_text("x", "model/x.txt")
    client.create_model_version("iris", f"runs:/{run.info.run_id}/model", run.info.run_id)

    assert what_happened()[-1] == "registered version 4 of run 'a try'"


# ---- what is guarded is not gone around ----------------------------------------------------------


def guarded(become: Callable[[str], None], client: nbtrack.MlflowClient) -> None:
    """Version 1 is in Production and champion; only bob approves there, and ada goes on."""
    become("bob")
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 1, "champion")
    nbtrack.require_approval("iris", "Production", approvers=["bob"])
    nbtrack.require_approval("iris", "champion", approvers=["bob"])
    become("ada")


def test_only_approvers_take_away_what_is_in_a_guarded_place(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    guarded(become, client)
    before = all_of_it()

    for change in (
        lambda: client.transition_model_version_stage("iris", 1, "Archived"),
        lambda: nbtrack.promote("iris", 1, "Staging"),
        lambda: client.delete_registered_model_alias("iris", "champion"),
        lambda: client.delete_model_version("iris", 1),
        lambda: client.delete_registered_model("iris"),
        lambda: client.rename_registered_model("iris", "flowers"),
    ):
        with pytest.raises(ApprovalError, match=r"ada may not .* demands approval.*: that is up to bob"):
            change()

    assert all_of_it() == before
    client.delete_model_version("iris", 2)  # it has no guarded place
    become("bob")
    client.delete_model_version("iris", 1)


@pytest.mark.parametrize("way", ["deleted", "renamed"])
def test_a_rule_of_approval_stays_with_the_name(client: nbtrack.MlflowClient, way: str) -> None:
    nbtrack.require_approval("iris", "Production", four_eyes=True)
    if way == "deleted":
        client.delete_registered_model("iris")
    else:
        client.rename_registered_model("iris", "flowers")
    client.create_registered_model("iris")
    client.create_model_version("iris", "elsewhere://model")

    assert nbtrack.promote("iris", 1, "Production").status == "requested"
    with pytest.raises(ApprovalError):
        client.transition_model_version_stage("iris", 1, "Production")

    assert what_happened()[0] == (
        "made the registered model, with the rules of approval of who had the name before: Production"
    )


def test_a_rule_that_was_lifted_before_the_name_was_left_is_not_there_again(
    client: nbtrack.MlflowClient,
) -> None:
    nbtrack.require_approval("iris", "Production")
    client.rename_registered_model("iris", "flowers")
    nbtrack.lift_approval("flowers", "Production")
    client.create_registered_model("iris")
    client.create_model_version("iris", "elsewhere://model")

    assert nbtrack.promote("iris", 1, "Production")


def test_what_was_undone_is_not_done_again_without_approval(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    become("ada")
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 1, "champion")
    undone = [nbtrack.undo("iris"), nbtrack.undo("iris")]
    for to in ("Production", "champion"):
        nbtrack.require_approval("iris", to, approvers=["bob"])

    for event in undone:
        with pytest.raises(ApprovalError, match="demands approval by bob"):
            nbtrack.undo("iris", event)

    assert (stages()[1], aliases()) == ("None", {})


def test_those_beside_a_version_are_not_archived_without_approval(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")
    nbtrack.promote("iris", 2, "Production", archive_existing_versions=False)
    nbtrack.require_approval("iris", "Production")

    with pytest.raises(ApprovalError):
        client.transition_model_version_stage("iris", 2, "Production", True)

    assert stages()[1] == "Production"


def test_only_who_asked_or_may_approve_rejects(
    client: nbtrack.MlflowClient, become: Callable[[str], None]
) -> None:
    nbtrack.require_approval("iris", "Production", approvers=["bob"])
    become("ada")
    asked = nbtrack.promote("iris", 1, "Production")
    become("eve")

    with pytest.raises(ApprovalError, match="eve may not reject request 1"):
        nbtrack.reject("iris")
    with pytest.raises(ApprovalError, match="eve may not withdraw request 1"):
        nbtrack.undo("iris")
    become("ada")
    nbtrack.reject("iris", asked.request)
    nbtrack.promote("iris", 1, "Production")
    become("bob")

    assert nbtrack.reject("iris").status == "rejected"


def test_other_conditions_are_not_taken_for_the_request_that_waits(client: nbtrack.MlflowClient) -> None:
    nbtrack.request("iris", 2, "Production")

    with pytest.raises(InvalidStateError, match="Request 1 asks for that under other conditions"):
        nbtrack.request("iris", 2, "Production", if_better="accuracy")


# ---- what people are told ------------------------------------------------------------------------


def test_a_deleted_model_is_remembered_by_who_asks_for_it(client: nbtrack.MlflowClient) -> None:
    client.delete_registered_model("iris")

    with pytest.raises(NotFoundError, match=r"deleted it on .*: nbtrack.undo\('iris'\) brings it back."):
        client.get_registered_model("iris")
    client.create_registered_model("iris")
    with pytest.raises(InvalidStateError, match=r"Another one of that name was deleted .*rename this one"):
        nbtrack.undo("iris")


def test_a_promotion_says_what_it_leaves_empty(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "Production")

    said = str(nbtrack.promote("iris", 1, "Staging"))

    assert said == "Promoted version 1 of 'iris' to Staging. Production is empty now."
    assert str(nbtrack.promote("iris", 2, "None").reason).endswith("has None already.")
    assert str(nbtrack.promote("iris", 2, "Archived")) == "Moved version 2 of 'iris' to Archived."


@pytest.mark.parametrize("number", ["x", True, 1.5, -1, "1" * 30, 10**30, object()])
def test_what_is_no_number_of_a_change_or_request_is_said_to_be_none(
    client: nbtrack.MlflowClient, number: Any
) -> None:
    with pytest.raises(InvalidValueError, match="number of a change"):
        nbtrack.undo("iris", number)
    with pytest.raises(InvalidValueError, match="number of a request"):
        nbtrack.approve("iris", number)


def test_an_alias_that_never_was_has_no_history(client: nbtrack.MlflowClient) -> None:
    nbtrack.promote("iris", 1, "champion")
    client.delete_registered_model_alias("iris", "champion")

    assert [event.version for event in nbtrack.history("iris", "champion")] == [1, None]
    with pytest.raises(NotFoundError, match=r"has no alias 'nope'. It has, or had, champion."):
        nbtrack.history("iris", "nope")
    with pytest.raises(NotFoundError, match="has no alias 'nope'"):
        nbtrack.version_at("iris", "@nope", "2026-05-03")


def test_a_part_of_the_history_is_a_history_and_prints_as_a_table(client: nbtrack.MlflowClient) -> None:
    history = nbtrack.history("iris")

    part = history[-2:]

    assert isinstance(part, RegistryHistory)
    assert [event.number for event in part] == [3, 4]
    assert str(part).splitlines()[0].split() == ["change", "when", "who", "what"]
    assert repr(history[0]).startswith("<RegistryEvent 1 20")
    assert repr(history[0]).endswith(": made the registered model>")
