"""The account's suppression list of SESv2, and which addresses it holds back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from local_aws.engagement.registration import Scoped

REQUIRED = ("ministack.services.ses_v2._config_sets",)

Json = dict[str, Any]
Answer = tuple[int, Json]

REASONS = ("BOUNCE", "COMPLAINT")
SIMULATOR = "simulator.amazonses.com"


class Invalid(Exception):
    """A request that SES answers with BadRequestException."""


@dataclass
class _List:
    addresses: dict[str, Json] = field(default_factory=dict)  # lower case → SuppressedDestination
    reasons: list[str] = field(default_factory=lambda: list(REASONS))


_lists: Scoped[_List] = Scoped(_List)


def reset() -> None:
    _lists.reset()


def account_reasons() -> list[str]:
    """The account's SuppressedReasons; both, unless changed, as in every account since 2019."""
    return list(_lists.here().reasons)


def holding_back(address: str, configuration_set: str) -> str | None:
    """Why an address gets no email: BOUNCE, COMPLAINT, or None when it gets it."""
    entry = _lists.here().addresses.get(address.lower())
    reasons = _effective_reasons(configuration_set)
    return entry["Reason"] if entry and entry["Reason"] in reasons else None


def add(address: str, reason: str, configuration_set: str, **attributes: str) -> None:
    """What SES does after a hard bounce or complaint, if the account (or set) wants it."""
    if reason in _effective_reasons(configuration_set) and not address.endswith(f"@{SIMULATOR}"):
        _put(address, reason, attributes)


def _effective_reasons(configuration_set: str) -> list[str]:
    from ministack.services import ses_v2

    options = (ses_v2._config_sets.get(configuration_set) or {}).get("SuppressionOptions")
    if options and options.get("SuppressedReasons") is not None:
        return list(options["SuppressedReasons"])
    return _lists.here().reasons


def _put(address: str, reason: str, attributes: Mapping[str, str] | None = None) -> None:
    entry: Json = {"EmailAddress": address, "Reason": reason, "LastUpdateTime": time.time()}
    if attributes:
        entry["Attributes"] = dict(attributes)
    _lists.here().addresses[address.lower()] = entry


def serve(method: str, path: str, body: bytes, query: Mapping[str, Any]) -> Answer | None:
    """The answer to a request about the list; None when it is about something else.

    Raises:
        Invalid: with SES's words.
        KeyError: the address is not on the list.
    """
    if path == "/v2/email/account/suppression" and method == "PUT":
        _lists.here().reasons = _reasons(json.loads(body or b"{}").get("SuppressedReasons") or [])
        return 200, {}
    found = re.fullmatch(r"/v2/email/suppression/addresses(?:/([^/]+))?/?", path)
    if found is None:
        return None
    addresses = _lists.here().addresses
    if found[1] is None and method == "PUT":
        request = json.loads(body or b"{}")
        address = str(request.get("EmailAddress", ""))
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
            raise Invalid(f"Invalid email address: <{address}>.")
        [reason] = _reasons([request.get("Reason")])
        _put(address, reason)
        return 200, {}
    if found[1] is None and method == "GET":
        return 200, _page(list(addresses.values()), query)
    if found[1] is not None:
        entry = addresses[unquote(found[1]).lower()]
        if method == "DELETE":
            del addresses[unquote(found[1]).lower()]
            return 200, {}
        if method == "GET":
            return 200, {"SuppressedDestination": entry}
    return None


def _reasons(given: list[Any]) -> list[str]:
    if any(reason not in REASONS for reason in given):
        raise Invalid("SuppressedReasons must be BOUNCE or COMPLAINT.")
    return list(given)


def _page(entries: list[Json], query: Mapping[str, Any]) -> Json:
    def asked(name: str) -> list[str]:
        value = query.get(name) or []
        return value if isinstance(value, list) else [value]

    reasons = asked("Reason")
    since, until = (float(next(iter(asked(name)), end)) for name, end in _PERIOD.items())
    kept = [
        {name: entry[name] for name in ("EmailAddress", "Reason", "LastUpdateTime")}
        for entry in entries
        if (not reasons or entry["Reason"] in reasons) and since <= entry["LastUpdateTime"] <= until
    ]
    start = int(next(iter(asked("NextToken")), 0))
    size = int(next(iter(asked("PageSize")), 1000))
    page: Json = {"SuppressedDestinationSummaries": kept[start : start + size]}
    if len(kept) > start + size:
        page["NextToken"] = str(start + size)
    return page


_PERIOD = {"StartDate": "-inf", "EndDate": "inf"}
