"""SES's events in the members of Pinpoint's records."""

import pytest

from shared.pinpoint_events import MalformedEvent, email_event, encode_id
from tests.builders.event_records import sample


def mail_event(record):
    return record["facets"]["email_channel"]["mail_event"]


def test_an_event_about_several_recipients_is_one_record():
    event = sample("ses_notification/bounce_without_dsn")
    named = [one["emailAddress"] for one in event["bounce"]["bouncedRecipients"]]

    (record,) = email_event(event)

    bounced = mail_event(record)["bounce"]["bounced_recipients"]
    assert len(named) == 2
    assert [one["email_address"] for one in bounced] == named
    assert mail_event(record)["mail"]["destination"] == event["mail"]["destination"]


def test_a_click_that_unsubscribes_is_two_records_that_differ_in_their_type_alone():
    first, second = email_event(sample("ses/click_unsubscribe"))

    assert second == {**first, "event_type": "_email.unsubscribe"}
    assert first["event_type"] == "_email.click"
    assert mail_event(first)["click"]["link_tags"] == {"unsubscribeLinkTag": ["click"]}


def test_the_names_of_link_tags_are_the_customers():
    event = sample("ses/click")
    event["click"]["linkTags"] = {"orderId": ["5"], "Größe": ["L", "M"]}

    (record,) = email_event(event)

    assert mail_event(record)["click"]["link_tags"] == {"orderId": ["5"], "Größe": ["L", "M"]}


def test_what_the_hubs_own_mapping_left_out_is_there():
    complaint, bounce = sample("ses/complaint"), sample("ses/bounce_permanent_general")
    complaint["complaint"] |= {
        "complaintSubType": "OnAccountSuppressionList",
        "arrivalDate": "2026-03-02T17:00:30.000Z",
    }

    (complained,), (bounced,) = email_event(complaint), email_event(bounce)

    facet = mail_event(complained)["complaint"]
    assert facet["complaint_sub_type"] == "OnAccountSuppressionList"
    assert facet["arrival_date"] == "2026-03-02T17:00:30.000Z"
    assert mail_event(bounced)["bounce"]["timestamp"] == bounce["bounce"]["timestamp"]


def test_the_event_has_the_time_of_the_message_and_its_own():
    event = sample("ses/open")

    (record,) = email_event(event)

    assert record["event_timestamp"] == 1772470821380  # mail.timestamp, 17:00:21.380
    assert mail_event(record)["mail"]["message_send_timestamp"] == 1772470821380
    assert record["arrival_timestamp"] > record["event_timestamp"]
    assert "timestamp" not in mail_event(record)["open"]


def test_a_time_without_a_zone_is_utc():
    event = sample("ses/send")
    event["mail"]["timestamp"] = "2026-03-02T17:00:21.380"

    (record,) = email_event(event)

    assert record["event_timestamp"] == 1772470821380


def test_a_notification_is_read_by_its_own_type_member():
    (record,) = email_event(sample("ses_notification/delivery"), keep_all=True)

    assert record["event_type"] == "_email.delivered"
    assert mail_event(record)["delivery"]["remote_mta_ip"]
    assert mail_event(record)["mail"]["caller_identity"]


def test_members_that_pinpoint_lacks_are_there_only_when_all_is_kept():
    event = sample("ses_notification/bounce_with_dsn") | {"extra": 1}

    (documented,), (complete,) = email_event(event), email_event(event, keep_all=True)

    assert set(mail_event(documented)["mail"]) == {
        "message_id",
        "message_send_timestamp",
        "from_address",
        "destination",
        "headers_truncated",
        "headers",
        "common_headers",
    }
    assert set(mail_event(documented)["mail"]["common_headers"]) == {
        "from",
        "to",
        "subject",
        "date",
    }
    assert set(mail_event(documented)) == {"mail", "bounce"}
    assert mail_event(complete)["mail"]["source_arn"] == event["mail"]["sourceArn"]
    assert mail_event(complete)["mail"]["common_headers"]["message_id"] == "custom-message-ID"
    assert mail_event(complete)["extra"] == 1


def test_senders_are_one_text_as_pinpoint_wrote_them():
    event = sample("ses/send")
    event["mail"]["commonHeaders"]["from"] = ["a@example.com", "b@example.com"]

    (record,) = email_event(event)

    assert mail_event(record)["mail"]["common_headers"]["from"] == "a@example.com, b@example.com"


def test_ids_come_out_of_tags_encoded_or_not():
    event = sample("ses/send")
    event["mail"]["tags"] = {
        "app_id": ["project"],
        "endpoint_id_b64": [encode_id("jane+1@example.com")],
        "campaign_id": ["spring"],
        "colour": ["blue"],
        "ses:source-ip": ["192.0.2.0"],
    }

    (record,) = email_event(event)

    assert record["application"]["app_id"] == "project"
    assert record["client"]["client_id"] == "jane+1@example.com"
    assert record["attributes"] == {
        "colour": "blue",
        "feedback": "received",
        "campaign_id": "spring",
    }


def test_a_broken_tag_fails_the_hub_and_stays_an_attribute_in_a_database():
    event = sample("ses/send")
    event["mail"]["tags"]["endpoint_id_b64"] = ["%"]

    (record,) = email_event(event, keep_all=True)

    assert record["attributes"]["endpoint_id_b64"] == "%"
    with pytest.raises(MalformedEvent):
        email_event(event)


@pytest.mark.parametrize("member", ["messageId", "timestamp"])
def test_mail_without_a_needed_member_names_it(member):
    event = sample("ses/send")
    del event["mail"][member]

    with pytest.raises(MalformedEvent, match=member):
        email_event(event)


@pytest.mark.parametrize("value", ["yesterday", 5, [], {"at": 1}])
def test_a_time_that_is_none_is_malformed(value):
    event = sample("ses/send")
    event["mail"]["timestamp"] = value

    with pytest.raises(MalformedEvent, match="ISO 8601"):
        email_event(event)


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({"unsubscribeAll": True}, None, "_email.unsubscribe"),
        ({"topics": "OptOut"}, {"topics": "OptIn"}, "_email.unsubscribe"),
        ({"topics": "OptOut"}, {"topics": "OptOut"}, "_email.subscription"),
        ({"topics": "OptIn"}, {"topics": "OptOut"}, "_email.subscription"),
        (None, None, "_email.subscription"),
        ("everything", 5, "_email.subscription"),
    ],
)
def test_a_subscription_is_an_unsubscribe_when_a_topic_is_left(new, old, expected):
    def preferences(short):
        if not isinstance(short, dict) or "topics" not in short:
            return short
        status = {"topicName": "news", "subscriptionStatus": short["topics"]}
        return {"unsubscribeAll": False, "topicSubscriptionStatus": [status]}

    event = sample("ses/subscription")
    event["subscription"] |= {
        "newTopicPreferences": preferences(new),
        "oldTopicPreferences": preferences(old),
    }

    (record,) = email_event(event)

    assert record["event_type"] == expected
