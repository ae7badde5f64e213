"""Settings of the function, as the Terraform module writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from campaign_templates.content import UnusableContent, read_content
from campaign_templates.filling import Policy, Settings
from campaign_templates.rendering import Limits
from campaign_templates.rules import rules_from

__all__ = ["settings_from"]


def settings_from(text: str) -> Settings:
    """Read the settings.

    Raises:
        UnusableContent: the default content cannot be used; the cold start fails, naming it.
    """
    given: Mapping[str, Any] = json.loads(text)
    default = given.get("default_content")
    if default is not None:
        try:
            default = read_content({n: v for n, v in default.items() if v is not None})
        except UnusableContent as error:
            raise UnusableContent(f"default_content: {error}") from error
    allowed = given.get("allowed")
    return Settings(
        default_template=given["default_template"],
        rules=rules_from(given.get("rules") or ()),
        locale_from=given["locale_from"],
        allowed=None
        if allowed is None
        else frozenset((*allowed["campaign_ids"], *allowed["journey_ids"])),
        failure_policy=Policy(given["failure_policy"]),
        default_content=default,
        limits=Limits(**given["limits"]),
    )
