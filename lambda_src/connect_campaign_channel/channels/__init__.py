"""The channels by name. A third one is a class with the methods of `Channel`, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connect_campaign_channel.channel import Channel
from connect_campaign_channel.channels.connect import ConnectChannel
from connect_campaign_channel.channels.whatsapp import WhatsAppChannel

__all__ = ["CHANNELS", "UnknownChannel", "channel_named"]

CHANNELS: dict[str, Callable[[Mapping[str, Any]], Channel]] = {
    "connect": ConnectChannel,
    "whatsapp": WhatsAppChannel,
}


class UnknownChannel(LookupError):
    """The function was deployed for a channel that its package does not have."""


def channel_named(name: str, settings: Mapping[str, Any]) -> Channel:
    """Return the channel with this name.

    Raises:
        UnknownChannel: there is no such channel; the text names the channels of the package.
    """
    make = CHANNELS.get(name)
    if make is None:
        raise UnknownChannel(
            f"There is no channel {name!r}: the package has {', '.join(sorted(CHANNELS))}. Add the "
            "channel to CHANNELS and run `make package`."
        )
    return make(settings)
