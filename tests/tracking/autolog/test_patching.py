"""A patched function is the same object, runs exactly once, and raises nothing of ours."""

import importlib
import inspect
import pickle
import sys
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbtrack.core.warn import warn_user
from nbtrack.tracking.autolog import callers, options
from nbtrack.tracking.autolog.patching import FILE, Call, Patch, function_of

FRAMEWORK = '''
import functools

def train(data, *, rounds: int = 3, **more) -> list:
    """Train."""
    calls.append((data, rounds, more))
    if data == "bad":
        raise ValueError("bad data")
    return [data] * rounds

calls = []

def checked(function, call=1, error=2, result=3, original=4):
    limit = 10
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        assert (limit, call, error, result, original) == (10, 1, 2, 3, 4)
        return function(self, *args, **kwargs)
    return wrapper

class Estimator:
    """A user's estimator inherits from it."""
    def __init__(self, depth=1):
        self.depth = depth
    @checked
    def fit(self, X, y=None):
        self.seen_ = X
        return self
    @classmethod
    def make(cls, depth):
        return cls(depth)
    def __reduce__(self):
        return super().__reduce__()

def closing(call, error, result, args):
    def closed(kwargs):
        return call, error, result, args, kwargs
    return closed

closed = closing(1, 2, 3, 4)

def search(data):
    return train(data)

def many(data):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(train, [data, data]))
'''


@pytest.fixture
def framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    tmp_path.joinpath("toyframe.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("toyframe")
    sys.modules.pop("toyframe", None)


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[Call] = []

    def __call__(self, call: Call) -> Generator[None]:
        return self.watch(call)

    def watch(self, call: Call) -> Generator[None]:
        yield
        self.seen.append(call)


def warn_as_we_do(message: str) -> None:
    """Warn from a module of ours: this one is none."""
    ours: dict[str, Any] = {"__name__": "nbtrack.somewhere", "warn_user": warn_user}
    exec("def warn(message):\n    warn_user(message)\n", ours)
    ours["warn"](message)


def looked_at(function: Any) -> tuple[Any, ...]:
    return inspect.signature(function), inspect.getsource(function), function.__doc__, repr(function)


def put_on(function: Any, observe: Any) -> Patch:
    patch = Patch(function, observe, framework="toy")
    patch.put_on()
    return patch


def test_a_name_that_was_imported_before_is_caught(framework: ModuleType) -> None:
    train = framework.train
    watcher = Watcher()

    patch = put_on(framework.train, watcher)
    result = train("data", rounds=2, extra=1)
    patch.take_off()
    train("data")

    (call,) = watcher.seen
    assert (call.name, call.args, call.kwargs) == ("train", ("data",), {"rounds": 2, "extra": 1})
    assert call.result is result
    assert result == ["data", "data"]
    assert call.error is None
    assert call.seconds > 0
    assert framework.calls == [("data", 2, {"extra": 1}), ("data", 3, {})]


def test_it_stays_the_same_function_to_whoever_looks_at_it(framework: ModuleType) -> None:
    train, fit = framework.train, framework.Estimator.fit
    before = [(*looked_at(f), list(vars(f))) for f in (train, fit)]

    patches = [put_on(train, Watcher()), put_on(fit, Watcher())]

    assert framework.train is train
    assert pickle.loads(pickle.dumps(train)) is train
    assert inspect.signature(framework.Estimator().fit) == inspect.signature(lambda X, y=None: None)
    assert [looked_at(f) for f in (train, fit)] == [entry[:4] for entry in before]
    assert train.__annotations__ == {"rounds": int, "return": list}
    for patch in patches:
        patch.take_off()
    assert [(*looked_at(f), list(vars(f))) for f in (train, fit)] == before


def test_taking_it_off_puts_the_same_code_back(framework: ModuleType) -> None:
    code = framework.train.__code__
    patch = put_on(framework.train, Watcher())
    patch.put_on()
    assert framework.train.__code__ is not code

    patch.take_off()
    patch.take_off()

    assert framework.train.__code__ is code


def test_methods_closures_and_class_methods_are_patched_as_they_are(framework: ModuleType) -> None:
    kind = framework.Estimator
    watcher = Watcher()
    for name in ("fit", "make", "__reduce__"):
        function = function_of(vars(kind)[name])
        assert function is not None
        put_on(function, watcher)

    class Mine(kind):
        pass

    fitted = Mine.make(3).fit([1])

    assert fitted.seen_ == [1]
    assert fitted.__reduce__()
    assert [call.name for call in watcher.seen] == ["Estimator.make", "Estimator.fit", "Estimator.__reduce__"]


def test_there_is_no_function_behind_other_attributes() -> None:
    assert function_of(len) is None
    assert function_of(3) is None
    assert function_of(property(lambda self: 1)) is None


def test_arguments_may_be_exchanged_before_it_runs(framework: ModuleType) -> None:
    def observe(call: Call) -> Generator[None]:
        call.kwargs = {**call.kwargs, "rounds": 1}
        yield

    put_on(framework.train, observe)

    assert framework.train("data") == ["data"]


def test_a_user_error_goes_on_unchanged_and_is_told(framework: ModuleType) -> None:
    watcher = Watcher()
    put_on(framework.train, watcher)

    with pytest.raises(ValueError, match="bad data") as raised:
        framework.train("bad")

    assert watcher.seen[0].error is raised.value
    assert framework.calls == [("bad", 3, {})]
    lines = "".join(traceback.format_exception(raised.value))
    assert lines.count(FILE) == 1
    assert "result = original(*call.args, **call.kwargs)" in lines


def test_a_function_may_use_any_names_of_the_function_around_it(framework: ModuleType) -> None:
    watcher = Watcher()

    put_on(framework.closed, watcher)

    assert framework.closed(5) == (1, 2, 3, 4, 5)
    assert watcher.seen[0].result == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("where", ["at once", "before", "after", "after an error"])
def test_an_error_of_ours_is_a_warning_at_the_users_line_once(framework: ModuleType, where: str) -> None:
    def observe(call: Call) -> Generator[None]:
        if where == "at once":
            raise OSError("ours")
        return part(call)

    def part(call: Call) -> Generator[None]:
        if where == "before":
            raise OSError("ours")
        yield
        raise OSError("ours")

    put_on(framework.train, observe)
    data = "bad" if where == "after an error" else "data"

    def run() -> Any:
        try:
            return framework.train(data)
        except ValueError as error:
            return str(error)

    with pytest.warns(
        RuntimeWarning, match="toy autolog could not record all of train: OSError: ours"
    ) as told:
        first = run()
    second = run()

    assert first == second == ("bad data" if data == "bad" else ["data"] * 3)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert len(framework.calls) == 2


def test_it_is_quiet_where_silence_is_wanted(framework: ModuleType) -> None:
    def observe(call: Call) -> Generator[None]:
        raise OSError("ours")

    put_on(framework.train, observe)
    options.choose("toy", {"silent": True}, own=True)

    try:
        assert framework.train("data") == ["data"] * 3
    finally:
        options.clear("toy")


def test_an_interrupt_in_our_part_is_the_users(framework: ModuleType) -> None:
    def observe(call: Call) -> Generator[None]:
        yield
        raise KeyboardInterrupt

    put_on(framework.train, observe)

    with pytest.raises(KeyboardInterrupt):
        framework.train("data")


def test_of_two_patches_either_may_go_first(framework: ModuleType) -> None:
    first, second = Watcher(), Watcher()
    code = framework.train.__code__
    below, above = put_on(framework.train, first), put_on(framework.train, second)
    framework.train("both")

    below.take_off()
    framework.train("second only")
    above.take_off()
    framework.train("none")

    assert [call.args for call in first.seen] == [("both",)]
    assert [call.args for call in second.seen] == [("both",), ("second only",)]
    assert framework.train.__code__ is code


def test_nothing_to_see_costs_no_call_object(framework: ModuleType) -> None:
    asked: list[str] = []

    def observe(call: Call) -> None:
        asked.append(call.name)

    put_on(framework.train, observe)

    assert framework.train("data") == ["data"] * 3
    assert asked == ["train"]


def test_whether_the_framework_itself_called_is_seen_through_its_threads(framework: ModuleType) -> None:
    inner: list[bool] = []

    def observe(call: Call) -> None:
        inner.append(callers.is_called_from("toyframe"))

    put_on(framework.train, observe)
    put_on(framework.search, lambda call: None)

    framework.train("data")
    framework.search("data")
    framework.many("data")

    assert inner[:2] == [False, True]
    # The pool's threads run what they were given: only frames of the pool are above it.
    assert len(inner) == 4


def test_our_own_seconds_are_counted(framework: ModuleType) -> None:
    spent: list[float] = []

    def observe(call: Call) -> Generator[None]:
        spent.append(call.spent())
        yield
        spent.append(call.spent())

    put_on(framework.train, observe)
    framework.train("data")

    assert 0 <= spent[0] < spent[1] < 1


def test_a_warning_to_the_user_points_beyond_the_patched_function(framework: ModuleType) -> None:
    def observe(call: Call) -> Generator[None]:
        yield
        warn_as_we_do("mind the step")

    put_on(framework.train, observe)

    with pytest.warns(RuntimeWarning, match="mind the step") as told:
        framework.train("data")

    assert told[0].filename == __file__


def test_where_warnings_are_errors_python_says_it_and_the_training_goes_on(
    framework: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)  # pytest's takes anything

    def observe(call: Call) -> Generator[None]:
        raise OSError("ours")

    put_on(framework.train, observe)

    assert framework.train("data") == ["data"] * 3
    assert "OSError: ours" in capsys.readouterr().err
