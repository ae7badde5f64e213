"""Payloads and answers between a campaign and its owner's Lambda functions.

A FILTER hook may drop endpoints and change what is rendered for them; a custom channel's function
delivers by itself. Both get at most 50 endpoints a call. Choices where AWS is silent: endpoints a
hook adds are ignored; it can change what a message says, not who gets it, so Address, ChannelType,
UserId, OptOut and EndpointStatus stay the stored ones; the message is given under both
`MessageConfiguration` (as documented) and `Message` (as older functions read it).

`MarkupAttributes` in a definition is this hub's own: names of attributes whose values the hook
vouches for as HTML. `{{Attributes.html}}` prints them as they are. Shells of functions that were
written for Pinpoint are written so, and Pinpoint's pages do not say that it escapes; this hub
escapes every other value.

Source: Pinpoint developer guide, "Customizing segments using an AWS Lambda function" and "Creating
a custom channel in Amazon Pinpoint".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from engagement_hub.engagement.campaigns import ENDPOINTS_PER_CALL
from engagement_hub.engagement.model import ChannelType, Endpoint
from shared.instants import iso
from shared.messages.template_helpers import Markup

_DEFINITION = (
    "ChannelType",
    "Address",
    "EndpointStatus",
    "OptOut",
    "RequestId",
    "EffectiveDate",
    "Location",
    "Demographic",
    "Attributes",
    "Metrics",
    "User",
    "CreationDate",
)
_VALUE_MAPS = ("Attributes", "Recommendations")
# A participant of a journey keeps the answers of its custom channels in one item.
_ANSWERED_ATTRIBUTES, _ANSWERED_VALUES, _NAME, _VALUE = 20, 10, 50, 100
_OVERRIDABLE = frozenset(
    {
        ChannelType.ADM,
        ChannelType.APNS,
        ChannelType.APNS_SANDBOX,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
        ChannelType.BAIDU,
        ChannelType.GCM,
        ChannelType.SMS,
    }
)


class HookFailure(Exception):
    """The hook's answer cannot be used; its endpoints end as HOOK_FAILURE."""


@dataclass(frozen=True, slots=True)
class HookedEndpoint:
    """An endpoint as the hook wants it rendered. Overrides are for this run's message only."""

    endpoint: Endpoint
    title_override: str | None = None
    body_override: str | None = None


def endpoint_definition(endpoint: Endpoint) -> dict[str, Any]:
    """Return an endpoint as hooks, custom channels and events show it: without its ids."""
    members = cast(Mapping[str, Any], endpoint)
    return {name: members[name] for name in _DEFINITION if members.get(name) is not None}


def _definitions(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    if len(endpoints) > ENDPOINTS_PER_CALL:
        raise ValueError(f"{len(endpoints)} endpoints in one call; at most {ENDPOINTS_PER_CALL}")
    return {endpoint["Id"]: endpoint_definition(endpoint) for endpoint in endpoints}


def _direct_form(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a campaign's MessageConfiguration in the form of DirectMessageConfiguration."""
    direct = {k: v for k, v in configuration.items() if k not in ("EmailMessage", "CustomMessage")}
    email = configuration.get("EmailMessage")
    if email:
        parts = {"Subject": "Title", "HtmlPart": "HtmlBody", "TextPart": "Body"}
        simple: dict[str, Any] = {
            part: {"Charset": "UTF-8", "Data": email[member]}
            for part, member in parts.items()
            if email.get(member)
        }
        direct["EmailMessage"] = {"SimpleEmail": simple}
        if email.get("FromAddress"):
            direct["EmailMessage"]["FromAddress"] = email["FromAddress"]
        if email.get("Headers"):
            simple["Headers"] = email["Headers"]
    return direct


def hook_payload(
    endpoints: Sequence[Endpoint],
    *,
    app_id: str,
    campaign_id: str,
    activity_id: str,
    treatment_id: str,
    scheduled_time: datetime,
    message_configuration: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the payload of a FILTER hook for at most 50 endpoints."""
    message = _direct_form(message_configuration)
    return {
        "MessageConfiguration": message,
        "Message": message,
        "ApplicationId": app_id,
        "CampaignId": campaign_id,
        "TreatmentId": treatment_id,
        "ActivityId": activity_id,
        "ScheduledTime": iso(scheduled_time),
        "Endpoints": _definitions(endpoints),
    }


def custom_channel_payload(
    endpoints: Sequence[Endpoint],
    *,
    app_id: str,
    campaign_id: str,
    activity_id: str,
    treatment_id: str,
    scheduled_time: datetime,
    data: str | None,
) -> dict[str, Any]:
    """Return the payload of a custom channel's function for at most 50 endpoints."""
    payload: dict[str, Any] = {
        "Message": {},
        "Data": data,
        "ApplicationId": app_id,
        "CampaignId": campaign_id,
        "TreatmentId": treatment_id,
        "ActivityId": activity_id,
        "ScheduledTime": iso(scheduled_time),
        "Endpoints": _definitions(endpoints),
    }
    if data is None:
        del payload["Data"]
    return payload


def journey_channel_payload(
    endpoints: Sequence[Endpoint],
    *,
    app_id: str,
    journey_id: str,
    run_id: str,
    activity_id: str,
    scheduled_time: datetime,
    data: str | None,
) -> dict[str, Any]:
    """Return the payload of a journey's custom channel for at most 50 endpoints. JourneyRunId is
    this hub's own."""
    payload: dict[str, Any] = {
        "Message": {},
        "ApplicationId": app_id,
        "JourneyId": journey_id,
        "JourneyRunId": run_id,
        "ActivityId": activity_id,
        "ScheduledTime": iso(scheduled_time),
        "Endpoints": _definitions(endpoints),
    }
    return payload if data is None else {**payload, "Data": data}


def event_attributes(answer: Any, endpoint_id: str) -> dict[str, list[str]] | None:
    """Return the EventAttributes of an endpoint in the answer of a journey's custom channel, whose
    values are texts; None where the answer has no readable ones."""
    of_endpoint = answer.get(endpoint_id) if isinstance(answer, Mapping) else None
    given = of_endpoint.get("EventAttributes") if isinstance(of_endpoint, Mapping) else None
    if not isinstance(given, Mapping):
        return None
    try:
        values: dict[str, list[str]] = value_lists({"Attributes": given}, "Attributes")[
            "Attributes"
        ]
    except HookFailure:
        return None
    kept = list(values.items())[:_ANSWERED_ATTRIBUTES]
    return {name[:_NAME]: [one[:_VALUE] for one in some[:_ANSWERED_VALUES]] for name, some in kept}


def apply_hook_answer(endpoints: Sequence[Endpoint], answer: Any) -> list[HookedEndpoint]:
    """Return the endpoints the hook kept, with its changes, in their old order.

    Args:
        endpoints: the endpoints of the payload.
        answer: the function's decoded answer, a map from endpoint id to definition.

    Raises:
        HookFailure: it is no such map, or a definition in it cannot be read.
    """
    if not isinstance(answer, Mapping):
        raise HookFailure("The hook's answer is not a map from endpoint id to endpoint.")
    kept = []
    for number, endpoint in enumerate(endpoints, start=1):
        if endpoint["Id"] not in answer:
            continue
        definition = answer[endpoint["Id"]]
        try:
            if not isinstance(definition, Mapping):
                raise HookFailure("it is not an object.")
            kept.append(_hooked(endpoint, definition))
        except HookFailure as error:
            # An id may be an address, so the log names the endpoint by its place in the payload.
            raise HookFailure(
                f"The hook's answer for endpoint {number} of the {len(endpoints)} in its payload "
                f"cannot be used: {error}"
            ) from error
    return kept


def _hooked(endpoint: Endpoint, definition: Mapping[str, Any]) -> HookedEndpoint:
    changed: dict[str, Any] = dict(endpoint)
    for member in ("Location", "Demographic", "Metrics"):
        changed.update(_object(definition, member))
    for member in _VALUE_MAPS:
        changed.update(value_lists(definition, member))
    for name in _markup_names(definition):
        if name in changed.get("Attributes", {}):
            changed["Attributes"][name] = [Markup(v) for v in changed["Attributes"][name]]
    if isinstance(definition.get("RecommendationItems"), list):
        changed["RecommendationItems"] = definition["RecommendationItems"]
    user = _object(definition, "User").get("User")
    if user is not None:
        changed["User"] = {
            **(endpoint.get("User") or {}),
            **value_lists(user, "UserAttributes"),
        }
    if endpoint.get("ChannelType") not in _OVERRIDABLE:
        return HookedEndpoint(cast(Endpoint, changed))
    return HookedEndpoint(
        cast(Endpoint, changed),
        title_override=_text(definition, "TitleOverride"),
        body_override=_text(definition, "BodyOverride"),
    )


def _markup_names(definition: Mapping[str, Any]) -> list[str]:
    """Return the attributes of the answer that are markup; never one that the hook did not give."""
    names = definition.get("MarkupAttributes")
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise HookFailure("MarkupAttributes is not a list of names.")
    given = definition.get("Attributes")
    return [name for name in names if isinstance(given, Mapping) and name in given]


def _object(source: Mapping[str, Any], member: str) -> dict[str, Any]:
    value = source.get(member)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise HookFailure(f"{member} is not an object.")
    return {member: dict(value)}


def value_lists(source: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Return a map of value lists; a bare value is read as a list of one, as AWS's samples write
    it."""
    found = _object(source, member)
    if not found:
        return {}
    values = {}
    for name, value in found[member].items():
        items = value if isinstance(value, list) else [] if value is None else [value]
        if any(isinstance(item, list | Mapping) for item in items):
            raise HookFailure(f"{member} has a value that is not a list of values.")
        values[name] = [
            item
            if isinstance(item, str)
            else str(item).lower()
            if isinstance(item, bool)
            else str(item)
            for item in items
            if item is not None
        ]
    return {member: values}


def _text(definition: Mapping[str, Any], member: str) -> str | None:
    value = definition.get(member)
    if value is not None and not isinstance(value, str):
        raise HookFailure(f"{member} is not a string.")
    return value or None
