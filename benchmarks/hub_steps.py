"""The steps of an import and of a campaign run, as the workers run them on `RecordedAws`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unittest import mock
from zlib import crc32

from benchmarks.recorded_aws import RecordedAws, Step

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

from engagement_hub.engagement.campaigns import new_campaign  # noqa: E402 - path first
from engagement_hub.hub import Hub, hub_from_environment  # noqa: E402 - same
from engagement_hub.store import dynamodb_client  # noqa: E402 - same
from engagement_hub.store.entities import Kind  # noqa: E402 - same
from engagement_hub.workers import campaign_run, import_job, purge  # noqa: E402 - same
from engagement_hub.workers.campaign_plan import (  # noqa: E402 - same
    ChunkName,
    chunk_key,
)
from shared.aws import _session, aws_client  # noqa: E402 - same

ACCOUNT = "123456789012"
STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/events"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/engagement-hub/files"
ENVIRONMENT = {
    "ACCOUNT_ID": ACCOUNT,
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "ENDPOINTS_TABLE": "endpoints",
    "ENDPOINT_SHARDS": "32",
    "ENTITIES_TABLE": "entities",
    "IMPORT_CONCURRENCY": "8",
    "PARTITION": "aws",
    "RUNS_TABLE": "runs",
    "SMS_MESSAGES_PER_SECOND": "20000",
    "SMS_ORIGINATION_IDENTITY": "+12065550100",
    "WORK_BUCKET": "work",
}
HEADER = ",".join(
    ["ChannelType", "Address", "User.UserId", "User.UserAttributes.FirstName", "Location.Country"]
    + [f"Attributes.Attribute{n}" for n in range(8)]
)


class OwnRole:
    """The callers' roles: all are the function's own."""

    def session(self, role_arn: str, app_id: str) -> OwnRole:
        return self

    def client(self, *names: str) -> Any:
        """Take (service), as of a session, or (role, project, service, region)."""
        return aws_client(names[0] if len(names) == 1 else names[2])


class Context:
    """A Lambda context whose time does not pass."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


CONTEXT = cast("Any", Context())


def _forget_clients() -> None:
    for kept in (_session, dynamodb_client):
        kept.cache_clear()


@contextmanager
def recorded_hub() -> Iterator[tuple[Hub, RecordedAws]]:
    """Yield a hub whose every request goes to a RecordedAws."""
    aws = RecordedAws()
    _forget_clients()
    try:
        with mock.patch.dict(os.environ, ENVIRONMENT):
            _session().register("before-send", cast("Any", aws.answer))
            hub = hub_from_environment()
            hub.roles = cast("Any", OwnRole())
            yield hub, aws
    finally:
        _forget_clients()
        gc.unfreeze()


class Project:
    """A project with an import of `rows` new people, and a campaign to them."""

    def __init__(self, hub: Hub, aws: RecordedAws, rows: int) -> None:
        self.hub, self.aws, self.rows = hub, aws, rows
        self.app_id = f"{rows:032d}"
        self._job = {"ApplicationId": self.app_id, "JobId": f"j{rows}"}
        self._files = [f"files/{rows}-{first}.csv" for first in range(0, rows, 100_000)]
        for file in self._files:
            aws.objects[file] = self._csv(file)
        definition = {
            "Format": "CSV",
            "S3Url": f"s3://files/{rows}-",
            "RoleArn": ROLE,
            "SegmentId": "people",
        }
        job = {"Id": self._job["JobId"], "ApplicationId": self.app_id, "Definition": definition}
        hub.entities.put(self.app_id, Kind.IMPORT_JOB, self._job["JobId"], job)
        stream = {"DestinationStreamArn": STREAM, "RoleArn": ROLE}
        hub.entities.put(self.app_id, Kind.EVENT_STREAM, "stream", stream)

    def _csv(self, file: str) -> bytes:
        first = int(file.rsplit("-", 1)[1].removesuffix(".csv"))
        values = ",".join(["v" * 20] * 8)
        lines = (
            f"SMS,+1{self.rows % 1000:03d}{number:07d},user-{number},Ann,US,{values}"
            for number in range(first, min(first + 100_000, self.rows))
        )
        return ("\r\n".join([HEADER, *lines]) + "\r\n").encode()

    def parse(self) -> list[Step]:
        """Cut the files into pieces, a step for each file."""
        files = [
            {
                "Index": index,
                "Key": key.removeprefix("files/"),
                "ETag": "e",
                "Size": len(self.aws.objects[key]),
            }
            for index, key in enumerate(self._files)
        ]
        return [
            self._recorded(import_job.parse_object, {**self._job, "File": file}) for file in files
        ]

    def register(self) -> list[Step]:
        """Register the pieces, a step for each; close the job."""
        prefix = f"jobs/{self._job['JobId']}/pieces/"
        keys = sorted(self.hub.bucket.keys(prefix))
        steps = [self._recorded(import_job.register_piece, {**self._job, "Key": k}) for k in keys]
        segment = {
            "Id": "people",
            "ApplicationId": self.app_id,
            "SegmentType": "IMPORT",
            "Dimensions": {},
            "Version": 1,
            "Members": self._job["JobId"],
        }
        self.hub.entities.put(self.app_id, Kind.SEGMENT, "people", segment)
        everyone = {**segment, "Id": "all", "SegmentType": "DIMENSIONAL"}
        self.hub.entities.put(self.app_id, Kind.SEGMENT, "all", everyone)
        return steps

    def open(self, segment_id: str) -> dict[str, Any]:
        """Open a run to a segment; return the input of its steps."""
        campaign = new_campaign(
            cast(
                "Any",
                {
                    "Name": "hello",
                    "SegmentId": segment_id,
                    "Schedule": {"StartTime": "IMMEDIATE"},
                    "MessageConfiguration": {
                        "SMSMessage": {"Body": "Hi {{User.UserAttributes.FirstName}}"}
                    },
                },
            ),
            app_id=self.app_id,
            campaign_id=f"c{self.rows}{segment_id}",
            arn="arn",
            segment_version=1,
            now=self.hub.now(),
            settings=None,
        )
        body = cast("Any", campaign)
        self.hub.entities.put(self.app_id, Kind.CAMPAIGN, campaign["Id"], body)
        event = {
            "ApplicationId": self.app_id,
            "CampaignId": campaign["Id"],
            "Run": 1,
            "ScheduledStart": self.hub.timestamp(),
        }
        campaign_run.open_run(self.hub, event, CONTEXT)
        return event

    def audience(self, event: dict[str, Any]) -> list[Step]:
        """Build the audience, a step for each shard."""
        return [
            self._recorded(
                campaign_run.build_shard, {**event, "Shard": shard, "After": None, "Part": 0}
            )
            for shard in range(self.hub.endpoints.shards)
        ]

    def send(self, event: dict[str, Any], most: int) -> list[Step]:
        """Send chunks of the run, a step for each."""
        sealed = campaign_run.seal_audience(self.hub, event, CONTEXT)
        keys = list(self.hub.bucket.keys(sealed["Prefix"]))
        full = [key for key in keys if self.aws.objects[f"work/{key}"].count(b"\n") == 200]
        return [
            self._recorded(campaign_run.send_chunk, {**event, "Key": key}) for key in full[:most]
        ]

    def delete_list(self) -> Step:
        """Delete the members of the imported list."""
        event = {
            "ApplicationId": self.app_id,
            "SegmentId": "gone",
            "List": self._job["JobId"],
        }
        return self._recorded(purge.purge_members, event)

    def _recorded(self, step: Any, event: dict[str, Any]) -> Step:
        return self.aws.record(lambda: step(self.hub, event, CONTEXT))


def chunk_keys(parts: int, shards: int) -> list[tuple[int, int]]:
    """Return the shard and the pace's slot of each chunk, in the order of the Distributed Map."""
    keys = sorted(
        chunk_key("run", shard, part, "0", custom=False)
        for shard in range(shards)
        for part in range(parts)
    )
    chunks = map(ChunkName.of, keys)
    return [(chunk.shard, crc32(chunk.id.encode())) for chunk in chunks]
