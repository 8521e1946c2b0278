"""What a destination means, and who held it when, from the events alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.errors import InvalidValueError, NbtrackError
from nbtrack.core.promotions import Destination, read_destination
from nbtrack.core.registry_events import RegistryEvent, standing_events
from nbtrack.core.registry_timeline import changes_of, earlier_holders, holder_at

PRODUCTION = Destination(stage="Production")


def event(number: int, what: str, version: int | None = None, **details: Any) -> RegistryEvent:
    return RegistryEvent(number, number * 1000, "ada", what, "iris", version, None, details)


def staged(
    number: int, version: int, before: str, stage: str = "Production", **details: Any
) -> RegistryEvent:
    return event(number, "model_version.staged", version, stage=stage, before=before, **details)


def created(count: int) -> list[RegistryEvent]:
    return [event(number, "model_version.created", number) for number in range(1, count + 1)]


@given(st.text())
def test_any_text_is_a_stage_an_alias_or_a_clear_error(text: str) -> None:
    try:
        destination = read_destination(text, ["champion"])
    except NbtrackError:
        return

    assert (destination.stage is None) != (destination.alias is None)
    assert read_destination(str(destination), ["champion"]) == destination


@pytest.mark.parametrize("word", ["Prodction", "prodution", "Stagin", "Archieved"])  # codespell:ignore
def test_a_slip_of_the_pen_for_a_stage_is_no_new_alias(word: str) -> None:
    with pytest.raises(InvalidValueError, match=f"Write '@{word}' for a new alias"):
        read_destination(word)

    assert read_destination(f"@{word}") == Destination(alias=word)


def test_the_highest_of_several_holds_a_stage() -> None:
    events = [*created(2), staged(3, 2, "None"), staged(4, 1, "None"), staged(5, 2, "Production", "Staging")]

    assert [(held.event.number, held.version) for held in changes_of(events, PRODUCTION)] == [(3, 2), (5, 1)]
    assert [holder_at(events, PRODUCTION, moment) for moment in (2999, 3000, 4999, 5000)] == [None, 2, 2, 1]


def test_archiving_and_its_undo_move_the_others() -> None:
    events = [
        *created(2),
        staged(3, 1, "None"),
        staged(4, 2, "None", archived=[1]),
        staged(5, 2, "Production", "None", returned=[1], undoes=4),
    ]

    assert [held.version for held in changes_of(events, PRODUCTION)] == [1, 2, 1]
    assert earlier_holders(events, PRODUCTION) == []


def test_a_rollback_is_not_a_holder_to_come_back_to() -> None:
    events = [
        *created(3),
        staged(4, 1, "None"),
        staged(5, 2, "None", archived=[1]),
        staged(6, 3, "None", archived=[2]),
        staged(7, 2, "Archived", archived=[3], rollback=True),
    ]

    assert earlier_holders(events, PRODUCTION) == [1]


def test_a_promotion_that_was_undone_is_none_to_come_back_to() -> None:
    undone = [*created(1), staged(2, 1, "None"), staged(3, 1, "Production", "None", undoes=2)]
    archived = [*created(1), staged(2, 1, "None"), staged(3, 1, "Production", "Archived")]
    again = [staged(4, 1, "Archived", rollback=True), staged(5, 1, "Production", "Archived", undoes=4)]

    assert earlier_holders(undone, PRODUCTION) == []
    assert earlier_holders(archived, PRODUCTION) == [1]
    assert earlier_holders([*archived, *again], PRODUCTION) == [1]


def test_a_version_that_was_promoted_again_goes_back_to_who_came_between() -> None:
    events = [
        *created(2),
        staged(3, 1, "None"),
        staged(4, 2, "None", archived=[1]),
        staged(5, 1, "Archived", archived=[2]),
    ]

    assert earlier_holders(events, PRODUCTION)[-1] == 2


def test_what_a_deleted_model_held_is_held_again_when_it_is_restored() -> None:
    events = [
        *created(1),
        staged(2, 1, "None"),
        event(3, "registered_model.deleted"),
        event(4, "registered_model.restored", undoes=3),
    ]

    assert [held.version for held in changes_of(events, PRODUCTION)] == [1, None, 1]


def test_an_alias_goes_with_its_version_and_comes_back_with_it() -> None:
    champion = Destination(alias="champion")
    events = [
        *created(1),
        event(2, "registered_model.aliased", 1, alias="champion", before=None),
        event(3, "model_version.deleted", 1),
        event(4, "model_version.restored", 1, stage="None", aliases=["champion"], undoes=3),
        event(5, "registered_model.aliased", None, alias="champion", before=1),
    ]

    assert [held.version for held in changes_of(events, champion)] == [1, None, 1, None]


def test_an_undo_that_was_undone_takes_nothing_back() -> None:
    events = [
        event(1, "registered_model.described", description="a", before=None),
        event(2, "registered_model.described", description=None, before="a", undoes=1),
        event(3, "registered_model.described", description="a", before=None, undoes=2),
    ]

    assert [each.number for each in standing_events(events[:2])] == [2]
    assert [each.number for each in standing_events(events)] == [1, 3]


def test_an_event_of_a_kind_that_is_not_known_is_still_told() -> None:
    assert str(event(1, "registered_model.painted")) == "registered_model.painted"
