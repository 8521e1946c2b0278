"""What every store must do with the data sets of a run, and with tags that are changed by what they hold."""

import json
import threading

import pytest

from nbtrack.core.datasets import CONTEXT, Dataset, DatasetInput, InputTag
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.stores.contracts import Store


def used(name: str = "iris", digest: str = "0a1b2c3d", *, tags: dict[str, str] | None = None) -> DatasetInput:
    dataset = Dataset(name, digest, "local", '{"uri": "iris.csv"}', None, '{"num_rows": 150}')
    return DatasetInput(dataset, tuple(InputTag(key, value) for key, value in (tags or {}).items()))


@pytest.fixture
def run_id(store: Store) -> str:
    return store.runs.create("0", "one", tags={})


def test_data_sets_come_back_as_they_were_logged_and_in_that_order(store: Store, run_id: str) -> None:
    train, test = used(tags={CONTEXT: "train"}), used(digest="ffffffff", tags={CONTEXT: "test"})

    store.runs.log_inputs(run_id, [train])
    store.runs.log_inputs(run_id, [test])

    assert store.runs.get(run_id).inputs.dataset_inputs == (train, test)
    assert store.runs.search()[0].inputs.dataset_inputs == (train, test)
    assert store.runs.get(run_id).to_dictionary()["inputs"]["dataset_inputs"][0] == {
        "dataset": {
            "name": "iris",
            "digest": "0a1b2c3d",
            "source_type": "local",
            "source": '{"uri": "iris.csv"}',
            "schema": None,
            "profile": '{"num_rows": 150}',
        },
        "tags": {CONTEXT: "train"},
    }


def test_the_same_data_set_again_only_brings_its_tags(store: Store, run_id: str) -> None:
    store.runs.log_inputs(run_id, [used(tags={CONTEXT: "train", "fold": "1"})])

    store.runs.log_inputs(run_id, [used(tags={CONTEXT: "eval"}), used(tags={"split": "a"})])

    (one,) = store.runs.get(run_id).inputs.dataset_inputs
    assert {tag.key: tag.value for tag in one.tags} == {CONTEXT: "eval", "fold": "1", "split": "a"}
    assert one.context == "eval"


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (used(name=""), InvalidValueError, "name of a data set is empty"),
        (used(name="x" * 501), InvalidValueError, "500 characters, this one has 501"),
        (used(digest="0" * 37), InvalidValueError, "digest.*36 characters"),
        (DatasetInput(Dataset("a", "b", "local", "x" * 65_536)), InvalidValueError, "source.*65,535"),
        (
            DatasetInput(Dataset("a", "b", "local", "x", "s" * 1_048_576)),
            InvalidValueError,
            "schema.*1,048,575",
        ),
        (used(tags={"": "x"}), InvalidValueError, "key of an input tag is empty"),
        (used(tags={"k": "x" * 501}), InvalidValueError, "'k'.*500"),
        (DatasetInput(Dataset("a", 5, "local", "x")), InvalidTypeError, "digest.*int '5'"),  # type: ignore[arg-type]
        ("iris", InvalidTypeError, "DatasetInput objects, got str"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_mlflow_would_not_take_is_refused_and_nothing_is_kept(
    store: Store, run_id: str, bad: DatasetInput, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        store.runs.log_inputs(run_id, [used(), bad])

    assert store.runs.get(run_id).inputs.dataset_inputs == ()


def test_inputs_of_a_run_that_does_not_exist_are_an_error(store: Store) -> None:
    with pytest.raises(NotFoundError, match="f" * 32):
        store.runs.log_inputs("f" * 32, [used()])
    with pytest.raises(NotFoundError, match="f" * 32):
        store.runs.change_tag("f" * 32, "a", lambda held: "b")


def test_a_tag_that_many_change_by_what_it_holds_loses_nothing(store: Store, run_id: str) -> None:
    def work(number: int) -> None:
        for index in range(20):
            store.runs.change_tag(
                run_id, "list", lambda held, at=index: json.dumps([*json.loads(held or "[]"), (number, at)])
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = json.loads(store.runs.get(run_id).data.tags["list"])
    assert sorted(held) == [[number, index] for number in range(4) for index in range(20)]
