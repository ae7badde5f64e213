"""Addresses that bounce or complain in a project are suppressed within seconds."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.event_records import sample
from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import kinesis_events
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan
from tools import terraform_cli

pytestmark = pytest.mark.integration

SIMULATOR = "simulator.amazonses.com"
SECONDS = 60  # the original took up to five minutes
REDRIVE = terraform_cli.ROOT / "examples" / "pinpoint_event_processing" / "redrive.py"


@pytest.fixture(scope="module")
def example(pinpoint_event_processing: Any) -> dict[str, Any]:
    return outputs(pinpoint_event_processing)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


def somebody() -> str:
    return f"{uuid.uuid4().hex[:12]}@pinpoint-events.example.com"


def event(kind: str, *addresses: str, feedback_id: str | None = None) -> dict[str, Any]:
    """The sample `email_<kind>` about these addresses, a piece of feedback of its own."""
    value = copy.deepcopy(sample(f"pinpoint/email_{kind}"))
    member, past = ("complaint", "complained") if kind == "complaint" else ("bounce", "bounced")
    detail = value["facets"]["email_channel"]["mail_event"][member]
    # A soft bounce without the words of a mail server is an automatic reply.
    report = {"status": "4.4.7"} if kind == "softbounce" else {}
    detail[f"{past}_recipients"] = [{"email_address": address, **report} for address in addresses]
    detail["feedback_id"] = feedback_id or uuid.uuid4().hex
    return value


def put(account: LocalAccount, example: dict[str, Any], *events: Any) -> None:
    """Write events to the stream as a project does: JSON with a newline."""
    entries = [
        {"Data": (json.dumps(each) + "\n").encode(), "PartitionKey": "ann"} for each in events
    ]
    answer = account.client("kinesis").put_records(
        StreamName=example["stream_name"], Records=entries
    )
    assert answer["FailedRecordCount"] == 0


def suppressed(account: LocalAccount, address: str) -> str | None:
    """Read the reason for which SES suppresses an address. Returns None for another address."""
    try:
        found = account.client("sesv2").get_suppressed_destination(EmailAddress=address)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NotFoundException"
        return None
    return str(found["SuppressedDestination"]["Reason"])


def row(account: LocalAccount, example: dict[str, Any], address: str) -> dict[str, Any]:
    """Read the item of an address in the address table."""
    key = {"address": {"S": address}}
    table = account.client("dynamodb")
    item = table.get_item(TableName=example["address_table"], Key=key, ConsistentRead=True)
    return {name: next(iter(value.values())) for name, value in item.get("Item", {}).items()}


def is_recorded(
    account: LocalAccount, example: dict[str, Any], address: str, reason: str
) -> dict[str, Any]:
    """Wait until an address is suppressed and in the table; its row there."""
    found = account.eventually(
        lambda: row(account, example, address),
        lambda seen: seen.get("reason") == reason,
        SECONDS,
    )
    assert suppressed(account, address) == reason
    return found


def letters(account: LocalAccount, example: dict[str, Any], address: str) -> list[dict[str, Any]]:
    """The dead letters that hold a record about an address; they stay."""
    sqs = account.client("sqs")
    found = sqs.receive_message(
        QueueUrl=example["dead_letter_queue_url"], MaxNumberOfMessages=10, VisibilityTimeout=0
    ).get("Messages", [])
    every = [json.loads(message["Body"]) for message in found]
    return [
        letter for letter in every if address.encode() in base64.b64decode(letter.get("Data") or "")
    ]


@contextmanager
def not_allowed(account: LocalAccount, function: str, action: str) -> Iterator[None]:
    """Deny an action to a function within the block."""
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam, role = account.client("iam"), f"{function}-lambda"
    iam.put_role_policy(RoleName=role, PolicyName="trouble", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="trouble")


@terraform("pinpoint_event_processing", scope="module")
@pytest.mark.parametrize(
    ("mailbox", "reason", "count"),
    [("bounce", "BOUNCE", "hard_bounces"), ("complaint", "COMPLAINT", "complaints")],
)
def test_a_message_of_the_project_that_comes_to_no_good_suppresses_its_recipient(
    pinpoint_event_processing: Any,
    account: LocalAccount,
    example: dict[str, Any],
    pinpoint: Any,
    mailbox: str,
    reason: str,
    count: str,
) -> None:
    address = f"{mailbox}+{uuid.uuid4().hex[:8]}@{SIMULATOR}"
    text = {"Subject": {"Data": "Hello"}, "TextPart": {"Data": "Hello"}}

    pinpoint.send_messages(
        ApplicationId=example["project_id"],
        MessageRequest={
            "Addresses": {address: {"ChannelType": "EMAIL"}},
            "MessageConfiguration": {"EmailMessage": {"SimpleEmail": text}},
        },
    )

    found = is_recorded(account, example, address, reason)
    assert (found[count], found["reason"]) == ("1", reason)
    [mail] = [mail for mail in account.outbox("email") if address in mail["to"]]
    assert found["message_id"] == mail["message_id"]


@terraform("pinpoint_event_processing", scope="module")
def test_a_complaint_is_honoured_within_a_minute_and_other_systems_hear(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address = somebody()
    heard = bus_queue(account, example["event_pattern"])
    began = time.monotonic()

    put(account, example, event("complaint", address), sample("pinpoint/email_open"))

    found = is_recorded(account, example, address, "COMPLAINT")
    assert time.monotonic() - began < SECONDS
    assert found["first_seen"] == found["last_seen"]
    [told] = account.eventually(
        lambda: [
            message
            for message in (json.loads(text) for text in account.messages(heard))
            if message["detail"]["address"] == address
        ],
        bool,
    )
    assert (told["source"], told["detail-type"]) == (
        "pinpoint_event_processing",
        "Address Suppressed",
    )
    assert told["detail"]["reason"] == "COMPLAINT"
    drop_rule(account, heard)


def bus_queue(account: LocalAccount, pattern: str) -> str:
    """A queue behind a rule on the default bus; its URL."""
    sqs, events, name = account.client("sqs"), account.client("events"), "feedback-test-heard"
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    rule = events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def drop_rule(account: LocalAccount, queue_url: str) -> None:
    events, name = account.client("events"), "feedback-test-heard"
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    account.client("sqs").delete_queue(QueueUrl=queue_url)


@terraform("pinpoint_event_processing", scope="module")
def test_soft_bounces_suppress_when_they_are_too_many(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address = somebody()
    put(account, example, *(event("softbounce", address) for _ in range(2)))
    account.eventually(
        lambda: row(account, example, address), lambda seen: seen.get("soft_bounces") == "2"
    )
    assert suppressed(account, address) is None

    put(account, example, event("softbounce", address))

    assert is_recorded(account, example, address, "BOUNCE")["soft_bounces"] == "3"


@terraform("pinpoint_event_processing", scope="module")
def test_copies_change_nothing(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address, last = somebody(), somebody()
    bounce, complaint = event("hardbounce", address), event("complaint", address)
    put(account, example, bounce, complaint)
    account.eventually(
        lambda: row(account, example, address), lambda seen: seen.get("complaints") == "1"
    )
    before = row(account, example, address)

    put(account, example, complaint, bounce, bounce, event("hardbounce", last))

    is_recorded(account, example, last, "BOUNCE")
    assert row(account, example, address) == before
    assert (before["hard_bounces"], before["complaints"]) == ("1", "1")
    assert suppressed(account, address) == "COMPLAINT"


@terraform("pinpoint_event_processing", scope="module")
def test_a_malformed_record_is_kept_and_does_not_hold_up_the_shard(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address, behind = somebody(), somebody()
    broken = event("hardbounce", address)
    del broken["facets"]["email_channel"]["mail_event"]["bounce"]["bounce_type"]

    put(account, example, broken, event("hardbounce", behind))

    is_recorded(account, example, behind, "BOUNCE")
    [letter] = account.eventually(lambda: letters(account, example, address), bool)
    assert letter["Reason"] == "bounce.bounce_type is not a text."
    assert json.loads(base64.b64decode(letter["Data"])) == broken
    assert suppressed(account, address) is None


@terraform("pinpoint_event_processing", scope="module")
def test_what_a_fault_holds_up_is_done_once_it_is_over(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    first, second = somebody(), somebody()
    with not_allowed(account, example["function_name"], "ses:PutSuppressedDestination"):
        put(account, example, event("hardbounce", first), event("complaint", second))
        account.eventually(
            lambda: function_log(account, example["function_name"]),
            lambda log: log.count("Record comes back") >= 4,
        )
        assert suppressed(account, first) is None

    is_recorded(account, example, first, "BOUNCE")
    is_recorded(account, example, second, "COMPLAINT")
    log = function_log(account, example["function_name"])
    assert "AccessDenied" in log
    assert "pinpoint-events.example.com" not in log and SIMULATOR not in log


def function_log(account: LocalAccount, function: str) -> str:
    return "\n".join(log_lines(account, function))


@terraform("pinpoint_event_processing", scope="module")
def test_dead_letters_are_processed_once_what_failed_is_mended(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    """A message with its record, and a message of the mapping with the record's position."""
    parked, given_up = somebody(), somebody()
    sqs, kinesis = account.client("sqs"), account.client("kinesis")
    stream_arn = kinesis.describe_stream_summary(StreamName=example["stream_name"])[
        "StreamDescriptionSummary"
    ]["StreamARN"]
    mapping = account.client("lambda").list_event_source_mappings(
        FunctionName=example["function_name"]
    )["EventSourceMappings"][0]["UUID"]
    account.messages(example["dead_letter_queue_url"])
    update = account.client("lambda").update_event_source_mapping
    with not_allowed(account, example["function_name"], "ses:PutSuppressedDestination"):
        update(UUID=mapping, MaximumRetryAttempts=1)
        put(account, example, sample("pinpoint/email_open"), event("hardbounce", given_up))
        [note] = account.eventually(
            lambda: peek(account, example["dead_letter_queue_url"]), lambda seen: len(seen) == 1
        )
        update(UUID=mapping, MaximumRetryAttempts=50)
    assert note["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert note["KinesisBatchInfo"]["streamArn"] == stream_arn
    assert suppressed(account, given_up) is None
    letter = {
        "Reason": "BadRequestException",
        "StreamArn": stream_arn,
        "ShardId": note["KinesisBatchInfo"]["shardId"],
        "SequenceNumber": "1",
        "PartitionKey": "ann",
        "Data": base64.b64encode(json.dumps(event("complaint", parked)).encode()).decode(),
    }
    sqs.send_message(QueueUrl=example["dead_letter_queue_url"], MessageBody=json.dumps(letter))
    before = len(kinesis_events(account, example["stream_name"]))

    run = subprocess.run(
        [sys.executable, REDRIVE, example["dead_letter_queue_url"], example["function_name"]],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.count("done") == 2, run.stdout
    is_recorded(account, example, given_up, "BOUNCE")
    is_recorded(account, example, parked, "COMPLAINT")
    assert peek(account, example["dead_letter_queue_url"]) == []
    assert len(kinesis_events(account, example["stream_name"])) == before


def peek(account: LocalAccount, queue_url: str) -> list[dict[str, Any]]:
    """Read the messages of a queue without deleting them."""
    found = account.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


@terraform("pinpoint_event_processing", scope="module")
def test_the_projects_event_stream_stays_what_it_was_with_all_its_events(
    pinpoint_event_processing: Any, account: LocalAccount, example: dict[str, Any], pinpoint: Any
) -> None:
    registered = pinpoint.get_event_stream(ApplicationId=example["project_id"])["EventStream"]
    assert registered["DestinationStreamArn"].endswith(f"/{example['stream_name']}")
    address = somebody()
    mine = [event("hardbounce", address), event("complaint", address)]

    put(account, example, *mine)

    is_recorded(account, example, address, "COMPLAINT")
    seen = kinesis_events(account, example["stream_name"])
    assert all(each in seen for each in mine)


@terraform("pinpoint_event_processing", scope="module")
def test_a_second_plan_of_event_processing_is_empty(pinpoint_event_processing: Any) -> None:
    assert second_plan(pinpoint_event_processing) == ""


@terraform("pinpoint_event_processing", scope="module")
def test_destroying_event_processing_leaves_nothing(
    pinpoint_event_processing: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "feedback")) > 10

    pinpoint_event_processing.terraform.destroy()

    assert left_behind(account, "feedback") == []
