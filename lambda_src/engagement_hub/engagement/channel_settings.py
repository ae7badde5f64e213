"""The channel settings of a project: its enabled channels and their senders.

A project without settings of a channel sends from the hub's own identities. A sender that a
message names wins over the project's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engagement_hub.engagement.errors import BadRequest
from shared.mailbox import MailboxRefused, read_mailbox
from shared.messages.content import Content, EmailContent, SmsContent

__all__ = [
    "AllowedSenders",
    "ChannelSettings",
    "check_from_address",
    "checked_email_channel",
    "checked_sms_channel",
    "settings_of",
]

_IDENTITY = re.compile(r"arn:[a-z-]+:ses:[a-z0-9-]+:\d{12}:identity/(?P<name>[^/\s]+)")
_SHORT_CODE = re.compile(r"\d{3,8}")
# Members of an email channel that the hub has no use for: its own roles send and write events.
_ROLES = ("RoleArn", "OrchestrationSendingRoleArn")


@dataclass(frozen=True, slots=True)
class AllowedSenders:
    """The senders that the hub's permissions name; addresses in lower case."""

    email_addresses: frozenset[str] = frozenset()
    email_configuration_sets: frozenset[str] = frozenset()
    sends_sms: bool = False
    sms_sender_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The disabled channels and the senders of a project. None: the hub's own sender."""

    disabled: frozenset[str] = frozenset()
    email_from: str | None = None
    email_configuration_set: str | None = None
    sms_origination: str | None = None

    def applied(self, content: Content) -> Content:
        """Return the content with the project's senders, where it names no sender itself."""
        if isinstance(content, EmailContent):
            return replace(
                content,
                from_address=content.from_address or self.email_from,
                configuration_set=content.configuration_set or self.email_configuration_set,
            )
        if isinstance(content, SmsContent) and not content.sender_id:
            origination = content.origination_identity or self.sms_origination
            return replace(content, origination_identity=origination)
        return content


def settings_of(channels: Iterable[Mapping[str, Any]]) -> ChannelSettings:
    """Read a project's channels, as UpdateEmailChannel, UpdateSmsChannel … keep them."""
    by_platform = {str(channel["Platform"]): channel for channel in channels}
    email, sms = by_platform.get("EMAIL", {}), by_platform.get("SMS", {})
    return ChannelSettings(
        disabled=frozenset(name for name, one in by_platform.items() if not one["Enabled"]),
        email_from=email.get("FromAddress") or None,
        email_configuration_set=email.get("ConfigurationSet") or None,
        sms_origination=sms.get("ShortCode") or sms.get("SenderId") or None,
    )


def checked_email_channel(channel: Mapping[str, Any], allowed: AllowedSenders) -> dict[str, Any]:
    """Check the settings of an email channel; return them as they are kept.

    Raises:
        BadRequest: the hub cannot send from FromAddress, Identity or ConfigurationSet, or a member
            has no effect here.
    """
    kept = _given(channel)
    for role in _ROLES:
        if role in kept:
            raise BadRequest(
                f"{role} has no effect: the hub sends with a role of its own, and PutEventStream "
                "names the role that writes events. Leave it out."
            )
    try:
        mailbox = read_mailbox(kept.get("FromAddress", ""))
    except MailboxRefused as error:
        raise BadRequest(f"FromAddress cannot be sent from: {error}") from error
    if mailbox.key not in allowed.email_addresses:
        raise BadRequest(
            "FromAddress is no address that this hub may send from. Name the address and its "
            "identity in the hub's input email: as from_address, or among other_senders."
        )
    identity = _IDENTITY.fullmatch(kept.get("Identity", ""))
    if identity is None or not _covers(identity["name"].lower(), mailbox.key):
        raise BadRequest(
            "Identity must be the ARN of the SES identity of FromAddress: "
            "arn:aws:ses:<region>:<account>:identity/ with the address, or with its domain."
        )
    configuration_set = kept.get("ConfigurationSet")
    if configuration_set and configuration_set not in allowed.email_configuration_sets:
        raise BadRequest(
            "ConfigurationSet is none that this hub may send with. Name it in the hub's input "
            "email: as configuration_set, or among other_configuration_sets."
        )
    return kept


def check_from_address(message: Mapping[str, Any], member: str, allowed: AllowedSenders) -> None:
    """Check that the hub may send from the FromAddress of a campaign's EmailMessage, if it has one.

    Raises:
        BadRequest: the hub has no permission; every email of the campaign would be refused.
    """
    text = message.get("FromAddress")
    if not text:
        return
    try:
        key = read_mailbox(text).key
    except MailboxRefused as error:
        raise BadRequest(f"{member}.FromAddress cannot be used: {error}") from error
    if key not in allowed.email_addresses:
        raise BadRequest(
            f"{member}.FromAddress is no address that this hub may send from. Leave it out, or "
            "name the address and its identity in the hub's input email: as from_address, or "
            "among other_senders."
        )


def checked_sms_channel(channel: Mapping[str, Any], allowed: AllowedSenders) -> dict[str, Any]:
    """Check the settings of an SMS channel; return them as they are kept.

    Raises:
        BadRequest: the hub cannot send from SenderId or ShortCode, or both are given.
    """
    kept = _given(channel)
    sender_id, short_code = kept.get("SenderId"), kept.get("ShortCode")
    if sender_id and short_code:
        raise BadRequest(
            "SenderId and ShortCode are both set, and a text has one sender. Give one of them, and "
            "the other as an empty string."
        )
    if (sender_id or short_code) and not allowed.sends_sms:
        raise BadRequest(
            f"{'SenderId' if sender_id else 'ShortCode'} cannot be sent from: this hub sends no "
            "SMS. Give it an input sms."
        )
    if sender_id and sender_id not in allowed.sms_sender_ids:
        raise BadRequest(
            "SenderId is none that this hub may send from. Name the ARN of the sender ID in the "
            "hub's input sms, among other_origination_identity_arns."
        )
    if short_code and not _SHORT_CODE.fullmatch(short_code):
        raise BadRequest("ShortCode must be 3 to 8 digits, without spaces.")
    return kept


def _given(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out members that an empty string takes back."""
    return {name: value for name, value in channel.items() if value != ""}


def _covers(identity: str, address: str) -> bool:
    """Check whether an identity is the address itself, or a domain that the address is in."""
    domain = address.rpartition("@")[2]
    return identity == address or domain == identity or domain.endswith(f".{identity}")
