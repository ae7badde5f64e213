"""FILTER hook of campaigns: adds attributes of a source to the endpoints of a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from campaign_attributes.attributes import BatchFailed, Outcome, add_attributes, keys_of
from campaign_attributes.policies import Failure, Policy
from campaign_attributes.settings import Settings, settings_from
from campaign_attributes.sources import AttributeSource, Fetched, Lookup
from campaign_attributes.table_source import TableSource
from shared.aws import aws_client
from shared.campaign_calls import read_call
from shared.fetching.breaker import Breaker
from shared.fetching.cache import AgeCache
from shared.hook_answers import hook_answer
from shared.metrics import write_counts
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "CampaignAttributes"
# Left for the answer, and for the second in which a source returns the part that it has.
RESERVE_SECONDS = 2.0

logger = Logger(service="campaign-attributes")


def source_of(settings: Settings) -> AttributeSource:
    """Return the source that the settings name. Modules of the other sources are not loaded."""
    [(kind, given)] = settings.source.items()
    if kind == "table":
        return _table_source(settings, given)
    from campaign_attributes.web_sources import FunctionSource, HttpsSource

    if kind == "function":
        from shared.fetching.callers_function import CallersFunction

        return FunctionSource(
            CallersFunction(
                given["arn"],
                timeout_seconds=settings.deadline_seconds,
                max_bytes=int(given["max_answer_bytes"]),
            )
        )
    from shared.fetching.header_value import SecretHeader, parameter_value, secret_value
    from shared.fetching.https import Https

    secret = None
    if given.get("secret_arn"):
        secret = SecretHeader(secret_value(given["secret_arn"]))
    elif given.get("parameter_arn"):
        secret = SecretHeader(parameter_value(given["parameter_arn"]))
    return HttpsSource(
        Https(max_bytes=int(given["max_answer_bytes"])),
        given["url"],
        method=given["method"],
        header=given["header"],
        secret=secret,
    )


def _table_source(settings: Settings, given: Mapping[str, Any]) -> TableSource:
    # Attempts are short and the source's own, so that one without an answer leaves time for more.
    one_attempt = Config(
        connect_timeout=1,
        read_timeout=min(2.0, settings.deadline_seconds / 2),
        retries={"total_max_attempts": 1},
    )
    return TableSource(
        aws_client("dynamodb", config=one_attempt),
        given["name"],
        partition_key=given["partition_key"],
        key_type=given["key_type"],
        names=[attribute.source_name for attribute in settings.attributes],
        expiry=given.get("expiry"),
    )


settings = settings_from(required_env("SETTINGS"))
lookup = Lookup(
    source_of(settings),
    AgeCache(settings.cache_seconds),
    [attribute.source_name for attribute in settings.attributes],
    # A batch that fails with its source is repeated within a second, so the source is asked.
    None if settings.policies[Failure.SOURCE_FAILED] is Policy.FAIL_BATCH else Breaker(),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the endpoints of the call with their attributes, without the dropped ones."""
    call = read_call(event)
    if not settings.concern(call.sending):
        # A hub refuses a whole answer for one endpoint that is no object.
        passed = {name: each for name, each in call.endpoints.items() if isinstance(each, Mapping)}
        write_counts(NAMESPACE, context.function_name, {"PassedEndpoints": len(passed)})
        return hook_answer(passed)
    keys = keys_of(call, settings)
    left = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    fetched = lookup.find(keys.values(), call.sending, min(settings.deadline_seconds, left))
    _log_failures(fetched)
    try:
        outcome = add_attributes(call, settings, keys, fetched)
    except BatchFailed:
        counts = {"FailedBatches": 1, "SourceFailures": len(fetched.failed)}
        write_counts(NAMESPACE, context.function_name, {n: c for n, c in counts.items() if c})
        raise
    answer = hook_answer(outcome.endpoints)
    _report(outcome, fetched, lookup.cached, context.function_name)
    return answer


def _log_failures(fetched: Fetched) -> None:
    """Name the failures of the source without a key, which may be an address."""
    if fetched.failed:
        logger.warning(
            "The source failed for keys",
            extra={"failures": dict(Counter(str(each) for each in fetched.failed.values()))},
        )


def _report(outcome: Outcome, fetched: Fetched, cached: int, function_name: str) -> None:
    """Write the counts that are not zero: CloudWatch bills a metric for each hour with a value."""
    if outcome.reasons:
        logger.warning("Values cannot be used", extra={"reasons": dict(outcome.reasons)})
    counts = {
        "FetchedEndpoints": outcome.fetched,
        "DefaultedEndpoints": outcome.defaulted,
        "DroppedEndpoints": outcome.dropped,
        "EndpointsWithoutKey": outcome.failures[Failure.NO_KEY],
        "MissingAttributes": outcome.failures[Failure.MISSING],
        "UnusableValues": outcome.failures[Failure.UNUSABLE],
        "SourceFailures": outcome.failures[Failure.SOURCE_FAILED],
        "CachedKeys": cached,
    }
    found = {name: count for name, count in counts.items() if count}
    if found:
        write_counts(NAMESPACE, function_name, found)
