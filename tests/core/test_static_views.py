"""How records look without CSS, without scripts, and as text."""

import math
import re
from html.parser import HTMLParser

import pytest

from nbtrack.core import text_tables
from nbtrack.core.entities import Experiment, Run, RunData, RunInfo, RunList
from nbtrack.core.static_views import run_card, runs_table
from nbtrack.core.summaries import fold
from nbtrack.core.text_tables import age, duration, moment, number, sparkline, text_table, visible

EVIL = "<script>alert(1)</script>\x1b[31m$x$"


def make_run(
    run_id: str = "a" * 32, *, name: str = "swift-otter-1", status: str = "FINISHED", **data: object
) -> Run:
    info = RunInfo(
        run_id, name, "0", "me", status, 1_700_000_000_000, 1_700_000_005_000, "active", "file:///x"
    )
    return Run(info, RunData(**data))  # type: ignore[arg-type]


def with_metric(run_id: str, values: list[float], **params: str) -> Run:
    steps = list(range(len(values)))
    return make_run(
        run_id,
        name=f"run-{run_id}",
        metrics={"loss": values[-1]},
        params=params,
        summaries={"loss": fold(None, steps, steps, values)},
        sketches={"loss": tuple(values)},
    )


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


def test_a_card_says_in_words_what_a_run_holds() -> None:
    run = with_metric("b" * 32, [3.0, 2.0, 1.0], lr="0.1")

    view = run_card(run, code="loss = train()")

    for text in (view.text, _Tags(view.html).words):
        for word in ("run-", "FINISHED", "5.0 s", "lr", "0.1", "loss", "3 @ 0", "1 @ 2", "█▅▁"):
            assert word in text
    assert "loss = train()" in view.html


def test_html_needs_no_style_id_or_script() -> None:
    parsed = _Tags(run_card(with_metric("c" * 32, [1.0, 2.0]), code="x").html)

    assert parsed.names <= {
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "div",
        "p",
        "details",
        "summary",
        "pre",
        "span",
    }
    assert parsed.attributes <= {"scope"}


def test_names_and_values_stay_text() -> None:
    run = make_run(name=EVIL, params={EVIL: EVIL}, tags={EVIL: EVIL})

    for view in (run_card(run, code=EVIL), runs_table([run, make_run("d" * 32, params={EVIL: "other"})])):
        assert "script" not in _Tags(view.html).names
        assert "\x1b" not in view.text + view.html
        assert not re.search(r"\$[^<]*\$", view.html)


def test_params_that_differ_are_columns_and_the_others_stand_once_above() -> None:
    runs = [
        with_metric("e" * 32, [1.0], lr="0.1", model="tree"),
        with_metric("f" * 32, [2.0], lr="0.2", model="tree"),
    ]

    lines = runs_table(runs, best="f" * 32).text.splitlines()

    assert lines[0] == "same in all: model=tree"
    assert lines[1].split() == ["run", "status", "started", "took", "lr", "loss"]
    assert "★ best" in lines[4]
    assert "★" not in lines[3]


def test_nested_runs_stand_under_their_parents() -> None:
    parent, other = make_run("1" * 32, name="parent"), make_run("2" * 32, name="other")
    child = make_run("3" * 32, name="child", tags={"mlflow.parentRunId": "1" * 32})

    names = [
        line.split("  ")[0] for line in runs_table([child, other, parent], grouped=True).text.splitlines()[2:]
    ]

    assert names == ["other", "parent", "└ child"]


def test_runs_that_are_each_others_parents_are_still_shown() -> None:
    one = make_run("1" * 32, name="one", tags={"mlflow.parentRunId": "2" * 32})
    two = make_run("2" * 32, name="two", tags={"mlflow.parentRunId": "1" * 32})

    text = runs_table([one, two], grouped=True).text

    assert "one" in text
    assert "two" in text


def test_a_list_of_runs_and_an_experiment_draw_themselves() -> None:
    assert "No runs." in RunList()._repr_mimebundle_()["text/plain"]
    assert "swift-otter-1" in RunList([make_run()])._repr_mimebundle_()["text/html"]
    assert "digits" in Experiment("0", "digits", "")._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ""),
        ((1.0,), ""),
        ((0.0, 1.0), "▁█"),
        ((2.0, 2.0), "▁▁"),
        ((0.0, math.nan, math.inf, 1.0), "▁█"),
        (tuple(float(i) for i in range(160)), "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"),
    ],
)
def test_sparklines_fit_their_width(values: tuple[float, ...], expected: str) -> None:
    assert sparkline(values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.97368, "0.9737"),
        (0.000012, "1.2e-05"),
        (12000.0, "12,000"),
        (1234.567, "1,235"),
        (12.3456, "12.35"),
        (-0.0, "-0"),
        (0.0, "0"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_numbers_show_the_digits_that_matter(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (12, "12 ms"),
        (3400, "3.4 s"),
        (312_000, "5 min 12 s"),
        (7_500_000, "2 h 5 min"),
        (273_600_000, "3 d 4 h"),
        (-5, "0 ms"),
    ],
)
def test_durations(milliseconds: int, expected: str) -> None:
    assert duration(milliseconds) == expected


def test_ages_and_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tables, "time", lambda: 1_000_000.0)

    assert [age(1_000_000_000 - seconds * 1000) for seconds in (5, 300, 7200, 400_000)] == [
        "just now",
        "5 min ago",
        "2 h ago",
        "4 d ago",
    ]
    assert moment(10**18) == f"{10**18} ms"


def test_columns_line_up_whatever_the_script() -> None:
    table = text_table(["name", "n"], [["日本", "1"], ["a", "22"]], right=(1,))

    assert table.splitlines() == ["name   n", "────  ──", "日本   1", "a     22"]
    assert visible("a\x1b[0m\ud800") == "a\\x1b[0m\\ud800"
