"""The mapping table of event types against the samples and against itself."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared import pinpoint_events
from shared.pinpoint_events import (
    EMAIL_TYPES,
    EVENT_TYPES,
    SMS_TYPES,
    MalformedEvent,
    UnknownEventType,
    email_event,
    sms_event,
    two_way_event,
)
from tests.builders.event_records import INDEX, sample, samples

ARRIVED = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
TABLE = json.loads(Path(pinpoint_events.__file__).with_name("event_types.json").read_text())
BARE = {"ses", "ses_notification", "sms", "two_way_sms"}


def mapped(event):
    if "mail" in event:
        return email_event(event)
    if "inboundMessageId" in event:
        return [two_way_event(event, account_id="1", arrived=ARRIVED)]
    return [sms_event(event, account_id="1", arrived=ARRIVED)]


def bare_samples():
    return [
        name for name in samples(*BARE) if "wrapper" not in INDEX[f"{name}.json"].get("note", "")
    ]


def test_the_code_reads_the_table_that_is_a_file():
    assert TABLE == EVENT_TYPES


@pytest.mark.parametrize("name", bare_samples())
def test_a_sample_becomes_the_types_that_the_index_names(name):
    records = mapped(sample(name))

    assert [record["event_type"] for record in records] == INDEX[f"{name}.json"]["maps_to"]


def record_statuses():
    notes = {name: INDEX[f"{name}.json"].get("note", "") for name in bare_samples()}
    words = {name: note.split(" ") for name, note in notes.items()}
    return [(name, word[1]) for name, word in words.items() if word[0] == "record_status"]


@pytest.mark.parametrize(("name", "status"), record_statuses())
def test_a_sample_has_the_record_status_that_the_index_names(name, status):
    (record,) = mapped(sample(name))

    assert record["attributes"]["record_status"] == status


@pytest.mark.parametrize("kind", sorted(EMAIL_TYPES))
def test_every_email_type_of_the_table_is_mapped_by_it(kind):
    entry = EMAIL_TYPES[kind]
    event = sample("ses/send") | {"eventType": kind}
    event[entry["detail"]] = {"link": "https://example.com/", "source": "Header"}

    (record,) = email_event(event)

    assert record["event_type"] == entry["event_type"]
    expected = entry.get("feedback") or event[entry["detail"]][entry["feedback_from"]]
    assert record["attributes"]["feedback"] == expected
    assert entry["facet"] in record["facets"]["email_channel"]["mail_event"]


@pytest.mark.parametrize("bounce_type", ["Permanent", "Transient", "Undetermined"])
def test_bounces_go_by_their_type(bounce_type):
    event = sample("ses/bounce_permanent_general")
    event["bounce"]["bounceType"] = bounce_type
    entry = TABLE["email"]["Bounce"]["by_bounce_type"][bounce_type]

    (record,) = email_event(event)

    assert record["event_type"] == entry["event_type"]
    assert record["attributes"]["feedback"] == entry["feedback"]


@pytest.mark.parametrize("bounce_type", ["Imaginary", None, 5, ["Permanent"]])
def test_a_bounce_of_a_type_that_is_new_counts_as_soft(bounce_type):
    event = sample("ses/bounce_permanent_general")
    event["bounce"]["bounceType"] = bounce_type

    (record,) = email_event(event)

    assert record["event_type"] == "_email.softbounce"


@pytest.mark.parametrize("prefix", TABLE["sms_kinds"])
@pytest.mark.parametrize("status", sorted(SMS_TYPES))
@pytest.mark.parametrize("final", [False, True, "true"])
def test_every_text_status_of_the_table_is_mapped_by_it(prefix, status, final):
    entry = SMS_TYPES[status]
    event = sample("sms/text_delivered") | {"eventType": f"{prefix}_{status}", "isFinal": final}

    record = sms_event(event, account_id="1", arrived=ARRIVED)

    expected = entry.get("when_final") if final else None
    assert record["event_type"] == (expected or entry["event_type"])
    assert record["attributes"]["record_status"] == entry["record_status"]
    assert record["attributes"].get("message_kind") == ("MEDIA" if prefix == "MEDIA" else None)


@pytest.mark.parametrize(
    ("kind", "status"), [(kind, s) for kind, all_ in TABLE["own_types"].items() for s in all_]
)
def test_voice_and_rcs_have_types_of_their_own(kind, status):
    event = sample("sms/text_delivered") | {"eventType": f"{kind}_{status}"}

    record = sms_event(event, account_id="1", arrived=ARRIVED)

    assert record["event_type"] == f"_{kind}.{status}"
    assert record["attributes"]["record_status"] == status


@pytest.mark.parametrize("word", TABLE["two_way"]["opt_out_words"])
def test_an_opt_out_word_alone_is_an_opt_out_in_any_case(word):
    event = sample("two_way_sms/keyword_join") | {"messageBody": f" {word.lower()}\n"}

    record = two_way_event(event, account_id="1", arrived=ARRIVED)

    assert record["event_type"] == "_SMS.OPTOUT"
    assert record["attributes"]["record_status"] == "OPTED_OUT"


@pytest.mark.parametrize("body", ["please STOP", "STOPPED", "", None])
def test_an_opt_out_word_among_others_is_none(body):
    event = sample("two_way_sms/opt_out_stop") | {"messageBody": body}

    record = two_way_event(event, account_id="1", arrived=ARRIVED)

    assert record["event_type"] == "_SMS.RECEIVED"


@pytest.mark.parametrize("kind", ["TEXT_ALL", "FAX_SENT", "RCS_NEW", "VOICE", "TEXT_", 5])
def test_an_sms_type_that_the_table_lacks_is_not_guessed(kind):
    with pytest.raises(UnknownEventType):
        sms_event(sample("sms/text_queued") | {"eventType": kind}, account_id="1", arrived=ARRIVED)


@pytest.mark.parametrize("kind", ["Received", "send", 5, ["Send"], {}])
def test_an_email_type_that_the_table_lacks_is_not_guessed(kind):
    with pytest.raises(UnknownEventType):
        email_event(sample("ses/send") | {"eventType": kind})


def test_the_error_quotes_of_a_type_no_more_than_letters():
    with pytest.raises(UnknownEventType, match=r"^Event type jane\?example\?com is unknown\.$"):
        email_event(sample("ses/send") | {"eventType": "jane@example.com"})


def test_a_mapped_record_of_an_unknown_type_is_malformed_for_those_who_sort_errors():
    assert issubclass(UnknownEventType, MalformedEvent)
