"""FILTER hook of campaigns: gives each endpoint the subject and the bodies of its email."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from campaign_templates.filling import Filler, Policy
from campaign_templates.library import Library
from campaign_templates.settings import settings_from
from campaign_templates.sources import BucketSource, CmsSource, FunctionSource, Source
from shared.aws import aws_client
from shared.campaign_calls import MalformedCall, read_call
from shared.fetching.deadline import Deadline
from shared.fetching.pool import FetchPool
from shared.metrics import write_counts
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "CampaignTemplates"
PROJECT_ID = required_env("PROJECT_ID")
DEADLINE_SECONDS = float(required_env("DEADLINE_SECONDS"))
CACHE_SECONDS = float(required_env("CACHE_SECONDS"))
STALE_SECONDS = float(required_env("STALE_SECONDS"))
# A campaign waits 15 s. The last of them are for the answer to travel.
RENDER_SECONDS = 12.0
# Escapes and the JSON around it make a document larger than its texts.
MAX_DOCUMENT_BYTES = 1_000_000

SETTINGS = settings_from(required_env("SETTINGS"))
SOURCE: dict[str, Any] = json.loads(required_env("SOURCE"))

logger = Logger(service="campaign-templates")


@cache
def filler() -> Filler:
    """Make the clients once; contents stay in the execution environment."""
    library = Library(
        _source(),
        FetchPool(),
        seconds=CACHE_SECONDS,
        stale_seconds=max(STALE_SECONDS, 0),
        insists=SETTINGS.failure_policy is Policy.FAIL_BATCH,
    )
    return Filler(SETTINGS, library)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the endpoints with their content among the attributes.

    Raises:
        MalformedCall: the event is no call of this project's campaigns or journeys.
        ContentUnavailable: a recipient has no content, and the policy is fail_batch.
    """
    call = read_call(event)
    if call.sending.application_id != PROJECT_ID:
        raise MalformedCall("ApplicationId is another project's. Use a function for each project.")
    filled = filler().fill(call, Deadline.after(DEADLINE_SECONDS), Deadline.after(RENDER_SECONDS))
    for reason, number in filled.failures.items():
        logger.warning("no content", reason=reason, endpoints=number, run=call.sending.activity_id)
    counts = {name: count for name, count in filled.counts.items() if count}
    if counts:
        write_counts(NAMESPACE, context.function_name, counts)
    return filled.answer


def _source() -> Source:
    if "bucket" in SOURCE:
        client = aws_client(
            "s3",
            config=Config(
                connect_timeout=2,
                read_timeout=DEADLINE_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )
        return BucketSource(
            client, SOURCE["bucket"], SOURCE["prefix"], SOURCE["versions"], MAX_DOCUMENT_BYTES
        )
    if "url" in SOURCE:
        return _cms()
    from shared.fetching.callers_function import CallersFunction

    return FunctionSource(
        CallersFunction(
            SOURCE["function_arn"],
            timeout_seconds=DEADLINE_SECONDS,
            max_bytes=MAX_DOCUMENT_BYTES,
        )
    )


def _cms() -> CmsSource:
    # TLS settings and clients of other services cost a cold start of a bucket nothing.
    from shared.fetching.header_value import SecretHeader, parameter_value, secret_value
    from shared.fetching.https import Https

    secret = None
    if SOURCE.get("secret_arn"):
        secret = SecretHeader(secret_value(SOURCE["secret_arn"]))
    elif SOURCE.get("parameter_arn"):
        secret = SecretHeader(parameter_value(SOURCE["parameter_arn"]))
    return CmsSource(
        Https(max_bytes=MAX_DOCUMENT_BYTES), SOURCE["url"], SOURCE.get("header"), secret
    )
