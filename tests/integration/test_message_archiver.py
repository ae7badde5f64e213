"""Each message that was sent is in the archive as it was sent, and can be found and erased."""

from __future__ import annotations

import copy
import email
import email.policy
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_terraform import terraform

from message_archiver.keys import encoded, endpoint_prefix
from tests.builders.event_records import sample
from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan
from tools import terraform_cli

pytestmark = pytest.mark.integration

STRICT = email.policy.strict.clone(raise_on_defect=True)
ANN, ANN_PHONE = "ann/büro+1 @home", "ann-phone"
PROGRAMS = terraform_cli.ROOT / "examples" / "message_archiver"
ADDRESS, NUMBER = "ann@message-archive.example.com", "+14255550160"


@pytest.fixture(scope="module", autouse=True)
def short_window() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_batch_window_seconds", "1")
        yield


@pytest.fixture(scope="module")
def example(message_archiver: Any) -> dict[str, Any]:
    return outputs(message_archiver)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


@pytest.fixture(scope="module")
def campaigns(example: dict[str, Any], pinpoint: Any, account: LocalAccount) -> dict[str, str]:
    """Ann has two endpoints; a campaign by a template reaches one, a text the other."""
    project = example["project_id"]
    user = {"UserId": "ann", "UserAttributes": {"FirstName": ["Änn"]}}
    for endpoint_id, channel, address in (
        (ANN, "EMAIL", ADDRESS),
        (ANN_PHONE, "SMS", NUMBER),
    ):
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=endpoint_id,
            EndpointRequest={"ChannelType": channel, "Address": address, "User": user},
        )
    pinpoint.create_email_template(
        TemplateName="spring",
        EmailTemplateRequest={
            "Subject": "Spring for {{User.UserAttributes.FirstName}}",
            "HtmlPart": "<p>Old & new, {{User.UserAttributes.FirstName}}</p>",
            "TextPart": "Old & new, {{User.UserAttributes.FirstName}}",
        },
    )
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]["Id"]
    messages: dict[str, dict[str, Any]] = {
        "email": {"TemplateConfiguration": {"EmailTemplate": {"Name": "spring"}}},
        "text": {"MessageConfiguration": {"SMSMessage": {"Body": "Hi <{{User.UserId}}>"}}},
    }
    made = {}
    for name, message in messages.items():
        request = {
            "Name": name,
            "SegmentId": segment,
            "Schedule": {"StartTime": "IMMEDIATE"},
            **message,
        }
        made[name] = pinpoint.create_campaign(ApplicationId=project, WriteCampaignRequest=request)[
            "CampaignResponse"
        ]["Id"]
    for endpoint_id in (ANN, ANN_PHONE):
        account.eventually(lambda one=endpoint_id: keys(account, example, one), bool, 90)
    return made


def keys(account: LocalAccount, example: dict[str, Any], endpoint_id: str) -> list[str]:
    """The keys of an endpoint's messages."""
    found = account.client("s3").list_objects_v2(
        Bucket=example["archive_bucket"], Prefix=endpoint_prefix(endpoint_id)
    )
    return [one["Key"] for one in found.get("Contents", [])]


def opened(account: LocalAccount, example: dict[str, Any], key: str) -> EmailMessage:
    """An archived message as a strict mail reader opens it."""
    body = account.client("s3").get_object(Bucket=example["archive_bucket"], Key=key)["Body"]
    return cast(EmailMessage, email.message_from_bytes(body.read(), policy=STRICT))


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).rstrip("\r\n")


def put(account: LocalAccount, example: dict[str, Any], *events: dict[str, Any]) -> None:
    """Write events to the stream as a project does."""
    answer = account.client("kinesis").put_records(
        StreamName=example["stream_name"],
        Records=[
            {"Data": (json.dumps(one, ensure_ascii=False) + "\n").encode(), "PartitionKey": "k"}
            for one in events
        ],
    )
    assert answer["FailedRecordCount"] == 0


def send_event(
    example: dict[str, Any], campaign_id: str, endpoint_id: str, **attributes: str
) -> dict[str, Any]:
    """A `_campaign.send` as Amazon Pinpoint writes it: it names no version of the content."""
    event = copy.deepcopy(sample("pinpoint/campaign_send"))
    event["application"]["app_id"] = example["project_id"]
    event["client"]["client_id"] = endpoint_id
    event["event_timestamp"] = int(datetime.now(UTC).timestamp() * 1000)
    event["attributes"] |= {
        "campaign_id": campaign_id,
        "treatment_id": "0",
        "delivery_type": "SMS",
        "campaign_send_status": "SUCCESS",
    } | attributes
    endpoint = {"ChannelType": "SMS", "Address": "+14255550161", "User": {"UserId": "bob"}}
    event["client_context"]["custom"]["endpoint"] = json.dumps(endpoint)
    return event


def letters(account: LocalAccount, example: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The parked sends: reason → event. They stay in the queue."""
    found = account.client("sqs").receive_message(
        QueueUrl=example["dead_letter_queue_url"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageAttributeNames=["Reason"],
    )
    return {
        one["MessageAttributes"]["Reason"]["StringValue"]: json.loads(one["Body"])
        for one in found.get("Messages", [])
    }


def ask(account: LocalAccount, example: dict[str, Any], sql: str, *parameters: str) -> list[Any]:
    """The rows of an answer of Athena, without the names of the columns."""
    athena = account.client("athena")
    given = {"ExecutionParameters": list(parameters)} if parameters else {}
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": example["athena_database"]},
        WorkGroup=example["athena_workgroup"],
        **given,
    )["QueryExecutionId"]
    status = account.eventually(
        lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"],
        lambda seen: seen["State"] not in ("QUEUED", "RUNNING"),
    )
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]


@contextmanager
def operator(account: LocalAccount, example: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The environment of a user with the policy of the module, who may also bypass the lock."""
    iam, name = account.client("iam"), f"eraser-{uuid.uuid4().hex[:8]}"
    bypass = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "s3:BypassGovernanceRetention",
            "Resource": f"arn:aws:s3:::{example['archive_bucket']}/*",
        },
    }
    policies = {"erase": example["erase_policy"], "bypass": json.dumps(bypass)}
    iam.create_user(UserName=name)
    for policy, document in policies.items():
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in policies:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)


def support_case(
    example: dict[str, Any], folder: Path, user: str, month: str
) -> subprocess.CompletedProcess[str]:
    names = ("athena_workgroup", "athena_database", "archive_bucket")
    case = [*(example[name] for name in names), user, month]
    command = [sys.executable, str(PROGRAMS / "support_case.py"), *case]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def erase(
    example: dict[str, Any], *arguments: str, keys: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the operator's command from the package that a release has."""
    package = terraform_cli.ROOT / "dist" / "message_archiver.zip"
    buckets = ["--archive-bucket", example["archive_bucket"], "--index-bucket"]
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv.pop(1));"
            "from message_archiver.erase import main; sys.exit(main())",
            str(package),
            *arguments,
            *buckets,
            example["index_bucket"],
        ],
        env={**os.environ, **(keys or {})},
        capture_output=True,
        text=True,
    )


@terraform("message_archiver", scope="module")
def test_an_email_of_a_template_opens_in_a_strict_mail_reader(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    [key] = keys(account, example, ANN)

    message = opened(account, example, key)

    [sent] = [one for one in account.outbox("email") if ADDRESS in one["to"]]
    assert (message["Subject"], message["To"]) == (sent["subject"], ADDRESS)
    assert message["From"] == example["from_address"]
    assert text_of(message, "plain") == sent["text"] == "Old & new, Änn"
    assert text_of(message, "html") == sent["html"] == "<p>Old & new, Änn</p>"
    assert message.get_content_type() == "multipart/alternative"
    assert message["Fidelity"] == "verified"
    assert message["TemplateVersion"] == message["CampaignVersion"] == "1"
    assert message["EndpointId"] == ANN
    assert key.startswith(f"archive/{encoded(ANN)}/{datetime.now(UTC):%Y/%m/}")


@terraform("message_archiver", scope="module")
def test_a_text_message_is_archived_as_it_was_sent_and_not_as_html(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    [key] = keys(account, example, ANN_PHONE)

    message = opened(account, example, key)

    [sent] = account.sent_to(NUMBER)
    assert text_of(message, "plain") == sent["body"] == "Hi <ann>"
    assert (message["Channel"], message["Address"]) == ("SMS", NUMBER)
    assert message["Fidelity"] == "verified"


@terraform("message_archiver", scope="module")
def test_a_support_case_is_a_list_and_files_that_a_mail_reader_opens(
    message_archiver: Any,
    account: LocalAccount,
    example: dict[str, Any],
    campaigns: dict[str, str],
    tmp_path: Path,
) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"

    run = account.eventually(
        lambda: support_case(example, tmp_path, "ann", month),
        lambda seen: seen.stdout.count("\n") == 2,
    )

    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert sorted(line.split()[2:4] for line in lines) == [
        ["EMAIL", "verified"],
        ["SMS", "verified"],
    ]
    files = {
        str(message["Channel"]): message
        for message in (
            email.message_from_bytes(file.read_bytes(), policy=STRICT)
            for file in tmp_path.glob(f"case-{month}/*.eml")
        )
    }
    assert files["EMAIL"]["Subject"] == "Spring for Änn"
    assert files["EMAIL"]["Subject"] in run.stdout
    assert text_of(cast(EmailMessage, files["SMS"]), "plain") == "Hi <ann>"


@terraform("message_archiver", scope="module")
def test_the_program_of_the_example_sends_an_email_and_a_text_that_the_case_finds(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], tmp_path: Path
) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    given = {name: {"value": value} for name, value in example.items()}

    run = subprocess.run(
        [sys.executable, str(PROGRAMS / "send_spring.py"), "eve"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr
    found = account.eventually(
        lambda: support_case(example, tmp_path, "eve", month),
        lambda seen: seen.stdout.count("\n") == 2,
    )
    assert "Spring for Eve" in found.stdout
    assert found.stdout.count("verified") == 2


@terraform("message_archiver", scope="module")
@pytest.mark.parametrize(
    ("change", "status", "way_out"),
    [
        ({"user": "nobody"}, 0, "an endpoint without User.UserId has no user"),
        ({"month": "May"}, 2, "'May' is no month. Write year and month, as in 2026-05."),
        ({"athena_database": "another"}, 1, "another"),
        ({"athena_workgroup": "primary"}, 1, "the output athena_workgroup of the example"),
    ],
)
def test_a_case_without_an_answer_says_why(
    message_archiver: Any,
    example: dict[str, Any],
    tmp_path: Path,
    change: dict[str, str],
    status: int,
    way_out: str,
) -> None:
    user, month = change.pop("user", "ann"), change.pop("month", "2026-05")

    run = support_case({**example, **change}, tmp_path, user, month)

    assert (run.returncode, run.stdout) == (status, "")
    assert way_out in run.stderr
    assert list(tmp_path.iterdir()) == []


@terraform("message_archiver", scope="module")
def test_the_recipients_of_a_campaign_are_one_query(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    athena = account.client("athena")
    ids = athena.list_named_queries(WorkGroup=example["athena_workgroup"])["NamedQueryIds"]
    queries = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    [sql] = [one["QueryString"] for one in queries if one["Name"] == "recipients_of_a_campaign"]

    [row] = account.eventually(lambda: ask(account, example, sql, f"'{campaigns['email']}'"), bool)

    assert row[:2] == [ANN, "ann"]
    assert row[6] == keys(account, example, ANN)[0]


@terraform("message_archiver", scope="module")
def test_a_repeated_event_is_one_message_and_a_failed_send_is_none(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    sent, failed, last = f"e-{uuid.uuid4().hex}", f"f-{uuid.uuid4().hex}", f"l-{uuid.uuid4().hex}"
    repeated = send_event(example, campaigns["text"], sent)

    put(account, example, repeated)
    account.eventually(lambda: keys(account, example, sent), bool)
    put(
        account,
        example,
        repeated,
        send_event(example, campaigns["text"], failed, campaign_send_status="FAILURE"),
        send_event(example, campaigns["text"], last),
    )
    account.eventually(lambda: keys(account, example, last), bool)

    [key] = keys(account, example, sent)
    versions = account.client("s3").list_object_versions(
        Bucket=example["archive_bucket"], Prefix=key
    )
    assert len(versions["Versions"]) == 1
    assert keys(account, example, failed) == []
    message = opened(account, example, key)
    assert text_of(message, "plain") == "Hi <bob>"
    assert message["Fidelity"] == "reconstructed"


@terraform("message_archiver", scope="module")
def test_an_edited_template_does_not_rewrite_history_and_what_cannot_be_rendered_is_parked(
    message_archiver: Any,
    account: LocalAccount,
    example: dict[str, Any],
    campaigns: dict[str, str],
    pinpoint: Any,
) -> None:
    journey = copy.deepcopy(sample("pinpoint/journey_send"))
    journey["attributes"]["journey_send_status"] = "SUCCESS"
    journey["application"]["app_id"] = example["project_id"]
    template = pinpoint.get_email_template(TemplateName="spring")["EmailTemplateResponse"]
    event = send_event(
        example,
        campaigns["email"],
        f"edited-{uuid.uuid4().hex}",
        delivery_type="EMAIL",
        campaign_version="1",
        template_version="1",
        template_modified=template["LastModifiedDate"],
    )
    pinpoint.update_email_template(
        TemplateName="spring", EmailTemplateRequest={"Subject": "New", "TextPart": "New"}
    )
    # A container that knows version 1 still has the old content: Lambda starts a new one.
    functions = account.client("lambda")
    configuration = functions.get_function_configuration(
        FunctionName=example["archiver_function_name"]
    )
    functions.update_function_configuration(
        FunctionName=example["archiver_function_name"],
        Environment={"Variables": configuration["Environment"]["Variables"] | {"FRESH": "1"}},
    )

    put(account, example, event, journey)

    parked = account.eventually(lambda: letters(account, example), lambda seen: len(seen) == 2, 90)
    [overwritten] = [reason for reason in parked if "was overwritten" in reason]
    [unread] = [reason for reason in parked if reason.startswith("Journey")]
    assert parked[overwritten] == event
    assert parked[unread] == journey
    assert keys(account, example, event["client"]["client_id"]) == []
    assert keys(account, example, journey["client"]["client_id"]) == []
    functions.update_function_configuration(
        FunctionName=example["archiver_function_name"],
        Environment=configuration["Environment"],
    )


@terraform("message_archiver", scope="module")
def test_object_lock_keeps_a_message_from_being_changed_and_from_the_function(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    [key] = keys(account, example, ANN)

    kept = account.client("s3").head_object(Bucket=example["archive_bucket"], Key=key)

    assert kept["ObjectLockMode"] == "GOVERNANCE"
    years = kept["ObjectLockRetainUntilDate"] - datetime.now(UTC)
    assert timedelta(days=364) < years < timedelta(days=366)
    log = "\n".join(
        line
        for function in (example["archiver_function_name"], example["queue_function_name"])
        for line in log_lines(account, function)
    )
    assert ADDRESS not in log and NUMBER not in log and "Änn" not in log


@terraform("message_archiver", scope="module")
def test_everything_of_a_user_is_listed_and_erased_with_its_rows(
    message_archiver: Any, account: LocalAccount, example: dict[str, Any], campaigns: dict[str, str]
) -> None:
    user = [
        "--user",
        "ann",
        "--workgroup",
        example["athena_workgroup"],
        "--database",
        example["athena_database"],
    ]

    listed = erase(example, "list", *user)
    tried = erase(example, "delete", *user, "--dry-run")
    refused = erase(example, "delete", *user)
    before = keys(account, example, ANN) + keys(account, example, ANN_PHONE)
    with operator(account, example) as its_keys:
        done = [
            erase(example, "delete", "--endpoint", one, "--bypass-governance", keys=its_keys)
            for one in (ANN, ANN_PHONE)
        ]

    assert listed.returncode == tried.returncode == 0, listed.stderr
    assert [one.returncode for one in done] == [0, 0], done
    assert all(key in listed.stdout and "locked until" in listed.stdout for key in before)
    assert tried.stdout.count("would delete 1 versions and 1 rows") == 2
    assert refused.returncode == 3
    assert refused.stdout.count("Object Lock, GOVERNANCE until") == len(before) == 2
    assert all("deleted 1 versions and 1 rows" in one.stdout for one in done)
    assert keys(account, example, ANN) == keys(account, example, ANN_PHONE) == []
    assert ask(account, example, "SELECT count(*) FROM messages WHERE user_id = 'ann'") == [["0"]]
    [[others]] = ask(account, example, "SELECT count(*) FROM messages WHERE user_id = 'bob'")
    assert int(others) >= 2
    rows = every_version(account, example["index_bucket"]).splitlines()
    assert "ann" not in {json.loads(row)["user_id"] for row in rows}


def every_version(account: LocalAccount, bucket: str) -> bytes:
    """The content of every version of every object of a bucket."""
    s3 = account.client("s3")
    versions = s3.list_object_versions(Bucket=bucket).get("Versions", [])
    return b"".join(
        s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in versions
    )


@terraform("message_archiver", scope="module")
def test_a_second_plan_of_the_archive_is_empty(message_archiver: Any) -> None:
    assert second_plan(message_archiver) == ""


@terraform("message_archiver", scope="module")
def test_destroying_the_archive_leaves_nothing(
    message_archiver: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "archive")) > 10

    message_archiver.terraform.destroy()

    assert left_behind(account, "archive") == []
