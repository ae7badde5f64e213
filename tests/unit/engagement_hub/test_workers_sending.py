"""Whom a run sends to, and the books of a run: every recipient has one outcome, whatever fails."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from engagement_hub.engagement.campaigns import SendStatus
from engagement_hub.engagement.errors import NotFound
from engagement_hub.hub import Hub
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.entities import Kind
from engagement_hub.store.runs import RunStore
from engagement_hub.workers import campaign_run as steps
from engagement_hub.workers import sending_rates
from engagement_hub.workers.chunk_outcomes import MOST_ROUNDS
from shared.messages.content import SmsPlan
from tests.builders.campaign_runs import (
    CONTEXT,
    AnswersLost,
    activity,
    build,
    campaign,
    people,
    run,
    send,
    state,
    statuses,
)
from tests.builders.hub_workers import APP, NOW, Context, endpoints, segment, sms

THROTTLED = SendOutcome(DeliveryStatus.THROTTLED, 429, "", reason="ThrottlingException")

DENIED = SendOutcome(DeliveryStatus.TEMPORARY_FAILURE, 400, "", reason="AccessDeniedException")


def one_shard(hub: Hub) -> None:
    hub.endpoints.shards = 1


def chunk_of(hub: Hub, count: int, **request: Any) -> dict[str, Any]:
    """The event of a step for a chunk of `count` people."""
    one_shard(hub)
    segment(hub)
    people(hub, count)
    event = campaign(hub, **request)
    [key] = build(hub, event)
    return {**event, "Key": key}


def books(hub: Hub, treatment: str = "0") -> Counter[str]:
    """The outcomes of a run by name; endpoints that the segment left out are no recipients."""
    metrics = Counter(
        {name: int(n) for name, n in activity(hub, treatment)["ExecutionMetrics"].items()}
    )
    for name in ("ENDPOINT_PRODUCED", "FILTERED_OUT_BY_SEGMENT", "TREATMENT_HOLDOUT"):
        del metrics[name]
    return metrics


# Opt-outs, deletions and addresses that change after the audience was built


def test_opt_outs_and_deletions_after_the_audience_was_built_count(hub, sender, stream):
    segment(hub)
    people(hub, 5)
    event = campaign(hub)
    keys = build(hub, event)
    endpoints(hub, e1={"OptOut": "ALL"}, e3={"EndpointStatus": "INACTIVE"})
    hub.endpoints.delete(APP, "e2")

    for key in keys:
        send(hub, event, key)
    steps.close_run(hub, event, CONTEXT)

    assert sender.addresses == ["+14255550000", "+14255550004"]
    assert statuses(stream) == {"e0": "SUCCESS", "e4": "SUCCESS"}
    assert books(hub) == {
        "SUCCESS": 2,
        "ENDPOINT_OPT_OUT": 1,
        "ENDPOINT_INACTIVE": 1,
        "ENDPOINT_DELETED": 1,
    }


def test_a_message_goes_to_the_address_and_the_name_of_the_moment(hub, sender, stream):
    segment(hub)
    endpoints(hub, e1=sms("+14255550100", User={"UserId": "u"}))
    event = campaign(hub)
    [key] = build(hub, event)
    attributes = {"UserId": "u", "UserAttributes": {"FirstName": ["Ann"]}}
    endpoints(hub, e1={"Address": "+14255550199", "User": attributes})

    send(hub, event, key)

    assert sender.sent == [("+14255550199", "Hi Ann")]


def test_an_endpoint_that_changed_its_channel_gets_no_message_of_the_old_one(hub, sender, stream):
    segment(hub)
    endpoints(hub, e1=sms("+14255550100"))
    event = campaign(hub)
    [key] = build(hub, event)
    endpoints(hub, e1={"ChannelType": "EMAIL", "Address": "ann@example.com"})

    send(hub, event, key)
    steps.close_run(hub, event, CONTEXT)

    assert sender.sent == []
    assert books(hub) == {"ENDPOINT_CHANNEL_MISMATCH": 1}


def test_a_hook_never_hears_of_people_who_opted_out(hub, sender, stream, functions):
    functions.answer = lambda payload: payload["Endpoints"]
    event = chunk_of(hub, 2, Hook={"LambdaFunctionName": "filter", "Mode": "FILTER"})
    endpoints(hub, e0={"OptOut": "ALL"})

    send(hub, event, event["Key"])

    assert list(functions.payloads[0]["Endpoints"]) == ["e1"]
    assert sender.addresses == ["+14255550001"]


def test_a_custom_channel_gets_nobody_who_opted_out_after_the_audience_was_built(
    hub, sender, stream, functions
):
    custom = {"DeliveryUri": "deliver", "EndpointTypes": ["SMS"]}
    event = chunk_of(hub, 3, CustomDeliveryConfiguration=custom)
    endpoints(hub, e1={"OptOut": "ALL"})

    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert [sorted(one["Endpoints"]) for one in functions.payloads] == [["e0", "e2"]]
    assert books(hub) == {"SUCCESS": 2, "ENDPOINT_OPT_OUT": 1}


def channel(hub: Hub, platform: str, **settings: Any) -> None:
    body = {"Platform": platform, "Enabled": True, **settings}
    hub.entities.put(APP, Kind.CHANNEL, platform.lower(), body)


def test_a_disabled_channel_sends_nothing_and_stops_a_run_that_is_under_way(hub, sender, stream):
    event = chunk_of(hub, 2)
    channel(hub, "SMS", Enabled=False)

    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert sender.sent == []
    assert books(hub) == {"CHANNEL_DISABLED": 2}


def test_a_custom_channels_function_is_called_for_a_disabled_channel(
    hub, sender, stream, functions
):
    custom = {"DeliveryUri": "deliver", "EndpointTypes": ["SMS"]}
    event = chunk_of(hub, 1, CustomDeliveryConfiguration=custom)
    channel(hub, "SMS", Enabled=False)

    send(hub, event, event["Key"])

    assert len(functions.payloads) == 1


def test_a_projects_own_email_sender_is_used(hub, sender, stream, monkeypatch):
    contents: list[Any] = []

    def send_email(content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome:
        contents.append(content)
        return SendOutcome.accepted("m")

    monkeypatch.setattr(sender, "send", send_email)
    segment(hub)
    endpoints(hub, a={"ChannelType": "EMAIL", "Address": "ann@example.com"})
    channel(hub, "EMAIL", FromAddress="brand@shop.example", ConfigurationSet="shop")
    message = {"EmailMessage": {"Title": "Hi", "Body": "Hi"}}

    run(hub, campaign(hub, MessageConfiguration=message))

    assert [(one.from_address, one.configuration_set) for one in contents] == [
        ("brand@shop.example", "shop")
    ]


# The moment of the send


class Clocked:
    """A pacer that starts sends one second apart, from NOW on."""

    def __init__(self) -> None:
        self.next = NOW

    def reserve(self, n: int, by: float) -> float | None:
        start, self.next = self.next, self.next + n
        return start


def paced(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One send a second; waiting takes no time."""
    pace = Clocked()
    monkeypatch.setattr(sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: pace)
    monkeypatch.setattr(sending_rates, "channel_rate", lambda channel: 1.0)
    monkeypatch.setattr(
        "engagement_hub.workers.send_chunk.ChunkSender._sleep_until", lambda self, moment: None
    )


def test_quiet_time_is_asked_at_the_start_of_each_send(hub, sender, stream, monkeypatch):
    one_shard(hub)
    segment(hub)
    quiet = {"Start": "08:01", "End": "09:00"}  # NOW is 08:00:00
    endpoints(
        hub,
        **{f"e{n}": sms(f"+1425555{n:04d}", Demographic={"Timezone": "UTC"}) for n in range(100)},
    )
    event = campaign(hub, settings={"QuietTime": quiet})
    [key] = build(hub, event)
    paced(hub, monkeypatch)

    send(hub, event, key)
    steps.close_run(hub, event, CONTEXT)

    assert books(hub) == {"SUCCESS": 60, "QUIET_TIME": 40}


def test_the_end_of_a_run_is_asked_at_the_start_of_each_send(hub, sender, stream, monkeypatch):
    event = chunk_of(hub, 100, Limits={"MaximumDuration": 70})
    paced(hub, monkeypatch)

    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert books(hub) == {"SUCCESS": 71, "EXPIRED": 29}


def test_an_invocation_whose_time_is_short_is_followed_by_the_next_one_without_a_pause(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 4)
    event = chunk_of(hub, 8)
    context: Any = Context()

    class FullUntilTheEnd:
        def reserve(self, n: int, by: float) -> float | None:
            if sender.sent:
                context.milliseconds = 60_000
                return None
            return NOW

    monkeypatch.setattr(sending_rates.ChunkPaces, "_limiter", lambda *others: FullUntilTheEnd())

    answer = steps.send_chunk(hub, event, context)

    assert len(sender.sent) == 4
    assert answer == {"Status": "continue", "Seconds": 0, "Turn": 1}


# Duplicates over the whole run


def test_a_mailbox_in_two_spellings_gets_one_email_over_all_chunks(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.campaign_audience.CHUNK_RECIPIENTS", 1)
    monkeypatch.setattr("tests.builders.campaign_runs.Sender.send", _recording_send(sender))
    segment(hub)
    mail = {"ChannelType": "EMAIL"}
    endpoints(
        hub,
        a={**mail, "Address": "Ann.Lee@Example.com"},
        b={**mail, "Address": "ann.lee@example.COM"},
        c={**mail, "Address": "bob@example.com"},
    )
    message = {"EmailMessage": {"Title": "Hi", "Body": "Hi"}}

    run(hub, campaign(hub, MessageConfiguration=message))

    assert len(sender.sent) == 2
    assert {address.lower() for address, _ in sender.sent} == {
        "ann.lee@example.com",
        "bob@example.com",
    }
    assert books(hub) == {"SUCCESS": 2, "DUPLICATE_ADDRESS": 1}


def _recording_send(sender: Any) -> Callable[..., SendOutcome]:
    def send_email(
        self: Any, content: Any, address: str, *, context: Mapping[str, str]
    ) -> SendOutcome:
        with sender._lock:
            sender.sent.append((address, content.text))
        return SendOutcome.accepted("m")

    return send_email


def test_an_endpoint_in_two_chunks_gets_one_message(hub, sender, stream):
    one_shard(hub)
    segment(hub)
    people(hub, 3)
    event = campaign(hub)
    [key] = build(hub, event)
    twin = key.replace("00-000000-", "00-000001-")
    hub.bucket.write_lines(twin, hub.bucket.read_lines(key))

    for one in (key, twin):
        send(hub, event, one)

    assert sorted(sender.addresses) == ["+14255550000", "+14255550001", "+14255550002"]
    assert Counter(statuses(stream).values()) == {"SUCCESS": 3}
    totals = hub.runs.totals("run#c1-1")["0"]
    assert (totals["SUCCESS"], totals["DUPLICATE_ENDPOINT"]) == (3, 3)


def test_two_runs_of_a_campaign_both_reach_an_address(hub, sender, stream):
    segment(hub)
    people(hub, 1)

    run(hub, campaign(hub))
    run(hub, campaign(hub, campaign_id="c2"))

    assert sender.addresses == ["+14255550000"] * 2


# Caps


def test_a_daily_refusal_does_not_use_up_total(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    limits = {"Daily": 1, "Total": 2}
    times = [timedelta(hours=hour) for hour in (0, 1, 2, 25, 26, 50)]

    for number, later in enumerate(times):
        hub.clock = lambda later=later: NOW + later.total_seconds()
        event = campaign(hub, Limits=limits)
        event["Run"] = number + 1
        run_of(hub, event)

    assert len(sender.sent) == 2  # at hours 0 and 25; Total refuses at hour 50


def run_of(hub: Hub, event: dict[str, Any]) -> None:
    for key in build(hub, event):
        send(hub, event, key)
    steps.close_run(hub, event, CONTEXT)


def test_the_projects_daily_counts_the_messages_of_campaigns_with_their_own(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    settings = {"Limits": {"Daily": 1}}

    run(hub, campaign(hub, settings, Limits={"Daily": 5}))
    run(hub, campaign(hub, settings, campaign_id="c2"))

    assert len(sender.sent) == 1
    assert statuses(stream) == {"e0": "DAILY_CAP"}


def test_messages_count_against_a_daily_that_the_project_set_after_the_campaign_was_made(
    hub, sender, stream
):
    segment(hub)
    people(hub, 1)
    first = campaign(hub)
    hub.entities.put(APP, Kind.SETTINGS, "settings", {"Limits": {"Daily": 1}})

    run(hub, first)
    run(hub, campaign(hub, {"Limits": {"Daily": 1}}, campaign_id="c2"))

    assert len(sender.sent) == 1


# Throttling stops the run and loses no recipient


def test_messages_that_were_throttled_are_sent_later_and_the_rest_waits_for_them(
    hub, sender, stream, monkeypatch
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 5)
    event = chunk_of(hub, 20)
    quota = iter([THROTTLED] * 12)
    monkeypatch.setattr(sender, "answers", Draining(quota))

    pauses = send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert pauses == [5, 10, 20]  # 5, then 5, then 2 of 5 throttled
    assert books(hub) == {"SUCCESS": 20}
    assert set(statuses(stream).values()) == {"SUCCESS"}
    assert activity(hub)["Result"] == "SUCCESS"


class Draining(dict[str, SendOutcome]):
    """Answers of a sender: from the iterator while it has any, then the default."""

    def __init__(self, outcomes: Any) -> None:
        super().__init__()
        self._outcomes = outcomes
        self._lock = threading.Lock()

    def get(self, key: str, default: Any = None) -> Any:
        with self._lock:
            return next(self._outcomes, default)


def test_a_quota_that_never_opens_again_ends_as_throttled(hub, sender, stream):
    event = chunk_of(hub, 2)
    sender.answers = {"+14255550000": THROTTLED}

    pauses = send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert len(pauses) == MOST_ROUNDS
    assert max(pauses) == 1800
    assert 24 * 3600 < sum(pauses) < 36 * 3600
    assert books(hub) == {"SUCCESS": 1, "THROTTLED": 1}


def test_a_permission_that_is_given_during_the_run_loses_nobody(hub, sender, stream, monkeypatch):
    event = chunk_of(hub, 3)
    monkeypatch.setattr(sender, "answers", Draining(iter([DENIED] * 6)))

    pauses = send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert pauses == [5, 10]
    assert books(hub) == {"SUCCESS": 3}


def test_a_recipient_whom_the_permission_leaves_out_holds_up_the_others_for_ten_minutes(
    hub, sender, stream
):
    event = chunk_of(hub, 2)
    sender.answers = {"+14255550000": DENIED}

    pauses = send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert sum(pauses) == 635
    assert books(hub) == {"SUCCESS": 1, "TRANSIENT_FAILURE": 1}


def test_a_message_that_is_tried_again_counts_once_against_a_cap(hub, sender, stream, monkeypatch):
    event = chunk_of(hub, 1, Limits={"Daily": 1, "Total": 1})
    monkeypatch.setattr(sender, "answers", Draining(iter([THROTTLED])))

    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert books(hub) == {"SUCCESS": 1}


def test_someone_who_opts_out_before_the_message_is_tried_again_gets_nothing(
    hub, sender, stream, monkeypatch
):
    event = chunk_of(hub, 1)
    monkeypatch.setattr(sender, "answers", Draining(iter([THROTTLED])))

    steps.send_chunk(hub, event, CONTEXT)
    endpoints(hub, e0={"OptOut": "ALL"})
    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert len(sender.sent) == 1  # the throttled attempt
    assert books(hub) == {"ENDPOINT_OPT_OUT": 1}


# The books


def transient(code: str = "InternalServerError") -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "UpdateItem"
    )


@pytest.mark.parametrize("method", ["claim", "record", "counts", "take_address", "chunk"])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer lost"])
def test_the_books_balance_when_dynamodb_fails_at_any_moment(
    hub, sender, stream, monkeypatch, method, at, lost
):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 4)
    monkeypatch.setattr("engagement_hub.workers.send_chunk._WRITING_PAUSE_SECONDS", 0)
    event = chunk_of(hub, 12, Limits={"Total": 3})
    real, calls = getattr(hub.runs, method), [0]

    def failing(*arguments: Any, **others: Any) -> Any:
        calls[0] += 1
        if calls[0] == at and not lost:
            raise transient()
        answer = real(*arguments, **others)
        if calls[0] == at:
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return answer

    monkeypatch.setattr(hub.runs, method, failing)

    sent_with_retries(hub, event)
    steps.close_run(hub, event, CONTEXT)

    assert len(sender.sent) == len(set(sender.addresses))
    assert books(hub) == {"SUCCESS": 12}


def sent_with_retries(hub: Hub, event: dict[str, Any]) -> None:
    """A chunk as the state machine sends it: a step that fails is run again."""
    for _ in range(20):
        try:
            if steps.send_chunk(hub, event, CONTEXT)["Status"] == "done":
                return
        except (ClientError, ReadTimeoutError):
            continue
    raise AssertionError("the chunk does not end")


def test_a_run_that_loses_the_answer_of_every_write_sends_to_everyone_once(hub, sender, stream):
    hub.runs = RunStore("runs", AnswersLost(hub.runs._client), clock=lambda: NOW)
    segment(hub)
    people(hub, 60)

    run(hub, campaign(hub, {"Limits": {"Daily": 1}}, Limits={"Daily": 2, "Total": 1}))

    assert len(sender.sent) == len(set(sender.addresses)) == 60
    assert books(hub) == {"SUCCESS": 60}


def test_a_value_that_no_rule_foresaw_costs_only_its_own_recipient(
    hub, sender, stream, monkeypatch
):
    event = chunk_of(hub, 5)
    real = SmsPlan.render

    def render(self: Any, variables: Mapping[str, Any], *rest: Any, **others: Any) -> Any:
        if variables["Id"] == "e2":
            raise OverflowError("date value out of range")
        return real(self, variables, *rest, **others)

    monkeypatch.setattr(SmsPlan, "render", render)

    send(hub, event, event["Key"])
    steps.close_run(hub, event, CONTEXT)

    assert statuses(stream)["e2"] == "FAILURE"
    assert books(hub) == {"SUCCESS": 4, "FAILURE": 1}


def test_a_custom_endpoint_without_a_custom_channel_is_a_channel_mismatch(hub, sender, stream):
    one_shard(hub)
    segment(hub)
    people(hub, 40)
    endpoints(hub, custom={"ChannelType": "CUSTOM", "Address": "any"})
    messages = {"SMSMessage": {"Body": "Hi"}, "CustomMessage": {"Data": "x"}}

    run(hub, campaign(hub, MessageConfiguration=messages))

    assert len(sender.sent) == 40
    assert books(hub) == {"SUCCESS": 40, "ENDPOINT_CHANNEL_MISMATCH": 1}


@pytest.mark.books
def test_the_books_of_a_run_with_every_kind_of_recipient_balance(hub, sender, stream, functions):
    segment(hub)
    people(hub, 30)
    endpoints(
        hub,
        off=sms("+14255551000", EndpointStatus="INACTIVE"),
        out=sms("+14255551001", OptOut="ALL"),
        mail={"ChannelType": "EMAIL", "Address": "ann@example.com"},
    )
    sender.answers = {
        "+14255550000": SendOutcome.unknown("no answer"),
        "+14255550001": SendOutcome.refused("no"),
    }
    functions.answer = lambda payload: {
        endpoint_id: one for endpoint_id, one in payload["Endpoints"].items() if endpoint_id != "e2"
    }

    run(
        hub,
        campaign(hub, HoldoutPercent=30, Hook={"LambdaFunctionName": "f", "Mode": "FILTER"}),
    )

    found = books(hub)
    assert found.total() == 33
    assert found[SendStatus.HOLDOUT] > 0
    sent = (SendStatus.SUCCESS, SendStatus.UNKNOWN, SendStatus.FAILURE_PERMANENT)
    assert sum(found[status] for status in sent) == len(sender.sent)


@pytest.mark.books
def test_a_chunk_given_up_amid_its_claims_balances_too(hub, sender, stream, monkeypatch):
    monkeypatch.setattr("engagement_hub.workers.send_chunk._LARGEST_CLAIM", 5)
    event = chunk_of(hub, 20)
    sender.dies_after = 7
    with pytest.raises(RuntimeError):
        steps.send_chunk(hub, event, CONTEXT)

    steps.chunk_failed(hub, event, CONTEXT)
    steps.close_run(hub, event, CONTEXT)

    assert books(hub) == {"SUCCESS": 7, "UNKNOWN": 3, "FAILURE": 10}
    assert activity(hub)["Result"] == "FAIL"


@pytest.mark.books
def test_chunks_that_never_reported_are_unknown_when_the_run_is_closed(hub, sender, stream):
    event = chunk_of(hub, 3)

    steps.close_run(hub, event, CONTEXT)

    assert books(hub) == {"UNKNOWN": 3}
    assert activity(hub)["Result"] == "FAIL"


# Runs that break off


def test_a_segment_deleted_while_its_audience_is_built_fails_the_run_before_any_message(
    hub, sender, stream
):
    segment(hub)
    people(hub, 3)
    event = campaign(hub)
    opened = steps.open_run(hub, event, CONTEXT)
    steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, CONTEXT)
    hub.entities.delete(APP, Kind.SEGMENT, "seg1")

    with pytest.raises(NotFound):
        steps.seal_audience(hub, event, CONTEXT)
    steps.fail_run(hub, event, CONTEXT)

    assert sender.sent == []
    assert state(hub) == "DELETED"


def test_an_audience_that_is_empty_at_the_second_try_has_no_chunks(hub, sender, stream):
    one_shard(hub)
    segment(hub)
    people(hub, 2)
    event = campaign(hub)
    opened = steps.open_run(hub, event, CONTEXT)
    building = {**event, "Progress": opened["Progress"]}
    steps.build_audience(hub, building, CONTEXT)  # its answer was lost
    for endpoint_id in ("e0", "e1"):
        hub.endpoints.delete(APP, endpoint_id)

    steps.build_audience(hub, building, CONTEXT)

    assert steps.seal_audience(hub, event, CONTEXT)["Chunks"] == 0
    steps.close_run(hub, event, CONTEXT)
    assert activity(hub)["Result"] == "SUCCESS"


def test_an_execution_that_does_not_own_the_run_cannot_fail_it(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    event = campaign(hub)
    steps.open_run(hub, {**event, "Execution": "a"}, CONTEXT)

    steps.fail_run(hub, {**event, "Execution": "b"}, CONTEXT)

    assert state(hub) == "EXECUTING"
    assert "Result" not in activity(hub)


def test_failing_a_run_that_is_over_changes_nothing(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    event = campaign(hub)
    done = run(hub, event)

    steps.fail_run(hub, event, CONTEXT)

    assert activity(hub) == done
    assert state(hub) == "COMPLETED"
