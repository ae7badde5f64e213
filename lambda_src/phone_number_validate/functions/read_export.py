"""The state machine's repeated step: look at the export job."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from phone_number_validate.export_job import is_finished
from shared.pinpoint import pinpoint_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="phone-number-validate")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the export job; event and answer are what the first step answers.

    Raises:
        ExportFailed: the job failed, or was not finished within TIMEOUT_MINUTES.
        ServiceUnavailable: worth another attempt.
    """
    with transient_errors_named():
        job = pinpoint.get_export_job(ApplicationId=PROJECT_ID, JobId=event["JobId"])[
            "ExportJobResponse"
        ]

    looks = event["Attempt"] + 1
    failures = job.get("Failures") or []
    return {
        **event,
        "Attempt": looks,
        "WaitSeconds": POLLING.wait_seconds(looks),
        "Finished": is_finished(event["JobId"], job["JobStatus"], failures, looks, POLLING),
    }
