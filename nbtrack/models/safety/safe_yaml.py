"""Reading YAML that a stranger may have written: plain values only, within limits.

The events of the text are counted before anything is built of them, so that a small file cannot
become a large object, or endless work.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from nbtrack.core.errors import InvalidValueError
from nbtrack.models.safety.safe_files import open_inside, open_plain

MOST_BYTES = 5_000_000
_MOST_LEVELS = 64
_MOST_VALUES = 1_000_000
_MOST_NUMBER = 1_000
"""Letters of a value that might be read as a number; YAML counts in sixties, which takes long."""
_TEXT_TAG = "tag:yaml.org,2002:str"


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        MissingFileError: There is no such file.
        InvalidValueError: It is no YAML, asks for an object of Python, or is larger, deeper or more
            repetitive than any file that is meant.
    """
    with open_plain(path) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise InvalidValueError(f"{str(path)!r} is larger than {MOST_BYTES:,} bytes, too large for YAML.")
    return parse_yaml(text, str(path))


def read_yaml_inside(folder: Path, relative: str) -> Any:
    """Read a YAML file of a model folder; as `read_yaml`, but through no link.

    Raises:
        MissingFileError: There is no such file.
        InvalidValueError: As `read_yaml`; or it is a link.
    """
    with open_inside(folder, relative) as file:
        text = file.read(MOST_BYTES + 1)
    return parse_yaml(text, str(folder / relative))


def parse_yaml(text: str | bytes, name: str) -> Any:
    """Read YAML.

    Args:
        text: In UTF-8 or UTF-16 when it is bytes.
        name: What it is called in errors.

    Raises:
        InvalidValueError: As `read_yaml`.
    """
    import yaml

    if len(text) > MOST_BYTES:
        raise InvalidValueError(f"{name!r} is larger than {MOST_BYTES:,} bytes, too large for YAML.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check(cast("Iterator[Any]", yaml.parse(text, Loader=loader)), name)
        return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe ones
    except yaml.constructor.ConstructorError as error:
        what = (
            f"{error.problem}{'' if error.problem_mark is None else f' (line {error.problem_mark.line + 1})'}"
        )
        raise InvalidValueError(f"{name!r} is not taken: only plain values are, {what}.") from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InvalidValueError(f"{name!r} is no YAML: {said[:300]}") from None
    except InvalidValueError:
        raise
    # What YAML's own constructors say to a value that is not what its tag says.
    except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InvalidValueError(
            f"{name!r} is no YAML that can be read: {type(error).__name__}: {error}."
        ) from None


def _check(events: Iterator[Any], name: str) -> None:
    """Refuse what would become too deep or too large, aliases counted as what they stand for."""
    import yaml

    sizes: dict[str, int] = {}
    """Values under each anchor, when it is complete."""
    open_nodes: list[tuple[str | None, int]] = []
    """The anchors of the lists and mappings around, and how many values came before them."""
    count = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((cast("str | None", event.anchor), count))
            count += 1
            if len(open_nodes) > _MOST_LEVELS:
                raise InvalidValueError(f"{name!r} is nested deeper than {_MOST_LEVELS} levels.")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
            if len(event.value) > _MOST_NUMBER:
                _check_long(event, name)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise InvalidValueError(f"{name!r} holds an alias of what it is part of, or of nothing.")
            count += sizes[event.anchor]
        if count > _MOST_VALUES:
            raise InvalidValueError(f"{name!r} holds more than {_MOST_VALUES:,} values, aliases written out.")


def _check_long(scalar: Any, name: str) -> None:
    """Refuse a long value that would be read as anything but text."""
    if scalar.tag == _TEXT_TAG or (scalar.tag is None and not scalar.implicit[0]):
        return
    if scalar.tag is not None:
        # What the tag asks for is made of any value, prose or not: `!!int " 1:1:1"` is a number.
        raise InvalidValueError(
            f"{name!r} holds a value of {len(scalar.value):,} letters that is said to be {scalar.tag!r:.80}."
        )
    if not _is_prose(scalar.value):
        raise InvalidValueError(f"{name!r} holds a number of {len(scalar.value):,} digits.")


def _is_prose(value: str) -> bool:
    """Whether a value without a tag cannot be read as a number."""
    return any(letter.isalpha() or letter == " " for letter in value[:_MOST_NUMBER])
