"""How the start of an entity's work ended: a member that campaigns and jobs have in the table.

Attempts of one call can overlap, so the outcome is written once and the first one counts. An entity
without the member has not been started, was started by a client without ids of calls, or is of an
earlier release.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

__all__ = ["START", "StartOutcome", "is_given_up"]

# The API's model has no such member, so that no answer shows it.
START: Final = "StartOutcome"


class StartOutcome(StrEnum):
    """Whether the work was started, or is never done because the client got an error."""

    STARTED = "STARTED"
    GIVEN_UP = "GIVEN_UP"


def is_given_up(body: Mapping[str, Any]) -> bool:
    """Check whether the client got the error that the work could not be started."""
    return body.get(START) == StartOutcome.GIVEN_UP
