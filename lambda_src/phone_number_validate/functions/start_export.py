"""The state machine's first step: start the export of the endpoints."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from phone_number_validate.export_job import job_started_before
from phone_number_validate.request import export_prefix, round_prefix, validation_request
from shared.pinpoint import all_items, pinpoint_client, pinpoint_once
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
EXPORT_ROLE_ARN = required_env("EXPORT_ROLE_ARN")
BUCKET = required_env("BUCKET")
NEEDS_VALIDATION_SEGMENT_ID = required_env("NEEDS_VALIDATION_SEGMENT_ID")
_BUCKET_URL = f"s3://{BUCKET}/"
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="phone-number-validate")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start the export of a round, or find the job that an earlier attempt started.

    Event: `{Input, Execution: name, Round, RetryCount}`; answer: `{JobId, Prefix, Attempt,
    WaitSeconds, Finished: false}`.

    Raises:
        BadValidationRequest: the input names no segment in a way that can be followed.
        ServiceUnavailable: worth another attempt.
    """
    request = validation_request(event["Input"], NEEDS_VALIDATION_SEGMENT_ID)
    execution, round_, retry = event["Execution"], event["Round"], event["RetryCount"]

    with transient_errors_named():
        job: Mapping[str, Any] | None = None
        if retry > 0:
            job = job_started_before(
                all_items(
                    pinpoint.get_segment_export_jobs,
                    ApplicationId=PROJECT_ID,
                    SegmentId=request.segment_id,
                ),
                _BUCKET_URL + round_prefix(execution, round_),
            )
        if job is None:
            # A second job exports twice. Amazon Pinpoint creates one for each attempt of an SDK
            # call, a hub one for each call. The state machine's retry is another call, which looks
            # for the job first.
            job = pinpoint_once().create_export_job(
                ApplicationId=PROJECT_ID,
                ExportJobRequest={
                    "S3UrlPrefix": _BUCKET_URL + export_prefix(execution, round_, retry),
                    "RoleArn": EXPORT_ROLE_ARN,
                    "SegmentId": request.segment_id,
                },
            )["ExportJobResponse"]

    extra = {"job": job["Id"], "segment": request.segment_id, "retry": retry}
    logger.info("Export job running", extra=extra)
    return {
        "JobId": job["Id"],
        "Prefix": job["Definition"]["S3UrlPrefix"].removeprefix(_BUCKET_URL),
        "Attempt": 0,
        "WaitSeconds": POLLING.wait_seconds(0),
        "Finished": False,
    }
