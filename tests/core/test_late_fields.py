"""Fields that are made when somebody looks at them."""

import copy
import pickle
from dataclasses import dataclass, replace
from functools import partial

from nbtrack.core.late_fields import Late


@dataclass(frozen=True)
class Curve:
    name: str
    points: Late[list[int] | None] = Late(None)  # noqa: RUF009 - a descriptor


calls: list[int] = []


def points(count: int) -> list[int]:
    calls.append(count)
    return list(range(count))


def test_a_late_field_is_made_once_at_the_first_look() -> None:
    calls.clear()
    curve = Curve("loss", partial(points, 3))

    assert calls == []
    assert curve.points == [0, 1, 2]
    assert curve.points is curve.points
    assert calls == [3]


def test_a_record_with_a_late_field_is_a_record_like_any_other() -> None:
    late = Curve("loss", partial(points, 2))

    assert late == Curve("loss", [0, 1])
    assert Curve("loss").points is None
    assert repr(Curve("loss", partial(points, 1))) == "Curve(name='loss', points=[0])"
    assert replace(Curve("loss", partial(points, 2)), name="acc") == Curve("acc", [0, 1])


def test_a_record_with_a_late_field_is_copied_and_pickled() -> None:
    late = Curve("loss", partial(points, 2))

    for other in (copy.copy(late), copy.deepcopy(late), pickle.loads(pickle.dumps(late))):
        assert other == Curve("loss", [0, 1])
