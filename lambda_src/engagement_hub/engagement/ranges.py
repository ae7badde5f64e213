"""Numbers of a request that have a range."""

from __future__ import annotations

from typing import Any

from engagement_hub.engagement.errors import BadRequest

__all__ = ["checked_whole"]


def checked_whole(value: Any, member: str, least: int, most: int | None) -> int:
    """Return a whole number that is in its range; `most` None is no upper limit.

    Raises:
        BadRequest: names the member and the range.
    """
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and value > most):
        upper = "or more" if most is None else f"to {most}"
        raise BadRequest(f"{member} must be a whole number from {least} {upper}.")
    return int(value)
