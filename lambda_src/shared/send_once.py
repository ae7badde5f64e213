"""Whether a call that must not be repeated had its effect, by its error."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

__all__ = ["surely_not_sent"]

# The request did not leave the function. After a time-out while reading, a cut connection or an
# answer that cannot be read, the service may have done its work.
_BEFORE_THE_REQUEST = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)


def surely_not_sent(error: ClientError | BotoCoreError) -> bool:
    """Check whether a call surely had no effect.

    A 4xx is a refusal, and 503 is the answer of a service that took nothing. Another 5xx may come
    after the work was done.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return 400 <= status < 500 or status == 503
    return isinstance(error, _BEFORE_THE_REQUEST)
