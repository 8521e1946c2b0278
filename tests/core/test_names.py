"""Which keys, ids, names and artifact paths are taken."""

from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import NbtrackError
from nbtrack.core.names import artifact_parts, check_experiment_name, check_key, check_run_id
from nbtrack.core.run_names import random_run_name

REFUSED_PATHS = [
    "..",
    "../up",
    "a/../../up",
    "a/..",
    "/etc/passwd",
    "//host/share",
    "C:\\x",
    "C:x",
    "c:/x",
    "a\\b",
    "..\\up",
    "nul\0byte",
    "line\nbreak",
    "\x7f",
    "a/" + "x" * 256,
    "é" * 128,
    "/".join(["deep"] * 1000),
    "\ud800",
]


@pytest.mark.parametrize("path", REFUSED_PATHS, ids=lambda path: repr(path)[:40])
def test_paths_that_leave_the_run_or_are_malformed_are_refused(path: str) -> None:
    with pytest.raises(NbtrackError, match="artifact path"):
        artifact_parts(path)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        ("plots/roc curve.png", ("plots", "roc curve.png")),
        ("…/..hidden", ("…", "..hidden")),
        ("./a", ("a",)),
        ("a//b", ("a", "b")),
        ("a/./b/", ("a", "b")),
        (".", ()),
        (PurePosixPath("plots/roc.png"), ("plots", "roc.png")),
        (PureWindowsPath("plots\\roc.png"), ("plots", "roc.png")),
    ],
)
def test_other_paths_are_parted(path: str | PurePath | None, parts: tuple[str, ...]) -> None:
    assert artifact_parts(path) == parts


@given(st.text(max_size=300))
def test_what_is_taken_stays_below_the_root(path: str) -> None:
    try:
        parts = artifact_parts(path)
    except NbtrackError:
        return

    assert all(part not in ("", ".", "..") and "/" not in part and "\0" not in part for part in parts)


@pytest.mark.parametrize("path", [3, b"a", ["a"]])
def test_a_path_that_is_no_text_is_a_type_error(path: object) -> None:
    with pytest.raises(TypeError, match="artifact path is text"):
        artifact_parts(path)


@given(st.text(min_size=1))
def test_any_text_is_a_key(key: str) -> None:
    assert check_key("metric", key) == key


@pytest.mark.parametrize("key", ["", None, 3, ("a",)])
def test_empty_keys_and_other_types_are_refused(key: object) -> None:
    with pytest.raises(NbtrackError, match="key of a param"):
        check_key("param", key)


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", "-a", "a" * 257, "run id", None, 7])
def test_ids_that_could_never_be_are_refused(run_id: object) -> None:
    with pytest.raises(NbtrackError, match="run id"):
        check_run_id(run_id)


@pytest.mark.parametrize("name", ["", "  ", "x" * 501, None, 7])
def test_impossible_experiment_names_are_refused(name: object) -> None:
    with pytest.raises(NbtrackError, match="name of an experiment"):
        check_experiment_name(name)


def test_made_up_names_are_short_and_not_steered_by_the_users_seed() -> None:
    import random

    random.seed(1)
    first = random_run_name()
    random.seed(1)
    second = random_run_name()

    assert first != second
    assert len(first) <= 20


@pytest.mark.parametrize(
    ("path", "told"),
    [("a:b%", "begins like a drive of Windows, 'a:'"), ("C:x", "drive"), ("C:/x", "absolute")],
)
def test_what_begins_like_a_drive_is_said_to_do_so(path: str, told: str) -> None:
    with pytest.raises(NbtrackError, match=told):
        artifact_parts(path)
