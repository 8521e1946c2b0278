"""Which logged models are listed: those that nobody has deleted, and neither their run nor its experiment.

A model's document names all reasons why it is not listed, so that taking one back brings back just those
models that nothing else hides.
"""

from typing import Any

from nbtrack.core.entities import LifecycleStage
from nbtrack.documents.database import Database
from nbtrack.documents.queries import Query
from nbtrack.documents.schema import Index
from nbtrack.documents.tables import EACH, Columns, Table

OF_ITSELF, WITH_RUN, WITH_EXPERIMENT = "itself", "run", "experiment"
"""Why a model is not listed: what was deleted."""

LISTED = Query().lifecycle_stage == LifecycleStage.ACTIVE
"""Which models are listed."""


def models_table(database: Database) -> Table:
    """The table of logged models."""
    return database.table(
        "logged_models",
        unique=[("model_id",), (("source_run_id",), ("path",))],
        indexes=[Index(("creation_timestamp",)), Index(("name",))],
        columns=Columns([("metrics", EACH, "last"), ("params", EACH)], where=LISTED),
    )


def hide(database: Database, condition: Any, reason: str) -> None:
    """List the models that match no more."""
    changes = {("deleted_with", reason): True, ("lifecycle_stage",): LifecycleStage.DELETED}
    # In SQL: an experiment may have many thousands.
    models_table(database).patch(changes, condition)


def show(database: Database, condition: Any, *reasons: str) -> None:
    """Take reasons back; a model that has no other is listed again. Call it inside a transaction."""
    table = models_table(database)
    table.patch({("deleted_with", reason): False for reason in reasons}, condition & ~LISTED)
    others = [reason for reason in (OF_ITSELF, WITH_RUN, WITH_EXPERIMENT) if reason not in reasons]
    for reason in others:
        condition = condition & ~(Query().deleted_with[reason] == True)  # noqa: E712
    table.patch({("lifecycle_stage",): LifecycleStage.ACTIVE}, condition & ~LISTED)
