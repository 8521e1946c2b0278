"""How records look without CSS, without scripts, and as text."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nbtrack.core import static_views, text_tables
from nbtrack.core.datasets import CONTEXT, Dataset, DatasetInput, InputTag, RunInputs
from nbtrack.core.entities import Experiment, Run, RunData, RunInfo, RunList
from nbtrack.core.static_views import run_card, runs_table
from nbtrack.core.summaries import fold
from nbtrack.core.text_tables import age, duration, moment, number, sparkline, text_table, text_width, visible

EVIL = "<script>alert(1)</script>\x1b[31m$x$"


def make_run(
    run_id: str = "a" * 32, *, name: str = "swift-otter-1", status: str = "FINISHED", **data: object
) -> Run:
    info = RunInfo(
        run_id, "0", "me", status, 1_700_000_000_000, 1_700_000_005_000, "active", "file:///x", name
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
        for word in ("✓ FINISHED run-", "5.0 s", "lr", "0.1", "loss", "3 @ 0", "1 @ 2", "█▅▁", "b" * 32):
            assert word in text
    assert "loss = train()" in view.html


def test_a_card_as_text_is_one_aligned_column_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_views, "moment", lambda timestamp: "2026-11-21 14:03:59")
    run = with_metric("b" * 32, [3.0, 2.0, 1.0], lr="0.1", model="tree")

    assert run_card(run).text.splitlines() == [
        f"✓ FINISHED run-{'b' * 32} · 5.0 s",
        "",
        "  param  value",
        "  ─────  ─────",
        "  lr     0.1",
        "  model  tree",
        "",
        "  metric  last  min @ step  max @ step  points  curve",
        "  ──────  ────  ──────────  ──────────  ──────  ─────",
        "  loss       1       1 @ 2       3 @ 0       3  █▅▁",
        "",
        f"  run id {'b' * 32} · started 2026-11-21 14:03:59",
    ]


def test_metrics_of_a_single_point_are_just_their_values() -> None:
    lines = run_card(with_metric("b" * 32, [0.97368])).text.splitlines()

    assert lines[2:5] == ["  metric   value", "  ──────  ──────", "  loss    0.9737"]


def test_a_failed_run_shows_its_error_and_one_that_runs_how_long_so_far() -> None:
    failed = run_card(make_run(status="FAILED", tags={"nbtrack.error": "KeyError: 'x'"}))
    running = run_card(Run(replace(make_run().info, status="RUNNING", end_time=None), RunData()))

    assert failed.text.splitlines()[1] == "  KeyError: 'x'"
    assert "KeyError: &#x27;x&#x27;" in failed.html
    assert "so far" in running.text
    assert "▶ RUNNING" in running.html


def test_a_card_shows_runs_started_inside_and_how_many_more() -> None:
    children = [with_metric(letter * 32, [1.0], lr=letter) for letter in "cd"]

    view = run_card(make_run(), nested=children, nested_count=7)

    for text in (view.text, _Tags(view.html).words):
        for word in (f"run-{'c' * 32}", f"run-{'d' * 32}", "lr", "2 of 7 nested runs"):
            assert word in text


def test_a_card_stays_small_whatever_the_run_holds() -> None:
    keys = [f"key-{number}" for number in range(1000)]
    summary = fold(None, [0], [0], [1.0])
    run = make_run(params=dict.fromkeys(keys, "x" * 10_000), summaries=dict.fromkeys(keys, summary))

    view = run_card(run, code="line\n" * 100_000)

    assert len(view.html) < 40_000
    assert "and 960 params more" in view.text
    assert "and 960 metrics more" in view.html
    assert "100001 lines in all; the run keeps the whole code" in view.html


def test_html_needs_no_style_id_or_script() -> None:
    run = with_metric("c" * 32, [1.0, 2.0])
    parsed = _Tags(run_card(run, code="x", nested=[run]).html)

    assert parsed.names <= {
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "small",
        "div",
        "p",
        "details",
        "summary",
        "pre",
        "span",
    }
    assert parsed.attributes <= {"scope", "style"}


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
    assert lines[1].split() == ["run", "status", "loss", "lr", "took", "started"]
    assert "★ best" in lines[4]
    assert "★" not in lines[3]


def test_a_table_that_is_kept_says_when_and_one_that_is_not_how_long_ago() -> None:
    started = with_metric("e" * 32, [1.0])

    assert runs_table([started]).text.split()[-2:] == moment(started.info.start_time)[:16].split()
    assert runs_table([started], ages=True).text.endswith("d ago")


def test_columns_that_do_not_fit_are_named_the_least_important_first_to_go() -> None:
    runs = [
        make_run(
            run_id * 32,
            metrics=dict.fromkeys(("loss", "accuracy", "recall"), float(run_id)),
            sketches={"loss": (1.0, 2.0, 3.0)},
            params={"lr": run_id, "depth": run_id},
        )
        for run_id in "12"
    ]
    all_columns = ["run", "status", "loss", "accuracy", "recall", "lr", "depth", "took", "started"]
    leaving = ["started", "took", "recall", "depth", "lr", "accuracy"]

    for width in range(140, 0, -1):
        table, _, note = runs_table(runs, width=width).text.partition("\nleft out: ")
        left_out = note.split(", ") if note else []
        assert sorted(left_out) == sorted(leaving[: len(left_out)])
        assert table.splitlines()[0].split() == [name for name in all_columns if name not in left_out]
        assert max(map(text_width, table.splitlines())) <= width or left_out == [
            name for name in all_columns if name in leaving
        ]
        assert "▁▅█" in table
    assert "left out" not in runs_table(runs, width=None).text
    assert "left out" not in runs_table(runs, width=10).html


def test_params_and_metrics_beyond_the_first_are_named() -> None:
    params = [{f"param-{number}": f"{number}{run}" for number in range(20)} for run in range(2)]
    metrics = dict.fromkeys((f"metric-{number}" for number in range(7)), 1.0)
    runs = [make_run(f"{run}" * 32, params=params[run], metrics=metrics) for run in range(2)]

    view = runs_table(runs, width=1000)

    note = "left out: metric-5, metric-6, param-8, param-9, param-10, param-11, param-12, param-13 and 6 more"
    assert note in view.text
    assert note in view.html


def test_without_a_width_nothing_is_left_out_or_cut() -> None:
    shared = {f"same-{number}": "s" * 50 for number in range(12)}
    differing = [{f"{'k' * 30}-{number}": f"{run}" * 50 for number in range(20)} for run in range(2)]
    metrics = dict.fromkeys((f"metric-{number}" for number in range(7)), 1.0)
    runs = [
        make_run(f"{run}" * 32, name=f"{run}" * 500, params=differing[run] | shared, metrics=metrics)
        for run in range(2)
    ]

    whole, cut = runs_table(runs, width=None).text, runs_table(runs).text

    assert "…" not in whole
    assert "left out" not in whole
    assert whole.startswith("same in all: " + ", ".join(f"{key}={value}" for key, value in shared.items()))
    for expected in ("1" * 500, "metric-6", "k" * 30 + "-19"):
        assert expected in whole
    assert max(map(text_width, cut.splitlines())) < 400


def test_values_of_a_metric_stand_right_above_each_other() -> None:
    runs = [make_run("1" * 32, metrics={"n": 5.0}), make_run("2" * 32, metrics={"n": 12_000.0})]

    lines = runs_table(runs).text.splitlines()[2:]

    assert lines[0].index("5") == lines[1].index("12,000") + len("12,000") - 1


def test_nested_runs_stand_under_their_parents() -> None:
    parent, other = make_run("1" * 32, name="parent"), make_run("2" * 32, name="other")
    child = make_run("3" * 32, name="child", tags={"mlflow.parentRunId": "1" * 32})

    names = [
        line.split("  ")[0] for line in runs_table([child, other, parent], grouped=True).text.splitlines()[2:]
    ]

    assert names == ["other", "parent", "└ child"]


def test_a_branch_is_drawn_only_below_its_parent() -> None:
    parent = make_run("1" * 32, name="parent")
    child = make_run("3" * 32, name="child", tags={"mlflow.parentRunId": "1" * 32})

    for table in (runs_table([child, parent]), runs_table([child], grouped=True)):
        assert "└" not in table.text
        assert "└" not in table.html


def test_runs_that_are_each_others_parents_are_still_shown() -> None:
    one = make_run("1" * 32, name="one", tags={"mlflow.parentRunId": "2" * 32})
    two = make_run("2" * 32, name="two", tags={"mlflow.parentRunId": "1" * 32})

    text = runs_table([one, two], grouped=True).text

    assert "one" in text
    assert "two" in text


def test_a_list_of_runs_and_an_experiment_draw_themselves() -> None:
    assert "No runs." in RunList()._repr_mimebundle_()["text/plain"]
    assert "swift-otter-1" in RunList([make_run()])._repr_mimebundle_()["text/html"]


def test_a_terminal_shows_a_list_of_runs_as_a_table() -> None:
    from IPython.core.formatters import DisplayFormatter

    shown, _ = DisplayFormatter().format(RunList([make_run()]))

    assert shown["text/plain"].startswith("run ")
    assert "─" in shown["text/plain"]
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


def test_a_card_names_the_data_in_one_line() -> None:
    table = Dataset("iris", "0a1b2c3d", "local", "{}", None, '{"num_rows": 1500, "num_elements": 6000}')
    array = Dataset(EVIL, "ffffffff", "code", "{}", None, '{"features_shape": [20, 4]}')
    bare = Dataset("bare", "12345678", "s3", "{}", None, "no JSON")
    inputs = RunInputs(
        (DatasetInput(table, (InputTag(CONTEXT, "train"),)), DatasetInput(array), DatasetInput(bare))
    )

    view = run_card(replace(make_run(), inputs=inputs))

    (line,) = [line for line in view.text.split("\n") if line.startswith("  data: ")]
    assert line.startswith("  data: iris 0a1b2c3d (train, 1,500 rows), <script>")
    assert line.endswith("ffffffff (20 rows), bare 12345678")
    assert "iris 0a1b2c3d (train, 1,500 rows)" in _Tags(view.html).words
    assert "script" not in _Tags(view.html).names
    assert "data:" not in run_card(make_run()).text


CODE_TAGS = {
    "mlflow.source.git.commit": "4622e5a65ea6b5c8e78b160fed962fffc06fcb62",
    "mlflow.source.git.branch": "main",
    "nbtrack.python_version": "3.13.1",
}


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ({}, "commit 4622e5a on main · Python 3.13.1"),
        ({"mlflow.source.git.dirty": "false"}, "commit 4622e5a on main · Python 3.13.1"),
        (
            {"mlflow.source.git.dirty": "true", "nbtrack.git.changed_files": "1"},
            "commit 4622e5a on main, 1 file changed · Python 3.13.1",
        ),
        (
            {"mlflow.source.git.dirty": "true", "nbtrack.git.changed_files": "12"},
            "commit 4622e5a on main, 12 files changed · Python 3.13.1",
        ),
        ({"mlflow.source.git.dirty": "true"}, "commit 4622e5a on main, some files changed · Python 3.13.1"),
    ],
)
def test_a_card_shows_the_code_of_a_run(tags: dict[str, str], line: str) -> None:
    view = run_card(make_run(tags={**CODE_TAGS, **tags}))

    assert view.text.splitlines()[-1].strip() == line
    assert line in _Tags(view.html).words


def test_a_card_without_a_commit_has_no_line_for_it() -> None:
    assert "Python" not in run_card(make_run(tags={"nbtrack.python_version": "3.13.1"})).text


def test_what_stands_in_the_tags_of_a_commit_is_only_text() -> None:
    view = run_card(make_run(tags={"mlflow.source.git.commit": EVIL, "mlflow.source.git.branch": EVIL}))

    assert "script" not in _Tags(view.html).names
    assert "\x1b" not in view.text


def test_how_the_machine_was_is_one_line_of_the_card_and_no_column_of_a_table() -> None:
    keys = ["system/cpu_utilization_percentage", "loss", *(f"system/gpu_{number}" for number in range(6))]
    summaries = {key: fold(None, [0, 1], [0, 1], [2.0, 1.0]) for key in keys}
    run = make_run(metrics=dict.fromkeys(keys, 1.0), summaries=summaries)

    card, table = run_card(run), runs_table([run, run])

    assert "system: cpu_utilization_percentage 1, gpu_0 1, gpu_1 1, gpu_2 1 and 3 more" in card.text
    assert "system: cpu_utilization_percentage 1" in card.html
    for text in (table.text, table.html):
        assert "loss" in text
        assert "cpu" not in text
        assert "left out" not in text
