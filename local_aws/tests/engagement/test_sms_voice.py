"""AWS End User Messaging SMS and voice, as boto3 sees it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow, eventually
from local_aws.engagement import sms_outcomes
from local_aws.engagement.sms_outcomes import SIMULATOR
from local_aws.engagement.sms_voice import event_records

MOBILE, LANDLINE = "+12065550142", "+442071838750"
SERVICE = "sms-voice.amazonaws.com"


def sms_of(local_aws: LocalServer) -> Any:
    return local_aws.client("pinpoint-sms-voice-v2")


def number(local_aws: LocalServer, *capabilities: str) -> dict[str, Any]:
    requested: dict[str, Any] = sms_of(local_aws).request_phone_number(
        IsoCountryCode="US",
        MessageType="TRANSACTIONAL",
        NumberCapabilities=list(capabilities) or ["SMS"],
        NumberType="LONG_CODE",
    )
    return requested


def configuration_set(local_aws: LocalServer, name: str, **destination: Any) -> None:
    sms = sms_of(local_aws)
    sms.create_configuration_set(ConfigurationSetName=name)
    sms.create_event_destination(
        ConfigurationSetName=name, EventDestinationName="out", **destination
    )


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and reason of the error that a call ends in."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response
    return answer["Error"]["Code"], answer.get("Reason", "")


def test_a_text_message_reaches_the_outbox_with_all_that_was_said(local_aws: LocalServer) -> None:
    origin = number(local_aws)
    sms_of(local_aws).create_configuration_set(ConfigurationSetName="receipts")

    sent = sms_of(local_aws).send_text_message(
        DestinationPhoneNumber=MOBILE,
        OriginationIdentity=origin["PhoneNumberArn"],
        MessageBody="Hello Ann",
        MessageType="PROMOTIONAL",
        ConfigurationSetName="receipts",
        Context={"order": "7"},
    )

    [message] = local_aws.outbox("sms")
    assert message.pop("at").endswith("Z")
    assert message == {
        "from": origin["PhoneNumber"],
        "to": MOBILE,
        "body": "Hello Ann",
        "message_id": sent["MessageId"],
        "message_type": "PROMOTIONAL",
        "configuration_set": "receipts",
        "context": {"order": "7"},
    }


def test_a_call_reaches_the_voice_outbox(local_aws: LocalServer) -> None:
    origin = number(local_aws, "VOICE")

    sms_of(local_aws).send_voice_message(
        DestinationPhoneNumber=LANDLINE,
        OriginationIdentity=origin["PhoneNumberId"],
        MessageBody="<speak>Hello</speak>",
        MessageBodyTextType="SSML",
        VoiceId="JOANNA",
    )

    [call] = local_aws.outbox("voice")
    assert (call["from"], call["to"]) == (origin["PhoneNumber"], LANDLINE)
    assert (call["body"], call["voice_id"], call["body_type"]) == (
        "<speak>Hello</speak>",
        "JOANNA",
        "SSML",
    )


def test_a_dry_run_sends_nothing(local_aws: LocalServer) -> None:
    sent = sms_of(local_aws).send_text_message(
        DestinationPhoneNumber=MOBILE, MessageBody="Hello", DryRun=True
    )

    assert sent["MessageId"]
    assert local_aws.outbox("sms") == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DestinationPhoneNumber": "Ann"}, "ValidationException"),
        ({"DestinationPhoneNumber": "+1206"}, "ValidationException"),
        ({"MessageBody": None}, "ValidationException"),
        ({"MessageBody": "x" * 1601}, "ValidationException"),
        ({"MessageType": "MARKETING"}, "ValidationException"),
        ({"Context": {str(n): "v" for n in range(6)}}, "ValidationException"),
        ({"TimeToLive": 4}, "ValidationException"),
        ({"OriginationIdentity": "+12065550100"}, "ResourceNotFoundException"),
        ({"ConfigurationSetName": "unknown"}, "ResourceNotFoundException"),
    ],
)
def test_a_send_that_aws_would_refuse_is_refused(
    local_aws: LocalServer, change: dict[str, Any], code: str
) -> None:
    request = {"DestinationPhoneNumber": MOBILE, "MessageBody": "Hello"} | change

    assert refused(sms_of(local_aws).send_text_message, **request)[0] == code
    assert local_aws.outbox("sms") == []


def test_a_number_on_the_opt_out_list_gets_nothing_until_it_is_taken_off(
    local_aws: LocalServer,
) -> None:
    sms = sms_of(local_aws)
    sms.create_opt_out_list(OptOutListName="newsletter")
    origin = number(local_aws)
    sms.update_phone_number(PhoneNumberId=origin["PhoneNumberId"], OptOutListName="newsletter")
    send = {
        "DestinationPhoneNumber": MOBILE,
        "MessageBody": "Hello",
        "OriginationIdentity": origin["PhoneNumber"],
    }

    sms.put_opted_out_number(OptOutListName="newsletter", OptedOutNumber=MOBILE)
    listed = sms.describe_opted_out_numbers(OptOutListName="newsletter")["OptedOutNumbers"]
    while_on_the_list = refused(sms.send_text_message, **send)
    sms.delete_opted_out_number(OptOutListName="newsletter", OptedOutNumber=MOBILE)
    sms.send_text_message(**send)

    assert [(item["OptedOutNumber"], item["EndUserOptedOut"]) for item in listed] == [
        (MOBILE, False)
    ]
    assert while_on_the_list == ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
    assert len(local_aws.outbox("sms")) == 1


def test_a_number_leaves_an_opt_out_list_once_in_thirty_days(local_aws: LocalServer) -> None:
    sms = sms_of(local_aws)
    entry = {"OptOutListName": "Default", "OptedOutNumber": MOBILE}
    sms.put_opted_out_number(**entry)
    sms.delete_opted_out_number(**entry)
    sms.put_opted_out_number(**entry)

    again = refused(sms.delete_opted_out_number, **entry)

    listed = sms.describe_opted_out_numbers(OptOutListName="Default")["OptedOutNumbers"]
    assert again == ("ValidationException", "PHONE_NUMBER_CANNOT_BE_OPTED_IN")
    assert [item["OptedOutNumber"] for item in listed] == [MOBILE]


def test_a_number_that_is_put_on_a_list_twice_is_there_once_and_an_absent_one_is_not_found(
    local_aws: LocalServer,
) -> None:
    sms = sms_of(local_aws)
    first = sms.put_opted_out_number(OptOutListName="Default", OptedOutNumber=MOBILE)
    second = sms.put_opted_out_number(OptOutListName="Default", OptedOutNumber=MOBILE)

    absent = refused(sms.delete_opted_out_number, OptOutListName="Default", OptedOutNumber=LANDLINE)

    assert first["OptedOutTimestamp"] == second["OptedOutTimestamp"]
    assert absent[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"TwoWayEnabled": True}, "TWO_WAY_CHANNEL_NOT_PRESENT"),
        (
            {
                "TwoWayEnabled": True,
                "TwoWayChannelArn": "arn:aws:sns:us-east-1:000000000000:inbound.fifo",
            },
            "INVALID_PARAMETER",
        ),
        (
            {
                "TwoWayEnabled": True,
                "TwoWayChannelArn": "arn:aws:sqs:us-east-1:000000000000:inbound",
            },
            "INVALID_ARN",
        ),
    ],
)
def test_two_way_sms_needs_a_standard_topic(
    local_aws: LocalServer, settings: dict[str, Any], reason: str
) -> None:
    sms, ours = sms_of(local_aws), number(local_aws)

    error = refused(sms.update_phone_number, PhoneNumberId=ours["PhoneNumberId"], **settings)

    assert error == ("ValidationException", reason)
    assert sms.describe_phone_numbers()["PhoneNumbers"][0]["TwoWayEnabled"] is False


def test_a_number_without_voice_makes_no_call(local_aws: LocalServer) -> None:
    origin = number(local_aws, "SMS")

    error = refused(
        sms_of(local_aws).send_voice_message,
        DestinationPhoneNumber=MOBILE,
        OriginationIdentity=origin["PhoneNumber"],
        MessageBody="Hello",
    )

    assert error == ("ConflictException", "NUMBER_CAPABILITIES_MISMATCH")


def test_a_mobile_gets_a_successful_and_a_final_delivered_event(local_aws: LocalServer) -> None:
    topic, received = local_aws.inbox("receipts", SERVICE)
    configuration_set(
        local_aws, "receipts", MatchingEventTypes=["TEXT_ALL"], SnsDestination={"TopicArn": topic}
    )

    message_id = sms_of(local_aws).send_text_message(
        DestinationPhoneNumber=MOBILE,
        MessageBody="Hello",
        ConfigurationSetName="receipts",
        Context={"order": "7"},
    )["MessageId"]

    events = sorted(eventually(received, lambda seen: len(seen) == 2), key=lambda e: e["isFinal"])
    assert [(e["eventType"], e["messageStatus"], e["isFinal"]) for e in events] == [
        ("TEXT_SUCCESSFUL", "SUCCESSFUL", False),
        ("TEXT_DELIVERED", "DELIVERED", True),
    ]
    for event in events:
        assert event["messageId"] == message_id
        assert event["destinationPhoneNumber"] == MOBILE
        assert event["context"] == {"order": "7"}
        assert event["eventVersion"] == "1.0"
        assert event["totalMessageParts"] == 1


def test_a_destination_only_gets_the_events_it_asked_for_while_enabled(
    local_aws: LocalServer,
) -> None:
    topic, received = local_aws.inbox("failures", SERVICE)
    configuration_set(
        local_aws,
        "failures",
        MatchingEventTypes=["TEXT_UNREACHABLE"],
        SnsDestination={"TopicArn": topic},
    )
    sms = sms_of(local_aws)

    def send(to: str, body: str) -> None:
        sms.send_text_message(
            DestinationPhoneNumber=to, MessageBody=body, ConfigurationSetName="failures"
        )

    send(MOBILE, "delivered")
    sms.update_event_destination(
        ConfigurationSetName="failures", EventDestinationName="out", Enabled=False
    )
    send(LANDLINE, "while disabled")
    sms.update_event_destination(
        ConfigurationSetName="failures", EventDestinationName="out", Enabled=True
    )
    send(LANDLINE, "unreachable")

    [event] = eventually(received, bool)
    last = local_aws.outbox("sms")[-1]
    assert (event["eventType"], event["messageId"]) == ("TEXT_UNREACHABLE", last["message_id"])
    assert len(received()) == 1


def test_a_topic_whose_policy_does_not_name_the_service_gets_nothing_and_the_log_says_why(
    local_aws: LocalServer,
) -> None:
    topic, received = local_aws.inbox("closed")
    configuration_set(
        local_aws, "closed", MatchingEventTypes=["ALL"], SnsDestination={"TopicArn": topic}
    )

    sms_of(local_aws).send_text_message(
        DestinationPhoneNumber=MOBILE, MessageBody="Hello", ConfigurationSetName="closed"
    )

    eventually(local_aws.log, lambda log: f"{topic} does not let {SERVICE} publish" in log)
    assert received() == []


def test_events_reach_a_firehose_stream_and_a_log_group_through_their_role(
    local_aws: LocalServer,
) -> None:
    s3, logs, sms = (
        local_aws.client("s3"),
        local_aws.client("logs"),
        sms_of(local_aws),
    )
    s3.create_bucket(Bucket="events")
    logs.create_log_group(logGroupName="/sms/events")
    writer = local_aws.role("firehose", {"Service": "firehose.amazonaws.com"}, allow("s3:*", "*"))
    stream = local_aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="events",
        ExtendedS3DestinationConfiguration={
            "RoleARN": writer,
            "BucketARN": "arn:aws:s3:::events",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        },
    )["DeliveryStreamARN"]
    role = local_aws.role(
        "sms-events",
        {"Service": SERVICE},
        allow("firehose:PutRecord", stream),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*"),
    )
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/sms/events"
    configuration_set(
        local_aws,
        "both",
        MatchingEventTypes=["TEXT_DELIVERED"],
        KinesisFirehoseDestination={"IamRoleArn": role, "DeliveryStreamArn": stream},
    )
    sms.create_event_destination(
        ConfigurationSetName="both",
        EventDestinationName="log",
        MatchingEventTypes=["TEXT_DELIVERED"],
        CloudWatchLogsDestination={"IamRoleArn": role, "LogGroupArn": group},
    )

    sms.send_text_message(
        DestinationPhoneNumber=MOBILE, MessageBody="Hello", ConfigurationSetName="both"
    )

    [logged] = eventually(
        lambda: logs.filter_log_events(logGroupName="/sms/events")["events"], bool
    )
    [written] = eventually(lambda: s3.list_objects_v2(Bucket="events").get("Contents", []), bool)
    stored = s3.get_object(Bucket="events", Key=written["Key"])["Body"].read()
    assert json.loads(logged["message"])["eventType"] == "TEXT_DELIVERED"
    assert json.loads(stored) == json.loads(logged["message"])


def test_a_role_without_the_permission_delivers_no_event(local_aws: LocalServer) -> None:
    local_aws.client("logs").create_log_group(logGroupName="/sms/closed")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/sms/closed"
    role = local_aws.role("powerless", {"Service": SERVICE})
    configuration_set(
        local_aws,
        "closed",
        MatchingEventTypes=["ALL"],
        CloudWatchLogsDestination={"IamRoleArn": role, "LogGroupArn": group},
    )

    sms_of(local_aws).send_text_message(
        DestinationPhoneNumber=MOBILE, MessageBody="Hello", ConfigurationSetName="closed"
    )

    eventually(local_aws.log, lambda log: f"{role} cannot be used" in log)
    events = local_aws.client("logs").filter_log_events(logGroupName="/sms/closed")["events"]
    assert events == []


def message_to(to: str, body: str = "Hello") -> dict[str, Any]:
    return {
        "from": "+14255550100",
        "to": to,
        "body": body,
        "message_id": "m-1",
        "message_type": "TRANSACTIONAL",
        "context": {},
    }


@pytest.mark.parametrize(
    ("kind", "to", "types"),
    [
        ("TEXT", MOBILE, ["TEXT_SUCCESSFUL", "TEXT_DELIVERED"]),
        ("TEXT", LANDLINE, ["TEXT_UNREACHABLE"]),
        ("TEXT", "+12065550", ["TEXT_INVALID"]),
        ("MEDIA", MOBILE, ["MEDIA_SUCCESSFUL", "MEDIA_DELIVERED"]),
        (
            "VOICE",
            LANDLINE,
            ["VOICE_INITIATED", "VOICE_RINGING", "VOICE_ANSWERED", "VOICE_COMPLETED"],
        ),
    ],
)
def test_the_last_event_of_a_message_and_no_other_is_final(
    kind: str, to: str, types: list[str]
) -> None:
    records = event_records(kind, message_to(to), at=1_700_000_000.5)

    assert [record["eventType"] for record in records] == types
    assert [record["isFinal"] for record in records] == [False] * (len(types) - 1) + [True]
    assert {record["messageRequestTimestamp"] for record in records} == {1_700_000_000_500}


@pytest.mark.parametrize(
    ("body", "encoding", "parts"),
    [
        ("x" * 160, "GSM", 1),
        ("x" * 161, "GSM", 2),
        ("ж" * 70, "UNICODE", 1),
        ("ж" * 71, "UNICODE", 2),
        ("naïve", "UNICODE", 1),
    ],
)
def test_parts_are_counted_by_the_encoding_the_text_needs(
    body: str, encoding: str, parts: int
) -> None:
    final = event_records("TEXT", message_to(MOBILE, body), at=0)[-1]

    assert (final["messageEncoding"], final["totalMessageParts"]) == (encoding, parts)


def test_an_inbound_message_reaches_the_topic_of_a_two_way_number(local_aws: LocalServer) -> None:
    topic, received = local_aws.inbox("replies", SERVICE)
    ours = number(local_aws)
    sms = sms_of(local_aws)
    sms.update_phone_number(
        PhoneNumberId=ours["PhoneNumberId"], TwoWayEnabled=True, TwoWayChannelArn=topic
    )
    asked = sms.send_text_message(
        DestinationPhoneNumber=MOBILE,
        OriginationIdentity=ours["PhoneNumberId"],
        MessageBody="Shall we?",
    )

    status, answer = local_aws.post(
        "inbound/sms", {"from": MOBILE, "to": ours["PhoneNumber"], "body": "Yes please"}
    )

    [reply] = eventually(received, bool)
    assert status == 200
    assert reply == {
        "originationNumber": MOBILE,
        "destinationNumber": ours["PhoneNumber"],
        "messageKeyword": "KEYWORD_000000000000",
        "messageBody": "Yes please",
        "inboundMessageId": answer["inboundMessageId"],
        "previousPublishedMessageId": asked["MessageId"],
    }


def test_an_inbound_message_reaches_a_queue_that_refuses_plain_http(local_aws: LocalServer) -> None:
    topic, _ = local_aws.inbox("replies", SERVICE)
    sqs, ours = local_aws.client("sqs"), number(local_aws)
    url = sqs.create_queue(QueueName="tls-only")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:tls-only"
    statements = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": topic}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    local_aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sms_of(local_aws).update_phone_number(
        PhoneNumberId=ours["PhoneNumberId"], TwoWayEnabled=True, TwoWayChannelArn=topic
    )

    local_aws.post("inbound/sms", {"from": MOBILE, "to": ours["PhoneNumber"], "body": "Hi"})

    found = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), bool)
    assert json.loads(json.loads(found[0]["Body"])["Message"])["messageBody"] == "Hi"


@pytest.mark.parametrize(("self_managed", "opted_out"), [(False, [MOBILE]), (True, [])])
def test_stop_opts_out_unless_the_number_manages_that_itself(
    local_aws: LocalServer, self_managed: bool, opted_out: list[str]
) -> None:
    topic, received = local_aws.inbox("replies", SERVICE)
    ours, sms = number(local_aws), sms_of(local_aws)
    sms.update_phone_number(
        PhoneNumberId=ours["PhoneNumberId"],
        TwoWayEnabled=True,
        TwoWayChannelArn=topic,
        SelfManagedOptOutsEnabled=self_managed,
    )

    local_aws.post("inbound/sms", {"from": MOBILE, "to": ours["PhoneNumber"], "body": " stop "})

    [reply] = eventually(received, bool)
    listed = sms.describe_opted_out_numbers(OptOutListName="Default")["OptedOutNumbers"]
    assert reply["messageKeyword"] == "STOP"
    assert [item["OptedOutNumber"] for item in listed] == opted_out


def test_an_inbound_message_to_nobody_or_from_nobody_is_a_clear_error(
    local_aws: LocalServer,
) -> None:
    one_way = number(local_aws)["PhoneNumber"]

    answers = [
        local_aws.post("inbound/sms", body)
        for body in (
            {"from": MOBILE, "to": "+14255550199", "body": "Hi"},
            {"from": MOBILE, "to": one_way, "body": "Hi"},
            {"from": "Ann", "to": one_way, "body": "Hi"},
            {"from": MOBILE, "to": one_way},
        )
    ]

    assert [status for status, _ in answers] == [404, 404, 400, 400]
    assert "RequestPhoneNumber" in answers[0][1]["error"]
    assert "UpdatePhoneNumber" in answers[1][1]["error"]
    assert "from is not a phone number" in answers[2][1]["error"]
    assert "body must be a string" in answers[3][1]["error"]


def test_things_are_described_by_filter_and_page(local_aws: LocalServer) -> None:
    sms = sms_of(local_aws)
    voice = number(local_aws, "VOICE")
    number(local_aws, "SMS")
    for name in ("one", "two", "three"):
        sms.create_configuration_set(ConfigurationSetName=name)

    able = sms.describe_phone_numbers(Filters=[{"Name": "number-capability", "Values": ["VOICE"]}])[
        "PhoneNumbers"
    ]
    pages = list(
        sms.get_paginator("describe_configuration_sets").paginate(PaginationConfig={"PageSize": 2})
    )

    assert [item["PhoneNumberId"] for item in able] == [voice["PhoneNumberId"]]
    assert [[s["ConfigurationSetName"] for s in p["ConfigurationSets"]] for p in pages] == [
        ["one", "two"],
        ["three"],
    ]


def test_what_exists_is_not_made_again_and_what_is_gone_is_not_found(
    local_aws: LocalServer,
) -> None:
    sms = sms_of(local_aws)
    sms.create_configuration_set(ConfigurationSetName="one")
    again = refused(sms.create_configuration_set, ConfigurationSetName="one")

    sms.delete_configuration_set(ConfigurationSetName="one")
    gone = refused(sms.delete_configuration_set, ConfigurationSetName="one")

    assert again == ("ConflictException", "RESOURCE_ALREADY_EXISTS")
    assert gone[0] == "ResourceNotFoundException"


def test_a_protected_number_is_not_released(local_aws: LocalServer) -> None:
    sms, ours = sms_of(local_aws), number(local_aws)
    identity = ours["PhoneNumberId"]
    sms.update_phone_number(PhoneNumberId=identity, DeletionProtectionEnabled=True)
    protected = refused(sms.release_phone_number, PhoneNumberId=identity)

    sms.update_phone_number(PhoneNumberId=identity, DeletionProtectionEnabled=False)
    released = sms.release_phone_number(PhoneNumberId=identity)

    assert protected == ("ConflictException", "DELETION_PROTECTION_ENABLED")
    assert released["Status"] == "DELETED"
    assert sms.describe_phone_numbers()["PhoneNumbers"] == []


def test_a_configuration_sets_default_message_type_holds_until_it_is_deleted(
    local_aws: LocalServer,
) -> None:
    sms = sms_of(local_aws)
    sms.create_configuration_set(ConfigurationSetName="ads")
    send = {
        "DestinationPhoneNumber": MOBILE,
        "MessageBody": "Hello",
        "ConfigurationSetName": "ads",
    }

    sms.set_default_message_type(ConfigurationSetName="ads", MessageType="PROMOTIONAL")
    sms.send_text_message(**send)
    sms.delete_default_message_type(ConfigurationSetName="ads")
    sms.send_text_message(**send)

    assert [message["message_type"] for message in local_aws.outbox("sms")] == [
        "PROMOTIONAL",
        "TRANSACTIONAL",
    ]


def test_a_message_may_come_from_a_sender_id(local_aws: LocalServer) -> None:
    sms = sms_of(local_aws)
    sender = sms.request_sender_id(SenderId="Shop", IsoCountryCode="GB")

    for identity in ("Shop", sender["SenderIdArn"]):
        sms.send_text_message(
            DestinationPhoneNumber="+447400123456", OriginationIdentity=identity, MessageBody="Hi"
        )

    assert [message["from"] for message in local_aws.outbox("sms")] == ["Shop", "Shop"]


def test_a_picture_message_shows_its_media(local_aws: LocalServer) -> None:
    origin = number(local_aws, "SMS", "MMS")

    sms_of(local_aws).send_media_message(
        DestinationPhoneNumber=MOBILE,
        OriginationIdentity=origin["PhoneNumberId"],
        MediaUrls=["s3://media/picture.png"],
    )

    [message] = local_aws.outbox("sms")
    assert (message["body"], message["media_urls"]) == ("", ["s3://media/picture.png"])


def test_an_event_destination_has_exactly_one_target(local_aws: LocalServer) -> None:
    sms = sms_of(local_aws)
    sms.create_configuration_set(ConfigurationSetName="one")

    error = refused(
        sms.create_event_destination,
        ConfigurationSetName="one",
        EventDestinationName="out",
        MatchingEventTypes=["ALL"],
    )

    assert error == ("ValidationException", "MISSING_PARAMETER")


def test_an_operation_that_is_not_here_says_so_by_name(local_aws: LocalServer) -> None:
    with pytest.raises(ClientError) as error:
        sms_of(local_aws).create_pool(OriginationIdentity="x")

    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert "CreatePool is not available in the local AWS" in str(error.value)


def test_permissions_are_per_action_and_origination_identity(local_aws: LocalServer) -> None:
    mine, other = number(local_aws), number(local_aws)
    sms = local_aws.as_role(
        "pinpoint-sms-voice-v2", allow("sms-voice:SendTextMessage", mine["PhoneNumberArn"])
    )
    message = {"DestinationPhoneNumber": MOBILE, "MessageBody": "Hello"}

    sms.send_text_message(OriginationIdentity=mine["PhoneNumber"], **message)
    denied = [
        refused(sms.send_text_message, OriginationIdentity=other["PhoneNumber"], **message),
        refused(sms.send_voice_message, OriginationIdentity=mine["PhoneNumber"], **message),
        refused(sms.describe_phone_numbers),
    ]

    assert {code for code, _ in denied} == {"AccessDeniedException"}
    assert [m["from"] for m in local_aws.outbox("sms")] == [mine["PhoneNumber"]]


# Outcomes


def sent_statuses(local_aws: LocalServer, name: str, *numbers: str) -> list[tuple[str, str, bool]]:
    """Send a text to each of the numbers in turn; number, type and finality of the last events."""
    topic, received = local_aws.inbox(name, SERVICE)
    configuration_set(
        local_aws, name, MatchingEventTypes=["TEXT_ALL"], SnsDestination={"TopicArn": topic}
    )
    ids = [
        sms_of(local_aws).send_text_message(
            DestinationPhoneNumber=to, MessageBody="Hello", ConfigurationSetName=name
        )["MessageId"]
        for to in numbers
    ]

    def last() -> dict[str, Any]:
        return {event["messageId"]: event for event in received() if event["isFinal"]}

    events = eventually(last, lambda seen: len(seen) == len(ids))
    return [
        (e["destinationPhoneNumber"], e["eventType"], e["isFinal"])
        for e in (events[one] for one in ids)
    ]


def test_a_number_is_unreachable_twice_and_then_reached_when_a_tester_asks_for_it(
    local_aws: LocalServer,
) -> None:
    statuses = ["UNREACHABLE", "UNREACHABLE", "DELIVERED"]

    local_aws.post("outcomes/sms", {"to": "+1206555*", "statuses": statuses})
    seen = sent_statuses(local_aws, "asked", MOBILE, MOBILE, "+12065550143", MOBILE, MOBILE)

    assert [kind for number, kind, _ in seen if number == MOBILE] == [
        "TEXT_UNREACHABLE",
        "TEXT_UNREACHABLE",
        "TEXT_DELIVERED",
        "TEXT_DELIVERED",
    ]
    assert seen[2] == ("+12065550143", "TEXT_UNREACHABLE", True)
    assert local_aws.get("outcomes/sms")[1] == [
        {"to": "+1206555*", "statuses": statuses, "sent": {MOBILE: 4, "+12065550143": 1}}
    ]


def test_the_simulator_s_numbers_succeed_and_fail(local_aws: LocalServer) -> None:
    numbers = [*SIMULATOR, *SIMULATOR.values()]

    seen = sent_statuses(local_aws, "simulator", *numbers)

    delivered = [(number, "TEXT_DELIVERED", True) for number in SIMULATOR]
    assert seen == delivered + [(n, "TEXT_UNREACHABLE", True) for n in SIMULATOR.values()]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"to": "+1206*"},
        {"to": "", "statuses": ["BLOCKED"]},
        {"to": 7, "statuses": ["BLOCKED"]},
        {"to": "+1206*", "statuses": []},
        {"to": "+1206*", "statuses": "BLOCKED"},
        {"to": "+1206*", "statuses": ["QUEUED"]},
        {"to": "+1206*", "statuses": ["LOST"]},
        {"to": "+1206*", "statuses": [None]},
        {"to": "+1206*", "statuses": ["BLOCKED"], "times": 2},
    ],
)
def test_an_outcome_that_no_text_has_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="send"):
        sms_outcomes.add(asked)


def test_outcomes_end_when_a_tester_takes_them_back(local_aws: LocalServer) -> None:
    local_aws.post("outcomes/sms", {"to": MOBILE, "statuses": ["BLOCKED"]})
    local_aws.delete("outcomes/sms")

    seen = sent_statuses(local_aws, "taken-back", MOBILE)

    assert seen == [(MOBILE, "TEXT_DELIVERED", True)]


@pytest.mark.parametrize("identity", [7, True, [], ["+12065550100"], {"a": 1}])
def test_an_identity_of_another_type_is_refused(local_aws: LocalServer, identity: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException.*OriginationIdentity"):
        sms_of(local_aws).send_text_message(
            DestinationPhoneNumber=MOBILE, MessageBody="Hi", OriginationIdentity=identity
        )

    assert local_aws.outbox("sms") == []


def test_a_page_token_of_another_service_is_refused(local_aws: LocalServer) -> None:
    code, _ = refused(sms_of(local_aws).describe_phone_numbers, NextToken="²")

    assert code == "ValidationException"


@pytest.mark.parametrize("to", [None, 7, "", "4255550101", "[+]1*", "?1425*"])
def test_outcomes_for_a_pattern_that_matches_no_number_are_refused(
    local_aws: LocalServer, to: Any
) -> None:
    status, answer = local_aws.post("outcomes/sms", {"to": to, "statuses": ["DELIVERED"]})

    assert status == 400
    assert "plus sign" in answer["error"]
