"""The hub's API: one function behind an HTTP API with AWS_IAM authorization."""

from functools import cache
from typing import TYPE_CHECKING, Any

from engagement_hub.api.responder import respond
from engagement_hub.hub import Hub, hub_from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def _hub() -> Hub:
    return hub_from_environment()


def lambda_handler(event: dict[str, Any], context: "LambdaContext | None" = None) -> dict[str, Any]:
    """Answer one request (HTTP API, payload format 2.0)."""
    return respond(_hub(), event)
