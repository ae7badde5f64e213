"""The parts of a journey that programs look up: messages of activities, and references.

A journey is the JSON of WriteJourneyRequest or JourneyResponse.

Source: API reference of Amazon Pinpoint, "Journeys".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "SENDING",
    "TEMPLATED",
    "TEMPLATE_TYPES",
    "ActivityType",
    "Kind",
    "Message",
    "Path",
    "Reference",
    "activity_type",
    "branches_of",
    "conditions_of",
    "journey_references",
    "message_of",
    "path_text",
]

Json = Mapping[str, Any]
Path = tuple[str | int, ...]


class ActivityType(StrEnum):
    """The member of an activity that says what the activity does."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    PUSH = "PUSH"
    CUSTOM = "CUSTOM"
    CONTACT_CENTER = "ContactCenter"
    WAIT = "Wait"
    CONDITIONAL_SPLIT = "ConditionalSplit"
    MULTI_CONDITION = "MultiCondition"
    RANDOM_SPLIT = "RandomSplit"
    HOLDOUT = "Holdout"


TEMPLATED = (ActivityType.EMAIL, ActivityType.SMS, ActivityType.PUSH)
"""The activities that send a template of their own type."""

SENDING = (*TEMPLATED, ActivityType.CUSTOM, ActivityType.CONTACT_CENTER)
"""The activities that send a message or place a call."""


def activity_type(activity: Json) -> ActivityType | None:
    """Return the type of an activity; None for an activity with no type or several."""
    types = [one for one in ActivityType if activity.get(one) is not None]
    return types[0] if len(types) == 1 else None


def branches_of(split: Json) -> list[Json]:
    """Return the branches of a multivariate or random split."""
    return list(split.get("Branches") or ())


def conditions_of(activity: Json) -> Iterator[tuple[Path, Json]]:
    """Yield the conditions of a split, each after its path below the activity."""
    split = activity.get(ActivityType.CONDITIONAL_SPLIT) or {}
    for number, condition in enumerate((split.get("Condition") or {}).get("Conditions") or ()):
        yield ("ConditionalSplit", "Condition", "Conditions", number), condition
    for number, branch in enumerate(branches_of(activity.get(ActivityType.MULTI_CONDITION) or {})):
        if branch.get("Condition") is not None:
            yield ("MultiCondition", "Branches", number, "Condition"), branch["Condition"]


# Messages


@dataclass(frozen=True, slots=True)
class Message:
    """Message of an activity: a template in a version, or data for a function.

    `template_version` None is the template's active version. `settings` is the MessageConfig.
    """

    activity_type: ActivityType
    template_name: str | None
    template_version: str | None
    delivery_uri: str | None
    settings: Json


def message_of(activity: Json) -> Message | None:
    """Return the message of an activity; None for an activity that sends no message."""
    kind = activity_type(activity)
    if kind is None or kind not in SENDING:
        return None
    sending = activity[kind]
    return Message(
        kind,
        sending.get("TemplateName") or None,
        sending.get("TemplateVersion") or None,
        sending.get("DeliveryUri") or None,
        sending.get("MessageConfig") or {},
    )


# References


class Kind(StrEnum):
    """The resource that a member refers to."""

    CONNECT_CAMPAIGN = "CONNECT_CAMPAIGN"
    CONNECT_ROLE = "CONNECT_ROLE"
    CUSTOM_TEMPLATE = "CUSTOM_TEMPLATE"
    DELIVERY_URI = "DELIVERY_URI"
    EMAIL_TEMPLATE = "EMAIL_TEMPLATE"
    FROM_ADDRESS = "FROM_ADDRESS"
    IN_APP_TEMPLATE = "INAPP_TEMPLATE"
    ORIGINATION_NUMBER = "ORIGINATION_NUMBER"
    PUSH_TEMPLATE = "PUSH_TEMPLATE"
    SEGMENT = "SEGMENT"
    SENDER_ID = "SENDER_ID"
    SMS_TEMPLATE = "SMS_TEMPLATE"
    VOICE_TEMPLATE = "VOICE_TEMPLATE"


TEMPLATE_TYPES = {
    Kind.EMAIL_TEMPLATE: "EMAIL",
    Kind.IN_APP_TEMPLATE: "INAPP",
    Kind.PUSH_TEMPLATE: "PUSH",
    Kind.SMS_TEMPLATE: "SMS",
    Kind.VOICE_TEMPLATE: "VOICE",
}
"""The type of a template, as the API writes it. (The API has no type for custom templates, and no
journey refers to in-app and voice templates.)"""

_TEMPLATE_KINDS = {
    ActivityType.CUSTOM: Kind.CUSTOM_TEMPLATE,
    ActivityType.EMAIL: Kind.EMAIL_TEMPLATE,
    ActivityType.PUSH: Kind.PUSH_TEMPLATE,
    ActivityType.SMS: Kind.SMS_TEMPLATE,
}
_IN_JOURNEY = {
    ("StartCondition", "SegmentStartCondition", "SegmentId"): Kind.SEGMENT,
    ("StartCondition", "EventStartCondition", "SegmentId"): Kind.SEGMENT,
    ("JourneyChannelSettings", "ConnectCampaignArn"): Kind.CONNECT_CAMPAIGN,
    ("JourneyChannelSettings", "ConnectCampaignExecutionRoleArn"): Kind.CONNECT_ROLE,
}
_IN_ACTIVITY = {
    ("CUSTOM", "DeliveryUri"): Kind.DELIVERY_URI,
    ("EMAIL", "MessageConfig", "FromAddress"): Kind.FROM_ADDRESS,
    ("SMS", "MessageConfig", "OriginationNumber"): Kind.ORIGINATION_NUMBER,
    ("SMS", "MessageConfig", "SenderId"): Kind.SENDER_ID,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A member of a journey that refers to another resource.

    `path` leads to the member. `version` belongs to a template: None is the active version.
    """

    kind: Kind
    path: Path
    value: str
    version: str | None = None

    @property
    def member(self) -> str:
        """The path as errors write it; it never holds the value."""
        return path_text(self.path)


def path_text(path: Path) -> str:
    """Return a path as errors write it: `Activities.a.RandomSplit.Branches[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def journey_references(journey: Json) -> Iterator[Reference]:
    """Yield the references of a journey to other resources."""
    for path, kind in _IN_JOURNEY.items():
        yield from _reference(journey, kind, (), path)
    for activity_id, activity in (journey.get("Activities") or {}).items():
        at: Path = ("Activities", activity_id)
        message = message_of(activity)
        if message is not None and message.template_name is not None:
            yield Reference(
                _TEMPLATE_KINDS[message.activity_type],
                (*at, message.activity_type.value, "TemplateName"),
                message.template_name,
                message.template_version,
            )
        for path, kind in _IN_ACTIVITY.items():
            yield from _reference(activity, kind, at, path)
        for where, condition in conditions_of(activity):
            below = ("SegmentCondition", "SegmentId")
            yield from _reference(condition, Kind.SEGMENT, (*at, *where), below)


def _reference(holder: Json, kind: Kind, at: Path, path: tuple[str, ...]) -> Iterator[Reference]:
    value: Any = holder
    for step in path:
        value = (value or {}).get(step)
    if value:
        yield Reference(kind, (*at, *path), value)
