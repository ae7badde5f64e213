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

    assert (found and (found.kind, found.recipients)) == SAYS.get(name)


@pytest.mark.parametrize("name", samples("pinpoint"))
def test_every_documented_record_of_the_stream_is_understood(name):
    found = feedback_from_pinpoint(sample(name))

    assert (found and found.kind) == SAYS_ON_THE_STREAM.get(name)
    assert found is None or found.recipients == ("mary.major@example.com",)


def test_a_bounce_is_read_with_all_that_identifies_it():
    found = feedback_from_ses(sample("ses/bounce_permanent_general"))

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
    found = feedback_from_ses(bounce("ann@example.com", style=style))

    assert found is not None
    assert (found.kind, found.recipients) == (HARD, ("ann@example.com",))


@pytest.mark.parametrize("style", ["eventType", "notificationType"])
def test_a_complaint_that_says_not_spam_is_none(style):
    assert feedback_from_ses(complaint("ann@example.com", kind="not-spam", style=style)) is None


@pytest.mark.parametrize("kind", ["abuse", "auth-failure", "fraud", "other", "virus", None])
def test_every_other_complaint_is_one(kind):
    found = feedback_from_ses(complaint("ann@example.com", kind=kind))

    assert found is not None
    assert found.kind is COMPLAINT


def test_a_record_of_the_stream_that_says_not_spam_is_none():
    record = sample("pinpoint/email_complaint")
    mail_event = record["facets"]["email_channel"]["mail_event"]
    mail_event["complaint"]["complaint_feedback_type"] = "not-spam"

    assert feedback_from_pinpoint(record) is None


@pytest.mark.parametrize("kind", ["Transient", "Undetermined", "OfTomorrow"])
def test_only_a_permanent_bounce_is_a_hard_one(kind):
    found = feedback_from_ses(bounce("ann@example.com", kind=kind))

    assert found is not None
    assert found.kind is SOFT


def test_a_hard_bounce_of_the_stream_that_is_not_permanent_is_a_soft_one():
    record = sample("pinpoint/email_hardbounce")
    record["facets"]["email_channel"]["mail_event"]["bounce"]["bounce_type"] = "Undetermined"

    found = feedback_from_pinpoint(record)

    assert found is not None
    assert found.kind is SOFT


@pytest.mark.parametrize("sub_type", ["OnAccountSuppressionList", "OnTenantSuppressionList"])
def test_what_ses_held_back_is_told_apart(sub_type):
    bounced = feedback_from_ses(bounce("ann@example.com", sub_type=sub_type))
    complained = feedback_from_ses(complaint("ann@example.com", sub_type=sub_type))

    assert bounced is not None and bounced.held_back
    assert complained is not None and complained.held_back


def test_what_ses_writes_to_greet_an_identity_s_topic_is_no_feedback():
    greeting = {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": "You have successfully subscribed your Amazon SNS topic.",
    }

    assert feedback_from_ses(greeting) is None


def test_recipients_are_compared_without_case_and_name_and_named_once():
    event = bounce("Ann@Example.com", "Ann Ash <ann@example.com>", " bob@example.com ")

    found = feedback_from_ses(event)

    assert found is not None
    assert found.recipients == ("ann@example.com", "bob@example.com")


@given(st.emails())
def test_an_address_is_normalised_once_and_for_all(address):
    assert normalised(normalised(address)) == normalised(address)


def test_a_record_of_the_stream_without_feedback_id_is_known_by_its_message_and_kind():
    record = sample("pinpoint/email_hardbounce")
    del record["facets"]["email_channel"]["mail_event"]["bounce"]["feedback_id"]
    record["arrival_timestamp"] += 1  # a copy that came by another way

    found = feedback_from_pinpoint(record)

    assert found is not None
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
    assert found is not None
