"""The rule that decides whom a message may go to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.eligibility import (
    Cap,
    Count,
    Period,
    Rules,
    Send,
    Skip,
    SkipReason,
    address_key,
    counted,
    decide,
)

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
OWN_DAILY = Cap("c1", Period.DAY, 1)
ALL_DAILY = Cap("all", Period.DAY, 1)
TOTAL = Cap("c1", Period.EVER, 3)


def endpoint(**members: Any) -> Any:
    return {
        "Id": "e1",
        "ChannelType": "SMS",
        "Address": "+14255550100",
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        **members,
    }


def skipped(recipient: Any, rules: Rules | None = None, **moment: Any) -> str | None:
    decision = decide(recipient, rules or Rules(), **{"now": NOW, **moment})
    return decision.reason if isinstance(decision, Skip) else None


def test_an_active_endpoint_may_get_a_message_at_its_address():
    decision = decide(endpoint(), Rules(), now=NOW)

    assert decision == Send(endpoint(), "SMS", "+14255550100")


def test_a_bare_address_may_get_a_message():
    decision = decide({"ChannelType": "SMS", "Address": "+14255550100"}, Rules(), now=NOW)  # type: ignore[arg-type, typeddict-item]  # the other members are optional in practice

    assert isinstance(decision, Send)


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (None, "ENDPOINT_DELETED"),
        (endpoint(EndpointStatus="INACTIVE"), "ENDPOINT_INACTIVE"),
        (endpoint(OptOut="ALL"), "ENDPOINT_OPT_OUT"),
        (endpoint(ChannelType=""), "ENDPOINT_MISSING_CHANNEL"),
        (endpoint(Address=""), "ENDPOINT_MISSING_ADDRESS"),
    ],
)
def test_a_recipient_who_cannot_or_will_not_be_reached_is_skipped_with_the_reason(
    recipient, reason
):
    assert skipped(recipient) == reason


def test_a_channel_without_content_and_a_disabled_channel_are_told_apart():
    rules = Rules(channels=frozenset({"SMS", "EMAIL"}), disabled=frozenset({"SMS"}))

    assert skipped(endpoint(ChannelType="VOICE"), rules) == "ENDPOINT_CHANNEL_MISMATCH"
    assert skipped(endpoint(), rules) == "CHANNEL_DISABLED"
    assert skipped(endpoint(ChannelType="EMAIL"), rules) is None


def test_quiet_time_and_the_end_of_the_run_count_at_the_moment_of_the_send():
    rules = Rules(expires=NOW + timedelta(hours=2), quiet_time={"Start": "09:00", "End": "09:30"})
    recipient = endpoint(Demographic={"Timezone": "UTC"})

    moments = [NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2, seconds=1)]

    assert [skipped(recipient, rules, now=at) for at in moments] == [None, "QUIET_TIME", "EXPIRED"]


def test_the_address_of_an_endpoint_that_got_the_message_is_a_duplicate():
    assert skipped(endpoint(), sent_to="e2") == "DUPLICATE_ADDRESS"
    assert skipped(endpoint(), sent_to="e1") == "DUPLICATE_ENDPOINT"
    assert skipped(endpoint(), sent_to=None) is None


def test_a_mailbox_written_in_two_ways_is_one_mailbox():
    keys = {
        address_key("EMAIL", address)
        for address in ("Ann@Example.COM", "ann@example.com", " ann@EXAMPLE.com")
    }

    assert len(keys) == 1
    assert address_key("EMAIL", "ann@münchen.example") == address_key(
        "EMAIL", "ann@xn--mnchen-3ya.example"
    )


def test_device_tokens_differ_by_case_and_channels_never_share_an_address():
    assert address_key("GCM", "Token") != address_key("GCM", "token")
    assert address_key("SMS", "+14255550100") != address_key("VOICE", "+14255550100")


@given(st.text())
def test_every_text_has_an_address_key(text):
    assert address_key("EMAIL", text).startswith("EMAIL|")


def test_daily_refuses_before_total_and_its_refusals_do_not_use_total_up():
    caps = (TOTAL, OWN_DAILY)
    rules, counts, sent = Rules(caps=caps), dict[str, Count](), []

    for hour in range(74):
        now = NOW + timedelta(hours=hour)
        decision = decide(endpoint(), rules, now=now, counts=counts)
        if isinstance(decision, Send):
            sent.append(hour)
            counts = counted(caps, counts, now)

    assert sent == [0, 24, 48]
    assert skipped(endpoint(), rules, now=now + timedelta(days=1), counts=counts) == "CAMPAIGN_CAP"


def test_the_projects_daily_counts_messages_of_campaigns_with_a_daily_of_their_own():
    only_counted = Cap("all", Period.DAY)
    first = (Cap("c1", Period.DAY, 5), only_counted)

    counts = counted(first, {}, NOW)

    assert skipped(endpoint(), Rules(caps=(ALL_DAILY,)), counts=counts) == "DAILY_CAP"
    assert skipped(endpoint(), Rules(caps=first), counts=counts) is None


def test_a_day_begins_with_the_first_message_and_anew_with_the_first_one_after_it():
    counts = counted([OWN_DAILY], {}, NOW)
    rules = Rules(caps=(OWN_DAILY,))
    later = NOW + timedelta(days=1)

    before = skipped(endpoint(), rules, now=later - timedelta(seconds=1), counts=counts)
    after = skipped(endpoint(), rules, now=later, counts=counts)

    assert (before, after) == ("DAILY_CAP", None)
    assert counted([OWN_DAILY], counts, later)["day#c1"] == Count(1, int(later.timestamp()))


@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
)
def test_no_day_has_more_than_daily_and_no_campaign_more_than_total(daily, total, pauses):
    caps = (Cap("c1", Period.DAY, daily), Cap("c1", Period.EVER, total))
    now, counts, sent = NOW, dict[str, Count](), list[datetime]()

    for hours in pauses:
        now += timedelta(hours=hours)
        if skipped(endpoint(), Rules(caps=caps), now=now, counts=counts) is None:
            counts = counted(caps, counts, now)
            sent.append(now)

    assert len(sent) <= total
    # A period begins with its first message, so a window across two periods has two caps.
    for at in sent:
        assert sum(at <= one < at + timedelta(days=1) for one in sent) <= 2 * daily - 1


def test_every_reason_has_a_name_of_its_own():
    assert len({reason.value for reason in SkipReason}) == len(SkipReason)
