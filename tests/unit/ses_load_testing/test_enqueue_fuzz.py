"""Whatever a client posts, "accepted" is the answer for messages on the queue and for no other."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ses_load_testing.enqueue import Enqueuer
from ses_load_testing.message import MAX_BODY_BYTES, MalformedMessage, message_of
from tests.builders.load_testing import body, no_answer, refusal
from tests.builders.random_input import TEXTS, changed, fuzz, json_values

REFUSALS = [
    None,
    None,
    refusal("ThrottlingException", 400, "SendMessageBatch"),
    refusal("AccessDenied", 403, "SendMessageBatch"),
    no_answer(),
]


class Sqs:
    """Accepts, refuses or forgets entries, and fails calls, in the given order."""

    def __init__(self, calls: list[Any], entries: list[str]) -> None:
        self.calls = iter(calls)
        self.entries = iter(entries)
        self.bodies: dict[str, str] = {}

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert 1 <= len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= 262_144
        error = next(self.calls, None)
        if error is not None:
            raise error
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            id = entry["Id"]
            match next(self.entries, "taken"):
                case "taken":
                    message_id = f"sqs-{len(self.bodies)}"
                    self.bodies[message_id] = entry["MessageBody"]
                    answer["Successful"].append({"Id": id, "MessageId": message_id})
                case "refused":
                    answer["Failed"].append({"Id": id, "Code": "Internal", "SenderFault": False})
                case _:
                    pass
        return answer


@st.composite
def odd_messages(draw: Any) -> Any:
    if draw(st.integers(0, 4)) == 0:
        return draw(json_values())
    return changed(draw, body(draw(st.integers(1, 9))), likely=20)


@st.composite
def requests(draw: Any) -> dict[str, Any]:
    messages = st.lists(odd_messages(), max_size=12)
    if draw(st.integers(0, 9)) == 0:
        text = draw(TEXTS | st.sampled_from(["[" * 100_000, "9" * 5000, '{"a":' * 2000, "NaN"]))
    else:
        text = json.dumps(draw(messages | odd_messages()), ensure_ascii=draw(st.booleans()))
    encoded = text.encode("utf-8", "replace")
    match draw(st.integers(0, 5)):
        case 0:
            return {"body": base64.b64encode(encoded).decode(), "isBase64Encoded": True}
        case 1:
            return {"body": encoded.decode(), "isBase64Encoded": True}
    return {"body": encoded.decode()}


@fuzz(30)
@given(
    requests(),
    st.lists(st.sampled_from(REFUSALS), max_size=3),
    st.lists(st.sampled_from(["taken"] * 6 + ["refused", "forgotten"]), max_size=12),
)
def test_each_message_is_answered_and_the_accepted_ones_are_on_the_queue(request, calls, entries):
    sqs = Sqs(calls, entries)

    answer = Enqueuer(sqs, "https://sqs/queue", None).answer(request).proxied()

    assert answer["statusCode"] in (202, 400, 502, 503)
    parsed = json.loads(answer["body"])
    results = parsed if isinstance(parsed, list) else [parsed]
    accepted = [result for result in results if result["accepted"]]
    assert [result["message_id"] for result in accepted] == list(sqs.bodies)
    assert (answer["statusCode"] == 202) == bool(accepted)
    for result in results:
        if not result["accepted"]:
            assert all(result["error"][part] for part in ("field", "rule", "way_out"))
    for text in sqs.bodies.values():
        message_of(json.loads(text))
        assert len(text.encode()) <= MAX_BODY_BYTES


@fuzz(30)
@given(st.lists(odd_messages(), min_size=1, max_size=10))
def test_a_message_that_breaks_no_rule_is_never_lost_beside_one_that_does(messages):
    sqs = Sqs([], [])

    Enqueuer(sqs, "https://sqs/queue", None).answer({"body": json.dumps(messages)})

    assert [json.loads(text) for text in sqs.bodies.values()] == [
        message for message in json.loads(json.dumps(messages)) if is_good(message)
    ]


def is_good(message: Any) -> bool:
    try:
        message_of(message)
    except MalformedMessage:
        return False
    return len(json.dumps(message).encode()) <= MAX_BODY_BYTES
