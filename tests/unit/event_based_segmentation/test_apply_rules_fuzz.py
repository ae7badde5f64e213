"""Any record ends, and endpoints end the same for any order and any batches of their events."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.stream_records import DeadLetters
from tests.builders.architectures import load_function
from tests.builders.event_records import sample, samples
from tests.builders.random_input import TEXTS, changed, fuzz, json_values
from tests.builders.segmentation import (
    NOON,
    QUEUE,
    SETTINGS,
    SHIPPED,
    Project,
    Queue,
    Table,
    batch,
    context,
    event,
    rule,
    settings_of,
)

RULES = {
    **SHIPPED,
    "bought": rule("bought", user={"add": {"kinds": ["{{attributes.kind}}"]}}),
    "returned": rule("returned", user={"remove": {"kinds": ["{{attributes.kind}}"]}}),
    "last": rule("bought", endpoint={"set": {"last": ["{{attributes.kind}}"]}}),
}
EVENTS = [sample(name) for name in samples("pinpoint")] + [
    event(kind, attributes={"kind": "shoes"}) for kind in ("bought", "_email.open")
]
KINDS = sorted({each["event_type"] for each in RULES.values()})


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        yield load_function(patch, "event_based_segmentation.functions.apply_rules", SETTINGS)


def services(module: Any) -> tuple[Project, Queue]:
    """Give the function a project, a table and a queue of its own."""
    project, queue = Project(["ann", "bob"]), Queue()
    project.add("phone", user="u1")
    project.add("mail", user="u1")
    module.pinpoint, module.dynamodb = project, Table(settings_of(RULES))
    module.dead_letters = DeadLetters(QUEUE, module.logger, lambda: queue)
    module.segmentation.cache_clear()
    return project, queue


@st.composite
def data(draw: Any) -> bytes:
    """The data of a record: an event with odd members, or bytes that are no event."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=40) | json_values(TEXTS).map(json.dumps).map(str.encode))
    record = copy.deepcopy(draw(st.sampled_from(EVENTS)))
    record["application"] = event("x")["application"]
    return json.dumps(changed(draw, record, 60)).encode()


@pytest.mark.books
@fuzz(30)
@given(st.lists(data() | st.none(), min_size=1, max_size=8))
def test_a_batch_applies_its_good_records_and_ends(module, bodies):
    project, queue = services(module)
    good = [f"good-{number}" for number, body in enumerate(bodies) if body is None]
    for name in good:
        project.add(name)
    before = set(project.endpoints)
    records = [
        event("_email.open", f"good-{number}") if body is None else body
        for number, body in enumerate(bodies)
    ]

    answer = module.lambda_handler(batch(*records), context())

    assert answer == {"batchItemFailures": []}
    assert all(project.attributes(name) == {"email_opened": ["true"]} for name in good)
    assert set(project.endpoints) == before
    parked = {int(letter["SequenceNumber"]) - 1 for letter in queue.letters}
    assert not parked & {number for number, body in enumerate(bodies) if body is None}


@st.composite
def histories(draw: Any) -> list[dict[str, Any]]:
    """Events of endpoints and a user, each at a time of its own."""
    size = draw(st.integers(1, 12))
    return [
        event(
            draw(st.sampled_from(KINDS)),
            draw(st.sampled_from(["ann", "bob", "phone", "mail"])),
            NOON + number,
            attributes={"kind": draw(st.sampled_from(["shoes", "hats"]))},
        )
        for number in range(size)
    ]


def state(project: Project) -> Any:
    owners = {name: project.attributes(name) for name in project.endpoints} | project.users
    return {
        owner: {name: set(values) for name, values in attributes.items() if values}
        for owner, attributes in owners.items()
    }


@pytest.mark.books
@fuzz(30)
@given(histories(), st.data())
def test_endpoints_and_users_end_the_same_in_any_order_and_any_batches(module, history, data):
    expected, _ = services(module)
    module.lambda_handler(batch(*history), context())
    shuffled = data.draw(st.permutations(history))
    project, _ = services(module)

    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        module.lambda_handler(batch(*shuffled[:size]), context())
        if data.draw(st.booleans()):
            module.segmentation.cache_clear()  # another execution environment
        shuffled = shuffled[size:]

    assert state(project) == state(expected)
