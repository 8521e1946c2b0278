"""The commands that look at runs: `runs`, `show` and `compare`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from nbtrack.core import static_views, system_tags
from nbtrack.core.entities import FileInfo, Run, ViewType
from nbtrack.core.errors import InvalidValueError
from nbtrack.core.lineages import attempt_in, attempt_mark
from nbtrack.core.text_tables import shortened, visible
from nbtrack.tracking.metric_directions import directions_of
from nbtrack.ui.commands import completing
from nbtrack.ui.commands.columns import CELL, Column, all_columns, hint_at_columns, parse_columns
from nbtrack.ui.commands.named import (
    experiment_names,
    find_experiment,
    find_run,
    find_runs,
    where_it_was_looked,
)
from nbtrack.ui.commands.orders import with_directions
from nbtrack.ui.commands.printing import csv_text, json_text, run_as_plain
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_CODE_FILES = ("cell.py",)
_MOST_CODE_FILES = 20
_MOST_ATTEMPTS = 10


@verb(
    "runs",
    examples=[
        "",
        "-e digits -f \"metrics.loss.min < 0.2 and params.model in ('tree', 'forest')\"",
        "-o metrics.accuracy -n 5",
        "-c params.lr,metrics.loss,metrics.loss.min,tags.team,duration",
        "--csv -n 10000 > runs.csv",
    ],
)
@click.option(
    "-e",
    "--experiment",
    "experiments",
    multiple=True,
    metavar="NAME",
    help="Only runs of this experiment; may be given several times.",
    shell_complete=completing.experiments,
)
@click.option("--everywhere", is_flag=True, help="Runs of all experiments, not only of the active one.")
@click.option(
    "-f",
    "--filter",
    "filter_string",
    default="",
    metavar="FILTER",
    help="Only runs that match, such as: metrics.loss < 0.2 and tags.team = 'nlp'",
    shell_complete=completing.fields,
)
@click.option(
    "-o",
    "--order",
    multiple=True,
    metavar="FIELD",
    help="Sort by a field, such as metrics.loss; the best and the latest come first, unless you add ASC or "
    "DESC. May be given several times; without it the latest run comes first.",
    shell_complete=completing.fields,
)
@click.option(
    "-c",
    "--columns",
    multiple=True,
    metavar="FIELDS",
    help="Show these columns, separated by commas: fields of the filter, duration and experiment.",
    shell_complete=completing.columns,
)
@click.option(
    "-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs at most."
)
@click.option("--deleted", is_flag=True, help="Deleted runs instead of the others.")
@click.option("--all", "both", is_flag=True, help="Deleted runs too.")
@click.option(
    "--attempts/--no-attempts",
    default=None,
    help="Every attempt of a tracked cell, or a line for all of them: the latest one or, with --order, the "
    "one that comes first. A table has a line; JSON and CSV have every attempt.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table.")
@click.pass_obj
def runs(
    screen: Screen,
    experiments: Sequence[str],
    everywhere: bool,
    filter_string: str,
    order: Sequence[str],
    columns: Sequence[str],
    number: int,
    deleted: bool,
    both: bool,
    attempts: bool | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List runs, the latest first.

    What differs between them is shown; params that are the same in all stand once, above the table. The
    attempts of a tracked cell are one line: "baseline ↻ 3" is the third one.
    """
    tracker = screen.tracker
    chosen = [find_experiment(tracker, name) for name in experiments]
    names = experiment_names(tracker)
    shown = parse_columns(columns, names)
    if as_json and as_csv:
        raise click.UsageError("Give either --json or --csv.")
    found: Sequence[Run] = tracker.search_runs(
        [each.experiment_id for each in chosen] or None,
        filter_string=filter_string,
        run_view_type=view_of(deleted, both),
        order_by=with_directions(order, directions_of(tracker, [each.experiment_id for each in chosen])),
        max_results=number,
        output_format="list",
        search_all_experiments=not chosen and (everywhere or not screen.is_bound),
        one_per_lineage=not (as_json or as_csv if attempts is None else attempts),
    )
    hint_at_columns(tracker, shown, found)
    if as_json and shown:
        screen.write(json_text([{each.heading: each.value_of(run) for each in shown} for run in found]))
    elif as_json:
        screen.write(json_text([run_as_plain(run) for run in found]))
    elif as_csv:
        wanted = shown or all_columns(found, names)
        rows = [[each.value_of(run) for each in wanted] for run in found]
        screen.write(csv_text([each.heading for each in wanted], rows))
    elif shown and found:
        screen.show(_chosen_columns(found, shown, whole=screen.width is None))
    else:
        table = static_views.runs_table(
            found, grouped=not order, width=screen.width, ages=screen.is_passing, most=number
        )
        screen.show(table)
        if not found:
            screen.say(where_it_was_looked(screen))
        elif not chosen:
            _say_experiments(screen, found, names)
    if not as_json and not as_csv and getattr(found, "token", None):
        screen.say(f"There are more than these {number}; choose how many with -n.")


@verb("show", examples=["1a2b3c4d", '"forest sweep"', "baseline#2", "1a2b3c4d --json"])
@click.argument("run", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a card.")
@click.pass_obj
def show(screen: Screen, run: str, as_json: bool) -> None:
    """Show everything about a run.

    What it logged, its artifacts, code and environment, and the attempts of its lineage. RUN is an id, the
    beginning of one, or a name; baseline#2 is the second attempt of baseline.
    """
    tracker = screen.tracker
    found = find_run(tracker, run)
    run_id = found.info.run_id
    artifacts = tracker.list_artifacts(run_id)
    environment = tracker.get_environment(run_id)
    name = experiment_names(tracker).get(found.info.experiment_id, found.info.experiment_id)
    if as_json:
        whole = run_as_plain(found)
        whole["experiment"] = name
        whole["environment"] = environment
        whole["artifacts"] = [_file_as_plain(info) for info in artifacts]
        attempts = tracker.attempts(found, ViewType.ALL)
        whole["attempts"] = [_attempt_as_plain(run) for run in attempts if attempt_in(run.data.tags)]
        screen.write(json_text(whole))
        return
    from nbtrack.core.run_page import run_page  # lazy: a shell that completes waits for each import

    files = [info.path for info in artifacts if not info.is_dir and _is_code(info.path)]
    code = {path: tracker.load_text(run_id, path) for path in files[:_MOST_CODE_FILES]}
    screen.show(
        run_page(
            found,
            experiment=name,
            artifacts=artifacts,
            code=code,
            environment=environment,
            attempts=_attempts_of(screen, found),
        )
    )


@verb("compare", examples=["baseline 1a2b3c4d", "1a2b 5e6f 9a0b --all", "baseline tuned --json"])
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=completing.runs)
@click.option("--all", "everything", is_flag=True, help="Also what is the same in all of them.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.pass_obj
def compare(screen: Screen, runs: Sequence[str], everything: bool, as_json: bool) -> None:
    """Show what differs between runs.

    Params, metrics (the last and the best values), tags, data sets, code and packages; the first run is
    what the others are compared with.
    """
    from nbtrack.core.comparison_view import comparison_view  # lazy, as above
    from nbtrack.core.comparisons import compare as compare_runs

    tracker = screen.tracker
    found = find_runs(tracker, runs)
    if len(found) < 2:
        raise InvalidValueError("A comparison takes at least two different runs.")
    environments: list[Mapping[str, Any]] = []
    if everything or len({run.data.tags.get(system_tags.ENVIRONMENT) for run in found}) > 1:
        environments = [tracker.get_environment(run.info.run_id) for run in found]
    directions = directions_of(tracker, [run.info.experiment_id for run in found])
    comparison = compare_runs(found, environments=environments, directions=directions)
    if as_json:
        screen.write(json_text(comparison.to_dictionary(everything=everything)))
        return
    screen.show(comparison_view(comparison, everything=everything, width=screen.width))


def view_of(deleted: bool, both: bool) -> int:
    """The view that `--deleted` and `--all` choose.

    Raises:
        UsageError: Both are given.
    """
    if deleted and both:
        raise click.UsageError("Give either --deleted or --all.")
    return ViewType.ALL if both else ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY


def _chosen_columns(found: Sequence[Run], columns: Sequence[Column], *, whole: bool) -> static_views.View:
    headings = ["run", *(column.heading for column in columns if column.heading != "run_name")]
    shown = [column for column in columns if column.heading != "run_name"]
    cells: list[list[str]] = []
    for column in shown:
        values = [column.cell(run, whole=whole) for run in found]
        curves = [column.curve(run) for run in found]
        width = max(map(len, values)) if column.is_number else 0
        cells.append(
            [f"{value:>{width}} {curve}".rstrip() for value, curve in zip(values, curves, strict=True)]
        )
    names = [
        (run.info.run_name if whole else shortened(run.info.run_name, CELL)) + attempt_mark(run.data.tags)
        for run in found
    ]
    return static_views.table(headings, [list(row) for row in zip(names, *cells, strict=True)])


def _say_experiments(screen: Screen, found: Sequence[Run], names: Mapping[str, str]) -> None:
    """Say which experiments the runs are of, where there are several."""
    counts: dict[str, int] = {}
    for run in found:
        name = names.get(run.info.experiment_id, run.info.experiment_id)
        counts[name] = counts.get(name, 0) + 1
    if len(counts) > 1:
        listed = ", ".join(f"{visible(name)} ({count})" for name, count in counts.items())
        screen.say(f"experiments: {listed}; choose one with -e NAME")


def _attempts_of(screen: Screen, run: Run) -> static_views.View | None:
    """The attempts of the lineage of a run; None where it is the only one."""
    if attempt_in(run.data.tags) is None:
        return None
    from nbtrack.core.attempts_view import attempts_view  # lazy, as above
    from nbtrack.tracking.attempts import history_of

    told, runs = history_of(screen.tracker, run, most=_MOST_ATTEMPTS)
    if not told:
        return None
    return attempts_view(
        told, shown=run.info.run_id, count=len(runs), width=screen.width, ages=screen.is_passing
    )


def _attempt_as_plain(run: Run) -> dict[str, Any]:
    return {
        "attempt": attempt_in(run.data.tags),
        "run_id": run.info.run_id,
        "status": run.info.status,
        "start_time": run.info.start_time,
        "lifecycle_stage": run.info.lifecycle_stage,
    }


def _is_code(path: str) -> bool:
    return path.startswith("cell") and path.endswith(".py")


def _file_as_plain(info: FileInfo) -> dict[str, Any]:
    return {"path": info.path, "is_dir": info.is_dir, "file_size": info.file_size}
