"""The group `models`: all that is done with registered models and versions, and with models themselves."""

import click

from nbtrack.ui.commands.verb import HELP_OPTIONS, LazyGroup

_HERE = "nbtrack.ui.commands"

_PLACES = {
    "list": f"{_HERE}.registered.list_models",
    "show": f"{_HERE}.registered.show_model",
    "register": f"{_HERE}.registering.register",
    "compare": f"{_HERE}.comparing_versions.compare",
    "promote": f"{_HERE}.promoting.promote",
    "rollback": f"{_HERE}.promoting.rollback",
    "undo": f"{_HERE}.registry_history.undo",
    "history": f"{_HERE}.registry_history.history",
    "requests": f"{_HERE}.promoting.requests",
    "approve": f"{_HERE}.promoting.approve",
    "reject": f"{_HERE}.promoting.reject",
    "request": f"{_HERE}.promoting.request",
    "require-approval": f"{_HERE}.promoting.require_approval",
    "alias": f"{_HERE}.registering.alias",
    "tag": f"{_HERE}.registering.tag",
    "note": f"{_HERE}.registering.note",
    "rename": f"{_HERE}.registering.rename",
    "copy": f"{_HERE}.registering.copy",
    "delete": f"{_HERE}.registering.delete",
    "predict": f"{_HERE}.predicting.predict",
}
"""Where the commands are, in the order of the help: those used most at first."""


_EXAMPLES = (
    "register RUN iris",
    "promote iris 1 Production",
    "promote iris latest Production --if-better accuracy",
    "history iris",
    "rollback iris",
)
"""A model's life."""


@click.group("models", cls=LazyGroup, places=_PLACES, examples=_EXAMPLES, context_settings=HELP_OPTIONS)
def models() -> None:
    """Register, promote and ask models."""
