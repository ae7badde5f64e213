"""ses_event_database: outcome of each message and recipient, in the status views."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from tests.builders.event_database import VIEWS, EventDatabase, hours_ago, read_view, rows_of
from tests.builders.event_records import sample, samples
from tests.builders.message_events import (
    ANN,
    BOB,
    Event,
    after,
    email_bounced,
    email_clicked,
    email_complained,
    email_delayed,
    email_delivered,
    email_opened,
    email_sent,
    iso,
)

CAT = "cat@example.com"
ORIGINAL = (
    "message_id subject destination time_sent time_delivered time_opened time_clicked time_bounced "
    "bounce_type bounce_subtype time_complained complaint_feedbacktype"
)
# The view of each of the ten event types.
KINDS = {
    "Send": "email_send",
    "Delivery": "email_delivery",
    "Bounce": "email_bounce",
    "Complaint": "email_complaint",
    "Reject": "email_reject",
    "Open": "email_open",
    "Click": "email_click",
    "Rendering Failure": "email_rendering_failure",
    "DeliveryDelay": "email_delivery_delay",
    "Subscription": "email_subscription",
}


def statuses(ses: EventDatabase) -> dict[tuple[str | None, str | None], str | None]:
    rows = ses.ask("SELECT message_id, recipient, status FROM email_status")
    return {(row["message_id"], row["recipient"]): row["status"] for row in rows}


def test_the_columns_of_the_original_come_first_in_their_order() -> None:
    [view] = [path for path in VIEWS if path.stem == "email_status"]

    assert [name for name, _ in read_view(view).columns][:12] == ORIGINAL.split()


@pytest.mark.parametrize(("kind", "view"), KINDS.items())
def test_every_event_type_has_a_view(ses: EventDatabase, kind: str, view: str) -> None:
    events = [sample(name) for name in samples("ses", "ses_notification")]
    rows = rows_of(ses.module, events)
    ses.put_rows(rows)

    found = ses.ask(f"SELECT DISTINCT event_id FROM {view}")

    expected = {row["event_id"] for row in rows if row["eventtype"] == kind}
    assert {row["event_id"] for row in found} == expected != set()


def test_a_bounce_of_one_cc_marks_only_that_recipient(ses: EventDatabase) -> None:
    to = [ANN, BOB, CAT]
    ses.put(
        email_sent("m1", to=to),
        email_delivered("m1", at=after(2), to=to, recipients=[ANN, CAT]),
        email_bounced("m1", at=after(3), to=to, recipients=[BOB], sub_type="NoEmail"),
        email_complained("m1", at=after(60), to=to, recipients=[CAT]),
    )

    rows = ses.ask(
        "SELECT destination, time_delivered, time_bounced, bounce_type, bounce_subtype, "
        "time_complained, status, recipients FROM email_status ORDER BY recipient"
    )

    assert [list(row.values()) for row in rows] == [
        [f"[{ANN}]", iso(after(2)), None, None, None, None, "delivered", "3"],
        [f"[{BOB}]", None, iso(after(3)), "Permanent", "NoEmail", None, "hard bounced", "3"],
        [f"[{CAT}]", iso(after(2)), None, None, None, iso(after(60)), "complained", "3"],
    ]


def test_neither_another_subject_nor_another_list_of_recipients_splits_a_message(
    ses: EventDatabase,
) -> None:
    ses.put(
        email_sent("m1", to=[ANN, BOB], subject=None),
        email_delivered("m1", at=after(2), to=[ANN, BOB], recipients=[ANN], subject="Hello Ann"),
        email_bounced(
            "m1", at=after(3), to=[ANN], recipients=[ANN], kind="Transient", subject="Hi"
        ),
        email_sent("m2", subject="Hello {{name}}"),
        email_delivered("m2", at=after(2), subject="Hello Ann"),
    )

    rows = ses.ask("SELECT message_id, recipient, subject FROM email_status ORDER BY 1, 2")

    assert [list(row.values()) for row in rows] == [
        ["m1", ANN, "Hello Ann"],
        ["m1", BOB, None],
        ["m2", ANN, "Hello Ann"],
    ]


def test_an_address_in_other_letters_is_the_same_recipient(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", to=["Ann@Example.com", BOB]),
        email_bounced("m1", at=after(3), to=["Ann@Example.com", BOB], recipients=[ANN]),
        email_sent("m2", to=["Ann <Ann@Example.com>"]),
        email_bounced("m2", at=after(3), to=["Ann <Ann@Example.com>"], recipients=[ANN]),
    )

    rows = ses.ask("SELECT message_id, destination, status FROM email_status ORDER BY 1, recipient")

    assert [list(row.values()) for row in rows] == [
        ["m1", "[Ann@Example.com]", "hard bounced"],
        ["m1", f"[{BOB}]", "sent"],
        ["m2", "[Ann <Ann@Example.com>]", "hard bounced"],
    ]


@pytest.mark.parametrize("recipients", [None, []])
def test_a_bounce_that_names_nobody_is_not_lost(ses: EventDatabase, recipients: Any) -> None:
    ses.put(
        email_bounced("m1", at=after(3), recipients=recipients),
        email_bounced("m2", at=after(3), to=[ANN, BOB], recipients=recipients),
        email_sent("m2", to=[ANN, BOB]),
    )

    assert statuses(ses) == {
        ("m1", ANN): "hard bounced",
        ("m2", None): "hard bounced",
        ("m2", ANN): "sent",
        ("m2", BOB): "sent",
    }


def test_opens_and_clicks_of_several_recipients_stand_on_each(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", to=[ANN, BOB]),
        email_opened("m1", at=after(9), to=[ANN, BOB]),
        email_clicked("m1", at=after(10), to=[ANN, BOB]),
    )

    rows = ses.ask("SELECT time_opened, time_clicked, opens, clicks FROM email_status")

    assert (
        rows
        == [
            {
                "time_opened": iso(after(9)),
                "time_clicked": iso(after(10)),
                "opens": "1",
                "clicks": "1",
            }
        ]
        * 2
    )


def test_opens_and_clicks_are_counted_and_the_first_is_dated(ses: EventDatabase) -> None:
    ses.put(
        email_opened("m1", at=after(9)),
        email_opened("m1", at=after(5)),
        email_opened("m1", at=after(5)),
        email_clicked("m1", at=after(7), link="https://a/"),
        email_clicked("m1", at=after(7), link="https://b/"),
    )
    ses.put(email_opened("m1", at=after(9)), hour=hours_ago(5))

    [row] = ses.ask("SELECT time_opened, opens, clicks, time_sent FROM email_status")

    assert row == {
        "time_opened": iso(after(5)),
        "opens": "2",
        "clicks": "2",
        "time_sent": iso(after(0)),  # each event says when its message was sent
    }


RANKS: list[tuple[str, Event]] = [
    ("complained", email_complained("m", at=after(1))),
    ("hard bounced", email_bounced("m", at=after(2))),
    (
        "unsubscribed",
        email_clicked("m", at=after(3), link_tags={"unsubscribeLinkTag": ["x"]}),
    ),
    ("clicked", email_clicked("m", at=after(4))),
    ("opened", email_opened("m", at=after(5))),
    ("delivered", email_delivered("m", at=after(6))),
    ("soft bounced", email_bounced("m", at=after(7), kind="Transient")),
    ("delayed", email_delayed("m", at=after(8))),
    ("sent", email_sent("m")),
]


@pytest.mark.parametrize("rank", range(len(RANKS)))
def test_the_status_goes_by_rank_whenever_events_happened_or_came(
    ses: EventDatabase, rank: int
) -> None:
    events = [event for _, event in RANKS[rank:]]
    random.Random(rank).shuffle(events)
    for number, event in enumerate(events):
        ses.put(event, hour=hours_ago(number))

    assert statuses(ses) == {("m", ANN): RANKS[rank][0]}


def test_no_order_of_arrival_changes_a_row(ses: EventDatabase) -> None:
    story = [RANKS[number][1] for number in (8, 5, 1)]
    answers = []
    for order in permutations(story):
        ses.empty()
        for number, event in enumerate(order):
            ses.put(event, hour=hours_ago(2 - number))
        answers += ses.ask("SELECT * FROM email_status")

    assert len(answers) == 6
    assert all(answer == answers[0] for answer in answers)


def test_praise_is_no_complaint(ses: EventDatabase) -> None:
    ses.put(
        email_delivered("m1", at=after(2)),
        email_complained("m1", at=after(3), feedback="not-spam"),
        email_complained("m2", at=after(3), feedback="not-spam"),
        email_complained("m2", at=after(4), feedback="abuse"),
    )

    rows = ses.ask(
        "SELECT status, time_complained, complaint_feedbacktype FROM email_status "
        "ORDER BY message_id"
    )

    assert [list(row.values()) for row in rows] == [
        ["delivered", iso(after(3)), "not-spam"],
        ["complained", iso(after(3)), "abuse"],
    ]


def test_type_and_sub_type_are_of_one_bounce_the_permanent_one(ses: EventDatabase) -> None:
    ses.put(
        email_bounced("m1", at=after(1), kind="Transient", sub_type="MailboxFull"),
        email_bounced("m1", at=after(9), kind="Permanent", sub_type="Suppressed"),
        email_bounced("m1", at=after(8), kind="Permanent", sub_type="NoEmail"),
        email_bounced("m2", at=after(8), kind="Undetermined", sub_type="Undetermined"),
    )

    rows = ses.ask(
        "SELECT bounce_type, bounce_subtype, status FROM email_status ORDER BY message_id"
    )

    assert [list(row.values()) for row in rows] == [
        ["Permanent", "NoEmail", "hard bounced"],
        ["Undetermined", "Undetermined", "soft bounced"],
    ]


def test_what_was_never_sent_has_no_time_of_sending(ses: EventDatabase) -> None:
    ses.put(
        sample("ses/rendering_failure"), sample("ses/reject") | {"mail": email_sent("r")["mail"]}
    )

    rows = ses.ask("SELECT time_sent IS NULL AS unsent, status FROM email_status ORDER BY status")

    assert [list(row.values()) for row in rows] == [["true", "failed"], ["false", "rejected"]]


@pytest.mark.parametrize(
    ("new", "old", "out"),
    [
        ({"unsubscribeAll": True}, {"unsubscribeAll": False}, "true"),
        ({"news": "OptOut"}, {"news": "OptIn"}, "true"),
        ({"news": "OptOut"}, None, "true"),
        ({"news": "OptOut"}, {"news": "OptOut"}, "false"),
        ({"news": "OptIn"}, {"news": "OptOut"}, "false"),
        (None, None, "false"),
    ],
)
def test_who_is_out_of_one_topic_more_has_unsubscribed(
    ses: EventDatabase, new: dict[str, Any] | None, old: dict[str, Any] | None, out: str
) -> None:
    event = sample("ses/subscription")
    event["subscription"] = {
        "contactList": "all",
        "timestamp": iso(after(3)),
        "source": "UnsubscribeHeader",
    }
    for name, preferences in (("newTopicPreferences", new), ("oldTopicPreferences", old)):
        if preferences is not None:
            event["subscription"][name] = _preferences(**preferences)
    ses.put(event)

    [row] = ses.ask("SELECT unsubscribed FROM email_subscription")
    [status] = ses.ask("SELECT time_unsubscribed FROM email_status")

    assert row["unsubscribed"] == out
    assert status["time_unsubscribed"] == (iso(after(3)) if out == "true" else None)


def _preferences(*, unsubscribeAll: bool = False, **topics: str) -> dict[str, Any]:
    statuses = [{"topicName": name, "subscriptionStatus": to} for name, to in topics.items()]
    return {"unsubscribeAll": unsubscribeAll, "topicSubscriptionStatus": statuses}


def test_tags_are_there_under_their_real_keys(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", tags={"season": "autumn"}),
        email_delivered(
            "m1", at=after(3), tags={"season": "autumn", "ses:outgoing-ip": "192.0.2.9"}
        ),
    )

    [row] = ses.ask(
        "SELECT tags['season'] AS season, tags['ses:configuration-set'] AS kept, "
        "tags['ses:outgoing-ip'] AS ip FROM email_status"
    )
    answer = ses.ask_named("emails_by_tag", "'season'")

    assert row == {"season": "[autumn]", "kept": "[shop]", "ip": "[192.0.2.9]"}
    assert [(r["tag_value"], r["sent"], r["delivered"]) for r in answer] == [("autumn", "1", "1")]


def test_the_seeds_question_for_one_address_is_answered(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", sent=after(0)),
        email_delivered("m1", at=after(2), sent=after(0)),
        email_sent("m2", to=[ANN, BOB], sent=after(100)),
        email_bounced("m2", at=after(103), to=[ANN, BOB], recipients=[ANN], sent=after(100)),
        email_sent("m3", to=[BOB], sent=after(200)),
    )
    ses.put(email_sent("m1"), hour=hours_ago(7))

    verbatim = ses.ask(
        f'SELECT * FROM "{ses.name}"."email_status" CROSS JOIN UNNEST(destination) AS t(email) '
        f"WHERE t.email = '{ANN}' ORDER BY time_sent DESC"
    )

    assert [(row["message_id"], row["status"], row["email"]) for row in verbatim] == [
        ("m2", "hard bounced", ANN),
        ("m1", "delivered", ANN),
    ]
    assert verbatim == ses.ask_named("delivery_status_of_one_address", f"'{ANN}'")


def test_the_last_30_days_of_one_address_are_told(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", to=["Ann@Example.com"]),
        email_opened("m1", at=after(9), to=["Ann@Example.com"]),
        email_sent("m2", to=[BOB]),
    )
    ses.put(email_sent("m0"), hour=hours_ago(24 * 31))

    [row] = ses.ask_named("emails_of_one_address", f"'{ANN}'")

    assert (row["message_id"], row["time_opened"]) == ("m1", iso(after(9)))
    assert row["time_clicked"] is None


def test_a_day_counts_what_became_of_its_recipients_however_late(ses: EventDatabase) -> None:
    to = [ANN, BOB]
    ses.put(email_sent("m1", to=to), email_sent("m2"), hour=hours_ago(70))
    ses.put(
        email_delivered("m1", at=after(86400), to=to, recipients=to),
        email_bounced("m2", at=after(86400 * 2)),
        email_bounced("m2", at=after(86400 * 2)),
        email_complained("m1", at=after(86400 * 3), to=to, recipients=[BOB]),
        email_opened("m1", at=after(86400 * 3), to=to),
    )
    ses.put(email_bounced("m2", at=after(86400 * 2)), hour=hours_ago(1))

    [day] = ses.ask_named("deliverability_by_day")
    [reason] = ses.ask_named("bounce_reasons_by_domain")

    assert day == {
        "day": "2026-11-20",
        "sent": "3",
        "delivered": "2",
        "hard_bounced": "1",
        "soft_bounced": "0",
        "complaints": "1",
        "messages_opened": "1",
        "messages_clicked": "0",
    }
    assert list(reason.values()) == [
        "example.com",
        "Permanent",
        "General",
        "1",
        "1",
        f"smtp; 550 no {ANN}",
    ]


def test_the_report_with_tags_is_kept_of_an_event_that_came_twice(ses: EventDatabase) -> None:
    published = email_delivered("m1", at=after(2), tags={"season": "autumn"})
    notified = {
        "notificationType": "Delivery",
        "mail": {name: value for name, value in published["mail"].items() if name != "tags"},
        "delivery": published["delivery"],
    }
    ses.put(notified, published)

    rows = ses.ask("SELECT tags['season'] AS season FROM email_delivery")

    assert rows == [{"season": "[autumn]"}]


@pytest.mark.parametrize(
    "hour", ["ingest_hour = '%Y/%m/%d/%H'", "ingest_timestamp = timestamp '%Y-%m-%d %H:00:00'"]
)
def test_an_hour_of_a_view_is_read_alone(ses: EventDatabase, hour: str) -> None:
    everything = [sample(name) for name in samples("ses")]
    for hours in range(1, 5):
        ses.put(*everything, hour=hours_ago(hours))
    second = f"WHERE {hours_ago(2).strftime(hour)}"
    views = ["events", "email_events", *KINDS.values()]

    read = {
        view: [ses.scanned(f"SELECT event_id FROM {view} {where}") for where in ("", second)]
        for view in views
    }

    assert {view: one * 4 - all_hours for view, (all_hours, one) in read.items()} == dict.fromkeys(
        views, 0
    )
