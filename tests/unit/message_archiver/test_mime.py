"""An archived message is a MIME file that a strict reader opens, with everything that was sent."""

import email
import email.policy
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_archiver.index import files_of, row_of
from message_archiver.mime import mime_file
from shared.messages.content import EmailContent, SmsContent, VoiceContent
from shared.messages.push import PushContent
from shared.sent_messages.contents import Template
from shared.sent_messages.rendering import Fidelity, HandedOver, Message
from shared.sent_messages.sends import NotRenderable, read_send
from tests.builders.archive import ANN, SENT_AT, campaign_send, journey_send
from tests.builders.packages import ROOT

STRICT = email.policy.strict.clone(raise_on_defect=True)
HTML = "<p>Old & new — Änn</p>"
# Text that a mail can hold: no lone surrogates, line ends as \n.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300)


def message(content: Any, event: Any = None, **members: Any) -> Message:
    send = read_send(event or campaign_send())
    assert send is not None
    given = {
        "channel": "SMS",
        "fidelity": Fidelity.VERIFIED,
        "address": send.address,
        "campaign_version": "3",
    } | members
    return Message(send=send, content=content, **given)


def mail(content: EmailContent, **members: Any) -> Message:
    given = {
        "channel": "EMAIL",
        "address": "ann@example.com",
        "from_address": "News <news@example.com>",
    } | members
    return message(content, **given)


def text_of(part: Any) -> str:
    """The text of a part with the line ends that it had; a MIME file has CR LF."""
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def opened(one: Message) -> Any:
    return email.message_from_bytes(mime_file(one), policy=STRICT)


def test_an_email_is_itself_with_text_and_html_as_alternatives():
    content = EmailContent(
        subject="Frühling",
        html=HTML,
        text="Old & new — Änn",
        headers=(("List-Unsubscribe", "<https://example.com/u>"), ("Subject", "not this")),
        reply_to=("help@example.com",),
    )

    found = opened(mail(content, template=Template("spring", "2", {})))

    assert (found["From"], found["To"]) == ("News <news@example.com>", "ann@example.com")
    assert (found["Subject"], found["Reply-To"]) == ("Frühling", "help@example.com")
    assert found["Date"].datetime.isoformat() == "2026-05-03T10:15:30+00:00"
    assert found["Message-ID"].endswith("@message-archive.invalid>")
    assert found.get_content_type() == "multipart/alternative"
    assert text_of(found.get_body(("html",))) == HTML
    assert text_of(found.get_body(("plain",))) == "Old & new — Änn"
    assert found["List-Unsubscribe"] == "<https://example.com/u>"
    assert (found["TemplateName"], found["TemplateVersion"]) == ("spring", "2")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(EmailContent(text="x"), "text/plain"), (EmailContent(html="<b>x</b>"), "text/html")],
)
def test_an_email_of_one_part_is_that_part(content, kind):
    assert opened(mail(content)).get_content_type() == kind


def test_the_headers_of_the_original_archiver_are_there():
    found = opened(message(SmsContent("Hi")))
    of_journey = opened(message(SmsContent("Hi"), event=journey_send("sms")))

    assert [found[name] for name in ("EndpointId", "ApplicationId", "TreatmentId", "Channel")] == [
        "e1",
        "0" * 32,
        "0",
        "SMS",
    ]
    assert found["EventTimestamp"] == "2026-05-03T10:15:30.123Z"
    assert (found["CampaignId"], found["CampaignVersion"]) == ("c" * 32, "3")
    assert (of_journey["JourneyId"], of_journey["JourneyActivityId"]) == ("j" * 32, "sms")
    assert found["Fidelity"] == "verified"


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (SmsContent("Hi <Änn> & co"), "text/plain", "Hi <Änn> & co"),
        (VoiceContent("Hello Änn"), "text/plain", "Hello Änn"),
        (VoiceContent("<speak>Ä</speak>", ssml=True), "application/ssml+xml", "<speak>Ä</speak>"),
        (PushContent({"Title": "Ä", "Body": "b"}), "application/json", {"Title": "Ä", "Body": "b"}),
        (HandedOver({"Data": "offer"}), "application/json", {"Data": "offer"}),
    ],
)
def test_each_channel_has_a_part_of_its_type(content, kind, expected):
    found = opened(message(content))

    assert found.get_content_type() == kind
    payload = found.get_payload(decode=True).decode(found.get_content_charset())
    assert (
        json.loads(payload) if kind == "application/json" else payload.rstrip("\r\n")
    ) == expected


def test_the_settings_of_a_text_are_headers():
    content = SmsContent("Hi", message_type="TRANSACTIONAL", origination_identity="+14255550001")

    found = opened(message(content))

    assert (found["MessageType"], found["OriginationIdentity"]) == ("TRANSACTIONAL", "+14255550001")
    assert found["Address"] == "+14255550100"
    assert found["To"] == "+14255550100@sms.invalid"


@given(TEXTS, TEXTS, TEXTS)
def test_any_text_survives(subject, html, text):
    content = EmailContent(subject=" ".join(subject.split()), html=html or "x", text=text or "x")

    found = opened(mail(content))

    assert text_of(found.get_body(("html",))) == (html or "x").rstrip("\n")
    assert text_of(found.get_body(("plain",))) == (text or "x").rstrip("\n")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=250))
def test_any_endpoint_id_and_any_token_give_a_valid_file(text):
    endpoint = {**ANN, "ChannelType": "GCM", "Address": text, "User": {"UserId": text}}

    found = opened(
        message(PushContent({"Body": "b"}), event=campaign_send(text, endpoint), channel="GCM")
    )

    assert found["EndpointId"]
    assert "\n" not in str(found["EndpointId"])
    assert found.get_content_type() == "application/json"


@pytest.mark.parametrize(
    "subject",
    [
        "For you \U0001f469\u200d\U0001f4bb",  # an emoji with a joiner
        "10\u00a0% off\u00ad",
        "\u202bשלום\u202c",
        "\ue000",
        "=?utf-8?q?no_word?=",
        "Größe " * 20 + "! Ende",
    ],
)
def test_a_subject_has_every_character_that_was_sent(subject):
    assert opened(mail(EmailContent(subject=subject, text="x")))["Subject"] == subject


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=250)
)
def test_any_subject_survives(subject):
    subject = subject.strip(" ")

    assert opened(mail(EmailContent(subject=subject, text="x")))["Subject"] == subject


def test_long_headers_and_many_addresses_are_the_same_after_reading():
    subject = "Größe Länge " * 40 + "Ende"
    link = f"<https://example.com/{'u' * 800}>"
    many = tuple(f"Änn {number} <ann{number}@example.com>" for number in range(60))
    content = EmailContent(
        subject=subject, text="x", headers=(("List-Unsubscribe", link),), reply_to=many
    )

    file = mime_file(mail(content))
    found = email.message_from_bytes(file, policy=STRICT)

    assert max(map(len, file.split(b"\r\n"))) <= 998  # RFC 5322
    assert (found["Subject"], found["List-Unsubscribe"]) == (subject, link)
    assert [one.addr_spec for one in found["Reply-To"].addresses][-1] == "ann59@example.com"
    assert len(found["Reply-To"].addresses) == 60


@pytest.mark.parametrize("control", ["\0", "\x1b", "\x85", "\u2028", "\u2029", "\x0b"])
def test_control_characters_of_a_subject_are_escaped(control):
    found = opened(mail(EmailContent(subject=f"a{control}b", text="x")))

    assert re.fullmatch("a(%[0-9A-F]{2})+b", found["Subject"])


def test_a_value_starts_no_header_of_its_own():
    content = EmailContent(
        subject="Hi\r\nBcc: eve@example.com",
        text="x",
        headers=(("X-A", "b\nBcc: eve@example.com"),),
    )

    found = opened(mail(content))

    assert "Bcc" not in found
    assert "Bcc: eve" in found["Subject"]


@pytest.mark.parametrize("address", ["", "anna", "anna@", "änn@example.com", "a@b@c", "a b@c.d"])
def test_an_address_that_no_header_can_have_is_an_error_without_the_address(address):
    with pytest.raises(NotRenderable, match="cannot be written in a header") as caught:
        mime_file(mail(EmailContent(text="x"), address=address))

    assert not address or address not in str(caught.value)


def test_a_sender_that_no_header_can_have_is_an_error():
    with pytest.raises(NotRenderable, match="header"):
        mime_file(mail(EmailContent(text="x"), from_address="nobody"))


@pytest.mark.parametrize("content", [EmailContent(text="\ud800"), SmsContent("\ud800")])
def test_a_text_that_no_encoding_has_is_an_error(content):
    with pytest.raises(NotRenderable, match="no encoding"):
        mime_file(mail(content) if isinstance(content, EmailContent) else message(content))


def test_a_masked_message_names_no_address():
    file = mime_file(mail(EmailContent(text="x"), address="XXXXXXXX"))

    assert b"To: XXXXXXXX@message-archive.invalid" in file
    assert b"ann@example.com" not in file


# Index


def test_a_row_says_who_got_what_and_where_it_is():
    row = row_of(mail(EmailContent(subject="S", text="x"), template=Template("t", "2", {})))

    assert row["endpoint_id"] == "e1"
    assert row["user_id"] == "ann"
    assert (row["sent_at"], row["subject"]) == ("2026-05-03 10:15:30.123", "S")
    assert (row["template_name"], row["template_version"]) == ("t", "2")
    assert row["key"].startswith("archive/e1/2026/05/03/10/")


def test_rows_of_one_hour_share_a_file_and_the_same_rows_have_the_same_key():
    rows = [row_of(message(SmsContent("Hi"), event=campaign_send(f"e{n}"))) for n in range(3)]
    later = row_of(message(SmsContent("Hi"), event=campaign_send(at=rows_at(hour=11))))

    files = files_of([*rows, rows[0], later])

    assert [len(one) for one in files.values()] == [3, 1]
    assert all(key.startswith("index/2026/05/03/1") for key in files)
    assert files_of([later, *reversed(rows)]).keys() == files.keys()


def rows_at(hour):
    return SENT_AT.replace(hour=hour)


def test_the_columns_of_the_table_are_the_members_of_a_row():
    columns = json.loads((ROOT / "modules/message_archiver/messages.json").read_text())

    assert [one["name"] for one in columns] == list(row_of(message(SmsContent("Hi"))))
