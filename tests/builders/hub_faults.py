"""Campaigns and direct sends for the fault matrix, with the books that a user reads."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

from tests.builders.local_account import LocalAccount

# Recipients of the two chunks of a run. A chunk is of one shard.
FIRST_CHUNK, SECOND_CHUNK = 3, 2
TEXT = {"SMSMessage": {"Body": "Hi", "MessageType": "TRANSACTIONAL"}}
# Contents by channel; a campaign and a direct send write an email differently.
CAMPAIGN_CONTENT = {"SMS": TEXT, "EMAIL": {"EmailMessage": {"Title": "Hi", "HtmlBody": "Hi"}}}
DIRECT_CONTENT = {
    "SMS": TEXT,
    "EMAIL": {
        "EmailMessage": {
            "SimpleEmail": {"Subject": {"Data": "Hi"}, "TextPart": {"Data": "Hi"}},
        }
    },
}


def ids_in_shard(shard: int, count: int) -> list[str]:
    """Endpoint ids that the hub keeps together, and so sends to in one chunk."""
    numbered = (f"person-{n}" for n in range(100 * count))
    return [one for one in numbered if zlib.crc32(one.encode()) % 32 == shard][:count]


def addresses(project: str, channel: str, count: int) -> list[str]:
    """Addresses that no other project has."""
    if channel == "EMAIL":
        return [f"person-{number}-{project[:8]}@example.com" for number in range(count)]
    return [f"+1425{int(project[:6], 16) % 100_000:05d}{number:02d}" for number in range(count)]


def two_small_chunks(pinpoint: Any, project: str, channel: str) -> list[str]:
    """Endpoints of two chunks, and one that opted out. Returns the addresses of the chunks."""
    ids = [*ids_in_shard(0, FIRST_CHUNK), *ids_in_shard(1, SECOND_CHUNK), "opted-out"]
    own = addresses(project, channel, len(ids))
    items = [
        {"Id": one, "ChannelType": channel, "Address": address}
        for one, address in zip(ids, own, strict=True)
    ]
    items[-1]["OptOut"] = "ALL"
    pinpoint.update_endpoints_batch(ApplicationId=project, EndpointBatchRequest={"Item": items})
    return own[:-1]


def messages_to(account: LocalAccount, channel: str, to: list[str]) -> Counter[str]:
    """Count the messages of each address that got one."""
    sent = account.outbox(channel.lower())
    return Counter(address for address in to for message in sent if address in message["to"])


def direct_send(pinpoint: Any, project: str, channel: str, to: list[str]) -> dict[str, Any]:
    """Send to addresses. Returns the answer with its ResponseMetadata."""
    answer: dict[str, Any] = pinpoint.send_messages(
        ApplicationId=project,
        MessageRequest={
            "Addresses": {address: {"ChannelType": channel} for address in to},
            "MessageConfiguration": DIRECT_CONTENT[channel],
        },
    )
    return answer


def dead_letters(account: LocalAccount, urls: dict[str, str]) -> int:
    """Count the messages of dead-letter queues, in flight and delayed ones included."""
    sqs = account.client("sqs")
    attributes = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in urls.values()
    ]
    return sum(
        int(value)
        for queue in attributes
        for name, value in queue.items()
        if name.startswith("ApproximateNumberOfMessages")
    )
