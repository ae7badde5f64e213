"""Files in a bucket: valid files, invalid files, and a role that lacks a permission."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import outputs, second_plan

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.integration

HEADER = "Id,ChannelType,Address,User.UserAttributes.FirstName"
GOOD = "good-{0},SMS,+1206555{0:04d},Ada"


@pytest.fixture(scope="module")
def importing(s3_triggered_import: Any) -> dict[str, Any]:
    return outputs(s3_triggered_import)


@pytest.fixture(scope="module")
def inbox(importing: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(importing["notification_topic_arn"], f"imports-{time.time_ns()}")


def starts_runs(statement: dict[str, Any]) -> bool:
    """Whether a statement of a policy allows states:StartExecution."""
    return "states:StartExecution" in json.dumps(statement)


def lines(*rows: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


# name of the file, its bytes, ids that arrive all the same, what the rejects are said to be
HALF_BAD = {
    "bad-rows.csv": (
        lines(GOOD.format(1), "bad,PIGEON,+12065550100,Bo", "bad2,SMS,,Cy", GOOD.format(2)),
        ["good-1", "good-2"],
        2,
    ),
    "byte-order-mark.csv": (b"\xef\xbb\xbf" + lines(GOOD.format(3)), ["good-3"], 0),
    "quoted-newline.csv": (
        lines(GOOD.format(4), 'bad,SMS,+12065550101,"two\nlines"', GOOD.format(5)),
        ["good-4", "good-5"],
        1,
    ),
    "nul.csv": (lines(GOOD.format(6), "bad,SMS,+1206\0,Bo"), ["good-6"], 1),
    "long-id.csv": (lines(GOOD.format(7), f"{'x' * 300},SMS,+12065550102,Bo"), ["good-7"], 1),
    "cut-short.csv.gz": (
        gzip.compress(lines(*(GOOD.format(n) for n in range(1000, 9000))))[:-2000],
        ["good-1000"],
        1,
    ),
    "header-only.csv": (lines(), [], 0),
}
UNUSABLE = {
    "unknown-column.csv": (lines("a,SMS,+12065550103,Ada,1", header=HEADER + ",Shoe"), "Shoe"),
    "twice.csv": (
        lines("a,SMS,+12065550104,+12065550104", header="Id,ChannelType,Address,Address"),
        "Address",
    ),
    "latin-1.csv": (
        "Id,ChannelType,Address,User.UserAttributes.Größe\na,SMS,+12065550105,ü\n".encode(
            "latin-1"
        ),
        "UTF-8",
    ),
    "utf-16.csv": (lines(GOOD.format(8)).decode().encode("utf-16"), "UTF-16"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
}


@terraform("s3_triggered_import", scope="module")
@pytest.mark.parametrize("name", HALF_BAD)
def test_the_good_rows_of_a_file_are_imported_and_the_bad_ones_are_told(
    s3_triggered_import: Any,
    importing: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    name: str,
) -> None:
    body, ids, rejected = HALF_BAD[name]
    pinpoint = hub_client(importing["api_url"])

    account.drop(importing, name, body)
    done = account.eventually(
        lambda: [
            n
            for n in inbox.notifications()
            if n["kind"] != "started" and name in json.dumps(n["body"])
        ],
        bool,
        seconds=90,
    )[0]

    result = done["body"]["ImportResult"]
    assert result["TotalFailures"] == rejected, result
    # One text a reject, and last the place of the whole list in S3.
    assert len(result.get("Failures", [])) == (rejected + 1 if rejected else 0)
    for endpoint_id in ids:
        pinpoint.get_endpoint(ApplicationId=importing["project_id"], EndpointId=endpoint_id)


@terraform("s3_triggered_import", scope="module")
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_understood_is_refused_with_its_reason(
    s3_triggered_import: Any,
    importing: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    name: str,
) -> None:
    body, reason = UNUSABLE[name]

    account.drop(importing, name, body)

    failed = inbox.wait_for("failure", lambda b: name in json.dumps(b))
    assert reason in json.dumps(failed["body"], ensure_ascii=False)
    execution = importing["state_machine_arn"].replace("stateMachine", "execution")
    ended = account.finished(f"{execution}:{failed['body']['CorrelationId']}")
    assert reason in ended["cause"]


@terraform("s3_triggered_import", scope="module")
def test_an_empty_file_is_told_and_a_folder_marker_is_ignored(
    s3_triggered_import: Any, importing: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    account.drop(importing, "folder/", b"")
    account.drop(importing, "empty.csv", b"")

    inbox.wait_for("failure", lambda b: "empty.csv" in json.dumps(b))

    assert not [n for n in inbox.notifications() if 'folder/"' in json.dumps(n["body"])]


@terraform("s3_triggered_import", scope="module")
def test_an_export_of_a_crm_is_imported_as_it_is_and_its_copy_deleted(
    s3_triggered_import: Any, importing: dict[str, Any], account: LocalAccount
) -> None:
    contacts = {"import_bucket": importing["contacts_bucket"], "import_prefix": "import/"}
    contacts_inbox = account.subscribe(importing["contacts_topic_arn"], "contacts")
    pinpoint = hub_client(importing["api_url"])
    export = (ROOT / "tests" / "data" / "people_files" / "hubspot_contacts.csv").read_bytes()

    account.drop(contacts, "hubspot_contacts.csv", export)
    result = contacts_inbox.wait_for("success", lambda b: "hubspot" in json.dumps(b))["body"]

    imported = result["ImportResult"]
    assert (imported["TotalProcessed"], imported["TotalFailures"]) == (2, 0)
    assert imported["RowsWithoutAddress"] == 1
    assert imported["Definition"]["SegmentName"] == "hubspot_contacts.csv"
    people = pinpoint.get_user_endpoints(ApplicationId=importing["project_id"], UserId="151")
    (ada,) = people["EndpointsResponse"]["Item"]
    assert (ada["ChannelType"], ada["Address"]) == ("SMS", "+1 (206) 555-0111")
    versions = account.client("s3").list_object_versions(
        Bucket=importing["contacts_bucket"], Prefix="mapped/"
    )
    assert "Versions" not in versions


@terraform("s3_triggered_import", scope="module")
def test_an_export_that_the_mapping_does_not_fit_is_refused_by_its_execution_too(
    s3_triggered_import: Any, importing: dict[str, Any], account: LocalAccount
) -> None:
    contacts = {"import_bucket": importing["contacts_bucket"], "import_prefix": "import/"}
    contacts_inbox = account.subscribe(importing["contacts_topic_arn"], "contacts-refused")

    account.drop(contacts, "no-phones.csv", b"Record ID,First Name,Phone\n1,Ann,2\n")
    body = contacts_inbox.wait_for("failure", lambda b: "no-phones" in json.dumps(b))["body"]

    reason = body["ImportResult"]["FailureReason"]
    assert '"Phone Number" is missing (did you mean "Phone"?)' in reason
    execution = (
        importing["state_machine_arn"]
        .replace("stateMachine", "execution")
        .replace("s3-import-import-import", "s3-import-contacts-import")
    )
    failed = account.finished(f"{execution}:{body['CorrelationId']}")
    assert (failed["status"], failed["cause"]) == ("FAILED", reason)


@terraform("s3_triggered_import", scope="module")
def test_a_repeated_event_starts_nothing_twice(
    s3_triggered_import: Any, importing: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    account.drop(importing, "repeated.csv", lines(GOOD.format(9)))
    inbox.wait_for("success", lambda b: "repeated.csv" in json.dumps(b))
    before = len(account.executions(importing["state_machine_arn"]))
    head = account.client("s3").head_object(
        Bucket=importing["import_bucket"], Key=f"{importing['import_prefix']}repeated.csv"
    )
    event = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {
            "bucket": {"name": importing["import_bucket"]},
            "object": {
                "key": f"{importing['import_prefix']}repeated.csv",
                "size": head["ContentLength"],
                "etag": head["ETag"].strip('"'),
                "version-id": head["VersionId"],
                "sequencer": "00",
            },
        },
    }
    sqs = account.client("sqs")
    urls = sqs.list_queues()["QueueUrls"]
    queue = next(u for u in urls if "s3-import-import" in u and "dead-letter" not in u)

    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    account.eventually(
        lambda: log_lines(account, "s3-import-import-trigger", "Import was started before"), bool
    )

    assert len(account.executions(importing["state_machine_arn"])) == before


@terraform("s3_triggered_import", scope="module")
def test_a_function_without_a_permission_fills_the_dead_letter_queue(
    s3_triggered_import: Any, importing: dict[str, Any], account: LocalAccount
) -> None:
    iam, sqs = account.client("iam"), account.client("sqs")
    role = next(
        r["RoleName"]
        for r in iam.list_roles()["Roles"]
        if r["RoleName"].startswith("s3-import-import") and "trigger" in r["RoleName"]
    )
    before = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    without = {
        name: {**policy, "Statement": [s for s in policy["Statement"] if not starts_runs(s)]}
        for name, policy in before.items()
    }
    assert without != before
    dead_letters = importing["dead_letter_queue_urls"]
    queue = next(
        u
        for u in sqs.list_queues()["QueueUrls"]
        if "s3-import-import" in u and "dead-letter" not in u
    )
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    for name, policy in without.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})

    try:
        account.drop(importing, "not-permitted.csv", lines(GOOD.format(10)))
        account.eventually(
            lambda: [text for url in dead_letters.values() for text in account.messages(url)],
            lambda seen: any("not-permitted.csv" in text for text in seen),
            seconds=90,
        )
    finally:
        for name, policy in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes["Attributes"])


@terraform("s3_triggered_import", scope="module")
def test_a_second_plan_of_s3_triggered_import_is_empty(s3_triggered_import: Any) -> None:
    assert second_plan(s3_triggered_import) == ""
