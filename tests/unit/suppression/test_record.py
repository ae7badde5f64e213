"""The record of an address does not depend on the order and the copies of feedback."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.suppression import FeedbackKind, Reason, TransientBounces
from shared.suppression.record import demanded, first_reached, with_feedback
from tests.builders.suppression import MONDAY, THREE_A_WEEK, World, feedback

HARD, SOFT, COMPLAINT = FeedbackKind.HARD_BOUNCE, FeedbackKind.SOFT_BOUNCE, FeedbackKind.COMPLAINT
ANN = "ann@example.com"
DAY = timedelta(days=1)

# Within four weeks, as late as anything can be that waited in a queue and its dead-letter queue.
pieces = st.builds(
    lambda kind, minutes, number, sub_type: feedback(
        kind,
        ANN,
        at=MONDAY + timedelta(minutes=minutes),
        feedback_id=f"id-{number}-{kind}-{minutes}-{sub_type}",
        sub_type=sub_type,
    ),
    st.sampled_from(FeedbackKind),
    st.integers(0, 28 * 24 * 60),
    st.integers(0, 3),
    st.sampled_from([None, "OnAccountSuppressionList"]),
)


def story(*feedbacks, rule=THREE_A_WEEK):
    record = None
    for one in feedbacks:
        record = with_feedback(record, ANN, one, rule)
    return record


@given(st.lists(pieces, min_size=1, max_size=12, unique_by=lambda f: f.feedback_id), st.randoms())
def test_the_order_of_feedback_changes_nothing(feedbacks, random):
    shuffled = list(feedbacks)
    random.shuffle(shuffled)

    assert story(*shuffled) == story(*feedbacks)


@given(
    st.lists(pieces, min_size=1, max_size=8, unique_by=lambda f: f.feedback_id),
    st.randoms(),
    st.data(),
)
def test_copies_and_disorder_leave_the_same_table_and_the_same_list(feedbacks, random, data):
    orderly, messy = World(), World()
    orderly.deliver(feedbacks)
    copies = data.draw(st.lists(st.sampled_from(feedbacks), max_size=6))
    mess = [*feedbacks, *copies]
    random.shuffle(mess)

    while mess:  # in batches of any size
        batch = [mess.pop() for _ in range(random.randint(1, min(4, len(mess))))]
        assert messy.process(*batch).failed == {}

    ignored = ("revision",)  # how many writes it took
    assert {k: v for k, v in messy.item().items() if k not in ignored} == {
        k: v for k, v in orderly.item().items() if k not in ignored
    }
    assert messy.ses.suppressed == orderly.ses.suppressed


def test_a_hard_bounce_suppresses_as_bounce_and_a_complaint_as_complaint():
    assert story(feedback(HARD)).reason is Reason.BOUNCE
    assert story(feedback(COMPLAINT)).reason is Reason.COMPLAINT


@pytest.mark.parametrize("order", [(HARD, COMPLAINT), (COMPLAINT, HARD)])
def test_a_complaint_wins_over_a_bounce_in_either_order(order):
    feedbacks = [feedback(kind, at=MONDAY + n * DAY) for n, kind in enumerate(order)]
    record = story(*feedbacks)

    assert record.reason is Reason.COMPLAINT
    assert demanded(record, feedbacks[-1], THREE_A_WEEK) is Reason.COMPLAINT


def test_first_and_last_are_those_of_the_feedback_and_not_of_its_arrival():
    late, early = feedback(HARD, at=MONDAY + DAY), feedback(HARD, at=MONDAY)

    record = story(late, early)

    assert (record.first_seen, record.last_seen) == (MONDAY, MONDAY + DAY)
    assert (record.message_id, record.feedback_id) == (late.message_id, late.feedback_id)
    assert record.suppressed_at == MONDAY


def soft_bounces(*days):
    return [feedback(SOFT, at=MONDAY + day * DAY) for day in days]


@pytest.mark.parametrize(
    ("days", "reached"),
    [
        ([0], None),
        ([0, 1], None),
        ([0, 1, 2], 2),
        ([0, 0, 0], 0),
        ([0, 6, 7], 7),
        ([0, 6, 7.01], None),
        ([0, 5, 10, 15, 20], None),
        ([0, 5, 10, 11, 12], 11),
        ([12, 5, 11, 0, 10], 11),
    ],
)
def test_soft_bounces_suppress_at_the_limit_within_the_window(days, reached):
    record = story(*soft_bounces(*days))

    assert record.soft_bounces == len(days)
    assert record.reason is (None if reached is None else Reason.BOUNCE)
    assert record.suppressed_at == (None if reached is None else MONDAY + reached * DAY)


def test_a_limit_of_one_suppresses_with_the_first_soft_bounce():
    assert story(*soft_bounces(0), rule=TransientBounces(1, DAY)).reason is Reason.BOUNCE


def test_a_soft_bounce_long_after_the_limit_was_reached_demands_nothing():
    feedbacks = soft_bounces(0, 1, 2, 30)
    record = story(*feedbacks)

    demands = [demanded(record, one, THREE_A_WEEK) for one in feedbacks]

    assert demands == [Reason.BOUNCE] * 3 + [None]


def test_what_was_held_back_is_counted_and_demands_nothing():
    held = feedback(HARD, sub_type="OnAccountSuppressionList")
    record = story(held)

    assert (record.held_back, record.hard_bounces, record.reason) == (1, 0, Reason.BOUNCE)
    assert demanded(record, held, THREE_A_WEEK) is None


def test_an_item_does_not_grow_without_end():
    record = story(*soft_bounces(*(n / 100 for n in range(200))))

    assert record.soft_bounces == 200
    assert len(record.soft_bounce_times) == 30


@given(st.lists(st.integers(0, 100), max_size=10), st.integers(1, 4), st.integers(1, 30))
def test_the_limit_is_found_as_by_looking_at_every_window(days, limit, window):
    times = sorted(MONDAY + day * DAY for day in days)
    rule = TransientBounces(limit, window * DAY)

    reached = first_reached(times, rule)

    full = [end for end in times if sum(end - rule.window <= t <= end for t in times) >= limit]
    assert reached == (full[0] if full else None)
