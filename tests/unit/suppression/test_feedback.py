"""Meaning of bounces and complaints, in all their formats."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.suppression import (
    Feedback,
    FeedbackKind,
    MalformedFeedback,
    feedback_from_pinpoint,
    feedback_from_ses,
)
from shared.suppression.feedback import normalised
from tests.builders.event_records import sample, samples
from tests.builders.suppression import bounce, complaint

RECIPIENT = ("recipient@example.com",)
HARD, SOFT, COMPLAINT = FeedbackKind.HARD_BOUNCE, FeedbackKind.SOFT_BOUNCE, FeedbackKind.COMPLAINT
# Every documented payload of SES; other payloads are no feedback about a recipient.
SAYS = {
    "ses/bounce_permanent_general": (HARD, RECIPIENT),
    "ses/bounce_permanent_noemail": (HARD, RECIPIENT),
    "ses/bounce_transient_contentrejected": (SOFT, RECIPIENT),
    "ses/bounce_transient_general": (SOFT, RECIPIENT),
    "ses/complaint": (COMPLAINT, RECIPIENT),
    "ses/complaint_without_report": (COMPLAINT, RECIPIENT),
    "ses/eventbridge_bounce": (HARD, RECIPIENT),
    "ses_notification/bounce_with_dsn": (HARD, ("jane@example.com",)),
    "ses_notification/bounce_without_dsn": (HARD, ("jane@example.com", "richard@example.com")),
    "ses_notification/complaint_with_report": (COMPLAINT, ("richard@example.com",)),
    "ses_notification/complaint_without_report": (COMPLAINT, ("richard@example.com",)),
}
SAYS_ON_THE_STREAM = {
    "pinpoint/email_hardbounce": HARD,
    "pinpoint/email_softbounce": SOFT,
    "pinpoint/email_complaint": COMPLAINT,
}


def inside(payload):
    """The event that a documented wrapping holds."""
    if "Records" in payload:
        [record] = payload["Records"]
        sns = record.get("Sns") or json.loads(record["body"])
        return json.loads(sns["Message"])
    return payload.get("detail", payload)


@pytest.mark.parametrize("name", samples("ses", "ses_notification"))
def test_every_documented_payload_of_ses_is_understood(name):
    found = feedback_from_ses(inside(sample(name)))

    assert [(one.kind, one.recipients) for one in found] == ([SAYS[name]] if name in SAYS else [])


@pytest.mark.parametrize("name", samples("pinpoint"))
def test_every_documented_record_of_the_stream_is_understood(name):
    found = feedback_from_pinpoint(sample(name))

    assert [(one.kind, one.recipients) for one in found] == (
        [(SAYS_ON_THE_STREAM[name], ("mary.major@example.com",))]
        if name in SAYS_ON_THE_STREAM
        else []
    )


def test_a_bounce_is_read_with_all_that_identifies_it():
    [found] = feedback_from_ses(sample("ses/bounce_permanent_general"))

    assert found == Feedback(
        kind=HARD,
        recipients=RECIPIENT,
        message_id="0100018c3f2b6d7e-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
        feedback_id="0100018c3f2b0001-61b59c11-9236-41e6-8f96-7be8aexample-000000",
        occurred_at=datetime(2026, 3, 2, 17, 0, 24, 49_000, UTC),
        sub_type="General",
    )


@pytest.mark.parametrize("style", ["eventType", "notificationType"])
def test_events_of_a_configuration_set_and_notifications_of_an_identity_say_the_same(style):
    [found] = feedback_from_ses(bounce("ann@example.com", style=style))

    assert (found.kind, found.recipients) == (HARD, ("ann@example.com",))


@pytest.mark.parametrize("style", ["eventType", "notificationType"])
def test_a_complaint_that_says_not_spam_is_none(style):
    assert feedback_from_ses(complaint("ann@example.com", kind="not-spam", style=style)) == ()


@pytest.mark.parametrize("kind", ["abuse", "auth-failure", "fraud", "other", "virus", None])
def test_every_other_complaint_is_one(kind):
    [found] = feedback_from_ses(complaint("ann@example.com", kind=kind))

    assert found.kind is COMPLAINT


def test_a_record_of_the_stream_that_says_not_spam_is_none():
    record = sample("pinpoint/email_complaint")
    mail_event = record["facets"]["email_channel"]["mail_event"]
    mail_event["complaint"]["complaint_feedback_type"] = "not-spam"

    assert feedback_from_pinpoint(record) == ()


@pytest.mark.parametrize("kind", ["Transient", "Undetermined", "OfTomorrow"])
def test_a_bounce_of_another_type_is_a_soft_one(kind):
    [found] = feedback_from_ses(bounce("ann@example.com", kind=kind))

    assert found.kind is SOFT


def test_a_hard_bounce_of_the_stream_that_is_not_permanent_is_a_soft_one():
    record = sample("pinpoint/email_hardbounce")
    detail = record["facets"]["email_channel"]["mail_event"]["bounce"]
    detail["bounce_type"] = "Undetermined"
    detail["bounced_recipients"][0]["status"] = "4.4.7"

    [found] = feedback_from_pinpoint(record)

    assert found.kind is SOFT


@pytest.mark.parametrize("sub_type", ["OnAccountSuppressionList", "OnTenantSuppressionList"])
def test_what_ses_held_back_is_told_apart(sub_type):
    [bounced] = feedback_from_ses(bounce("ann@example.com", sub_type=sub_type))
    [complained] = feedback_from_ses(complaint("ann@example.com", sub_type=sub_type))

    assert bounced.held_back
    assert complained.held_back


def test_what_ses_writes_to_greet_an_identity_s_topic_is_no_feedback():
    greeting = {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": "You have successfully subscribed your Amazon SNS topic.",
    }

    assert feedback_from_ses(greeting) == ()


def test_recipients_are_compared_without_case_and_name_and_named_once():
    event = bounce("Ann@Example.com", "Ann Ash <ann@example.com>", " bob@example.com ")

    [found] = feedback_from_ses(event)

    assert found.recipients == ("ann@example.com", "bob@example.com")


@given(st.emails())
def test_an_address_is_normalised_once_and_for_all(address):
    once = normalised(address)

    assert once is not None
    assert normalised(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        '"Lee, Ann" <ann@example.com>',
        "Lee, Ann <ann@example.com>",
        "lee@example.org, Ann <ann@example.com>",
        r'"Lee \"Ann\", PhD" <Ann@Example.com>',
        "<ann@example.com>",
        "Ann <bob@example.com> <ann@example.com>",
        "Ann <ann@example.com> (home)",
        " ann@example.com\n",
    ],
)
def test_the_address_of_a_recipient_is_the_one_in_the_last_angle_brackets(text):
    assert normalised(text) == "ann@example.com"


def test_an_address_is_compared_by_the_domain_that_ses_wrote_to():
    assert normalised("Ann <ann@MÜNCHEN.example>") == "ann@xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    "text",
    [
        "Lee, Ann",
        "Lee, ann@example.com",
        "lee@example.org, ann@example.com",
        "<lee@example.org> ann@example.com",
        "Ann <ann@example.com",
        "ann@example.com>",
        "<>",
        "ann",
        "@example.com",
        "ann@",
        "ann lee@example.com",
        "änn@example.com",
        "rfc822;ann@example.com",
        "a" * 320 + "@example.com",
        "\ud800@example.com",
        "",
    ],
)
def test_a_recipient_that_is_not_one_address_is_malformed_and_suppresses_nobody(text):
    with pytest.raises(MalformedFeedback, match="emailAddress that is one address") as raised:
        feedback_from_ses(bounce(text))

    assert raised.value.readable == ()
    assert not text or text not in str(raised.value)


def test_a_recipient_that_cannot_be_read_costs_the_others_of_its_event_nothing():
    with pytest.raises(MalformedFeedback) as raised:
        feedback_from_ses(bounce("ann@example.com", "Lee, Ann", "bob@example.com"))

    [found] = raised.value.readable
    assert found.recipients == ("ann@example.com", "bob@example.com")


# Events by which SES publishes that a mail program answered for an absent person.
OUT_OF_OFFICE = [
    bounce(kind="Undetermined", sub_type="Undetermined"),
    bounce("ann@example.com", kind="Undetermined", sub_type="Undetermined", report={}),
    bounce("ann@example.com", kind="Transient", sub_type="General", report={}),
]


@pytest.mark.parametrize("event", OUT_OF_OFFICE)
def test_an_out_of_office_reply_is_no_feedback(event):
    assert feedback_from_ses(event) == ()


def test_an_undetermined_bounce_may_leave_its_recipients_out():
    event = without(bounce(kind="Undetermined"), "bounce", "bouncedRecipients")

    assert feedback_from_ses(event) == ()


def test_an_out_of_office_reply_on_the_stream_is_no_feedback():
    record = sample("pinpoint/email_softbounce")
    [recipient] = record["facets"]["email_channel"]["mail_event"]["bounce"]["bounced_recipients"]
    for member in ("action", "status", "diagnostic_code"):
        del recipient[member]

    assert feedback_from_pinpoint(record) == ()


@pytest.mark.parametrize(
    "report", [{"action": "failed"}, {"status": "4.4.7"}, {"diagnosticCode": "smtp; 451 later"}]
)
def test_a_transient_bounce_with_any_word_of_a_mail_server_is_a_soft_one(report):
    [found] = feedback_from_ses(bounce("ann@example.com", kind="Transient", report=report))

    assert found.kind is SOFT


def test_a_full_mailbox_is_a_soft_bounce_without_a_word_of_the_mail_server():
    event = bounce("ann@example.com", kind="Transient", sub_type="MailboxFull", report={})

    assert [one.kind for one in feedback_from_ses(event)] == [SOFT]


@pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
@pytest.mark.parametrize("status", ["5.1.1", "5.0.0", "5.4.1", "5.2.1", "5.5.0 (no mailbox)"])
def test_a_transient_bounce_is_hard_by_a_status_that_is_permanent_for_the_address(kind, status):
    event = bounce("ann@example.com", kind=kind, report={"status": status})

    assert [one.kind for one in feedback_from_ses(event)] == [HARD]


def test_a_soft_bounce_of_the_stream_is_hard_by_its_status():
    record = sample("pinpoint/email_softbounce")
    [recipient] = record["facets"]["email_channel"]["mail_event"]["bounce"]["bounced_recipients"]
    recipient["status"] = "5.1.1"

    assert [one.kind for one in feedback_from_pinpoint(record)] == [HARD]


@pytest.mark.parametrize(
    ("sub_type", "status"),
    [
        ("General", "5.2.2"),
        ("General", "5.2.3"),
        ("General", "5.3.4"),
        ("General", "5.6.1"),
        ("General", "5.7.1"),
        ("MailboxFull", "5.0.0"),
        ("MessageTooLarge", "5.1.1"),
        ("ContentRejected", "5.5.0"),
        ("AttachmentRejected", "5.5.0"),
    ],
)
def test_a_transient_bounce_for_the_email_or_a_full_mailbox_stays_soft(sub_type, status):
    event = bounce(
        "ann@example.com", kind="Transient", sub_type=sub_type, report={"status": status}
    )

    assert [one.kind for one in feedback_from_ses(event)] == [SOFT]


def test_recipients_of_one_bounce_are_judged_each_by_their_own_status():
    event = bounce("ann@example.com", "bob@example.com", "cy@example.com", kind="Transient")
    ann, bob, cy = event["bounce"]["bouncedRecipients"]
    ann["status"] = "5.1.1"
    del cy["status"], cy["action"]

    found = {one.kind: one.recipients for one in feedback_from_ses(event)}

    assert found == {HARD: ("ann@example.com",), SOFT: ("bob@example.com",)}


@pytest.mark.parametrize("text", ["x" * 1025, "ü" * 513, "\ud800", "a\nb"])
@pytest.mark.parametrize("path", [("mail", "messageId"), ("bounce", "feedbackId")])
def test_an_id_that_no_table_takes_is_malformed_before_it_reaches_the_table(path, text):
    event = bounce("ann@example.com")
    event[path[0]][path[1]] = text

    with pytest.raises(MalformedFeedback, match=path[1]):
        feedback_from_ses(event)


def test_a_record_of_the_stream_without_feedback_id_is_known_by_its_message_and_kind():
    record = sample("pinpoint/email_hardbounce")
    del record["facets"]["email_channel"]["mail_event"]["bounce"]["feedback_id"]
    record["arrival_timestamp"] += 1  # a copy that came by another way

    [found] = feedback_from_pinpoint(record)

    assert found.feedback_id == f"{found.message_id}/HARD_BOUNCE"


def without(event, *path):
    inner = event
    for member in path[:-1]:
        inner = inner[member]
    del inner[path[-1]]
    return event


@pytest.mark.parametrize(
    ("event", "member"),
    [
        ({}, "eventType nor notificationType"),
        ({"eventType": 7}, "eventType nor notificationType"),
        ({"eventType": "Bounce"}, "bounce"),
        (without(bounce("a@b.c"), "mail"), "mail"),
        (without(bounce("a@b.c"), "mail", "messageId"), "mail.messageId"),
        (without(bounce("a@b.c"), "bounce", "bounceType"), "bounce.bounceType"),
        (without(bounce("a@b.c"), "bounce", "feedbackId"), "bounce.feedbackId"),
        (without(bounce("a@b.c"), "bounce", "timestamp"), "bounce.timestamp"),
        (without(bounce("a@b.c"), "bounce", "bouncedRecipients"), "bounce.bouncedRecipients"),
        (bounce(), "bounce.bouncedRecipients"),
        (bounce(" "), "emailAddress"),
        (without(complaint("a@b.c"), "complaint"), "complaint"),
        (without(complaint("a@b.c"), "complaint", "feedbackId"), "complaint.feedbackId"),
    ],
)
def test_a_missing_member_is_named_and_no_value_is_quoted(event, member):
    with pytest.raises(MalformedFeedback, match=member) as raised:
        feedback_from_ses(event)

    assert "a@b.c" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "member"),
    [
        (("event_type",), "event_type"),
        (("facets",), "facets"),
        (("facets", "email_channel"), "email_channel"),
        (("facets", "email_channel", "mail_event", "bounce"), "bounce"),
        (("facets", "email_channel", "mail_event", "mail", "message_id"), "mail.message_id"),
        (("facets", "email_channel", "mail_event", "bounce", "bounce_type"), "bounce.bounce_type"),
        (("arrival_timestamp",), "arrival_timestamp"),
    ],
)
def test_a_missing_member_of_the_stream_is_named(path, member):
    with pytest.raises(MalformedFeedback, match=member):
        feedback_from_pinpoint(without(sample("pinpoint/email_hardbounce"), *path))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON, st.sampled_from(["mail", "bounce"]), st.data())
def test_whatever_stands_in_a_bounce_it_is_read_or_malformed(value, member, data):
    event = bounce("ann@example.com")
    inner = data.draw(st.sampled_from(sorted(event[member])))
    event[member][inner] = value

    try:
        found = feedback_from_ses(event)
    except MalformedFeedback:
        return
    assert isinstance(found, tuple)
