"""The functions of the module, on S3, DynamoDB, SQS and Step Functions as moto has them."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import NoCredentialsError, ReadTimeoutError
from moto import mock_aws

from shared.local_hours import InvalidHours
from shared.transient import ServiceUnavailable
from sms_s3_drop import status
from sms_s3_drop.enqueue import PermitsRefused, enqueue
from sms_s3_drop.run import BadInput, source_from
from sms_s3_drop.turns import Permit
from tests.builders.architectures import service_error
from tests.builders.sms_drop import HEADER, csv_file, number
from tests.builders.tables import PK_AND_SK

# moto leaves the temporary files of its S3 objects to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FILES, WORK, TABLE = "files", "work", "state"
KEY = "drop/my file+1.csv"


class Context(LambdaContext):
    function_name = "drop"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:drop"
    aws_request_id = "r"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


@pytest.fixture
def world(monkeypatch: Any) -> Iterator[SimpleNamespace]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "TABLE": TABLE,
        "WORK_BUCKET": WORK,
        "KEEP_DAYS": "90",
        "SEND_WITHIN_HOURS": "24",
        "LEASE_SECONDS": "150",
        "RETRY_MINUTES": "60",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:drop",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        for bucket in (FILES, WORK):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("dynamodb").create_table(TableName=TABLE, **PK_AND_SK)
        queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        known = {
            "alerts": {
                "arn": "arn:aws:sms-voice:us-east-1:111122223333:phone-number/p",
                "name": "+12065550100",
                "parts_per_second": 100,
                "queue_url": queue,
            }
        }
        settings = {"identities": known, "default_identity": None, "default_message_type": None}
        monkeypatch.setenv("IDENTITIES", json.dumps(settings))
        _forget()
        yield SimpleNamespace(s3=s3, sqs=sqs, queue=queue)
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith("sms_s3_drop.functions.")]:
        del sys.modules[name]


def function(name: str) -> Any:
    return importlib.import_module(f"sms_s3_drop.functions.{name}")


def drop(world: Any, body: bytes) -> dict[str, str]:
    version = world.s3.put_object(Bucket=FILES, Key=KEY, Body=body)["VersionId"]
    return {"Bucket": FILES, "Key": KEY, "VersionId": version}


def cut(given: Any, execution: str = "drop-1") -> dict[str, Any]:
    answer: dict[str, Any] = function("cut_file").lambda_handler(
        {"Input": given, "Execution": execution}, Context()
    )
    return answer


def enqueue_all(world: Any, answer: dict[str, Any]) -> list[Any]:
    body = world.s3.get_object(Bucket=WORK, Key=answer["PiecesKey"])["Body"].read()
    for piece in json.loads(body):
        function("enqueue_piece").lambda_handler(piece, Context())
    return list(_received(world))


def _received(world: Any) -> Iterator[Any]:
    while found := world.sqs.receive_message(
        QueueUrl=world.queue, MaxNumberOfMessages=10, VisibilityTimeout=900
    ).get("Messages"):
        for message in found:
            yield {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "receiptHandle": message["ReceiptHandle"],
                "eventSource": "aws:sqs",
                "attributes": {},
                "messageAttributes": {},
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:alerts",
                "md5OfBody": "",
            }


def send(records: list[Any], monkeypatch: Any, phone: Any) -> Any:
    module = function("send_chunk")
    monkeypatch.setattr(module, "phone", phone)
    return module.lambda_handler({"Records": records}, Context())


class Phone:
    def __init__(self, error: BaseException | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._error = error

    def send_text_message(self, **request: Any) -> dict[str, str]:
        self.sent.append(request)
        if self._error is not None:
            raise self._error
        return {"MessageId": f"m-{len(self.sent)}"}


def look(given: Any, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = function("look").lambda_handler(
        {"Input": given, "Stop": False, "Last": {}, **more}, Context()
    )
    return answer


def close(given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = function("close_run").lambda_handler({"Input": given}, Context())
    return answer


def test_a_file_goes_from_the_bucket_to_its_result(world, monkeypatch, capsys):
    given = drop(world, csv_file(3) + b"bad,row,,,,,\n")
    phone = Phone()

    records = enqueue_all(world, cut(given))
    before = look(given)
    answer = send(records, monkeypatch, phone)
    after = look(given, Last=before["Seen"])
    closed = close(given)

    assert answer == {"batchItemFailures": []}
    assert (before["Done"], before["Counts"]["Waiting"]) == (False, 3)
    assert (after["Done"], after["Counts"]["Sent"]) == (True, 3)
    assert closed["Outcome"] == "SUCCESS"
    key = closed["Result"]["Result"].removeprefix(f"s3://{WORK}/")
    body = world.s3.get_object(Bucket=WORK, Key=key)["Body"].read().decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["status"] for row in rows] == ["SENT", "SENT", "SENT", "REJECTED"]
    assert {request["MessageType"] for request in phone.sent} == {"TRANSACTIONAL"}
    assert sorted(request["Context"]["id_1"] for request in phone.sent) == ["a0", "a1", "a2"]
    assert "+1425" not in capsys.readouterr().out
    assert close(given) == closed


def test_the_work_files_of_a_run_are_deleted_with_every_version(world):
    given = drop(world, csv_file(3))
    run = cut(given)["Run"]
    cut(given)

    function("delete_work").lambda_handler({"Run": run}, Context())

    assert "Versions" not in world.s3.list_object_versions(Bucket=WORK, Prefix="work/")


def test_the_version_of_the_event_is_read_and_not_the_newest(world):
    given = drop(world, csv_file(1))
    drop(world, csv_file(50))

    assert cut(given)["Rows"] == 1


def test_a_version_that_is_gone_is_refused_with_the_reason(world):
    given = drop(world, csv_file(1))
    world.s3.delete_object(Bucket=FILES, Key=KEY, VersionId=given["VersionId"])

    answer = cut(given)

    assert answer["Refused"]
    assert "overwritten or deleted" in answer["Reason"]


def test_a_file_that_is_no_text_is_refused_and_its_status_says_why(world):
    given = drop(world, b"PK\x03\x04" + bytes(100))

    answer = cut(given)

    assert answer["Refused"]
    body = world.s3.get_object(Bucket=WORK, Key=f"runs/{answer['Run']}/status.json")["Body"].read()
    assert "Excel" in json.loads(body)["Reason"]


def test_a_version_that_was_sent_is_refused(world, monkeypatch):
    given = drop(world, csv_file(1))
    send(enqueue_all(world, cut(given)), monkeypatch, Phone())
    close(given)

    assert "sent before" in cut(given, "by-hand")["Reason"]


def test_another_execution_resumes_a_run_with_hours_of_its_own(world, monkeypatch):
    given = drop(world, csv_file(103))
    records = enqueue_all(world, cut(given))
    phone = Phone()
    send(records[:1], monkeypatch, phone)
    look(given, Stop=True)

    records = enqueue_all(world, cut(given, "by-hand"))
    send(records, monkeypatch, phone)

    assert sorted(r["DestinationPhoneNumber"] for r in phone.sent) == [
        number(n) for n in range(103)
    ]


def test_a_lost_answer_of_the_send_is_unknown_and_not_sent_again(world, monkeypatch):
    given = drop(world, csv_file(1))
    phone = Phone(ReadTimeoutError(endpoint_url="https://sms-voice"))
    records = enqueue_all(world, cut(given))

    send(records, monkeypatch, phone)
    send(records, monkeypatch, phone)

    assert len(phone.sent) == 1
    assert close(given)["Result"]["Counts"]["Unknown"] == 1
    assert close(given)["Outcome"] == "FAILURE"


def test_an_opted_out_number_is_told_and_a_refused_one_with_its_reason(world, monkeypatch):
    given = drop(world, csv_file(1))
    error = service_error("SendTextMessage", "ConflictException", 400)
    error.response["Reason"] = "DESTINATION_PHONE_NUMBER_OPTED_OUT"  # type: ignore[typeddict-unknown-key]

    send(enqueue_all(world, cut(given)), monkeypatch, Phone(error))

    assert close(given)["Result"]["Counts"]["OptedOut"] == 1


def test_a_poison_message_leaves_the_others_alone(world, monkeypatch):
    given = drop(world, csv_file(1))
    [record] = enqueue_all(world, cut(given))
    poison = [{**record, "messageId": f"p{n}", "body": body} for n, body in enumerate(["{", "[]"])]
    phone = Phone()

    answer = send([*poison, record], monkeypatch, phone)

    assert [f["itemIdentifier"] for f in answer["batchItemFailures"]] == ["p0", "p1"]
    assert len(phone.sent) == 1


def test_the_log_has_the_reason_of_a_permit_that_comes_back(world, monkeypatch, caplog):
    given = drop(world, csv_file(1))
    [record] = enqueue_all(world, cut(given))

    send([{**record, "body": "{"}, {**record, "body": "[]"}], monkeypatch, Phone())

    reasons = [line.reason for line in caplog.records if line.levelname == "WARNING"]
    assert reasons == [
        "Not a permit of this module: it is not JSON.",
        "Not a permit of this module: run, identity and permit must be texts.",
    ]


def test_a_run_that_does_not_move_gets_new_permits(world, monkeypatch):
    given = drop(world, csv_file(103))
    enqueue_all(world, cut(given))  # received, and lost
    seen = look(given)["Seen"] | {"Since": time.time() - 3600}

    look(given, Last=seen)
    phone = Phone()
    send(list(_received(world)), monkeypatch, phone)

    assert len(phone.sent) == 103


def test_a_run_is_over_three_minutes_after_it_was_stopped(world, monkeypatch):
    given = drop(world, csv_file(5))
    cut(given)
    module = function("look")
    now = time.time()

    stopped = look(given, Stop=True)
    monkeypatch.setattr(module.time, "time", lambda: now + 200)
    over = look(given, Stop=True)

    assert (stopped["Done"], over["Done"]) == (False, True)
    assert close(given)["Result"]["Counts"]["Failed"] == 5


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        [],
        "s3://files/a.csv",
        {"Bucket": FILES},
        {"Key": KEY},
        {"Bucket": FILES, "Key": KEY},
        {"Bucket": FILES, "Key": KEY, "VersionId": ""},
        {"Bucket": "", "Key": KEY, "VersionId": "v"},
        {"Bucket": FILES, "Key": 7, "VersionId": "v"},
        {"S3URL": "s3://files/a.csv"},
        {"Bucket": FILES, "Key": KEY, "VersionId": "null"},
        {"Bucket": FILES, "Key": KEY, "ETag": "e"},
        {"Bucket": FILES, "Key": KEY, "Sequencer": "1"},
    ],
)
def test_an_input_without_a_version_of_a_file_is_refused_with_the_form(given):
    with pytest.raises(BadInput, match="input"):
        source_from(given)


def event(**more: Any) -> dict[str, Any]:
    thing = {"key": KEY, "size": 5, "etag": "e", "sequencer": "1", **more}
    return {"detail": {"bucket": {"name": FILES}, "object": thing}}


def test_a_repeated_event_starts_one_run_and_another_version_another(world, monkeypatch):
    module = function("start_run")
    started: list[dict[str, Any]] = []

    class Taken(Exception):
        pass

    def start(**request: Any) -> None:
        if any(request["name"] == other["name"] for other in started):
            raise Taken
        started.append(request)

    states = SimpleNamespace(
        start_execution=start, exceptions=SimpleNamespace(ExecutionAlreadyExists=Taken)
    )
    monkeypatch.setattr(module, "states", states)
    bodies = [
        event(**{"version-id": "v1"}),
        event(**{"version-id": "v1"}),
        event(**{"version-id": "v2"}),
        event(),
        event(**{"version-id": "null", "etag": "f", "sequencer": "2"}),
        event(**{"version-id": "null", "etag": "g", "sequencer": "3"}),
        event(key="drop/"),
    ]
    records = [_record(n, json.dumps(body)) for n, body in enumerate(bodies)]

    answer = module.lambda_handler({"Records": records}, Context())

    assert answer == {"batchItemFailures": []}
    assert [json.loads(request["input"]) for request in started] == [
        {"Bucket": FILES, "Key": KEY, "VersionId": "v1"},
        {"Bucket": FILES, "Key": KEY, "VersionId": "v2"},
        {"Bucket": FILES, "Key": KEY, "ETag": "e", "Sequencer": "1"},
        {"Bucket": FILES, "Key": KEY, "ETag": "f", "Sequencer": "2"},
        {"Bucket": FILES, "Key": KEY, "ETag": "g", "Sequencer": "3"},
    ]


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "7", "null", "{}", '{"detail": {}}', '{"detail": {"bucket": {"name": "b"}}}',
     '{"detail": {"bucket": {}, "object": {"key": "k"}}}', '"text"', '{"detail": null}',
     '{"detail": {"bucket": {"name": "b"}, "object": {"key": "k", "size": "many"}}}',
     '{"Records": []}', '{"detail": []}', '{"detail": {"bucket": null, "object": null}}'],
)  # fmt: skip
def test_a_message_that_is_no_event_of_s3_stays_for_the_dead_letter_queue(world, body):
    module = function("start_run")

    answer = module.lambda_handler({"Records": [_record(1, body)]}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_the_log_has_the_reason_of_an_event_that_starts_no_run(world, caplog):
    function("start_run").lambda_handler({"Records": [_record(1, '{"detail": {}}')]}, Context())

    [line] = [line for line in caplog.records if line.levelname == "WARNING"]
    assert line.reason.startswith("Not an S3 Object Created event of EventBridge: KeyError")


def _record(n: int, body: str) -> dict[str, Any]:
    return {"messageId": str(n), "body": body, "eventSource": "aws:sqs"}


def test_a_zone_that_is_not_there_fails_the_cold_start_of_the_sender(world, monkeypatch):
    hours = {"opens": "09:00", "closes": "20:00", "days": ["MON"], "default_time_zone": "Mars/One"}
    monkeypatch.setenv("SENDING_HOURS", json.dumps(hours))

    with pytest.raises(InvalidHours, match="default_time_zone is Mars/One"):
        function("send_chunk")


def test_permits_that_sqs_fails_are_sent_again_and_the_others_not():
    calls: list[list[str]] = []

    class Queue:
        def send_message_batch(self, **request: Any) -> Any:
            ids = [json.loads(entry["MessageBody"])["permit"] for entry in request["Entries"]]
            calls.append(ids)
            failed = [{"Id": "3", "SenderFault": False, "Code": "InternalError"}]
            return {"Failed": failed if len(calls) == 1 else []}

    permits = [Permit.first("r", "alerts", n) for n in range(10)]

    assert enqueue(Queue(), "q", permits, sleep=lambda _: None) == 2  # type: ignore[arg-type]
    assert calls[1] == ["0000003"]


@pytest.mark.parametrize(("fault", "error"), [(True, PermitsRefused), (False, ServiceUnavailable)])
def test_permits_that_sqs_does_not_take_fail_the_step(fault, error):
    class Queue:
        def send_message_batch(self, **_: Any) -> Any:
            return {"Failed": [{"Id": "0", "SenderFault": fault, "Code": "X"}]}

    with pytest.raises(error):
        enqueue(Queue(), "q", [Permit.new("r", "a")], sleep=lambda _: None)  # type: ignore[arg-type]


def test_the_command_stops_a_run_once_and_names_one_that_is_over(world, monkeypatch):
    given = drop(world, csv_file(103))
    answer = cut(given)
    records = enqueue_all(world, answer)
    phone, lines = Phone(), list[str]()
    send(records[:1], monkeypatch, phone)

    def stop(run: str) -> int:
        return status.main(["stop", run, "--state-table", TABLE], out=lines.append)

    stopped = stop(answer["Run"])
    send(records[1:], monkeypatch, phone)

    assert stopped == 0
    assert len(phone.sent) == 100
    assert look(given)["Done"]
    counts = close(given)["Result"]["Counts"]
    assert (counts["Sent"], counts["Failed"]) == (100, 3)
    for run in (answer["Run"], "0" * 32):
        assert stop(run) == status.ABSENT
        assert "is not being sent" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (["list", "--work-bucket", "not-there"], "no bucket not-there: give the output work_b"),
        (["stop", "0" * 32, "--state-table", "not-there"], "no table not-there in this account"),
    ],
)
def test_the_command_names_a_bucket_or_table_that_is_not_there(world, arguments, way_out):
    lines: list[str] = []

    answer = status.main(arguments, out=lines.append)

    assert answer == status.REFUSED
    assert way_out in lines[0]


def test_the_command_without_a_permission_names_the_policies(world, monkeypatch):
    lines: list[str] = []
    denied = service_error("ListObjectsV2", "AccessDenied", 403)
    monkeypatch.setattr(status, "_list", Mock(side_effect=denied))

    answer = status.main(["list", "--work-bucket", WORK], out=lines.append)

    assert answer == status.REFUSED
    assert "status_policy_json" in lines[0]


def test_the_command_without_an_answer_from_aws_says_so(world, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(status, "_list", Mock(side_effect=NoCredentialsError()))

    answer = status.main(["list", "--work-bucket", WORK], out=lines.append)

    assert answer == status.REFUSED
    assert "Unable to locate credentials" in lines[0]


def test_the_result_of_a_refused_file_is_the_reason(world, capsys):
    run = cut(drop(world, b"PK\x03\x04" + bytes(100)))["Run"]

    answer = status.main(["result", run, "--work-bucket", WORK])

    assert answer == status.ABSENT
    assert "The run is REFUSED. The file is a zip archive" in capsys.readouterr().err


def test_the_command_lists_runs_and_shows_a_status_and_a_result(world, monkeypatch, capsys):
    given = drop(world, csv_file(2))
    cut(given)
    lines: list[str] = []

    def run(*arguments: str) -> int:
        lines.clear()
        return status.main([*arguments, "--work-bucket", WORK], out=lines.append)

    assert run("list", "--file", KEY) == 0
    name = lines[0].split()[0]
    assert "SENDING" in lines[0]
    assert "0 of 2 rows" in lines[0]
    assert run("result", name) == status.ABSENT
    send(list(_received(world)) or enqueue_all(world, cut(given)), monkeypatch, Phone())
    close(given)
    assert run("list") == 0
    assert "FINISHED   2 of 2 rows, 2 Sent" in lines[0]
    assert run("show", name) == 0
    assert json.loads("\n".join(lines))["Counts"]["Sent"] == 2
    assert run("result", name) == 0
    assert len(lines) == 3
    assert run("list", "--file", "other") == status.ABSENT
    assert run("show", "0" * 32) == status.ABSENT
    with pytest.raises(SystemExit):
        run("show", "../../etc")
    assert HEADER not in capsys.readouterr().out
