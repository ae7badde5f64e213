"""Questions to pinpoint_event_database, and its named queries.

Expected results are counted in Python from the sent messages, never by SQL.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.event_database import EventDatabase, hours_ago
from tests.builders.message_events import (
    ANN,
    BOB,
    Event,
    after,
    campaign_send,
    email_bounced,
    email_clicked,
    email_complained,
    email_delivered,
    email_opened,
    email_sent,
    text,
)

CAMPAIGNS = ("c1", "c2", "c3")
KINDS = (
    "sends",
    "delivered",
    "opens",
    "clicks",
    "hard_bounces",
    "soft_bounces",
    "complaints",
    "unsubscribes",
)
# The seed's way of asking: a view and a subselect for each number.
SUBSELECTS = {
    "sends": "email_send",
    "opens": "email_open",
    "clicks": "email_click",
    "hard_bounces": "email_hardbounce",
    "soft_bounces": "email_softbounce",
    "unsubscribes": "email_unsubscribe",
}
RECENT = "ingest_timestamp > current_timestamp - interval '30' day"


def history(number: int, campaign: str, chance: random.Random) -> Iterator[tuple[str, Event]]:
    """Yield the events of one email in their order, each with the name of its count."""
    name = f"{campaign}-m{number}"
    mail: dict[str, Any] = {"tags": {"campaign_id": campaign, "treatment_id": "0"}}
    yield "sends", email_sent(name, **mail)
    fate = chance.random()
    if fate < 0.15:
        yield "hard_bounces", email_bounced(name, at=after(5), **mail)
        return
    if fate < 0.3:
        yield "soft_bounces", email_bounced(name, at=after(900), kind="Transient", **mail)
        return
    yield "delivered", email_delivered(name, at=after(2), **mail)
    for again in range(chance.choice([0, 0, 1, 3])):
        yield "opens", email_opened(name, at=after(100 + again), **mail)
    for again in range(chance.choice([0, 1, 2])):
        tags = {"unsubscribeLinkTag": ["footer"]} if chance.random() < 0.3 else None
        click = email_clicked(name, at=after(200 + again), link_tags=tags, **mail)
        yield "clicks", click
        if tags:
            yield "unsubscribes", {}  # the same event counts there, too
    if chance.random() < 0.1:
        yield "complaints", email_complained(name, at=after(5000), **mail)


@pytest.fixture
def expected(pinpoint: EventDatabase) -> dict[str, dict[str, int]]:
    """Three campaigns' events, late, disordered and in copies, over five hours; their numbers."""
    chance = random.Random(20261120)
    messages: dict[tuple[str, str], set[str]] = defaultdict(set)
    events: list[Event] = []
    for campaign in CAMPAIGNS:
        for number in range(40):
            events.append(campaign_send(campaign, f"e{number}"))
            for kind, event in history(number, campaign, chance):
                messages[campaign, kind].add(f"{campaign}-m{number}")
                events += [event] if event else []
    hours: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        hour = chance.choice([0, 1, 2, 100, 600])
        hours[hour].append(event)
        if chance.random() < 0.3:  # a copy, as retries and replays leave them
            hours[chance.choice([hour, hour, 3])].append(event)
    for hour, brought in hours.items():
        chance.shuffle(brought)
        pinpoint.put(*brought, hour=hours_ago(hour))
    old = [campaign_send("old", "e1"), email_sent("old-m1", tags={"campaign_id": "old"})]
    pinpoint.put(*old, hour=hours_ago(24 * 31))
    return {
        campaign: {kind: len(messages[campaign, kind]) for kind in KINDS} for campaign in CAMPAIGNS
    }


def test_the_results_of_all_campaigns_are_right(
    pinpoint: EventDatabase, expected: dict[str, dict[str, int]]
) -> None:
    answer = pinpoint.ask_named("campaign_results")

    found = {row["campaign_id"]: {kind: int(row[kind] or 0) for kind in KINDS} for row in answer}
    assert found == expected
    assert {row["endpoints"] for row in answer} == {"40"}


def test_the_seeds_way_of_asking_for_them_runs_and_agrees(
    pinpoint: EventDatabase, expected: dict[str, dict[str, int]]
) -> None:
    counts = ",\n".join(
        f"(SELECT count(DISTINCT e.message_id) FROM {view} e WHERE e.pinpoint_campaign_id = "
        f"c.pinpoint_campaign_id AND e.{RECENT}) AS {kind}"
        for kind, view in SUBSELECTS.items()
    )

    answer = pinpoint.ask(
        f"SELECT c.pinpoint_campaign_id, {counts} FROM (SELECT DISTINCT pinpoint_campaign_id "
        f"FROM campaign_send WHERE {RECENT}) c"
    )

    found = {row.pop("pinpoint_campaign_id"): row for row in answer}
    assert found == {
        campaign: {kind: str(numbers[kind]) for kind in SUBSELECTS}
        for campaign, numbers in expected.items()
    }


def test_one_reading_of_the_events_is_enough(
    pinpoint: EventDatabase, expected: dict[str, dict[str, int]]
) -> None:
    one = (
        f"SELECT count(DISTINCT message_id) FROM email_send WHERE {RECENT} "
        "AND pinpoint_campaign_id IS NOT NULL"
    )

    # Six subselects would scan the columns of one subselect six times.
    named = pinpoint.scanned_named("campaign_results")

    assert named < 3 * pinpoint.scanned(one)


def test_an_address_gets_its_emails_and_whether_each_was_opened(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        email_opened("m2", at=after(50)),  # before its sending
        email_sent("m1", sent=after(1), subject="First"),
        email_sent("m2", sent=after(2), subject="Second"),
        email_sent("m3", to=[BOB, ANN], sent=after(3), subject="Third"),
        email_sent("m4", to=[BOB]),
    )
    pinpoint.put(
        email_opened("m2", at=after(40)),
        email_sent("m2", sent=after(2), subject="Second"),
        email_opened("m4", at=after(41), to=[BOB]),
        hour=hours_ago(2),
    )
    pinpoint.put(email_sent("m0"), hour=hours_ago(24 * 31))

    answer = pinpoint.ask_named("emails_of_one_address", f"'{ANN}'")

    assert [(row["message_id"], row["subject"], row["opened"]) for row in answer] == [
        ("m3", "Third", "false"),
        ("m2", "Second", "true"),
        ("m1", "First", "false"),
    ]
    assert answer[1]["first_opened"] == "2026-11-20 12:00:40.000"


def test_the_seeds_way_of_asking_for_them_runs(pinpoint: EventDatabase) -> None:
    pinpoint.put(email_sent("m1"), email_sent("m2"), email_opened("m2", at=after(3)))

    answer = pinpoint.ask(
        "SELECT a.subject, a.message_id, b.arrival_timestamp AS opened FROM email_send a "
        "LEFT JOIN email_open b ON a.message_id = b.message_id "
        f"WHERE contains(a.destination, '{ANN}') "
        "AND a.ingest_timestamp > current_timestamp - interval '30' day ORDER BY 2"
    )

    assert [(row["message_id"], row["opened"]) for row in answer] == [
        ("m1", None),
        ("m2", "2026-11-20 12:00:03.000"),
    ]


def test_a_day_counts_what_became_of_its_emails_however_late(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        email_sent("m1"),
        email_sent("m2"),
        email_sent("m3"),
        email_bounced("m2", at=after(5), sub_type="OnAccountSuppressionList"),
        email_complained("m3", at=after(9), feedback="not-spam"),
        hour=hours_ago(80),
    )
    pinpoint.put(
        email_delivered("m1", at=after(86400 * 3)),
        email_bounced("m3", at=after(86400 * 2)),
        email_complained("m1", at=after(86400 * 3)),
        email_complained("m1", at=after(86400 * 3)),
    )

    [day] = pinpoint.ask_named("email_deliverability_by_day")

    assert day == {
        "day": "2026-11-20",
        "sent": "3",
        "delivered": "1",
        "hard_bounced": "1",
        "suppressed": "1",
        "soft_bounced": "0",
        "complaints": "1",
        "opened": "0",
        "clicked": "0",
    }


def test_bounces_are_told_by_domain_and_reason(pinpoint: EventDatabase) -> None:
    full = {"kind": "Transient", "sub_type": "MailboxFull"}
    pinpoint.put(
        email_bounced("m1", at=after(5), recipients=["a@One.example"]),
        email_bounced("m2", at=after(5), recipients=["a@one.example"]),
        email_bounced("m2", at=after(5), recipients=["a@one.example"]),
        email_bounced("m3", at=after(5), recipients=["b@two.example"], **full),
    )

    answer = pinpoint.ask_named("bounce_reasons_by_domain")

    assert [tuple(row.values())[:5] for row in answer] == [
        ("one.example", "Permanent", "General", "2", "1"),
        ("two.example", "Transient", "MailboxFull", "1", "1"),
    ]


def test_a_journeys_endpoints_are_counted_once(pinpoint: EventDatabase) -> None:
    event = campaign_send("-", "e1") | {
        "event_type": "_journey.send",
        "attributes": {
            "journey_id": "j1",
            "journey_run_id": "r1",
            "journey_activity_id": "a1",
            "journey_activity_type": "EMAIL",
            "journey_send_status": "SUCCESS",
        },
    }
    pinpoint.put(event, event | {"client": {"client_id": "e2"}})
    pinpoint.put(event, hour=hours_ago(1))

    [row] = pinpoint.ask_named("journey_results")

    assert (row["journey_id"], row["journey_send_status"], row["endpoints"]) == (
        "j1",
        "SUCCESS",
        "2",
    )


def test_a_text_is_priced_once(pinpoint: EventDatabase) -> None:
    pinpoint.put(
        text("QUEUED", "s1", at=after(1), price=0.00645),
        text("SUCCESSFUL", "s1", at=after(2), price=0.00645),
        text("DELIVERED", "s1", at=after(3), price=0.00645),
        text("DELIVERED", "s2", at=after(3), price=0.01, message_type="PROMOTIONAL"),
    )
    pinpoint.put(text("DELIVERED", "s1", at=after(3), price=0.00645), hour=hours_ago(1))

    answer = pinpoint.ask_named("sms_cost_by_message_type")

    assert [(r["message_type"], r["messages"], float(r["cost_usd"] or 0)) for r in answer] == [
        ("Promotional", "1", 0.01),
        ("Transactional", "1", 0.00645),
    ]


def test_copies_and_parts_without_a_column_are_told_by_hour(pinpoint: EventDatabase) -> None:
    odd = campaign_send("c1", "e1") | {"brand_new": {"a": 1}}
    pinpoint.put(odd, odd, campaign_send("c1", "e2"))

    [hour] = pinpoint.ask_named("events_by_hour")
    [part] = pinpoint.ask_named("unmapped_parts")

    assert (hour["rows_stored"], hour["events"], hour["copies"]) == ("3", "2", "1")
    assert hour["events_with_unmapped_parts"] == "1"
    assert (part["place"], part["events"], part["example"]) == ("brand_new", "1", '{"a":1}')
