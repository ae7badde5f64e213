"""What SES tells of an email: to whom it tells it, and in which words."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow, eventually
from local_aws import credentials
from local_aws.engagement.ses.message import TEST_VIRUS

SENDER = "Shop <shop@example.com>"
SET = f"arn:aws:ses:us-east-1:{credentials.ACCOUNT_ID}:configuration-set/news"
ALL_TYPES = [
    *("SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK"),
    *("RENDERING_FAILURE", "DELIVERY_DELAY", "SUBSCRIPTION"),
]
Look = Callable[[], list[Any]]


class Mail:
    """An SES account that sends by the configuration set ``news``, and what it tells."""

    def __init__(self, aws: LocalServer) -> None:
        self.aws = aws
        self.ses = aws.client("sesv2")
        self.ses.create_email_identity(EmailIdentity="example.com")
        self.ses.create_configuration_set(ConfigurationSetName="news")

    def destination(self, name: str, types: list[str], **target: Any) -> None:
        self.ses.create_configuration_set_event_destination(
            ConfigurationSetName="news",
            EventDestinationName=name,
            EventDestination={"Enabled": True, "MatchingEventTypes": types, **target},
        )

    def inbox(self, *types: str, name: str = "mail") -> Look:
        """A topic told of these kinds (of all, without any), and what it received."""
        topic, look = self.aws.inbox(name, "ses.amazonaws.com")
        self.destination(name, list(types or ALL_TYPES), SnsDestination={"TopicArn": topic})
        sqs = self.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        # SES says first that it can publish here, in a message that is no JSON.
        first = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), bool)
        assert first and "Successfully validated SNS topic" in first[0]["Body"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
        return look

    def send(self, *to: str, **more: Any) -> str:
        simple = {
            "Simple": {
                "Subject": {"Data": "Hello"},
                "Body": {
                    "Html": {
                        "Data": "<a ses:tags='part:top;n:1' href='https://example.com/a'>x</a>"
                    }
                },
            }
        }
        request = {
            "FromEmailAddress": SENDER,
            "Destination": {"ToAddresses": list(to)},
            "Content": simple,
            "ConfigurationSetName": "news",
            **more,
        }
        message_id: str = self.ses.send_email(**request)["MessageId"]
        return message_id


@pytest.fixture
def mail(local_aws: LocalServer) -> Mail:
    return Mail(local_aws)


def told(look: Look, count: int) -> dict[str, Any]:
    """Events by type, once there are so many."""
    events = eventually(look, lambda seen: len(seen) >= count)
    assert len(events) == count, [event["eventType"] for event in events]
    return {event["eventType"]: event for event in events}


def test_an_ordinary_email_is_sent_and_delivered_and_its_events_say_what_the_request_said(
    mail: Mail,
) -> None:
    look = mail.inbox()

    message_id = mail.send(
        "ann@example.org",
        Destination={"ToAddresses": ["Ann <ann@example.org>"], "BccAddresses": ["b@example.org"]},
        EmailTags=[{"Name": "campaign_id", "Value": "c1"}],
        ReplyToAddresses=["help@example.com"],
    )
    events = told(look, 2)

    sent = events["Send"]
    about = sent["mail"]
    assert sent["send"] == {}
    assert (about["messageId"], about["source"]) == (message_id, SENDER)
    assert about["sourceArn"].endswith(":identity/example.com")
    assert about["sendingAccountId"] == credentials.ACCOUNT_ID
    assert about["destination"] == ["Ann <ann@example.org>", "b@example.org"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", about["timestamp"])
    headers = {header["name"]: header["value"] for header in about["headers"]}
    assert (headers["To"], headers["Subject"]) == ("Ann <ann@example.org>", "Hello")
    assert headers["Reply-To"] == "help@example.com"
    assert not about["headersTruncated"]
    assert about["commonHeaders"]["from"] == [SENDER]
    assert about["commonHeaders"]["subject"] == "Hello"
    tags = about["tags"]
    assert tags["campaign_id"] == ["c1"]
    assert (tags["ses:configuration-set"], tags["ses:from-domain"]) == (["news"], ["example.com"])
    assert tags["ses:caller-identity"] == [credentials.USER_NAME]
    assert (tags["ses:operation"], tags["ses:source-ip"]) == (["SendEmail"], ["127.0.0.1"])
    delivery = events["Delivery"]["delivery"]
    assert delivery["recipients"] == ["ann@example.org", "b@example.org"]
    assert delivery.keys() == {
        *("timestamp", "processingTimeMillis", "recipients", "smtpResponse", "reportingMTA")
    }
    assert events["Delivery"]["mail"]["tags"]["ses:outgoing-ip"]


@pytest.mark.parametrize(
    ("address", "types"),
    [
        ("success", ["Delivery", "Send"]),
        ("success+label", ["Delivery", "Send"]),
        ("ooto", ["Delivery", "Send"]),
        ("bounce+x", ["Bounce", "Send"]),
        ("complaint+x", ["Complaint", "Delivery", "Send"]),
        ("suppressionlist+x", ["Bounce", "Send"]),
    ],
)
def test_the_simulators_addresses_do_what_they_are_named_for(
    mail: Mail, address: str, types: list[str]
) -> None:
    look = mail.inbox()

    mail.send(f"{address}@simulator.amazonses.com")
    events = told(look, len(types))

    assert sorted(events) == types
    if "Bounce" in events:
        bounce = events["Bounce"]["bounce"]
        expected = "General" if address.startswith("bounce") else "Suppressed"
        assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", expected)
        [recipient] = bounce["bouncedRecipients"]
        assert recipient["emailAddress"] == f"{address}@simulator.amazonses.com"
        assert (recipient["action"], recipient["status"]) == ("failed", "5.1.1")
    if "Complaint" in events:
        complaint = events["Complaint"]["complaint"]
        assert complaint["complainedRecipients"] == [
            {"emailAddress": f"{address}@simulator.amazonses.com"}
        ]
        assert complaint["complaintFeedbackType"] == "abuse"


def test_one_event_of_a_kind_lists_the_recipients_it_is_about(mail: Mail) -> None:
    look = mail.inbox()
    to = ["ann@example.org", "bounce+1@simulator.amazonses.com", "bob@example.org"]
    to.append("bounce+2@simulator.amazonses.com")

    mail.send(*to)
    events = told(look, 3)

    bounced = events["Bounce"]["bounce"]["bouncedRecipients"]
    assert [each["emailAddress"] for each in bounced] == [to[1], to[3]]
    assert events["Delivery"]["delivery"]["recipients"] == [to[0], to[2]]
    assert all(event["mail"]["destination"] == to for event in events.values())


def test_only_enabled_destinations_that_match_are_told(mail: Mail) -> None:
    look, look_other = mail.inbox("BOUNCE"), mail.inbox(name="off")
    destinations = mail.ses.get_configuration_set_event_destinations(ConfigurationSetName="news")
    [off] = [each for each in destinations["EventDestinations"] if each["Name"] == "off"]
    del off["Name"]
    mail.ses.update_configuration_set_event_destination(
        ConfigurationSetName="news",
        EventDestinationName="off",
        EventDestination={**off, "Enabled": False},
    )

    mail.send("ann@example.org")
    mail.send("bounce@simulator.amazonses.com")

    assert list(told(look, 1)) == ["Bounce"]
    assert look_other() == []


# -- suppression, viruses, templates -----------------------------------------------------


def test_a_suppressed_address_gets_nothing_and_the_list_can_be_changed(mail: Mail) -> None:
    look = mail.inbox()
    mail.ses.put_suppressed_destination(EmailAddress="Gone@example.org", Reason="BOUNCE")
    mail.ses.put_suppressed_destination(EmailAddress="angry@example.org", Reason="COMPLAINT")

    mail.send("gone@example.org")
    mail.send("angry@example.org")
    events = told(look, 4)

    bounce = events["Bounce"]["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == (
        "Permanent",
        "OnAccountSuppressionList",
    )
    assert events["Complaint"]["complaint"]["complaintSubType"] == "OnAccountSuppressionList"
    held = mail.ses.list_suppressed_destinations(Reasons=["BOUNCE"])
    [summary] = held["SuppressedDestinationSummaries"]
    assert (summary["EmailAddress"], summary["Reason"]) == ("Gone@example.org", "BOUNCE")
    found = mail.ses.get_suppressed_destination(EmailAddress="gone@example.org")
    assert found["SuppressedDestination"]["Reason"] == "BOUNCE"
    mail.ses.delete_suppressed_destination(EmailAddress="gone@example.org")
    with pytest.raises(ClientError) as missing:
        mail.ses.get_suppressed_destination(EmailAddress="gone@example.org")
    assert missing.value.response["Error"]["Code"] == "NotFoundException"


def test_account_and_configuration_set_say_which_reasons_count(mail: Mail) -> None:
    look = mail.inbox("DELIVERY", "BOUNCE")
    mail.ses.put_suppressed_destination(EmailAddress="gone@example.org", Reason="BOUNCE")
    first = mail.ses.get_account()["SuppressionAttributes"]["SuppressedReasons"]

    mail.ses.put_account_suppression_attributes(SuppressedReasons=["COMPLAINT"])
    mail.send("gone@example.org")
    by_account = list(told(look, 1))
    mail.ses.put_configuration_set_suppression_options(
        ConfigurationSetName="news", SuppressedReasons=["BOUNCE"]
    )
    mail.send("gone@example.org")

    assert first == ["BOUNCE", "COMPLAINT"]
    assert mail.ses.get_account()["SuppressionAttributes"]["SuppressedReasons"] == ["COMPLAINT"]
    assert by_account == ["Delivery"]
    assert sorted(told(look, 2)) == ["Bounce", "Delivery"]


@pytest.mark.parametrize("form", ["raw", "simple"])
def test_a_virus_is_rejected_and_not_sent(mail: Mail, local_aws: LocalServer, form: str) -> None:
    look = mail.inbox()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "ann@example.org", "Bill"
    message.set_content("see attachment")
    message.add_attachment(TEST_VIRUS, filename="sample.txt")
    content = {
        "raw": {"Raw": {"Data": message.as_bytes()}},
        "simple": {
            "Simple": {"Subject": {"Data": "B"}, "Body": {"Text": {"Data": f"{TEST_VIRUS}"}}}
        },
    }

    mail.send("ann@example.org", Content=content[form])
    events = told(look, 1)

    assert events["Reject"]["reject"] == {"reason": "Bad content"}
    assert local_aws.outbox("email") == []


TEMPLATE = {
    "Subject": "{{user.name}}",
    "Html": "{{#if vip}}Dear{{else}}Hi{{/if}} {{user.name}}"
    "{{#each items}}, {{@index}}:{{title}}{{#unless @last}};{{/unless}}{{/each}}",
    "Text": "{{#each tags}}[{{this}}]{{else}}none{{/each}} {{items.[1].title}}",
}


def test_templates_know_nested_names_conditions_and_lists(
    mail: Mail, local_aws: LocalServer
) -> None:
    mail.ses.create_email_template(TemplateName="offer", TemplateContent=TEMPLATE)
    data = {"user": {"name": "Ann"}, "items": [{"title": "A"}, {"title": "B"}], "vip": True}

    mail.send(
        "ann@example.org",
        Content={"Template": {"TemplateName": "offer", "TemplateData": json.dumps(data)}},
    )

    [email] = local_aws.outbox("email")
    assert email["subject"] == "Ann"
    assert email["html"] == "Dear Ann, 0:A;, 1:B"
    assert email["text"] == "none B"


def test_a_missing_variable_is_a_rendering_failure_and_defaults_fill_bulk_emails(
    mail: Mail, local_aws: LocalServer
) -> None:
    look = mail.inbox("RENDERING_FAILURE", "DELIVERY")
    mail.ses.create_email_template(
        TemplateName="hello", TemplateContent={"Subject": "Hi {{name}} of {{town}}", "Text": "."}
    )
    entries = [
        {"Destination": {"ToAddresses": [to]}, **replacement(data)}
        for to, data in (("a@example.org", '{"town": "Rome"}'), ("b@example.org", "{}"))
    ]

    mail.ses.send_bulk_email(
        FromEmailAddress=SENDER,
        ConfigurationSetName="news",
        DefaultContent={"Template": {"TemplateName": "hello", "TemplateData": '{"name": "you"}'}},
        BulkEmailEntries=entries,
    )
    events = told(look, 2)

    failed = events["Rendering Failure"]
    assert failed["failure"] == {
        "templateName": "hello",
        "errorMessage": "Attribute 'town' is not present in the rendering data.",
    }
    assert failed["mail"]["destination"] == ["b@example.org"]
    assert "headers" not in failed["mail"]
    assert events["Delivery"]["delivery"]["recipients"] == ["a@example.org"]
    assert [each["subject"] for each in local_aws.outbox("email")] == ["Hi you of Rome"]


def replacement(data: str) -> dict[str, Any]:
    return {"ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}}}


# -- opens, clicks and what else is injected ---------------------------------------------


def happen(aws: LocalServer, message_id: str, kind: str, **options: Any) -> Any:
    return aws.post(f"email/{urllib.parse.quote(message_id)}/{kind}", options)


def test_opens_and_clicks_are_told_when_a_destination_wants_them(
    mail: Mail, local_aws: LocalServer
) -> None:
    look = mail.inbox("OPEN", "CLICK")
    message_id = mail.send("ann@example.org")

    opened = happen(local_aws, message_id, "open", userAgent="Reader/1")
    happen(local_aws, message_id, "click")
    events = told(look, 2)

    assert opened == (200, {"eventType": "Open", "destinations": ["mail"]})
    assert events["Open"]["open"].keys() == {"ipAddress", "timestamp", "userAgent"}
    assert events["Open"]["open"]["userAgent"] == "Reader/1"
    assert events["Open"]["mail"]["messageId"] == message_id
    click = events["Click"]["click"]
    assert (click["link"], click["linkTags"]) == (
        "https://example.com/a",
        {"part": ["top"], "n": ["1"]},
    )


def test_a_message_that_was_not_sent_has_no_events(local_aws: LocalServer) -> None:
    status, answer = happen(local_aws, "nobody", "open")

    assert status == 404
    assert "nobody" in answer["error"]


def test_an_injected_bounce_suppresses_the_address(mail: Mail, local_aws: LocalServer) -> None:
    look = mail.inbox("BOUNCE", "DELIVERY_DELAY", "COMPLAINT")
    message_id = mail.send("ann@example.org")

    happen(local_aws, message_id, "deliverydelay")
    happen(local_aws, message_id, "bounce")
    events = told(look, 2)

    delay = events["DeliveryDelay"]["deliveryDelay"]
    assert delay["delayedRecipients"][0]["emailAddress"] == "ann@example.org"
    assert events["Bounce"]["bounce"]["bounceSubType"] == "General"
    found = mail.ses.get_suppressed_destination(EmailAddress="ann@example.org")
    assert found["SuppressedDestination"]["Reason"] == "BOUNCE"


@pytest.mark.parametrize(
    ("options", "recipient"),
    [
        ({}, {"action": "failed", "status": "4.4.7"}),
        ({"report": {"status": "5.1.1"}}, {"status": "5.1.1"}),
        ({"report": {}}, {}),  # an out-of-office reply
    ],
)
def test_an_injected_transient_bounce_has_the_report_that_is_asked_for(
    mail: Mail, local_aws: LocalServer, options: dict[str, Any], recipient: dict[str, str]
) -> None:
    look = mail.inbox("BOUNCE")
    message_id = mail.send("ann@example.org")

    happen(local_aws, message_id, "bounce", bounceType="Transient", **options)

    [told_of] = told(look, 1)["Bounce"]["bounce"]["bouncedRecipients"]
    assert told_of.pop("emailAddress") == "ann@example.org"
    told_of.pop("diagnosticCode", None)
    assert told_of == recipient


# -- destinations and their permissions --------------------------------------------------


def firehose_destination(aws: LocalServer, *statements: Any) -> dict[str, Any]:
    aws.client("s3").create_bucket(Bucket="events")
    trusted = {"Service": "firehose.amazonaws.com"}
    delivery = aws.role("delivery", trusted, allow("s3:*"))
    stream = aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="events",
        ExtendedS3DestinationConfiguration={
            "RoleARN": delivery,
            "BucketARN": "arn:aws:s3:::events",
            "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
        },
    )["DeliveryStreamARN"]
    role = aws.role("ses-writer", {"Service": "ses.amazonaws.com"}, *statements)
    return {"KinesisFirehoseDestination": {"IamRoleArn": role, "DeliveryStreamArn": stream}}


def lines(aws: LocalServer) -> list[Any]:
    s3 = aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="events").get("Contents", [])]
    bodies = [s3.get_object(Bucket="events", Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_firehose_gets_a_line_for_each_event(mail: Mail, local_aws: LocalServer) -> None:
    stream = "arn:aws:firehose:*:*:deliverystream/events"
    target = firehose_destination(local_aws, allow("firehose:PutRecordBatch", stream))
    mail.destination("lake", ALL_TYPES, **target)

    mail.send("complaint@simulator.amazonses.com")
    events = eventually(lambda: lines(local_aws), lambda seen: len(seen) == 3)

    assert sorted(event["eventType"] for event in events) == ["Complaint", "Delivery", "Send"]


def test_firehose_gets_nothing_without_permission(mail: Mail, local_aws: LocalServer) -> None:
    mail.destination("lake", ALL_TYPES, **firehose_destination(local_aws))

    mail.send("ann@example.org")

    eventually(local_aws.log, lambda log: "not allowed to firehose:PutRecordBatch" in log)
    assert lines(local_aws) == []


def test_a_role_or_topic_that_ses_cannot_use_is_refused(mail: Mail, local_aws: LocalServer) -> None:
    target = firehose_destination(local_aws)
    role = local_aws.role("other", {"Service": "lambda.amazonaws.com"})
    target["KinesisFirehoseDestination"]["IamRoleArn"] = role
    topic, _ = local_aws.inbox("closed")

    with pytest.raises(ClientError, match="Could not assume IAM role"):
        mail.destination("lake", ALL_TYPES, **target)
    with pytest.raises(ClientError, match="cannot be used"):
        mail.destination("topic", ALL_TYPES, SnsDestination={"TopicArn": topic})


def test_a_role_is_given_to_ses_only_by_those_who_may_pass_it(
    mail: Mail, local_aws: LocalServer
) -> None:
    target = firehose_destination(local_aws)
    without = local_aws.as_role("sesv2", allow("ses:*"))

    with pytest.raises(ClientError, match="iam:PassRole"):
        without.create_configuration_set_event_destination(
            ConfigurationSetName="news",
            EventDestinationName="lake",
            EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"], **target},
        )


def test_the_default_bus_gets_events_of_the_source_aws_ses(
    mail: Mail, local_aws: LocalServer
) -> None:
    sqs, events = local_aws.client("sqs"), local_aws.client("events")
    url = sqs.create_queue(QueueName="bus")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{credentials.ACCOUNT_ID}:bus"
    grant = {**allow("sqs:SendMessage", queue), "Principal": {"Service": "events.amazonaws.com"}}
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [grant]})}
    )
    events.put_rule(Name="mail", EventPattern=json.dumps({"source": ["aws.ses"]}))
    events.put_targets(Rule="mail", Targets=[{"Id": "1", "Arn": queue}])
    bus = f"arn:aws:events:us-east-1:{credentials.ACCOUNT_ID}:event-bus/default"
    mail.destination("bus", ["BOUNCE"], EventBridgeDestination={"EventBusArn": bus})

    mail.send("bounce@simulator.amazonses.com")
    messages = eventually(
        lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), lambda seen: seen
    )

    event = json.loads(messages[0]["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.ses", "Email Bounced")
    assert event["detail"]["eventType"] == "Bounce"
    assert event["resources"][0].endswith(":identity/example.com")


def test_a_set_that_does_not_send_refuses(mail: Mail) -> None:
    mail.ses.put_configuration_set_sending_options(
        ConfigurationSetName="news", SendingEnabled=False
    )

    with pytest.raises(ClientError) as refused:
        mail.send("ann@example.org")

    assert refused.value.response["Error"]["Code"] == "SendingPausedException"


# -- the first API -----------------------------------------------------------------------


def test_emails_of_the_first_api_tell_the_same_configuration_set(
    mail: Mail, local_aws: LocalServer
) -> None:
    look = mail.inbox("SEND", "DELIVERY")
    ses = local_aws.client("ses")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "ann@example.org", "Raw"
    message["X-SES-CONFIGURATION-SET"], message["X-SES-MESSAGE-TAGS"] = "news", "a=1, b=2"
    message["X-Campaign"] = "spring"
    message.set_content("text")

    ses.send_raw_email(RawMessage={"Data": message.as_bytes()})
    events = told(look, 2)

    names = [header["name"] for header in events["Send"]["mail"]["headers"]]
    assert "X-Campaign" in names
    assert not any(name.startswith("X-SES") for name in names)
    tags = events["Send"]["mail"]["tags"]
    assert (tags["a"], tags["b"], tags["ses:operation"]) == (["1"], ["2"], ["SendRawEmail"])
    with pytest.raises(ClientError) as unknown:
        ses.send_templated_email(
            Source=SENDER,
            Destination={"ToAddresses": ["ann@example.org"]},
            Template="x",
            TemplateData="{}",
            ConfigurationSetName="unknown",
        )
    assert unknown.value.response["Error"]["Code"] == "ConfigurationSetDoesNotExist"


def test_topics_of_an_identity_are_notified_in_the_older_form(local_aws: LocalServer) -> None:
    ses = local_aws.client("ses")
    ses.verify_email_identity(EmailAddress="shop@example.com")
    topic, look = local_aws.inbox("older", "ses.amazonaws.com")
    for kind in ("Bounce", "Delivery"):
        ses.set_identity_notification_topic(
            Identity="shop@example.com", NotificationType=kind, SnsTopic=topic
        )

    ses.send_email(
        Source="shop@example.com",
        Destination={"ToAddresses": ["bounce@simulator.amazonses.com", "ann@example.org"]},
        Message={"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}},
    )
    found = eventually(look, lambda seen: len(seen) == 4)

    by_type = {each["notificationType"]: each for each in found}
    greeting = "AmazonSnsSubscriptionSucceeded"  # one for each topic that is set
    assert sorted(by_type) == [greeting, "Bounce", "Delivery"]
    about = by_type["Bounce"]["mail"]
    assert "tags" not in about
    assert (about["sourceIp"], len(about["destination"])) == ("127.0.0.1", 2)
    assert by_type["Delivery"]["delivery"]["recipients"] == ["ann@example.org"]
    assert by_type["Bounce"]["bounce"]["remoteMtaIp"]
