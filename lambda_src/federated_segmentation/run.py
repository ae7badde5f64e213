"""The values that the steps of a run pass on, and the ends of a run."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from federated_segmentation.request import Request, RequestType
from shared.import_jobs import without_addresses

__all__ = [
    "QueryState",
    "Result",
    "UnexpectedResult",
    "as_state",
    "execution_name",
    "import_failed",
    "import_request",
    "query_ended",
    "query_facts",
    "query_refused",
    "read_head",
    "request_token",
    "success",
]

# A notification and the state of an execution have at most 256 KB.
QUERY_CHARACTERS_TOLD = 20_000
REASON_CHARACTERS = 2_000
IMPORT_BYTES = 1024**3
NONE = "none"


class UnexpectedResult(RuntimeError):
    """The file of a query's result is not the one that the query promised."""


class QueryState(StrEnum):
    """The states of an Athena query, and TIMED_OUT for a query that the run stopped."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


# Word of a subject and a message, and the error of the execution.
_ENDS = {
    QueryState.FAILED: ("Failed", "QueryFailed"),
    QueryState.CANCELLED: ("Cancelled", "QueryCancelled"),
    QueryState.TIMED_OUT: ("Timed Out", "QueryTimedOut"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """Size and emptiness of a query's result."""

    size: int
    empty: bool


def request_token(execution_arn: str) -> str:
    """Return the ClientRequestToken of a run's query: the same for every attempt of the run.

    Athena takes 32 to 128 characters.
    """
    return hashlib.sha256(execution_arn.encode()).hexdigest()


def execution_name(schedule: str, time: str) -> str:
    """Return the name of a scheduled run: Step Functions takes no colons in it."""
    return f"{schedule}-{time.replace(':', '-')}"


def query_refused(run_input: Any, reason: str) -> dict[str, Any]:
    """Build the end of a run whose input or query is not valid."""
    given = run_input if isinstance(run_input, Mapping) else {}

    def text(name: str) -> str:
        value = given.get(name)
        return value[:QUERY_CHARACTERS_TOLD] if isinstance(value, str) else NONE

    return {
        "Error": "QueryInvalid",
        "Cause": without_addresses(reason)[:REASON_CHARACTERS],
        "Subject": "Federated Segmentation Query Invalid",
        "Message": "Query Invalid",
        "Result": {
            "Query": text("Query"),
            "Type": text("Type"),
            "SegmentName": text("SegmentName"),
            "SegmentId": text("SegmentId"),
            "Status": "INVALID",
            "StatusMessage": reason,
        },
    }


def query_ended(state: QueryState, query: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Build the end of a run whose query has no result.

    Args:
        query: its QueryExecution.
    """
    word, error = _ENDS[state]
    told = without_addresses(reason)[:REASON_CHARACTERS]
    return {
        "Error": error,
        "Cause": told,
        "Subject": f"Federated Segmentation Query {word}",
        "Message": f"Query {word}",
        "Result": {
            "QueryExecutionId": query["QueryExecutionId"],
            "QueryState": state.value,
            "StatusMessage": told,
            "DataScannedInBytes": _scanned(query),
        },
    }


def query_facts(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a QueryExecution that later steps and notifications need."""
    return {
        "QueryExecutionId": query["QueryExecutionId"],
        "DataScannedInBytes": _scanned(query),
        "OutputLocation": query["ResultConfiguration"]["OutputLocation"],
    }


def read_head(head: bytes, size: int, columns: Sequence[str]) -> Result:
    """Read the beginning of a result: Athena's CSV, which begins with the names of the columns.

    Args:
        size: bytes of the whole file.
        columns: that the query was checked for.

    Raises:
        UnexpectedResult: the file has other columns.
    """
    line, newline, rest = head.partition(b"\n")
    found = next(csv.reader([line.decode("utf-8", "replace")]), [])
    if found != list(columns):
        raise UnexpectedResult(
            f"The result has {len(found)} columns, and not the {len(columns)} columns that the "
            "query names. Compare the query with the result's first line in Athena."
        )
    return Result(size=size, empty=not newline or (not rest.strip() and len(head) >= size))


def import_request(
    s3_url: str, role_arn: str, request: Mapping[str, Any], *, writes: bool
) -> dict[str, Any]:
    """Return the ImportJobRequest for the file of a result.

    `RegisterEndpoints` is true when the query has a column that changes endpoints: a run of Type
    direct that only says who is in the segment leaves endpoints that exist as they are.
    """
    job: dict[str, Any] = {
        "S3Url": s3_url,
        "Format": "CSV",
        "RoleArn": role_arn,
        "DefineSegment": request["Type"] == RequestType.DIRECT,
        "RegisterEndpoints": writes,
    }
    if request["Type"] == RequestType.DIRECT:
        job["SegmentName"] = request["SegmentName"]
        if request["SegmentId"] is not None:
            job["SegmentId"] = request["SegmentId"]
    return job


def import_failed(
    job: Mapping[str, Any], reason: str, error: str = "ImportFailed"
) -> dict[str, Any]:
    """Build the end of a run whose result was not imported.

    Args:
        job: the ImportJobResponse, or its JobStatus alone where no job was started.
    """
    return {
        "Error": error,
        "Cause": without_addresses(reason)[:REASON_CHARACTERS],
        "ImportResult": {**job, "FailureReason": reason},
    }


def as_state(request: Request, writes: bool, columns: Sequence[str]) -> dict[str, Any]:
    """Return the request as the state machine keeps it, without the query's text."""
    return {
        "Type": request.type.value,
        "SegmentName": request.segment_name,
        "SegmentId": request.segment_id,
        "Writes": writes,
        "Columns": list(columns),
    }


def success(
    request: Mapping[str, Any], query: Mapping[str, Any], job: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Build the result of a success notification.

    `Outcome` is EMPTY for a result without rows, PARTIAL when rows were rejected, else IMPORTED.

    Args:
        job: the ImportJobResponse; None when there was nothing to import.
    """
    rejected = int((job or {}).get("TotalFailures") or 0)
    rows = int((job or {}).get("TotalProcessed") or 0)
    outcome = "PARTIAL" if rejected else "IMPORTED" if rows else "EMPTY"
    return {
        "Outcome": outcome,
        "Type": request["Type"],
        "SegmentName": request["SegmentName"] or NONE,
        "SegmentId": (job or {}).get("Definition", {}).get("SegmentId")
        or request["SegmentId"]
        or NONE,
        "QueryExecutionId": query["QueryExecutionId"],
        "DataScannedInBytes": query["DataScannedInBytes"],
        **({"ImportResult": dict(job)} if job else {}),
    }


def _scanned(query: Mapping[str, Any]) -> int:
    return int((query.get("Statistics") or {}).get("DataScannedInBytes") or 0)
