"""One name for failures of a service that pass by themselves.

A state machine retries by the name of a Python exception, and botocore has dozens for the same
thing. Functions that run as its tasks raise `ServiceUnavailable` for all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
)

__all__ = [
    "ServiceUnavailable",
    "error_code",
    "is_transient",
    "reading_error",
    "transient_errors_named",
]

# Codes that come with a 4xx status and still mean "later". 5xx and 429 need no list.
_LATER = frozenset(
    {
        "ExecutionLimitExceeded",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


class ServiceUnavailable(RuntimeError):
    """A service throttled, failed on its own side or did not answer: the same call may succeed
    later, and may already have had its effect."""


def error_code(error: BaseException) -> str:
    """Return the code of a service's error, and the class of another one, for logs and answers.

    The service's own text stays out: it can quote an address.
    """
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown code"))
    return type(error).__name__


def reading_error(error: Exception) -> str:
    """Name the error of reading a document, with the member that is missing.

    The texts of other errors stay out: they can quote a value.
    """
    name = type(error).__name__
    return f"{name} {error}" if isinstance(error, KeyError) else name


def is_transient(error: ClientError) -> bool:
    """Check whether a service's answer says "later" rather than "no"."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response.get("Error", {}).get("Code", "")
    return status == 429 or status >= 500 or code in _LATER


@contextmanager
def transient_errors_named() -> Iterator[None]:
    """Turn a transient botocore error into ServiceUnavailable; let all others through.

    The message names the operation and the code and leaves the service's own text out: it can
    quote an address.
    """
    try:
        yield
    except ClientError as error:
        if not is_transient(error):
            raise
        raise ServiceUnavailable(f"{error.operation_name} answered {error_code(error)}.") from error
    except (HTTPClientError, ConnectionError, IncompleteReadError) as error:
        raise ServiceUnavailable(f"No answer: {type(error).__name__}.") from error
