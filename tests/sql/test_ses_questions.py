"""The named queries about a campaign's emails: sent twice or not, and how fast."""

from __future__ import annotations

from tests.builders.event_database import EventDatabase, hours_ago
from tests.builders.message_events import ANN, BOB, after, email_delivered, email_sent


def test_an_email_that_went_out_twice_is_found_by_its_own_tag(ses: EventDatabase) -> None:
    ses.put(
        email_sent("m1", tags={"message": "a"}),
        email_sent("m2", tags={"message": "b"}),
        email_sent("m3", tags={"message": "b"}),
        email_sent("m4", tags={"message": "c"}, to=[ANN]),
        email_sent("m5", tags={"message": "c"}, to=[BOB]),
        email_delivered("m2", at=after(3), tags={"message": "b"}),
    )

    [answer] = ses.ask_named("emails_sent_twice", "'message'")

    assert answer == {
        "values_and_recipients": "4",
        "emails": "5",
        "sent_more_than_once": "1",
        "most_emails": "2",
        "example": "b",
    }


def test_a_copy_of_an_event_is_no_second_email(ses: EventDatabase) -> None:
    ses.put(email_sent("m1", tags={"message": "a"}), hour=hours_ago(5))
    ses.put(email_sent("m1", tags={"message": "a"}), hour=hours_ago(1))

    [answer] = ses.ask_named("emails_sent_twice", "'message'")

    assert (answer["emails"], answer["sent_more_than_once"]) == ("1", "0")


def test_the_rate_is_told_for_the_start_the_middle_and_the_end(ses: EventDatabase) -> None:
    # Twenty emails: four in a second each at the start, then ten a second, then one a second.
    moments = [0, 0.25, 0.5, 0.75, *(1 + n / 10 for n in range(14)), 10, 11]
    ses.put(
        *(
            email_sent(f"m{number:02}", sent=after(moment), tags={"campaign": "run1"})
            for number, moment in enumerate(moments)
        )
    )

    answer = ses.ask_named("sending_rate_by_tag", "'campaign'")

    assert [
        (row["tag_value"], row["part"], row["emails"], row["emails_per_second"]) for row in answer
    ] == [
        ("run1", "0-20 %", "4", "4.0"),
        ("run1", "20-90 %", "14", "10.0"),
        ("run1", "90-100 %", "2", "1.0"),
    ]


def test_one_email_alone_has_no_rate(ses: EventDatabase) -> None:
    ses.put(email_sent("m1", tags={"campaign": "run1"}))

    [row] = ses.ask_named("sending_rate_by_tag", "'campaign'")

    assert row["part"] == "90-100 %" and row["emails_per_second"] is None
