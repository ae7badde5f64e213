"""Whatever reaches the queue, a batch ends, and only messages that cannot be read are failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_event_processing.messages import feedback_in
from shared.suppression import MalformedFeedback
from tests.builders.architectures import CONTEXT, load_function, sqs_event
from tests.builders.event_records import sample, samples
from tests.builders.random_input import TEXTS, changed, fuzz, json_values
from tests.builders.suppression import World, bounce, complaint, envelope, strict

SETTINGS = {
    "ADDRESS_TABLE": "addresses",
    "FEEDBACK_TABLE": "feedback",
    "EVENT_BUS_NAME": "default",
    "EVENT_SOURCE": "ses_event_processing",
}
ADDRESSES = TEXTS | st.emails() | st.sampled_from(["ann@example.com", "Lee, Ann <ann@example.com>"])
SAMPLES = [sample(name) for name in samples("ses")]
ODD_DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.sampled_from(
            ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-W10", 10**15, -1, "now"]
        ),
        "feedbackId": TEXTS | st.just("f" * 1024),
        "bounceSubType": TEXTS,
    },
)


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        yield load_function(patch, "ses_event_processing.functions.suppress", SETTINGS)


@st.composite
def messages(draw: Any) -> str:
    """A message of the queue: an event with odd members, wrapped by SNS, EventBridge or not."""
    recipients = draw(st.lists(ADDRESSES, max_size=3))
    made = [
        bounce(*recipients, feedback_id="same"),
        bounce(*recipients, kind="Transient", sub_type="MailboxFull"),
        bounce(*recipients, kind="Undetermined", style="notificationType"),
        complaint(*recipients),
    ]
    event: Any = draw(st.sampled_from(made) | st.sampled_from(SAMPLES))
    detail = event.get("bounce") or event.get("complaint")
    if detail and draw(st.booleans()):
        event = event | {"bounce" if "bounce" in event else "complaint": detail | draw(ODD_DETAILS)}
    event = changed(draw, event, 40)
    match draw(st.sampled_from(["bare", "sns", "bus", "bus", "text"])):
        case "sns":
            return json.dumps(changed(draw, json.loads(envelope(event)), 30))
        case "bus":
            wrapped = sample("ses/eventbridge_bounce") | {"detail": event}
            return json.dumps(changed(draw, wrapped, 30))
        case "text":
            return draw(TEXTS | json_values().map(json.dumps))
    return json.dumps(event)


@pytest.mark.books
@fuzz(30)
@given(st.lists(messages() | st.none(), min_size=1, max_size=8))
def test_a_batch_suppresses_its_good_messages_and_returns_the_unreadable_ones(module, bodies):
    world = World()
    module.suppressor = strict(world).suppressor
    context: Any = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 30_000)
    good = {f"good-{n}@example.com" for n, body in enumerate(bodies) if body is None}
    texts = [
        json.dumps(bounce(f"good-{n}@example.com")) if body is None else body
        for n, body in enumerate(bodies)
    ]

    answer = module.lambda_handler(sqs_event(*texts), context)

    failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    assert failed == [f"m{n}" for n, text in enumerate(texts) if not is_readable(text)]
    assert good <= set(world.ses.suppressed)
    for text in texts:
        for feedback in readable(text):
            for address in feedback.recipients:
                assert world.item(address), feedback


def is_readable(text: str) -> bool:
    try:
        feedback_in(text)
    except MalformedFeedback:
        return False
    return True


def readable(text: str) -> Any:
    try:
        return feedback_in(text)
    except MalformedFeedback as error:
        return error.readable
