"""An input of several modules has the same description, type, default and validations in each."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.builders.terraform_tree import PUBLIC_MODULES
from tools import docs
from tools.new_architecture import SKELETON
from tools.terraform_cli import ROOT

ATTRIBUTES = ("description", "type", "default", "nullable", "validation")

# Inputs that share a name with an input of another module, and mean something else.
OTHER_INPUTS = {
    ("campaign_create", "sms"): "settings that the input of a campaign may leave out",
    ("email_attachments", "email"): "the channel's sender, which must be given",
    ("engagement_hub", "entity_events"): "the bus that the hub puts events on",
    ("engagement_hub", "sms"): "the channel of the hub",
    ("message_archiver", "retention_days"): "the archive, which is kept permanently by default",
    ("pinpoint_resources", "event_stream"): "the event stream to register, with its role",
    ("s3_triggered_import", "prefix"): "the files to import",
    ("ses_auto_reply", "configuration_set"): "of the replies; the module creates none",
    ("ses_vdm_export", "prefix"): "the reports; may be empty",
    ("sms_s3_drop", "bucket"): "the files to send",
    ("sms_s3_drop", "configuration_set"): "of the messages; the module creates none",
    ("sms_s3_drop", "idempotency_days"): "of the rows of a file",
    ("sms_s3_drop", "prefix"): "the files to send",
}
# Attributes in which a module differs from the others, and why.
DIFFERENCES = {
    ("campaign_create", "timeout_minutes"): ("default", "a campaign takes longer"),
    ("email_attachments", "bucket"): ("description", "names its objects"),
    ("email_attachments", "force_destroy"): ("description", "names its objects"),
    ("campaign_templates", "force_destroy"): ("description", "names its objects"),
    ("federated_segmentation", "force_destroy"): ("description", "names its objects"),
    ("message_archiver", "force_destroy"): ("description", "names its objects and the lock"),
    ("phone_number_validate", "force_destroy"): ("description", "names its objects"),
    ("phone_number_validate", "timeout_minutes"): ("description", "names its job"),
    ("pinpoint_resources", "name"): ("description", "the name also marks the resources"),
    ("pinpoint_resources", "pinpoint"): (
        "description type default validation",
        "projects, templates and SMS event destinations need no project",
    ),
    ("s3_triggered_import", "bucket"): ("description", "the bucket is watched"),
    ("s3_triggered_import", "force_destroy"): ("description", "names its objects"),
    ("s3_triggered_import", "subscriptions"): (
        "description validation",
        "publishes the notification `started`, too",
    ),
    ("s3_triggered_import", "timeout_minutes"): ("description", "names its job"),
    ("journey_copy", "force_destroy"): ("description", "names its objects"),
    ("journey_copy", "subscriptions"): (
        "description validation",
        "publishes the notification `started`, too",
    ),
    ("ses_auto_reply", "pinpoint"): ("description default", "an SES template needs no project"),
    ("ses_event_processing", "configuration_set"): (
        "description default validation",
        "identities alone are enough",
    ),
    ("ses_vdm_export", "force_destroy"): ("description", "names its objects"),
    ("sms_self_managed_opt_outs", "event_stream"): (
        "description default validation",
        "endpoints are also found without a stream",
    ),
    ("simple_cms", "force_destroy"): ("description", "names its objects"),
    ("sms_event_database", "configuration_set"): ("description", "of another service"),
    ("sms_retry", "concurrency"): ("description default", "of texts, spread after an outage"),
    ("sms_retry", "configuration_set"): (
        "description type",
        "retries are sent with it; the module creates none",
    ),
    ("sms_retry", "event_stream"): (
        "description default validation",
        "End User Messaging's own events are enough",
    ),
    ("sms_retry", "pinpoint"): ("description default", "remembered texts need no project"),
    ("sms_retry", "subscriptions"): ("description validation", "publishes failures alone"),
    ("sms_s3_drop", "force_destroy"): ("description", "names its objects"),
    ("sms_s3_drop", "key_suffixes"): ("description validation", "sends files"),
    ("sms_s3_drop", "subscriptions"): (
        "description validation",
        "publishes the notification `started`, too",
    ),
}
# Inputs that a block of modules/internal takes from its callers unchanged.
PASSED_ON = {
    "address_suppression": ("address_table", "event_bus_name", "transient_bounces"),
    "athena_workgroup": ("athena",),
    "campaign_channel": ("campaign_role", "pinpoint"),
    "campaign_permission": ("campaign_role", "pinpoint"),
    "data_role": ("pinpoint",),
    "event_database": (
        "athena",
        "buffer_seconds",
        "database_name",
        "force_destroy",
        "name",
        "retention",
    ),
}
# A key is no architecture: it has no function, no log and no alarm.
WITHOUT_OPERATIONS = {"encryption_key": ("alarm", "kms_key", "log_retention_days", "packages")}
ARCHITECTURES = sorted([ROOT / module for module in PUBLIC_MODULES] + [*SKELETON.glob("modules/*")])


@cache
def inputs(module: Path) -> dict[str, dict[str, str]]:
    """Read the inputs of a module: name => attribute => its text."""
    return {
        name: {attribute: str(body.get(attribute, "absent")) for attribute in ATTRIBUTES}
        for name, body in docs.blocks(module, "variable")
    }


@cache
def common() -> dict[str, dict[str, str]]:
    """Find the inputs of several modules: name => attribute => the most frequent text."""
    found: dict[str, list[dict[str, Any]]] = {}
    for module in ARCHITECTURES:
        for name, attributes in inputs(module).items():
            if (module.name, name) not in OTHER_INPUTS:
                differing = DIFFERENCES.get((module.name, name), ("", ""))[0].split()
                kept = {key: text for key, text in attributes.items() if key not in differing}
                found.setdefault(name, []).append(kept)
    return {
        name: {
            attribute: Counter(
                kept[attribute] for kept in several if attribute in kept
            ).most_common(1)[0][0]
            for attribute in ATTRIBUTES
        }
        for name, several in found.items()
        if len(several) > 1 or any(name in names for names in PASSED_ON.values())
    }


def differences(module: Path, names: tuple[str, ...]) -> dict[str, list[str]]:
    """List the attributes in which a module's inputs differ from the common inputs."""
    found = {
        name: [key for key in ATTRIBUTES if inputs(module)[name][key] != common()[name][key]]
        for name in names
    }
    return {name: keys for name, keys in found.items() if keys}


@pytest.mark.parametrize("module", ARCHITECTURES, ids=lambda module: module.name)
def test_an_input_of_several_modules_is_the_same_in_each(module: Path) -> None:
    names = tuple(
        name
        for name in inputs(module)
        if name in common() and (module.name, name) not in OTHER_INPUTS
    )

    assert differences(module, names) == {
        name: attributes.split()
        for (owner, name), (attributes, _) in DIFFERENCES.items()
        if owner == module.name
    }


@pytest.mark.parametrize("block", PASSED_ON)
def test_an_internal_block_describes_its_callers_inputs_as_they_do(block: str) -> None:
    assert differences(ROOT / "modules" / "internal" / block, PASSED_ON[block]) == {}


def test_every_architecture_has_the_inputs_for_operations() -> None:
    every = ("alarm", "kms_key", "log_retention_days", "name", "packages", "tags")

    missing = {
        module.name: [
            name
            for name in every
            if name not in inputs(module) and name not in WITHOUT_OPERATIONS.get(module.name, ())
        ]
        for module in ARCHITECTURES
    }

    assert {module: names for module, names in missing.items() if names} == {}


def test_every_other_input_is_an_input_of_its_module() -> None:
    modules = {module.name: inputs(module) for module in ARCHITECTURES}

    assert [place for place in OTHER_INPUTS if place[1] not in modules[place[0]]] == []
