"""A person's words are read out of the queue's message; a bad message is never quoted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.phone_numbers import same_number
from sms_self_managed_opt_outs.inbound import MalformedInbound, inbound_in
from tests.builders.opt_outs import ANN, NOON, OURS, notification, payload


def test_a_notification_says_who_wrote_what_to_which_number_and_when():
    message = inbound_in(notification(payload("Stop!")), 0)

    assert (message.number, message.written_to, message.texts) == (ANN, OURS, ("Stop!",))
    assert (message.id, message.said_at) == ("inbound-1", NOON)


def test_raw_delivery_has_the_time_of_the_queue():
    assert inbound_in(json.dumps(payload()), NOON + 5).said_at == NOON + 5


def test_a_number_without_a_plus_and_a_short_code_are_accepted():
    message = inbound_in(
        notification(payload(originationNumber="12065550142", destinationNumber="55555")), 0
    )

    assert (message.number, message.written_to) == (ANN, "55555")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ('{"suggestionResponse": {"postbackData": "STOP", "text": "No"}}', ("STOP", "No")),
        ('{"postbackData": "unsub-7", "text": "Stop", "type": "REPLY"}', ("unsub-7", "Stop")),
        (json.dumps({"eventType": "IS_TYPING"}), ()),
        (json.dumps({"eventType": "READ", "messageId": "7"}), ()),
        ("{stop", ("{stop",)),
        ("{}", ()),
        (None, ()),
        ("", ("",)),
    ],
)  # fmt: skip
def test_rcs_suggestions_count_by_postback_and_text_and_signals_have_no_words(body, texts):
    assert inbound_in(notification(payload(body)), 0).texts == texts


BAD = {
    "not JSON": "STOP",
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "empty": "",
    "deeply nested": "[" * 100_000,
    "a message that is not JSON": notification("STOP"),
    "a message that is a list": notification("[]"),
    "no time": notification(payload(), None),
    "a time without a zone": notification(payload(), "2026-11-30T12:00:00"),
    "a time that is none": notification(payload(), "noon"),
    "a time beyond all": notification(payload(), "9999-12-31T23:59:59.9999999Z"),
    "a time before all": notification(payload(), "0001-01-01T00:00:00Z"),
    "a time of another type": notification(payload(), 7),
    "no number": notification(payload(originationNumber=None)),
    "a number of letters": notification(payload(originationNumber="SHOP")),
    "a number with a zero": notification(payload(originationNumber="+0206555")),
    "a number too long": notification(payload(originationNumber="+" + "1" * 20)),
    "a number in other digits": notification(payload(originationNumber="+١٢٠٦٥٥٥٠١٤٢")),
    "a number as a number": notification(payload(originationNumber=12065550142)),
    "no number of ours": notification(payload(destinationNumber="")),
    "blanks in our number": notification(payload(destinationNumber="+1 201")),
    "no id": notification({k: v for k, v in payload().items() if k != "inboundMessageId"}),
    "an id too long": notification(payload(inboundMessageId="x" * 129)),
    "an id with blanks": notification(payload(inboundMessageId="a b")),
    "a body of another type": notification(payload(["STOP"])),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_a_message_that_is_no_inbound_sms_is_refused_without_quoting_it(body):
    with pytest.raises(MalformedInbound) as error:
        inbound_in(body, 0)

    assert "206" not in str(error.value) and "STOP" not in str(error.value)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_is_read_or_refused(document):
    for body in (json.dumps(document), notification(json.dumps(document))):
        try:
            inbound_in(body, 0)
        except MalformedInbound:
            continue


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+1 (206) 555-0142", ANN, True),
        ("12065550142", ANN, True),
        ("+12065550143", ANN, False),
        ("", ANN, False),
        ("", "", False),
        ("ann@example.com", ANN, False),
    ],
)
def test_numbers_are_compared_by_their_digits(one, other, same):
    assert same_number(one, other) is same
