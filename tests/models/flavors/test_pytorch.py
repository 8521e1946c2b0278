import json
import resource
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import nbtrack
import nbtrack.pytorch
from nbtrack.core.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    StoreError,
    UntrustedModelError,
)
from nbtrack.models.flavors import pytorch as flavor
from nbtrack.models.flavors.known import flavor_of
from nbtrack.models.flavors.torch_prediction import TorchScorer
from nbtrack.models.mlmodel import Model
from nbtrack.tracking.model_access import load_predictor

pytestmark = [
    pytest.mark.filterwarnings("ignore:The model imports 'tests':RuntimeWarning"),
    # What TorchScript says of itself, also when torch.compile and torch.export import parts of it.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

FOLDERS = Path(__file__).parents[1] / "mlflow_folders"
X = np.array([[1.0, 0.5], [2.0, 0.1], [3.0, 0.9]], dtype=np.float32)


class Net(torch.nn.Module):
    """Modes and buffers of all kinds, and two layers that share their weights."""

    def __init__(self, **held: Any) -> None:
        super().__init__()
        self.first = torch.nn.Linear(2, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.drop = torch.nn.Dropout(0.5)
        self.tied, self.tied_too = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.tied_too.weight = self.tied.weight
        self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)
        self.first.bias.requires_grad_(False)
        self.offset = torch.arange(3.0)
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tied_too(self.tied(self.drop(self.norm(self.first(x))))) * self.scale + self.offset


class TwoInputs(torch.nn.Module):
    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left.sum(1) - right.sum(1)


def asked(net: torch.nn.Module, x: Any = X) -> Any:
    was = net.training
    with torch.no_grad():
        answer = net.eval()(torch.from_numpy(x)).numpy()
    net.train(was)
    return answer


def save(net: Any, folder: Path, **options: Any) -> Path:
    nbtrack.pytorch.save_model(net, folder, **options)
    return folder


def of_a_stranger(folder: Path) -> Path:
    (folder / "nbtrack.signature.json").unlink()
    return folder


@pytest.fixture
def net() -> Net:
    torch.manual_seed(7)
    return Net()


@pytest.mark.parametrize("written_as", ["pickle", "safetensors"])
def test_a_module_comes_back_as_it_was(net: Net, tmp_path: Path, written_as: str) -> None:
    folder = save(net, tmp_path / "m", serialization_format=written_as)

    loaded = nbtrack.pytorch.load_model(folder)

    np.testing.assert_array_equal(loaded(torch.from_numpy(X)).detach().numpy(), asked(net))
    assert not loaded.training
    assert loaded.tied.weight is loaded.tied_too.weight
    assert [p.requires_grad for p in loaded.parameters()] == [p.requires_grad for p in net.parameters()]


@pytest.mark.parametrize("written_as", ["pickle", "safetensors"])
def test_the_users_module_keeps_its_modes_when_it_is_saved(net: Net, tmp_path: Path, written_as: str) -> None:
    net.train()
    net.norm.eval()
    before = net.norm.running_mean.clone()

    save(
        net,
        tmp_path / "m",
        serialization_format=written_as,
        input_example=pd.DataFrame(X, columns=["a", "b"]),
    )

    assert net.training
    assert net.drop.training
    assert not net.norm.training
    assert torch.equal(net.norm.running_mean, before)
    signature = Model.load(tmp_path / "m").signature
    assert signature is not None
    assert [column.name for column in signature.inputs] == ["a", "b"]


def test_a_class_of_a_notebook_loads_in_a_fresh_process_by_the_uri_of_its_run() -> None:
    notebook: dict[str, Any] = {"__name__": "__main__"}
    cell = (
        "import torch\n"
        "class Doubling(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.tensor([2.0]))\n"
        "    def forward(self, x):\n"
        "        return torch.mul(x, self.weight)\n"
    )
    exec(cell, notebook)
    with nbtrack.start_run() as run:
        for written_as in ("pickle", "safetensors"):
            model = notebook["Doubling"]()
            nbtrack.pytorch.log_model(model, f"nets/{written_as}", serialization_format=written_as)
    script = (
        "import sys, nbtrack.pytorch\n"
        "assert 'torch' not in sys.modules\n"
        "for name in ('pickle', 'safetensors'):\n"
        f"    net = nbtrack.pytorch.load_model('runs:/{run.info.run_id}/nets/' + name)\n"
        "    print(type(net).__name__, net(net.weight).item())\n"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.splitlines() == ["Doubling 4.0"] * 2


def test_the_layout_is_mlflows(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")

    told = Model.load(folder)

    assert (folder / "data" / "model.pth").is_file()
    assert (folder / "data" / "pickle_module_info.txt").read_text() == "mlflow.pytorch.pickle_module"
    assert told.flavors["pytorch"] == {
        "code": None,
        "model_data": "data",
        "pytorch_version": torch.__version__,
    }
    entry = told.flavors["python_function"]
    assert entry["loader_module"] == "mlflow.pytorch"
    assert (entry["data"], entry["config"]) == ("data", {"device": None})
    assert entry["pickle_module_name"] == "mlflow.pytorch.pickle_module"
    assert any(line.startswith("torch==") for line in (folder / "requirements.txt").read_text().split())


CASES = [
    f"{version}/pytorch_{kind}"
    for version, kinds in {"2.22": ("pickle", "own_class"), "3.17": ("pickle", "own_class", "pt2")}.items()
    for kind in kinds
]


@pytest.fixture
def _code_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "flower_code"]:
        del sys.modules[name]


@pytest.mark.usefixtures("_code_forgotten")
@pytest.mark.parametrize("case", CASES)
def test_what_mlflow_wrote_predicts_what_it_predicted_there(case: str) -> None:
    expected = json.loads((FOLDERS / case / "expected.json").read_text())["predictions"]

    predictor = load_predictor(FOLDERS / case / "model", trust=True, suppress_warnings=True)

    assert expected
    for each in expected:
        given = np.array(each["input"]["values"], dtype=each["input"]["dtype"])
        np.testing.assert_allclose(predictor.predict(given), each["output"]["values"], rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_what_runs_code_asks_for_trust(case: str) -> None:
    with pytest.raises(UntrustedModelError, match=r"model\.p|code"):
        nbtrack.pytorch.load_model(FOLDERS / case / "model")


@pytest.mark.parametrize("version", ["2.22", "3.17"])
def test_a_strangers_state_dict_loads_without_trust(version: str) -> None:
    state = nbtrack.pytorch.load_state_dict(FOLDERS / version / "pytorch_state_dict" / "model")

    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert len(state) > 0


def test_a_strangers_weights_load_into_a_module_of_ones_own_without_trust(net: Net, tmp_path: Path) -> None:
    folder = of_a_stranger(save(net, tmp_path / "m", serialization_format="safetensors"))
    mine = Net()

    with pytest.raises(UntrustedModelError, match=r"load_model\(uri, model=Net\(\)\)"):
        nbtrack.pytorch.load_model(folder)
    loaded = nbtrack.pytorch.load_model(folder, model=mine)

    assert loaded is mine
    np.testing.assert_array_equal(asked(loaded), asked(net))
    assert mine.tied.weight is mine.tied_too.weight
    weights = nbtrack.pytorch.load_state_dict(folder)
    assert torch.equal(weights["first.weight"], net.first.weight)


def test_a_strangers_weights_load_without_the_code_that_lies_beside_them(net: Net, tmp_path: Path) -> None:
    Path("bomb.py").write_text("raise RuntimeError")
    folder = save(net, tmp_path / "m", serialization_format="safetensors", code_paths=["bomb.py"])
    mine = Net()

    nbtrack.pytorch.load_model(of_a_stranger(folder), model=mine)

    assert torch.equal(mine.first.weight, net.first.weight)
    with pytest.raises(UntrustedModelError, match=r"bomb\.py"):
        nbtrack.pytorch.load_model(folder)


def test_weights_that_do_not_fit_are_refused_by_name(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m", serialization_format="safetensors")

    with pytest.raises(InvalidValueError, match=r"(?s)do not fit this Linear.*first\.weight"):
        nbtrack.pytorch.load_model(folder, model=torch.nn.Linear(2, 2))


def test_a_model_that_is_kept_whole_takes_no_module(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")

    with pytest.raises(InvalidValueError, match="Load it without"):
        nbtrack.pytorch.load_model(folder, model=Net())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Net, Path]]:
    home = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        torch.manual_seed(7)
        net = Net()
        # One row: the program must take batches of any size all the same.
        yield net, save(net, home / "m", serialization_format="pt2", input_example=torch.from_numpy(X[:1]))


def test_an_exported_module_predicts_for_any_number_of_rows(exported: tuple[Net, Path]) -> None:
    net, folder = exported

    predictor = load_predictor(folder, trust=True)

    assert net.training
    np.testing.assert_allclose(predictor.predict(X), asked(net), rtol=1e-5)
    assert (folder / "data" / "model.pt2").is_file()


def test_an_exported_module_of_a_stranger_asks_for_trust(exported: tuple[Net, Path]) -> None:
    with pytest.raises(UntrustedModelError, match="exported program"):
        nbtrack.pytorch.load_model(exported[1])


def test_an_exported_program_is_saved_as_it_is(tmp_path: Path) -> None:
    linear = torch.nn.Linear(2, 1)
    program = torch.export.export(linear, (torch.from_numpy(X),))

    folder = save(program, tmp_path / "m")

    assert flavor_of(program) is flavor
    np.testing.assert_allclose(load_predictor(folder).predict(X), asked(linear), rtol=1e-6)


def test_exporting_without_an_example_says_what_to_give(net: Net, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="Give input_example="):
        save(net, tmp_path / "m", serialization_format="pt2")
    assert not (tmp_path / "m").exists()


def test_torchscript_comes_back(net: Net, tmp_path: Path) -> None:
    scripted = torch.jit.script(net)

    folder = save(scripted, tmp_path / "m")
    loaded = nbtrack.pytorch.load_model(folder)

    assert isinstance(loaded, torch.jit.ScriptModule)
    assert scripted.training
    np.testing.assert_allclose(load_predictor(folder).predict(X), asked(net), rtol=1e-6)
    with pytest.raises(UntrustedModelError):
        nbtrack.pytorch.load_model(of_a_stranger(folder))
    with pytest.raises(InvalidValueError, match="TorchScript"):
        save(scripted, tmp_path / "other", serialization_format="safetensors")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: torch.compile(net, backend="eager"),
        torch.nn.DataParallel,
        lambda net: torch.compile(torch.nn.DataParallel(net), backend="eager"),
    ],
    ids=["compiled", "data parallel", "both"],
)
def test_what_is_inside_a_wrapper_is_saved(net: Net, tmp_path: Path, wrap: Any) -> None:
    wrapped = wrap(net)

    loaded = nbtrack.pytorch.load_model(save(wrapped, tmp_path / "m"))

    assert type(loaded) is Net
    np.testing.assert_array_equal(asked(loaded), asked(net))
    assert flavor_of(wrapped) is flavor


def test_what_is_inside_distributed_data_parallel_is_saved(net: Net, tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = torch.nn.parallel.DistributedDataParallel(net)
        folder = save(wrapped, tmp_path / "m")
    finally:
        torch.distributed.destroy_process_group()

    assert type(nbtrack.pytorch.load_model(folder)) is Net


def test_a_module_compiled_in_place_is_saved_uncompiled(net: Net, tmp_path: Path) -> None:
    net.compile()

    loaded = nbtrack.pytorch.load_model(save(net, tmp_path / "m"))

    assert torch.equal(loaded.first.weight, net.first.weight)
    assert loaded._compiled_call_impl is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Net, r"Net is a class. Give an instance, Net\(\.\.\.\)"),
        (Net().state_dict(), "log_state_dict keeps a state dict"),
        (torch.optim.SGD(Net().parameters(), lr=0.1), "optimizer.state_dict"),
        (torch.ones(2), "log_state_dict"),
        (3, "nbtrack.log_model picks the flavor"),
    ],
    ids=["class", "state dict", "optimizer", "tensor", "number"],
)
def test_what_is_no_module_is_refused_with_what_to_do(given: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match=told):
        save(given, tmp_path / "m")
    assert list(tmp_path.glob("*m*")) == []


def test_a_module_without_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="'weight' of this Linear is on the meta device"):
        save(torch.nn.Linear(2, 1, device="meta"), tmp_path / "m")


@pytest.mark.parametrize("written_as", ["pickle", "safetensors"])
def test_what_cannot_be_pickled_is_named(tmp_path: Path, written_as: str) -> None:
    with pytest.raises(InvalidValueError, match="lock"):
        save(Net(lock=threading.Lock()), tmp_path / "m", serialization_format=written_as)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"serialization_format": "safetensor"}, "Did you mean 'safetensors'"),
        ({"registred_model_name": "x"}, "no argument 'registred_model_name'"),
        ({"export_model": True, "serialization_format": "pickle"}, "Give one of the two"),
        ({"extra_files": "words.txt"}, "takes a list"),
    ],
    ids=["format", "slip", "export", "extra"],
)
def test_options_that_cannot_be_are_refused(
    net: Net, tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidValueError, match=told):
        save(net, tmp_path / "m", **options)


def test_an_argument_that_loading_does_not_have_is_refused(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")

    with pytest.raises(InvalidTypeError, match="no argument 'where'"):
        nbtrack.pytorch.load_model(folder, where="cpu")


def test_extra_files_lie_beside_the_module(net: Net, tmp_path: Path) -> None:
    Path("words.txt").write_text("one two")

    folder = save(net, tmp_path / "m", extra_files=["words.txt"])

    assert (folder / "extra_files" / "words.txt").read_text() == "one two"
    assert Model.load(folder).flavors["pytorch"]["extra_files"] == [{"path": "extra_files/words.txt"}]
    nbtrack.pytorch.load_model(folder)
    with pytest.raises(MissingFileError, match="nowhere"):
        save(net, tmp_path / "other", extra_files=["nowhere.txt"])


@pytest.mark.usefixtures("_code_forgotten")
def test_code_paths_are_found_when_the_module_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    code = tmp_path / "src" / "flower_code.py"
    code.write_text("import torch\nclass Scaling(torch.nn.Identity):\n    pass\n")
    monkeypatch.syspath_prepend(code.parent)
    import flower_code  # pyright: ignore[reportMissingImports]

    folder = save(flower_code.Scaling(), tmp_path / "m", code_paths=[code])
    del sys.modules["flower_code"]
    sys.path.remove(str(code.parent))
    code.unlink()

    assert type(nbtrack.pytorch.load_model(folder)).__name__ == "Scaling"


def test_the_users_pickle_module_is_used(tmp_path: Path) -> None:
    import pickle

    folder = save(torch.nn.Linear(2, 1), tmp_path / "m", pickle_module=pickle, pickle_protocol=4)

    assert (folder / "data" / "pickle_module_info.txt").read_text() == "pickle"
    assert nbtrack.pytorch.load_model(folder).in_features == 2


def as_if_from_a_gpu(file: Path) -> None:
    """Let each tensor of a file say that it was on a GPU."""
    with zipfile.ZipFile(file) as archive:
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in held.items():
            if name.endswith("data.pkl"):
                assert b"X\3\0\0\0cpu" in content
                content = content.replace(b"X\3\0\0\0cpu", b"X\7\0\0\0cuda:93")
            archive.writestr(name, content)


def test_what_was_on_a_device_that_is_not_here_loads_on_the_cpu(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")
    as_if_from_a_gpu(folder / "data" / "model.pth")
    nbtrack.pytorch.save_state_dict(net.state_dict(), tmp_path / "state")
    as_if_from_a_gpu(tmp_path / "state" / "state_dict.pth")

    loaded = nbtrack.pytorch.load_model(folder, trust=True)
    state = nbtrack.pytorch.load_state_dict(tmp_path / "state")

    assert {tensor.device.type for tensor in loaded.parameters()} == {"cpu"}
    assert state["first.weight"].device.type == "cpu"
    np.testing.assert_array_equal(asked(loaded), asked(net))


@pytest.mark.parametrize("device", ["cuda:93", "nonsense", torch.device("cuda", 93)])
def test_a_device_that_is_not_here_is_refused(net: Net, tmp_path: Path, device: Any) -> None:
    folder = save(net, tmp_path / "m")

    with pytest.raises(InvalidValueError, match="device is"):
        nbtrack.pytorch.load_model(folder, device=device)


def test_arguments_of_torch_load_are_passed_on(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")

    loaded = nbtrack.pytorch.load_model(folder, mmap=True, map_location="cpu")
    on_meta = nbtrack.pytorch.load_model(folder, device="meta")

    np.testing.assert_array_equal(asked(loaded), asked(net))
    assert on_meta.first.weight.is_meta


def test_a_damaged_file_is_named(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")
    file = folder / "data" / "model.pth"
    file.write_bytes(file.read_bytes()[:-200])

    with pytest.raises(InvalidValueError, match=r"'data/model.pth' in the model .* cannot be read"):
        nbtrack.pytorch.load_model(folder, trust=True)


def test_a_folder_without_its_file_says_what_is_missing(net: Net, tmp_path: Path) -> None:
    folder = save(net, tmp_path / "m")
    (folder / "data" / "model.pth").unlink()

    with pytest.raises(MissingFileError, match=r"model\.pth"):
        nbtrack.pytorch.load_model(folder)


def test_a_full_disk_is_the_disks_fault(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StoreError, match="Cannot save the model"):
            save(torch.nn.Linear(1000, 1000), tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.glob("*m*")) == []


MEGABYTES = 80
MEMORY = """
import torch, nbtrack.pytorch
from pathlib import Path

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1000

def measured(work):
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    result = work()
    return peak() - before, result

net = torch.nn.Sequential(*[torch.nn.Linear(1000, 1000, bias=False) for _ in range(20)])
for each in ("pickle", "safetensors"):  # what is imported on the way is not counted
    nbtrack.pytorch.save_model(torch.nn.Linear(1, 1), f"small-{each}", serialization_format=each)
    nbtrack.pytorch.load_model(f"small-{each}")
for each in ("pickle", "safetensors"):
    print(measured(lambda: nbtrack.pytorch.save_model(net, each, serialization_format=each))[0])
del net
for each in ("pickle", "safetensors"):
    more, net = measured(lambda: nbtrack.pytorch.load_model(each))
    print(more)
    del net
"""


def test_a_large_module_is_streamed() -> None:
    told = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    ).stdout.split()

    saved_pickle, saved_weights, loaded_pickle, loaded_weights = map(float, told)
    assert max(saved_pickle, saved_weights) < MEGABYTES / 2
    assert max(loaded_pickle, loaded_weights) < MEGABYTES * 1.5


# Predictors.


def test_a_table_in_gives_a_table_with_its_index(net: Net) -> None:
    table = pd.DataFrame(X.astype(np.float64), index=["a", "b", "c"])
    table[0] = table[0].astype("Int64")

    answer = TorchScorer(net).predict(table)

    assert list(answer.index) == ["a", "b", "c"]
    np.testing.assert_allclose(answer.to_numpy(), asked(net), rtol=1e-6)
    assert net.training


def test_an_array_in_gives_an_array(net: Net) -> None:
    read_only = X.copy()
    read_only.flags.writeable = False

    for given in (X, read_only, X.astype(">f4"), X[::-1][::-1], X.astype(np.float64), X.tolist()):
        np.testing.assert_allclose(TorchScorer(net).predict(given), asked(net), rtol=1e-6)


def test_several_inputs_go_by_name_or_by_order() -> None:
    left, right = X, X + 1

    by_name = TorchScorer(TwoInputs()).predict({"right": right, "left": left})
    by_order = TorchScorer(TwoInputs()).predict((left, right))

    np.testing.assert_allclose(by_name, [-2.0, -2.0, -2.0], rtol=1e-6)
    np.testing.assert_array_equal(by_name, by_order)


@pytest.mark.parametrize("as_given", [tuple, list, dict], ids=["tuple", "list", "dict"])
def test_an_example_of_several_inputs_is_asked_for_again(tmp_path: Path, as_given: Any) -> None:
    example = as_given({"left": X, "right": X + 1}.items() if as_given is dict else (X, X + 1))

    predictor = load_predictor(save(TwoInputs(), tmp_path / "m", input_example=example))

    np.testing.assert_allclose(predictor.predict(example), [-2.0, -2.0, -2.0], rtol=1e-6)
    assert (predictor.metadata.signature is None) == (as_given is not dict)


def test_an_example_may_be_a_tensor_and_may_have_params(tmp_path: Path) -> None:
    class Scaled(torch.nn.Module):
        def forward(self, x: torch.Tensor, by: float = 1.0) -> torch.Tensor:
            return x * by

    example = (torch.from_numpy(X), {"by": 3.0})
    predictor = load_predictor(save(Scaled(), tmp_path / "m", input_example=example))

    np.testing.assert_array_equal(predictor.predict(X), X * 3)
    np.testing.assert_array_equal(predictor.predict(X, params={"by": 2.0}), X * 2)


def test_a_dict_that_forward_does_not_know_by_name_is_one_argument() -> None:
    class OfDict(torch.nn.Module):
        def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return batch["x"] * 2

    np.testing.assert_array_equal(TorchScorer(OfDict()).predict({"x": X}), X * 2)


def test_params_are_arguments_of_forward() -> None:
    class Scaled(torch.nn.Module):
        def forward(self, x: torch.Tensor, by: float = 1.0) -> torch.Tensor:
            return x * by

    np.testing.assert_array_equal(TorchScorer(Scaled()).predict(X, {"by": 3.0}), X * 3)
    with pytest.raises(InvalidValueError, match="model_config"):
        TorchScorer(Scaled()).predict(X, {"device": "cpu"})


def test_what_a_module_gives_keeps_its_form() -> None:
    class Several(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(2, 1, dtype=torch.bfloat16)

        def forward(self, x: torch.Tensor) -> Any:
            return {"mean": self.linear(x), "parts": (x.sum(1), None), "note": "said"}

    answer = TorchScorer(Several()).predict(X.astype(np.float64))

    assert answer["mean"].dtype == np.float32
    assert answer["mean"].shape == (3, 1)
    assert isinstance(answer["parts"], tuple)
    assert answer["parts"][1] is None
    assert answer["note"] == "said"


def test_integers_stay_integers() -> None:
    embedding = torch.nn.Embedding(5, 2)

    answer = TorchScorer(embedding).predict(np.array([1, 4]))

    np.testing.assert_array_equal(answer, embedding.weight.detach().numpy()[[1, 4]])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (pd.DataFrame({"a": [1.0], "city": ["Oslo"]}), "columns do not: city"),
        (np.array(["a"]), "holds numbers"),
        ([[1.0], [1.0, 2.0]], "makes no array"),
    ],
    ids=["column", "text", "ragged"],
)
def test_what_no_tensor_holds_is_refused(net: Net, given: Any, told: str) -> None:
    with pytest.raises(InvalidValueError, match=told):
        TorchScorer(net).predict(given)


def test_a_forward_that_differentiates_can_predict() -> None:
    class Forces(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                return torch.autograd.grad((x**2).sum(), x)[0]

    np.testing.assert_array_equal(TorchScorer(Forces()).predict(X), 2 * X)


# State dicts.


def test_a_state_dict_of_a_run_comes_back() -> None:
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.parameters())
    with nbtrack.start_run() as run:
        for epoch in range(2):
            checkpoint = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
            nbtrack.pytorch.log_state_dict(checkpoint, "checkpoint")

    loaded = nbtrack.pytorch.load_state_dict(f"runs:/{run.info.run_id}/checkpoint")

    assert loaded["epoch"] == 1
    assert torch.equal(loaded["net"]["weight"], net.weight)


class Settings:
    """What no `weights_only` reads."""


def test_a_state_dict_with_more_than_tensors_loads_for_who_saved_it(tmp_path: Path) -> None:
    nbtrack.pytorch.save_state_dict({"settings": Settings()}, tmp_path / "s")

    own = nbtrack.pytorch.load_state_dict(tmp_path / "s")
    of_a_stranger(tmp_path / "s")

    assert isinstance(own["settings"], Settings)
    with pytest.raises(UntrustedModelError, match="Settings"):
        nbtrack.pytorch.load_state_dict(tmp_path / "s")
    assert nbtrack.pytorch.load_state_dict(tmp_path / "s", trust=True)["settings"]


def test_an_old_pytorch_reads_no_strangers_state_dict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbtrack.pytorch.save_state_dict({"a": torch.ones(1)}, tmp_path / "s")
    of_a_stranger(tmp_path / "s")
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu128")

    with pytest.raises(UntrustedModelError, match=r"2\.9\.1"):
        nbtrack.pytorch.load_state_dict(tmp_path / "s")
    assert nbtrack.pytorch.load_state_dict(tmp_path / "s", trust=True)["a"]


def test_a_module_is_no_state_dict(net: Net, tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match="log_model keeps a whole module"):
        nbtrack.pytorch.save_state_dict(net, tmp_path / "s")
    with pytest.raises(MissingFileError, match=r"load_model\(uri\).state_dict"):
        nbtrack.pytorch.load_state_dict(save(net, tmp_path / "m"))


# A stranger's files run nothing.


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def test_no_format_of_a_stranger_runs_anything(net: Net, tmp_path: Path) -> None:
    folders = [
        of_a_stranger(save(net, tmp_path / each, serialization_format=each))
        for each in ("pickle", "safetensors")
    ]
    torch.save(Bomb(), folders[0] / "data" / "model.pth")
    import pickle

    (folders[1] / "data" / "module.pkl").write_bytes(pickle.dumps(Bomb()))
    state = tmp_path / "state"
    state.mkdir()
    torch.save({"a": Bomb()}, state / "state_dict.pth")

    for folder in folders:
        with pytest.raises(UntrustedModelError):
            nbtrack.pytorch.load_model(folder)
        with pytest.raises(UntrustedModelError):
            load_predictor(folder)
    with pytest.raises(UntrustedModelError):
        nbtrack.pytorch.load_state_dict(state)
    with pytest.raises(Exception, match="is not read with weights_only=True"):
        nbtrack.pytorch.load_model(folders[0], weights_only=True)
    assert not Path("exploded").exists()


def test_asking_for_the_flavor_imports_no_framework() -> None:
    script = (
        "import sys\n"
        "from nbtrack.models.flavors import pytorch\n"
        "from collections import OrderedDict\n"
        "assert not pytorch.is_model(OrderedDict())\n"
        "assert not {'torch', 'numpy', 'lightning', 'keras'} & sys.modules.keys()\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
