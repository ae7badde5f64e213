"""The state machine's repeated step: look at the import job."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from s3_triggered_import.job import with_original_file
from shared.import_jobs import Outcome, assess, trimmed
from shared.pinpoint import pinpoint_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
MAX_FAILURE_RATIO = float(required_env("MAX_FAILURE_RATIO"))
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="s3-triggered-import")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the job.

    Event: the answer of the first step or of an earlier look, and Copy as there. Answer: the
    same with `Outcome` (WAIT, SUCCESS, FAILURE), and `ImportResult` unless it is WAIT: the
    ImportJobResponse, plus `FailureReason` when the outcome is FAILURE.
    """
    with transient_errors_named():
        answered = pinpoint.get_import_job(ApplicationId=PROJECT_ID, JobId=event["JobId"])
    job = with_original_file(answered["ImportJobResponse"], event.get("Copy") or {})

    looks = event["Attempt"] + 1
    assessment = assess(job, MAX_FAILURE_RATIO)
    outcome, reason = assessment.outcome, assessment.reason
    if outcome is Outcome.WAIT and POLLING.exhausted(looks):
        outcome = Outcome.FAILURE
        reason = (
            f"The import job was still {job['JobStatus']} after "
            f"{POLLING.timeout_seconds // 60} minutes (timeout_minutes)."
        )

    answer: dict[str, Any] = {
        "JobId": event["JobId"],
        "Attempt": looks,
        "WaitSeconds": POLLING.wait_seconds(looks),
        "Outcome": outcome,
    }
    if outcome is not Outcome.WAIT:
        answer["ImportResult"] = trimmed(job) | ({"FailureReason": reason} if reason else {})
    return answer
