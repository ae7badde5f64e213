"""The chain: a file of people dropped into a bucket ends as one text message a valid mobile."""

from __future__ import annotations

import json
import time
from collections.abc import Sized
from functools import partial
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import outputs, second_plan

HEADER = "ChannelType,Address,User.UserId,User.UserAttributes.FirstName,Location.Country\n"
MOBILE, LANDLINE, SWEDE = "+12065550101", "+442079460991", "+46701740699"

STARTED_BEFORE = "Stage was started before by the same notification"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def chain(import_validate_campaign: Any, account: LocalAccount) -> dict[str, Any]:
    return outputs(import_validate_campaign)


@pytest.fixture(scope="module")
def inboxes(chain: dict[str, Any], account: LocalAccount) -> dict[str, Inbox]:
    return {
        stage: account.subscribe(topic, f"test-{stage}-{time.time_ns()}")
        for stage, topic in chain["notification_topic_arns"].items()
    }


def has_grown(before: int, found: Sized) -> bool:
    return len(found) > before


def about(name: str) -> Any:
    """Whether a notification is about the file of that name."""
    return lambda body: name in str(body)


def of(correlation: str) -> Any:
    """Whether a notification belongs to the same file."""
    return lambda body: body["CorrelationId"] == correlation


@terraform("import_validate_campaign", scope="module")
def test_each_valid_mobile_gets_one_personal_message_and_nobody_else_does(
    import_validate_campaign: Any,
    chain: dict[str, Any],
    inboxes: dict[str, Inbox],
    account: LocalAccount,
) -> None:
    sent_before = len(account.outbox("sms"))  # by the examples of other files
    account.drop(
        chain,
        "people.csv",
        HEADER
        + f"SMS,{MOBILE},u1,Ada,US\n"
        + "SMS,(206) 555-0102,u2,Bela,US\n"
        + f"SMS,{MOBILE},u1,Ada,US\n"
        + f"SMS,{LANDLINE},u3,Carmen,GB\n"
        + f"SMS,{SWEDE},u4,Dmitri,SE\n"
        + "SMS,12345,u5,Elif,US\n"
        + "PIGEON,+12065550103,u6,Farid,US\n",
    )

    imported = inboxes["import"].wait_for("success", about("people.csv"))
    correlation = imported["body"]["CorrelationId"]
    validated = inboxes["validate"].wait_for("success", of(correlation))
    campaign = inboxes["campaign"].wait_for("success", of(correlation))

    assert imported["body"]["ImportResult"]["TotalFailures"] == 1
    assert validated["body"]["ValidatePhoneResult"]["ValidateOutput"]["InvalidPhoneNumbers"] == 1
    sent = campaign["body"]["CampaignCreateResult"]["CampaignCreateOutput"]
    assert sent["SuccessfulEndpointCount"] == 3
    messages = account.outbox("sms")[sent_before:]
    assert sorted(message["to"] for message in messages) == [MOBILE, "+12065550102", SWEDE]
    assert "Ada" in next(m["body"] for m in messages if m["to"] == MOBILE)
    assert [n["kind"] for n in inboxes["import"].notifications()] == ["started", "success"]


@terraform("import_validate_campaign", scope="module")
def test_a_redelivered_notification_sends_nothing_twice(
    import_validate_campaign: Any,
    chain: dict[str, Any],
    inboxes: dict[str, Inbox],
    account: LocalAccount,
) -> None:
    number = "+12065550111"
    account.drop(chain, "once.csv", HEADER + f"SMS,{number},u11,Greta,US\n")
    imported = inboxes["import"].wait_for("success", about("once.csv"))
    correlation = imported["body"]["CorrelationId"]
    inboxes["campaign"].wait_for("success", of(correlation))
    runs = {
        stage: len(account.executions(arn)) for stage, arn in chain["state_machine_arns"].items()
    }

    # The notifications of one stage start the next.
    for stage, following in (("import", "validate"), ("validate", "campaign")):
        function = f"people-chain-start-{following}"
        before = len(log_lines(account, function, STARTED_BEFORE))
        notification = inboxes[stage].wait_for("success", of(correlation))
        account.client("sns").publish(
            TopicArn=chain["notification_topic_arns"][stage],
            Subject=notification["subject"],
            Message=json.dumps(notification["body"]),
            MessageAttributes={
                "notification_type": {"DataType": "String", "StringValue": "success"}
            },
        )
        account.eventually(
            partial(log_lines, account, function, STARTED_BEFORE),
            partial(has_grown, before),
        )

    assert runs == {
        stage: len(account.executions(arn)) for stage, arn in chain["state_machine_arns"].items()
    }
    assert len(account.sent_to(number)) == 1


@terraform("import_validate_campaign", scope="module")
def test_two_files_in_one_second_both_arrive(
    import_validate_campaign: Any,
    chain: dict[str, Any],
    inboxes: dict[str, Inbox],
    account: LocalAccount,
) -> None:
    account.drop(chain, "first.csv", HEADER + "SMS,+12065550121,u21,Hana,US\n")
    account.drop(chain, "second.csv", HEADER + "SMS,+12065550122,u22,Ivo,US\n")

    account.eventually(
        lambda: account.sent_to("+12065550121", "+12065550122"),
        lambda sent: {message["to"] for message in sent} == {"+12065550121", "+12065550122"},
        seconds=120,
    )


@terraform("import_validate_campaign", scope="module")
@pytest.mark.parametrize(
    "name", ["with space.csv", "a+b=c.csv", "größe-日本.csv", "sub folder/per cent %41.csv"]
)
def test_any_key_is_imported(
    import_validate_campaign: Any,
    chain: dict[str, Any],
    inboxes: dict[str, Inbox],
    account: LocalAccount,
    name: str,
) -> None:
    account.drop(chain, name, HEADER + "SMS,+12065550131,u31,Jun,US\n")

    imported = inboxes["import"].wait_for("success", about(name))

    assert imported["body"]["ImportResult"]["TotalProcessed"] == 1


@terraform("import_validate_campaign", scope="module")
def test_a_file_that_cannot_be_read_ends_in_a_failure_notification_and_an_execution_that_failed(
    import_validate_campaign: Any,
    chain: dict[str, Any],
    inboxes: dict[str, Inbox],
    account: LocalAccount,
) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(200)
    account.drop(chain, "picture.csv", picture)

    failed = inboxes["import"].wait_for("failure", about("picture.csv"))

    assert failed["subject"] == "Amazon Pinpoint Import Failed"
    assert "PNG" in str(failed["body"])
    execution = next(
        e
        for e in account.executions(chain["state_machine_arns"]["import"])
        if e["name"] == failed["body"]["CorrelationId"]
    )
    assert account.finished(execution["executionArn"])["status"] == "FAILED"


@terraform("import_validate_campaign", scope="module")
def test_every_dead_letter_queue_is_empty_after_all_of_that(
    import_validate_campaign: Any, chain: dict[str, Any], account: LocalAccount
) -> None:
    left = {name: account.messages(url) for name, url in chain["dead_letter_queue_urls"].items()}

    assert left == {name: [] for name in left}


@terraform("import_validate_campaign", scope="module")
def test_a_second_plan_of_the_chain_is_empty(import_validate_campaign: Any) -> None:
    assert second_plan(import_validate_campaign) == ""
