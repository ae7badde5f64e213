"""Whatever producers put on the queue, each message has one fate and no good one is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from ses_load_testing.message import MAX_BODY_BYTES
from ses_load_testing.sender import Fate
from tests.builders.load_testing import DEAD_LETTERS, PARKED, World, body
from tests.builders.random_input import TEXTS, changed, fuzz, json_values

SES = ServiceModel(Loader().load_service_model("sesv2", "service-2"))
BULK_EMAIL = SES.operation_model("SendBulkEmail").input_shape
STATUSES = ["SUCCESS"] * 6 + ["TRANSIENT_FAILURE", "ACCOUNT_THROTTLED", "MESSAGE_REJECTED", "X"]


@st.composite
def odd_bodies(draw: Any) -> str:
    """A message with odd members, or a text that is no message."""
    if draw(st.integers(0, 3)) == 0:
        text = draw(TEXTS | json_values().map(json.dumps) | st.just('{"a":' * 2000))
    else:
        text = json.dumps(
            changed(draw, body(draw(st.integers(1, 9)), unique_code=None)),
            ensure_ascii=draw(st.booleans()),
        )
    return text.encode(errors="replace").decode()[:MAX_BODY_BYTES] or " "  # SQS takes UTF-8


@pytest.mark.books
@fuzz(30)
@given(
    st.lists(odd_bodies() | st.none(), min_size=1, max_size=12),
    st.lists(st.sampled_from(STATUSES), max_size=12),
)
def test_every_message_has_one_fate_and_good_ones_are_sent_once(bodies, statuses):
    world = World()
    answers = iter(statuses)
    world.ses.before = lambda request: validate_parameters(request, BULK_EMAIL)
    world.ses.status = lambda entry: next(answers, "SUCCESS")
    good = [f"good-{number}" for number, text in enumerate(bodies) if text is None]
    world.put(
        *(
            body(number, to=f"good-{number}@example.com", unique_code=f"good-{number}")
            if text is None
            else text
            for number, text in enumerate(bodies)
        )
    )

    fates = world.drain()

    moved = len(world.sqs.endings[DEAD_LETTERS]) + len(world.sqs.endings[PARKED])
    ended = sum(fates[fate] for fate in Fate if fate is not Fate.LATER)
    assert ended == len(bodies)
    assert fates[Fate.FAILED] + fates[Fate.PARKED] == moved
    assert fates[Fate.SENT] == len(world.ses.sent)
    reasons = [
        letter["MessageAttributes"]["reason"]["StringValue"]
        for queue in (DEAD_LETTERS, PARKED)
        for letter in world.sqs.endings[queue]
    ]
    assert all(reasons)
    codes = [json.loads(data).get("unique_code") for _, data in world.ses.sent]
    refused = [
        json.loads(letter["MessageBody"]).get("unique_code")
        for letter in world.sqs.endings[DEAD_LETTERS]
        if letter["MessageAttributes"]["error_code"]["StringValue"] in ("MESSAGE_REJECTED", "X")
    ]
    for code in good:
        assert codes.count(code) + refused.count(code) == 1
