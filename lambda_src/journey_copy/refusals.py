"""One name for an answer that refuses the caller."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

__all__ = ["AccessRefused", "refusals_named"]

_CODES = frozenset({"AccessDenied", "AccessDeniedException", "ForbiddenException", "403"})


class AccessRefused(RuntimeError):
    """A host or STS refused the caller. A policy that was attached a moment ago may need seconds
    to count (IAM User Guide, "Changes that I make are not always immediately visible")."""


@contextmanager
def refusals_named() -> Iterator[None]:
    """Turn a refusal into AccessRefused; let all other errors through."""
    try:
        yield
    except ClientError as error:
        answer = error.response["Error"]
        if answer["Code"] not in _CODES:
            raise
        raise AccessRefused(f"{error.operation_name}: {answer.get('Message')}") from error
