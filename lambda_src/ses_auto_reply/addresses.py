"""Email addresses: which can be answered, which are the same person, which are machines."""

import re
from collections.abc import Iterable
from email.utils import getaddresses

from shared.mailbox import MailboxRefused, read_address

__all__ = ["addresses_in", "is_daemon", "is_no_reply", "person"]

# More than any real From or Reply-To; a longer one is not read (2 MB of it would cost seconds).
MAX_HEADER_CHARACTERS = 2_000

# No quoted local part, and a domain of two labels or more: an answer to another address would fail.
_ANSWERABLE = re.compile(r"[^\"@]+@.+\.[a-z][a-z0-9-]*[a-z0-9]")
# RFC 3834 section 2 names MAILER-DAEMON, owner-…, …-request; the rest are habits of list servers
# and of senders whose bounces carry the recipient (VERP).
_DAEMON = re.compile(
    r"(?:mailer[-_.]?daemon|postmaster|listserv|majordomo|bounces?)(?:[-+=_.].*)?"
    r"|nobody|owner-.+|.+-(?:owner|request|bounces?)(?:[+=].*)?"
)
_NO_REPLY = re.compile(r"(?:no|do[-_.]?not)[-_.]?reply(?:[-+=_.].*)?")
# Bounce Address Tag Validation puts a tag before the envelope sender: prvs=144d0cba7=ann@…
_BATV_TAG = re.compile(r"prvs=[^=]*=")


def addresses_in(texts: Iterable[str]) -> list[str]:
    """Return the addresses of address headers; `""` marks an address that cannot receive mail.

    Domains with other letters than ASCII's are given in their ASCII form.
    """
    found = []
    for text in texts:
        if len(text) > MAX_HEADER_CHARACTERS:
            found.append("")
            continue
        found.extend(_writable(address) for _, address in getaddresses([text]))
    return found


def person(address: str) -> str:
    """Return the mailbox of an address: lower case, without the label (`ann+shop@…`: `ann@…`)."""
    local, _, domain = address.strip().strip("<>").lower().rpartition("@")
    local = _BATV_TAG.sub("", local)
    return f"{local.partition('+')[0] or local}@{domain}"


def is_daemon(address: str) -> bool:
    """Check whether the address belongs to a mail server, a list server or a bounce."""
    return _DAEMON.fullmatch(_local(address)) is not None


def is_no_reply(address: str) -> bool:
    """Check whether the address says that its mail is not read."""
    return _NO_REPLY.fullmatch(_local(address)) is not None


def _local(address: str) -> str:
    return _BATV_TAG.sub("", address.strip().strip("<>").lower().rpartition("@")[0])


def _writable(address: str) -> str:
    try:
        written = read_address(address)
    except MailboxRefused:
        return ""
    return written if len(written) <= 254 and _ANSWERABLE.fullmatch(written) else ""
