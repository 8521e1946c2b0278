"""A logged model that was made active."""

from collections.abc import Callable
from dataclasses import fields
from types import TracebackType

from nbtrack.core.logged_models import LoggedModel


class ActiveModel(LoggedModel):
    """A model that was made active; in a `with` block it is so until its end."""

    def __init__(self, model: LoggedModel, restore: Callable[[], None]) -> None:
        super().__init__(**{field.name: getattr(model, field.name) for field in fields(model)})
        object.__setattr__(self, "_restore", restore)

    def __enter__(self) -> "ActiveModel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        vars(self)["_restore"]()
