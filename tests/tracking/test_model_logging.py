"""Models in runs: logged whole, listed after, kept when the store refuses."""

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import nbtrack
from nbtrack.core.errors import (
    AlreadyExistsError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    StoreError,
    UntrustedModelError,
)
from nbtrack.models.mlmodel import Model
from nbtrack.models.model_info import ModelInfo
from nbtrack.models.safety.folder_digests import SIGNATURE_FILE
from nbtrack.models.safety.trust import is_own, trust_folder
from nbtrack.models.signature import infer_signature
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.tracking import model_logging
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.tracker import Tracker

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
Y = np.array([0.0, 1.0, 2.0, 3.0])


def entity_of(tracker: Tracker, info: ModelInfo) -> Any:
    return tracker._store().logged_models.get(info.model_id)


@pytest.fixture
def model() -> LinearRegression:
    return LinearRegression().fit(X, Y)


def test_a_model_is_logged_and_loaded_by_its_run(model: LinearRegression) -> None:
    with nbtrack.start_run() as run:
        info = nbtrack.sklearn.log_model(model, "model", input_example=X[:2])

    loaded = nbtrack.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    predictor = nbtrack.pyfunc.load_model(info.model_uri)

    assert np.array_equal(loaded.predict(X), model.predict(X))
    assert np.array_equal(predictor.predict(X), model.predict(X))
    assert info.signature == infer_signature(X[:2], pd.Series(model.predict(X[:2])))


def test_a_model_loads_in_another_process_of_the_user(model: LinearRegression, tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_model(model, name="models/linear")

    program = f"""
import nbtrack
print(nbtrack.pyfunc.load_model("runs:/{run.info.run_id}/models/linear").predict([[2.0, 1.0]])[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert float(done.stdout) == pytest.approx(2.0)


def test_a_stranger_is_asked_for_trust(
    model: LinearRegression, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbtrack.start_run():
        info = nbtrack.sklearn.log_model(model)
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))

    with pytest.raises(UntrustedModelError, match=r"trust=True"):
        nbtrack.sklearn.load_model(info.model_uri)

    trusted = nbtrack.sklearn.load_model(info.model_uri, trust=True)
    assert np.array_equal(trusted.predict(X), model.predict(X))


def test_a_second_model_of_the_name_lies_beside_the_first(model: LinearRegression) -> None:
    other = LinearRegression().fit(X, -Y)

    with nbtrack.start_run() as run:
        first = nbtrack.log_model(model, "model")
        second = nbtrack.log_model(other, "model")

    assert (first.artifact_path, second.artifact_path) == ("model", "model-2")
    assert nbtrack.sklearn.load_model(first.model_uri).coef_[0] == pytest.approx(model.coef_[0])
    by_name = nbtrack.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert by_name.coef_[0] == pytest.approx(other.coef_[0])


def test_the_entity_has_what_the_run_has(model: LinearRegression) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_param("alpha", 0.1)
        nbtrack.log_metric("loss", 0.5, step=3)
        info = nbtrack.log_model(model, "model", step=3, tags={"team": "nlp"}, params={"beta": 2})

    entity = entity_of(default_tracker, info)

    assert entity.status == "READY"
    assert entity.source_run_id == run.info.run_id
    assert entity.params == {"alpha": "0.1", "beta": "2"}
    assert entity.tags["team"] == "nlp"
    assert [(metric.key, metric.value) for metric in entity.metrics] == [("loss", 0.5)]
    assert nbtrack.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id


def test_a_model_without_a_step_has_the_last_value_of_each_metric(model: LinearRegression) -> None:
    with nbtrack.start_run():
        for step in range(3):
            nbtrack.log_metric("loss", 1 / (step + 1), step=step)
        info = nbtrack.sklearn.log_model(model)

    assert [metric.value for metric in entity_of(default_tracker, info).metrics] == [1 / 3]


def test_slashes_make_folders(model: LinearRegression) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_model(model, "models/classifier")

    listed = nbtrack.list_artifacts(run.info.run_id, "models/classifier")

    assert "models/classifier/MLmodel" in [info.path for info in listed]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"artifact_path": "a", "name": "b"}, InvalidValueError, "both name the model"),
        ({"name": "../a"}, InvalidValueError, "would leave the run"),
        ({"signature": "x"}, InvalidTypeError, "infer_signature"),
        ({"pip_requirements": ["a"], "conda_env": {}}, InvalidValueError, "conda_env and pip_requirements"),
        ({"metadata": {"f": object()}}, InvalidTypeError, "'f' is an object"),
        ({"code_paths": "code.py"}, InvalidTypeError, "takes a list"),
        ({"code_paths": ["nowhere.py"]}, FileNotFoundError, "nowhere.py"),
        ({"flavor": "sklaern"}, InvalidValueError, "no flavor 'sklaern'"),
        ({"serialization_format": "json"}, InvalidValueError, "serialization_format is 'json'"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_kept(
    model: LinearRegression, options: dict, error: type[Exception], says: str
) -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(error, match=says):
            nbtrack.log_model(model, **options)

        assert nbtrack.list_artifacts(run.info.run_id) == []
        assert nbtrack.get_run(run.info.run_id).outputs.model_outputs == []


def test_a_model_that_cannot_be_pickled_says_so_and_nothing_is_kept() -> None:
    import threading

    model = LinearRegression()
    model.lock = threading.Lock()

    with nbtrack.start_run() as run:
        with pytest.raises(InvalidValueError, match=r"cannot be pickled.*__getstate__"):
            nbtrack.sklearn.log_model(model, "model")

        assert nbtrack.list_artifacts(run.info.run_id) == []


@pytest.fixture(autouse=True)
def _nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused here is not to be told at the end of the tests."""
    monkeypatch.setattr(model_logging, "_not_logged", {})


class Refusing:
    """Makes the store refuse folders."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses = True
        publish = RunArtifacts._publish_folder

        def perhaps(*arguments: Any) -> None:
            if self.refuses:
                raise StoreError("The disk is full.")
            publish(*arguments)

        monkeypatch.setattr(RunArtifacts, "_publish_folder", perhaps)


def test_a_store_that_refuses_does_not_stop_training_and_gets_the_model_later(
    tracker: Tracker, model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(monkeypatch)
    run = tracker.start_run()
    with pytest.warns(RuntimeWarning) as said:
        info = run.log_model(model, "model")
    texts = [str(each.message) for each in said]
    assert "could not write to its store" in texts[0]
    assert f"kept in {info.folder}" in texts[1]
    coefficients = model.coef_.copy()
    model.fit(X, -Y)
    assert run.outputs.model_outputs == []

    refusing.refuses = False
    run.log_text("again", "a.txt")
    tracker.end_run()

    folder = tracker.download_artifacts(run_id=run.run_id, path="model")
    assert np.array_equal(nbtrack.sklearn.load_model(folder).coef_, coefficients)
    assert entity_of(tracker, info).status == "READY"
    assert info.folder is not None
    assert not info.folder.exists()  # it was kept elsewhere meanwhile


REFUSED_TO_THE_END = """
import sys
import warnings
import nbtrack
from nbtrack.core.errors import StoreError
from nbtrack.stores.local.artifacts import RunArtifacts
from nbtrack.stores.local.logged_models import LocalLoggedModels
from nbtrack.stores.local.registry import LocalRegistry
from sklearn.linear_model import LinearRegression

def refuse(*_, **__):
    raise StoreError("The disk is full.")

class Once(LinearRegression):
    def __getstate__(self):
        if getattr(self, "saved", 0):
            raise TypeError("not again")
        self.saved = 1
        return super().__getstate__()

warnings.simplefilter("ignore")
nbtrack.set_tracking_uri("store")
nbtrack.set_registry_uri("shared")
run = nbtrack.start_run()
X, Y = [[0.0], [1.0]], [0.0, 1.0]
plain = {'pip_requirements': []}
nbtrack.log_model(LinearRegression().fit(X, Y), name="taken", **plain)
LocalRegistry.create_version = refuse
nbtrack.log_model(LinearRegression().fit(X, Y), name="first", **plain, registered_model_name="iris")
LocalLoggedModels.create = refuse
nbtrack.log_model(LinearRegression().fit(X, Y), name="second", **plain)
RunArtifacts._publish_folder = refuse
nbtrack.log_model(LinearRegression().fit(X, Y), name="third", **plain)
nbtrack.log_model(Once().fit(X, Y), name="fourth", **plain)
print(run.run_id)
"""


def test_models_that_never_got_into_the_store_are_named_at_the_end(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", REFUSED_TO_THE_END],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    run_id = done.stdout.strip()
    told = [line for line in done.stderr.splitlines() if line.startswith("nbtrack: The model")]
    kept = Path(told[2].rpartition(" ")[2].rstrip("."))
    assert [re.sub(r"\b[0-9a-f]{32}\b", "ID", line) for line in told] == [
        "nbtrack: The model 'first' of run ID is logged, models:/m-ID, and not registered as 'iris'.",
        "nbtrack: The model 'second' of run ID is in the store, unlisted: runs:/ID/second.",
        f"nbtrack: The model 'third' of run ID never got into the store. Its files are in {kept}.",
        "nbtrack: The model 'fourth' of run ID is lost: the store refused it, and it could not be kept "
        "elsewhere.",
    ]
    assert (kept / "MLmodel").is_file()
    assert all(run_id in line for line in told)


class Interrupted(BaseException):
    """Stands for an interrupt, which would end the tests where one breaks."""


class SavedOnlyOnce(LinearRegression):
    """Raises what it was given when it is pickled for the second time."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error = error
        self.saved = 0
        self.meanwhile = lambda: None

    def __getstate__(self) -> Any:
        self.saved += 1
        if self.saved > 1 and self.error is not None:
            raise self.error
        self.meanwhile()
        return {**super().__getstate__(), "error": None, "meanwhile": None}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_model_that_cannot_be_kept_is_not_logged_and_training_goes_on(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    refusing = Refusing(monkeypatch)
    model = SavedOnlyOnce(InvalidValueError("not now")).fit(X, Y)
    run = tracker.start_run()

    with pytest.warns(RuntimeWarning) as warned:
        run.log_model(model, "model")
    model.error = None
    refusing.refuses = False
    tracker.end_run()

    assert any("could not be kept" in str(each.message) for each in warned)
    assert list(temporary.iterdir()) == []
    assert run.outputs.model_outputs == []  # it may be another model by now


def test_nothing_stays_of_a_model_whose_keeping_was_interrupted(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    Refusing(monkeypatch)
    model = SavedOnlyOnce(Interrupted()).fit(X, Y)
    run = tracker.start_run()

    with pytest.warns(RuntimeWarning, match="could not write"), pytest.raises(Interrupted):
        run.log_model(model, "model", pip_requirements=["scikit-learn"])

    assert list(temporary.iterdir()) == []
    monkeypatch.undo()
    tracker.end_run()


def test_without_a_place_for_temporary_folders_training_goes_on(
    tracker: Tracker, model: LinearRegression, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    Refusing(monkeypatch)
    run = tracker.start_run()
    temporary.rmdir()

    with pytest.warns(RuntimeWarning) as warned:
        run.log_model(model, "model")

    assert any("could not be kept" in str(each.message) for each in warned)


def test_what_the_models_own_code_finds_taken_is_an_error_and_no_reason_to_try_again() -> None:
    nbtrack.create_experiment("mine")
    Path("code_model.py").write_text(
        "import nbtrack\n"
        "from pathlib import Path\n"
        "asked = Path('asked')\n"
        "asked.write_text(asked.read_text() + 'x' if asked.exists() else 'x')\n"
        "if len(asked.read_text()) > 3:\n"
        "    raise RuntimeError('asked for ever')\n"
        "nbtrack.create_experiment('mine')\n"
    )

    with nbtrack.start_run(), pytest.raises(nbtrack.NbtrackError, match="mine"):
        nbtrack.pyfunc.log_model(name="m", python_model="code_model.py")

    assert Path("asked").read_text() == "x"


def test_who_loses_the_race_for_a_name_takes_the_next_and_saves_the_model_once(tracker: Tracker) -> None:
    run = tracker.start_run()
    model = SavedOnlyOnce(InvalidValueError("saved again")).fit(X, Y)
    model.meanwhile = lambda: run.log_model(LinearRegression().fit(X, Y), "model")

    info = run.log_model(model, "model", pip_requirements=["scikit-learn"])
    folder = Path(tracker.download_artifacts(run_id=run.run_id, path="model-2"))

    assert info.artifact_path == "model-2"
    assert Model.load(folder).artifact_path == "model-2"
    assert is_own(folder)


def test_a_refusal_is_raised_where_that_is_wanted(
    tmp_path: Path, model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    Refusing(monkeypatch)
    tracker = Tracker(store=tmp_path / "store", on_error="raise")
    run = tracker.start_run()

    with pytest.raises(StoreError, match="disk is full"):
        run.log_model(model, "model")

    assert run.outputs.model_outputs == []
    tracker.close()


def test_nothing_is_logged_while_tracking_is_off(
    model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")

    info = nbtrack.sklearn.log_model(model, "model")

    assert info.model_uri.endswith("/model")
    assert not Path(".nbtrack").exists()


def test_a_model_is_saved_in_a_folder_of_the_users(model: LinearRegression, tmp_path: Path) -> None:
    nbtrack.sklearn.save_model(model, tmp_path / "mine")

    assert np.array_equal(nbtrack.sklearn.load_model(tmp_path / "mine").predict(X), model.predict(X))
    with pytest.raises(nbtrack.NbtrackError, match="not empty"):
        nbtrack.sklearn.save_model(model, tmp_path / "mine")


def test_a_folder_of_the_users_is_as_open_as_its_files_and_may_be_reached_by_a_link(
    model: LinearRegression, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")

    nbtrack.sklearn.save_model(model, tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty").stat().st_mode & 0o755 == 0o755 & ~current_umask()
    assert np.array_equal(nbtrack.sklearn.load_model(tmp_path / "link").predict(X), model.predict(X))
    assert list(tmp_path.glob(".nbtrack-incoming-*")) == []


def current_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("example", "why"),
    [
        (pd.DataFrame({"low": [1.0]}), "it lacks 'high'"),
        (pd.DataFrame({"low": ["x"], "high": [2.0]}), "column 'low' is str, the model takes double"),
        (np.zeros((2, 4)), "it has 4 columns without names, the model takes 2"),
    ],
)
def test_an_example_that_contradicts_the_signature_is_told(example: Any, why: str) -> None:
    frame = pd.DataFrame({"low": [1.0, 2.0], "high": [3.0, 5.0]})
    model = LogisticRegression().fit(frame, [0, 1])
    signature = infer_signature(frame, model.predict(frame))

    with nbtrack.start_run(), pytest.warns(RuntimeWarning, match=f"example contradicts the signature.*{why}"):
        info = nbtrack.sklearn.log_model(model, name="m", signature=signature, input_example=example)

    assert info.signature == signature
    with pytest.raises(InvalidValueError, match=why):
        nbtrack.pyfunc.load_model(info.model_uri).predict(example)


def test_a_model_that_cannot_predict_on_its_example_is_saved_without_a_signature() -> None:
    with nbtrack.start_run(), pytest.warns(RuntimeWarning, match="could not predict on its input"):
        info = nbtrack.sklearn.log_model(LogisticRegression().fit(X, Y > 1), input_example=X[["a"]])

    assert info.signature is None


def test_a_card_says_what_one_needs_to_know(model: LinearRegression) -> None:
    with nbtrack.start_run():
        info = nbtrack.sklearn.log_model(model, "model", input_example=X[:2])

    bundle = info._repr_mimebundle_()

    for form in (bundle["text/plain"], bundle["text/html"]):
        assert "double" in form
        assert "scikit-learn==" in form
        assert "nbtrack.sklearn.load_model(" in form
        assert re.search(r"· [\d.]+ (B|kB)", form)


def test_logging_a_model_warns_of_nothing(model: LinearRegression) -> None:
    with warnings.catch_warnings(), nbtrack.start_run():
        warnings.simplefilter("error")
        nbtrack.log_model(model)


def test_what_is_known_of_a_model_is_read_without_running_it(
    model: LinearRegression, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_param("alpha", 0.1)
        nbtrack.sklearn.log_model(
            model, "model", input_example=X[:2], metadata={"team": "nlp"}, tags={"t": 1}
        )
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))  # nothing of it is trusted

    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")

    assert info.signature == infer_signature(X[:2], pd.Series(model.predict(X[:2])))
    assert info.metadata == {"team": "nlp"}
    assert (info.name, info.params, info.tags["t"]) == ("model", {"alpha": "0.1"}, "1")
    assert any(line.startswith("scikit-learn==") for line in info.requirements)


def test_a_signature_is_set_later_and_the_model_stays_the_users_own(model: LinearRegression) -> None:
    with nbtrack.start_run() as run:
        nbtrack.sklearn.log_model(model, "model")
    uri = f"runs:/{run.info.run_id}/model"
    signature = infer_signature(X, Y)

    nbtrack.models.set_signature(uri, signature)

    assert nbtrack.models.get_model_info(uri).signature == signature
    assert np.array_equal(nbtrack.sklearn.load_model(uri).predict(X), model.predict(X))
    with pytest.raises(InvalidTypeError, match="infer_signature"):
        nbtrack.models.set_signature(uri, "x")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_while_a_signature_is_set_leaves_the_model_the_users_own(
    model: LinearRegression, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    folder = tmp_path / "mine"
    nbtrack.sklearn.save_model(model, folder)
    program = f"""
import os
import nbtrack
from nbtrack.models.signature import infer_signature
replace = os.replace
def killed(source, target):
    if str(target).endswith("MLmodel"):
        {"pass" if moment == "before" else "replace(source, target)"}
        os._exit(9)
    replace(source, target)
os.replace = killed
nbtrack.models.set_signature({str(folder)!r}, infer_signature([1.0], [2.0]))
"""

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == 9
    assert (nbtrack.models.get_model_info(folder).signature is not None) == (moment == "after")
    assert np.array_equal(nbtrack.sklearn.load_model(folder).predict(X), model.predict(X))


def test_a_file_that_a_signature_only_claims_to_expect_is_a_changed_one(
    model: LinearRegression, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    nbtrack.sklearn.save_model(model, folder)
    evil = b"cos\nsystem\n(S'true'\ntR."
    (folder / "model.pkl").write_bytes(evil)
    signature = json.loads((folder / SIGNATURE_FILE).read_text())
    signature["coming"] = {
        "file": "model.pkl",
        "sha256": hashlib.sha256(evil).hexdigest(),
        "size": len(evil),
        "hmac": signature["hmac"],
    }
    (folder / SIGNATURE_FILE).write_text(json.dumps(signature))

    assert not is_own(folder)
    with pytest.raises(UntrustedModelError):
        nbtrack.sklearn.load_model(folder)


def test_a_model_that_is_trusted_stays_so_when_its_signature_is_set(
    model: LinearRegression, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbtrack.sklearn.save_model(model, tmp_path / "mine")
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))
    (tmp_path / "stranger").mkdir()
    trust_folder(tmp_path / "mine")

    nbtrack.models.set_signature(tmp_path / "mine", infer_signature(X, Y))

    assert np.array_equal(nbtrack.sklearn.load_model(tmp_path / "mine").predict(X), model.predict(X))


def test_the_card_of_a_run_names_its_models(model: LinearRegression) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_model(model, "models/linear")

    bundle = nbtrack.get_run(run.info.run_id)._repr_mimebundle_()

    assert "models: models/linear (sklearn)" in bundle["text/plain"]
    assert "models: models/linear (sklearn)" in bundle["text/html"]


def test_requirements_are_found_in_a_folder_without_running_it(
    model: LinearRegression, tmp_path: Path
) -> None:
    (tmp_path / "helper.py").write_text("import pandas\n")
    nbtrack.sklearn.save_model(
        model, tmp_path / "m", code_paths=[tmp_path / "helper.py"], pip_requirements=["a"]
    )

    lines = nbtrack.models.infer_pip_requirements(tmp_path / "m")

    assert {"numpy", "pandas", "scikit-learn"} <= {line.partition("==")[0] for line in lines}
    assert "helper" not in str(lines)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"step": "x"}, "whole number"),
        ({"step": 1.5}, "whole number"),
        ({"tags": ["a"]}, "tags of a model are given as a dict, got list"),
        ({"params": 3}, "params are given as a dict"),
        ({"model_type": 3}, "model_type is a word of yours, got int 3"),
        ({"registered_name": "Q"}, "Did you mean 'registered_model_name'"),
        ({"serialisation_format": "skops"}, "Did you mean 'serialization_format'"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_refused_before_anything_is_kept(
    model: LinearRegression, options: dict, says: str
) -> None:
    with nbtrack.start_run() as run:
        with pytest.raises((InvalidTypeError, InvalidValueError), match=says):
            nbtrack.log_model(model, name="x", **options)

        assert nbtrack.list_artifacts(run.info.run_id) == []


def test_swapped_arguments_are_told_apart(model: LinearRegression) -> None:
    with nbtrack.start_run():
        with pytest.raises(InvalidTypeError, match="The model comes first"):
            nbtrack.sklearn.log_model("m", model)
        with pytest.raises(InvalidTypeError, match="takes the model as python_model="):
            nbtrack.pyfunc.log_model(model, name="x")
    with pytest.raises(InvalidTypeError, match="A model is saved at a path, got LinearRegression"):
        nbtrack.sklearn.save_model("x", model)


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_a_model_in_an_archive_is_loaded(model: LinearRegression, tmp_path: Path, kind: str) -> None:
    nbtrack.sklearn.save_model(model, tmp_path / "m" / "linear")
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path / "m")
    flat = shutil.make_archive(str(tmp_path / "flat"), kind, tmp_path / "m" / "linear")

    for each in (archive, Path(flat)):
        assert np.array_equal(nbtrack.sklearn.load_model(each).predict(X), model.predict(X))
    kept = nbtrack.sklearn.load_model(archive, dst_path=tmp_path / "here")
    assert np.array_equal(kept.predict(X), model.predict(X))
    assert (tmp_path / "here" / "packed" / "linear" / "MLmodel").is_file()


def test_a_model_in_an_archive_is_loaded_again_to_where_it_was_but_over_nothing_else(
    model: LinearRegression, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    nbtrack.sklearn.save_model(model, tmp_path / "m")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "m")
    nbtrack.sklearn.load_model(archive, dst_path=here)

    again = nbtrack.sklearn.load_model(archive, dst_path=here)

    assert np.array_equal(again.predict(X), model.predict(X))
    assert sorted(os.listdir(here)) == ["packed", "packed.zip"]
    (here / "packed" / "mine.txt").write_text("mine")
    with pytest.raises(AlreadyExistsError, match=r"packed' exists already, .* not what packed\.zip holds"):
        nbtrack.sklearn.load_model(archive, dst_path=here)
    shutil.rmtree(here / "packed")
    (here / "packed").write_text("a file")
    with pytest.raises(AlreadyExistsError, match="exists already"):
        nbtrack.sklearn.load_model(archive, dst_path=here)
    assert sorted(os.listdir(here)) == ["packed", "packed.zip"]


def test_a_dst_path_that_is_a_file_is_named(model: LinearRegression, tmp_path: Path) -> None:
    nbtrack.sklearn.save_model(model, tmp_path / "m")
    with nbtrack.start_run():
        info = nbtrack.log_model(model)
    (tmp_path / "file").write_text("x")

    for uri in (tmp_path / "m", info.model_uri):
        for place in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(StoreError, match=rf"dst_path '{place}' is no folder: a file is there"):
                nbtrack.sklearn.load_model(uri, dst_path=place)
    assert (tmp_path / "file").read_text() == "x"


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.txt", "x")

    with pytest.raises(InvalidValueError, match="evil"):
        nbtrack.sklearn.load_model(tmp_path / "evil.zip", trust=True)


def test_what_log_model_returned_and_a_bare_model_id_load(model: LinearRegression) -> None:
    with nbtrack.start_run():
        info = nbtrack.sklearn.log_model(model)

    for given in (info, info.model_id, nbtrack.last_logged_model()):
        assert type(nbtrack.sklearn.load_model(given)) is LinearRegression
        assert nbtrack.pyfunc.load_model(given).predict(X).shape == (4,)
    assert info.model_uri in repr(nbtrack.pyfunc.load_model(info))


def test_a_model_that_was_logged_while_nbtrack_was_off_is_said_to_be_nowhere(
    model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    with nbtrack.start_run():
        info = nbtrack.sklearn.log_model(model)

    for uri in (info.model_uri, "models:/m-" + "d15ab1ed" * 4):
        with pytest.raises(NotFoundError, match="Nothing was recorded: NBTRACK_DISABLED"):
            nbtrack.sklearn.load_model(uri)


@pytest.mark.parametrize(
    ("flavors", "told"),
    [
        ("catboost: {}", "only the flavor catboost. nbtrack reads no model of catboost"),
        ("sklearn: {}", "only the flavor sklearn. Load it as what it is: nbtrack.sklearn.load_model"),
    ],
)
def test_a_folder_that_cannot_predict_names_the_flavor_that_it_has(
    flavors: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "MLmodel").write_text(f"flavors:\n  {flavors}\n")

    with pytest.raises(InvalidValueError, match=re.escape(told)):
        nbtrack.pyfunc.load_model(tmp_path)


def test_a_flavor_that_nbtrack_does_not_know_is_not_said_to_predict(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors:\n  catboost: {}\n")

    with pytest.raises(InvalidValueError, match=r"it has catboost\. nbtrack reads none of them"):
        nbtrack.sklearn.load_model(tmp_path)


def test_what_only_the_model_itself_has_is_named(tmp_path: Path) -> None:
    nbtrack.sklearn.save_model(LogisticRegression().fit(X, [0, 1, 0, 1]), tmp_path / "m")
    predictor = nbtrack.pyfunc.load_model(tmp_path / "m")

    with pytest.raises(AttributeError) as caught:
        predictor.predict_proba(X)
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        predictor.nothing  # noqa: B018

    assert "get_raw_model().predict_proba" in str(caught.value)
    assert "pyfunc_predict_fn='predict_proba'" in str(caught.value)
    assert copy.copy(predictor).predict(X).shape == (4,)


@pytest.mark.filterwarnings("ignore:The model imports 'left_out':RuntimeWarning")
def test_code_that_was_left_out_of_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "left_out.py").write_text(
        "import nbtrack.pyfunc, sklearn.linear_model, torch\n"
        "class Sklearn(sklearn.linear_model.LinearRegression): pass\n"
        "class Torch(torch.nn.Identity): pass\n"
        "class Python(nbtrack.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input):\n"
        "        return model_input\n"
    )
    program = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import left_out, nbtrack\n"
        "for kind in (left_out.Sklearn, left_out.Torch, left_out.Python):\n"
        "    with nbtrack.start_run():\n"
        "        print(nbtrack.log_model(kind()).model_uri)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    loaders = zip(
        done.stdout.split(),
        (nbtrack.sklearn.load_model, nbtrack.pytorch.load_model, nbtrack.pyfunc.load_model),
        strict=True,
    )

    for uri, as_what_it_is in loaders:
        for load in (as_what_it_is, nbtrack.pyfunc.load_model):
            with pytest.raises(ImportError, match=r"module 'left_out'.*code_paths=\[\.\.\.\]") as caught:
                load(uri)
            assert isinstance(caught.value, InvalidValueError)
        assert caught.value.name == "left_out"
