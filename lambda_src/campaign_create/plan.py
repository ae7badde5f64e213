"""A run's input, checked and turned into the campaign to create."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "BadCampaignRequest",
    "CampaignPlan",
    "Defaults",
    "campaign_plan",
    "campaign_request",
    "campaigns_named",
    "status_of",
]

NAME_CHARACTERS = 64  # Pinpoint takes no longer campaign names
_TEMPLATE_OF = {"SMS": "SmsTemplateName", "EMAIL": "EmailTemplateName"}
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_SCHEDULE = frozenset({"StartTime", "EndTime", "Frequency", "IsLocalTime", "Timezone", "QuietTime"})
_FREQUENCIES = ("ONCE", "HOURLY", "DAILY", "WEEKLY", "MONTHLY")
# Least and most of each limit (Pinpoint developer guide, "Campaign limits").
_LIMITS = {
    "Daily": (1, 100),
    "Total": (1, 100),
    "MaximumDuration": (60, None),
    "MessagesPerSecond": (1, 20_000),
}
_KNOWN = frozenset(
    {
        "SegmentId",
        "SegmentName",
        "SmsTemplateName",
        "EmailTemplateName",
        "Channel",
        "TemplateVersion",
        "MessageType",
        "OriginationIdentity",
        "SenderId",
        "FromAddress",
        "Schedule",
        "QuietTime",
        "Limits",
        "ExpectedRecipients",
        "MaxRecipients",
        "CorrelationId",
    }
)


class BadCampaignRequest(ValueError):
    """The input of a run describes no campaign; the message names the member and the rule."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The module's defaults for members that an input leaves out."""

    message_type: str
    origination_identity: str | None = None
    sender_id: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A checked input."""

    name: str
    channel: str
    segment_id: str
    template_name: str
    template_version: str | None
    message: Mapping[str, str]
    schedule: Mapping[str, Any]
    limits: Mapping[str, int] | None

    @property
    def wait_until(self) -> str | None:
        """The scheduled start in UTC, or None for a campaign that starts at once."""
        start: str = self.schedule["StartTime"]
        if start == "IMMEDIATE":
            return None
        # Step Functions reads RFC 3339 only, which allows less than ISO 8601.
        return datetime.fromisoformat(start).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def campaign_plan(run_input: Any, correlation_id: str, defaults: Defaults) -> CampaignPlan:
    """Check a run's input.

    `{SegmentId, SegmentName, SmsTemplateName}` make an SMS campaign that starts at once; README
    lists the optional members. The campaign's name ends in a digest of the correlation id,
    by which a repeated run finds the campaign of the one before.

    Raises:
        BadCampaignRequest: a member is missing, unknown, or against its rule.
    """
    if not isinstance(run_input, Mapping):
        raise BadCampaignRequest("The input must be a JSON object.")
    unknown = sorted(set(run_input) - _KNOWN)
    if unknown:
        raise BadCampaignRequest(
            f"Unknown member {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}."
        )
    _check_size(run_input)

    channel = run_input.get("Channel", "SMS")
    if channel not in _TEMPLATE_OF:
        raise BadCampaignRequest("Channel must be SMS or EMAIL.")

    template_name = _text(run_input, _TEMPLATE_OF[channel], required=True)
    if not _TEMPLATE_NAME.fullmatch(template_name or ""):
        raise BadCampaignRequest(
            f"{_TEMPLATE_OF[channel]} must be 1-128 letters, digits, underscores and hyphens, "
            "starting with a letter or digit."
        )
    return CampaignPlan(
        name=_name(_text(run_input, "SegmentName", required=True) or "", correlation_id),
        channel=channel,
        segment_id=_text(run_input, "SegmentId", required=True) or "",
        template_name=template_name or "",
        template_version=_text(run_input, "TemplateVersion"),
        message=_message(run_input, channel, defaults),
        schedule=_schedule(run_input),
        limits=_limits(run_input.get("Limits")),
    )


def campaign_request(plan: CampaignPlan, correlation_id: str) -> dict[str, Any]:
    """Return the WriteCampaignRequest for a plan."""
    template: dict[str, str] = {"Name": plan.template_name}
    if plan.template_version is not None:
        template["Version"] = plan.template_version
    channel = "SMS" if plan.channel == "SMS" else "Email"
    request: dict[str, Any] = {
        "Name": plan.name,
        "SegmentId": plan.segment_id,
        "TemplateConfiguration": {f"{channel}Template": template},
        "Schedule": dict(plan.schedule),
        "HoldoutPercent": 0,
        "IsPaused": False,
        "tags": {"CorrelationId": correlation_id},
    }
    if plan.message:
        request["MessageConfiguration"] = {f"{channel}Message": dict(plan.message)}
    if plan.limits is not None:
        request["Limits"] = dict(plan.limits)
    return request


def campaigns_named(
    campaigns: Iterable[Mapping[str, Any]], name: str
) -> Iterator[Mapping[str, Any]]:
    """Yield the campaigns of a name that earlier attempts created; deleted ones are left out."""
    for campaign in campaigns:
        if campaign.get("Name") == name and status_of(campaign) != "DELETED":
            yield campaign


def status_of(campaign: Mapping[str, Any]) -> str | None:
    """Return the CampaignStatus of a CampaignResponse."""
    status: str | None = (campaign.get("State") or {}).get("CampaignStatus")
    return status


def _name(segment_name: str, correlation_id: str) -> str:
    # A digest, because a correlation id can be longer than the name; a tag carries the id itself.
    digest = hashlib.sha256(correlation_id.encode()).hexdigest()[:16]
    suffix = f" [{digest}]"
    return segment_name[: NAME_CHARACTERS - len(suffix)] + suffix


def _text(run_input: Mapping[str, Any], member: str, *, required: bool = False) -> str | None:
    value = run_input.get(member)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadCampaignRequest(f"{member} must be a text that is not empty.")
    return value


def _message(run_input: Mapping[str, Any], channel: str, defaults: Defaults) -> dict[str, str]:
    for member, belongs_to in (
        ("MessageType", "SMS"),
        ("OriginationIdentity", "SMS"),
        ("SenderId", "SMS"),
        ("FromAddress", "EMAIL"),
    ):
        if member in run_input and channel != belongs_to:
            raise BadCampaignRequest(f"{member} is for Channel {belongs_to} only.")

    if channel == "EMAIL":
        from_address = _text(run_input, "FromAddress")
        return {} if from_address is None else {"FromAddress": from_address}

    message_type = run_input.get("MessageType", defaults.message_type)
    if message_type not in ("TRANSACTIONAL", "PROMOTIONAL"):
        raise BadCampaignRequest("MessageType must be TRANSACTIONAL or PROMOTIONAL.")
    message = {"MessageType": message_type}
    origination = _text(run_input, "OriginationIdentity") or defaults.origination_identity
    sender_id = _text(run_input, "SenderId") or defaults.sender_id
    if origination is not None:
        message["OriginationNumber"] = origination
    if sender_id is not None:
        message["SenderId"] = sender_id
    return message


def _schedule(run_input: Mapping[str, Any]) -> dict[str, Any]:
    given = run_input.get("Schedule") or {}
    if not isinstance(given, Mapping) or set(given) - _SCHEDULE:
        raise BadCampaignRequest(
            f"Schedule must be an object with members of {', '.join(sorted(_SCHEDULE))}."
        )
    schedule: dict[str, Any] = {
        "StartTime": "IMMEDIATE",
        "Frequency": "ONCE",
        "Timezone": "UTC",
        "IsLocalTime": False,
        **given,
    }
    if schedule["Frequency"] not in _FREQUENCIES:
        raise BadCampaignRequest(f"Schedule.Frequency must be one of {', '.join(_FREQUENCIES)}.")
    if schedule["StartTime"] != "IMMEDIATE" and not _is_instant(schedule["StartTime"]):
        raise BadCampaignRequest(
            "Schedule.StartTime must be IMMEDIATE or an ISO 8601 time with its offset, such as "
            "2027-01-31T09:00:00Z."
        )

    quiet = run_input.get("QuietTime")
    if quiet is not None:
        if "QuietTime" in given:
            raise BadCampaignRequest("QuietTime is given twice: keep it or Schedule.QuietTime.")
        schedule["QuietTime"] = quiet
    quiet = schedule.get("QuietTime")
    if quiet is not None and not (
        isinstance(quiet, Mapping)
        and set(quiet) == {"Start", "End"}
        and all(isinstance(t, str) and _TIME_OF_DAY.fullmatch(t) for t in quiet.values())
    ):
        raise BadCampaignRequest('QuietTime must be {"Start": "HH:MM", "End": "HH:MM"}.')
    return schedule


def _is_instant(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _limits(given: Any) -> dict[str, int] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - set(_LIMITS):
        raise BadCampaignRequest(
            f"Limits must be an object with members of {', '.join(sorted(_LIMITS))}."
        )
    for member, value in given.items():
        least, most = _LIMITS[member]
        if type(value) is not int or value < least or (most is not None and value > most):
            upper = "" if most is None else f" and at most {most}"
            raise BadCampaignRequest(
                f"Limits.{member} must be a whole number of at least {least}{upper}."
            )
    return dict(given)


def _check_size(run_input: Mapping[str, Any]) -> None:
    """Refuse an audience that is larger than the caller meant it to be."""
    expected, most = run_input.get("ExpectedRecipients"), run_input.get("MaxRecipients")
    for member, value in (("ExpectedRecipients", expected), ("MaxRecipients", most)):
        if value is not None and (type(value) is not int or value < 0):
            raise BadCampaignRequest(f"{member} must be a whole number, 0 or more.")
    if most is not None and expected is not None and expected > most:
        raise BadCampaignRequest(
            f"The campaign would reach up to {expected} recipients, more than MaxRecipients "
            f"{most} allows. Nothing was sent."
        )
