import pytest

from nbtrack.core.versions import is_at_least


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.10.0", True),
        ("2.13.0+cpu", True),
        ("3.0", True),
        ("2.9.1", False),
        ("2.10.0rc1", False),
        ("2.10.0a0+git123", False),
        ("unknown", False),
        (None, False),
    ],
)
def test_what_is_old_a_preview_or_not_known_is_not_taken_for_new_enough(
    version: object, expected: bool
) -> None:
    assert is_at_least(version, "2.10") is expected
