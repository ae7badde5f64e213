"""State machine step: delete the work files of a run, which hold numbers and messages."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named
from sms_s3_drop.run import work_prefix
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = Logger(service="sms-s3-drop")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})
)
work = WorkFiles(s3, required_env("WORK_BUCKET"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Delete every version of every work file of a run; event: `{Run}`.

    Raises:
        FilesNotDeleted: some are left; the bucket's lifecycle rule takes them.
        ServiceUnavailable: worth another attempt.
    """
    with transient_errors_named():
        deleted = work.delete(work_prefix(event["Run"]))
    logger.info("Work files deleted", extra={"run": event["Run"], "files": deleted})
    return {"Files": deleted}
