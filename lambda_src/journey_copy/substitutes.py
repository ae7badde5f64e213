"""The caller's substitutes: the resource of the target for a resource of the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from journey_copy.references import Replacement
from shared.journeys import Kind, Reference

__all__ = ["NO_SUBSTITUTES", "Substitutes"]

_KINDS = {
    "connect_campaigns": Kind.CONNECT_CAMPAIGN,
    "connect_roles": Kind.CONNECT_ROLE,
    "delivery_uris": Kind.DELIVERY_URI,
    "from_addresses": Kind.FROM_ADDRESS,
    "origination_numbers": Kind.ORIGINATION_NUMBER,
    "segments": Kind.SEGMENT,
    "sender_ids": Kind.SENDER_ID,
}


@dataclass(frozen=True, slots=True)
class Substitutes:
    """Replacements by kind and value."""

    replacements: Mapping[tuple[Kind, str], Replacement] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Substitutes:
        """Read the module's input `substitutes`: kind => the caller's key => {from, to, …}."""
        replacements = {
            (kind, entry["from"]): Replacement(entry.get("to"))
            for name, kind in _KINDS.items()
            for entry in (document.get(name) or {}).values()
        }
        for entry in (document.get("templates") or {}).values():
            kind = Kind(f"{entry['type']}_TEMPLATE")
            replacements[kind, entry["from"]] = Replacement(entry["to"], entry.get("version"))
        return cls(replacements)

    def of(self, reference: Reference) -> Replacement | None:
        """Return the substitute of a reference; None without a substitute."""
        return self.replacements.get((reference.kind, reference.value))

    def of_segment(self, segment_id: str) -> str | None:
        """Return the substitute of a segment; None without a substitute."""
        found = self.replacements.get((Kind.SEGMENT, segment_id))
        return None if found is None else found.value


NO_SUBSTITUTES = Substitutes()
