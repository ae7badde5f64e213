"""The last word of a number counts, in whatever order its messages arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_self_managed_opt_outs.preferences import (
    Outcome,
    Status,
    decide,
    opted_in,
    opted_out,
)

IN, OUT = Status.OPTED_IN, Status.OPTED_OUT
CATEGORIES = ("promotional", "transactional")


def after(*messages):
    """Preferences and outcomes after messages (status, category, time), as they arrive."""
    known, outcomes = {}, []
    for status, category, at in messages:
        decision = decide(status, category, known, said_at=at, message_id=f"m{at}")
        outcomes.append(decision.outcome)
        known |= {write.category: write for write in decision.writes}
    return known, outcomes


@pytest.mark.parametrize(
    ("messages", "out"),
    [
        ([], ()),
        ([(OUT, "promotional", 1)], ("promotional",)),
        ([(OUT, "promotional", 1), (IN, "promotional", 2)], ()),
        ([(IN, "promotional", 2), (OUT, "promotional", 1)], ()),
        ([(OUT, "all", 1)], ("all", *CATEGORIES)),
        ([(OUT, "all", 1), (IN, "all", 2)], ()),
        ([(OUT, "all", 1), (IN, "promotional", 2)], ("transactional",)),
        ([(OUT, "promotional", 1), (IN, "all", 2)], ()),
        ([(IN, "all", 2), (OUT, "promotional", 1)], ()),
        ([(IN, "all", 1), (OUT, "promotional", 2)], ("promotional",)),
        ([(OUT, "promotional", 1), (OUT, "all", 2)], ("all", *CATEGORIES)),
        ([(OUT, "all", 2), (OUT, "promotional", 3)], ("all", *CATEGORIES)),
    ],
)
def test_categories_that_may_not_be_sent(messages, out):
    assert opted_out(after(*messages)[0], CATEGORIES) == out


def test_a_second_stop_changes_nothing_and_keeps_the_time_of_the_first():
    known, outcomes = after((OUT, "promotional", 1), (OUT, "promotional", 5))

    assert outcomes == [Outcome.CHANGED, Outcome.ALREADY]
    assert (known["promotional"].changed_at, known["promotional"].said_at) == (1, 5)


def test_a_stop_that_arrives_after_a_later_start_is_superseded():
    assert after((IN, "all", 2), (OUT, "promotional", 1))[1] == [
        Outcome.CHANGED,
        Outcome.SUPERSEDED,
    ]


def test_a_stop_of_a_category_after_a_stop_of_all_changes_nothing():
    assert after((OUT, "all", 1), (OUT, "promotional", 2))[1][1] is Outcome.ALREADY


def test_a_start_of_a_stranger_is_a_change_so_that_it_is_answered_and_recorded():
    known, outcomes = after((IN, "all", 1))

    assert outcomes == [Outcome.CHANGED]
    assert opted_in(known, CATEGORIES) == CATEGORIES


MESSAGES = st.lists(
    st.tuples(st.sampled_from([IN, OUT]), st.sampled_from(["promotional", "transactional", "all"])),
    min_size=1,
    max_size=6,
)


@given(MESSAGES, st.randoms())
def test_the_order_of_arrival_does_not_change_what_may_be_sent(said, random):
    messages = [(status, category, at) for at, (status, category) in enumerate(said)]
    shuffled = list(messages)
    random.shuffle(shuffled)

    there, _ = after(*messages)
    here, _ = after(*shuffled)

    words = lambda known: [one for one in opted_out(known, CATEGORIES) if one != "all"]  # noqa: E731
    assert words(here) == words(there)
    assert opted_in(here, CATEGORIES) == opted_in(there, CATEGORIES)


@given(MESSAGES)
def test_a_message_that_is_decided_again_changes_nothing(said):
    messages = [(status, category, at) for at, (status, category) in enumerate(said)]
    known, _ = after(*messages)
    status, category, at = messages[-1]

    again = decide(status, category, known, said_at=at, message_id=f"m{at}")

    assert again.outcome is Outcome.ALREADY
    after_it = known | {write.category: write for write in again.writes}
    assert opted_out(after_it, CATEGORIES) == opted_out(known, CATEGORIES)


@pytest.mark.parametrize(
    ("messages", "out"),
    [
        ([(OUT, "promotional", 1), (IN, "all", 1)], ()),
        ([(IN, "all", 1), (OUT, "promotional", 1)], ("promotional",)),
        ([(IN, "promotional", 1), (OUT, "all", 1)], ("all", *CATEGORIES)),
        ([(OUT, "all", 1), (IN, "promotional", 1)], ("transactional",)),
    ],
)
def test_messages_of_one_millisecond_count_in_the_order_in_which_they_are_recorded(messages, out):
    assert opted_out(after(*messages)[0], CATEGORIES) == out
