"""What versions keep of their models and runs, in a table of its own.

A version's document has only what searches compare: its params, one number for each metric, its size.
All else is long and never changes; it is read for the versions that are shown. A document here belongs to
one version or to none: that of a deleted version stays, so that undoing the deletion finds it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from nbtrack.core.entities import Metric
from nbtrack.core.registry import VersionFacts, last_values
from nbtrack.documents.database import Database

Document = Mapping[str, Any]

_POINT = ("key", "value", "timestamp", "step", "model_id", "dataset_name", "dataset_digest", "run_id")
_PLAIN = ("signature", "flavors", "requirements", "run_name")


class KeptFacts:
    """Writes and reads what versions keep."""

    def __init__(self, database: Database) -> None:
        self._table = database.table("model_version_facts")

    def keep(self, facts: VersionFacts) -> dict[str, Any]:
        """Keep them, inside the transaction that makes the version.

        Returns:
            Fields of the version's document, as far as they are known: `params`, `metrics` (of each the
            last value, by key), `model_size_bytes`, and `facts`, which finds the rest.
        """
        metrics = facts.metrics
        kept: dict[str, Any] = {name: getattr(facts, name) for name in _PLAIN}
        kept["metrics"] = None if metrics is None else _columns(metrics)
        document = _known(kept)
        fields = {
            "params": None if facts.params is None else dict(facts.params),
            "metrics": None if metrics is None else last_values(metrics),
            "model_size_bytes": facts.model_size_bytes,
            "facts": self._table.insert(document) if document else None,
        }
        return _known(fields)

    def read(self, versions: Iterable[Document]) -> dict[int, Document]:
        """What is kept of these versions, by the `facts` of their documents."""
        wanted = [version["facts"] for version in versions if version.get("facts") is not None]
        found: list[Any] = self._table.get(doc_ids=wanted) if wanted else []
        return {document.doc_id: document for document in found}


def facts_of(version: Document, kept: Mapping[int, Document]) -> dict[str, Any]:
    """The fields of a `ModelVersion` that are facts, from its document and what `read` found.

    A version of an older nbtrack has none of them. Many versions have very many metrics, which are made
    when somebody looks at them.
    """
    found = kept.get(version.get("facts") or 0, {})
    fields: dict[str, Any] = {name: version.get(name) for name in ("params", "model_size_bytes")}
    fields |= {name: found.get(name) for name in _PLAIN}
    columns = found.get("metrics")
    fields["metrics"] = None if columns is None else partial(_points, columns)
    return fields


def _columns(metrics: Sequence[Metric]) -> dict[str, list[Any]]:
    """Points as a list for each field that any of them has: many short lists are read slowly."""
    columns = {name: [getattr(metric, name) for metric in metrics] for name in _POINT}
    return {name: held for name, held in columns.items() if any(value is not None for value in held)}


def _points(columns: Mapping[str, Sequence[Any]]) -> list[Metric]:
    return [Metric(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
