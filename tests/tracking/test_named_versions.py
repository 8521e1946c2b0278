"""Versions as people name them, and the comparison of two of them."""

from typing import Any

import pytest

import nbtrack
from nbtrack import MlflowClient
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.metric_directions import PRIMARY_IS_GREATER, PRIMARY_METRIC
from nbtrack.tracking.named_versions import version_named


@pytest.fixture
def client() -> MlflowClient:
    """Versions 1 to 3 of iris, with accuracies; 1 is in Production, 2 is the champion, 3 in Staging."""
    client = MlflowClient()
    client.create_registered_model("iris")
    for number in (1, 2, 3):
        with nbtrack.start_run(run_name=f"run {number}") as run:
            nbtrack.log_param("depth", number)
            nbtrack.log_metrics({"accuracy": 0.9 + number / 100, "spread": number})
        client.create_model_version("iris", "s3://bucket/model", run_id=run.run_id)
    client.transition_model_version_stage("iris", 1, "Production")
    client.transition_model_version_stage("iris", 3, "Staging")
    client.set_registered_model_alias("iris", "champion", 2)
    return client


@pytest.mark.parametrize(
    ("word", "number"),
    [
        (2, 2),
        ("2", 2),
        ("v2", 2),
        (" 2 ", 2),
        ("@champion", 2),
        ("champion", 2),
        ("Production", 1),
        ("staging", 3),
        ("latest", 3),
        ("@latest", 3),
        ("models:/iris/Production", 1),
        ("models:/iris@champion", 2),
    ],
)
def test_a_version_is_meant_by(client: MlflowClient, word: Any, number: int) -> None:
    assert version_named(nbtrack.Tracker(), "iris", word).version == number


def test_a_word_that_is_an_alias_and_a_stage_is_to_be_written_out(client: MlflowClient) -> None:
    client.set_registered_model_alias("iris", "production", 2)

    with pytest.raises(InvalidValueError, match="write @production for the alias, and Production"):
        client.compare_versions("iris", 3, "production")
    assert client.compare_versions("iris", 3, "@production").versions[1].version == 2
    assert client.compare_versions("iris", 3, "Production").versions[1].version == 1


@pytest.mark.parametrize(
    ("word", "error", "told"),
    [
        (9, NotFoundError, "has no version '9'. It has 3, 2, 1"),
        ("@chempion", NotFoundError, "Did you mean 'champion'"),
        ("chempion", NotFoundError, "Did you mean 'champion'.*It has 3, 2, 1; @champion"),
        ("Archived", NotFoundError, "no version in the stage 'Archived'"),
        (None, InvalidTypeError, "A version is a number.*got NoneType"),
        (1.5, InvalidTypeError, "is a whole number, got float 1.5"),
        (True, InvalidTypeError, "A version is a number.*got bool"),
        ("models:/iris/1/MLmodel", InvalidValueError, "is no version in the registry"),
        ("models:/nobody/1", NotFoundError, "nobody"),
    ],
)
def test_what_is_no_version_is_told_with_what_there_is(
    client: MlflowClient, word: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        client.compare_versions("iris", 1, word)


def test_of_an_unknown_registered_model_nothing_is_compared(client: MlflowClient) -> None:
    with pytest.raises(NotFoundError, match=r"'iirs'.*Did you mean 'iris'"):
        nbtrack.compare_versions("iirs", 1, 2)


def test_two_versions_are_compared_by_every_door(client: MlflowClient) -> None:
    for door in (nbtrack.compare_versions, nbtrack.Tracker().compare_versions, client.compare_versions):
        comparison = door("iris", 1, "@champion")

        assert [version.version for version in comparison.versions] == [1, 2]
        assert comparison.better == [[], ["accuracy"]]


def test_versions_of_two_registered_models_are_compared(client: MlflowClient) -> None:
    client.copy_model_version("models:/iris/2", "flowers")

    by_uri = nbtrack.compare_versions("iris", 1, "models:/flowers/1")
    by_object = nbtrack.compare_versions("iris", 1, client.get_model_version("flowers", 1))
    by_version = client.get_model_version("iris", 1).compare(client.get_model_version("flowers", 1))

    assert by_uri.labels == by_object.labels == ["iris 1", "flowers 1"]
    assert by_uri.to_dictionary()["metrics"] == by_version.to_dictionary()["metrics"]


def test_the_experiment_says_whether_more_of_its_primary_metric_is_better(client: MlflowClient) -> None:
    nbtrack.set_experiment_tags({PRIMARY_METRIC: "spread", PRIMARY_IS_GREATER: "false"})

    comparison = nbtrack.compare_versions("iris", 1, 3)

    assert comparison.better == [["spread"], ["accuracy"]]


def test_where_nothing_is_recorded_nothing_differs() -> None:
    tracker = nbtrack.Tracker(enabled=False)

    assert not any(tracker.compare_versions("iris", 1, 2).told().values())
