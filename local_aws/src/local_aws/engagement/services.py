"""All engagement services: put into ministack, and emptied."""

from __future__ import annotations

from local_aws.engagement import (
    connect,
    delivery,
    outbox,
    pinpoint,
    registration,
    ses,
    sms_voice,
    social_messaging,
)
from local_aws.engagement.ses import events, exports, quota, receiving, sending

REQUIRED = (
    *delivery.REQUIRED,
    *registration.REQUIRED,
    *receiving.REQUIRED,
    *sending.REQUIRED,
)


def register() -> None:
    ses.apply_all()
    for service in (connect, pinpoint, sms_voice, social_messaging, sending):
        service.register()


def reset() -> None:
    for each in (
        connect,
        outbox,
        pinpoint,
        sms_voice,
        social_messaging,
        events,
        exports,
        quota,
    ):
        each.reset()
