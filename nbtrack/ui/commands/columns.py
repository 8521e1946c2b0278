"""The columns of a table of runs that the user chose: any field of the filter."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbtrack.core.entities import Run
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.text_tables import duration, moment, number, shortened, sparkline
from nbtrack.core.warn import warn_user
from nbtrack.filters.fields import RUN, Field, Finder, Type
from nbtrack.filters.grammar import parse_order_entry
from nbtrack.filters.mistakes import mistake
from nbtrack.filters.unknown_keys import Mention, mentioned_keys, unknown_key_message
from nbtrack.tracking.tracker import Tracker
from nbtrack.ui.commands.named import search

CELL = 40
"""Letters that a cell shows at most, where there is no room for any number."""
_RECENT = 200
_SUMMARIES = ("min", "max", "mean")
# Commas separate columns, but not those in quotes.
_COLUMN = re.compile(r"(?:`[^`]*`|\"[^\"]*\"|[^,`\"]|[`\"])+")


@dataclass(frozen=True)
class Column:
    """A column: its name, what it holds of a run, and how that is drawn."""

    heading: str
    value_of: Callable[[Run], Any]
    drawn: Callable[[Any], str]
    is_number: bool
    curve_of: str | None = None
    """The metric whose curve stands beside the value."""
    mention: Mention | None = None
    """The key that it names, if it names one."""

    def cell(self, run: Run, *, whole: bool = False) -> str:
        """What a table shows of a run; `whole` cuts nothing."""
        value = self.value_of(run)
        text = "" if value is None else self.drawn(value)
        return text if whole else shortened(text, CELL)

    def curve(self, run: Run) -> str:
        """The curve beside the value; empty when there is none."""
        return sparkline(run.data.sketches.get(self.curve_of, ()), width=10) if self.curve_of else ""


def parse_columns(texts: Iterable[str], names: Mapping[str, str]) -> list[Column]:
    """The columns that are meant by `params.lr,metrics.loss.min` and the like.

    Args:
        texts: Fields of the filter, `duration` and `experiment`; each text may hold several.
        names: The name of each experiment by its id.

    Raises:
        InvalidValueError: There is no such field; the message points at it.
    """
    found = [
        _column(piece.strip(), names) for text in texts for piece in _COLUMN.findall(text) if piece.strip()
    ]
    return list({column.heading: column for column in found}.values())


def all_columns(runs: Iterable[Run], names: Mapping[str, str]) -> list[Column]:
    """A column for everything that some run holds."""
    held = list(runs)
    fields = ["run_id", "run_name", "experiment", "status", "start_time", "end_time", "duration"]
    columns = [_column(name, names) for name in fields]
    for group in ("metrics", "params", "tags"):
        keys = dict.fromkeys(key for run in held for key in getattr(run.data, group))
        columns += [_of_key(group, key) for key in keys]
    return columns


def hint_at_columns(tracker: Tracker, columns: Iterable[Column], runs: Sequence[Run]) -> None:
    """Warn of a column that is empty because no run that is shown has its key, and name the nearest one."""
    for column in columns:
        mention = column.mention
        if mention is None or not runs or any(column.value_of(run) is not None for run in runs):
            continue
        recent = [*runs, *search(tracker, None, limit=_RECENT)]
        known = dict.fromkeys(key for run in recent for key in getattr(run.data, mention.group))
        if mention.group == "metrics":
            known |= dict.fromkeys(f"{key}.{summary}" for key in known for summary in _SUMMARIES)
        message = unknown_key_message(mention, known)
        if message is not None:
            warn_user(f"{message[0].upper()}{message[1:]}", UserWarning)


def _column(text: str, names: Mapping[str, str]) -> Column:
    word = text.lower()
    if word == "duration":
        return Column("duration", _duration, duration, True)
    if word == "experiment":
        return Column(
            "experiment", lambda run: names.get(run.info.experiment_id, run.info.experiment_id), str, False
        )
    try:
        name, descending = parse_order_entry(text)
    except InvalidValueError as error:
        raise InvalidValueError(str(error).replace("Order,", "Column,", 1)) from error
    if descending or text.lower().endswith(" asc"):
        raise mistake(text, len(str(name)), "a column has no direction; sort with --order", "Column")
    field = Finder(RUN, text, "Column").find(name)
    if field.relation:
        raise mistake(text, name.column, f"{field.label} may be many: it is no column", "Column")
    (mention,) = mentioned_keys(None, text) or (None,)
    return replace(_of_field(field), mention=None if mention is None else mention._replace(subject="Column"))


def _of_field(field: Field) -> Column:
    if field.group == "metrics":
        summary = field.path[-1]
        return Column(
            field.label,
            lambda run: getattr(run.data.summaries.get(field.key), str(summary), None),
            moment if field.type is Type.TIME else number,
            field.type is Type.NUMBER,
            field.key if summary == "last" else None,
        )
    if field.group:
        return Column(field.label, lambda run: getattr(run.data, field.group).get(field.key), str, False)
    if field.is_of_input:
        return Column(field.label, lambda run: _of_inputs(run, str(field.path[-1])), str, False)
    drawn = moment if field.type is Type.TIME else str
    return Column(field.label, lambda run: getattr(run.info, field.label), drawn, False)


def _of_key(group: str, key: str) -> Column:
    return Column(f"{group}.{key}", lambda run: getattr(run.data, group).get(key), str, group == "metrics")


def _of_inputs(run: Run, what: str) -> str | None:
    inputs = run.inputs.dataset_inputs
    found = [getattr(each.dataset, what, each.context) for each in inputs]
    return ", ".join(str(each) for each in found if each is not None) or None


def _duration(run: Run) -> int | None:
    """Milliseconds; None while the run goes on."""
    return None if run.info.end_time is None else run.info.end_time - run.info.start_time
