"""Logged models as entities: MLflow's names, text, and how they look."""

import pytest

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.logged_models import (
    LoggedModel,
    LoggedModelList,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
)
from nbtrack.core.model_links import LoggedModelInput, LoggedModelOutput
from nbtrack.core.names import check_logged_model_name, check_model_id

MODEL_ID = "m-" + "0a" * 16


def model(**changes: object) -> LoggedModel:
    facts: dict[str, object] = {
        "experiment_id": "0",
        "model_id": MODEL_ID,
        "name": "nets/tree",
        "artifact_location": "file:///store/runs/r/artifacts/nets/tree",
        "creation_timestamp": 1_795_265_288_697,
        "last_updated_timestamp": 1_795_265_288_697,
        "model_type": "classifier",
        "source_run_id": "r1",
        "params": {"depth": "3"},
        "metrics": [Metric("acc", 0.9, 1, 2, MODEL_ID), Metric("acc", 0.8, 1, 2, MODEL_ID, "iris", "ab12")],
    }
    return LoggedModel(**{**facts, **changes})  # type: ignore[arg-type]


def looks(thing: LoggedModel | LoggedModelList) -> tuple[str, str]:
    bundle = thing._repr_mimebundle_()
    return bundle["text/plain"], bundle["text/html"]


def test_a_status_is_text_and_has_mlflows_numbers() -> None:
    assert LoggedModelStatus.READY == "READY"
    assert (
        f"{LoggedModelStatus.READY}"
        == str(LoggedModelStatus.READY)
        == LoggedModelStatus.READY.value
        == "READY"
    )
    assert [LoggedModelStatus.from_int(number).to_int() for number in range(4)] == [0, 1, 2, 3]
    assert LoggedModelStatus.from_int(3) is LoggedModelStatus.FAILED
    assert [LoggedModelStatus.is_finalized(status) for status in LoggedModelStatus] == [
        False,
        False,
        True,
        True,
    ]
    assert LoggedModelStatus.of("PENDING") is LoggedModelStatus.of(1) is LoggedModelStatus.PENDING


@pytest.mark.parametrize("wrong", ["ready", "DONE", 4, -1, None])
def test_what_is_no_status_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidValueError):
        LoggedModelStatus.of(wrong)


def test_a_model_is_made_from_its_own_dict_and_from_mlflows_lists() -> None:
    made = model()

    assert made.to_dictionary()["status"] == 2
    assert not {"path", "flavors"} & set(made.to_dictionary())  # MLflow's has none
    assert list(made.to_dictionary()) == sorted(made.to_dictionary()) == LoggedModel.columns()
    assert LoggedModel(**made.to_dictionary()) == made
    listed = model(tags=[LoggedModelTag("a", "b")], params=[LoggedModelParameter("lr", "1")], status=1)
    assert (listed.tags, listed.params, listed.status) == ({"a": "b"}, {"lr": "1"}, "PENDING")
    assert made.model_uri == f"models:/{MODEL_ID}"
    assert repr(made) == f"<LoggedModel 'nets/tree' READY model_id='{MODEL_ID}'>"


def test_links_are_what_they_say() -> None:
    assert LoggedModelOutput("m-1", 3).to_dictionary() == {"model_id": "m-1", "step": 3}
    assert LoggedModelInput("m-1").to_dictionary() == {"model_id": "m-1"}
    assert LoggedModelOutput("m-1", step=3) == LoggedModelOutput("m-1", 3) != LoggedModelOutput("m-1", 4)


def test_a_card_says_what_a_model_is_and_how_to_load_it() -> None:
    text, html = looks(model(tags={"team": "nlp", "mlflow.user": "ada"}))

    for shown in (text, html):
        for fact in (
            "✓ READY nets/tree",
            "classifier",
            "depth",
            "3",
            "acc",
            "0.9",
            "iris ab12",
            "run r1",
            "team=nlp",
        ):
            assert fact in shown
        assert "mlflow.user" not in shown
    assert f'nbtrack.pyfunc.load_model("models:/{MODEL_ID}")' in text
    assert f"models:/{MODEL_ID}" in html


def test_a_table_says_of_each_model_its_run_and_what_loads_it() -> None:
    text, html = looks(
        LoggedModelList(
            [
                model(source_run_id="0123456789abcdef" * 2, flavors=["python_function", "sklearn"]),
                model(source_run_id=None, flavors=["python_function"], params={}),
                model(source_run_id=None, flavors=[], params={}),
            ]
        )
    )

    rows = [line.split() for line in text.splitlines()]
    assert rows[0] == ["model", "status", "type", "flavor", "run", "acc", "depth", "made", "model", "id"]
    assert rows[2][4:6] == ["sklearn", "01234567"]
    assert rows[3][4:6] == ["python", "0.8000"]
    assert rows[4][4:5] == ["0.8000"]
    assert ">sklearn</td>" in html
    assert ">01234567</td>" in html
    assert "nets/tree · classifier · sklearn" in looks(model(flavors=["sklearn", "python_function"]))[0]


def test_a_card_says_why_a_model_cannot_be_loaded() -> None:
    failed, _ = looks(model(status="FAILED", status_message="no space left", metrics=None, params={}))
    external, _ = looks(model(tags={"mlflow.model.isExternal": "true"}))

    assert "✗ FAILED" in failed
    assert "no space left" in failed
    assert "# when it is READY" in failed
    assert "its files are kept elsewhere" in external
    assert "load_model" not in external


def test_names_of_strangers_are_text_in_a_card_and_in_a_table() -> None:
    wild = model(
        name="<script>x</script>", params={"<b>": "</pre>"}, tags={"<i>": "\x1b[31m"}, model_type="<u>"
    )

    for text, html in (looks(wild), looks(LoggedModelList([wild]))):
        assert "<script>" not in html
        assert "<b>" not in html
        assert "<u>" not in html
        assert "\x1b" not in text + html


def test_a_table_has_a_line_for_each_model_and_says_what_it_leaves_out() -> None:
    text, html = looks(LoggedModelList([model(name=f"m{number}") for number in range(60)]))

    assert len(text.splitlines()) == 2 + 50 + 1
    columns = ["model", "status", "type", "run", "acc", "depth", "made", "model", "id"]
    assert text.splitlines()[0].split() == columns
    assert "50 of 60 models" in text
    assert "50 of 60 models" in html
    assert looks(LoggedModelList())[0] == "No logged models."


def test_a_table_stays_as_wide_as_text_may_be() -> None:
    wide = model(params={f"param {number}": "x" * 30 for number in range(9)}, name="n" * 60)

    text, _ = looks(LoggedModelList([wide]))

    assert max(map(len, text.splitlines())) <= 160
    assert MODEL_ID in text


@pytest.mark.parametrize(("name", "path"), [("a", "a"), ("a//b/", "a/b"), ("v1.2 (best)", "v1.2 (best)")])
def test_a_name_is_an_artifact_path(name: str, path: str) -> None:
    assert check_logged_model_name(name) == path


def test_wrong_names_and_ids_are_refused() -> None:
    for wrong in ("", " ", "/a", "a/../b"):
        with pytest.raises(InvalidValueError):
            check_logged_model_name(wrong)
    for wrong in ("", "../x", "m 1", "x" * 300):
        with pytest.raises(InvalidValueError):
            check_model_id(wrong)
    for check in (check_logged_model_name, check_model_id):
        with pytest.raises(InvalidTypeError, match="got int"):
            check(3)
