"""End User Messaging's events in the members of Pinpoint's records."""

import json
from datetime import UTC, datetime

import pytest

from shared.pinpoint_events import MalformedEvent, sms_event, two_way_event
from tests.builders.event_records import sample

ARRIVED = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def mapped(name="sms/text_delivered", **changes):
    return sms_event(sample(name) | changes, account_id="123", arrived=ARRIVED, keep_all=True)


def test_the_hubs_ids_come_out_of_the_context():
    record = mapped()

    assert record["application"]["app_id"] == "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    assert record["client"]["client_id"] == "ep-mary-sms"
    assert record["attributes"]["campaign_id"] == "4f8d6097c2e8400fa3081d8750c1e2a3"
    assert json.loads(record["attributes"]["customer_context"]) == {"account": "bar"}


@pytest.mark.parametrize("hub", ["{", "[]", "", 5, {"a": "project"}])
def test_a_broken_hub_entry_fails_the_hub_and_stays_in_the_context_in_a_database(hub):
    event = sample("sms/text_delivered") | {"context": {"account": "bar", "hub": hub}}

    record = sms_event(event, account_id="123", arrived=ARRIVED, keep_all=True)

    assert record["application"]["app_id"] is None
    assert json.loads(record["attributes"]["customer_context"]) == {"account": "bar", "hub": hub}
    with pytest.raises(MalformedEvent, match="hub"):
        sms_event(event, account_id="123", arrived=ARRIVED)


def test_a_context_that_is_no_object_stays_as_it_is():
    assert mapped(context=["a"])["attributes"]["customer_context"] == '["a"]'


@pytest.mark.parametrize(
    ("dollars", "millicents"),
    [(0.09582, 9582.0), (0.00645, 645.0), ("0.1", 10000.0), (0, 0.0), (None, None)],
)
def test_the_price_is_exact_in_millicents(dollars, millicents):
    metrics = mapped(totalMessagePrice=dollars).get("metrics", {})

    assert metrics.get("price_in_millicents_usd") == millicents


@pytest.mark.parametrize("price", ["much", True, [1], "1e999", "NaN"])
def test_a_price_that_is_none_stays_an_attribute(price):
    record = mapped(totalMessagePrice=price)

    assert "metrics" not in record
    assert record["attributes"]["total_message_price"] == (
        price if isinstance(price, str) else json.dumps(price)
    )


def test_members_that_pinpoint_lacks_are_attributes():
    delivered = mapped()["attributes"]
    blocked = mapped("sms/text_protect_blocked")["attributes"]

    assert delivered["carrier_name"] == "Example Wireless"
    assert delivered["is_final"] == "true"
    assert blocked["protect_status"] == "BLOCK"
    assert blocked["message_status"] == "PROTECT_BLOCKED"


def test_without_them_a_text_has_pinpoints_attributes_alone():
    record = sms_event(sample("sms/text_delivered"), account_id="123", arrived=ARRIVED)

    assert set(record["attributes"]) == {
        *sample("pinpoint/sms_success_campaign")["attributes"],
        "customer_context",
    }


def test_a_members_name_that_is_taken_stays_as_it_was():
    attributes = mapped(recordStatus="theirs", treatmentId="x")["attributes"]

    assert attributes["record_status"] == "DELIVERED"
    assert attributes["recordStatus"] == "theirs"
    assert attributes["treatmentId"] == "x"


@pytest.mark.parametrize("member", ["eventType", "messageId", "eventTimestamp"])
def test_an_event_without_a_needed_member_names_it(member):
    with pytest.raises(MalformedEvent, match=member):
        mapped(**{member: None})


@pytest.mark.parametrize("moment", ["noon", True, -1, 1e300, float("inf"), "1e5"])
def test_a_time_that_is_none_is_malformed(moment):
    with pytest.raises(MalformedEvent, match="eventTimestamp"):
        mapped(eventTimestamp=moment)


@pytest.mark.parametrize("moment", [1772471234512, 1772471234512.0, "1772471234512"])
def test_a_time_may_be_written_in_three_ways(moment):
    assert mapped(eventTimestamp=moment)["event_timestamp"] == 1772471234512


def test_a_persons_text_names_the_person_as_the_destination_as_other_events_do():
    event = sample("two_way_sms/opt_out_stop")

    record = two_way_event(event, account_id="123", arrived=ARRIVED)

    attributes = record["attributes"]
    assert attributes["destination_phone_number"] == event["originationNumber"]
    assert attributes["origination_phone_number"] == event["destinationNumber"]
    assert attributes["message_keyword"] == "STOP"
    assert attributes["previous_published_message_id"] == event["previousPublishedMessageId"]
    assert record["event_timestamp"] == record["arrival_timestamp"]


@pytest.mark.parametrize("member", ["inboundMessageId", "originationNumber"])
def test_a_persons_text_without_a_needed_member_names_it(member):
    event = sample("two_way_sms/opt_out_stop")
    del event[member]

    with pytest.raises(MalformedEvent, match=member):
        two_way_event(event, account_id="123", arrived=ARRIVED)
