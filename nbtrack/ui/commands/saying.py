"""What commands say of what they changed and how it is undone; tags and notes as people type them."""

import shlex
from collections.abc import Mapping, Sequence

from nbtrack.core import static_views, system_tags
from nbtrack.core.errors import InvalidValueError, NotFoundError
from nbtrack.core.html_tables import safe_block
from nbtrack.core.text_tables import shortened, visible_block
from nbtrack.ui.commands.screen import Screen

MOST_SAID = 60
"""Characters of a value or a text that a sentence repeats."""


def say_done(screen: Screen, what: str, *undo: str) -> None:
    """Say what was done, and the words behind the program that undo it."""
    screen.say(f"{what} Undo: {screen.program} {shlex.join(undo)}" if undo else what)


def tag_pairs(words: Sequence[str]) -> dict[str, str]:
    """Tags from words such as `team=nlp`.

    Raises:
        InvalidValueError: A word is none.
    """
    pairs: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise InvalidValueError(f"A tag is given as KEY=VALUE, got {word!r}.")
        pairs[key] = value
    return pairs


def check_held(name: str, held: Mapping[str, str], removed: Sequence[str]) -> None:
    """Check that tags that are to be taken off are there.

    Raises:
        NotFoundError: One is not.
    """
    for key in removed:
        if key not in held:
            raise NotFoundError("tag", key, list(held), f"{name} has no such tag.")


def tag_changes(
    held: Mapping[str, str], pairs: Mapping[str, str], removed: Sequence[str]
) -> tuple[str, list[str]]:
    """What a change of tags says, and the words that undo it.

    Args:
        held: The tags as they were.
        pairs: Those that were set.
        removed: Those that were taken off.
    """
    undo = [f"{key}={held[key]}" for key in (*pairs, *removed) if key in held]
    for key in pairs:
        undo += ["--remove", key] if key not in held else []
    said = [*(f"{key}={value}" for key, value in pairs.items()), *(f"without {key}" for key in removed)]
    return ", ".join(shortened(each, MOST_SAID) for each in said), undo


def show_tags(screen: Screen, name: str, held: Mapping[str, str]) -> None:
    """Show the tags of a thing but those of the system."""
    own = sorted((key, value) for key, value in held.items() if not system_tags.is_system_tag(key))
    if not own:
        screen.say(f"{name} has no tags.")
        return
    screen.show(static_views.table(["tag", "value"], [[key, shortened(value, 200)] for key, value in own]))


def show_note(screen: Screen, text: str) -> None:
    """Show a note as it was written."""
    shown = text or "There is no note."
    screen.show(static_views.View(f"<pre>{safe_block(shown)}</pre>", visible_block(shown)))
