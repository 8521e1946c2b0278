"""Input examples: a small input kept beside a model, in MLflow's files, without a pickle.

`input_example.json` holds it, `serving_input_example.json` is a request to a scoring server with it.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.core.warn import warn_user
from nbtrack.models.safety.safe_files import open_inside
from nbtrack.models.schema.data_kinds import as_array, is_frame, is_polars, is_series
from nbtrack.models.schema.example_json import as_json, from_json
from nbtrack.models.schema.input_tables import from_polars
from nbtrack.models.schema.schema_inference import infer_params
from nbtrack.models.schema.schemas import Schema

EXAMPLE_FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"
LARGEST = 5 * 2**20
"""Bytes of an example as JSON, beyond which only its first rows are kept."""
LARGEST_READ = 256 * 2**20
_READABLE = 100_000
_PROBE = 200


class InputExample:
    """An example of what a model takes.

    Args:
        example: A pandas or polars DataFrame or Series, a numpy array, a torch tensor, a sparse matrix, a
            dict of any of these, what JSON has, or a tuple of one of these and a dict of params.

    Attributes:
        data: The example; of one that is larger than 5 MiB as JSON its first rows.
        params: The params given with it; None: none.

    Raises:
        InvalidTypeError: Something in it has no form in JSON.
    """

    def __init__(self, example: Any) -> None:
        self.params: dict[str, Any] | None = None
        self.data: Any = example
        if isinstance(example, tuple) and len(cast("tuple[Any, ...]", example)) == 2:
            data, params = cast("tuple[Any, Any]", example)
            if isinstance(params, dict):
                infer_params(cast("dict[str, Any]", params))
                self.data, self.params = data, cast("dict[str, Any]", params)
        self._text, self._serving, self._kind = self._written()

    def for_prediction(self) -> Any:
        """A copy of it in the form in which `predict` hands data to a model."""
        held = _usual(self.data)
        if is_frame(held) or hasattr(held, "tocsr") or type(held).__module__ == "numpy":
            return held.copy() if hasattr(held, "copy") else held
        return deepcopy(held)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write its files into a model folder.

        Returns:
            What the MLmodel file says of it: `saved_input_example_info`.
        """
        info: dict[str, Any] = {"artifact_path": EXAMPLE_FILE}
        if self.params is not None:
            info["params"] = "true"
        info |= self._kind
        (folder / EXAMPLE_FILE).write_text(self._text, encoding="utf-8")
        if self._serving is not None:
            (folder / SERVING_FILE).write_text(self._serving, encoding="utf-8")
            info["serving_input_path"] = SERVING_FILE
        return info

    @property
    def serving_text(self) -> str | None:
        """The body of a request to a scoring server; None of a sparse matrix that is too large for it."""
        return self._serving

    @staticmethod
    def read(folder: Path, info: Mapping[str, Any], schema: Schema | None = None) -> Any:
        """The example that lies in a model folder, without its params.

        Args:
            folder: The model folder.
            info: What its MLmodel file says of the example.
            schema: What the model takes: the types that JSON does not tell. None: not known.

        Raises:
            MissingFileError: There is no such file.
            InvalidValueError: The file does not hold what the MLmodel file says.
        """
        held = _read(folder, info)
        if info.get("params"):
            held = _part(held, "inputs")
        return from_json(held, info, schema)

    @staticmethod
    def read_params(folder: Path, info: Mapping[str, Any]) -> dict[str, Any] | None:
        """The params of the example that lies in a model folder; None where it has none.

        Raises:
            MissingFileError: There is no such file.
            InvalidValueError: The file does not hold what the MLmodel file says.
        """
        return _part(_read(folder, info), "params") if info.get("params") else None

    def _written(self) -> tuple[str, str | None, dict[str, str]]:
        """The texts of both files, without the rows that are too many, and what the MLmodel file says."""
        rows = _rows(self.data)
        if rows is not None and rows > _PROBE:
            size = len(self._text_of(_first(self.data, _PROBE))[0]) / _PROBE
            self._cut(rows, int(LARGEST / max(size, 1)))
        text, kind, serving = self._text_of(self.data)
        while len(text) > LARGEST and (rows := _rows(self.data) or 0) > 1:
            self._cut(rows, max(1, min(rows - 1, rows * LARGEST // len(text))))
            text, kind, serving = self._text_of(self.data)
        if len(text) > LARGEST:
            warn_user(
                f"The input example takes {len(text) / 2**20:.0f} MB in every model it is logged with; "
                "a smaller one shows as much"
            )
        # In lines it is written for people, as MLflow does, and many times slower.
        indent = 2 if len(text) < _READABLE else None
        return text, None if serving is None else json.dumps(serving, indent=indent), kind

    def _cut(self, rows: int, kept: int) -> None:
        if kept < rows:
            warn_user(
                f"The input example has {rows} rows, more than fit into {LARGEST // 2**20} MB: the first "
                f"{max(kept, 1)} are kept. Give a few, such as X[:5]"
            )
            self.data = _first(self.data, max(kept, 1))

    def _text_of(self, data: Any) -> tuple[str, dict[str, str], dict[str, Any] | None]:
        held, kind, serving = as_json(_usual(data))
        if self.params is not None:
            params = as_json(self.params)[0]
            held = {"inputs": held, "params": params}
            if serving is not None:
                is_chat = not {"inputs", "dataframe_split"} & set(serving)
                serving = {**serving, **params} if is_chat else {**serving, "params": params}
        return json.dumps(held), kind, serving


def convert_input_example_to_serving_input(input_example: Any) -> str | None:
    """The body of a request to a scoring server with an example; MLflow's name.

    Args:
        input_example: As `InputExample` takes it; None gives None.
    """
    return None if input_example is None else InputExample(input_example).serving_text


def _usual(data: Any) -> Any:
    """Data in the form in which it is kept: a pandas DataFrame, an array, or what it is."""
    if is_series(data):
        data = data.to_frame()
    if is_frame(data):
        return from_polars(data) if is_polars(data) else data
    array = as_array(data)
    return data if array is None else array


def _rows(data: Any) -> int | None:
    """How many rows an example has; None if it is one value."""
    if isinstance(data, Mapping):
        lengths = {_rows(held) for held in cast("Mapping[Any, Any]", data).values()}
        return lengths.pop() if len(lengths) == 1 else None
    if isinstance(data, list) or is_frame(data) or is_series(data):
        return len(cast("list[Any]", data))
    array = as_array(data)
    return None if array is None or not array.shape else int(array.shape[0])


def _first(data: Any, rows: int) -> Any:
    if isinstance(data, Mapping):
        return {name: _first(held, rows) for name, held in cast("Mapping[Any, Any]", data).items()}
    if hasattr(data, "tocsr"):
        return data.tocsr()[:rows].asformat(data.format)
    return data[:rows]


def _read(folder: Path, info: Mapping[str, Any]) -> Any:
    name = info.get("artifact_path")
    with open_inside(folder, name) as file:
        held = file.read(LARGEST_READ + 1)
    if len(held) > LARGEST_READ:
        raise InvalidValueError(f"The input example {str(name)!r} is larger than {LARGEST_READ >> 20} MB")
    try:
        return json.loads(held)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"The input example {str(name)!r} in {folder} is no JSON: {error}") from error


def _part(held: Any, name: str) -> Any:
    if not isinstance(held, dict) or name not in held:
        raise InvalidValueError(f"The input example with params has no {name!r} in its file")
    return cast("dict[str, Any]", held)[name]
