"""Creates, updates and deletes one resource when Terraform invokes the function."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore.client import BaseClient
from botocore.config import Config

from pinpoint_resources.calls import Service
from pinpoint_resources.core import parse_request, plan
from pinpoint_resources.execution import carry_out
from shared.aws import aws_client
from shared.pinpoint import pinpoint_client

logger = Logger(service="pinpoint-resources")

# Throttling and 5xx are retried by botocore; five attempts at 10 s fit into the function's 120 s.
CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 5})


@cache
def client(service: Service) -> BaseClient:
    api: BaseClient = (
        pinpoint_client(CONFIG) if service == "pinpoint" else aws_client(service, config=CONFIG)
    )
    return api


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Create, update or delete the one resource that the event describes."""
    request = parse_request(event)
    about = {"owner": request.wanted.owner, "type": request.wanted.type, "action": request.action}
    logger.info("Managing a resource", extra=about)
    result = carry_out(plan(request), client)
    logger.info("Resource is as wanted", extra=about)
    return result
