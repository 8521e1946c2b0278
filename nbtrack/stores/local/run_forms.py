"""From the document of a run to the run that people see.

Long schemas of data sets stand in files of their own, once for all runs; whoever reads a run does not
see the difference.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.core.datasets import DatasetInput, RunInputs
from nbtrack.core.entities import Run, RunData, RunInfo, RunOutputs
from nbtrack.core.errors import NbtrackError
from nbtrack.core.model_links import LoggedModelInput, LoggedModelOutput
from nbtrack.core.summaries import MetricSummary, Sketch
from nbtrack.stores.local.folder import ARTIFACTS, RUNS, SCHEMAS, local_path
from nbtrack.stores.local.shared_documents import SharedDocuments

_LONGEST_SCHEMA = 1000
"""Characters of a data set's schema that stand in the documents of its runs."""


class RunForms:
    """The runs of one store folder, from their documents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / RUNS
        self._uri = self._folder.as_uri()
        self._schemas = SharedDocuments(folder, SCHEMAS, "schema")
        self._known_schemas: dict[str, str] = {}

    def run(self, document: Mapping[str, Any], sketches: Mapping[str, Any] | None) -> Run:
        """The run of a document.

        Args:
            document: The run's own.
            sketches: The document of its sketches; None leaves them out.
        """
        summaries = {
            key: MetricSummary.from_document(summary) for key, summary in document["metrics"].items()
        }
        shapes: Mapping[str, Any] = sketches["sketches"] if sketches else {}
        return Run(
            RunInfo(
                run_id=document["run_id"],
                run_name=document["run_name"],
                experiment_id=document["experiment_id"],
                user_id=document["user_id"],
                status=document["status"],
                start_time=document["start_time"],
                end_time=document["end_time"],
                lifecycle_stage=document["lifecycle_stage"],
                artifact_uri=self.artifact_uri(document["run_id"], document.get("artifact_location")),
            ),
            RunData(
                metrics={key: summary.last for key, summary in summaries.items()},
                params=document["params"],
                tags=document["tags"],
                summaries=summaries,
                sketches={key: Sketch.from_document(shape).shape for key, shape in shapes.items()},
            ),
            RunInputs(
                tuple(self._input(each) for each in document.get("inputs", ())),
                [LoggedModelInput(**each) for each in document.get("model_inputs", ())],
            ),
            RunOutputs([LoggedModelOutput(**each) for each in document.get("outputs", ())]),
        )

    def artifact_root(self, document: Mapping[str, Any]) -> Path:
        """The folder that holds the artifacts of a run."""
        location = document.get("artifact_location")
        folder = self._folder if location is None else local_path(location)
        return folder / document["run_id"] / ARTIFACTS

    def artifact_uri(self, run_id: str, location: str | None) -> str:
        """That folder as a `file:` URI, from a run's id and its `artifact_location`."""
        if location is None and run_id.isalnum() and run_id.isascii():
            # The same, in a tenth of the time: a table has thousands of runs.
            return f"{self._uri}/{run_id}/{ARTIFACTS}"
        return self.artifact_root({"run_id": run_id, "artifact_location": location}).as_uri()

    def shortener(self, inputs: Sequence[DatasetInput]) -> Callable[[list[dict[str, Any]]], None]:
        """Keep the long schemas of data sets, and give what takes them out of a document's inputs.

        A table of hundreds of columns has a schema of many kilobytes, and a search reads documents.

        Raises:
            StoreError: A schema cannot be written.
        """
        kept = {
            schema: self._schemas.save({"schema": schema})
            for each in inputs
            if (schema := each.dataset.schema) and len(schema) > _LONGEST_SCHEMA
        }

        def shorten(held: list[dict[str, Any]]) -> None:
            for each in held:
                if (schema := each["dataset"]["schema"]) in kept:
                    each["dataset"].update({"schema": None, "schema_digest": kept[schema]})

        return shorten

    def _input(self, document: Mapping[str, Any]) -> DatasetInput:
        digest = document["dataset"].get("schema_digest")
        if digest is not None:
            whole = {**document["dataset"], "schema": self._schema(digest)}
            del whole["schema_digest"]
            document = {**document, "dataset": whole}
        return DatasetInput.from_dictionary(document)

    def _schema(self, digest: str) -> str | None:
        """A schema that was kept; None when its file is lost or damaged: the run is still read."""
        if digest not in self._known_schemas:
            try:
                self._known_schemas[digest] = self._schemas.get(digest)["schema"]
            except NbtrackError:
                return None
        return self._known_schemas[digest]
