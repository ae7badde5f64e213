"""RunStore: totals that are added once, claims with a single owner, caps."""

from collections.abc import Iterator

import pytest

from engagement_hub.store.runs import ClaimLost
from engagement_hub.workers.hub import Hub
from tests.builders.hub_workers import NOW, hub_on_moto

DAY = 24 * 60 * 60


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_on_moto(monkeypatch) as hub:
        yield hub


@pytest.fixture
def runs(hub: Hub):
    return hub.runs


def test_a_unit_is_counted_once_however_often_it_is_completed(runs):
    assert runs.complete_once("run#1", "a", {"x": {"Rows": 5}, "y": {"Rows": 1}}, notes=["n"])
    assert not runs.complete_once("run#1", "a", {"x": {"Rows": 5}})

    assert runs.totals("run#1") == {"x": {"Rows": 5}, "y": {"Rows": 1}}
    assert runs.notes("run#1", 10) == ["n"]


def test_totals_add_up_over_many_units_and_keep_scopes_apart(runs):
    for number in range(40):
        runs.complete_once("run#1", f"u{number}", {"x": {"Rows": 2}})
    runs.complete_once("run#2", "u", {"x": {"Rows": 100}})

    assert runs.totals("run#1") == {"x": {"Rows": 80}}


def test_notes_are_cut_at_the_limit(runs):
    for number in range(3):
        runs.complete_once("run#1", f"u{number}", {}, notes=[f"{number}a", f"{number}b"])

    assert runs.notes("run#1", 3) == ["0a", "0b", "1a"]


def test_claims_and_outcomes_come_back_in_full(runs):
    runs.claim("run#1", "c", held=0, upto=2)
    runs.claim(
        "run#1", "c", held=2, upto=4, outcomes={0: {"status": "SUCCESS"}, 1: {"status": "X"}}
    )
    runs.record("run#1", "c", {3: {"status": "THROTTLED"}})

    record = runs.chunk("run#1", "c")
    assert (record.claimed, record.done) == (4, False)
    assert record.outcomes == {
        0: {"status": "SUCCESS"},
        1: {"status": "X"},
        3: {"status": "THROTTLED"},
    }


def test_a_claim_that_another_invocation_was_faster_with_is_lost(runs):
    runs.claim("run#1", "c", held=0, upto=2)

    with pytest.raises(ClaimLost):
        runs.claim("run#1", "c", held=0, upto=2)


def test_a_chunk_is_finished_once_and_takes_no_outcome_afterwards(runs):
    runs.claim("run#1", "c", held=0, upto=2)

    assert runs.finish_chunk("run#1", "c", {"0": {"SUCCESS": 2}})
    assert not runs.finish_chunk("run#1", "c", {"0": {"SUCCESS": 2}})
    with pytest.raises(ClaimLost):
        runs.record("run#1", "c", {0: {"status": "SUCCESS"}})
    assert runs.totals("run#1") == {"0": {"SUCCESS": 2}}


def test_a_total_cap_lets_exactly_its_number_through(runs):
    taken = [runs.take_total("app1", "e1", "c1", 2) for _ in range(4)]

    assert taken == [True, True, False, False]
    assert runs.take_total("app1", "e2", "c1", 2)


def test_a_daily_cap_opens_again_after_24_hours(runs, monkeypatch):
    now = [NOW]
    monkeypatch.setattr(runs, "_clock", lambda: now[0])

    first = [runs.take_daily("app1", "e1", "all", 2) for _ in range(3)]
    now[0] += DAY - 1
    late = runs.take_daily("app1", "e1", "all", 2)
    now[0] += 2
    fresh = [runs.take_daily("app1", "e1", "all", 2) for _ in range(3)]

    assert (first, late, fresh) == ([True, True, False], False, [True, True, False])


def test_everything_expires(hub, runs):
    import boto3

    runs.complete_once("run#1", "u", {"x": {"Rows": 1}}, notes=["n"])
    runs.claim("run#1", "c", held=0, upto=1)
    runs.take_total("app1", "e1", "c1", 1)
    runs.take_daily("app1", "e1", "all", 1)

    items = boto3.client("dynamodb").scan(TableName="runs")["Items"]
    assert len(items) == 6
    assert all(int(item["expires_at"]["N"]) > NOW for item in items)
