"""Athena runs Trino's SQL on the tables and views of the Glue catalog, as its caller.

The work is done in ``local_aws.athena``; this puts it behind StartQueryExecution, with the rules
of workgroups.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

import duckdb
from ministack.core import iam_actions
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
)
from ministack.services import athena, kms, s3

from local_aws.athena import REQUIRED as ENGINE
from local_aws.athena import statements, storage
from local_aws.athena.access import refusal
from local_aws.athena.errors import MalformedQuery, QueryCancelled, QueryFailed
from local_aws.athena.formatting import result_file

REQUIRED = (
    *ENGINE,
    "ministack.core.iam_actions.extract_resource_arn",
    "ministack.services.athena._executions",
    "ministack.services.athena._get_query_results",
    "ministack.services.athena._start_query_execution",
    "ministack.services.athena._stop_query_execution",
    "ministack.services.athena._type_precision_scale",
    "ministack.services.athena._workgroups",
    "ministack.services.athena.reset",
    "ministack.services.kms._resolve_key",
    "ministack.services.s3._put_object",
)

_MAX_QUERY_BYTES = 262144  # "Service Quotas": query string length

# What stops a running query, by execution id.
_running: dict[str, Any] = {}

# Queries by the token of their request, each with the parameters that it came with.
_requests: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}


@dataclass(frozen=True)
class _Output:
    """Where a query's result goes, and how S3 encrypts it there."""

    location: str
    encryption: dict[str, str]

    def key(self, query_id: str, kind: str = "DML") -> tuple[str, str]:
        """Bucket and key: a query's rows are CSV, the answer of another statement is text."""
        parsed = urlparse(self.location, allow_fragments=False)
        prefix, name = parsed.path.strip("/"), f"{query_id}.{'csv' if kind == 'DML' else 'txt'}"
        return parsed.netloc, f"{prefix}/{name}" if prefix else name

    def headers(self) -> dict[str, str]:
        option = self.encryption.get("EncryptionOption")
        if option == "SSE_KMS":
            return {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": self.encryption.get("KmsKey", ""),
            }
        return {"x-amz-server-side-encryption": "AES256"} if option == "SSE_S3" else {}


def apply() -> None:
    athena._start_query_execution = _start_once
    athena._type_precision_scale = _precision_and_scale
    iam_actions.extract_resource_arn = _of_their_workgroup(iam_actions.extract_resource_arn)
    _check_readers()
    _interrupt_stopped()
    _forget_copies()


def _of_their_workgroup(extract: Callable[..., str]) -> Callable[..., str]:
    """Queries are authorized on their workgroup, also where a request names the query alone.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon
    Athena": GetQueryExecution, GetQueryResults and StopQueryExecution have the resource workgroup.
    """

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        found = extract(service, method, path, headers, body, query_params, region, account_id)
        if service != "athena" or found != "*":
            return found
        try:
            execution = athena._executions.get(json.loads(body)["QueryExecutionId"])
        except (ValueError, KeyError, TypeError):
            return found
        if execution is None:
            return found
        return f"arn:aws:athena:{region}:{account_id}:workgroup/{execution['WorkGroup']}"

    return extract_resource_arn


def _invalid(message: str, code: str = "") -> Any:
    extra = {"AthenaErrorCode": code} if code else None
    return error_response_json("InvalidRequestException", message, 400, extra=extra)


def _start_once(data: dict[str, Any]) -> Any:
    """A repeated ClientRequestToken is the same query, if nothing else of the request changed."""
    request = (get_account_id(), get_region(), str(data.get("ClientRequestToken") or new_uuid()))
    parameters = {name: value for name, value in data.items() if name != "ClientRequestToken"}
    if request in _requests:
        query_id, before = _requests[request]
        if before != parameters:
            return _invalid("Idempotent parameters do not match")
        return json_response({"QueryExecutionId": query_id})
    answer = _start(data)
    if answer[0] == 200:
        _requests[request] = (json.loads(answer[2])["QueryExecutionId"], parameters)
    return answer


def _start(data: dict[str, Any]) -> Any:
    name = data.get("WorkGroup") or "primary"
    workgroup = athena._workgroups.get(name)
    if workgroup is None:
        return _invalid(f"WorkGroup {name} is not found.")
    if workgroup.get("State", "ENABLED") != "ENABLED":
        return _invalid(f"WorkGroup {name} is disabled.")
    output = _output(workgroup, data.get("ResultConfiguration") or {})
    if not output.location:
        return _invalid(
            "No output location provided. An output location is required either through the "
            "Workgroup result configuration setting or as an API input."
        )
    sql = data.get("QueryString") or ""
    if len(sql.encode()) > _MAX_QUERY_BYTES:
        return _invalid(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MAX_QUERY_BYTES}"
        )
    try:
        statement = statements.parse(sql)
    except MalformedQuery as error:
        return _invalid(str(error), "MALFORMED_QUERY")
    bucket, key = output.key("")
    if bucket not in s3._buckets or refusal("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}"):
        return _invalid(f"Unable to verify/create output bucket {bucket}")
    context = data.get("QueryExecutionContext") or {}
    query_id = new_uuid()
    limit = (workgroup.get("Configuration") or {}).get("BytesScannedCutoffPerQuery")
    execution = _execution(query_id, data, name, output, statement, context)
    athena._executions[query_id] = execution
    run = _run(execution, statement, output, data.get("ExecutionParameters") or [], limit)
    task = asyncio.get_running_loop().create_task(run)
    _running[query_id] = {"task": task}
    return json_response({"QueryExecutionId": query_id})


def _output(workgroup: dict[str, Any], asked: dict[str, Any]) -> _Output:
    """The workgroup's result configuration, if it is enforced or nothing else was asked for."""
    configuration = workgroup.get("Configuration") or {}
    own = configuration.get("ResultConfiguration") or {}
    # The API's default is to enforce; the workgroup "primary" comes without it.
    enforced = configuration.get("EnforceWorkGroupConfiguration", workgroup["Name"] != "primary")
    chosen = own if enforced or not asked.get("OutputLocation") else asked
    return _Output(chosen.get("OutputLocation") or "", chosen.get("EncryptionConfiguration") or {})


def _execution(
    query_id: str,
    data: dict[str, Any],
    workgroup: str,
    output: _Output,
    statement: statements.Statement,
    context: dict[str, Any],
) -> dict[str, Any]:
    bucket, key = output.key(query_id, statement.kind)
    result: dict[str, Any] = {"OutputLocation": f"s3://{bucket}/{key}"}
    if output.encryption:
        result["EncryptionConfiguration"] = output.encryption
    execution = {
        "QueryExecutionId": query_id,
        "Query": data.get("QueryString"),
        "StatementType": statement.kind,
        "ResultConfiguration": result,
        "QueryExecutionContext": {
            "Database": context.get("Database") or "default",
            "Catalog": context.get("Catalog") or "AwsDataCatalog",
        },
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"EngineExecutionTimeInMillis": 0, "DataScannedInBytes": 0},
        "WorkGroup": workgroup,
        "EngineVersion": {
            "SelectedEngineVersion": "AUTO",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        "_results": None,
        "_column_types": None,
    }
    if parameters := data.get("ExecutionParameters"):
        execution["ExecutionParameters"] = parameters
    return execution


async def _run(
    execution: dict[str, Any],
    statement: statements.Statement,
    output: _Output,
    parameters: list[str],
    limit: int | None,
) -> None:
    """Run off the event loop, in the caller's context: account, region and access key."""
    status, statistics = execution["Status"], execution["Statistics"]
    query_id = execution["QueryExecutionId"]
    status["State"] = "RUNNING"
    start = time.monotonic()

    def work() -> None:
        def started(connection: Any) -> None:
            _running[query_id]["connection"] = connection

        database = execution["QueryExecutionContext"]["Database"].lower()
        result = statements.run(statement, database, parameters, limit, started)
        statistics["DataScannedInBytes"] = result.scanned
        execution["_results"] = {"columns": result.columns, "rows": result.rows}
        execution["_column_types"] = result.types
        bucket, key = output.key(query_id, statement.kind)
        _write(output, (bucket, key), result_file(statement.kind, result))
        if statement.kind == "DML":  # beside the rows; its format is not documented
            _write(output, (bucket, f"{key}.metadata"), "\n".join(result.columns).encode())

    state, reason = "SUCCEEDED", ""
    try:
        await asyncio.to_thread(work)
    except QueryCancelled as error:
        state, reason = "CANCELLED", str(error)
        statistics["DataScannedInBytes"] = error.scanned
    except QueryFailed as error:
        state, reason = "FAILED", str(error)
    except Exception as error:  # Not ours to let a query run for ever.
        logging.getLogger("local_aws").exception("Athena query %s", query_id)
        state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
    finally:
        _running.pop(query_id, None)
    elapsed = int((time.monotonic() - start) * 1000)
    statistics |= {
        "EngineExecutionTimeInMillis": elapsed,
        "TotalExecutionTimeInMillis": elapsed,
        "QueryQueueTimeInMillis": 0,
        "ServiceProcessingTimeInMillis": 0,
    }
    if status["State"] == "RUNNING":
        status["State"] = state
        if reason:
            status["StateChangeReason"] = reason
            kind = 3 if "PERMISSION" in reason or "Insufficient permissions" in reason else 2
            if state == "FAILED":
                status["AthenaError"] = {
                    "ErrorCategory": 1 if reason.startswith("GENERIC_INTERNAL") else 2,
                    "ErrorType": 1000 + kind,
                    "Retryable": False,
                    "ErrorMessage": reason,
                }
    status["CompletionDateTime"] = time.time()


def _write(output: _Output, target: tuple[str, str], content: bytes) -> None:
    bucket, key = target
    denied = refusal("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    record = kms._resolve_key(output.encryption.get("KmsKey") or "")
    if not denied and record and output.encryption.get("EncryptionOption") == "SSE_KMS":
        context = {"kms:viaservice": f"s3.{get_region()}.amazonaws.com"}
        denied = refusal("kms:GenerateDataKey", record["Arn"], context)
    if denied:
        raise QueryFailed(
            f"Access denied when writing output to url: s3://{bucket}/{key}. {denied}"
        )
    headers = {"content-type": "text/csv", "content-length": str(len(content)), **output.headers()}
    status, _, body = s3._put_object(bucket, key, content, headers)
    if status >= 300:
        message = ET.fromstring(body).findtext("Message")
        raise QueryFailed(f"Error writing output to url: s3://{bucket}/{key}. {message}")


def _check_readers() -> None:
    """Results are read from S3, with the permissions of who asks for them."""
    get_query_results = athena._get_query_results

    def checked(data: dict[str, Any]) -> Any:
        execution = athena._executions.get(data.get("QueryExecutionId"))
        if execution is not None and execution["Status"]["State"] == "SUCCEEDED":
            path = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://")
            if denied := refusal("s3:GetObject", f"arn:aws:s3:::{path}"):
                return error_response_json("AccessDeniedException", denied, 400)
        return get_query_results(data)

    athena._get_query_results = checked


def _interrupt_stopped() -> None:
    stop = athena._stop_query_execution

    def stopped(data: dict[str, Any]) -> Any:
        answer = stop(data)
        if connection := _running.get(data.get("QueryExecutionId", ""), {}).get("connection"):
            # A query that has read its rows has closed its connection before its file is written.
            with suppress(duckdb.ConnectionException):
                connection.interrupt()
        return answer

    athena._stop_query_execution = stopped


def _forget_copies() -> None:
    reset = athena.reset

    def reset_and_clear() -> None:
        reset()
        storage.clear()
        _requests.clear()

    athena.reset = reset_and_clear


def _precision_and_scale(name: str) -> tuple[int, int]:
    return {
        "varchar": (2147483647, 0),
        "tinyint": (3, 0),
        "smallint": (5, 0),
        "integer": (10, 0),
        "bigint": (19, 0),
        "float": (17, 0),
        "double": (17, 0),
        "decimal": (38, 0),
        "timestamp": (3, 0),
        "timestamp with time zone": (3, 0),
        "varbinary": (1073741824, 0),
    }.get(name, (0, 0))
