"""Random journeys that run, against people who walk alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from engagement_hub.workers import sending_rates
from tests.builders import journey_oracle
from tests.builders.campaign_runs import Unpaced
from tests.builders.hub_workers import emptied, hub_on_moto
from tests.builders.journey_world import World, prepared
from tests.builders.random_journeys import START, journeys, people


@pytest.fixture(scope="module")
def one_hub() -> Iterator[Any]:
    kept: list[Any] = []

    def around(client: Any) -> Any:
        kept.append(client)
        return client

    with pytest.MonkeyPatch.context() as patch, hub_on_moto(patch, around) as hub:
        yield hub, kept[0]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(journeys(), people())
def test_the_engine_sends_what_people_who_walk_alone_get(monkeypatch, one_hub, journey, people):
    hub, dynamodb = one_hub
    world = World(emptied(hub, dynamodb), START)
    monkeypatch.setattr(
        sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: Unpaced(lambda: world.now)
    )
    monkeypatch.setattr(sending_rates, "channel_rate", lambda channel: 1e9)
    prepared(hub, people)

    journey_id = world.publish_journey(journey)
    world.play()

    expected = [
        (at, activity, one["Address"])
        for one in people
        for at, activity in journey_oracle.sent(journey, one, START)
    ]
    assert sorted(world.sender.sent) == sorted(expected)
    assert world.state(journey_id) == "COMPLETED"
    totals = world.totals(journey_id)
    assert totals["ENDPOINT_ENTERED"] == totals["ENDPOINT_LEFT"] == len(people)
