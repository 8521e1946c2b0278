"""What changed since the attempt before, as its card tells it."""

from collections.abc import Mapping

from nbtrack.core.cell_differences import cell_differences, compared_cells
from nbtrack.core.cell_reports import AttemptChanges
from nbtrack.core.cells import Slice
from nbtrack.core.comparisons import compare
from nbtrack.core.entities import Run
from nbtrack.core.line_differences import line_rows, unified


def changes_between(
    before: Run,
    after: Run,
    *,
    before_cells: Slice | str | None,
    after_cells: Slice | str | None,
    attempt: int,
    directions: Mapping[str, bool] | None = None,
) -> AttemptChanges:
    """What changed from one attempt of a lineage to the next.

    Args:
        before: The attempt before.
        after: The attempt now.
        before_cells: The slice of the attempt before, or only the code of its tracked cell; None when
            neither is known: then nothing is said of the code.
        after_cells: Those of the attempt now.
        attempt: Which attempt the one before is, from 1.
        directions: Whether more is better, for metrics whose names do not say.
    """
    comparison = compare([before, after], directions=directions)
    olds, news = (
        compared_cells([code] if isinstance(code, str) else code) for code in (before_cells, after_cells)
    )
    code: list[str] = []
    told: list[str] = []
    if olds and news:
        code = unified(line_rows(olds[-1].source, news[-1].source))
        # Where one attempt has no slice, the cells that its tracked cell built on are not known.
        if isinstance(before_cells, Slice) and isinstance(after_cells, Slice):
            tracked = (len(olds) - 1, len(news) - 1)
            own = {cells[-1].cell.cell_id for cells in (olds, news)} - {None}
            told = [
                f"{each.title}: {each.what}"
                for each in cell_differences(olds, news)
                if each.kind != "same"
                and each.places[0] != tracked[0]
                and each.places[1] != tracked[1]
                # An attempt may build on what the attempts before it left behind; they are told one by one.
                and not any(side and side.cell.cell_id in own for side in (each.before, each.after))
            ]
    return AttemptChanges(
        before.info.run_id,
        attempt,
        code=code,
        cells=told,
        params=[row for row in comparison.params if row.differs],
        metrics=[row for row in comparison.metrics if row.differs],
    )
