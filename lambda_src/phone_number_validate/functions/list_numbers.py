"""The state machine's step after an export: list the numbers to validate."""

import json
import tempfile
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from s3transfer.manager import TransferManager

from phone_number_validate.files import endpoints, json_lines
from phone_number_validate.work_items import changed_since, marks_at_once, work_items
from shared.aws import aws_client
from shared.settings import optional_env, required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = required_env("BUCKET")
DEFAULT_COUNTRY = optional_env("DEFAULT_COUNTRY")
# Enough functions at a time to keep the rate up, few enough that each waits only briefly.
MAX_CONCURRENCY = int(required_env("MAX_CONCURRENCY"))
RECHECK_AFTER_SECONDS = int(required_env("RECHECK_AFTER_SECONDS"))
QUOTA = float(required_env("VALIDATIONS_PER_SECOND"))

logger = Logger(service="phone-number-validate")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the distinct numbers of an export, one JSON line each, in one work file.

    Event: `{Prefix, Execution, Round}`; answer: `{Bucket, Key, Numbers, MarksEndpoints,
    ChangedMeanwhile, MaxConcurrency, ResultsPrefix, MapRunPrefix}`. Where MarksEndpoints is false
    the batches buy verdicts only, and a second round exports again and marks. The batches write
    under ResultsPrefix, Step Functions under MapRunPrefix.
    """
    work, round_ = f"work/{event['Execution']}", int(event["Round"])
    key = _numbers_key(work, round_)

    with transient_errors_named():
        items = work_items(endpoints(s3, BUCKET, event["Prefix"]), DEFAULT_COUNTRY)
        with tempfile.TemporaryFile() as file:
            for item in items:
                file.write(json.dumps(item, separators=(",", ":")).encode() + b"\n")
            file.seek(0)
            with TransferManager(s3) as transfers:
                transfers.upload(file, BUCKET, key).result()
        changed = 0
        if round_ > 1:
            changed = changed_since(json_lines(s3, BUCKET, _numbers_key(work, round_ - 1)), items)

    marks = marks_at_once(len(items), QUOTA, round_, RECHECK_AFTER_SECONDS)
    logger.info("Numbers listed", extra={"numbers": len(items), "marks": marks})
    return {
        "Bucket": BUCKET,
        "Key": key,
        "Numbers": len(items),
        "MarksEndpoints": marks,
        "ChangedMeanwhile": changed,
        "MaxConcurrency": MAX_CONCURRENCY,
        "ResultsPrefix": f"{work}/results/",
        "MapRunPrefix": f"{work}/map-run",
    }


def _numbers_key(work: str, round_: int) -> str:
    return f"{work}/numbers-{round_}.jsonl"
