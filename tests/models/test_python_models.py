"""Python models: classes, functions, files of code and loader modules; saved here, loaded elsewhere."""

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import nbtrack
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError, UntrustedModelError
from nbtrack.models.code.model_code import ModelConfig
from nbtrack.models.mlmodel import Model
from nbtrack.models.schema.schema_types import ParamSchema, ParamSpec
from nbtrack.models.signature import ModelSignature

# As those of a script or notebook, the classes of this file go into the pickles themselves.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

X = pd.DataFrame({"length": [1.0, 2.0], "width": [0.5, 0.1]})


class Doubling(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input * (params or {}).get("factor", 2)


def run_python(program: str, *args: str, cwd: Path | None = None) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_class_of_a_script_loads_in_a_fresh_process(tmp_path: Path) -> None:
    saving = """
        import sys
        from pathlib import Path
        import nbtrack

        class Shift(nbtrack.pyfunc.PythonModel):
            def load_context(self, context):
                self.by = float(Path(context.artifacts["by"]).read_text())
                self.words = sorted(path.name for path in Path(context.artifacts["words"]).iterdir())

            def predict(self, context, model_input, params=None):
                import statistics
                return [value + self.by + len(self.words) for value in model_input]

        Path("by.txt").write_text("0.25")
        Path("words").mkdir()
        Path("words", "one.txt").write_text("one")
        artifacts = {"by": "by.txt", "words": Path("words").resolve().as_uri()}
        nbtrack.pyfunc.save_model(sys.argv[1], python_model=Shift(), artifacts=artifacts)
    """
    run_python(saving, str(tmp_path / "shift"))

    loading = """
        import sys, nbtrack
        model = nbtrack.pyfunc.load_model(sys.argv[1])
        print(model.predict([1.0, 2.0]), model.unwrap_python_model().words)
    """
    assert run_python(loading, str(tmp_path / "shift")) == "[2.25, 3.25] ['one.txt']\n"
    needs = (tmp_path / "shift" / "requirements.txt").read_text().split("\n")
    assert {line.partition("==")[0] for line in needs if line} == {"cloudpickle", "nbtrack"}


def test_the_example_of_the_documentation_of_others_works_as_it_stands() -> None:
    """A wrapped model, its file among the artifacts, found again by the run."""
    import nbtrack as mlflow

    class Scaler:
        def predict(self, values: Any) -> Any:
            return values * 3

    class CustomModel(mlflow.pyfunc.PythonModel):
        def load_context(self, context: Any) -> None:
            with open(context.artifacts["model_path"], "rb") as file:
                self.model = cloudpickle.load(file)

        def predict(self, context: Any, model_input: Any) -> Any:
            return self.model.predict(model_input)

    Path("model.pkl").write_bytes(cloudpickle.dumps(Scaler()))
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(
            artifact_path="custom_model", python_model=CustomModel(), artifacts={"model_path": "model.pkl"}
        )

    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/custom_model")

    assert model.predict(np.array([1, 2])).tolist() == [3, 6]


class WithoutContext(nbtrack.pyfunc.PythonModel):
    def predict(self, model_input: Any, params: Any = None) -> Any:
        return [value * (params or {"factor": 3})["factor"] for value in model_input]


class WithoutAnything(nbtrack.pyfunc.PythonModel):
    def predict(self, data: Any) -> Any:
        return [value * 3 for value in data]


class OtherName(nbtrack.pyfunc.PythonModel):
    def predict(self, ctx: Any, data: Any) -> Any:
        return [value * ctx.model_config["factor"] for value in data]


def times_three(data: Any) -> Any:
    return [value * 3 for value in data]


def times_factor(data: Any, params: Any) -> Any:
    return [value * params["factor"] for value in data]


@pytest.mark.parametrize(
    "model",
    [
        WithoutContext(),
        WithoutAnything(),
        OtherName(),
        times_three,
        times_factor,
        lambda d: [v * 3 for v in d],
    ],
)
def test_a_predict_may_be_written_in_any_form(model: Any, tmp_path: Path) -> None:
    nbtrack.pyfunc.save_model(
        tmp_path / "m",
        python_model=model,
        model_config={"factor": 3},
        signature=ModelSignature(params=ParamSchema([ParamSpec("factor", "long", 2)])),
    )

    loaded = nbtrack.pyfunc.load_model(tmp_path / "m")

    assert loaded.predict([1, 2], {"factor": 3}) == [3, 6]


def test_a_configuration_is_replaced_when_the_model_is_loaded(tmp_path: Path) -> None:
    Path("config.yml").write_text("factor: 5\n")
    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=OtherName(), model_config="config.yml")

    saved = nbtrack.pyfunc.load_model(tmp_path / "m")
    replaced = nbtrack.pyfunc.load_model(tmp_path / "m", model_config={"factor": 7})

    assert saved.predict([1]) == [5]
    assert replaced.predict([1]) == [7]
    assert replaced.model_config == {"factor": 7}


def test_artifacts_come_from_runs_and_of_one_name_lie_apart(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text("far", "texts/one.txt")
    far = f"runs:/{run.info.run_id}/texts/one.txt"
    Path("one.txt").write_text("near")

    class Reading(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            return [Path(context.artifacts[name]).read_text() for name in model_input]

    with nbtrack.start_run():
        info = nbtrack.pyfunc.log_model(
            name="reading",
            python_model=Reading(),
            artifacts={
                "far": far,
                "near": "one.txt",
                "again": "one.txt",
            },
        )

    loaded = nbtrack.pyfunc.load_model(info.model_uri)

    assert loaded.predict(["far", "near", "again"]) == ["far", "near", "near"]
    assert info.flavors["python_function"]["artifacts"]["far"]["uri"].startswith("runs:/")
    assert info.folder is not None
    assert len([path for path in (info.folder / "artifacts").rglob("*") if path.is_file()]) == 2


def test_the_users_own_object_stays_as_it_was() -> None:
    class Loading(nbtrack.pyfunc.PythonModel):
        is_loaded = False

        def load_context(self, context: Any) -> None:
            self.is_loaded = True

        def predict(self, context: Any, model_input: Any) -> Any:
            assert self.is_loaded
            return model_input["length"]

    own = Loading()

    with nbtrack.start_run():
        info = nbtrack.pyfunc.log_model(name="m", python_model=own, input_example=X)

    assert info.signature is not None
    assert info.signature.outputs is not None
    assert own.__dict__ == {}


def test_a_stream_comes_piece_by_piece(tmp_path: Path) -> None:
    class Counting(nbtrack.pyfunc.PythonModel):
        def predict(self, model_input: Any) -> Any:
            return list(range(model_input))

        def predict_stream(self, model_input: Any) -> Iterator[int]:
            yield from range(model_input)

    nbtrack.pyfunc.save_model(tmp_path / "counting", python_model=Counting())
    nbtrack.pyfunc.save_model(tmp_path / "doubling", python_model=Doubling())

    stream = nbtrack.pyfunc.load_model(tmp_path / "counting").predict_stream(3)

    assert (next(stream), next(stream), list(stream)) == (0, 1, [2])
    with pytest.raises(InvalidValueError, match="no predict_stream"):
        nbtrack.pyfunc.load_model(tmp_path / "doubling").predict_stream(3)


def test_an_error_of_the_model_passes_through_with_a_note(tmp_path: Path) -> None:
    class Failing(nbtrack.pyfunc.PythonModel):
        def predict(self, model_input: Any) -> Any:
            raise ZeroDivisionError("mine")

    nbtrack.pyfunc.save_model(tmp_path / "failing", python_model=Failing())
    model = nbtrack.pyfunc.load_model(tmp_path / "failing")

    with pytest.raises(ZeroDivisionError, match="mine") as raised:
        model.predict(X)

    assert any("failing" in note for note in raised.value.__notes__)


# Models from code

CODE = """
import nbtrack as mlflow
from nbtrack.models import ModelConfig, set_model

config = ModelConfig(development_config={"factor": 1})

class FromCode(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [value * config.get("factor") for value in model_input]

set_model(FromCode())
"""


def test_a_file_of_code_is_a_model(tmp_path: Path) -> None:
    Path("code_model.py").write_text(CODE)
    with nbtrack.start_run():
        info = nbtrack.pyfunc.log_model(name="m", python_model="code_model.py", model_config={"factor": 4})
    Path("code_model.py").unlink()

    loaded = nbtrack.pyfunc.load_model(info.model_uri)
    replaced = nbtrack.pyfunc.load_model(info.model_uri, model_config={"factor": 5})

    assert (loaded.predict([1]), replaced.predict([1])) == ([4], [5])
    assert info.folder is not None
    assert (info.folder / "code_model.py").read_text() == CODE
    assert not [name for name in sys.modules if name.startswith("code_model")]


def test_a_notebook_is_a_model(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import nbtrack\n"]},
        {"cell_type": "code", "source": "%%bash\nexit 1"},
        {"cell_type": "code", "source": "nbtrack.models.set_model(lambda data: data + 1)"},
    ]
    Path("model.ipynb").write_text(json.dumps({"cells": cells}))

    nbtrack.pyfunc.save_model(tmp_path / "m", python_model="model.ipynb")

    assert nbtrack.pyfunc.load_model(tmp_path / "m").predict(1) == 2


def test_code_that_makes_no_model_is_refused(tmp_path: Path) -> None:
    Path("empty.py").write_text("x = 1\n")

    with pytest.raises(InvalidValueError, match="set_model"):
        nbtrack.pyfunc.save_model(tmp_path / "m", python_model="empty.py")

    assert not (tmp_path / "m").exists()


def test_a_configuration_that_was_not_given_is_asked_for(tmp_path: Path) -> None:
    Path("code_model.py").write_text(CODE)

    with pytest.raises(InvalidValueError, match="model_config"):
        nbtrack.pyfunc.save_model(tmp_path / "m", python_model="code_model.py")

    assert ModelConfig(development_config={"a": 1}).to_dict() == {"a": 1}
    with pytest.raises(KeyError, match="'b'"):
        ModelConfig(development_config={"a": 1}).get("b")


# Code beside the model


def package(folder: Path, factor: int) -> Path:
    """A package `helpers`, whose parts import each other when they are imported and when they are called."""
    place = folder / "helpers"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "numbers_of.py").write_text(f"FACTOR = {factor}\n")
    (place / "late.py").write_text(
        "from helpers.numbers_of import FACTOR\n\ndef late():\n    return FACTOR\n"
    )
    (place / "models.py").write_text(
        textwrap.dedent("""
        from dataclasses import dataclass
        import nbtrack
        from .numbers_of import FACTOR

        @dataclass
        class Times(nbtrack.pyfunc.PythonModel):
            extra: "int" = 0

            def predict(self, context, model_input, params=None):
                from helpers import late
                import helpers.late
                from .late import late as function
                assert helpers.late is late and function is late.late
                return [value * FACTOR + late.late() + self.extra for value in model_input]
        """)
    )
    return place


def save_with_code(home: Path, factor: int, target: Path) -> None:
    package(home, factor)
    run_python(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from helpers.models import Times
        import nbtrack
        nbtrack.pyfunc.save_model(sys.argv[2], python_model=Times(), code_paths=[sys.argv[1] + "/helpers"])
        """,
        str(home),
        str(target),
    )


def test_two_models_with_modules_of_one_name_get_each_their_own(tmp_path: Path) -> None:
    save_with_code(tmp_path / "one", 2, tmp_path / "m2")
    save_with_code(tmp_path / "two", 10, tmp_path / "m10")

    twos = nbtrack.pyfunc.load_model(tmp_path / "m2")
    tens = nbtrack.pyfunc.load_model(tmp_path / "m10")

    # What is imported in predict is imported now, after both were loaded.
    assert (twos.predict([1]), tens.predict([1]), twos.predict([2])) == ([4], [20], [6])
    assert "helpers" not in sys.modules
    assert not [place for place in sys.path if "nbtrack-model" in place]


def test_the_users_own_module_of_that_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_with_code(tmp_path / "one", 2, tmp_path / "m2")
    mine = package(tmp_path / "mine", 7)
    monkeypatch.syspath_prepend(str(mine.parent))
    import helpers.numbers_of  # pyright: ignore

    loaded = nbtrack.pyfunc.load_model(tmp_path / "m2")

    assert loaded.predict([1]) == [4]
    assert helpers.numbers_of.FACTOR == 7
    assert sys.modules["helpers.numbers_of"].FACTOR == 7  # pyright: ignore
    for name in [name for name in sys.modules if name.partition(".")[0] == "helpers"]:
        del sys.modules[name]


def test_models_with_code_predict_in_many_threads(tmp_path: Path) -> None:
    save_with_code(tmp_path / "one", 2, tmp_path / "m2")
    save_with_code(tmp_path / "two", 10, tmp_path / "m10")
    wrong: list[Any] = []

    def work(folder: str, expected: int) -> None:
        for _ in range(5):
            model = nbtrack.pyfunc.load_model(tmp_path / folder)
            if model.predict([1]) != [expected]:
                wrong.append(folder)

    threads = [
        threading.Thread(target=work, args=case) for case in (("m2", 4), ("m10", 20)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    assert "helpers" not in sys.modules


def test_a_model_that_loads_another_in_its_context_keeps_its_code(tmp_path: Path) -> None:
    save_with_code(tmp_path / "one", 2, tmp_path / "inner")
    home = tmp_path / "outer_code" / "helpers"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("NAME = 'outer'\n")
    (home / "outer.py").write_text(
        textwrap.dedent("""
        import nbtrack

        class Outer(nbtrack.pyfunc.PythonModel):
            def load_context(self, context):
                self.inner = nbtrack.pyfunc.load_model(context.artifacts["inner"], trust=True)
                import helpers
                self.name = helpers.NAME

            def predict(self, context, model_input):
                return self.name, self.inner.predict(model_input)
        """)
    )
    run_python(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from helpers.outer import Outer
        import nbtrack
        nbtrack.pyfunc.save_model(
            sys.argv[2], python_model=Outer(), artifacts={"inner": sys.argv[3]}, infer_code_paths=True
        )
        """,
        str(home.parent),
        str(tmp_path / "outer"),
        str(tmp_path / "inner"),
    )

    model = nbtrack.pyfunc.load_model(tmp_path / "outer")

    assert (tmp_path / "outer" / "code" / "helpers" / "outer.py").exists()
    assert model.predict([1]) == ("outer", [4])


def test_a_loader_module_reads_the_data(tmp_path: Path) -> None:
    Path("my_loader.py").write_text(
        textwrap.dedent("""
        from pathlib import Path

        class Factor:
            def __init__(self, factor):
                self.factor = factor

            def predict(self, data, params=None):
                return data * self.factor

        def _load_pyfunc(path):
            return Factor(int(Path(path).read_text()))
        """)
    )
    Path("factor.txt").write_text("6")

    nbtrack.pyfunc.save_model(
        tmp_path / "m", loader_module="my_loader", data_path="factor.txt", code_paths=["my_loader.py"]
    )

    model = nbtrack.pyfunc.load_model(tmp_path / "m")
    assert model.predict(2) == 12
    assert model.loader_module == "my_loader"
    with pytest.raises(InvalidValueError, match="no PythonModel"):
        model.unwrap_python_model()


@pytest.mark.parametrize("kind", ["pickle", "code", "code folder", "loader"])
def test_nothing_of_a_stranger_runs(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "marker"
    run = f"open({str(marker)!r}, 'w').close()\n"
    Path("bad.py").write_text(
        f"import nbtrack\nif {str(tmp_path)!r} in __file__ and 'work' not in __file__:\n    pass\n"
        f"nbtrack.models.set_model(lambda data: data)\ndef _load_pyfunc(path):\n    return None\n{run}"
    )
    options: dict[str, Any] = {
        "pickle": {"python_model": Doubling()},
        "code": {"python_model": "bad.py"},
        "code folder": {"python_model": times_three, "code_paths": ["bad.py"]},
        "loader": {"loader_module": "bad", "code_paths": ["bad.py"]},
    }[kind]
    nbtrack.pyfunc.save_model(tmp_path / "m", **options)
    marker.unlink(missing_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))

    with pytest.raises(UntrustedModelError, match="trust=True"):
        nbtrack.pyfunc.load_model(tmp_path / "m")

    assert not marker.exists()


def test_a_module_of_the_working_folder_is_not_imported_for_a_file_that_names_it(tmp_path: Path) -> None:
    Path("json_thief.py").write_text("def _load_pyfunc(path):\n    raise RuntimeError('ran')\n")
    nbtrack.pyfunc.save_model(tmp_path / "m", loader_module="json_thief")
    text = (tmp_path / "m" / "MLmodel").read_text()

    (tmp_path / "m" / "MLmodel").write_text(text.replace("json_thief", "../json_thief"))

    with pytest.raises(InvalidValueError, match="json_thief"):
        nbtrack.pyfunc.load_model(tmp_path / "m")


# Type hints


def shout(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


def test_a_type_hint_gives_the_signature_and_is_enforced(tmp_path: Path) -> None:
    with nbtrack.start_run():
        info = nbtrack.pyfunc.log_model(name="shout", python_model=shout)

    loaded = nbtrack.pyfunc.load_model(info.model_uri)

    assert info.signature_dict == {
        "inputs": '[{"type": "string", "required": true}]',
        "outputs": '[{"type": "string", "required": true}]',
        "params": None,
    }
    assert loaded.predict(["a"]) == ["A"]
    assert loaded.predict(pd.DataFrame({"text": ["a", "b"]})) == ["A", "B"]
    assert loaded.predict(np.array(["a"])) == ["A"]
    with pytest.raises(InvalidTypeError, match=r"element 1: 2 \(int\) is no str"):
        loaded.predict(["a", 2])
    with pytest.raises(InvalidTypeError, match="one column"):
        loaded.predict(X)


def test_a_hinted_class_checks_before_it_is_saved() -> None:
    class Summing(nbtrack.pyfunc.PythonModel):
        def predict(self, model_input: list[dict[str, list[float]]]) -> list[float]:
            return [sum(row["values"]) for row in model_input]

    model = Summing()

    assert model.predict([{"values": [1, 2.5]}]) == [3.5]  # pyright: ignore
    with pytest.raises(InvalidTypeError, match=r"at 'values', 'x' \(str\) is no float"):
        model.predict([{"values": ["x"]}])  # pyright: ignore


def test_pydantic_models_are_made_and_checked(tmp_path: Path) -> None:
    import pydantic

    class Person(pydantic.BaseModel):
        name: str
        age: int | None = None

    class Greeting(nbtrack.pyfunc.PythonModel):
        def predict(self, model_input: list[Person]) -> list[str]:
            return [f"{person.name} is {person.age}" for person in model_input]

    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=Greeting())
    loaded = nbtrack.pyfunc.load_model(tmp_path / "m")

    assert loaded.predict([{"name": "Ada", "age": 36}, {"name": "Bob"}]) == ["Ada is 36", "Bob is None"]
    assert loaded.predict(pd.DataFrame({"name": ["Ada"], "age": [36]})) == ["Ada is 36"]
    with pytest.raises(InvalidTypeError, match="age: Input should be a valid integer"):
        loaded.predict([{"name": "Ada", "age": "36"}])
    assert json.loads(str(loaded.metadata.signature.to_dict()["inputs"])) == [  # pyright: ignore
        {
            "type": "object",
            "properties": {
                "age": {"type": "long", "required": False},
                "name": {"type": "string", "required": True},
            },
            "required": True,
        }
    ]


# What is refused


def test_what_is_no_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    class Empty(nbtrack.pyfunc.PythonModel):
        pass

    refused: list[tuple[dict[str, Any], str]] = [
        ({"python_model": Doubling}, r"Doubling\(\.\.\.\)"),
        ({"python_model": 3}, "got int 3"),
        ({}, "Give python_model"),
        ({"python_model": Empty()}, "no predict method"),
        ({"data_path": "x"}, "goes with loader_module"),
        ({"python_model": Doubling(), "loader_module": "x"}, "Give one"),
        ({"python_model": Doubling(), "artifacts": {"a": "s3://x/y"}}, "s3://x/y"),
    ]
    for options, message in refused:
        with pytest.raises((InvalidValueError, InvalidTypeError, nbtrack.NbtrackError), match=message):
            nbtrack.pyfunc.save_model(tmp_path / "m", **options)
    with pytest.raises(MissingFileError, match=r"by\.txt"):
        nbtrack.pyfunc.save_model(tmp_path / "m", python_model=Doubling(), artifacts={"by": "by.txt"})
    assert not (tmp_path / "m").exists()


def test_a_model_that_only_holds_files_is_kept_and_says_that_it_cannot_predict(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    nbtrack.pyfunc.save_model(
        tmp_path / "m",
        python_model=nbtrack.pyfunc.PythonModel(),
        artifacts={"weights": str(tmp_path / "weights.bin")},
    )

    loaded = nbtrack.pyfunc.load_model(tmp_path / "m")

    assert (tmp_path / "m" / "artifacts" / "weights.bin").read_bytes() == b"weights"
    with pytest.raises(NotImplementedError, match="PythonModel has no predict method"):
        loaded.predict([1])


def test_code_compiled_by_another_python_is_refused_and_does_not_end_the_process(tmp_path: Path) -> None:
    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=lambda data: data)
    text = (tmp_path / "m" / "MLmodel").read_text()
    version = ".".join(map(str, sys.version_info[:3]))

    (tmp_path / "m" / "MLmodel").write_text(
        text.replace(f"python_version: {version}", "python_version: 3.8.1")
    )

    with pytest.raises(InvalidValueError, match=r"compiled by Python 3\.8"):
        nbtrack.pyfunc.load_model(tmp_path / "m", trust=True)


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "lzma"])
def test_a_compressed_pickle_of_mlflow_is_read(compression: str, tmp_path: Path) -> None:
    import importlib

    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=Doubling())
    pickle = tmp_path / "m" / "python_model.pkl"
    module = importlib.import_module({"gzip": "gzip", "bzip2": "bz2", "lzma": "lzma"}[compression])
    pickle.write_bytes(module.compress(pickle.read_bytes()))
    about = Model.load(tmp_path / "m")
    about.flavors["python_function"]["python_model_compression"] = compression
    about.save(tmp_path / "m" / "MLmodel")

    assert nbtrack.pyfunc.load_model(tmp_path / "m", trust=True).predict(2) == 4


def test_the_dependencies_are_a_file(tmp_path: Path) -> None:
    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=Doubling(), pip_requirements=["scipy"])

    assert Path(nbtrack.pyfunc.get_model_dependencies(tmp_path / "m")).read_text() == "scipy\n"
    assert "scipy" in Path(nbtrack.pyfunc.get_model_dependencies(tmp_path / "m", "conda")).read_text()
    with pytest.raises(InvalidValueError, match="'npm'"):
        nbtrack.pyfunc.get_model_dependencies(tmp_path / "m", "npm")  # pyright: ignore


def test_a_predictor_shows_the_line_that_loads_it(tmp_path: Path) -> None:
    nbtrack.pyfunc.save_model(tmp_path / "m", python_model=Doubling(), input_example=X)

    model = nbtrack.pyfunc.load_model(tmp_path / "m")
    shown = model._repr_mimebundle_()

    assert "Doubling" in repr(model)
    for form in ("text/plain", "text/html"):
        assert "nbtrack.pyfunc.load_model" in shown[form]
        assert "width" in shown[form]
