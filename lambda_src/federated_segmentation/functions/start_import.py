"""State machine step: start the import job of a result, once."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from federated_segmentation.run import import_request
from shared.import_jobs import job_started_before
from shared.pinpoint import all_items, pinpoint_client, pinpoint_once
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
IMPORT_ROLE_ARN = required_env("IMPORT_ROLE_ARN")
POLLING = Polling(timeout_seconds=60 * int(required_env("IMPORT_TIMEOUT_MINUTES")))

logger = Logger(service="federated-segmentation")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start the job of a run, or find the job that an earlier attempt started.

    Event: `{Request, S3Url, ExecutionStarted: ISO 8601, RetryCount}`; answer: `{JobId, Attempt,
    WaitSeconds}`.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    with transient_errors_named():
        job = None
        if event["RetryCount"] > 0:
            job = job_started_before(
                all_items(pinpoint_client().get_import_jobs, ApplicationId=PROJECT_ID),
                event["S3Url"],
                event["ExecutionStarted"],
            )
        if job is None:
            request = import_request(
                event["S3Url"],
                IMPORT_ROLE_ARN,
                event["Request"],
                writes=event["Request"]["Writes"],
            )
            # One attempt: a second one could create a second job. The state machine's retry looks
            # for the first one.
            job = pinpoint_once().create_import_job(
                ApplicationId=PROJECT_ID,
                ImportJobRequest=request,  # type: ignore[arg-type]  # built as a plain dict
            )["ImportJobResponse"]

    logger.info("Import job running", extra={"job": job["Id"], "retry": event["RetryCount"]})
    return {"JobId": job["Id"], "Attempt": 0, "WaitSeconds": POLLING.wait_seconds(0)}
