"""Page tokens: any position comes back, anything else is refused."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError
from nbtrack.documents.tables import Order
from nbtrack.stores.page_tokens import make_token, read_token
from tests.documents import samples

ORDER = [Order(("metrics", "acc", "last"), True), Order(("run_id",))]


@given(samples.values(samples.scalars, samples.keys))
def test_a_token_holds_the_position_it_was_made_of(value: Any) -> None:
    document = {"metrics": {"acc": {"last": value}}, "run_id": "a"}

    token = make_token(document, ORDER)

    assert samples.same(read_token(token, ORDER), [value, "a"])
    assert token.isascii()


@pytest.mark.parametrize(
    "order",
    [
        ORDER[:1],
        [*ORDER, Order(("start_time",))],
        [ORDER[0]._replace(descending=False), ORDER[1]],
        [Order(("metrics", "loss", "last"), True), ORDER[1]],
    ],
)
def test_a_token_belongs_to_its_order(order: list[Order]) -> None:
    token = make_token({"run_id": "a"}, ORDER)

    with pytest.raises(InvalidValueError, match=r"page token .* belongs to a search in another order"):
        read_token(token, order)


GARBAGE = ["", "x", "nonsense!", "eyJvZmZzZXQiOiA1MH0=", base64.b64encode(b"[]").decode(), "é", "[" * 100_000]


@pytest.mark.parametrize("token", [*GARBAGE, 5, b"abc", ["a"]], ids=lambda token: ascii(token)[:20])
def test_what_is_no_token_is_refused(token: Any) -> None:
    with pytest.raises(InvalidValueError, match="page token") as refused:
        read_token(token, ORDER)

    assert len(str(refused.value)) < 300


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused(token: str) -> None:
    with pytest.raises(InvalidValueError, match="page token"):
        read_token(token, ORDER)


@given(st.data())
def test_a_token_that_was_tampered_with_is_refused_or_another_position(data: st.DataObject) -> None:
    token = make_token({"metrics": {"acc": {"last": 0.5}}, "run_id": "a" * 32}, ORDER)
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + data.draw(st.sampled_from("abcAZ09-_=")) + token[at + 1 :]

    with contextlib.suppress(InvalidValueError):
        assert len(read_token(changed, ORDER)) == 2
