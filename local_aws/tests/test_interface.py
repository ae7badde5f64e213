"""The ``/_local/`` interface and the deploying key."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow
from local_aws import credentials


def test_a_reset_empties_everything_and_keeps_the_deploying_key(local_aws: LocalServer) -> None:
    pinpoint, sms = local_aws.client("pinpoint"), local_aws.client("pinpoint-sms-voice-v2")
    sqs = local_aws.client("sqs")
    pinpoint.create_app(CreateApplicationRequest={"Name": "shop"})
    sms.create_configuration_set(ConfigurationSetName="receipts")
    sms.send_text_message(DestinationPhoneNumber="+12065550142", MessageBody="Hello")
    sqs.create_queue(QueueName="orders")
    assert local_aws.outbox("sms")

    answer = local_aws.post("reset")

    assert answer == (200, {"reset": "ok"})
    assert local_aws.outbox("sms") == []
    assert pinpoint.get_apps()["ApplicationsResponse"]["Item"] == []
    assert sms.describe_configuration_sets()["ConfigurationSets"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_the_deploying_key_is_an_administrator(local_aws: LocalServer) -> None:
    identity = local_aws.client("sts").get_caller_identity()

    assert identity["Arn"] == "arn:aws:iam::000000000000:user/local-administrator"
    assert local_aws.client("iam").list_roles()["Roles"] is not None


@pytest.mark.parametrize("service", ["sqs", "s3", "pinpoint"])
def test_the_deploying_key_with_a_wrong_secret_is_refused(
    local_aws: LocalServer, service: str
) -> None:
    keys = {"aws_access_key_id": credentials.ACCESS_KEY_ID, "aws_secret_access_key": "wrong"}
    client = local_aws.client(service, keys)
    call = {"sqs": "list_queues", "s3": "list_buckets", "pinpoint": "get_apps"}[service]

    with pytest.raises(ClientError) as refused:
        getattr(client, call)()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_every_channel_has_an_outbox_and_nothing_else_has(local_aws: LocalServer) -> None:
    channels = ("email", "sms", "voice", "push", "connect", "whatsapp")
    answers = {name: local_aws.get(f"outbox/{name}") for name in channels}

    status, error = local_aws.get("outbox/fax")

    assert set(map(str, answers.values())) == {"(200, [])"}
    assert status == 404
    assert "outbox/{email,sms,voice,push,connect,whatsapp}" in error["error"]


def test_every_message_published_to_a_topic_is_listed(local_aws: LocalServer) -> None:
    sns = local_aws.client("sns")
    topics = [sns.create_topic(Name=name)["TopicArn"] for name in ("runs", "alarms")]
    sns.publish(
        TopicArn=topics[0],
        Subject="Import started",
        Message='{"File": "people.csv"}',
        MessageAttributes={
            "notification_type": {"DataType": "String", "StringValue": "started"},
            "digest": {"DataType": "Binary", "BinaryValue": b"\x01"},
        },
    )
    entries = [{"Id": f"{n}", "Message": f"{n}"} for n in range(2)]
    sns.publish_batch(TopicArn=topics[1], PublishBatchRequestEntries=entries)

    status, (first, *others) = local_aws.get("notifications")

    assert status == 200
    assert first.pop("at").endswith("Z") and first.pop("message_id")
    assert first == {
        "topic_arn": topics[0],
        "subject": "Import started",
        "message": '{"File": "people.csv"}',
        "message_attributes": {"notification_type": "started", "digest": "AQ=="},
    }
    assert [(n["topic_arn"], n["subject"], n["message"]) for n in others] == [
        (topics[1], None, "0"),
        (topics[1], None, "1"),
    ]


def test_a_message_that_no_topic_took_is_not_listed(local_aws: LocalServer) -> None:
    topic = local_aws.client("sns").create_topic(Name="runs")["TopicArn"]
    stranger = local_aws.as_role("sns", allow("sns:ListTopics"))

    with pytest.raises(ClientError, match="not authorized"):
        stranger.publish(TopicArn=topic, Message="Hello")

    assert local_aws.get("notifications") == (200, [])


def test_a_reset_empties_the_notifications(local_aws: LocalServer) -> None:
    sns = local_aws.client("sns")
    sns.publish(TopicArn=sns.create_topic(Name="runs")["TopicArn"], Message="Hello")
    assert local_aws.get("notifications")[1]

    local_aws.post("reset")

    assert local_aws.get("notifications") == (200, [])


@pytest.mark.parametrize("rate", [0, "many", None])
def test_a_validation_rate_that_is_no_rate_is_refused(local_aws: LocalServer, rate: object) -> None:
    status, answer = local_aws.post("phone-number-validate", {"per_second": rate})

    assert status == 400
    assert "per_second must be a whole number" in answer["error"]


def test_the_servers_environment_does_not_reach_functions(local_aws: LocalServer) -> None:
    """A function is told where AWS is by the local AWS alone."""
    import io
    import json
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", "import os\ndef handler(e, c): return dict(os.environ)\n")
    role = local_aws.role("function", {"Service": "lambda.amazonaws.com"})
    functions = local_aws.client("lambda")
    functions.create_function(
        FunctionName="environment",
        Role=role,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )

    seen = json.load(functions.invoke(FunctionName="environment")["Payload"])

    assert seen["AWS_ENDPOINT_URL"] == local_aws.url
    assert seen["AWS_ACCESS_KEY_ID"] != credentials.ACCESS_KEY_ID
    assert "PYTEST_CURRENT_TEST" not in seen


def test_the_first_request_to_an_added_service_is_routed_without_reading_every_model() -> None:
    # Reading them takes seconds, in which the server answers nobody.
    script = """
from local_aws import server
server.build()
from ministack.core import router
for scope in ("mobiletargeting", "sms-voice"):
    signed = f"AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{scope}/aws4_request, Signature=0"
    print(router.detect_service("POST", "/", {"authorization": signed}, {}))
print(router._KNOWN_AWS_SERVICE_NAMES)
"""

    routed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert routed.stdout.split() == ["mobiletargeting", "sms-voice", "None"]
