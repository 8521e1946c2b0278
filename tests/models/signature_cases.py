"""What the real MLflow and nbtrack are both asked: data, params, schemas, and data that meets a schema.

Each case is an expression, so that both see the same; `Case` names hold in `mlflow_signatures.json`.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

SCOPE = {"F8": np.dtype("float64"), "np": np, "pd": pd, "dt": dt, "sparse": sparse, "Decimal": Decimal}


def made(expression: str, **more: Any) -> Any:
    """The value of a case."""
    return eval(expression, {**SCOPE, **more})


COLUMNS = """
    [1, 2]
    [1, 2], dtype="int8"
    [1, 2], dtype="int16"
    [1, 2], dtype="int32"
    [1, 2], dtype="uint8"
    [1, 2], dtype="uint16"
    [1, 2], dtype="uint32"
    [1, 2], dtype="uint64"
    [0, 1]
    [1.5, 2.5]
    [1.0, 2.0]
    [1.5, None]
    [1.0, None]
    [0.1, 0.2], dtype="float32"
    [0.5], dtype="float16"
    ["a", "b"]
    ["a", None]
    ["a", "b"], dtype=object
    ["a", None], dtype=object
    ["2026-05-03"]
    [True, False]
    [True, None]
    [b"a", b"b"]
    [b"a", None]
    [None, None]
    [1, None], dtype="Int64"
    [1, 2], dtype="Int64"
    [1, 2], dtype="Int32"
    [1.5, None], dtype="Float64"
    [True, None], dtype="boolean"
    [True, False], dtype="boolean"
    [1, 2], dtype=object
    [1.5, 2], dtype=object
    [1, "a"]
    pd.to_datetime(["2026-05-03", "2026-05-04"])
    pd.to_datetime(["2026-05-03", None])
    pd.to_datetime(["2026-05-03"]).astype("datetime64[s]")
    pd.to_datetime(["2026-05-03"], utc=True)
    pd.to_timedelta(["1 day"])
    [dt.date(2026, 5, 3)]
    [dt.datetime(2026, 5, 3)], dtype=object
    ["x", "y"], dtype="category"
    [1, 2], dtype="category"
    [1j]
    [Decimal("0.5")]
    [[1, 2], [3]]
    [[1, 2.5], [3]]
    [["a"], []]
    [["a"], None]
    [[[1], [2]], [[3]]]
    [np.array([1.5, 2.5])]
    [{"a": 1}, {"a": 2}]
    [{"a": 1, "b": "x"}, {"a": 2}]
    [{"a": {"b": [1]}}]
    [{"a": 1}, None]
    [{"a": None}]
    []
    [1, 2], dtype="int64[pyarrow]"
    ["a", None], dtype="string[pyarrow]"
    ["a", None], dtype="string"
"""

DATA = """
    pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": ["x", "y"]})
    pd.DataFrame([[1.5, 2.5]])
    pd.DataFrame({0: [1.5], "b": [1]})
    pd.DataFrame({("a", "b"): [1.5]})
    pd.Series([1.5], name="x")
    pd.Series([1.5])
    pd.Series(["a"], name="x")
    np.zeros((3, 4))
    np.zeros((3, 4), dtype="float32")
    np.zeros((2, 3, 4), dtype="int8")
    np.zeros(3)
    np.zeros((0, 3))
    np.array(["a", "bc"])
    np.array([b"a", b"bc"])
    np.array([True])
    np.array([1, "a"], dtype=object)
    np.array(["2026-05-03"], dtype="datetime64[D]")
    np.array(["2026-05-03"], dtype="datetime64[ns]")
    np.array(5)
    np.array([1j])
    {"a": np.zeros((3, 2)), "b": np.zeros(3, dtype="int64")}
    {"a": np.array(["x"])}
    sparse.csr_matrix(np.eye(3))
    sparse.csc_matrix(np.eye(3, dtype="float32"))
    sparse.coo_matrix(np.eye(3))
    1
    1.5
    "text"
    True
    b"bytes"
    bytearray(b"bytes")
    dt.date(2026, 5, 3)
    dt.datetime(2026, 5, 3)
    np.datetime64("2026-05-03")
    pd.Timestamp("2026-05-03")
    np.float32(1.5)
    np.int32(1)
    np.int64(1)
    np.int8(1)
    np.bool_(True)
    np.str_("a")
    [1, 2]
    [1.5, None]
    [1, None]
    [None]
    [1, 2.5]
    [1, "a"]
    [True, 1]
    ["a", "b"]
    [b"a"]
    []
    [[]]
    [[1, 2], [3, 4]]
    [[1, 2], []]
    [["a"], None]
    [[1, 2], [3.5, 4]]
    (1, 2)
    [np.array([1, 2])]
    [[np.array([1.5])]]
    [dt.date(2026, 5, 3)]
    {"a": 1, "b": "x"}
    {"a": [1, 2], "b": ["x"]}
    {"a": [1, None]}
    {"a": None}
    {"a": []}
    {"a": {}}
    {"a": {"b": 1, "c": [1.5]}}
    {"a": np.array([1.5]), "b": 1}
    {"a": np.array([[1], [2]]), "b": "x"}
    {}
    {1: 2}
    [{"a": 1}, {"a": 2}]
    [{"a": 1}, {"a": 2, "b": "x"}]
    [{"a": 1}, {"a": None}]
    [{"a": None}, {"a": {"b": 1}}]
    [{"a": {"b": 1}}, {"a": {"c": "x"}}]
    [{"a": [1]}, {"a": []}]
    [{"a": [{"b": 1}, {"b": 2, "c": None}]}]
    [{"a": 1}, {"a": "x"}]
    [{}, {"a": 1}]
    [{"role": "user", "content": "hi"}]
    {"messages": [{"role": "user", "content": "hi"}]}
    object()
    {1, 2}
    1j
"""

PARAMS = """
    {"a": 1}
    {"a": 1.5}
    {"a": "x"}
    {"a": True}
    {"a": [1, 2]}
    {"a": [1.5]}
    {"a": ["x", "y"]}
    {"a": [True]}
    {"a": [1, 2.5]}
    {"a": []}
    {"a": None}
    {"a": np.int32(1)}
    {"a": np.float32(1.5)}
    {"a": np.array([1, 2])}
    {"a": np.array([[1]])}
    {"a": [[1]]}
    {"a": dt.date(2026, 5, 3)}
    {"a": dt.datetime(2026, 5, 3, 12)}
    {"a": [dt.date(2026, 5, 3)]}
    {"a": np.datetime64("2026-05-03")}
    {"a": {"x": 1, "y": ["z"]}}
    {"a": {"x": {"y": 1}}}
    {"a": b"x"}
    {"a": 2**40}
    {"a": -1, "b": "", "c": 0.0}
    {1: 2}
    {"a": (1, 2)}
    {"a": [1, "x"]}
    {"a": float("nan")}
    {"a": 1j}
"""

GIVEN_PARAMS = """
    {}
    {"n": 7}
    {"n": 7.0}
    {"n": 7.5}
    {"n": "7"}
    {"n": True}
    {"n": None}
    {"n": np.int32(7)}
    {"n": np.int64(7)}
    {"x": 1}
    {"x": np.float32(0.5)}
    {"x": np.float64(0.5)}
    {"x": "0.5"}
    {"x": True}
    {"s": "b"}
    {"s": 1}
    {"b": False}
    {"b": 0}
    {"b": "true"}
    {"l": [1, 2]}
    {"l": np.array([1, 2])}
    {"l": 1}
    {"l": [1.5]}
    {"l": ["a"]}
    {"l": []}
    {"d": "2026-05-04"}
    {"d": dt.date(2026, 5, 4)}
    {"d": dt.datetime(2026, 5, 4, 1)}
    {"d": "soon"}
    {"d": 5}
    {"o": {"a": 2}}
    {"o": {"a": "x"}}
    {"o": {}}
    {"o": {"a": 1, "b": 2}}
"""

TYPES = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]

# Data, and the schema that it meets; `C` is ColSpec, `T` is TensorSpec.
TABLES = """
    pd.DataFrame({"b": [2.0], "a": [1.0]}) | [C("double", "a"), C("double", "b")]
    pd.DataFrame({"a": [1.0], "b": [2.0], "z": [3.0]}) | [C("double", "a"), C("double", "b")]
    pd.DataFrame({"a": [1.0]}) | [C("double", "a"), C("double", "b")]
    pd.DataFrame({"a": [1.0]}) | [C("double", "a"), C("double", "b", False)]
    pd.DataFrame({"a": [1.0], "b": [2.0]}, index=[5]) | [C("double", "a"), C("double", "b")]
    pd.DataFrame([[1.0, 2.0]]) | [C("double", "a"), C("double", "b")]
    np.array([[1.0, 2.0]]) | [C("double", "a"), C("double", "b")]
    [[1.0, 2.0]] | [C("double", "a"), C("double", "b")]
    np.array([[1.0, 2.0]]) | [C("double"), C("double")]
    np.array([[1.0, 2.0, 3.0]]) | [C("double"), C("double")]
    np.array([[1.0]]) | [C("double"), C("double")]
    [[1.0, 2.0]] | [C("double"), C("double")]
    {"a": 1.5, "b": "x"} | [C("double", "a"), C("string", "b")]
    {"a": [1.5, 2.5], "b": ["x", "y"]} | [C("double", "a"), C("string", "b")]
    {"a": ["x", "y"]} | [C("string", "a")]
    {"a": np.array([1.5, 2.5])} | [C("double", "a")]
    [{"a": 1.5}, {"a": 2.5}] | [C("double", "a")]
    [{"a": 1.5, "b": "x"}, {"a": 2.5}] | [C("double", "a"), C("string", "b", False)]
    [1.5, 2.5] | [C("double")]
    np.array([1.5, 2.5]) | [C("double", "a")]
    [1.5] | [C("double", "a")]
    pd.Series([1.5], name="a") | [C("double", "a")]
    pd.Series([1.5], name="z") | [C("double", "a")]
    pd.Series([1.5]) | [C("double")]
    "text" | [C("string")]
    "text" | [C("string", "a")]
    1.5 | [C("double")]
    {"a": [1, 2]} | [C(Array("long"), "a")]
    {"a": [1.5, 2.5]} | [C(Array("double"), "a")]
    pd.DataFrame({"a": [[1, 2], [3]]}) | [C(Array("long"), "a")]
    pd.DataFrame({"a": [[1, 2], [3]]}) | [C(Array("double"), "a")]
    pd.DataFrame({"a": [["x"], []]}) | [C(Array("string"), "a")]
    pd.DataFrame({"a": [["x"], None]}) | [C(Array("string"), "a", False)]
    pd.DataFrame({"a": [["x"], None]}) | [C(Array("string"), "a")]
    pd.DataFrame({"a": [["x", 1]]}) | [C(Array("long"), "a")]
    pd.DataFrame({"a": [{"x": 1}]}) | [C(Object([Property("x", "long")]), "a")]
    pd.DataFrame({"a": [{"x": 1}]}) | [C(Object([Property("x", "long"), Property("y", "long")]), "a")]
    pd.DataFrame({"a": [{"x": 1}]}) | [C(Object([Property("x", "long"), Property("y", "long", False)]), "a")]
    pd.DataFrame({"a": [{"x": 1, "z": 1}]}) | [C(Object([Property("x", "long")]), "a")]
    pd.DataFrame({"a": [{"x": "s"}]}) | [C(Object([Property("x", "long")]), "a")]
    pd.DataFrame({"a": [{"x": 1}]}) | [C(Map("long"), "a")]
    pd.DataFrame({"a": [{"x": "s"}]}) | [C(Map("long"), "a")]
    pd.DataFrame({"a": [object]}) | [C(AnyType(), "a")]
    {"a": {"x": [1.5]}} | [C(Object([Property("x", Array("double"))]), "a")]
    pd.DataFrame({"a": [1.5], "b": [2]}) | [C(AnyType())]
    np.zeros((2, 3)) | [T(F8, (-1, 3))]
    np.zeros((2, 4)) | [T(F8, (-1, 3))]
    np.zeros(3) | [T(F8, (-1, 3))]
    np.zeros((2, 3), dtype="float32") | [T(F8, (-1, 3))]
    np.full((2, 3), 0.1) | [T(np.dtype("float32"), (-1, 3))]
    np.zeros((2, 3), dtype="int64") | [T(F8, (-1, 3))]
    [[0.0, 0.0, 0.0]] | [T(F8, (-1, 3))]
    pd.DataFrame({"a": [1.5], "b": [2.5]}) | [T(F8, (-1, 2))]
    pd.DataFrame({"a": [1.5], "b": [2.5]}) | [T(F8, (-1, 3))]
    pd.DataFrame({"a": [[1.5, 2.5]]}) | [T(F8, (-1, 2))]
    pd.DataFrame({"a": [1.5, 2.5]}) | [T(F8, (-1,))]
    pd.DataFrame({"a": [1.5, 2.5]}) | [T(F8, (-1, 1))]
    pd.DataFrame({"a": [[1, 2, 3, 4]]}) | [T(F8, (-1, 2, 2))]
    np.array(["a", "bcd"]) | [T(np.dtype("str"), (-1,))]
    np.array([[1], [2, 3]] + [[4]], dtype=object) | [T(F8, (-1, -1))]
    np.array([1, "a"], dtype=object) | [T(np.dtype("object"), (-1,))]
    sparse.csr_matrix(np.eye(2)) | [T(F8, (-1, 2))]
    {"a": np.zeros((2, 3)), "b": np.zeros(2)} | [T(F8, (-1, 3), "a"), T(F8, (-1,), "b")]
    {"a": np.zeros((2, 3))} | [T(F8, (-1, 3), "a"), T(F8, (-1,), "b")]
    {"a": [[1.5, 2.5, 3.5]]} | [T(F8, (-1, 3), "a")]
    np.zeros((2, 3)) | [T(F8, (-1, 3), "a")]
    pd.DataFrame({"a": [[1.5, 2.5]], "b": [1.5]}) | [T(F8, (-1, 2), "a"), T(F8, (-1,), "b")]
"""

EXAMPLES = """
    pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", None], "e": [True, False]})
    pd.DataFrame({"d": pd.to_datetime(["2026-05-03T12:00:00", None])})
    pd.DataFrame({"a": [b"abc" * 30]})
    pd.DataFrame([[1, 2.5], [3, 4]])
    pd.DataFrame({"a": pd.Categorical(["x", "y"])})
    pd.DataFrame({"a": [[1, 2], [3]], "b": [{"x": 1}, {"x": 2}]})
    pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})
    pd.DataFrame({"a": np.array([0.1], dtype="float32")})
    np.array([[1, 2.5], [np.nan, 4]])
    np.array([[1, 2]], dtype="int32")
    np.array(["a", "b"])
    {"a": np.array([1.5]), "b": np.array([[1, 2]])}
    sparse.csr_matrix(np.eye(2))
    sparse.csc_matrix(np.eye(2))
    [1, 2.5]
    [{"a": 1, "b": None}]
    {"a": 1, "b": [1, 2]}
    {"messages": [{"role": "user", "content": "hi"}]}
    "text"
    3.5
    dt.datetime(2026, 5, 3)
    (pd.DataFrame({"a": [1]}), {"n": 1})
    ([1, 2], {"n": 1})
    ({"prompt": "hi"}, {"temperature": 0.5})
"""


def lines(text: str) -> list[str]:
    """The cases of a block."""
    return [line.strip() for line in text.strip().splitlines()]


def inferred() -> Iterator[str]:
    """Data of which the schema is asked."""
    for column in lines(COLUMNS):
        yield f'pd.DataFrame({{"x": pd.Series({column})}})'
    yield from lines(DATA)


def enforced() -> Iterator[tuple[str, str]]:
    """Data, and the inputs of the schema it meets."""
    for column in lines(COLUMNS):
        for kind in TYPES:
            yield f'pd.DataFrame({{"x": pd.Series({column})}})', f'[C("{kind}", "x")]'
    for line in lines(TABLES):
        data, _, schema = line.partition(" | ")
        yield data, schema


def told(value: Any) -> Any:
    """What came out, as JSON can hold it and compare it."""
    if isinstance(value, pd.DataFrame):
        return {
            "columns": [repr(name) for name in value.columns],
            "dtypes": [str(dtype) for dtype in value.dtypes],
            "values": [
                [text(held) for held in value.iloc[:, place].tolist()] for place in range(value.shape[1])
            ],
        }
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "values": text(value.tolist())}
    if sparse.issparse(value):
        return {"sparse": value.format, **told(value.toarray())}
    if isinstance(value, dict):
        return {str(name): told(held) for name, held in value.items()}
    return text(value)


def text(value: Any) -> str:
    """A value as text; what is missing is one word, whatever library says it."""
    if isinstance(value, list):
        return f"[{', '.join(text(held) for held in value)}]"
    if isinstance(value, np.ndarray):
        return text(value.tolist())
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {text(held)}' for name, held in value.items())}}}"
    if not isinstance(value, (str, bytes)) and pd.isna(value):
        return "missing"
    return (
        repr(value.item())
        if isinstance(value, np.generic) and not isinstance(value, np.datetime64)
        else repr(value)
    )
