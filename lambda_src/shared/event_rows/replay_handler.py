"""The replay function of an event database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from shared.event_rows.replay import Replay, Request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.event_rows.handlers import Handler

# One object takes a read, a few puts with their pauses, and a delete.
_RESERVE_MILLISECONDS = 45_000


def replay_handler(database: str, *, bucket: str, error_prefix: str, stream: str) -> Handler:
    """Return the Lambda handler of one database. Its answer is `Outcome.answer()`.

    Args:
        bucket: of the events and of the error objects.
        error_prefix: every replay's Prefix begins with it (`errors/`).
        stream: the Firehose stream that takes records from anyone (DirectPut).
    """
    logger = Logger(service=database)

    @cache
    def replay() -> Replay:
        from botocore.config import Config  # with it the AWS SDK: rare as a replay is, made late

        from shared.aws import aws_client

        config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
        s3, firehose = (aws_client(service, config=config) for service in ("s3", "firehose"))
        return Replay(s3, firehose, bucket=bucket, stream=stream)

    @logger.inject_lambda_context
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        request = Request.of(event, error_prefix)
        outcome = replay().run(
            request, lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS
        )
        answer = outcome.answer()
        logger.info("Replayed", extra={"prefix": request.prefix, **answer})
        return answer

    return lambda_handler
