"""The table of IAM actions has the same operations as botocore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from engagement_hub.api.operations import FORWARDED, PARTLY_FORWARDED

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads(
    (ROOT / "modules" / "internal" / "pinpoint_access" / "operations.json").read_text()
)
FORWARD = json.loads((ROOT / "modules" / "engagement_hub" / "forward.json").read_text())


@pytest.fixture(scope="module")
def model() -> Any:
    return botocore.session.get_session().get_service_model("pinpoint")


def test_the_table_names_every_operation_of_the_model_and_no_other(model: Any):
    assert sorted(TABLE) == sorted(model.operation_names)


def test_every_operation_has_the_method_and_path_of_the_model(model: Any):
    expected = {
        name: (http["method"], http["requestUri"])
        for name in model.operation_names
        for http in [model.operation_model(name).http]
    }

    assert {name: (row["method"], row["path"]) for name, row in TABLE.items()} == expected


def test_what_a_project_is_asked_for_is_allowed_on_that_project_only():
    """A resource that does not name the project would let a function reach the others."""
    too_wide = {
        name: resource
        for name, row in TABLE.items()
        if "{application-id}" in row["path"]
        for resource in row["aws"]
        if not resource.startswith("apps/{application-id}")
    }

    assert too_wide == {}


def test_no_operation_is_allowed_on_everything():
    wildcards = {name for name, row in TABLE.items() if not row["aws"] or "*" in row["aws"]}

    assert wildcards == set()


def test_template_operations_are_allowed_on_templates_of_their_own_type():
    types = {"email": "EMAIL", "inapp": "INAPP", "push": "PUSH", "sms": "SMS", "voice": "VOICE"}
    prefix = "/v1/templates/{template-name}/"

    allowed = {
        name: row["aws"] for name, row in TABLE.items() if row["path"].removeprefix(prefix) in types
    }

    assert len(allowed) == 20
    assert allowed == {
        name: [f"templates/*/{types[TABLE[name]['path'].removeprefix(prefix)]}"] for name in allowed
    }


def test_only_what_lives_on_at_aws_and_needs_no_endpoints_is_left_to_aws():
    left = {name for name, row in TABLE.items() if not row["hub"]}

    assert left == {"PhoneNumberValidate", "SendOTPMessage", "VerifyOTPMessage"}


def test_what_forward_may_name_is_what_the_hub_can_hand_on():
    assert FORWARD.keys() == FORWARDED | PARTLY_FORWARDED.keys()


def test_a_call_is_handed_on_by_its_own_permission_and_tags_for_a_project_at_aws_alone():
    """Campaigns, segments and templates ended at AWS: their tags are the hub's."""
    tags = {"ListTagsForResource", "TagResource", "UntagResource"}

    other = {
        name: resources for name, resources in FORWARD.items() if resources != TABLE[name]["aws"]
    }

    assert other == dict.fromkeys(tags, ["apps/{application-id}"])
