"""Input examples: a few rows, kept with a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class InputExample:
    """An input example, and the params that were given with it."""

    def __init__(self, example: Any) -> None:
        self.data = example
        self.params: dict[str, Any] | None = None

    def for_prediction(self) -> Any:
        """What the model is asked with."""
        return self.data

    def save(self, folder: Path) -> dict[str, Any]:
        """Write its files; returns what the MLmodel file says of it."""
        split = self.data.to_dict(orient="split", index=False)
        (folder / "input_example.json").write_text(json.dumps(split))
        return {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}

    @staticmethod
    def read(folder: Path, info: Mapping[str, Any]) -> Any:
        """Read the example of a model folder."""
        import pandas as pd

        return pd.read_json(folder / str(info["artifact_path"]), orient="split")
