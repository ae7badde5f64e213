"""The state machine's repeated step: look at the import job."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from federated_segmentation.run import import_failed, success
from shared.import_jobs import Outcome, assess, trimmed
from shared.pinpoint import pinpoint_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
MAX_FAILURE_RATIO = float(required_env("MAX_FAILURE_RATIO"))
POLLING = Polling(timeout_seconds=60 * int(required_env("IMPORT_TIMEOUT_MINUTES")))

logger = Logger(service="federated-segmentation")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the job of a run.

    Event: `{Job, Request, Query}`, with the answer of the step before as Job. Answer: `{Outcome:
    WAIT, JobId, Attempt, WaitSeconds}`, `{Outcome: SUCCESS, Result}` or `{Outcome: FAILURE, End}`.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    job_id, looks = event["Job"]["JobId"], event["Job"]["Attempt"] + 1
    with transient_errors_named():
        job = pinpoint.get_import_job(ApplicationId=PROJECT_ID, JobId=job_id)["ImportJobResponse"]

    assessment = assess(job, MAX_FAILURE_RATIO)
    if assessment.outcome is Outcome.SUCCESS:
        return {
            "Outcome": Outcome.SUCCESS,
            "Result": success(event["Request"], event["Query"], trimmed(job)),
        }
    if assessment.outcome is Outcome.FAILURE:
        end = import_failed(trimmed(job), assessment.reason or "")
        return {"Outcome": Outcome.FAILURE, "End": end}
    if POLLING.exhausted(looks):
        reason = (
            f"The import job was still {job['JobStatus']} after "
            f"{POLLING.timeout_seconds // 60} minutes (timeouts.import_minutes). It may go on."
        )
        return {
            "Outcome": Outcome.FAILURE,
            "End": import_failed(trimmed(job), reason, "ImportTimedOut"),
        }
    return {
        "Outcome": Outcome.WAIT,
        "JobId": job_id,
        "Attempt": looks,
        "WaitSeconds": POLLING.wait_seconds(looks),
    }
