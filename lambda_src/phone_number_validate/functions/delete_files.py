"""The state machine's last step: delete the files of the run."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from phone_number_validate.files import delete_versions
from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = required_env("BUCKET")

logger = Logger(service="phone-number-validate")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Delete every version of every file of a run; event: `{Execution}`.

    Raises:
        FilesNotDeleted: some are left; the bucket's lifecycle rule takes them within two days.
        ServiceUnavailable: worth another attempt.
    """
    deleted = 0
    with transient_errors_named():
        for prefix in (f"exports/{event['Execution']}/", f"work/{event['Execution']}/"):
            deleted += delete_versions(s3, BUCKET, prefix)
    logger.info("Files deleted", extra={"files": deleted})
    return {"Files": deleted}
