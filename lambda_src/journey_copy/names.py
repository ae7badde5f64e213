"""Names of copies, where a name is taken in the target."""

__all__ = ["journey_names", "template_names"]

_JOURNEY_CHARACTERS = 150
_TEMPLATE_CHARACTERS = 128


def journey_names(name: str, source_id: str) -> tuple[str, str]:
    """Return the names of a copy in the order of preference: the source's, and one with its id."""
    return _names(name, source_id[:8], _JOURNEY_CHARACTERS)


def template_names(name: str, source: str) -> tuple[str, str]:
    """Return the names of a copied template in the order of preference.

    Args:
        source: digest of the source's host, in hexadecimal digits.
    """
    return _names(name, source[:8], _TEMPLATE_CHARACTERS)


def _names(name: str, suffix: str, most: int) -> tuple[str, str]:
    return name, f"{name[: most - len(suffix) - 1]}-{suffix}"
