"""Journeys as the API returns them, and a copier between two hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from journey_copy.copier import Copier, Setting
from journey_copy.mapping import Mapping
from journey_copy.outcome import Outcome
from journey_copy.projects import Project
from journey_copy.rules import Place
from journey_copy.substitutes import NO_SUBSTITUTES, Substitutes
from tests.builders.pinpoint_projects import PinpointHost
from tests.builders.tables import PK_AND_SK

HERE = Place("111122223333", "eu-west-1")
ELSEWHERE = Place("444455556666", "us-east-1")
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:print-letter"


def journey(segment_id: str, **members: Any) -> dict[str, Any]:
    """A journey that greets a segment by email, waits, and splits into text messages."""
    return {
        "Name": "welcome",
        "StartActivity": "greet",
        "StartCondition": {
            "Description": "New customers",
            "SegmentStartCondition": {"SegmentId": segment_id},
        },
        "Activities": {
            "greet": {
                "EMAIL": {
                    "TemplateName": "greeting",
                    "MessageConfig": {"FromAddress": "shop@example.com"},
                    "NextActivity": "wait",
                }
            },
            "wait": {"Wait": {"WaitTime": {"WaitFor": "PT24H"}, "NextActivity": "split"}},
            "split": {
                "ConditionalSplit": {
                    "Condition": {
                        "Operator": "ANY",
                        "Conditions": [{"SegmentCondition": {"SegmentId": segment_id}}],
                    },
                    "TrueActivity": "remind",
                }
            },
            "remind": {
                "SMS": {
                    "TemplateName": "reminder",
                    "TemplateVersion": "2",
                    "MessageConfig": {"MessageType": "PROMOTIONAL"},
                }
            },
        },
        "Schedule": {
            "StartTime": "2027-03-01T09:00:00Z",
            "EndTime": "2027-06-01T09:00:00Z",
            "Timezone": "UTC+01",
        },
        "Limits": {"DailyCap": 1, "EndpointReentryCap": 0},
        "LocalTime": False,
        "QuietTime": {"Start": "22:00", "End": "07:00"},
        "State": "ACTIVE",
        **members,
    }


@dataclass
class World:
    """Two hosts: `staging` with the source's project, `production` with the target's."""

    dynamodb: Any
    staging: PinpointHost = field(default_factory=lambda: PinpointHost("from1"))
    production: PinpointHost = field(default_factory=lambda: PinpointHost("to1"))
    substitutes: Substitutes = NO_SUBSTITUTES
    target_place: Place = HERE
    now: float = 1_800_000_000.0

    def welcome(self, **members: Any) -> str:
        """Put the journey with its segment and templates into staging. Returns its id."""
        self.segment_id = self.staging.add_segment(
            "from1",
            Name="new customers",
            Dimensions={"Attributes": {"stage": {"Values": ["new"]}}},
            tags={"team": "crm", "managed-by": "other/key"},
        )
        self.staging.add_template("EMAIL", "greeting", Subject="Hi", HtmlPart="<p>Hi</p>")
        self.staging.add_template("SMS", "reminder", Body="One")
        self.staging.add_template("SMS", "reminder", Body="Two")
        self.staging.add_template("SMS", "reminder", Body="Three")
        return self.staging.add_journey("from1", **journey(self.segment_id, **members))

    @property
    def mapping(self) -> Mapping:
        return Mapping(self.dynamodb, "mapping", "pair#1", lambda: self.now)

    def copier(self) -> Copier:
        same_host = self.staging is self.production
        source, target = self.staging.client(), self.production.client()
        return Copier(
            Project("from1", source, source),
            Project("to1", target, target),
            self.mapping,
            self.substitutes,
            Setting(HERE, self.target_place, same_host, "0123456789abcdef"),
        )

    def copy(self, journey_id: str, *, dry_run: bool = False) -> Outcome:
        return self.copier().copy(journey_id, dry_run=dry_run)

    def copied(self, outcome: Outcome) -> dict[str, Any]:
        assert outcome.target_id is not None, outcome
        return self.production.journeys["to1"][outcome.target_id]

    def rows(self) -> dict[str, str]:
        """Read the mapping: resource => its copy."""
        items = self.dynamodb.scan(TableName="mapping")["Items"]
        return {i["sk"]["S"]: i["target_id"]["S"] for i in items if "target_id" in i}


@cache
def _dynamodb() -> Any:
    return boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@contextmanager
def world() -> Iterator[World]:
    """A world with an empty mapping."""
    with mock_aws():
        dynamodb = _dynamodb()
        dynamodb.create_table(TableName="mapping", **PK_AND_SK)
        yield World(dynamodb)
