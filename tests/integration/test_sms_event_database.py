"""Outcomes and costs of text messages; the pipeline while its parts fail."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.analyst import (
    Analyst,
    QueryEnded,
    delivery_log,
    literal,
    not_across_the_hour,
    put,
)
from tests.builders.event_records import sample, samples
from tests.builders.local_account import LocalAccount
from tests.builders.message_events import text
from tests.builders.terraform_example import left_behind, outputs, second_plan
from tools.terraform_run import ROOT

pytestmark = pytest.mark.integration

MOBILE, OTHER_MOBILE = "+447400123456", "+447400123457"
LANDLINE = "+442083661177"
SHORT, LONG = "Hi", "x" * 200  # one part, and two of 153 characters
PRICE, CARRIER_FEE = 0.00581, 0.003  # USD of a part, whichever the country, on the local AWS
TRANSFORM = "texts-transform"
# The handler of the module, but its first answer is lost: it has done its work, and then fails.
LOSES_ITS_FIRST_ANSWER = """
from sms_event_database.functions import transform

calls = 0

def lambda_handler(event, context):
    global calls
    calls += 1
    answer = transform.lambda_handler(event, context)
    if calls == 1:
        raise RuntimeError("the answer is lost")
    return answer
"""


@pytest.fixture(scope="module", autouse=True)
def soon() -> Iterator[None]:
    """Set a short buffer before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_buffer_seconds", "1")
        yield


@pytest.fixture(scope="module")
def example(sms_event_database: Any) -> dict[str, Any]:
    return outputs(sms_event_database)


@pytest.fixture(scope="module")
def analyst(account: LocalAccount, example: dict[str, Any]) -> Analyst:
    return Analyst(account, example)


@dataclass(frozen=True)
class Sent:
    message_id: str
    message_type: str
    parts: int
    events: int  # of a mobile or of a landline, at the local AWS


@pytest.fixture(scope="module")
def messages(account: LocalAccount, example: dict[str, Any], analyst: Analyst) -> list[Sent]:
    """Four messages, once their events can be queried."""
    not_across_the_hour(90)
    sent = [
        send(account, example, MOBILE, SHORT, "TRANSACTIONAL", parts=1, events=2),
        send(account, example, OTHER_MOBILE, LONG, "TRANSACTIONAL", parts=2, events=2),
        send(account, example, MOBILE, SHORT, "PROMOTIONAL", parts=1, events=2),
        send(account, example, LANDLINE, SHORT, "PROMOTIONAL", parts=1, events=1),
    ]
    ids = ", ".join(literal(one.message_id) for one in sent)
    analyst.wait_for(
        f"SELECT count(DISTINCT event_id) AS number FROM events WHERE messageid IN ({ids})",
        lambda rows: rows[0]["number"] == sum(one.events for one in sent),
    )
    return sent


def send(
    account: LocalAccount,
    example: dict[str, Any],
    number: str,
    body: str,
    message_type: str,
    *,
    parts: int,
    events: int,
) -> Sent:
    message_id = account.client("pinpoint-sms-voice-v2").send_text_message(
        DestinationPhoneNumber=number,
        MessageBody=body,
        MessageType=message_type,
        ConfigurationSetName=example["configuration_set"],
        Context={"OrderId": "A-17"},
    )["MessageId"]
    return Sent(message_id, message_type, parts, events)


@terraform("sms_event_database", scope="module")
def test_the_seeds_question_counts_right_and_sums_each_event(
    sms_event_database: Any, example: dict[str, Any], analyst: Analyst, messages: list[Sent]
) -> None:
    answer = analyst.ask(
        "SELECT messagetype, COUNT(DISTINCT messageid) AS messages, "
        "SUM(totalmessageprice) AS price "
        f'FROM "{example["athena_database"]}"."sms_events" GROUP BY messagetype'
    )

    found = {row["messagetype"]: row for row in answer}
    assert set(found) == {"TRANSACTIONAL", "PROMOTIONAL"}
    for kind, row in found.items():
        of_kind = [one for one in messages if one.message_type == kind]
        assert row["messages"] == len(of_kind)
        each_event = sum(one.parts * one.events for one in of_kind) * PRICE
        assert row["price"] == pytest.approx(each_event)


@terraform("sms_event_database", scope="module")
def test_the_query_for_costs_prices_each_message_once(
    sms_event_database: Any, analyst: Analyst, messages: list[Sent]
) -> None:
    answer = analyst.ask_named("count_and_cost_by_message_type")

    assert {row["message_type"]: row for row in answer} == {
        kind: {
            "message_type": kind,
            "messages": sum(1 for one in messages if one.message_type == kind),
            "message_price": cost(messages, kind, PRICE),
            "carrier_fee": cost(messages, kind, CARRIER_FEE),
            "total_cost": cost(messages, kind, PRICE) + cost(messages, kind, CARRIER_FEE),
        }
        for kind in ("TRANSACTIONAL", "PROMOTIONAL")
    }


def cost(messages: list[Sent], kind: str, per_part: float) -> Decimal:
    """Exact dollars for all messages of a type."""
    return sum(one.parts for one in messages if one.message_type == kind) * Decimal(str(per_part))


@terraform("sms_event_database", scope="module")
def test_each_message_shows_its_end_its_price_and_what_the_sender_said_of_it(
    sms_event_database: Any, analyst: Analyst, messages: list[Sent]
) -> None:
    answer = analyst.ask(
        "SELECT messageid, event_type, outcome, is_final, total_messageprice, "
        "element_at(context, 'OrderId') AS order_id FROM sms_status"
    )

    rows = {row["messageid"]: row for row in answer}
    assert set(rows) == {one.message_id for one in messages}
    for one in messages:
        row = rows[one.message_id]
        arrives = one.events == 2
        assert row["event_type"] == ("TEXT_DELIVERED" if arrives else "TEXT_UNREACHABLE")
        assert row["outcome"] == ("delivered" if arrives else "failed")
        assert (row["is_final"], row["order_id"]) == (True, "A-17")
        assert row["total_messageprice"] == one.parts * Decimal(str(PRICE))


@terraform("sms_event_database", scope="module")
def test_neither_late_events_nor_copies_change_an_answer(
    sms_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    messages: list[Sent],
) -> None:
    status = "SELECT messageid, event_type, total_messageprice FROM sms_status ORDER BY 1"
    before = analyst.ask(status)
    costs = analyst.ask_named("count_and_cost_by_message_type")
    first = messages[0]
    members: dict[str, Any] = {"number": MOBILE, "price": PRICE, "fee": CARRIER_FEE}
    later = datetime.now(UTC) + timedelta(minutes=5)
    pending = text("PENDING", first.message_id, at=later, **members)
    rows = analyst.number("SELECT count(*) FROM sms_events")

    put(account, example["firehose_name"], pending, pending, pending)
    analyst.wait_for(
        "SELECT count(*) AS number FROM sms_events", lambda seen: seen[0]["number"] == rows + 3
    )

    assert analyst.ask(status) == before
    assert analyst.ask_named("count_and_cost_by_message_type") == costs
    assert analyst.number(
        f"SELECT count(*) FROM events WHERE messageid = {literal(first.message_id)}"
    ) == (first.events + 1)


@terraform("sms_event_database", scope="module")
def test_a_batch_that_firehose_brings_again_counts_once(
    sms_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    messages: list[Sent],
) -> None:
    """The function did its work, kept the part that cannot be read, and its answer was lost."""
    event = text("DELIVERED", "again-1", at=datetime.now(UTC), number=MOBILE)

    with code_of_transform(account, LOSES_ITS_FIRST_ANSWER):
        put(account, example["firehose_name"], json.dumps(event).encode() + b"\nthis is no event")
        analyst.wait_for("SELECT 1 FROM sms_events WHERE messageid = 'again-1'")

    assert delivery_log(account, "texts", "Lambda.FunctionError") == ["Lambda.FunctionError"]
    assert analyst.number("SELECT count(*) FROM sms_events WHERE messageid = 'again-1'") == 1
    assert analyst.error_records("") == [b"this is no event"]


@contextmanager
def code_of_transform(account: LocalAccount, source: str) -> Iterator[None]:
    """Replace the handler in the module's package within the block."""
    functions = account.client("lambda")
    package = (ROOT / "dist" / "sms_event_database.zip").read_bytes()
    changed = io.BytesIO(package)
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("another.py", source)
    updated = functions.get_waiter("function_updated_v2")
    before = functions.get_function_configuration(FunctionName=TRANSFORM)["Handler"]
    functions.update_function_code(FunctionName=TRANSFORM, ZipFile=changed.getvalue())
    updated.wait(FunctionName=TRANSFORM)
    functions.update_function_configuration(
        FunctionName=TRANSFORM, Handler="another.lambda_handler"
    )
    updated.wait(FunctionName=TRANSFORM)
    try:
        yield
    finally:
        functions.update_function_code(FunctionName=TRANSFORM, ZipFile=package)
        updated.wait(FunctionName=TRANSFORM)
        functions.update_function_configuration(FunctionName=TRANSFORM, Handler=before)
        updated.wait(FunctionName=TRANSFORM)


@terraform("sms_event_database", scope="module")
def test_events_wait_for_a_key_that_was_disabled(
    sms_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    messages: list[Sent],
) -> None:
    kms = account.client("kms")
    event = text("DELIVERED", "locked-1", at=datetime.now(UTC), number=MOBILE)
    files = stored_files(account, example["events_bucket"])
    with encrypted_with_a_new_key(account, example["events_bucket"], "texts-firehose") as key:
        kms.disable_key(KeyId=key)
        put(account, example["firehose_name"], event)
        refused = account.eventually(
            lambda: [code for code in delivery_log(account, "texts") if code.startswith("S3.")],
            bool,
        )
        assert stored_files(account, example["events_bucket"]) == files

        kms.enable_key(KeyId=key)
        analyst.wait_for("SELECT 1 FROM sms_events WHERE messageid = 'locked-1'")

    assert refused
    assert analyst.number("SELECT count(*) FROM sms_events WHERE messageid = 'locked-1'") == 1


def stored_files(account: LocalAccount, bucket: str) -> list[str]:
    listed = account.client("s3").list_objects_v2(Bucket=bucket, Prefix="events/")
    return [one["Key"] for one in listed.get("Contents", [])]


@contextmanager
def encrypted_with_a_new_key(account: LocalAccount, bucket: str, role: str) -> Iterator[str]:
    """Encrypt the bucket with a key that allows the role, within the block. Returns the key id."""
    kms, s3 = account.client("kms"), account.client("s3")
    owner = account.client("sts").get_caller_identity()["Account"]
    administers, writes = f"arn:aws:iam::{owner}:root", f"arn:aws:iam::{owner}:role/{role}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": who}, "Action": actions, "Resource": "*"}
            for who, actions in (
                (administers, "kms:*"),
                (writes, ["kms:GenerateDataKey", "kms:Decrypt"]),
            )
        ],
    }
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]
    before = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_key}]
        },
    )
    try:
        yield str(key["KeyId"])
    finally:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=before)


@terraform("sms_event_database", scope="module")
def test_every_documented_event_of_a_message_becomes_a_row(
    sms_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    messages: list[Sent],
) -> None:
    names = samples("sms")
    types = {name: event_type(sample(name)) for name in names}
    errors = analyst.error_records("")

    put(account, example["firehose_name"], *(sample(name) for name in names))
    analyst.wait_for(
        "SELECT DISTINCT eventtype FROM events",
        lambda rows: {row["eventtype"] for row in rows} >= set(types.values()),
    )

    assert analyst.error_records("") == errors


def event_type(record: dict[str, Any]) -> str:
    """That of the event in a record, out of the envelope of EventBridge or SNS."""
    if "Records" in record:
        return event_type(json.loads(record["Records"][0]["Sns"]["Message"]))
    return str(record.get("detail", record)["eventType"])


@terraform("sms_event_database", scope="module")
def test_a_query_that_scans_more_than_the_workgroup_allows_is_ended(
    sms_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    messages: list[Sent],
) -> None:
    athena, workgroup = account.client("athena"), example["athena_workgroup"]
    settings = athena.get_work_group(WorkGroup=workgroup)["WorkGroup"]["Configuration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    limit = settings["BytesScannedCutoffPerQuery"]
    heavy = [
        text("DELIVERED", f"heavy-{n}", at=datetime.now(UTC), remark=secrets.token_hex(450_000))
        for n in range(13)
    ]
    for part in (heavy[:4], heavy[4:8], heavy[8:12], heavy[12:]):  # 4 MiB at most
        put(account, example["firehose_name"], *part)
    analyst.wait_for(
        "SELECT count(*) AS number FROM sms_events WHERE messageid LIKE 'heavy-%'",
        lambda rows: rows[0]["number"] == len(heavy),
    )
    remarks = "SELECT max(length(element_at(unmapped, 'remark'))) AS longest FROM sms_events"
    assert analyst.ask(remarks) == [{"longest": 900_002}]  # with its quotes: it is JSON

    athena.update_work_group(  # the least that Athena takes
        WorkGroup=workgroup, ConfigurationUpdates={"BytesScannedCutoffPerQuery": 10_000_000}
    )
    try:
        with pytest.raises(QueryEnded, match="Bytes scanned limit was exceeded"):
            analyst.ask(remarks)
    finally:
        athena.update_work_group(
            WorkGroup=workgroup, ConfigurationUpdates={"BytesScannedCutoffPerQuery": limit}
        )


@terraform("sms_event_database", scope="module")
def test_a_second_plan_of_the_text_database_is_empty(sms_event_database: Any) -> None:
    assert second_plan(sms_event_database) == ""


@terraform("sms_event_database", scope="module")
def test_destroying_the_text_database_leaves_nothing(
    sms_event_database: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "texts")) > 10

    sms_event_database.terraform.destroy()

    assert left_behind(account, "texts") == []
