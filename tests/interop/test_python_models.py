"""Python models: classes, functions, models from code, of nbtrack in MLflow and of MLflow in nbtrack."""

import textwrap
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

import nbtrack
from tests.interop.models import FLOWERS


def make_classes(pyfunc: Any) -> dict[str, Any]:
    """The same classes on the base class of either library; by value, as in a notebook."""

    class Shift(pyfunc.PythonModel):
        def load_context(self, context):
            self.by = float(Path(context.artifacts["by"]).read_text())

        def predict(self, context, model_input, params=None):
            factor = (params or {}).get("factor", 1)
            return model_input["length"].to_numpy() * factor + self.by

    class WithoutContext(pyfunc.PythonModel):
        def predict(self, model_input, params=None):
            return model_input["length"].to_numpy() * 2

    class Configured(pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input * context.model_config["factor"]

    class Hinted(pyfunc.PythonModel):
        def predict(self, model_input: list[str]) -> list[str]:
            return [text.upper() for text in model_input]

    class Streaming(pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return list(model_input)

        def predict_stream(self, context, model_input, params=None):
            yield from ("a", "b")

    for made in (Shift, WithoutContext, Configured, Hinted, Streaming):
        made.__module__ = "__main__"
    return {made.__name__: made for made in (Shift, WithoutContext, Configured, Hinted, Streaming)}


def double(model_input):
    return model_input["length"] * 2


def shout(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


CODE = """
    import {library}
    from {library}.models import ModelConfig, set_model

    config = ModelConfig(development_config={{"factor": 1}})

    class FromCode({library}.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input["width"] * config.get("factor")

    set_model(FromCode())
"""

LIBRARIES = {"nbtrack": nbtrack, "mlflow": mlflow}
BOTH_WAYS = [("nbtrack", "mlflow"), ("mlflow", "nbtrack"), ("nbtrack", "nbtrack")]


def save(writer: str, folder: Path, **options: Any) -> Path:
    LIBRARIES[writer].pyfunc.save_model(path=str(folder), pip_requirements=["numpy"], **options)
    return folder


def load(reader: str, folder: Path, **options: Any) -> Any:
    trust = {"trust": True} if reader == "nbtrack" else {}
    return LIBRARIES[reader].pyfunc.load_model(str(folder), **trust, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_class_with_artifacts_and_params_predicts_there(writer: str, reader: str, folder: Path) -> None:
    Path("by.txt").write_text("0.25")
    library = LIBRARIES[writer]
    save(
        writer,
        folder,
        python_model=make_classes(library.pyfunc)["Shift"](),
        artifacts={"by": "by.txt"},
        signature=library.models.infer_signature(FLOWERS, params={"factor": 2.0}),
    )

    model = load(reader, folder)

    assert list(model.predict(FLOWERS)) == [n * 2 + 0.25 for n in range(1, 7)]
    assert list(model.predict(FLOWERS, params={"factor": 3.0})) == [n * 3 + 0.25 for n in range(1, 7)]
    assert type(model.unwrap_python_model()).__name__ == "Shift"


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_class_without_context_predicts_there(writer: str, reader: str, folder: Path) -> None:
    save(writer, folder, python_model=make_classes(LIBRARIES[writer].pyfunc)["WithoutContext"]())

    assert list(load(reader, folder).predict(FLOWERS)) == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_configuration_is_read_and_replaced_there(writer: str, reader: str, folder: Path) -> None:
    model = make_classes(LIBRARIES[writer].pyfunc)["Configured"]()
    save(writer, folder, python_model=model, model_config={"factor": 3})

    assert load(reader, folder).predict(np.array([1, 2])).tolist() == [3, 6]
    assert load(reader, folder, model_config={"factor": 5}).predict(np.array([1, 2])).tolist() == [5, 10]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_hinted_class_predicts_there(writer: str, reader: str, folder: Path) -> None:
    save(
        writer,
        folder,
        python_model=make_classes(LIBRARIES[writer].pyfunc)["Hinted"](),
        input_example=["good"],
    )

    assert load(reader, folder).predict(["good", "day"]) == ["GOOD", "DAY"]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_stream_of_predictions_comes_there(writer: str, reader: str, folder: Path) -> None:
    model = make_classes(LIBRARIES[writer].pyfunc)["Streaming"]()
    save(writer, folder, python_model=model, streamable=True)

    assert list(load(reader, folder).predict_stream({"a": 1})) == ["a", "b"]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_function_predicts_there(writer: str, reader: str, folder: Path) -> None:
    save(writer, folder, python_model=double, input_example=FLOWERS)

    assert list(load(reader, folder).predict(FLOWERS)) == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_hinted_function_predicts_there(writer: str, reader: str, folder: Path) -> None:
    save(writer, folder, python_model=shout, input_example=["good"])

    assert load(reader, folder).predict(["good", "day"]) == ["GOOD", "DAY"]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_model_from_code_predicts_there(writer: str, reader: str, folder: Path) -> None:
    Path("from_code.py").write_text(textwrap.dedent(CODE).format(library=writer))
    save(writer, folder, python_model="from_code.py", model_config={"factor": 2})

    assert load(reader, folder).predict(FLOWERS)[:2].tolist() == [1.0, 0.2]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_code_of_the_user_is_found_there(
    writer: str, reader: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"flowers_of_{writer}_{reader}"
    package = Path(name)
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "scale.py").write_text(
        textwrap.dedent(
            f"""
            import {writer}.pyfunc

            class Scale({writer}.pyfunc.PythonModel):
                def predict(self, context, model_input, params=None):
                    return model_input["length"] * 4
            """
        )
    )
    monkeypatch.syspath_prepend(Path.cwd())
    __import__(f"{name}.scale")
    import sys

    model = sys.modules[f"{name}.scale"].Scale()
    save(writer, folder, python_model=model, code_paths=[str(package)])
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]
    monkeypatch.undo()

    assert list(load(reader, folder).predict(FLOWERS)) == [4, 8, 12, 16, 20, 24]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_a_loader_module_predicts_there(writer: str, reader: str, folder: Path) -> None:
    name = f"loader_of_{writer}_{reader}"
    Path(f"{name}.py").write_text(
        textwrap.dedent(
            """
            from pathlib import Path

            class Times:
                def __init__(self, factor):
                    self.factor = factor

                def predict(self, model_input):
                    return model_input["length"] * self.factor

            def _load_pyfunc(path):
                return Times(int(Path(path).read_text()))
            """
        )
    )
    Path("factor.txt").write_text("5")
    save(writer, folder, loader_module=name, data_path="factor.txt", code_paths=[f"{name}.py"])

    assert list(load(reader, folder).predict(FLOWERS)) == [5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize("data", [FLOWERS, FLOWERS.to_dict(orient="list"), pd.DataFrame(FLOWERS.iloc[::-1])])
def test_a_model_without_a_signature_is_asked_with_what_was_given(data: Any, folder: Path) -> None:
    save("nbtrack", folder, python_model=make_classes(nbtrack.pyfunc)["WithoutContext"]())

    frame = pd.DataFrame(data)

    assert list(mlflow.pyfunc.load_model(str(folder)).predict(frame)) == list(
        nbtrack.pyfunc.load_model(folder).predict(frame)
    )
