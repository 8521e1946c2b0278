"""What a version keeps of its model and its run when it is registered."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack import MlflowClient
from nbtrack.core.registry import ModelVersion, VersionFacts
from nbtrack.models.signature import ModelSignature, infer_signature

SIGNATURE = infer_signature([[1.0, 2.0]], [3.0])


def log_model(name: str = "line", **options: Any) -> Any:
    model = LinearRegression().fit([[1.0, 2.0], [3.0, 5.0]], [3.0, 8.0])
    return nbtrack.sklearn.log_model(model, name=name, signature=SIGNATURE, **options)


@pytest.fixture
def run_id() -> str:
    """A run with a model at `line`, which has ended."""
    with nbtrack.start_run(run_name="first try") as run:
        nbtrack.log_param("fit_intercept", True)
        nbtrack.log_metric("r2", 0.7, step=1)
        nbtrack.log_metric("r2", 0.9, step=2)
        log_model()
        nbtrack.log_metric("latency_ms", 3.5)
        nbtrack.log_metric("system/cpu_utilization", 50)
    return run.run_id


def values(version: ModelVersion) -> dict[str, float]:
    return {metric.key: metric.value for metric in version.metrics or ()}


def by_register(uri: str) -> ModelVersion:
    return nbtrack.register_model(uri, "lines")


def by_create(uri: str) -> ModelVersion:
    client = MlflowClient()
    client.create_registered_model("lines")
    return client.create_model_version("lines", uri)


@pytest.mark.parametrize("register", [by_register, by_create])
def test_a_version_keeps_the_params_metrics_signature_size_and_flavors_of_its_model(
    run_id: str, register: Callable[[str], ModelVersion]
) -> None:
    version = register(f"runs:/{run_id}/line")

    assert version.params == {"fit_intercept": "True"}
    assert values(version) == {"r2": 0.9, "latency_ms": 3.5}
    assert [(metric.step, metric.run_id) for metric in version.metrics or ()] == [(2, run_id), (0, run_id)]
    assert all(metric.timestamp > 1_600_000_000_000 for metric in version.metrics or ())
    assert ModelSignature.from_dict(version.signature or {}) == SIGNATURE
    assert version.model_size_bytes == nbtrack.models.get_model_info(f"runs:/{run_id}/line").size_bytes
    assert version.flavors == ["python_function", "sklearn"]
    assert any(line.startswith("scikit-learn==") for line in version.requirements or ())
    assert version.run_name == "first try"
    assert MlflowClient().get_model_version("lines", 1) == version


def test_log_model_registers_a_version_that_knows_the_same(run_id: str) -> None:
    with nbtrack.start_run(run_name="first try") as run:
        nbtrack.log_param("fit_intercept", True)
        nbtrack.log_metric("r2", 0.9, step=2)
        info = log_model(registered_model_name="lines")

    version = MlflowClient().get_model_version("lines", 1)
    again = nbtrack.register_model(f"runs:/{run.run_id}/line", "lines")

    assert (version.params, values(version)) == ({"fit_intercept": "True"}, {"r2": 0.9})
    assert version.signature == SIGNATURE.to_dict() == again.signature
    assert version.model_size_bytes == info.size_bytes == again.model_size_bytes
    assert (version.flavors, version.requirements) == (again.flavors, again.requirements)
    assert version.run_name == "first try"


def test_what_is_logged_later_does_not_change_a_version(run_id: str) -> None:
    before = nbtrack.register_model(f"runs:/{run_id}/line", "lines")

    client = MlflowClient()
    client.log_metric(run_id, "r2", 0.1, step=9)
    client.log_param(run_id, "late", 1)
    nbtrack.log_model_params({"later": 2}, model_id=before.model_id)
    client.update_run(run_id, name="another name")

    assert client.get_model_version("lines", 1) == before
    assert values(nbtrack.register_model(f"runs:/{run_id}/line", "lines"))["r2"] == 0.9  # the model's own
    assert values(nbtrack.register_model(f"runs:/{run_id}/line", "lines"))["latency_ms"] == 3.5


def test_what_was_measured_of_the_model_comes_before_what_its_run_logged(run_id: str) -> None:
    version = nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    with nbtrack.start_run():
        nbtrack.log_metric("r2", 0.4, step=3, model_id=version.model_id)

    again = nbtrack.register_model(f"runs:/{run_id}/line", "lines")

    assert values(again) == {"r2": 0.4, "latency_ms": 3.5}
    assert values(version) == {"r2": 0.9, "latency_ms": 3.5}


def test_a_param_of_the_model_comes_before_one_that_its_run_got_later() -> None:
    with nbtrack.start_run() as run:
        log_model(params={"alpha": 1})
        nbtrack.log_params({"alpha": 2, "beta": 3})

    version = nbtrack.register_model(f"runs:/{run.run_id}/line", "lines")

    assert version.params == {"alpha": "1", "beta": "3"}


def test_a_run_that_goes_on_gives_what_it_has_so_far(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("r2", 0.5)
        run.log_artifacts(write_model(tmp_path / "made"), "line")
        version = nbtrack.register_model(f"runs:/{run.run_id}/line", "lines")
        nbtrack.log_metric("r2", 0.8)

    assert values(version) == {"r2": 0.5}
    assert values(MlflowClient().get_model_version("lines", 1)) == {"r2": 0.5}


def write_model(folder: Path, text: str = "flavors: {sklearn: {}}\nmodel_size_bytes: 5\n") -> Path:
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(text)
    return folder


def test_a_copy_and_a_version_of_a_version_keep_what_the_first_one_does(run_id: str) -> None:
    first = nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    client = MlflowClient()
    client.log_metric(run_id, "latency_ms", 9.0, step=5)
    client.create_registered_model("more lines")

    others = [
        client.copy_model_version("models:/lines/1", "live lines"),
        nbtrack.register_model("models:/lines/1", "lines"),
        client.create_model_version("more lines", "models:/lines/1"),
    ]

    for other in others:
        assert (other.params, other.metrics, other.signature) == (
            first.params,
            first.metrics,
            first.signature,
        )
        assert (other.model_size_bytes, other.requirements) == (first.model_size_bytes, first.requirements)


def test_a_version_keeps_all_it_knows_when_its_run_and_its_files_are_gone(run_id: str) -> None:
    version = nbtrack.register_model(f"runs:/{run_id}/line", "lines")

    nbtrack.delete_run(run_id)
    shutil.rmtree(next(Path(".nbtrack", "runs").glob("*/artifacts")))

    assert MlflowClient().get_model_version("lines", 1) == version


@pytest.mark.parametrize(
    "source", ["s3://bucket/model", "/nowhere/model", "runs:/0123456789abcdef0123456789abcdef/model"]
)
def test_of_files_and_runs_that_are_not_in_reach_nothing_is_known(source: str) -> None:
    client = MlflowClient()
    client.create_registered_model("lines")

    version = client.create_model_version("lines", source)

    assert (version.params, version.metrics, version.signature) == (None, None, None)
    assert (version.model_size_bytes, version.flavors, version.requirements) == (None, None, None)


def test_a_run_is_known_where_its_files_are_not(run_id: str) -> None:
    client = MlflowClient()
    client.create_registered_model("lines")

    version = client.create_model_version("lines", "s3://bucket/model", run_id=run_id)

    assert values(version) == {"r2": 0.9, "latency_ms": 3.5}
    assert (version.run_name, version.flavors) == ("first try", None)


@pytest.mark.parametrize(
    "text",
    [
        "flavors: [1, 2]\nsignature: 7\nmodel_size_bytes: huge\n",
        "just text",
        "flavors: {sklearn: {}}\nsignature: {inputs: 3, outputs: [1]}\nmodel_size_bytes: -1\n",
        "a: &a [x]\nflavors: !!python/object:os.system {}\n",
        "",
        "\x00\x01",
    ],
)
def test_an_mlmodel_file_that_is_none_is_no_reason_to_refuse(tmp_path: Path, text: str) -> None:
    folder = write_model(tmp_path / "made", text)

    version = nbtrack.register_model(folder, "lines")

    assert (version.version, version.signature, version.model_size_bytes) == (1, None, None)
    assert version.metrics is None


def test_a_link_in_the_place_of_the_mlmodel_file_is_not_followed(tmp_path: Path) -> None:
    secret = write_model(tmp_path / "secret", "flavors: {secret: {}}\n")
    with nbtrack.start_run() as run:
        run.log_artifacts(write_model(tmp_path / "made"), "line")
    placed = next(Path(".nbtrack").rglob("line/MLmodel"))
    placed.unlink()
    placed.symlink_to(secret / "MLmodel")
    client = MlflowClient()
    client.create_registered_model("lines")

    version = client.create_model_version("lines", f"runs:/{run.run_id}/line")

    assert version.flavors is None


def test_a_registry_of_its_own_keeps_what_the_store_of_the_runs_knows(run_id: str, tmp_path: Path) -> None:
    client = MlflowClient(registry_uri=tmp_path / "registry")
    client.create_registered_model("lines")

    version = client.create_model_version("lines", f"runs:/{run_id}/line")

    assert values(version) == {"r2": 0.9, "latency_ms": 3.5}
    assert version.flavors == ["python_function", "sklearn"]
    client.close()


def test_a_run_with_very_many_metrics_gives_a_thousand() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metrics({f"m{number}": number for number in range(1200)})
    client = MlflowClient()
    client.create_registered_model("lines")

    version = client.create_model_version("lines", "s3://bucket/model", run_id=run.run_id)

    assert len(version.metrics or ()) == 1000


def test_a_version_that_was_deleted_comes_back_with_all_it_knew(run_id: str) -> None:
    version = nbtrack.register_model(f"runs:/{run_id}/line", "lines")
    client = MlflowClient()

    client.delete_model_version("lines", 1)
    nbtrack.undo("lines")
    once = client.get_model_version("lines", 1)
    client.delete_registered_model("lines")
    nbtrack.undo("lines")
    twice = client.get_model_version("lines", 1)

    for back in (once, twice):
        for name, _ in VersionFacts():
            assert getattr(back, name) == getattr(version, name)
    assert [each.version for each in client.search_model_versions("metrics.r2 > 0.8")] == [1]


def test_a_signature_that_is_longer_than_any_stays_in_the_files(tmp_path: Path) -> None:
    columns = json.dumps([{"name": "x" * 1000, "type": "double"}] * 2000)
    text = json.dumps({"flavors": {"sklearn": {}}, "signature": {"inputs": columns}})

    version = nbtrack.register_model(write_model(tmp_path / "made", text), "lines")

    assert (version.flavors, version.signature) == (["sklearn"], None)


def test_a_version_as_a_dict_is_made_of_plain_values(run_id: str) -> None:
    version = nbtrack.register_model(f"runs:/{run_id}/line", "lines")

    plain = json.loads(json.dumps(version.to_dictionary()))

    assert plain["metrics"][0]["key"] == "r2"
    assert plain["signature"] == SIGNATURE.to_dict()


# ---- searching by it -----------------------------------------------------------------------------


@pytest.fixture
def graded() -> MlflowClient:
    """Versions 1 to 4 of graded, with a grade each; 3 has NaN, 4 none."""
    client = MlflowClient()
    client.create_registered_model("graded")
    for grade in (0.7, 0.9, float("nan"), None):
        with nbtrack.start_run() as run:
            nbtrack.log_param("grade", grade)
            if grade is not None:
                nbtrack.log_metric("grade", grade)
        client.create_model_version("graded", "s3://bucket/model", run_id=run.run_id)
    return client


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("metrics.grade > 0.8", [2]),
        ("metrics.grade < 0.8 or params.grade = 'None'", [1, 4]),
        ("metrics.grade != 0.9", [1, 3]),
        ("metrics.grade IS NULL", [4]),
        ("params.grade >= 0.7", [1, 2]),
    ],
)
def test_versions_are_found_by_their_metrics_and_params(
    graded: MlflowClient, asked: str, found: list[int]
) -> None:
    page = graded.search_model_versions(asked, order_by=["version_number"])

    assert [version.version for version in page] == found


@pytest.mark.parametrize(("direction", "found"), [("DESC", [2, 1, 3, 4]), ("ASC", [1, 2, 3, 4])])
def test_versions_are_sorted_by_a_metric_page_by_page(
    graded: MlflowClient, direction: str, found: list[int]
) -> None:
    order = [f"metrics.grade {direction}"]

    first = graded.search_model_versions("name = 'graded'", 2, order)
    rest = graded.search_model_versions("name = 'graded'", 9, order, first.token)

    assert [version.version for version in [*first, *rest]] == found


@pytest.mark.parametrize(
    ("asked", "order", "told"),
    [
        ("metrics.grde > 0.5", None, "No model version has a metric 'grde'.*did you mean 'grade'"),
        ("params.grde = 'x'", None, "No model version has a param 'grde'.*did you mean 'grade'"),
        (None, ["metrics.grde DESC"], "No model version has a metric 'grde'.*did you mean 'grade'"),
    ],
)
def test_a_slip_of_the_pen_in_a_key_is_told(
    graded: MlflowClient, asked: str | None, order: list[str] | None, told: str
) -> None:
    with pytest.warns(UserWarning, match=told):
        graded.search_model_versions(asked, order_by=order)


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ("metrics.grade > 5", None),
        ("tags.approved = 'yes'", None),
        ("metrics.f1 > 0.5", None),
        (None, ["metrics.f1 DESC"]),
        ("params.grade = 'x' and name = 'nobody'", ["metrics.grade"]),
    ],
)
def test_a_search_that_asks_for_what_there_is_or_is_not_yet_warns_of_nothing(
    graded: MlflowClient, asked: str | None, order: list[str] | None
) -> None:
    graded.search_model_versions(asked, order_by=order)
