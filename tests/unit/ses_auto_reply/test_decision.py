"""Emails that get a reply, and the recipients of the reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_auto_reply.decision import Ignore, Mailbox, Reason, Reply, decide
from ses_auto_reply.incoming import MalformedEvent, incoming_mail
from tests.builders.event_records import sample, samples
from tests.builders.incoming_mail import ANN, MAILBOX, event

PLAIN = Mailbox()


def decided(mailbox: Mailbox = PLAIN, **mail: Any) -> Reply | Ignore:
    return decide(incoming_mail(event(**mail)), mailbox)


def reply(mailbox: Mailbox = PLAIN, **mail: Any) -> Reply:
    answer = decided(mailbox, **mail)
    assert isinstance(answer, Reply), answer
    return answer


def ignored(mailbox: Mailbox = PLAIN, **mail: Any) -> Reason:
    answer = decided(mailbox, **mail)
    assert isinstance(answer, Ignore), answer
    return answer.reason


def test_a_mail_of_a_person_is_answered_from_the_address_it_was_sent_to():
    answer = reply(sender=f'"Doe, Ann" <{ANN}>', message_id="ses-1")

    assert (answer.to, answer.mailbox) == (ANN, MAILBOX)
    assert answer.shown_sender == f'"Doe, Ann" <{ANN}>'
    assert (answer.message_id, answer.subject) == ("ses-1", "Where is my order?")
    assert answer.references == ("<original@example.org>",)


@pytest.mark.parametrize(
    "name", [n for n in samples("ses_receiving") if "lambda_response" not in n]
)
def test_each_documented_mail_is_answered(name):
    body = sample(name)
    ses = body["Records"][0]["ses"] if "Records" in body else body

    answer = decide(incoming_mail({"Records": [{"ses": ses}]}), PLAIN)

    # The envelope sender has a tag (prvs=…); the author is in From.
    assert isinstance(answer, Reply)
    assert (answer.to, answer.mailbox) == ("sender@example.com", "recipient@example.net")
    assert answer.message_id == "d6iitobk75ur44p8kdnnp7g2n800exampl"
    assert answer.references == (
        "<0100018c3f2b6d7e-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000@email.example.com>",
        "<F8098FDD-49A3-442D-9935-F6112example@example.com>",
    )


# --- loops, lists, machines -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Auto-Submitted", "auto-replied", Reason.AUTOMATIC),
        ("auto-submitted", "Auto-Generated; type=x", Reason.AUTOMATIC),
        ("Auto-Submitted", "auto-notified (by us)", Reason.AUTOMATIC),
        ("Auto-Submitted", "", Reason.AUTOMATIC),
        ("Auto-Submitted", "nothing", Reason.AUTOMATIC),
        ("X-Auto-Response-Suppress", "OOF, AutoReply", Reason.AUTOMATIC),
        ("X-Auto-Response-Suppress", "All", Reason.AUTOMATIC),
        ("X-Autoreply", "yes", Reason.AUTOMATIC),
        ("Precedence", "auto_reply", Reason.AUTOMATIC),
        ("Content-Type", "multipart/report; report-type=delivery-status", Reason.AUTOMATIC),
        ("List-Id", "<people.example.org>", Reason.LIST),
        ("LIST-UNSUBSCRIBE", "<mailto:off@example.org>", Reason.LIST),
        ("List-Help", "", Reason.LIST),
        ("Precedence", "list", Reason.LIST),
        ("Precedence", " Bulk ", Reason.BULK),
        ("Precedence", "junk", Reason.BULK),
    ],
)
def test_automatic_list_and_bulk_mail_is_never_answered(header, value, reason):
    assert ignored(headers=((header, value),)) is reason


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Auto-Submitted", "no"),
        ("Auto-Submitted", " No (a person wrote this); x=y"),
        ("X-Auto-Response-Suppress", "None"),
        ("Precedence", "first-class"),
        ("Precedence", "normal"),
        ("Content-Type", 'multipart/mixed; boundary="report"'),
        ("Listing", "x"),
    ],
)
def test_headers_that_only_look_alike_do_not_keep_a_person_without_an_answer(header, value):
    assert reply(headers=((header, value),)).to == ANN


def test_of_two_auto_submitted_headers_the_automatic_one_counts():
    both = (("Auto-Submitted", "no"), ("Auto-Submitted", "auto-replied"))

    assert ignored(headers=both) is Reason.AUTOMATIC


@pytest.mark.parametrize("source", ["", "<>", " "])
def test_a_null_return_path_is_never_answered(source):
    assert ignored(source=source) is Reason.NULL_RETURN_PATH


def test_a_null_return_path_is_found_in_the_header_too():
    assert ignored(headers=(("Return-Path", "<>"),)) is Reason.NULL_RETURN_PATH


def test_an_envelope_that_nobody_tells_is_taken_for_a_null_one():
    untold = event()
    mail = untold["Records"][0]["ses"]["mail"]
    del mail["source"], mail["commonHeaders"]["returnPath"]
    mail["headers"] = [h for h in mail["headers"] if h["name"] != "Return-Path"]

    assert decide(incoming_mail(untold), PLAIN) == Ignore(Reason.NULL_RETURN_PATH)


@pytest.mark.parametrize(
    "source",
    [
        "MAILER-DAEMON@example.org",
        "mailer-daemon+x@example.org",
        "postmaster@example.org",
        "no-reply@example.org",
        "NoReply@example.org",
        "do-not-reply@example.org",
        "donotreply-eu@example.org",
        "bounce@example.org",
        "bounces+1234-ann=example.com@em.example.org",
        "owner-people@example.org",
        "people-owner@example.org",
        "people-request@example.org",
        "people-bounces+ann=example.com@example.org",
        "prvs=144d0cba7=postmaster@example.org",
        "listserv@example.org",
    ],
)
def test_mail_servers_and_list_servers_are_never_answered(source):
    assert ignored(source=source) is Reason.MACHINE


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@example.org", "no-reply@example.org"])
def test_a_machine_in_from_is_never_answered(sender):
    assert ignored(sender=f"Mail <{sender}>", source=ANN) is Reason.MACHINE


@pytest.mark.parametrize("source", ["bo.owner@example.org", "requests@example.org", "noreen@x.org"])
def test_people_with_names_like_those_of_machines_are_answered(source):
    assert reply(source=source).to == ANN


def test_the_form_of_a_website_is_answered_to_the_person_it_names():
    answer = reply(
        sender="Shop <no-reply@shop.example>", source="www@shop.example", replyTo=[f"Ann <{ANN}>"]
    )

    assert answer.to == ANN


@pytest.mark.parametrize(
    "party",
    [
        {"sender": MAILBOX},
        {"sender": f"Us <HELP+loop@{MAILBOX.partition('@')[2].upper()}>"},
        {"source": MAILBOX},
        {"replyTo": [MAILBOX]},
        {"sender": "robot@answers.example.com"},
        {"sender": "bo@ours.example"},
        {"sender": "Sales <sales@answers.example.com>"},
    ],
)
def test_our_own_addresses_are_never_answered(party):
    mailbox = Mailbox(
        from_address="robot@answers.example.com",
        own=frozenset({"sales@answers.example.com", "ours.example"}),
    )

    assert ignored(mailbox, **party) is Reason.OWN_ADDRESS


def test_a_colleague_at_the_mailbox_s_domain_is_answered():
    assert reply(sender="bo@answers.example.com").to == "bo@answers.example.com"


# --- verdicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ({"spam": "FAIL"}, Reason.SPAM),
        ({"virus": "FAIL"}, Reason.VIRUS),
        ({"dmarc": "FAIL"}, Reason.DMARC_FAILED),
        ({"dmarc": "GRAY", "spf": "FAIL", "dkim": "GRAY"}, Reason.UNAUTHENTICATED),
        ({"dmarc": "PROCESSING_FAILED", "spf": "GRAY", "dkim": "FAIL"}, Reason.UNAUTHENTICATED),
        ({"dmarc": "", "spf": "", "dkim": ""}, Reason.UNAUTHENTICATED),
    ],
)
def test_spam_viruses_and_forged_senders_are_never_answered(verdicts, reason):
    assert ignored(verdicts=verdicts) is reason


@pytest.mark.parametrize(
    "verdicts",
    [
        {"spam": "GRAY", "virus": "PROCESSING_FAILED"},
        {"spam": "", "virus": ""},
        {"spf": "FAIL", "dkim": "FAIL"},  # forwarded, and DMARC passes all the same
        {"dmarc": "GRAY", "spf": "FAIL"},
        {"dmarc": "", "dkim": "GRAY"},
    ],
)
def test_an_inconclusive_verdict_forbids_nothing_while_the_sender_is_authenticated(verdicts):
    assert reply(verdicts=verdicts).to == ANN


def test_a_mail_whose_headers_were_cut_is_left_because_they_may_hide_that_it_is_automatic():
    assert ignored(truncated=True) is Reason.HEADERS_TRUNCATED


def test_a_mail_whose_headers_were_cut_is_answered_when_told_so_unless_the_rest_forbids_it():
    mailbox = Mailbox(answers_truncated=True)

    assert reply(mailbox, truncated=True).to == ANN
    hidden = ignored(mailbox, truncated=True, headers=(("Auto-Submitted", "auto-replied"),))
    assert hidden is Reason.AUTOMATIC


# --- whom, from where -------------------------------------------------------------------------


def test_reply_to_is_honoured_and_both_people_count_as_answered():
    answer = reply(headers=(("Reply-To", "Bo <Bo@Example.net>"),))

    assert answer.to == "Bo@Example.net"
    assert answer.senders == (ANN, "bo@example.net")


def test_of_several_reply_to_addresses_only_the_first_is_answered():
    assert reply(headers=(("Reply-To", "bo@example.net, cy@example.net"),)).to == "bo@example.net"


def test_a_reply_to_that_is_no_address_gives_way_to_from():
    assert reply(headers=(("Reply-To", "whoever you are"),)).to == ANN


@pytest.mark.parametrize(
    "sender",
    [
        f"{ANN}, bo@example.net",
        f"Ann <{ANN}>, Bo <bo@example.net>",
    ],
)
def test_a_mail_from_several_people_is_left(sender):
    assert ignored(sender=sender, source=ANN) is Reason.SEVERAL_SENDERS


def test_two_from_headers_are_left():
    assert ignored(headers=(("From", "bo@example.net"),)) is Reason.SEVERAL_SENDERS


@pytest.mark.parametrize(
    "sender",
    ["nobody at all", "<>", "jörg@example.org", "a b@example.org", "ann@localhost", "ann@[1.2.3.4]"]
    + ["a@" + "x" * 250 + ".org", "a" * 2_000_000],
)
def test_a_sender_that_ses_cannot_write_to_is_left(sender):
    assert ignored(sender=sender, source=ANN) in (Reason.NO_SENDER, Reason.SEVERAL_SENDERS)


def test_a_domain_in_other_letters_is_answered_in_its_ascii_form():
    assert reply(sender="Jörg <jo@bücher.example>").to == "jo@xn--bcher-kva.example"


def test_labels_and_upper_case_do_not_make_another_sender():
    assert reply(sender="Ann <ANN+shop@Example.org>").senders == (ANN,)


def test_a_mail_in_bcc_is_answered_from_the_recipient_that_matched():
    blind = event(to=("Help@Answers.example.com",))
    mail = blind["Records"][0]["ses"]["mail"]
    del mail["commonHeaders"]["to"]
    mail["headers"] = [h for h in mail["headers"] if h["name"] != "To"]

    answer = decide(incoming_mail(blind), PLAIN)

    assert isinstance(answer, Reply)
    assert answer.mailbox == MAILBOX


def test_a_foreign_address_in_to_is_never_what_a_reply_comes_from():
    mixed = event(to=("someone@elsewhere.example", MAILBOX))
    mixed["Records"][0]["ses"]["receipt"]["recipients"] = [MAILBOX]

    answer = decide(incoming_mail(mixed), PLAIN)

    assert isinstance(answer, Reply)
    assert answer.mailbox == MAILBOX


def test_one_mail_to_several_mailboxes_gets_one_answer_from_the_first():
    assert reply(to=(MAILBOX, "sales@answers.example.com")).mailbox == MAILBOX


def test_the_configured_address_is_what_replies_come_from():
    assert reply(Mailbox(from_address="robot@example.com")).mailbox == "robot@example.com"


def test_without_a_recipient_there_is_nothing_to_answer_from():
    assert ignored(to=()) is Reason.NO_MAILBOX


def test_references_continue_the_thread_and_stay_bounded():
    long = " ".join(f"<{number}@example.org>" for number in range(500))

    assert reply(headers=(("References", "<a@x> junk <b@x>\r\n <a@x>"),)).references == (
        "<a@x>",
        "<b@x>",
        "<original@example.org>",
    )
    references = reply(headers=(("References", long),)).references
    assert len(references) == 20
    assert references[-2:] == ("<499@example.org>", "<original@example.org>")


def test_a_mail_without_an_id_starts_no_thread():
    bare = event()
    mail = bare["Records"][0]["ses"]["mail"]
    del mail["commonHeaders"]["messageId"]
    mail["headers"] = [h for h in mail["headers"] if h["name"] != "Message-ID"]

    answer = decide(incoming_mail(bare), PLAIN)

    assert isinstance(answer, Reply)
    assert answer.references == ()


# --- what is missing, or nonsense -------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, member in inner:
        found.append((*path, key))
        if isinstance(member, dict | list):
            found.extend(places(member, (*path, key)))
    return found


# All but SES's own id of the mail and what holds it.
PLACES = [
    place
    for place in places(event()["Records"][0]["ses"])
    if place not in (("mail",), ("mail", "messageId"))
]


@given(st.sampled_from(PLACES), st.sampled_from(["absent", None, "", 7, [], {}, ["x"], [None]]))
def test_no_member_that_is_missing_or_nonsense_stops_a_decision(place, value):
    broken = event()
    parent = broken["Records"][0]["ses"]
    for key in place[:-1]:
        parent = parent[key]
    if value == "absent":
        del parent[place[-1]]
    else:
        parent[place[-1]] = value

    decide(incoming_mail(broken), PLAIN)


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5), st.text(), st.text(), st.text())
def test_no_text_in_any_header_stops_a_decision(headers, sender, subject, source):
    decided(
        sender=sender,
        subject=subject,
        source=source,
        headers=tuple((name, value) for name, value in headers),
    )


@pytest.mark.parametrize("broken", [{}, {"Records": []}, {"Records": [{}]}, {"Records": [{}, {}]}])
def test_what_is_no_mail_from_ses_is_refused_by_name(broken):
    with pytest.raises(MalformedEvent, match="Records"):
        incoming_mail(broken)
