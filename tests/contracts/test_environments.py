from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidTypeError, NotFoundError
from nbtrack.stores.contracts import Store

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(document=st.dictionaries(st.text(), json_values))
def test_what_was_saved_is_read(store: Store, document: dict[str, Any]) -> None:
    digest = store.environments.save(document)

    assert store.environments.get(digest) == document


def test_the_order_of_keys_does_not_matter(store: Store) -> None:
    assert store.environments.save({"a": 1, "b": 2}) == store.environments.save({"b": 2, "a": 1})
    assert store.environments.save({"a": 1}) != store.environments.save({"a": 2})


@pytest.mark.parametrize(
    "digest", ["0" * 64, "", "..", "../events.log", "/etc/passwd", "0" * 63, "A" * 64, "0" * 64 + "\n", "a/b"]
)
def test_a_digest_that_is_none_finds_nothing(store: Store, digest: str) -> None:
    with pytest.raises(NotFoundError, match="environment"):
        store.environments.get(digest)


@pytest.mark.parametrize("document", [{"x": object()}, {"x": float("nan")}])
def test_what_json_has_no_form_for_is_refused(store: Store, document: dict[str, Any]) -> None:
    with pytest.raises(InvalidTypeError, match="JSON"):
        store.environments.save(document)


def test_tags_that_were_found_out_overwrite_none(store: Store) -> None:
    run_id = store.runs.create("0", "run", tags={"a": "mine"})

    store.runs.add_tags(run_id, {"a": "found", "b": "found"})

    tags = store.runs.get(run_id).data.tags
    assert (tags["a"], tags["b"]) == ("mine", "found")


def test_tags_of_no_run_are_refused(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.runs.add_tags("none", {"a": "b"})
