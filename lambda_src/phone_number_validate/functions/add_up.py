"""The state machine's step after the batches: add up their results, report invalid numbers."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from phone_number_validate.files import add_up
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
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the run's ValidateOutput; event: `{Prefix, Execution, ChangedMeanwhile}`.

    Prefix is that of the batches' results.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    with transient_errors_named():
        return add_up(
            s3,
            BUCKET,
            event["Prefix"],
            f"reports/{event['Execution']}/invalid_numbers.jsonl",
            changed_meanwhile=event["ChangedMeanwhile"],
        )
