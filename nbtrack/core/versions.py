"""Whether a library is new enough."""


def is_at_least(version: object, least: str) -> bool:
    """Whether a version is `least` or later; a preview of a version comes before it.

    Args:
        version: As a library says it, such as `2.13.0+cpu`.
        least: The first that is new enough.

    Returns:
        False where the version cannot be read: what is not known is not taken for safe.
    """
    from packaging.version import InvalidVersion, Version  # lazy: 5 ms that few calls need

    try:
        return Version(str(version)) >= Version(least)
    except InvalidVersion:
        return False
