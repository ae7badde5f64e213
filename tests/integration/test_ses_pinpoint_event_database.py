"""Email through SES, campaigns through the hub, and the questions that they raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.analyst import (
    Analyst,
    QueryEnded,
    happens,
    literal,
    not_across_the_hour,
    put,
)
from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import TEST_EVENT, role
from tests.builders.local_account import LocalAccount
from tests.builders.message_events import Event, email_delivered, email_opened, email_sent
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

SIMULATOR = "simulator.amazonses.com"
ANN, BOB, EVE, MAX, ZOE = (f"{name}@example.com" for name in ("ann", "bob", "eve", "max", "zoe"))
GIL, HAL = f"bounce+gil@{SIMULATOR}", f"bounce+hal@{SIMULATOR}"
IDA, KIM = f"complaint+ida@{SIMULATOR}", f"complaint+kim@{SIMULATOR}"
LATE, LATE_SENT = "late@example.com", datetime.now(UTC) - timedelta(days=3)
PHONES = {"ann-phone": "+14255550171", "max-phone": "+14255550172"}
RECENT = "ingest_timestamp > current_timestamp - interval '30' day"
# The seed asks for each number of a campaign by a subselect on the view that has it.
SUBSELECTS = {
    "sends": "email_send",
    "opens": "email_open",
    "clicks": "email_click",
    "hard_bounces": "email_hardbounce",
    "soft_bounces": "email_softbounce",
    "unsubscribes": "email_unsubscribe",
}
SEEDS_CAMPAIGNS = "SELECT pinpoint_campaign_id, {} FROM campaign_send WHERE {} GROUP BY 1".format(
    ", ".join(
        f"(SELECT COUNT(*) FROM {view} WHERE {view}.pinpoint_campaign_id = "
        f"campaign_send.pinpoint_campaign_id) AS {kind}"
        for kind, view in SUBSELECTS.items()
    ),
    RECENT,
)
SEEDS_EMAILS = (
    "SELECT a.event_timestamp AS sent, a.subject AS subject, "
    "CASE WHEN b.event_timestamp IS NULL THEN 0 ELSE 1 END AS opened "
    "FROM email_send a LEFT JOIN email_open b ON a.message_id = b.message_id "
    f"WHERE contains(a.destination, {{}}) AND a.{RECENT} ORDER BY a.event_timestamp DESC"
)


@dataclass
class Story:
    """Sent emails and their outcomes, from the sender's and the recipients' records."""

    news: str = ""  # the campaign by email, in two versions
    texts: str = ""  # the campaign by SMS
    direct: dict[str, str] = field(default_factory=dict)  # message ids by recipient
    campaign: dict[str, str] = field(default_factory=dict)
    treatments: dict[str, str] = field(default_factory=dict)  # treatment ids by recipient
    happened: Counter[str] = field(default_factory=Counter)  # events by type
    of_news: Counter[str] = field(default_factory=Counter)  # events of the campaign by email

    def add(self, kind: str, number: int = 1, *, news: bool = False) -> None:
        self.happened[kind] += number
        if news:
            self.of_news[kind] += number


@pytest.fixture(scope="module", autouse=True)
def soon() -> Iterator[None]:
    """Set a short buffer before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_buffer_seconds", "2")
        yield


@pytest.fixture(scope="module")
def example(ses_pinpoint_event_database: Any) -> dict[str, Any]:
    return outputs(ses_pinpoint_event_database)


@pytest.fixture(scope="module")
def analyst(account: LocalAccount, example: dict[str, Any]) -> Analyst:
    return Analyst(account, example)


@pytest.fixture(scope="module")
def story(account: LocalAccount, example: dict[str, Any], analyst: Analyst) -> Story:
    """Send, open and click emails and texts, and wait until every event can be queried."""
    not_across_the_hour(120)
    told = Story()
    before, after = late_events()
    put(account, example["firehose_name"], *before)
    send_five_emails(account, example, told)
    pinpoint = hub_client(example["api_url"])
    send_news(account, pinpoint, example["project_id"], told)
    send_texts(account, pinpoint, example["project_id"], told)
    engage(told)
    report_a_visit(pinpoint, example["project_id"])
    told.add("visit")
    put(account, example["firehose_name"], *after)
    for kind in ("_email.open", "_email.delivered", "_email.send"):
        told.add(kind)
    analyst.wait_for(
        "SELECT event_type, count(DISTINCT event_id) AS number FROM events "
        f"WHERE event_type <> {literal(TEST_EVENT)} GROUP BY event_type",
        lambda rows: {row["event_type"]: row["number"] for row in rows} == told.happened,
        seconds=90,
    )
    return told


def late_events() -> tuple[list[Event], list[Event]]:
    """Build the outcomes of an email of three days ago, and its send event, which comes later."""
    late: dict[str, Any] = {"to": [LATE], "sent": LATE_SENT}
    before = [
        email_opened("late-1", at=LATE_SENT + timedelta(days=2), **late),
        email_delivered("late-1", at=LATE_SENT + timedelta(hours=9), recipients=[LATE], **late),
    ]
    return before, [email_sent("late-1", **late)]


def send_five_emails(account: LocalAccount, example: dict[str, Any], told: Story) -> None:
    ses = account.client("sesv2")
    for recipient in (ANN, BOB, EVE, HAL, IDA):
        told.direct[recipient] = ses.send_email(
            FromEmailAddress=example["from_address"],
            Destination={"ToAddresses": [recipient]},
            ConfigurationSetName=example["configuration_set"],
            EmailTags=[{"Name": "OrderId", "Value": "A-17"}, {"Name": "topic", "Value": "Receipt"}],
            Content={
                "Simple": {
                    "Subject": {"Data": "Your receipt"},
                    "Body": {"Html": {"Data": '<a href="https://example.com/shop">Shop</a>'}},
                }
            },
        )["MessageId"]
    told.add("_email.send", 5)
    told.add("_email.delivered", 4)
    told.add("_email.hardbounce")
    told.add("_email.complaint")


def send_news(account: LocalAccount, pinpoint: Any, project: str, told: Story) -> None:
    """Send a campaign in two versions. Returns the version of each recipient, from the outbox."""
    people = {"ann": ANN, "max": MAX, "zoe": ZOE, "gil": GIL, "kim": KIM}
    version = {"HtmlBody": '<p>News. <a href="https://example.com/bye">No more</a></p>'}
    news = start_campaign(
        pinpoint,
        project,
        "EMAIL",
        people,
        MessageConfiguration={"EmailMessage": {"Title": "News", **version}},
        AdditionalTreatments=[
            {
                "SizePercent": 50,
                "TreatmentName": "shouting",
                "MessageConfiguration": {"EmailMessage": {"Title": "NEWS", **version}},
            }
        ],
    )
    told.news = wait_for_end(account, pinpoint, project, news)
    ids = {"News": "0", "NEWS": news["AdditionalTreatments"][0]["Id"]}
    mails = [mail for mail in account.outbox("email") if mail["subject"] in ids]
    for mail in mails:
        told.campaign[mail["to"][0]] = mail["message_id"]
        told.treatments[mail["to"][0]] = ids[mail["subject"]]
    assert sorted(told.campaign) == sorted(people.values())
    told.add("_campaign.send", 5, news=True)
    told.add("_email.send", 5, news=True)
    told.add("_email.delivered", 4, news=True)
    told.add("_email.hardbounce", news=True)
    told.add("_email.complaint", news=True)


def send_texts(account: LocalAccount, pinpoint: Any, project: str, told: Story) -> None:
    body = {"SMSMessage": {"Body": "Hi", "MessageType": "PROMOTIONAL"}}
    texts = start_campaign(pinpoint, project, "SMS", PHONES, MessageConfiguration=body)
    told.texts = wait_for_end(account, pinpoint, project, texts)
    told.add("_campaign.send", 2)
    told.add("_SMS.BUFFERED", 2)
    told.add("_SMS.SUCCESS", 2)


def engage(told: Story) -> None:
    """Two recipients open their emails, one of them the news twice; one recipient unsubscribes."""
    happens(told.direct[ANN], "open")
    told.add("_email.open")
    for recipient in (ANN, ANN, MAX):
        happens(told.campaign[recipient], "open")
        told.add("_email.open", news=True)
    happens(told.campaign[MAX], "click", linkTags={"unsubscribeLinkTag": ["footer"]})
    told.add("_email.click", news=True)
    told.add("_email.unsubscribe", news=True)
    happens(told.campaign[ZOE], "bounce", bounceType="Transient", bounceSubType="MailboxFull")
    told.add("_email.softbounce", news=True)


def report_a_visit(pinpoint: Any, project: str) -> None:
    visit = {
        "EventType": "visit",
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "Attributes": {"Page": "Shop"},
        "Metrics": {"seconds": 12.5},
    }
    pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={"BatchItem": {"ann": {"Endpoint": {}, "Events": {"1": visit}}}},
    )


def start_campaign(
    pinpoint: Any, project: str, channel: str, people: dict[str, str], **members: Any
) -> Any:
    for endpoint, address in people.items():
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=endpoint,
            EndpointRequest={"ChannelType": channel, "Address": address},
        )
    channels = {"Channel": {"DimensionType": "INCLUSIVE", "Values": [channel]}}
    segment = pinpoint.create_segment(
        ApplicationId=project,
        WriteSegmentRequest={"Name": channel, "Dimensions": {"Demographic": channels}},
    )["SegmentResponse"]
    return pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": channel,
            "SegmentId": segment["Id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            **members,
        },
    )["CampaignResponse"]


def wait_for_end(account: LocalAccount, pinpoint: Any, project: str, campaign: Any) -> str:
    one = {"ApplicationId": project, "CampaignId": campaign["Id"]}
    account.eventually(
        lambda: pinpoint.get_campaign(**one)["CampaignResponse"]["State"]["CampaignStatus"],
        lambda status: status == "COMPLETED",
        seconds=90,
    )
    return str(campaign["Id"])


@terraform("ses_pinpoint_event_database", scope="module")
def test_the_seeds_question_about_all_campaigns_has_the_right_numbers(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask(SEEDS_CAMPAIGNS)

    numbers = {row.pop("pinpoint_campaign_id"): row for row in answer}
    assert numbers == {
        story.news: {
            "sends": story.of_news["_email.send"],
            "opens": story.of_news["_email.open"],
            "clicks": story.of_news["_email.click"],
            "hard_bounces": story.of_news["_email.hardbounce"],
            "soft_bounces": story.of_news["_email.softbounce"],
            "unsubscribes": story.of_news["_email.unsubscribe"],
        },
        story.texts: dict.fromkeys(SUBSELECTS, 0),
    }


@terraform("ses_pinpoint_event_database", scope="module")
def test_the_named_query_about_all_campaigns_counts_each_email_once(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask_named("campaign_results")

    numbers = {row.pop("campaign_id"): row for row in answer}
    assert numbers[story.news] == {
        "endpoints": 5,
        "sends": 5,
        "delivered": 4,
        "opens": 2,  # of three, since one email was opened twice
        "clicks": 1,
        "hard_bounces": 1,
        "soft_bounces": 1,
        "complaints": 1,
        "unsubscribes": 1,
    }
    assert numbers[story.texts]["endpoints"] == len(PHONES)
    assert set(numbers) == {story.news, story.texts}


@terraform("ses_pinpoint_event_database", scope="module")
def test_the_seeds_question_about_one_address_tells_what_it_got_and_opened(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    ann = analyst.ask(SEEDS_EMAILS.format(literal(ANN)))
    eve = analyst.ask(SEEDS_EMAILS.format(literal(EVE)))

    subject = "NEWS" if story.treatments[ANN] != "0" else "News"
    # A join with the openings: a row for each, and one for an email that was not opened.
    told = [(row["subject"], row["opened"]) for row in ann]
    assert told == [(subject, 1), (subject, 1), ("Your receipt", 1)]
    assert [(row["subject"], row["opened"]) for row in eve] == [("Your receipt", 0)]


@terraform("ses_pinpoint_event_database", scope="module")
def test_the_named_query_about_one_address_has_a_row_for_each_email(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    ann = analyst.ask_named("emails_of_one_address", literal(ANN))
    eve = analyst.ask_named("emails_of_one_address", literal(EVE))

    assert [(row["message_id"], row["opened"]) for row in ann] == [
        (story.campaign[ANN], True),
        (story.direct[ANN], True),
    ]
    assert [(row["message_id"], row["opened"]) for row in eve] == [(story.direct[EVE], False)]


@terraform("ses_pinpoint_event_database", scope="module")
def test_both_versions_of_a_campaign_are_told_apart_by_real_treatment_ids(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    for view in ("email_send", "email_open", "email_hardbounce", "email_complaint"):
        answer = analyst.ask(
            f"SELECT destination[1] AS person, pinpoint_treatment_id AS treatment FROM {view} "
            f"WHERE pinpoint_campaign_id = {literal(story.news)}"
        )

        assert answer
        for row in answer:
            assert row["treatment"] == story.treatments[row["person"]]
    sends = analyst.ask(
        "SELECT pinpoint_treatment_id AS treatment, count(*) AS number FROM campaign_send "
        f"WHERE pinpoint_campaign_id = {literal(story.news)} GROUP BY 1"
    )
    expected = Counter(story.treatments.values())
    assert {row["treatment"]: row["number"] for row in sends} == expected


@terraform("ses_pinpoint_event_database", scope="module")
def test_tags_keep_their_names_and_letters(
    ses_pinpoint_event_database: Any, example: dict[str, Any], analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask(
        "SELECT DISTINCT element_at(message_tags, 'OrderId') AS order_id, "
        "element_at(message_tags, 'topic') AS topic, "
        "element_at(message_tags, 'ses:configuration-set') AS configuration_set "
        "FROM all_email_events WHERE source = 'ses' AND message_id <> 'late-1'"
    )

    assert answer == [
        {
            "order_id": "A-17",
            "topic": "Receipt",
            "configuration_set": example["configuration_set"],
        }
    ]


@terraform("ses_pinpoint_event_database", scope="module")
def test_a_text_is_priced_once(
    ses_pinpoint_event_database: Any, account: LocalAccount, analyst: Analyst, story: Story
) -> None:
    [answer] = analyst.ask_named("sms_cost_by_message_type")

    # Each of its two events repeats the price.
    assert answer["message_type"] == "Promotional"
    assert answer["messages"] == len(account.sent_to(*PHONES.values())) == 2
    prices = analyst.ask(
        "SELECT message_id, price_in_millicents_usd AS price FROM sms_success "
        f"WHERE pinpoint_campaign_id = {literal(story.texts)}"
    )
    assert len(prices) == 2
    assert answer["cost_usd"] == pytest.approx(sum(row["price"] for row in prices) / 100_000)
    assert answer["cost_usd"] > 0


@terraform("ses_pinpoint_event_database", scope="module")
def test_a_custom_event_keeps_its_attributes_and_metrics(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    answer = analyst.ask(
        "SELECT endpoint_id, element_at(attributes, 'Page') AS page, "
        "element_at(metrics, 'seconds') AS seconds "
        "FROM custom_events WHERE event_type = 'visit'"
    )

    assert answer == [{"endpoint_id": "ann", "page": "Shop", "seconds": 12.5}]


@terraform("ses_pinpoint_event_database", scope="module")
def test_late_and_disordered_events_count_where_they_belong(
    ses_pinpoint_event_database: Any, analyst: Analyst, story: Story
) -> None:
    [email] = analyst.ask_named("emails_of_one_address", literal(LATE))
    assert (email["opened"], email["sent"].date()) == (True, LATE_SENT.date())
    days = {row["day"]: row for row in analyst.ask_named("email_deliverability_by_day")}
    day = days[f"{LATE_SENT:%Y-%m-%d}"]
    assert (day["sent"], day["delivered"], day["opened"]) == (1, 1, 1)


@terraform("ses_pinpoint_event_database", scope="module")
def test_the_same_records_once_more_change_no_answer(
    ses_pinpoint_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    before_send, send = late_events()
    direct = before_send + send
    questions = (
        SEEDS_CAMPAIGNS + " ORDER BY 1",
        SEEDS_EMAILS.format(literal(ANN)),
        "SELECT event_type, count(*) AS number FROM events GROUP BY 1 ORDER BY 1",
    )
    named = ("campaign_results", "sms_cost_by_message_type", "email_deliverability_by_day")
    before = [analyst.ask(one) for one in questions] + [analyst.ask_named(one) for one in named]
    rows = analyst.number("SELECT count(*) FROM all_events")

    records = stream_records(account, example["stream_name"])
    account.client("kinesis").put_records(
        StreamName=example["stream_name"],
        Records=[{"Data": record, "PartitionKey": str(n)} for n, record in enumerate(records)],
    )
    put(account, example["firehose_name"], *direct, *direct)
    analyst.wait_for(
        "SELECT count(*) AS number FROM all_events",
        lambda seen: seen[0]["number"] == rows + len(records) + 2 * len(direct),
    )

    after = [analyst.ask(one) for one in questions] + [analyst.ask_named(one) for one in named]
    assert len(records) > 20
    assert after == before
    copies = analyst.ask_named("events_by_hour")
    assert sum(row["copies"] for row in copies) == len(records) + 2 * len(direct)


def stream_records(account: LocalAccount, stream: str) -> list[bytes]:
    """Every record on the project's event stream so far."""
    kinesis = account.client("kinesis")
    found: list[bytes] = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        answer = kinesis.get_records(ShardIterator=iterator, Limit=1000)
        found += [record["Data"] for record in answer["Records"]]
    return found


@terraform("ses_pinpoint_event_database", scope="module")
def test_an_email_whose_events_come_both_ways_counts_once(
    ses_pinpoint_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    story: Story,
) -> None:
    """By the hub and the project's stream, and from SES straight to the database."""
    not_across_the_hour(30)
    with also_straight_to(account, example["firehose_name"], configuration_set="engagement-hub"):
        answer = hub_client(example["api_url"]).send_messages(
            ApplicationId=example["project_id"],
            MessageRequest={
                "Addresses": {"both@example.com": {"ChannelType": "EMAIL"}},
                "MessageConfiguration": {
                    "EmailMessage": {
                        "SimpleEmail": {
                            "Subject": {"Data": "Both"},
                            "HtmlPart": {"Data": "<p>Hi</p>"},
                        }
                    }
                },
            },
        )
        result = answer["MessageResponse"]["Result"]["both@example.com"]
        rows = analyst.wait_for(
            "SELECT event_id, event_type, source FROM all_events "
            "WHERE facets.email_channel.mail_event.mail.message_id = "
            + literal(result["MessageId"]),
            lambda seen: len(seen) == 4,
        )

    kinds = sorted((row["event_type"], row["source"]) for row in rows)
    ways = ("pinpoint", "ses")
    assert kinds == [(kind, way) for kind in ("_email.delivered", "_email.send") for way in ways]
    assert len({row["event_id"] for row in rows}) == 2
    counted = analyst.ask(
        "SELECT event_type, count(*) AS number FROM all_email_events "
        f"WHERE message_id = {literal(result['MessageId'])} GROUP BY 1"
    )
    assert {row["event_type"]: row["number"] for row in counted} == {
        "_email.delivered": 1,
        "_email.send": 1,
    }


@contextmanager
def also_straight_to(account: LocalAccount, stream: str, configuration_set: str) -> Iterator[None]:
    """Let SES also write the events of a configuration set to a Firehose stream in the block."""
    firehose, ses = account.client("firehose"), account.client("sesv2")
    found = firehose.describe_delivery_stream(DeliveryStreamName=stream)
    stream_arn = found["DeliveryStreamDescription"]["DeliveryStreamARN"]
    write = {"Effect": "Allow", "Action": "firehose:PutRecordBatch", "Resource": stream_arn}
    trust = {"Principal": {"Service": "ses.amazonaws.com"}}
    destination = {
        "ConfigurationSetName": configuration_set,
        "EventDestinationName": "also-straight",
    }
    ses.create_configuration_set_event_destination(
        **destination,
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY"],
            "KinesisFirehoseDestination": {
                "IamRoleArn": role(account, "also-straight", trust, write, path="/"),
                "DeliveryStreamArn": stream_arn,
            },
        },
    )
    try:
        yield
    finally:
        ses.delete_configuration_set_event_destination(**destination)


@terraform("ses_pinpoint_event_database", scope="module")
def test_an_analyst_needs_permission_for_the_workgroup_and_for_the_data(
    ses_pinpoint_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    story: Story,
) -> None:
    stranger = athena_as(account, "stranger")
    asks_only = athena_as(
        account,
        "asks-only",
        {"Effect": "Allow", "Action": "athena:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": results_of(account, example)},
    )

    with pytest.raises(ClientError) as refusal:
        Analyst(account, example, stranger).ask("SELECT 1")
    with pytest.raises(QueryEnded, match="glue:GetTable|glue:GetDatabase"):
        Analyst(account, example, asks_only).ask("SELECT count(*) FROM email_send")

    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"


def results_of(account: LocalAccount, example: dict[str, Any]) -> list[str]:
    """ARNs of the location of the workgroup's query results."""
    found = account.client("athena").get_work_group(WorkGroup=example["athena_workgroup"])
    place = found["WorkGroup"]["Configuration"]["ResultConfiguration"]["OutputLocation"]
    bucket = place.removeprefix("s3://").strip("/")
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def athena_as(account: LocalAccount, name: str, *statements: dict[str, Any]) -> Any:
    """An Athena client of a role with these permissions only."""
    owner = account.client("sts").get_caller_identity()["Account"]
    nothing = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    trust = {"Principal": {"AWS": f"arn:aws:iam::{owner}:root"}}
    arn = role(account, name, trust, nothing, *statements, path="/")
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
    )
    return session.client("athena")


@terraform("ses_pinpoint_event_database", scope="module")
def test_a_second_plan_of_the_composition_is_empty(ses_pinpoint_event_database: Any) -> None:
    assert second_plan(ses_pinpoint_event_database) == ""


@terraform("ses_pinpoint_event_database", scope="module")
def test_destroying_the_composition_leaves_nothing(
    ses_pinpoint_event_database: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "engagement")) > 10

    ses_pinpoint_event_database.terraform.destroy()

    assert left_behind(account, "engagement") == []
