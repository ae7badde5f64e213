"""Sending quotas of SES: recipients a second and in 24 hours."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer

SENDER = "shop@example.com"


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    client.create_email_template(
        TemplateName="welcome", TemplateContent={"Subject": "Welcome", "Text": "Hi {{name}}"}
    )
    return client


def send(sesv2: Any, *to: str) -> str | None:
    """Send an email; the code of the error, or None."""
    try:
        sesv2.send_email(
            FromEmailAddress=SENDER,
            Destination={"ToAddresses": list(to)},
            Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "x"}}}},
        )
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def send_bulk(sesv2: Any, *to: str) -> list[str]:
    """Send one bulk email; the statuses of its entries."""
    answer = sesv2.send_bulk_email(
        FromEmailAddress=SENDER,
        DefaultContent={"Template": {"TemplateName": "welcome", "TemplateData": '{"name": "A"}'}},
        BulkEmailEntries=[{"Destination": {"ToAddresses": [address]}} for address in to],
    )
    return [entry["Status"] for entry in answer["BulkEmailEntryResults"]]


def customers(number: int) -> list[str]:
    return [f"customer-{index}@example.org" for index in range(number)]


def quota(local_aws: LocalServer, **settings: float) -> Any:
    return local_aws.post("ses/quota", settings)[1] if settings else local_aws.get("ses/quota")[1]


def test_both_apis_say_the_quota(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_send_rate=14, max_24_hour_send=50_000, sent_last_24_hours=100)
    send(sesv2, "ann@example.org", "bob@example.org")

    expected = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 102.0}
    assert sesv2.get_account()["SendQuota"] == expected
    answer = local_aws.client("ses").get_send_quota()
    assert {name: answer[name] for name in expected} == expected


def test_what_is_over_the_rate_is_refused_and_not_sent(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_send_rate=2)

    codes = [send(sesv2, address) for address in customers(4)]

    assert codes == [None, None, "TooManyRequestsException", "TooManyRequestsException"]
    assert len(local_aws.outbox("email")) == 2
    seen = quota(local_aws)
    assert (seen["sent"], seen["throttled"], seen["busiest_second"]) == (2, 2, 2)


def test_the_refusal_has_status_429_and_the_words_of_ses(
    local_aws: LocalServer, sesv2: Any
) -> None:
    quota(local_aws, max_send_rate=1)
    send(sesv2, "ann@example.org")

    with pytest.raises(ClientError, match=r"Maximum sending rate exceeded\.") as refused:
        sesv2.send_email(
            FromEmailAddress=SENDER,
            Destination={"ToAddresses": ["bob@example.org"]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_the_rate_comes_back_with_time(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_send_rate=4)
    assert [send(sesv2, address) for address in customers(5)][-1] == "TooManyRequestsException"

    time.sleep(0.3)

    assert send(sesv2, "ann@example.org") is None


def test_a_message_to_several_is_taken_and_owed(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_send_rate=4)

    codes = [send(sesv2, *customers(6)), send(sesv2, "ann@example.org")]

    assert codes == [None, "TooManyRequestsException"]
    time.sleep(0.5)  # two of the rate came back, and two were owed
    assert send(sesv2, "ann@example.org") == "TooManyRequestsException"


def test_entries_of_a_bulk_email_are_throttled_one_by_one(
    local_aws: LocalServer, sesv2: Any
) -> None:
    quota(local_aws, max_send_rate=3)

    statuses = send_bulk(sesv2, *customers(5))

    assert statuses == ["SUCCESS"] * 3 + ["ACCOUNT_THROTTLED"] * 2
    assert [email["to"] for email in local_aws.outbox("email")] == [[a] for a in customers(3)]
    assert send_bulk(sesv2, *customers(2)) == ["ACCOUNT_THROTTLED"] * 2


def test_the_day_ends_for_each_kind_of_send(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_24_hour_send=10, sent_last_24_hours=8)

    statuses = send_bulk(sesv2, *customers(3))

    assert statuses == ["SUCCESS", "SUCCESS", "ACCOUNT_DAILY_QUOTA_EXCEEDED"]
    assert send(sesv2, "ann@example.org") == "LimitExceededException"
    with pytest.raises(ClientError, match="Daily message quota exceeded") as refused:
        send_v1(local_aws)
    assert refused.value.response["Error"]["Code"] == "Throttling"
    assert quota(local_aws)["over_daily_quota"] == 3


def send_v1(local_aws: LocalServer) -> None:
    local_aws.client("ses").send_email(
        Source=SENDER,
        Destination={"ToAddresses": ["ann@example.org"]},
        Message={"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}},
    )


def test_the_simulator_counts_for_the_rate_and_not_for_the_day(
    local_aws: LocalServer, sesv2: Any
) -> None:
    quota(local_aws, max_send_rate=2, max_24_hour_send=0)

    codes = [send(sesv2, "success@simulator.amazonses.com") for _ in range(3)]

    assert codes == [None, None, "TooManyRequestsException"]
    assert sesv2.get_account()["SendQuota"]["SentLast24Hours"] == 0


def test_the_older_api_is_throttled_too(local_aws: LocalServer, sesv2: Any) -> None:
    quota(local_aws, max_send_rate=3)

    answer = local_aws.client("ses").send_bulk_templated_email(
        Source=SENDER,
        Template="welcome",
        DefaultTemplateData='{"name": "A"}',
        Destinations=[
            {
                "Destination": {"ToAddresses": [address]},
                "ReplacementTemplateData": json.dumps({"name": address}),
            }
            for address in customers(4)
        ],
    )

    assert [each["Status"] for each in answer["Status"]] == ["Success"] * 3 + ["AccountThrottled"]
    texts = [email["text"] for email in local_aws.outbox("email")]
    assert texts == [f"Hi {address}" for address in customers(3)]
    with pytest.raises(ClientError, match=r"Maximum sending rate exceeded\.") as refused:
        send_v1(local_aws)
    assert refused.value.response["Error"]["Code"] == "Throttling"


def test_what_ses_refuses_for_another_reason_does_not_count(
    local_aws: LocalServer, sesv2: Any
) -> None:
    quota(local_aws, max_send_rate=1)
    with pytest.raises(ClientError, match="does not exist"):
        sesv2.send_email(
            FromEmailAddress=SENDER,
            Destination={"ToAddresses": ["ann@example.org"]},
            Content={"Template": {"TemplateName": "absent", "TemplateData": "{}"}},
        )

    assert send(sesv2, "ann@example.org") is None
    assert quota(local_aws)["sent"] == 1


def test_one_call_has_fifty_recipients_at_most(local_aws: LocalServer, sesv2: Any) -> None:
    assert Counter(send_bulk(sesv2, *customers(50))) == {"SUCCESS": 50}

    assert send(sesv2, *customers(51)) == "BadRequestException"
    with pytest.raises(ClientError, match="exceeds 50"):
        send_bulk(sesv2, *customers(51))


def test_nobody_is_throttled_until_a_rate_is_set_and_after_a_reset(
    local_aws: LocalServer, sesv2: Any
) -> None:
    quota(local_aws, max_send_rate=1, max_24_hour_send=1)
    local_aws.post("reset")
    sesv2.create_email_identity(EmailIdentity=SENDER)

    assert {send(sesv2, address) for address in customers(30)} == {None}


@pytest.mark.parametrize(
    "settings",
    [{"max_send_rate": 0}, {"max_24_hour_send": -2}, {"max_send_rate": "14"}, {"rate": 14}],
)
def test_a_quota_that_makes_no_sense_is_refused(
    local_aws: LocalServer, settings: dict[str, Any]
) -> None:
    status, answer = local_aws.post("ses/quota", settings)

    assert status == 400
    assert next(iter(settings)) in answer["error"]
