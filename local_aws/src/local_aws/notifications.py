"""Every message published to an SNS topic: what a tester reads at ``/_local/notifications``."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

REQUIRED = (
    "ministack.services.sns._fanout",
    "ministack.services.sns._topic_by_arn_any_scope",
)

_lock = threading.Lock()
_published: list[dict[str, Any]] = []


def apply() -> None:
    """Keep what a topic hands to its subscriptions, whether it has any or not."""
    from ministack.services import sns

    fan_out = sns._fanout

    def keep_and_fan_out(
        topic_arn: str,
        message_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, dict[str, str]] | None = None,
        **rest: Any,
    ) -> None:
        if sns._topic_by_arn_any_scope(topic_arn):
            _keep(topic_arn, message_id, message, subject, message_attributes or {})
        fan_out(
            topic_arn, message_id, message, subject, message_structure, message_attributes, **rest
        )

    sns._fanout = keep_and_fan_out


def _keep(
    topic_arn: str,
    message_id: str,
    message: str,
    subject: str,
    attributes: dict[str, dict[str, str]],
) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    notification = {
        "at": at,
        "topic_arn": topic_arn,
        "subject": subject or None,
        "message": message,
        "message_attributes": {
            name: value.get("StringValue", value.get("BinaryValue"))
            for name, value in attributes.items()
        },
        "message_id": message_id,
    }
    with _lock:
        _published.append(notification)


def published() -> list[dict[str, Any]]:
    """What was published since the start or the last reset, oldest first."""
    with _lock:
        return list(_published)


def reset() -> None:
    with _lock:
        _published.clear()
