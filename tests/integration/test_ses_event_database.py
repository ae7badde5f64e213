"""Outcomes of emails sent with a configuration set: by recipient, by type, through faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.analyst import (
    Analyst,
    delivery_log,
    happens,
    literal,
    put,
    refused_by_the_bucket,
    replay,
    throttled,
    wait_for_alarm,
)
from tests.builders.event_records import sample, samples
from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

SIMULATOR = "simulator.amazonses.com"
ANN, BOB = "ann@example.com", "bob@example.com"
GIL, KIM = f"bounce+gil@{SIMULATOR}", f"complaint+kim@{SIMULATOR}"
TAGS = {"OrderId": "A-17", "campaign": "spring"}
# Test file of EICAR, which SES rejects as a virus; in two parts because of scanners.
VIRUS = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
TYPES = {
    "Send",
    "Delivery",
    "Bounce",
    "Complaint",
    "Reject",
    "Open",
    "Click",
    "Rendering Failure",
    "DeliveryDelay",
}


@pytest.fixture(scope="module", autouse=True)
def soon() -> Iterator[None]:
    """Set a short buffer before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_buffer_seconds", "1")
        yield


@pytest.fixture(scope="module")
def example(ses_event_database: Any) -> dict[str, Any]:
    return outputs(ses_event_database)


@pytest.fixture(scope="module")
def analyst(account: LocalAccount, example: dict[str, Any]) -> Analyst:
    return Analyst(account, example)


@dataclass
class Story:
    """Message ids, and how many events of each type they had."""

    with_copy: str  # one recipient gets it, the one in Cc does not
    engaging: str  # opened twice, clicked
    disliked: str
    delayed: str
    happened: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def story(account: LocalAccount, example: dict[str, Any], analyst: Analyst) -> Story:
    """Send every kind of email. Returns the outcomes once they can be queried."""
    told = Story(
        with_copy=send(account, example, ANN, copy=GIL),
        engaging=send(account, example, ANN),
        disliked=send(account, example, KIM),
        delayed=send(account, example, BOB),
    )
    send(account, example, BOB, html=VIRUS)
    send_with_a_name_missing(account, example, BOB)
    for what in ("open", "open", "click"):
        happens(told.engaging, what)
    happens(told.delayed, "deliverydelay")
    told.happened.update(
        {"Send": 4, "Delivery": 4, "Bounce": 1, "Complaint": 1, "Reject": 1, "Open": 2}
        | {"Click": 1, "Rendering Failure": 1, "DeliveryDelay": 1}
    )
    analyst.wait_for(
        "SELECT eventtype, count(DISTINCT event_id) AS number FROM events GROUP BY eventtype",
        lambda rows: {row["eventtype"]: row["number"] for row in rows} == told.happened,
    )
    return told


def send(
    account: LocalAccount,
    example: dict[str, Any],
    to: str,
    *,
    copy: str | None = None,
    html: str = '<p><a href="https://example.com/">Shop</a></p>',
) -> str:
    """An email with the example's configuration set; its message id."""
    content = {"Subject": {"Data": "Your receipt"}, "Body": {"Html": {"Data": html}}}
    return str(
        account.client("sesv2").send_email(
            FromEmailAddress=example["from_address"],
            Destination={"ToAddresses": [to]} | ({"CcAddresses": [copy]} if copy else {}),
            ConfigurationSetName=example["configuration_set"],
            EmailTags=[{"Name": name, "Value": value} for name, value in TAGS.items()],
            Content={"Simple": content},
        )["MessageId"]
    )


def send_with_a_name_missing(account: LocalAccount, example: dict[str, Any], to: str) -> None:
    ses = account.client("sesv2")
    content = {"Subject": "Hello {{name}}", "Html": "<p>Hello {{name}}</p>"}
    ses.create_email_template(TemplateName="greeting", TemplateContent=content)
    ses.send_email(
        FromEmailAddress=example["from_address"],
        Destination={"ToAddresses": [to]},
        ConfigurationSetName=example["configuration_set"],
        Content={"Template": {"TemplateName": "greeting", "TemplateData": json.dumps({})}},
    )
    ses.delete_email_template(TemplateName="greeting")


def seeds_question(database: str, address: str) -> str:
    return (
        f'SELECT * FROM "{database}"."email_status" CROSS JOIN UNNEST(destination) AS t(email) '
        f"WHERE t.email = {literal(address)} ORDER BY time_sent DESC"
    )


@terraform("ses_event_database", scope="module")
def test_the_seeds_question_tells_what_became_of_all_emails_to_an_address(
    ses_event_database: Any, example: dict[str, Any], analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask(seeds_question(example["athena_database"], ANN))

    assert [row["message_id"] for row in answer] == [story.engaging, story.with_copy]
    engaging, with_copy = answer
    assert {row["subject"] for row in answer} == {"Your receipt"}
    assert with_copy["time_delivered"] >= with_copy["time_sent"]
    assert with_copy["time_opened"] is None
    assert engaging["time_clicked"] >= engaging["time_opened"] > engaging["time_sent"]
    assert (engaging["opens"], engaging["clicks"], engaging["status"]) == (2, 1, "clicked")
    assert analyst.ask_named("delivery_status_of_one_address", literal(ANN)) == answer


@terraform("ses_event_database", scope="module")
def test_a_bounced_cc_marks_nobody_else(
    ses_event_database: Any, analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask(
        "SELECT recipient, status, time_delivered, time_bounced, bounce_type, recipients "
        f"FROM email_status WHERE message_id = {literal(story.with_copy)}"
    )

    ann, gil = sorted(answer, key=lambda row: str(row["recipient"]))
    assert (ann["recipient"], ann["status"]) == (ANN, "delivered")
    assert (ann["time_bounced"], ann["bounce_type"], ann["recipients"]) == (None, None, 2)
    assert (gil["recipient"], gil["status"], gil["bounce_type"]) == (
        GIL,
        "hard bounced",
        "Permanent",
    )
    assert gil["time_delivered"] is None


@terraform("ses_event_database", scope="module")
def test_tags_are_found_by_their_own_names(
    ses_event_database: Any, example: dict[str, Any], analyst: Analyst, story: Story
) -> None:
    [row] = analyst.ask(
        "SELECT DISTINCT element_at(mail.tags, 'OrderId')[1] AS order_id, "
        "element_at(mail.tags, 'campaign')[1] AS campaign, "
        "element_at(mail.tags, 'ses:configuration-set')[1] AS configuration_set, "
        "element_at(mail.tags, 'ses:source-ip')[1] IS NOT NULL AS source_ip "
        "FROM ses_events WHERE eventtype <> 'Rendering Failure'"
    )

    assert row == {
        "order_id": TAGS["OrderId"],
        "campaign": TAGS["campaign"],
        "configuration_set": example["configuration_set"],
        "source_ip": True,
    }
    [spring] = analyst.ask_named("emails_by_tag", literal("campaign"))
    assert (spring["tag_value"], spring["sent"], spring["bounced"]) == ("spring", 4, 1)


@terraform("ses_event_database", scope="module")
def test_every_type_of_event_comes_through(
    ses_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    """Nine from SES itself; Subscription, and what others sent, as records in AWS's words."""
    names = samples("ses", "ses_notification")
    assert set(story.happened) == TYPES

    rows = analyst.number("SELECT count(*) FROM ses_events")
    put(account, example["firehose_name"], *(sample(name) for name in names))
    analyst.wait_for(
        "SELECT count(*) AS number FROM ses_events",
        lambda seen: seen[0]["number"] >= rows + len(names),
    )

    found = analyst.ask("SELECT DISTINCT eventtype FROM events")
    assert {row["eventtype"] for row in found} == TYPES | {"Subscription"}
    assert analyst.error_objects("") == {}


@terraform("ses_event_database", scope="module")
def test_what_the_bucket_refuses_is_delivered_once_when_it_may_be(
    ses_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    with refused_by_the_bucket(account, example["events_bucket"]):
        message = send(account, example, BOB)
        account.eventually(lambda: delivery_log(account, "emails", "S3.AccessDenied"), bool)
        assert events_of(analyst, message) == []

    analyst.wait_for(rows_of(message), lambda rows: len(rows) >= 2)
    assert events_of(analyst, message) == ["Delivery", "Send"]


@terraform("ses_event_database", scope="module")
def test_a_throttled_transform_is_tried_again(
    ses_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    refusals = delivery_log(account, "emails", "Lambda.InvokeLimitExceeded")
    with throttled(account, "emails-transform"):
        message = send(account, example, BOB)
        account.eventually(
            lambda: delivery_log(account, "emails", "Lambda.InvokeLimitExceeded"),
            lambda seen: len(seen) > len(refusals),
        )

    analyst.wait_for(rows_of(message), lambda rows: len(rows) >= 2)
    assert events_of(analyst, message) == ["Delivery", "Send"]
    assert analyst.error_objects("") == {}


@terraform("ses_event_database", scope="module")
def test_what_a_transform_throttled_for_long_leaves_behind_is_brought_back_by_a_replay(
    ses_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    with throttled(account, "emails-transform"):
        message = send(account, example, BOB)
        account.eventually(
            lambda: analyst.error_records("processing-failed/"), lambda seen: len(seen) == 2
        )
        assert events_of(analyst, message) == []
    wait_for_alarm(account, "emails-direct-transform-failed")

    answer = replay(account, example, "processing-failed/")

    assert (answer["Records"], answer["More"]) == (2, False)
    analyst.wait_for(rows_of(message), lambda rows: len(rows) >= 2)
    assert events_of(analyst, message) == ["Delivery", "Send"]
    assert analyst.error_objects("") == {}
    assert replay(account, example, "processing-failed/")["Records"] == 0


def rows_of(message: str) -> str:
    """The rows of the table itself, copies included."""
    return f"SELECT eventtype FROM ses_events WHERE mail.messageid = {literal(message)}"


def events_of(analyst: Analyst, message: str) -> list[str]:
    return sorted(row["eventtype"] for row in analyst.ask(rows_of(message)))


@terraform("ses_event_database", scope="module")
def test_the_hour_of_an_event_is_the_folder_that_firehose_wrote(
    ses_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    recent = "ingest_hour >= date_format(current_timestamp - interval '1' day, '%Y/%m/%d/%H')"

    rows = analyst.ask(f"SELECT DISTINCT ingest_hour, ingest_timestamp FROM events WHERE {recent}")
    pages = account.client("s3").get_paginator("list_objects_v2")
    folders = {
        "/".join(one["Key"].split("/")[1:5])
        for page in pages.paginate(Bucket=example["events_bucket"], Prefix="events/")
        for one in page["Contents"]
    }

    assert {row["ingest_hour"] for row in rows} == folders
    assert all(f"{row['ingest_timestamp']:%Y/%m/%d/%H}" == row["ingest_hour"] for row in rows)


@terraform("ses_event_database", scope="module")
def test_a_second_plan_of_the_database_is_empty(ses_event_database: Any) -> None:
    assert second_plan(ses_event_database) == ""


@terraform("ses_event_database", scope="module")
def test_destroying_the_email_database_leaves_nothing(
    ses_event_database: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "emails")) > 10

    ses_event_database.terraform.destroy()

    assert left_behind(account, "emails") == []
