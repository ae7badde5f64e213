"""RunStore: totals that are added once, claims with a single owner, caps."""

from datetime import UTC, datetime, timedelta

import pytest

from engagement_hub.engagement.eligibility import Cap, Count, Period
from engagement_hub.store.runs import ClaimLost, RunStore
from shared.pacing import RateLimiter
from tests.builders.campaign_runs import AnswersLost
from tests.builders.hub_workers import NOW

MOMENT = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def runs(hub):
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
    runs.claim("run#1", "c", held=0, upto=2, token="t0", until=9)
    runs.claim(
        "run#1",
        "c",
        held=2,
        upto=4,
        token="a",
        until=9,
        outcomes={0: {"status": "SUCCESS"}, 1: {"status": "X"}},
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
    runs.claim("run#1", "c", held=0, upto=2, token="t0", until=9)

    with pytest.raises(ClaimLost):
        runs.claim("run#1", "c", held=0, upto=2, token="another", until=9)


def test_a_chunk_is_finished_once_and_takes_no_outcome_afterwards(runs):
    runs.claim("run#1", "c", held=0, upto=2, token="t0", until=9)

    assert runs.finish_chunk("run#1", "c", {"0": {"SUCCESS": 2}})
    assert not runs.finish_chunk("run#1", "c", {"0": {"SUCCESS": 2}})
    with pytest.raises(ClaimLost):
        runs.record("run#1", "c", {0: {"status": "SUCCESS"}})
    assert runs.totals("run#1") == {"0": {"SUCCESS": 2}}


@pytest.fixture
def forgetful(runs):
    return RunStore("runs", AnswersLost(runs._client), clock=lambda: NOW)


def test_a_claim_whose_answer_was_lost_is_the_invocations_own(runs, forgetful):
    forgetful.claim("run#1", "c", held=0, upto=2, token="a", until=9)
    forgetful.claim("run#1", "c", held=2, upto=4, token="a", until=9)
    forgetful.claim_again("run#1", "c", round_number=1, positions=[0], token="a")
    forgetful.claim_again("run#1", "c", round_number=2, positions=[0], token="a")

    record = runs.chunk("run#1", "c")

    assert (record.claimed, record.rounds) == (4, 2)
    for held, upto in ((0, 2), (2, 4)):
        with pytest.raises(ClaimLost):
            runs.claim("run#1", "c", held=held, upto=upto, token="another", until=9)
    with pytest.raises(ClaimLost):
        runs.claim_again("run#1", "c", round_number=2, positions=[0], token="another")


def test_a_message_whose_count_lost_its_answer_is_counted_once_and_not_refused(forgetful, runs):
    daily, total = Cap("all", Period.DAY, 1), Cap("c1", Period.EVER, 1)

    taken = [
        forgetful.count_message("app1", "e1", cap, Count(), now=MOMENT, line="run/chunk/0")
        for cap in (daily, total)
    ]

    assert taken == [True, True]
    assert runs.counts("app1", ["e1"], [daily, total]) == {
        "e1": {"day#all": Count(1, int(NOW)), "total#c1": Count(1, int(NOW))}
    }
    assert not runs.count_message("app1", "e1", daily, Count(), now=MOMENT, line="run/chunk/1")


def test_an_address_belongs_to_the_line_that_was_first(forgetful, runs):
    first = forgetful.take_address("run#1", "SMS|+1425", endpoint_id="e1", line="a/0")
    again = runs.take_address("run#1", "SMS|+1425", endpoint_id="e1", line="a/0")
    second = runs.take_address("run#1", "SMS|+1425", endpoint_id="e2", line="b/7")
    other_run = runs.take_address("run#2", "SMS|+1425", endpoint_id="e2", line="b/7")

    assert (first, again, second, other_run) == (None, None, "e1", None)


def test_a_round_overrules_the_outcome_before_it_and_is_unknown_until_it_is_recorded(runs):
    runs.claim("run#1", "c", held=0, upto=2, token="a", until=9)
    runs.record("run#1", "c", {0: {"status": "THROTTLED"}, 1: {"status": "SUCCESS"}})

    runs.claim_again("run#1", "c", round_number=1, positions=[0], token="b")
    during = runs.chunk("run#1", "c")
    runs.record_round("run#1", "c", 1, {0: {"status": "SUCCESS"}})

    assert {n: one["status"] for n, one in during.outcomes.items()} == {0: "UNKNOWN", 1: "SUCCESS"}
    assert runs.chunk("run#1", "c").outcomes[0] == {"status": "SUCCESS"}


def count(runs, cap, line, *, endpoint_id="e1", now=MOMENT):
    return runs.count_message("app1", endpoint_id, cap, Count(), now=now, line=line)


def test_a_cap_for_ever_lets_exactly_its_number_through(runs):
    cap = Cap("c1", Period.EVER, 2)

    taken = [count(runs, cap, f"r{n}") for n in range(4)]

    assert taken == [True, True, False, False]
    assert count(runs, cap, "r9", endpoint_id="e2")


def test_a_daily_cap_opens_again_after_24_hours(runs):
    cap = Cap("all", Period.DAY, 2)
    late, fresh = MOMENT + timedelta(days=1, seconds=-1), MOMENT + timedelta(days=1, seconds=1)

    first = [count(runs, cap, f"a{n}") for n in range(3)]
    before = count(runs, cap, "b", now=late)
    after = [count(runs, cap, f"c{n}", now=fresh) for n in range(3)]

    assert (first, before, after) == ([True, True, False], False, [True, True, False])


def test_a_count_that_only_counts_never_refuses(runs):
    counting = Cap("all", Period.DAY)

    assert all(count(runs, counting, f"r{n}") for n in range(3))
    assert not count(runs, Cap("all", Period.DAY, 3), "r3")


def test_a_count_of_an_earlier_release_is_read_and_goes_on(runs):
    key = {"pk": {"S": "cap#app1#e1"}, "sk": {"S": "total#c1"}}
    runs._client.put_item(TableName="runs", Item={**key, "sent": {"N": "1"}})
    cap = Cap("c1", Period.EVER, 2)

    taken = [count(runs, cap, f"r{n}") for n in range(2)]

    assert taken == [True, False]


def test_everything_expires(hub, runs):
    import boto3

    runs.complete_once("run#1", "u", {"x": {"Rows": 1}}, notes=["n"])
    runs.claim("run#1", "c", held=0, upto=1, token="t0", until=9)
    runs.claim_again("run#1", "c", round_number=1, positions=[0], token="t")
    runs.take_address("run#1", "SMS|+1425", endpoint_id="e1", line="a/0")
    count(runs, Cap("all", Period.DAY, 1), "a/0")
    RateLimiter(runs._client, "runs", "c1-1", 1.0, clock=lambda: NOW, keep_seconds=60).reserve(1)

    items = boto3.client("dynamodb").scan(TableName="runs")["Items"]
    assert len(items) == 7
    assert all(int(item["expires_at"]["N"]) > NOW for item in items)
