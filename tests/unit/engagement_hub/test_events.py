import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.events import (
    campaign_send,
    check_event_type,
    custom_event,
    sms_context,
    sms_refused,
)
from shared.pinpoint_events import (
    SMS_TYPES,
    HubIds,
    MalformedEvent,
    decode_id,
    email_event,
    email_tags,
    encode_id,
    ids_of_email,
    ids_of_sms,
    sms_event,
)
from tests.builders.campaigns import APP_ID, CAMPAIGN_ID, NOW, endpoint, sample, samples

ACCOUNT = "123456789012"
ACTIVITY = "5473285727f04865bc673e5270a9b8c7"
IDS = HubIds(
    application_id=APP_ID,
    campaign_id=CAMPAIGN_ID,
    campaign_activity_id=ACTIVITY,
    treatment_id="0",
    endpoint_id="ep-mary-sms",
    request_id="7b1f0a2e-93c4-4d55-8e66-a7b8c9d0e1f2",
)


def moment(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def shape(value):
    """List the keys of a record, nested keys included, and the kinds of its values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


# Campaigns


@pytest.mark.parametrize("name", [n for n in samples("pinpoint") if "campaign_send" in n])
def test_a_campaign_send_is_the_documented_record(name):
    documented = sample(name)
    attributes = documented["attributes"]
    definition = json.loads(documented["client_context"]["custom"]["endpoint"])

    record = campaign_send(
        {"Id": documented["client"]["client_id"], "ApplicationId": "x", "CohortId": "1"}
        | definition
        | {"CreationDate": "2026-01-01T00:00:00Z"},
        attributes["campaign_send_status"],
        app_id=documented["application"]["app_id"],
        campaign_id=attributes["campaign_id"],
        activity_id=attributes["campaign_activity_id"],
        treatment_id=attributes["treatment_id"],
        delivery_type=attributes["delivery_type"],
        now=moment(documented["event_timestamp"]),
        arrived=moment(documented["arrival_timestamp"]),
        account_id=documented["awsAccountId"],
    )

    assert record == documented


# SMS


def sms_v2(documented, ids, customer=None):
    """The End User Messaging event behind a documented Pinpoint record."""
    attributes = documented["attributes"]
    status = attributes["record_status"]
    return {
        "eventType": f"TEXT_{status}",
        "eventVersion": "1.0",
        "eventTimestamp": documented["event_timestamp"],
        "isFinal": documented["event_type"] != "_SMS.BUFFERED",
        "originationPhoneNumber": attributes["origination_phone_number"],
        "destinationPhoneNumber": attributes["destination_phone_number"],
        "isoCountryCode": attributes["iso_country_code"],
        "messageId": attributes["message_id"],
        "messageType": attributes["message_type"].upper(),
        "context": sms_context(ids, customer),
        "totalMessageParts": int(attributes["number_of_message_parts"]),
        "totalMessagePrice": documented["metrics"]["price_in_millicents_usd"] / 100_000,
    }


@pytest.mark.parametrize(
    "name",
    [
        "sms_buffered",
        "sms_failure",
        "sms_success",
        "sms_success_campaign",
        "sms_success_customer_context",
    ],
)
def test_an_sms_event_is_the_documented_record(name):
    documented = sample(f"pinpoint/{name}")
    attributes = documented["attributes"]
    ids = HubIds(
        application_id=documented["application"]["app_id"],
        endpoint_id=documented["client"]["client_id"],
        request_id=attributes["sender_request_id"],
        campaign_id=attributes.get("campaign_id"),
        campaign_activity_id=attributes.get("campaign_activity_id"),
    )
    customer = json.loads(attributes.get("customer_context", "{}"))

    record = sms_event(
        sms_v2(documented, ids, customer),
        account_id=documented["awsAccountId"],
        arrived=moment(documented["arrival_timestamp"]),
    )

    assert record == documented


EXPECTED_SMS = {
    "QUEUED": ("_SMS.BUFFERED", "PENDING"),
    "PENDING": ("_SMS.BUFFERED", "PENDING"),
    "DELIVERED": ("_SMS.SUCCESS", "DELIVERED"),
    "INVALID": ("_SMS.FAILURE", "INVALID"),
    "INVALID_MESSAGE": ("_SMS.FAILURE", "INVALID_MESSAGE"),
    "UNREACHABLE": ("_SMS.FAILURE", "UNREACHABLE"),
    "CARRIER_UNREACHABLE": ("_SMS.FAILURE", "CARRIER_UNREACHABLE"),
    "BLOCKED": ("_SMS.FAILURE", "BLOCKED"),
    "CARRIER_BLOCKED": ("_SMS.FAILURE", "CARRIER_BLOCKED"),
    "SPAM": ("_SMS.FAILURE", "SPAM"),
    "UNKNOWN": ("_SMS.FAILURE", "UNKNOWN"),
    "TTL_EXPIRED": ("_SMS.FAILURE", "TTL_EXPIRED"),
    "PROTECT_BLOCKED": ("_SMS.FAILURE", "BLOCKED"),
    "FILE_INACCESSIBLE": ("_SMS.FAILURE", "INVALID_MESSAGE"),
    "FILE_TYPE_UNSUPPORTED": ("_SMS.FAILURE", "INVALID_MESSAGE"),
    "FILE_SIZE_EXCEEDED": ("_SMS.FAILURE", "INVALID_MESSAGE"),
}


@pytest.mark.parametrize(
    "name", [n for n in samples("sms") if not n.startswith(("sms/eventbridge_", "sms/sns_"))]
)
def test_every_end_user_messaging_event_has_its_pinpoint_type(name):
    record = sample(name)
    kind, _, status = record["eventType"].partition("_")
    if kind in ("VOICE", "RCS"):
        expected = (f"_{kind}.{status}", status)
    elif status == "SUCCESSFUL":
        expected = ("_SMS.SUCCESS" if record["isFinal"] else "_SMS.BUFFERED", "SUCCESSFUL")
    else:
        expected = EXPECTED_SMS[status]

    event = sms_event(record, account_id=ACCOUNT, arrived=NOW, app_id=APP_ID)

    assert (event["event_type"], event["attributes"]["record_status"]) == expected
    assert event["event_timestamp"] == record["eventTimestamp"]
    assert event["application"]["app_id"] == APP_ID
    assert event["attributes"]["message_id"] == record["messageId"]
    assert all(isinstance(value, str) for value in event["attributes"].values())
    assert ("message_kind" in event["attributes"]) is (kind == "MEDIA")


def test_the_mapping_knows_every_status_of_a_text():
    texts = {name.removeprefix("sms/text_").upper() for name in samples("sms") if "/text_" in name}

    assert (texts - {"SUCCESSFUL_FINAL"}) | {"SENT"} <= set(SMS_TYPES)


def test_the_samples_context_gives_ids_and_the_rest_as_customer_context():
    event = sms_event(sample("sms/text_delivered"), account_id=ACCOUNT, arrived=NOW)

    assert event["client"]["client_id"] == "ep-mary-sms"
    assert event["attributes"]["campaign_id"] == CAMPAIGN_ID
    assert event["attributes"]["campaign_activity_id"] == ACTIVITY
    assert event["attributes"]["customer_context"] == '{"account":"bar"}'
    assert event["metrics"] == {"price_in_millicents_usd": 9582.0}


def test_a_message_to_a_bare_address_has_one_client_id_in_all_its_events():
    record = {**sample("sms/text_delivered"), "context": {}}

    ids = {
        sms_event(record | {"eventType": kind}, account_id=ACCOUNT, arrived=NOW)["client"][
            "client_id"
        ]
        for kind in ("TEXT_PENDING", "TEXT_DELIVERED")
    }

    assert len(ids) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "TEXT_ALL"},
        {"eventType": "FAX_SENT"},
        {"context": {"hub": "{"}},
        {"context": {"hub": "[]"}},
    ],
)
def test_an_sms_event_that_cannot_be_read_is_malformed(change):
    with pytest.raises(MalformedEvent):
        sms_event(sample("sms/text_delivered") | change, account_id=ACCOUNT, arrived=NOW)


@pytest.mark.parametrize("member", ["eventType", "messageId", "eventTimestamp"])
def test_an_sms_event_without_a_needed_member_names_it(member):
    record = sample("sms/text_delivered")
    del record[member]

    with pytest.raises(MalformedEvent, match=member):
        sms_event(record, account_id=ACCOUNT, arrived=NOW)


@pytest.mark.parametrize("status", ["OPTED_OUT", "MAX_PRICE_EXCEEDED"])
def test_a_refused_text_is_a_failure_of_the_documented_shape(status):
    documented = sample("pinpoint/sms_failure")

    record = sms_refused(
        status,
        ids=IDS,
        destination="+14255550199",
        origination="+12065550142",
        message_type="PROMOTIONAL",
        now=NOW,
        account_id=ACCOUNT,
    )

    assert record["event_type"] == "_SMS.FAILURE"
    assert record["attributes"]["record_status"] == status
    # The country, the parts and the price are unknown.
    expected = shape(documented)
    del expected["metrics"]
    del expected["attributes"]["iso_country_code"]
    del expected["attributes"]["number_of_message_parts"]
    assert shape(record) == expected


# Email

# Members of SES's events that Pinpoint's records lack, and for which event databases have columns.
OF_SES_ALONE = {"arrival_date", "complaint_sub_type", "link_tags", "timestamp"}


def pinpoints_own(facet):
    """A facet, or a part of one, without what Pinpoint's records never had."""
    if isinstance(facet, dict):
        return {k: pinpoints_own(v) for k, v in facet.items() if k not in OF_SES_ALONE}
    return facet


def with_campaign_tags(record):
    return record | {
        "mail": record["mail"] | {"tags": {k: [v] for k, v in email_tags(IDS).items()}}
    }


@pytest.mark.parametrize(
    ("ses", "pinpoint"),
    [
        ("send", "email_send_campaign"),
        ("bounce_permanent_general", "email_hardbounce"),
        ("complaint", "email_complaint"),
        ("open", "email_open_campaign"),
    ],
)
def test_an_email_event_has_the_documented_members(ses, pinpoint):
    documented = sample(f"pinpoint/{pinpoint}")

    [record] = email_event(with_campaign_tags(sample(f"ses/{ses}")))

    assert record["event_type"] == documented["event_type"]
    assert record["attributes"] == documented["attributes"]
    record["facets"], documented["facets"] = map(
        pinpoints_own, (record["facets"], documented["facets"])
    )
    assert shape(record) == shape(documented)


@pytest.mark.parametrize(
    ("ses", "pinpoint", "facet"),
    [
        ("delivery", "email_delivered", "delivery"),
        ("click", "email_click", "click"),
        ("reject", "email_rejected", "reject"),
        ("rendering_failure", "email_rendering_failure", "rendering_failure"),
        ("bounce_transient_general", "email_softbounce", "bounce"),
    ],
)
def test_an_email_events_facet_has_the_documented_members(ses, pinpoint, facet):
    documented = sample(f"pinpoint/{pinpoint}")["facets"]["email_channel"]["mail_event"]

    [record] = email_event(sample(f"ses/{ses}"))

    mail_event = record["facets"]["email_channel"]["mail_event"]
    assert shape(pinpoints_own(mail_event[facet])) == shape(pinpoints_own(documented[facet]))
    assert shape(mail_event["mail"]) == shape(documented["mail"])


@pytest.mark.parametrize(
    ("ses", "types", "feedback"),
    [
        ("send", ["_email.send"], "received"),
        ("send_templated", ["_email.send"], "received"),
        ("delivery", ["_email.delivered"], "delivered"),
        ("bounce_permanent_general", ["_email.hardbounce"], "hardbounce"),
        ("bounce_permanent_noemail", ["_email.hardbounce"], "hardbounce"),
        ("bounce_transient_general", ["_email.softbounce"], "softbounce"),
        ("bounce_transient_contentrejected", ["_email.softbounce"], "softbounce"),
        ("complaint", ["_email.complaint"], "complaint"),
        ("complaint_without_report", ["_email.complaint"], "complaint"),
        ("reject", ["_email.rejected"], "rejected"),
        ("open", ["_email.open"], "opened"),
        ("rendering_failure", ["_email.rendering_failure"], "rendering_failure"),
        ("delivery_delay", ["_email.delivery_delay"], "delayed"),
        ("subscription", ["_email.unsubscribe"], "UnsubscribeHeader"),
        (
            "click_unsubscribe",
            ["_email.click", "_email.unsubscribe"],
            "https://www.example.com/unsubscribe",
        ),
    ],
)
def test_every_ses_event_has_its_pinpoint_type_and_feedback(ses, types, feedback):
    records = email_event(sample(f"ses/{ses}"))

    assert [record["event_type"] for record in records] == types
    assert {record["attributes"]["feedback"] for record in records} == {feedback}


def test_an_unsubscribing_clicks_second_record_has_the_documented_members():
    ids = HubIds(
        APP_ID, endpoint_id="e", journey_id="j", journey_run_id="r", journey_activity_id="a"
    )
    record = sample("ses/click_unsubscribe")
    record["mail"]["tags"] = {name: [value] for name, value in email_tags(ids).items()}

    _, unsubscribe = email_event(record)

    unsubscribe["facets"] = pinpoints_own(unsubscribe["facets"])
    assert shape(unsubscribe) == shape(sample("pinpoint/email_unsubscribe"))


def test_a_clicks_feedback_is_the_link():
    record = sample("ses/click")

    [event] = email_event(record)

    assert event["attributes"]["feedback"] == record["click"]["link"]


def test_a_subscription_that_turns_nothing_off_is_no_unsubscribe():
    record = sample("ses/subscription")
    record["subscription"] |= {
        "newTopicPreferences": record["subscription"]["oldTopicPreferences"],
        "oldTopicPreferences": None,
    }

    [event] = email_event(record)

    assert event["event_type"] == "_email.subscription"


def test_an_undetermined_bounce_counts_as_soft_and_keeps_its_type():
    record = sample("ses/bounce_permanent_general")
    record["bounce"] |= {"bounceType": "Undetermined", "bounceSubType": "Undetermined"}

    [event] = email_event(record)

    assert event["event_type"] == "_email.softbounce"
    bounce = event["facets"]["email_channel"]["mail_event"]["bounce"]
    assert bounce["bounce_type"] == "Undetermined"


def test_all_events_of_an_email_carry_the_time_it_was_sent():
    events_ = [email_event(sample(f"ses/{name}"))[0] for name in ("send", "open", "complaint")]

    assert {event["event_timestamp"] for event in events_} == {1772470821380}
    assert [event["arrival_timestamp"] for event in events_] == [
        1772470821380,
        1772470851105,
        1772474421380,
    ]


def test_an_email_event_that_cannot_be_read_is_malformed():
    record = sample("ses/send")

    for broken in (
        {},
        record | {"eventType": "Fax"},
        {k: v for k, v in record.items() if k != "mail"},
        record | {"mail": {**record["mail"], "timestamp": "yesterday"}},
        record | {"mail": {**record["mail"], "tags": {"endpoint_id_b64": ["%"]}}},
    ):
        with pytest.raises(MalformedEvent):
            email_event(broken)


# Ids

id_texts = st.text(min_size=1, max_size=120)


@given(id_texts)
def test_an_id_survives_the_alphabet_of_message_tags(value):
    encoded = encode_id(value)

    assert decode_id(encoded) == value
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


@given(
    st.builds(
        HubIds,
        **{name: st.none() | st.text("äb-_ /1", min_size=1, max_size=40) for name in IDS.given()},
    ),
    st.dictionaries(st.text("abc", min_size=1, max_size=5), st.text(max_size=40), max_size=3),
)
def test_ids_and_customer_context_come_back_from_sms(ids, customer):
    context = sms_context(ids, customer)

    assert len(context) <= 2
    assert all(len(value) <= 800 for value in context.values())
    assert ids_of_sms(context) == (ids, customer)


@given(
    st.builds(HubIds, **{name: st.none() | id_texts for name in IDS.given()}),
    st.dictionaries(
        st.text("xyz", min_size=1, max_size=5), st.text(min_size=1, max_size=40), max_size=3
    ),
)
def test_ids_and_customer_context_come_back_from_email(ids, customer):
    tags = email_tags(ids, customer)

    assert all(re.fullmatch("[A-Za-z0-9_-]{1,256}", part) for tag in tags.items() for part in tag)
    long = {name for name, value in ids.given().items() if len(encode_id(value)) > 256}
    back, rest = ids_of_email({name: [value] for name, value in tags.items()})
    assert back.given() == {k: v for k, v in ids.given().items() if k not in long}
    assert rest == customer


def test_a_longest_endpoint_id_still_fits_one_sms_context_entry():
    ids = HubIds(**(IDS.given() | {"endpoint_id": "ü" * 250}))

    assert ids_of_sms(sms_context(ids))[0] == ids


def test_a_clients_context_cannot_pass_for_the_hubs_ids():
    forged = {"c": "1", "campaign_id": "2", "endpoint_id_b64": "Mw", "app_id": "4"}
    ids = HubIds(application_id="real")

    from_email, _ = ids_of_email({name: [v] for name, v in email_tags(ids, forged).items()})
    from_sms, _ = ids_of_sms(sms_context(ids, forged))

    assert from_email == ids
    assert from_sms == ids


def test_a_customer_context_that_does_not_fit_is_refused():
    with pytest.raises(BadRequest, match="longer than 800"):
        sms_context(IDS, {"a": "x" * 800})


def test_tags_of_ses_itself_and_foreign_context_entries_are_told_apart():
    ids, rest = ids_of_email({"ses:from-domain": ["example.com"], "app_id": ["a"], "x": ["1"]})

    assert (ids, rest) == (HubIds(application_id="a"), {"x": "1"})


# App events


def test_a_custom_event_is_the_documented_record_without_cognito():
    documented = sample("pinpoint/custom_cartabandoned")
    for part, member in (("application", "cognito_identity_pool_id"), ("client", "cognito_id")):
        del documented[part][member]

    record = custom_event(
        {
            "EventType": "CartAbandoned",
            "Timestamp": "2026-03-02T16:51:32.531Z",
            "Attributes": {"Category": "shoes"},
            "Metrics": {"Items": 3},
            "AppPackageName": "com.example.shop",
            "AppTitle": "Example Shop",
            "AppVersionCode": "1",
            "SdkName": "aws-sdk-mobile-analytics-js",
            "ClientSdkVersion": "0.9.1:2.4.8",
            "Session": {
                "Id": "f549dea9-1090-4a5d-b3d1-e4967c0d1e2f",
                "StartTimestamp": "2026-03-02T16:50:02.531Z",
            },
        },
        endpoint(
            "d8dcf7c5-e81a-48ae-8313-f540cexample",
            Demographic={
                "AppVersion": "1.0",
                "Locale": "en_US",
                "Make": "generic web browser",
                "Model": "Unknown",
                "Platform": "android",
                "PlatformVersion": "10.10",
            },
        ),
        app_id=APP_ID,
        now=moment(documented["arrival_timestamp"]),
    )

    assert record == documented


def test_a_session_that_ended_says_when():
    stop = "2026-03-02T17:00:02.507Z"
    session = {"Id": "s", "StartTimestamp": "2026-03-02T16:50:02.531Z", "StopTimestamp": stop}

    record = custom_event(
        {"EventType": "_session.stop", "Timestamp": stop, "Session": session},
        endpoint(),
        app_id=APP_ID,
        now=NOW,
    )

    documented = sample("pinpoint/session_stop")["session"]
    assert record["session"] == documented | {"session_id": "s"}


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"Timestamp": "2026-03-02T17:00:00Z"}, "EventType is missing"),
        ({"EventType": "a"}, "Timestamp must be ISO 8601"),
        ({"EventType": "a", "Timestamp": "now"}, "Timestamp must be ISO 8601"),
        (
            {
                "EventType": "a",
                "Timestamp": "2026-03-02T17:00:00Z",
                "Session": {"Id": "s", "StartTimestamp": "x"},
            },
            "Session.StartTimestamp must be ISO 8601",
        ),
        *(
            (
                {"EventType": "a", "Timestamp": "2026-03-02T17:00:00Z", "Metrics": {"m": number}},
                "Metrics.m must be a number",
            )
            for number in (10**400, float("inf"), float("-inf"))
        ),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused_by_member(event, problem):
    with pytest.raises(BadRequest, match=problem):
        custom_event(event, endpoint(), app_id=APP_ID, now=NOW)


# Source: the AWS mobile SDKs for Android and iOS, and Amplify.
@pytest.mark.parametrize(
    "event_type",
    [
        "purchase",
        "_session.start",
        "_session.stop",
        "_session.pause",
        "_session.resume",
        "_userauth.sign_in",
        "_userauth.sign_up",
        "_userauth.auth_fail",
        "_monetization.purchase",
        "_campaign.opened_notification",
        "_campaign.received_background",
        "_campaign.received_foreground",
        "_journey.opened_notification",
        "_journey.received_background",
        "_journey.received_foreground",
        "_email",
        "email.open",
    ],
)
def test_what_an_app_reports_is_taken(event_type):
    check_event_type(event_type)


@pytest.mark.parametrize(
    "event_type",
    [
        "_email.hardbounce",
        "_email.open",
        "_SMS.BUFFERED",
        "_sms.optout",
        "_campaign.send",
        "_campaign.opened_notification.x",
        "_journey.send",
        "_Email.Send",
    ],
)
def test_an_app_cannot_report_what_only_sent_messages_cause(event_type):
    with pytest.raises(BadRequest, match="EventType must not begin"):
        check_event_type(event_type)
