"""What is taken as a metric's value, and what is refused."""

import math
import struct
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import NbtrackError
from nbtrack.core.metric_values import as_step, as_timestamp, as_value


@given(st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True))
def test_a_float_is_taken_bit_for_bit(value: float) -> None:
    assert struct.pack("<d", as_value("loss", value)) == struct.pack("<d", value)


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (3, 3.0),
        (True, 1.0),
        (2**53, 2.0**53),
        ("0.5", 0.5),
        (" nan ", math.nan),
        ("-inf", -math.inf),
        (np.float16(0.5), 0.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(-0.0), -0.0),
        (np.longdouble(0.25), 0.25),
        (np.int64(7), 7.0),
        (np.uint64(2**63), 2.0**63),
        (np.bool_(True), 1.0),
        (np.array(0.25), 0.25),
        (np.array([0.25]), 0.25),
        (np.array([[3]]), 3.0),
        (torch.tensor(0.25), 0.25),
        (torch.tensor([[0.25]], requires_grad=True), 0.25),
        (torch.tensor(0.25, dtype=torch.bfloat16), 0.25),
        (torch.tensor(0.25).to(torch.float8_e4m3fn), 0.25),
        (torch.tensor(3), 3.0),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
    ],
    ids=repr,
)
def test_numbers_of_every_kind_are_taken(given_value: object, expected: float) -> None:
    taken = as_value("loss", given_value)

    assert type(taken) is float
    assert struct.pack("<d", taken) == struct.pack("<d", expected)


@pytest.mark.parametrize(
    "refused",
    [
        None,
        "fast",
        "",
        b"1",
        1j,
        np.complex128(1),
        torch.tensor(1j),
        [0.5],
        {"loss": 1},
        np.array([]),
        np.array([1.0, 2.0]),
        torch.zeros(2, 2),
        pytest.param(object(), id="object()"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_a_type_error_that_names_the_metric(refused: object) -> None:
    with pytest.raises(TypeError, match="'val/loss'") as caught:
        as_value("val/loss", refused)

    assert isinstance(caught.value, NbtrackError)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "refused", [2**53 + 1, 10**400, -(10**400), np.int64(2**53 + 1)], ids=lambda v: str(v)[:12]
)
def test_an_integer_that_would_be_rounded_is_refused(refused: int) -> None:
    with pytest.raises(NbtrackError, match="does not fit a 64-bit float exactly"):
        as_value("tokens", refused)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (None, 0),
        (5, 5),
        (-3, -3),
        (2.0, 2),
        (np.int32(4), 4),
        (torch.tensor(6), 6),
        (True, 1),
        (2**63 - 1, 2**63 - 1),
    ],
    ids=repr,
)
def test_whole_steps_are_taken(step: object, expected: int) -> None:
    assert as_step("loss", step) == expected


@pytest.mark.parametrize("step", [0.5, "3", [1], 2**63, -(2**63) - 1, math.nan, np.array([1, 2])], ids=repr)
def test_other_steps_are_refused(step: object) -> None:
    with pytest.raises(NbtrackError, match="step of metric 'loss'"):
        as_step("loss", step)


@pytest.mark.parametrize("timestamp", [-1, -0.5, 2**63, "now", math.inf, math.nan], ids=repr)
def test_impossible_timestamps_are_refused(timestamp: object) -> None:
    with pytest.raises(NbtrackError, match="timestamp of metric 'loss'"):
        as_timestamp("loss", timestamp)


def test_fractions_of_a_millisecond_are_left_out() -> None:
    assert as_timestamp("loss", 1_700_000_000_000.9) == 1_700_000_000_000
