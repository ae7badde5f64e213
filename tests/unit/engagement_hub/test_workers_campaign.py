"""Campaign runs, step by step as the state machine runs them."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from engagement_hub.engagement.eligibility import Cap, Count, Period
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.event_stream import EventsNotDelivered
from engagement_hub.hub import Hub
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.workers import campaign_run as steps
from engagement_hub.workers import sending_rates
from engagement_hub.workers.campaign_plan import (
    CHUNKS_A_BAND,
    ChunkName,
    chunk_key,
    chunk_prefix,
)
from engagement_hub.workers.send_chunk import ChunkSender
from shared.messages.content import SmsContent, content_digest
from shared.send_outcome import OPTED_OUT
from tests.builders.campaign_runs import (
    CONTEXT,
    Unpaced,
    activity,
    build,
    campaign,
    people,
    run,
    state,
    statuses,
)
from tests.builders.hub_workers import APP, NOW, Context, RunningOut, endpoints, segment, sms


def test_everyone_of_the_segment_gets_one_personal_message(hub, sender, stream):
    segment(hub)
    endpoints(
        hub,
        e1=sms("+14255550100", User={"UserId": "u1", "UserAttributes": {"FirstName": ["Ann"]}}),
        e2=sms("+14255550101", User={"UserId": "u2", "UserAttributes": {"FirstName": ["Bob"]}}),
    )

    done = run(hub, campaign(hub))

    assert sorted(sender.sent) == [("+14255550100", "Hi Ann"), ("+14255550101", "Hi Bob")]
    assert (done["State"], done["Result"]) == ("COMPLETED", "SUCCESS")
    assert (done["TotalEndpointCount"], done["SuccessfulEndpointCount"]) == (2, 2)
    assert statuses(stream) == {"e1": "SUCCESS", "e2": "SUCCESS"}
    assert state(hub) == "COMPLETED"


def test_the_ids_of_the_run_travel_with_each_message(hub, sender, stream):
    segment(hub)
    people(hub, 1)

    done = run(hub, campaign(hub))

    assert sender.contexts == [
        {
            "application_id": APP,
            "campaign_id": "c1",
            "campaign_activity_id": done["Id"],
            "treatment_id": "0",
            "endpoint_id": "e0",
        }
    ]


def test_a_segment_of_nobody_completes_with_zeros(hub, sender, stream):
    segment(hub)

    done = run(hub, campaign(hub))

    assert (done["Result"], done["TotalEndpointCount"]) == ("SUCCESS", 0)
    assert state(hub) == "COMPLETED"
    assert sender.sent == []


def test_inactive_opted_out_and_other_channels_get_nothing_and_are_counted(hub, sender, stream):
    segment(hub)
    endpoints(
        hub,
        off=sms("+14255550100", EndpointStatus="INACTIVE"),
        out=sms("+14255550101", OptOut="ALL"),
        mail={"ChannelType": "EMAIL", "Address": "ann@example.com"},
        ok=sms("+14255550102"),
    )

    done = run(hub, campaign(hub))

    assert sender.addresses == ["+14255550102"]
    assert done["ExecutionMetrics"]["ENDPOINT_INACTIVE"] == "1"
    assert done["ExecutionMetrics"]["ENDPOINT_OPT_OUT"] == "1"
    assert done["ExecutionMetrics"]["ENDPOINT_CHANNEL_MISMATCH"] == "1"


def test_an_imported_segment_reaches_its_members_only(hub, sender, stream):
    people(hub, 6)
    hub.endpoints.add_members(APP, "seg1", ["e1", "e4"])
    segment(hub, SegmentType="IMPORT")

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550001", "+14255550004"]


def test_criteria_on_an_imported_source_narrow_its_members(hub, sender, stream):
    endpoints(
        hub,
        a=sms("+14255550100", Attributes={"Plan": ["gold"]}),
        b=sms("+14255550101", Attributes={"Plan": ["free"]}),
        c=sms("+14255550102", Attributes={"Plan": ["gold"]}),
    )
    hub.endpoints.add_members(APP, "list1", ["a", "b"])
    segment(hub, "list1", SegmentType="IMPORT")
    group = {
        "Type": "ALL",
        "SourceType": "ANY",
        "SourceSegments": [{"Id": "list1"}],
        "Dimensions": [{"Attributes": {"Plan": {"Values": ["gold"]}}}],
    }
    segment(hub, Dimensions=None, SegmentGroups={"Include": "ALL", "Groups": [group]})

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550100"]


def test_an_excluded_imported_source_keeps_its_members_out(hub, sender, stream):
    people(hub, 4)
    hub.endpoints.add_members(APP, "list1", ["e1", "e2"])
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceType": "NONE", "SourceSegments": [{"Id": "list1"}], "Dimensions": []}
    segment(hub, Dimensions=None, SegmentGroups={"Include": "ALL", "Groups": [group]})

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550000", "+14255550003"]


def test_a_segment_of_users_reaches_all_their_endpoints(hub, sender, stream):
    ann = {"UserId": "ann"}
    endpoints(
        hub,
        a=sms("+14255550100", User=ann),
        b=sms("+14255550101", User=ann),
        c=sms("+14255550102", User={"UserId": "bob"}),
    )
    hub.endpoints.add_members(APP, "seg1", ["ann"], users=True)
    segment(hub, SegmentType="IMPORT")

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550100", "+14255550101"]


def test_an_endpoint_on_a_list_beside_its_user_gets_one_message(hub, sender, stream):
    ann = {"UserId": "ann"}
    endpoints(hub, a=sms("+14255550100", User=ann), b=sms("+14255550101", User=ann))
    hub.endpoints.add_members(APP, "seg1", ["a"])
    hub.endpoints.add_members(APP, "seg1", ["ann"], users=True)
    segment(hub, SegmentType="IMPORT")

    done = run(hub, campaign(hub))

    assert sender.addresses == ["+14255550100", "+14255550101"]
    assert done["ExecutionMetrics"]["DUPLICATE_ENDPOINT"] == "1"


def test_an_endpoint_with_the_name_of_a_user_entry_is_itself(hub, sender, stream):
    endpoints(
        hub,
        **{
            "user#ann": sms("+14255550100"),
            "a": sms("+14255550999", User={"UserId": "ann"}),
        },
    )
    hub.endpoints.add_members(APP, "seg1", ["user#ann"])
    segment(hub, SegmentType="IMPORT")

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550100"]


def test_a_list_of_users_keeps_out_all_their_endpoints_and_no_other(hub, sender, stream):
    ann = {"UserId": "ann"}
    endpoints(
        hub,
        a=sms("+14255550100", User=ann),
        b=sms("+14255550101", User=ann),
        ann=sms("+14255550102"),
    )
    hub.endpoints.add_members(APP, "list1", ["ann"], users=True)
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceType": "NONE", "SourceSegments": [{"Id": "list1"}], "Dimensions": []}
    segment(hub, Dimensions=None, SegmentGroups={"Include": "ALL", "Groups": [group]})

    run(hub, campaign(hub))

    assert sender.addresses == ["+14255550102"]


def test_a_list_that_keeps_people_out_is_asked_for_the_endpoints_of_a_page_only(
    hub, sender, stream, monkeypatch
):
    people(hub, 40)
    hub.endpoints.add_members(APP, "list1", [f"e{n}" for n in range(0, 1000)])
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceType": "NONE", "SourceSegments": [{"Id": "list1"}], "Dimensions": []}
    segment(hub, Dimensions=None, SegmentGroups={"Include": "ALL", "Groups": [group]})
    asked: list[int] = []
    find = hub.endpoints.members_among

    def members_among(app_id: str, list_id: str, candidates: Any) -> Any:
        asked.append(len(candidates))
        return find(app_id, list_id, candidates)

    monkeypatch.setattr(hub.endpoints, "members_among", members_among)
    monkeypatch.setattr(hub.endpoints, "members", None)  # the list itself is not read

    run(hub, campaign(hub))

    assert sender.sent == []
    assert sum(asked) == 40


def test_a_run_reads_the_list_that_was_current_when_it_began(hub, sender, stream):
    people(hub, 2)
    hub.endpoints.add_members(APP, "monday", ["e0"])
    hub.endpoints.add_members(APP, "tuesday", ["e1"])
    segment(hub, SegmentType="IMPORT", Members="monday")
    event = campaign(hub)
    opened = steps.open_run(hub, event, CONTEXT)

    segment(hub, SegmentType="IMPORT", Members="tuesday")
    steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, CONTEXT)
    sealed = steps.seal_audience(hub, event, CONTEXT)
    for key in hub.bucket.keys(sealed["Prefix"]):
        steps.send_chunk(hub, {**event, "Key": key}, CONTEXT)

    assert sender.addresses == ["+14255550000"]


def test_the_next_run_reads_the_list_of_the_last_import(hub, sender, stream):
    people(hub, 2)
    hub.endpoints.add_members(APP, "monday", ["e0"])
    hub.endpoints.add_members(APP, "tuesday", ["e1"])
    segment(hub, SegmentType="IMPORT", Members="monday")
    event = campaign(hub)  # it names version 1 of the segment

    segment(hub, SegmentType="IMPORT", Members="tuesday", Version=2)
    run(hub, event)

    assert sender.addresses == ["+14255550001"]


def test_a_segment_imported_by_an_earlier_version_of_the_hub_fails_the_run(hub, sender):
    segment(hub, SegmentType="IMPORT", Members=None)
    body = hub.entities.require(APP, Kind.SEGMENT, "seg1")
    del body["Members"]
    hub.entities.put(APP, Kind.SEGMENT, "seg1", body)
    event = campaign(hub)

    with pytest.raises(BadRequest, match="Import the file into it again"):
        steps.open_run(hub, event, CONTEXT)


def broken_off(hub: Hub, event: dict[str, Any]) -> tuple[str, str]:
    """The end of a run that a step of building broke off: result and campaign status."""
    steps.fail_run(hub, event, CONTEXT)
    return activity(hub)["Result"], state(hub)


@pytest.mark.parametrize("deleted", ["seg1", "list1"])
def test_a_segment_deleted_while_the_audience_is_built_fails_the_run_and_nobody_is_sent_to(
    hub, sender, stream, deleted
):
    people(hub, 8)
    hub.endpoints.add_members(APP, "list1", [f"e{n}" for n in range(8)])
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceSegments": [{"Id": "list1"}]}
    segment(hub, Dimensions=None, SegmentGroups={"Groups": [group]})
    event = campaign(hub)
    opened = steps.open_run(hub, event, CONTEXT)
    hurried: Any = RunningOut(looks=2)
    begun = steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, hurried)
    assert not begun["Done"]

    hub.entities.delete(APP, Kind.SEGMENT, deleted)
    hub.endpoints.delete_members(APP, "list1")
    steps.build_audience(hub, {**event, "Progress": begun["Remaining"]}, CONTEXT)
    with pytest.raises(NotFound):
        steps.seal_audience(hub, event, CONTEXT)

    assert broken_off(hub, event) == ("FAIL", "DELETED" if deleted == "seg1" else "INVALID")
    assert sender.sent == []


def test_a_run_that_took_longer_than_a_replaced_list_is_kept_fails(hub, sender, stream):
    people(hub, 2)
    hub.endpoints.add_members(APP, "monday", ["e0"])
    segment(hub, SegmentType="IMPORT", Members="monday")
    event = campaign(hub)
    opened = steps.open_run(hub, event, CONTEXT)
    steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, CONTEXT)

    segment(hub, SegmentType="IMPORT", Members="tuesday")
    hub.clock = lambda: NOW + 6 * 3600

    with pytest.raises(NotFound, match="imported anew"):
        steps.seal_audience(hub, event, CONTEXT)


def test_segments_that_build_on_each_other_end_the_run_and_make_the_campaign_invalid(hub, sender):
    def on(*sources: str) -> dict[str, Any]:
        references = [{"Id": source} for source in sources]
        return {"Groups": [{"SourceType": "ANY", "SourceSegments": references}]}

    # Two updates at the same moment can still make a circle.
    segment(hub, Dimensions=None, SegmentGroups=on("seg2", "seg2", "seg2"))
    segment(hub, "seg2", Dimensions=None, SegmentGroups=on("seg1", "seg1", "seg1"))
    event = campaign(hub)

    with pytest.raises(BadRequest, match="back to it"):
        steps.open_run(hub, event, CONTEXT)

    assert broken_off(hub, event) == ("FAIL", "INVALID")
    assert sender.sent == []


def test_an_audience_is_built_across_several_invocations(hub, sender, stream, monkeypatch):
    monkeypatch.setattr("engagement_hub.workers.campaign_audience.CHUNK_RECIPIENTS", 3)
    monkeypatch.setattr("engagement_hub.workers.audience.PAGE_ENDPOINTS", 2)
    segment(hub)
    people(hub, 30)
    event = campaign(hub)
    hurried: Any = Context(milliseconds=1)

    opened = steps.open_run(hub, event, CONTEXT)
    begun = steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, hurried)
    for progress in begun["Remaining"]:
        progress["Done"] = False
        while not progress["Done"]:
            steps.build_shard(hub, {**event, **progress}, CONTEXT)  # its answer was lost
            progress = steps.build_shard(hub, {**event, **progress}, hurried)
    sealed = steps.seal_audience(hub, event, CONTEXT)
    for key in hub.bucket.keys(sealed["Prefix"]):
        steps.send_chunk(hub, {**event, "Key": key}, CONTEXT)
    steps.close_run(hub, event, CONTEXT)

    assert len(sender.sent) == len(set(sender.addresses)) == 30
    assert activity(hub)["SuccessfulEndpointCount"] == 30


def test_a_chunk_that_is_run_again_sends_nothing_and_counts_nothing_twice(hub, sender, stream):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)

    for key in build(hub, event):
        for _ in range(3):
            steps.send_chunk(hub, {**event, "Key": key}, CONTEXT)
    steps.close_run(hub, event, CONTEXT)

    assert len(sender.sent) == 3
    assert activity(hub)["SuccessfulEndpointCount"] == 3


def one_chunk(hub: Hub, count: int, **request: Any) -> dict[str, Any]:
    """The event of a step for a chunk of `count` people."""
    hub.endpoints.shards = 1
    segment(hub)
    people(hub, count)
    event = campaign(hub, **request)
    [key] = build(hub, event)
    return {**event, "Key": key}


def test_a_fault_amid_a_claim_loses_no_outcome_and_nobody_is_sent_to_twice(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 5)
    event = one_chunk(hub, 20)
    sender.dies_after = 7

    with pytest.raises(RuntimeError):
        steps.send_chunk(hub, event, CONTEXT)
    sender.dies_after = None
    steps.send_chunk(hub, event, CONTEXT)
    steps.close_run(hub, event, CONTEXT)

    assert len(sender.sent) == len(set(sender.addresses)) == 17
    found = list(statuses(stream).values())
    assert found.count("UNKNOWN") == 3  # under way at the fault
    assert found.count("SUCCESS") == 17
    assert activity(hub)["SuccessfulEndpointCount"] == 17


def test_after_a_death_the_claim_under_way_is_unknown_once_the_invocation_must_be_over(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 5)
    event = one_chunk(hub, 10)

    def killed(*arguments: Any) -> None:
        raise SystemExit  # nothing is written any more

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(hub.runs, "record", killed)
        steps.send_chunk(hub, event, CONTEXT)

    waiting = steps.send_chunk(hub, event, CONTEXT)
    hub.clock = lambda: NOW + 301
    done = steps.send_chunk(hub, event, CONTEXT)

    assert waiting == {"Status": "continue", "Seconds": 300, "Turn": 1}
    assert done == {"Status": "done", "Seconds": 0, "Turn": 1}
    assert len(sender.sent) == len(set(sender.addresses)) == 10
    assert sorted(statuses(stream).values()) == ["SUCCESS"] * 5 + ["UNKNOWN"] * 5


def test_an_invocation_that_loses_its_chunk_still_writes_down_what_it_sent(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 2)
    event = one_chunk(hub, 4)
    scope, chunk = "run#c1-1", "00000-00-000000-0-message"
    claim = hub.runs.claim

    def overtaken(*arguments: Any, held: int, **others: Any) -> None:
        if held == 2:
            claim(scope, chunk, held=2, upto=4, token="another", until=int(NOW) + 200)
        claim(*arguments, held=held, **others)

    monkeypatch.setattr(hub.runs, "claim", overtaken)

    answer = steps.send_chunk(hub, event, CONTEXT)

    assert answer == {"Status": "continue", "Seconds": 200, "Turn": 1}
    assert len(sender.sent) == 2
    record = hub.runs.chunk(scope, chunk)
    assert {n: one["status"] for n, one in record.outcomes.items()} == {0: "SUCCESS", 1: "SUCCESS"}


def test_a_send_that_may_have_happened_gets_no_failure_event(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    broken = SendOutcome(DeliveryStatus.UNKNOWN_FAILURE, 500, "", reason="InternalServerException")
    sender.answers = {"+14255550000": broken}

    run(hub, campaign(hub))

    assert statuses(stream) == {"e0": "UNKNOWN"}
    assert [record["event_type"] for record in stream] == ["_campaign.send"]


def test_an_invocation_without_time_claims_nobody_and_the_next_one_goes_on(hub, sender, stream):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)
    [key, *others] = build(hub, event)
    hurried: Any = RunningOut(looks=1)

    first = steps.send_chunk(hub, {**event, "Key": key}, hurried)
    assert (first, sender.sent) == ({"Status": "continue", "Seconds": 0, "Turn": 1}, [])
    for one in (key, *others):
        assert steps.send_chunk(hub, {**event, "Key": one}, CONTEXT)["Status"] == "done"

    assert len(sender.sent) == 3


def test_a_rate_that_other_runs_have_booked_out_is_asked_for_again_after_a_pause(
    hub, sender, stream, monkeypatch
):
    booked_out_until: list[float | None] = [None, None, NOW]
    asked: list[int] = []

    class BusyPace:
        def reserve(self, n: int, by: float) -> float | None:
            asked.append(n)
            return booked_out_until.pop(0) if booked_out_until else NOW

    monkeypatch.setattr(sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: BusyPace())
    event = one_chunk(hub, 1)

    first = steps.send_chunk(hub, event, CONTEXT)
    late = steps.send_chunk(hub, {**event, "Turn": 2000}, CONTEXT)

    assert (first, sender.sent, len(asked)) == (
        {"Status": "continue", "Seconds": 30, "Turn": 1},
        [],
        2,
    )
    # An execution has 25,000 events, which last for a run of 30 days.
    assert late == {"Status": "continue", "Seconds": 1200, "Turn": 2001}
    assert steps.send_chunk(hub, event, CONTEXT) == {"Status": "done", "Seconds": 0, "Turn": 1}
    assert len(sender.sent) == 1


def test_a_function_with_a_short_time_out_still_sends(hub, sender, stream):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)
    short: Any = Context(milliseconds=10_000)

    for key in build(hub, event):
        assert steps.send_chunk(hub, {**event, "Key": key}, short)["Status"] == "done"

    assert len(sender.sent) == 3


def test_a_chunk_given_up_fails_the_run_and_accounts_for_everyone(hub, sender, stream):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)

    for key in build(hub, event):
        steps.chunk_failed(hub, {**event, "Key": key, "Error": {"Error": "Boom"}}, CONTEXT)
    steps.close_run(hub, event, CONTEXT)

    assert sender.sent == []
    assert activity(hub)["Result"] == "FAIL"
    assert set(statuses(stream).values()) == {"FAILURE"}


def test_refused_sends_become_documented_statuses_and_failure_events(hub, sender, stream):
    segment(hub)
    people(hub, 3)
    sender.answers = {
        "+14255550000": SendOutcome(DeliveryStatus.OPT_OUT, 400, "", reason=OPTED_OUT),
        "+14255550001": SendOutcome(DeliveryStatus.THROTTLED, 429, ""),
    }

    done = run(hub, campaign(hub))

    assert statuses(stream) == {"e0": "FAILURE_PERMANENT", "e1": "THROTTLED", "e2": "SUCCESS"}
    [refused] = [record for record in stream if record["event_type"] == "_SMS.FAILURE"]
    assert refused["attributes"]["record_status"] == "OPTED_OUT"
    assert refused["client"]["client_id"] == "e0"
    assert (done["TotalEndpointCount"], done["SuccessfulEndpointCount"]) == (3, 1)


def test_held_out_endpoints_get_an_event_and_no_message(hub, sender, stream):
    segment(hub)
    people(hub, 40)

    done = run(hub, campaign(hub, HoldoutPercent=50))

    held_out = [one for one, status in statuses(stream).items() if status == "HOLDOUT"]
    assert 5 < len(held_out) < 35
    assert len(sender.sent) == 40 - len(held_out) == done["TotalEndpointCount"]
    assert done["ExecutionMetrics"]["TREATMENT_HOLDOUT"] == str(len(held_out))


def test_treatments_share_the_segment_and_count_apart(hub, sender, stream):
    segment(hub)
    people(hub, 40)
    other = {"SizePercent": 50, "MessageConfiguration": {"SMSMessage": {"Body": "Other"}}}

    run(hub, campaign(hub, AdditionalTreatments=[other]))

    bodies = [body for _, body in sender.sent]
    assert activity(hub, "1")["SuccessfulEndpointCount"] == bodies.count("Other") > 0
    assert activity(hub, "0")["SuccessfulEndpointCount"] == 40 - bodies.count("Other") > 0


def test_a_daily_cap_of_the_project_holds_across_campaigns(hub, sender, stream):
    segment(hub)
    people(hub, 2)
    hub.runs.count_message(
        APP, "e0", Cap("all", Period.DAY, 1), Count(), now=hub.now(), line="another run"
    )

    run(hub, campaign(hub, settings={"Limits": {"Daily": 1}}))

    assert sender.addresses == ["+14255550001"]
    assert statuses(stream)["e0"] == "DAILY_CAP"


def test_a_run_past_its_maximum_duration_sends_nothing_more(hub, sender, stream):
    segment(hub)
    people(hub, 2)
    event = campaign(hub, Limits={"MaximumDuration": 60})
    keys = build(hub, event)
    hub.clock = lambda: NOW + 61

    for key in keys:
        steps.send_chunk(hub, {**event, "Key": key}, CONTEXT)

    assert sender.sent == []
    assert set(statuses(stream).values()) == {"EXPIRED"}


def test_sends_keep_to_the_campaigns_messages_per_second(hub, sender, stream, monkeypatch):
    event = one_chunk(hub, 10, Limits={"MessagesPerSecond": 10})
    starts: list[float] = []
    monkeypatch.setattr(ChunkSender, "_sleep_until", lambda self, at: starts.append(at))

    steps.send_chunk(hub, event, CONTEXT)

    assert len(sender.sent) == 10
    assert sorted(starts)[1:] == pytest.approx([NOW + n / 10 for n in range(10)])


def test_a_channels_rate_is_shared_out_over_items_when_one_cannot_carry_it(hub, monkeypatch):
    made: list[tuple[str, float]] = []
    monkeypatch.setattr(sending_rates, "channel_rate", lambda channel: 20_000.0)
    monkeypatch.setattr(
        sending_rates,
        "RateLimiter",
        lambda dynamodb, table, key, rate, keep_seconds: made.append((key, rate)) or Unpaced(),
    )
    segment(hub)
    event = campaign(hub)
    build(hub, event)

    # Chunks that follow each other are sent at the same time, and are of one shard.
    for part in range(CHUNKS_A_BAND):
        chunk = ChunkName.of(chunk_key("c1-1", 0, part, "0", custom=False))
        sending_rates.ChunkPaces("c1-1", None, chunk.id).of("SMS")

    assert {key for key, _ in made} == {f"SMS#{slot}" for slot in range(4)}
    assert {rate for _, rate in made} == {5_000.0}


def test_chunks_that_are_sent_at_the_same_time_are_of_many_shards():
    """A shard's endpoints can be read 3,000 times a second: fewer than are sent to."""
    keys = sorted(
        chunk_key("c1-1", shard, part, "0", custom=False)
        for shard in range(32)
        for part in range(1_000)
    )

    shards = [ChunkName.of(key).shard for key in keys]

    assert min(len(set(shards[n : n + 500])) for n in range(0, len(shards) - 500, 100)) >= 15


def test_a_shard_that_is_built_again_keeps_no_chunk_of_the_first_try(hub):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)
    steps.open_run(hub, event, CONTEXT)
    kept, *left = (
        chunk_key("c1-1", shard, part, "0", custom=False)
        for shard, part in [(0, 39), (0, 40), (0, 2 * CHUNKS_A_BAND), (0, 3 * CHUNKS_A_BAND)]
    )
    other = chunk_key("c1-1", 1, 40, "0", custom=False)
    for key in (kept, other, *left):
        hub.bucket.write_lines(key, [])

    built = steps.build_shard(hub, {**event, "Shard": 0, "After": None, "Part": 40}, CONTEXT)

    chunks = map(ChunkName.of, hub.bucket.keys(chunk_prefix("c1-1")))
    places = {(chunk.shard, chunk.part) for chunk in chunks}
    assert places == {(0, 39), (1, 40)} | {(0, part) for part in range(40, built["Part"])}
    assert built["Part"] <= 41


def test_a_try_that_dies_while_it_removes_chunks_hides_none_from_the_next_one(hub, monkeypatch):
    segment(hub)
    event = campaign(hub)
    steps.open_run(hub, event, CONTEXT)
    for band in range(3):
        hub.bucket.write_lines(chunk_key("c1-1", 0, band * CHUNKS_A_BAND, "1", custom=False), [])
    delete = hub.bucket._delete_batch
    again = {**event, "Shard": 0, "After": None, "Part": 0}

    def delete_and_die(keys: list[str]) -> None:
        delete(keys)
        raise SystemExit

    monkeypatch.setattr("engagement_hub.work_bucket._DELETE_BATCH", 1)
    monkeypatch.setattr(hub.bucket, "_delete_batch", delete_and_die)
    with pytest.raises(SystemExit):
        steps.build_shard(hub, again, CONTEXT)
    monkeypatch.setattr(hub.bucket, "_delete_batch", delete)
    steps.build_shard(hub, again, CONTEXT)

    assert list(hub.bucket.keys(chunk_prefix("c1-1"))) == []


def test_the_place_of_a_chunk_from_before_bands_is_read():
    chunk = ChunkName.of("runs/c1-1/chunks/0a-000003-0-message.jsonl")

    assert (chunk.shard, chunk.part) == (10, 3)


def test_quiet_time_is_the_recipients_own(hub, sender, stream):
    segment(hub)
    endpoints(
        hub,
        asleep=sms("+14255550100", Demographic={"Timezone": "America/Los_Angeles"}),
        awake=sms("+493012345678", Demographic={"Timezone": "Europe/Berlin"}),
    )
    quiet = {"Start": "22:00", "End": "06:00"}

    run(hub, campaign(hub, settings={"QuietTime": quiet}))

    assert statuses(stream) == {"asleep": "QUIET_TIME", "awake": "SUCCESS"}


def test_a_filter_hook_drops_endpoints_and_changes_what_is_rendered(hub, sender, stream, functions):
    segment(hub)
    people(hub, 2)

    def keep_one(payload: Mapping[str, Any]) -> Any:
        return {
            endpoint_id: {**one, "User": {"UserAttributes": {"FirstName": ["Zoe"]}}}
            for endpoint_id, one in payload["Endpoints"].items()
            if endpoint_id == "e1"
        }

    functions.answer = keep_one

    done = run(hub, campaign(hub, Hook={"LambdaFunctionName": "filter", "Mode": "FILTER"}))

    assert sender.sent == [("+14255550001", "Hi Zoe")]
    assert statuses(stream) == {"e1": "SUCCESS"}
    assert done["ExecutionMetrics"]["FILTERED_OUT_BY_HOOK"] == "1"


def test_a_failing_hook_stops_its_endpoints_and_fails_the_run(
    hub, sender, stream, functions, caplog
):
    segment(hub)
    people(hub, 2)
    functions.fails = True

    done = run(hub, campaign(hub, Hook={"LambdaFunctionName": "filter", "Mode": "FILTER"}))

    assert sender.sent == []
    assert set(statuses(stream).values()) == {"HOOK_FAILURE"}
    assert (done["Result"], done["ExecutionMetrics"]["HOOK_FAILURE"]) == ("FAIL", "2")
    assert {vars(record)["reason"] for record in caplog.records} == {"it failed"}


@pytest.fixture
def hooked_chunk(hub, functions):
    """Build the event of a step for a chunk of 60 and a hook that drops no endpoint: two calls."""
    hub.endpoints.shards = 1
    segment(hub)
    people(hub, 60)
    functions.answer = lambda payload: payload["Endpoints"]
    event = campaign(hub, Hook={"LambdaFunctionName": "filter", "Mode": "FILTER"})
    [key] = build(hub, event)
    return {**event, "Key": key}


def test_a_hook_is_not_asked_again_when_it_could_outlast_the_invocation(
    hooked_chunk, hub, sender, stream, functions
):
    hurried: Any = RunningOut(looks=3)  # at the start, and twice for the first fifty

    first = steps.send_chunk(hub, hooked_chunk, hurried)
    assert first == {"Status": "continue", "Seconds": 0, "Turn": 1}
    assert (len(functions.payloads), len(sender.sent)) == (1, 50)
    steps.send_chunk(hub, hooked_chunk, CONTEXT)

    assert len(set(sender.addresses)) == len(sender.sent) == 60
    assert set(statuses(stream).values()) == {"SUCCESS"}


def test_what_was_sent_is_known_when_the_function_ends_while_a_hook_runs(
    hooked_chunk, hub, sender, stream, functions
):
    def outlasts_the_second_call(payload: Mapping[str, Any]) -> Any:
        if len(functions.payloads) == 2:
            raise SystemExit  # as when Lambda ends the function: nothing after this is run
        return payload["Endpoints"]

    functions.answer = outlasts_the_second_call

    with pytest.raises(SystemExit):
        steps.send_chunk(hub, hooked_chunk, CONTEXT)
    steps.send_chunk(hub, hooked_chunk, CONTEXT)

    assert len(set(sender.addresses)) == len(sender.sent) == 60
    assert set(statuses(stream).values()) == {"SUCCESS"}


def test_a_custom_channel_gets_at_most_fifty_endpoints_a_call(hub, sender, stream, functions):
    segment(hub)
    hub.endpoints.shards = 1
    people(hub, 120)
    custom = {"DeliveryUri": "deliver", "EndpointTypes": ["SMS"]}
    message = {"CustomMessage": {"Data": "payload"}}

    done = run(hub, campaign(hub, CustomDeliveryConfiguration=custom, MessageConfiguration=message))

    assert [len(one["Endpoints"]) for one in functions.payloads] == [50, 50, 20]
    assert {one["Data"] for one in functions.payloads} == {"payload"}
    assert done["SuccessfulEndpointCount"] == 120
    assert {r["attributes"]["delivery_type"] for r in stream} == {"CUSTOM"}


def test_a_custom_channel_that_fails_is_not_called_again(hub, sender, stream, functions):
    segment(hub)
    people(hub, 1)
    functions.fails = True
    custom = {"DeliveryUri": "deliver", "EndpointTypes": ["SMS"]}

    done = run(hub, campaign(hub, CustomDeliveryConfiguration=custom))

    assert len(functions.payloads) == 1
    assert statuses(stream) == {"e0": "CUSTOM_DELIVERY_FAILURE"}
    assert done["Result"] == "FAIL"


def test_what_the_stream_refuses_is_kept_in_the_work_bucket(hub, sender, monkeypatch, capsys):
    def refuse(app_id: str, records: Any) -> int:
        raise EventsNotDelivered("no capacity")

    monkeypatch.setattr(hub.stream, "publish", refuse)
    segment(hub)
    people(hub, 1)

    done = run(hub, campaign(hub))

    assert done["Result"] == "SUCCESS"
    [key] = hub.bucket.keys("runs/c1-1/undelivered-events/")
    assert hub.bucket.read_lines(key)[0]["event_type"] == "_campaign.send"
    assert '"UndeliveredEvents"' in capsys.readouterr().out


def test_a_deleted_segment_fails_the_run_and_leaves_the_campaign_deleted(hub, sender, stream):
    event = campaign(hub)

    with pytest.raises(NotFound):
        steps.open_run(hub, event, CONTEXT)
    steps.fail_run(hub, event, CONTEXT)

    assert (activity(hub)["State"], activity(hub)["Result"]) == ("COMPLETED", "FAIL")
    assert state(hub) == "DELETED"


def test_an_unknown_template_fails_the_run_and_makes_the_campaign_invalid(hub, sender, stream):
    segment(hub)
    event = campaign(
        hub, MessageConfiguration={}, TemplateConfiguration={"SMSTemplate": {"Name": "gone"}}
    )

    with pytest.raises(NotFound, match="gone"):
        steps.open_run(hub, event, CONTEXT)
    steps.fail_run(hub, event, CONTEXT)

    assert activity(hub)["Result"] == "FAIL"
    assert state(hub) == "INVALID"


def test_a_template_is_read_once_when_the_run_begins(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    template = {
        "Body": "Old",
        "Version": "3",
        "ActiveVersion": "3",
        "LastModifiedDate": "2027-01-01T00:00:00Z",
    }
    hub.entities.put(ACCOUNT, Kind.TEMPLATE, "SMS#hello", template)
    event = campaign(
        hub, MessageConfiguration={}, TemplateConfiguration={"SMSTemplate": {"Name": "hello"}}
    )

    keys = build(hub, event)
    edited = {"Body": "New", "LastModifiedDate": "2027-01-15T08:00:01Z"}
    hub.entities.put(ACCOUNT, Kind.TEMPLATE, "SMS#hello", {**template, **edited})
    for key in keys:
        steps.send_chunk(hub, {**event, "Key": key}, CONTEXT)

    assert [body for _, body in sender.sent] == ["Old"]
    [record] = stream
    assert record["attributes"]["template_version"] == "3"
    assert record["attributes"]["template_modified"] == "2027-01-01T00:00:00Z"


def test_the_event_of_a_send_names_the_content_that_was_sent(hub, sender, stream):
    segment(hub)
    people(hub, 2)
    refused = SendOutcome(DeliveryStatus.PERMANENT_FAILURE, 400, "", reason="ValidationException")
    sender.answers = {"+14255550001": refused}

    run(hub, campaign(hub))

    [sent, failed] = [
        record["attributes"] for record in stream if record["event_type"] == "_campaign.send"
    ]
    [(address, body), *_] = sender.sent
    assert sent["campaign_version"] == failed["campaign_version"] == "1"
    assert sent["content_digest"] == content_digest(SmsContent(body), address)
    assert "content_digest" not in failed
    assert "template_version" not in sent


def test_a_paused_campaign_skips_its_run(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    schedule = {"StartTime": "2027-01-16T08:00:00Z", "Frequency": "DAILY"}
    event = campaign(hub, Schedule=schedule, IsPaused=True)

    opened = steps.open_run(hub, event, CONTEXT)

    assert opened == {"Outcome": "SKIPPED", "Progress": []}
    assert activity(hub)["State"] == "PAUSED"
    assert state(hub) == "PAUSED"


def test_a_recurring_campaign_schedules_its_next_run_once_and_waits_for_it(hub, sender, stream):
    segment(hub)
    boto3.client("scheduler").create_schedule_group(Name="hub")
    schedule = {"StartTime": "2027-01-15T08:00:00Z", "Frequency": "DAILY", "Timezone": "UTC"}
    event = campaign(hub, Schedule={**schedule, "StartTime": "2027-01-15T09:00:00Z"})

    steps.open_run(hub, event, CONTEXT)
    steps.open_run(hub, event, CONTEXT)
    run(hub, event)

    found = boto3.client("scheduler").get_schedule(Name="c1-2", GroupName="hub")
    assert json.loads(found["Target"]["Input"])["Run"] == 2
    assert state(hub) == "PENDING_NEXT_RUN"


def daily(hub: Hub) -> dict[str, Any]:
    """A daily campaign whose first run is due half a second after NOW."""
    boto3.client("scheduler").create_schedule_group(Name="hub")
    schedule = {"StartTime": "2027-01-15T08:00:00.500Z", "Frequency": "DAILY", "Timezone": "UTC"}
    return {**campaign(hub, Schedule=schedule), "ScheduledStart": "2027-01-15T08:00:00.500Z"}


def next_start() -> str:
    found = boto3.client("scheduler").get_schedule(Name="c1-2", GroupName="hub")
    return str(found["ScheduleExpression"])


def test_a_run_that_begins_a_moment_early_does_not_schedule_itself_again(hub, sender, stream):
    segment(hub)

    steps.open_run(hub, daily(hub), CONTEXT)

    assert next_start() == "at(2027-01-16T08:00:00)"


def test_a_run_longer_than_its_period_is_followed_by_the_next_one(hub, sender, stream):
    segment(hub)
    event = daily(hub)
    build(hub, event)
    boto3.client("scheduler").delete_schedule(Name="c1-2", GroupName="hub")  # it fired
    assert steps.open_run(hub, {**event, "Run": 2}, CONTEXT)["Outcome"] == "SKIPPED"
    hub.clock = lambda: NOW + 30 * 3600

    steps.close_run(hub, event, CONTEXT)

    assert next_start() == "at(2027-01-17T08:00:00)"
    assert state(hub) == "PENDING_NEXT_RUN"


def test_a_second_execution_of_the_same_run_is_skipped(hub, sender, stream):
    segment(hub)
    event = campaign(hub)

    first = steps.open_run(hub, {**event, "Execution": "a"}, CONTEXT)
    second = steps.open_run(hub, {**event, "Execution": "b"}, CONTEXT)
    retried = steps.open_run(hub, {**event, "Execution": "a"}, CONTEXT)

    outcomes = (first["Outcome"], second["Outcome"], retried["Outcome"])
    assert outcomes == ("RUN", "SKIPPED", "RUN")


def test_a_run_that_is_over_does_not_start_again(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    event = campaign(hub)
    run(hub, event)

    again = steps.open_run(hub, event, CONTEXT)

    assert again["Outcome"] == "SKIPPED"
    assert activity(hub)["Result"] == "SUCCESS"
