"""The state machine's first step: start the import job, once."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from s3_triggered_import.job import (
    import_request,
    newest_imported_segment,
    s3_url_from,
    segment_name,
)
from shared.import_jobs import job_started_before
from shared.pinpoint import all_items, pinpoint_client, pinpoint_once
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
IMPORT_ROLE_ARN = required_env("IMPORT_ROLE_ARN")
FILE_FORMAT = required_env("FILE_FORMAT")
REUSE_SEGMENT = required_env("REUSE_SEGMENT") == "true"
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="s3-triggered-import")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start the job of a run, or find the one that an earlier attempt started.

    Event: `{Input, Copy, ExecutionStarted: ISO 8601, RetryCount}`, where Copy is the answer of
    `copy_file`, or empty; answer: `{JobId, Attempt, WaitSeconds}`.

    Raises:
        BadImportRequest: the run's input names no object.
        ServiceUnavailable: worth another attempt.
    """
    dropped = s3_url_from(event["Input"])
    url = (event.get("Copy") or {}).get("S3URL", dropped)
    name = segment_name(dropped)

    with transient_errors_named():
        job = None
        if event["RetryCount"] > 0:
            job = job_started_before(
                all_items(pinpoint.get_import_jobs, ApplicationId=PROJECT_ID),
                url,
                event["ExecutionStarted"],
            )
        if job is None:
            request = import_request(
                url,
                file_format=FILE_FORMAT,
                role_arn=IMPORT_ROLE_ARN,
                name=name,
                segment_id=_segment_to_refill(name),
            )
            # A second job imports twice. Amazon Pinpoint creates one for each attempt of an SDK
            # call, a hub one for each call. The state machine's retry is another call, which looks
            # for the job first.
            job = pinpoint_once().create_import_job(
                ApplicationId=PROJECT_ID,
                ImportJobRequest=request,  # type: ignore[arg-type]  # built as a plain dict
            )["ImportJobResponse"]

    logger.info("Import job running", extra={"job": job["Id"], "retry": event["RetryCount"]})
    return {"JobId": job["Id"], "Attempt": 0, "WaitSeconds": POLLING.wait_seconds(0)}


def _segment_to_refill(name: str) -> str | None:
    if not REUSE_SEGMENT:
        return None
    segment = newest_imported_segment(
        all_items(pinpoint.get_segments, ApplicationId=PROJECT_ID), name
    )
    return None if segment is None else segment["Id"]
