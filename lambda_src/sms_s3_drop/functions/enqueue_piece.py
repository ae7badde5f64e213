"""Child of the Distributed Map: put the permits of one piece on the queue of its identity."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named
from sms_s3_drop.enqueue import enqueue
from sms_s3_drop.identities import identities_from
from sms_s3_drop.turns import Permit

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

IDENTITIES = identities_from(required_env("IDENTITIES"))

logger = Logger(service="sms-s3-drop")
sqs: "SQSClient" = aws_client(
    "sqs", config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Enqueue permits; event: `{Run, Identity, First, Permits}`.

    Raises:
        PermitsRefused: SQS says that the sender is at fault.
        ServiceUnavailable: worth another attempt; permits that are sent twice do no harm.
    """
    numbers = range(event["First"], event["First"] + event["Permits"])
    permits = [Permit.first(event["Run"], event["Identity"], number) for number in numbers]
    with transient_errors_named():
        calls = enqueue(sqs, IDENTITIES.by_key[event["Identity"]].queue_url, permits)
    return {"Calls": calls}
