"""The verbs of the registry: what they find out before a store is asked, and what they say."""

import gc
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack import MlflowClient
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError, StoreError
from nbtrack.core.registry import ModelVersion
from nbtrack.stores.local.registry import LocalRegistry
from nbtrack.tracking.tracker import Tracker
from tests.tracking.open_files import open_files_of


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    return folder


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """A run with a model at `model`."""
    with nbtrack.start_run() as run:
        run.log_artifacts(write_model(tmp_path / "made"), "model")
    return run.run_id


@pytest.fixture
def client(run_id: str) -> MlflowClient:
    """A client; version 1 of iris is the model of the run."""
    nbtrack.register_model(f"runs:/{run_id}/model", "iris")
    return MlflowClient()


def line() -> LinearRegression:
    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])


def registered() -> list[tuple[str, int]]:
    return sorted((each.name, each.version) for each in nbtrack.search_model_versions())


# ---- registering ---------------------------------------------------------------------------------


def test_registering_makes_the_model_then_adds_versions_and_says_so_as_mlflow_does(
    run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = nbtrack.register_model(f"runs:/{run_id}/model", "iris", tags={"f1": 0.9})
    second = nbtrack.register_model(f"runs:/{run_id}/model", "iris", await_registration_for=0)

    assert (first.version, second.version) == (1, 2)
    assert (first.run_id, first.source, first.tags) == (run_id, f"runs:/{run_id}/model", {"f1": "0.9"})
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "Successfully registered model 'iris'.",
        "Created version '1' of model 'iris'.",
        "Registered model 'iris' already exists. Creating a new version of this model...",
        "Created version '2' of model 'iris'.",
    ]


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("runs:/0123456789abcdef0123456789abcdef/model", "No run '0123456789abcdef0123456789abcdef'"),
        ("runs:/{run_id}/modle", "The run has the models 'model'"),
        ("runs:/{run_id}/model/MLmodel", "Nothing lies there"),
        ("runs:/{run_id}", "It has no MLmodel file"),
        ("models:/iris/9", "has no version '9'"),
        ("models:/iris@nobody", "has no alias 'nobody'"),
        ("models:/iris/Staging", "no version in the stage 'Staging'"),
        (
            "models:/m-0123456789abcdef0123456789abcdef",
            "No logged model 'm-0123456789abcdef0123456789abcdef'",
        ),
        ("nowhere", "It was looked for at"),
        (".", "There is no MLmodel file in"),
        ("s3://bucket/model", "cannot read models from"),
        ("models:/", "names no model"),
    ],
)
def test_a_model_that_is_not_there_is_refused_before_anything_is_made(
    client: MlflowClient, run_id: str, uri: str, why: str
) -> None:
    with pytest.raises((NotFoundError, InvalidValueError), match=why):
        nbtrack.register_model(uri.format(run_id=run_id), "new")

    assert registered() == [("iris", 1)]
    assert [model.name for model in nbtrack.search_registered_models()] == ["iris"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "a/b"}, {"name": ""}, {"tags": {"": 1}}, {"tags": [1]}, {"env_pack": "databricks"}, {"uri": 3}],
)
def test_what_cannot_be_is_refused_before_anything_is_made(run_id: str, wrong: dict[str, Any]) -> None:
    given = {"name": "iris", "tags": {}, "env_pack": None, "uri": f"runs:/{run_id}/model", **wrong}

    with pytest.raises(InvalidValueError):
        nbtrack.register_model(given.pop("uri"), given.pop("name"), **given)

    assert registered() == []


def test_a_folder_is_registered_as_where_it_is_also_when_the_work_moves_on(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(Path("my model"))

    version = nbtrack.register_model("my model", "iris")
    again = nbtrack.register_model(folder, "iris")
    monkeypatch.chdir(tmp_path)

    assert version.source == again.source == (tmp_path / "work" / "my model").as_uri()
    assert client.get_model_version_download_uri("iris", 2) == version.source
    assert (version.run_id, version.model_id) == (None, None)


def test_a_version_of_a_version_keeps_its_number_its_run_and_its_place(
    client: MlflowClient, run_id: str
) -> None:
    client.set_registered_model_alias("iris", "champion", 1)

    made = nbtrack.register_model("models:/iris@champion", "live")
    client.delete_registered_model("iris")

    assert (made.source, made.run_id) == ("models:/iris/1", run_id)
    uri = client.get_model_version_download_uri("live", 1)
    assert uri.startswith("file:")
    assert uri.endswith(f"{run_id}/artifacts/model")


def test_a_logged_model_knows_the_versions_that_were_made_of_it(run_id: str) -> None:
    store = Tracker(store=nbtrack.get_tracking_uri())._store()  # pyright: ignore[reportPrivateUsage]
    model_id = store.logged_models.create(
        "0", "model", source_run_id=run_id, path="model", status="READY"
    ).model_id

    by_id = nbtrack.register_model(f"models:/{model_id}", "iris")
    by_run = nbtrack.register_model(f"runs:/{run_id}/model", "iris")

    assert [version.model_id for version in (by_id, by_run)] == [model_id] * 2
    assert (by_id.source, by_id.run_id) == (f"models:/{model_id}", run_id)
    tag = store.logged_models.get(model_id).tags["mlflow.modelVersions"]
    assert json.loads(tag) == [{"name": "iris", "version": 1}, {"name": "iris", "version": 2}]


def test_a_model_is_logged_and_registered_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with nbtrack.start_run() as run:
        info = nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
        with pytest.raises(InvalidValueError, match="'a/b' is no name of a registered model"):
            nbtrack.sklearn.log_model(LinearRegression(), name="other", registered_model_name="a/b")

    version = MlflowClient().get_model_version("lines", info.registered_model_version)
    assert (version.version, version.run_id, version.model_id) == (1, run.run_id, info.model_id)
    assert nbtrack.sklearn.load_model("models:/lines/1").predict([[3.0]])[0] == pytest.approx(6.0)
    assert "Created version '1' of model 'lines'." in capsys.readouterr().err
    assert [entry.path for entry in nbtrack.list_artifacts(run.run_id)] == ["line"]


def test_in_a_notebook_what_was_registered_is_said_without_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    write_model(tmp_path / "made")
    notebook = nbformat.v4.new_notebook()
    cell = f"""
import nbtrack
nbtrack.set_tracking_uri({str(tmp_path / "store")!r})
nbtrack.register_model({str(tmp_path / "made")!r}, "iris")
nbtrack.MlflowClient().copy_model_version("models:/iris/1", "copy");
"""
    notebook.cells = [nbformat.v4.new_code_cell(cell)]

    NotebookClient(notebook, timeout=60).execute()

    (output,) = notebook.cells[0].outputs
    assert (output.output_type, output.name) == ("stream", "stdout")  # stderr is shown in red
    assert output.text.splitlines() == [
        "Successfully registered model 'iris'.",
        "Created version '1' of model 'iris'.",
        "Successfully registered model 'copy'.",
        "Copied version '1' of model 'iris' to version '1' of model 'copy'.",
    ]


def test_a_model_is_registered_where_nobody_listens(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
    nbtrack.register_model(f"runs:/{run_id}/model", "iris")
    monkeypatch.setattr(sys, "stderr", None)
    nbtrack.register_model(f"runs:/{run_id}/model", "iris")

    assert registered() == [("iris", 1), ("iris", 2)]


def test_a_model_that_the_store_refuses_to_register_is_not_listed_either_until_both_are_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise StoreError("The disk is full.")

    with nbtrack.start_run() as run:
        with monkeypatch.context() as broken:
            broken.setattr(LocalRegistry, "create_version", refuse)
            with pytest.warns(RuntimeWarning, match="disk is full"):
                nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
        assert (nbtrack.search_logged_models(output_format="list"), registered()) == ([], [])
        assert "lines" not in capsys.readouterr().err

        nbtrack.set_tag("and", "on")  # the first thing that the store takes

    (model,) = nbtrack.search_logged_models(output_format="list")
    (version,) = nbtrack.search_model_versions()
    assert (version.model_id, version.run_id) == (model.model_id, run.run_id)
    assert capsys.readouterr().err.splitlines()[-1] == "Created version '1' of model 'lines'."


def test_a_registry_of_its_own_gets_the_version_after_the_model_is_logged(tmp_path: Path) -> None:
    nbtrack.set_registry_uri(tmp_path / "shared")
    try:
        with nbtrack.start_run():
            info = nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
        (version,) = nbtrack.search_model_versions()
    finally:
        nbtrack.set_registry_uri(None)

    (model,) = nbtrack.search_logged_models(output_format="list")
    assert (version.model_id, info.registered_model_version) == (model.model_id, "1")
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "lines", "version": 1}]


# ---- sources -------------------------------------------------------------------------------------


def test_a_version_may_be_made_of_what_only_others_reach(client: MlflowClient) -> None:
    sources = ["s3://bucket/model", "dbfs:/models/x", "runs:/elsewhere/model", "/not/here", "anything at all"]

    for source in sources:
        client.create_model_version("iris", source)

    found = client.search_model_versions("name = 'iris'", order_by=["version_number"])[1:]
    assert [version.source for version in found] == sources
    assert [
        client.get_model_version_download_uri("iris", version.version) for version in found[:3]
    ] == sources[:3]


@pytest.mark.parametrize("source", ["", "  ", None, 3, "a\0b"])
def test_a_version_needs_a_source(client: MlflowClient, source: Any) -> None:
    with pytest.raises(InvalidValueError, match="source of a version"):
        client.create_model_version("iris", source)


def test_a_source_may_be_longer_than_a_path(client: MlflowClient) -> None:
    version = client.create_model_version("iris", "x" * 600)

    assert version.source == "x" * 600


def test_a_version_has_the_run_of_its_source_unless_another_is_said(
    client: MlflowClient, run_id: str
) -> None:
    client.create_model_version("iris", f"runs:/{run_id}/model")
    client.create_model_version("iris", f"runs:/{run_id}/model", run_id="elsewhere")
    client.create_model_version("iris", "models:/iris/1")

    assert [client.get_model_version("iris", number).run_id for number in (2, 3, 4)] == [
        run_id,
        "elsewhere",
        run_id,
    ]


# ---- by stage, and what is refused ---------------------------------------------------------------


def test_tags_go_to_the_highest_version_in_a_stage(client: MlflowClient, run_id: str) -> None:
    for _ in range(2):
        nbtrack.register_model(f"runs:/{run_id}/model", "iris")
    client.transition_model_version_stage("iris", 1, "Production")
    client.transition_model_version_stage("iris", 2, "Production")

    client.set_model_version_tag("iris", key="checked", value=True, stage="production")
    nbtrack.set_model_version_tag("iris", 1, "checked", "first")
    assert [client.get_model_version("iris", number).tags for number in (1, 2, 3)] == [
        {"checked": "first"},
        {"checked": "True"},
        {},
    ]
    client.delete_model_version_tag("iris", key="checked", stage="Production")

    assert client.get_model_version("iris", 2).tags == {}


@pytest.mark.parametrize("given", [{}, {"version": 1, "stage": "None"}, {"stage": "nowhere"}])
def test_a_tag_needs_a_version_or_a_stage(client: MlflowClient, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        client.set_model_version_tag("iris", key="a", value="x", **given)
    with pytest.raises(InvalidValueError):
        client.delete_model_version_tag("iris", key="a", **given)


def test_only_where_versions_are_at_work_the_others_are_archived(client: MlflowClient) -> None:
    for stage in ("None", "archived"):
        with pytest.raises(InvalidValueError, match="goes with Staging and Production"):
            client.transition_model_version_stage("iris", 1, stage, archive_existing_versions=True)


def test_stages_are_used_without_a_warning(client: MlflowClient, recwarn: pytest.WarningsRecorder) -> None:
    client.transition_model_version_stage("iris", "1", "staging")
    client.get_latest_versions("iris", stages=["Staging"])
    client.set_model_version_tag("iris", key="a", value="x", stage="Staging")

    assert client.get_model_version_stages("iris", 1) == ["None", "Staging", "Production", "Archived"]
    assert list(recwarn) == []


def test_every_change_takes_a_reason_that_its_event_keeps(client: MlflowClient, run_id: str) -> None:
    uri = f"runs:/{run_id}/model"
    client.create_registered_model("rose", why="0")
    nbtrack.register_model(uri, "rose", why="1")
    client.create_model_version("rose", uri, why="2")
    client.copy_model_version("models:/iris/1", "rose", why="3")
    client.update_registered_model("rose", "Red.", why="4")
    client.set_registered_model_tag("rose", "a", 1, why="5")
    client.delete_registered_model_tag("rose", "a", why="6")
    client.set_registered_model_alias("rose", "best", 1, why="7")
    client.delete_registered_model_alias("rose", "best", why="8")
    client.update_model_version("rose", 1, "One.", why="9")
    client.transition_model_version_stage("rose", 1, "Staging", why="10")
    client.set_model_version_tag("rose", 1, "a", 1, why="11")
    client.delete_model_version_tag("rose", 1, "a", why="12")
    client.delete_model_version("rose", 2, why="13")
    client.rename_registered_model("rose", "tulip", why="14")

    whys = [event.why for event in nbtrack.history("tulip")]
    client.delete_registered_model("tulip", why="15")

    assert whys == [str(number) for number in range(15)]
    assert json.loads(Path(".nbtrack/events.log").read_text().splitlines()[-1])["why"] == "15"


def test_a_description_is_text(client: MlflowClient) -> None:
    for change in (
        lambda: client.update_registered_model("iris", 3),
        lambda: client.update_model_version("iris", 1, 3),
        lambda: client.create_model_version("iris", "x", description=3),
    ):
        with pytest.raises(InvalidTypeError, match="A description is text"):
            change()


# ---- searching -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("version_number >= 2", [3, 2]),
        ("version >= '2'", [3, 2]),
        ("version_number in (1, 3)", [3, 1]),
        ("current_stage = 'production'", [2]),
        ("stage != 'None'", [2]),
        ("tags.f1 > 0.8", [3, 2]),
        ("tags.f1 > 0.8 or version_number = 1", [3, 2, 1]),
        ("not tags.f1 > 0.85", [2, 1]),
        ("description ilike '%GOOD%'", [2]),
        ("run_id = '{run_id}'", [3, 2, 1]),
        ("creation_timestamp > '2020-01-01'", [3, 2, 1]),
        ("tag.`mlflow.prompt.is_prompt` != 'true'", [3, 2, 1]),
        ("tag.`mlflow.prompt.is_prompt` = 'true'", []),
        ("tags.`mlflow.prompt.is_prompt` = 'false' and version_number = 1", [1]),
    ],
)
def test_versions_are_found_by_filters(
    client: MlflowClient, run_id: str, asked: str, found: list[int]
) -> None:
    for f1 in (0.85, 0.95):
        nbtrack.register_model(f"runs:/{run_id}/model", "iris", tags={"f1": f1})
    client.transition_model_version_stage("iris", 2, "Production")
    client.update_model_version("iris", 2, "a good one")
    asked = asked.format(run_id=run_id)

    page = client.search_model_versions(asked, order_by=["version_number DESC"])

    assert [version.version for version in page] == found


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("version_number = 'two'", "a version is a whole number"),
        ("nme = 'iris'", "did you mean 'name'"),
        ("current_stage = 'Prodution'", "did you mean 'Production'"),
        ("aliases = 'champion'", "unknown attribute"),
    ],
)
def test_a_malformed_filter_says_what_is_wrong(client: MlflowClient, asked: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=f"(?i){why}"):
        client.search_model_versions(asked)


def test_prompts_of_mlflow_are_found_only_when_they_are_asked_for(client: MlflowClient) -> None:
    client.create_registered_model("greeting", {"mlflow.prompt.is_prompt": "true"})
    asked = "tag.`mlflow.prompt.is_prompt` {} 'true'"

    assert [each.name for each in client.search_registered_models(asked.format("="))] == ["greeting"]
    assert [each.name for each in client.search_registered_models(asked.format("!="))] == ["iris"]


def test_pages_go_on_to_the_end_and_the_fluent_searches_give_all(client: MlflowClient, run_id: str) -> None:
    for _ in range(4):
        nbtrack.register_model(f"runs:/{run_id}/model", "wine")
    first = client.search_model_versions(max_results=2, order_by=["name", "version_number"])
    rest = client.search_model_versions(
        max_results=10, order_by=["name", "version_number"], page_token=first.token
    )

    assert [(each.name, each.version) for each in [*first, *rest]] == registered()
    assert len(nbtrack.search_model_versions(3)) == 3
    with pytest.raises(InvalidValueError, match="at most 1,000"):
        client.search_registered_models(max_results=1001)
    with pytest.raises(InvalidValueError, match="whole number from 1"):
        nbtrack.search_registered_models(0)


# ---- stores --------------------------------------------------------------------------------------


def test_looking_makes_no_store(tmp_path: Path) -> None:
    client = MlflowClient(tmp_path / "nothing")

    assert client.search_registered_models() == client.search_model_versions() == []
    with pytest.raises(NotFoundError, match="There is no store at"):
        client.get_registered_model("iris")
    with pytest.raises(NotFoundError, match="There is no store at"):
        client.create_model_version("iris", "x")
    assert not (tmp_path / "nothing").exists()


def test_a_registry_of_its_own_is_another_store(run_id: str, tmp_path: Path) -> None:
    nbtrack.set_registry_uri(tmp_path / "shared")
    nbtrack.register_model(f"runs:/{run_id}/model", "iris")
    with nbtrack.start_run() as run:
        line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
        run.log_model(line, name="line", registered_model_name="lines")
    uri = nbtrack.get_registry_uri()

    elsewhere = MlflowClient(registry_uri=tmp_path / "shared")
    assert uri == str(tmp_path / "shared")
    assert os.environ["NBTRACK_REGISTRY_URI"] == uri
    assert MlflowClient(tmp_path / "shared").get_model_version("iris", 1).run_id == run_id
    assert elsewhere.get_model_version("lines", 1).run_id == run.run_id
    assert elsewhere.get_model_version_download_uri("iris", 1).startswith("file:")
    nbtrack.set_registry_uri(None)

    assert nbtrack.get_registry_uri() == nbtrack.get_tracking_uri()
    assert registered() == []
    assert [each.version for each in elsewhere.get_latest_versions("iris")] == [1]


def test_a_registry_that_is_no_longer_meant_is_closed(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("left", "right"):
        monkeypatch.setenv("NBTRACK_REGISTRY_URI", str(tmp_path / name))
        client.create_registered_model("iris")

    assert open_files_of(tmp_path / "left") == []
    assert open_files_of(tmp_path / "right")


def test_a_registry_that_was_deleted_is_closed(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBTRACK_REGISTRY_URI", str(tmp_path / "shared"))
    client.create_registered_model("iris")
    shutil.rmtree(tmp_path / "shared")

    client.create_registered_model("iris")

    assert [path for path in open_files_of(tmp_path / "shared") if path.endswith("(deleted)")] == []


def test_a_client_closes_the_stores_it_has_opened(tmp_path: Path) -> None:
    client = MlflowClient(tmp_path / "runs", registry_uri=tmp_path / "shared")
    client.create_experiment("mine")
    client.create_registered_model("iris")

    client.close()

    assert open_files_of(tmp_path / "runs") == open_files_of(tmp_path / "shared") == []
    assert client.get_registered_model("iris").name == "iris"


def test_a_client_that_is_dropped_closes_its_registry(tmp_path: Path) -> None:
    client = MlflowClient(registry_uri=tmp_path / "shared")
    client.create_registered_model("iris")
    assert open_files_of(tmp_path / "shared")

    del client
    gc.collect()  # where an error was handled, its frames live until then

    assert open_files_of(tmp_path / "shared") == []


def test_closing_a_client_leaves_the_store_of_the_functions_open(run_id: str) -> None:
    with nbtrack.start_run() as run:
        MlflowClient().close()

        assert nbtrack.active_run() is run


def test_a_setting_chooses_the_registry(run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", str(tmp_path / "shared"))

    nbtrack.register_model(f"runs:/{run_id}/model", "iris")

    assert nbtrack.get_registry_uri() == str(tmp_path / "shared")
    assert registered() == [("iris", 1)]
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    assert registered() == []


@pytest.mark.parametrize("uri", ["http://host:5000", "postgresql://host/registry"])
def test_a_registry_elsewhere_than_in_a_folder_is_refused(uri: str) -> None:
    with pytest.raises(InvalidValueError, match="it knows folders"):
        nbtrack.set_registry_uri(uri)


def test_a_tracker_that_is_off_registers_nothing(run_id: str) -> None:
    tracker = Tracker(enabled=False)

    version = tracker.register_model("runs:/whatever/model", "iris")
    tracker.create_registered_model("iris")
    tracker.set_registered_model_alias("iris", "champion", version.version)
    tracker.transition_model_version_stage("iris", 1, "Production")
    tracker.delete_registered_model("iris")

    assert isinstance(version, ModelVersion)
    assert tracker.search_registered_models() == tracker.search_model_versions() == []
    assert registered() == []


def test_a_filter_in_the_place_of_the_number_is_said_to_be_one() -> None:
    for search in (nbtrack.search_model_versions, nbtrack.search_registered_models):
        with pytest.raises(InvalidValueError, match="write filter_string="):
            search("name = 'iris'")  # pyright: ignore[reportArgumentType]
