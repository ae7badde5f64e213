"""Whatever is in the stream, a batch ends, its good records act, and the unreadable are parked."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.stream_records import DeadLetters
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.event_records import sample, samples
from tests.builders.random_input import ODD_NUMBERS, TEXTS, changed, fuzz, json_values
from tests.builders.suppression import World, strict

SETTINGS = {
    "ADDRESS_TABLE": "addresses",
    "FEEDBACK_TABLE": "feedback",
    "EVENT_BUS_NAME": "default",
    "EVENT_SOURCE": "pinpoint_event_processing",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead",
}
FEEDBACK = ["email_hardbounce", "email_softbounce", "email_complaint"]
EVENTS = [sample(name) for name in samples("pinpoint")]


@st.composite
def data(draw: Any) -> bytes:
    """The data of a record: an event with odd members, or bytes that are no event."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=40) | json_values(TEXTS).map(json.dumps).map(str.encode))
    kind = draw(st.sampled_from(FEEDBACK))
    event = copy.deepcopy(sample(f"pinpoint/{kind}")) if draw(st.booleans()) else None
    if event is None:
        event = draw(st.sampled_from(EVENTS))
    elif draw(st.booleans()):
        mail_event = event["facets"]["email_channel"]["mail_event"]
        detail = mail_event["complaint" if kind == "email_complaint" else "bounce"]
        detail["timestamp"] = draw(ODD_NUMBERS | st.just("0001-01-01T00:00:00Z"))
    return json.dumps(changed(draw, event, 60)).encode()


def hard_bounce(address: str) -> bytes:
    event = copy.deepcopy(sample("pinpoint/email_hardbounce"))
    bounce = event["facets"]["email_channel"]["mail_event"]["bounce"]
    bounce["bounced_recipients"] = [{"email_address": address}]
    bounce["feedback_id"] = address
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        yield load_function(patch, "pinpoint_event_processing.functions.suppress", SETTINGS)


@pytest.mark.books
@fuzz(30)
@given(st.lists(data() | st.none(), min_size=1, max_size=8))
def test_a_batch_suppresses_its_good_records_and_parks_the_unreadable_ones(module, bodies):
    world, letters = strict(World()), list[dict[str, Any]]()
    module.suppressor = world.suppressor
    queue = SimpleNamespace(
        send_message=lambda **message: letters.append(json.loads(message["MessageBody"]))
    )
    url = SETTINGS["DEAD_LETTER_QUEUE_URL"]
    module.dead_letters = DeadLetters(url, module.logger, lambda: queue)
    good = [f"good-{n}@example.com" for n, body in enumerate(bodies) if body is None]
    records = [
        {
            "eventID": f"shardId-000000000000:{n}",
            "eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
            "kinesis": {
                "sequenceNumber": str(n),
                "partitionKey": "ann",
                "data": base64.b64encode(
                    hard_bounce(f"good-{n}@example.com") if body is None else body
                ).decode(),
            },
        }
        for n, body in enumerate(bodies)
    ]
    context: Any = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 60_000)

    answer = module.lambda_handler({"Records": records}, context)

    assert answer == {"batchItemFailures": []}
    assert set(good) <= set(world.ses.suppressed)
    assert not {str(n) for n, body in enumerate(bodies) if body is None} & {
        letter["SequenceNumber"] for letter in letters
    }
    assert all(letter["Reason"] and letter["Data"] is not None for letter in letters)
    assert len({letter["SequenceNumber"] for letter in letters}) == len(letters)
