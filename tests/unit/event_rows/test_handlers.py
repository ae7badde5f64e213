"""The functions of the three databases, as Lambda starts and invokes them."""

import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from shared.settings import MissingSetting
from tests.builders.architectures import load_function
from tests.builders.event_records import invocation, rows_of, sample

BUCKET = "event-files"
ENVIRONMENT = {
    "EVENTS_BUCKET": BUCKET,
    "ERROR_PREFIX": "errors/",
    "FIREHOSE_NAME": "events-direct",
}
DATABASES = {
    "pinpoint_event_database": "pinpoint/sms_success",
    "ses_event_database": "ses/bounce_permanent_general",
    "sms_event_database": "sms/text_delivered",
}
ADDRESS, NUMBER = "jane@example.com", "+14255550123"


def context(milliseconds=300_000):
    return SimpleNamespace(
        function_name="events-transform",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:events-transform",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: milliseconds,
    )


@pytest.fixture(params=DATABASES)
def database(request):
    return request.param


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        yield s3


def function(monkeypatch, name):
    return load_function(monkeypatch, name, ENVIRONMENT).lambda_handler


def logged(caplog, capsys):
    """Join the output of a function, with the values that it gave to its logger beside the text."""
    records = "".join(str(vars(record)) for record in caplog.records)
    written = capsys.readouterr()
    return written.out + written.err + records


def error_objects(s3):
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {
        one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read().decode()
        for one in found
    }


def metrics_in(text):
    lines = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return [
        (
            line["_aws"]["CloudWatchMetrics"][0]["Namespace"],
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            line["FunctionName"],
            line["UnreadableRecords"],
        )
        for line in lines
    ]


def test_each_database_transforms_its_own_events(monkeypatch, database, capsys):
    handler = function(monkeypatch, f"{database}.functions.transform")

    answer = handler(invocation(sample(DATABASES[database]), ""), context())

    assert [one["result"] for one in answer["records"]] == ["Ok", "Dropped"]
    assert len(rows_of(answer["records"][0])) == 1
    assert metrics_in(capsys.readouterr().out) == []


def test_records_that_cannot_be_read_are_counted_by_function(monkeypatch, database, capsys):
    handler = function(monkeypatch, f"{database}.functions.transform")

    answer = handler(invocation("broken", sample(DATABASES[database]), "[5]"), context())

    results = [one["result"] for one in answer["records"]]
    assert results == ["ProcessingFailed", "Ok", "ProcessingFailed"]
    assert metrics_in(capsys.readouterr().out) == [
        ("EventDatabase", [["FunctionName"]], "events-transform", [2.0])
    ]


def test_the_part_of_a_record_that_cannot_be_read_is_stored(monkeypatch, database, aws, capsys):
    handler = function(monkeypatch, f"{database}.functions.transform")
    event = invocation(json.dumps(sample(DATABASES[database])) + "\nbroken")

    answer = handler(event, context())
    again = handler(event, context())  # Firehose tried once more

    assert answer == again
    assert answer["records"][0]["result"] == "Ok"
    ((key, text),) = error_objects(aws).items()
    assert key.startswith("errors/unreadable/2026/03/02/16/")
    assert json.loads(text)["rawData"] == "YnJva2Vu"
    assert len(metrics_in(capsys.readouterr().out)) == 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": NUMBER}}, "PutObject"),
        ClientError({"Error": {"Code": "KMS.DisabledException", "Message": NUMBER}}, "PutObject"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
)
def test_a_record_is_firehoses_when_its_broken_part_cannot_be_stored(
    monkeypatch, database, error, caplog, capsys
):
    handler = function(monkeypatch, f"{database}.functions.transform")

    def put_object(**_):
        raise error

    monkeypatch.setattr(
        "shared.event_rows.handlers._s3", lambda: SimpleNamespace(put_object=put_object)
    )
    good = json.dumps(sample(DATABASES[database]))

    answer = handler(invocation(f"{good}\nbroken", good), context())

    assert [one["result"] for one in answer["records"]] == ["ProcessingFailed", "Ok"]
    assert "data" not in answer["records"][0]
    text = logged(caplog, capsys)
    assert "error_code" in text
    assert NUMBER not in text


def test_nothing_of_an_event_is_logged(monkeypatch, database, aws, caplog, capsys):
    handler = function(monkeypatch, f"{database}.functions.transform")
    strange = {"eventType": ADDRESS, "event_type": None, "mail": {"destination": [ADDRESS]}}
    broken = sample("ses/send") | {"eventType": ADDRESS, "text": NUMBER}
    broken["mail"]["timestamp"] = ADDRESS

    handler(
        invocation(f'{{"{ADDRESS}":"{NUMBER}"', strange, broken, {"eventType": NUMBER}), context()
    )

    text = logged(caplog, capsys)
    assert "not JSON" in text
    assert ADDRESS not in text
    assert NUMBER not in text


def test_no_client_is_made_until_a_part_is_refused(monkeypatch, database):
    def no_client(*_, **__):
        raise AssertionError("a client was made")

    monkeypatch.setattr("shared.aws.aws_client", no_client)
    handler = function(monkeypatch, f"{database}.functions.transform")

    answer = handler(invocation(sample(DATABASES[database]), "broken"), context())

    assert len(answer["records"]) == 2


def test_a_row_that_was_refused_by_the_conversion_goes_through_again(monkeypatch, database):
    handler = function(monkeypatch, f"{database}.functions.transform")
    (first,) = handler(invocation(sample(DATABASES[database])), context())["records"]

    (again,) = handler(invocation(rows_of(first)[0]), context())["records"]

    assert rows_of(again) == rows_of(first)


@pytest.mark.parametrize("name", ["EVENTS_BUCKET", "ERROR_PREFIX"])
def test_a_transform_without_a_setting_does_not_start(monkeypatch, database, name):
    with pytest.raises(MissingSetting, match=name):
        load_function(monkeypatch, f"{database}.functions.transform", ENVIRONMENT | {name: ""})


@pytest.mark.parametrize("name", ["EVENTS_BUCKET", "ERROR_PREFIX", "FIREHOSE_NAME"])
def test_a_replay_without_a_setting_does_not_start(monkeypatch, database, name):
    with pytest.raises(MissingSetting, match=name):
        load_function(monkeypatch, f"{database}.functions.replay", ENVIRONMENT | {name: ""})


def test_a_replay_puts_records_into_the_stream_of_its_setting(
    monkeypatch, database, aws, caplog, capsys
):
    caplog.set_level("INFO")
    aws.create_bucket(Bucket="delivered")
    boto3.client("firehose", region_name="eu-west-1").create_delivery_stream(
        DeliveryStreamName="events-direct",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::111122223333:role/firehose",
            "BucketARN": "arn:aws:s3:::delivered",
        },
    )
    line = json.dumps({"rawData": "eyJhIjoxfQ==", "errorMessage": NUMBER})
    aws.put_object(Bucket=BUCKET, Key="errors/processing-failed/1", Body=f"{line}\n".encode())
    handler = function(monkeypatch, f"{database}.functions.replay")

    answer = handler({"Prefix": "errors/"}, context())

    assert answer["Records"] == 1
    assert answer["More"] is False
    assert list(error_objects(aws)) == []
    text = logged(caplog, capsys)
    assert "Replayed" in text
    assert NUMBER not in text


def test_a_replay_stops_before_its_time_is_up(monkeypatch, database, aws):
    aws.put_object(Bucket=BUCKET, Key="errors/processing-failed/1", Body=b"")
    handler = function(monkeypatch, f"{database}.functions.replay")

    answer = handler({"Prefix": "errors/"}, context(milliseconds=30_000))

    assert answer["More"] is True
    assert list(error_objects(aws)) == ["errors/processing-failed/1"]
