"""Bring endpoints and imported segments into a hub.

Few endpoints go in by UpdateEndpointsBatch. Many go in by an import job, which reads files that
this module puts into a bucket of the user: a call for each endpoint would take days for millions.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.import_jobs import job_started_before, without_addresses
from shared.transient import is_transient
from tools.errors import ToolError
from tools.takeover.answers import Saved
from tools.takeover.endpoints import Staging, Write
from tools.takeover.hub import HubProject
from tools.takeover.places import bucket_and_key
from tools.takeover.report import Entry, Report, Result
from tools.takeover.resources import refusal_text
from tools.takeover.stored_map import StoredMap

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FEW", "Bucket", "JobFailed", "StagingNeeded", "Transfer"]

FEW = 1_000
_BATCH = 100
_PART_ROWS = 50_000
_POLL_SECONDS = 10
_LONGEST_JOB_SECONDS = 24 * 3600
_JOBS_AT_ONCE = 5
_OVER = ("COMPLETED", "FAILED")
_FAILURES_SHOWN = 5


class StagingNeeded(ToolError):
    """There are too many endpoints for single calls."""


class JobFailed(ToolError):
    """An import or export job of the hub failed, or does not end."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The place for files that the hub reads and writes, and the role that it takes for them."""

    url: str
    role_arn: str
    s3: S3Client

    def put(self, url: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write an object of JSON lines, compressed."""
        bucket, key = bucket_and_key(url)
        body = BytesIO()
        with gzip.GzipFile(fileobj=body, mode="wb", mtime=0) as packed:
            for row in rows:
                packed.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())

    def lines(self, url: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of every compressed object below a prefix."""
        bucket, prefix = bucket_and_key(url)
        for key in self._keys(bucket, prefix):
            body: Any = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
            with gzip.GzipFile(fileobj=body) as lines:
                for line in lines:
                    yield json.loads(line)

    def clear(self, url: str) -> None:
        """Delete every object below a prefix: the objects hold addresses."""
        bucket, prefix = bucket_and_key(url)
        keys = self._keys(bucket, prefix)
        while some := list(islice(keys, 1_000)):
            self.s3.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
            )

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", []):
                yield found["Key"]


class Transfer:
    """Transfers the endpoints of one project."""

    def __init__(
        self,
        saved: Saved,
        staging: Staging,
        hub: HubProject,
        stored: StoredMap,
        report: Report,
        bucket: Bucket | None,
        *,
        progress: Callable[[str, int, int], None] = lambda kind, done, total: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._saved = saved
        self._staging = staging
        self._hub = hub
        self._stored = stored
        self._report = report
        self._bucket = bucket
        self._progress = progress
        self._sleep = sleep
        self._total = staging.count
        self._done = 0
        self._refusals = 0

    @cached_property
    def _earlier_jobs(self) -> list[dict[str, Any]]:
        """The import jobs of earlier runs."""
        return list(self._hub.import_jobs())

    def check_means(self) -> None:
        """Check that the endpoints can be brought in, before anything is created.

        Raises:
            StagingNeeded: see the class.
        """
        if self._total <= FEW or self._bucket is not None:
            return
        text = (
            f"The files hold {self._total} endpoints. More than {FEW} go in by an import job: "
            "give --staging s3://bucket/prefix/ and --role-arn, a role that lets the hub read "
            "and write there (docs/taking_over.md)."
        )
        if not self._report.dry_run:
            raise StagingNeeded(text)
        self._report.warnings.append(text)

    def endpoints(self) -> None:
        """Write the endpoints.

        Raises:
            JobFailed, ClientError, BotoCoreError: run again; endpoints that are there stay.
        """
        if self._total == 0:
            return
        if kept := self._staging.kept_opted_out:
            self._report.warnings.append(
                f"{kept} endpoints are opted out in one file and not in a newer one: they are "
                "taken over as opted out."
            )
        if self._report.dry_run:
            for _ in self._writes():
                self._count("would be written")
        elif self._bucket is None:
            self._by_batches()
        else:
            self._by_job(self._bucket)
        self._tell_refusals()
        if not self._report.dry_run:
            self._stored.put("endpoints", "first", "done")
        for member, count in sorted(self._staging.unknown_members.items()):
            self._report.warnings.append(
                f"Left out of endpoints, {count} times: {member}, which the API does not know."
            )

    def segments(self) -> dict[str, str | None]:
        """Create the imported segments. Returns their new ids by old ids; None without one."""
        imported = {
            old: one
            for old, one in self._saved.segments.items()
            if one.get("SegmentType") == "IMPORT"
        }
        found: dict[str, str | None] = {}
        waiting = iter(imported.items())
        while some := list(islice(waiting, _JOBS_AT_ONCE)):
            begun = [(old, self._begin_segment(old, one)) for old, one in some]
            for old, job in begun:
                found[old] = None if job is None else self._end_segment(*job)
        return found

    # Few endpoints

    def _by_batches(self) -> None:
        """Write endpoints by calls, after a look at each in the hub."""
        for number, endpoint_id in enumerate(self._staging.ids(), start=1):
            there = self._hub.endpoint(endpoint_id) if _in_path(endpoint_id) else None
            if there is not None:
                self._staging.add_of_hub([there])
            self._progress("endpoints looked at", number, self._total)
        writes = self._writes()
        while batch := list(islice(writes, _BATCH)):
            try:
                self._hub.update_endpoints([one.endpoint for one in batch])
                self._count("written", len(batch))
            except ClientError as error:
                if is_transient(error) or len(batch) == 1:
                    raise
                self._one_by_one(batch)

    def _one_by_one(self, batch: Sequence[Write]) -> None:
        """Write a batch that the hub refused, because one of its endpoints breaks a rule."""
        for one in batch:
            try:
                self._hub.update_endpoints([one.endpoint])
            except ClientError as error:
                if error.response["Error"]["Code"] != "BadRequestException":
                    raise
                self._staging.refuse(one.endpoint["Id"])
                self._refused(one.place, refusal_text(error))
            else:
                self._count("written")

    # Many endpoints

    def _by_job(self, bucket: Bucket) -> None:
        """Write endpoints by an import job, after an export of the hub's endpoints."""
        self._await_earlier_job(bucket)
        self._look_at_hub(bucket)
        url = f"{bucket.url}{uuid.uuid4().hex}/endpoints/"
        written = self._put_parts(bucket, url, (one.endpoint for one in self._writes()))
        if not written:
            return
        self._stored.put("import", url, "begun")
        job = self._hub.create_import_job(
            {
                "Format": "JSON",
                "S3Url": url,
                "RoleArn": bucket.role_arn,
                "RegisterEndpoints": True,
                "DefineSegment": False,
            }
        )
        ended = self._ended(partial(self._hub.import_job, job["Id"]), "import")
        self._stored.put("import", url, "ended")
        bucket.clear(url)
        rejected = int(ended.get("TotalFailures") or 0)
        self._tell_failures(ended, "endpoints")
        self._count("written", written - rejected)
        if rejected:
            self._count("not taken", rejected)

    def _look_at_hub(self, bucket: Bucket) -> None:
        url = f"{bucket.url}{uuid.uuid4().hex}/hub/"
        try:
            job = self._hub.create_export_job({"S3UrlPrefix": url, "RoleArn": bucket.role_arn})
            self._ended(partial(self._hub.export_job, job["Id"]), "export")
            self._staging.add_of_hub(bucket.lines(url))
        finally:
            bucket.clear(url)

    def _await_earlier_job(self, bucket: Bucket) -> None:
        """Wait for the job of a run that was interrupted, and delete its files."""
        for url in [url for url, state in self._stored.entries("import") if state != "ended"]:
            job = job_started_before(self._earlier_jobs, url, "")
            if job is not None:
                self._ended(partial(self._hub.import_job, job["Id"]), "import", must_succeed=False)
            self._stored.put("import", url, "ended")
            bucket.clear(url)

    def _put_parts(self, bucket: Bucket, url: str, rows: Iterable[Mapping[str, Any]]) -> int:
        count = 0
        rows = iter(rows)
        while part := list(islice(rows, _PART_ROWS)):
            bucket.put(f"{url}{count // _PART_ROWS:06d}.jsonl.gz", part)
            count += len(part)
        return count

    # Imported segments

    def _begin_segment(
        self, old: str, segment: Mapping[str, Any]
    ) -> tuple[Entry, Mapping[str, Any] | None, str] | None:
        """Begin an import into a new segment. Returns its entry, its job and the URL of its files;
        None for a segment that is there, or cannot be."""
        entry = self._report.add(Entry("imported segment", old, segment.get("Name") or old))
        there = {str(one["Id"]) for one in self._hub.known_segments}
        known = self._stored.get("segment", old)
        if known is not None:
            entry.new = known
            if known in there:
                entry.result = Result.ALREADY_THERE
                return (entry, None, "")
            entry.reasons.append(
                f"It was taken over as {known} and deleted in the hub since. Delete its line from "
                "the stored map to take it over again."
            )
            return None
        if old not in self._staging.segments():
            entry.reasons.append(
                "It is imported, and GetSegments has no members of it. Put the export of the "
                f"segment into a folder named {old}, or name another segment in "
                "substitutes.segments."
            )
            return None
        if self._report.dry_run:
            entry.result = Result.WOULD_BE_CREATED
            return (entry, None, "")
        if self._bucket is None:
            entry.reasons.append(
                "An imported segment needs an import job: give --staging and --role-arn."
            )
            return None
        url = f"{self._bucket.url}{self._saved.project_id}/segments/{old}/"
        try:
            job = self._job_of_segment(self._bucket, old, entry.name, url, entry)
        except (ClientError, BotoCoreError) as error:
            entry.reasons.append(refusal_text(error))
            return None
        return None if job is None else (entry, job, url)

    def _job_of_segment(
        self, bucket: Bucket, old: str, name: str, url: str, entry: Entry
    ) -> Mapping[str, Any] | None:
        """Return the job that fills a segment: of an earlier run whose answer was lost, or a new
        one."""
        job = job_started_before(self._earlier_jobs, url, "")
        if job is not None:
            return job
        count = self._put_parts(bucket, url, ({"Id": one} for one in self._staging.members(old)))
        if not count:
            entry.reasons.append("None of its members could be taken over.")
            return None
        return self._hub.create_import_job(
            {
                "Format": "JSON",
                "S3Url": url,
                "RoleArn": bucket.role_arn,
                "RegisterEndpoints": False,
                "DefineSegment": True,
                "SegmentName": name,
            }
        )

    def _end_segment(self, entry: Entry, job: Mapping[str, Any] | None, url: str) -> str | None:
        if job is None:
            return entry.new or "(new)"
        ended = self._ended(partial(self._hub.import_job, job["Id"]), "import", must_succeed=False)
        if ended["JobStatus"] != "COMPLETED":
            entry.reasons.append(f"Its import failed. {_first_failures(ended)}")
            return None
        if self._bucket is not None:
            self._bucket.clear(url)
        self._tell_failures(ended, f"the segment {entry.name}")
        entry.result, entry.new = Result.CREATED, str(ended["Definition"]["SegmentId"])
        self._stored.put("segment", entry.old, entry.new)
        return entry.new

    # Counting

    def _writes(self) -> Iterator[Write]:
        is_first = self._stored.get("endpoints", "first") is None
        return self._staging.writes(
            is_first=is_first,
            refused=self._refused,
            kept=lambda: self._count("already there"),
        )

    def _count(self, name: str, number: int = 1) -> None:
        self._report.endpoints[name] += number
        self._done += number
        self._progress("endpoints", self._done, self._total)

    def _refused(self, place: str, reason: str) -> None:
        self._count("not taken")
        self._refusals += 1
        if self._refusals <= 100:
            self._report.problems.append(f"{place}: {without_addresses(reason)}")

    def _tell_refusals(self) -> None:
        if self._refusals > 100:
            self._report.problems.append(
                f"{self._refusals - 100} more endpoints are not taken; the first 100 have reasons."
            )

    def _tell_failures(self, job: Mapping[str, Any], subject: str) -> None:
        rejected = int(job.get("TotalFailures") or 0)
        if rejected:
            self._report.problems.append(
                f"The hub rejected {rejected} rows of {subject}. {_first_failures(job)}"
            )

    def _ended(
        self, read: Callable[[], dict[str, Any]], kind: str, *, must_succeed: bool = True
    ) -> dict[str, Any]:
        """Wait for the end of a job.

        Raises:
            JobFailed: see the class.
        """
        for _ in range(_LONGEST_JOB_SECONDS // _POLL_SECONDS):
            job = read()
            if job["JobStatus"] in _OVER:
                break
            processed = int(job.get("TotalProcessed") or 0)
            self._progress(f"rows of the {kind} job", processed, max(self._total, processed))
            self._sleep(_POLL_SECONDS)
        else:
            raise JobFailed(f"The {kind} job {job['Id']} has not ended in a day. Run again later.")
        if must_succeed and job["JobStatus"] == "FAILED":
            raise JobFailed(
                f"The {kind} job {job['Id']} failed. {_first_failures(job)} Run again when the "
                "cause is gone: endpoints that are there stay as they are."
            )
        return job


def _first_failures(job: Mapping[str, Any]) -> str:
    texts = [without_addresses(str(text)) for text in job.get("Failures") or []]
    return " ".join(texts[:_FAILURES_SHOWN])


def _in_path(endpoint_id: str) -> bool:
    """Check whether a URL can carry the id; the hub refuses other ids."""
    return not set("?%") & set(endpoint_id) and endpoint_id.isprintable()
