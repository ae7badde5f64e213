"""The steps of an export: open the job, write each shard as .gz objects, sum up.

Objects are named `<prefix>/<job>-<shard>-<part>.gz`, hold one endpoint as JSON per line, and are
written under the role the caller named. Source of the format: Pinpoint API reference, export jobs;
the names are ours (AWS publishes no names).
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from engagement_hub.customer_role import RoleNotAssumable
from engagement_hub.engagement.errors import EngagementError, NotFound
from engagement_hub.hub import Hub
from engagement_hub.store import error_code
from engagement_hub.store.entities import Kind
from engagement_hub.workers.audience import Audience, require_whole, snapshot
from engagement_hub.workers.job_state import begin_job, end_job, failures_of, is_over
from engagement_hub.workers.steps import Answer, Event, all_shards, time_is_up

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A part is closed at this size (before compression), which fits the function's /tmp many times.
PART_BYTES = 256 * 1024 * 1024
# Time reserved for uploading a part and writing the totals before a function ends.
_LAST_MILLISECONDS = 60_000
_ALL = "all"
_FINAL = frozenset({"403", "404", "AccessDenied", "NoSuchBucket", "InvalidBucketName"})


def scope_of(job_id: str) -> str:
    return f"export#{job_id}"


def open_job(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Check the role and the segment of a job, and keep the segment as it is.

    A job that cannot start ends FAILED, with the reason.

    Returns {"Progress": where each shard begins, "Outcome": "EXPORT" or "REFUSED"}.
    """
    app_id, job_id = event["ApplicationId"], event["JobId"]
    job = begin_job(hub, Kind.EXPORT_JOB, event, TotalPieces=hub.endpoints.shards)
    if job is None:
        return {"Outcome": "REFUSED", "Progress": []}
    try:
        hub.bucket.write_json(_segment_key(job_id), _segment_of(hub, app_id, job["Definition"]))
        hub.roles.session(str(job["Definition"]["RoleArn"]), app_id)
    except (EngagementError, RoleNotAssumable) as error:
        hub.runs.complete_once(scope_of(job_id), "open", {_ALL: {"Fatal": 1}}, notes=[str(error)])
        return {"Outcome": "REFUSED", "Progress": []}
    return {"Outcome": "EXPORT", "Progress": all_shards(hub)}


def _segment_of(hub: Hub, app_id: str, definition: Mapping[str, Any]) -> dict[str, Any] | None:
    if "SegmentId" not in definition:
        return None
    segment = snapshot(hub, app_id, definition["SegmentId"], definition.get("SegmentVersion"))
    return {"Segment": segment, "TakenAt": hub.now().isoformat()}


def _segment_key(job_id: str) -> str:
    return f"jobs/{job_id}/segment.json"


def export_shards(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write one object of many shards, one after the other, for as long as `Seconds` allows.

    Takes {"Progress": [{"Shard", "After", "Part"}, …], "Seconds"} and returns what is left of it as
    {"Remaining": […], "Done"}. A small project is one object; a large one is left to ExportShard,
    many at a time.
    """
    remaining = _export(hub, event, context, list(event["Progress"]))
    return {"Remaining": remaining, "Done": not remaining}


def export_shard(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write one object of one shard, as far as the time of the function and PART_BYTES reach.

    Takes {"Shard", "After", "Part"} and returns the same, further on, with "Done".
    """
    at = {name: event[name] for name in ("Shard", "After", "Part")}
    remaining = _export(hub, event, context, [at])
    return {**(remaining[0] if remaining else at), "Done": not remaining}


def _export(
    hub: Hub, event: Event, context: LambdaContext, remaining: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Write one object, named after where it begins; returns where the next one does.

    A retry writes the same object again, and its counters with it.
    """
    app_id, job_id = event["ApplicationId"], event["JobId"]
    definition = hub.entities.require(app_id, Kind.EXPORT_JOB, job_id)["Definition"]
    taken = hub.bucket.read_json(_segment_key(job_id))
    audience = Audience(hub, app_id, taken and taken["Segment"])
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    name = f"{int(remaining[0]['Shard']):02x}-{int(remaining[0]['Part']):04d}"
    done: list[int] = []
    count = size = 0
    with tempfile.TemporaryFile() as file:
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
            while remaining and size < PART_BYTES:
                at = remaining[0]
                page = audience.page(int(at["Shard"]), at["After"])
                for endpoint in page.endpoints:
                    line = json.dumps(endpoint, ensure_ascii=False, separators=(",", ":")) + "\n"
                    size += packed.write(line.encode())
                count += len(page.endpoints)
                if page.after is None:
                    done.append(int(at["Shard"]))
                    remaining.pop(0)
                else:
                    remaining[0] = {**at, "After": page.after, "Part": int(at["Part"]) + 1}
                if out_of_time():
                    break
        if count:
            try:
                _upload(hub, app_id, definition, file, f"{job_id}-{name}.gz")
            except _NotWritable as error:
                hub.runs.complete_once(
                    scope_of(job_id), "write", {_ALL: {"Fatal": 1}}, notes=[str(error)]
                )
                return []
    counters = {"TotalProcessed": count, "CompletedPieces": len(done)}
    hub.runs.put_part(scope_of(job_id), name, {_ALL: counters})
    return remaining


class _NotWritable(Exception):
    """The caller's bucket refuses the objects permanently; the text says why."""


def _upload(
    hub: Hub, app_id: str, definition: Mapping[str, Any], file: IO[bytes], name: str
) -> None:
    bucket, _, prefix = str(definition["S3UrlPrefix"]).removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{name}".lstrip("/")
    file.seek(0)
    try:
        s3 = hub.roles.session(str(definition["RoleArn"]), app_id).client("s3")
        s3.put_object(Bucket=bucket, Key=key, Body=file, ContentType="application/gzip")
    except RoleNotAssumable as error:
        raise _NotWritable(str(error)) from error
    except ClientError as error:
        if error_code(error) not in _FINAL:
            raise
        raise _NotWritable(
            f"s3://{bucket}/{key} cannot be written with the RoleArn of the job "
            f"({error_code(error)})."
        ) from error


def shard_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Count a shard that could not be exported even after retries."""
    shard = int(event["Shard"])
    name = event["Error"]["Error"]
    hub.runs.complete_once(
        scope_of(event["JobId"]),
        f"shard#{shard:02x}",
        {_ALL: {"FailedPieces": 1}},
        notes=[f"Shard {shard} could not be exported ({name})."],
    )
    return {"Shard": shard, "Done": True}


def close_job(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the totals and the end of the job. A job that is over stays as it is."""
    app_id, job_id = event["ApplicationId"], event["JobId"]
    job = hub.entities.require(app_id, Kind.EXPORT_JOB, job_id)
    if is_over(job):
        return {"JobStatus": job["JobStatus"]}
    scope = scope_of(job_id)
    totals = {**hub.runs.totals(scope).get(_ALL, {}), **hub.runs.parts(scope).get(_ALL, {})}
    failed = "Error" in event or totals.get("FailedPieces", 0) + totals.get("Fatal", 0) > 0
    if not failed and (reason := _why_incomplete(hub, app_id, job_id)) is not None:
        hub.runs.complete_once(scope, "incomplete", {_ALL: {"Fatal": 1}}, notes=[reason])
        failed = True
    counters = ("CompletedPieces", "FailedPieces", "TotalProcessed", "TotalFailures")
    return end_job(
        hub,
        Kind.EXPORT_JOB,
        event,
        failed=failed,
        counters={name: totals.get(name, 0) for name in counters},
        failures=failures_of(hub, event, scope, "export"),
    )


def _why_incomplete(hub: Hub, app_id: str, job_id: str) -> str | None:
    """Return the reason why the files may lack members of the segment, or None."""
    taken = hub.bucket.read_json(_segment_key(job_id))
    if taken is None:
        return None
    try:
        since = datetime.fromisoformat(taken["TakenAt"])
        require_whole(hub, app_id, taken["Segment"], since)
    except NotFound as error:
        return f"The segment was deleted or replaced while it was exported: {error.message}"
    return None


STEPS = {
    "OpenJob": open_job,
    "ExportShards": export_shards,
    "ExportShard": export_shard,
    "ShardFailed": shard_failed,
    "CloseJob": close_job,
}
