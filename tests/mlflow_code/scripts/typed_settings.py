"""Settings in a pydantic model, logged field by field; tracking behind a switch."""

import os

import mlflow
from pydantic import BaseModel, Field


class Optimizer(BaseModel):
    name: str = "sgd"
    momentum: float = Field(default=0.9, ge=0, lt=1)


class Settings(BaseModel):
    depth: int = Field(default=3, gt=0)
    rate: float = 0.01
    layers: list[int] = [8, 4]
    seed: int | None = None
    shuffle: bool = True
    optimizer: Optimizer = Optimizer()


def log_settings(settings: BaseModel, prefix: str = "") -> None:
    for name, value in settings.model_dump().items():
        mlflow.log_param(f"{prefix}{name}", value)


def tracking_is_on() -> bool:
    return os.environ.get("TRACK", "1") == "1"


def main() -> None:
    settings = Settings(depth=5)
    if not tracking_is_on():
        print("nothing is tracked")
        return
    mlflow.set_experiment("settings")
    with mlflow.start_run():
        log_settings(settings)
        # Again, as people do who rerun a cell: the same values are no change.
        log_settings(settings)
        mlflow.log_params(settings.optimizer.model_dump())
        mlflow.log_dict(settings.model_dump(), "settings.json")


if __name__ == "__main__":
    main()
