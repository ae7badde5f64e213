"""Rules: which changes of attributes an event causes."""

from __future__ import annotations

import json
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from event_based_segmentation.attribute_values import Change, Verb
from event_based_segmentation.events import Event, MachineOpens, is_text
from shared.instants import iso

__all__ = ["Caused", "Effect", "Rule", "Rules", "Scope", "rules_from"]

VALUE_CHARACTERS = 100
"""Pinpoint developer guide, "Quotas": characters of an attribute value."""

_PLACEHOLDER = re.compile(
    r"\{\{\s*(?:(?P<kind>attributes|metrics)\.(?P<name>[^{}]*?)|(?P<own>event_type|event_time))\s*\}\}"
)
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "EQUAL": operator.eq,
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}


class Scope(StrEnum):
    """Owner of an attribute."""

    ENDPOINT = "endpoint"
    USER = "user"


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """A condition with the words of a segment's AttributeDimension."""

    name: str
    kind: str
    values: tuple[str, ...]

    def holds(self, event: Event) -> bool:
        value = event.attributes.get(self.name)
        if self.kind == "EXCLUSIVE":  # also for an event without the attribute, as in a segment
            return value is None or value not in self.values
        if value is None:
            return False
        if self.kind == "CONTAINS":
            return any(part in value for part in self.values)
        return value in self.values


@dataclass(frozen=True, slots=True)
class MetricCondition:
    """A condition with the words of a segment's MetricDimension. It needs the metric."""

    name: str
    comparison: str
    value: float

    def holds(self, event: Event) -> bool:
        metric = event.metrics.get(self.name)
        return metric is not None and _COMPARISONS[self.comparison](metric, self.value)


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that a rule describes; its values may have placeholders."""

    scope: Scope
    attribute: str
    verb: Verb
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caused:
    """A change that an event causes; None when all of its values were refused."""

    scope: Scope
    change: Change | None
    refused: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Effects of the events of one type that meet all conditions and happen before `until`."""

    key: str
    event_type: str
    conditions: tuple[AttributeCondition | MetricCondition, ...]
    effects: tuple[Effect, ...]
    until: int | None

    def changes(self, event: Event) -> Iterator[Caused]:
        """Yield the changes that the event causes.

        A value of more than 100 characters is refused. An event without an attribute or metric that
        a value has a placeholder for does not cause the change.
        """
        if self.until is not None and event.at >= self.until:
            return
        if not all(condition.holds(event) for condition in self.conditions):
            return
        for effect in self.effects:
            filled = [_filled(template, event) for template in effect.templates]
            values = [value for value in filled if value is not None]
            if len(values) < len(filled):
                continue
            fitting = tuple(value for value in values if _fits(value))
            change = Change(effect.attribute, effect.verb, fitting, event.at)
            refused = len(values) - len(fitting)
            # A set without values empties the list, which a refused value must not do.
            yield Caused(effect.scope, None if values and not fitting else change, refused)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a project, by event type."""

    by_type: Mapping[str, tuple[Rule, ...]]
    machine_opens: MachineOpens | None
    ordered: Mapping[Scope, frozenset[str]]
    """Attributes for which the order of events makes a difference."""
    attributes: Mapping[Scope, frozenset[str]]
    """Attributes that a rule changes."""

    def of(self, event: Event) -> tuple[Rule, ...]:
        """Return the rules for the event's type."""
        return self.by_type.get(event.event_type, ())


def rules_from(text: str) -> Rules:
    """Read the settings that the Terraform module writes, which has checked them.

    Raises:
        KeyError, TypeError, ValueError: another program wrote the settings.
    """
    settings = json.loads(text)
    by_type: defaultdict[str, list[Rule]] = defaultdict(list)
    for key, given in settings["rules"].items():
        by_type[given["event_type"]].append(_rule(key, given))
    rules = [rule for found in by_type.values() for rule in found]
    opens = settings.get("machine_opens")
    effects = [effect for rule in rules for effect in rule.effects]
    return Rules(
        by_type={kind: tuple(found) for kind, found in by_type.items()},
        machine_opens=MachineOpens(frozenset(opens["equals"]), tuple(opens["contains"]))
        if opens
        else None,
        ordered={scope: _ordered(effects, scope) for scope in Scope},
        attributes={
            scope: frozenset(effect.attribute for effect in effects if effect.scope is scope)
            for scope in Scope
        },
    )


def _rule(key: str, given: Mapping[str, Any]) -> Rule:
    effects = []
    for scope in Scope:
        changes = given[scope]
        effects += [Effect(scope, name, Verb.SET, ()) for name in changes["clear"]]
        for verb in Verb:
            effects += [
                Effect(scope, name, verb, tuple(values))
                for name, values in changes[verb.name.lower()].items()
            ]
    until = given.get("until")
    return Rule(
        key=key,
        event_type=given["event_type"],
        conditions=(
            *(
                AttributeCondition(name, condition["type"], tuple(condition["values"]))
                for name, condition in given["attributes"].items()
            ),
            *(
                MetricCondition(name, condition["comparison"], float(condition["value"]))
                for name, condition in given["metrics"].items()
            ),
        ),
        effects=tuple(effects),
        until=None if until is None else round(datetime.fromisoformat(until).timestamp() * 1000),
    )


def _ordered(effects: list[Effect], scope: Scope) -> frozenset[str]:
    """Find the attributes that two effects change in ways that depend on their order."""
    ways: defaultdict[str, set[tuple[Verb, tuple[str, ...]]]] = defaultdict(set)
    for effect in effects:
        if effect.scope is scope:
            # Additions commute, and so do removals; a set commutes with the same set alone.
            whole = effect.verb is Verb.SET
            ways[effect.attribute].add((effect.verb, effect.templates if whole else ()))
    return frozenset(
        name
        for name, found in ways.items()
        if len(found) > 1
        or any(_PLACEHOLDER.search(template) for _, templates in found for template in templates)
    )


def _filled(template: str, event: Event) -> str | None:
    """Fill the placeholders of a value. Returns None when the event lacks one of them."""
    if "{{" not in template:
        return template
    missing = False

    def fill(found: re.Match[str]) -> str:
        nonlocal missing
        match found["kind"]:
            case "attributes":
                text = event.attributes.get(found["name"])
            case "metrics":
                number = event.metrics.get(found["name"])
                text = None if number is None else f"{number:.15g}"
            case _ if found["own"] == "event_type":
                text = event.event_type
            case _:
                text = iso(datetime.fromtimestamp(event.at / 1000, UTC))
        missing = missing or not text
        return text or ""

    filled = _PLACEHOLDER.sub(fill, template)
    return None if missing else filled


def _fits(value: str) -> bool:
    return 1 <= len(value) <= VALUE_CHARACTERS and is_text(value)
