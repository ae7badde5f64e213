"""From exported endpoints to a list of distinct numbers to validate.

A number is asked about once, whatever the number of endpoints that carry it and however they write
it; a text that has no reading as a number is not asked about at all.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import phonenumbers
from phonenumbers import PhoneNumber

# The only offline rule on trunk prefixes; the exact pin of the library keeps its private name.
from phonenumbers.phonenumbermatcher import (
    _is_national_prefix_present_if_required as has_required_trunk_prefix,
)

from phone_number_validate.countries import alpha2

__all__ = [
    "EndpointToUpdate",
    "PossibleNumber",
    "WorkItem",
    "changed_since",
    "marks_at_once",
    "possible_number",
    "work_items",
]

CHANNELS = frozenset({"SMS", "VOICE"})
_PLUSES = ("+", "\N{FULLWIDTH PLUS SIGN}")
_DECIMAL = re.compile(r"\+?\d+\.0")


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
    """Return the most likely reading of a number, or None when no reading can be a number.

    Offline and free. A number that starts with `+` ignores the country. Digits without `+` have two
    readings: in the international form, and as a number of the country. The country's reading
    counts first where it is valid and has the trunk prefix that the country requires; then the
    international form where it is valid, because spreadsheets drop the `+`. A reading that is not
    valid counts last, because number ranges open faster than any library learns of them.

    A text with letters has no reading: keypad letters, and figures that a spreadsheet rounded,
    would become the number of a stranger.

    Args:
        country: alpha-2; how to read a number without a country code.
    """
    written = _cleaned(address)
    if any(character.isalpha() for character in written):
        return None
    if written.lstrip("( ").startswith(_PLUSES):
        return _possible(_international(written), country)

    national = _parsed(written, country) if country else None
    if national is not None and _is_as_written_in_the_country(national):
        return _possible(national, country)
    international = _international(f"+{written.removeprefix('00')}")
    if international is not None and phonenumbers.is_valid_number(international):
        return _possible(international, country)
    return _possible(national, country)


def _cleaned(address: str) -> str:
    """Return the text without invisible characters, and without the `.0` of a number column."""
    visible = "".join(c for c in address if unicodedata.category(c) != "Cf").strip()
    return visible.removesuffix(".0") if _DECIMAL.fullmatch(visible) else visible


def _parsed(text: str, country: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None


def _international(text: str) -> PhoneNumber | None:
    """Read a text that starts with `+`; a trunk digit after the country code goes.

    `+1 0 206 555 0199` has the 0 of other countries, `+52 1 55 …` the 1 that Mexico has given up.
    """
    parsed = _parsed(text, None)
    if parsed is None or phonenumbers.is_valid_number(parsed):
        return parsed
    digits = phonenumbers.national_significant_number(parsed)
    if digits.startswith(("0", "1")):
        mended = _parsed(f"+{parsed.country_code}{digits[1:]}", None)
        if mended is not None and phonenumbers.is_valid_number(mended):
            return mended
    return parsed


def _is_as_written_in_the_country(number: PhoneNumber) -> bool:
    """Check that a reading is valid, and lacks no trunk prefix that its country requires."""
    return phonenumbers.is_valid_number(number) and has_required_trunk_prefix(number)


def _possible(number: PhoneNumber | None, country: str | None) -> PossibleNumber | None:
    # A local-only length ("555-0191") cannot be dialled from outside its area.
    if number is None or (
        phonenumbers.is_possible_number_with_reason(number)
        != phonenumbers.ValidationResult.IS_POSSIBLE
    ):
        return None
    return PossibleNumber(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        _country_of(number.country_code or 0, country),
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


def marks_at_once(numbers: int, calls_per_second: float, round_: int, most_seconds: int) -> bool:
    """Decide whether the batches of a list mark endpoints, or only buy verdicts.

    At the quota's rate many numbers take long. Their verdicts are bought first; a second export
    then lists the endpoints to mark as they are by then, so that a mark brings back no endpoint
    that was deleted in between, and overwrites no new address. The second round always marks.

    Args:
        most_seconds: the age that an export may reach until the last endpoint is marked.
    """
    return round_ > 1 or numbers / calls_per_second <= most_seconds


def changed_since(earlier: Iterable[WorkItem], now: Iterable[WorkItem]) -> int:
    """Return the number of endpoints that were deleted or got another address since a list."""
    addresses = {e["Id"]: e["Address"] for item in now for e in item["Endpoints"]}
    return sum(
        addresses.get(e["Id"]) != e["Address"] for item in earlier for e in item["Endpoints"]
    )


def _original(endpoint: Mapping[str, Any], address: str) -> str:
    """Return the address before the first validation: a second one must not overwrite it."""
    kept = (endpoint.get("Attributes") or {}).get("PNV_OriginalPhoneNumber") or [address]
    return str(kept[0])
