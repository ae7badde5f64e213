"""The references of a campaign, and the order in which segments can be created.

Source: API reference of Amazon Pinpoint, "Campaigns" (WriteCampaignRequest).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from journey_copy.references import source_segments
from shared.journeys import Kind, Path, Reference

__all__ = ["campaign_references", "in_order"]

_TEMPLATES = {
    "EmailTemplate": Kind.EMAIL_TEMPLATE,
    "InAppTemplate": Kind.IN_APP_TEMPLATE,
    "PushTemplate": Kind.PUSH_TEMPLATE,
    "SMSTemplate": Kind.SMS_TEMPLATE,
    "VoiceTemplate": Kind.VOICE_TEMPLATE,
}
_IN_TREATMENT: dict[tuple[str, ...], Kind] = {
    ("CustomDeliveryConfiguration", "DeliveryUri"): Kind.DELIVERY_URI,
    ("MessageConfiguration", "EmailMessage", "FromAddress"): Kind.FROM_ADDRESS,
    ("MessageConfiguration", "SMSMessage", "OriginationNumber"): Kind.ORIGINATION_NUMBER,
    ("MessageConfiguration", "SMSMessage", "SenderId"): Kind.SENDER_ID,
}
_IN_CAMPAIGN: dict[tuple[str, ...], Kind] = {
    ("SegmentId",): Kind.SEGMENT,
    ("Hook", "LambdaFunctionName"): Kind.DELIVERY_URI,
}


def campaign_references(campaign: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield the references of a campaign and of its treatments."""
    yield from _references(campaign, (), _IN_CAMPAIGN)
    treatments: list[tuple[Path, Mapping[str, Any]]] = [((), campaign)]
    for number, treatment in enumerate(campaign.get("AdditionalTreatments") or []):
        treatments.append((("AdditionalTreatments", number), treatment))
    for at, treatment in treatments:
        yield from _references(treatment, at, _IN_TREATMENT)
        templates = treatment.get("TemplateConfiguration") or {}
        for member, kind in _TEMPLATES.items():
            template = templates.get(member) or {}
            if template.get("Name"):
                path: Path = (*at, "TemplateConfiguration", member, "Name")
                yield Reference(kind, path, template["Name"], template.get("Version"))


def in_order(segments: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], set[str]]:
    """Return the ids of segments, each behind the segments that it is built on; and the ids of
    segments that lead back to themselves, or are built on such segments."""
    users: dict[str, list[str]] = {}
    waiting: dict[str, int] = {}
    for segment_id, segment in segments.items():
        sources = {source for _, source, _ in source_segments(segment) if source in segments}
        waiting[segment_id] = len(sources)
        for source in sources:
            users.setdefault(source, []).append(segment_id)
    ordered = [segment_id for segment_id, count in waiting.items() if count == 0]
    for segment_id in ordered:  # grows while it is read
        for user in users.get(segment_id, ()):
            waiting[user] -= 1
            if waiting[user] == 0:
                ordered.append(user)
    return ordered, set(segments) - set(ordered)


def _references(
    holder: Mapping[str, Any], at: Path, members: Mapping[tuple[str, ...], Kind]
) -> Iterator[Reference]:
    for path, kind in members.items():
        value: Any = holder
        for step in path:
            value = (value or {}).get(step)
        if value:
            yield Reference(kind, (*at, *path), value)
