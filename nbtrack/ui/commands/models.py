"""The group `models`: all that is done with registered models and versions, and with models themselves."""

import click

from nbtrack.ui.commands.predicting import predict
from nbtrack.ui.commands.promoting import (
    approve,
    promote,
    reject,
    request,
    requests,
    require_approval,
    rollback,
)
from nbtrack.ui.commands.registered import list_models, show_model
from nbtrack.ui.commands.registering import alias, copy, delete, note, register, rename, tag
from nbtrack.ui.commands.registry_history import history, undo
from nbtrack.ui.commands.verb import HELP_OPTIONS, VerbGroup


@click.group("models", cls=VerbGroup, context_settings=HELP_OPTIONS)
def models() -> None:
    """Register, promote and ask models."""


# In the order of the help.
for _command in (
    *(list_models, show_model, register),
    *(promote, rollback, undo, history),
    *(requests, approve, reject, request, require_approval),
    *(alias, tag, note, rename, copy, delete),
    predict,
):
    models.add_command(_command)
