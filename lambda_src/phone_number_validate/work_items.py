"""From exported endpoints to a list of distinct numbers to validate.

A number is asked about once, whatever the number of endpoints that carry it and however they write
it; one that no country's plan allows is not asked about at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import phonenumbers

from phone_number_validate.countries import alpha2

__all__ = ["EndpointToUpdate", "PossibleNumber", "WorkItem", "possible_number", "work_items"]

CHANNELS = frozenset({"SMS", "VOICE"})


class EndpointToUpdate(TypedDict):
    """An endpoint as the export showed it.

    `Original` is the address before its first validation; `Inactive` keeps an endpoint asleep
    that an update would otherwise wake.
    """

    Id: str
    Address: str
    Original: str
    Inactive: bool


class WorkItem(TypedDict):
    """One distinct number: `Number` in E.164, or None when it cannot exist."""

    Row: int
    Number: str | None
    Country: str | None
    Endpoints: list[EndpointToUpdate]


@dataclass(frozen=True, slots=True)
class PossibleNumber:
    """A number in E.164 and the alpha-2 country to ask about it with (None: no country's)."""

    e164: str
    country: str | None


def possible_number(address: str, country: str | None) -> PossibleNumber | None:
    """Read a number, or answer None when it is too short, too long or no number at all.

    Offline and free: only lengths and country codes are looked at, because number ranges open
    faster than any library learns of them. A number that starts with `+` ignores the country.

    Args:
        country: alpha-2; how to read a number without a country code.
    """
    try:
        parsed = phonenumbers.parse(address, country)
    except phonenumbers.NumberParseException:
        return None
    # A local-only length ("555-0191") cannot be dialled from outside its area.
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return PossibleNumber(
        phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        _country_of(parsed.country_code or 0, country),
    )


def _country_of(calling_code: int, country: str | None) -> str | None:
    """Return the given country when it has the calling code, else the main country of the code."""
    if country and phonenumbers.country_code_for_region(country) == calling_code:
        return country
    region = phonenumbers.region_code_for_country_code(calling_code)
    return region if len(region) == 2 and region != "ZZ" else None


def work_items(
    endpoints: Iterable[Mapping[str, Any]], default_country: str | None
) -> list[WorkItem]:
    """Group the SMS and VOICE endpoints of an export by number, in order of appearance.

    An endpoint that an export lists twice counts once. `Location.Country` (alpha-2 or alpha-3)
    tells how to read a number without a country code; endpoints without one use
    `default_country`.
    """
    items: dict[tuple[str, str | None], WorkItem] = {}
    seen: set[str] = set()

    for endpoint in endpoints:
        if endpoint.get("ChannelType") not in CHANNELS or endpoint["Id"] in seen:
            continue
        seen.add(endpoint["Id"])

        address = str(endpoint.get("Address") or "")
        country = alpha2((endpoint.get("Location") or {}).get("Country")) or default_country
        number = possible_number(address, country)

        # Impossible numbers share one item per spelling: nothing is asked about them.
        e164 = number.e164 if number else None
        item = items.setdefault(
            (e164, "") if e164 else (address, country),
            WorkItem(
                Row=len(items),
                Number=e164,
                Country=number.country if number else country,
                Endpoints=[],
            ),
        )
        item["Endpoints"].append(
            EndpointToUpdate(
                Id=endpoint["Id"],
                Address=address,
                Original=_original(endpoint, address),
                Inactive=endpoint.get("EndpointStatus") == "INACTIVE",
            )
        )
    return list(items.values())


def _original(endpoint: Mapping[str, Any], address: str) -> str:
    """Return the address before the first validation: a second one must not overwrite it."""
    kept = (endpoint.get("Attributes") or {}).get("PNV_OriginalPhoneNumber") or [address]
    return str(kept[0])
