"""All commands that the command line and the notebook share, in the order of their help."""

from nbtrack.ui.commands.artifacts import artifacts
from nbtrack.ui.commands.changing import delete, note, rename, restore, tag
from nbtrack.ui.commands.diffing import diff
from nbtrack.ui.commands.experiments import experiments
from nbtrack.ui.commands.looking import compare, runs, show
from nbtrack.ui.commands.models import models
from nbtrack.ui.commands.registry import registry
from nbtrack.ui.commands.restoring import slice_command
from nbtrack.ui.commands.trusting import trust
from nbtrack.ui.commands.undoing import undo

COMMANDS = (
    *(runs, show, slice_command, compare, diff, experiments, tag, note, rename, delete, restore, undo),
    artifacts,
    *(models, registry, trust),
)
