"""The handler of the API's function; see `enqueue`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from ses_load_testing.enqueue import ApiKey, Enqueuer
from shared.aws import aws_client
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

logger = Logger(service="ses-load-testing")


def _api_key() -> ApiKey | None:
    secret_arn = optional_env("API_KEY_SECRET_ARN")
    if secret_arn is None:
        return None
    return ApiKey(lambda: str(_secrets().get_secret_value(SecretId=secret_arn)["SecretString"]))


@cache
def _secrets() -> Any:
    return aws_client(
        "secretsmanager",
        config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}),
    )


sqs: SQSClient = aws_client(
    "sqs", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
)
enqueuer = Enqueuer(sqs, required_env("QUEUE_URL"), _api_key())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload format 2.0)."""
    response = enqueuer.answer(event)
    logger.info("Answered", extra={"status": response.status})
    return response.proxied()
