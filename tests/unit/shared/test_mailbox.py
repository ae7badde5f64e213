"""Mailboxes reach SES in the only form it takes: ASCII, Punycode and encoded words."""

from email import policy
from email.parser import HeaderParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mailbox import Mailbox, MailboxRefused, MailboxRule, read_address, read_mailbox


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("news@example.com", "news@example.com"),
        ("News <news@example.com>", "News <news@example.com>"),
        ("Müller GmbH <post@example.com>", "=?utf-8?q?M=C3=BCller_GmbH?= <post@example.com>"),
        ("Foo, Inc. <news@foo.example>", '"Foo, Inc." <news@foo.example>'),
        ('"Foo, Inc." <news@foo.example>', '"Foo, Inc." <news@foo.example>'),
        ('Foo "Bar" Inc <news@foo.example>', "Foo Bar Inc <news@foo.example>"),
        (r'"a \"b\" \\ c" <n@foo.example>', r'"a \"b\" \\ c" <n@foo.example>'),
        ("=?utf-8?q?M=C3=BCller?= <p@example.com>", "=?utf-8?q?M=C3=BCller?= <p@example.com>"),
        ('"=?utf-8?q?x?=" <p@example.com>', '"=?utf-8?q?x?=" <p@example.com>'),
        ("<news@example.com>", "news@example.com"),
        ("info@example.com <news@example.com>", '"info@example.com" <news@example.com>'),
        ("Müller <post@münchen.example>", "=?utf-8?q?M=C3=BCller?= <post@xn--mnchen-3ya.example>"),
    ],
)
def test_a_from_header_is_written_as_ses_takes_it(text: str, header: str) -> None:
    assert read_mailbox(text).header == header


def test_a_long_name_is_encoded_in_words_of_75_characters_on_one_line() -> None:
    name = "Ünïversität " * 12

    header = read_mailbox(f"{name}<post@example.com>").header

    words = header.split(" ")[:-1]
    assert len(words) > 1
    assert max(map(len, words)) <= 75
    assert "\n" not in header
    assert read_mailbox(header).name == name.strip()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example"),
        ("Ann.Lee@Example.COM", "Ann.Lee@example.com"),
        ("  ann@example.com\u00a0\u200b", "ann@example.com"),
        ('"ann lee"@example.com', '"ann lee"@example.com'),
        ("ann+tag@a-b.example", "ann+tag@a-b.example"),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_address_has_an_ascii_domain_and_keeps_its_local_part(text: str, address: str) -> None:
    assert read_address(text) == address


def test_two_spellings_of_one_mailbox_have_one_key() -> None:
    spellings = ["Ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example", "ANN@München.EXAMPLE"]

    assert len({read_mailbox(spelling).key for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", MailboxRule.ONE_ADDRESS),
        ("ann", MailboxRule.ONE_ADDRESS),
        ("a" * 330 + "@example.com", MailboxRule.ONE_ADDRESS),
        ("günther@example.com", MailboxRule.ASCII_LOCAL_PART),
        ("@example.com", MailboxRule.LOCAL_PART),
        ("a..b@example.com", MailboxRule.LOCAL_PART),
        (".a@example.com", MailboxRule.LOCAL_PART),
        ("a b@example.com", MailboxRule.LOCAL_PART),
        ("ann@example.com,bob@example.com", MailboxRule.LOCAL_PART),
        ("ann\r\nBcc: x@example.com", MailboxRule.LOCAL_PART),
        ("a" * 65 + "@example.com", MailboxRule.LOCAL_PART),
        ("ann@", MailboxRule.DOMAIN),
        ("ann@example.com.", MailboxRule.DOMAIN),
        ("ann@ex_ample.com", MailboxRule.DOMAIN),
        ("ann@-a.example", MailboxRule.DOMAIN),
        ("ann@a..example", MailboxRule.DOMAIN),
        ("ann@[192.0.2.1]", MailboxRule.DOMAIN),
        ("ann@" + "a" * 64 + ".example", MailboxRule.DOMAIN),
        ("ann@example.com (Ann)", MailboxRule.DOMAIN),
        # IDNA 2003 would send to strasse.example, which belongs to somebody else.
        ("ann@straße.example", MailboxRule.UNAMBIGUOUS_DOMAIN),
    ],
)
def test_an_address_that_ses_cannot_take_is_refused_by_its_rule(
    text: str, rule: MailboxRule
) -> None:
    with pytest.raises(MailboxRefused) as refused:
        read_address(text)

    assert refused.value.rule == rule
    assert str(rule) in str(refused.value)
    assert len(text) < 5 or text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "Evil\r\nBcc: x <a@example.com>",
        "A <a@example.com>, B <b@example.com>",
        "=?utf-8?b?a?= <a@example.com>",
        "=?no-such-charset?q?a?= <a@example.com>",
        "=?utf-8?q?=0D=0ABcc:_x?= <a@example.com>",
        "x" * 257 + " <a@example.com>",
    ],
)
def test_a_name_that_no_header_can_hold_is_refused(text: str) -> None:
    with pytest.raises(MailboxRefused) as refused:
        read_mailbox(text)

    assert refused.value.rule == MailboxRule.NAME


def _names() -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="<>")
    return st.text(letters, max_size=80).map(lambda name: name.strip(" \u00a0\u200b\u2060\ufeff"))


@given(_names())
def test_whatever_the_name_the_header_is_ascii_and_reads_back(name: str) -> None:
    header = Mailbox("news@example.com", name).header

    assert header.isascii()
    assert "\n" not in header
    assert read_mailbox(header).name == name


@given(_names())
def test_mail_programs_read_one_mailbox_from_the_header(name: str) -> None:
    header = Mailbox("news@example.com", name).header

    message = HeaderParser(policy=policy.default).parsestr(f"From: {header}\n\n")

    assert [address.addr_spec for address in message["From"].addresses] == ["news@example.com"]


@given(st.text(max_size=40))
def test_any_text_is_a_mailbox_or_is_refused(text: str) -> None:
    try:
        mailbox = read_mailbox(text)
    except MailboxRefused:
        return
    assert mailbox.header.isascii()
    assert read_address(mailbox.address) == mailbox.address
