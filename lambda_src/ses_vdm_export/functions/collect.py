"""The state machine's third step: look at the job, and copy its report once there is one."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from ses_vdm_export.claims import Claims
from ses_vdm_export.export import (
    Outcome,
    Specification,
    assess,
    console_link,
    failed,
    waiting,
)
from ses_vdm_export.report import ReportGone, download, store
from shared.aws import aws_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client

BUCKET = required_env("REPORT_BUCKET")
CONSOLE_URL = required_env("CONSOLE_URL")
REGION = required_env("AWS_REGION")
SPECIFICATION = Specification.from_json(required_env("SPECIFICATION"))
POLLING = Polling(timeout_seconds=int(required_env("TIMEOUT_SECONDS")))

USUAL = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})

logger = Logger(service="ses-vdm-export")
ses: "SESV2Client" = aws_client("sesv2", config=USUAL)
s3: "S3Client" = aws_client("s3", config=USUAL)
dynamodb: "DynamoDBClient" = aws_client("dynamodb", config=USUAL)
claims = Claims(dynamodb, required_env("CLAIMS_TABLE"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the job, and copy the report of a finished one.

    Event: `{Plan, Execution, JobId, Attempt}`. Answer: `Outcome`, and with WAIT `{JobId, Attempt,
    WaitSeconds}`, SUCCESS `{Report}`, FAILURE `{Reason, Cause}`. No answer holds SES's URL.

    Raises:
        ClaimLost: another run took the month over, because this one looked dead.
        ServiceUnavailable: worth another attempt.
    """
    asked, job_id = event["Plan"], event["JobId"]
    looks = event["Attempt"] + 1
    with transient_errors_named():
        job = ses.get_export_job(JobId=job_id)
        assessment = assess(job)
        if assessment.outcome is Outcome.FAILURE:
            return failed("ExportJobFailed", assessment.reason or "")
        if assessment.outcome is Outcome.WAIT:
            if not POLLING.exhausted(looks):
                return waiting(job_id, looks, POLLING)
            return failed(
                "ExportTimedOut",
                f"The export job was still {job['JobStatus']} after {POLLING.timeout_seconds} s "
                "(timeout_seconds). Starting a run for the same month continues it.",
            )

        try:
            size = _copied(job["ExportDestination"]["S3Url"], asked["ObjectKey"])
        except ReportGone as gone:
            claims.forget_job(asked["Claim"], event["Execution"])
            return failed("ReportGone", f"{gone} Start a run for the same month: it exports anew.")

        report = {
            "Month": asked["Month"],
            "StartDate": asked["StartDate"],
            "EndDate": asked["EndDate"],
            "Format": SPECIFICATION.data_format,
            "Object": f"s3://{BUCKET}/{asked['ObjectKey']}",
            "Link": console_link(CONSOLE_URL, REGION, BUCKET, asked["ObjectKey"]),
            "Bytes": size,
            # SES does not tell for every kind of export.
            "Rows": job.get("Statistics", {}).get("ExportedRecordsCount"),
            "JobId": job_id,
        }
        claims.record_report(asked["Claim"], event["Execution"], report)

    logger.info("Report copied", extra={"job": job_id, "month": asked["Month"], "bytes": size})
    return {"Outcome": Outcome.SUCCESS, "Report": report}


def _copied(url: str, key: str) -> int:
    """Bring the report under SES's URL into the bucket; its size in bytes."""
    with download(url) as (source, length):
        return store(
            source,
            s3=s3,
            bucket=BUCKET,
            key=key,
            content_type=SPECIFICATION.content_type,
            length=length,
        )
