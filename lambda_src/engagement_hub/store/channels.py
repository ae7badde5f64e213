"""Reading of a project's channel settings, for every part of the hub that sends."""

from engagement_hub.engagement.channel_settings import ChannelSettings, settings_of
from engagement_hub.store.entities import EntityStore, Kind

__all__ = ["channel_settings"]


def channel_settings(entities: EntityStore, app_id: str) -> ChannelSettings:
    """Return the disabled channels and the senders of a project."""
    return settings_of(entities.all(app_id, Kind.CHANNEL))
