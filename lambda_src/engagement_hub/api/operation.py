"""An operation of the API: a function of the hub and a call, and its time and ids."""

import uuid
from collections.abc import Callable
from typing import Any

from engagement_hub.api.wire import Call
from engagement_hub.hub import Hub

__all__ = ["Operation", "new_id", "stopwatch"]

# An HTTP API waits 30 s for its function; work that can be long stops here and asks to be called
# again.
_LONGEST_WORK_SECONDS = 20

Operation = Callable[[Hub, Call], Any]


def stopwatch(hub: Hub) -> Callable[[], bool]:
    """Return a function that says whether this request has worked for as long as it may."""
    end = hub.monotonic() + _LONGEST_WORK_SECONDS
    return lambda: hub.monotonic() >= end


def new_id() -> str:
    """Return an id as the API has them: 32 lower-case hex digits."""
    return uuid.uuid4().hex
