"""A text that a phone could not get is sent again, once for each failure, until it arrives."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from pytest_terraform import terraform

from sms_retry.remember import remember
from tests.builders.event_records import sample
from tests.builders.example_program import example_program
from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

CAMPAIGN, PASSWORD = "+14255550171", "+14255550172"
BLOCKED, NEVER, LEAVING = "+14255550173", "+14255550174", "+14255550175"
FOREIGN, LATE = "+14255550176", "+14255550177"
UNREACHABLE_TWICE = ["UNREACHABLE", "UNREACHABLE", "DELIVERED"]


@pytest.fixture(scope="module", autouse=True)
def short_delays() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_delays_seconds", "[1, 1]")
        yield


@pytest.fixture(scope="module")
def example(sms_retry: Any) -> dict[str, Any]:
    return outputs(sms_retry)


@pytest.fixture(scope="module")
def outcomes(account: LocalAccount) -> None:
    for number, statuses in {
        CAMPAIGN: UNREACHABLE_TWICE,
        PASSWORD: UNREACHABLE_TWICE,
        BLOCKED: ["BLOCKED"],
        NEVER: ["CARRIER_UNREACHABLE"],
        FOREIGN: ["TTL_EXPIRED", "DELIVERED"],
    }.items():
        account.local("outcomes/sms", {"to": number, "statuses": statuses})


@pytest.fixture(scope="module")
def inbox(example: dict[str, Any], account: LocalAccount, outcomes: None) -> Inbox:
    return account.subscribe(example["final_failure_topic_arn"], "final-failures")


@pytest.fixture(scope="module")
def send_text() -> Callable[[dict[str, Any], str, str], tuple[str, str]]:
    """The function of the example's program."""
    return example_program("sms_retry", "send_text").send


@pytest.fixture(scope="module")
def messages(
    example: dict[str, Any],
    account: LocalAccount,
    inbox: Inbox,
    send_text: Callable[[dict[str, Any], str, str], tuple[str, str]],
) -> dict[str, str]:
    """A campaign to four people, and texts to two; the id of each first try by number."""
    pinpoint, project = hub_client(example["api_url"]), example["project_id"]
    for number in (CAMPAIGN, BLOCKED, LEAVING):
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=f"phone-of-{number[-3:]}",
            EndpointRequest={
                "ChannelType": "SMS",
                "Address": number,
                "User": {"UserId": number[-3:], "UserAttributes": {"FirstName": ["Änn"]}},
            },
        )
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]["Id"]
    pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": "spring",
            "SegmentId": segment,
            "Schedule": {"StartTime": "IMMEDIATE"},
            "MessageConfiguration": {
                "SMSMessage": {
                    "Body": "Hello {{User.UserAttributes.FirstName}}",
                    "MessageType": "PROMOTIONAL",
                }
            },
        },
    )
    found = {}
    for number in (PASSWORD, NEVER):
        found[number], status = send_text(example, number, f"Your code is {number[-3:]}")
        assert status == "SUCCESSFUL"
    for number in (CAMPAIGN, BLOCKED, LEAVING):
        found[number] = first_try(account, number)["message_id"]
    return found


def first_try(account: LocalAccount, number: str) -> dict[str, Any]:
    return account.eventually(lambda: account.sent_to(number), bool, 60)[0]


def chain(account: LocalAccount, example: dict[str, Any], message_id: str) -> dict[str, Any]:
    item = account.client("dynamodb").get_item(
        TableName=example["chains_table"], Key={"pk": {"S": message_id}}, ConsistentRead=True
    )
    return {name: next(iter(value.values())) for name, value in item.get("Item", {}).items()}


def chain_in(
    account: LocalAccount, example: dict[str, Any], message_id: str, *states: str
) -> dict[str, Any]:
    """The chain of a message, once it has one of the states."""
    return account.eventually(
        lambda: chain(account, example, message_id),
        lambda seen: seen.get("state") in states,
        60,
    )


def put(account: LocalAccount, example: dict[str, Any], *events: dict[str, Any]) -> None:
    """Write events to the stream as a project does."""
    answer = account.client("kinesis").put_records(
        StreamName=example["stream_name"],
        Records=[{"Data": json.dumps(one).encode() + b"\n", "PartitionKey": "k"} for one in events],
    )
    assert answer["FailedRecordCount"] == 0


@terraform("sms_retry", scope="module")
def test_a_campaign_s_text_is_sent_again_until_it_arrives(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    original_id = messages[CAMPAIGN]

    ended = chain_in(account, example, original_id, "DELIVERED")

    first, *retries = account.sent_to(CAMPAIGN)
    assert len(retries) == 2
    assert {one["body"] for one in (first, *retries)} == {"Hello Änn"}
    assert {one["message_type"] for one in (first, *retries)} == {"PROMOTIONAL"}
    assert len({one["from"] for one in (first, *retries)}) == 1
    assert {one["context"]["hub"] for one in retries} == {first["context"]["hub"]}
    told = [json.loads(one["context"]["retry"]) for one in retries]
    assert [(one["of"], one["n"]) for one in told] == [(original_id, 1), (original_id, 2)]
    assert ended["retries"] == "2"


@terraform("sms_retry", scope="module")
def test_a_transactional_text_is_sent_again_until_it_arrives(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    chain_in(account, example, messages[PASSWORD], "DELIVERED")

    texts = account.sent_to(PASSWORD)
    assert [one["body"] for one in texts] == ["Your code is 172"] * 3
    assert {one["message_type"] for one in texts} == {"TRANSACTIONAL"}
    assert {one["configuration_set"] for one in texts} == {example["configuration_set"]}


@terraform("sms_retry", scope="module")
def test_a_text_that_never_arrives_is_notified_after_its_last_retry(
    sms_retry: Any,
    account: LocalAccount,
    example: dict[str, Any],
    messages: dict[str, str],
    inbox: Inbox,
) -> None:
    message_id = messages[NEVER]

    notice = inbox.wait_for(
        "failure", lambda body: message_id in [m["MessageId"] for m in body["Messages"]]
    )

    [told] = [one for one in notice["body"]["Messages"] if one["MessageId"] == message_id]
    assert (told["Retries"], told["Reason"]) == (2, "RETRIES_USED_UP")
    assert told["RecordStatus"] == "CARRIER_UNREACHABLE"
    assert NEVER not in json.dumps(notice)
    assert len(account.sent_to(NEVER)) == 3
    texts = account.client("dynamodb").scan(TableName=example["texts_table"])["Items"]
    assert f"Your code is {NEVER[-3:]}" not in [one["body"]["S"] for one in texts]


@terraform("sms_retry", scope="module")
def test_a_blocked_number_is_never_tried_again(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    chain_in(account, example, messages[CAMPAIGN], "DELIVERED")

    assert chain(account, example, messages[BLOCKED]) == {}
    assert len(account.sent_to(BLOCKED)) == 1


@terraform("sms_retry", scope="module")
def test_a_person_who_opted_out_in_between_gets_no_retry(
    sms_retry: Any,
    account: LocalAccount,
    example: dict[str, Any],
    messages: dict[str, str],
    inbox: Inbox,
) -> None:
    """The endpoint of the campaign opts out; the failure of its text arrives after that."""
    hub_client(example["api_url"]).update_endpoint(
        ApplicationId=example["project_id"],
        EndpointId=f"phone-of-{LEAVING[-3:]}",
        EndpointRequest={"OptOut": "ALL"},
    )
    event = failure_of(account, example, LEAVING, "opted-out-late")

    put(account, example, event)

    notice = inbox.wait_for(
        "failure", lambda body: "opted-out-late" in [m["MessageId"] for m in body["Messages"]]
    )
    [told] = [m for m in notice["body"]["Messages"] if m["MessageId"] == "opted-out-late"]
    assert (told["Reason"], told["Retries"]) == ("OPTED_OUT", 0)
    assert len(account.sent_to(LEAVING)) == 1


def failure_of(
    account: LocalAccount, example: dict[str, Any], number: str, message_id: str, **given: str
) -> dict[str, Any]:
    """Another failure of the campaign's text to a number, as the hub writes it."""
    first = first_try(account, number)
    ids = json.loads(first["context"].get("hub", "{}"))
    event: dict[str, Any] = copy.deepcopy(sample("pinpoint/sms_failure"))
    event["application"]["app_id"] = example["project_id"]
    event["client"]["client_id"] = ids.get("endpoint_id", "none")
    event["event_timestamp"] = int(time.time() * 1000)
    event["attributes"] |= {
        "message_id": message_id,
        "record_status": "UNREACHABLE",
        "destination_phone_number": number,
        "origination_phone_number": first["from"],
        "campaign_id": ids.get("campaign_id", ""),
        "campaign_activity_id": ids.get("campaign_activity_id", ""),
        "treatment_id": ids.get("treatment_id", "0"),
    } | given
    return event


@terraform("sms_retry", scope="module")
def test_duplicate_failure_events_send_once(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    dynamodb = boto3.client("dynamodb")
    context = remember(dynamodb, example["texts_table"], "Once only", useful_seconds=600)
    event = failure_of(
        account, example, PASSWORD, "duplicated", customer_context=json.dumps(context)
    )
    event["attributes"]["destination_phone_number"] = LATE
    for name in ("campaign_id", "campaign_activity_id"):
        del event["attributes"][name]

    put(account, example, *[event] * 5)
    put(account, example, *[event] * 5)

    chain_in(account, example, "duplicated", "DELIVERED")
    assert [one["body"] for one in account.sent_to(LATE)] == ["Once only"]


@terraform("sms_retry", scope="module")
def test_a_text_without_a_project_is_sent_again_by_the_events_of_its_configuration_set(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], outcomes: None
) -> None:
    direct = example["direct"]
    context = remember(boto3.client("dynamodb"), direct["texts_table"], "Your taxi is here")
    sent = boto3.client("pinpoint-sms-voice-v2").send_text_message(
        DestinationPhoneNumber=FOREIGN,
        OriginationIdentity=direct["number"],
        MessageBody="Your taxi is here",
        MessageType="TRANSACTIONAL",
        ConfigurationSetName=direct["configuration_set"],
        Context={**context, "trip": "7"},
    )

    ended = account.eventually(
        lambda: chain(account, {"chains_table": direct["chains_table"]}, sent["MessageId"]),
        lambda seen: seen.get("state") == "DELIVERED",
    )

    first, again = account.sent_to(FOREIGN)
    assert (first["body"], again["body"]) == ("Your taxi is here",) * 2
    assert (first["from"], first["context"]["trip"]) == (again["from"], again["context"]["trip"])
    assert ended["retries"] == "1"


@terraform("sms_retry", scope="module")
def test_a_program_may_write_a_text_and_read_none(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    actions = [
        statement["Action"] for statement in json.loads(example["remember_policy"])["Statement"]
    ]

    assert actions == ["dynamodb:PutItem"]


@terraform("sms_retry", scope="module")
def test_an_event_that_cannot_be_read_is_kept_and_the_others_are_processed(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    broken = copy.deepcopy(sample("pinpoint/sms_failure"))
    del broken["attributes"]["destination_phone_number"]

    put(account, example, broken)

    [letter] = account.eventually(
        lambda: account.messages(example["dead_letter_queue_urls"]["events"]), bool
    )
    assert json.loads(letter)["Reason"].startswith("attributes.destination_phone_number")


@terraform("sms_retry", scope="module")
def test_logs_name_no_number_and_no_text(
    sms_retry: Any, account: LocalAccount, example: dict[str, Any], messages: dict[str, str]
) -> None:
    lines = "\n".join(
        str(line)
        for name in ("reader_function_name", "sender_function_name")
        for line in log_lines(account, example[name])
    )

    assert "Retry is sent" in lines
    assert not [n for n in (CAMPAIGN, PASSWORD, NEVER, BLOCKED, LEAVING) if n[1:] in lines]
    assert "Hello" not in lines
    assert "Your code" not in lines


@terraform("sms_retry", scope="module")
def test_a_second_apply_changes_nothing(sms_retry: Any) -> None:
    assert second_plan(sms_retry) == ""


@terraform("sms_retry", scope="module")
def test_destroying_leaves_nothing_behind(sms_retry: Any, account: LocalAccount) -> None:
    assert len(left_behind(account, "retry")) > 10

    sms_retry.terraform.destroy()

    assert left_behind(account, "retry") == []
