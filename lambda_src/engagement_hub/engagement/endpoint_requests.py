"""Check the requests of clients about endpoints, and bring them into one form.

`checked_request` is the gate for every way in: UpdateEndpoint, UpdateEndpointsBatch, the `Endpoint`
of PutEvents, and the rows of an import. After it, attribute values are lists of strings, numbers
are finite, dates are instants in UTC, and no member is null.

Source: Amazon Pinpoint API reference, EndpointRequest; choices where AWS is silent are marked ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

from engagement_hub.engagement import quotas
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import ChannelType, EndpointRequest, EndpointStatus, OptOut
from shared.import_columns import DEMOGRAPHIC_TEXTS, LOCATION_TEXTS
from shared.instants import iso

COORDINATE_BOUNDS = {"Latitude": 90.0, "Longitude": 180.0}

# Words, with at most three digits in a row: neither an email address nor a phone number.
_NAME = re.compile(r"[^\W\d_](?:[^\W\d]|[ .\-]|\d(?!\d{3})){0,99}")


class InvalidMember(BadRequest):
    """One member of a request breaks a rule.

    `member` is its dotted name as an import column would spell it (`Attributes.Plan`). The message
    starts with it and never repeats the value, which may be an address.
    """

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member} {rule}")
        self.member = member
        self.rule = rule


def checked_request(update: Mapping[str, Any]) -> EndpointRequest:
    """Check an EndpointRequest and return it in the form the hub works with.

    A member that is null counts as left out, and so does an empty `Address` (ours: device SDKs send
    one before they know their token). A bare string, number or boolean as an attribute's value
    becomes a list of one string. An empty value list stays: it removes the attribute on merge.

    Raises:
        InvalidMember: names the first member that breaks a rule, the rule, and the way out.
    """
    checked: dict[str, Any] = {}
    for member, value in update.items():
        if value is None:
            continue
        check = _CHECKS.get(member)
        if check is None:
            raise InvalidMember(
                member if presentable(member) else "A member",
                f"is not one of an endpoint. Use {', '.join(_CHECKS)}.",
            )
        checked[member] = check(member, value)
    if checked.get("Address") == "":
        del checked["Address"]
    return cast("EndpointRequest", checked)


def presentable(name: str) -> bool:
    """Check whether an unknown name may be shown: data in its place could be an address."""
    return _NAME.fullmatch(name) is not None


def attribute_count(endpoint: Mapping[str, Any]) -> int:
    """Count the names in Attributes, Metrics and UserAttributes together."""
    return (
        len(endpoint.get("Attributes", ()))
        + len(endpoint.get("Metrics", ()))
        + len(endpoint.get("User", {}).get("UserAttributes", ()))
    )


def check_attribute_count(endpoint: Mapping[str, Any]) -> None:
    """Raise InvalidMember when there are more than 250 names in all."""
    count = attribute_count(endpoint)
    if count > quotas.ATTRIBUTES_PER_ENDPOINT:
        raise InvalidMember(
            "Attributes",
            f"with Metrics and User.UserAttributes has {count} names, and an endpoint keeps at "
            f"most {quotas.ATTRIBUTES_PER_ENDPOINT}. Leave some out.",
        )


def checked_text(member: str, value: object, limit: int = quotas.PROPERTY_CHARACTERS) -> str:
    """Return a string of at most `limit` characters."""
    if not isinstance(value, str):
        raise InvalidMember(member, "must be a string. Put it in quotes.")
    if len(value) > limit:
        raise InvalidMember(
            member, f"has {len(value)} characters, and at most {limit} are kept. Shorten it."
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidMember(
            member, "holds half of a UTF-16 surrogate pair, which is no text. Remove it."
        ) from None
    return value


def checked_id(member: str, value: object) -> str:
    """Check the id of an endpoint or user: 1 to 250 characters (our rules).

    Control characters are refused, and `?` and `%`: an HTTP API hands the path over decoded and cut
    at a `?`, so that the id `a?b` would mean the endpoint `a`, and `a%20b` the endpoint `a b`.
    """
    text = checked_text(member, value, quotas.ID_CHARACTERS)
    if not text:
        raise InvalidMember(member, "must not be empty. Leave it out, or give an id.")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise InvalidMember(member, "must not hold control characters such as tab or line break.")
    if "?" in text or "%" in text:
        raise InvalidMember(
            member, "must not hold ? or %: ids with them get lost in URLs. Use other characters."
        )
    return text


def checked_address(member: str, value: object) -> str:
    """Check an address of any channel; the channel finds out whether it can be reached."""
    return checked_text(member, value, quotas.ADDRESS_CHARACTERS)


def one_of(allowed: type[ChannelType] | type[EndpointStatus] | type[OptOut]) -> Callable[..., str]:
    """Make a check for a closed set of strings, given in any letter case."""
    values = frozenset(str(choice) for choice in allowed)
    listing = ", ".join(allowed)

    def check(member: str, value: object) -> str:
        if isinstance(value, str) and value.upper() in values:
            return value.upper()
        raise InvalidMember(member, f"must be one of {listing}.")

    return check


def checked_instant(member: str, value: object) -> str:
    """Return an ISO 8601 instant, returned in UTC with milliseconds: `2026-01-31T09:00:00.000Z`."""
    instant = parsed_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise InvalidMember(
            member, "must be an ISO 8601 date and time such as 2026-01-31T09:00:00.000Z."
        )
    return iso(instant)


def parsed_instant(text: str) -> datetime | None:
    """Read an ISO 8601 date or date and time; without an offset it is UTC. None: not one."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):  # a year 1 or 9999 can leave the calendar by its offset
        return None


def checked_number(member: str, value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMember(member, "must be a number, without quotes.")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise InvalidMember(member, "must be a finite number.")
    return number


def number_from_text(member: str, text: str) -> float:
    """Return a finite number out of a CSV cell; the decimal mark is a point."""
    try:
        if "_" in text:  # Python reads 1_000, no other program does
            raise ValueError
        number = float(text)
    except ValueError:
        raise InvalidMember(
            member, "must be a number such as 3 or 2.5, with a decimal point and no unit."
        ) from None
    return checked_number(member, number)


def coordinate(member: str, number: float) -> float:
    """Check degrees, and round them to one decimal as Pinpoint does."""
    bound = COORDINATE_BOUNDS[member.rpartition(".")[2]]
    if not -bound <= number <= bound:
        raise InvalidMember(member, f"must be between -{bound:g} and {bound:g} degrees.")
    return round(number, 1)


def check_attribute_name(member: str, name: str) -> None:
    """Raise InvalidMember unless the name has 1 to 50 characters."""
    if not name:
        raise InvalidMember(member, "has an attribute without a name. Give it one.")
    if len(name) > quotas.ATTRIBUTE_NAME_CHARACTERS:
        raise InvalidMember(
            f"{member}.{name[: quotas.ATTRIBUTE_NAME_CHARACTERS]}…",
            f"has a name of {len(name)} characters, and at most "
            f"{quotas.ATTRIBUTE_NAME_CHARACTERS} are kept. Shorten it.",
        )


def check_value_count(member: str, count: int) -> None:
    """Raise InvalidMember when an attribute has more than 50 values."""
    if count > quotas.VALUES_PER_ATTRIBUTE:
        raise InvalidMember(
            member,
            f"has {count} values, and at most {quotas.VALUES_PER_ATTRIBUTE} are kept. "
            "Leave some out.",
        )


def _attributes(member: str, value: object) -> dict[str, list[str]]:
    attributes = _object(member, value)
    checked: dict[str, list[str]] = {}
    for name, values in attributes.items():
        if not 0 < len(name) <= quotas.ATTRIBUTE_NAME_CHARACTERS:
            check_attribute_name(member, name)
        if values is None:
            continue
        if not isinstance(values, list):
            values = [values]
        if len(values) > quotas.VALUES_PER_ATTRIBUTE:
            check_value_count(f"{member}.{name}", len(values))
        checked[name] = [
            item
            if type(item) is str and len(item) <= quotas.ATTRIBUTE_VALUE_CHARACTERS
            else _attribute_value(f"{member}.{name}", item)
            for item in values
            if item is not None
        ]
    return checked


def _attribute_value(member: str, value: object) -> str:
    """Write a bare number or boolean as JSON would; samples of AWS send both."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str):
        raise InvalidMember(member, "must be a list of strings.")
    return checked_text(member, value, quotas.ATTRIBUTE_VALUE_CHARACTERS)


def _metrics(member: str, value: object) -> dict[str, float]:
    checked: dict[str, float] = {}
    for name, number in _object(member, value).items():
        check_attribute_name(member, name)
        if number is not None:
            checked[name] = checked_number(f"{member}.{name}", number)
    return checked


def _user(member: str, value: object) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, content in _object(member, value).items():
        if content is None:
            continue
        if name == "UserId":
            checked[name] = checked_id(f"{member}.{name}", content)
        elif name == "UserAttributes":
            checked[name] = _attributes(f"{member}.{name}", content)
        else:
            raise _unknown_part(member, name, ("UserId", "UserAttributes"))
    return checked


def _location(member: str, value: object) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, content in _object(member, value).items():
        if content is None:
            continue
        part = f"{member}.{name}"
        if name in LOCATION_TEXTS:
            checked[name] = checked_text(part, content)
        elif name in COORDINATE_BOUNDS:
            checked[name] = coordinate(part, checked_number(part, content))
        else:
            raise _unknown_part(member, name, (*LOCATION_TEXTS, *COORDINATE_BOUNDS))
    return checked


def _demographic(member: str, value: object) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, content in _object(member, value).items():
        if content is None:
            continue
        if name not in DEMOGRAPHIC_TEXTS:
            raise _unknown_part(member, name, DEMOGRAPHIC_TEXTS)
        checked[name] = checked_text(f"{member}.{name}", content)
    return checked


def _object(member: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidMember(member, "must be a JSON object.")
    return value


def _unknown_part(member: str, name: str, known: tuple[str, ...]) -> InvalidMember:
    part = f"{member}.{name}" if presentable(name) else f"A member of {member}"
    return InvalidMember(part, f"is not known. {member} has {', '.join(known)}.")


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "Address": checked_address,
    "Attributes": _attributes,
    "ChannelType": one_of(ChannelType),
    "Demographic": _demographic,
    "EffectiveDate": checked_instant,
    "EndpointStatus": one_of(EndpointStatus),
    "Location": _location,
    "Metrics": _metrics,
    "OptOut": one_of(OptOut),
    "RequestId": checked_text,
    "User": _user,
}
