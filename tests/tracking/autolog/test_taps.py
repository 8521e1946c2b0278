"""Taps: functions that tell of their calls, and stay what they are."""

import inspect
import pickle
import types
from typing import Any

import pytest

from nbtrack.tracking.autolog.patching import Call, Patch
from nbtrack.tracking.autolog.taps import Tap


def made(source: str, name: str = "work") -> Any:
    module = types.ModuleType("toy")
    exec(compile(source, "toy.py", "exec"), module.__dict__)
    return getattr(module, name)


def test_a_tap_tells_of_a_call_before_it_and_changes_nothing() -> None:
    seen: list[Any] = []
    work = made("def work(a, *, b=2):\n    'Adds.'\n    return a + b\n")
    signature = inspect.signature(work)
    tap = Tap(work, before=lambda args, kwargs: seen.append((args, kwargs)))

    tap.put_on()
    result = work(1, b=5)

    assert result == 6
    assert seen == [((1,), {"b": 5})]
    assert inspect.signature(work) == signature
    assert (work.__name__, work.__doc__) == ("work", "Adds.")
    assert work.__code__.co_filename == "toy.py"


def test_a_tap_behind_a_call_has_its_result() -> None:
    seen: list[Any] = []
    work = made("def work(a):\n    return a * 2\n")
    Tap(work, after=lambda args, kwargs, result: seen.append((args, kwargs, result))).put_on()

    work(4)

    assert seen == [((4,), {}, 8)]


def test_a_function_with_variables_of_another_can_be_tapped() -> None:
    seen: list[Any] = []
    source = """
def outer():
    n = 1

    def work():
        nonlocal n
        n += 1
        return n

    return work

work = outer()
"""
    work = made(source)
    Tap(work, before=lambda args, kwargs: seen.append(args)).put_on()

    results = [work(), work()]

    assert results == [2, 3]
    assert len(seen) == 2


def test_taken_off_a_function_has_its_own_code_and_defaults() -> None:
    work = made("def work(a, *, b=2):\n    return a + b\n")
    code, defaults = work.__code__, work.__kwdefaults__
    tap = Tap(work, before=lambda args, kwargs: None)

    tap.put_on()
    tap.put_on()
    tap.take_off()
    tap.take_off()

    assert work.__code__ is code
    assert work.__kwdefaults__ is defaults
    assert not hasattr(work, "__wrapped__")
    assert work(1) == 3


def test_a_tap_below_a_patch_is_silent_once_taken_off() -> None:
    seen: list[str] = []
    work = made("def work():\n    return 1\n")
    tap = Tap(work, before=lambda args, kwargs: seen.append("tap"))

    def observe(call: Call) -> None:
        seen.append("patch")

    patch = Patch(work, observe, framework="toy")
    tap.put_on()
    patch.put_on()
    work()
    tap.take_off()
    work()

    assert seen == ["patch", "tap", "patch"]
    patch.take_off()


def test_an_error_of_the_function_is_its_own() -> None:
    work = made("def work():\n    raise KeyError('k')\n")
    Tap(work, after=lambda *_: pytest.fail("it gave nothing")).put_on()

    with pytest.raises(KeyError, match="k"):
        work()


def test_a_tapped_function_is_pickled_by_its_name() -> None:
    tap = Tap(inspect.getmodulename, before=lambda args, kwargs: None)

    tap.put_on()
    again = pickle.loads(pickle.dumps(inspect.getmodulename))
    tap.take_off()

    assert again is inspect.getmodulename
