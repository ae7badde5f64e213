"""A hub on moto: its tables, its work bucket, and what jobs and campaigns look like in it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from engagement_hub.engagement.starts import START, StartOutcome
from engagement_hub.hub import Account, Hub
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore, Kind
from engagement_hub.store.journey_participants import ParticipantStore
from engagement_hub.store.runs import RunStore
from engagement_hub.work_bucket import WorkBucket
from tests.builders.hub import OneCallAtATime
from tests.builders.tables import PK_AND_SK, WITH_DUE_INDEX

APP = "app1"
ROLE = "arn:aws:iam::123456789012:role/engagement-hub/files"
SHARDS = 4
TABLES = ("entities", "endpoints", "journeys", "runs")
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
CREATED = "2027-01-15T07:00:00.000Z"


class Context:
    """A Lambda context with as much time left as a test wants."""

    def __init__(self, milliseconds: int = 300_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class RunningOut(Context):
    """A Lambda context whose time is over after it was asked `looks` times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self._looks -= 1
        return self.milliseconds if self._looks >= 0 else 1_000


class OwnRole:
    """Fake of CustomerRoles: every role is the test's own credentials."""

    def session(self, role_arn: str, app_id: str) -> boto3.Session:
        return boto3.Session(region_name="us-east-1")

    def client(self, role_arn: str, app_id: str, service: str, region: str) -> Any:
        return boto3.client(service, region_name=region)


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "ACCOUNT_ID": "123456789012",
    "PARTITION": "aws",
    "HUB_NAME": "hub",
    "IMPORT_CONCURRENCY": "8",
    "JOURNEYS_TABLE": "journeys",
    "RUNS_TABLE": "runs",
    "SCHEDULE_GROUP": "hub",
    "WORK_BUCKET": "work",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/hub-schedules",
    "SCHEDULE_DEAD_LETTER_ARN": "arn:aws:sqs:us-east-1:123456789012:hub-schedules",
    "CAMPAIGN_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:hub",
    "IMPORT_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:hub-import",
    "JOURNEY_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:hub-journey",
    "JOURNEY_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/hub-journeys",
}


def _schema(table: str) -> dict[str, Any]:
    return WITH_DUE_INDEX if table == "journeys" else PK_AND_SK


@contextmanager
def hub_on_moto(
    monkeypatch: pytest.MonkeyPatch, around: Callable[[Any], Any] = lambda client: client
) -> Iterator[Hub]:
    """A hub with empty tables, in an AWS of its own. `around` wraps the client of the tables."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        dynamodb: Any = around(OneCallAtATime(boto3.client("dynamodb")))
        for table in TABLES:
            dynamodb.create_table(TableName=table, **_schema(table))
        s3 = boto3.client("s3")
        for bucket in ("work", "files"):
            s3.create_bucket(Bucket=bucket)
        boto3.client("stepfunctions").create_state_machine(
            name="hub-import",
            definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
            roleArn="arn:aws:iam::123456789012:role/hub",
        )
        hub = Hub(
            entities=EntityStore("entities", dynamodb),
            endpoints=EndpointStore("endpoints", SHARDS, dynamodb),
            account=Account("aws", "us-east-1", "123456789012"),
            clock=lambda: NOW,
        )
        hub.runs = RunStore("runs", dynamodb, clock=lambda: NOW)
        hub.journey_totals = RunStore("journeys", dynamodb, clock=lambda: NOW)
        hub.participants = ParticipantStore("journeys", dynamodb, clock=lambda: hub.clock())
        hub.bucket = WorkBucket("work", s3)
        hub.roles = OwnRole()  # type: ignore[assignment]  # the part of CustomerRoles that is used
        yield hub


def emptied(hub: Hub, dynamodb: Any) -> Hub:
    """The same hub with empty tables and buckets: faster than another one.

    Args:
        dynamodb: the client of its tables.
    """
    for table in TABLES:
        dynamodb.delete_table(TableName=table)
        dynamodb.create_table(TableName=table, **_schema(table))
    for bucket in ("work", "files"):
        files = WorkBucket(bucket, boto3.client("s3"))
        files.delete(list(files.keys("")))
    return hub


def put_file(key: str, content: str | bytes) -> None:
    """A file in the caller's bucket."""
    body = content.encode() if isinstance(content, str) else content
    boto3.client("s3").put_object(Bucket="files", Key=key, Body=body)


def import_job(hub: Hub, job_id: str = "job1", **definition: Any) -> dict[str, str]:
    """An import job as CreateImportJob leaves it; the input of its state machine."""
    hub.entities.put(
        APP,
        Kind.IMPORT_JOB,
        job_id,
        {
            "Id": job_id,
            "ApplicationId": APP,
            "Type": "IMPORT",
            "JobStatus": "CREATED",
            "CreationDate": CREATED,
            "Definition": {
                "Format": "CSV",
                "S3Url": "s3://files/people.csv",
                "RoleArn": ROLE,
                **definition,
            },
        },
    )
    return {"ApplicationId": APP, "JobId": job_id}


def export_job(hub: Hub, job_id: str = "job1", **definition: Any) -> dict[str, str]:
    """An export job as CreateExportJob leaves it; the input of its state machine."""
    hub.entities.put(
        APP,
        Kind.EXPORT_JOB,
        job_id,
        {
            "Id": job_id,
            "ApplicationId": APP,
            "Type": "EXPORT",
            "JobStatus": "CREATED",
            "CreationDate": CREATED,
            "Definition": {"S3UrlPrefix": "s3://files/out/", "RoleArn": ROLE, **definition},
        },
    )
    return {"ApplicationId": APP, "JobId": job_id}


def give_up(hub: Hub, kind: Kind, job_id: str = "job1") -> dict[str, Any]:
    """The job as the API leaves it when it answers that the job could not be started."""
    failed = {
        "JobStatus": "FAILED",
        "Failures": ["It could not be started."],
        START: StartOutcome.GIVEN_UP.value,
    }
    return hub.entities.update(APP, kind, job_id, lambda body: {**body, **failed})


def job(hub: Hub, kind: Kind = Kind.IMPORT_JOB, job_id: str = "job1") -> dict[str, Any]:
    return hub.entities.require(APP, kind, job_id)


def endpoints(hub: Hub, **requests: Mapping[str, Any]) -> None:
    """Register endpoints by id."""
    updates: Any = list(requests.items())
    hub.endpoints.update_many(APP, updates, now=CREATED, request_id="r")


def sms(number: str, **members: Any) -> dict[str, Any]:
    return {"ChannelType": "SMS", "Address": number, **members}


def purges(hub: Hub) -> list[dict[str, Any]]:
    """The deletions of lists that were ordered, as their step gets them."""
    states = boto3.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=ENVIRONMENT["IMPORT_STATE_MACHINE_ARN"])
    inputs = [
        json.loads(states.describe_execution(executionArn=one["executionArn"])["input"])
        for one in listed["executions"]
    ]
    return [{"ApplicationId": one["ApplicationId"], **one["Purge"]} for one in inputs]


def segment(hub: Hub, segment_id: str = "seg1", **members: Any) -> str:
    """Create a segment, by default of every endpoint; an imported one has the list of its id."""
    if members.get("SegmentType") == "IMPORT":
        members = {"Members": segment_id, **members}
    body = {
        "Id": segment_id,
        "ApplicationId": APP,
        "SegmentType": "DIMENSIONAL",
        "Dimensions": {},
        "Version": 1,
        **members,
    }
    hub.entities.put(APP, Kind.SEGMENT, segment_id, body)
    return segment_id
