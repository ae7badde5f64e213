"""Get the verdicts of a batch of numbers: cached verdicts, and paid verdicts for the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phone_number_validate.paced_calls import call_paced
from phone_number_validate.verdicts import IMPOSSIBLE, Verdict, verdict_from
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

    from phone_number_validate.verdict_cache import VerdictCache
    from phone_number_validate.work_items import WorkItem
    from shared.pacing import RateLimiter

__all__ = ["THREADS", "verdicts_of"]

THREADS = 16
# A throttled number waits for another turn at the common rate. Retries below that, by botocore,
# would come on top of the rate and keep it throttled.
ROUNDS = 4
# A function that dies pays again for fewer verdicts than this, and for the calls of THREADS.
KEPT_AT_ONCE = 10


def verdicts_of(
    items: Sequence[WorkItem],
    *,
    cache: VerdictCache,
    pinpoint: PinpointClient,
    limiter: RateLimiter,
    calls_per_second: float,
    since: float,
) -> tuple[dict[str, Verdict], int]:
    """Return verdicts by number, from the cache or the paid API, and the number of paid ones.

    Args:
        pinpoint: AWS's own, without retries: see ROUNDS.
        limiter: of all functions that validate, at `reserved_rate(calls_per_second)`.
        since: start of the run in epoch seconds; see VerdictCache.read.

    Raises:
        ServiceUnavailable: numbers were still throttled, or DynamoDB did not keep verdicts; the
            verdicts that were bought are in the cache unless DynamoDB refused them twice.
    """
    possible = {item["Number"]: item["Country"] for item in items if item["Number"]}
    verdicts = cache.read(possible, since=since)
    to_ask = [number for number in possible if number not in verdicts]

    unwritten: Exception | None = None

    def ask(number: str) -> Verdict:
        if unwritten is not None:
            raise unwritten  # a verdict that cannot be kept is not bought
        request = {"PhoneNumber": number}
        country = possible[number]
        if country:
            request["IsoCountryCode"] = country
        try:
            with transient_errors_named():
                answer = pinpoint.phone_number_validate(
                    NumberValidateRequest=request  # type: ignore[arg-type]  # a plain dict
                )
        except pinpoint.exceptions.BadRequestException:
            # Not a number to AWS, whatever the offline check thought: one such must not stop a run.
            return IMPOSSIBLE
        return verdict_from(answer["NumberValidateResponse"])

    bought: dict[str, Verdict] = {}
    unkept: dict[str, Verdict] = {}
    failure: Exception | None = None
    for _ in range(ROUNDS):
        failure = None
        for number, result in call_paced(
            to_ask, ask, reservations=limiter, calls_per_second=calls_per_second, threads=THREADS
        ):
            if not isinstance(result, Exception):
                bought[number] = unkept[number] = result
                if len(unkept) >= KEPT_AT_ONCE and unwritten is None:
                    try:
                        cache.write(unkept)
                        unkept = {}
                    except Exception as error:
                        # Calls in flight end first. The write below is the second try, and raises.
                        unwritten = error
            elif failure is None or isinstance(failure, ServiceUnavailable):
                failure = result
        if unwritten is not None or not isinstance(failure, ServiceUnavailable):
            break
        to_ask = [number for number in to_ask if number not in bought]

    # Paid verdicts are kept even when another number failed: the next attempt asks only about that.
    cache.write(unkept)
    if failure is not None:
        raise failure
    return verdicts | bought, len(bought)
