"""`nbtrack models` and `nbtrack registry`: registered models and their versions, from a terminal."""

import json
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import nbtrack
from nbtrack import MlflowClient
from tests.test_cli import completions, in_terminal, lines, process, run

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Echo(nbtrack.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any) -> Any:
        return model_input


@pytest.fixture
def flowers() -> MlflowClient:
    """Two registered models, of which iris has three versions."""
    client = MlflowClient()
    client.create_registered_model("wine")
    client.create_registered_model("iris", {"team": "bio"}, "Three kinds.")
    for _ in range(3):
        client.create_model_version("iris", "s3://models/iris")
    client.set_registered_model_alias("iris", "champion", 2)
    client.transition_model_version_stage("iris", 3, "Production")
    return client


def refused(*words: str) -> str:
    """What a command that must fail says, in one line without a trace."""
    result = run(*words)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return result.stderr.removeprefix("Error: ").strip()


def events(name: str) -> list[tuple[str, str | None]]:
    """What was done to a registered model, and why."""
    return [(event.what, event.why) for event in nbtrack.history(name)]


# ---- looking -------------------------------------------------------------------------------------


def test_list_lists_models(flowers: MlflowClient) -> None:
    assert [line.split()[0] for line in lines("models", "list")[2:]] == ["iris", "wine"]
    found = json.loads(run("models", "list", "--json").output)
    assert [(each["name"], each["latest_versions"]) for each in found] == [
        ("iris", {"None": 2, "Production": 3}),
        ("wine", {}),
    ]


def test_show_shows_a_model_with_its_versions(flowers: MlflowClient) -> None:
    shown = lines("models", "show", "iris")

    assert shown[0] == "iris · highest version 3"
    assert any("@champion" in line for line in shown)
    whole = json.loads(run("models", "show", "iris", "--json").output)
    assert (whole["description"], whole["tags"]) == ("Three kinds.", {"team": "bio"})
    assert [each["version"] for each in whole["versions"]] == [3, 2, 1]


def test_where_no_model_is_registered_it_says_how(tmp_path: Path) -> None:
    assert lines("models", "list")[-1] == "A run's model becomes one by: nbtrack models register RUN NAME"


def test_versions_are_compared(flowers: MlflowClient) -> None:
    flowers.create_model_version("wine", "x", tags={"team": "nlp"})
    flowers.set_model_version_tag("iris", 2, "checked", "yes")
    shown = lines("models", "compare", "iris", "Production", "champion", "v1")

    assert shown[0].split("  ")[0] == "iris"
    assert [each.strip() for each in shown[0].split("  ") if each][1:] == [
        "version 3",
        "version 2",
        "version 1",
    ]
    assert any(line.split() == ["checked", "yes"] for line in shown)
    for version in (1, 2):
        flowers.set_model_version_tag("iris", version, "same", "everywhere")
    assert "everywhere" not in run("models", "compare", "iris", "1", "2").output
    assert "everywhere" in run("models", "compare", "iris", "1", "2", "--all").output
    whole = json.loads(run("models", "compare", "iris/2", "wine/1", "--json").output)
    assert [(each["name"], each["version"]) for each in whole["versions"]] == [("iris", 2), ("wine", 1)]
    assert refused("models", "compare", "iris", "2", "@champion") == (
        "A comparison takes two different versions of 'iris' or more. It has 3, 2, 1; @champion."
    )
    assert "has no version '9'" in refused("models", "compare", "iris", "2", "9")


def test_registry_is_short_for_list_and_show(flowers: MlflowClient) -> None:
    for short, whole in (
        (["registry"], ["models", "list"]),
        (["registry", "iris"], ["models", "show", "iris"]),
    ):
        assert lines(*short) == lines(*whole)
        assert lines(*short, "--json") == lines(*whole, "--json")
    assert refused("registry", "iris@champion").endswith("nbtrack models show iris @champion")


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("iris 2", 2),
        ("iris v2", 2),
        ("iris @champion", 2),
        ("iris champion", 2),
        ("iris production", 3),
        ("iris Production", 3),
        ("iris latest", 3),
        ("iris none", 2),
        ("iris/1", 1),
        ("iris@champion", 2),
        ("models:/iris/1", 1),
        ("models:/iris@champion", 2),
        ("iris/Production", 3),
        ("iris@home/latest", 2),
        ("iris@home @Production", 1),
        ("iris@home Production", 2),
        ("iris@home@Production", 1),
    ],
)
def test_a_version_is_meant_by_all_that_names_it(flowers: MlflowClient, words: str, version: int) -> None:
    flowers.create_registered_model("iris@home")
    for _ in range(2):
        flowers.create_model_version("iris@home", "x")
    flowers.set_registered_model_alias("iris@home", "Production", 1)
    flowers.transition_model_version_stage("iris@home", 2, "Production")

    shown = json.loads(run("models", "show", *words.split(), "--json").output)

    assert shown["version"] == version


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("irsi", "No registered model 'irsi'. Did you mean 'iris'?"),
        ("iris 7", "Registered model 'iris' has no version '7'. It has 3, 2, 1."),
        ("iris @chapion", "has no alias 'chapion'. Did you mean 'champion'?"),
        ("iris chapion", "has no version 'chapion'. Did you mean 'champion'? It has 3, 2, 1; @champion."),
        ("iris Prodktion", "has no version 'Prodktion'. Did you mean 'Production'?"),
        ("iris staging", "has no version in the stage 'Staging'. There are"),
        ("iris/3 2", "Two versions are named, in 'iris/3' and by '2'."),
        ("wine latest", "It has none yet."),
        ("wine best", "Registered model 'wine' has no version 'best'. It has none yet."),
        ("no/such/thing", "No registered model 'no'."),
    ],
)
def test_what_is_not_there_is_said_with_what_is(flowers: MlflowClient, words: str, said: str) -> None:
    assert said in refused("models", "show", *words.split())


def test_an_alias_that_reads_like_a_stage_is_asked_about(flowers: MlflowClient) -> None:
    flowers.set_registered_model_alias("iris", "production", 1)

    assert "write @production for the alias, and Production for" in refused(
        "models", "show", "iris", "production"
    )
    flowers.set_registered_model_alias("iris", "production", 3)
    assert lines("models", "show", "iris", "production")[0].startswith("iris · version 3 ")


def test_models_and_versions_are_filtered_and_ordered(flowers: MlflowClient) -> None:
    def numbers(*options: str) -> list[int]:
        whole = json.loads(run("models", "show", "iris", "--json", *options).output)
        return [each["version"] for each in whole["versions"]]

    assert numbers() == numbers("-o", "version_number") == [3, 2, 1]
    assert numbers("-o", "version_number asc") == [1, 2, 3]
    assert numbers("-f", "version_number < 3 or stage = 'Production'") == [3, 2, 1]
    assert numbers("-f", "stage = 'production'") == [3]
    (found,) = json.loads(run("models", "list", "-f", "tags.team = 'bio'", "--json").output)
    assert found["name"] == "iris"
    assert "No registered models." in run("models", "list", "-f", "name = 'none'").output
    assert run("models", "show", "iris", "3", "-f", "version > 1").exit_code == 2
    flowers.create_registered_model("it's")
    flowers.create_model_version("it's", "x")
    assert "it's" in run("models", "show", "it's").output


def test_many_are_cut_and_say_so(flowers: MlflowClient) -> None:
    shown = lines("models", "show", "iris", "-n", "2")
    whole = lines("models", "show", "iris")

    assert shown[-1] == "There are more than these 2; choose how many with -n."
    assert sum("@champion" in line for line in shown) == 2  # what is in use stands above as well
    assert sum("@champion" in line for line in whole) == 1
    assert lines("models", "list", "-n", "1")[-1] == "There are more than these 1; choose how many with -n."
    assert len(json.loads(run("models", "show", "iris", "-n", "2", "--json").output)["versions"]) == 2


def test_what_is_shown_fits_a_terminal(flowers: MlflowClient) -> None:
    with nbtrack.start_run(run_name="a run with quite a long name") as active:
        active.log_metrics({f"validation_accuracy_{number}": number / 3 for number in range(4)})
        active.log_text("flavors: {}", "clf/MLmodel")
    nbtrack.register_model(f"runs:/{active.run_id}/clf", "iris")
    flowers.update_model_version("iris", 4, "words " * 30)
    flowers.update_registered_model("iris", "words " * 30)

    for words in (["show", "iris"], ["show", "iris", "4"], ["list"], ["show", "iris", "-n", "1"]):
        status, shown = in_terminal("models", *words)

        assert status == 0, shown
        assert max(map(len, shown.splitlines())) <= 70, shown
        assert "words words" in shown or "left out: " in shown
    assert "left out: " in in_terminal("models", "show", "iris")[1]
    assert "left out" not in run("models", "show", "iris").output


# ---- registering and changing --------------------------------------------------------------------


@pytest.fixture
def trained() -> str:
    """The id of a run with one model; another run has two."""
    with nbtrack.start_run(run_name="two"):
        nbtrack.pyfunc.log_model(name="small", python_model=Echo())
        nbtrack.pyfunc.log_model(name="large", python_model=Echo())
    with nbtrack.start_run(run_name="base line") as active:
        nbtrack.pyfunc.log_model(name="clf", python_model=Echo())
    return active.run_id


def test_a_model_is_registered_by_what_its_run_is_called(trained: str) -> None:
    said = run("models", "register", "base line", "echo", "-t", "a=b=c", "--why", "first").stdout
    for model in (trained[:6], f"{trained}/clf", "base line/clf", f"runs:/{trained}/clf", "models:/echo/1"):
        lines("models", "register", model, "echo")

    assert said == "It loads as models:/echo/1. Undo: nbtrack models delete echo 1\n"
    versions = nbtrack.search_model_versions(filter_string="name = 'echo'", order_by=["version_number"])
    assert [each.version for each in versions] == [1, 2, 3, 4, 5, 6]
    assert {each.run_id for each in versions} == {trained}
    assert versions[0].tags == {"a": "b=c"}
    assert events("echo")[:2] == [("registered_model.created", "first"), ("model_version.created", "first")]


def test_a_model_on_disk_is_registered_although_a_run_is_called_so() -> None:
    nbtrack.pyfunc.save_model("folder", python_model=Echo())
    with nbtrack.start_run(run_name="folder"):
        pass

    registered = json.loads(run("models", "register", "folder", "echo", "--json").stdout)

    assert registered["version"] == 1
    assert registered["source"] == (Path.cwd() / "folder").as_uri()


def test_what_cannot_be_registered_is_said_before_anything_is_made(trained: str) -> None:
    with nbtrack.start_run(run_name="bare"):
        pass

    several = refused("models", "register", "two", "echo")
    assert several == "The run 'two' has 2 models: two/large, two/small. Give one of them."
    assert refused("models", "register", "bare", "echo").startswith("The run 'bare' has no model")
    assert "Did you mean 'base line'?" in refused("models", "register", "base lin", "echo")
    assert "has the models 'clf'" in refused("models", "register", "base line/cfl", "echo")
    assert "KEY=VALUE, got 'a'" in refused("models", "register", "base line", "echo", "-t", "a")
    assert "No registered models." in run("models", "list").output


def test_an_alias_is_set_moved_taken_away_and_listed(flowers: MlflowClient) -> None:
    said = [
        *lines("models", "alias", "iris", "champion", "3", "--why", "better"),
        *lines("models", "alias", "iris", "@old", "@champion"),
        *lines("models", "alias", "iris", "--remove", "old"),
    ]

    assert said == [
        "@champion of 'iris' names version 3 now, before: 2. Undo: nbtrack models alias iris champion 2",
        "@old of 'iris' names version 3 now. Undo: nbtrack models alias iris --remove old",
        "'iris' has no @old any more. Undo: nbtrack models alias iris old 3",
    ]
    assert ("registered_model.aliased", "better") in events("iris")
    assert lines("models", "alias", "iris")[2:] == ["@champion        3"]
    assert json.loads(run("models", "alias", "iris", "--json").output) == {"champion": 3}
    assert lines("models", "alias", "wine") == ["'wine' has no aliases."]
    assert "Did you mean 'champion'?" in refused("models", "alias", "iris", "--remove", "champio")
    assert "taken" in refused("models", "alias", "iris", "latest", "1")
    assert run("models", "alias", "iris", "champion").exit_code == 2


def test_tags_of_models_and_versions_are_set_taken_off_and_shown(flowers: MlflowClient) -> None:
    lines("models", "tag", "iris", "team=nlp", "a=b c")
    lines("models", "tag", "iris", "@champion", "checked=yes", "--why", "seen")
    said = lines("models", "tag", "iris/2", "by=ada", "--remove", "checked")

    assert said == [
        "version 2 of 'iris': by=ada, without checked. "
        "Undo: nbtrack models tag iris 2 checked=yes --remove by"
    ]
    assert json.loads(run("models", "tag", "iris", "--json").output) == {"team": "nlp", "a": "b c"}
    assert lines("models", "tag", "iris", "2")[2:] == ["by   ada"]
    assert ("model_version.tagged", "seen") in events("iris")
    assert "Did you mean 'team'?" in refused("models", "tag", "iris", "--remove", "tem")
    assert "KEY=VALUE, got 'b'" in refused("models", "tag", "iris", "a=1", "b")
    assert json.loads(run("models", "tag", "iris", "--json").output)["a"] == "b c"


def test_a_description_is_written_and_shown(flowers: MlflowClient) -> None:
    said = lines("models", "note", "iris", "Kinds of *iris*.")
    lines("models", "note", "iris", "@champion", "Good.")
    Path("note.md").write_text("From a file.\n")
    run("models", "note", "iris", "3", "-", input=Path("note.md").read_text())

    assert said == ["Wrote the description of 'iris'. Undo: nbtrack models note iris 'Three kinds.'"]
    assert lines("models", "note", "iris", "--show") == ["Kinds of *iris*."]
    assert lines("models", "note", "iris", "2", "--show") == ["Good."]
    assert flowers.get_model_version("iris", 3).description == "From a file."
    assert lines("models", "note", "iris", "2", "Good.") == [
        "The description of version 2 of 'iris' is as it was."
    ]
    assert lines("models", "note", "iris", "")[0].startswith("Removed the description of 'iris'.")
    assert run("models", "note", "iris", "1").exit_code == 2  # there is no terminal for an editor
    assert run("models", "note", "iris", "1", "two", "words").exit_code == 2


def test_a_description_is_written_in_the_editor(flowers: MlflowClient, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'From the editor' > \"$1\"\n")
    editor.chmod(0o755)

    environment = {"EDITOR": str(editor), "VISUAL": str(editor)}
    status, shown = in_terminal("models", "note", "iris", "production", environment=environment)

    assert status == 0, shown
    assert flowers.get_model_version("iris", 3).description == "From the editor"


def test_a_model_is_renamed_and_a_version_copied(flowers: MlflowClient) -> None:
    assert lines("models", "rename", "iris", "blue flag") == [
        "The registered model 'iris' is called 'blue flag' now. Undo: nbtrack models rename 'blue flag' iris"
    ]
    made = json.loads(run("models", "copy", "blue flag", "@champion", "live", "--json").stdout)

    assert (made["name"], made["version"], made["source"]) == ("live", 1, "models:/blue flag/2")
    assert "exists already" in refused("models", "rename", "live", "wine")
    assert run("models", "copy", "live/1", "live").stdout == (
        "It loads as models:/live/2. Undo: nbtrack models delete live 2\n"
    )


def test_deleting_takes_a_yes_where_nobody_can_be_asked(flowers: MlflowClient) -> None:
    done = process("models", "delete", "iris", "1", stdin=None, input="")

    assert done.returncode == 2
    assert "add --yes" in done.stderr
    assert lines("models", "delete", "iris", "1", "champion", "-y", "--why", "old")[0] == (
        "Deleted version 1 of 'iris'. Undo: nbtrack models undo iris"
    )
    assert [each.version for each in nbtrack.search_model_versions(filter_string="name = 'iris'")] == [3]
    assert lines("models", "delete", "iris", "--yes") == [
        "Deleted the registered model 'iris' with 1 version. Undo: nbtrack models undo iris"
    ]
    assert [each.name for each in nbtrack.search_registered_models()] == ["wine"]


@pytest.mark.parametrize(("keys", "left"), [("y\n", [2, 1]), ("n\n", [3, 2, 1])])
def test_a_terminal_is_asked_before_a_version_is_deleted(
    flowers: MlflowClient, keys: str, left: list[int]
) -> None:
    status, shown = in_terminal("models", "delete", "iris", "3", keys=keys)

    assert status == 0
    assert "Delete version 3 of 'iris'? (3 is Production) [y/N]" in shown
    found = flowers.search_model_versions("name = 'iris'", order_by=["version_number DESC"])
    assert [each.version for each in found] == left


def test_nothing_is_deleted_when_one_of_the_versions_is_not_there(flowers: MlflowClient) -> None:
    refused("models", "delete", "iris", "1", "9", "--yes")

    assert len(nbtrack.search_model_versions(filter_string="name = 'iris'")) == 3


def test_the_help_of_models_lists_what_is_used_most_at_first() -> None:
    shown = run("models", "--help").output
    commands = [line.split()[0] for line in shown.partition("Commands:\n")[2].split("\n\n")[0].splitlines()]

    assert commands[:3] == ["list", "show", "register"]
    assert "..." not in shown.partition("Commands:")[2]  # each fits into its line
    assert "models promote iris latest Production --if-better accuracy\n" in shown
    assert "Did you mean 'predict'?" in run("models", "predicts").output
    assert "Did you mean 'models promote'?" in run("promote", "iris").output


# ---- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["models", "reg"], ["register"]),
        (["models", "show", "i"], ["iris"]),
        (["models", "show", "iris", ""], ["3", "2", "1", "@champion", "Production"]),
        (["models", "show", "iris", "@"], ["@champion"]),
        (["models", "show", "iris", "prod"], ["Production"]),
        (["models", "alias", "iris", "ch"], ["champion"]),
        (["models", "alias", "iris", "champion", "@"], ["@champion"]),
        (["models", "alias", "iris", "--remove", ""], ["champion"]),
        (["models", "tag", "iris", "2"], ["2"]),
        (["models", "note", "iris", "2", ""], []),
        (["models", "delete", "iris", "1", "2"], ["2"]),
        (["models", "show", "nope", ""], []),
        (["promote", "iris", "Prod"], []),
        (["registry", "w"], ["wine"]),
    ],
)
def test_the_shell_completes_models_and_versions(
    flowers: MlflowClient, words: list[str], expected: list[str]
) -> None:
    assert completions(*words) == expected


def test_a_name_is_completed_among_many(flowers: MlflowClient) -> None:
    for number in range(60):
        flowers.create_registered_model(f"aster {number}")

    assert completions("models", "show", "wi") == ["wine"]
