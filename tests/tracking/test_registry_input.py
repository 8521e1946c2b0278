"""What the verbs of the registry are given: whatever it is, it is taken or refused with one of our errors."""

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrack import MlflowClient, Tracker
from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NbtrackError, NotFoundError
from nbtrack.tracking.promotions import PromotionVerbs

HALF = "\ud800"
"""Half of a surrogate pair, which nothing can print."""
BAD: dict[str, list[Any]] = {
    "name": [None, 3, b"x", "", " ", "a/b", "a:b", "..", "x" * 501, "a\0", HALF, ["iris"]],
    "version": [None, True, 3.5, "", -1, 10**30, 10**5000, "9" * 5000, "three", b"3", [3], HALF],
    "alias": [None, 3, "", "a b", "@champion", "x" * 256, HALF, "a/b", b"x"],
    "stage": [None, 3, "", "live", HALF, b"Production", ["Production"]],
    "key": [None, 3, "", b"k"],
    "tags": [3, "x", ["a"], {"": "x"}, {3: "x"}, {"x" * 251: "x"}],
    "description": [3, b"x", ["x"]],
    "source": [None, 3, "", "  ", "models:/irsi/3", "models:/iris/9", "models:/iris@x", "models:/", "a\0b"],
    "run_id": [3, b"x"],
    "run_link": [3],
    "model_id": [3, "a b"],
    "model_uri": [None, 3, "", "models:/irsi/3", "models:/iris/prod", "nowhere", "s3://bucket/x", HALF],
    "new_name": [None, 3, "", "a/b", "wine", HALF],
    "dst_name": [None, 3, "", "a/b", HALF],
    "src_model_uri": [None, 3, "iris", "runs:/abc/x", "models:/irsi/1", "models:/iris/champion"],
    "stages": [3, ["live"], "live", [3], [None]],
    "filter_string": [3, "nme='x'", "name=", HALF],
    "order_by": [3, ["nme"], [3]],
    "max_results": [0, -1, "3", 3.0, True, 10**30, 10**5000],
    "page_token": ["x", 3],
    "why": [3],
    "to": [None, 3, "", "a b", "Prductoin/", HALF, b"Production", ["Production"]],
    "if_better": [3, b"f1", ["f1"], "no such metric", HALF],
    "higher_is_better": ["yes", 3],
    "approvers": [3, [3], [""]],
    "request": [0, -1, 99, "x", True, 1.5, 10**5000, HALF],
    "event": [0, -1, 99_999, "x", True, 1.5, 10**5000, HALF],
    "when": [None, "", "yesterday week", "2026-99-99", [3], True, 10**5000, float("nan"), float("inf"), HALF],
    "other": [None, True, 3.5, "", -1, 99, 10**5000, "three", HALF],
}
GOOD: dict[str, Any] = {
    "name": "iris",
    "version": 3,
    "alias": "champion",
    "stage": "Staging",
    "key": "team",
    "value": "botany",
    "source": "m",
    "new_name": "iris-2",
    "dst_name": "copy",
    "src_model_uri": "models:/iris/2",
    "model_uri": "models:/iris/2",
    "description": "Three kinds.",
    "to": "Staging",
    "other": 2,
    "when": "2026-01-01",
}
LOOKS_AT_NOTHING = "get_model_version_stages"
"""As in MLflow, it answers the same whatever it is asked."""


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    """Registered models iris, of which 2 is in Production and @champion and 1 was deleted, and wine."""
    tracker = Tracker(store=tmp_path / "store")
    tracker.create_registered_model("wine")
    tracker.create_registered_model("iris")
    for _ in range(3):
        tracker.create_model_version("iris", "m")
    tracker.set_registered_model_alias("iris", "champion", 2)
    tracker.transition_model_version_stage("iris", 2, "Production")
    tracker.delete_model_version("iris", 1)
    tracker.set_registered_model_tag("iris", "team", "botany")
    tracker.set_model_version_tag("iris", 3, "team", "botany")
    return tracker


def verbs_of(thing: type) -> list[str]:
    """The methods of a tracker or a client that read or change the registry."""
    words = ("registered_model", "model_version", "get_latest_versions", "register_model")
    of_promotion = {"compare_versions", *(verb for verb in vars(PromotionVerbs) if verb[0] != "_")}
    return [
        verb
        for verb in dir(thing)
        if verb[0] != "_" and (verb in of_promotion or any(word in verb for word in words))
    ]


def arguments(parameters: Any, argument: str, bad: Any) -> dict[str, Any]:
    """What a verb is called with: a bad argument, and good ones where it needs more."""
    needed = [name for name, each in parameters.items() if each.default is inspect.Parameter.empty]
    given = {name: GOOD[name] for name in (*needed, "key", "value", "description") if name in parameters}
    if "stage" in parameters and argument != "stage":
        given["version"] = GOOD["version"]
    return {**given, argument: bad}


def shown(value: Any) -> str:
    return "10**5000" if isinstance(value, int) and value > 2**80 else ascii(value)[:40]


@pytest.mark.parametrize("verb", [*verbs_of(Tracker), *(f"client.{verb}" for verb in verbs_of(MlflowClient))])
def test_bad_input_is_refused_by_every_verb_and_changes_nothing(tracker: Tracker, verb: str) -> None:
    of_client, _, name = verb.rpartition(".")
    call = getattr(MlflowClient(tracker.get_tracking_uri()) if of_client else tracker, name)
    parameters = inspect.signature(call).parameters
    log = Path(tracker.get_tracking_uri(), "events.log")
    before, wrong = log.read_bytes(), list[str]()

    for argument, bad in ((name, bad) for name in parameters for bad in BAD.get(name, ())):
        if bad is None and parameters[argument].default is None and argument != "key":
            continue  # it means: not given
        given = arguments(parameters, argument, bad)
        if name == "create_registered_model" and argument != "name":
            given["name"] = "new"
        said = f"{name}({argument}={shown(bad)})"
        try:
            call(**given)
        except NbtrackError as error:
            if HALF in str(error) or error.http_status >= 500:
                wrong.append(ascii(f"{said} is answered with {error}"))
        except Exception as error:  # noqa: BLE001 - those are the ones that are looked for
            wrong.append(f"{said} raises {type(error).__name__}: {error}")
        else:
            if name != LOOKS_AT_NOTHING:
                wrong.append(f"{said} is taken")

    assert wrong == []
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "error", "why"),
    [
        (
            "v3",
            InvalidValueError,
            r"'v3' is no version of a model: those are whole numbers from 1\. Did you mean 3\?$",
        ),
        ("3.0", InvalidValueError, r"Did you mean 3\?$"),
        ("version 3", InvalidValueError, r"Did you mean 3\?$"),
        ("\u0663", InvalidValueError, r"Did you mean 3\?$"),
        (
            "latest",
            InvalidValueError,
            "get_model_version_by_alias finds the version of an alias, and of 'latest'",
        ),
        ("@champion", InvalidValueError, "get_model_version_by_alias finds the version of an alias"),
        ("", InvalidValueError, r"whole numbers from 1\.$"),
        ("a/b", InvalidValueError, r"whole numbers from 1\.$"),
        ("-1", InvalidValueError, r"whole numbers from 1\."),
        ("9" * 30, InvalidValueError, r"whole numbers from 1\.$"),
        (-1, InvalidValueError, "-1 is no version of a model"),
        (10**5000, InvalidValueError, "a number of thousands of digits is no version of a model"),
        (True, InvalidTypeError, "a whole number, got bool True"),
        (float("nan"), InvalidTypeError, "a whole number, got float nan"),
        (float("inf"), InvalidTypeError, "a whole number, got float inf"),
        (1e30, InvalidValueError, "1000000000000000019884624838656 is no version"),
        (3.5, InvalidTypeError, r"a whole number, got float 3\.5\.$"),
        (None, InvalidTypeError, "got NoneType None"),
        (b"3", InvalidTypeError, "got bytes b'3'"),
        (0, NotFoundError, r"'iris' has no version '0'\. It has 3, 2\.$"),
        (1, NotFoundError, r"'iris' has no version '1'\. It was deleted\. It has 3, 2\.$"),
        (7, NotFoundError, r"'iris' has no version '7'\. It has 3, 2\.$"),
    ],
    ids=shown,
)
def test_what_is_no_version_is_told_what_is(
    tracker: Tracker, version: Any, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        tracker.get_model_version("iris", version)


@pytest.mark.parametrize("version", [2, "2", " 2 ", "02", 2.0])
def test_a_version_may_be_text_or_out_of_a_table(tracker: Tracker, version: Any) -> None:
    assert tracker.get_model_version("iris", version).version == 2


def test_a_version_may_be_a_number_of_numpys(tracker: Tracker) -> None:
    import numpy

    assert tracker.get_model_version("iris", numpy.int64(2)).version == 2  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("alias", "why"),
    [
        (
            "@champion",
            r"those are letters, digits, '_' and '-', such as 'champion'\. Did you mean 'champion'\?$",
        ),
        ("my best", r"Did you mean 'my-best'\?$"),
        ("a/b.c", r"Did you mean 'a-b-c'\?$"),
        ("", r"such as 'champion'\.$"),
        ("@", r"such as 'champion'\.$"),
        ("latest", "is always the highest version"),
        ("V2", "reads like a version"),
        ("x" * 256, "may have 255 characters, this one has 256"),
    ],
)
def test_what_is_no_alias_is_told_what_is(tracker: Tracker, alias: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        tracker.set_registered_model_alias("iris", alias, 2)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("irsi", "No registered model 'irsi'. Did you mean 'iris'?"),
        ("IRIS", "No registered model 'IRIS'. Did you mean 'iris'?"),
        ("iris ", "No registered model 'iris '. Did you mean 'iris'?"),
        ("grapes", "No registered model 'grapes'. There are 'iris', 'wine'."),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_known(tracker: Tracker, name: str, why: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        tracker.get_registered_model(name)

    assert str(caught.value) == why


def test_of_many_registered_models_the_nearest_is_still_found(tracker: Tracker) -> None:
    with tracker._store().documents.transaction():
        for number in range(40):
            tracker.create_registered_model(f"model {number:02}")

    with pytest.raises(NotFoundError, match="Did you mean 'wine'"):
        tracker.get_registered_model("wnie")
    with pytest.raises(NotFoundError, match=r"There are 'iris', 'model 00', .*'model 10' and 30 more\.$"):
        tracker.get_registered_model("zzz")


def test_a_stage_or_a_version_is_asked_for_not_both_and_not_neither(tracker: Tracker) -> None:
    tracker.set_model_version_tag("iris", 2, "team", "botany")
    tracker.set_model_version_tag("iris", key="team", value="art", stage="production")

    for version, stage in ((None, None), ("", ""), (2, "Production"), ("", None)):
        with pytest.raises(InvalidValueError, match="either a version or a stage"):
            tracker.set_model_version_tag("iris", version, "team", "x", stage=stage)
    with pytest.raises(NotFoundError, match="has no version '0'"):
        tracker.set_model_version_tag("iris", 0, "team", "x")
    assert tracker.get_model_version("iris", 2).tags == {"team": "art"}


def test_as_many_as_there_are_can_be_asked_for(tracker: Tracker) -> None:
    assert len(tracker.search_model_versions(max_results=2**62)) == 2
    assert len(tracker.search_registered_models(max_results=sys.maxsize // 2)) == 2


def test_spaces_around_a_stage_are_no_part_of_it(tracker: Tracker) -> None:
    moved = tracker.transition_model_version_stage("iris", 3, " staging ")

    assert moved is not None
    assert moved.current_stage == "Staging"


def test_an_empty_run_id_is_none(tracker: Tracker) -> None:
    assert tracker.create_model_version("iris", "m", run_id="", model_id="").run_id is None
