"""Replay of the error prefix."""

import base64
import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from shared.event_rows.errors import Refused, error_line
from shared.event_rows.replay import (
    BATCH_BYTES,
    RECORD_BYTES,
    InvalidReplay,
    Replay,
    Request,
)
from shared.record_batches import ATTEMPTS, RECORDS_PER_CALL

BUCKET, STREAM = "event-files", "events-direct"
PREFIX = "errors/processing-failed/"


class Firehose:
    """Accepts records, and refuses each record in `refuse` the given number of times."""

    def __init__(self, refuse=None):
        self.accepted = []
        self.batches = []
        self.refuse = dict(refuse or {})

    def put_record_batch(self, *, DeliveryStreamName, Records):
        assert DeliveryStreamName == STREAM
        self.batches.append([one["Data"] for one in Records])
        responses = []
        for one in Records:
            left = self.refuse.get(one["Data"], 0)
            if left:
                self.refuse[one["Data"]] = left - 1
                responses.append({"ErrorCode": "ServiceUnavailableException"})
            else:
                self.accepted.append(one["Data"])
                responses.append({"RecordId": "1"})
        failed = sum("ErrorCode" in one for one in responses)
        return {"FailedPutCount": failed, "RequestResponses": responses}


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def error_object(*records):
    """As Firehose writes it of a transform's ProcessingFailed."""
    return "".join(
        json.dumps(
            {
                "attemptsMade": 1,
                "arrivalTimestamp": 1772470000000,
                "errorCode": "Lambda.FunctionError",
                "errorMessage": "…",
                "attemptEndingTimestamp": 1772470001000,
                "rawData": base64.b64encode(record).decode(),
                "lambdaArn": "arn:aws:lambda:…",
            }
        )
        + "\n"
        for record in records
    ).encode()


def put(s3, objects):
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def keys(s3):
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [one["Key"] for one in found]


def run(s3, firehose, *, pauses=None, time_is_left=lambda: True, **members):
    sleep = (lambda seconds: None) if pauses is None else pauses.append
    replay = Replay(s3, firehose, bucket=BUCKET, stream=STREAM, sleep=sleep)
    request = Request.of({"Prefix": PREFIX, **members}, "errors/")
    return replay.run(request, time_is_left).answer()


def test_refused_records_are_put_once_more_and_their_objects_deleted(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a", b"b\n"), f"{PREFIX}2": error_object(b"\xff")})
    put(s3, {"events/data": b"row", "errors/format-conversion-failed/3": error_object(b"c")})
    firehose = Firehose()

    answer = run(s3, firehose)

    assert firehose.accepted == [b"a", b"b\n", b"\xff"]
    assert keys(s3) == ["errors/format-conversion-failed/3", "events/data"]
    assert answer == {
        "DryRun": False,
        "Objects": 2,
        "Records": 3,
        "BrokenObjects": [],
        "RefusedObjects": [],
        "More": False,
    }


def test_objects_of_the_transform_itself_are_replayed_too(s3):
    line = error_line(Refused(b"part", "not JSON", 1), datetime.now(UTC))
    put(s3, {"errors/unreadable/2026/11/23/13/x.jsonl": line.encode()})
    firehose = Firehose()

    run(s3, firehose, Prefix="errors/unreadable/")

    assert firehose.accepted == [b"part"]


def test_objects_of_the_format_conversion_are_replayed_too(s3):
    row = {"event_id": "0" * 32, "event_type": "a"}
    line = {
        "attemptsMade": 1,
        "arrivalTimestamp": 1772470000000,
        "lastErrorCode": "DataFormatConversion.MalformedData",
        "lastErrorMessage": "…",
        "attemptEndingTimestamp": 1772470001000,
        "rawData": base64.b64encode(json.dumps(row).encode()).decode(),
        "sequenceNumber": "49",
        "subSequenceNumber": None,
        "dataCatalogTable": {"databaseName": "d", "tableName": "t", "versionId": "LATEST"},
    }
    put(s3, {"errors/format-conversion-failed/1": json.dumps(line).encode()})
    firehose = Firehose()

    run(s3, firehose, Prefix="errors/format-conversion-failed/")

    assert [json.loads(record) for record in firehose.accepted] == [row]


def test_a_dry_run_counts_and_changes_nothing(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a", b"b")})
    firehose = Firehose()

    answer = run(s3, firehose, DryRun=True)

    assert (answer["DryRun"], answer["Objects"], answer["Records"]) == (True, 1, 2)
    assert firehose.batches == []
    assert keys(s3) == [f"{PREFIX}1"]


def test_refused_records_are_put_again_alone_with_growing_pauses(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a", b"b", b"c")})
    firehose, pauses = Firehose({b"b": 3, b"c": 1}), []

    answer = run(s3, firehose, pauses=pauses)

    assert firehose.batches == [[b"a", b"b", b"c"], [b"b", b"c"], [b"b"], [b"b"]]
    assert pauses == [0.25, 0.5, 1.0]
    assert answer["Records"] == 3
    assert keys(s3) == []


def test_an_object_stays_while_one_of_its_records_is_refused(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a", b"b"), f"{PREFIX}2": error_object(b"c")})
    firehose = Firehose({b"b": 99})

    answer = run(s3, firehose)

    assert len(firehose.batches) == ATTEMPTS + 1
    assert answer["RefusedObjects"] == [f"{PREFIX}1"]
    assert answer["Objects"] == 1
    assert keys(s3) == [f"{PREFIX}1"]


def test_a_broken_object_is_named_and_left(s3):
    put(s3, {f"{PREFIX}1": b"no error object", f"{PREFIX}2": error_object(b"a")})
    firehose = Firehose()

    answer = run(s3, firehose)

    assert answer["BrokenObjects"] == [f"{PREFIX}1"]
    assert answer["Objects"] == 1
    assert keys(s3) == [f"{PREFIX}1"]


def test_a_record_that_firehose_cannot_take_keeps_its_object(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a", b"x" * (RECORD_BYTES + 1))})
    firehose = Firehose()

    answer = run(s3, firehose)

    assert answer["RefusedObjects"] == [f"{PREFIX}1"]
    assert firehose.batches == []


def test_batches_are_as_large_as_firehose_takes(s3):
    small = [b"%d" % number for number in range(RECORDS_PER_CALL + 1)]
    large = [bytes([65 + number]) * 1_000_000 for number in range(5)]
    put(s3, {f"{PREFIX}1": error_object(*small), f"{PREFIX}2": error_object(*large)})
    firehose = Firehose()

    run(s3, firehose)

    assert firehose.accepted == small + large
    assert [len(batch) for batch in firehose.batches] == [RECORDS_PER_CALL, 1, 4, 1]
    assert all(sum(map(len, batch)) <= BATCH_BYTES for batch in firehose.batches)


def test_an_object_without_records_is_deleted(s3):
    put(s3, {f"{PREFIX}1": b"\n"})

    answer = run(s3, Firehose())

    assert (answer["Objects"], answer["Records"]) == (1, 0)
    assert keys(s3) == []


@pytest.mark.parametrize(("most", "more"), [(1, True), (2, True), (3, False), (4, False)])
def test_a_run_says_whether_more_is_left(s3, most, more):
    put(s3, {f"{PREFIX}{number}": error_object(b"a") for number in range(3)})

    answer = run(s3, Firehose(), MaxObjects=most)

    assert answer["More"] is more
    assert len(keys(s3)) == 3 - min(most, 3)


def test_a_run_ends_before_its_time_is_up(s3):
    put(s3, {f"{PREFIX}{number}": error_object(b"a") for number in range(3)})
    time_left = iter([True, True, False])

    answer = run(s3, Firehose(), time_is_left=lambda: next(time_left))

    assert (answer["Objects"], answer["More"]) == (2, True)
    assert len(keys(s3)) == 1


def test_what_has_been_replayed_is_not_there_for_a_second_run(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a")})
    firehose = Firehose()

    run(s3, firehose)
    answer = run(s3, firehose)

    assert firehose.accepted == [b"a"]
    assert answer["Objects"] == 0


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({}, "Prefix must begin with errors/"),
        ({"Prefix": "events/"}, "Prefix must begin with errors/"),
        ({"Prefix": 5}, "Prefix must begin with errors/"),
        ({"Prefix": PREFIX, "DryRun": "yes"}, "DryRun must be true or false"),
        ({"Prefix": PREFIX, "MaxObjects": 0}, "MaxObjects must be a whole number"),
        ({"Prefix": PREFIX, "MaxObjects": True}, "MaxObjects must be a whole number"),
        ({"Prefix": PREFIX, "dryRun": True}, "dryRun is unknown; use"),
    ],
)
def test_an_input_that_is_wrong_is_named(event, problem):
    with pytest.raises(InvalidReplay, match=problem):
        Request.of(event, "errors/")


def test_the_call_that_is_not_allowed_fails_the_run_and_deletes_nothing(s3):
    put(s3, {f"{PREFIX}1": error_object(b"a")})
    firehose = boto3.client("firehose", region_name="us-east-1")
    replay = Replay(s3, firehose, bucket=BUCKET, stream=STREAM, sleep=lambda seconds: None)

    with Stubber(firehose) as stub, pytest.raises(ClientError, match="AccessDenied"):
        stub.add_client_error("put_record_batch", "AccessDeniedException")
        replay.run(Request.of({"Prefix": PREFIX}, "errors/"), lambda: True)

    assert keys(s3) == [f"{PREFIX}1"]
