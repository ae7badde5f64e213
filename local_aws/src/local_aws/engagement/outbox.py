"""What was sent: the messages a tester can read at ``/_local/outbox/<channel>``."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

CHANNELS = ("email", "sms", "voice", "push", "connect", "whatsapp")

_lock = threading.Lock()
_sent: dict[str, list[dict[str, Any]]] = {channel: [] for channel in CHANNELS}


def deliver(channel: str, message: dict[str, Any]) -> None:
    """Append one message; ``at`` (ISO 8601, UTC, milliseconds) is added in front."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with _lock:
        _sent[channel].append({"at": at, **message})


def messages(channel: str) -> list[dict[str, Any]]:
    """What was sent by one channel since the start or the last reset, oldest first."""
    with _lock:
        return list(_sent[channel])


def reset() -> None:
    with _lock:
        for sent in _sent.values():
            sent.clear()
