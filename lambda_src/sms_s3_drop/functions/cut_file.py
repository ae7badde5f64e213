"""State machine step: check every row of a file, and cut the file into pieces."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import error_code, transient_errors_named
from sms_s3_drop.cutting import FILE_BYTES, cut, pieces_of
from sms_s3_drop.identities import identities_from
from sms_s3_drop.ledger import Ledger, Run
from sms_s3_drop.progress import Progress, refused_status, status_key, status_object
from sms_s3_drop.run import Source, source_from, work_prefix
from sms_s3_drop.text_file import UnusableFile, read_records
from sms_s3_drop.turns import Turns
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from typing import BinaryIO

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

TABLE = required_env("TABLE")
IDENTITIES = identities_from(required_env("IDENTITIES"))
KEEP_SECONDS = int(required_env("KEEP_DAYS")) * 86_400
SEND_WITHIN_SECONDS = float(required_env("SEND_WITHIN_HOURS")) * 3600
# The answers of S3 for a content that is under the key no more.
GONE = frozenset({"404", "412", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"})
BLOCK_BYTES = 1024 * 1024

logger = Logger(service="sms-s3-drop")
s3: S3Client = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard"})
)
dynamodb: DynamoDBClient = aws_client(
    "dynamodb", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)
work = WorkFiles(s3, required_env("WORK_BUCKET"))
ledger = Ledger(dynamodb, TABLE, lease_seconds=0, keep_seconds=KEEP_SECONDS)
turns = Turns(dynamodb, TABLE, KEEP_SECONDS)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Cut the version of a file that a run's input names, and register the run.

    Another execution for the same version resumes the run: it has the hours of a new one, and rows
    that have an outcome keep it.

    Event: `{Input: {Bucket, Key, VersionId or ETag}, Execution: name}`. Answer: `{Refused: false,
    Run, Rows, Pieces, Bucket, PiecesKey, ResultsPrefix}`, or `{Refused: true, Run, Reason}`.

    Raises:
        BadInput: the input names no version of a file.
        ServiceUnavailable: worth another attempt, which writes the same pieces again.
    """
    source = source_from(event["Input"])
    try:
        with transient_errors_named():
            there = ledger.run(source.run)
            if there is not None and there.closed:
                return {
                    "Refused": True,
                    "Run": source.run,
                    "Reason": (
                        "This version of the file was sent before, and its result file is in the "
                        "work bucket. Drop the file again to send it again."
                    ),
                }
            run = _registered(source, event["Execution"]) if there is None else there
            if run.execution != event["Execution"]:
                deadline = time.time() + SEND_WITHIN_SECONDS
                ledger.prolong(run.run, event["Execution"], deadline)
                run = replace(run, execution=event["Execution"], deadline=deadline)
            pieces = list(pieces_of(run.run, run.lanes.values()))
            pieces_key = f"{work_prefix(run.run)}pieces.json"
            work.put_json(pieces_key, pieces)
            progress = Progress.of(run, ledger.counts(run.run).values())
            work.put_json(
                status_key(run.run),
                status_object(run, progress, state="SENDING", file=source.file, now=time.time()),
            )
    except UnusableFile as problem:
        return _refused(source, event["Execution"], str(problem))
    except ClientError as error:
        if error_code(error) not in GONE:
            raise
        return _refused(
            source,
            event["Execution"],
            "The file was overwritten or deleted before it was read. Another content under the "
            "key has a run of its own. Enable versioning of the bucket, or give each file a name "
            "of its own.",
        )
    logger.info(
        "File cut",
        extra={"run": run.run, "rows": run.rows, "rejected": run.rejected, "pieces": len(pieces)},
    )
    return {
        "Refused": False,
        "Run": run.run,
        "Rows": run.rows,
        "Pieces": len(pieces),
        "Bucket": work.bucket,
        "PiecesKey": pieces_key,
        "ResultsPrefix": f"{work_prefix(run.run)}map-run",
    }


def _registered(source: Source, execution: str) -> Run:
    """Cut the file and register its run, once all pieces are written.

    A run that is registered is never cut again: other settings would cut other pieces.
    """
    with tempfile.TemporaryFile() as file:
        _download(source, cast("BinaryIO", file))
        file.seek(0)
        records = read_records(cast("BinaryIO", file), name=source.key)
        books = cut(records, IDENTITIES, source.run, work.put)
    started = time.time()
    new = Run(
        run=source.run,
        execution=execution,
        started=started,
        deadline=started + SEND_WITHIN_SECONDS,
        rows=books.rows,
        rejected=books.rejected,
        lanes=books.lanes,
    )
    return ledger.register(new, turns.lane_puts(source.run, books.lanes))


def _download(source: Source, file: BinaryIO) -> None:
    answer = s3.get_object(Bucket=source.bucket, Key=source.key, **source.read_parameters)  # type: ignore[arg-type]
    if answer["ContentLength"] > FILE_BYTES:
        raise UnusableFile(
            f"The file has more than {FILE_BYTES // 1024 // 1024} MB. None is sent: split the file."
        )
    for block in answer["Body"].iter_chunks(BLOCK_BYTES):
        file.write(block)


def _refused(source: Source, execution: str, reason: str) -> dict[str, Any]:
    with transient_errors_named():
        status = refused_status(source.run, execution, source.file, reason, time.time())
        work.put_json(status_key(source.run), status)
    logger.info("File refused", extra={"run": source.run})
    return {"Refused": True, "Run": source.run, "Reason": reason}
