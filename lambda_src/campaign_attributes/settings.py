"""Settings of the function: the JSON that the Terraform module writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaign_attributes.policies import Failure, Policy
from shared.campaign_calls import Sending

__all__ = ["Attribute", "InvalidSettings", "Settings", "settings_from"]


class InvalidSettings(ValueError):
    """The settings cannot be used; the text names the member and the rule."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the endpoint: its name at the source, and its value on a failure."""

    name: str
    source_name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """`source` has one member: `table`, `https` or `function`.

    `key` is the name of a message variable. `campaign_ids` and `journey_ids` are None where every
    campaign and journey gets attributes.
    """

    attributes: tuple[Attribute, ...]
    key: str
    policies: Mapping[Failure, Policy]
    source: Mapping[str, Mapping[str, Any]]
    deadline_seconds: float
    cache_seconds: float
    max_value_characters: int
    campaign_ids: frozenset[str] | None = None
    journey_ids: frozenset[str] | None = None

    def concern(self, sending: Sending) -> bool:
        """Check whether the endpoints of a campaign or journey get attributes."""
        if self.campaign_ids is None or self.journey_ids is None:
            return True
        return sending.campaign_id in self.campaign_ids or sending.journey_id in self.journey_ids


def settings_from(text: str) -> Settings:
    """Read the settings.

    Raises:
        InvalidSettings: a member is missing or has a wrong value; the cold start fails.
    """
    try:
        read = json.loads(text)
        allowed = read.get("allowed")
        settings = Settings(
            attributes=tuple(
                Attribute(name, each.get("from") or name, each.get("default"))
                for name, each in read["attributes"].items()
            ),
            key=str(read["key"]),
            policies={failure: Policy(read["on_failure"][failure.value]) for failure in Failure},
            source={kind: each for kind, each in read["source"].items() if each is not None},
            deadline_seconds=float(read["deadline_seconds"]),
            cache_seconds=float(read["cache_seconds"]),
            max_value_characters=int(read["max_value_characters"]),
            campaign_ids=frozenset(allowed["campaign_ids"]) if allowed else None,
            journey_ids=frozenset(allowed["journey_ids"]) if allowed else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidSettings(
            f"The function's SETTINGS cannot be read ({type(error).__name__}: {error}). "
            "Apply the module again: it writes them."
        ) from error
    if not settings.attributes:
        raise InvalidSettings("attributes must have at least one attribute.")
    if len(settings.source) != 1:
        raise InvalidSettings("source must have exactly one of table, https and function.")
    return settings
