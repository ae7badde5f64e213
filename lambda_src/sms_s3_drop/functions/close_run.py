"""State machine step: write the result file and the last status of a run."""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named
from sms_s3_drop.cutting import rejects_prefix
from sms_s3_drop.ledger import Ledger, Status, UnknownRun
from sms_s3_drop.progress import Progress, result_key, status_key, status_object
from sms_s3_drop.report import lines_of, write_result
from sms_s3_drop.run import source_from
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from typing import BinaryIO

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

logger = Logger(service="sms-s3-drop")
s3: S3Client = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard"})
)
dynamodb: DynamoDBClient = aws_client(
    "dynamodb", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)
work = WorkFiles(s3, required_env("WORK_BUCKET"))
ledger = Ledger(
    dynamodb,
    required_env("TABLE"),
    lease_seconds=0,
    keep_seconds=int(required_env("KEEP_DAYS")) * 86_400,
)


class BooksDoNotBalance(RuntimeError):
    """The result file has another number of rows than the file."""


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Close a run; event: `{Input}`. Answer: `{Outcome: SUCCESS or FAILURE, Result}`.

    The outcome is FAILURE when no row was sent. A run that is closed answers as before.

    Raises:
        BooksDoNotBalance: a work file is damaged.
        ServiceUnavailable: worth another attempt.
    """
    source = source_from(event["Input"])
    with transient_errors_named():
        run = ledger.run(source.run)
        if run is None:
            raise UnknownRun(f"Run {source.run} is not in the table.")
        if run.closed:
            return _answer(work.read_json(status_key(run.run)))
        with tempfile.TemporaryFile() as file:
            lines = lines_of(
                run, ledger, work.read_lines, work.lines_under(rejects_prefix(run.run))
            )
            counts = write_result(lines, cast("BinaryIO", file))
            if sum(counts.values()) != run.rows:
                raise BooksDoNotBalance(
                    f"The result has {sum(counts.values())} rows and the file {run.rows}."
                )
            file.seek(0)
            key = result_key(run.run)
            s3.put_object(Bucket=work.bucket, Key=key, Body=file, ContentType="text/csv")
        # The lines of the rejected rows are counted.
        progress = Progress(run.rows, {status: counts.get(status, 0) for status in Status})
        status = status_object(
            run,
            progress,
            state="FINISHED",
            file=source.file,
            now=time.time(),
            result=f"s3://{work.bucket}/{key}",
        )
        work.put_json(status_key(run.run), status)
        ledger.close(run.run)
    logger.info("Run closed", extra={"run": run.run, "counts": status["Counts"]})
    return _answer(status)


def _answer(status: dict[str, Any]) -> dict[str, Any]:
    return {"Outcome": "SUCCESS" if status["Counts"]["Sent"] else "FAILURE", "Result": status}
