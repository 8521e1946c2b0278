"""Many runs that have ended already, written at once: a file each, and one transaction for all."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from shutil import rmtree
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.datasets import check_inputs, merge_inputs
from nbtrack.core.ended_runs import EndedRun
from nbtrack.core.entities import LifecycleStage, Run
from nbtrack.core.errors import StoreError
from nbtrack.stores.local.folding import FoldedMetrics
from nbtrack.stores.local.metric_log import MetricLogWriter
from nbtrack.stores.local.runs import LocalRuns

# What a child has from its parent: both were made by the same person, code and process.
_INHERITED = (
    system_tags.USER,
    system_tags.SOURCE_NAME,
    system_tags.SOURCE_TYPE,
    system_tags.NOTEBOOK,
    system_tags.SESSION,
    system_tags.CELL_NUMBER,
    system_tags.CELL_ID,
    system_tags.COMMAND,
    system_tags.WORKING_DIRECTORY,
    system_tags.PYTHON_VERSION,
    system_tags.ENVIRONMENT,
    system_tags.GIT_COMMIT,
    system_tags.GIT_BRANCH,
    system_tags.GIT_REPOSITORY_URL,
    system_tags.GIT_DIRTY,
    system_tags.GIT_CHANGED_FILES,
)


def add_children(runs: LocalRuns, parent_id: str, children: Sequence[EndedRun]) -> dict[str, MetricLogWriter]:
    """Keep runs as children of one, in its experiment; all of them or, when one cannot be, none.

    Args:
        runs: The runs of the store.
        parent_id: The run they belong to.
        children: What is to be kept of each.

    Returns:
        The metric log of each, closed, by run id and in the order given.

    Raises:
        NotFoundError: There is no such parent.
        StoreError: The store cannot be written.
    """
    parent = runs.get(parent_id)
    location = runs.own_location(parent_id)
    documents: list[dict[str, Any]] = []
    sketches: list[dict[str, Any]] = []
    logs: dict[str, MetricLogWriter] = {}
    try:
        for child in children:
            document = _document(child, parent, location)
            folder = runs.folder_of(document["run_id"])
            try:
                os.mkdir(folder, 0o700)
            except OSError as error:
                raise StoreError(f"Cannot make the run's folder {folder}: {error.strerror}.") from error
            log = logs[document["run_id"]] = MetricLogWriter(folder, raises=True)
            for key, value, step in child.points:
                log.append(key, value, step, child.end_time)
            log.close()
            folded = FoldedMetrics(document, None)
            if folded.advance(folder):
                document["metrics"], document["folds"] = folded.metrics_document(), 1
                sketches.append({**folded.sketches_document(document["run_id"]), "folds": 1})
            documents.append(document)
        runs.insert_ended(documents, sketches)
    except BaseException:
        for run_id in logs:
            with suppress(OSError):
                rmtree(runs.folder_of(run_id))
        raise
    return logs


def _document(child: EndedRun, parent: Run, location: str | None) -> dict[str, Any]:
    tags: Mapping[str, str] = parent.data.tags
    document: dict[str, Any] = {
        "run_id": os.urandom(16).hex(),
        "run_name": child.run_name,
        "experiment_id": parent.info.experiment_id,
        "user_id": parent.info.user_id,
        "status": child.status,
        "start_time": child.start_time,
        "end_time": child.end_time,
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "params": dict(child.params),
        "tags": {
            **{key: tags[key] for key in _INHERITED if key in tags},
            **child.tags,
            system_tags.PARENT_RUN_ID: parent.info.run_id,
            system_tags.RUN_NAME: child.run_name,
        },
        "metrics": {},
        "folds": 0,
        "writer": None,
    }
    if location is not None:
        document["artifact_location"] = location
    if child.inputs:
        merge_inputs(document.setdefault("inputs", []), check_inputs(child.inputs))
    return document
