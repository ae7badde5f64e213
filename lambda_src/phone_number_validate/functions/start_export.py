"""The state machine's first step: start the export of the endpoints."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from phone_number_validate.request import export_prefix, validation_request
from shared.pinpoint import pinpoint_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
EXPORT_ROLE_ARN = required_env("EXPORT_ROLE_ARN")
BUCKET = required_env("BUCKET")
NEEDS_VALIDATION_SEGMENT_ID = required_env("NEEDS_VALIDATION_SEGMENT_ID")
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="phone-number-validate")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start the export of a run.

    Event: `{Input, Execution: name, Round, RetryCount}`; answer: `{JobId, Prefix, Attempt,
    WaitSeconds, Finished: false}`. A second export after a lost answer costs a job and harms
    nothing.

    Raises:
        BadValidationRequest: the input names no segment in a way that can be followed.
        ServiceUnavailable: worth another attempt.
    """
    request = validation_request(event["Input"], NEEDS_VALIDATION_SEGMENT_ID)
    prefix = export_prefix(event["Execution"], event["Round"], event["RetryCount"])

    with transient_errors_named():
        job = pinpoint.create_export_job(
            ApplicationId=PROJECT_ID,
            ExportJobRequest={
                "S3UrlPrefix": f"s3://{BUCKET}/{prefix}",
                "RoleArn": EXPORT_ROLE_ARN,
                "SegmentId": request.segment_id,
            },
        )["ExportJobResponse"]

    logger.info("Export job running", extra={"job": job["Id"], "segment": request.segment_id})
    return {
        "JobId": job["Id"],
        "Prefix": prefix,
        "Attempt": 0,
        "WaitSeconds": POLLING.wait_seconds(0),
        "Finished": False,
    }
