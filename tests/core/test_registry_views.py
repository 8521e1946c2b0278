"""How registered models and versions look, and that nothing in them reaches the page as more than text."""

from dataclasses import replace
from typing import Any

import pytest

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.fitting_views import MOST_BYTES
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
    archived = replace(VERSION, version=2, current_stage="Archived")
    model = replace(MODEL, latest_versions=[archived, *MODEL.latest_versions])

    rows = [line.split() for line in shown(model)[1].splitlines()[-3:]]

    assert rows[0][:3] == ["3", "Production,", "@champion"]
    assert rows[1] == ["1", "@old"]
    assert rows[2][:2] == ["2", "Archived"]
    assert "abc" in rows[0]
    assert "highest version 4" in shown(model)[1]


KNOWING = replace(
    VERSION,
    params={"C": "1.0"},
    metrics=[Metric("rows", 150, 1), Metric("accuracy", 0.97, 1), *(Metric(f"m{n}", n, 1) for n in range(9))],
    signature={
        "inputs": '[{"name": "length", "type": "double"}, {"name": "kind", "type": "string"}]',
        "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]',
        "params": '[{"name": "temperature", "type": "float", "default": 0.5, "shape": null}]',
    },
    model_size_bytes=1303,
    flavors=["python_function", "sklearn"],
    requirements=["scikit-learn==1.8.0"],
    run_name="first try",
)


@pytest.mark.parametrize(
    "line",
    [
        "metrics         accuracy 0.9700, rows 150, m0 0, m1 1, m2 2, m3 3 and 5 more",
        "params          C=1.0",
        "inputs          length: double, kind: string",
        "outputs         tensor(int64, (-1,))",
        "predict params  temperature: float = 0.5",
        "files           1.3 kB · python_function, sklearn",
        "needs           scikit-learn==1.8.0",
        "run             first try (abc)",
    ],
)
def test_a_card_says_what_the_version_knows(line: str) -> None:
    html, text = shown(KNOWING)

    assert f"  {line}" in text.splitlines()
    assert line.split("  ")[0] in html


def test_a_table_of_versions_has_the_metrics_that_most_of_them_have_and_known_names_first() -> None:
    other = replace(
        KNOWING, version=4, metrics=[Metric("rows", 1_500, 1), Metric("f1", 0.5, 1), Metric("m0", 0, 1)]
    )

    lines = shown(ModelVersionList([other, KNOWING]))[1].splitlines()

    assert lines[0] == "iris"
    assert lines[1].split()[:8] == ["version", "in", "use", "as", "f1", "accuracy", "rows", "size"]
    assert lines[3].split()[:6] == ["4", "Production,", "@champion", "0.5000", "1,500", "1.3"]
    assert lines[4].split()[:6] == ["3", "Production,", "@champion", "0.9700", "150", "1.3"]


def test_a_table_of_versions_of_several_models_names_the_models() -> None:
    lines = shown(ModelVersionList([VERSION, replace(VERSION, name="wine")]))[1].splitlines()

    assert [line.split()[0] for line in (lines[0], *lines[2:])] == ["registered", "iris", "wine"]


def test_very_many_and_very_long_things_stay_small_and_say_how_many_there_are() -> None:
    many = {f"{BAD}{number}": BAD * 50 for number in range(1000)}
    version = replace(
        KNOWING,
        name=BAD * 10,
        params=many,
        tags=many,
        aliases=[f"{'a' * 200}{number}" for number in range(300)],
        metrics=[Metric(f"accuracy{BAD}{number}", 1.5, 1) for number in range(1000)],
        signature={"inputs": BAD * 10_000, "outputs": "[" * 10_000},
        description=BAD * 100_000,
        requirements=[BAD] * 1000,
        flavors=[BAD] * 1000,
        run_name=BAD,
        run_id=BAD * 100,
        user_id=BAD * 100,
    )
    model = replace(
        MODEL, name=BAD, description=BAD * 10_000, tags=many, latest_versions=[version], aliases={}
    )
    crowd = replace(model, aliases={f"{'a' * 200}{number}": number for number in range(300)})

    for thing in (
        version,
        model,
        crowd,
        ModelVersionList([version] * 1000),
        RegisteredModelList([crowd] * 900),
    ):
        html, text = shown(thing)

        assert len(html.encode()) <= MOST_BYTES
        assert len(text.encode()) <= MOST_BYTES
        assert "<script" not in html
    assert "and 293 more" in shown(version)[1]
    assert "of 300 versions in use" in shown(crowd)[1]
    assert "of 1,000 model versions" in shown(ModelVersionList([version] * 1000))[1]


def test_marks_that_turn_the_direction_of_writing_are_written_out() -> None:
    for thing in (replace(VERSION, name="a\u202eb", run_name="\u2066x"), replace(MODEL, name="a\u202eb")):
        assert not any(mark in part for part in shown(thing) for mark in ("\u202e", "\u2066"))


def test_a_description_of_many_lines_is_one_line_of_a_card() -> None:
    assert "  description  One. Two." in shown(replace(MODEL, description="One.\n\nTwo."))[1].splitlines()


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
