"""What differs between two runs, as a reviewer asks for it: params, metrics, code, packages, Git, data.

Pure data: `tracking/run_differences.py` collects what it is made of, `core/difference_view.py` draws it.
What a run recorded is compared by the rules of `core/comparisons.py`, code by those of
`core/cell_differences.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.cell_differences import CellDifference, cell_differences, compared_cells
from nbtrack.core.cells import Slice
from nbtrack.core.comparisons import Compared, ComparedMetric, ComparedText, Sections, compare, compared_texts
from nbtrack.core.entities import Run
from nbtrack.core.line_differences import changed_lines
from nbtrack.core.metric_changes import change_words
from nbtrack.core.text_tables import number, shortened

_NAME = 40


@dataclass(frozen=True)
class RunEvidence:
    """A run, and what is known of it that is kept beside it."""

    run: Run
    code: Slice | Sequence[str] | None = None
    """Its slice, or only the code of the cells that recorded it; None where it has neither."""
    environment: Mapping[str, Any] | None = None
    """`python`, `platform` and `packages`; None where they are not known."""
    data: Mapping[str, str] = field(default_factory=dict[str, str])
    """Sizes of data that were seen, by the name that the data has in the notebook."""


@dataclass(frozen=True)
class Difference(Sections):
    """Two runs beside each other, the one before and the one after; draws itself as a review."""

    before: Run
    after: Run
    params: tuple[ComparedText, ...] = ()
    metrics: tuple[ComparedMetric, ...] = ()
    """The last values, and the best ones where those are others."""
    cells: tuple[CellDifference, ...] = ()
    """The cells of both slices, in the order of those after; without the options of `%%track`."""
    packages: tuple[ComparedText, ...] = ()
    git: tuple[ComparedText, ...] = ()
    data: tuple[ComparedText, ...] = ()
    """Data sets by name, with digest and rows; data of the notebook, with its size."""
    environment: tuple[ComparedText, ...] = ()
    """Python and platform."""
    source: tuple[ComparedText, ...] = ()
    """What was started: the file, the command."""
    tags: tuple[ComparedText, ...] = ()
    machine: tuple[ComparedMetric, ...] = ()
    """System metrics: they differ in any two runs, so they are told only with everything."""
    notes: tuple[str, ...] = ()
    """What could not be compared, a sentence each."""

    quiet = frozenset({"machine"})

    @property
    def sections(self) -> dict[str, tuple[Compared, ...]]:
        """Everything that is compared by name, in the order of a review; the code is in `cells`."""
        return {
            "params": self.params,
            "metrics": self.metrics,
            "packages": self.packages,
            "git": self.git,
            "data": self.data,
            "environment": self.environment,
            "source": self.source,
            "tags": self.tags,
            "machine": self.machine,
        }

    @property
    def differs(self) -> bool:
        """Whether anything that they recorded differs; when and how long they ran does not count."""
        return (
            self.before.info.status != self.after.info.status
            or any(self.told().values())
            or any(each.kind != "same" for each in self.cells)
        )

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called, each by a name of its own where that can be."""
        names = [shortened(run.info.run_name, _NAME) for run in (self.before, self.after)]
        if names[0] != names[1]:
            return names[0], names[1]
        attempts = [run.data.tags.get(system_tags.ATTEMPT) for run in (self.before, self.after)]
        lineages = {run.data.tags.get(system_tags.LINEAGE) for run in (self.before, self.after)}
        if len(lineages) == 1 and None not in attempts and attempts[0] != attempts[1]:
            return f"{names[0]}#{attempts[0]}", f"{names[1]}#{attempts[1]}"
        ids = [run.info.run_id[:8] for run in (self.before, self.after)]
        return f"{names[0]} ({ids[0]})", f"{names[1]} ({ids[1]})"

    @property
    def counts(self) -> list[str]:
        """How much differs, section by section: `2 params`, `1 cell (3 lines)`."""
        told = self.told()
        metrics = [row for row in self.metrics if row.differs]
        verdicts = [row.verdicts[1] for row in metrics]
        words = [f"{count} {word}" for word in ("better", "worse") if (count := verdicts.count(word))]
        rest = len(metrics) - sum(map(bool, verdicts))
        words += [f"{rest} other" if words else f"{rest} changed"] if rest else []
        found = [f"metrics: {', '.join(words)}"] if words else []
        found += [_counted(len(told["params"]), "param")] if told["params"] else []
        if cells := [each for each in self.cells if each.kind != "same"]:
            lines = sum(changed_lines(each.rows) for each in cells)
            found.append(f"{_counted(len(cells), 'cell')} ({_counted(lines, 'line')})")
        found += [_counted(len(told["packages"]), "package")] if told["packages"] else []
        words = {
            "git": "git",
            "data": "data",
            "environment": "environment",
            "source": "source",
            "tags": "tags",
        }
        return [*found, *(word for name, word in words.items() if told[name])]

    def to_dictionary(self, *, everything: bool = False) -> dict[str, Any]:
        """The difference as plain dicts and lists.

        Args:
            everything: Also what is the same in both.
        """
        whole: dict[str, Any] = {"before": _identity(self.before), "after": _identity(self.after)}
        for name, rows in self.told(everything=everything).items():
            whole[name] = {row.key: _as_plain(row) for row in rows}
            if name == "metrics":
                whole["cells"] = [
                    each.to_dictionary() for each in self.cells if everything or each.kind != "same"
                ]
        return {**whole, "notes": list(self.notes), "differs": self.differs}

    def __repr__(self) -> str:
        said = "; ".join(self.counts) or ("the status differs" if self.differs else "nothing differs")
        told = next((_told(row) for row in self.metrics if row.differs and row.verdicts[1]), None)
        before, after = self.names
        return f"<Difference {before!r} → {after!r}: {f'{told}; ' if told else ''}{said}>"

    def __str__(self) -> str:
        from nbtrack.core.difference_view import difference_view  # lazy: only what is looked at is drawn

        return difference_view(self).text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbtrack.core import mime  # lazy: only what is looked at is drawn
        from nbtrack.core.difference_view import difference_view

        ids = {"before": self.before.info.run_id, "after": self.after.info.run_id}
        told = {"names": mime.texts(self.names, 2), "counts": self.counts, "differs": self.differs}
        return mime.bundle(difference_view(self, fits=True), "diff", ids, lambda _: told)


def difference(
    before: RunEvidence, after: RunEvidence, *, directions: Mapping[str, bool] | None = None
) -> Difference:
    """Put two runs beside each other.

    Args:
        before: The run that the other one is compared with.
        after: The other one.
        directions: Whether more is better, for metrics whose names do not say.
    """
    sides = (before, after)
    runs = [side.run for side in sides]
    environments: list[Mapping[str, Any]] = [side.environment or {} for side in sides]
    # A package may be called `python` or `platform`: packages stand by themselves.
    facts: list[dict[str, Any]] = [{**each, "packages": {}} for each in environments]
    comparison = compare(runs, environments=facts, directions=directions)
    cells, notes = _cells(before, after)
    unknown = [side.run for side in sides if side.environment is None]
    if len(unknown) == 1:
        notes.append(f"The packages of {_called(unknown[0])} are not known.")
    packages = [{str(name): str(version) for name, version in _packages(each)} for each in environments]
    return Difference(
        *runs,
        params=comparison.params,
        metrics=comparison.metrics,
        cells=cells,
        packages=() if unknown else compared_texts(packages),
        git=compared_texts([_git(run.data.tags) for run in runs]),
        data=(*comparison.data, *compared_texts([side.data for side in sides])),
        environment=() if unknown else comparison.environment,
        source=tuple(row for row in comparison.code if not row.key.startswith("git ")),
        tags=comparison.tags,
        machine=comparison.machine,
        notes=tuple(notes),
    )


def _cells(before: RunEvidence, after: RunEvidence) -> tuple[tuple[CellDifference, ...], list[str]]:
    """The cells beside each other, and what could not be."""
    known = [side for side in (before, after) if side.code is not None]
    if len(known) < 2:
        # Of two scripts nobody expects cells.
        missing = [side.run for side in (before, after) if side.code is None] if known else []
        return (), [f"The code of {_called(run)} is not known: it recorded no cell." for run in missing]
    olds, news = compared_cells(before.code), compared_cells(after.code)
    partial = [side.run for side in known if not isinstance(side.code, Slice)]
    if len(partial) == 1:
        note = f"Of {_called(partial[0])} only the tracked cell is known, so only that one is compared."
        return cell_differences(olds[-1:], news[-1:]), [note]
    return cell_differences(olds, news), []


def _packages(environment: Mapping[str, Any]) -> list[tuple[str, Any]]:
    packages: Mapping[str, Any] = environment.get("packages") or {}
    return sorted(packages.items())


def _git(tags: Mapping[str, str]) -> dict[str, str]:
    found = {
        name: tags[tag]
        for name, tag in (("commit", system_tags.GIT_COMMIT), ("branch", system_tags.GIT_BRANCH))
        if tag in tags
    }
    if dirty := tags.get(system_tags.GIT_DIRTY):
        count = tags.get(system_tags.GIT_CHANGED_FILES, "some")
        changed = f"{count} {'file' if count == '1' else 'files'}"
        found["not committed"] = changed if dirty == "true" else "nothing"
    return found


def _called(run: Run) -> str:
    return f"{shortened(run.info.run_name, _NAME)!r} ({run.info.run_id[:8]})"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _told(row: ComparedMetric) -> str:
    values = " → ".join("none" if value is None else number(value) for value in row.values)
    return f"{shortened(row.key, _NAME)} {values} {change_words(row)}"


def _identity(run: Run) -> dict[str, Any]:
    names = ("run_id", "run_name", "experiment_id", "status", "start_time", "end_time")
    return {name: getattr(run.info, name) for name in names} | {
        "attempt": run.data.tags.get(system_tags.ATTEMPT)
    }


def _as_plain(row: Compared) -> dict[str, Any]:
    before, after = row.values
    plain: dict[str, Any] = {"before": before, "after": after}
    if isinstance(row, ComparedMetric):
        plain |= {
            "delta": row.deltas[1],
            "share": row.shares[1],
            "verdict": row.verdicts[1],
            "greater_is_better": row.greater_is_better,
        }
    return plain
