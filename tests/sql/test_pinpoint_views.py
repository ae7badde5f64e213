"""The views of pinpoint_event_database: rows made by its transform, answers by Athena."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from shared.pinpoint_events import email_event
from tests.builders.event_database import VIEWS, EventDatabase, hours_ago, read_view
from tests.builders.event_records import sample, samples
from tests.builders.message_events import (
    ANN,
    BOB,
    after,
    campaign_send,
    email_bounced,
    email_clicked,
    email_complained,
    email_delayed,
    email_opened,
    email_sent,
    text,
)

BASIC = (
    "event_timestamp arrival_timestamp application_id endpoint_id pinpoint_campaign_id "
    "pinpoint_treatment_id aws_account_id"
)
EMAIL = f"{BASIC} message_id message_send_timestamp from_address destination"
BOUNCE = (
    f"{EMAIL} bounce_type bounce_sub_type feedback_id reporting_mta "
    "bounced_recipient_email_address bounced_recipient_action bounced_recipient_status "
    "bounced_recipient_diagnostic_code"
)
SMS = (
    f"{BASIC} sender_request_id destination_phone_number record_status iso_country_code "
    "number_of_message_parts message_id message_type price_in_millicents_usd"
)
# The original's views: their columns in their order; message_tags and the hour of ingest follow.
ORIGINAL = {
    "email_send": f"{EMAIL} subject",
    "email_delivered": (
        f"{EMAIL} subject smtp_response reporting_mta recipients processing_time_millis"
    ),
    "email_hardbounce": BOUNCE,
    "email_softbounce": BOUNCE,
    "email_complaint": (
        f"{EMAIL} complained_email_address feedback_id user_agent complaint_feedback_type"
    ),
    "email_open": f"{EMAIL} subject ip_address user_agent",
    "email_click": f"{EMAIL} subject ip_address user_agent link",
    "email_unsubscribe": f"{EMAIL} subject ip_address user_agent link unsubscribelinktag",
    "email_rejected": f"{EMAIL} subject reject_reason",
    "sms_buffered": SMS,
    "sms_success": f"{SMS} origination_phone_number",
    "sms_failure": SMS.replace(" message_type", ""),
    "sms_optout": f"{SMS} origination_phone_number",
    "campaign_send": BASIC,
    "journey_send": (
        "event_timestamp arrival_timestamp application_id endpoint_id journey_run_id "
        "journey_send_status journey_id journey_activity_id aws_account_id"
    ),
}
DECLARED = {
    path.stem: [name for name, _ in read_view(path).columns]
    for path in VIEWS
    if path.parts[-3] == "pinpoint_event_database"
}
# Of what all events are in one of the others.
OVERVIEWS = {"events", "all_email_events", "all_phone_events"}
EMAIL_VIEWS = sorted(name for name in DECLARED if name.startswith("email_"))


@pytest.mark.parametrize("name", ORIGINAL)
def test_a_view_of_the_original_has_its_columns_in_their_order(name: str) -> None:
    original = [*ORIGINAL[name].split(), "message_tags"]

    assert DECLARED[name][: len(original)] == original
    assert DECLARED[name][-2:] == ["ingest_timestamp", "ingest_hour"]


@pytest.mark.parametrize("name", EMAIL_VIEWS)
def test_every_email_view_shows_the_journey(name: str) -> None:
    assert {"journey_id", "journey_run_id", "journey_activity_id"} <= set(DECLARED[name])


@pytest.mark.parametrize("name", ["sms_buffered", "sms_success", "sms_failure", "sms_optout"])
def test_every_sms_view_shows_the_journey(name: str) -> None:
    assert {"journey_id", "journey_run_id", "journey_activity_id"} <= set(DECLARED[name])


def test_every_event_is_in_exactly_one_view_of_its_kind(pinpoint: EventDatabase) -> None:
    events = [sample(name) for name in samples("pinpoint", "ses", "sms", "two_way_sms")]
    names = ("xemail.opened", "_custom.rated", "email.send", "a_SMS.SUCCESS", "_inapp.seen")
    events += [sample("pinpoint/custom_cartabandoned") | {"event_type": name} for name in names]
    pinpoint.put(*events)
    stored = {row["event_id"] for row in pinpoint.ask("SELECT event_id FROM events")}

    seen: Counter[str | None] = Counter()
    for name in DECLARED.keys() - OVERVIEWS:
        seen.update({row["event_id"] for row in pinpoint.ask(f"SELECT event_id FROM {name}")})

    assert seen == Counter(stored)


@pytest.mark.parametrize(
    ("view", "event_type"),
    [
        ("push_notification", "_campaign.opened_notification"),
        ("push_notification", "_journey.received_background"),
        ("session_events", "_session.pause"),
        ("app_events", "_monetization.purchase"),
        ("app_events", "_userauth.sign_in"),
        ("custom_events", "CartAbandoned"),
        ("custom_events", "xemail.opened"),
        ("custom_events", "_custom.rated"),
    ],
)
def test_what_the_original_had_no_view_for_has_one(
    pinpoint: EventDatabase, view: str, event_type: str
) -> None:
    pinpoint.put(sample("pinpoint/custom_cartabandoned") | {"event_type": event_type})

    assert [row["event_type"] for row in pinpoint.ask(f"SELECT event_type FROM {view}")] == [
        event_type
    ]


def test_rendering_failures_and_delays_have_their_views(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        sample("pinpoint/email_rendering_failure"),
        sample("ses/rendering_failure"),
        email_delayed("m1", at=after(60), to=[ANN, BOB], recipients=[BOB]),
    )

    failures = pinpoint.ask("SELECT template_name, error_message FROM email_rendering_failure")
    delays = pinpoint.ask(
        "SELECT delayed_recipient_email_address AS who, delay_type FROM email_delivery_delay"
    )

    assert sorted(str(row["template_name"]) for row in failures) == ["MyTemplate", "SpringOffer"]
    assert delays == [{"who": BOB, "delay_type": "MailboxFull"}]


def test_the_treatment_is_real(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        campaign_send("c1", "e1", treatment_id="2"),
        email_opened("m1", at=after(5), tags={"campaign_id": "c1", "treatment_id": "1"}),
        text("DELIVERED", "s1", at=after(5), context={"hub": '{"c":"c1","t":"3"}'}),
    )

    found = [
        pinpoint.ask(f"SELECT pinpoint_treatment_id AS t FROM {view}")
        for view in ("campaign_send", "email_open", "sms_success")
    ]

    assert found == [[{"t": "2"}], [{"t": "1"}], [{"t": "3"}]]


def test_ids_of_a_journey_are_in_email_and_sms_views(pinpoint: EventDatabase) -> None:
    ids = {"journey_id": "j1", "journey_run_id": "r1", "journey_activity_id": "a1"}
    event = sample("pinpoint/sms_success")
    event["attributes"] |= ids
    pinpoint.put(email_sent("m1", tags=ids), event)

    for view in ("email_send", "sms_success"):
        assert pinpoint.ask(f"SELECT {', '.join(ids)} FROM {view}") == [ids]


def test_a_bounce_is_a_row_for_each_of_its_recipients(pinpoint: EventDatabase) -> None:
    pinpoint.put(email_bounced("m1", at=after(5), to=[ANN, BOB], recipients=[ANN, BOB]))

    rows = pinpoint.ask(
        "SELECT bounced_recipient_email_address AS who, bounced_recipient_diagnostic_code AS why "
        "FROM email_hardbounce ORDER BY who"
    )

    assert rows == [
        {"who": ANN, "why": f"smtp; 550 no {ANN}"},
        {"who": BOB, "why": f"smtp; 550 no {BOB}"},
    ]


@pytest.mark.parametrize("recipients", [None, []])
def test_a_bounce_or_complaint_that_names_nobody_is_a_row_all_the_same(
    pinpoint: EventDatabase, recipients: list[str] | None
) -> None:
    pinpoint.put(
        email_bounced("m1", at=after(5), recipients=recipients),
        email_bounced("m2", at=after(5), kind="Transient", recipients=recipients),
        email_complained("m3", at=after(5), recipients=recipients),
    )

    found = {
        view: pinpoint.ask(f"SELECT message_id, {column} AS who FROM {view}")
        for view, column in (
            ("email_hardbounce", "bounced_recipient_email_address"),
            ("email_softbounce", "bounced_recipient_email_address"),
            ("email_complaint", "complained_email_address"),
        )
    }

    assert found == {
        "email_hardbounce": [{"message_id": "m1", "who": None}],
        "email_softbounce": [{"message_id": "m2", "who": None}],
        "email_complaint": [{"message_id": "m3", "who": None}],
    }


@pytest.mark.parametrize(
    "context", ["{not json", '{"nested": {"a": [1]}}', "[1]", "null", '"text"', ""]
)
def test_no_customer_context_fails_a_query(pinpoint: EventDatabase, context: str) -> None:
    event = sample("pinpoint/sms_success_customer_context")
    broken = event | {"attributes": event["attributes"] | {"customer_context": context}}
    broken["attributes"]["message_id"] = "broken"
    pinpoint.put(event, broken)

    tags = pinpoint.ask(
        "SELECT element_at(message_tags, 'orderId') AS tag FROM sms_success ORDER BY tag"
    )
    kept = pinpoint.ask(
        "SELECT element_at(attributes, 'customer_context') AS context FROM events "
        "WHERE element_at(attributes, 'message_id') = 'broken'"
    )

    assert [row["tag"] for row in tags] == ["A-1001", None]
    assert kept == [{"context": context}]


def test_custom_tags_link_tags_and_metrics_survive(pinpoint: EventDatabase) -> None:
    cart = sample("pinpoint/custom_cartabandoned")
    cart["metrics"] = {"items": 3, "total": 19.5}
    pinpoint.put(
        cart,
        email_clicked(
            "m1", at=after(9), link_tags={"where": ["footer"]}, tags={"season": "autumn"}
        ),
    )

    click = pinpoint.ask(
        "SELECT link_tags['where'] AS place, message_tags['season'] AS season FROM email_click"
    )
    metrics = pinpoint.ask(
        "SELECT metrics['items'] AS items, metrics['total'] AS total FROM custom_events"
    )

    assert click == [{"place": "[footer]", "season": "autumn"}]
    assert metrics == [{"items": "3.0", "total": "19.5"}]


def test_an_unsubscribing_click_shows_its_tag(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        email_clicked(
            "m1", at=after(9), link="https://u/", link_tags={"unsubscribeLinkTag": ["yes"]}
        )
    )

    rows = pinpoint.ask("SELECT link, unsubscribelinktag FROM email_unsubscribe")

    assert rows == [{"link": "https://u/", "unsubscribelinktag": "[yes]"}]


def test_times_are_timestamps_in_utc(pinpoint: EventDatabase) -> None:
    pinpoint.put(email_opened("m1", at=after(61.5)))

    rows = pinpoint.ask(
        "SELECT event_timestamp, arrival_timestamp, message_send_timestamp FROM email_open"
    )

    assert rows == [
        {
            "event_timestamp": "2026-11-20 12:00:00.000",
            "arrival_timestamp": "2026-11-20 12:01:01.500",
            "message_send_timestamp": "2026-11-20 12:00:00.000",
        }
    ]


def test_a_text_shows_its_price_and_parts(pinpoint: EventDatabase) -> None:
    pinpoint.put(text("DELIVERED", "s1", at=after(5), price=0.00645))

    rows = pinpoint.ask(
        "SELECT price_in_millicents_usd, number_of_message_parts, message_parts, message_type "
        "FROM sms_success"
    )

    assert rows == [
        {
            "price_in_millicents_usd": "645.0",
            "number_of_message_parts": "1",
            "message_parts": "1",
            "message_type": "Transactional",
        }
    ]


@pytest.mark.parametrize("view", ["events", "all_email_events", "email_open"])
def test_copies_of_one_hour_are_one_row(pinpoint: EventDatabase, view: str) -> None:
    opened = email_opened("m1", at=after(5))
    pinpoint.put(opened, opened)
    pinpoint.put(opened)

    assert pinpoint.ask(f"SELECT count(*) AS n FROM {view}") == [{"n": "1"}]


def test_copies_of_two_hours_are_one_event_by_their_id(pinpoint: EventDatabase) -> None:
    opened = email_opened("m1", at=after(5))
    pinpoint.put(opened, hour=hours_ago(1))
    pinpoint.put(opened, hour=hours_ago(0))

    rows = pinpoint.ask("SELECT count(*) AS n, count(DISTINCT event_id) AS events FROM email_open")

    assert rows == [{"n": "2", "events": "1"}]


@pytest.mark.parametrize(
    "hour", ["ingest_hour = '%Y/%m/%d/%H'", "ingest_timestamp = timestamp '%Y-%m-%d %H:00:00'"]
)
def test_an_hour_of_a_view_is_read_alone(pinpoint: EventDatabase, hour: str) -> None:
    everything = [sample(name) for name in samples("pinpoint", "ses")]
    for hours in range(1, 5):
        pinpoint.put(*everything, hour=hours_ago(hours))
    second = f"WHERE {hours_ago(2).strftime(hour)}"
    views = sorted(DECLARED)

    read = {
        view: [pinpoint.scanned(f"SELECT event_id FROM {view} {where}") for where in ("", second)]
        for view in views
    }

    assert {view: one * 4 - all_hours for view, (all_hours, one) in read.items()} == dict.fromkeys(
        views, 0
    )


def test_an_event_seen_through_ses_and_through_the_event_stream_is_one_row(
    pinpoint: EventDatabase,
) -> None:
    opened = email_opened("m1", at=after(5), tags={"campaign_id": "c1"})
    pinpoint.put(opened, *email_event(opened))

    rows = pinpoint.ask("SELECT pinpoint_campaign_id, event_id FROM email_open")
    stored = pinpoint.ask("SELECT DISTINCT source FROM all_events ORDER BY source")

    assert [row["pinpoint_campaign_id"] for row in rows] == ["c1"]
    assert stored == [{"source": "pinpoint"}, {"source": "ses"}]


def test_the_seeds_condition_on_the_last_30_days_leaves_older_hours_unread(
    pinpoint: EventDatabase,
) -> None:
    opened: Mapping[str, Any] = email_opened("m1", at=after(5))
    pinpoint.put(opened, hour=hours_ago(24 * 40))
    pinpoint.put(opened)

    recent = "WHERE ingest_timestamp > current_timestamp - interval '30' day"

    assert pinpoint.scanned(f"SELECT message_id FROM email_open {recent}") * 2 == pinpoint.scanned(
        "SELECT message_id FROM email_open"
    )


def test_a_condition_on_the_hour_as_text_leaves_older_hours_unread(pinpoint: EventDatabase) -> None:
    opened: Mapping[str, Any] = email_opened("m1", at=after(5))
    pinpoint.put(opened, hour=hours_ago(24 * 40))
    pinpoint.put(opened)

    recent = (
        "WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')"
    )

    assert pinpoint.scanned(f"SELECT message_id FROM email_open {recent}") * 2 == pinpoint.scanned(
        "SELECT message_id FROM email_open"
    )
