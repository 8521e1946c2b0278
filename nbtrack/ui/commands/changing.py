"""The commands that change what is recorded: `delete`, `restore`, `rename`, `tag` and `note`.

Each says in a line what was done, and how to undo it. Names are looked up before anything is changed.
"""

import sys
from collections.abc import Sequence

import click

from nbtrack.core import system_tags
from nbtrack.core.entities import Experiment, LifecycleStage, Run
from nbtrack.core.errors import InvalidValueError
from nbtrack.ui.commands import completing, restoring
from nbtrack.ui.commands.named import called, find_experiment, find_run, find_runs, short_id
from nbtrack.ui.commands.saying import (
    MOST_SAID,
    check_held,
    say_done,
    show_note,
    show_tags,
    tag_changes,
    tag_pairs,
)
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_experiment = click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="An experiment instead of runs.",
    shell_complete=completing.experiments,
)


@verb("delete", examples=["1a2b3c4d", '"depth 2" "depth 4" -y', "--experiment digits"])
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.runs)
@_experiment
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(screen: Screen, runs: Sequence[str], experiment: str | None, yes: bool) -> None:
    """Put runs or an experiment into the bin.

    An experiment takes its runs with it; `restore` takes them out again.
    RUN is an id, the beginning of one, or a name.
    """
    tracker = screen.tracker
    _check_either(runs, experiment)
    if experiment is not None:
        chosen = find_experiment(tracker, experiment)
        if yes or screen.agrees(f"Delete the experiment {chosen.name!r} and its runs?"):
            tracker.delete_experiment(chosen.experiment_id)
            say_done(
                screen,
                f"Deleted the experiment {chosen.name!r} and its runs.",
                "restore",
                "-e",
                chosen.name,
            )
        return
    found = find_runs(tracker, runs)
    if not (yes or len(found) == 1 or screen.agrees(f"Delete {len(found)} runs?")):
        return
    with tracker.together():
        for run in found:
            tracker.delete_run(run.info.run_id)
    for run in found:
        if run.info.lifecycle_stage == LifecycleStage.DELETED:
            screen.say(f"{called(run)} is deleted already.")
        else:
            say_done(screen, f"Deleted {called(run)}.", "restore", short_id(run))


@verb(
    "restore", examples=["1a2b3c4d", "1a2b3c4d --to cells.ipynb", "1a2b --to train.py", "--experiment digits"]
)
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.runs)
@_experiment
@click.option(
    "--to",
    "target",
    metavar="FILE",
    help="Write the cells that a run came from into a notebook, .ipynb, or a script, .py.",
)
@click.option("--force", is_flag=True, help="Write over the file that is there.")
@click.pass_obj
def restore(
    screen: Screen, runs: Sequence[str], experiment: str | None, target: str | None, force: bool
) -> None:
    """Take runs out of the bin; put back their cells.

    A run, or an experiment with its runs, is taken out of the bin if it is there. Of any other run the cells
    that it came from are put into a new cell below, or with --to into a file. RUN is an id, the beginning of
    one, or a name.
    """
    tracker = screen.tracker
    _check_either(runs, experiment)
    if experiment is not None:
        if target is not None:
            raise click.UsageError("--to takes a run: an experiment has no cells.")
        chosen = find_experiment(tracker, experiment)
        tracker.restore_experiment(chosen.experiment_id)
        say_done(
            screen, f"Restored the experiment {chosen.name!r} and its runs.", "delete", "-e", chosen.name
        )
        return
    found = find_runs(tracker, runs, deleted=target is None)
    if target is not None:
        if len(found) != 1:
            raise click.UsageError("--to takes one run.")
        restoring.write_cells(screen, found[0], target, force=force)
        return
    deleted = [run for run in found if run.info.lifecycle_stage == LifecycleStage.DELETED]
    with tracker.together():
        for run in deleted:
            tracker.restore_run(run.info.run_id)
    for run in found:
        if run in deleted:
            say_done(screen, f"Restored {called(run)}.", "delete", short_id(run))
        else:
            restoring.put_cells_back(screen, run, alone=len(found) - len(deleted) == 1)


@verb("rename", examples=["1a2b3c4d baseline", "--experiment digits mnist"])
@click.argument("words", nargs=-1, required=True, metavar="[RUN] NAME", shell_complete=completing.runs)
@_experiment
@click.pass_obj
def rename(screen: Screen, words: Sequence[str], experiment: str | None) -> None:
    """Rename a run or an experiment."""
    tracker = screen.tracker
    if len(words) != (2 if experiment is None else 1):
        raise click.UsageError(
            "Give a run and its new name, or --experiment and its new name; quote what has spaces."
        )
    if not words[-1].strip():
        raise InvalidValueError(f"A new name is text that can be seen, got {words[-1]!r}.")
    if experiment is not None:
        chosen = find_experiment(tracker, experiment)
        tracker.rename_experiment(chosen.experiment_id, words[0])
        say_done(
            screen,
            f"The experiment {chosen.name!r} is called {words[0]!r} now.",
            "rename",
            "-e",
            words[0],
            chosen.name,
        )
        return
    run = find_run(tracker, words[0])
    tracker.update_run(run.info.run_id, name=words[1])
    say_done(screen, f"{called(run)} is called {words[1]!r} now.", "rename", short_id(run), run.info.run_name)


@verb(
    "tag",
    examples=["1a2b3c4d team=nlp checked=yes", "1a2b3c4d --remove team", "-e digits team=nlp", "1a2b3c4d"],
)
@click.argument("words", nargs=-1, metavar="[RUN] [KEY=VALUE]...", shell_complete=completing.runs)
@_experiment
@click.option(
    "--remove",
    "removed",
    multiple=True,
    metavar="KEY",
    help="Take a tag off; may be given several times.",
    shell_complete=completing.tags,
)
@click.pass_obj
def tag(screen: Screen, words: Sequence[str], experiment: str | None, removed: Sequence[str]) -> None:
    """Set, take off or show tags of a run."""
    tracker = screen.tracker
    if experiment is None and not words:
        raise click.UsageError("Give a run, or --experiment NAME.")
    thing: Run | Experiment
    if experiment is None:
        thing, pairs = find_run(tracker, words[0]), tag_pairs(words[1:])
        held, name, target = dict(thing.data.tags), called(thing), [short_id(thing)]
    else:
        thing, pairs = find_experiment(tracker, experiment), tag_pairs(words)
        held, name, target = dict(thing.tags), f"The experiment {thing.name!r}", ["-e", thing.name]
    check_held(name, held, removed)
    if not pairs and not removed:
        show_tags(screen, name, held)
        return
    with tracker.together():
        if isinstance(thing, Run):
            tracker.tag_run(thing.info.run_id, pairs)
            for key in removed:
                tracker.untag_run(thing.info.run_id, key)
        else:
            tracker.tag_experiment(thing.experiment_id, pairs)
            for key in removed:
                tracker.untag_experiment(thing.experiment_id, key)
    said, undo = tag_changes(held, pairs, removed)
    say_done(screen, f"{name}: {said}.", "tag", *target, *undo)


@verb(
    "note",
    examples=['1a2b3c4d "Too high a learning rate."', "1a2b3c4d", "1a2b3c4d --show", "1a2b - < notes.md"],
)
@click.argument("run", shell_complete=completing.runs)
@click.argument("text", required=False)
@click.option("--show", "only_show", is_flag=True, help="Show the note.")
@click.pass_obj
def note(screen: Screen, run: str, text: str | None, only_show: bool) -> None:
    """Write a note on a run, in Markdown.

    Without TEXT it opens in an editor; - reads the text from the standard input.
    """
    tracker = screen.tracker
    found = find_run(tracker, run)
    before = found.data.tags.get(system_tags.NOTE, "")
    if only_show:
        show_note(screen, before)
        return
    if text is None:
        text = screen.edited(before)
    elif text == "-":
        text = sys.stdin.read()
    if text is None or text.strip() == before.strip():
        screen.say(f"The note on {called(found)} is as it was.")
        return
    if text.strip():
        tracker.tag_run(found.info.run_id, {system_tags.NOTE: text.strip()})
    else:
        tracker.untag_run(found.info.run_id, system_tags.NOTE)
    undo = ["note", short_id(found), before] if len(before) <= MOST_SAID and "\n" not in before else ["undo"]
    done = "Wrote the note on" if text.strip() else "Removed the note on"
    say_done(screen, f"{done} {called(found)}.", *undo)


def _check_either(runs: Sequence[str], experiment: str | None) -> None:
    if bool(runs) == (experiment is not None):
        raise click.UsageError("Give either runs or --experiment NAME.")
