"""Model URIs: what they name, where they lead, and what is said when they lead nowhere."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError, NbtrackError, NotFoundError, UnknownAliasError
from nbtrack.stores.contracts import Store
from nbtrack.stores.opening import open_store
from nbtrack.tracking.model_uris import (
    ModelUri,
    artifact_uri_of,
    local_model_folder,
    parse_model_uri,
    resolve_model,
)
from nbtrack.tracking.tracker import Tracker

RUN_ID = "0123456789abcdef0123456789abcdef"
MODEL_ID = f"m-{RUN_ID}"


def parts(uri: Any) -> dict[str, Any]:
    parsed = parse_model_uri(uri)
    return {
        key: value for key, value in dict(vars(parsed)).items() if key != "text" and value is not None
    } | ({"is_latest": True} if parsed.is_latest else {})


def write_model(folder: Path, text: str = "flavors: {}\n") -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text(text)
    (folder / "data" / "weights").write_bytes(b"\0\1")
    return folder


@pytest.fixture
def run_id(tracker: Tracker, tmp_path: Path) -> str:
    """A run with a model at `models/clf`."""
    with tracker.start_run() as run:
        run.log_artifacts(write_model(tmp_path / "clf"), "models/clf")
    return run.run_id


@pytest.fixture
def store(tracker: Tracker, run_id: str) -> Store:
    """The tracker's store; version 1 to 3 of iris are that model, 2 in Production, 3 is @champion."""
    store = open_store(tracker.get_tracking_uri())
    for _ in range(3):
        store.registry.create_version("iris", f"runs:/{run_id}/models/clf", run_id=run_id, make_model=True)
    store.registry.set_stage("iris", 2, "Production")
    store.registry.set_alias("iris", "champion", 3)
    return store


def check_it_can_be_printed(error: NbtrackError) -> None:
    """A message with half of a surrogate pair would end the script that prints it."""
    assert str(error).encode()


# ---- taking apart --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("models:/iris/3", {"name": "iris", "version": 3}),
        ("models:/iris/03", {"name": "iris", "version": 3}),
        ("models:///iris/3", {"name": "iris", "version": 3}),
        ("models:/iris/3/", {"name": "iris", "version": 3}),
        ("models:/my model!/3", {"name": "my model!", "version": 3}),
        ("models:/a?b#c/3", {"name": "a?b#c", "version": 3}),
        ("models:/iris/3/data/weights", {"name": "iris", "version": 3, "path": "data/weights"}),
        ("models:/iris@champion", {"name": "iris", "alias": "champion"}),
        ("models:/iris@champion/MLmodel", {"name": "iris", "alias": "champion", "path": "MLmodel"}),
        ("models:/me@home@champion", {"name": "me@home", "alias": "champion"}),
        ("models:/me@home/3", {"name": "me@home", "version": 3}),
        ("models:/me@home/Production/data", {"name": "me@home", "stage": "Production", "path": "data"}),
        ("models:/iris/production", {"name": "iris", "stage": "Production"}),
        ("models:/iris/NONE", {"name": "iris", "stage": "None"}),
        ("models:/iris/latest", {"name": "iris", "is_latest": True}),
        ("models:/iris/Latest/MLmodel", {"name": "iris", "is_latest": True, "path": "MLmodel"}),
        (f"models:/{MODEL_ID}", {"model_id": MODEL_ID}),
        (f"models:/{MODEL_ID}/data/x", {"model_id": MODEL_ID, "path": "data/x"}),
        ("models:/my-own_id/", {"model_id": "my-own_id"}),
        (f"runs:/{RUN_ID}/model", {"run_id": RUN_ID, "path": "model"}),
        (f"runs:/{RUN_ID}/models/a b/c", {"run_id": RUN_ID, "path": "models/a b/c"}),
        (f"runs:///{RUN_ID}/model/", {"run_id": RUN_ID, "path": "model"}),
        (f"runs:/{RUN_ID}", {"run_id": RUN_ID}),
        ("some/folder", {"folder": Path("some/folder")}),
        ("/some/folder", {"folder": Path("/some/folder")}),
        (Path("some/folder"), {"folder": Path("some/folder")}),
        ("file:///some/my%20folder", {"folder": Path("/some/my folder")}),
        ("file:/some/folder", {"folder": Path("/some/folder")}),
        ("file://localhost/some", {"folder": Path("/some")}),
        ("m-" + "0a" * 16, {"model_id": "m-" + "0a" * 16}),
        ("C:/models/x", {"folder": Path("C:/models/x")}),
    ],
)
def test_a_uri_is_taken_apart(uri: Any, expected: dict[str, Any]) -> None:
    assert parts(uri) == expected


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("models:/", r"names no model\. It is one of models:/<name>/<version>, "),
        ("models:", "names no model"),
        ("models://", "names no model"),
        ("models:///", "names no model"),
        ("models:/ /3", "names no model"),
        ("models:iris/3", r"with one slash\. Did you mean models:/iris/3\?$"),
        ("models://iris/3", r"with one slash\. Did you mean models:/iris/3\?$"),
        (r"models:\iris\3", r"Did you mean models:/iris/3\?$"),
        (r"models:/iris\3", r"names no version\. Did you mean models:/iris/3\?$"),
        ("models:/iris:3", r"it holds ':', .*\. Did you mean models:/iris/3\?$"),
        ("models:/iris,3", r"names no version\. Did you mean models:/iris/3\?$"),
        ("models:/iris%2F3", r"names no version\. Did you mean models:/iris/3\?$"),
        ("models:/my iris", r"names no version\. Write models:/my iris/latest for the highest one"),
        (
            "models:/iris/prod",
            r"\(None, Staging, Production, Archived\)\. Did you mean models:/iris/Production\?",
        ),
        ("models:/iris/Prductoin", r"Did you mean models:/iris/Production\?"),
        ("models:/iris/champion", "An alias stands behind an @: models:/iris@champion"),
        ("models:/iris/{version}", r"Is the f in front of the quotes missing\?$"),
        ("models:/iris/<version>", r"Put what is yours there\.$"),
        ("models:/iris/\ud800", "neither a version nor a stage"),
        ("models:/\ud800/3", "half of a surrogate pair"),
        ("models:/iris@", "a name and an alias"),
        ("models:/@champion", "a name and an alias"),
        (
            "models:/iris/3@champion",
            r"one at a time\. Did you mean models:/iris@champion or models:/iris/3\?$",
        ),
        ("models:/iris/@champion", r"Did you mean models:/iris@champion\?$"),
        ("models:/../3", "'..' is no name"),
        ("models:/./3", "'.' is no name"),
        ("models:/iris/3/../../x", "'..' would leave the model"),
        ("models:/iris/-1", "versions count from 1. Write models:/iris/latest for the highest"),
        ("models:/iris/" + "9" * 30, "is no version of a model: those are whole numbers from 1"),
        ("models:/" + "x" * 501 + "/1", "may have 500 characters, this one has 501"),
        ("model:/iris/1", r"Did you mean models:/iris/1\?$"),
        ("run:/abc/model", r"Did you mean runs:/abc/model\?$"),
        ("0123456789abcdef" * 2, r"id of a run, .*: write runs:/0123456789abcdef0123456789abcdef/<name>"),
        ("runs:/", "names no run. Write runs:/<run_id>/<path>"),
        ("runs:", "names no run"),
        ("runs://abc/model", r"names no run\. Did you mean runs:/abc/model\?$"),
        ("runs:abc/model", r"names no run\. Did you mean runs:/abc/model\?$"),
        ("runs:/ abc /model", r"no run id: .*\. Did you mean runs:/abc/model\?$"),
        ("runs:/a b/model", "no run id"),
        ("runs:/{run_id}/model", r"no run id: .* Is the f in front of the quotes missing\?$"),
        ("runs:/abc/../x", "'..' would leave the run"),
        ("file://host/share/x", "names the host 'host'"),
        ("file://[host/x", "is no URI: Invalid IPv6 URL"),
        ("file:///a%00b", "it holds %00"),
        ("file:///x?y", r"'\?' or '#'"),
        ("s3://bucket/model", "cannot read models from"),
        ("mlflow-artifacts:/1/model", "cannot read models from"),
        ("https://host/model", "cannot read models from"),
        ("", "no model URI"),
        ("  ", "no model URI"),
        ("a\0b", "no model URI"),
        (None, "text or a path"),
        (3, "text or a path"),
        (b"models:/iris/3", "text or a path, got bytes"),
    ],
)
def test_what_is_no_model_uri_is_refused_with_the_reason(uri: Any, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why) as caught:
        parse_model_uri(uri)

    check_it_can_be_printed(caught.value)


@pytest.mark.parametrize(
    "version", ["v3", "V03", "version3", "ver.3", "3.0", "+3", " 3", "3 ", "3\n", "3?x=1", "3#a", "3:data"]
)
def test_what_was_meant_for_a_version_is_said(version: str) -> None:
    with pytest.raises(InvalidValueError, match=r"is a whole number\. Did you mean models:/iris/3\?$"):
        parse_model_uri(f"models:/iris/{version}")


WORDS = r"models runs file model s3 : / // @ . .. ~ %2F %00 \ [ {x} <x> ' iris 1 3 -1 v3 3.0 latest"
PIECES = [
    *WORDS.split(),
    *("Production", "prod", "champion", "m-" + "0" * 32, "0a" * 16, "MLmodel", "x" * 600),
    *(" ", "\n", "\0", "\ud800", "\u0663", "gr\u00f6\u00dfe"),
]
LIKE_URIS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@given(LIKE_URIS | st.text() | st.text().map("models:/".__add__) | st.text().map("runs:/".__add__))
def test_any_text_is_parsed_or_refused_with_one_of_our_errors(text: str) -> None:
    try:
        parsed = parse_model_uri(text)
    except NbtrackError as error:
        check_it_can_be_printed(error)
        return
    assert isinstance(parsed, ModelUri)
    assert parsed.text == text


def test_a_folder_may_be_called_like_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "a+b:c")

    assert local_model_folder(None, "a+b:c") == Path("a+b:c")


# ---- looking up ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        ("models:/iris/1", 1),
        ("models:/iris/2", 2),
        ("models:/iris/production", 2),
        ("models:/iris@champion", 3),
        ("models:/iris@latest", 3),
        ("models:/iris/latest", 3),
        ("models:/iris/None", 3),
    ],
)
def test_a_registered_model_leads_to_its_run(store: Store, run_id: str, uri: str, version: int) -> None:
    found = resolve_model(store, uri)

    assert (found.name, found.version, found.run_id, found.path) == ("iris", version, run_id, "models/clf")
    assert found.source_run_id == run_id
    folder = local_model_folder(store, uri)
    assert (folder / "data" / "weights").read_bytes() == b"\0\1"
    assert artifact_uri_of(store, uri) == folder.as_uri()


def test_a_path_inside_the_model_leads_inside(store: Store) -> None:
    assert local_model_folder(store, "models:/iris@champion/data/weights").read_bytes() == b"\0\1"
    assert resolve_model(store, "models:/iris/3/data").path == "models/clf/data"


def test_the_mlmodel_file_stands_for_its_folder(store: Store, run_id: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "other")

    assert local_model_folder(store, folder / "MLmodel") == folder
    assert local_model_folder(store, str(folder / "MLmodel")) == folder
    assert local_model_folder(store, (folder / "MLmodel").as_uri()) == folder
    assert local_model_folder(store, f"runs:/{run_id}/models/clf/MLmodel").name == "clf"


def test_a_tracker_is_asked_like_a_store_and_makes_none(
    tracker: Tracker, store: Store, run_id: str, tmp_path: Path
) -> None:
    elsewhere = Tracker(store=tmp_path / "nothing")

    assert local_model_folder(tracker, "models:/iris/1") == local_model_folder(
        store, f"runs:/{run_id}/models/clf"
    )
    with pytest.raises(NotFoundError, match="There is no store at"):
        local_model_folder(elsewhere, "models:/iris/1")
    with pytest.raises(NotFoundError, match="There is no store"):
        local_model_folder(None, f"runs:/{run_id}/models/clf")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("path", ["~nobody/x", "x" * 300 + "/MLmodel", "y" * 5000, "\ud800/MLmodel"])
def test_a_path_that_no_system_has_is_not_there(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        local_model_folder(None, path)


def test_a_home_folder_is_expanded_and_a_relative_path_followed(tmp_path: Path) -> None:
    write_model(tmp_path / "mine")  # the tests' home

    assert local_model_folder(None, "~/mine") == tmp_path / "mine"
    assert local_model_folder(None, "../mine") == Path("../mine")


@pytest.mark.parametrize(
    ("uri", "error", "why"),
    [
        ("models:/irsi/1", NotFoundError, "No registered model 'irsi'. Did you mean 'iris'"),
        ("models:/IRIS/1", NotFoundError, "Did you mean 'iris'"),
        ("models:/iris /1", NotFoundError, "Did you mean 'iris'"),
        ("models:/%69ris/1", NotFoundError, "Did you mean 'iris'"),
        ("models:/nothing/1", NotFoundError, "No registered model 'nothing'. There are 'iris'."),
        ("models:/{name}/1", NotFoundError, "Is the f in front of the quotes missing"),
        ("models:/iris@champion/3", NotFoundError, "one at a time, models:/iris@champion or models:/iris/3"),
        ("models:/iris@champion/latest", NotFoundError, "models:/iris@champion or models:/iris/latest"),
        ("models:/iris@champion@x", NotFoundError, "There is 'iris'"),
        ("models:/iris/7", NotFoundError, "has no version '7'. It has 3, 2, 1."),
        ("models:/iris/0", NotFoundError, "has no version '0'. It has 3, 2, 1."),
        ("models:/iris@chempion", UnknownAliasError, "Did you mean 'champion'"),
        ("models:/iris@Champion", UnknownAliasError, "Did you mean 'champion'"),
        ("models:/iris@production", UnknownAliasError, "behind a slash: models:/iris/Production"),
        ("models:/iris@3", UnknownAliasError, "behind a slash: models:/iris/3"),
        ("models:/iris@v3", UnknownAliasError, "behind a slash: models:/iris/3"),
        ("models:/iris/champion", InvalidValueError, "It is an alias, .* behind an @: models:/iris@champion"),
        ("models:/iris/CHAMPION", InvalidValueError, "It is an alias, .* behind an @: models:/iris@champion"),
        ("models:/iris/chmpion", InvalidValueError, r"Did you mean models:/iris@champion\?"),
        (
            "models:/iris/Prductoin",
            InvalidValueError,
            r"mean models:/iris/Production\? 'iris' has the alias champion\.",
        ),
        ("models:/iris/prod", InvalidValueError, r"Did you mean models:/iris/Production\?"),
        ("models:/iris/laatest", InvalidValueError, r"Did you mean models:/iris/latest\?"),
        ("models:/iris/live", InvalidValueError, r"Archived\)\. 'iris' has the alias champion\."),
        ("models:/irsi/best", InvalidValueError, r"No registered model 'irsi'\. Did you mean 'iris'"),
        ("models:/iris/Staging", NotFoundError, r"There are 2 \(Production\), 3 \(None\)."),
        ("models:/iris@a.b", InvalidValueError, r"is no alias.* Did you mean 'a-b'\?"),
        ("models:/iris@ champion", InvalidValueError, r"is no alias.* Did you mean 'champion'\?"),
        (f"runs:/{RUN_ID}/model", NotFoundError, RUN_ID),
        (f"models:/{MODEL_ID}", NotFoundError, MODEL_ID),
        (f"models:/{RUN_ID}", NotFoundError, f"runs:/{RUN_ID}/<name>"),
        ("models:/iris", NotFoundError, "write models:/iris/latest for its highest version"),
        ("models:/irsi", NotFoundError, "Did you mean the registered model 'iris': models:/iris/latest"),
        ("models:/nothing", NotFoundError, "No logged model 'nothing'"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(
    store: Store, uri: str, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        resolve_model(store, uri)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("iris", "models:/iris/latest"),
        ("iris/3", "models:/iris/3"),
        ("./iris/3", "models:/iris/3"),
        ("iris@champion", "models:/iris@champion"),
        ("models/iris/3", "models:/iris/3"),
        ("/models/iris/Production", "models:/iris/Production"),
        (" models:/iris/3", "models:/iris/3"),
        ("'models:/iris/3'", "models:/iris/3"),
        ("`models:/iris@champion`", "models:/iris@champion"),
        ("{run_id}/models/clf", "runs:/{run_id}/models/clf"),
        ("runs/{run_id}/models/clf", "runs:/{run_id}/models/clf"),
    ],
)
def test_a_uri_without_its_beginning_is_known_by_where_it_leads(
    tracker: Tracker, store: Store, run_id: str, written: str, meant: str
) -> None:
    written, meant = written.replace("{run_id}", run_id), meant.replace("{run_id}", run_id)
    expected = f"Did you mean {meant.replace('{run_id}', run_id)}?"

    with pytest.raises(FileNotFoundError) as loading:
        local_model_folder(tracker, written)
    with pytest.raises(FileNotFoundError) as registering:
        tracker.register_model(written, "copy")

    assert str(loading.value).endswith(expected)
    assert str(registering.value).endswith(expected)


@pytest.mark.parametrize("written", ["irsi/3", "iris/7", "clf", "0123abcd"])
def test_no_uri_is_suggested_that_leads_nowhere(store: Store, written: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        local_model_folder(store, written)

    assert "Did you mean" not in str(caught.value)


def test_the_beginning_of_a_runs_id_is_answered_with_the_whole(
    tracker: Tracker, store: Store, run_id: str
) -> None:
    for given_id in (run_id[:8], run_id[:-1], run_id.upper()):
        with pytest.raises(NotFoundError, match=f"No run '{given_id}'. Did you mean '{run_id}'"):
            resolve_model(store, f"runs:/{given_id}/models/clf")
        with pytest.raises(NotFoundError, match=f"Did you mean '{run_id}'"):
            tracker.get_run(given_id)
        with pytest.raises(NotFoundError, match=f"Did you mean '{run_id}'"):
            store.runs.set_tags(given_id, {"a": "b"})
    runs = store.documents.table("runs")
    runs.insert({**runs.all()[0], "run_id": run_id[:8] + "0" * 24})
    with pytest.raises(NotFoundError, match="The ids of several runs begin so"):
        tracker.get_run(run_id[:8])


def test_a_separate_registry_is_asked_what_there_is(tracker: Tracker, store: Store, tmp_path: Path) -> None:
    tracker.set_registry_uri(tmp_path / "shared")
    tracker.create_registered_model("wine")

    with pytest.raises(NotFoundError, match=r"No registered model 'wnie'\. Did you mean 'wine'"):
        resolve_model(tracker, "models:/wnie/1")
    with pytest.raises(NotFoundError, match="Did you mean the registered model 'wine'"):
        resolve_model(tracker, "models:/wnie")
    with pytest.raises(InvalidValueError, match="'wine' has no aliases"):
        resolve_model(tracker, "models:/wine/best")


@given(text=LIKE_URIS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_leads_somewhere_or_is_refused_with_one_of_our_errors(store: Store, text: str) -> None:
    try:
        folder = local_model_folder(store, text)
    except NbtrackError as error:
        check_it_can_be_printed(error)
        return
    assert folder.exists()


def test_a_missing_model_is_answered_with_the_models_of_the_run(store: Store, run_id: str) -> None:
    with pytest.raises(FileNotFoundError, match="The run has the models 'models/clf'"):
        local_model_folder(store, f"runs:/{run_id}/model")
    with pytest.raises(FileNotFoundError, match=r"It was looked for at '/.*/nowhere'"):
        local_model_folder(store, "nowhere")


def test_a_version_stays_where_it_was_registered_when_the_one_it_came_from_is_gone(
    store: Store, run_id: str
) -> None:
    location = store.registry.location_of("iris", 1)
    store.registry.create_version("copy", "models:/iris/1", location=location, make_model=True)
    store.registry.delete_model("iris")

    assert local_model_folder(store, "models:/copy/1") == local_model_folder(
        store, f"runs:/{run_id}/models/clf"
    )


def test_a_version_of_a_folder_leads_there(store: Store, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "kept elsewhere")
    store.registry.create_version("iris", folder.as_uri())
    store.registry.create_version("iris", str(tmp_path / "gone"))

    assert local_model_folder(store, "models:/iris/4") == folder
    assert local_model_folder(store, "models:/iris/4/data/weights").read_bytes() == b"\0\1"
    assert artifact_uri_of(store, "models:/iris/4") == folder.as_uri()
    with pytest.raises(FileNotFoundError, match="Registered model 'iris' has it as version 5"):
        local_model_folder(store, "models:/iris/5")


def test_a_version_whose_files_nobody_can_reach_says_why(store: Store) -> None:
    store.registry.create_version("iris", "s3://bucket/model")
    store.registry.create_version("iris", "models:/other/1")

    with pytest.raises(NotFoundError, match=r"iris version 4.*cannot read models from 's3://bucket/model'"):
        local_model_folder(store, "models:/iris/4")
    with pytest.raises(NotFoundError, match="another model of the registry"):
        local_model_folder(store, "models:/iris/5")


# ---- logged models -------------------------------------------------------------------------------


def log_model(store: Store, run_id: str | None, name: str, text: str) -> str:
    """Keep a logged model whose MLmodel file holds `text`; returns its id."""
    model = store.logged_models.create("0", name, source_run_id=run_id, status="READY")
    artifacts, home = store.logged_models.artifacts(model.model_id)
    path = "/".join(part for part in (home, "MLmodel") if part)
    if home is None:
        local = Path(model.artifact_location.removeprefix("file://"))
        local.mkdir(parents=True, exist_ok=True)
    artifacts.save_bytes(path, lambda file: file.write(text.encode()))
    return model.model_id


def text_at(store: Store, uri: str) -> str:
    return (local_model_folder(store, uri) / "MLmodel").read_text()


def test_a_logged_model_is_found_by_its_id_and_in_its_run(store: Store, run_id: str) -> None:
    model_id = log_model(store, run_id, "net", "first")

    by_id, by_run = resolve_model(store, f"models:/{model_id}"), resolve_model(store, f"runs:/{run_id}/net")

    assert (by_id.run_id, by_id.path, by_id.model_id) == (run_id, "net", model_id)
    assert (by_run.run_id, by_run.path, by_run.model_id) == (run_id, "net", model_id)
    assert text_at(store, f"models:/{model_id}") == text_at(store, f"runs:/{run_id}/net") == "first"
    assert local_model_folder(store, f"models:/{model_id}/MLmodel").name == "net"


def test_a_logged_model_without_a_run_is_found_by_its_id(store: Store, tmp_path: Path) -> None:
    model_id = log_model(store, None, "net", "alone")

    found = resolve_model(store, f"models:/{model_id}")

    assert (found.run_id, found.model_id) == (None, model_id)
    assert text_at(store, f"models:/{model_id}") == "alone"
    assert (
        artifact_uri_of(store, f"models:/{model_id}")
        == local_model_folder(store, f"models:/{model_id}").as_uri()
    )
    copy = local_model_folder(store, f"models:/{model_id}", tmp_path / "here")
    assert (copy / "MLmodel").read_text() == "alone"


def test_a_version_stays_at_its_model_when_the_run_logs_another_of_that_name(
    store: Store, run_id: str
) -> None:
    log_model(store, run_id, "net", "first")
    first = resolve_model(store, f"runs:/{run_id}/net")
    store.registry.create_version("nets", f"runs:/{run_id}/net", make_model=True)

    log_model(store, run_id, "net", "second")

    assert first.path == "net"
    assert text_at(store, f"runs:/{run_id}/net") == "second"
    assert text_at(store, "models:/nets/1") == "first"


# ---- downloads -----------------------------------------------------------------------------------


def test_a_download_is_a_copy_that_says_which_version_it_is(store: Store, tmp_path: Path) -> None:
    copy = local_model_folder(store, "models:/iris@champion", tmp_path / "here")

    assert copy == tmp_path / "here" / "clf"
    assert (copy / "data" / "weights").read_bytes() == b"\0\1"
    meta = yaml.safe_load((copy / "registered_model_meta").read_text())
    assert meta == {"model_name": "iris", "model_version": "3"}
    assert not (local_model_folder(store, "models:/iris/3") / "registered_model_meta").exists()


def test_a_download_of_a_run_or_of_a_part_says_no_version(store: Store, run_id: str, tmp_path: Path) -> None:
    copy = local_model_folder(store, f"runs:/{run_id}/models/clf", tmp_path / "here")
    part = local_model_folder(store, "models:/iris/1/data", tmp_path / "there")

    assert sorted(path.name for path in copy.iterdir()) == ["MLmodel", "data"]
    assert sorted(path.name for path in part.iterdir()) == ["weights"]


def test_a_folder_is_copied_when_a_copy_is_asked_for(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")

    copy = local_model_folder(None, folder, tmp_path / "here")
    again = local_model_folder(None, folder, tmp_path / "here")

    assert copy == again == tmp_path / "here" / "mine"
    assert sorted(path.name for path in copy.iterdir()) == ["MLmodel", "data"]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["mine"]


def test_a_download_writes_through_no_link_of_the_model(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = write_model(tmp_path / "strangers")
    (folder / "registered_model_meta").symlink_to(victim)
    store.registry.create_model("strange")
    store.registry.create_version("strange", folder.as_uri())

    with pytest.raises(InvalidValueError, match="holds a link, 'registered_model_meta'"):
        local_model_folder(store, "models:/strange/1", tmp_path / "out")

    assert victim.read_text() == "mine"


def test_what_says_the_version_replaces_a_link_that_came_into_the_copy(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    copy = local_model_folder(store, "models:/iris/3", tmp_path / "out")
    (copy / "registered_model_meta").unlink()
    (copy / "registered_model_meta").symlink_to(victim)

    local_model_folder(store, "models:/iris/3", tmp_path / "out")

    assert victim.read_text() == "mine"
    assert "iris" in (copy / "registered_model_meta").read_text()
    assert not [path.name for path in copy.iterdir() if path.name.startswith(".nbtrack-")]
