"""Creates, updates and deletes one resource when Terraform invokes the function."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.client import BaseClient
from botocore.config import Config

from pinpoint_resources.calls import Service
from pinpoint_resources.core import parse_request, plan
from pinpoint_resources.execution import carry_out
from shared.aws import aws_client
from shared.pinpoint import pinpoint_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="pinpoint-resources")

# The hub's API may take 30 s for an answer. Botocore's second attempt is for a lost connection;
# throttling is waited out by `carry_out`, which knows the function's time.
CONFIG = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 2},
)


@cache
def client(service: Service) -> BaseClient:
    api: BaseClient = (
        pinpoint_client(CONFIG) if service == "pinpoint" else aws_client(service, config=CONFIG)
    )
    return api


def lambda_handler(event: dict[str, Any], context: LambdaContext | None = None) -> dict[str, Any]:
    """Create, update or delete the one resource that the event describes."""

    def seconds_left() -> float:
        return 0.0 if context is None else context.get_remaining_time_in_millis() / 1000

    request = parse_request(event)
    about = {"owner": request.wanted.owner, "type": request.wanted.type, "action": request.action}
    logger.info("Managing a resource", extra=about)
    result = carry_out(plan(request), client, seconds_left=seconds_left)
    logger.info("Resource is as wanted", extra=about)
    return result
