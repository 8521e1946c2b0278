"""Scoring files: larger than a chunk, in order, whole or not at all, and exact about bad rows."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrack
from nbtrack.core.errors import InvalidValueError, MissingFileError, StoreError
from nbtrack.models.predictor import PyFuncModel
from nbtrack.models.schema.schema_types import ColSpec, Schema, TensorSpec
from nbtrack.models.signature import ModelSignature
from nbtrack.tracking.batch_scoring import Progress, Scored, ScoringOptions, predict, score_file
from nbtrack.tracking.scoring_rows import BadRowError

cloudpickle.register_pickle_by_value(sys.modules[__name__])

TYPES = {"n": "long", "x": "double", "code": "string", "is_new": "boolean", "day": "datetime"}


class Told(nbtrack.pyfunc.PythonModel):
    """Answers what it was given, and of which type it was."""

    def predict(self, context: Any, model_input: Any) -> Any:
        kinds = ",".join(str(dtype) for dtype in model_input.dtypes)
        rows = [json.dumps(row, default=str) for row in model_input.to_dict(orient="records")]
        return pd.DataFrame({"row": rows, "types": kinds})


class Doubling(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        return model_input["x"].to_numpy() * 2


def model_of(model: Any, types: dict[str, str] | None, optional: tuple[str, ...] = ()) -> PyFuncModel:
    columns = [ColSpec(kind, name, name not in optional) for name, kind in (types or {}).items()]
    signature = ModelSignature(inputs=Schema(columns)) if types else None
    folder = f"model-{len(list(Path().iterdir()))}"
    nbtrack.pyfunc.save_model(folder, python_model=model, signature=signature)
    return nbtrack.pyfunc.load_model(folder)


def score(
    model: PyFuncModel, text: str | bytes, suffix: str = "csv", output: str = "out.csv", **options: Any
) -> Scored:
    Path(f"in.{suffix}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return score_file(model, f"in.{suffix}", output, ScoringOptions(**options))


def told(output: str = "out.csv") -> tuple[list[Any], set[str]]:
    """The rows that the model was given, and the types that they had."""
    frame = pd.read_csv(output)
    return [json.loads(row) for row in frame["row"]], set(frame["types"])


def test_rows_of_all_chunks_come_in_order_and_of_one_type() -> None:
    model = model_of(Told(), TYPES, optional=("n",))
    rows = "".join(f"{row},{row}.5,0{row},true,2026-05-0{row % 9 + 1}\n" for row in range(25))

    scored = score(model, f"n,x,code,is_new,day\n{rows}", chunk_rows=7)

    given, types = told()
    assert scored.rows == 25
    assert [row["n"] for row in given] == list(range(25))
    assert given[3] == {"n": 3, "x": 3.5, "code": "03", "is_new": True, "day": "2026-05-04 00:00:00"}
    assert types == {"int64,float64,str,bool,datetime64[ns]"}


def test_a_column_is_what_the_signature_says_whatever_the_rows_look_like() -> None:
    model = model_of(Told(), {"x": "double", "code": "string"})

    score(model, "code,x\n007,1\nNA,2\n1,\n,3e2\n", chunk_rows=1)

    rows, types = told()
    assert [row["code"] for row in rows] == ["007", "NA", "1", ""]
    assert [row["x"] for row in rows][:2] == [1.0, 2.0]
    assert np.isnan(rows[2]["x"])
    assert types == {"float64,str"}


def test_a_bad_row_is_told_by_file_line_and_column() -> None:
    model = model_of(Doubling(), {"x": "double", "n": "long"})
    cases = [
        ("n,x\n1,2\n2,abc\n", r"in\.csv, line 3, column 'x': 'abc' is no double"),
        ("n,x\n1,2\n,3\n", r"in\.csv, line 3, column 'n': it is empty, and the model needs a long"),
        ("n,x\n1.5,2\n", r"in\.csv, line 2, column 'n': '1\.5' is no long"),
        ("n,x\n1,2\n3\n", r"in\.csv, line 3: it has 1 cell, and the header has 2"),
        ("n,x\n1,2,9\n3\n", r"in\.csv, line 2: it has 3 cells"),
        ("n,x\n99999999999999999999,2\n", r"line 2, column 'n'"),
        ('n,x\n1,"2\n', r"line 2: a quote that opens here never closes"),
        (b"n,x\n1,2\n1,\xff\n", r"line 3: it is no UTF-8"),
        ("n,x\n1_0,2\n", r"line 2, column 'n': '1_0' is no long"),
    ]
    for text, message in cases:
        with pytest.raises(BadRowError, match=message):
            score(model, text)
        assert not Path("out.csv").exists()
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["in.csv"]


def test_lines_are_counted_through_quoted_line_breaks() -> None:
    model = model_of(Told(), {"text": "string", "x": "double"})

    with pytest.raises(BadRowError, match=r"line 6, column 'x'"):
        score(model, 'text,x\n"a\nb",1\n"c\n""d""",2\ne,oops\n', chunk_rows=2)
    score(model, 'text,x\n"a\nb, c",1\r\n"\u2028",2\r\n\r\n', chunk_rows=1)

    assert [row["text"] for row in told()[0]] == ["a\nb, c", "\u2028"]


def test_bad_rows_are_set_aside_with_their_reasons() -> None:
    model = model_of(Doubling(), {"x": "double"})

    scored = score(model, "x\n1\nabc\n3\n=cmd()\n5\n", skip_bad_rows=True, chunk_rows=2)

    assert (scored.rows, scored.bad_rows) == (3, 2)
    assert Path("out.csv").read_text() == "prediction\n2.0\n6.0\n10.0\n"
    assert scored.bad_rows_file == Path("out.csv.bad-rows.csv")
    assert scored.bad_rows_file.read_text() == (
        "line,column,reason,row\n3,x,'abc' is no double,abc\n5,x,'=cmd()' is no double,'=cmd()\n"
    )


def test_without_a_signature_types_are_those_of_the_first_rows_and_wide_enough() -> None:
    model = model_of(Told(), None)

    score(model, "n,code,word\n1,007,a\n2,008,b\n,009,\n2.5,010,d\n", chunk_rows=1)

    rows, types = told()
    assert types == {"float64,str,str"}
    assert [row["code"] for row in rows] == ["007", "008", "009", "010"]
    assert rows[3]["n"] == 2.5


def test_columns_that_are_missing_are_told_before_anything_is_written() -> None:
    model = model_of(Doubling(), {"x": "double", "n": "long"})

    with pytest.raises(InvalidValueError, match=r"lacks columns that the model takes: x\. It has n, y"):
        score(model, "n,y\n1,2\n")
    with pytest.raises(InvalidValueError, match="two columns called 'n'"):
        score(model, "n,n,x\n1,2,3\n")
    with pytest.raises(InvalidValueError, match="empty"):
        score(model, "")
    assert not Path("out.csv").exists()


def test_columns_are_found_by_name_and_kept_as_they_stand() -> None:
    model = model_of(Doubling(), {"x": "double"})

    score(model, 'id,x,note\n007,1.50,"a, b"\n008,2,=1+1\n', keep_columns=True)

    assert Path("out.csv").read_text() == ('id,x,note,prediction\n007,1.50,"a, b",3.0\n008,2,\'=1+1,4.0\n')
    with pytest.raises(InvalidValueError, match="'prediction' already"):
        score(model, "prediction,x\n1,2\n", keep_columns=True)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_recognized(delimiter: str) -> None:
    model = model_of(Doubling(), {"x": "double"})

    score(model, f"\ufeffid{delimiter}x\na, b{delimiter}1\n")

    assert Path("out.csv").read_text() == "prediction\n2.0\n"


def test_text_that_a_spreadsheet_would_run_is_made_text() -> None:
    class Texts(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            return ["=cmd()", "+1 (555)", "-1.5", "@x", "fine", None]

    model = model_of(Texts(), {"x": "double"})
    rows = "x\n" + "1\n" * 6

    score(model, rows)
    guarded = Path("out.csv").read_text()
    score(model, rows, guard=False)

    assert guarded == "prediction\n'=cmd()\n'+1 (555)\n-1.5\n'@x\nfine\n\n".replace("\n\n", '\n""\n')
    assert "'=" not in Path("out.csv").read_text()


# Other formats


def test_json_lines_in_and_out() -> None:
    model = model_of(Doubling(), {"x": "double"})
    lines = '{"x": 1, "id": "a"}\n\n{"x": 2.5, "id": "b"}\n'

    score(model, lines, "jsonl", "out.jsonl", keep_columns=True, chunk_rows=1)

    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == [
        {"x": 1, "id": "a", "prediction": 2.0},
        {"x": 2.5, "id": "b", "prediction": 5.0},
    ]
    with pytest.raises(BadRowError, match=r"in\.jsonl, line 2: it is no row of the model"):
        score(model, '{"x": 1}\n{"x": \n', "jsonl", "bad.jsonl")
    with pytest.raises(BadRowError, match=r"line 2, column 'x'"):
        score(model, '{"x": 1}\n{"x": "abc"}\n', "jsonl", "bad.jsonl")
    scored = score(model, '{"x": 1}\n{"y": 2}\n7\n', "jsonl", "bad.jsonl", skip_bad_rows=True)
    assert (scored.rows, scored.bad_rows) == (1, 2)


def test_parquet_in_and_out(tmp_path: Path) -> None:
    model = model_of(Told(), {"n": "long", "x": "double"}, optional=("n",))
    frame = pd.DataFrame({"x": [0.5, 1.5, 2.5], "n": pd.array([1, None, 2**60 + 1], dtype="Int64")})
    frame.to_parquet("in.parquet")
    seen: list[Progress] = []

    scored = score_file(
        model,
        "in.parquet",
        "out.parquet",
        ScoringOptions(chunk_rows=2, keep_columns=True),
        progress=seen.append,
    )

    out = pd.read_parquet("out.parquet")
    assert scored.rows == 3
    assert list(out.columns) == ["x", "n", "row", "types"]
    assert json.loads(out["row"][2]) == {"n": 2**60 + 1, "x": 2.5}
    assert seen[-1] == Progress(3, 3, 3)
    Path("bad.parquet").write_text("no parquet")
    with pytest.raises(InvalidValueError, match="no Parquet file"):
        score_file(model, "bad.parquet", "out2.parquet")


def test_a_packed_file_is_unpacked() -> None:
    model = model_of(Doubling(), {"x": "double"})
    Path("in.csv.gz").write_bytes(gzip.compress(b"x\n1\n2\n"))

    assert score_file(model, "in.csv.gz", "out.csv").rows == 2


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["x"], "data": [[1], [2.5]]}},
        {"dataframe_records": [{"x": 1}, {"x": 2.5}]},
        {"instances": [{"x": 1}, {"x": 2.5}]},
        {"inputs": {"x": [1, 2.5]}},
        {"inputs": [[1], [2.5]]},
    ],
)
def test_a_body_of_mlflow_is_answered_as_mlflow_does(body: dict[str, Any]) -> None:
    model = model_of(Doubling(), {"x": "double"})

    score(model, json.dumps(body), "json", "out.json")

    assert json.loads(Path("out.json").read_text()) == {"predictions": [2.0, 5.0]}


def test_a_body_that_is_none_says_why() -> None:
    model = model_of(Doubling(), {"x": "double"})

    for body, message in [
        ("[1]", "JSON list"),
        ("{}", "it has nothing"),
        ('{"a": 1}', "'a'"),
        ("{", "no JSON"),
    ]:
        with pytest.raises(InvalidValueError, match=message):
            score(model, body, "json", "out.json")


def test_predict_is_mlflows_function(capsys: pytest.CaptureFixture[str]) -> None:
    folder = model_of(Doubling(), {"x": "double"})._folder  # pyright: ignore[reportPrivateUsage]

    nbtrack.models.predict(folder, pd.DataFrame({"x": [1.0]}))
    predict(folder, '{"inputs": {"x": [2.0]}}')

    assert capsys.readouterr().out == '{"predictions": [2.0]}\n{"predictions": [4.0]}\n'
    with pytest.raises(InvalidValueError, match="either"):
        predict(folder)


@pytest.mark.parametrize(("suffix", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_an_output_is_packed_as_its_name_says(suffix: str, module: Any) -> None:
    model = model_of(Doubling(), {"x": "double"})

    score(model, "x\n1\n2\n", output=f"out.csv{suffix}", chunk_rows=1)
    score(model, "x\n1\n2\n", output=f"out.parquet{suffix}", chunk_rows=1)

    assert module.open(f"out.csv{suffix}").read() == b"prediction\n2.0\n4.0\n"
    again = pd.read_parquet(io.BytesIO(module.open(f"out.parquet{suffix}").read()))
    assert again["prediction"].tolist() == [2.0, 4.0]


def test_an_output_of_an_unknown_suffix_needs_a_format() -> None:
    model = model_of(Doubling(), {"x": "double"})

    with pytest.raises(InvalidValueError, match=r"'\.xlsx', which nothing writes: it may end in \.csv"):
        score(model, "x\n1\n", output="out.xlsx")
    score(model, "x\n1\n", output="out.dat", output_type="csv")
    score(model, "x\n1\n", output="out")

    assert Path("out.dat").read_text() == Path("out").read_text() == "prediction\n2.0\n"
    assert not Path("out.xlsx").exists()


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_packed_file_that_is_damaged_is_told(suffix: str) -> None:
    model = model_of(Doubling(), {"x": "double"})
    packed = {"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].compress(b"x\n" + b"1\n" * 1000)

    for text in (b"x\n1\n", packed[:-12], packed[:20] + bytes(8) + packed[28:]):
        with pytest.raises(StoreError, match=rf"Cannot read 'in\.csv\.{suffix}'"):
            score(model, text, suffix=f"csv.{suffix}")


def test_an_error_of_the_system_in_a_model_is_not_one_of_the_output() -> None:
    class Reading(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            raise OSError("my own")

    with pytest.raises(OSError, match="my own") as raised:
        score(model_of(Reading(), {"x": "double"}), "x\n1\n")
    assert not isinstance(raised.value, StoreError)


def test_an_output_that_cannot_be_written_is_told_by_its_name() -> None:
    model = model_of(Doubling(), {"x": "double"})

    with pytest.raises(StoreError, match=r"Cannot write .*: File name too long"):
        score(model, "x\n1\n", output=f"{'o' * 250}.csv")


class Summing(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        parts = list(model_input.values()) if isinstance(model_input, dict) else [np.asarray(model_input)]
        assert {part.dtype for part in parts} == {np.dtype("float32")}
        return parts[0][:, 0] - parts[0][:, 1] if len(parts) == 1 else parts[0] - parts[1]


def of_floats(kind: str) -> PyFuncModel:
    floats = np.dtype("float32")
    inputs: dict[str, list[Any]] = {
        "columns": [ColSpec("float", "a"), ColSpec("float", "b")],
        "by place": [ColSpec("float"), ColSpec("float")],
        "tensor": [TensorSpec(floats, (-1, 2))],
        "named tensors": [TensorSpec(floats, (-1,), name="a"), TensorSpec(floats, (-1,), name="b")],
    }
    folder = f"model-{len(list(Path().iterdir()))}"
    nbtrack.pyfunc.save_model(
        folder, python_model=Summing(), signature=ModelSignature(inputs=Schema(inputs[kind]))
    )
    return nbtrack.pyfunc.load_model(folder)


@pytest.mark.parametrize("kind", ["columns", "by place", "tensor", "named tensors"])
def test_doubles_of_a_file_are_floats_where_the_model_takes_floats_in_every_format(kind: str) -> None:
    model = of_floats(kind)
    frame = pd.DataFrame({"a": [0.1, 0.5], "b": [0.3, 0.25]})
    frame.to_csv("in.csv", index=False)
    frame.to_parquet("in.parquet")
    frame.to_json("in.jsonl", orient="records", lines=True)
    Path("split.json").write_text(json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split"))}))
    Path("records.json").write_text(json.dumps({"dataframe_records": frame.to_dict(orient="records")}))

    for name in ("in.csv", "in.parquet", "in.jsonl", "split.json", "records.json"):
        score_file(model, name, "out.csv", ScoringOptions(output_type="csv"))

        expected = (frame["a"].astype("float32") - frame["b"].astype("float32")).tolist()
        assert pd.read_csv("out.csv", dtype="float32")["prediction"].tolist() == expected, name


def test_a_double_beyond_all_floats_is_a_bad_row_of_parquet() -> None:
    pd.DataFrame({"a": [0.1, 1e300], "b": [0.3, 0.5]}).to_parquet("in.parquet")

    with pytest.raises(BadRowError, match=r"line 2, column 'a': 1e\+300 is no float32"):
        score_file(of_floats("columns"), "in.parquet", "out.csv")
    model = of_floats("columns")
    assert score_file(model, "in.parquet", "out.csv", ScoringOptions(skip_bad_rows=True)).rows == 1


def test_fields_of_json_lines_go_by_the_names_of_the_first_row() -> None:
    for kind in ("by place", "tensor", "named tensors"):
        model = of_floats(kind)

        score(model, '{"a": 1, "b": 2}\n{"b": 1, "a": 5}\n', suffix="jsonl", output="out.csv", chunk_rows=1)

        assert pd.read_csv("out.csv")["prediction"].tolist() == [-1.0, 4.0]
    with pytest.raises(BadRowError, match=r"line 2: .*it has 'a', 'c', and the rows before it 'a', 'b'"):
        score(of_floats("tensor"), '{"a": 1, "b": 2}\n{"a": 5, "c": 1}\n', suffix="jsonl")


def test_a_bad_row_of_json_lines_names_its_column() -> None:
    model = model_of(Doubling(), {"x": "double", "n": "long"})
    rows = ['{"x": 1, "n": 2}', '{"x": "abc", "n": 2}', '{"x": "abc", "n": 1.5}']

    scored = score(model, "\n".join(rows), suffix="jsonl", output="out.csv", skip_bad_rows=True)

    assert scored.bad_rows_file is not None
    told = pd.read_csv(scored.bad_rows_file).fillna("")
    assert told["column"].tolist() == ["x", ""]
    assert told["reason"].tolist() == [
        "'abc' (str) is no double",
        "column 'x': 'abc' (str) is no double; column 'n': 1.5 (float) is no long",
    ]


def test_the_output_of_a_notebook_is_text_and_has_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(Doubling(), {"x": "double"})
    Path("in.csv").write_text("x\n1\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    with contextlib.redirect_stdout(io.StringIO()) as cell:
        score_file(model, "in.csv", None)

    assert cell.getvalue() == "prediction\n2.0\n"
    with pytest.raises(InvalidValueError, match="name a file"):
        score_file(model, None, None)


# Whole or not at all


def test_the_input_is_never_overwritten() -> None:
    model = model_of(Doubling(), {"x": "double"})
    Path("in.csv").write_text("x\n1\n")
    Path("link.csv").symlink_to("in.csv")

    for output in ("in.csv", "./in.csv", "link.csv"):
        with pytest.raises(InvalidValueError, match="is the input"):
            score_file(model, "in.csv", output)
    with pytest.raises(MissingFileError, match=r"none\.csv"):
        score_file(model, "none.csv", "out.csv")

    assert Path("in.csv").read_text() == "x\n1\n"


def test_a_failure_leaves_the_old_output() -> None:
    model = model_of(Doubling(), {"x": "double"})
    Path("out.csv").write_text("old")

    with pytest.raises(BadRowError):
        score(model, "x\n1\n2\n3\nabc\n", chunk_rows=1)

    assert Path("out.csv").read_text() == "old"
    assert not list(Path().glob(".*incomplete"))


def test_a_kill_leaves_no_half_output() -> None:
    class Dying(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            if 30.0 in set(model_input["x"]):
                os.kill(os.getpid(), signal.SIGKILL)
            return model_input["x"]

    model_of(Dying(), {"x": "double"})
    folder = next(path for path in Path().iterdir() if path.name.startswith("model"))
    Path("in.csv").write_text("x\n" + "".join(f"{row}\n" for row in range(50)))
    program = (
        "import nbtrack\nfrom nbtrack.tracking.batch_scoring import ScoringOptions, score_file\n"
        f"model = nbtrack.pyfunc.load_model({str(folder)!r})\n"
        "score_file(model, 'in.csv', 'out.csv', ScoringOptions(chunk_rows=10))"
    )

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == -signal.SIGKILL
    assert not Path("out.csv").exists()


def test_a_model_that_does_not_answer_each_row_is_told() -> None:
    class Averaging(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            return np.array([model_input["x"].mean()])

    class Failing(nbtrack.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            raise ZeroDivisionError("mine")

    with pytest.raises(InvalidValueError, match="1 predictions for 2 rows"):
        score(model_of(Averaging(), {"x": "double"}), "x\n1\n2\n")
    with pytest.raises(ZeroDivisionError, match="mine") as raised:
        score(model_of(Failing(), {"x": "double"}), "x\n1\n2\n")
    assert any("lines 2 to 3" in note for note in raised.value.__notes__)


def test_a_file_without_rows_gives_a_file_without_predictions() -> None:
    model = model_of(Doubling(), {"x": "double"})

    assert score(model, "x\n").rows == 0
    assert Path("out.csv").exists()


CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6),
    st.sampled_from(
        ["", "1", "1.5", "007", '"', ",", "\n", "=1", "NA", "a,b", 'say "x"', "2026-05-01", " 3 "]
    ),
)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=12), chunk=st.integers(1, 5))
def test_every_text_comes_to_the_model_as_it_is_written(rows: list[tuple[str, str]], chunk: int) -> None:
    import csv

    seen: list[Any] = []

    class Model:
        metadata = type("About", (), {"signature": ModelSignature(inputs=Schema(columns))})

        def predict(self, data: Any, params: Any = None) -> Any:
            seen.extend(data.to_dict(orient="split")["data"])
            return data["a"].to_numpy()

    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("a", "b"), *rows])
    Path("in.csv").write_bytes(text.getvalue().encode())

    score_file(Model(), "in.csv", "out.csv", ScoringOptions(chunk_rows=chunk))  # pyright: ignore

    assert [tuple(row) for row in seen] == rows


columns = [ColSpec("string", "a"), ColSpec("string", "b")]
