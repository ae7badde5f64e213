"""A row is a message to send, or rejected with a reason that quotes nothing of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_s3_drop.identities import identities_from
from sms_s3_drop.rows import Rejected, Text, message_parts, read_row
from sms_s3_drop.text_file import BadRecord, Record
from tests.builders.sms_drop import identities, identity

KNOWN = identities(
    identity("alerts", name="+12065550100"),
    identity("code", name="12345"),
    identity("brand", name="ACME"),
)
DEFAULTS = identities(identity("alerts"), default="alerts", default_message_type="PROMOTIONAL")


def row(known=KNOWN, **cells: str) -> Text | Rejected:
    given_cells = {
        "sms_number": "+14255550101",
        "message": "Hi",
        "short_code": "12345",
        "message_type": "TRANSACTIONAL",
    }
    return read_row(Record(2, given_cells | cells), known)


def test_a_row_has_its_own_sender_type_and_context():
    found = row(
        external_campaign_id="c 7", id_1="tracking 1", id_2=" t2 ", message_type="promotional"
    )

    assert found == Text(
        2,
        "+14255550101",
        "Hi",
        "code",
        "PROMOTIONAL",
        {"external_campaign_id": "c 7", "id_1": "tracking 1", "id_2": "t2"},
    )


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("12345", "code"),
        ("code", "code"),
        ("+12065550100", "alerts"),
        ("12065550100", "alerts"),
        ("+1 (206) 555-0100", "alerts"),
        ("acme", "brand"),
    ],
)
def test_an_identity_is_named_by_number_code_sender_id_or_key(written, key):
    found = row(short_code=written)

    assert isinstance(found, Text)
    assert found.identity == key


def test_a_row_without_sender_and_type_gets_the_defaults_of_the_module():
    found = row(DEFAULTS, short_code="", message_type=" ")

    assert isinstance(found, Text)
    assert (found.identity, found.message_type) == ("alerts", "PROMOTIONAL")


@pytest.mark.parametrize(
    "written", ["+1 425 555 0101", "0014255550101", "+1-425-555-0101", "\u202a+14255550101\u202c"]
)
def test_a_number_is_cleaned_of_what_people_and_address_books_write(written):
    found = row(sms_number=written)

    assert isinstance(found, Text)
    assert found.number == "+14255550101"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"sms_number": ""}, "sms_number is empty"),
        ({"sms_number": "4255550101"}, "E.164"),
        ({"sms_number": "+0425555010"}, "E.164"),
        ({"sms_number": "+1425"}, "E.164"),
        ({"sms_number": "+1425555010199999"}, "E.164"),
        ({"sms_number": "+1425555O101"}, "E.164"),
        ({"sms_number": "+١٤٢٥٥٥٥٠١٠١"}, "E.164"),
        ({"sms_number": "1.4255E+10"}, "rounded"),
        ({"sms_number": "ann@example.com"}, "E.164"),
        ({"sms_number": "+1\x004255550101"}, "control"),
        ({"message": " \n"}, "message is empty"),
        ({"message": "\u200b"}, "message is empty"),
        ({"message": "x" * 1601}, "1600"),
        ({"message": "Hi\x00"}, "control"),
        ({"message": "Hi \ud83d"}, "half"),
        ({"message_type": ""}, "message_type is empty"),
        ({"message_type": "MARKETING"}, "TRANSACTIONAL or PROMOTIONAL"),
        ({"short_code": ""}, "short_code is empty"),
        ({"short_code": "99999"}, "allows"),
        ({"short_code": "+12065550199"}, "allows"),
        ({"id_1": "x" * 801}, "800"),
        ({"id_2": "\x1b"}, "control"),
        ({"external_campaign_id": "\udfff"}, "half"),
    ],
)
def test_a_row_that_breaks_a_rule_is_rejected_with_its_reason(cells, reason):
    found = row(**cells)

    assert isinstance(found, Rejected)
    assert reason in found.reason
    quoted = next(iter(cells.values())).strip()
    assert len(quoted) < 6 or quoted not in found.reason


def test_a_rejected_row_keeps_the_ids_that_find_it_again():
    found = row(sms_number="", id_1="order 7")

    assert isinstance(found, Rejected)
    assert found.context == {"id_1": "order 7"}


def test_a_record_that_could_not_be_read_is_rejected_with_that_reason():
    assert read_row(BadRecord(9, "A quote is not closed."), KNOWN) == Rejected(
        9, "A quote is not closed."
    )


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_carriers_do(body, parts):
    assert message_parts(body) == parts


@given(
    st.dictionaries(
        st.sampled_from(["sms_number", "message", "short_code", "message_type", "id_1"]), st.text()
    )
)
def test_any_text_is_a_message_or_a_reason(cells):
    found = row(**cells)

    assert found.row == 2
    if isinstance(found, Text):
        assert found.number.startswith("+")
        assert found.identity in KNOWN.by_key
        assert 1 <= len(found.body) <= 1600
        assert all(1 <= len(v) <= 800 and v.strip() == v for v in found.context.values())
        found.body.encode()


def test_identities_are_read_from_the_setting_that_the_module_writes():
    known = identities_from(
        '{"identities": {"alerts": {"arn": "arn:a", "name": "12345", "parts_per_second": 100,'
        ' "queue_url": "https://q"}}, "default_identity": "alerts", "default_message_type": null}'
    )

    found = known.find("")
    assert found is not None
    assert (found.arn, found.queue_url, found.rows_per_chunk, found.threads) == (
        "arn:a",
        "https://q",
        100,
        24,
    )
    assert known.default_message_type is None


@pytest.mark.parametrize(
    ("rate", "rows", "threads"), [(0.1, 1, 1), (1, 5, 1), (3, 15, 2), (100, 100, 24)]
)
def test_a_turn_is_about_five_seconds_of_sending(rate, rows, threads):
    found = identity(rate=rate)

    assert (found.rows_per_chunk, found.threads) == (rows, threads)
