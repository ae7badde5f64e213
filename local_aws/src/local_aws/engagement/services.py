"""All engagement services: put into ministack, and emptied."""

from __future__ import annotations

from local_aws.engagement import delivery, outbox, pinpoint, registration, ses, sms_voice
from local_aws.engagement.ses import events, exports, quota, receiving, sending

REQUIRED = (
    *delivery.REQUIRED,
    *registration.REQUIRED,
    *receiving.REQUIRED,
    *sending.REQUIRED,
)


def register() -> None:
    ses.apply_all()
    for service in (pinpoint, sms_voice, sending):
        service.register()


def reset() -> None:
    for each in (outbox, pinpoint, sms_voice, events, exports, quota):
        each.reset()
