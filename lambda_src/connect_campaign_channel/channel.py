"""The interface of a channel, and the answers of one.

A channel brings a rendered message to an address. Everything else is done for it: pace, hours,
claims, opt-outs, rendering, outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from connect_campaign_channel.content import Content
from shared.send_once import surely_not_sent
from shared.transient import error_code, is_transient

__all__ = [
    "Answer",
    "Channel",
    "Contact",
    "Misconfigured",
    "Status",
    "answer_to",
    "phone_number_of",
]

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
# As in +44 (0)20 7946 0123: the zero is dialled within the country only.
_TRUNK_PREFIX = "(0)"
_LAYOUT = str.maketrans("", "", " ().-")
# Settings of the module or the account are wrong, or a new policy does not count yet.
_MISCONFIGURED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "OutboundContactNotPermittedException",
        "ResourceNotFoundException",
    }
)


class Misconfigured(Exception):
    """The service refuses every contact until its settings change; the text is its error code."""


class Status(StrEnum):
    """End of one attempt. LATER surely had no effect; UNKNOWN may have had it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to one attempt. `reason` is a word or code, never a text of the service."""

    status: Status
    contact_id: str | None = None
    reason: str | None = None

    @classmethod
    def accepted(cls, contact_id: str) -> Answer:
        return cls(Status.ACCEPTED, contact_id)

    @classmethod
    def refused(cls, reason: str) -> Answer:
        return cls(Status.REFUSED, reason=reason)


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact with one endpoint.

    `values` are rendered, `options` come from the campaign's `Data`. `token` is the same in each
    attempt for the endpoint in the run.
    """

    address: str
    values: Mapping[str, str]
    options: Mapping[str, str]
    token: str


class Channel(Protocol):
    """A way to contact endpoints.

    `name` is written to outcome events. `repeatable` is the time for which a service recognises the
    token of a contact, so that a repeated attempt has its effect once; zero where there is no
    token.
    """

    @property
    def name(self) -> str: ...

    @property
    def repeatable(self) -> timedelta: ...

    def problem(self, endpoint: Mapping[str, Any]) -> str | None:
        """Return in capitals why an endpoint cannot be contacted; None where it can."""
        ...

    def check(self, content: Content) -> None:
        """Check the content of a campaign before anything is queued.

        Raises:
            MalformedData: the channel cannot use it.
        """
        ...

    def contact(self, contact: Contact) -> Answer:
        """Make one attempt, without a retry of its own.

        Raises:
            Misconfigured: the service would refuse every endpoint.
        """
        ...


def phone_number_of(endpoint: Mapping[str, Any]) -> str | None:
    """Return an endpoint's address in E.164 format; None where it is no phone number."""
    address = endpoint.get("Address")
    if not isinstance(address, str):
        return None
    number = address.strip().replace(_TRUNK_PREFIX, "").translate(_LAYOUT)
    return number if _NUMBER.fullmatch(number) else None


def answer_to(error: ClientError | BotoCoreError) -> Answer:
    """Read an error of a service as an answer, by its code and status.

    Raises:
        Misconfigured: the service would refuse every endpoint.
    """
    code = error_code(error)
    if code in _MISCONFIGURED:
        raise Misconfigured(code) from error
    if not surely_not_sent(error):
        return Answer(Status.UNKNOWN, reason=code)
    if isinstance(error, ClientError):
        later = is_transient(error)
    else:
        later = code != "ParamValidationError"
    return Answer(Status.LATER if later else Status.REFUSED, reason=code)
