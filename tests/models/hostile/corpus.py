"""Models that were made to harm, each in a folder of its own; what they would do is make a marker folder.

What a case says is what its loader must answer. Where `is_live`, the same folder does make the marker when
it is loaded with trust=True: the test sees that the payload works.
"""

import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np

from nbtrack.models.safety.folder_digests import SIGNATURE_FILE
from nbtrack.models.safety.trust import sign_folder
from tests.models.hostile.framework_corpus import FRAMEWORK_CASES
from tests.models.hostile.making import MKDIR, UNTRUSTED, Case, Harm, harmful, write


def sklearn(native: dict[str, Any] | None = None, **predictor: Any) -> dict[str, Any]:
    """An MLmodel file of the sklearn flavor."""
    own = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle", "sklearn_version": "1.5.0"}
    python = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl", "python_version": "3.11.0"}
    return {"flavors": {"sklearn": {**own, **(native or {})}, "python_function": {**python, **predictor}}}


def python(**entry: Any) -> dict[str, Any]:
    """An MLmodel file with a predictor only."""
    return {"flavors": {"python_function": {"python_version": "3.11.0", **entry}}}


def pickled(pack: Callable[[bytes], bytes] = bytes, protocol: int = 4) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        write(folder, sklearn(), model_dot_pkl=pack(pickle.dumps(Harm(marker), protocol)))

    return make


def in_memo(folder: Path, marker: Path) -> None:
    """The names of the function come from the memo, last first."""
    path = os.fsencode(marker)
    data = (
        b"\x80\x04\x8c\x05mkdir\x940\x8c\x02os\x94h\x00\x93" + b"\x8c" + bytes([len(path)]) + path + b"\x85R."
    )
    write(folder, sklearn(), model_dot_pkl=data)


def by_inst(folder: Path, marker: Path) -> None:
    write(folder, sklearn(), model_dot_pkl=f"(S{str(marker)!r}\nios\nmkdir\n.")


def by_build(folder: Path, marker: Path) -> None:
    """Calls through a method that unpickling calls by itself."""
    code = f"__import__('os').mkdir({str(marker)!r})"
    data = b"cbuiltins\neval\n(V" + code.encode("raw-unicode-escape") + b"\ntR."
    write(folder, sklearn(), model_dot_pkl=data)


def by_cloudpickle(folder: Path, marker: Path) -> None:
    place = str(marker)

    class Own:
        def __setstate__(self, state: Any) -> None:
            os.mkdir(place)

        def __getstate__(self) -> int:
            return 1

    write(folder, sklearn(), model_dot_pkl=cloudpickle.dumps(Own()))


def dumped(write_into: Callable[[Any, io.BytesIO], object]) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        file = io.BytesIO()
        write_into(Harm(marker), file)
        write(folder, sklearn(), model_dot_pkl=file.getvalue())

    return make


def object_array(harm: Harm, file: io.BytesIO) -> None:
    np.save(file, np.array([harm], dtype=object), allow_pickle=True)


def named(path: str, **fields: Any) -> Callable[[Path, Path], object]:
    """The pickle lies under the path that the MLmodel file names, wherever that leads."""

    def make(folder: Path, marker: Path) -> None:
        write(folder, sklearn({"pickled_model": path, **fields}, model_path=path))
        (folder.parent / "outside.pkl").write_bytes(pickle.dumps(Harm(marker)))

    return make


def named_for_predictor(key: str, path: str) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        entry = {"loader_module": "mlflow.pyfunc.model", key: path}
        write(folder, python(**entry))
        (folder.parent / "outside.pkl").write_bytes(pickle.dumps(Harm(marker)))

    return make


def python_model(folder: Path, marker: Path) -> None:
    entry = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}
    write(folder, python(**entry), python_model_dot_pkl=pickle.dumps(Harm(marker)))


def python_model_compressed(folder: Path, marker: Path) -> None:
    entry = {
        "loader_module": "mlflow.pyfunc.model",
        "python_model": "python_model.pkl",
        "python_model_compression": "gzip",
    }
    write(folder, python(**entry), python_model_dot_pkl=gzip.compress(pickle.dumps(Harm(marker))))


def from_code(folder: Path, marker: Path) -> None:
    entry = {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "/home/eve/agent.py"}
    write(folder, python(**entry), agent_dot_py=harmful(marker))


def loader(name: Any, **entry: Any) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        write(folder, python(loader_module=name, **entry), code__planted_dot_py=harmful(marker))
        write(folder, None, data__x_dot_txt="x", planted_dot_py=harmful(marker))

    return make


def code_with(file: str, **entry: Any) -> Callable[[Path, Path], object]:
    """A model whose pickle imports a module of its code folder, which shadows another."""

    def make(folder: Path, marker: Path) -> None:
        model = sklearn({"code": "code"}, code="code", **entry)
        write(folder, model, model_dot_pkl=f"c{Path(file).stem}\nx\n.")
        write(folder / "code", None, **{file.replace(".", "_dot_"): harmful(marker) + "x = 1\n"})

    return make


def signed(change: Callable[[Path, Path], object]) -> Callable[[Path, Path], object]:
    """A model of the user's own, which somebody changed afterwards."""

    def make(folder: Path, marker: Path) -> None:
        write(folder, sklearn({"code": "code"}, code="code"), model_dot_pkl=pickle.dumps([1]))
        write(folder, None, code__own_dot_py="x = 1\n", requirements_dot_txt="")
        assert sign_folder(folder)
        change(folder, marker)

    return make


def of_another(folder: Path, marker: Path) -> None:
    other = folder.parent / "another"
    signed(lambda *_: None)(other, marker)
    pickled()(folder, marker)
    shutil.copy(other / SIGNATURE_FILE, folder)


def forged(folder: Path, marker: Path) -> None:
    """A list of files that fits, with the code of authentication of another list."""
    from nbtrack.models.safety.folder_digests import hash_file

    signed(lambda *_: None)(folder, marker)
    (folder / "model.pkl").write_bytes(pickle.dumps(Harm(marker)))
    document = json.loads((folder / SIGNATURE_FILE).read_text())
    document["files"]["model.pkl"] = hash_file(folder, "model.pkl").digest._asdict()
    (folder / SIGNATURE_FILE).write_text(json.dumps(document))


def signed_by_another_key(folder: Path, marker: Path) -> None:
    pickled()(folder, marker)
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(folder.parent / "eve")
    try:
        assert sign_folder(folder)
    finally:
        del os.environ["XDG_CONFIG_HOME"]
        if before is not None:
            os.environ["XDG_CONFIG_HOME"] = before


def linked(target: str) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        write(folder, sklearn())
        (folder.parent / "outside.pkl").write_bytes(pickle.dumps(Harm(marker)))
        (folder / "model.pkl").symlink_to(target)

    return make


def linked_folder(folder: Path, marker: Path) -> None:
    write(folder, sklearn({"pickled_model": "data/outside.pkl"}))
    (folder.parent / "outside.pkl").write_bytes(pickle.dumps(Harm(marker)))
    (folder / "data").symlink_to("..")


def piped(name: str) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        pickled()(folder, marker)
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return make


def with_mlmodel(text: str | bytes) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        pickled()(folder, marker)
        data = text.encode() if isinstance(text, str) else text
        (folder / "MLmodel").write_bytes(data.replace(b"MARKER", os.fsencode(marker)))

    return make


def with_fields(**fields: Any) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        pickled()(folder, marker)
        write(folder, {**sklearn(), **fields})

    return make


def crowded(folder: Path, marker: Path) -> None:
    pickled()(folder, marker)
    for number in range(10_001):
        (folder / str(number)).touch()


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join(['*' + chr(97 + level)] * 9)}]\n"
    for level in range(12)
)


def as_skops(make_file: Callable[[Path, Path], object]) -> Callable[[Path, Path], object]:
    def make(folder: Path, marker: Path) -> None:
        write(
            folder,
            sklearn(
                {
                    "pickled_model": "model.skops",
                    "serialization_format": "skops",
                    "skops_trusted_types": ["x"],
                },
                model_path="model.skops",
            ),
        )
        make_file(folder / "model.skops", marker)

    return make


def skops_file(schema: Any) -> Callable[[Path, Path], object]:
    def make(file: Path, marker: Path) -> None:
        text = json.dumps(schema).replace("MARKER", str(marker))
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("schema.json", text)

    return make


def skops_node(module: str, name: str, node: str, **more: Any) -> dict[str, Any]:
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": node,
        "__id__": 1,
        "protocol": 2,
        "_skops_version": "0.11",
        **more,
    }


def skops_of_a_function(file: Path, marker: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(os.mkdir, kw_args={"mode": 0o700}), file)


def skops_bomb(file: Path, marker: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 100_000_000 + b"{}")


def skops_of_many_lists(file: Path, marker: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "[" + "[]," * 5_000_000 + "[]]")


def skops_of_lists_within_its_size(file: Path, marker: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "[" + "[]," * 330_000 + "[]]")


def skops_with_objects(file: Path, marker: Path) -> None:
    """An array of Python objects where an array of numbers should be."""
    array = io.BytesIO()
    np.save(array, np.array([Harm(marker)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(file, "w") as archive:
        node = skops_node("numpy", "ndarray", "NdArrayNode", type="numpy", file="1.npy")
        archive.writestr("schema.json", json.dumps(node))
        archive.writestr("1.npy", array.getvalue())


CASES: dict[str, Case] = {
    **{
        f"pickle of protocol {protocol}": Case(pickled(protocol=protocol), MKDIR, "sklearn", True)
        for protocol in range(6)
    },
    "pickle, as a predictor": Case(pickled(), MKDIR, is_live=True),
    "names from the memo": Case(in_memo, "would import os.mkdir", "sklearn", True),
    "by INST": Case(by_inst, "would import os.mkdir", "sklearn", True),
    "by eval": Case(by_build, "would import builtins.eval", "sklearn", True),
    "by cloudpickle": Case(by_cloudpickle, "would import cloudpickle", "sklearn", True),
    "by joblib": Case(dumped(joblib.dump), MKDIR, "sklearn", True),
    "by joblib, compressed": Case(dumped(partial(joblib.dump, compress=3)), MKDIR, "sklearn"),
    "an array of objects": Case(dumped(object_array), MKDIR, "sklearn"),
    "gzip": Case(pickled(gzip.compress), MKDIR, "sklearn"),
    "xz": Case(pickled(lzma.compress), MKDIR, "sklearn"),
    "a pickle behind another": Case(pickled(lambda data: b"N." + data), UNTRUSTED, "sklearn"),
    "a cut pickle": Case(pickled(lambda data: data[:-1], 2), f"{MKDIR} and what could not", "sklearn", True),
    # Python models and their code.
    "python model": Case(python_model, MKDIR, is_live=True),
    "python model, compressed": Case(python_model_compressed, MKDIR, is_live=True),
    "python model from code": Case(from_code, "agent.py is code", is_live=True),
    "loader module in its code": Case(loader("planted", code="code"), "planted.py is code", is_live=True),
    "loader module beside the MLmodel file": Case(loader("planted"), UNTRUSTED),
    "loader module os": Case(loader("os"), UNTRUSTED),
    "loader module this": Case(loader("this", data="data"), UNTRUSTED),
    "loader module nbtrack.demo": Case(loader("nbtrack.demo"), UNTRUSTED),
    "loader module a path": Case(loader("../../planted"), "names '../../planted' as the module|" + UNTRUSTED),
    "loader module relative": Case(loader("..planted"), "names '..planted' as the module|" + UNTRUSTED),
    "loader module a list": Case(loader(["os", "system"]), "as the module|" + UNTRUSTED),
    "loader module nothing": Case(loader(None), "as the module|" + UNTRUSTED),
    "code that shadows numpy": Case(code_with("numpy.py"), "code/numpy.py is code"),
    "code that shadows os": Case(code_with("os.py"), "code/os.py is code"),
    "code that runs at start": Case(code_with("sitecustomize.py"), "code/sitecustomize.py is code"),
    "code with a compiled module": Case(code_with("planted.pyc"), "code/planted.pyc is code"),
    "code outside": Case(
        lambda folder, marker: write(folder, python(loader_module="planted", code="../..")),
        "would leave",
    ),
    # Ones own models that somebody changed.
    "signed, then the pickle replaced": Case(
        signed(lambda folder, marker: (folder / "model.pkl").write_bytes(pickle.dumps(Harm(marker)))),
        "'model.pkl' has changed since you logged it",
        is_live=True,
    ),
    "signed, then code added": Case(
        signed(lambda folder, marker: (folder / "code" / "json.py").write_text(harmful(marker))),
        "'code/json.py' was added to it",
    ),
    "signed, then compiled code added": Case(
        signed(
            lambda folder, marker: write(
                folder, None, code____pycache____own_dot_cpython_311_dot_pyc=b"x" * 20
            )
        ),
        "was added to it",
    ),
    "signed, then a file removed": Case(
        signed(lambda folder, marker: (folder / "requirements.txt").unlink()),
        "'requirements.txt' was",
    ),
    "signed, then the MLmodel file changed": Case(
        signed(lambda folder, marker: write(folder, python(loader_module="own", code="code"))),
        "'MLmodel' has changed",
    ),
    "signed, then a file linked in": Case(
        signed(lambda folder, marker: (folder / "code" / "link.py").symlink_to("/etc/passwd")), "holds a link"
    ),
    "signed, then open to all": Case(
        signed(lambda folder, marker: (folder / "code").chmod(0o777)), "users can write to 'code'"
    ),
    "the signature of another model": Case(of_another, "was removed from it", is_live=True),
    "a forged list of files": Case(forged, "neither logged nor trusted it", is_live=True),
    "signed by another key": Case(signed_by_another_key, "neither logged nor trusted it", is_live=True),
    # Paths that lead elsewhere.
    **{
        f"model path {path!r}": Case(named(path), said)
        for path, said in {
            "../outside.pkl": "would leave",
            "data/../../outside.pkl": "would leave",
            "/etc/passwd": "absolute",
            "~/outside.pkl": "No file",
            "C:\\outside.pkl": "absolute",
            "..\\outside.pkl": "backslash",
            "model\0.pkl": "control character|is no YAML",
            "x" * 5000: "longer than|too long",
        }.items()
    },
    "model path a list": Case(named(["model.pkl"]), "inner path|No file"),  # type: ignore[arg-type]
    "python model outside": Case(named_for_predictor("python_model", "../outside.pkl"), "would leave"),
    "model file missing": Case(
        lambda folder, marker: write(folder, sklearn(), other="x"), "No file 'model.pkl'.*other"
    ),
    "model file a folder": Case(
        lambda folder, marker: write(folder, sklearn(), model_dot_pkl__x="x"), "is not loaded|is a folder"
    ),
    "model file a link": Case(linked("../outside.pkl"), "is a link|holds a link"),
    "model file a link to a device": Case(linked("/dev/zero"), "is a link|holds a link"),
    "folder a link": Case(linked_folder, "is a link|holds a link", "sklearn"),
    "model file a pipe": Case(piped("model.pkl"), "a named pipe"),
    "MLmodel a pipe": Case(piped("MLmodel"), "MLmodel"),
    "requirements a pipe": Case(piped("requirements.txt"), "a named pipe"),
    # MLmodel files.
    "YAML that calls": Case(
        with_mlmodel('!!python/object/apply:os.mkdir ["MARKER"]'), "only plain values are.*os.mkdir"
    ),
    "YAML that names": Case(with_mlmodel("flavors: !!python/name:os.mkdir"), "only plain values are"),
    "YAML in laughs": Case(with_mlmodel(LAUGHS), "aliases written out"),
    "YAML too deep": Case(with_mlmodel("flavors: " + "[" * 50_000), "nested deeper"),
    "YAML too large": Case(with_mlmodel(b"a: " + b"x" * 6_000_000), "larger than 5,000,000 bytes"),
    "YAML with an endless number": Case(with_mlmodel("flavors: " + "1:" * 1_000_000 + "1"), "digits"),
    "YAML with an endless number behind a space": Case(
        with_mlmodel('flavors: !!int " ' + "1:" * 1_000_000 + '1"'), "letters that is said to be"
    ),
    "YAML with a field named self": Case(with_mlmodel("flavors: {os: {}}\nself: 1"), "."),
    "YAML with a bool that is none": Case(with_mlmodel("flavors: !!bool foo"), "is no YAML"),
    "YAML with a date that is none": Case(with_mlmodel("flavors: !!timestamp foo"), "is no YAML"),
    "YAML with a number that is none": Case(with_mlmodel('flavors: !!int ""'), "is no YAML"),
    "YAML of itself": Case(with_mlmodel("flavors: &a {x: *a}"), "an alias"),
    "no YAML": Case(with_mlmodel("flavors: a: b"), "is no YAML"),
    "noise": Case(with_mlmodel(bytes(range(256))), "is no YAML"),
    "a list": Case(with_mlmodel("- flavors"), "is no MLmodel file"),
    "nothing": Case(with_mlmodel(""), "is no MLmodel file"),
    "flavors a list": Case(with_mlmodel("flavors: [sklearn]"), "names no flavors"),
    "a flavor a text": Case(with_mlmodel("flavors: {python_function: os}"), "is no set of fields"),
    "no MLmodel file": Case(
        lambda folder, marker: write(folder, model_dot_pkl=pickle.dumps(Harm(marker))), "No MLmodel file"
    ),
    "an unknown format": Case(
        lambda folder, marker: write(
            folder, sklearn({"serialization_format": "dill"}), model_dot_pkl=pickle.dumps(Harm(marker))
        ),
        "'dill'",
        "sklearn",
    ),
    "an unknown flavor": Case(
        lambda folder, marker: write(folder, {"flavors": {"sklaern": {}}}), "cannot predict by itself"
    ),
    "from the future": Case(with_fields(mlflow_version="99.0.0"), MKDIR, is_live=True),
    "a signature that is none": Case(with_fields(signature={"inputs": "[" * 10_000}), ".", "sklearn"),
    # Size.
    "too many files": Case(crowded, "more than 10,000 files"),
    "too deep": Case(
        lambda folder, marker: [pickled()(folder, marker), folder.joinpath(*["d"] * 40).mkdir(parents=True)],
        "more than 32 levels",
    ),
    "a pickle that says it is endless": Case(
        lambda folder, marker: write(
            folder, sklearn(), model_dot_pkl=b"\x80\x04cos\nmkdir\n\x8e" + struct.pack("<Q", 1 << 62) + b"x"
        ),
        "would import os.mkdir and what could not be read of it",
    ),
    # skops.
    "pickle named skops": Case(
        as_skops(lambda file, marker: file.write_bytes(pickle.dumps(Harm(marker)))), "."
    ),
    "skops that names a function": Case(as_skops(skops_of_a_function), "skops does not trust.*mkdir"),
    "skops that calls a method": Case(
        as_skops(
            skops_file(
                skops_node(
                    "os",
                    "mkdir",
                    "OperatorFuncNode",
                    attrs=skops_node("builtins", "tuple", "TupleNode", content=[]),
                )
            )
        ),
        "skops",
    ),
    "skops that names a type of nobody": Case(
        as_skops(skops_file(skops_node("planted", "Own", "ObjectNode", content=None))), "skops"
    ),
    "skops with an unknown loader": Case(
        as_skops(skops_file(skops_node("os", "system", "HarmNode", content=None))), "skops"
    ),
    "skops with objects": Case(as_skops(skops_with_objects), "skops|pickle"),
    "skops a bomb": Case(as_skops(skops_bomb), "."),
    "skops of many lists": Case(as_skops(skops_of_many_lists), "no skops file: its schema.json has"),
    "skops of lists within its size": Case(
        as_skops(skops_of_lists_within_its_size), "no skops file: its schema.json holds"
    ),
    "skops without a schema": Case(as_skops(skops_file([])), "."),
    **FRAMEWORK_CASES,
}
