"""The function that transforms a stream's records: its event, and what its answer means."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_region
from ministack.services import lambda_svc

from local_aws.patches.firehose.records import (
    PROCESSING_FAILED,
    SERVICE,
    Failure,
    Outgoing,
    Record,
    Refused,
)
from local_aws.patches.service_access import role_allows, role_trusts

REQUIRED = (
    "ministack.core.responses.get_region",
    "ministack.services.lambda_svc._execute_function",
    "ministack.services.lambda_svc._execution_record_for_config",
    "ministack.services.lambda_svc._get_func_record_for_ref",
)

Json = dict[str, Any]
ACTIONS = ("lambda:InvokeFunction", "lambda:GetFunctionConfiguration")


@dataclass(frozen=True)
class Processor:
    """A Lambda processor of one stream."""

    function: str
    role: str
    stream_arn: str
    source_arn: str  # of the Kinesis stream; empty without one

    def invoke(self, batch: list[Record]) -> dict[str, list[Json]]:
        """The function's results by record id.

        Raises:
            Refused: the whole batch was not taken, in the words of Firehose's error records.
        """
        # A function without a qualifier is invoked as its $LATEST version.
        qualified = self.function if self.function.count(":") > 6 else f"{self.function}:$LATEST"
        allowed = all(role_allows(self.role, action, qualified) for action in ACTIONS)
        if not allowed or not role_trusts(self.role, SERVICE, self.stream_arn):
            raise Refused(
                "Lambda.InvokeAccessDenied",
                "Access was denied. Ensure that the access policy allows access to the Lambda "
                "function.",
            )
        found, config, _ = lambda_svc._get_func_record_for_ref(self.function)
        if not found or not config:
            raise Refused("Lambda.ResourceNotFound", f"Function not found: {self.function}")
        record = lambda_svc._execution_record_for_config(found, config)
        answer = lambda_svc._execute_function(record, self._event(batch))
        if answer.get("throttle"):
            raise Refused("Lambda.InvokeLimitExceeded", "Rate Exceeded.")
        if answer.get("error"):
            raise Refused(
                "Lambda.FunctionError",
                "The Lambda function was successfully invoked but it returned an error result.",
            )
        body = answer.get("body")
        if isinstance(body, str | bytes):
            try:
                body = json.loads(body)
            except ValueError:
                body = None
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list):
            raise Refused(
                "Lambda.JsonProcessingException",
                "There was an error parsing returned records from the Lambda function. Ensure "
                "that the returned records follow the status model required by Firehose.",
            )
        results: dict[str, list[Json]] = {}
        for result in records:
            if isinstance(result, dict):
                results.setdefault(str(result.get("recordId")), []).append(result)
        return results

    def _event(self, batch: list[Record]) -> Json:
        event: Json = {
            "invocationId": str(uuid.uuid4()),
            "deliveryStreamArn": self.stream_arn,
            "region": get_region(),
        }
        if self.source_arn:
            event["sourceKinesisStreamArn"] = self.source_arn
        event["records"] = [
            {
                "recordId": record.id,
                "approximateArrivalTimestamp": int(record.arrived * 1000),
                "data": base64.b64encode(record.data).decode(),
                **({"kinesisRecordMetadata": dict(record.kinesis)} if record.kinesis else {}),
            }
            for record in batch
        ]
        return event


def result_of(record: Record, results: list[Json] | None, function: str) -> Outgoing | None:
    """What the function made of a record; None when it dropped it."""

    def failed(code: str, message: str) -> Outgoing:
        failure = Failure(PROCESSING_FAILED, code, message, 1, {"lambdaArn": function})
        return Outgoing(record, record.data, failure=failure)

    if not results:
        return failed(
            "Lambda.MissingRecordId",
            "One or more record Ids were not returned. Ensure that the Lambda function returns "
            "all received record Ids.",
        )
    if len(results) > 1:
        return failed(
            "Lambda.DuplicatedRecordId",
            "Multiple records were returned with the same record ID. Ensure that the Lambda "
            "function returns unique record IDs for each record.",
        )
    result = results[0]
    match result.get("result"):
        case "Dropped":
            return None
        case "ProcessingFailed":
            return failed("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
        case "Ok":
            try:
                data = base64.b64decode(result["data"], validate=True)
            except (KeyError, TypeError, ValueError, binascii.Error):
                return failed(
                    "Lambda.InvalidReturnFormat", "The data of a record is not base64 text."
                )
            keys = (result.get("metadata") or {}).get("partitionKeys") or {}
            return Outgoing(record, data, {str(k): str(v) for k, v in keys.items()})
    return failed(
        "Lambda.InvalidReturnFormat",
        "The result of a record must be one of Ok, Dropped or ProcessingFailed.",
    )
