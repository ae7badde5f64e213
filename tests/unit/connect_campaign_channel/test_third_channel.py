"""The channel that the README shows how to write, as it is written there."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from connect_campaign_channel import channels
from connect_campaign_channel.contact_claims import ContactClaims
from connect_campaign_channel.contacting import Contacting, Rules
from connect_campaign_channel.content import Content, MalformedData
from shared.outcome_events import ChannelOutcome
from shared.pacing import RateLimiter
from tests.builders.contacts import TABLE, Book, Clock, endpoint, message
from tests.builders.tables import PK_AND_SK

README = Path(__file__).parents[3] / "modules" / "connect_campaign_channel" / "README.md"
ADDRESS = "Main Street 1, Springfield"


@pytest.fixture
def shop(monkeypatch: Any) -> Iterator[dict[str, Any]]:
    """The queue of the print shop, and the table of claims."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        dynamodb.create_table(TableName=TABLE, **PK_AND_SK)
        yield {
            "dynamodb": dynamodb,
            "sqs": sqs,
            "queue_url": sqs.create_queue(QueueName="letters")["QueueUrl"],
        }


def code() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    return str(block)


def test_6_a_third_channel_is_written_in_some_twenty_lines(
    monkeypatch: Any, shop: dict[str, Any]
) -> None:
    written: dict[str, Any] = {}
    exec(compile(code(), "letters.py", "exec"), written)
    monkeypatch.setitem(channels.CHANNELS, "letters", written["Letters"])
    clock = Clock()
    letters = channels.channel_named("letters", {"queue_url": shop["queue_url"]})
    contacting = Contacting(
        letters,
        ContactClaims(shop["dynamodb"], TABLE),
        RateLimiter(shop["dynamodb"], TABLE, "contacts", 5, clock, clock.sleep),
        Book(),
        Rules(None, None, timedelta(hours=24), timedelta(seconds=190)),
        clock=clock,
        sleep=clock.sleep,
    )
    letter = message(endpoint=endpoint(ChannelType="CUSTOM", Address=ADDRESS))

    first = contacting.handle(letter, "one", 1)
    again = contacting.handle(letter, "two", 2)
    homeless = contacting.handle(message("tom", endpoint=endpoint(Address="")), "three", 1)

    sent = shop["sqs"].receive_message(QueueUrl=shop["queue_url"], MaxNumberOfMessages=10)
    assert [one["Body"] for one in sent["Messages"]] == [f"{ADDRESS}\nHello Mary"]
    assert first == again
    assert first.outcome is not None and first.outcome.outcome is ChannelOutcome.ACCEPTED
    assert homeless.outcome is not None and homeless.outcome.reason == "NO_ADDRESS"
    letters.check(Content({"Message": "Hello"}))
    with pytest.raises(MalformedData, match="Message"):
        letters.check(Content({"Text": "Hello"}))
    lines = [line for line in code().splitlines() if line.strip()]
    assert len(lines) <= 28
