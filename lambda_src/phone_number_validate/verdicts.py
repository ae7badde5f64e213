"""The verdict of a validation about a number, and the marks that it leaves on endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the module reads numbers with `phonenumbers`, which this one does without
    from phone_number_validate.work_items import EndpointToUpdate, WorkItem

__all__ = [
    "IMPOSSIBLE",
    "UNKNOWN",
    "Verdict",
    "batches_of",
    "endpoint_update",
    "invalid_reason",
    "verdict_from",
]

UNKNOWN = "Unknown"
INVALID = "INVALID"
ENDPOINTS_PER_CALL = 100  # UpdateEndpointsBatch takes no more
ATTRIBUTE_CHARACTERS = 100  # Pinpoint's limit for a value

_ATTRIBUTE_OF = {
    "PNV_Carrier": "Carrier",
    "PNV_City": "City",
    "PNV_Country": "Country",
    "PNV_CountryCodeIso2": "CountryCodeIso2",
    "PNV_PhoneType": "PhoneType",
    "PNV_Timezone": "Timezone",
    "PNV_ZipCode": "ZipCode",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one number, in NumberValidateResponse's own member names."""

    response: Mapping[str, str]

    @property
    def valid(self) -> bool:
        return self.response.get("PhoneType", INVALID) != INVALID and bool(self.cleansed)

    @property
    def cleansed(self) -> str | None:
        """The number in E.164; None for an invalid number."""
        return self.response.get("CleansedPhoneNumberE164") or None


IMPOSSIBLE = Verdict({"PhoneType": INVALID})


def verdict_from(response: Mapping[str, Any]) -> Verdict:
    """Keep of a NumberValidateResponse what endpoints are marked with.

    An answer without a cleansed number counts as INVALID whatever else it says.
    """
    kept = {*_ATTRIBUTE_OF.values(), "CleansedPhoneNumberE164"}
    members = {name: str(value) for name, value in response.items() if name in kept and value}
    if not members.get("CleansedPhoneNumberE164"):
        members["PhoneType"] = INVALID
    return Verdict(members)


def invalid_reason(item: WorkItem) -> str:
    """Explain why a number is invalid, for the person who corrects the list."""
    if item["Number"]:
        return "PhoneNumberValidate answered INVALID."
    address = item["Endpoints"][0]["Address"]
    if any(character.isalpha() for character in address):
        return "The number holds letters. Write it in digits."
    if item["Country"] is None and not address.strip().startswith("+"):
        return (
            "The number has no country code. Write it as +…, or give Location.Country or the "
            "module's default_country."
        )
    return "The number is too short, too long or no phone number."


def endpoint_update(endpoint: EndpointToUpdate, verdict: Verdict) -> dict[str, Any]:
    """Return the EndpointBatchItem that marks an endpoint.

    A valid number replaces the address with its E.164 form; an invalid one stays as it is.
    ChannelType and OptOut are left alone: an update must not undo an opt-out, and when the
    endpoint was deleted since then, an endpoint without a channel gets no message.
    """
    attributes = {
        name: [verdict.response.get(member, UNKNOWN)[:ATTRIBUTE_CHARACTERS]]
        for name, member in _ATTRIBUTE_OF.items()
    }
    attributes["PNV_PhoneNumberValidated"] = ["Yes"]
    attributes["PNV_OriginalPhoneNumber"] = [endpoint["Original"][:ATTRIBUTE_CHARACTERS]]
    if not verdict.valid:
        attributes["PNV_PhoneType"] = [INVALID]

    update: dict[str, Any] = {"Id": endpoint["Id"], "Attributes": attributes}
    if verdict.valid:
        update["Address"] = verdict.cleansed
    if endpoint["Inactive"]:
        # An update without a status makes an endpoint ACTIVE.
        update["EndpointStatus"] = "INACTIVE"
    return update


def batches_of(updates: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield the updates in order, in as few calls as UpdateEndpointsBatch allows."""
    batch: list[Mapping[str, Any]] = []
    for update in updates:
        batch.append(update)
        if len(batch) == ENDPOINTS_PER_CALL:
            yield batch
            batch = []
    if batch:
        yield batch
