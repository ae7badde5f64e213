"""Find and delete the messages of an endpoint, and its rows in the index.

Every version is deleted, so that nothing can be restored. Object Lock keeps a version until its
date: in compliance mode from every caller, in governance mode from a caller that does not bypass
it. Such a version is kept with its row, and reported.

The hours in the keys of messages tell which index files have rows. So that an erasure that ends in
between can be repeated, each hour gets a delete marker before its messages are deleted, and the
markers are deleted after the rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from message_archiver.keys import endpoint_prefix, hour_of, index_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Erasure", "Kept", "QueryFailed", "StoredMessage", "endpoints_of_user"]

T = TypeVar("T")
Progress = Callable[[str, int, int], None]

_DELETED_AT_ONCE = 1_000
_QUERY_SECONDS = 600
_NO_LOCK = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})


class QueryFailed(RuntimeError):
    """Athena did not answer which endpoints a user had."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A version of an archived message, or a delete marker. `lock` is the mode of Object Lock."""

    key: str
    version_id: str
    lock: str | None = None
    locked_until: datetime | None = None
    is_marker: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that could not be deleted, and why."""

    key: str
    version_id: str
    reason: str


def _silent(what: str, done: int, of: int) -> None:
    """Show nothing."""


@dataclass(slots=True)
class Erasure:
    """Deletes from an archive. `bypass_governance` needs s3:BypassGovernanceRetention."""

    s3: S3Client
    archive_bucket: str
    index_bucket: str
    bypass_governance: bool = False
    _is_locked: bool | None = field(default=None)

    def messages(self, endpoint_id: str) -> list[StoredMessage]:
        """Return every version of every message of an endpoint, with its lock."""
        prefix = endpoint_prefix(endpoint_id)
        return [
            StoredMessage(key, version_id, is_marker=True)
            if is_marker
            else StoredMessage(key, version_id, *self._lock(key, version_id))
            for key, version_id, is_marker in self._versions(self.archive_bucket, prefix)
        ]

    def delete(self, messages: Sequence[StoredMessage], progress: Progress = _silent) -> list[Kept]:
        """Delete versions, and leave a delete marker in each hour; return what S3 keeps.

        `delete_rows` deletes the markers.
        """
        stored = [one for one in messages if not one.is_marker]
        self._mark_hours(stored)
        return self._delete(
            self.archive_bucket,
            [(one.key, one.version_id) for one in stored],
            {(one.key, one.version_id): one for one in stored},
            progress,
        )

    def _mark_hours(self, messages: Sequence[StoredMessage]) -> None:
        """Put a delete marker on one message of each hour that is not locked."""
        keys = {
            hour_of(one.key): one.key
            for one in messages
            if one.lock is None or (one.lock == "GOVERNANCE" and self.bypass_governance)
        }
        for some in _portions(list(keys.values())):
            self.s3.delete_objects(
                Bucket=self.archive_bucket,
                Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
            )

    def count_rows(self, endpoint_id: str, messages: Sequence[StoredMessage]) -> int:
        """Return the number of index rows that the hours of these messages have of an endpoint."""
        return sum(
            len(lines) - len(left)
            for _, _, lines, left in self._index_files(endpoint_id, messages, frozenset())
        )

    def delete_rows(
        self,
        endpoint_id: str,
        messages: Sequence[StoredMessage],
        kept: Iterable[Kept] = (),
        progress: Progress = _silent,
    ) -> int:
        """Delete the rows of an endpoint from the index, then its markers; return the rows' number.

        Rows of kept messages stay. A file is written anew without the rows, and its old versions
        are deleted.
        """
        kept_keys = frozenset(one.key for one in kept)
        deleted = 0
        files = list(self._index_files(endpoint_id, messages, kept_keys))
        for place, (key, etag, lines, left) in enumerate(files, start=1):
            current = None
            if left:
                # A second erasure at the same time is refused by the condition.
                current = self.s3.put_object(
                    Bucket=self.index_bucket,
                    Key=key,
                    Body="".join(left).encode(),
                    ContentType="application/x-ndjson",
                    ChecksumAlgorithm="SHA256",
                    IfMatch=etag,
                )["VersionId"]
            old = [
                (name, version)
                for name, version, _ in self._versions(self.index_bucket, key)
                if name == key and version != current
            ]
            self._delete(self.index_bucket, old, {}, _silent)
            deleted += len(lines) - len(left)
            progress("index files", place, len(files))
        markers = [
            (key, version)
            for key, version, is_marker in self._versions(
                self.archive_bucket, endpoint_prefix(endpoint_id)
            )
            if is_marker
        ]
        self._delete(self.archive_bucket, markers, {}, _silent)
        return deleted

    def _index_files(
        self, endpoint_id: str, messages: Sequence[StoredMessage], kept: frozenset[str]
    ) -> Iterator[tuple[str, str, list[str], list[str]]]:
        """Yield index files with rows to delete: key, ETag, all lines, the lines that stay."""
        for hour in sorted({hour_of(one.key) for one in messages}):
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.index_bucket, Prefix=index_prefix(hour)
            )
            for page in pages:
                for item in page.get("Contents", []):
                    answer = self.s3.get_object(Bucket=self.index_bucket, Key=item["Key"])
                    lines = answer["Body"].read().decode().splitlines(keepends=True)
                    left = [line for line in lines if not _is_row_of(line, endpoint_id, kept)]
                    if len(left) < len(lines):
                        yield item["Key"], answer["ETag"], lines, left

    def _versions(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, bool]]:
        """Yield key, version, and whether it is a delete marker."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for version in page.get("Versions", []):
                yield version["Key"], version["VersionId"], False
            for marker in page.get("DeleteMarkers", []):
                yield marker["Key"], marker["VersionId"], True

    def _lock(self, key: str, version_id: str) -> tuple[str | None, datetime | None]:
        if not self._bucket_is_locked():
            return None, None
        try:
            answer = self.s3.get_object_retention(
                Bucket=self.archive_bucket, Key=key, VersionId=version_id
            )["Retention"]
        except ClientError as error:
            if error.response["Error"].get("Code") in _NO_LOCK:
                return None, None
            raise
        until = answer.get("RetainUntilDate")
        if until is None or until < datetime.now(until.tzinfo):
            return None, None
        return answer.get("Mode"), until

    def _bucket_is_locked(self) -> bool:
        if self._is_locked is None:
            try:
                self.s3.get_object_lock_configuration(Bucket=self.archive_bucket)
                self._is_locked = True
            except ClientError as error:
                if error.response["Error"].get("Code") not in _NO_LOCK:
                    raise
                self._is_locked = False
        return self._is_locked

    def _delete(
        self,
        bucket: str,
        versions: Sequence[tuple[str, str]],
        known: Mapping[tuple[str, str], StoredMessage],
        progress: Progress,
    ) -> list[Kept]:
        kept = []
        bypass: dict[str, Any] = {}
        # S3 refuses the parameter for a bucket without Object Lock (InvalidArgument).
        is_archive = bucket == self.archive_bucket
        if self.bypass_governance and is_archive and self._bucket_is_locked():
            bypass["BypassGovernanceRetention"] = True
        done = 0
        for some in _portions(versions):
            answer = self.s3.delete_objects(
                Bucket=bucket,
                Delete={
                    "Objects": [{"Key": key, "VersionId": version} for key, version in some],
                    "Quiet": True,
                },
                **bypass,
            )
            for error in answer.get("Errors", []):
                key, version = error["Key"], error.get("VersionId", "")
                kept.append(Kept(key, version, _reason(error, known.get((key, version)))))
            done += len(some)
            progress("versions", done, len(versions))
        return kept


def _portions(of: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield as many as one call deletes."""
    for start in range(0, len(of), _DELETED_AT_ONCE):
        yield of[start : start + _DELETED_AT_ONCE]


def _reason(error: Mapping[str, Any], message: StoredMessage | None) -> str:
    if message is not None and message.lock and message.locked_until:
        way_out = (
            "--bypass-governance deletes it before that date"
            if message.lock == "GOVERNANCE"
            else "nobody can delete it before that date"
        )
        return f"Object Lock, {message.lock} until {message.locked_until:%Y-%m-%d}: {way_out}"
    return f"{error.get('Code', 'unknown code')}"


def _is_row_of(line: str, endpoint_id: str, kept: frozenset[str]) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return row.get("endpoint_id") == endpoint_id and row.get("key") not in kept


def endpoints_of_user(
    athena: Any,
    workgroup: str,
    database: str,
    table: str,
    user_id: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Return the endpoints to which the archive has messages of a user.

    Raises:
        QueryFailed: Athena refused or cancelled the query, or needed more than ten minutes.
    """
    literal = user_id.replace("'", "''")
    query = (
        f'SELECT DISTINCT endpoint_id FROM "{database}"."{table}" '
        f"WHERE user_id = '{literal}' ORDER BY endpoint_id"
    )
    execution = athena.start_query_execution(QueryString=query, WorkGroup=workgroup)
    query_id = execution["QueryExecutionId"]
    deadline = clock() + _QUERY_SECONDS
    while True:
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            break
        if status["State"] in ("FAILED", "CANCELLED"):
            reason = status.get("StateChangeReason", "without a reason")
            raise QueryFailed(f"The query of the user's endpoints is {status['State']}: {reason}")
        if clock() > deadline:
            athena.stop_query_execution(QueryExecutionId=query_id)
            raise QueryFailed(
                f"The query of the user's endpoints took more than {_QUERY_SECONDS} s."
            )
        sleep(1)
    rows = [
        row["Data"][0].get("VarCharValue", "")
        for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
        for row in page["ResultSet"]["Rows"]
    ]
    return rows[1:]  # the first row has the names of the columns
