"""Export jobs, step by step as the state machine runs them."""

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from engagement_hub.engagement.import_rows import ImportRow, read_rows
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers import export_job as steps
from tests.builders.hub_workers import (
    APP,
    Context,
    endpoints,
    export_job,
    give_up,
    hub_on_moto,
    job,
    segment,
    sms,
)

CONTEXT: Any = Context()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_on_moto(monkeypatch) as hub:
        yield hub


def run(hub: Hub, event: dict[str, str], context: Any = CONTEXT) -> dict[str, Any]:
    opened = steps.open_job(hub, event, context)
    if opened["Outcome"] == "EXPORT":
        begun = steps.export_shards(hub, {**event, "Progress": opened["Progress"]}, context)
        for progress in begun["Remaining"]:
            progress["Done"] = False
            while not progress["Done"]:
                steps.export_shard(hub, {**event, **progress}, CONTEXT)  # its answer was lost
                progress = steps.export_shard(hub, {**event, **progress}, context)
    steps.close_job(hub, event, context)
    return job(hub, Kind.EXPORT_JOB)


def exported() -> dict[str, bytes]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket="files", Prefix="out/").get("Contents", [])
    return {
        one["Key"]: gzip.decompress(s3.get_object(Bucket="files", Key=one["Key"])["Body"].read())
        for one in listed
    }


def test_every_endpoint_is_a_line_of_a_gz_object_under_the_prefix(hub):
    endpoints(hub, **{f"e{n}": sms(f"+1425555{n:04d}") for n in range(20)})

    done = run(hub, export_job(hub))

    lines = [json.loads(line) for body in exported().values() for line in body.splitlines()]
    assert sorted(line["Id"] for line in lines) == sorted(f"e{n}" for n in range(20))
    assert all(key.endswith(".gz") for key in exported())
    assert (done["JobStatus"], done["TotalProcessed"]) == ("COMPLETED", 20)
    assert (done["TotalPieces"], done["CompletedPieces"], done["FailedPieces"]) == (4, 4, 0)


def test_a_job_that_the_client_knows_as_failed_exports_nothing(hub):
    endpoints(hub, e1=sms("+14255550100"))
    event = export_job(hub)
    before = give_up(hub, Kind.EXPORT_JOB)

    done = run(hub, event)

    assert done == before
    assert exported() == {}


def test_a_second_execution_of_a_completed_job_changes_nothing(hub):
    endpoints(hub, e1=sms("+14255550100"))
    event = export_job(hub)
    done = run(hub, event)
    before = exported()
    endpoints(hub, e2=sms("+14255550101"))

    again = run(hub, event)

    assert again == done
    assert exported() == before


def test_an_export_can_be_imported_again(hub):
    user = {"UserId": "u1", "UserAttributes": {"FirstName": ["Ann"]}}
    endpoints(hub, e1=sms("+14255550100", User=user, Attributes={"Plan": ["gold"]}))

    run(hub, export_job(hub))

    [body] = exported().values()
    [row] = read_rows(io.BytesIO(body), "JSON", name="export.json")
    assert isinstance(row, ImportRow)
    assert row.id == "e1"
    assert row.endpoint["User"]["UserAttributes"] == {"FirstName": ["Ann"]}


def test_a_segment_is_exported_alone(hub):
    endpoints(
        hub,
        a=sms("+14255550100", Attributes={"Plan": ["gold"]}),
        b=sms("+14255550101", Attributes={"Plan": ["free"]}),
    )
    segment(hub, Dimensions={"Attributes": {"Plan": {"Values": ["gold"]}}})

    run(hub, export_job(hub, SegmentId="seg1"))

    [body] = exported().values()
    assert json.loads(body)["Id"] == "a"


@pytest.mark.parametrize("deleted", ["seg1", "list1"])
def test_an_export_whose_segment_is_deleted_meanwhile_fails_and_says_so(hub, deleted):
    endpoints(hub, **{f"e{n}": sms(f"+1425555{n:04d}") for n in range(8)})
    hub.endpoints.add_members(APP, "list1", [f"e{n}" for n in range(8)])
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceSegments": [{"Id": "list1"}]}
    segment(hub, Dimensions=None, SegmentGroups={"Groups": [group]})
    event = export_job(hub, SegmentId="seg1")
    opened = steps.open_job(hub, event, CONTEXT)
    hurried: Any = Context(milliseconds=1)
    begun = steps.export_shards(hub, {**event, "Progress": opened["Progress"]}, hurried)

    hub.entities.delete(APP, Kind.SEGMENT, deleted)
    hub.endpoints.delete_members(APP, "list1")
    for progress in begun["Remaining"]:
        steps.export_shard(hub, {**event, **progress}, CONTEXT)
    steps.close_job(hub, event, CONTEXT)

    done = job(hub, Kind.EXPORT_JOB)
    assert done["JobStatus"] == "FAILED"
    assert "deleted or replaced while it was exported" in done["Failures"][0]


def test_a_shard_is_exported_across_several_invocations(hub, monkeypatch):
    monkeypatch.setattr("engagement_hub.workers.audience.PAGE_ENDPOINTS", 3)
    endpoints(hub, **{f"e{n}": sms(f"+1425555{n:04d}") for n in range(20)})

    done = run(hub, export_job(hub), context=Context(milliseconds=1))

    ids = [json.loads(line)["Id"] for body in exported().values() for line in body.splitlines()]
    assert sorted(ids) == sorted(f"e{n}" for n in range(20))
    assert (done["TotalProcessed"], done["CompletedPieces"]) == (20, 4)


def test_a_bucket_that_is_not_there_fails_the_job_with_the_reason(hub):
    endpoints(hub, e1=sms("+14255550100"))

    done = run(hub, export_job(hub, S3UrlPrefix="s3://no-such-bucket/x"))

    assert done["JobStatus"] == "FAILED"
    assert "NoSuchBucket" in done["Failures"][0]


def test_an_unknown_segment_fails_the_job_with_the_reason(hub):
    done = run(hub, export_job(hub, SegmentId="gone"))

    assert done["JobStatus"] == "FAILED"
    assert "gone" in done["Failures"][0]
    assert exported() == {}
