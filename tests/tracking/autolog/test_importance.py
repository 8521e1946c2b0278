"""The importance of features is kept as JSON, and drawn when nobody waits for it."""

from typing import Any

import pytest

import nbtrack
from nbtrack.tracking.autolog import cell_end, importance, options, sessions
from nbtrack.tracking.autolog.patching import Call


@pytest.fixture
def session() -> Any:
    options.choose("toy", {**options.COMMON, "silent": True}, own=True)
    with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
        yield session
    options.clear("toy")


def test_the_picture_is_drawn_at_the_end_and_the_numbers_are_kept_at_once(session: sessions.Session) -> None:
    importance.log(session, "gain", {"height": 2.0, "width": 1.0})

    uri = f"runs:/{session.run.run_id}"
    assert nbtrack.artifacts.load_dict(f"{uri}/feature_importance_gain.json") == {"height": 2.0, "width": 1.0}
    cell_end.end(None)
    assert nbtrack.artifacts.load_image(f"{uri}/feature_importance_gain.png").size[0] > 100


def test_the_most_important_feature_is_at_the_top() -> None:
    (axes,) = importance.drawn("gain", {"low": 1.0, "high": 3.0, "middle": -2.0}).axes

    assert [label.get_text() for label in axes.get_yticklabels()] == ["low", "middle", "high"]
    assert [bar.get_width() for bar in axes.patches] == [1.0, -2.0, 3.0]


def test_of_many_features_the_most_important_are_drawn() -> None:
    (axes,) = importance.drawn("weight", {f"f{number}": float(number) for number in range(1000)}).axes

    assert len(axes.patches) == importance.MOST_DRAWN
    assert axes.get_yticklabels()[-1].get_text() == "f999"
    assert "960" in axes.get_title()


def test_a_linear_model_has_a_bar_for_each_class() -> None:
    (axes,) = importance.drawn("weight", {"a": [1.0, -3.0], "b": [0.5, 0.5]}).axes

    assert len(axes.patches) == 4
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["class 0", "class 1"]


def test_no_feature_is_no_reason_to_fail() -> None:
    (axes,) = importance.drawn("weight", {}).axes

    assert len(axes.patches) == 0
