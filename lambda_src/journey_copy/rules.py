"""The rules for a reference that has no substitute and cannot be copied.

A function, a Connect campaign, a role and a phone number belong to an account, and all but the role
to a Region. A copy elsewhere would refer to something that its project cannot use, so that it needs
a substitute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.journeys import Kind, Reference

__all__ = ["Place", "unusable", "warning"]

_ARN = re.compile(r"arn:[^:]+:(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):")
_INPUTS = {
    Kind.CONNECT_CAMPAIGN: ("Connect campaign", "connect_campaigns"),
    Kind.CONNECT_ROLE: ("role of a Connect campaign", "connect_roles"),
    Kind.DELIVERY_URI: ("function", "delivery_uris"),
    Kind.ORIGINATION_NUMBER: ("origination identity", "origination_numbers"),
}
_WARNED = {
    Kind.DELIVERY_URI: "the URL or function name is kept; the target needs it, too",
    Kind.FROM_ADDRESS: "the From address is kept; its identity has to be verified for the target",
    Kind.SENDER_ID: "the sender ID is kept; it has to be usable in the target's account and Region",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Account and Region."""

    account_id: str
    region: str


def unusable(reference: Reference, source: Place, target: Place) -> str | None:
    """Say why a reference cannot be kept in a copy, or return None."""
    if reference.kind not in _INPUTS:
        return None
    name, substitutes = _INPUTS[reference.kind]
    if not _is_elsewhere(reference, source, target):
        return None
    return (
        f"{reference.member}: the {name} is of another account or Region than the target. "
        f"Name its counterpart in substitutes.{substitutes}."
    )


def warning(reference: Reference, source: Place, target: Place) -> str | None:
    """Say what a person has to check about a reference that is kept, or return None."""
    text = _WARNED.get(reference.kind)
    if text is None or source == target or _ARN.match(reference.value):
        return None
    return f"{reference.member}: {text}."


def _is_elsewhere(reference: Reference, source: Place, target: Place) -> bool:
    arn = _ARN.match(reference.value)
    if arn:
        regions = ("", target.region)  # IAM's ARNs have no Region
        return arn["account"] != target.account_id or arn["region"] not in regions
    # A function's name and a URL say nothing about their place.
    return reference.kind is not Kind.DELIVERY_URI and source != target
