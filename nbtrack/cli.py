"""The command line: `nbtrack demo | runs | show`."""

import json
import sys
from typing import Any, cast

import click

import nbtrack
from nbtrack.core import static_views
from nbtrack.core.entities import Run
from nbtrack.core.errors import InvalidValueError, NbtrackError, NotFoundError
from nbtrack.core.text_tables import terminal_width, visible, visible_block
from nbtrack.tracking.tracker import Tracker

_CODE_FILES = ("cell.py",)
_HELP = {"help_option_names": ["-h", "--help"]}


class _Group(click.Group):
    """Shows our errors as one sentence, without a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NbtrackError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings=_HELP)
@click.version_option(nbtrack.__version__, prog_name="nbtrack")
@click.option(
    "--store",
    metavar="URI",
    help="The store: a folder, file: or sqlite:/// URI. Else the setting, or the nearest .nbtrack.",
)
@click.pass_context
def main(context: click.Context, store: str | None) -> None:
    """Record machine-learning runs from notebooks and scripts, and look at them."""
    context.obj = Tracker(store=store)


@main.command(context_settings=_HELP)
@click.option("--lab", is_flag=True, help="Open JupyterLab on the quickstart notebook afterwards.")
def demo(lab: bool) -> None:
    """Train ten real models, recorded into ./.nbtrack, and show the runs."""
    from nbtrack import demo as demonstration

    demonstration.run(open_lab=lab)


@main.command(context_settings=_HELP)
@click.option("-e", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option(
    "-f", "--filter", "filter_string", default="", metavar="FILTER", help="Such as: metrics.loss < 0.2"
)
@click.option(
    "-o",
    "--order",
    multiple=True,
    metavar="FIELD",
    help="Such as: 'metrics.loss ASC'. Else the latest first.",
)
@click.option(
    "-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs at most."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@click.pass_obj
def runs(
    tracker: Tracker,
    experiment: str | None,
    filter_string: str,
    order: tuple[str, ...],
    number: int,
    as_json: bool,
) -> None:
    """List runs, the latest first."""
    if experiment is not None and tracker.get_experiment_by_name(experiment) is None:
        known = [each.name for each in tracker.search_experiments()]
        raise NotFoundError("experiment named", experiment, known)
    found = tracker.search_runs(
        filter_string=filter_string,
        order_by=order,
        max_results=number,
        output_format="list",
        search_all_experiments=experiment is None,
        experiment_names=None if experiment is None else [experiment],
    )
    if as_json:
        _print_json([_as_json(run) for run in found])
        return
    width = terminal_width()
    table = static_views.runs_table(found, grouped=not order, width=width, ages=width is not None)
    click.echo(table.text)
    if not found:
        click.echo(f"(in {tracker.get_tracking_uri()})")
    elif experiment is None:
        _print_experiments(tracker, found)


@main.command(context_settings=_HELP)
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a card.")
@click.pass_obj
def show(tracker: Tracker, run: str, as_json: bool) -> None:
    """Show one run: its id, the beginning of it, or its name."""
    found = _find(tracker, run)
    if as_json:
        _print_json(_as_json(found))
        return
    click.echo(static_views.run_card(found).text)
    artifacts = tracker.list_artifacts(found.info.run_id)
    if artifacts:
        click.echo("\nartifacts:")
        for info in artifacts:
            size = "" if info.file_size is None else f"  {info.file_size:,} bytes"
            click.echo(f"  {visible(info.path)}{'/' if info.is_dir else ''}{size}")
    for name in _CODE_FILES:
        if any(info.path == name for info in artifacts):
            click.echo(f"\ncode ({name}):\n")
            click.echo(visible_block(tracker.load_text(found.info.run_id, name)))


def _print_experiments(tracker: Tracker, runs: list[Run]) -> None:
    """Say which experiments the runs are of, where there are several."""
    names = {each.experiment_id: each.name for each in tracker.search_experiments(nbtrack.ViewType.ALL)}
    counts: dict[str, int] = {}
    for run in runs:
        name = names.get(run.info.experiment_id, run.info.experiment_id)
        counts[name] = counts.get(name, 0) + 1
    if len(counts) > 1:
        listed = ", ".join(f"{visible(name)} ({count})" for name, count in counts.items())
        click.echo(f"experiments: {listed}; choose one with -e NAME")


def _find(tracker: Tracker, text: str) -> Run:
    """The run that a person means by an id, the beginning of one, or a name."""
    everything: list[Run] = tracker.search_runs(
        output_format="list", search_all_experiments=True, run_view_type=nbtrack.ViewType.ALL
    )
    matches = [run for run in everything if run.info.run_id == text]
    matches = matches or [run for run in everything if len(text) >= 4 and run.info.run_id.startswith(text)]
    matches = matches or [run for run in everything if run.info.run_name == text]
    if not matches:
        known = [run.info.run_name for run in everything]
        raise NotFoundError("run", text, known, f"It was looked for in {tracker.get_tracking_uri()}.")
    if len(matches) > 1:
        ids = ", ".join(run.info.run_id for run in matches[:5])
        raise InvalidValueError(f"{len(matches)} runs are meant by {text!r}: {ids}. Give one of the ids.")
    return matches[0]


def _as_json(run: Run) -> dict[str, Any]:
    whole = run.to_dictionary()
    whole["data"]["summaries"] = {key: summary.to_document() for key, summary in run.data.summaries.items()}
    return whole


def _print_json(value: Any) -> None:
    # NaN and infinities become text: bare ones are no JSON, and other programs read this.
    json.dump(_finite(value), sys.stdout, indent=2)
    sys.stdout.write("\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in cast("list[Any]", value)]
    return value
