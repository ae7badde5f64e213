"""Files in a bucket: valid files, invalid files, and a role that lacks a permission."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform import terraform

from shared.pinpoint import all_items
from tests.builders.faults import fault
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


def queue_of(account: LocalAccount) -> str:
    """The URL of the queue between the bucket's events and the trigger."""
    urls = account.client("sqs").list_queues()["QueueUrls"]
    return next(u for u in urls if "s3-import-import" in u and "dead-letter" not in u)


@contextmanager
def redelivery_after(account: LocalAccount, seconds: int) -> Iterator[None]:
    """Shorten the three minutes after which the trigger gets a message again."""
    sqs, queue = account.client("sqs"), queue_of(account)
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before["Attributes"])


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

    account.client("sqs").send_message(QueueUrl=queue_of(account), MessageBody=json.dumps(event))
    account.eventually(
        lambda: log_lines(account, "s3-import-import-trigger", "Import was started before"), bool
    )

    assert len(account.executions(importing["state_machine_arn"])) == before


def waiting(account: LocalAccount, queue: str) -> int:
    """How many messages of a queue are visible or in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def dead_letters(account: LocalAccount, importing: dict[str, Any]) -> list[str]:
    urls = importing["dead_letter_queue_urls"].values()
    return [text for url in urls for text in account.messages(url)]


def members(account: LocalAccount, file: str) -> list[str]:
    """The ids of a file's endpoints on the hub's lists, each as often as it is there."""
    pages = (
        account.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName="s3-import-hub-endpoints",
            FilterExpression="begins_with(sk, :member)",
            ExpressionAttributeValues={":member": {"S": f"endpoint#{file}"}},
        )
    )
    found = [item["sk"]["S"] for page in pages for item in page["Items"]]
    return sorted(key.removeprefix("endpoint#") for key in found)


IMPORTS_FUNCTION = "s3-import-hub-import"
CALLS: dict[str, dict[str, Any]] = {
    "trigger-start": {
        "service": "states",
        "operation": "StartExecution",
        "function": "s3-import-import-trigger",
    },
    "started-notice": {"service": "sns", "operation": "Publish"},
    "file-copy": {"service": "s3", "method": "PUT", "path": "*/mapped/*"},
    "job-creation": {"service": "execute-api", "method": "POST", "path": "*/jobs/import"},
    "job-start": {
        "service": "states",
        "operation": "StartExecution",
        "function": "s3-import-hub-api",
    },
    "file-read": {"service": "s3", "method": "GET", "path": "*/mapped/*"},
    "piece-write": {"service": "s3", "method": "PUT", "path": "*/pieces/*"},
    "piece-read": {"service": "s3", "method": "GET", "path": "*/pieces/*"},
    "endpoints": {"operation": "TransactWriteItems", "skip": 1},
    "members": {"operation": "BatchWriteItem"},
    "totals": {"operation": "TransactWriteItems", "skip": 2},
    "segment": {"operation": "TransactWriteItems", "skip": 3},
}
for written in ("endpoints", "members", "totals", "segment"):
    CALLS[written] |= {"service": "dynamodb", "function": IMPORTS_FUNCTION}
# As often as botocore tries a call: the fault reaches the retries above it.
EVERY_TRY = {"times": 3}
SLOW_DOWN = {"status": 503, "code": "SlowDown"}
FAULTS_OF_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("trigger-start", "throttled", EVERY_TRY),
    ("trigger-start", "5xx", {}),
    ("trigger-start", "reset-before", {}),
    ("trigger-start", "reset-after", {}),
    ("trigger-start", "kill-before", {}),
    ("trigger-start", "kill-after", {}),
    ("started-notice", "throttled", {}),
    ("file-copy", "throttled", SLOW_DOWN),
    ("file-copy", "reset-after", {}),
    ("job-creation", "throttled", {"status": 429, "code": None}),
    ("job-creation", "reset-before", {}),
    ("job-creation", "reset-after", {}),
    ("job-creation", "kill-after", {}),
    ("job-start", "throttled", EVERY_TRY),
    ("job-start", "reset-after", {}),
    ("file-read", "throttled", SLOW_DOWN),
    ("piece-write", "5xx", {}),
    ("piece-read", "reset-before", {}),
    ("endpoints", "throttled", {}),
    ("endpoints", "5xx", {}),
    ("endpoints", "reset-before", {}),
    ("endpoints", "reset-after", {}),
    ("endpoints", "delay", {"seconds": 5.5}),  # longer than the function waits for an answer
    ("endpoints", "kill-after", {}),
    ("members", "reset-after", {}),
    ("totals", "reset-after", {}),
    ("totals", "kill-after", {}),
    ("segment", "reset-after", {}),
]
numbers = itertools.count(12065560000)


@pytest.mark.fault_matrix
@terraform("s3_triggered_import", scope="module")
@pytest.mark.parametrize(
    ("call", "name", "more"),
    FAULTS_OF_CALLS,
    ids=[f"{call}-{name}" for call, name, _ in FAULTS_OF_CALLS],
)
def test_a_fault_amid_an_import_loses_no_row_and_imports_none_twice(
    s3_triggered_import: Any,
    importing: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    call: str,
    name: str,
    more: dict[str, Any],
) -> None:
    pinpoint, project = hub_client(importing["api_url"]), importing["project_id"]
    file = f"{call}-{name}-{time.time_ns()}.csv"
    addresses = {f"{file}-{n}": f"+{next(numbers)}" for n in range(6)}
    rows = [f"{id_},SMS,{address},{file},gold" for id_, address in addresses.items()]
    rows[3:3] = ["bad,PIGEON,+12065550100,bad,tin", "bad2,SMS,,bad,tin"]
    before = len(account.executions(importing["state_machine_arn"]))
    # Longer than a cold start: a message that is received too often is a dead letter.
    soon = redelivery_after(account, seconds=5) if call == "trigger-start" else nullcontext()

    with soon, fault(account, name, **CALLS[call] | more):
        account.drop(
            importing,
            file,
            lines(*rows, header="Id,ChannelType,Address,User.UserId,Attributes.Plan"),
        )
        notices = account.eventually(
            lambda: [n for n in inbox.notifications() if file in json.dumps(n["body"])],
            lambda seen: any(n["kind"] != "started" for n in seen),
            seconds=90,
        )
        body = next(n["body"] for n in notices if n["kind"] != "started")
        run = body["CorrelationId"]
        execution = importing["state_machine_arn"].replace("stateMachine", "execution")
        ended = account.finished(f"{execution}:{run}")
        account.eventually(lambda: waiting(account, queue_of(account)), lambda seen: seen == 0)

    assert ended["status"] == "SUCCEEDED", ended
    kinds = [n["kind"] for n in inbox.notifications() if file in json.dumps(n["body"])]
    assert kinds == ["started", "success"]
    assert len(account.executions(importing["state_machine_arn"])) == before + 1
    assert dead_letters(account, importing) == []
    result = body["ImportResult"]
    counted = ("TotalProcessed", "TotalFailures", "TotalPieces", "CompletedPieces", "FailedPieces")
    assert [result[counter] for counter in counted] == [8, 2, 1, 1, 0]
    answer = pinpoint.get_user_endpoints(ApplicationId=project, UserId=file)
    found = answer["EndpointsResponse"]["Item"]
    assert {endpoint["Id"]: endpoint["Address"] for endpoint in found} == addresses
    assert len(found) == len(addresses)
    assert {endpoint["EndpointStatus"] for endpoint in found} == {"ACTIVE"}
    assert [endpoint["Attributes"] for endpoint in found] == [{"Plan": ["gold"]}] * len(found)
    assert members(account, file) == sorted(addresses)
    jobs = [
        job["JobStatus"]
        for job in all_items(pinpoint.get_import_jobs, ApplicationId=project)
        if file in job["Definition"]["S3Url"]
    ]
    # The hub keeps a job that it could not start as FAILED.
    not_started = 1 if (call, name) == ("job-start", "throttled") else 0
    assert sorted(jobs) == ["COMPLETED"] + ["FAILED"] * not_started
    segments = [
        segment["ImportDefinition"]["Size"]
        for segment in all_items(pinpoint.get_segments, ApplicationId=project)
        if segment["Name"] == file
    ]
    assert segments == [6]
    copies = account.client("s3").list_object_versions(
        Bucket=importing["import_bucket"], Prefix=f"mapped/{run}/"
    )
    assert "Versions" not in copies


@terraform("s3_triggered_import", scope="module")
def test_a_function_without_a_permission_fills_the_dead_letter_queue(
    s3_triggered_import: Any, importing: dict[str, Any], account: LocalAccount
) -> None:
    iam = account.client("iam")
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
    for name, policy in without.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))

    try:
        with redelivery_after(account, seconds=1):
            account.drop(importing, "not-permitted.csv", lines(GOOD.format(10)))
            account.eventually(
                lambda: [text for url in dead_letters.values() for text in account.messages(url)],
                lambda seen: any("not-permitted.csv" in text for text in seen),
                seconds=90,
            )
    finally:
        for name, policy in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


@terraform("s3_triggered_import", scope="module")
def test_a_second_plan_of_s3_triggered_import_is_empty(s3_triggered_import: Any) -> None:
    assert second_plan(s3_triggered_import) == ""
