"""Operations of the API that this hub answers, and operations that it may hand on to AWS."""

from engagement_hub.api import (
    apps,
    campaigns,
    channels,
    endpoints,
    events,
    jobs,
    journeys,
    messages,
    recommenders,
    segments,
    tags,
    templates,
)
from engagement_hub.api.forwarded import forward
from engagement_hub.api.operation import Operation
from engagement_hub.api.wire import operation_names
from engagement_hub.engagement.errors import LIVES_ON_AT_AWS
from engagement_hub.hub import Hub

__all__ = ["FORWARDED", "OPERATIONS", "PARTLY_FORWARDED", "offered"]

OPERATIONS: dict[str, Operation] = {
    **apps.OPERATIONS,
    **campaigns.OPERATIONS,
    **channels.OPERATIONS,
    **endpoints.OPERATIONS,
    **events.OPERATIONS,
    **jobs.OPERATIONS,
    **journeys.OPERATIONS,
    **messages.OPERATIONS,
    **recommenders.OPERATIONS,
    **segments.OPERATIONS,
    **tags.OPERATIONS,
    **templates.OPERATIONS,
}

FORWARDED = frozenset(filter(LIVES_ON_AT_AWS.fullmatch, operation_names())) - OPERATIONS.keys()
"""Operations that the hub hands on to AWS where its module input `forward` names them."""

_TAGS = "handed on for the project at AWS where `forward` names it"
PARTLY_FORWARDED = {
    "GetChannels": "with the push channels at AWS where `forward` names it",
    "ListTagsForResource": _TAGS,
    "SendMessages": "push messages are handed on where `forward` names it",
    "TagResource": _TAGS,
    "UntagResource": _TAGS,
}
"""Operations that the hub answers, and the part that it hands on where `forward` names them."""


def offered(hub: Hub) -> dict[str, Operation]:
    """Return the operations of this hub."""
    return {**dict.fromkeys(FORWARDED & hub.forwards, forward), **OPERATIONS}
