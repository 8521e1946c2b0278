import ast
import sys
from types import FrameType
from typing import Any

from nbtrack.tracking.autolog.sklearn.caller_names import name_of

DATA = [[1.0], [2.0]]


def here() -> FrameType:
    return sys._getframe(1)


def named(source: str, **variables: Any) -> str | None:
    """What `name(value)` says in a cell of a notebook."""
    cell = {"__name__": "__main__", "name": lambda value: name_of(value, here().f_back), **variables}
    tree = ast.parse(source)
    exec(compile(tree, "<cell>", "exec"), cell)
    return cell["found"]


def test_a_value_has_the_name_of_the_variable_that_holds_it() -> None:
    X_test = [1]

    assert name_of(X_test, here()) == "X_test"


def test_a_value_that_no_variable_holds_has_no_name() -> None:
    assert name_of([1], here()) is None


def test_an_equal_value_is_not_taken_for_it() -> None:
    other = [1]

    assert name_of([1], here()) is None
    assert other == [1]


def test_a_function_that_passes_a_value_on_leads_to_its_caller() -> None:
    def evaluate(model: str, data: Any, *rest: Any, **more: Any) -> list[str | None]:
        return [name_of(data, here()), name_of(rest[0], here()), name_of(more["extra"], here())]

    first, second, third = [1], [2], [3]

    assert evaluate("m", first, second, extra=third) == ["first", "second", "third"]


def test_a_value_that_is_named_nowhere_above_has_the_name_of_the_parameter() -> None:
    def evaluate(X_valid: Any) -> str | None:
        return name_of(X_valid, here())

    assert evaluate([1, 2]) == "X_valid"


def test_a_function_that_uses_a_variable_of_the_module_names_it() -> None:
    def evaluate() -> str | None:
        return name_of(DATA, here())

    assert evaluate() == "DATA"


def test_an_attribute_of_self_names_its_value() -> None:
    class Experiment:
        def __init__(self) -> None:
            self.X_test = [1]

        def evaluate(self) -> str | None:
            return name_of(self.X_test, here())

    assert Experiment().evaluate() == "X_test"


def test_what_a_notebook_showed_last_keeps_the_name_that_the_user_gave() -> None:
    assert named("_ = 1\nX_test = _ = [1]\n_5 = X_test\nfound = name(X_test)") == "X_test"


def test_of_two_variables_of_one_value_the_first_is_told() -> None:
    cell = "X_train, X_test = [1], [2]\nfor X in (X_train, X_test):\n    found = name(X)"

    assert named(cell) == "X_test"


def test_a_loop_over_data_sets_names_its_variable() -> None:
    assert named("for X_fold in ([1], [2]):\n    found = name(X_fold)") == "X_fold"
