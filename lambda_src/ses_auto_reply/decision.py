"""Whether a mail is answered, and whom the answer goes to. RFC 3834 sets most of the rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ses_auto_reply.addresses import addresses_in, is_daemon, is_no_reply, person
from ses_auto_reply.incoming import IncomingMail

__all__ = ["Ignore", "Mailbox", "Reason", "Reply", "decide"]

IDS_KEPT = 20  # of References: the first and the last ones, as RFC 5322 lets threads be shortened
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_COMMENT = re.compile(r"\([^()]*\)")


class Reason(StrEnum):
    """Why a mail gets no answer; also a value of the metric's dimension Decision."""

    VIRUS = "VIRUS"
    SPAM = "SPAM"
    DMARC_FAILED = "DMARC_FAILED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    AUTOMATIC = "AUTOMATIC"
    LIST = "LIST"
    BULK = "BULK"
    HEADERS_TRUNCATED = "HEADERS_TRUNCATED"
    NULL_RETURN_PATH = "NULL_RETURN_PATH"
    NO_SENDER = "NO_SENDER"
    SEVERAL_SENDERS = "SEVERAL_SENDERS"
    MACHINE = "MACHINE"
    OWN_ADDRESS = "OWN_ADDRESS"
    NO_MAILBOX = "NO_MAILBOX"
    ANSWERED_LATELY = "ANSWERED_LATELY"
    ANSWERED_BEFORE = "ANSWERED_BEFORE"


@dataclass(frozen=True, slots=True)
class Ignore:
    """The mail gets no answer."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer a mail gets; everything but the template.

    Attributes:
        senders: the people who must not get a second answer in the window: the sender, and the
            recipient of the answer when Reply-To names another person.
        shown_sender: unchanged From of the mail, for `%%NAME%%`.
        message_id: SES's id of the mail, for `%%ID%%`.
        references: ids of the mails before and the answered one last; empty without an id.
    """

    to: str
    mailbox: str
    senders: tuple[str, ...]
    shown_sender: str
    message_id: str
    subject: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How a mailbox answers.

    Attributes:
        from_address: sender of replies; None is the recipient address of the mail.
        own: addresses (as `person` gives them) and whole domains that are never answered: they
            are ours, as is from_address.
        answers_truncated: whether a mail is answered although SES left headers out.
    """

    from_address: str | None = None
    own: frozenset[str] = frozenset()
    answers_truncated: bool = False

    def owns(self, address: str) -> bool:
        owner = person(address)
        if self.from_address is not None and owner == person(self.from_address):
            return True
        return owner in self.own or owner.rpartition("@")[2] in self.own


def decide(mail: IncomingMail, mailbox: Mailbox) -> Reply | Ignore:
    """Return the answer to a mail, or the reason for no answer."""
    reason = _untrusted(mail) or _machine_made(mail)
    if reason is None and mail.headers_truncated and not mailbox.answers_truncated:
        # The header that says "automatic" may be among those left out.
        reason = Reason.HEADERS_TRUNCATED
    if reason is None:
        reason = _undeliverable(mail)
    if reason is not None:
        return Ignore(reason)

    sender = addresses_in(mail.senders)[0]
    # Of several addresses the first: an answer must not become a mailing.
    to = next(iter(addresses_in(mail.reply_to)), "") or sender
    if is_no_reply(to) or any(is_daemon(address) for address in (sender, to)):
        return Ignore(Reason.MACHINE)

    ours = {person(address) for address in mail.recipients}
    parties = (sender, to, *mail.return_paths)
    if any(mailbox.owns(address) or person(address) in ours for address in parties):
        return Ignore(Reason.OWN_ADDRESS)

    answers_from = mailbox.from_address or next(iter(addresses_in(mail.recipients)), "").lower()
    if not answers_from:
        return Ignore(Reason.NO_MAILBOX)
    return Reply(
        to=to,
        mailbox=answers_from,
        senders=tuple(sorted({person(sender), person(to)})),
        shown_sender=mail.shown_sender,
        message_id=mail.message_id,
        subject=mail.subject,
        references=_references(mail),
    )


def _untrusted(mail: IncomingMail) -> Reason | None:
    """Return the reason that SES's verdicts give against an answer.

    DMARC decides about forged senders. Where it says nothing (GRAY: no policy published;
    PROCESSING_FAILED; absent), SPF or DKIM has to pass: otherwise any sender could make us write
    to any address. An inconclusive spam or virus verdict alone forbids nothing.
    """
    verdicts = mail.verdicts
    if verdicts.get("virus") == "FAIL":
        return Reason.VIRUS
    if verdicts.get("spam") == "FAIL":
        return Reason.SPAM
    if verdicts.get("dmarc") == "FAIL":
        return Reason.DMARC_FAILED
    if "PASS" not in (verdicts.get("dmarc"), verdicts.get("spf"), verdicts.get("dkim")):
        return Reason.UNAUTHENTICATED
    return None


def _machine_made(mail: IncomingMail) -> Reason | None:
    """Return the reason in the headers of a mail that no person wrote to the mailbox."""
    # RFC 3834 section 5: `no`, or a word for "automatic", with comments and parameters.
    for value in mail.values("auto-submitted"):
        if _COMMENT.sub("", value[:1000]).partition(";")[0].strip().lower() != "no":
            return Reason.AUTOMATIC
    # Exchange's way of asking for silence, and what old responders put instead.
    suppressions = mail.values("x-auto-response-suppress")
    if any(value.strip().lower() != "none" for value in suppressions):
        return Reason.AUTOMATIC
    if mail.values("x-autoreply") or mail.values("x-autorespond"):
        return Reason.AUTOMATIC
    # Bounces and receipts that do not come with a null return path.
    if any(value.strip().lower().startswith("multipart/report") for value in _types(mail)):
        return Reason.AUTOMATIC

    if any(name.startswith("list-") for name in mail.headers) or mail.values("mailing-list"):
        return Reason.LIST
    precedences = {value.strip().lower() for value in mail.values("precedence")}
    if "auto_reply" in precedences:
        return Reason.AUTOMATIC
    if precedences & {"bulk", "junk"}:
        return Reason.BULK
    return Reason.LIST if "list" in precedences else None


def _types(mail: IncomingMail) -> tuple[str, ...]:
    return tuple(value[:100] for value in mail.values("content-type"))


def _undeliverable(mail: IncomingMail) -> Reason | None:
    """Return the reason when the sender is absent, a machine, or not exactly one person."""
    if not mail.return_paths or any(not path.strip(" <>") for path in mail.return_paths):
        return Reason.NULL_RETURN_PATH
    if any(is_daemon(path) or is_no_reply(path) for path in mail.return_paths):
        return Reason.MACHINE
    if not mail.senders:
        return Reason.NO_SENDER
    # Two From headers, or two addresses in one: SES and the reader may take different ones.
    addresses = addresses_in(mail.senders)
    if len(addresses) != 1:
        return Reason.SEVERAL_SENDERS
    return None if addresses[0] else Reason.NO_SENDER


def _references(mail: IncomingMail) -> tuple[str, ...]:
    """Return the ids of RFC 5322 section 3.6.4: the parent's References or In-Reply-To, then it."""
    parent = _MESSAGE_ID.search(mail.original_id[:1000])
    if parent is None:
        return ()
    earlier = _ids(mail.values("references"))
    if not earlier:
        answered = _ids(mail.values("in-reply-to"))
        earlier = answered if len(answered) == 1 else []
    ids = [one for one in dict.fromkeys(earlier) if one != parent[0]]
    if len(ids) >= IDS_KEPT:
        ids = [ids[0], *ids[2 - IDS_KEPT :]]
    return (*ids, parent[0])


def _ids(values: tuple[str, ...]) -> list[str]:
    return _MESSAGE_ID.findall(" ".join(values)[-20_000:])
