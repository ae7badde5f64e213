"""Which events are sends, and the keys of their messages."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_archiver.keys import (
    encoded,
    endpoint_of,
    endpoint_prefix,
    hour_of,
    message_key,
    send_id,
)
from shared.sent_messages.sends import NotRenderable, Send, read_send
from tests.builders.archive import CAMPAIGN, SENT_AT, campaign_send, journey_send
from tests.builders.event_records import sample, samples
from tests.builders.random_input import fuzz, json_values


def send(event):
    found = read_send(event)
    assert found is not None
    return found


def test_a_send_of_a_campaign_has_its_ids_its_endpoint_and_its_time():
    found = send(campaign_send("e1", treatment_id="2"))

    assert (found.origin, found.endpoint_id, found.sent_at) == ("campaign", "e1", SENT_AT)
    assert found.ids == {"campaign_id": CAMPAIGN, "campaign_activity_id": "a1", "treatment_id": "2"}
    assert (found.endpoint["Id"], found.user_id, found.address) == ("e1", "ann", "+14255550100")


@pytest.mark.parametrize("status", ["FAILURE", "DAILY_CAP", "HOLDOUT", "UNKNOWN", "", None])
def test_a_failed_send_is_not_archived_as_sent(status):
    assert read_send(campaign_send(campaign_send_status=status)) is None
    assert read_send(journey_send(journey_send_status=status)) is None


def test_only_sends_of_campaigns_and_journeys_are_sends():
    kinds = {
        sample(name)["event_type"]
        for name in samples("pinpoint")
        if isinstance(sample(name), dict) and _is_send(sample(name))
    }

    assert kinds == {"_campaign.send", "_journey.send"}


def _is_send(event):
    try:
        return read_send(event) is not None
    except NotRenderable:
        return True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"application": None}, "application.app_id"),
        ({"application": {"app_id": ""}}, "application.app_id"),
        ({"application": {"app_id": 7}}, "application.app_id"),
        ({"client": {}}, "client.client_id"),
        ({"client": "e1"}, "client.client_id"),
        ({"client": {"client_id": None}}, "client.client_id"),
        ({"event_timestamp": None}, "event_timestamp"),
        ({"event_timestamp": "2026-05-03"}, "event_timestamp"),
        ({"event_timestamp": True}, "event_timestamp"),
        ({"event_timestamp": -1}, "event_timestamp"),
        ({"event_timestamp": 10**18}, "event_timestamp"),
        ({"event_timestamp": float("nan")}, "event_timestamp"),
        ({"client_context": None}, "client_context.custom.endpoint"),
        ({"client_context": {"custom": {}}}, "client_context.custom.endpoint"),
        ({"client_context": {"custom": {"endpoint": {}}}}, "client_context.custom.endpoint"),
        ({"client_context": {"custom": {"endpoint": "{"}}}, "client_context.custom.endpoint"),
        ({"client_context": {"custom": {"endpoint": "[1]"}}}, "client_context.custom.endpoint"),
        ({"client_context": {"custom": {"endpoint": "[" * 9999}}}, "client_context"),
    ],
)
def test_an_event_that_lacks_a_member_says_which(change, reason):
    with pytest.raises(NotRenderable, match=reason):
        read_send(campaign_send() | change)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (campaign_send(campaign_id=None), "attributes.campaign_id"),
        (journey_send(journey_id=None), "attributes.journey_id"),
        (journey_send(journey_activity_id=""), "attributes.journey_activity_id"),
    ],
)
def test_an_event_without_the_id_of_its_sender_says_which(event, reason):
    with pytest.raises(NotRenderable, match=reason):
        read_send(event)


@fuzz(200)
@given(json_values())
def test_any_json_is_a_send_or_not_or_refused(value):
    event = campaign_send()
    event["client_context"] = {"custom": {"endpoint": json.dumps(value)}}
    for one in ({"event_type": "_campaign.send", "attributes": value}, event):
        try:
            read_send(one)
        except NotRenderable as error:
            assert str(error)


def test_the_key_has_endpoint_and_hour_as_documented():
    key = message_key(send(campaign_send("e1")))

    assert key.startswith("archive/e1/2026/05/03/10/20260503T101530123Z-")
    assert key.endswith(".eml")
    assert hour_of(key) == "2026/05/03/10"


def test_a_repeated_event_has_the_same_key_and_another_send_has_another():
    key = message_key(send(campaign_send()))

    assert message_key(send(campaign_send())) == key
    others = [
        campaign_send("e2"),
        campaign_send(at=SENT_AT + timedelta(milliseconds=1)),
        campaign_send(campaign_id="d"),
        campaign_send(campaign_activity_id="a2"),
        campaign_send(treatment_id="1"),
        journey_send(),
    ]
    assert len({key, *(message_key(send(one)) for one in others)}) == 7


def test_two_passes_of_one_activity_share_their_send_id_at_two_times():
    first, second = send(journey_send()), send(journey_send(at=SENT_AT + timedelta(hours=1)))

    assert send_id(first) == send_id(second)
    assert message_key(first) != message_key(second)


@given(st.text(min_size=1, max_size=200))
def test_the_segment_of_an_endpoint_is_reversible_and_safe_in_a_key(endpoint_id):
    segment = encoded(endpoint_id)

    assert segment.isascii() and "/" not in segment and segment.strip(".")
    assert len(segment) <= 900
    if not segment.startswith("~"):
        assert endpoint_of(segment) == endpoint_id


@pytest.mark.parametrize("endpoint_id", ["a/b", "../x", "..", "~x", "a b+%2F", "büro", "\ud800"])
def test_an_endpoint_id_stays_within_its_own_folder(endpoint_id):
    prefix = endpoint_prefix(endpoint_id)

    assert prefix.count("/") == 2
    assert endpoint_of(prefix.split("/")[1]) == endpoint_id


def test_a_long_id_becomes_its_digest_and_the_key_fits_into_s3():
    segment = encoded("\U0001f600" * 250)

    assert segment.startswith("~") and len(segment) == 65
    assert endpoint_of(segment) is None
    assert encoded("\U0001f600" * 249) != segment


def test_times_of_any_zone_are_utc_in_the_key():
    at = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)

    assert "/2026/01/01/00/" in message_key(send(campaign_send(at=at)))
    assert isinstance(send(campaign_send(at=at)), Send)
