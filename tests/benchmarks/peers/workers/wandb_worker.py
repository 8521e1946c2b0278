"""Weights & Biases, offline: `wandb.init`, `run.log`, and its log file read back.

Offline there is no reading side, so `_records` reads the file that `wandb sync` would upload:
LevelDB's log format, each record a protocol buffer of W&B's own `wandb_internal_pb2`.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import data
import serving
import wandb
from wandb.proto import wandb_internal_pb2

_SETTINGS = wandb.Settings(
    mode="offline",
    silent=True,
    console="off",
    disable_git=True,
    disable_code=True,
    save_code=False,
    x_disable_meta=True,
    x_disable_machine_info=True,
    x_disable_stats=True,
    x_save_requirements=False,
)


class Wandb:
    package = "wandb"

    def open(self) -> None:
        pass

    def start(self) -> None:
        self.run = wandb.init(project="bench", settings=_SETTINGS)

    def run_id(self) -> str:
        return self.run.id

    def log(self, value: float, step: int) -> None:
        # Without `step=`: with it, W&B keeps a point back until the next step comes.
        self.run.log({"loss": value})

    def log_params_and_tags(self, params: dict[str, str], tags: dict[str, str]) -> None:
        self.run.config.update(params)
        self.run.tags = tuple(f"{key}={value}" for key, value in tags.items())

    def end(self) -> None:
        self.run.finish()

    def prepare_to_read(self) -> None:
        pass

    def is_kept(self, run: str) -> bool:
        return any(record.HasField("exit") for record in _records(run))

    def values(self, run: str) -> Any:
        import numpy as np

        return np.array(
            [
                float(item.value_json)
                for record in _records(run)
                if record.HasField("history")
                for item in record.history.item
                if (item.key or item.nested_key[0]) == "loss"
            ]
        )

    def params_and_tags(self, run: str) -> tuple[dict[str, str], dict[str, str]]:
        params: dict[str, str] = {}
        tags: dict[str, str] = {}
        for record in _records(run):
            for item in (*record.run.config.update, *record.config.update):
                params[item.key or item.nested_key[0]] = json.loads(item.value_json)
            for tag in record.run.tags:
                key, _, value = tag.partition("=")
                tags[key] = value
        params.pop("_wandb", None)
        return params, tags

    def make_points(self, points: int) -> str:
        self.start()
        for step in range(points):
            self.log(data.value_at(step), step)
        run = self.run_id()
        self.end()
        return run


_BLOCK = 32768
_FIRST, _MIDDLE, _LAST, _FULL = 2, 3, 4, 1


def _records(run: str) -> Iterator[Any]:
    """The records of a run's log file; a torn tail ends them."""
    (path,) = Path("wandb").glob(f"*run-*-{run}/run-{run}.wandb")
    file = path.read_bytes()
    position, parts = 7, b""  # after W&B's own header
    while position + 7 <= len(file):
        left = _BLOCK - position % _BLOCK
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", file, position)
        part = file[position + 7 : position + 7 + length]
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or len(part) < length:
            return
        position += 7 + length
        parts = part if kind in (_FULL, _FIRST) else parts + part
        if kind in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record


serving.serve(Wandb())
