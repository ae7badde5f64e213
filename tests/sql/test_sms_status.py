"""sms_event_database: outcome and cost of each message."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.builders.event_database import VIEWS, EventDatabase, hours_ago, read_view
from tests.builders.event_records import sample, samples
from tests.builders.message_events import Event, after, text

ORIGINAL = (
    "messageid event_timestamp event_type message_status message_status_description "
    "origination_phonenumber destination_phonenumber iso_countrycode message_encoding "
    "total_messageparts total_messageprice total_carrierfee"
)
KINDS = ("sms_queued", "sms_success", "sms_failure", "rcs_events", "voice_events")


def status_of(sms: EventDatabase) -> dict[str | None, str | None]:
    rows = sms.ask("SELECT messageid, event_type FROM sms_status")
    assert len({row["messageid"] for row in rows}) == len(rows)
    return {row["messageid"]: row["event_type"] for row in rows}


def test_the_columns_of_the_original_come_first_in_their_order() -> None:
    [view] = [path for path in VIEWS if path.stem == "sms_status"]

    assert [name for name, _ in read_view(view).columns][:12] == ORIGINAL.split()


def test_every_event_is_in_exactly_one_view_of_its_kind(sms: EventDatabase) -> None:
    sms.put(*(sample(name) for name in samples("sms")))
    stored = sorted(str(row["event_id"]) for row in sms.ask("SELECT event_id FROM events"))

    seen = [row["event_id"] for view in KINDS for row in sms.ask(f"SELECT event_id FROM {view}")]

    assert sorted(map(str, seen)) == stored


@pytest.mark.parametrize(
    ("status", "event_type"),
    [("sms_success", "TEXT_DELIVERED"), ("sms_failure", "MEDIA_FILE_SIZE_EXCEEDED")],
)
def test_a_view_shows_its_kind(sms: EventDatabase, status: str, event_type: str) -> None:
    sms.put(sample(f"sms/{event_type.lower()}"))

    assert sms.ask(f"SELECT event_type FROM {status}") == [{"event_type": event_type}]


# Events of each story are in their order in time; the last column is the final status.
STORIES: dict[str, tuple[list[Event], str]] = {
    "a later event that is not final masks no final one": (
        [text("BLOCKED", "s", at=after(1)), text("PENDING", "s", at=after(9))],
        "TEXT_BLOCKED",
    ),
    "the carrier taking it is not final, the handset is": (
        [text("SUCCESSFUL", "s", at=after(1)), text("DELIVERED", "s", at=after(2))],
        "TEXT_DELIVERED",
    ),
    "delivered beats a final successful that is later": (
        [text("DELIVERED", "s", at=after(1)), text("SUCCESSFUL", "s", at=after(2), final=True)],
        "TEXT_DELIVERED",
    ),
    "delivered beats the unknown of 72 hours": (
        [text("DELIVERED", "s", at=after(1)), text("UNKNOWN", "s", at=after(72 * 3600))],
        "TEXT_DELIVERED",
    ),
    "a receipt beyond 72 hours opens it again": (
        [text("UNKNOWN", "s", at=after(72 * 3600)), text("DELIVERED", "s", at=after(73 * 3600))],
        "TEXT_DELIVERED",
    ),
    "without receipts it ends with the carrier": (
        [text("QUEUED", "s", at=after(1)), text("SUCCESSFUL", "s", at=after(2), final=True)],
        "TEXT_SUCCESSFUL",
    ),
    "of two final ones the later counts": (
        [text("SPAM", "s", at=after(1)), text("CARRIER_BLOCKED", "s", at=after(2))],
        "TEXT_CARRIER_BLOCKED",
    ),
    "at one millisecond the one further on the way": (
        [text("QUEUED", "s", at=after(1)), text("PENDING", "s", at=after(1))],
        "TEXT_PENDING",
    ),
    "a text takes the place of an RCS message": (
        [
            text("FALLEN_BACK_TO_SMS", "s", kind="RCS", at=after(1)),
            text("QUEUED", "s", at=after(2)),
        ],
        "TEXT_QUEUED",
    ),
    "read is more than delivered": (
        [
            text("READ", "s", kind="RCS", at=after(1)),
            text("DELIVERED", "s", kind="RCS", at=after(2)),
        ],
        "RCS_READ",
    ),
    "a call that was answered is over in the end": (
        [
            text("ANSWERED", "s", kind="VOICE", at=after(1)),
            text("COMPLETED", "s", kind="VOICE", at=after(2)),
        ],
        "VOICE_COMPLETED",
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_counts_in_the_end(sms: EventDatabase, story: str) -> None:
    events, last = STORIES[story]
    forth = [event | {"messageId": "forth"} for event in events]
    back = [event | {"messageId": "back"} for event in reversed(events)]
    for number in range(2):
        sms.put(forth[number], back[number], hour=hours_ago(1 - number))

    assert status_of(sms) == {"forth": last, "back": last}


def test_ties_are_resolved_the_same_way_whatever_came_first(sms: EventDatabase) -> None:
    tied = [text("SPAM", "s", at=after(1)), text("BLOCKED", "s", at=after(1))]
    answers = []
    for order in (tied, tied[::-1]):
        sms.empty()
        for number, event in enumerate(order):
            sms.put(event, hour=hours_ago(1 - number))
        answers.append(status_of(sms))

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (text("DELIVERED", "s", at=after(1)), "delivered"),
        (text("SUCCESSFUL", "s", at=after(1), final=True), "delivered"),
        (text("SUCCESSFUL", "s", at=after(1)), "in progress"),
        (text("QUEUED", "s", at=after(1)), "in progress"),
        (text("CARRIER_UNREACHABLE", "s", at=after(1)), "failed"),
        (text("FILE_INACCESSIBLE", "s", kind="MEDIA", at=after(1)), "failed"),
        (text("BUSY", "s", kind="VOICE", at=after(1)), "failed"),
        (text("FALLEN_BACK_TO_SMS", "s", kind="RCS", at=after(1)), "in progress"),
    ],
    ids=lambda value: value["eventType"] if isinstance(value, dict) else value,
)
def test_the_outcome_is_told(sms: EventDatabase, event: Event, outcome: str) -> None:
    sms.put(event)

    assert sms.ask("SELECT outcome FROM sms_status") == [{"outcome": outcome}]


def test_prices_are_exact_and_once_per_message(sms: EventDatabase) -> None:
    sms.put(
        text("QUEUED", "s1", at=after(1), price=None, fee=None),
        text("PENDING", "s1", at=after(2), price=0.0, fee=0.0),
        text("SUCCESSFUL", "s1", at=after(3), price=0.00645, fee=0.0025),
        text("DELIVERED", "s1", at=after(4), price=0.00645, fee=0.0025),
        text("DELIVERED", "s2", at=after(4), price=0.1, fee=None),
        text("DELIVERED", "s3", at=after(4), price=0.2, fee=None),
    )

    rows = sms.ask("SELECT total_messageprice, total_carrierfee FROM sms_status ORDER BY messageid")
    [sums] = sms.ask("SELECT sum(total_messageprice) AS price FROM sms_status")

    assert [list(row.values()) for row in rows] == [
        ["0.006450", "0.002500"],
        ["0.100000", None],
        ["0.200000", None],
    ]
    assert sums == {"price": "0.306450"}  # doubles say 0.30645000000000006


@pytest.fixture
def sent(sms: EventDatabase) -> dict[str, list[Any]]:
    """200 messages with one to four events each, in copies and any order; by type, their prices."""
    chance = random.Random(9)
    prices: dict[str, list[Decimal]] = defaultdict(list)
    hours: dict[int, list[Event]] = defaultdict(list)
    for number in range(200):
        kind = chance.choice(["TRANSACTIONAL", "PROMOTIONAL"])
        price = chance.choice([0.00645, 0.0127, 0.09582, 0.1])
        prices[kind].append(Decimal(str(price)))
        way = ["QUEUED", "PENDING", "SUCCESSFUL", chance.choice(["DELIVERED", "BLOCKED"])]
        for step, status in enumerate(way[chance.randrange(4) :]):
            event = text(
                status, f"s{number}", at=after(step), price=price, fee=None, message_type=kind
            )
            for _ in range(chance.choice([1, 1, 2])):
                hours[chance.choice([0, 1, 90])].append(event)
    for hour, events in hours.items():
        chance.shuffle(events)
        sms.put(*events, hour=hours_ago(hour))
    return dict(prices)


def test_the_cost_of_all_messages_by_type_is_right(
    sms: EventDatabase, sent: dict[str, list[Decimal]]
) -> None:
    answer = sms.ask_named("count_and_cost_by_message_type")

    found = {
        row["message_type"]: (int(row["messages"] or 0), Decimal(row["message_price"] or 0))
        for row in answer
    }
    assert found == {kind: (len(prices), sum(prices)) for kind, prices in sent.items()}


def test_the_seeds_question_runs_and_its_sum_is_what_it_warned_of(
    sms: EventDatabase, sent: dict[str, list[Decimal]]
) -> None:
    answer = sms.ask(
        "SELECT messagetype, COUNT(DISTINCT messageid) AS messages, SUM(totalmessageprice) AS cost "
        f'FROM "{sms.name}"."sms_events" GROUP BY messagetype'
    )

    assert {row["messagetype"]: int(row["messages"] or 0) for row in answer} == {
        kind: len(prices) for kind, prices in sent.items()
    }
    for row in answer:  # each event repeats the price of its message
        assert float(row["cost"] or 0) > float(sum(sent[str(row["messagetype"])]))


def test_spend_by_day_and_country_sums_up(sms: EventDatabase) -> None:
    sms.put(
        text("DELIVERED", "s1", at=after(1), price=0.1, fee=0.01),
        text("BLOCKED", "s2", at=after(1), price=0.1, fee=0.01),
        text("DELIVERED", "s3", at=after(1), price=0.3, fee=None, isoCountryCode="DE"),
    )
    sms.put(text("DELIVERED", "s1", at=after(1), price=0.1, fee=0.01), hour=hours_ago(1))

    rows = sms.ask(
        "SELECT day, iso_countrycode, messages, delivered, failed, total_cost FROM sms_spend "
        "ORDER BY iso_countrycode"
    )

    assert [list(row.values()) for row in rows] == [
        ["2026-11-20", "DE", "1", "1", "0", "0.300000"],
        ["2026-11-20", "US", "2", "1", "1", "0.220000"],
    ]


def test_context_and_carrier_are_there(sms: EventDatabase) -> None:
    sms.put(
        text(
            "DELIVERED",
            "s1",
            at=after(1),
            context={"order": "7"},
            carrierName="C",
            mcc="310",
            mnc="8",
        )
    )

    rows = sms.ask("SELECT context['order'] AS tag, carrier_name, mcc, mnc FROM sms_status")

    assert rows == [{"tag": "7", "carrier_name": "C", "mcc": "310", "mnc": "8"}]


def test_a_number_s_messages_are_found_the_latest_first(sms: EventDatabase) -> None:
    sms.put(
        text("DELIVERED", "s1", at=after(1), messageRequestTimestamp=1000),
        text("BLOCKED", "s2", at=after(2), messageRequestTimestamp=2000),
        text("DELIVERED", "s3", at=after(2), number="+4930123456"),
    )

    answer = sms.ask_named("messages_to_one_number", "'+14255550156'")

    assert [(row["messageid"], row["outcome"]) for row in answer] == [
        ("s2", "failed"),
        ("s1", "delivered"),
    ]


def test_failures_are_a_share_of_what_came_to_an_end(sms: EventDatabase) -> None:
    sms.put(
        *(text("DELIVERED", f"s{number}", at=after(1), carrierName="C") for number in range(3)),
        text("SPAM", "s3", at=after(1), carrierName="C"),
        text("QUEUED", "s4", at=after(1), carrierName="C"),
    )

    [row] = sms.ask_named("failures_by_country_and_carrier")

    assert list(row.values()) == ["US", "C", "4", "1", "0.25"]


def test_an_event_without_a_message_id_stands_alone(sms: EventDatabase) -> None:
    events = [text("DELIVERED", "-", at=after(number)) for number in range(2)]
    sms.put(*({k: v for k, v in event.items() if k != "messageId"} for event in events))

    assert sms.ask("SELECT count(*) AS n FROM sms_status") == [{"n": "2"}]


@pytest.mark.parametrize(
    "hour", ["ingest_hour = '%Y/%m/%d/%H'", "ingest_timestamp = timestamp '%Y-%m-%d %H:00:00'"]
)
def test_an_hour_of_a_view_is_read_alone(sms: EventDatabase, hour: str) -> None:
    everything = [sample(name) for name in samples("sms")]
    for hours in range(1, 5):
        sms.put(*everything, hour=hours_ago(hours))
    second = f"WHERE {hours_ago(2).strftime(hour)}"
    views = ["events", *KINDS]

    read = {
        view: [sms.scanned(f"SELECT event_id FROM {view} {where}") for where in ("", second)]
        for view in views
    }

    assert {view: one * 4 - all_hours for view, (all_hours, one) in read.items()} == dict.fromkeys(
        views, 0
    )
