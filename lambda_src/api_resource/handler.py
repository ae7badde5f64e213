"""Carries out the plans of `core` when Terraform invokes the function.

An error is raised, never answered: Terraform then fails the apply and shows its message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore import xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from api_resource.calls import BadProperty, Call, Plan, Service
from api_resource.core import parse_request, plan
from shared.aws import aws_client
from shared.pinpoint import pinpoint_client

logger = Logger(service="api-resource")

# Throttling and 5xx are retried by botocore; five attempts at 10 s fit into the function's 120 s.
CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 5})

# A policy attached in the same apply may take seconds to count (IAM User Guide, "Changes that I
# make are not always immediately visible"): a refusal is only believed after these waits.
REFUSAL_WAITS_SECONDS = (1, 2, 4, 8)
ABSENT_CODES = frozenset({"NotFoundException", "ResourceNotFoundException"})
REFUSAL_CODES = frozenset({"AccessDenied", "AccessDeniedException", "ForbiddenException", "403"})


@cache
def client(service: Service) -> BaseClient:
    api: BaseClient = (
        pinpoint_client(CONFIG) if service == "pinpoint" else aws_client(service, config=CONFIG)
    )
    return api


def carry_out(
    steps: Plan,
    client_for: Callable[[Service], BaseClient],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Make the calls of a plan one after another.

    Raises:
        BadProperty: a property is unknown to the API or of the wrong type.
        ApiResourceError: the plan found a reason to stop.
        ClientError: the API refused a call, after retries.
    """
    answer: Mapping[str, Any] | None = None
    try:
        call = next(steps)
        while True:
            answer = _make(call, client_for(call.service), sleep)
            call = steps.send(answer)
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


def _make(call: Call, api: BaseClient, sleep: Callable[[float], None]) -> Mapping[str, Any] | None:
    waits = iter(REFUSAL_WAITS_SECONDS)
    while True:
        try:
            answer: Mapping[str, Any] = getattr(api, xform_name(call.operation))(**call.parameters)
            return answer
        except ParamValidationError as error:
            raise BadProperty(f"{call.operation}: {error}") from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if call.absent_ok and code in ABSENT_CODES:
                return None
            wait = next(waits, None) if code in REFUSAL_CODES else None
            if wait is None:
                raise
            sleep(wait)


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Create, update or delete the one resource that the event describes."""
    request = parse_request(event)
    about = {"owner": request.wanted.owner, "type": request.wanted.type, "action": request.action}
    logger.info("Managing a resource", extra=about)
    result = carry_out(plan(request), client)
    logger.info("Resource is as wanted", extra=about)
    return result
