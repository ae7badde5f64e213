"""Files dropped into a bucket: rows of every kind, two files at a time, and repeated events."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

HEADER = "sms_number,message,external_campaign_id,short_code,message_type,id_1,id_2"
OPTED_OUT = "+14255550179"
OFFERS_PER_SECOND = 0.985  # the share of the number's quota, 1 part a second, that is aimed at


@pytest.fixture(scope="module")
def dropping(sms_s3_drop: Any) -> dict[str, Any]:
    return outputs(sms_s3_drop)


@pytest.fixture(scope="module")
def inbox(dropping: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(dropping["notification_topic_arn"], f"drops-{time.time_ns()}")


def put(account: LocalAccount, dropping: dict[str, Any], name: str, body: bytes) -> None:
    account.client("s3").put_object(
        Bucket=dropping["drop_bucket"], Key=dropping["drop_prefix"] + name, Body=body
    )


def about(name: str) -> Any:
    return lambda body: body.get("Input", {}).get("Key", "").endswith(f"/{name}")


def result_of(account: LocalAccount, status: dict[str, Any]) -> list[dict[str, str]]:
    bucket, _, key = status["Result"].removeprefix("s3://").partition("/")
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return list(csv.DictReader(io.StringIO(body, newline="")))


def file(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@terraform("sms_s3_drop", scope="module")
def test_files_of_two_numbers_are_sent_side_by_side_and_every_row_is_told(
    sms_s3_drop: Any, dropping: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    offers = dropping["offers_number"]
    account.client("pinpoint-sms-voice-v2").put_opted_out_number(
        OptOutListName="Default", OptedOutNumber=OPTED_OUT
    )
    mixed = file(
        '+14255550101,"Here is a long message, with a comma",12345,,TRANSACTIONAL,tracking 1,t2',
        '+14255550101,"two\nlines",12345,,,,',
        f"+14255550102,An offer,12345,{offers},PROMOTIONAL,,",
        "nonsense",
        "",
        f"{OPTED_OUT},Hi,12345,,,o1,",
        '+14255550103,"never closed,12345,,,,',
        "425555,Hi,12345,,,i1,",
        "+14255550104,Hi,12345,+19995550100,,,",
        "+14255550105,Last,12345,,,,",
    ).encode("utf-16")
    lines = [
        {"sms_number": f"+1425555{n:04d}", "message": "Hi", "short_code": offers}
        for n in (201, 202)
    ]

    put(account, dropping, "mixed rows+1.csv", mixed)
    put(account, dropping, "lines.jsonl", "\n".join(map(json.dumps, lines)).encode())
    put(account, dropping, "no header.csv", b"+14255550199,Hi,c,,TRANSACTIONAL,,\n")
    done = inbox.wait_for("success", about("mixed rows+1.csv"), seconds=150)["body"]
    inbox.wait_for("success", about("lines.jsonl"), seconds=60)
    refused = inbox.wait_for("failure", about("no header.csv"), seconds=60)["body"]

    assert done["Result"]["Counts"] == {
        "Rows": 9,
        "Sent": 4,
        "OptedOut": 1,
        "Rejected": 4,
        "Failed": 0,
        "Unknown": 0,
        "Waiting": 0,
    }
    rows = result_of(account, done["Result"])
    assert [(row["row"], row["status"]) for row in rows] == [
        ("2", "SENT"),
        ("3", "SENT"),
        ("4", "SENT"),
        ("5", "REJECTED"),
        ("7", "OPTED_OUT"),
        ("8", "REJECTED"),
        ("9", "REJECTED"),
        ("10", "REJECTED"),
        ("11", "SENT"),
    ]
    assert all(row["reason"] for row in rows if row["status"] != "SENT")
    assert rows[0]["id_1"] == "tracking 1"

    sent = account.sent_to(*(f"+1425555{n:04d}" for n in (101, 102, 105, 201, 202)))
    assert Counter((m["to"], m["from"], m["message_type"]) for m in sent) == {
        ("+14255550101", dropping["alerts_number"], "TRANSACTIONAL"): 2,
        ("+14255550102", offers, "PROMOTIONAL"): 1,
        ("+14255550105", dropping["alerts_number"], "TRANSACTIONAL"): 1,
        ("+14255550201", offers, "TRANSACTIONAL"): 1,
        ("+14255550202", offers, "TRANSACTIONAL"): 1,
    }
    [first] = [m for m in sent if m["body"].startswith("Here")]
    assert first["context"] == {
        "external_campaign_id": "12345",
        "id_1": "tracking 1",
        "id_2": "t2",
    }
    assert {m["message_id"] for m in sent} >= {r["message_id"] for r in rows if r["message_id"]}
    # The last of a number's messages starts at its place in the number's schedule, or later.
    last = max(_seconds(m["at"]) for m in sent if m["from"] == offers)
    assert last >= _schedule_end(account, dropping, "offers") - 1 / OFFERS_PER_SECOND

    assert "sms_number" in refused["Result"]["FailureReason"]
    assert "+14255550199" not in json.dumps(refused)
    assert not account.sent_to("+14255550199")


def _schedule_end(account: LocalAccount, dropping: dict[str, Any], number: str) -> float:
    """Return from when the next message of a number is due, seconds since 1970."""
    item = account.client("dynamodb").get_item(
        TableName=dropping["state_table"],
        Key={"pk": {"S": f"pace#{number}"}, "sk": {"S": "pace"}},
    )["Item"]
    return int(item["next"]["N"]) / 1_000_000


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


@terraform("sms_s3_drop", scope="module")
def test_an_event_and_an_execution_that_come_again_send_nothing_again(
    sms_s3_drop: Any, dropping: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    states, machine = account.client("stepfunctions"), dropping["state_machine_arn"]
    before = len(account.outbox("sms"))
    done = inbox.wait_for("success", about("lines.jsonl"))["body"]
    executions = len(account.executions(machine))

    # The event comes again: its execution has the same name.
    again = states.start_execution(
        stateMachineArn=machine, name=f"by-hand-{time.time_ns()}", input=json.dumps(done["Input"])
    )
    ended = account.finished(again["executionArn"])

    assert ended["status"] == "FAILED"
    assert "sent before" in ended["cause"]
    assert len(account.outbox("sms")) == before
    assert len(account.executions(machine)) == executions + 1


@terraform("sms_s3_drop", scope="module")
def test_no_number_or_message_stays_behind_and_the_dead_letter_queues_are_empty(
    sms_s3_drop: Any, dropping: dict[str, Any], account: LocalAccount
) -> None:
    s3, sqs = account.client("s3"), account.client("sqs")

    left = s3.list_object_versions(Bucket=dropping["work_bucket"], Prefix="work/")

    assert "Versions" not in left
    for item in s3.list_objects_v2(Bucket=dropping["work_bucket"])["Contents"]:
        body = s3.get_object(Bucket=dropping["work_bucket"], Key=item["Key"])["Body"].read()
        assert b"+1425555" not in body
        assert b"long message" not in body
    for url in dropping["dead_letter_queue_urls"].values():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert attributes["ApproximateNumberOfMessages"] == "0"


@terraform("sms_s3_drop", scope="module")
def test_a_second_plan_changes_nothing(sms_s3_drop: Any) -> None:
    assert second_plan(sms_s3_drop) == ""
