"""The SES sandbox: email goes to verified identities and to the mailbox simulator only.

An account leaves or enters it by PutAccountDetails, ``ProductionAccessEnabled``; without that call
it is out of it. In the sandbox SES also authorizes the identity of each recipient
(aws/aws-sdk-js#3641), so a policy that names the sender's identity alone is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.utils import parseaddr

from ministack.core.responses import get_region
from ministack.services import ses, ses_v2

from local_aws.engagement.ses.suppression import SIMULATOR

__all__ = ["REQUIRED", "applies", "identity_of", "outside", "refusal"]

REQUIRED = (
    "ministack.services.ses._identities",
    "ministack.services.ses_v2._account_details",
    "ministack.services.ses_v2._identities",
)


def applies() -> bool:
    """Whether the account of the request is in the sandbox."""
    account = ses_v2._account_details.get("account") or {}
    return not account.get("ProductionAccessEnabled", True)


def refusal(recipients: Iterable[str]) -> str | None:
    """Why an email to these recipients is refused in the sandbox."""
    unverified = [each for each in outside(recipients) if identity_of(each) is None]
    if not unverified:
        return None
    return (
        "Email address is not verified. The following identities failed the check in region "
        f"{get_region().upper()}: {', '.join(unverified)}"
    )


def outside(recipients: Iterable[str]) -> Iterator[str]:
    """The bare addresses of recipients that are not the simulator's."""
    for recipient in recipients:
        address = parseaddr(recipient)[1]
        if address.lower().rpartition("@")[2] != SIMULATOR:
            yield address


def identity_of(address: str) -> str | None:
    """The identity of an address: the address when it is one, else the closest domain above it."""
    labels = address.rpartition("@")[2].lower().split(".")
    domains = [".".join(labels[first:]) for first in range(len(labels) - 1)]
    known = {*ses._identities.keys(), *ses_v2._identities.keys()}
    return next((name for name in (address, *domains) if name in known), None)
