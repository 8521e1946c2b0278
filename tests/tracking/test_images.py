"""Images: what is taken, what is refused, what lies in the run afterwards."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as pillow

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.stores.contracts import Store
from nbtrack.tracking import artifact_access
from nbtrack.tracking.active_run import ActiveRun
from nbtrack.tracking.images import Image
from nbtrack.tracking.tracker import Tracker

RAMP = np.arange(0, 240, 2, dtype=np.uint8).reshape(10, 12)
COLOURS = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 7)], axis=-1)


@pytest.fixture
def run(tracker: Tracker) -> Iterator[ActiveRun]:
    with tracker.start_run() as run:
        yield run


@pytest.fixture
def store(tracker: Tracker) -> Store:
    return tracker._store()


def names(store: Store, run: ActiveRun, folder: str | None = None) -> list[str]:
    return [info.path for info in artifact_access.list_artifacts(store, run.run_id, folder)]


@pytest.mark.parametrize(
    ("given", "mode", "pixels"),
    [
        (RAMP, "L", RAMP),
        (RAMP[:, :, None], "L", RAMP),
        (COLOURS, "RGB", COLOURS),
        (COLOURS.astype(np.int64), "RGB", COLOURS),
        (np.asfortranarray(COLOURS), "RGB", COLOURS),
        (np.dstack([COLOURS, RAMP]), "RGBA", np.dstack([COLOURS, RAMP])),
        (COLOURS / 255, "RGB", COLOURS),
        ((COLOURS / 255).astype(np.float16), "RGB", COLOURS),
        (np.array([[0.0, 0.999, 0.001, 1.0]]), "L", [[0, 255, 0, 255]]),
        (RAMP > 100, "L", np.where(RAMP > 100, 255, 0)),
        (torch.tensor(COLOURS), "RGB", COLOURS),
        (torch.tensor(COLOURS / 255, requires_grad=True), "RGB", COLOURS),
        ((torch.tensor(COLOURS) > 100).bfloat16(), "RGB", np.where(COLOURS > 100, 255, 0)),
        (Image(COLOURS.tolist()), "RGB", COLOURS),
        (pillow.fromarray(COLOURS), "RGB", COLOURS),
        (pillow.fromarray((RAMP / 255).astype(np.float32)), "L", RAMP),
        (pillow.new("CMYK", (3, 2)), "RGB", np.full((2, 3, 3), 255)),
        (pillow.new("1", (3, 2), 1), "1", np.ones((2, 3), bool)),
    ],
    ids=lambda value: "",
)
def test_what_is_an_image_comes_back_pixel_by_pixel(
    given: Any, mode: str, pixels: Any, run: ActiveRun, store: Store
) -> None:
    run.log_image(given, "folder/one.png")

    image = artifact_access.load_image(store, run.run_id, "folder/one.png")
    assert (image.format, image.mode) == ("PNG", mode)
    assert np.abs(np.asarray(image).astype(int) - np.asarray(pixels).astype(int)).max() == 0


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (np.zeros(3), InvalidValueError, r"got \(3,\)"),
        (np.zeros((4, 4, 2)), InvalidValueError, r"got \(4, 4, 2\)"),
        (torch.zeros(3, 8, 8), InvalidValueError, "channels come first.*moveaxis"),
        (np.zeros((2, 8, 8, 3)), InvalidValueError, "one by one"),
        (np.zeros((0, 8)), InvalidValueError, "empty"),
        (np.array([[0, 256]]), InvalidValueError, "0 to 255, got 0 to 256"),
        (np.array([[-1, 0]]), InvalidValueError, "got -1 to 0"),
        (np.array([["a"]]), InvalidTypeError, "numbers or booleans, got <U1"),
        (np.zeros((2, 2), complex), InvalidTypeError, "complex128"),
        ([[1, 2], [3]], InvalidTypeError, "is none"),
        ("one.png", InvalidTypeError, r"nbtrack\.Image\(path\)"),
        (b"bytes", InvalidTypeError, "got bytes"),
        (None, InvalidTypeError, "got NoneType"),
    ],
)
@pytest.mark.parametrize("where", [{"artifact_file": "a.png"}, {"key": "series"}])
def test_what_is_no_image_is_refused_before_anything_is_written(
    given: Any, error: type[Exception], words: str, where: dict[str, str], run: ActiveRun, store: Store
) -> None:
    with pytest.raises(error, match=words):
        run.log_image(given, **where)

    assert names(store, run) == []
    assert "mlflow.loggedImages" not in run.data.tags


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ({}, TypeError, "either artifact_file"),
        ({"artifact_file": "a.png", "key": "a"}, TypeError, "either artifact_file"),
        ({"artifact_file": "a.png", "step": 1}, TypeError, "belong to a series"),
        ({"artifact_file": "a.png", "timestamp": 1}, TypeError, "belong to a series"),
        ({"artifact_file": "a.txt"}, InvalidValueError, "not as 'txt'"),
        ({"artifact_file": "a.jpg"}, InvalidValueError, "no transparency"),
        ({"artifact_file": "../a.png"}, InvalidValueError, "would leave the run"),
        ({"key": ""}, InvalidValueError, "key of an image"),
        ({"key": "a+step+1"}, InvalidValueError, r"a\+step\+1"),
        ({"key": "ä"}, InvalidValueError, "key of an image"),
        ({"key": 5}, TypeError, "text, got int"),
        ({"key": "a", "step": 0.5}, TypeError, "whole number"),
        ({"key": "a", "timestamp": -1}, InvalidValueError, "between"),
        ({"key": "k" * 250}, InvalidValueError, "longer than 255"),
    ],
)
def test_where_no_image_can_go_is_said_before_anything_is_written(
    where: dict[str, Any], error: type[Exception], words: str, run: ActiveRun, store: Store
) -> None:
    with pytest.raises(error, match=words):
        run.log_image(np.zeros((4, 4, 4)), **where)

    assert names(store, run) == []


def test_a_series_has_the_names_that_mlflow_reads(run: ActiveRun, store: Store) -> None:
    for step in (0, 5):
        run.log_image(np.zeros((300, 900, 3)), key="val/first sample", step=step, timestamp=1_700_000_000_000)
    run.log_image(np.zeros((2, 2)), key="plain")

    unique = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for step in (0, 5):
        pattern = rf"images/val~first sample\+step\+{step}\+timestamp\+1700000000000\+{unique}"
        found = [name for name in names(store, run, "images") if re.match(pattern, name)]
        small, large = sorted(found)
        assert re.fullmatch(pattern + r"\+compressed\.webp", small)
        assert re.fullmatch(pattern + r"\.png", large)
        assert artifact_access.load_image(store, run.run_id, large).size == (900, 300)
        assert artifact_access.load_image(store, run.run_id, small).size == (256, 85)
    assert len(names(store, run, "images")) == 6
    assert run.data.tags["mlflow.loggedImages"] == "True"


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "JPEG"), ("a.webp", "WEBP"), ("A.PNG", "PNG"), ("no-ending", "PNG")]
)
def test_the_ending_is_the_format(name: str, kind: str, run: ActiveRun, store: Store) -> None:
    run.log_image(COLOURS, name)

    assert artifact_access.load_image(store, run.run_id, name).format == kind


def test_an_image_object_gives_its_pixels_in_every_form(tmp_path: Path) -> None:
    image = Image(COLOURS)

    image.save(tmp_path / "a.png")
    again = Image(tmp_path / "a.png")

    assert again.to_list() == COLOURS.tolist()
    assert (again.to_array() == COLOURS).all()
    assert again.to_pil().size == again.size == (12, 10)
    assert Image(again).to_pil() is again.to_pil()
    small = again.resize((6, 5))
    assert again.size == (12, 10)
    assert repr(small) == "<Image 6x5 RGB>"
    assert pillow.open(io.BytesIO(small._repr_png_())).size == (6, 5)


def test_a_file_that_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("text")
    Image(COLOURS).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])

    with pytest.raises(MissingFileError, match=r"nothing\.png"):
        Image(tmp_path / "nothing.png")
    for name in ("text.png", "half.png"):
        with pytest.raises(InvalidValueError, match=name):
            Image(str(tmp_path / name))
    with pytest.raises(InvalidTypeError, match="got int"):
        Image(5)


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ([[0.0, 5.0]], [[0, 255]]),
        ([[-1.0, 0.0, 1.0]], [[0, 128, 255]]),
        ([[2.0, 2.0]], [[255, 255]]),
        ([[0.5, np.nan]], [[128, 0]]),
        ([[-1.0, np.nan, 1.0]], [[0, 0, 255]]),
        ([[0.0, 2.0, np.inf]], [[0, 255, 255]]),
        ([[np.nan, np.nan]], [[0, 0]]),
        (np.array([[60_000.0, -60_000.0]], np.float16), [[255, 0]]),
    ],
)
def test_floats_of_another_range_are_stretched_and_said_to_be(given: Any, drawn: list[list[int]]) -> None:
    with pytest.warns(RuntimeWarning, match=r"were stretched onto that range"):
        image = Image(np.array(given))

    assert image.to_list() == drawn
