"""The reply as sent: threads, escaping, one line per header."""

import html
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_auto_reply.decision import Ignore, Mailbox, Reason, Reply, decide
from ses_auto_reply.incoming import incoming_mail
from ses_auto_reply.reply import SUBJECT_CHARACTERS, Template, mime, subject_of
from tests.builders.incoming_mail import ANN, MAILBOX, event

TEMPLATE = Template(
    subject="Thank you:",
    html="<p>Dear %%NAME%%, %%NAME%%: case %%ID%% (%%ID%%)</p>",
    text="Dear %%NAME%%, %%NAME%%: case %%ID%% (%%ID%%)",
)
HEADERS = {
    "From",
    "To",
    "Subject",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
}


def reply(mailbox: Mailbox | None = None, **mail: Any) -> Reply:
    answer = decide(incoming_mail(event(**mail)), mailbox or Mailbox())
    assert isinstance(answer, Reply), answer
    return answer


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def sent(template: Template = TEMPLATE, **mail: Any) -> EmailMessage:
    return read(mime(reply(**mail), template))


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).strip()


def test_a_reply_is_threaded_and_says_that_it_is_automatic():
    message = sent(headers=(("References", "<first@example.org>"),))

    assert (message["From"], message["To"]) == (MAILBOX, ANN)
    assert message["Subject"] == "Thank you: Where is my order?"
    assert message["In-Reply-To"] == "<original@example.org>"
    assert message["References"] == "<first@example.org> <original@example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Precedence"] is None
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_our_own_reply_would_not_be_answered():
    raw = sent()

    arrives = event(
        sender=raw["From"],
        to=(ANN,),
        headers=tuple((k, str(v)) for k, v in raw.items() if k not in ("From", "To", "Subject")),
    )

    assert decide(incoming_mail(arrives), Mailbox()) == Ignore(Reason.AUTOMATIC)


def test_every_tag_is_replaced_in_html_text_and_subject():
    template = Template(subject="%%ID%% for %%NAME%% %%ID%%", html=TEMPLATE.html, text="%%ID%%")

    message = sent(template, sender=ANN, message_id="ses-9")

    assert message["Subject"] == f"ses-9 for {ANN} ses-9 Where is my order?"
    assert body(message, "html") == f"<p>Dear {ANN}, {ANN}: case ses-9 (ses-9)</p>"
    assert body(message, "plain") == "ses-9"


def test_the_id_is_the_one_of_ses_and_not_the_senders_header():
    message = sent(message_id="d6iitobk75ur44")

    assert "d6iitobk75ur44" in body(message, "html")
    assert "original@example.org" not in body(message, "html")


def test_html_in_a_name_is_shown_and_not_run():
    name = "<script>alert('x')</script>\\\"&"

    message = sent(sender=f'"{name}" <{ANN}>')

    assert "<script>" not in body(message, "html")
    assert html.escape(f'"{name}" <{ANN}>') in body(message, "html")
    assert f'"{name}" <{ANN}>' in body(message, "plain")


def test_a_name_that_looks_like_a_tag_stays_what_it_is():
    message = sent(sender=f'"%%ID%%" <{ANN}>', message_id="secret-id")

    assert body(message, "plain").startswith(f'Dear "%%ID%%" <{ANN}>,')


def test_an_encoded_name_is_read_and_then_escaped():
    # =?utf-8?b?PGI+SsO8cmc8L2I+?= is <b>Jürg</b>
    message = sent(sender=f"=?utf-8?b?PGI+SsO8cmc8L2I+?= <{ANN}>")

    assert "&lt;b&gt;Jürg&lt;/b&gt;" in body(message, "html")


@pytest.mark.parametrize("broken", ["=?utf-8?b?!!!?=", "=?none-such?q?x?=", "=?utf-8?q?=FF?="])
def test_an_encoded_word_that_cannot_be_read_stops_nothing(broken):
    message = sent(sender=f"{broken} <{ANN}>", subject=broken)

    assert message["To"] == ANN


def test_a_mail_without_a_subject_is_answered_with_the_template_s():
    assert sent(subject=None)["Subject"] == "Thank you:"
    assert sent(subject="")["Subject"] == "Thank you:"
    assert sent(Template("", "<p>x</p>", ""), subject=None)["Subject"] is None


@pytest.mark.parametrize("prefix", ["Re:", "Re: ", "Re:   "])
def test_one_space_stands_between_the_template_s_subject_and_the_original(prefix):
    assert subject_of(reply(subject=" Hi "), Template(prefix, "x", "")) == "Re: Hi"


@pytest.mark.parametrize(
    "subject",
    [
        "Hi\r\nBcc: victim@example.net",
        "Hi\nBcc: victim@example.net",
        "Hi\r\n\r\n<html>",
        "Hi\x00\x0b\x0c\x85\u2028Bcc: victim@example.net",
        # Hi, a line end and "Bcc: victim@example.net", encoded.
        "=?utf-8?b?SGkNCkJjYzogdmljdGltQGV4YW1wbGUubmV0?=",
    ],
)
def test_a_subject_cannot_add_a_header_or_a_body(subject):
    raw = mime(reply(subject=subject), TEMPLATE)

    message = read(raw)

    assert set(message.keys()) == HEADERS
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Thank you: Hi")
    assert b"\nBcc" not in raw


ANY_TEXT = st.text(st.characters()) | st.text(st.sampled_from("\r\n\t :<>@=?-aB%\x00é\u2028"))


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_nothing_in_a_mail_can_add_a_header_or_markup(name, subject, references, parent, words):
    answer = reply(
        sender=ANN,
        subject=subject,
        headers=(("References", references), ("In-Reply-To", parent)),
    )
    hostile = Reply(
        to=answer.to,
        mailbox=answer.mailbox,
        senders=answer.senders,
        shown_sender=f"{name} <{ANN}>",
        message_id=words,
        subject=subject,
        references=answer.references,
    )

    raw = mime(hostile, TEMPLATE)

    message = read(raw)
    assert set(message.keys()) <= HEADERS
    assert message.defects == []
    assert (message["To"], message["From"]) == (ANN, MAILBOX)
    assert len(message["Subject"]) <= SUBJECT_CHARACTERS
    shown = body(message, "html").removeprefix("<p>").removesuffix("</p>")
    assert not {"<", ">", '"', "'"} & set(shown)
    text = body(message, "plain")
    assert not [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_subject_of_two_megabytes_is_cut_at_once():
    started = time.process_time()

    subject = sent(subject="Ünïcode " * 250_000)["Subject"]

    assert len(subject) == SUBJECT_CHARACTERS
    assert subject.startswith("Thank you: Ünïcode") and subject.endswith("…")
    assert time.process_time() - started < 1


def test_non_ascii_subjects_names_and_bodies_arrive_as_they_were_written():
    template = Template("Grüße 日本:", "<p>Schön, %%NAME%% 🎉</p>", "Schön, %%NAME%% 🎉")

    message = sent(template, subject="注文はどこ？ 😀", sender=f"Jürg Ünal <{ANN}>")

    assert message["Subject"] == "Grüße 日本: 注文はどこ？ 😀"
    assert body(message, "plain") == f"Schön, Jürg Ünal <{ANN}> 🎉"


def test_half_a_character_stops_nothing():
    message = sent(subject="a\ud800b", sender=f"J\udfffo <{ANN}>")

    assert message["Subject"] == "Thank you: ab"


def test_a_long_message_id_stays_in_one_piece():
    # An encoded or broken id would not be found by the sender's mail program.
    long = "<" + "x" * 200 + "@example.org>"

    raw = mime(reply(headers=(("References", long),)), TEMPLATE)

    assert long.encode() in raw


@pytest.mark.parametrize(
    ("template", "kind"),
    [(Template("s", "<p>x</p>", ""), "text/html"), (Template("s", "", "x"), "text/plain")],
)
def test_a_template_with_one_part_gives_a_mail_of_one_part(template, kind):
    assert sent(template).get_content_type() == kind
