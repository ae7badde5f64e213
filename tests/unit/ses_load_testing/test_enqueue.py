"""The API reports "accepted" for messages on the queue, and for no other message."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ses_load_testing.enqueue import ApiKey, Enqueuer
from tests.builders.load_testing import body, no_answer, refusal

URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/queue"


class Sqs:
    """Accepts entries; `answer` has error codes by the id of the entry."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.calls = 0
        self.refused: dict[str, tuple[str, bool]] = {}
        self.error: Exception | None = None

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert QueueUrl == URL
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= 262_144
        self.calls += 1
        if self.error is not None:
            raise self.error
        taken = [entry for entry in Entries if entry["Id"] not in self.refused]
        self.bodies += [entry["MessageBody"] for entry in taken]
        return {
            "Successful": [{"Id": e["Id"], "MessageId": f"sqs-{e['Id']}"} for e in taken],
            "Failed": [
                {"Id": id, "Code": code, "SenderFault": fault}
                for id, (code, fault) in self.refused.items()
            ],
        }


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


def ask(sqs: Any, value: Any, key: ApiKey | None = None, **event: Any) -> tuple[int, Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    answer = Enqueuer(sqs, URL, key).answer({"body": text, **event}).proxied()
    return answer["statusCode"], json.loads(answer["body"])


def test_a_message_that_sqs_took_is_accepted_with_its_id(sqs: Sqs):
    assert ask(sqs, body(1)) == (202, {"accepted": True, "message_id": "sqs-0"})
    assert [json.loads(each) for each in sqs.bodies] == [body(1)]


@pytest.mark.parametrize("character", ["\ud800", "\ufffe", "\uffff"])
def test_characters_that_sqs_does_not_take_arrive_escaped_and_cost_no_other_message(
    sqs: Sqs, character: str
):
    status, answers = ask(sqs, [body(1), body(2, note=character)])

    assert status == 202
    assert [each["accepted"] for each in answers] == [True, True]
    assert sqs.bodies[1].isascii()
    assert json.loads(sqs.bodies[1])["note"] == character


def test_a_list_is_answered_message_by_message(sqs: Sqs):
    status, answers = ask(sqs, [body(1), body(2, to="nobody"), body(3)])

    assert status == 202
    assert [each["accepted"] for each in answers] == [True, False, True]
    assert answers[1]["error"]["field"] == "to"
    assert answers[1]["error"]["way_out"]
    assert sqs.calls == 1


@pytest.mark.parametrize("value", ["{not json", "[]", '"text"', json.dumps([body(1)] * 11)])
def test_a_body_that_is_no_message_is_refused_as_such(sqs: Sqs, value: str):
    status, answer = ask(sqs, value)

    assert status == 400
    assert answer["accepted"] is False and answer["error"]["field"] == "body"
    assert sqs.bodies == []


def test_no_valid_message_is_a_400(sqs: Sqs):
    status, answers = ask(sqs, [body(1, to=None), {}])

    assert status == 400
    assert [each["error"]["field"] for each in answers] == ["to", "from"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusal("ThrottlingException", 400, "SendMessageBatch"), 503),
        (refusal("ServiceUnavailable", 503, "SendMessageBatch"), 503),
        (no_answer(), 503),
        (refusal("AccessDenied", 403, "SendMessageBatch"), 502),
    ],
)
def test_what_sqs_refused_is_never_called_accepted(sqs: Sqs, error: Exception, status: int):
    sqs.error = error

    seen, answer = ask(sqs, body(1))

    assert seen == status
    assert answer["accepted"] is False and "message_id" not in answer
    assert answer["error"]["field"] == "queue"


def test_of_a_batch_each_refusal_is_told(sqs: Sqs):
    sqs.refused = {"0": ("InternalError", False), "2": ("InvalidMessageContents", True)}

    status, answers = ask(sqs, [body(1), body(2), body(3)])

    assert status == 202
    assert [each["accepted"] for each in answers] == [False, True, False]
    assert "InternalError" in answers[0]["error"]["rule"]

    sqs.refused = {"0": ("InvalidMessageContents", True)}
    assert ask(sqs, body(1))[0] == 502


def test_content_with_any_characters_arrives_unchanged(sqs: Sqs):
    message = body(1, **{"from": "Ä & B + 100 % =?<shop@example.com>"}, unique_code="a&b=c+%41 ü")

    ask(sqs, base64.b64encode(json.dumps(message).encode()).decode(), isBase64Encoded=True)

    assert [json.loads(each) for each in sqs.bodies] == [message]


def test_messages_that_are_large_together_go_in_several_calls(sqs: Sqs):
    large = [{**body(n), "note": "x" * 100_000} for n in range(5)]

    status, answers = ask(sqs, large)

    assert status == 202 and all(each["accepted"] for each in answers)
    assert sqs.calls == 3


def test_a_message_larger_than_the_queue_takes_is_refused(sqs: Sqs):
    status, answer = ask(sqs, {**body(1), "note": "x" * 262_144})

    assert status == 400 and "262144 bytes" in answer["error"]["rule"]


# -- the key


class Secret:
    def __init__(self, *values: str) -> None:
        self.values = list(values)
        self.reads = 0
        self.now = 0.0

    def __call__(self) -> str:
        self.reads += 1
        return self.values[0]

    def key(self) -> ApiKey:
        return ApiKey(self, clock=lambda: self.now)


@pytest.mark.parametrize("headers", [None, {}, {"x-api-key": ""}, {"x-api-key": "wrong"}])
def test_without_the_key_nothing_is_queued(sqs: Sqs, headers: Any):
    status, answer = ask(sqs, body(1), Secret("right").key(), headers=headers)

    assert status == 401 and "x-api-key" in answer["message"]
    assert sqs.calls == 0


def test_an_empty_secret_lets_nobody_in(sqs: Sqs):
    assert ask(sqs, body(1), Secret("").key(), headers={"x-api-key": ""})[0] == 401


def test_the_key_itself_lets_in_and_is_read_seldom(sqs: Sqs):
    secret = Secret("right")
    key = secret.key()

    for _ in range(5):
        assert ask(sqs, body(1), key, headers={"x-api-key": "right"})[0] == 202

    assert secret.reads == 1
    secret.now = 301
    ask(sqs, body(1), key, headers={"x-api-key": "right"})
    assert secret.reads == 2


def test_a_new_key_is_found_and_wrong_ones_do_not_read_the_secret_each_time(sqs: Sqs):
    secret = Secret("old")
    key = secret.key()
    ask(sqs, body(1), key, headers={"x-api-key": "old"})
    secret.values = ["new"]
    secret.now = 20

    assert ask(sqs, body(1), key, headers={"x-api-key": "new"})[0] == 202
    for _ in range(5):
        assert ask(sqs, body(1), key, headers={"x-api-key": "old"})[0] == 401
    assert secret.reads == 2
