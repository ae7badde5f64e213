"""Rows of all_events: every sample, everything kept, one id for all copies."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pinpoint_event_database
from pinpoint_event_database.all_events import rows
from shared.event_rows.batch import transform
from tests.builders.event_records import (
    ACCOUNT,
    INDEX,
    fits,
    lost,
    record,
    rows_of,
    sample,
    samples,
)

ROOT = Path(__file__).parents[3]
COLUMNS = json.loads(
    Path(pinpoint_event_database.__file__).with_name("all_events.json").read_text()
)
OURS = ("pinpoint", "ses", "ses_notification", "sms", "two_way_sms")
FOREIGN = ("ses_receiving", "campaign_hook")


def rows_for(*events, account=ACCOUNT):
    """The rows of events, each in a record of its own; all must be Ok."""
    records = [record(event, number) for number, event in enumerate(events)]
    answer = transform(records, rows, account_id=account)
    assert {one["result"] for one in answer.records} == {"Ok"}, answer.reasons
    return [row for one in answer.records for row in rows_of(one)]


def row_for(event):
    (row,) = rows_for(event)
    return row


def fits_the_table(row):
    kinds = {column["name"]: column["type"] for column in COLUMNS}
    return set(row) <= set(kinds) and all(fits(value, kinds[key]) for key, value in row.items())


def without_types(event):
    """An event without what the mapping table translates."""
    if isinstance(event, dict):
        hidden = ("eventType", "notificationType", "Message", "body")
        return {key: without_types(item) for key, item in event.items() if key not in hidden}
    return [without_types(item) for item in event] if isinstance(event, list) else event


def test_the_module_and_the_package_have_the_same_columns():
    declared = ROOT / "modules" / "pinpoint_event_database" / "all_events.json"

    assert json.loads(declared.read_text()) == COLUMNS
    for column in COLUMNS:
        assert column["type"] == column["type"].lower() and " " not in column["type"]
        assert 0 < len(column["comment"]) <= 255  # what Glue takes


@pytest.mark.parametrize("name", samples(*OURS))
def test_a_sample_becomes_rows_that_fit_and_lose_nothing(name):
    event = sample(name)

    found = rows_for(event)

    assert [row["event_type"] for row in found] == INDEX[f"{name}.json"]["maps_to"]
    assert all(fits_the_table(row) for row in found)
    for row in found:
        assert lost(without_types(event), row) == []


@pytest.mark.parametrize("name", samples("ses", "sms", "two_way_sms"))
def test_what_an_envelope_holds_is_not_lost_either(name):
    event = sample(name)
    for one in event.get("Records", []):
        inner = one["Sns"]["Message"] if "Sns" in one else json.loads(one["body"])["Message"]
        event = without_types(json.loads(inner))

        assert lost(event, rows_for(sample(name))) == []


@pytest.mark.parametrize("name", samples(*FOREIGN))
def test_a_sample_that_is_no_event_goes_to_the_error_prefix(name):
    answer = transform([record(sample(name))], rows)

    assert answer.records[0]["result"] == "ProcessingFailed"


@pytest.mark.parametrize("name", samples(*OURS))
def test_a_row_that_comes_again_stays_as_it_is(name):
    found = rows_for(sample(name))

    again = rows_for(*copy.deepcopy(found))

    assert again == found


@pytest.mark.parametrize("name", samples("pinpoint"))
def test_an_event_of_pinpoint_is_kept_member_by_member(name):
    event = sample(name)

    row = row_for(event)

    expected = {key.lower(): value for key, value in event.items()}
    kept = {key: value for key, value in row.items() if key in expected}
    assert json.loads(json.dumps(kept)) == _with_texts(expected)
    assert row["source"] == "pinpoint"
    assert "unmapped" not in row


def _with_texts(event):
    """Attributes and sessions are maps of strings; null is absence."""
    for name in ("attributes", "session"):
        if name in event:
            event[name] = {k: str(v) for k, v in event[name].items() if v is not None}
    return event


def test_custom_attributes_and_metrics_survive_under_their_own_names():
    event = sample("pinpoint/custom_cartabandoned")
    event["attributes"] = {"orderId": "A-1", "Größe": "L"}
    event["metrics"] = {"basketValue": 12.5, "Items": 3}

    row = row_for(event)

    assert row["attributes"] == {"orderId": "A-1", "Größe": "L"}
    assert row["metrics"] == {"basketValue": 12.5, "Items": 3.0}


def test_the_treatment_is_real():
    assert row_for(sample("pinpoint/email_send_campaign"))["attributes"]["treatment_id"] == "0"


# Tags


@pytest.mark.parametrize(
    "name", ["campaign_send", "journey_send", "email_open_campaign", "email_send"]
)
def test_tags_of_campaigns_journeys_and_email_are_the_attributes(name):
    row = row_for(sample(f"pinpoint/{name}"))

    assert row["message_tags"] == row["attributes"]


def test_tags_of_ses_are_all_tags_under_their_real_keys():
    event = sample("ses/send")
    event["mail"]["tags"]["colours"] = ["red", "blue"]

    tags = row_for(event)["message_tags"]

    assert tags["ses:configuration-set"] == "ConfigSet"
    assert tags["colours"] == "red,blue"
    assert set(tags) == set(event["mail"]["tags"])


@pytest.mark.parametrize(
    ("context", "tags"),
    [
        ('{"orderId":"A-1001"}', {"orderId": "A-1001"}),
        ('{"n":5,"x":{"y":null},"z":null}', {"n": "5", "x": '{"y":null}'}),
        ("{", None),
        ("", None),
        ("[1]", None),
        ('"text"', None),
        ("not JSON at all", None),
        ('{"a":' * 100_000, None),
        ('{"n":' + "9" * 5000 + "}", None),
    ],
)
def test_tags_of_texts_are_the_customers_context_if_that_is_an_object(context, tags):
    event = sample("pinpoint/sms_success_customer_context")
    event["attributes"]["customer_context"] = context

    row = row_for(event)

    assert row.get("message_tags") == tags
    assert row["attributes"]["customer_context"] == context


def test_tags_of_a_text_from_its_own_event_are_the_context_of_the_send():
    assert row_for(sample("sms/text_delivered"))["message_tags"] == {"account": "bar"}


# Columns that only the transform fills


@pytest.mark.parametrize("member", ["event_id", "source", "message_tags", "unmapped"])
def test_a_member_with_the_name_of_an_own_column_is_none_of_it(member):
    event = sample("pinpoint/custom_cartabandoned") | {member: "theirs"}

    row = row_for(event)

    assert row["unmapped"] == {member: '"theirs"'}
    assert row["source"] == "pinpoint"
    assert len(row["event_id"]) == 32


def test_members_without_a_column_are_in_unmapped_under_their_paths():
    event = sample("pinpoint/email_click") | {"campaign": {"id": 1}}
    event["facets"]["email_channel"]["mail_event"]["click"]["position"] = [1, 2]

    row = row_for(event)

    assert row["unmapped"] == {
        "campaign": '{"id":1}',
        "facets.email_channel.mail_event.click.position": "[1,2]",
    }


def test_a_broken_tag_of_the_hub_keeps_the_event():
    event = sample("ses/open")
    event["mail"]["tags"]["endpoint_id_b64"] = ["%"]

    row = row_for(event)

    assert row["event_type"] == "_email.open"
    assert row["attributes"]["endpoint_id_b64"] == "%"


def test_a_broken_hub_context_keeps_the_event():
    event = sample("sms/text_delivered") | {"context": {"hub": "{"}}

    row = row_for(event)

    assert "app_id" not in row["application"]
    assert row["attributes"]["customer_context"] == '{"hub":"{"}'


def test_a_text_is_of_the_account_of_its_envelope_or_of_the_stream():
    in_event_bus = sample("sms/eventbridge_text_carrier_blocked") | {"account": "999988887777"}

    bare, wrapped = rows_for(sample("sms/text_delivered"), in_event_bus)

    assert bare["awsaccountid"] == ACCOUNT
    assert wrapped["awsaccountid"] == "999988887777"


# Ids


def test_an_email_event_has_one_id_through_ses_and_through_the_hubs_stream():
    from shared.pinpoint_events import email_event

    event = sample("ses/bounce_permanent_general")
    (in_stream,) = email_event(event, account_id="1")

    through_ses, through_stream = rows_for(event, in_stream)

    assert through_ses["event_id"] == through_stream["event_id"]
    assert (through_ses["source"], through_stream["source"]) == ("ses", "pinpoint")


def test_a_text_has_one_id_through_its_service_and_through_the_hubs_stream():
    from datetime import UTC, datetime

    from shared.pinpoint_events import sms_event

    event = sample("sms/text_delivered")
    in_stream = sms_event(event, account_id="1", arrived=datetime(2030, 1, 1, tzinfo=UTC))

    direct, through_stream = rows_for(event, in_stream)

    assert direct["event_id"] == through_stream["event_id"]


def test_a_notification_and_the_published_event_have_one_id():
    notification = sample("ses_notification/delivery")
    published = {"eventType": "Delivery"} | {
        key: value for key, value in notification.items() if key != "notificationType"
    }

    first, second = rows_for(notification, published)

    assert first["event_id"] == second["event_id"]


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event["click"].update(link="https://example.com/other"),
        lambda event: event["click"].update(timestamp="2026-03-02T17:02:00.000Z"),
        lambda event: event["mail"].update(messageId="other"),
        lambda event: event["mail"].update(destination=["other@example.com"]),
    ],
)
def test_another_click_has_another_id(change):
    event = sample("ses/click")
    other = copy.deepcopy(event)
    change(other)

    first, second = rows_for(event, other)

    assert first["event_id"] != second["event_id"]


def test_an_unsubscribing_click_is_two_events():
    first, second = rows_for(sample("ses/click_unsubscribe"))

    assert first["event_id"] != second["event_id"]


def test_the_order_of_recipients_is_not_in_the_id():
    event = sample("ses_notification/bounce_without_dsn")
    other = copy.deepcopy(event)
    other["bounce"]["bouncedRecipients"].reverse()

    first, second = rows_for(event, other)

    assert first["event_id"] == second["event_id"]


def test_the_refused_texts_of_one_request_are_as_many_events():
    event = sample("pinpoint/sms_failure")
    other = copy.deepcopy(event)
    other["attributes"]["destination_phone_number"] = "+14255550111"

    first, second = rows_for(event, other)

    assert first["event_id"] != second["event_id"]


def test_a_persons_text_has_its_id_whenever_it_arrives():
    records = [
        record(sample("two_way_sms/opt_out_stop")) | {"approximateArrivalTimestamp": moment}
        for moment in (1772470000000, 1772470999000)
    ]

    first, second = (rows_of(one)[0] for one in transform(records, rows).records)

    assert first["event_id"] == second["event_id"]
    assert first["event_timestamp"] != second["event_timestamp"]


# Unexpected values of an event are kept, or the event goes to the error prefix unchanged


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("sms/text_delivered", "context", False),
        ("sms/text_delivered", "context", {"hub": '{"a":"a1","zone":"w"}'}),
        ("sms/text_delivered", "context", {"hub": '{"a":"a1","application_id":"a2"}'}),
        ("sms/text_delivered", "context", {"hub": '{"c":"c1","journey_id":"j1"}'}),
        ("sms/text_delivered", "context", {"hub": '{"a":{"deep":"x"}}'}),
        ("sms/text_delivered", "context", {"hub": "?", "customer_context": '{"hub":"h1"}'}),
        ("sms/text_delivered", "context", {"n": "n1", "customer_context": '{"n":"n2"}'}),
        ("sms/text_delivered", "customer_context", "x"),
        ("sms/text_delivered", "totalMessagePrice", "1_0"),
        ("sms/text_delivered", "totalMessagePrice", 2**70 + 1),
        ("sms/text_protect_blocked", "protectConfiguration.protect_status", "x"),
        ("ses_notification/complaint_with_report", "mail.headersTruncated", 0),
        ("ses_notification/complaint_with_report", "mail.sendingAccountId", 0),
        ("ses/open", "mail.headers_truncated", "x"),
        ("ses/open", "mail.message_send_timestamp", "x"),
        ("ses/open", "open", {"newName": 7, "new_name": 8, "NewName": 9}),
        ("ses_notification/delivery", "mail.Tags", "x"),
    ],
)
def test_no_member_takes_the_place_of_another_or_counts_as_absent(name, place, value):
    event = with_member(name, place, value)

    assert lost(without_types(event), row_for(event)) == []


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("sms/text_delivered", "eventTimestamp", 1772470821380.5),
        ("sms/text_delivered", "eventTimestamp", "1_772_470_821_380"),
        ("sms/text_delivered", "eventTimestamp", True),
        ("ses/delivery", "delivery.timestamp", 0),
        ("ses/delivery", "delivery.timestamp", ""),
    ],
)
def test_a_time_that_is_none_makes_an_event_malformed(name, place, value):
    answer = transform([record(with_member(name, place, value))], rows)

    assert answer.reasons == {"MalformedEvent": 1}


def test_a_member_that_is_null_is_absent():
    event = sample("sms/text_delivered")

    assert row_for(event | {"mail": None}) == row_for(event)


def test_a_message_id_that_is_no_utf8_names_a_client_all_the_same():
    row = row_for(with_member("sms/media_blocked", "messageId", "\ud800"))

    assert len(row["client"]["client_id"]) == 36


def test_what_is_set_aside_in_a_row_that_comes_again_takes_no_other_place():
    row = row_for(sample("sms/text_delivered")) | {"unmapped": {"more": "1"}, "more": 2}

    assert row_for(row)["unmapped"] == {"more": "1", "more#2": "2"}


def with_member(name, place, value):
    """A sample with this value at a place such as `mail.tags`."""
    event = sample(name)
    *above, last = place.split(".")
    part = event
    for key in above:
        part = part[key]
    part[last] = value
    return event


# Whatever comes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["5", "true", "2026-03-02T17:00:00Z", 1.7e12, 2**63, 2**70, 1e300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
bare = st.sampled_from(
    [name for name in samples(*OURS) if "wrapper" not in INDEX[f"{name}.json"].get("note", "")]
)


def paths(value, above=()):
    """The paths of everything in a value but itself."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in members:
        yield (*above, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*above, key))


@st.composite
def disturbed(draw):
    """A sample with one member missing, with any value, or with an unknown neighbour."""
    event = copy.deepcopy(sample(draw(bare)))
    *above, last = draw(st.sampled_from(sorted(paths(event), key=str)))
    place = event
    for key in above:
        place = place[key]
    kind = draw(st.sampled_from(["gone", "anything", "neighbour"]))
    if kind == "gone":
        del place[last]
    elif kind == "anything":
        place[last] = draw(json_values)
    elif isinstance(place, dict):
        place[draw(st.text(max_size=10))] = draw(json_values)
    else:
        place.append(draw(json_values))
    return event


@given(disturbed())
def test_a_disturbed_event_becomes_rows_that_fit_or_goes_to_the_error_prefix(event):
    answer = transform([record(event)], rows)

    allowed = {"MalformedEvent", "UnknownEventType", "NotOfThisTable"}
    assert set(answer.reasons) <= allowed
    for row in rows_of(answer.records[0]):
        assert fits_the_table(row)
        assert lost(without_types(event), row) == []


@given(st.dictionaries(st.text(), json_values, max_size=6), st.text(min_size=1))
def test_an_event_of_any_members_is_kept_whole(members, event_type):
    event = {**members, "event_type": event_type}

    row = row_for(event)

    assert fits_the_table(row)
    assert lost(event, row) == []
    assert row["event_type"] == event_type


@given(bare, st.randoms())
def test_neither_the_order_of_members_nor_copies_make_another_event(name, random):
    def shuffled(value):
        if isinstance(value, dict):
            members = list(value.items())
            random.shuffle(members)
            return {key: shuffled(item) for key, item in members}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    event = sample(name)
    found = rows_for(event)

    again = rows_for(shuffled(event))
    assert [row["event_id"] for row in again] == [row["event_id"] for row in found]
    assert rows_for(*[event] * 3) == found * 3
