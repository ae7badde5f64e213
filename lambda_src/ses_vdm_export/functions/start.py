"""The state machine's second step: the one export job of a month."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError

from ses_vdm_export.claims import Claim, ClaimLost, Claims, Standing, standing
from ses_vdm_export.export import Outcome, Specification, failed, job_continues, waiting
from shared.aws import aws_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_stepfunctions import SFNClient

BUCKET = required_env("REPORT_BUCKET")
SPECIFICATION = Specification.from_json(required_env("SPECIFICATION"))
POLLING = Polling(timeout_seconds=int(required_env("TIMEOUT_SECONDS")))
# Step Functions may not know an execution yet that began a moment ago.
FRESH = timedelta(minutes=5)

# No retries here: SES takes one CreateExportJob a second, and the state machine waits longer.
ONCE = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1})
USUAL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})

logger = Logger(service="ses-vdm-export")
ses: "SESV2Client" = aws_client("sesv2", config=ONCE)
states: "SFNClient" = aws_client("stepfunctions", config=USUAL)
dynamodb: "DynamoDBClient" = aws_client("dynamodb", config=USUAL)
claims = Claims(dynamodb, required_env("CLAIMS_TABLE"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Claim the month and start its export job, or continue where an earlier run ended.

    Event: `{Plan, Execution: ARN}`. Answer: `Outcome`, and with WAIT `{JobId, Attempt,
    WaitSeconds}`, SUCCESS `{Report}` (copied before, but never told), NOTHING `{Message, Object}`,
    FAILURE `{Reason, Cause}`.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    asked, execution = event["Plan"], event["Execution"]
    with transient_errors_named():
        where, claim = _claimed(asked["Claim"], execution)
        if where in {Standing.BUSY, Standing.DONE}:
            logger.info("Nothing to export", extra={"month": asked["Month"], "standing": where})
            return _nothing(where, claim, asked)
        if claim.report is not None:
            return {"Outcome": Outcome.SUCCESS, "Report": claim.report}

        job_id = claim.job_id if claim.job_id and _continues(claim.job_id) else None
        continued = job_id is not None
        if job_id is None:
            try:
                job_id = ses.create_export_job(
                    **SPECIFICATION.request(asked["StartDate"], asked["EndDate"])
                )["JobId"]
            except ses.exceptions.BadRequestException as error:
                return failed("ExportRefused", _refusal(error))
            claims.record_job(claim.key, execution, job_id)

    logger.info("Export job running", extra={"job": job_id, "continued": continued})
    return waiting(job_id, 0, POLLING)


def _claimed(key: str, execution: str) -> tuple[Standing, Claim]:
    """Return the claim on a month, this run's own if that can be."""
    now = datetime.now(UTC)
    claim = claims.take(key, execution, now)
    where = standing(claim, execution, _status(claim, execution, now))
    if where is Standing.ABANDONED:
        try:
            claims.take_over(claim, execution, now)
        except ClaimLost as error:
            raise ServiceUnavailable(str(error)) from error
    return where, claim


def _status(claim: Claim, execution: str, now: datetime) -> str | None:
    """Return the status of the run that has a claim."""
    if claim.execution == execution:
        return "RUNNING"
    try:
        # The status is no encrypted data: a description of all of it would need the key.
        return states.describe_execution(
            executionArn=claim.execution, includedData="METADATA_ONLY"
        )["status"]
    except states.exceptions.ExecutionDoesNotExist:
        if now - claim.taken_at < FRESH:
            raise ServiceUnavailable("Step Functions does not know the other run yet.") from None
        return None


def _continues(job_id: str) -> bool:
    try:
        return job_continues(ses.get_export_job(JobId=job_id))
    except ses.exceptions.NotFoundException:
        return False


def _refusal(error: ClientError) -> str:
    return (
        f"SES refused the export job: {error.response['Error'].get('Message', 'no reason given')} "
        "Check dimensions and metrics, and that the Virtual Deliverability Manager is on in this "
        "account and region: without it there is nothing to export."
    )


def _nothing(where: Standing, claim: Claim, asked: dict[str, Any]) -> dict[str, Any]:
    if where is Standing.DONE and claim.report is not None:
        place, said = claim.report["Object"], "was already exported to"
    else:
        place = f"s3://{BUCKET}/{asked['ObjectKey']}"
        said = f"is being exported by {claim.execution} to"
    return {
        "Outcome": Outcome.NOTHING,
        "Message": f"The report of {asked['Month']} {said} {place}",
        "Object": place,
    }
