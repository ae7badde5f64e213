"""Rows of modules/internal/pinpoint_access/operations.json against AWS's own pages.

The expected resources come from the Service Authorization Reference, "Actions, resources, and
condition keys for Amazon Pinpoint". Where the Pinpoint Developer Guide ("Amazon Pinpoint actions
for IAM policies") names another ARN, the table lists both, because the service can no longer be
tested for the ARN that it evaluates.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads(
    (ROOT / "modules" / "internal" / "pinpoint_access" / "operations.json").read_text()
)
APP = "apps/{application-id}"


@pytest.mark.parametrize(
    ("operation", "resources"),
    [
        ("CreateImportJob", [APP]),
        ("GetImportJob", [f"{APP}/jobs/import/*"]),
        ("GetExportJob", [f"{APP}/jobs/export/*"]),
        ("UpdateEndpointsBatch", [APP]),
        ("UpdateEndpoint", [f"{APP}/endpoints/*"]),
        ("GetUserEndpoints", [f"{APP}/users/*"]),
        ("CreateSegment", [APP]),
        ("UpdateSegment", [f"{APP}/segments/*"]),
        ("GetCampaign", [f"{APP}/campaigns/*"]),
        ("GetCampaignActivities", [f"{APP}/campaigns/*"]),
        ("GetCampaignDateRangeKpi", [f"{APP}/campaigns/*/kpis/daterange/*"]),
        ("CreateJourney", [f"{APP}/journeys"]),
        ("PutEventStream", [f"{APP}/eventstream"]),
        ("PutEvents", [f"{APP}/events"]),
        ("SendMessages", [f"{APP}/messages"]),
        ("UpdateSmsChannel", [f"{APP}/channels/sms"]),
        ("UpdateApplicationSettings", [APP]),
        ("RemoveAttributes", [f"{APP}/attributes/*"]),
        ("ListTemplates", ["templates"]),
        ("UpdateTemplateActiveVersion", ["templates/*/*"]),
        ("PhoneNumberValidate", ["phone/number/validate"]),
        ("VerifyOTPMessage", [f"{APP}/verify-otp"]),
    ],
)
def test_the_operation_is_allowed_on_what_the_reference_names(operation: str, resources: list[str]):
    assert TABLE[operation]["aws"] == resources


@pytest.mark.parametrize(
    ("operation", "reference", "guide"),
    [
        ("CreateCampaign", APP, f"{APP}/campaigns"),
        ("CreateExportJob", APP, f"{APP}/jobs/export"),
        ("SendUsersMessages", f"{APP}/messages", f"{APP}/users-messages"),
        ("ListJourneys", APP, f"{APP}/journeys"),
        ("UpdateJourneyState", f"{APP}/journeys/*", f"{APP}/journeys/*/state"),
        ("CreateApp", "apps/*", "apps"),
    ],
)
def test_both_resources_are_allowed_where_two_pages_of_aws_disagree(
    operation: str, reference: str, guide: str
):
    assert set(TABLE[operation]["aws"]) == {reference, guide}


def test_every_channel_is_allowed_by_itself():
    channels = {
        row["path"]: row["aws"]
        for row in TABLE.values()
        if row["path"].startswith("/v1/apps/{application-id}/channels/")
    }

    assert channels == {path: [path.removeprefix("/v1/")] for path in channels}
    assert len(channels) == 10


def test_ids_are_wildcards_and_the_project_is_the_only_placeholder():
    placeholders = {
        label
        for row in TABLE.values()
        for resource in row["aws"]
        for label in re.findall(r"\{[^}]+\}", resource)
    }

    assert placeholders == {"{application-id}"}
