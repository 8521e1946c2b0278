"""What every store must do with registered models and their versions."""

import json
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest

from nbtrack.core.entities import Metric
from nbtrack.core.errors import (
    AlreadyExistsError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    UnknownAliasError,
)
from nbtrack.core.registry import ModelVersion, RegisteredModel, VersionFacts
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.contracts import Registry, Store

SOURCE = "runs:/abc/model"


@pytest.fixture
def registry(store: Store) -> Registry:
    return store.registry


def with_versions(registry: Registry, name: str = "iris", count: int = 3) -> Registry:
    for _ in range(count):
        registry.create_version(name, SOURCE, make_model=True)
    return registry


def standing(model: RegisteredModel) -> list[tuple[int, str]]:
    return [(version.version, version.current_stage) for version in model.latest_versions]


def numbers(registry: Registry, **where: Any) -> list[int]:
    return [version.version for version in registry.search_versions(**where)]


# ---- registered models ---------------------------------------------------------------------------


def test_a_registered_model_keeps_its_name_tags_description_and_times(registry: Registry) -> None:
    made = registry.create_model("iris", tags={"team": "bio", "size": 3}, description="Three kinds.")

    assert registry.get_model("iris") == made
    assert (made.name, made.tags, made.description) == ("iris", {"team": "bio", "size": "3"}, "Three kinds.")
    assert abs(made.creation_timestamp - time() * 1000) < 60_000
    assert made.last_updated_timestamp == made.creation_timestamp
    assert (made.latest_versions, made.aliases) == ([], {})


@pytest.mark.parametrize("name", ["my model", "Ünïcode 模型", "a@b", "x" * 500, " padded ", "100%", "a.b"])
def test_any_text_without_slash_and_colon_is_a_name(registry: Registry, name: str) -> None:
    registry.create_version(name, SOURCE, make_model=True)

    assert registry.get_version(name, 1).name == name


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", ".", "..", "x" * 501, "a\0b", None, 3])
def test_what_cannot_be_a_name_is_refused(registry: Registry, name: Any) -> None:
    with pytest.raises(InvalidValueError):
        registry.create_model(name)
    with pytest.raises(InvalidValueError):
        registry.create_version(name, SOURCE, make_model=True)

    assert list(registry.search_models()) == []


def test_a_name_is_taken_once(registry: Registry) -> None:
    registry.create_model("iris")

    with pytest.raises(AlreadyExistsError, match="'iris' exists already"):
        registry.create_model("iris")


def test_an_unknown_name_is_answered_with_the_nearest(registry: Registry) -> None:
    registry.create_model("iris")

    with pytest.raises(NotFoundError, match=r"No registered model 'irsi'. Did you mean 'iris'?"):
        registry.get_model("irsi")

    assert registry.find_model("irsi") is None


def test_a_renamed_model_takes_versions_tags_and_aliases_along(registry: Registry) -> None:
    with_versions(registry).set_alias("iris", "champion", 2)
    registry.set_model_tags("iris", {"team": "bio"})
    registry.set_stage("iris", 1, "Production")

    renamed = registry.rename_model("iris", "flowers")

    assert (renamed.name, renamed.tags, renamed.aliases) == ("flowers", {"team": "bio"}, {"champion": 2})
    assert standing(renamed) == [(1, "Production"), (3, "None")]
    assert registry.get_version_by_alias("flowers", "champion").version == 2
    assert registry.find_model("iris") is None
    assert registry.create_version("flowers", SOURCE).version == 4


def test_a_model_is_not_renamed_to_a_name_that_is_taken(registry: Registry) -> None:
    with_versions(registry)
    registry.create_model("flowers")

    with pytest.raises(AlreadyExistsError, match="'flowers'"):
        registry.rename_model("iris", "flowers")

    assert registry.get_version("iris", 1).name == "iris"


def test_descriptions_are_written_and_taken_away(registry: Registry) -> None:
    with_versions(registry)

    assert registry.describe_model("iris", "kinds").description == "kinds"
    assert registry.describe_version("iris", 2, "deeper").description == "deeper"
    assert registry.describe_model("iris", None).description is None

    assert registry.get_version("iris", 2).description == "deeper"
    assert registry.get_version("iris", 1).description is None


def test_a_deleted_model_is_gone_with_its_versions_and_begins_at_one_again(registry: Registry) -> None:
    with_versions(registry).set_stage("iris", 3, "Production")

    registry.delete_model("iris")

    assert registry.find_model("iris") is None
    assert list(registry.search_versions()) == []
    assert registry.create_version("iris", SOURCE, make_model=True).version == 1


# ---- versions ------------------------------------------------------------------------------------


def test_a_version_keeps_what_it_was_made_of(registry: Registry) -> None:
    registry.create_model("iris")

    made = registry.create_version(
        "iris",
        "models:/m-1",
        location=SOURCE,
        run_id="abc",
        tags={"f1": 0.9},
        run_link="https://elsewhere/abc",
        description="first",
        model_id="m-1",
    )

    assert registry.get_version("iris", 1) == made
    assert registry.location_of("iris", 1) == SOURCE
    assert made == ModelVersion(
        name="iris",
        version=1,
        creation_timestamp=made.creation_timestamp,
        last_updated_timestamp=made.creation_timestamp,
        description="first",
        user_id=made.user_id,
        current_stage="None",
        source="models:/m-1",
        run_id="abc",
        status="READY",
        tags={"f1": "0.9"},
        run_link="https://elsewhere/abc",
        aliases=[],
        model_id="m-1",
    )


def test_a_version_of_no_model_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="No registered model 'iris'"):
        registry.create_version("iris", SOURCE)


def test_a_number_is_never_used_again_also_that_of_the_highest(registry: Registry) -> None:
    with_versions(registry)
    registry.delete_version("iris", 3)
    registry.delete_version("iris", 1)

    made = registry.create_version("iris", SOURCE)

    assert made.version == 4
    assert sorted(numbers(registry)) == [2, 4]


def test_a_version_is_asked_for_as_number_or_text(registry: Registry) -> None:
    import numpy as np

    with_versions(registry)

    assert [registry.get_version("iris", given).version for given in (2, "2", " 2 ", np.int64(2))] == [2] * 4


@pytest.mark.parametrize(
    "version", ["", "two", "-1", "1.0", "1_0", "٣", -1, 1.5, None, True, 2**70, "9" * 30]
)
def test_what_cannot_be_a_version_is_refused(registry: Registry, version: Any) -> None:
    with_versions(registry)

    with pytest.raises(InvalidValueError):
        registry.get_version("iris", version)


def test_an_unknown_version_is_answered_with_those_there_are(registry: Registry) -> None:
    with_versions(registry).delete_version("iris", 2)
    registry.create_model("empty")

    with pytest.raises(NotFoundError, match=r"'iris' has no version '7'. It has 3, 1."):
        registry.get_version("iris", 7)
    with pytest.raises(NotFoundError, match=r"It was deleted. It has 3, 1."):
        registry.get_version("iris", 2)
    with pytest.raises(NotFoundError, match=r"It has none yet."):
        registry.get_version("empty", 1)


def test_a_deleted_version_takes_its_aliases_along(registry: Registry) -> None:
    with_versions(registry)
    registry.set_alias("iris", "champion", 2)
    registry.set_alias("iris", "challenger", 3)
    registry.set_stage("iris", 2, "Production")

    registry.delete_version("iris", 2)

    assert registry.get_model("iris").aliases == {"challenger": 3}
    assert standing(registry.get_model("iris")) == [(3, "None")]
    with pytest.raises(UnknownAliasError, match="no alias 'champion'"):
        registry.get_version_by_alias("iris", "champion")


# ---- aliases -------------------------------------------------------------------------------------


def test_an_alias_names_one_version_and_moves(registry: Registry) -> None:
    with_versions(registry)
    registry.set_alias("iris", "champion", 1)
    registry.set_alias("iris", "best_f1-2", "1")

    registry.set_alias("iris", "champion", 3)

    assert registry.get_model("iris").aliases == {"champion": 3, "best_f1-2": 1}
    assert registry.get_version_by_alias("iris", "champion").version == 3
    assert registry.get_version("iris", 1).aliases == ["best_f1-2"]
    assert {each.version: each.aliases for each in registry.search_versions()} == {
        3: ["champion"],
        2: [],
        1: ["best_f1-2"],
    }


@pytest.mark.parametrize(
    "alias", ["", "a b", "a.b", "a@b", "latest", "Latest", "v1", "V22", "a" * 256, "a\n", None, 1]
)
def test_what_cannot_be_an_alias_is_refused(registry: Registry, alias: Any) -> None:
    with_versions(registry)

    with pytest.raises(InvalidValueError):
        registry.set_alias("iris", alias, 1)

    assert registry.get_model("iris").aliases == {}


@pytest.mark.parametrize("alias", ["Production", "version1", "v1a", "1", "ä", "a" * 255])
def test_an_alias_is_any_other_word(registry: Registry, alias: str) -> None:
    with_versions(registry).set_alias("iris", alias, 1)

    assert registry.get_version_by_alias("iris", alias).version == 1


def test_an_alias_needs_a_version_that_exists(registry: Registry) -> None:
    with_versions(registry)

    with pytest.raises(NotFoundError, match="no version '9'"):
        registry.set_alias("iris", "champion", 9)


def test_an_alias_is_taken_away_and_one_that_is_not_there_is_no_error(registry: Registry) -> None:
    with_versions(registry).set_alias("iris", "champion", 1)

    registry.delete_alias("iris", "champion")
    registry.delete_alias("iris", "champion")

    assert registry.get_model("iris").aliases == {}


def test_an_unknown_alias_is_answered_with_those_there_are_under_mlflows_code(registry: Registry) -> None:
    with_versions(registry).set_alias("iris", "champion", 1)

    with pytest.raises(UnknownAliasError) as caught:
        registry.get_version_by_alias("iris", "champoin")

    assert "Did you mean 'champion'?" in str(caught.value)
    assert (caught.value.error_code, caught.value.get_http_status_code()) == ("INVALID_PARAMETER_VALUE", 400)
    assert isinstance(caught.value, NotFoundError)


def test_latest_is_the_highest_version_in_any_stage(registry: Registry) -> None:
    with_versions(registry).set_stage("iris", 3, "Archived")

    assert registry.get_version_by_alias("iris", "latest").version == 3
    registry.delete_version("iris", 3)
    assert registry.get_version_by_alias("iris", "LATEST").version == 2


# ---- stages --------------------------------------------------------------------------------------


def test_a_stage_is_said_in_any_case_and_kept_in_its_own(registry: Registry) -> None:
    with_versions(registry)

    moved: list[str] = []
    for stage in ("production", "STAGING", " archived", "none"):
        registry.set_stage("iris", 1, stage)
        moved.append(registry.get_version("iris", 1).current_stage)

    assert moved == ["Production", "Staging", "Archived", "None"]


@pytest.mark.parametrize("stage", ["", "prod", "Deleted_Internal", None, 3])
def test_what_is_no_stage_is_refused_with_those_there_are(registry: Registry, stage: Any) -> None:
    with_versions(registry)

    with pytest.raises(InvalidValueError, match="None, Staging, Production, Archived"):
        registry.set_stage("iris", 1, stage)
    with pytest.raises(InvalidValueError):
        registry.latest_versions("iris", [stage])

    assert registry.get_version("iris", 1).current_stage == "None"


def test_several_versions_share_a_stage_unless_the_others_are_archived(registry: Registry) -> None:
    with_versions(registry, count=4)
    for number in (1, 2, 4):
        registry.set_stage("iris", number, "Production")

    assert numbers(registry, condition=Query().current_stage == "Production") == [4, 2, 1]
    registry.set_stage("iris", 3, "Production", archive_others=True)

    assert [registry.get_version("iris", number).current_stage for number in (1, 2, 3, 4)] == [
        "Archived",
        "Archived",
        "Production",
        "Archived",
    ]
    assert standing(registry.get_model("iris")) == [(3, "Production"), (4, "Archived")]


def test_the_latest_versions_are_the_highest_of_each_stage(registry: Registry) -> None:
    with_versions(registry, count=6)
    for number, stage in ((1, "Production"), (3, "Production"), (2, "Staging"), (5, "Archived")):
        registry.set_stage("iris", number, stage)
    registry.set_alias("iris", "champion", 3)

    def found(stages: list[str] | None = None) -> list[tuple[int, str]]:
        return [(each.version, each.current_stage) for each in registry.latest_versions("iris", stages)]

    assert found() == [(2, "Staging"), (3, "Production"), (5, "Archived"), (6, "None")]
    assert found([]) == found()
    assert found(["production", "None"]) == [(3, "Production"), (6, "None")]
    assert registry.latest_versions("iris", ["Production"])[0].aliases == ["champion"]
    assert all(version.aliases == [] for version in registry.get_model("iris").latest_versions)


def test_the_latest_versions_follow_each_move_and_deletion(registry: Registry) -> None:
    with_versions(registry, count=3)
    registry.set_stage("iris", 1, "Production")
    registry.set_stage("iris", 3, "Production")

    registry.delete_version("iris", 3)
    assert standing(registry.get_model("iris")) == [(1, "Production"), (2, "None")]
    registry.set_stage("iris", 1, "Staging")
    assert standing(registry.get_model("iris")) == [(1, "Staging"), (2, "None")]
    registry.set_stage("iris", 1, "None")
    assert standing(registry.get_model("iris")) == [(2, "None")]


# ---- tags ----------------------------------------------------------------------------------------


def test_tags_are_written_overwritten_and_taken_off(registry: Registry) -> None:
    with_versions(registry)
    for name, set_tags, get, delete in _both(registry):
        set_tags({"a": 1, "b.c/d e": "x"})
        set_tags({"a": "2"})
        assert get() == {"a": "2", "b.c/d e": "x"}, name
        delete("a")
        delete("a")
        assert get() == {"b.c/d e": "x"}, name


@pytest.mark.parametrize(("key", "value"), [("", "x"), (3, "x"), ("k" * 251, "x"), ("k", "x" * 100_001)])
def test_what_cannot_be_a_tag_is_refused(registry: Registry, key: Any, value: str) -> None:
    with_versions(registry)
    for _, set_tags, get, _ in _both(registry):
        with pytest.raises(InvalidValueError):
            set_tags({"fine": "1", key: value})
        assert get() == {}


def _both(
    registry: Registry,
) -> list[tuple[str, Callable[[Any], None], Callable[[], Any], Callable[[str], None]]]:
    return [
        (
            "model",
            lambda tags: registry.set_model_tags("iris", tags),
            lambda: registry.get_model("iris").tags,
            lambda key: registry.delete_model_tag("iris", key),
        ),
        (
            "version",
            lambda tags: registry.set_version_tags("iris", 2, tags),
            lambda: registry.get_version("iris", 2).tags,
            lambda key: registry.delete_version_tag("iris", 2, key),
        ),
    ]


# ---- times ---------------------------------------------------------------------------------------


def test_the_times_move_as_in_mlflow(store: Store) -> None:
    registry = store.registry
    with_versions(registry)

    def moved(change: Callable[[], object]) -> tuple[bool, bool]:
        """Whether a change moves the time of the model, and of version 2."""
        for table in ("registered_models", "model_versions"):
            store.documents.table(table).update({"last_updated_timestamp": 1})
        change()
        model, version = registry.get_model("iris"), registry.get_version("iris", 2)
        return model.last_updated_timestamp != 1, version.last_updated_timestamp != 1

    assert moved(lambda: registry.set_model_tags("iris", {"a": 1})) == (False, False)
    assert moved(lambda: registry.set_version_tags("iris", 2, {"a": 1})) == (False, False)
    assert moved(lambda: registry.set_alias("iris", "champion", 2)) == (False, False)
    assert moved(lambda: registry.delete_alias("iris", "champion")) == (False, False)
    assert moved(lambda: registry.describe_version("iris", 2, "x")) == (False, True)
    assert moved(lambda: registry.describe_model("iris", "x")) == (True, False)
    assert moved(lambda: registry.create_version("iris", SOURCE)) == (True, False)
    assert moved(lambda: registry.set_stage("iris", 2, "Production")) == (True, True)
    assert moved(lambda: registry.set_stage("iris", 1, "Production", archive_others=True)) == (True, True)
    assert moved(lambda: registry.delete_version("iris", 4)) == (True, False)
    assert moved(lambda: registry.rename_model("iris", "iris")) == (True, True)


# ---- searching -----------------------------------------------------------------------------------


def test_models_come_by_name_and_in_pages(registry: Registry) -> None:
    for name in ("b", "c", "a", "e", "d"):
        with_versions(registry, name, 1)

    pages: list[list[str]] = []
    token = None
    while True:
        page = registry.search_models(limit=2, after=token)
        pages.append([model.name for model in page])
        if (token := page.token) is None:
            break

    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert standing(registry.search_models()[0]) == [(1, "None")]


def test_versions_come_latest_first_and_pages_hold_when_others_come(store: Store) -> None:
    registry = with_versions(store.registry, count=5)
    order = [Order(("version",))]

    first = registry.search_versions(None, order, limit=2)
    registry.delete_version("iris", 1)
    registry.create_version("iris", SOURCE)
    rest = registry.search_versions(None, order, after=first.token)

    assert [version.version for version in [*first, *rest]] == [1, 2, 3, 4, 5, 6]
    assert rest.token is None
    store.documents.table("model_versions").update({"last_updated_timestamp": 1})
    registry.describe_version("iris", 4, "the latest now")
    assert registry.search_versions(limit=1)[0].version == 4


def test_a_condition_chooses(registry: Registry) -> None:
    with_versions(registry)
    with_versions(registry, "wine", 2)
    registry.set_version_tags("wine", 1, {"team": "nlp"})

    of_wine = registry.search_versions(Query().name == "wine")
    tagged = registry.search_versions(Query().tags.team == "nlp")

    assert [(each.name, each.version) for each in of_wine] == [("wine", 2), ("wine", 1)]
    assert [(each.name, each.version) for each in tagged] == [("wine", 1)]


def test_a_token_of_another_order_is_refused(registry: Registry) -> None:
    with_versions(registry)
    token = registry.search_versions(limit=1).token

    with pytest.raises(InvalidValueError, match="another order"):
        registry.search_versions(None, [Order(("version",))], after=token)


# ---- events --------------------------------------------------------------------------------------


def test_every_change_is_an_event_with_who_what_why_and_from_what(store: Store) -> None:
    registry = store.registry
    registry.create_model("iris", tags={"team": "bio"}, description="kinds", why="new project")
    registry.create_version("iris", SOURCE, run_id="abc")
    registry.create_version("iris", SOURCE, run_id="abc")
    registry.set_stage("iris", 1, "Production")
    registry.set_stage("iris", 2, "Production", archive_others=True, why="better f1")
    registry.set_alias("iris", "champion", 1)
    registry.set_alias("iris", "champion", 2)
    registry.delete_alias("iris", "champion")
    registry.set_model_tags("iris", {"team": "ml"})
    registry.delete_version_tag("iris", 1, "nothing")
    registry.describe_version("iris", 2, "good")
    registry.rename_model("iris", "flowers")
    registry.delete_version("flowers", 1, why="leaked")

    events: list[Any] = store.documents.table("registry_events").all()

    def told(event: dict[str, Any]) -> dict[str, Any]:
        who_and_when = ("time", "who", "registered_model_id", "user_id")
        return {key: value for key, value in event.items() if key not in who_and_when}

    assert all(event["who"] and event["time"] > 1_600_000_000_000 for event in events)
    assert len({event["registered_model_id"] for event in events}) == 1
    assert [told(event) for event in events[:-1]] == [
        {
            "what": "registered_model.created",
            "name": "iris",
            "tags": {"team": "bio"},
            "description": "kinds",
            "why": "new project",
        },
        *(
            {
                "what": "model_version.created",
                "name": "iris",
                "version": version,
                "source": SOURCE,
                "location": SOURCE,
                "run_id": "abc",
            }
            for version in (1, 2)
        ),
        {
            "what": "model_version.staged",
            "name": "iris",
            "version": 1,
            "stage": "Production",
            "before": "None",
        },
        {
            "what": "model_version.staged",
            "name": "iris",
            "version": 2,
            "stage": "Production",
            "before": "None",
            "archived": [1],
            "why": "better f1",
        },
        {
            "what": "registered_model.aliased",
            "name": "iris",
            "alias": "champion",
            "version": 1,
            "before": None,
        },
        {"what": "registered_model.aliased", "name": "iris", "alias": "champion", "version": 2, "before": 1},
        {
            "what": "registered_model.aliased",
            "name": "iris",
            "alias": "champion",
            "version": None,
            "before": 2,
        },
        {
            "what": "registered_model.tagged",
            "name": "iris",
            "tags": {"team": "ml"},
            "before": {"team": "bio"},
        },
        {
            "what": "model_version.described",
            "name": "iris",
            "version": 2,
            "description": "good",
            "before": None,
        },
        {"what": "registered_model.renamed", "name": "flowers", "before": "iris"},
    ]
    assert (events[-1]["what"], events[-1]["why"]) == ("model_version.deleted", "leaked")
    assert events[-1]["before"]["current_stage"] == "Archived"
    assert events[-1]["before"]["source"] == SOURCE


def test_the_event_log_tells_the_same_in_the_same_order(store: Store) -> None:
    with_versions(store.registry).set_alias("iris", "champion", 2)
    store.registry.delete_model("iris")

    lines = [json.loads(line) for line in (Path(store.uri) / "events.log").read_text().splitlines()]
    kept = store.documents.table("registry_events").all()

    of_registry = [line for line in lines if line["what"].startswith(("registered_model.", "model_version."))]
    assert [line.pop("number") for line in of_registry] == [event.doc_id for event in kept]
    assert of_registry == [dict(event) for event in kept]
    assert of_registry[-1]["what"] == "registered_model.deleted"


def test_a_change_that_is_refused_leaves_no_event(registry: Registry) -> None:
    with_versions(registry, count=1)
    before = registry.history("iris")

    for change in (
        lambda: registry.set_alias("iris", "champion", 9),
        lambda: registry.set_stage("iris", 9, "Production", archive_others=True),
        lambda: registry.rename_model("iris", "a/b"),
        lambda: registry.set_version_tags("iris", 1, {"": 1}),
    ):
        with pytest.raises((NotFoundError, InvalidValueError, InvalidTypeError)):
            change()

    assert registry.history("iris") == before


# ---- what versions keep of their models ----------------------------------------------------------

FACTS = VersionFacts(
    params={"C": "0.1"},
    metrics=[
        Metric("accuracy", 0.9, 1700000000000, 3, "m-1", "iris", "abc", "r1"),
        Metric("loss", float("nan"), 1700000000001, 4, run_id="r1"),
    ],
    signature={"inputs": '[{"type": "double", "required": true}]', "outputs": None, "params": None},
    model_size_bytes=812,
    flavors=["python_function", "sklearn"],
    requirements=["scikit-learn==1.8.0"],
    run_name="first try",
)


def facts_of(version: ModelVersion) -> VersionFacts:
    return VersionFacts(**{name: getattr(version, name) for name, _ in VersionFacts()})


def test_a_version_keeps_what_it_was_given_to_keep(registry: Registry) -> None:
    made = registry.create_version("iris", SOURCE, facts=FACTS, make_model=True)

    (found,) = registry.search_versions()
    assert repr(made) == repr(registry.get_version("iris", 1)) == repr(found)
    for version in (
        made,
        registry.get_version("iris", 1),
        found,
        registry.get_model("iris").latest_versions[0],
    ):
        assert str(facts_of(version)) == str(FACTS)  # as text, in which NaN is NaN


def test_a_version_that_was_given_nothing_knows_nothing(registry: Registry) -> None:
    registry.create_version("iris", SOURCE, facts=FACTS, make_model=True)
    registry.create_version("iris", SOURCE)
    registry.create_version("iris", SOURCE, facts=VersionFacts(params={}, metrics=[]))

    kept = [facts_of(registry.get_version("iris", number)) for number in (2, 3)]

    assert kept == [VersionFacts(), VersionFacts(params={}, metrics=[])]


def test_no_change_of_a_version_changes_what_it_keeps(registry: Registry) -> None:
    registry.create_version("iris", SOURCE, facts=FACTS, make_model=True)
    registry.create_version("iris", SOURCE)

    registry.set_stage("iris", 1, "Production")
    registry.set_stage("iris", 2, "Production", archive_others=True)
    registry.set_alias("iris", "champion", 1)
    registry.describe_version("iris", 1, "Good.")
    registry.set_version_tags("iris", 1, {"a": "b"})
    registry.rename_model("iris", "flowers")

    assert str(facts_of(registry.get_version_by_alias("flowers", "champion"))) == str(FACTS)


def test_the_event_log_has_what_a_version_keeps_and_the_history_stays_short(
    store: Store, registry: Registry
) -> None:
    registry.create_version("iris", SOURCE, facts=FACTS, make_model=True)

    logged = [event for event in store.events.read() if event["what"] == "model_version.created"]

    assert logged[0]["facts"]["requirements"] == ["scikit-learn==1.8.0"]
    assert logged[0]["facts"]["metrics"][0]["dataset_name"] == "iris"
    assert all("facts" not in event.details for event in registry.history("iris"))


def test_versions_of_before_versions_kept_anything_are_read(store: Store, registry: Registry) -> None:
    registry.create_version("iris", SOURCE, make_model=True)
    versions = store.documents.table("model_versions")
    old = {
        key: value for key, value in versions.all()[0].items() if key not in ("facts", "metrics", "params")
    }
    versions.truncate()
    versions.insert(old)

    assert facts_of(registry.get_version("iris", 1)) == VersionFacts()
    assert [facts_of(version) for version in registry.search_versions()] == [VersionFacts()]
