"""Endpoints and their users: merging updates, the limits, and who displaces whom.

Source: Amazon Pinpoint API reference (UpdateEndpoint) and developer guide ("Adding endpoints",
"Quotas"). Where AWS is silent the docstrings say that the rule is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, cast

from engagement_hub.engagement import quotas
from engagement_hub.engagement.endpoint_requests import (
    InvalidMember,
    check_attribute_count,
    checked_id,
    checked_request,
)
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import (
    ChannelType,
    Endpoint,
    EndpointRequest,
    EndpointStatus,
    OptOut,
    User,
)

# A sixteenth endpoint of these may take the place of the user's oldest one of these. AWS's text
# leaves APNS_SANDBOX out of both its lists; counting it with its siblings is ours.
DISPLACING_CHANNELS = frozenset(
    {
        ChannelType.ADM,
        ChannelType.APNS,
        ChannelType.APNS_SANDBOX,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
        ChannelType.BAIDU,
        ChannelType.GCM,
    }
)
# A device learns its token after it starts; these channels have nothing to wait for (ours).
CHANNELS_THAT_START_WITH_AN_ADDRESS = frozenset(
    {ChannelType.CUSTOM, ChannelType.EMAIL, ChannelType.SMS, ChannelType.VOICE}
)


@dataclass(frozen=True, slots=True)
class MergedEndpoint:
    """The result of an update.

    `endpoint` is whole, its user's attributes joined. `user` is what to keep for its user, None
    when the endpoint names no user; attributes given without a `UserId` then stay in
    `endpoint["User"]["UserAttributes"]` and belong to this endpoint alone.
    """

    endpoint: Endpoint
    user: User | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """Endpoints that an endpoint displaces when it joins a user: ids to pass to `displaced`."""

    deactivate: list[str]


def merge_endpoint(
    current: Endpoint | None,
    user: User | None,
    update: EndpointRequest,
    *,
    app_id: str,
    endpoint_id: str,
    now: str,
    request_id: str,
    cohort: int,
) -> MergedEndpoint:
    """Create an endpoint, or merge an update into it.

    A member left out stays. In Attributes, UserAttributes and Metrics a name that is given has its
    whole value replaced, and an empty list removes the name (ours). Location and Demographic merge
    member by member (ours). The status becomes ACTIVE unless the update says otherwise.

    Args:
        current: the endpoint as kept, its user's attributes joined; None creates it.
        user: the kept record of the user the endpoint will belong to: the `UserId` of the update,
            else of `current`. None when that user is new.
        now: ISO 8601 instant, for CreationDate and EffectiveDate.
        request_id: for RequestId, unless the client sends its own.
        cohort: 0 to 99, used only on creation.

    Raises:
        InvalidMember: a member breaks a rule, or the merged endpoint is over a limit.
    """
    checked_id("EndpointId", endpoint_id)
    given = cast("dict[str, Any]", checked_request(update))
    merged: dict[str, Any] = dict(current or {})

    for member in ("Address", "ChannelType", "OptOut"):
        if member in given:
            merged[member] = given[member]
    for member in ("Location", "Demographic", "Metrics"):
        if member in given:
            merged[member] = {**merged.get(member, {}), **given[member]}
    if "Attributes" in given:
        merged["Attributes"] = _merged_values(merged.get("Attributes"), given["Attributes"])

    kept_user = _merged_user(merged.get("User", {}), user, given.get("User", {}))
    merged.pop("User", None)
    if kept_user:
        merged["User"] = kept_user

    if current is None:
        _check_reachable(merged)
        merged.setdefault("OptOut", OptOut.NONE.value)
        merged["CohortId"] = str(cohort)
        merged["CreationDate"] = now
    merged["ApplicationId"] = app_id
    merged["Id"] = endpoint_id
    merged["EndpointStatus"] = given.get("EndpointStatus", EndpointStatus.ACTIVE.value)
    merged["EffectiveDate"] = given.get("EffectiveDate", now)
    merged["RequestId"] = given.get("RequestId", request_id)

    check_attribute_count(merged)
    check_size(merged)
    return MergedEndpoint(
        endpoint=cast("Endpoint", merged),
        user=cast("User", kept_user) if "UserId" in kept_user else None,
    )


def in_use(endpoint: Endpoint, now: str) -> Endpoint:
    """Return the endpoint after an event that says nothing about it: only its activity is new.

    An INACTIVE endpoint stays INACTIVE, and its address stays with the endpoint that has it now.
    """
    return {**endpoint, "EffectiveDate": now}


def check_size(endpoint: Mapping[str, Any]) -> None:
    """Raise InvalidMember when the endpoint, as compact JSON in UTF-8, is over 15 KB."""
    try:
        size = len(json.dumps(endpoint, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        raise InvalidMember(
            "Endpoint", "holds half of a UTF-16 surrogate pair, which is no text. Remove it."
        ) from None
    if size > quotas.ENDPOINT_BYTES:
        raise InvalidMember(
            "Endpoint",
            f"has {size} bytes, and at most {quotas.ENDPOINT_BYTES} are kept. "
            "Remove attributes, or shorten their values.",
        )


def attach(user_endpoints: Sequence[Endpoint], endpoint: Endpoint) -> Attachment:
    """Decide whether an endpoint may join a user who has these endpoints.

    A user has at most fifteen, whatever their status. A sixteenth of a push channel takes the place
    of the user's push endpoint with the oldest EffectiveDate; any other is refused.

    Raises:
        BadRequest: the user is full and nothing may be displaced.
    """
    others = [other for other in user_endpoints if other["Id"] != endpoint["Id"]]
    already_there = len(others) < len(user_endpoints)
    if already_there or len(others) < quotas.ENDPOINTS_PER_USER:
        return Attachment(deactivate=[])

    candidates = [other for other in others if other.get("ChannelType") in DISPLACING_CHANNELS]
    if endpoint.get("ChannelType") not in DISPLACING_CHANNELS or not candidates:
        raise BadRequest(
            f"Exceeded maximum endpoint per user count {quotas.ENDPOINTS_PER_USER}. "
            "Delete one of the user's endpoints, or give this one another User.UserId."
        )
    oldest = min(candidates, key=lambda other: (other.get("EffectiveDate", ""), other["Id"]))
    return Attachment(deactivate=[oldest["Id"]])


def displaced(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint after a sixteenth took its place: INACTIVE and without a user."""
    left: Endpoint = {**endpoint, "EndpointStatus": EndpointStatus.INACTIVE.value}
    left.pop("User", None)
    return left


def superseded(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint after another one of its project took its address: INACTIVE."""
    return {**endpoint, "EndpointStatus": EndpointStatus.INACTIVE.value}


def endpoint_id_for(app_id: str, channel: str, address: str) -> str:
    """Return the id of an endpoint that came without one: 32 hex digits, the same for the same
    address.

    Pinpoint draws a random id, so importing a file twice made every person twice; ours does not.
    """
    return sha256("\0".join((app_id, channel, address)).encode()).hexdigest()[:32]


def matching_attribute_names(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the names that RemoveAttributes means, in the order of `names`; patterns are globs."""
    globs = list(patterns)
    return [name for name in names if any(fnmatchcase(name, glob) for glob in globs)]


def visible(endpoint: Endpoint) -> bool:
    """Check whether messages may go to the endpoint: ACTIVE, and not opted out of everything."""
    return endpoint.get("EndpointStatus") == "ACTIVE" and endpoint.get("OptOut") != "ALL"


def _merged_values(
    current: dict[str, list[str]] | None, given: dict[str, list[str]]
) -> dict[str, list[str]]:
    merged = {**(current or {}), **given}
    return {name: values for name, values in merged.items() if values}


def _merged_user(
    current: Mapping[str, Any], kept: User | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Join the stored members of the endpoint's (new) user with the members of the update.

    Attributes that the endpoint had while it named no user go to the first user that it names,
    unless that user has an attribute of the same name (our rule).
    """
    user_id = given.get("UserId", current.get("UserId"))
    stays = "UserId" not in current or current["UserId"] == user_id
    attributes: dict[str, list[str]] = {}
    if stays and (kept is None or "UserId" not in current):
        attributes.update(current.get("UserAttributes", {}))
    if kept is not None:
        attributes.update(kept.get("UserAttributes", {}))
    attributes = _merged_values(attributes, given.get("UserAttributes", {}))

    merged: dict[str, Any] = {}
    if user_id is not None:
        merged["UserId"] = user_id
    if attributes:
        merged["UserAttributes"] = attributes
    return merged


def _check_reachable(endpoint: Mapping[str, Any]) -> None:
    """Check that an address has a channel, and that the channel has the address it needs."""
    channel = endpoint.get("ChannelType")
    if "Address" in endpoint and channel is None:
        raise InvalidMember(
            "ChannelType",
            "is missing: an Address means nothing without it. "
            f"Give one of {', '.join(ChannelType)}.",
        )
    if channel in CHANNELS_THAT_START_WITH_AN_ADDRESS and "Address" not in endpoint:
        raise InvalidMember(
            "Address", f"is missing: a new endpoint of channel {channel} needs one. Give it."
        )
