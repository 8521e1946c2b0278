from pathlib import Path

import pytest

from nbtrack.core.errors import InvalidValueError, MissingFileError
from nbtrack.models.mlmodel import Model

FLAVORS = {"python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"}}


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_text(text)
    return folder


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    model = Model("model", "ab" * 16, flavors=FLAVORS, metadata={"team": "nlp"}, model_size_bytes=12)

    model.save(tmp_path / "MLmodel")

    assert Model.load(tmp_path) == model
    assert Model.load(tmp_path / "MLmodel") == model


def test_fields_that_nbtrack_does_not_know_are_kept(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", "flavors:\n  sklearn: {}\nenv_vars: [A, B]\nprompts: null\n")

    model = Model.load(folder)
    model.save(folder / "MLmodel")

    assert model.extra == {"env_vars": ["A", "B"], "prompts": None}
    assert Model.load(folder).to_dict()["env_vars"] == ["A", "B"]


def test_a_field_may_have_any_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", "flavors: {sklearn: {}}\nself: 1\ncls: 2\nextra: 3\n")

    model = Model.load(folder)

    assert model.extra == {"self": 1, "cls": 2, "extra": 3}


def test_a_date_that_yaml_reads_as_one_is_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", "flavors: {sklearn: {}}\nutc_time_created: 2024-05-01 10:00:00.5\n")

    assert Model.load(folder).utc_time_created == "2024-05-01 10:00:00.500000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds a NoneType"),
        ("- a\n", "holds a list"),
        ("flavors:\n", "names no flavors"),
        ("flavors: {}\n", "names no flavors"),
        ("flavors: [sklearn]\n", "names no flavors"),
        ("flavors: {sklearn: 3}\n", "'sklearn' is no set of fields"),
        ("flavors: {sklearn: {}}\nmetadata: [1]\n", "metadata should be dict, and is list"),
        ("flavors: {sklearn: {}}\nmodel_id: {a: 1}\n", "model_id should be str, and is dict"),
    ],
)
def test_a_file_that_is_no_mlmodel_says_why(tmp_path: Path, text: str, says: str) -> None:
    folder = write(tmp_path / "m", text)

    with pytest.raises(InvalidValueError, match=says):
        Model.load(folder)


def test_a_folder_without_the_file_says_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)

    with pytest.raises(MissingFileError, match=r"holds model: give the folder that holds the MLmodel file"):
        Model.load(tmp_path / "run")
    with pytest.raises(FileNotFoundError):
        Model.load(tmp_path / "nowhere")
