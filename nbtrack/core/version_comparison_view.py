"""How versions look beside each other: a column for each, a line for what differs."""

from typing import TYPE_CHECKING

from nbtrack.core.comparison_view import Line, beside
from nbtrack.core.static_views import TEXT_WIDTH, View
from nbtrack.core.text_tables import moment, shortened

if TYPE_CHECKING:
    from nbtrack.core.registry import ModelVersion
    from nbtrack.core.version_comparisons import VersionComparison

_CELL = 40
_MOST_NAMES = 8
_KINDS = {
    "params": ("param", "params"),
    "metrics": ("metric", "metrics"),
    "signature": ("field of the signature", "fields of the signature"),
    "files": ("fact about the files", "facts about the files"),
    "requirements": ("requirement", "requirements"),
    "tags": ("tag", "tags"),
}


def version_comparison_view(
    comparison: "VersionComparison",
    *,
    everything: bool = False,
    width: int | None = TEXT_WIDTH,
    most: int | None = None,
) -> View:
    """Draw a comparison of versions.

    Args:
        comparison: What to draw.
        everything: Also what is the same in all versions.
        width: As for `comparison_view`.
        most: Rows of a section; None is any number.
    """
    names = {version.name for version in comparison.versions}
    return beside(
        [shortened(label, _CELL) for label in comparison.labels],
        _facts(comparison.versions),
        comparison,
        _KINDS,
        corner=shortened(next(iter(names)), _CELL) if len(names) == 1 else "",
        notes=[*_verdict(comparison), *_unknown(comparison)],
        everything=everything,
        width=width,
        most=most,
    )


def _facts(versions: "tuple[ModelVersion, ...]") -> list[Line]:
    users = {version.user_id for version in versions}
    told = {
        "in use as": [_in_use(version) for version in versions],
        "registered": [_registered(version, is_one=len(users) == 1) for version in versions],
        "run": [_run(version) for version in versions],
        "description": [_first_line(version.description) for version in versions],
    }
    return [Line(name, cells) for name, cells in told.items() if any(cells)]


def _in_use(version: "ModelVersion") -> str:
    stage = [] if version.current_stage == "None" else [version.current_stage]
    held = [*stage, *(f"@{alias}" for alias in version.aliases)]
    rest = len(held) - _MOST_NAMES
    return shortened(", ".join(held[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else ""), 2 * _CELL)


def _registered(version: "ModelVersion", *, is_one: bool) -> str:
    """When, and by whom where that was not always the same."""
    who = f" by {version.user_id}" if version.user_id and not is_one else ""
    return shortened(f"{moment(version.creation_timestamp)[:16]}{who}", _CELL)


def _run(version: "ModelVersion") -> str:
    words = [version.run_name or "", f"({version.run_id[:8]})" if version.run_id else ""]
    return shortened(" ".join(word for word in words if word), _CELL)


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return shortened(lines[0], _CELL) if lines else ""


def _verdict(comparison: "VersionComparison") -> list[str]:
    """Which version is better by which metrics, where names tell what is better."""
    told = [
        f"{label} by {_listed(keys)}"
        for label, keys in zip(comparison.labels, comparison.better, strict=True)
        if keys
    ]
    return [f"better: {'; '.join(told)}"] if told else []


def _unknown(comparison: "VersionComparison") -> list[str]:
    labels = dict(zip(map(id, comparison.versions), comparison.labels, strict=True))
    by_versions: dict[str, list[str]] = {}
    for section, versions in comparison.unknown:
        by_versions.setdefault(_listed([labels[id(version)] for version in versions]), []).append(section)
    return [f"not known of {whose}: {', '.join(sections)}" for whose, sections in by_versions.items()]


def _listed(names: list[str]) -> str:
    shown = [shortened(name, _CELL) for name in names[:_MOST_NAMES]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
