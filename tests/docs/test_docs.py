"""The documentation is true: it mentions what there is, its links lead somewhere, its examples run."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.core import system_tags
from nbtrack.core.registry import VersionFacts
from nbtrack.core.settings import NBTRACK_ONLY, SETTINGS
from nbtrack.stores.contracts import Registry, Store
from nbtrack.stores.opening import open_store
from nbtrack.ui.cells.track_line import help_text
from nbtrack.ui.configuration import NBTrack
from nbtrack.ui.magics import USAGE
from tests.docs import examples
from tests.docs.pages import DOCS, FACES, ROOT, anchors, blocks, code, links, prose, sections

os.environ.setdefault("KERAS_BACKEND", "torch")  # looking up nbtrack.keras.MlflowCallback imports Keras

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in [*DOCS, *FACES]}
CODE = "\n".join(code(text) for name, text in PAGES.items() if name.startswith("docs/"))


def page(name: str) -> str:
    return PAGES[f"docs/{name}.md"]


def is_written(text: str, where: str = CODE) -> bool:
    """Whether a text stands somewhere, not as a part of a longer word."""
    return re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", where) is not None


def missing(wanted: list[str], where: str = CODE) -> list[str]:
    return [text for text in wanted if not is_written(text, where)]


def public_methods(thing: type) -> list[str]:
    return [
        name
        for kind in thing.__mro__
        if kind.__module__.startswith("nbtrack.")
        for name in vars(kind)
        if name[0] != "_"
    ]


# ---- what there is, is mentioned -----------------------------------------------------------------


def test_every_public_name_is_mentioned() -> None:
    hooks = {"load_ipython_extension": "%load_ext nbtrack", "unload_ipython_extension": "%unload_ext nbtrack"}

    assert not missing([hooks.get(name, name) for name in nbtrack.__all__])


def test_every_public_method_of_a_tracker_is_mentioned() -> None:
    functions = set(nbtrack.__all__)
    names = [name for name in public_methods(nbtrack.Tracker) if name not in functions]

    assert "set_terminated" in names
    assert not missing(
        [f"tracker.{name}" for name in names if name not in nbtrack.Tracker.class_trait_names()]
    )


def test_every_public_method_of_a_run_is_mentioned() -> None:
    functions = set(nbtrack.__all__)
    names = [name for name in public_methods(nbtrack.ActiveRun) if name not in functions]

    assert "metric_history" in names
    assert not missing([f"run.{name}" for name in names])


def test_every_option_of_the_track_magic_is_mentioned() -> None:
    options = re.findall(r"(?<![\w-])--?[a-z]+(?:-[a-z]+)*", help_text())

    assert {"-p", "--param", "--resume", "--nested", "--quiet", "--help"} <= set(options)
    assert not missing(options, code(page("notebooks")))


def test_every_command_of_the_nbtrack_magic_is_mentioned() -> None:
    commands = re.findall(r"^%nbtrack \w+(?: \S+)?(?= )", USAGE, re.MULTILINE)

    assert len(commands) == len(USAGE.splitlines())
    assert not missing([command.strip() for command in commands], code(page("notebooks")))


def commands_of(group: click.Group) -> list[tuple[str, click.Command]]:
    with click.Context(group) as context:
        found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [(name, command) for name, command in found if command is not None]


def command_options(command: click.Command) -> set[str]:
    if isinstance(command, click.Group) and command is not main:
        return set().union(*(command_options(inner) for _, inner in commands_of(command)))
    with click.Context(command, **command.context_settings) as context:
        options = [
            parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)
        ]
    shown = [option for option in options if not option.hidden]
    return {name for option in shown for name in (*option.opts, *option.secondary_opts)}


def test_every_command_and_option_of_the_command_line_is_in_its_section_and_no_other_is() -> None:
    under = dict(sections(page("cli")))
    commands: dict[str, click.Command] = {}
    for name, command in main.commands.items():
        commands[f"`nbtrack {name}`"] = command
        if isinstance(command, click.Group) and any(title.startswith(f"`nbtrack {name} ") for title in under):
            # Each of its commands has a section of its own, and it has no options.
            commands[f"`nbtrack {name}`"] = click.Command(name)
            commands |= {f"`nbtrack {name} {each}`": inner for each, inner in commands_of(command)}

    assert {title for title in under if title.startswith("`")} == set(commands)
    for title, command in {"Command line": main, **commands}.items():
        rows = [line for line in under[title].splitlines() if line.startswith("| `-")]
        told = {
            option
            for row in rows
            for option in re.findall(r"(?<![\w-])--?[a-z]+(?:-[a-z]+)*", row.split("|")[1])
        }
        wanted = command_options(command) | set(main.context_settings["help_option_names"])
        assert told == wanted, title


def test_every_setting_is_mentioned_and_no_other_is() -> None:
    told = set(re.findall(r"\bNBTRACK_[A-Z_]+", CODE))
    told_of_mlflow = set(re.findall(r"\bMLFLOW_[A-Z_]+", CODE))

    assert told == {f"NBTRACK_{name}" for name in SETTINGS} | {"NBTRACK_ACTIVE_RUN"}
    assert told_of_mlflow == {f"MLFLOW_{name}" for name in SETTINGS if name not in NBTRACK_ONLY}
    assert not missing([f"NBTRACK_{name}" for name in SETTINGS], code(page("settings")))


def test_every_option_of_a_tracker_is_mentioned() -> None:
    rows = [
        line for line in dict(sections(page("settings")))["A tracker"].splitlines() if line.startswith("| `")
    ]

    assert {row.split("`")[1] for row in rows} == set(nbtrack.Tracker.class_trait_names(config=True))


def test_every_option_of_a_notebook_is_mentioned() -> None:
    rows = [
        line
        for line in dict(sections(page("settings")))["In a notebook"].splitlines()
        if line.startswith("| `")
    ]

    assert {row.split("`")[1] for row in rows} == set(NBTrack.class_trait_names(config=True))


def test_every_field_of_the_tables_and_events_of_a_store_is_mentioned() -> None:
    nbtrack.set_experiment("digits")
    with nbtrack.start_run() as run:
        run.log_metric("loss", 1.0)
        run.set_tag("team", "nlp")
    with nbtrack.start_run(run_id=run.run_id):
        pass
    change_the_registry(open_store().registry)
    change_the_runs(open_store(), run.run_id)
    change_the_models(open_store(), run.run_id)
    documents = nbtrack.Tracker().documents
    fields: set[str] = set()
    for table in documents.tables():
        for document in documents.table(table):
            fields |= set(document)
            if table == "runs":
                fields |= set(document["metrics"]["loss"])
    lines = Path(nbtrack.get_tracking_uri(), "events.log").read_text().splitlines()
    for event in map(json.loads, lines):
        fields |= {*event, event["what"]}

    assert {"folds", "marks", "nan_count", "before", "run.resumed", "experiment.created"} <= fields
    assert {"model_size_bytes", "requirements", "facts"} <= fields
    assert {"archived", "location", "why", "registered_model.aliased", "model_version.staged"} <= fields
    assert {"measured", "deleted_with", "model_inputs", "logged_model.finalized"} <= fields
    assert not missing(sorted(fields), code(page("store")))


def change_the_runs(store: Store, run_id: str) -> None:
    """Make a change of each kind."""
    experiment_id = store.experiments.create("letters")
    for things, thing_id in ((store.runs, run_id), (store.experiments, experiment_id)):
        things.delete(thing_id)
        things.restore(thing_id)
        things.change_tags(thing_id, {"team": "cv"})
    store.runs.update(run_id, run_name="renamed")
    store.runs.update(run_id, status="SCHEDULED")
    store.experiments.rename(experiment_id, "renamed")
    store.changes.undo(why="a slip")


def change_the_models(store: Store, run_id: str) -> None:
    """Make a change of each kind."""
    models = store.logged_models
    model_id = models.create("0", "net", source_run_id=run_id, as_output=True, copy_from_run=True).model_id
    models.log_inputs(run_id, [model_id])
    models.set_tags(model_id, {"team": "nlp"})
    models.log_params(model_id, {"depth": "3"})
    models.finalize(model_id, "READY")
    models.delete(model_id)
    models.restore(model_id)


FACTS = VersionFacts({}, [], {"inputs": "[]"}, 1, ["sklearn"], ["numpy"], "first try")


def change_the_registry(registry: Registry) -> None:
    """Make a change of each kind."""
    for _ in range(2):
        registry.create_version("iris", "x", facts=FACTS, make_model=True, why="y")
    registry.rename_model("iris", "iris")
    registry.describe_model("iris", "kinds")
    registry.set_model_tags("iris", {"team": "nlp"})
    registry.set_alias("iris", "champion", 1)
    registry.describe_version("iris", 1, "first")
    registry.set_version_tags("iris", 1, {"team": "nlp"})
    registry.set_stage("iris", 1, "Production")
    registry.set_stage("iris", 2, "Production", archive_others=True)
    registry.delete_version("iris", 1)
    registry.delete_model("iris")
    registry.create_version("iris", "x", facts=FACTS, make_model=True)


def test_every_error_is_mentioned() -> None:
    from nbtrack.core import errors

    assert not missing([name for name in vars(errors) if name.endswith("Error")])


def test_the_listing_of_the_folders_is_the_folders() -> None:
    (listing,) = [
        block.text for block in blocks(PAGES["CONTRIBUTING.md"]) if block.text.startswith("nbtrack/")
    ]
    layers = re.findall(r"^  (\w+)/", listing.partition("docs/")[0], re.MULTILINE)
    tests = re.findall(r"^  (\w+)/", listing.partition("tests/")[2], re.MULTILINE)
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", PAGES["CONTRIBUTING.md"])
    in_folders = [path.relative_to(ROOT / "nbtrack") for path in (ROOT / "nbtrack").glob("*/**/*.py")]

    assert layers == sorted({path.parts[0] for path in in_folders})
    assert all((ROOT / "tests" / name).is_dir() for name in tests)
    assert named
    for name in named:
        assert list((ROOT / "nbtrack").rglob(name)), name


def test_the_commands_for_contributors_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {name for text in PAGES.values() for name in re.findall(r"\bmake ([a-z]+)", code(text))}

    assert {"setup", "test", "lint", "types", "bench"} <= told <= targets


# ---- what is mentioned, exists -------------------------------------------------------------------


def test_every_name_of_nbtrack_that_is_mentioned_exists() -> None:
    tags = [f".{value.partition('.')[2]}" for value in vars(system_tags).values() if isinstance(value, str)]
    for name, text in PAGES.items():
        for dotted in re.findall(r"(?<![\w./-])nbtrack((?:\.[A-Za-z_]\w*)+)", code(text)):
            found: object = nbtrack
            where = "nbtrack"
            if dotted in tags:
                continue
            for part in dotted.strip(".").split("."):
                where += f".{part}"
                if not hasattr(found, part):
                    import_module(where)
                found = getattr(found, part)
            assert found is not None, name


def test_what_comes_later_is_not_there_yet() -> None:
    later = dict(sections(page("mlflow")))["What comes later"]
    names = [span for row in later.splitlines() for span in re.findall(r"`(\w+)`", row)]

    assert len(names) > 5
    assert [name for name in names if hasattr(nbtrack, name)] == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_link_leads_somewhere(name: str) -> None:
    broken = []
    for target in links(PAGES[name]):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            broken.append(target)

    assert not broken


def test_every_page_is_in_the_index() -> None:
    told = {target.partition("#")[0] for target in links(page("index"))}

    assert {path.name for path in DOCS} - {"index.md"} <= told


# A page of figures begins with them.
@pytest.mark.parametrize("name", [path.stem for path in DOCS if path.stem != "peers"])
def test_a_page_begins_with_an_example_and_what_it_shows(name: str) -> None:
    first, *others = [block for block in blocks(page(name)) if "no-run" not in block.marks]

    assert first.language in ("python", "ipython")
    assert any("output" in block.marks for block in others[:2])
    assert prose(page(name))[: page(name).index("```")].count("\n## ") == 0


# ---- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_examples_of_a_page_run_and_show_what_it_says(name: str) -> None:
    # The README is read by people who do not know our marks.
    text = PAGES[name].replace("```\n\n```text\n", "```\n\n```text output\n")
    for shown in examples.run(text, name, Path.cwd()):
        assert shown.agree, (
            f"{name}, line {shown.said.line}, says\n\n{shown.said.text}\n"
            f"but what it shows is\n\n{shown.actual}\n"
            f"If that is right: python -m tests.docs.examples {name}"
        )


def test_few_examples_are_left_out() -> None:
    left_out = [block for text in PAGES.values() for block in blocks(text) if "no-run" in block.marks]

    assert not [block for block in left_out if block.language in ("python", "ipython")]
    assert len(left_out) <= 4


@pytest.mark.parametrize(
    ("said", "actual", "agree"),
    [
        ("a  b\n", "a b", True),
        ("took 2 ms", "took 14 ms", True),
        ("took 2 ms", "took 1.5 s", True),
        ("run " + "0" * 32, "run " + "f" * 32, True),
        ("───", "─", True),
        ("a … c", "a b\nb c", True),
        ("a", "a b", False),
        ("a … c", "a b", False),
        ("a.c", "abc", False),
        ("0.25", "0.5", False),
    ],
)
def test_outputs_agree_but_for_what_differs_each_time(said: str, actual: str, agree: bool) -> None:
    (block,) = blocks(f"```text output\n{said}\n```")

    assert examples.Shown(block, actual).agree is agree


def test_an_example_that_shows_something_else_is_found() -> None:
    text = "```python\nx = 1\n```\n\n```python\nprint(x)\n```\n\n```text output\n2\n```\n"

    (shown,) = examples.run(text, "page.md", Path.cwd())

    assert not shown.agree
    assert shown.actual == "1\n"


# ---- what must not be in any file ----------------------------------------------------------------


def versioned_files() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_text(errors="ignore")


_FOLDERS = "|".join(("root", "work", "tmp/w"))
_HOSTS = "|".join(("pypi", "npmjs", "pythonhosted", "artifactory", "nexus"))
_PRIVATE = re.compile(
    rf"(?<![\w.~}}\])-])/(?:{_FOLDERS})(?![\w-])|https?://[\w.-]*(?:{_HOSTS})|\bregistry\.[\w-]+\.\w|index-url"
)


def test_no_file_mentions_a_path_of_somebodys_machine_or_a_registry() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        f"{name}: {match.group()}"
        for name, text in versioned_files()
        if name != here
        for match in _PRIVATE.finditer(text)
    ]

    assert not found


@pytest.mark.parametrize(
    "text",
    ["cd /root", "'/work/main/x'", "file:///root/.nbtrack", "https://pypi.org/simple", "--index-url x"],
)
def test_a_path_of_somebodys_machine_is_noticed(text: str) -> None:
    assert _PRIVATE.search(text)


@pytest.mark.parametrize("text", ["tmp_path / 'work'", "a/work/b", "the root", "~/work", "/working"])
def test_other_paths_are_fine(text: str) -> None:
    assert not _PRIVATE.search(text)
