"""The `%%track` line: found where IPython finds it, split by its own rules, never in the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.ui.cells.track_line import TrackOptions, _Parser, help_text, parse_options, track_line, transform


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("%%track", ""),
        ("%%track   a  -p x=1  \n1", "a  -p x=1"),
        ("%%track\ta\n1", "a"),
        ("\n\n  \n%%track a\n1", "a"),
        ("    %%track a\n    1", "a"),
        (">>> %%track a\n>>> 1", "a"),
        ("In [3]: %%track a\n   ...: 1", "a"),
        ("%%time\n%%track a\n1", "a"),
        ("%%capture out --no-stderr\n\n%%track a\n1", "a"),
        ("%%prun -q\n%%time\n%%track a\n1", "a"),
        ("%%timeit -n1\n%%track a\n1", "a"),
        ("%%track a\n%%time\n1", "a"),
        ("%%trackers\n1", None),
        ("%%track?", None),
        ("1\n%%track a", None),
        ("# %%track a\n1", None),
        ("%%bash\n%%track a", None),
        ("%%timer\n%%track a", None),
        ("'''\n%%track a\n'''", None),
        ("%track a", None),
        ("", None),
        ("\n \n", None),
    ],
)
def test_a_cell_is_tracked_where_ipython_sees_a_cell_magic(cell: str, options: str | None) -> None:
    assert track_line(cell) == options


def test_the_line_becomes_a_comment_so_that_the_others_keep_their_numbers() -> None:
    assert transform(["%%track a -p x=1\n", "\n", "1/0\n"]) == ["# %%track a -p x=1\n", "\n", "1/0\n"]


def test_a_line_further_down_that_looks_like_a_cell_magic_stays_where_it_is() -> None:
    rest = ["text = '''\n", "%%time\n", "'''\n"]

    assert transform(["%%track a\n", *rest]) == ["# %%track a\n", *rest]


@pytest.mark.parametrize("blank", [[], ["\n", "  \n"]])
def test_another_cell_magic_moves_to_the_top(blank: list[str]) -> None:
    assert transform(["%%track a\n", *blank, "%%time\n", "1\n"]) == ["%%time\n", "1\n"]


@pytest.mark.parametrize(
    "line", ["%%track?\n", "%%track --help\n", "%%track --bogus\n", "%%track it's\n", "%%tracks\n", "x = 1\n"]
)
def test_what_is_no_good_track_line_is_left_to_the_magic(line: str) -> None:
    assert transform([line, "1\n"]) == [line, "1\n"]
    assert "".join(transform([line])).strip() == line.strip()


def test_a_terminal_waits_for_the_rest_of_the_cell() -> None:
    manager = TransformerManager()
    manager.line_transforms.insert(0, transform)

    assert manager.check_complete("%%track a")[0] == "incomplete"
    assert manager.check_complete("%%track a\nx = 1")[0] == "incomplete"
    assert manager.check_complete("%%track a\nx = 1\n\n")[0] == "complete"


@given(st.text())
def test_no_line_whatever_it_holds_breaks_the_transformation(options: str) -> None:
    line = f"%%track {options}\n"
    cell = line.splitlines(keepends=True)

    assert transform(transform(cell)) == transform(cell)
    assert track_line("".join(cell)) is not None
    transform(options.splitlines(keepends=True))
    track_line(options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", TrackOptions()),
        ("my first run", TrackOptions(name="my first run")),
        ("'my  run'", TrackOptions(name="my  run")),
        ("a -p x=1 b", TrackOptions(name="a b", params=(("x", "1"),))),
        ("-p x=1 -p y=-1e-3 a", TrackOptions(name="a", params=(("x", "1"), ("y", "-1e-3")))),
        ("-e digits -t team=nlp", TrackOptions(experiment="digits", tags=(("team", "nlp"),))),
        ("--experiment='a b' --quiet --nested", TrackOptions(experiment="a b", quiet=True, nested=True)),
        ("-p 'prompt=hello world'", TrackOptions(params=(("prompt", "hello world"),))),
        ('-p prompt="it\'s" -p e=', TrackOptions(params=(("prompt", "it's"), ("e", "")))),
        ("-p a=b=c", TrackOptions(params=(("a", "b=c"),))),
        (r"-p path=C:\data\new", TrackOptions(params=(("path", r"C:\data\new"),))),
        ("-p 日本=é -t ü=🦦", TrackOptions(params=(("日本", "é"),), tags=(("ü", "🦦"),))),
        ("--resume abc", TrackOptions(resume="abc")),
        ("run #3", TrackOptions(name="run #3")),
        ("-h --bogus", TrackOptions(help=True)),
        ("a --help", TrackOptions(help=True)),
    ],
)
def test_options(options: str, expected: TrackOptions) -> None:
    assert parse_options(options) == expected


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--bogus", "unrecognized arguments: --bogus"),
        ("--exp x", "unrecognized arguments: --exp"),
        ("-p", "-p/--param: expected one argument"),
        ("-p lr 0.1", "-p takes KEY=VALUE, got lr"),
        ("-t =x", "-t takes KEY=VALUE, got =x"),
        ("it's", "a quote ' is not closed"),
        ("--nested=3", "--nested: ignored explicit argument"),
        ("--resume x -e y", "--resume goes on with a run where it is"),
        ("--resume x --nested", "--resume goes on with a run where it is"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_the_usage(options: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_options(options)

    message = str(caught.value)
    assert message.startswith("%%track: ")
    assert complaint in message
    assert "Usage: %%track [NAME] [-e EXPERIMENT]" in message
    assert "\n" not in message


def test_values_are_filled_in_one_by_one() -> None:
    known = {"$name": "it's -p one", "{d['a b']}": "x=1 y", "{ n + 1 }": "2", "{ {'a b': 3}['a b'] }": "3"}

    def expand(text: str) -> str:
        for variable, value in known.items():
            text = text.replace(variable, value)
        return text

    options = parse_options(
        "$name -p v={d['a b']} -t 'raw=$name' -e \"exp $name\" -p k={ n + 1 } -p m={ {'a b': 3}['a b'] }",
        expand,
    )

    assert options == TrackOptions(
        name="it's -p one",
        experiment="exp it's -p one",
        params=(("v", "x=1 y"), ("k", "2"), ("m", "3")),
        tags=(("raw", "$name"),),
    )


def test_the_help_shows_every_option_and_an_example() -> None:
    text = help_text()

    for option in _Parser()._option_string_actions:
        assert f" {option}" in text
    assert "\n  NAME " in text
    assert '%%track "first try" -p lr=0.1 -t team=nlp' in text
    assert max(map(len, text.splitlines())) <= 110
