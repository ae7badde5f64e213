"""The two functions: every record and message of a batch has its own outcome."""

import base64
import email
import email.policy
import json
from collections import Counter
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from shared.sent_messages.contents import Contents
from shared.sent_messages.rendering import MessageMaker
from shared.stream_records import DeadLetters
from tests.builders.architectures import CONTEXT, load_function, service_error, sqs_event
from tests.builders.archive import ANN, AWAKE, Api, campaign_send, journey_send

QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/messages"
DEAD = "https://sqs.eu-west-1.amazonaws.com/111122223333/dead"
DONE: dict[str, Any] = {"batchItemFailures": []}


def failures(*names: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


class Sqs:
    """Queues by URL. `refused` are places in a batch, `down` an error of the next call."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {QUEUE: [], DEAD: []}
        self.calls: list[int] = []
        self.refused: set[int] = set()
        self.down: Exception | None = None

    def send_message(self, QueueUrl: str, MessageBody: str, **others: Any) -> None:
        if self.down:
            raise self.down
        self.messages[QueueUrl].append({"Body": MessageBody, **others})

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:
        if self.down:
            raise self.down
        assert len(Entries) <= 10
        assert sum(len(one["MessageBody"].encode()) for one in Entries) <= 262_144
        self.calls.append(len(Entries))
        failed = [one for one in Entries if int(one["Id"]) in self.refused]
        self.messages[QueueUrl] += [
            {"Body": one["MessageBody"]} for one in Entries if one not in failed
        ]
        return {"Failed": [{"Id": one["Id"], "Code": "InternalError"} for one in failed]}


def metrics_in(text: str) -> dict[str, float]:
    """The counts of the metrics record in what a function wrote."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if '"_aws"' in line:
            record = json.loads(line)
            names = record["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            found |= {one["Name"]: sum(record[one["Name"]]) for one in names}
    return {name: count for name, count in found.items() if count}


# Stream → queue


def records(*data: Any) -> dict[str, Any]:
    def raw(one: Any) -> bytes:
        text = one if isinstance(one, bytes | str) else json.dumps(one, ensure_ascii=False) + "\n"
        return text if isinstance(text, bytes) else text.encode()

    return {
        "Records": [
            {
                "eventID": f"shardId-0:{number}",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "k",
                    "data": base64.b64encode(raw(one)).decode(),
                },
            }
            for number, one in enumerate(data, 1)
        ]
    }


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def queuer(monkeypatch: Any, sqs: Sqs) -> ModuleType:
    module = load_function(
        monkeypatch,
        "message_archiver.functions.queue",
        {"QUEUE_URL": QUEUE, "DEAD_LETTER_QUEUE_URL": DEAD},
    )
    monkeypatch.setattr(module, "sqs", sqs)
    letters = DeadLetters(DEAD, module.logger, lambda: sqs)  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(module, "dead_letters", letters)
    return module


def test_8_text_that_is_not_ascii_reaches_the_queue_whole(queuer, sqs):
    event = campaign_send("büro 😀", {**ANN, "Address": "ännchen"})

    assert queuer.lambda_handler(records(event), CONTEXT) == DONE

    [message] = sqs.messages[QUEUE]
    assert json.loads(message["Body"]) == event
    assert message["Body"].isascii()


def test_9_one_bad_record_does_not_fail_the_others_and_messages_go_ten_at_a_time(queuer, sqs):
    events = [campaign_send(f"e{number}") for number in range(23)]

    answer = queuer.lambda_handler(records(*events[:5], b"\xff", "[1]", *events[5:]), CONTEXT)

    assert answer == DONE
    assert [json.loads(one["Body"]) for one in sqs.messages[QUEUE]] == events
    assert sqs.calls == [10, 10, 3]
    assert [json.loads(one["Body"])["Reason"] for one in sqs.messages[DEAD]] == [
        "The record is not JSON.",
        "The record is not a JSON object.",
    ]


def test_9_large_events_share_calls_as_they_fit_and_one_that_is_too_large_is_parked(queuer, sqs):
    large = [campaign_send(f"e{number}", {**ANN, "Note": "x" * 100_000}) for number in range(3)]
    huge = campaign_send("huge", {**ANN, "Note": "x" * 262_144})

    assert queuer.lambda_handler(records(*large, huge), CONTEXT) == DONE

    assert sqs.calls == [2, 1]
    [letter] = sqs.messages[DEAD]
    assert "SQS takes 262144" in json.loads(letter["Body"])["Reason"]


def test_9_records_that_sqs_refuses_are_read_again(queuer, sqs):
    sqs.refused = {1}

    answer = queuer.lambda_handler(records(*[campaign_send(f"e{n}") for n in range(3)]), CONTEXT)

    assert answer == failures("2")


@pytest.mark.parametrize(
    "down",
    [
        service_error("SendMessageBatch", "RequestThrottled", 400),
        ConnectTimeoutError(endpoint_url="https://sqs"),
    ],
)
def test_a_queue_that_is_down_fails_its_records_and_not_the_function(queuer, sqs, down):
    sqs.down = down

    assert queuer.lambda_handler(records(campaign_send(), campaign_send("e2")), CONTEXT) == (
        failures("1", "2")
    )


def test_10_failed_sends_are_counted_and_not_queued(queuer, sqs, capsys):
    events = [
        campaign_send(),
        campaign_send("e2", campaign_send_status="FAILURE"),
        journey_send("sms", journey_send_status="DAILY_CAP"),
        {"event_type": "_email.open"},
    ]

    queuer.lambda_handler(records(*events), CONTEXT)

    assert len(sqs.messages[QUEUE]) == 1
    assert metrics_in(capsys.readouterr().out) == {"QueuedSends": 1, "UnsuccessfulSends": 3}


def test_a_send_that_lacks_a_member_is_parked_with_the_reason(queuer, sqs):
    event = campaign_send()
    del event["client"]

    assert queuer.lambda_handler(records(event), CONTEXT) == DONE

    [letter] = sqs.messages[DEAD]
    assert json.loads(letter["Body"])["Reason"] == "The event has no client.client_id."
    assert sqs.messages[QUEUE] == []


# Queue → archive


class S3:
    """Buckets of objects; a conditional write of an object that exists is refused."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.puts: Counter[str] = Counter()
        self.down: dict[str, str] = {}

    def put_object(self, Bucket: str, Key: str, **given: Any) -> None:
        self.puts[Bucket] += 1
        if Bucket in self.down:
            raise service_error("PutObject", self.down[Bucket], 403)
        if given.get("IfNoneMatch") == "*" and (Bucket, Key) in self.objects:
            raise service_error("PutObject", "PreconditionFailed", 412)
        self.objects[Bucket, Key] = given

    def keys(self, bucket: str) -> list[str]:
        return sorted(key for where, key in self.objects if where == bucket)


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture
def api() -> Api:
    api = Api()
    api.campaign({"MessageConfiguration": {"SMSMessage": {"Body": "Hi {{User.UserId}}"}}})
    return api


@pytest.fixture
def archiver(monkeypatch: Any, s3: S3, sqs: Sqs, api: Api) -> ModuleType:
    module = load_function(
        monkeypatch,
        "message_archiver.functions.archive",
        {
            "ADDRESSES": "kept",
            "ARCHIVE_BUCKET": "archive",
            "DEAD_LETTER_QUEUE_URL": DEAD,
            "INDEX_BUCKET": "index",
        },
    )
    monkeypatch.setattr(module, "s3", s3)
    monkeypatch.setattr(module, "_sqs", lambda: sqs)
    monkeypatch.setattr(module, "maker", MessageMaker(Contents(lambda: api)))  # type: ignore[arg-type,return-value]
    return module


def messages(*events: Any) -> dict[str, Any]:
    return sqs_event(*(one if isinstance(one, str) else json.dumps(one) for one in events))


def rows(s3: S3) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for (bucket, _), given in s3.objects.items()
        if bucket == "index"
        for line in given["Body"].decode().splitlines()
    ]


def test_a_message_is_a_file_with_its_type_and_a_checksum_and_a_row_of_the_index(archiver, s3):
    assert archiver.lambda_handler(messages(campaign_send()), AWAKE) == DONE

    [key] = s3.keys("archive")
    given = s3.objects["archive", key]
    assert key.startswith("archive/e1/2026/05/03/10/")
    assert (given["ContentType"], given["ChecksumAlgorithm"]) == ("message/rfc822", "SHA256")
    file = email.message_from_bytes(given["Body"], policy=email.policy.strict)
    assert file.get_content().strip() == "Hi ann"
    assert [row["key"] for row in rows(s3)] == [key]


def test_a_repeated_message_changes_nothing_and_is_no_failure(archiver, s3, capsys):
    archiver.lambda_handler(messages(campaign_send()), AWAKE)
    before = dict(s3.objects)
    capsys.readouterr()

    answer = archiver.lambda_handler(messages(campaign_send(), campaign_send()), AWAKE)

    assert answer == DONE
    assert s3.objects == before
    assert metrics_in(capsys.readouterr().out) == {"Copies": 2}


def test_a_batch_of_one_campaign_costs_one_lookup_a_put_each_and_one_index_file(archiver, s3, api):
    events = [campaign_send(f"e{number}", campaign_version="1") for number in range(100)]

    assert archiver.lambda_handler(messages(*events), AWAKE) == DONE

    assert api.calls == {"GetCampaignVersion": 1}
    assert s3.puts == {"archive": 100, "index": 1}
    assert len(rows(s3)) == 100


def test_1_content_that_cannot_be_read_is_parked_with_its_reason_and_never_a_success(
    archiver, s3, sqs, capsys
):
    lost = campaign_send("e2", campaign_id="gone")

    answer = archiver.lambda_handler(messages(campaign_send(), lost), AWAKE)

    assert answer == DONE
    assert len(s3.keys("archive")) == 1
    [letter] = sqs.messages[DEAD]
    assert json.loads(letter["Body"]) == lost
    reason = letter["MessageAttributes"]["Reason"]["StringValue"]
    assert reason == "Campaign gone cannot be read: NotFoundException."
    assert metrics_in(capsys.readouterr().out) == {"ArchivedMessages": 1, "ParkedMessages": 1}


def test_1_throttling_and_missing_permissions_are_tried_again(archiver, s3, sqs, api):
    for code in ("TooManyRequestsException", "AccessDeniedException"):
        api.failures["GetCampaign"] = code
        assert archiver.lambda_handler(messages(campaign_send()), AWAKE) == failures("m0")
    assert s3.keys("archive") == []
    assert sqs.messages[DEAD] == []


def test_10_only_the_failed_messages_of_a_batch_are_tried_again(archiver, s3, api):
    api.campaign({"MessageConfiguration": {"SMSMessage": {"Body": "x"}}}, campaign_id="slow")
    read = api.get_campaign

    def slow(ApplicationId: str, CampaignId: str) -> Any:
        if CampaignId == "slow":
            raise service_error("GetCampaign", "InternalServerErrorException", 500)
        return read(ApplicationId=ApplicationId, CampaignId=CampaignId)

    api.get_campaign = slow
    events = [campaign_send(), campaign_send("e2", campaign_id="slow"), campaign_send("e3")]

    assert archiver.lambda_handler(messages(*events), AWAKE) == failures("m1")
    assert len(s3.keys("archive")) == len(rows(s3)) == 2


def test_10_an_api_that_gives_no_answer_is_asked_once_a_campaign_and_batch(
    archiver, s3, api, caplog
):
    api.failures["GetCampaignVersion"] = "TooManyRequestsException"
    api.campaign({"MessageConfiguration": {"SMSMessage": {"Body": "x"}}}, campaign_id="other")
    throttled = [campaign_send(f"e{n}", campaign_version="1") for n in range(100)]
    other = campaign_send(campaign_id="other")

    answer = archiver.lambda_handler(messages(*throttled, other), AWAKE)

    assert answer == failures(*(f"m{number}" for number in range(100)))
    assert api.calls["GetCampaignVersion"] == 1
    assert len(s3.keys("archive")) == 1
    assert "GetCampaignVersion answered TooManyRequestsException." in {
        getattr(record, "error_code", None) for record in caplog.records
    }

    del api.failures["GetCampaignVersion"]
    assert archiver.lambda_handler(messages(*throttled), AWAKE) == DONE


def test_10_a_batch_that_is_out_of_time_keeps_the_finished_messages(archiver, s3):
    left = iter([120_000, 61_000, 59_000, 59_000])
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: next(left))
    events = [campaign_send(f"e{number}") for number in range(4)]

    assert archiver.lambda_handler(messages(*events), context) == failures("m2", "m3")
    assert len(s3.keys("archive")) == len(rows(s3)) == 2


def test_a_missing_permission_for_the_api_is_named_in_the_log(archiver, api, caplog):
    api.failures["GetCampaign"] = "AccessDeniedException"

    archiver.lambda_handler(messages(campaign_send()), AWAKE)

    assert [one.error_code for one in caplog.records if hasattr(one, "error_code")] == [
        "AccessDeniedException"
    ]


@pytest.mark.parametrize("code", ["AccessDenied", "ConditionalRequestConflict", "SlowDown"])
def test_a_message_that_s3_refuses_is_tried_again_and_has_no_row(archiver, s3, code):
    s3.down = {"archive": code}

    assert archiver.lambda_handler(messages(campaign_send()), AWAKE) == failures("m0")

    assert rows(s3) == []


def test_a_message_whose_row_is_refused_is_tried_again_and_has_its_row_then(archiver, s3):
    s3.down = {"index": "SlowDown"}
    assert archiver.lambda_handler(messages(campaign_send()), AWAKE) == failures("m0")
    s3.down = {}

    assert archiver.lambda_handler(messages(campaign_send()), AWAKE) == DONE

    assert [row["key"] for row in rows(s3)] == s3.keys("archive")


def test_a_message_that_cannot_be_parked_is_tried_again(archiver, sqs):
    sqs.down = service_error("SendMessage", "KMSAccessDeniedException", 400)

    assert archiver.lambda_handler(messages("no JSON"), AWAKE) == failures("m0")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 9999, "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("{}", "no successful send"),
        ('{"event_type": "_email.open"}', "no successful send"),
        (json.dumps(campaign_send(campaign_send_status="FAILURE")), "no successful send"),
        (json.dumps(campaign_send(campaign_id=None)), "attributes.campaign_id"),
        (json.dumps(campaign_send() | {"client": None}), "client.client_id"),
        (json.dumps(campaign_send() | {"application": []}), "application.app_id"),
        (json.dumps(campaign_send() | {"event_timestamp": "now"}), "event_timestamp"),
        (json.dumps(campaign_send() | {"client_context": 7}), "client_context"),
        (json.dumps(campaign_send(treatment_id="7")), "no treatment 7"),
        (json.dumps(campaign_send(delivery_type="EMAIL")), "no message for channel EMAIL"),
        (json.dumps(campaign_send(endpoint={**ANN, "User": {"UserId": "\ud800"}})), "no encoding"),
    ],
)
def test_a_message_that_cannot_be_archived_is_parked_with_its_reason(
    archiver, s3, sqs, body, reason
):
    assert archiver.lambda_handler(messages(body), AWAKE) == DONE

    [letter] = sqs.messages[DEAD]
    assert reason in letter["MessageAttributes"]["Reason"]["StringValue"]
    assert letter["Body"] == body
    assert s3.objects == {}


def test_a_fault_that_no_rule_foresaw_fails_its_own_message_alone(archiver, monkeypatch, s3):
    make = archiver.maker.message

    def broken(send: Any) -> Any:
        if send.endpoint_id == "e2":
            raise ZeroDivisionError
        return make(send)

    monkeypatch.setattr(MessageMaker, "message", lambda self, send: broken(send))

    answer = archiver.lambda_handler(messages(campaign_send(), campaign_send("e2")), AWAKE)

    assert answer == failures("m1")
    assert len(s3.keys("archive")) == 1


def test_logs_name_no_address_and_no_word_of_a_message(caplog, archiver, s3):
    s3.down = {"archive": "AccessDenied"}

    archiver.lambda_handler(messages(campaign_send(), campaign_send(treatment_id="7")), AWAKE)

    written = " ".join(str(vars(record)) for record in caplog.records)
    assert "AccessDenied" in written and "Message is parked" in written
    assert "+14255550100" not in written and "Hi ann" not in written


def test_a_message_that_differs_from_what_was_sent_is_archived_as_such_and_counted(
    archiver, s3, capsys
):
    archiver.lambda_handler(messages(campaign_send(content_digest="0" * 32)), AWAKE)

    assert metrics_in(capsys.readouterr().out) == {"ArchivedMessages": 1, "DifferingMessages": 1}
    assert rows(s3)[0]["fidelity"] == "differs"
