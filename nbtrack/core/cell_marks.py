"""The honest marks of a run, as its tags keep them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.cells import CellMark

GIT = "git"


def marks_in(tags: Mapping[str, str]) -> list[CellMark]:
    """The marks of a run: those that were kept, and what Git said of it, which may come a moment later."""
    try:
        held: Any = json.loads(tags.get(system_tags.MARKS, "[]"))
        marks = [CellMark(str(mark["kind"]), str(mark["text"])) for mark in held]
    except (ValueError, TypeError, KeyError, RecursionError):
        marks = []
    return [mark for mark in marks if mark.kind != GIT] + git_marks(tags)


def git_marks(tags: Mapping[str, str]) -> list[CellMark]:
    """The mark of a run whose code is in no commit; none where Git did not say."""
    if tags.get(system_tags.GIT_DIRTY) != "true":
        return []
    changed = tags.get(system_tags.GIT_CHANGED_FILES, "")
    number = int(changed) if changed.isdecimal() else 0
    files = {0: "Files", 1: "1 file"}.get(number, f"{number:,} files")
    differ = "differs" if number == 1 else "differ"
    return [CellMark(GIT, f"{files} that Git knows {differ} from the commit.")]


def marks_tag(marks: Sequence[CellMark]) -> str:
    """The marks as the tag `MARKS` keeps them: all but that of Git, which has tags of its own."""
    return json.dumps([dict(mark) for mark in marks if mark.kind != GIT], ensure_ascii=False)
