"""Every operation this hub offers, by its name in the API."""

from engagement_hub.api import (
    apps,
    campaigns,
    channels,
    endpoints,
    events,
    jobs,
    journeys,
    messages,
    segments,
    tags,
    templates,
)
from engagement_hub.api.operation import Operation

__all__ = ["OPERATIONS"]

OPERATIONS: dict[str, Operation] = {
    **apps.OPERATIONS,
    **campaigns.OPERATIONS,
    **channels.OPERATIONS,
    **endpoints.OPERATIONS,
    **events.OPERATIONS,
    **jobs.OPERATIONS,
    **journeys.OPERATIONS,
    **messages.OPERATIONS,
    **segments.OPERATIONS,
    **tags.OPERATIONS,
    **templates.OPERATIONS,
}
