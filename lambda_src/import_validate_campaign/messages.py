"""Read the notification of one stage and write the input of the next stage."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.transient import reading_error

__all__ = [
    "ImportFinished",
    "MalformedNotification",
    "ValidationFinished",
    "audience_name",
    "audience_segment",
    "campaign_input",
    "execution_name",
    "import_finished",
    "notification_in",
    "segment_named",
    "template_for",
    "validation_finished",
    "validation_input",
]

SEGMENT_NAME_CHARACTERS = 64
_NAME_SAFE = re.compile(r"[^A-Za-z0-9_-]")


class MalformedNotification(ValueError):
    """A message is not the notification its queue is for; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class ImportFinished:
    """A successful import."""

    correlation_id: str
    segment_id: str
    segment_name: str
    job_id: str


@dataclass(frozen=True, slots=True)
class ValidationFinished:
    """A successful validation of one segment; `valid` counts endpoints."""

    correlation_id: str
    segment_id: str
    segment_name: str
    valid: int


def notification_in(body: str) -> tuple[Mapping[str, Any], datetime]:
    """Return the notification in an SQS message that SNS sent without raw delivery, and its time.

    The time is SNS's, so that a redelivered message leads to the same input as the first.

    Raises:
        MalformedNotification: it is no SNS envelope round a JSON object.
    """
    try:
        envelope = json.loads(body)
        message = json.loads(envelope["Message"])
        published = datetime.fromisoformat(envelope["Timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedNotification(
            f"Not an SNS message with a JSON body: {type(error).__name__}. "
            "The subscription must not use raw message delivery."
        ) from error
    if not isinstance(message, dict):
        raise MalformedNotification("The SNS message is JSON, but not an object.")
    return message, published


def import_finished(message: Mapping[str, Any]) -> ImportFinished:
    """Read the notification "Import Successful".

    Raises:
        MalformedNotification: it has no ImportResult with a segment, or no CorrelationId.
    """
    try:
        result = message["ImportResult"]
        definition = result["Definition"]
        return ImportFinished(
            correlation_id=str(message["CorrelationId"]),
            segment_id=str(definition["SegmentId"]),
            segment_name=str(definition.get("SegmentName") or definition["SegmentId"]),
            job_id=str(result["Id"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedNotification(
            f"Not an import notification: {reading_error(error)}."
        ) from error


def validation_finished(message: Mapping[str, Any]) -> ValidationFinished | None:
    """Read the notification "Phone Validate Successful".

    Returns None for a run that did not validate one segment: a manual run over all unvalidated
    endpoints. It leads to no campaign.

    Raises:
        MalformedNotification: it is not such a notification.
    """
    try:
        result = message["ValidatePhoneResult"]
        asked = result["ValidateInput"] or {}
        definition = asked.get("Definition") or {}
        segment_id = asked.get("SegmentId") or definition.get("SegmentId")
        if not segment_id:
            return None
        return ValidationFinished(
            correlation_id=str(message["CorrelationId"]),
            segment_id=str(segment_id),
            segment_name=str(
                asked.get("SegmentName") or definition.get("SegmentName") or segment_id
            ),
            valid=int(result["ValidateOutput"]["ValidPhoneNumbers"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedNotification(
            f"Not a validation notification: {reading_error(error)}."
        ) from error


def execution_name(stage: str, correlation_id: str) -> str:
    """Return the stage's execution for a correlation id, the same for every delivery of a message.

    At most 80 characters, as Step Functions allows. A correlation id that has to be altered to
    fit carries a digest of the original, so two of them never share an execution.
    """
    room = 80 - len(stage) - 1
    safe = _NAME_SAFE.sub("-", correlation_id)
    if safe != correlation_id or len(safe) > room:
        digest = hashlib.sha256(correlation_id.encode()).hexdigest()[:16]
        safe = f"{safe[: room - 17]}-{digest}"
    return f"{stage}-{safe}"


def validation_input(done: ImportFinished) -> dict[str, Any]:
    """Return the validation's input: the import's segment, and who asks."""
    return {
        "CorrelationId": done.correlation_id,
        "Definition": {"SegmentId": done.segment_id, "SegmentName": done.segment_name},
        "ImportJobId": done.job_id,
        "SegmentId": done.segment_id,
        "SegmentName": done.segment_name,
    }


def audience_name(done: ValidationFinished) -> str:
    """Return the audience segment's name: its source's, and a digest of the correlation id, which
    makes it unique; a tag carries the id itself."""
    digest = hashlib.sha256(done.correlation_id.encode()).hexdigest()[:16]
    suffix = f" able to receive SMS [{digest}]"
    return done.segment_name[: SEGMENT_NAME_CHARACTERS - len(suffix)] + suffix


def audience_segment(done: ValidationFinished, phone_types: Sequence[str]) -> dict[str, Any]:
    """Return the WriteSegmentRequest for whom the campaign may reach: members of the imported
    segment with an SMS endpoint whose number was validated as one of `phone_types`."""
    return {
        "Name": audience_name(done),
        "SegmentGroups": {
            "Include": "ALL",
            "Groups": [
                {
                    "SourceType": "ALL",
                    "SourceSegments": [{"Id": done.segment_id}],
                    "Type": "ALL",
                    "Dimensions": [
                        {
                            "Demographic": {
                                "Channel": {"DimensionType": "INCLUSIVE", "Values": ["SMS"]}
                            },
                            "Attributes": {
                                "PNV_PhoneType": {
                                    "AttributeType": "INCLUSIVE",
                                    "Values": list(phone_types),
                                }
                            },
                        }
                    ],
                }
            ],
        },
        "tags": {"CorrelationId": done.correlation_id},
    }


def segment_named(segments: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """Return the id of the segment of a name, or None."""
    return next((str(s["Id"]) for s in segments if s.get("Name") == name), None)


def template_for(segment_name: str, default: str, by_file_prefix: Mapping[str, str]) -> str:
    """Return the SMS template for a file: of the longest prefix that its name starts with, or the
    default.

    Args:
        segment_name: the imported segment's name, which is the file's.
    """
    matching = [prefix for prefix in by_file_prefix if segment_name.startswith(prefix)]
    return by_file_prefix[max(matching, key=len)] if matching else default


def campaign_input(
    done: ValidationFinished,
    audience_segment_id: str,
    *,
    sms_template_name: str,
    published: datetime,
    delay_minutes: int,
    max_recipients: int | None,
) -> dict[str, Any]:
    """Return the campaign's input: the audience, the template, and the guards.

    Args:
        published: when the validation reported its success; the delay counts from here.
        max_recipients: more valid numbers than this end in a failure instead of a campaign.
    """
    campaign: dict[str, Any] = {
        "CorrelationId": done.correlation_id,
        "SegmentId": audience_segment_id,
        "SegmentName": done.segment_name,
        "SmsTemplateName": sms_template_name,
    }
    if delay_minutes > 0:
        start = published + timedelta(minutes=delay_minutes)
        campaign["Schedule"] = {"StartTime": start.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if max_recipients is not None:
        campaign |= {"ExpectedRecipients": done.valid, "MaxRecipients": max_recipients}
    return campaign
