"""Saved files of a Pinpoint project, and a hub in process whose jobs are done at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from engagement_hub.api.responder import respond
from engagement_hub.hub import Hub
from engagement_hub.machines import Machines
from engagement_hub.workers import export_job, import_job
from tests.builders.hub import hub_client
from tests.builders.hub_workers import Context, hub_on_moto
from tools.takeover.__main__ import parsed, take_over
from tools.takeover.hub import HubProject
from tools.takeover.report import Entry, Report

OLD = "0d1e2f3a4b5c6d7e8f90a1b2c3d4e5f6"
OTHER = "ffffffffffffffffffffffffffffffff"
ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/engagement-hub/files"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greet"
METADATA = {"RequestId": "r-1", "HTTPStatusCode": 200, "RetryAttempts": 0}
DATE = "2026-09-01T08:00:00.000Z"
_CONTEXT: Any = Context()


def _arn(resource: str, project: str = OLD) -> str:
    return f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT}:apps/{project}/{resource}"


def segment(segment_id: str = "s1", **members: Any) -> dict[str, Any]:
    """A SegmentResponse of criteria."""
    return {
        "ApplicationId": OLD,
        "Arn": _arn(f"segments/{segment_id}"),
        "CreationDate": DATE,
        "Dimensions": {"Attributes": {"Plan": {"AttributeType": "INCLUSIVE", "Values": ["gold"]}}},
        "Id": segment_id,
        "LastModifiedDate": DATE,
        "Name": f"segment {segment_id}",
        "SegmentType": "DIMENSIONAL",
        "Version": 1,
        "tags": {"team": "crm"},
        **members,
    }


def built_on(segment_id: str, *sources: str, **members: Any) -> dict[str, Any]:
    """A SegmentResponse that is built on other segments."""
    group = {
        "Dimensions": [],
        "SourceSegments": [{"Id": source, "Version": 1} for source in sources],
        "SourceType": "ANY",
        "Type": "ANY",
    }
    groups = {"Groups": [group], "Include": "ALL"}
    return segment(segment_id, Dimensions={}, SegmentGroups=groups, **members)


def imported_segment(segment_id: str = "i1", **members: Any) -> dict[str, Any]:
    """A SegmentResponse of an imported segment."""
    definition = {
        "ChannelCounts": {"SMS": 2},
        "ExternalId": OLD,
        "Format": "CSV",
        "RoleArn": ROLE,
        "S3Url": "s3://old/people.csv",
        "Size": 2,
    }
    return segment(
        segment_id, SegmentType="IMPORT", Dimensions={}, ImportDefinition=definition, **members
    )


def campaign(campaign_id: str = "c1", **members: Any) -> dict[str, Any]:
    """A CampaignResponse of a weekly campaign."""
    return {
        "AdditionalTreatments": [],
        "ApplicationId": OLD,
        "Arn": _arn(f"campaigns/{campaign_id}"),
        "CreationDate": DATE,
        "HoldoutPercent": 0,
        "Hook": {},
        "Id": campaign_id,
        "IsPaused": False,
        "LastModifiedDate": DATE,
        "Limits": {},
        "MessageConfiguration": {},
        "Name": f"campaign {campaign_id}",
        "Schedule": {
            "Frequency": "WEEKLY",
            "IsLocalTime": False,
            "StartTime": "2026-03-02T09:00:00Z",
            "Timezone": "UTC",
        },
        "SegmentId": "s1",
        "SegmentVersion": 1,
        "State": {"CampaignStatus": "PENDING_NEXT_RUN"},
        "TemplateConfiguration": {"SMSTemplate": {"Name": "reminder", "Version": "3"}},
        "Version": 4,
        "tags": {},
        **members,
    }


def journey(journey_id: str = "j1", **members: Any) -> dict[str, Any]:
    """A JourneyResponse of an active journey."""
    return {
        "Activities": {
            "greet": {
                "SMS": {
                    "MessageConfig": {"MessageType": "PROMOTIONAL"},
                    "NextActivity": "day",
                    "TemplateName": "reminder",
                    "TemplateVersion": "1",
                }
            },
            "day": {"Wait": {"NextActivity": "call", "WaitTime": {"WaitFor": "P1D"}}},
            "call": {"CUSTOM": {"DeliveryUri": FUNCTION, "EndpointTypes": ["SMS"]}},
        },
        "ApplicationId": OLD,
        "CreationDate": DATE,
        "Id": journey_id,
        "LastModifiedDate": DATE,
        "Name": f"welcome-{journey_id}",
        "Schedule": {"StartTime": "2026-03-02 09:00:00+00:00"},
        "StartActivity": "greet",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": "s1"}},
        "State": "ACTIVE",
        **members,
    }


def sms_template(version: int, body: str, name: str = "reminder", **members: Any) -> dict[str, Any]:
    """The answer of GetSMSTemplate for a version."""
    return {
        "SMSTemplateResponse": {
            "Arn": f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT}:templates/{name}/SMS",
            "Body": body,
            "CreationDate": DATE,
            "DefaultSubstitutions": '{"Attributes.FirstName":"friend"}',
            "LastModifiedDate": DATE,
            "TemplateName": name,
            "TemplateType": "SMS",
            "Version": str(version),
            "tags": {},
            **members,
        }
    }


def templates_listed(active: int, name: str = "reminder") -> dict[str, Any]:
    """The answer of ListTemplates."""
    row = {
        "CreationDate": DATE,
        "LastModifiedDate": DATE,
        "TemplateName": name,
        "TemplateType": "SMS",
        "Version": str(active),
    }
    return {"TemplatesResponse": {"Item": [row]}}


def endpoint(endpoint_id: str, number: int = 100, **members: Any) -> dict[str, Any]:
    """A line of an export."""
    return {
        "Address": f"+1425555{number:04d}",
        "ApplicationId": OLD,
        "Attributes": {"Plan": ["gold"]},
        "ChannelType": "SMS",
        "CohortId": "42",
        "CreationDate": DATE,
        "Demographic": {},
        "EffectiveDate": DATE,
        "EndpointStatus": "ACTIVE",
        "Id": endpoint_id,
        "Location": {},
        "Metrics": {},
        "OptOut": "NONE",
        "RequestId": "old-request",
        "User": {"UserAttributes": {"Name": ["Ann"]}, "UserId": f"user-{endpoint_id}"},
        **members,
    }


class SavedFolder:
    """A folder of saved files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file as it is."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def answer(self, name: str, answer: Any) -> Path:
        """Write an answer as the AWS CLI does."""
        return self.write(name, json.dumps(answer, indent=4) + "\n")

    def listing(self, name: str, shape: str, *items: Any, token: str | None = None) -> Path:
        """Write a page of a listing as a boto3 program does."""
        page = {"Item": list(items), **({} if token is None else {"NextToken": token})}
        return self.answer(name, {"ResponseMetadata": METADATA, shape: page})

    def export(self, name: str, *endpoints: Any) -> Path:
        """Write an export."""
        return self.write(name, gzip.compress(lines(endpoints).encode(), mtime=0))

    def project(self) -> None:
        """Write a whole project: a segment on another one, three versions of a template, a
        campaign, a journey and settings."""
        self.listing("segments.json", "SegmentsResponse", built_on("s2", "s1"), segment("s1"))
        for version, text in ((3, "Three"), (1, "One"), (2, "Two")):
            self.answer(f"templates/reminder-{version}.json", sms_template(version, text))
        self.answer("templates.json", templates_listed(active=2))
        self.listing("campaigns.json", "CampaignsResponse", campaign(SegmentId="s2"))
        self.answer("journeys/welcome.json", {"JourneyResponse": journey()})
        settings = {
            "ApplicationId": OLD,
            "LastModifiedDate": DATE,
            "CampaignHook": {},
            "Limits": {"Daily": 3},
            "QuietTime": {"Start": "22:00", "End": "06:00"},
        }
        self.answer("settings.json", {"ApplicationSettingsResource": settings})


def lines(values: Iterable[Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(value) + "\n" for value in values)


class DoneAtOnce(Machines):
    """Machines that do jobs at once, and note runs of campaigns: a run sends messages."""

    def __init__(self) -> None:
        self.hub: Any = None
        self.runs: list[str] = []
        self.jobs: list[str] = []

    def start_import(self, app_id: str, job_id: str) -> None:
        self.jobs.append("import")
        event = {"ApplicationId": app_id, "JobId": job_id}
        opened = import_job.open_job(self.hub, event, _CONTEXT)
        for file in self.hub.bucket.read_json(opened["ManifestKey"]):
            import_job.parse_object(self.hub, {**event, "File": file}, _CONTEXT)
        pieces = import_job.count_pieces(self.hub, event, _CONTEXT)
        for key in list(self.hub.bucket.keys(pieces["Prefix"])):
            import_job.register_piece(self.hub, {**event, "Key": key}, _CONTEXT)
        import_job.close_job(self.hub, event, _CONTEXT)

    def start_export(self, app_id: str, job_id: str) -> None:
        self.jobs.append("export")
        event = {"ApplicationId": app_id, "JobId": job_id}
        opened = export_job.open_job(self.hub, event, _CONTEXT)
        if opened["Outcome"] == "EXPORT":
            export_job.export_shards(self.hub, {**event, "Progress": opened["Progress"]}, _CONTEXT)
        export_job.close_job(self.hub, event, _CONTEXT)

    def start_run(self, app_id: str, campaign_id: str, run: Any) -> None:
        self.runs.append(campaign_id)

    def schedule_run(
        self, app_id: str, campaign_id: str, run: Any, *, replace: bool = True
    ) -> None:
        self.runs.append(campaign_id)

    def cancel_run(self, campaign_id: str, number: int) -> None:
        return None


class TakeoverHub:
    """A hub with an empty project, and the command that takes over into it."""

    def __init__(self, hub: Hub, client: Any, work: Path, saved: SavedFolder) -> None:
        self.hub = hub
        self.client = client
        self.saved = saved
        self.work = work
        self.shown: list[str] = []
        self.calls: list[str] = []
        client.meta.events.register("before-call", lambda model, **_: self.calls.append(model.name))
        app = client.create_app(CreateApplicationRequest={"Name": "shop"})["ApplicationResponse"]
        self.project_id: str = app["Id"]

    @property
    def machines(self) -> DoneAtOnce:
        """The machines of the hub."""
        machines = self.hub.machines
        assert isinstance(machines, DoneAtOnce)
        return machines

    def run(self, *arguments: str, **options: Any) -> Report:
        """Run the command on the saved folder."""
        self.calls.clear()
        places = () if "--from" in arguments else ("--from", str(self.saved.path))
        parsed_options = parsed(
            [
                *places,
                *("--to-project", self.project_id),
                *("--api-url", "https://hub.example.com"),
                *("--work", str(self.work)),
                *arguments,
            ]
        )
        return take_over(
            parsed_options,
            hub=HubProject(self.project_id, self.client),
            s3=lambda: boto3.client("s3"),
            show=self.shown.append,
            sleep=lambda seconds: None,
            **options,
        )

    def items(self, operation: str) -> list[dict[str, Any]]:
        """Every item of a listing, such as get_segments."""
        answer = getattr(self.client, operation)(ApplicationId=self.project_id, PageSize="500")
        page = next(value for name, value in answer.items() if name != "ResponseMetadata")
        return list(page["Item"])

    def endpoint(self, endpoint_id: str) -> dict[str, Any]:
        """An endpoint of the hub."""
        answer = self.client.get_endpoint(ApplicationId=self.project_id, EndpointId=endpoint_id)
        return dict(answer["EndpointResponse"])

    def put(self, endpoint_id: str, **members: Any) -> None:
        """Write an endpoint to the hub."""
        self.client.update_endpoint(
            ApplicationId=self.project_id, EndpointId=endpoint_id, EndpointRequest=members
        )


STAGING = ("--staging", "s3://files/takeover/", "--role-arn", ROLE)


@contextmanager
def takeover_hub(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[TakeoverHub]:
    """A hub in process, whose clock says 2027-01-15T08:00Z."""
    with hub_on_moto(monkeypatch) as hub:
        monkeypatch.setenv("EMAIL_ADDRESSES", "hub@example.com")
        monkeypatch.setenv("EMAIL_FROM_ADDRESS", "hub@example.com")
        machines = DoneAtOnce()
        machines.hub, hub.machines = hub, machines
        client = hub_client(lambda event: respond(hub, event), decoded_path=True)
        saved = SavedFolder(path / "saved")
        saved.path.mkdir()
        yield TakeoverHub(hub, client, path / "work", saved)


def entry(report: Report, old: str) -> Entry:
    """The entry of a resource in a report."""
    return next(one for one in report.entries if one.old == old)
