"""How two runs look beside each other."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nbtrack.core.code_view import code_view
from nbtrack.core.difference_view import difference_view
from nbtrack.core.differences import RunEvidence, difference
from nbtrack.core.fitting_views import MOST_BYTES
from nbtrack.core.line_differences import line_rows
from nbtrack.core.text_tables import text_width
from tests.core.test_comparisons import make_run
from tests.core.test_differences import before_and_after, full, slice_of

_HOSTILE = "</pre></td><script>alert(1)</script>\x1b[31m\u202e\"'& $x$ \ud800\x00"


class Tags(HTMLParser):
    """The tags of a page, and what is left when all styles are stripped."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_text_follows_a_review() -> None:
    text = difference_view(difference(*before_and_after()), width=80).text

    places = [
        text.index(f"\n{word}\n") for word in ("params", "metrics", "code", "packages", "git", "data", "tags")
    ]
    assert places == sorted(places)
    assert text.startswith("a → b\n  metrics: 1 better, 1 worse, 2 other · 2 params · 2 cells (2 lines) ·")
    assert re.search(r"\n  lr +0\.1 +0\.05\n", text)
    assert re.search(r"\n  old +1 +removed\n", text)
    assert re.search(r"\n  accuracy ↑ +0\.5000 +0\.7500 +▲ \+0\.2500 \(\+50\.0%\) better\n", text)
    assert re.search(r"\n  1 - lr = 0\.1\n  1 \+ lr = 0\.05\n  2   fit\(lr\)\n", text)
    assert re.search(r"\n  commit +a{12} +b{12}\n", text)
    assert f"git diff {'a' * 12} {'b' * 12} shows what lies between the commits" in text
    assert "same in both: model=tree" in text


def test_where_there_is_room_code_stands_side_by_side() -> None:
    text = difference_view(difference(*before_and_after()), width=160).text

    assert "  1 - lr = 0.1 │ 1 + lr = 0.05\n  2   fit(lr)  │ 2   fit(lr)\n" in text


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_the_text_keeps_to_the_width(width: int) -> None:
    long = "value_of_a_very_long_name = compute_something(with_an_argument, and_another='one that is long')"
    before = full("a", long, params={f"p{'x' * 60}": "y" * 90}, metrics={"accuracy" * 9: [0.5]})
    after = full(
        "b", f"{long}  # 漢字漢字", params={f"p{'x' * 60}": "y" * 91}, metrics={"accuracy" * 9: [0.7]}
    )

    text = difference_view(difference(before, after), width=width).text

    lines = text.split("\n")
    # A unified diff is to be copied: its lines are whole.
    lines = [line for line in lines if "value_of" not in line or width >= 120]
    assert max(map(text_width, lines)) <= width


def test_that_nothing_differs_is_said() -> None:
    run, _ = before_and_after()

    view = difference_view(difference(run, run))

    assert "nothing differs" in view.text
    assert "Nothing that both of them recorded differs." in view.html
    assert "same code in both: 1 cell" in view.text
    assert "<pre" not in view.html


def test_the_page_keeps_its_meaning_without_styles() -> None:
    page = difference_view(difference(*before_and_after())).html

    tags = Tags(page)
    assert set(tags.found) <= {
        *(
            "div",
            "strong",
            "em",
            "small",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "pre",
            "span",
            "del",
            "ins",
        )
    }
    assert tags.attributes <= {"style", "scope", "colspan"}
    assert tags.open == []
    assert "better</td>" in page
    bare = re.sub(r' style="[^"]*"', "", page)
    assert "1 - lr = <del>0.1</del>" in bare
    assert "1 + lr = <ins>0.05</ins>" in bare
    assert not re.search(r'[";]color:', page)


def test_without_code_one_table_holds_it_all() -> None:
    before = RunEvidence(make_run("a", params={"lr": "1"}, tags={"team": "nlp"}))
    after = RunEvidence(make_run("b", params={"lr": "2"}, tags={"team": "cv"}))

    view = difference_view(difference(before, after))

    assert view.html.count("<table") == 1
    assert re.search(r"params\n  lr +1 +2\ntags\n  team +nlp +cv\n", view.text)


def test_hostile_names_values_and_code_stay_text() -> None:
    before = full(_HOSTILE, _HOSTILE, params={_HOSTILE: _HOSTILE}, tags={"mlflow.source.git.commit": "$(rm)"})
    after = full(f"{_HOSTILE}2", f"{_HOSTILE}2", tags={"mlflow.source.git.commit": "`rm`"})

    view = difference_view(difference(before, after))

    assert "script" not in Tags(view.html).found
    for part in view:
        assert "\x1b" not in part
        assert "\u202e" not in part
        assert "\x00" not in part
        part.encode()
    assert "$x" not in view.html
    assert "git diff" not in view.text


def test_what_a_notebook_keeps_is_small_whatever_the_runs_hold() -> None:
    def huge(sign: str) -> RunEvidence:
        many = {f"{_HOSTILE}{at}": f"{sign}{_HOSTILE * 20}" for at in range(100)}
        sources = ["\n".join(f"{sign}{at} = '{_HOSTILE * 9}'" for at in range(60)) for _ in range(6)]
        run = full(_HOSTILE * 9, *sources, params=many, tags=many, metrics={key: [1.0] for key in many})
        return RunEvidence(run.run, run.code, {"packages": many})

    found = difference(huge("a"), huge("b"))

    bundle = found._repr_mimebundle_()
    assert max(len(str(part).encode()) for part in bundle.values()) <= MOST_BYTES
    assert "lines more" in bundle["text/plain"]


def test_what_only_one_side_has_stands_in_a_line_when_it_is_much() -> None:
    before, after = {f"old{at}": "1" for at in range(6)}, {"new": "2", "both": "3"}
    runs = [full("a", params={**before, "both": "4"}), full("b", params=after)]

    text = difference_view(difference(*runs)).text

    assert "  params of a only: old0=1, old1=1, old2=1, old3=1, old4=1, old5=1\n" in text
    assert "  params of b only: new=2\n" in text
    assert re.search(r"\n  both +4 +3\n", text)
    assert re.search(r"\n  old0 +1 +removed\n", difference_view(difference(*runs), everything=True).text)


def test_a_run_that_failed_says_why() -> None:
    before, after = full("a", tags={"nbtrack.error": "ValueError: diverged"}), full("b")
    failed = replace(before, run=replace(before.run, info=replace(before.run.info, status="FAILED")))

    text = difference_view(difference(failed, after)).text

    assert re.search(r"\n  status +✗ FAILED +✓ FINISHED\n  error +ValueError: diverged\n", text)


def test_metrics_that_stayed_as_they_were_are_told() -> None:
    runs = [full(name, params={"lr": name}, metrics={"accuracy": [0.5]}) for name in "ab"]

    assert "metrics that are the same: accuracy 0.5000" in difference_view(difference(*runs)).text


def test_long_values_are_cut_where_they_differ() -> None:
    path = "/a/very/long/path/to/data/that/goes/on/and/on/version-{}/file.csv"
    runs = [full(name, params={"path": path.format(at)}) for at, name in enumerate("ab")]

    text = difference_view(difference(*runs)).text

    assert "…version-0/file.csv" in text
    assert "…version-1/file.csv" in text


def test_everything_is_shown_when_it_is_asked_for() -> None:
    text = difference_view(difference(*before_and_after()), everything=True).text

    assert re.search(r"\n  model +tree +tree +same\n", text)
    assert re.search(r"\n  six +1 +1 +same\n", text)
    assert "same in both" not in text


def test_a_cell_of_one_side_stands_in_one_column() -> None:
    found = difference(full("a", "fit()"), full("b", "import os", "fit()"))

    view = difference_view(found)

    assert "cell 1 (import os): added, 1 line" in view.text
    assert "1 + import os" in view.text
    assert "same: cell 1 → 2 (fit())" in view.text
    assert view.html.count("<pre") == 1


def test_long_lines_go_on_below_and_both_sides_stay_beside_each_other() -> None:
    rows = line_rows("a = 1\n" + "x" * 150 + "\nend", "a = 1\n" + "x" * 149 + "y\nend")

    lines = code_view(rows, ("before", "after"), width=120).text.split("\n")

    assert [line.split("│")[0].split()[0] for line in lines] == ["1", "2", "-", "-", "3"]
    assert len({line.index("│") for line in lines}) == 1
    page = code_view(rows, ("before", "after")).html
    left, right = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert left.count("\n") == right.count("\n")


def test_wide_letters_take_two_columns() -> None:
    rows = line_rows("名前 = '漢字'\na = 1", "名前 = '仮名'\na = 1")

    lines = code_view(rows, ("before", "after"), width=120).text.split("\n")

    assert len({text_width(line.split("│")[0]) for line in lines}) == 1


def test_lines_that_are_far_from_a_change_are_left_out() -> None:
    lines = [f"line{at} = {at}" for at in range(40)]
    before, after = slice_of("\n".join(lines)), slice_of("\n".join([*lines[:20], "new()", *lines[20:]]))
    runs = [RunEvidence(make_run(name), code) for name, code in (("a", before), ("b", after))]

    text = difference_view(difference(*runs), unified=True).text

    assert "21 + new()" in text
    assert "line17 = 17" in text
    assert "line16 = 16" not in text
