"""The steps of an import: list the files, cut them into pieces, register each piece, sum up.

Files are read under the role the caller named; pieces and rejected rows go to the work bucket:

    jobs/<job>/objects.json                     the files to read
    jobs/<job>/pieces/<file>-<n>.jsonl          at most 1,000 rows each
    jobs/<job>/rejects/<file>-<n>.jsonl         rows that could not be used, with the reason
    jobs/<job>/rejects/piece-<file>-<n>.jsonl   rows refused while being registered
    jobs/<job>/map-runs/…                       results of the Distributed Maps, by Step Functions

Every step may run twice: keys are derived from the work, merges give the same result again, and
totals are added once per file and piece.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from botocore.exceptions import ClientError

from engagement_hub.customer_role import RoleNotAssumable
from engagement_hub.engagement.endpoints import endpoint_id_for
from engagement_hub.engagement.errors import EngagementError, NotFound
from engagement_hub.engagement.import_files import FILE_BYTES, FileTooLarge, ImportFileError
from engagement_hub.engagement.import_rows import ImportRow, RejectedRow, read_rows
from engagement_hub.engagement.model import EndpointRequest, FileFormat, SegmentType
from engagement_hub.hub import Hub
from engagement_hub.store import chunks, error_code
from engagement_hub.store.entities import Kind
from engagement_hub.workers.job_state import (
    FAILURES_KEPT,
    begin_job,
    end_job,
    error_name,
    failures_of,
    is_over,
)
from engagement_hub.workers.steps import Answer, Event
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

_SEGMENT_IS_GONE = (
    "The segment was deleted during the import. Import the files without SegmentId for a new one."
)
PIECE_ROWS = 1000
UPDATE_BATCH = 100
# Enough for writes of 30 ms beside pieces that are parsed in 11 ms; each holds a piece in memory.
PUT_THREADS = 4
# For deleting the pieces of a file that cannot be completed, and for the totals.
LAST_MILLISECONDS = 60_000
_OTHER_FORMAT = {
    FileFormat.CSV: (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"),
    FileFormat.JSON: (".csv", ".csv.gz"),
}
# S3 answers that no retry will change.
_UNREADABLE = frozenset(
    {
        "403",
        "404",
        "AccessDenied",
        "InvalidBucketName",
        "InvalidObjectState",
        "NoSuchBucket",
        "NoSuchKey",
        "PermanentRedirect",
        "PreconditionFailed",
        "412",
    }
)
_ALL = "all"


def scope_of(job_id: str) -> str:
    return f"import#{job_id}"


def open_job(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """List the files of a job. When they cannot be listed the job ends FAILED, with the reason.

    For a job that is over the list is empty.

    Returns {"Files": how many, "Bucket": …, "ManifestKey": …}, and the bounds of the map of files.
    """
    app_id, job_id = event["ApplicationId"], event["JobId"]
    manifest_key = f"jobs/{job_id}/objects.json"
    job = begin_job(hub, Kind.IMPORT_JOB, event)
    try:
        files = [] if job is None else _files_of(hub, app_id, job["Definition"])
    except _Unreadable as error:
        files = []
        hub.runs.complete_once(scope_of(job_id), "open", {_ALL: {"Fatal": 1}}, notes=[str(error)])
    hub.bucket.write_json(manifest_key, files)
    return {
        "Files": len(files),
        "Bucket": hub.bucket.name,
        "ManifestKey": manifest_key,
        **_map_bounds(job_id, "files"),
    }


def _map_bounds(job_id: str, map_name: str) -> Answer:
    """Return the concurrency of a Distributed Map, and the prefix of its results.

    Step Functions joins the outputs of all children into the state's result unless a ResultWriter
    writes them to S3, and ends the execution at 256 KiB.
    """
    return {
        "MaxConcurrency": int(required_env("IMPORT_CONCURRENCY")),
        "ResultsPrefix": f"jobs/{job_id}/map-runs/{map_name}",
    }


class _Unreadable(Exception):
    """The files of a job, or one of them, cannot be read; the text says why."""


def _files_of(hub: Hub, app_id: str, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    url = str(definition["S3Url"])
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket:
        raise _Unreadable(f"S3Url {url} is not of the form s3://bucket/key.")
    found = []
    with _readable(url):
        for item in _listing(_s3(hub, app_id, definition), bucket, prefix):
            found.append({"Key": item["Key"], "ETag": item["ETag"], "Size": item["Size"]})
    exact = [item for item in found if item["Key"] == prefix]
    if exact:
        found = exact
    else:
        other = _OTHER_FORMAT[FileFormat(definition["Format"])]
        found = [
            item
            for item in found
            if not item["Key"].endswith("/") and not item["Key"].lower().endswith(other)
        ]
    if not found:
        raise _Unreadable(f"There are no {definition['Format']} files under {url}.")
    return [{"Index": index, **item} for index, item in enumerate(found)]


def _listing(s3: S3Client, bucket: str, prefix: str) -> Iterator[Any]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from page.get("Contents", [])


def _s3(hub: Hub, app_id: str, definition: Mapping[str, Any]) -> S3Client:
    try:
        client: S3Client = hub.roles.session(str(definition["RoleArn"]), app_id).client("s3")
        return client
    except RoleNotAssumable as error:
        raise _Unreadable(str(error)) from error


class _readable:  # noqa: N801  # reads as a statement: `with _readable(name)`
    """Turns S3's final refusals into _Unreadable; lets everything worth a retry through."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError) and error_code(error) in _UNREADABLE:
            raise _Unreadable(
                f"{self._name} cannot be read with the RoleArn of the job ({error_code(error)})."
            ) from error


def parse_object(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Cut one file into pieces and rejects.

    A file that is no data at all is a failed piece. So is a file that is too large, or that takes
    longer than a function has; its pieces are deleted again: the file is imported whole or not at
    all.
    """
    app_id, job_id, file = event["ApplicationId"], event["JobId"], event["File"]
    definition = hub.entities.require(app_id, Kind.IMPORT_JOB, job_id)["Definition"]
    bucket = str(definition["S3Url"]).removeprefix("s3://").partition("/")[0]
    key = str(file["Key"])
    index = f"{int(file['Index']):06d}"
    notes: list[str] = []
    damaged = 0
    with _Puts() as puts:
        pieces = _Parts(hub, f"jobs/{job_id}/pieces/{index}-", puts)
        rejects = _Parts(hub, f"jobs/{job_id}/rejects/{index}-", puts)
        try:
            if int(file["Size"]) > FILE_BYTES:
                raise FileTooLarge
            with _readable(key):
                body = _s3(hub, app_id, definition).get_object(
                    Bucket=bucket, Key=key, IfMatch=file["ETag"]
                )["Body"]
            for row in read_rows(cast(BinaryIO, body), definition["Format"], name=key):
                if isinstance(row, RejectedRow):
                    full = rejects.add(_reject(key, row.number, row.column, row.reason, row.code))
                    _note(notes, key, row.number, row.column, row.reason)
                else:
                    full = pieces.add(_piece_line(app_id, key, row))
                if full and context.get_remaining_time_in_millis() < LAST_MILLISECONDS:
                    raise _Unreadable(
                        f"{key} has more rows than a function reads in its time; none of them is "
                        "imported. Split it into several files under one prefix, and import the "
                        "prefix."
                    )
        except (_Unreadable, ImportFileError) as error:
            damaged = 1
            text = str(error)
            notes.insert(0, text if key in text else f"{key}: {text}")
        else:
            pieces.flush()
        rejects.flush()
    if damaged and pieces.parts:
        hub.bucket.delete(hub.bucket.keys(pieces.prefix))
        pieces.parts = 0
    counters = {
        "TotalPieces": pieces.parts + damaged,
        "FailedPieces": damaged,
        "TotalProcessed": rejects.rows,
        "TotalFailures": rejects.rows,
        "Size": int(file["Size"]),
    }
    hub.runs.complete_once(scope_of(job_id), f"file#{index}", {_ALL: counters}, notes=notes)
    return {"Pieces": pieces.parts}


class _Puts:
    """Writes to the work bucket in threads, a few at a time: parsing goes on during a write."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(PUT_THREADS)
        self._running: deque[Future[None]] = deque()

    def submit(self, put: Callable[[], None]) -> None:
        """Begin a write; wait for the oldest one where enough are under way.

        Raises:
            ClientError: of an earlier write. The step runs again and writes the same objects.
        """
        if len(self._running) == PUT_THREADS:
            self._running.popleft().result()
        self._running.append(self._pool.submit(put))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            for running in self._running:
                running.result()


class _Parts:
    """Writes rows as numbered objects of at most PIECE_ROWS lines."""

    def __init__(self, hub: Hub, prefix: str, puts: _Puts) -> None:
        self._bucket = hub.bucket
        self._puts = puts
        self._lines: list[Mapping[str, Any]] = []
        self.prefix = prefix
        self.parts = 0
        self.rows = 0

    def add(self, line: Mapping[str, Any]) -> bool:
        """Keep a line; return whether that made a part full."""
        self._lines.append(line)
        self.rows += 1
        if len(self._lines) < PIECE_ROWS:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        if self._lines:
            key = f"{self.prefix}{self.parts:06d}.jsonl"
            self._puts.submit(partial(self._bucket.write_lines, key, self._lines))
            self.parts += 1
            self._lines = []


def _piece_line(app_id: str, file_key: str, row: ImportRow) -> dict[str, Any]:
    endpoint = row.endpoint
    endpoint_id = row.id
    if endpoint_id is None and "Address" in endpoint and "ChannelType" in endpoint:
        endpoint_id = endpoint_id_for(app_id, endpoint["ChannelType"], endpoint["Address"])
    return {"File": file_key, "Row": row.number, "Id": endpoint_id, "Endpoint": endpoint}


def _reject(file: str, row: int, column: str | None, reason: str, code: object) -> dict[str, Any]:
    return {"File": file, "Row": row, "Column": column, "Reason": reason, "Code": str(code)}


def _note(notes: list[str], file: str, row: int, column: str | None, reason: str) -> None:
    if len(notes) < FAILURES_KEPT:
        place = f", column {column}" if column else ""
        notes.append(f"{file}, row {row}{place}: {reason}")


def parse_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Count a file that could not be parsed even after retries."""
    index = f"{int(event['File']['Index']):06d}"
    hub.runs.complete_once(
        scope_of(event["JobId"]),
        f"file#{index}",
        {_ALL: {"TotalPieces": 1, "FailedPieces": 1}},
        notes=[f"{event['File']['Key']}: reading failed again and again ({error_name(event)})."],
    )
    return {"Pieces": 0}


def count_pieces(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Publish how many pieces there are, between the two maps."""
    app_id, job_id = event["ApplicationId"], event["JobId"]
    totals = hub.runs.totals(scope_of(job_id)).get(_ALL, {})
    pieces = totals.get("TotalPieces", 0)
    hub.entities.update(
        app_id, Kind.IMPORT_JOB, job_id, lambda body: {**body, "TotalPieces": pieces}
    )
    return {
        "Pieces": pieces - totals.get("FailedPieces", 0),
        "Bucket": hub.bucket.name,
        "Prefix": f"jobs/{job_id}/pieces/",
        **_map_bounds(job_id, "pieces"),
    }


def register_piece(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the endpoints of one piece and put them into the segment, as the job asks."""
    app_id, job_id, key = event["ApplicationId"], event["JobId"], str(event["Key"])
    definition = hub.entities.require(app_id, Kind.IMPORT_JOB, job_id)["Definition"]
    segment_id = definition.get("SegmentId")
    lines = hub.bucket.read_lines(key)
    users = [line for line in lines if _names_a_user_only(line)]
    rows = [line for line in lines if not _names_a_user_only(line)]
    rejected: list[dict[str, Any]] = []
    if not segment_id:
        rejected += [
            _refused(line, "User.UserId", "A row with a user id alone needs a segment to go to.")
            for line in users
        ]
        users = []

    accepted = _register(hub, app_id, job_id, definition, rows, rejected)
    if segment_id:
        # The list has the id of the job: until CloseJob names it, no segment has these members.
        hub.endpoints.add_members(app_id, job_id, list(dict.fromkeys(accepted)))
        user_ids = dict.fromkeys(str(line["Endpoint"]["User"]["UserId"]) for line in users)
        hub.endpoints.add_members(app_id, job_id, list(user_ids), users=True)

    piece = key.rsplit("/", 1)[-1]
    if rejected:
        hub.bucket.write_lines(f"jobs/{job_id}/rejects/piece-{piece}", rejected)
    notes: list[str] = []
    for line in rejected:
        _note(notes, line["File"], line["Row"], line["Column"], line["Reason"])
    refused_rows = {(line["File"], line["Row"]) for line in rejected}
    channels: dict[str, int] = {}
    for line in rows:
        if (line["File"], line["Row"]) not in refused_rows:
            name = f"Channel:{line['Endpoint'].get('ChannelType', 'UNCHANGED')}"
            channels[name] = channels.get(name, 0) + 1
    counters = {
        "CompletedPieces": 1,
        "TotalProcessed": len(lines),
        "TotalFailures": len(rejected),
        "Members": len(set(accepted)) + len(users),
        "Users": len(users),
        **channels,
    }
    hub.runs.complete_once(scope_of(job_id), f"piece#{piece}", {_ALL: counters}, notes=notes)
    return {"Rows": len(lines)}


def _names_a_user_only(line: Mapping[str, Any]) -> bool:
    endpoint = line["Endpoint"]
    return line["Id"] is None and set(endpoint) == {"User"} and "UserId" in endpoint["User"]


def _refused(line: Mapping[str, Any], column: str | None, reason: str) -> dict[str, Any]:
    return _reject(line["File"], line["Row"], column, reason, "BadRequestException")


def _register(
    hub: Hub,
    app_id: str,
    job_id: str,
    definition: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    rejected: list[dict[str, Any]],
) -> list[str]:
    """Write endpoints; returns the ids that are in the project afterwards.

    With RegisterEndpoints false endpoints that exist stay as they are, and only unknown ones are
    created, because a segment can only hold what the project knows (AWS leaves this open).
    """
    usable = []
    for line in rows:
        if line["Id"] is None:
            reason = "A row needs Id, or Address and ChannelType."
            rejected.append(_refused(line, "Id", reason))
        else:
            usable.append(line)
    known: set[str] = set()
    if definition.get("RegisterEndpoints", True) is False:
        known = set(hub.endpoints.get_many(app_id, dict.fromkeys(line["Id"] for line in usable)))
    accepted = [str(line["Id"]) for line in usable if line["Id"] in known]
    for batch in chunks((line for line in usable if line["Id"] not in known), UPDATE_BATCH):
        updates = [(str(line["Id"]), cast(EndpointRequest, line["Endpoint"])) for line in batch]
        results = hub.endpoints.try_update_many(
            app_id, updates, now=hub.timestamp(), request_id=job_id
        )
        for line, result in zip(batch, results, strict=True):
            if isinstance(result, EngagementError):
                rejected.append(_refused(line, getattr(result, "member", None), str(result)))
            else:
                accepted.append(str(line["Id"]))
    return accepted


def piece_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Count a piece that could not be registered even after retries."""
    piece = str(event["Key"]).rsplit("/", 1)[-1]
    hub.runs.complete_once(
        scope_of(event["JobId"]),
        f"piece#{piece}",
        {_ALL: {"FailedPieces": 1}},
        notes=[f"Piece {piece} could not be registered ({error_name(event)})."],
    )
    return {"Rows": 0}


def close_job(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the totals and the end of the job. A job that is over stays as it is.

    A completed job gives its segment the list of members that the job filled. The list that the
    segment had, or the list of a failed job, is deleted later.

    Raises:
        NotStarted: the deletion could not be ordered.
    """
    app_id, job_id = event["ApplicationId"], event["JobId"]
    job = hub.entities.require(app_id, Kind.IMPORT_JOB, job_id)
    if is_over(job):
        return {"JobStatus": job["JobStatus"]}
    scope = scope_of(job_id)
    totals = hub.runs.totals(scope).get(_ALL, {})
    failed = "Error" in event or totals.get("FailedPieces", 0) + totals.get("Fatal", 0) > 0
    failures = failures_of(hub, event, scope, "import")
    if totals.get("TotalFailures", 0):
        failures = failures[: FAILURES_KEPT - 1]
        failures.append(
            f"Every rejected row: s3://{hub.bucket.name}/jobs/{job_id}/rejects/ (JSON lines)."
        )
    segment_id = job["Definition"].get("SegmentId")
    if segment_id:
        unused: str | None = job_id
        if not failed:
            try:
                unused = _define_segment(hub, app_id, job, totals)
            except NotFound:
                failed = True
                failures = [_SEGMENT_IS_GONE, *failures[: FAILURES_KEPT - 1]]
        if unused is not None:
            hub.machines.start_purge(app_id, segment_id, unused)
    counters = ("TotalPieces", "CompletedPieces", "FailedPieces", "TotalProcessed", "TotalFailures")
    return end_job(
        hub,
        Kind.IMPORT_JOB,
        event,
        failed=failed,
        counters={name: totals.get(name, 0) for name in counters},
        failures=failures,
    )


def _define_segment(
    hub: Hub, app_id: str, job: Mapping[str, Any], totals: Mapping[str, int]
) -> str | None:
    """Create the segment, or fill it anew; return the list of members that it had before.

    Raises:
        NotFound: the segment that the job was to fill was deleted.
    """
    definition = job["Definition"]
    segment_id = str(definition["SegmentId"])
    now = hub.timestamp()
    channels = {
        name.removeprefix("Channel:"): count
        for name, count in totals.items()
        if name.startswith("Channel:")
    }

    def defined(current: dict[str, Any] | None) -> dict[str, Any]:
        if current is not None and current.get("Members") == job["Id"]:
            return current  # this step ran before
        if current is None and definition.get("FillsSegment"):
            raise NotFound(_SEGMENT_IS_GONE)
        kept = current or {}
        return {
            "Id": segment_id,
            "ApplicationId": app_id,
            "Arn": hub.account.arn(f"apps/{app_id}/segments/{segment_id}"),
            "CreationDate": now,
            "Dimensions": {},
            "tags": {},
            **kept,
            "Name": definition.get("SegmentName") or kept.get("Name") or segment_id,
            "SegmentType": SegmentType.IMPORT.value,
            "LastModifiedDate": now,
            "Version": int(kept.get("Version", 0)) + 1,
            "Members": job["Id"],
            "FormerMembers": kept.get("Members"),
            "ImportDefinition": {
                "Format": definition["Format"],
                "S3Url": definition["S3Url"],
                "RoleArn": definition["RoleArn"],
                "ExternalId": definition.get("ExternalId", app_id),
                "Size": totals.get("Members", 0),
                "ChannelCounts": channels,
            },
        }

    segment = hub.entities.upsert(app_id, Kind.SEGMENT, segment_id, defined)
    former: str | None = segment["FormerMembers"]
    return former


STEPS = {
    "OpenJob": open_job,
    "ParseObject": parse_object,
    "ParseFailed": parse_failed,
    "CountPieces": count_pieces,
    "RegisterPiece": register_piece,
    "PieceFailed": piece_failed,
    "CloseJob": close_job,
}
