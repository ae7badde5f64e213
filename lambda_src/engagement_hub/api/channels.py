"""The channels of a project that the hub sends on: SMS, email and voice.

Push channels live on in AWS, in the project that represents the hub's projects.
"""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from engagement_hub.api.forwarded import forward
from engagement_hub.api.operation import Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.channel_settings import (
    AllowedSenders,
    checked_email_channel,
    checked_sms_channel,
)
from engagement_hub.engagement.errors import NotFound
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from shared.messages.push import PUSH_MEMBERS

__all__ = ["OPERATIONS", "allowed_senders"]

# The word of the path, which is also the channel's Id, and its Platform.
_PLATFORMS = {"email": "EMAIL", "sms": "SMS", "voice": "VOICE"}


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], AllowedSenders], dict[str, Any]]] = {
    "email": checked_email_channel,
    "sms": checked_sms_channel,
}


def allowed_senders() -> AllowedSenders:
    """Read the senders that the module gave the hub permission for."""

    def listed(name: str) -> frozenset[str]:
        return frozenset(filter(None, os.environ.get(name, "").split(",")))

    return AllowedSenders(
        email_addresses=frozenset(one.lower() for one in listed("EMAIL_ADDRESSES")),
        email_configuration_sets=listed("EMAIL_CONFIGURATION_SETS"),
        sends_sms="SMS_ORIGINATION_IDENTITY" in os.environ,
        sms_sender_ids=listed("SMS_SENDER_IDS"),
    )


def get_channels(hub: Hub, call: Call) -> JsonObject:
    """GetChannels: the channels with settings, by channel type; push channels are AWS's."""
    at_aws: JsonObject = {}
    if call.operation in hub.forwards:
        told = forward(hub, call)["Channels"]
        at_aws = {platform: told[platform] for platform in PUSH_MEMBERS if platform in told}
        for channel in at_aws.values():
            channel["ApplicationId"] = call.app_id
    channels = hub.entities.all(call.app_id, Kind.CHANNEL)
    return {"Channels": at_aws | {channel["Platform"]: channel for channel in channels}}


def _get(word: str, hub: Hub, call: Call) -> JsonObject:
    return _shown(hub.entities.require(call.app_id, Kind.CHANNEL, word))


def _update(word: str, hub: Hub, call: Call) -> JsonObject:
    def updated(kept: JsonObject | None) -> JsonObject:
        before = kept or {
            "ApplicationId": call.app_id,
            "CreationDate": call.timestamp,
            "Enabled": True,
            "HasCredential": True,
            "Id": word,
            "IsArchived": False,
            "Platform": _PLATFORMS[word],
            "Version": 0,
        }
        changed = {**before, **call.body}
        if word in _CHECKS:
            changed = _CHECKS[word](changed, allowed_senders())
        return {
            **changed,
            "LastModifiedDate": call.timestamp,
            "Version": before["Version"] + 1,
        }

    return _shown(hub.entities.upsert(call.app_id, Kind.CHANNEL, word, updated))


def _delete(word: str, hub: Hub, call: Call) -> JsonObject:
    channel = hub.entities.delete(call.app_id, Kind.CHANNEL, word)
    if channel is None:
        raise NotFound(f"The project has no {word} channel.")
    return _shown(channel)


def _shown(channel: JsonObject) -> JsonObject:
    """Add the rate that the hub keeps to, which belongs to the account and not to the project."""
    rate = os.environ.get(f"{channel['Platform']}_MESSAGES_PER_SECOND")
    if rate is None or channel["Platform"] == "VOICE":
        return channel
    per_second = max(1, int(float(rate)))
    if channel["Platform"] == "EMAIL":
        return {**channel, "MessagesPerSecond": per_second}
    return {
        **channel,
        "PromotionalMessagesPerSecond": per_second,
        "TransactionalMessagesPerSecond": per_second,
    }


OPERATIONS: dict[str, Operation] = {"GetChannels": get_channels}
for _word in _PLATFORMS:
    OPERATIONS[f"Get{_word.title()}Channel"] = functools.partial(_get, _word)
    OPERATIONS[f"Update{_word.title()}Channel"] = functools.partial(_update, _word)
    OPERATIONS[f"Delete{_word.title()}Channel"] = functools.partial(_delete, _word)
