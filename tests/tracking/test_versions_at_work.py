"""What becomes of registered versions when that of which they are made goes into the bin, or is gone."""

import shutil
import warnings
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack import MlflowClient
from nbtrack.core.errors import NotFoundError, StoreError
from nbtrack.stores.local.registry import LocalRegistry


def line() -> LinearRegression:
    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])


def predicts(uri: str) -> bool:
    return bool(nbtrack.sklearn.load_model(uri).predict([[3.0]])[0] > 5)


@pytest.fixture
def run_id() -> str:
    """A run of the experiment flowers; its model is version 1 of lines."""
    nbtrack.set_experiment("flowers")
    with nbtrack.start_run() as run:
        nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
    return run.run_id


@pytest.fixture
def client(run_id: str) -> MlflowClient:
    return MlflowClient()


@pytest.fixture
def model_id(tmp_path: Path) -> str:
    """A logged model without a run; it is version 1 of alone."""
    model = nbtrack.initialize_logged_model(name="alone")
    folder = tmp_path / "saved"
    nbtrack.sklearn.save_model(line(), folder)
    MlflowClient().log_model_artifacts(model.model_id, str(folder))
    nbtrack.finalize_logged_model(model.model_id, "READY")
    nbtrack.register_model(f"models:/{model.model_id}", "alone")
    return model.model_id


# ---- loading -------------------------------------------------------------------------------------


def test_a_version_of_a_logged_model_without_a_run_loads(model_id: str, tmp_path: Path) -> None:
    MlflowClient().create_model_version("alone", f"models:/{model_id}")
    MlflowClient().copy_model_version("models:/alone/1", "copy")

    assert predicts("models:/alone/1")
    assert predicts("models:/alone/2")
    assert predicts("models:/copy/1")
    assert "flavors" in nbtrack.artifacts.load_text("models:/alone/1/MLmodel")
    folder = nbtrack.artifacts.download_artifacts("models:/alone/1", dst_path=tmp_path / "here")
    assert predicts(folder)
    uri = MlflowClient().get_model_version_download_uri("alone", 1)
    assert Path(uri.removeprefix("file://"), "MLmodel").is_file()


def test_a_version_of_something_inside_a_logged_model_leads_there(tmp_path: Path) -> None:
    model = nbtrack.initialize_logged_model(name="two")
    nbtrack.sklearn.save_model(line(), tmp_path / "inner")
    MlflowClient().log_model_artifact(model.model_id, str(tmp_path / "inner"))

    nbtrack.register_model(f"models:/{model.model_id}/inner", "inner")

    assert predicts("models:/inner/1")


def test_versions_load_on_when_what_they_are_made_of_is_in_the_bin(
    client: MlflowClient, run_id: str, model_id: str
) -> None:
    (version,) = client.search_model_versions("name = 'lines'")
    nbtrack.delete_logged_model(str(version.model_id))
    nbtrack.delete_logged_model(model_id)
    nbtrack.delete_run(run_id)
    nbtrack.delete_experiment(nbtrack.get_run(run_id).info.experiment_id)

    assert predicts("models:/lines/1")
    assert predicts("models:/alone/1")
    assert Path(client.get_model_version_download_uri("alone", 1).removeprefix("file://")).is_dir()
    with pytest.raises(NotFoundError, match=rf"deleted; restore_logged_model\('{model_id}'\) takes it back"):
        nbtrack.sklearn.load_model(f"models:/{model_id}")
    nbtrack.restore_logged_model(model_id)
    assert predicts(f"models:/{model_id}")


def test_a_version_whose_files_are_gone_says_where_they_were(
    client: MlflowClient, run_id: str, model_id: str
) -> None:
    for name in ("lines", "alone"):
        shutil.rmtree(client.get_model_version_download_uri(name, 1).removeprefix("file://"))

    with pytest.raises(FileNotFoundError, match=f"version 1 of 'lines', whose files were .* run {run_id}"):
        nbtrack.sklearn.load_model("models:/lines/1")
    with pytest.raises(FileNotFoundError, match=f"files were kept in the logged model {model_id}"):
        nbtrack.sklearn.load_model("models:/alone/1")


def test_a_version_of_a_run_of_another_store_says_so(tmp_path: Path) -> None:
    nbtrack.set_registry_uri(tmp_path / "shared")
    try:
        with nbtrack.start_run() as run:
            nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
        nbtrack.set_tracking_uri(tmp_path / "other")
        with nbtrack.start_run():
            pass

        with pytest.raises(NotFoundError) as caught:
            nbtrack.sklearn.load_model("models:/lines/1")
    finally:
        nbtrack.set_registry_uri(None)
        nbtrack.set_tracking_uri(None)

    assert str(caught.value) == (
        f"No run {run.run_id!r}. It was looked for in {tmp_path / 'other'}. Version 1 of 'lines' is made "
        "of it. If that is in another store, choose it with set_tracking_uri."
    )


# ---- the warning ---------------------------------------------------------------------------------


def warned_of(call: object, *arguments: str) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments)  # type: ignore[operator]
    return [str(each.message) for each in caught]


def test_of_versions_that_are_at_work_it_is_warned(client: MlflowClient, run_id: str) -> None:
    nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    client.transition_model_version_stage("lines", 1, "Production")
    client.set_registered_model_alias("lines", "champion", 1)
    client.set_registered_model_alias("lines", "challenger", 2)

    assert warned_of(nbtrack.delete_run, run_id) == [
        "Version 1 of 'lines' (Production, @champion), Version 2 of 'lines' (@challenger) are made of run "
        f"{run_id}, which is in the bin now. They load as long as its files are there; "
        f"restore_run({run_id!r}) takes it back."
    ]


def test_the_warning_points_at_the_line_that_deletes(client: MlflowClient, run_id: str) -> None:
    client.transition_model_version_stage("lines", 1, "Staging")

    with pytest.warns(UserWarning, match=r"Version 1 of 'lines' \(Staging\) is made of run") as caught:
        client.delete_run(run_id)

    assert caught[0].filename == __file__


def test_a_logged_model_and_an_experiment_are_warned_of_too(
    client: MlflowClient, run_id: str, model_id: str
) -> None:
    client.set_registered_model_alias("alone", "champion", 1)
    client.transition_model_version_stage("lines", 1, "production")
    experiment_id = nbtrack.get_run(run_id).info.experiment_id

    (of_model,) = warned_of(nbtrack.delete_logged_model, model_id)
    (of_experiment,) = warned_of(nbtrack.delete_experiment, experiment_id)

    assert of_model.startswith(
        f"Version 1 of 'alone' (@champion) is made of the logged model {model_id}, which"
    )
    assert of_model.endswith(f"restore_logged_model({model_id!r}) takes it back.")
    assert of_experiment.startswith(
        f"Version 1 of 'lines' (Production) is made of experiment {experiment_id}, "
    )
    assert of_experiment.endswith(f"restore_experiment({experiment_id!r}) takes it back.")


def test_an_alias_is_enough_to_be_warned_of_with_the_experiment(client: MlflowClient, run_id: str) -> None:
    client.set_registered_model_alias("lines", "champion", 1)

    assert len(warned_of(nbtrack.delete_experiment, nbtrack.get_run(run_id).info.experiment_id)) == 1


def test_of_versions_that_nobody_uses_and_of_other_runs_nothing_is_said(
    client: MlflowClient, run_id: str
) -> None:
    nbtrack.set_experiment("others")
    with nbtrack.start_run() as other:
        nbtrack.sklearn.log_model(line(), name="line", registered_model_name="lines")
    nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    client.transition_model_version_stage("lines", 1, "Archived")
    client.transition_model_version_stage("lines", 2, "Production")

    assert warned_of(nbtrack.delete_run, run_id) == []
    assert warned_of(nbtrack.delete_experiment, nbtrack.get_run(run_id).info.experiment_id) == []
    assert len(warned_of(nbtrack.delete_run, other.run_id)) == 1


def test_of_many_versions_some_are_named(client: MlflowClient, run_id: str) -> None:
    for number in range(2, 9):
        nbtrack.register_model(f"runs:/{run_id}/line", "lines")
        client.transition_model_version_stage("lines", number, "Staging")

    (warning,) = warned_of(nbtrack.delete_run, run_id)

    assert warning.count("Version") == 5
    assert " and 2 more are made of run" in warning


def test_a_registry_that_cannot_be_asked_stops_no_deletion(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("The disk is gone.")

    monkeypatch.setattr(LocalRegistry, "search_versions", refuse)

    nbtrack.delete_run(run_id)
    nbtrack.delete_experiment(nbtrack.get_run(run_id).info.experiment_id)

    assert nbtrack.get_run(run_id).info.lifecycle_stage == "deleted"
