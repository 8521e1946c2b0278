"""What differs between versions of models, as data and as a table."""

import json
from typing import Any

import pytest

from nbtrack.core.entities import Metric
from nbtrack.core.errors import InvalidTypeError
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.registry import ModelVersion
from nbtrack.core.version_comparison_view import version_comparison_view
from nbtrack.core.version_comparisons import compare_versions

COLUMN = {"name": "length", "type": "double", "required": True}
HOSTILE = "<script>alert(1)</script>$x$\u202e\x1b[31m\n"


def make(number: int, name: str = "iris", **fields: Any) -> ModelVersion:
    given: dict[str, Any] = {
        "params": {"depth": "8"},
        "metrics": [Metric("accuracy", 0.9, 1)],
        "signature": {"inputs": json.dumps([COLUMN]), "outputs": None, "params": None},
        "model_size_bytes": 812,
        "flavors": ["python_function", "sklearn"],
        "requirements": ["numpy==2.4.6"],
        "run_id": f"{number:032x}",
        "run_name": f"run {number}",
        "user_id": "ada",
    }
    return ModelVersion(name, number, 1763750000000, **{**given, **fields})


def lines_of(*versions: ModelVersion, **options: Any) -> list[str]:
    return version_comparison_view(compare_versions(versions), **options).text.splitlines()


def test_what_differs_is_told_section_by_section() -> None:
    column = {**COLUMN, "type": "float", "required": False}
    other = make(
        2,
        params={"depth": "9", "seed": "1"},
        metrics=[Metric("accuracy", 0.92, 1), Metric("loss", 0.1, 1)],
        signature={"inputs": json.dumps([column, {"name": "colour", "type": "string"}])},
        model_size_bytes=1500,
        flavors=["python_function", "xgboost"],
        requirements=["numpy>=2", "pandas"],
        tags={"team": "botany", "mlflow.source": "x"},
    )

    told = make(1).compare(other).told()

    assert {section: {row.key: row.values for row in rows} for section, rows in told.items()} == {
        "metrics": {"accuracy": (0.9, 0.92), "loss": (None, 0.1)},
        "params": {"depth": ("8", "9"), "seed": (None, "1")},
        "signature": {
            "input length": ("double", "float (optional)"),
            "input colour": (None, "string"),
        },
        "files": {
            "flavors": ("python_function, sklearn", "python_function, xgboost"),
            "size": ("812 B", "1.5 kB (1,500 B)"),
        },
        "requirements": {"numpy": ("2.4.6", ">=2"), "pandas": (None, "any")},
        "tags": {"team": (None, "botany")},
    }


def test_metrics_have_differences_and_the_better_one_is_known_by_their_names() -> None:
    first = make(1, metrics=[Metric("accuracy", 0.9, 1), Metric("log_loss", 0.3, 1), Metric("rows", 10, 1)])
    other = make(2, metrics=[Metric("accuracy", 0.92, 1), Metric("log_loss", 0.4, 1), Metric("rows", 12, 1)])

    comparison = first.compare(other)

    assert [row.greater_is_better for row in comparison.metrics] == [True, False, None]
    assert [row.deltas[1] for row in comparison.metrics] == [pytest.approx(0.02), pytest.approx(0.1), 2]
    assert comparison.better == [["log_loss"], ["accuracy"]]
    assert "better: version 1 by log_loss; version 2 by accuracy" in lines_of(first, other)


def test_what_is_known_of_a_metric_says_more_than_its_name() -> None:
    versions = [make(1, metrics=[Metric("rows", 1, 1)]), make(2, metrics=[Metric("rows", 2, 1)])]

    assert compare_versions(versions, directions={"rows": True}).better == [[], ["rows"]]


def test_a_metric_of_several_data_sets_is_compared_on_each_of_them() -> None:
    train = Metric("accuracy", 0.99, 1, dataset_name="train", dataset_digest="a")
    test = Metric("accuracy", 0.9, 1, dataset_name="test", dataset_digest="b")
    first, other = (
        make(1, metrics=[train, test]),
        make(2, metrics=[Metric("accuracy", 0.8, 1, dataset_name="test")]),
    )

    rows = {row.key: row.values for row in first.compare(other).metrics}

    assert rows == {"accuracy on train": (0.99, None), "accuracy on test": (0.9, 0.8)}


def test_of_what_is_not_known_of_a_version_nothing_is_said_to_differ() -> None:
    bare = make(
        2, params=None, metrics=None, signature=None, flavors=None, model_size_bytes=None, requirements=None
    )

    comparison = make(1).compare(bare)

    assert not any(comparison.told().values())
    assert dict(comparison.unknown)["metrics"] == (bare,)
    assert "not known of version 2: params, signature, files, requirements, metrics" in lines_of(
        make(1), bare
    )


def test_a_model_without_a_signature_differs_from_one_with_it() -> None:
    told = make(1).compare(make(2, signature=None)).told()

    assert [(row.key, row.values) for row in told["signature"]] == [("input length", ("double", None))]


def test_printing_a_comparison_shows_the_whole_table() -> None:
    other = make(2, params={str(number): "x" for number in range(200)})

    assert str(make(1).compare(other)).splitlines() == lines_of(make(1), other)
    assert "  199" in str(make(1).compare(other))
    assert "and 151 more" in make(1).compare(other)._repr_mimebundle_()["text/plain"]


def test_versions_that_agree_say_so() -> None:
    lines = lines_of(make(1), make(2))

    assert "Nothing that both of them recorded differs." in lines
    assert "same in both: depth=8" in lines
    assert repr(make(1).compare(make(2))) == "<VersionComparison of 'iris' 1 and 'iris' 2: nothing differs>"


def test_the_table_names_the_registered_model_once_or_both() -> None:
    assert lines_of(make(1), make(2))[0].split() == ["iris", "version", "1", "version", "2"]
    assert lines_of(make(1), make(2, "wine"))[0].split() == ["iris", "1", "wine", "2"]


def test_the_table_says_what_versions_are_in_use_as_and_where_they_come_from() -> None:
    first = make(1, current_stage="Production", aliases=["champion"])
    lines = lines_of(first, make(2, description="New\nand better", user_id="bob"))

    assert any(line.startswith("in use as") and "Production, @champion" in line for line in lines)
    assert any(line.startswith("run") and "run 1 (00000000)" in line for line in lines)
    assert any(line.startswith("description") and line.endswith("New") for line in lines)
    assert any(line.startswith("registered") and line.endswith("by bob") for line in lines)


def test_who_registered_them_is_told_where_it_was_not_one() -> None:
    assert not any("by ada" in line for line in lines_of(make(1), make(2)))


def test_everything_shows_what_is_the_same_too() -> None:
    lines = lines_of(make(1), make(2), everything=True)

    assert any(line.split() == ["depth", "8", "8"] for line in lines)
    assert not any(line.startswith("same in both") for line in lines)


def test_the_comparison_as_a_data_frame() -> None:
    other = make(2, metrics=[Metric("accuracy", 0.92, 1)], params={"depth": "9"})

    frame = make(1).compare(other).to_pandas()

    assert list(frame.columns) == ["section", "name", "iris 1", "iris 2", "delta", "better"]
    assert frame.iloc[0, :4].tolist() == ["metrics", "accuracy", 0.9, 0.92]
    assert frame["delta"][0] == pytest.approx(0.02)
    assert frame["better"][0] == "version 2"
    assert frame.iloc[1, :4].tolist() == ["params", "depth", "8", "9"]
    assert frame["delta"].isna().tolist() == [False, True]


def test_a_version_compared_with_itself_makes_a_data_frame_of_two_columns() -> None:
    comparison = make(1).compare(make(1))

    assert len(comparison.to_pandas()) == 0
    assert list(comparison.to_pandas(everything=True).columns)[2:4] == ["iris 1", "iris 1 (2)"]


def test_the_comparison_as_plain_values() -> None:
    other = make(2, metrics=[Metric("accuracy", 0.92, 1)])

    plain = json.loads(json.dumps(make(1).compare(other).to_dictionary()))

    assert [(each["name"], each["version"]) for each in plain["versions"]] == [("iris", 1), ("iris", 2)]
    assert plain["metrics"]["accuracy"]["best"] == [1]
    assert plain["params"] == {}


def test_what_people_write_is_shown_as_text_and_the_whole_stays_small() -> None:
    many = {f"{HOSTILE}{number}": HOSTILE * 50 for number in range(1000)}
    first = make(1, HOSTILE, params=many, tags=many, aliases=[f"{'a' * 200}{n}" for n in range(300)])
    other = make(
        2,
        HOSTILE,
        tags=dict.fromkeys(many, "$" * 100),
        metrics=[Metric(key, 1.0, 1) for key in many],
        signature={"inputs": HOSTILE * 10_000, "outputs": json.dumps([{"name": HOSTILE, "type": HOSTILE}])},
        requirements=[HOSTILE] * 1000,
        flavors=[HOSTILE] * 1000,
        run_name=HOSTILE,
        description=HOSTILE * 100_000,
        user_id=HOSTILE,
    )

    shown = first.compare(other)._repr_mimebundle_()

    assert "<script" not in shown["text/html"]
    assert "&lt;script&gt;" in shown["text/html"]
    assert not any(letter in shown["text/plain"] for letter in ("\x1b", "\u202e"))
    assert max(len(text.encode()) for text in shown.values()) <= MOST_BYTES


def test_only_a_version_is_compared_by_itself() -> None:
    with pytest.raises(InvalidTypeError, match="compare_versions takes numbers"):
        make(1).compare(2)  # pyright: ignore[reportArgumentType]
