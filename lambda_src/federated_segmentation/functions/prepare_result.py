"""State machine step: put the file of a result where the import reads it."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from federated_segmentation.request import RequestType
from federated_segmentation.run import IMPORT_BYTES, import_failed, read_head, success
from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

IMPORT_PREFIX = required_env("IMPORT_PREFIX")
HEAD_BYTES = 1024**2  # more than the names of all columns

logger = Logger(service="federated-segmentation")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=240, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Copy the result of a query below IMPORT_PREFIX of its bucket.

    Athena writes a file of metadata beside the result, whose key begins with the key of the result,
    and an import may read every object whose key begins with its S3Url. The copy is alone.

    Event: `{Query, Request}`. Answer: `{Next: IMPORT, S3Url}`, `{Next: DONE, Result}` for a run of
    Type mutate without a row, or `{Next: END, End}` for a result that is too large.

    Raises:
        UnexpectedResult: the file has other columns than the query.
        ServiceUnavailable: worth another attempt, which replaces the copy.
    """
    query, request = event["Query"], event["Request"]
    bucket, _, key = query["OutputLocation"].removeprefix("s3://").partition("/")
    with transient_errors_named():
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{HEAD_BYTES - 1}")
        head = answer["Body"].read()
    result = read_head(head, int(answer["ContentRange"].rpartition("/")[2]), request["Columns"])

    if result.empty and request["Type"] == RequestType.MUTATE:
        return {"Next": "DONE", "Result": success(request, query, None)}
    if result.size > IMPORT_BYTES:
        reason = (
            f"The result has {result.size:,} bytes, and an import takes {IMPORT_BYTES:,}. "
            "Select fewer columns, or a part of the rows in each of several runs."
        )
        return {"Next": "END", "End": import_failed({"JobStatus": "FAILED"}, reason)}

    copy = f"{IMPORT_PREFIX}{query['QueryExecutionId']}.csv"
    with transient_errors_named():
        s3.copy_object(Bucket=bucket, Key=copy, CopySource={"Bucket": bucket, "Key": key})
    logger.info("Result ready", extra={"query": query["QueryExecutionId"], "bytes": result.size})
    return {"Next": "IMPORT", "S3Url": f"s3://{bucket}/{copy}"}
