"""Rows of the index: one for each archived message. Athena reads the files as the table `messages`.

`modules/message_archiver/messages.json` has the columns; a test keeps the two in step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from message_archiver.keys import hour_of, index_key, message_key, send_id
from message_archiver.mime import subject_of
from shared.sent_messages.rendering import Message

__all__ = ["files_of", "row_of"]


def row_of(message: Message) -> dict[str, Any]:
    """Return the row of a message."""
    send = message.send
    return {
        "endpoint_id": send.endpoint_id,
        "user_id": send.user_id,
        # As Hive's JSON SerDe reads a timestamp.
        "sent_at": f"{send.sent_at:%Y-%m-%d %H:%M:%S}.{send.sent_at.microsecond // 1000:03d}",
        "channel": message.channel,
        "subject": subject_of(message) or None,
        "application_id": send.application_id,
        "campaign_id": send.ids.get("campaign_id"),
        "campaign_activity_id": send.ids.get("campaign_activity_id"),
        "campaign_version": message.campaign_version,
        "treatment_id": send.ids.get("treatment_id"),
        "journey_id": send.ids.get("journey_id"),
        "journey_run_id": send.ids.get("journey_run_id"),
        "journey_activity_id": send.ids.get("journey_activity_id"),
        "template_name": message.template.name if message.template else None,
        "template_version": message.template.version if message.template else None,
        "fidelity": message.fidelity.value,
        "send_id": send_id(send),
        "key": message_key(send),
    }


def files_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the index files of rows: key → rows. A file has the rows of one hour."""
    hours: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        hours.setdefault(hour_of(row["key"]), {})[row["key"]] = row
    files = {}
    for hour, by_key in hours.items():
        ordered = [by_key[key] for key in sorted(by_key)]
        files[index_key(hour, (json.dumps(row) for row in ordered))] = ordered
    return files
