"""Rules that choose the template of a recipient. The first rule whose conditions all hold decides.

A rule without conditions holds for everyone. An attribute meets its condition with one of the
values. A locale meets a rule for its language: `de` holds for de-AT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from campaign_templates.locales import DEFAULT_LOCALE, canonical, fall_backs

__all__ = ["Recipient", "Rule", "choose", "recipient_of", "rules_from"]

_OWNERS = ("Attributes", "User.UserAttributes")


@dataclass(frozen=True, slots=True)
class Recipient:
    """The part of an endpoint and its call that rules can see."""

    attributes: Mapping[str, frozenset[str]]
    user_attributes: Mapping[str, frozenset[str]]
    locale: str | None
    treatment: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A template, and the conditions for it. Empty conditions hold always."""

    template: str
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    user_attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    locales: frozenset[str] = frozenset()
    treatments: frozenset[str] = frozenset()

    def holds_for(self, recipient: Recipient) -> bool:
        """Check every condition."""
        if self.treatments and recipient.treatment not in self.treatments:
            return False
        if self.locales and self.locales.isdisjoint(_own_locales(recipient)):
            return False
        pairs = (
            (self.attributes, recipient.attributes),
            (self.user_attributes, recipient.user_attributes),
        )
        return all(
            not values.isdisjoint(found.get(name, ()))
            for wanted, found in pairs
            for name, values in wanted.items()
        )


def rules_from(settings: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Read the rules as the Terraform module writes them. It has checked them."""
    return tuple(
        Rule(
            template=rule["template"],
            attributes={n: frozenset(v) for n, v in (rule.get("attributes") or {}).items()},
            user_attributes={
                n: frozenset(v) for n, v in (rule.get("user_attributes") or {}).items()
            },
            locales=frozenset(canonical(each) or each for each in rule.get("locales") or ()),
            treatments=frozenset(rule.get("treatments") or ()),
        )
        for rule in settings
    )


def choose(rules: Sequence[Rule], recipient: Recipient, default: str) -> str:
    """Return the template of the first rule that holds, else the default template."""
    return next((rule.template for rule in rules if rule.holds_for(recipient)), default)


def recipient_of(
    endpoint: Mapping[str, Any], treatment: str | None, locale_from: str = "Demographic.Locale"
) -> Recipient:
    """Read what rules see of an endpoint. A member of another type counts as absent.

    Args:
        locale_from: the variable that holds the locale: Demographic.Locale, Attributes.NAME or
            User.UserAttributes.NAME.
    """
    attributes = _values(endpoint.get("Attributes"))
    user_attributes = _values(_object(endpoint.get("User")).get("UserAttributes"))
    by_owner = dict(zip(_OWNERS, (attributes, user_attributes), strict=True))
    owner, _, name = locale_from.rpartition(".")
    if owner in by_owner:
        # An attribute can have several values; the first in the alphabet is always the same one.
        locale = min(by_owner[owner].get(name, ()), default=None)
    else:
        found = _object(endpoint.get("Demographic")).get("Locale")
        locale = found if isinstance(found, str) else None
    return Recipient(attributes, user_attributes, locale, treatment)


def _own_locales(recipient: Recipient) -> frozenset[str]:
    return frozenset(fall_backs(recipient.locale)) - {DEFAULT_LOCALE}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _values(value: Any) -> dict[str, frozenset[str]]:
    """Return an attribute map; a bare value counts as a list of one, as in the hub."""
    found = {}
    for name, values in _object(value).items():
        items = values if isinstance(values, list) else [values]
        found[name] = frozenset(item for item in items if isinstance(item, str))
    return found
