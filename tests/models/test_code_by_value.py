"""Models whose classes and functions lie in their pickle, as those of a notebook do."""

import re
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch
from sklearn.preprocessing import FunctionTransformer

import nbtrack
from nbtrack.core.errors import InvalidValueError

PYTHON = ".".join(map(str, sys.version_info[:2]))
CODE = """
import torch

class Adding(torch.nn.Module):
    def forward(self, x):
        from flower_rules import by
        return x + by()
"""


def notebook_class(**names: Any) -> Any:
    """`Adding`, as a cell of a notebook makes it."""
    exec(CODE, names)
    made = names["Adding"]
    made.__module__ = "__main__"
    return made


def as_if_written_by_python_3_9(folder: Path) -> None:
    for name in ("MLmodel", "python_env.yaml"):
        file = folder / name
        file.write_text(re.sub(r"(python(_version)?: ['\"]?)[\d.]+", r"\g<1>3.9.2", file.read_text()))


def of_sklearn(folder: Path) -> None:
    nbtrack.sklearn.save_model(FunctionTransformer(lambda table: table * 2), folder)


def of_torch(folder: Path) -> None:
    nbtrack.pytorch.save_model(notebook_class()(), folder, serialization_format="pickle")


def of_torch_with_weights_apart(folder: Path) -> None:
    nbtrack.pytorch.save_model(notebook_class()(), folder, serialization_format="safetensors")


@pytest.mark.filterwarnings("ignore:.*has no predict")
@pytest.mark.parametrize("save", [of_sklearn, of_torch, of_torch_with_weights_apart])
def test_code_compiled_by_another_python_is_refused_and_not_run(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "model")
    as_if_written_by_python_3_9(tmp_path / "model")
    module = nbtrack.sklearn if save is of_sklearn else nbtrack.pytorch

    with pytest.raises(InvalidValueError, match=rf"3\.9(?s:.)*{re.escape(PYTHON)}"):
        module.load_model(tmp_path / "model", trust=True)


@pytest.mark.parametrize("save_options", [{"serialization_format": "pickle"}, {}])
def test_a_module_of_a_notebook_imports_the_code_of_its_model_whenever_it_runs(
    save_options: dict[str, str], tmp_path: Path
) -> None:
    rules = tmp_path / "flower_rules.py"
    models = []
    for number in (1, 2):
        rules.write_text(f"def by():\n    return {number}\n")
        folder = tmp_path / f"model-{number}"
        nbtrack.pytorch.save_model(notebook_class()(), folder, code_paths=[rules], **save_options)
        models.append(nbtrack.pytorch.load_model(folder, trust=True))
    rules.unlink()

    answers = [model(torch.zeros(1)).item() for model in models]

    assert answers == [1, 2]
    assert "flower_rules" not in sys.modules


def test_cloudpickle_still_names_its_makers_as_the_reader_knows_them() -> None:
    pickled = cloudpickle.dumps(lambda: 1)

    assert b"_make_function" in pickled
