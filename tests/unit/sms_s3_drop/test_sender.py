"""Rows are sent at most once, at the pace of their number, and every row has an outcome."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.local_hours import Hours
from shared.send_outcome import DeliveryStatus, SendOutcome
from sms_s3_drop.ledger import Status, UnknownRun
from sms_s3_drop.report import NOT_REACHED
from sms_s3_drop.sender import OUT_OF_TIME, STOPPED, MalformedPermit, Rules, permit_from
from sms_s3_drop.turns import Permit
from tests.builders.architectures import service_error
from tests.builders.sms_drop import (
    HEADER,
    LEASE_SECONDS,
    NOON,
    Clock,
    Drop,
    csv_file,
    identities,
    identity,
    number,
)

THROTTLED = SendOutcome(DeliveryStatus.THROTTLED, 429, "The sending rate is exceeded.")
SLOW = identities(identity(rate=1))


def statuses(drop: Drop, run: str) -> list[Status]:
    return [line.status for line in drop.result(run)]


def test_each_row_is_sent_from_its_own_number_with_its_own_type_and_context():
    drop = Drop(identities(identity("alerts"), identity("code", name="12345")))
    rows = [
        f"{number(1)},One,c1,12345,TRANSACTIONAL,a,b",
        f"{number(2)},Two,c2,+12065550100,PROMOTIONAL,,",
        f"{number(1)},Three,c1,12345,PROMOTIONAL,a,b",
    ]

    drop.drop("r", "\n".join([HEADER, *rows]).encode())
    drop.work()

    sent = sorted(
        (key, text.body, text.message_type, dict(text.context)) for _, key, text in drop.phone.sent
    )
    assert sent == [
        ("alerts", "Two", "PROMOTIONAL", {"external_campaign_id": "c2"}),
        ("code", "One", "TRANSACTIONAL", {"external_campaign_id": "c1", "id_1": "a", "id_2": "b"}),
        ("code", "Three", "PROMOTIONAL", {"external_campaign_id": "c1", "id_1": "a", "id_2": "b"}),
    ]


def test_the_same_number_twice_in_a_file_gets_both_messages():
    drop = Drop(SLOW)

    drop.drop("r", csv_file(1) + csv_file(1).split(b"\n", 1)[1])
    drop.work()

    assert drop.phone.numbers() == [number(0), number(0)]


def test_every_row_has_a_line_in_the_result_and_the_counts_add_up():
    drop = Drop(SLOW)
    bad = b"nonsense\n+1,,,,,,\n" + b"+14255550999,Hi,c,+19995550100,TRANSACTIONAL,,\n"
    drop.phone.answers[number(1)] = deque([SendOutcome(DeliveryStatus.OPT_OUT, 400, "Opted out.")])
    drop.phone.answers[number(2)] = deque([SendOutcome.refused("Refused (X).")])
    drop.phone.answers[number(3)] = deque([SendOutcome.unknown("No answer.")])

    drop.drop("r", csv_file(12) + bad)
    drop.work()

    lines = drop.result("r")
    assert [line.row for line in lines] == list(range(2, 17))
    assert Counter(line.status for line in lines) == {
        Status.SENT: 9,
        Status.OPTED_OUT: 1,
        Status.FAILED: 1,
        Status.UNKNOWN: 1,
        Status.REJECTED: 3,
    }
    assert all(line.reason for line in lines if line.status is not Status.SENT)
    assert all(line.message_id for line in lines if line.status is Status.SENT)
    assert drop.progress("r").waiting == 0
    assert sum(drop.progress("r").counts.values()) == drop.progress("r").rows == 15


def test_a_permit_that_is_delivered_again_sends_nothing_again():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(20))
    permits = [permit for _, _, permit in drop.queue]
    drop.work()

    for permit in permits * 2:
        drop.deliver(permit)

    assert sorted(drop.phone.numbers()) == sorted(number(n) for n in range(20))


def test_a_file_that_is_cut_and_enqueued_again_sends_nothing_again():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(20))
    drop.work(most=2)

    drop.drop("r", csv_file(20))
    drop.work()

    assert sorted(drop.phone.numbers()) == sorted(number(n) for n in range(20))
    assert set(statuses(drop, "r")) == {Status.SENT}


def test_a_sender_that_dies_while_it_sends_leaves_one_unknown_row_that_is_never_sent_again():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(5))
    permit = drop.queue.pop()[2]

    def die(text: Any) -> None:
        if text.number == number(2):
            raise KeyboardInterrupt

    drop.phone.fail = die
    with pytest.raises(KeyboardInterrupt):
        drop.deliver(permit)
    drop.phone.fail = None
    drop.clock.now += LEASE_SECONDS + 1
    drop.deliver(permit)

    assert [line.status for line in drop.result("r")] == [
        Status.SENT,
        Status.SENT,
        Status.UNKNOWN,
        Status.SENT,
        Status.SENT,
    ]
    assert number(2) not in drop.phone.numbers()


def test_a_row_in_the_hands_of_another_sender_is_left_until_that_one_is_surely_dead():
    drop = Drop(SLOW)
    run = drop.drop("r", csv_file(1))
    chunk = run.lanes["alerts"].chunk("r", 0)
    drop.ledger.claim(chunk, 2, None)
    claimed_at = drop.clock.now

    drop.deliver(drop.queue.pop()[2])
    due, _, _ = drop.queue[0]
    drop.work()

    assert due >= claimed_at + LEASE_SECONDS
    assert drop.phone.sent == []
    assert statuses(drop, "r") == [Status.UNKNOWN]


def test_the_answer_of_a_claim_is_lost_and_the_message_goes_out_once(monkeypatch):
    drop = Drop(SLOW)
    drop.drop("r", csv_file(1))
    put, lost = drop.dynamodb.put_item, []

    def lose(**request: Any) -> Any:
        answer = put(**request)
        if "holder" in request["Item"] and not lost:
            lost.append(1)
            return put(**request)  # botocore repeats a call whose answer is lost
        return answer

    monkeypatch.setattr(drop.dynamodb, "put_item", lose)
    drop.work()

    assert lost
    assert drop.phone.numbers() == [number(0)]
    assert statuses(drop, "r") == [Status.SENT]


def test_an_outcome_that_cannot_be_written_is_unknown_and_not_sent_again(monkeypatch):
    drop = Drop(SLOW)
    drop.drop("r", csv_file(1))
    permit = drop.queue.pop()[2]

    def refuse(*_: Any) -> None:
        raise service_error("UpdateItem", "InternalServerError", 500)

    with monkeypatch.context() as patch:
        patch.setattr(drop.ledger, "record", refuse)
        with pytest.raises(ClientError):
            drop.deliver(permit)

    drop.clock.now += LEASE_SECONDS + 1
    drop.deliver(permit)

    assert drop.phone.numbers() == [number(0)]
    assert statuses(drop, "r") == [Status.UNKNOWN]


def test_a_throttled_message_is_tried_again_later_and_sent_once():
    drop = Drop(SLOW)
    drop.phone.answers[number(0)] = deque([THROTTLED, THROTTLED])

    drop.drop("r", csv_file(3))
    drop.work()

    assert Counter(drop.phone.numbers()) == {number(n): 1 for n in range(3)}
    sent_at = next(at for at, _, text in drop.phone.sent if text.number == number(0))
    assert sent_at >= NOON + 30 + 60
    assert set(statuses(drop, "r")) == {Status.SENT}


def test_a_message_that_stays_throttled_fails_after_the_maximum_age():
    drop = Drop(SLOW, rules=Rules(retry_seconds=600))
    drop.phone.answers[number(0)] = deque([THROTTLED] * 100)

    drop.drop("r", csv_file(1))
    drop.work()

    [line] = drop.result("r")
    assert line.status is Status.FAILED
    assert "Given up" in str(line.reason)
    assert drop.clock.now <= NOON + 600
    assert drop.phone.attempts > 3


def test_a_message_that_runs_out_of_the_hours_of_its_file_fails_without_being_sent():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(10), hours=5 / 3600)

    drop.work()

    sent, failed = (
        Counter(statuses(drop, "r"))[Status.SENT],
        Counter(statuses(drop, "r"))[Status.FAILED],
    )
    assert (sent + failed, sent) == (10, len(drop.phone.sent))
    assert 4 <= sent <= 5
    assert {line.reason for line in drop.result("r") if line.status is Status.FAILED} == {
        OUT_OF_TIME
    }


def test_a_run_that_is_stopped_sends_nothing_more_and_its_rows_are_told():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(10))
    drop.work(most=1)

    stopped = drop.ledger.stop("r")

    assert stopped
    assert Counter(statuses(drop, "r")) == {Status.SENT: 5, Status.FAILED: 5}
    assert {line.reason for line in drop.result("r") if line.status is Status.FAILED} == {
        NOT_REACHED
    }
    drop.work()
    assert len(drop.phone.sent) == 5
    assert {line.reason for line in drop.result("r") if line.status is Status.FAILED} == {STOPPED}


@pytest.mark.parametrize("end", ["never began", "closed", "stopped and closed", "out of time"])
def test_a_run_that_is_not_being_sent_cannot_be_stopped(end):
    drop = Drop(SLOW)
    if end != "never began":
        drop.drop("r", csv_file(1), hours=1)
    if end == "stopped and closed":
        drop.ledger.stop("r")
    if end.endswith("closed"):
        drop.ledger.close("r")
    if end == "out of time":
        drop.clock.now += 3601
    before = drop.ledger.run("r")

    stopped = drop.ledger.stop("r")

    assert not stopped
    assert drop.ledger.run("r") == before


@pytest.mark.parametrize("end", ["closed", "stopped"])
def test_a_file_that_is_over_does_not_use_up_the_permits_of_another(end):
    drop = Drop(SLOW)
    drop.drop("dead", csv_file(500))
    drop.queue.clear()  # the execution failed before it enqueued the permits
    drop.ledger.stop("dead")
    if end == "closed":
        drop.ledger.close("dead")
    drop.drop("alive", csv_file(50, first=5000))

    drop.work()

    assert drop.phone.numbers() == [number(5000 + n) for n in range(50)]


def test_a_permit_that_passed_over_a_closed_run_is_spent_on_the_same_chunk_again():
    drop = Drop(SLOW)
    drop.drop("dead", csv_file(5))
    drop.queue.clear()
    drop.ledger.close("dead")
    drop.drop("alive", csv_file(10, first=5000))
    permit = drop.queue[0][2]

    _deliver_and_die(drop, permit, 2, is_sent=False)
    drop.clock.now += LEASE_SECONDS + 1
    drop.work()

    assert Counter(statuses(drop, "alive")) == {Status.SENT: 9, Status.UNKNOWN: 1}


def test_a_permit_that_passes_over_closed_runs_leaves_before_its_time_is_over():
    drop = Drop(SLOW)
    for n in range(3):
        drop.drop(f"dead{n}", csv_file(5))
        drop.ledger.close(f"dead{n}")
    drop.drop("living", csv_file(5, first=5000))
    permit = drop.queue[-1][2]
    drop.queue.clear()

    drop.deliver(permit, seconds=30)
    sent_at_once = len(drop.phone.sent)
    drop.work()

    assert sent_at_once == 0
    assert len(drop.phone.sent) == 5


def test_the_result_takes_one_query_for_each_piece():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(1200))
    before = drop.dynamodb.calls["Query"]

    lines = drop.result("r")

    assert len(lines) == 1200
    assert drop.dynamodb.calls["Query"] - before == 2


def test_rows_that_an_invocation_has_no_time_for_are_sent_by_the_next():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(5))

    drop.deliver(drop.queue.pop()[2], seconds=32)
    first = len(drop.phone.sent)
    drop.work()

    assert 1 <= first < 5
    assert sorted(drop.phone.numbers()) == [number(n) for n in range(5)]


@pytest.mark.parametrize(("rate", "rows"), [(0.5, 30), (1, 60), (2, 120)])
def test_a_number_keeps_its_rate_within_two_percent_and_never_exceeds_it(rate, rows):
    drop = Drop(identities(identity(rate=rate)))
    drop.drop("r", csv_file(rows))

    drop.work()

    times = sorted(at for at, _, _ in drop.phone.sent)
    assert len(times) == rows
    measured = (rows - 1) / (times[-1] - times[0])
    assert rate * 0.98 <= measured <= rate
    window = max(1, 1 / rate)
    for first in times:
        assert sum(first <= at < first + window for at in times) <= rate * window


class LateClock(Clock):
    """The clock of a machine that wakes a thread later than it asked for, up to `late` seconds."""

    def __init__(self, late: float) -> None:
        super().__init__()
        self._late = late
        self._random = Random(7)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + self._random.uniform(0, self._late))


@pytest.mark.parametrize("late", [0.005, 0.05, 0.5, 3])
@pytest.mark.parametrize("rate", [1, 10, 100])
def test_a_machine_that_starts_calls_late_never_exceeds_the_rate(rate, late):
    drop = Drop(identities(identity(rate=rate)), clock=LateClock(late))
    drop.drop("r", csv_file(30))

    drop.work()

    times = sorted(at for at, _, _ in drop.phone.sent)
    assert len(times) == 30
    for first in times:
        assert sum(first <= at < first + 1 for at in times) <= rate


def test_a_number_that_is_busy_for_minutes_is_not_asked_again_and_again():
    drop = Drop(identities(identity(rate=0.1)))
    long = "😀" * 670  # 20 parts, 203 seconds
    rows = [f"{number(n)},{long},c,+12065550100,TRANSACTIONAL,," for n in range(4)]
    drop.drop("r", "\n".join([HEADER, *rows]).encode())

    deliveries = drop.work()

    assert len(drop.phone.sent) == 4
    assert deliveries < 40


def test_a_message_of_three_parts_takes_the_time_of_three():
    drop = Drop(SLOW)
    body = "x" * 400
    content = f"{HEADER}\n" + f"{number(1)},{body},c,,TRANSACTIONAL,,\n" * 4
    drop.identities = identities(identity(rate=1), default="alerts")

    drop.drop("r", content.encode())
    drop.work()

    times = [at for at, _, _ in drop.phone.sent]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert all(3 <= gap <= 3.06 for gap in gaps)


def test_two_files_share_the_rate_of_a_number_and_a_small_file_overtakes_a_huge_one():
    drop = Drop(SLOW)
    drop.drop("huge", csv_file(500))
    drop.work(most=3)
    drop.drop("small", csv_file(10, first=5000))
    before = len(drop.phone.sent)

    drop.work(most=4)

    small = [text for _, _, text in drop.phone.sent[before:] if text.number >= number(5000)]
    assert len(small) == 10
    assert len(drop.phone.sent) - before == 20


def test_a_retried_chunk_of_a_small_file_is_not_behind_the_rest_of_a_huge_one():
    drop = Drop(SLOW)
    drop.phone.answers[number(5000)] = deque([THROTTLED])
    drop.drop("huge", csv_file(2000))
    drop.drop("small", csv_file(1, first=5000))

    for _ in range(60):
        drop.work(most=1)
        if number(5000) in drop.phone.numbers():
            break

    assert number(5000) in drop.phone.numbers()


def test_rows_wait_for_the_hours_of_the_recipients_zone():
    morning = datetime(2026, 11, 30, 12, 0, tzinfo=UTC).timestamp()  # 07:00 in New York
    hours = Rules(retry_seconds=60, hours=Hours.of("09:00", "20:00"))
    drop = Drop(identities(identity(rate=1), default="alerts"), rules=hours, clock=Clock(morning))
    rows = [
        "+12125550123,New York,,,TRANSACTIONAL,,",
        "+442079460123,London,,,TRANSACTIONAL,,",
    ]

    drop.drop("r", "\n".join([HEADER, *rows]).encode())
    drop.work()

    sent = {text.body: datetime.fromtimestamp(at, UTC) for at, _, text in drop.phone.sent}
    assert sent["London"].hour == 12
    assert sent["New York"].hour == 14
    assert sent["New York"].minute == 0


NEW_YORK = "+12125550123,Hi,,,TRANSACTIONAL,,"
EIGHT_PM = datetime(2026, 12, 1, 1, 0, tzinfo=UTC).timestamp()  # in New York


def test_a_row_whose_start_is_after_the_hours_waits_for_the_next_day():
    hours = Rules(retry_seconds=60, hours=Hours.of("09:00", "20:00"))
    known = identities(identity(rate=1), default="alerts")
    drop = Drop(known, rules=hours, clock=Clock(EIGHT_PM - 3))
    drop.drop("r", "\n".join([HEADER, *[NEW_YORK] * 5]).encode())

    drop.work()

    times = [datetime.fromtimestamp(at, UTC) for at, _, _ in drop.phone.sent]
    assert len(times) == 5
    assert {at.hour for at in times} == {0, 14}


def test_rows_in_their_hours_are_sent_at_once_at_any_fraction_of_a_second():
    hours = Rules(retry_seconds=60, hours=Hours.of("09:00", "20:00"))
    known = identities(identity(rate=1), default="alerts")
    drop = Drop(known, rules=hours, clock=Clock(EIGHT_PM - 3600 + 7.5e-7))
    drop.drop("r", "\n".join([HEADER, *[NEW_YORK] * 5]).encode())

    deliveries = drop.work()

    assert (deliveries, len(drop.phone.sent)) == (1, 5)


def test_a_run_whose_files_are_deleted_sends_nothing():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(3))
    drop.ledger.close("r")

    drop.work()

    assert drop.phone.sent == []


def test_a_permit_of_an_unknown_run_is_no_permit_to_forget():
    drop = Drop(SLOW)
    drop.drop("r", csv_file(1))
    drop.dynamodb.delete_item(TableName=drop.table, Key={"pk": {"S": "run#r"}, "sk": {"S": "run"}})

    with pytest.raises(UnknownRun, match="Drop its file again"):
        drop.work()


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "permit",
        {},
        {"run": "r"},
        {"run": "r", "identity": "alerts"},
        {"run": "r", "identity": "alerts", "permit": 7},
        {"run": 7, "identity": "alerts", "permit": "7"},
        {"run": "r", "identity": None, "permit": "7"},
        {"run": "r", "identity": ["alerts"], "permit": "7"},
        {"Run": "r", "Identity": "alerts", "Permit": "7"},
        7,
        True,
        {"run": "r", "identity": "alerts", "permit": {}},
        {"Records": []},
        {"run": b"r", "identity": "alerts", "permit": "7"},
    ],
)
def test_a_message_that_is_no_permit_is_refused_by_its_form(body):
    with pytest.raises(MalformedPermit, match="Not a permit"):
        permit_from(body)


def test_a_permit_survives_the_queue():
    permit = Permit.first("r", "alerts", 12)

    assert permit_from(permit.body()) == permit


@settings(max_examples=60)
@given(
    files=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    trouble=st.lists(st.sampled_from(["die", "lose", "again", "throttle"]), max_size=8),
    data=st.data(),
)
def test_whatever_happens_no_row_is_lost_and_none_is_sent_twice(files, trouble, data):
    drop = Drop(SLOW)
    for n, rows in enumerate(files):
        drop.drop(f"run{n}", csv_file(rows, first=1000 * n))
    for kind in trouble:
        if not drop.queue:
            break
        place = data.draw(st.integers(0, len(drop.queue) - 1))
        permit = drop.queue[place][2]
        if kind == "again":
            drop.requeue(drop.identities.by_key["alerts"], permit, 0)
        elif kind == "throttle":
            drop.phone.answers[number(data.draw(st.integers(0, 30)))] = deque([THROTTLED])
        else:
            after = data.draw(st.integers(0, 4))
            _deliver_and_die(drop, permit, after, is_sent=kind == "lose")
            drop.clock.now += 720  # the visibility timeout
    drop.work()

    for n, rows in enumerate(files):
        lines = drop.result(f"run{n}")
        assert len(lines) == rows
        assert {line.status for line in lines} <= {Status.SENT, Status.UNKNOWN}
    assert max(Counter(drop.phone.numbers()).values(), default=0) <= 1


def _deliver_and_die(drop: Drop, permit: Permit, after: int, *, is_sent: bool) -> None:
    """Deliver a permit to a sender that dies at a message, after or before it is taken."""
    left = [after]

    def die(text: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            if is_sent:
                drop.phone.sent.append((drop.clock.now, "alerts", text))
            raise KeyboardInterrupt

    drop.phone.fail = die
    try:
        drop.deliver(permit)
    except KeyboardInterrupt:
        pass
    finally:
        drop.phone.fail = None
