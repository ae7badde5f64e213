"""The mailboxes that SES takes in a request: ASCII addresses, names that RFC 5322 allows.

"Amazon SES does not support the SMTPUTF8 extension": an address is 7-bit ASCII, a domain of another
script is Punycode, and a name with other letters is encoded words (SendEmail, API reference).
Users of SES report the texts; SES reads addresses with JavaMail, by whose rules they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["in_header", "refusal"]

ILLEGAL = "Illegal address"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")
_SPECIALS = frozenset('()<>,;:\\"[]')
_IN_DOMAIN = re.compile(r"[A-Za-z0-9.-]*")


def refusal(mailboxes: Iterable[str]) -> str | None:
    """Why SES does not take a request with these mailboxes, each a field or a part of a header."""
    return next((said for mailbox in mailboxes if (said := _of_mailbox(mailbox))), None)


def in_header(value: str) -> Iterator[str]:
    """The mailboxes of an address header, which commas separate."""
    start = 0
    masked = _masked(value)
    for comma in (*(match.start() for match in re.finditer(",", masked)), len(value)):
        if value[start:comma].strip():
            yield value[start:comma]
        start = comma + 1


def _masked(text: str) -> str:
    """The text with quoted strings and comments blanked out, at the same positions."""
    for pattern in (_QUOTED, _COMMENT):
        text = pattern.sub(lambda match: "_" * len(match[0]), text)
    return text


def _of_mailbox(mailbox: str) -> str | None:
    text = mailbox.strip()
    if not text:
        return "Empty address"
    if _QUOTED.sub("", text).replace('\\"', "").count('"'):
        return "Missing '\"'"
    opened = _masked(text).rfind("<")
    if opened < 0:
        return _of_address(text)
    name, closed = text[:opened], text.find(">", opened)
    if closed < 0:
        return "Missing '>'"
    if _COMMENT.sub("", text[closed + 1 :]).strip():
        return ILLEGAL
    if not name.isascii() or any(c in _SPECIALS or c == "@" for c in _masked(name)):
        return ILLEGAL
    return _of_address(text[opened + 1 : closed].strip())


def _of_address(address: str) -> str | None:
    quoted = _QUOTED.match(address)
    if quoted:
        local, rest = quoted[0], address[quoted.end() :]
        if rest and not rest.startswith("@"):
            return "Quote not at end of local address"
        at, domain = rest[:1], rest[1:]
    else:
        local, at, domain = address.partition("@")
    if at and not local:
        return "Missing local name"
    inside = local[1:-1].replace(" ", "_") if quoted else local
    if not _is_visible(inside):
        return "Local address contains control or whitespace"
    if not quoted and any(character in _SPECIALS for character in local):
        return "Local address contains illegal character"
    if not quoted and ".." in local:
        return "Local address contains dot-dot"
    return _of_domain(domain) if at else "Missing final '@domain'"


def _of_domain(domain: str) -> str | None:
    if not domain:
        return "Missing domain"
    if domain.startswith("[") and domain.endswith("]"):
        return None
    if not _is_visible(domain):
        return "Domain contains control or whitespace"
    if not _IN_DOMAIN.fullmatch(domain):
        return "Domain contains illegal character"
    if domain.startswith("."):
        return "Domain starts with dot"
    if ".." in domain:
        return "Domain contains dot-dot"
    return "Domain ends with dot" if domain.endswith(".") else None


def _is_visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
