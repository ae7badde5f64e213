"""A thousand emails through the queue: each has one outcome, at the account's rate."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from pytest_terraform import terraform

from tests.builders.analyst import Analyst, literal
from tests.builders.faults import FAULTS, fault
from tests.builders.local_account import LocalAccount, local
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

RATE = 200
USERS = 50


@pytest.fixture(scope="module", autouse=True)
def soon() -> Iterator[None]:
    """Set a short buffer before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_buffer_seconds", "1")
        yield


@pytest.fixture(scope="module")
def example(ses_load_testing: Any, account: LocalAccount) -> Iterator[dict[str, Any]]:
    """The outputs, with users in the table and a quota that is used up easily."""
    found = outputs(ses_load_testing)
    table = boto3.resource("dynamodb").Table(found["metadata_table"])
    with table.batch_writer() as batch:
        for number in range(USERS):
            batch.put_item(
                Item={"user_id": str(number), "metadata": {"first_name": f"User {number}"}}
            )
    quota(max_send_rate=RATE, max_24_hour_send=1_000_000)
    yield found
    quota(max_send_rate=10_000, max_24_hour_send=10_000_000)


def quota(**settings: float) -> None:
    local("ses/quota", settings)


def message(example: dict[str, Any], code: str, **changes: Any) -> dict[str, Any]:
    number = int("0" + "".join(filter(str.isdigit, code)))
    return {
        "from": example["from_address"],
        "to": f"{code}@people.queue.example.com",
        "template_name": example["template_name"],
        "user_id": str(number % USERS),
        "config_set": example["configuration_set"],
        "tags": [{"Name": "campaign", "Value": "run1"}, {"Name": "message", "Value": code}],
        "unique_code": code,
        **changes,
    }


def queue(account: LocalAccount, example: dict[str, Any], *messages: Any) -> set[str]:
    """Put messages on the queue. Returns the queue's ids of them."""
    sqs, ids = account.client("sqs"), set()
    for first in range(0, len(messages), 10):
        answer = sqs.send_message_batch(
            QueueUrl=example["queue_url"],
            Entries=[
                {
                    "Id": str(number),
                    "MessageBody": one if isinstance(one, str) else json.dumps(one),
                }
                for number, one in enumerate(messages[first : first + 10])
            ],
        )
        assert not answer.get("Failed")
        ids |= {done["MessageId"] for done in answer["Successful"]}
    return ids


def post(example: dict[str, Any], body: Any, *, signed: bool = True) -> tuple[int, Any]:
    """POST to the API as the administrator; its status and answer."""
    url = f"{example['api_url']}/messages"
    text = body if isinstance(body, str) else json.dumps(body)
    request = AWSRequest("POST", url, data=text, headers={"content-type": "application/json"})
    if signed:
        session = boto3.Session()
        credentials = session.get_credentials()
        SigV4Auth(credentials, "execute-api", session.region_name).add_auth(request)
    prepared = urllib.request.Request(
        url, data=text.encode(), headers=dict(request.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(prepared) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def codes_sent(account: LocalAccount, prefix: str) -> Counter[str]:
    return Counter(
        email["tags"]["message"]
        for email in account.outbox("email")
        if email["tags"].get("message", "").startswith(prefix)
    )


def waiting(account: LocalAccount, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(attributes["Attributes"][name]) for name in names)


def wait_until_empty(account: LocalAccount, example: dict[str, Any], seconds: float = 120) -> None:
    url = example["queue_url"]
    account.eventually(lambda: waiting(account, url), lambda n: n == 0, seconds)


def endings(account: LocalAccount, url: str) -> list[tuple[str, dict[str, str]]]:
    """Receive and delete the messages of a queue. Returns their bodies and attributes."""
    sqs, found = account.client("sqs"), []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for one in messages:
            said = {name: a["StringValue"] for name, a in one["MessageAttributes"].items()}
            found.append((one["Body"], said))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def state(example: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the claims and outcomes of the sender."""
    table = boto3.resource("dynamodb").Table(example["state_table"])
    page: dict[str, Any] = table.scan()
    items: list[dict[str, Any]] = page["Items"]
    while "LastEvaluatedKey" in page:
        page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"])
        items += page["Items"]
    return items


def outcomes(example: dict[str, Any], ids: set[str] | None = None) -> Counter[str]:
    """Read the ledger's outcome of every claimed message, or of these."""
    items = state(example)
    results = {i["pk"]: i["results"] for i in items if i["sk"] == "outcome"}
    return Counter(
        results.get(f"call#{item['call']}", "?" * 50)[int(item["entry"])]
        for item in items
        if item["sk"] == "claim" and (ids is None or item["sqs"] in ids)
    )


def metric(account: LocalAccount, example: dict[str, Any], name: str) -> float:
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace=example["metrics_namespace"],
        MetricName=name,
        Dimensions=[{"Name": n, "Value": v} for n, v in example["metrics_dimensions"].items()],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(float(point["Sum"]) for point in points)


def deliveries_are_on(account: LocalAccount, example: dict[str, Any]) -> bool:
    mapping = account.client("lambda").get_event_source_mapping(
        UUID=example["event_source_mapping_id"]
    )
    return bool(mapping["State"] == "Enabled")


@terraform("ses_load_testing", scope="module")
def test_a_thousand_queued_messages_have_a_thousand_outcomes(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    quota(max_send_rate=RATE)
    good = [message(example, f"thousand-{number}") for number in range(980)]
    strangers = [message(example, f"stranger-{n}", user_id=f"nobody-{n}") for n in range(10)]
    poison = ["{not json", "[]", '{"to": 5}']
    accepted = len(good) + len(strangers) + len(poison) + 7

    by_api = good[:40]
    for first in range(0, 40, 10):
        status, answers = post(example, by_api[first : first + 10])
        assert status == 202 and all(one["accepted"] for one in answers)
    queue(account, example, *good[40:500], *poison, *strangers, *good[500:])
    queue(account, example, *good[:7])  # producers that were not sure
    wait_until_empty(account, example)

    assert accepted == 1000
    sent = codes_sent(account, "thousand-")
    assert sent == {one["unique_code"]: 1 for one in good}
    failed = endings(account, example["dead_letter_queue_url"])
    assert Counter(said["error_code"] for _, said in failed) == {
        "UNKNOWN_USER": 10,
        "MALFORMED_MESSAGE": 3,
    }
    assert {text for text, _ in failed} == {*map(json.dumps, strangers), *poison}
    assert all(said["reason"] for _, said in failed)
    assert waiting(account, example["parked_queue_url"]) == 0
    duplicates = metric(account, example, "Duplicates")
    assert accepted == sent.total() + len(failed) + duplicates
    assert outcomes(example) == {"S": 980}
    assert metric(account, example, "Sent") == 980

    counted = local("ses/quota")
    assert counted["throttled"] == 0
    # A call has a tenth of a second's worth at most; on a busy machine some arrive late.
    assert counted["busiest_second"] <= RATE * 1.2


@terraform("ses_load_testing", scope="module")
def test_an_email_has_its_user_s_data_its_code_and_its_tags(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    queue(account, example, message(example, "data-17"))

    [email] = account.eventually(
        lambda: [e for e in account.outbox("email") if e["tags"].get("message") == "data-17"], bool
    )

    assert email["subject"] == "Message data-17"
    assert "Hello User 17," in email["html"]
    assert email["from"] == example["from_address"]
    assert email["configuration_set"] == example["configuration_set"]
    assert email["tags"]["campaign"] == "run1"


@terraform("ses_load_testing", scope="module")
def test_the_api_says_accepted_of_what_is_queued_only(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    good = message(example, "api-1", **{"from": f"Ä & B + 100 % <{example['from_address']}>"})

    status, answer = post(example, good)
    assert (status, answer["accepted"]) == (202, True) and answer["message_id"]

    status, answer = post(example, {**good, "to": "nobody"})
    assert (status, answer["accepted"], answer["error"]["field"]) == (400, False, "to")
    assert post(example, "{not json")[0] == 400
    assert post(example, good, signed=False)[0] == 403

    account.eventually(lambda: codes_sent(account, "api-1"), bool)
    [email] = [e for e in account.outbox("email") if e["tags"].get("message") == "api-1"]
    assert email["from"].startswith("=?utf-8?") and email["from"].isascii()
    assert email["from"].endswith(f" <{example['from_address']}>")


@terraform("ses_load_testing", scope="module")
def test_the_api_does_not_say_accepted_when_the_queue_refuses(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    iam = account.client("iam")
    role, name = "load-test-api-lambda", "queue"
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    denied = {**policy, "Statement": [{**s, "Effect": "Deny"} for s in policy["Statement"]]}
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(denied))

    try:
        status, answer = post(example, message(example, "refused-1"))
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))

    assert status == 502
    assert answer["accepted"] is False and answer["error"]["field"] == "queue"
    assert codes_sent(account, "refused-1") == {}


@terraform("ses_load_testing", scope="module")
def test_a_template_that_is_not_there_makes_dead_letters_that_can_be_redriven(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    ses, sqs = account.client("sesv2"), account.client("sqs")
    content = ses.get_email_template(TemplateName=example["template_name"])["TemplateContent"]
    ses.delete_email_template(TemplateName=example["template_name"])
    try:
        queue(account, example, message(example, "late-1"))
        url = example["dead_letter_queue_url"]
        account.eventually(lambda: waiting(account, url), bool)
    finally:
        ses.create_email_template(TemplateName=example["template_name"], TemplateContent=content)

    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sqs.start_message_move_task(SourceArn=arn["QueueArn"])

    account.eventually(lambda: codes_sent(account, "late-1"), bool)
    assert waiting(account, url) == 0


@terraform("ses_load_testing", scope="module")
def test_at_the_daily_quota_deliveries_stop_and_start_again_with_room(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    quota(max_send_rate=RATE, max_24_hour_send=20, sent_last_24_hours=20)
    # A warm sender's quota is up to a minute old: SES's own responses stop the sender.
    queue(account, example, *(message(example, f"daily-{number}") for number in range(60)))

    account.eventually(lambda: deliveries_are_on(account, example), lambda on: not on)
    assert codes_sent(account, "daily-").total() == 0
    valve = account.client("dynamodb").get_item(
        TableName=example["state_table"], Key={"pk": {"S": "valve"}, "sk": {"S": "valve"}}
    )["Item"]
    assert valve["reason"]["S"] == "DAILY_QUOTA"

    fire = f"scheduler/{example['quota_watch_schedule_name']}/fire"
    local(fire, {})
    account.eventually(
        lambda: waiting(account, example["queue_url"]), lambda n: n == 60
    )  # still no room
    assert not deliveries_are_on(account, example)

    quota(max_send_rate=RATE, max_24_hour_send=100_000)
    local(fire, {})
    account.eventually(lambda: deliveries_are_on(account, example), bool)
    wait_until_empty(account, example)

    assert codes_sent(account, "daily-") == {f"daily-{number}": 1 for number in range(60)}
    assert waiting(account, example["dead_letter_queue_url"]) == 0


@terraform("ses_load_testing", scope="module")
def test_the_campaign_can_be_asked_about(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    analyst = Analyst(account, example)
    quota(max_send_rate=RATE)
    queue(account, example, *(message(example, f"asked-{number}") for number in range(200)))
    wait_until_empty(account, example)
    sent = sum(1 for e in account.outbox("email") if e["tags"].get("campaign") == "run1")

    by_tag = account.eventually(
        lambda: analyst.ask_named("emails_by_tag", literal("campaign")),
        lambda rows: any(row["tag_value"] == "run1" and row["sent"] == sent for row in rows),
        seconds=90,
    )
    [twice] = analyst.ask_named("emails_sent_twice", literal("message"))
    rates = analyst.ask_named("sending_rate_by_tag", literal("campaign"))

    assert [row["tag_value"] for row in by_tag] == ["run1"]
    assert (twice["emails"], twice["sent_more_than_once"]) == (sent, 0)
    assert [row["part"] for row in rates] == ["0-20 %", "20-90 %", "90-100 %"]


# The calls of the sender in the rows of the fault matrix. A cell sends BATCH messages.
BATCH = 5
SENDER = {"function": "load-test-sender"}
CALLS: dict[str, dict[str, Any]] = {
    "pace": SENDER | {"service": "dynamodb", "operation": "UpdateItem"},
    "claim": SENDER | {"service": "dynamodb", "operation": "PutItem", "contains": '"claim"'},
    "send": SENDER | {"service": "ses", "method": "POST", "path": "/v2/email/outbound-bulk-emails"},
    "record": SENDER | {"service": "dynamodb", "operation": "PutItem", "contains": '"outcome"'},
}
# In these cells all three attempts of the SDK meet the fault, in the others one attempt.
EXHAUSTED = {"pace-throttled": 3, "claim-reset-after": 3 * BATCH, "record-throttled": 3}
# In these cells every message is parked. The number is how many of them are in the outbox, too.
PARKED = {
    "send-reset-before": 0,
    "send-reset-after": BATCH,
    "send-kill-before": 0,
    "send-kill-after": BATCH,
    "record-kill-before": BATCH,
}


def queue_for_a_killed_sender(
    account: LocalAccount, example: dict[str, Any], *messages: Any
) -> set[str]:
    """Put messages on the queue, and redeliver them 3 seconds after their sender was killed.

    The administrator shortens the visibility timeout of the queue, and dates the claims of the
    sender back by the difference. Returns the queue's ids of the messages.
    """
    sqs, url = account.client("sqs"), example["queue_url"]
    names = ["VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    try:
        ids = queue(account, example, *messages)
        account.eventually(lambda: account.local("faults")[0]["done"], bool)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)
    table = boto3.resource("dynamodb").Table(example["state_table"])
    for item in state(example):
        if item["sk"] == "claim" and item["sqs"] in ids:
            table.update_item(
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET #at = #at - :seconds",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":seconds": int(before["VisibilityTimeout"]) - 3},
            )
    return ids


@pytest.mark.fault_matrix
@pytest.mark.parametrize(
    ("call", "name"),
    [pytest.param(call, name, id=f"{call}-{name}") for call in CALLS for name in FAULTS],
)
@terraform("ses_load_testing", scope="module")
def test_a_fault_of_the_sender_loses_no_message_and_sends_none_twice(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any], call: str, name: str
) -> None:
    cell, prefix = f"{call}-{name}", f"{uuid.uuid4().hex}-"
    codes = {f"{prefix}{number}" for number in range(BATCH)}
    put = queue_for_a_killed_sender if name.startswith("kill") else queue
    quota(max_send_rate=RATE)

    times = EXHAUSTED.get(cell, 1)
    with fault(account, name, times=times, seconds=1, **CALLS[call]):
        ids = put(account, example, *(message(example, code) for code in codes))
        wait_until_empty(account, example)

    sent = codes_sent(account, prefix)
    letters = endings(account, example["parked_queue_url"])
    parked = {json.loads(body)["unique_code"] for body, _ in letters}
    assert set(sent) | parked == codes
    assert set(sent.values()) <= {1}
    assert len(letters) == len(parked)
    assert all(said["error_code"] and said["reason"] for _, said in letters)
    assert waiting(account, example["dead_letter_queue_url"]) == 0
    # A record that DynamoDB does not take costs nothing: the messages have left the queue.
    recorded = 0 if cell == "record-throttled" else BATCH - len(parked)
    assert outcomes(example, ids)["S"] == recorded
    if call == "claim" and name.startswith("kill"):
        # The claims of a call are written at the same time, and the sender dies among them.
        assert parked.isdisjoint(sent)
        assert parked or name == "kill-before"
    else:
        assert len(parked) == (BATCH if cell in PARKED else 0)
        assert len(parked & set(sent)) == PARKED.get(cell, 0)


@terraform("ses_load_testing", scope="module")
def test_a_second_plan_of_ses_load_testing_is_empty(
    ses_load_testing: Any, example: dict[str, Any]
) -> None:
    assert second_plan(ses_load_testing) == ""


@terraform("ses_load_testing", scope="module")
def test_destroying_the_queue_and_its_senders_leaves_nothing(
    ses_load_testing: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    assert len(left_behind(account, "load-test")) > 10

    ses_load_testing.terraform.destroy()

    assert left_behind(account, "load-test") == []
