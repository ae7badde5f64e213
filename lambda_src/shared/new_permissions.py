"""Permissions that do not count yet.

A policy that was attached seconds ago may not count yet (IAM User Guide, "Changes that I make are
not always immediately visible"). A function that Terraform invokes in the apply that made its
policy believes a refusal only after these waits.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

__all__ = ["REFUSAL_CODES", "REFUSAL_WAITS_SECONDS", "once_permitted"]

REFUSAL_WAITS_SECONDS = (1, 2, 4, 8)
REFUSAL_CODES = frozenset({"AccessDenied", "AccessDeniedException", "ForbiddenException", "403"})

T = TypeVar("T")


def once_permitted(work: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Do work that can be repeated, again after each wait while a service refuses it.

    Raises:
        ClientError: the last refusal, or an error that is no refusal.
    """
    for wait in REFUSAL_WAITS_SECONDS:
        try:
            return work()
        except ClientError as error:
            if error.response["Error"]["Code"] not in REFUSAL_CODES:
                raise
        sleep(wait)
    return work()
