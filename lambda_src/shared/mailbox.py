"""Mailboxes in the form that SES takes: a name of ASCII or encoded words, an ASCII address.

SES does not support SMTPUTF8 (RFC 6531): an address is 7-bit ASCII, a domain with other letters is
sent as Punycode, and a name with other letters as encoded words. A local part with other letters
has no ASCII form, so such an address cannot be sent to.

Source: SES API v2 reference, "SendEmail" (FromEmailAddress) and "Destination".
"""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from enum import StrEnum

__all__ = ["Mailbox", "MailboxRefused", "MailboxRule", "read_address", "read_mailbox"]

_LONGEST_ADDRESS = 320  # 64 of the local part, the @, 255 of the domain (RFC 5321)
_LONGEST_LOCAL_PART = 64
_LONGEST_DOMAIN = 255
_LONGEST_NAME = 256  # ours: SES bounds the whole header only
_LONGEST_ENCODED_LINE = 75  # RFC 2047

# White space, and the invisible characters that spreadsheets and web pages leave round a cell.
_INVISIBLE = " \t\r\n\v\f\u00a0\u200b\u2060\ufeff"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~])*\"")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN_NAME = re.compile(rf"(?:{_ATOM}| )+")
_ANGLED = re.compile(r"(?P<name>.*)<(?P<address>[^<>]*)>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Letters that IDNA 2003 (Python's codec) and IDNA 2008 (today's registries) send to different
# domains: sharp s, final sigma, and the two joiners. A guess could reach a stranger.
_DEVIATING = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")


class MailboxRule(StrEnum):
    """The rule that a refused mailbox breaks."""

    ONE_ADDRESS = "OneAddress"
    ASCII_LOCAL_PART = "AsciiLocalPart"
    LOCAL_PART = "LocalPart"
    DOMAIN = "Domain"
    UNAMBIGUOUS_DOMAIN = "UnambiguousDomain"
    NAME = "Name"


_RULES = {
    MailboxRule.ONE_ADDRESS: "a mailbox is one address, as in ann@example.com, or a name and one "
    "address, as in News <news@example.com>",
    MailboxRule.ASCII_LOCAL_PART: "SES sends only to ASCII letters before the @; use an address of "
    "the person that has them",
    MailboxRule.LOCAL_PART: f"the part before the @ has 1 to {_LONGEST_LOCAL_PART} letters, digits "
    "and characters of .!#$%&'*+/=?^_`{|}~-, with no dot at an end or beside another, or is in "
    "quotation marks",
    MailboxRule.DOMAIN: "the domain after the @ is made of letters, digits, hyphens and single "
    "dots",
    MailboxRule.UNAMBIGUOUS_DOMAIN: "the domain has a letter (ß, ς or a joiner) that two standards "
    "read differently; write the domain in its ASCII form, which begins with xn--",
    MailboxRule.NAME: f"the name has at most {_LONGEST_NAME} characters, on one line and without "
    "control characters or < and >, and its encoded words can be read",
}


class MailboxRefused(ValueError):
    """SES cannot send from or to the mailbox; the text says the rule, and never the address."""

    def __init__(self, rule: MailboxRule) -> None:
        super().__init__(f"{_RULES[rule]} (rule {rule}).")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox: `address` is ASCII with a domain in lower case, `name` is text for people."""

    address: str
    name: str = ""

    @property
    def key(self) -> str:
        """The address without case, to find two spellings of one mailbox."""
        return self.address.lower()

    @property
    def header(self) -> str:
        """The mailbox as a From or Reply-To header has it, all ASCII and on one line."""
        if not self.name:
            return self.address
        return f"{_phrase(self.name)} <{self.address}>"


def read_address(text: str) -> str:
    """Return a bare address in the form that SES takes; the local part keeps its case.

    Raises:
        MailboxRefused: the text is no address that SES can send to.
    """
    address = text.strip(_INVISIBLE)
    local, at, domain = address.rpartition("@")
    if not at or len(address) > _LONGEST_ADDRESS:
        raise MailboxRefused(MailboxRule.ONE_ADDRESS)
    if not local.isascii():
        raise MailboxRefused(MailboxRule.ASCII_LOCAL_PART)
    if len(local) > _LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local):
        raise MailboxRefused(MailboxRule.LOCAL_PART)
    return f"{local}@{_ascii_domain(domain)}"


def read_mailbox(text: str) -> Mailbox:
    """Return the mailbox of a From header as people write it: `Foo, Inc. <news@foo.example>`.

    The address is in the last angle brackets. Quotation marks round the name, and quoted parts of
    it, are optional; encoded words are read.

    Raises:
        MailboxRefused: the address or the name cannot be sent.
    """
    stripped = text.strip(_INVISIBLE)
    match = _ANGLED.fullmatch(stripped)
    if match is None:
        return Mailbox(read_address(stripped))
    return Mailbox(read_address(match["address"]), _name(match["name"].strip(_INVISIBLE)))


def _ascii_domain(domain: str) -> str:
    if _DEVIATING.search(domain):
        raise MailboxRefused(MailboxRule.UNAMBIGUOUS_DOMAIN)
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError as error:
        raise MailboxRefused(MailboxRule.DOMAIN) from error
    if len(ascii_domain) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(ascii_domain):
        raise MailboxRefused(MailboxRule.DOMAIN)
    return ascii_domain


def _name(phrase: str) -> str:
    if re.fullmatch(_QUOTED, phrase):
        name = _unquoted(phrase)
    else:
        name = _decoded(re.sub(_QUOTED, lambda quoted: _unquoted(quoted[0]), phrase))
    if len(name) > _LONGEST_NAME or _CONTROL.search(name) or "<" in name or ">" in name:
        raise MailboxRefused(MailboxRule.NAME)
    return name


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _decoded(words: str) -> str:
    if "=?" not in words:
        return words
    try:
        return str(make_header(decode_header(words)))
    except (HeaderParseError, LookupError, UnicodeError) as error:
        raise MailboxRefused(MailboxRule.NAME) from error


def _phrase(name: str) -> str:
    if not name.isascii():
        return Header(name, "utf-8", maxlinelen=_LONGEST_ENCODED_LINE).encode(linesep="")
    if _PLAIN_NAME.fullmatch(name) and "=?" not in name:
        return name
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
