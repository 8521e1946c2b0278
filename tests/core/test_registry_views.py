"""How registered models and versions look, and that nothing in them reaches the page as more than text."""

from dataclasses import replace
from typing import Any

import pytest

from nbtrack.core.errors import InvalidValueError
from nbtrack.core.registry import (
    ModelVersion,
    ModelVersionList,
    ModelVersionStages,
    ModelVersionStatus,
    RegisteredModel,
    RegisteredModelList,
)

BAD = "<script>alert(1)</script>\x1b[31m$x$\n"
VERSION = ModelVersion(
    "iris",
    3,
    1_700_000_000_000,
    1_700_000_000_000,
    "Less regularization.",
    "ada",
    "Production",
    "runs:/abc/model",
    "abc",
    tags={"team": "bio"},
    aliases=["champion"],
    model_id="m-1",
)
MODEL = RegisteredModel(
    "iris",
    1_700_000_000_000,
    1_700_000_000_000,
    "Three kinds.",
    [VERSION, replace(VERSION, version=4, current_stage="None")],
    {"team": "bio"},
    {"champion": 3, "old": 1},
)
ALL: list[Any] = [VERSION, MODEL, ModelVersionList([VERSION]), RegisteredModelList([MODEL])]


def shown(thing: Any) -> tuple[str, str]:
    bundle = thing._repr_mimebundle_()
    return bundle["text/html"], bundle["text/plain"]


@pytest.mark.parametrize("thing", ALL, ids=lambda thing: type(thing).__name__)
def test_html_and_text_say_the_same(thing: Any) -> None:
    html, text = shown(thing)

    for word in (
        "iris",
        "Production",
        "champion",
        "Less regularization." if "Version" in type(thing).__name__ else "3",
    ):
        assert word in html
        assert word in text


@pytest.mark.parametrize("thing", ALL, ids=lambda thing: type(thing).__name__)
def test_what_people_wrote_is_text_and_nothing_else(thing: Any) -> None:
    bad_version = replace(
        VERSION,
        name=BAD,
        description=BAD,
        user_id=BAD,
        source=BAD,
        run_id=BAD,
        tags={BAD: BAD},
        aliases=[BAD],
        current_stage=BAD,
        model_id=BAD,
        run_link=BAD,
    )
    bad_model = replace(
        MODEL,
        name=BAD,
        description=BAD,
        tags={BAD: BAD},
        aliases={BAD: 3},
        latest_versions=[bad_version],
    )
    bad = {
        ModelVersion: bad_version,
        RegisteredModel: bad_model,
        ModelVersionList: ModelVersionList([bad_version]),
        RegisteredModelList: RegisteredModelList([bad_model]),
    }[type(thing)]

    html, text = shown(bad)

    assert "<script" not in html
    assert "\x1b" not in html + text
    assert "$" not in html.replace("&#36;", "")
    assert len(text.splitlines()) <= 25


def test_a_card_says_how_to_load_the_version() -> None:
    assert "models:/iris/3" in shown(VERSION)[1]
    assert "registered" in shown(VERSION)[1]
    assert "by ada" in shown(VERSION)[1]


def test_a_model_shows_what_its_versions_are_in_use_as() -> None:
    rows = [line.split() for line in shown(MODEL)[1].splitlines()]

    assert ["Production", "3", "abc"] in rows
    assert ["@champion", "3", "abc"] in rows
    assert ["@old", "1"] in rows
    assert "highest version 4" in shown(MODEL)[1]


def test_nothing_found_is_said_in_words() -> None:
    assert shown(ModelVersionList())[1] == "No model versions."
    assert shown(RegisteredModelList())[1] == "No registered models."
    assert "no versions yet" in shown(RegisteredModel("iris", 1))[1]


def test_a_long_list_says_how_much_of_it_is_shown() -> None:
    html, text = shown(ModelVersionList([VERSION] * 60))

    assert "50 of 60 model versions" in html
    assert "50 of 60 model versions" in text


def test_records_are_walked_over_and_turned_into_plain_values() -> None:
    assert dict(VERSION)["current_stage"] == "Production"
    assert VERSION.to_dictionary()["aliases"] == ["champion"]
    assert MODEL.to_dictionary()["latest_versions"][0] == VERSION.to_dictionary()
    assert repr(VERSION) == "<ModelVersion 'iris' 3 Production @champion>"
    assert repr(MODEL) == "<RegisteredModel 'iris' 4>"


def test_statuses_and_stages_are_text() -> None:
    assert ModelVersionStatus.to_string(ModelVersionStatus.READY) == "READY"
    assert ModelVersionStatus.from_string("READY") in ModelVersionStatus.all_status()
    with pytest.raises(InvalidValueError, match="no status of a model version"):
        ModelVersionStatus.from_string("DONE")
    with pytest.raises(InvalidValueError, match="Did you mean 'Production'"):
        ModelVersionStages.canonical("prod")
    with pytest.raises(InvalidValueError, match="Did you mean 'Staging'"):
        ModelVersionStages.canonical("stagin")
