"""Rules of SendMessages and SendUsersMessages beside the rules of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_hub.engagement.eligibility import SkipReason
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import JsonObject

__all__ = [
    "MOST_RECIPIENTS",
    "check_members",
    "check_number",
    "refusal",
    "skipped",
    "without_recommendations",
]

# Pinpoint quotas: recipients of a SendMessages request. Ours too for the endpoints of users.
MOST_RECIPIENTS = 100


def check_members(request: Mapping[str, Any]) -> None:
    """Refuse the members of a request that no sending service has a use for.

    Raises:
        BadRequest: TraceId, or RawContent of a recipient.
    """
    if request.get("TraceId"):
        raise BadRequest(
            "TraceId has no effect: SMS, email and voice messages show it to no recipient. "
            "Give the value in Context: it comes back in the events of the message."
        )
    for member in ("Addresses", "Endpoints", "Users"):
        for number, configuration in enumerate((request.get(member) or {}).values()):
            if configuration.get("RawContent"):
                raise BadRequest(
                    f"{member}[{number}].RawContent has no effect. Give BodyOverride, or a "
                    "RawContent in the push message of MessageConfiguration."
                )


def check_number(messages: int) -> None:
    """Check how many endpoints a request sends to.

    Raises:
        BadRequest: more than 100.
    """
    if messages > MOST_RECIPIENTS:
        raise BadRequest(
            f"The users have {messages} endpoints that the message goes to; one request sends to "
            f"{MOST_RECIPIENTS} at most. Name fewer users in a request."
        )


def refusal(status: str, code: int, message: str) -> JsonObject:
    """Return the result of a recipient that nothing is sent to."""
    return {"DeliveryStatus": status, "StatusCode": code, "StatusMessage": message}


def without_recommendations(*, is_endpoint: bool) -> JsonObject:
    """Return the result of a recipient whose message needs recommendations that are not there."""
    if not is_endpoint:
        return refusal(
            "PERMANENT_FAILURE",
            400,
            "The template has a recommender, which knows endpoints and users and no addresses. "
            "Name the recipient in Endpoints or Users.",
        )
    return refusal(
        "TEMPORARY_FAILURE",
        503,
        "The recommender has no recommendations for the endpoint; nothing was sent. The log of the "
        "hub has the reason.",
    )


def skipped(reason: SkipReason, channel: str, offered: frozenset[str]) -> JsonObject:
    """Return the result of a recipient that the rule of eligibility leaves out.

    Args:
        channel: the recipient's, may be empty.
        offered: the channels that the hub sends on.
    """
    match reason:
        case SkipReason.ENDPOINT_DELETED:
            return refusal("PERMANENT_FAILURE", 404, "The project has no endpoint with this id.")
        case SkipReason.ENDPOINT_OPT_OUT:
            return refusal("OPT_OUT", 400, "The endpoint opted out of all messages.")
        case SkipReason.ENDPOINT_INACTIVE:
            return refusal("OPT_OUT", 410, "The endpoint is INACTIVE.")
        case SkipReason.ENDPOINT_MISSING_CHANNEL:
            return refusal("PERMANENT_FAILURE", 400, "ChannelType is missing.")
        case SkipReason.ENDPOINT_MISSING_ADDRESS:
            return refusal("PERMANENT_FAILURE", 400, "The recipient has no Address.")
        case SkipReason.ENDPOINT_CHANNEL_MISMATCH if channel not in offered:
            return refusal(
                "PERMANENT_FAILURE",
                400,
                f"This hub does not send on the channel {channel}. For push, name SendMessages in "
                "the input forward of the module engagement_hub, or call AWS with a client that "
                "has no endpoint_url.",
            )
        case SkipReason.ENDPOINT_CHANNEL_MISMATCH:
            return refusal("PERMANENT_FAILURE", 400, f"The request has no content for {channel}.")
        case SkipReason.CHANNEL_DISABLED:
            return refusal(
                "PERMANENT_FAILURE", 400, f"The project's {channel} channel is not enabled."
            )
        case SkipReason.DUPLICATE_ENDPOINT | SkipReason.DUPLICATE_ADDRESS:
            return refusal("DUPLICATE", 400, "The address is named twice.")
        case _:
            return refusal("PERMANENT_FAILURE", 400, f"No message may be sent now ({reason}).")
