"""The one place where a Pinpoint client is made.

`pinpoint_client` calls the host of the project: Amazon Pinpoint, or an engagement hub that answers
the same API. Handlers use it and do not know which of the two it is.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.aws import Keys, aws_client
from shared.settings import optional_env
from shared.transient import error_code

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_pinpoint import PinpointClient

__all__ = [
    "API_URL_SETTING",
    "ONCE",
    "all_items",
    "aws_pinpoint_client",
    "current_endpoint",
    "pinpoint_client",
    "pinpoint_client_at",
    "pinpoint_once",
]

PAGE_SIZE = "200"

API_URL_SETTING = "PINPOINT_API_URL"

# An HTTP API answers within 30 s; most answers take milliseconds. Operations that create a job or a
# campaign use `pinpoint_once`.
_DEFAULTS = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
)


def pinpoint_client(
    config: Config | None = None, session: "boto3.Session | None" = None
) -> "PinpointClient":
    """Return a boto3 `pinpoint` client for the project's engagement data.

    With the environment variable PINPOINT_API_URL the client calls that URL and signs for
    `execute-api`, the service an HTTP API with AWS_IAM authorization checks signatures for;
    botocore's own name for the service is `mobiletargeting`, which such an API refuses.
    Without the variable it is AWS's own client, unchanged.

    Args:
        config: laid over the defaults (time-outs, standard retries of throttling and 5xx).
    """
    url = optional_env(API_URL_SETTING)
    if url is None:
        return aws_pinpoint_client(config, session)

    return _of_a_hub(_client(config, session, endpoint_url=url))


def pinpoint_client_at(
    api_url: str | None, *, region: str, keys: Keys | None = None, config: Config | None = None
) -> "PinpointClient":
    """Return a client for a function that works on several hosts, like `pinpoint_client`.

    Args:
        api_url: URL of a hub's API; None for Amazon Pinpoint.
        region: Region of the host.
        keys: credentials of a role, which the host's account trusts; None for the function's own.
        config: laid over the defaults.
    """
    client: PinpointClient = aws_client(
        "pinpoint",
        config=_DEFAULTS if config is None else _DEFAULTS.merge(config),
        endpoint_url=api_url,
        keys=keys,
        region=region,
    )
    return client if api_url is None else _of_a_hub(client)


# For operations that create something: one attempt, and the time-out of an HTTP API.
ONCE = Config(read_timeout=29, retries={"mode": "standard", "total_max_attempts": 1})


@cache
def pinpoint_once() -> "PinpointClient":
    """Return a `pinpoint_client` that tries once, for operations that create a job or a campaign.

    A hub recognises the attempts of one SDK call by their invocation id; Amazon Pinpoint creates
    something at each attempt. At both another call, such as a state machine's retry, creates
    something again: look for the result of the earlier call first.

    Made at its first use: only the steps that create something need it, and a client costs a cold
    start some 40 ms.
    """
    return pinpoint_client(ONCE)


def aws_pinpoint_client(
    config: Config | None = None, session: "boto3.Session | None" = None
) -> "PinpointClient":
    """Return AWS's own `pinpoint` client, whichever host the project has.

    For the operations that AWS keeps after 2026-10-30, such as PhoneNumberValidate.
    """
    return _client(config, session, endpoint_url=None)


def current_endpoint(
    client: "PinpointClient", application_id: str, endpoint_id: str
) -> Mapping[str, Any] | None:
    """Return an endpoint as it is now; None where the project has no such endpoint.

    Raises:
        ClientError, BotoCoreError: the project refused or did not answer.
    """
    try:
        answer = client.get_endpoint(ApplicationId=application_id, EndpointId=endpoint_id)
    except ClientError as error:
        if error_code(error) != "NotFoundException":
            raise
        return None
    return answer["EndpointResponse"]


def all_items(
    list_page: Callable[..., Mapping[str, Any]], *, token_name: str = "Token", **parameters: Any
) -> Iterator[dict[str, Any]]:
    """Yield every item of a listing, page after page; boto3 has no paginators for Pinpoint.

    Args:
        list_page: a client's listing method, such as `client.get_segments`.
        token_name: the parameter for the token; listings of templates call it NextToken.
        parameters: its parameters besides the page size and the token.
    """
    token: dict[str, str] = {}
    while True:
        answer = list_page(PageSize=PAGE_SIZE, **parameters, **token)
        # The answer has one member, named after the operation, beside botocore's metadata.
        page = next(value for name, value in answer.items() if name != "ResponseMetadata")
        yield from page["Item"]
        if not page.get("NextToken"):
            return
        token = {token_name: page["NextToken"]}


def _client(
    config: Config | None, session: "boto3.Session | None", endpoint_url: str | None
) -> "PinpointClient":
    merged = _DEFAULTS if config is None else _DEFAULTS.merge(config)
    make_client = aws_client if session is None else session.client
    client: PinpointClient = make_client("pinpoint", config=merged, endpoint_url=endpoint_url)
    return client


def _of_a_hub(client: "PinpointClient") -> "PinpointClient":
    client.meta.events.register("choose-signer.pinpoint", _sign_for_execute_api)
    client.meta.events.register("after-call.pinpoint", _explain_forbidden)
    return client


def _sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def _explain_forbidden(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Say what a 403 of the hub's API means: API Gateway itself answers it with one word.

    The path is the operation's, with names in place of ids: an id can be an address.
    """
    if http_response.status_code == 403 and "Error" in parsed:
        parsed["Error"]["Message"] = (
            f"{parsed['Error'].get('Message') or 'Forbidden'}: the hub's API refused the caller. "
            f"Its role needs execute-api:Invoke on {model.http['method']} "
            f"{model.http['requestUri']} (module pinpoint_access), and credentials that are valid."
        )
