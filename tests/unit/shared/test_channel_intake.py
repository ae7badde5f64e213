"""Calls of a custom channel as messages of a queue, and back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.campaign_calls import CampaignCall, read_call, refusal_of
from shared.channel_intake import (
    LARGEST_MESSAGE,
    ChannelMessage,
    MalformedMessage,
    NotQueued,
    answer_of,
    enqueue,
    messages_of,
    read_message,
)

CALLS = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
AT = datetime(2026, 3, 2, 17, tzinfo=UTC)
REQUESTS = ["custom_channel_campaign_request", "custom_channel_journey_request"]


def call_of(name: str = REQUESTS[0], **changes: Any) -> CampaignCall:
    return read_call(json.loads((CALLS / f"{name}.json").read_text()) | changes)


def call_for(count: int, **endpoint: Any) -> CampaignCall:
    return call_of(Endpoints={f"e{n}": {"ChannelType": "SMS", **endpoint} for n in range(count)})


class Queue:
    """SQS's side of SendMessageBatch: refuses entries by number of the call, and counts bytes."""

    def __init__(self, refuse: dict[int, list[str]] | None = None) -> None:
        self.refuse = refuse or {}
        self.calls = 0
        self.bodies: list[str] = []
        self.sizes: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert QueueUrl == "https://queue"
        assert 1 <= len(Entries) <= 10
        refused = self.refuse.get(self.calls, [])
        self.calls += 1
        self.sizes.append(sum(len(entry["MessageBody"].encode()) for entry in Entries))
        self.bodies += [e["MessageBody"] for e in Entries if e["Id"] not in refused]
        return {"Failed": [{"Id": id_, "Code": "InternalError"} for id_ in refused]}

    def endpoint_ids(self) -> list[str]:
        return [read_message(body).endpoint_id for body in self.bodies]


def put(queue: Queue, messages: list[ChannelMessage]) -> None:
    enqueue(cast(Any, queue), "https://queue", messages, sleep=lambda _: None)


@pytest.mark.parametrize("name", REQUESTS)
def test_each_endpoint_of_a_call_becomes_a_message_that_is_read_as_it_was(name: str) -> None:
    call = call_of(name)

    messages = [read_message(message.body()) for message in messages_of(call, at=AT)]

    assert [message.endpoint_id for message in messages] == list(call.endpoints)
    assert [message.endpoint for message in messages] == list(call.endpoints.values())
    assert {message.data for message in messages} == {call.data}
    assert {message.queued_at for message in messages} == {AT}
    assert {message.sending for message in messages} == {call.sending}


def test_a_repeated_call_has_the_same_keys_and_each_endpoint_its_own() -> None:
    first = [message.key for message in messages_of(call_for(3), at=AT)]
    again = [message.key for message in messages_of(call_for(3), at=AT.replace(hour=18))]

    assert first == again
    assert len(set(first)) == 3


def test_an_endpoint_that_gets_nothing_has_the_reason_and_no_address() -> None:
    call = call_of(Endpoints={"e1": {"Address": "+14255550199", "OptOut": "ALL"}, "e2": {}})

    out, fine = messages_of(call, at=AT, problem_of=refusal_of)

    assert out.problem == "OPTED_OUT"
    assert "+14255550199" not in out.body()
    assert fine.problem is None


@pytest.mark.parametrize("endpoint", [None, 5, "+14255550199", ["x"], True])
def test_an_endpoint_that_is_no_object_costs_no_other_endpoint_its_message(endpoint: Any) -> None:
    call = call_of(Endpoints={"e1": endpoint, "e2": {"Address": "a"}})

    broken, fine = messages_of(call, at=AT)

    assert broken.problem == "MALFORMED_ENDPOINT"
    assert fine.problem is None and fine.endpoint == {"Address": "a"}


def test_an_endpoint_that_no_message_can_hold_is_reported_as_too_large() -> None:
    large = {"Attributes": {"a": ["x" * LARGEST_MESSAGE]}}
    call = call_of(Endpoints={"e1": large, "e2": {"Address": "a"}})

    broken, fine = messages_of(call, at=AT)

    assert broken.problem == "TOO_LARGE"
    assert fine.problem is None


def test_an_id_that_no_event_can_hold_is_cut_and_reported() -> None:
    (message,) = messages_of(call_of(Endpoints={"x" * 5000: {}}), at=AT)

    assert message.problem == "MALFORMED_ENDPOINT"
    assert message.endpoint_id == "x" * 1000


def test_an_id_with_half_of_a_surrogate_pair_is_reported_and_costs_no_other_endpoint() -> None:
    broken, fine = messages_of(call_of(Endpoints={"\ud800": {}, "e2": {}}), at=AT)

    assert broken.problem == "MALFORMED_ENDPOINT"
    assert fine.problem is None


def test_fifty_endpoints_take_five_requests() -> None:
    queue = Queue()

    put(queue, messages_of(call_for(50), at=AT))

    assert queue.calls == 5
    assert queue.endpoint_ids() == [f"e{n}" for n in range(50)]


@given(st.lists(st.integers(min_value=0, max_value=240_000), min_size=1, max_size=12))
def test_no_batch_is_larger_than_a_queue_takes_and_no_message_is_left_out(
    sizes: list[int],
) -> None:
    endpoints = {
        f"e{n}": {"Attributes": {"a": ["\u00e9" * (size // 6)]}} for n, size in enumerate(sizes)
    }
    queue = Queue()

    put(queue, messages_of(call_of(Endpoints=endpoints), at=AT))

    assert max(queue.sizes) <= LARGEST_MESSAGE
    assert queue.endpoint_ids() == list(endpoints)


def test_a_refused_entry_is_sent_again_and_no_other_one() -> None:
    queue = Queue(refuse={0: ["1", "3"], 1: ["0"]})

    put(queue, messages_of(call_for(5), at=AT))

    assert sorted(queue.endpoint_ids()) == ["e0", "e1", "e2", "e3", "e4"]
    assert len(queue.bodies) == 5


def test_entries_that_stay_refused_fail_the_call_with_their_number_and_no_content() -> None:
    queue = Queue(refuse={0: ["1"], 1: ["0"], 2: ["0"]})

    with pytest.raises(NotQueued, match=r"1 of 5 messages .*InternalError") as caught:
        put(queue, messages_of(call_for(5, Address="+14255550199"), at=AT))

    assert "+14255550199" not in str(caught.value)
    assert len(queue.bodies) == 4


def test_no_endpoints_make_no_request() -> None:
    queue = Queue()

    put(queue, messages_of(call_of(Endpoints={}), at=AT))

    assert queue.calls == 0


def test_the_answer_has_an_attribute_of_each_endpoint_for_the_branches_of_a_journey() -> None:
    call = call_of(REQUESTS[1], Endpoints={"e1": {"OptOut": "ALL"}, "e2": {}})

    assert answer_of(messages_of(call, at=AT, problem_of=refusal_of)) == {
        "e1": {"EventAttributes": {"Result": "Skipped", "Reason": "OPTED_OUT"}},
        "e2": {"EventAttributes": {"Result": "Queued"}},
    }


def body_with(**changes: Any) -> str:
    document = json.loads(messages_of(call_for(1), at=AT)[0].body()) | changes
    return json.dumps({name: value for name, value in document.items() if value is not ...})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "[" * 100_000,
        body_with(sending=None),
        body_with(sending={}),
        body_with(sending={"application_id": "a"}),
        body_with(sending={"application_id": "a", "activity_id": "b", "more": "c"}),
        body_with(sending={"application_id": 5, "activity_id": "b"}),
        body_with(endpoint_id=7),
        body_with(endpoint=None),
        body_with(endpoint=[]),
        body_with(data={}),
        body_with(queued_at=None),
        body_with(queued_at="yesterday"),
        body_with(queued_at="2026-03-02T17:00:00"),
        body_with(problem=["x"]),
    ],
)
def test_a_body_that_is_no_message_is_refused_without_quoting_it(body: str) -> None:
    with pytest.raises(MalformedMessage):
        read_message(body)


@given(st.text() | st.dictionaries(st.text(), st.none() | st.text()).map(json.dumps))
def test_no_body_breaks_the_reader(body: str) -> None:
    with pytest.raises(MalformedMessage):
        read_message(body)
