"""Faults between a function and AWS, for the cells of the fault matrix in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.builders.local_account import LocalAccount

# The columns of the matrix. A throttled call of DynamoDB, SES or Lambda and an error of the service
# differ by code; `code` of a cell replaces the one here.
FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"kind": "error", "status": 400, "code": "ThrottlingException"},
    "5xx": {"kind": "error", "status": 503, "code": "ServiceUnavailable"},
    "reset-before": {"kind": "reset-before"},
    "reset-after": {"kind": "reset-after"},
    "delay": {"kind": "delay", "seconds": 3},
    "kill-before": {"kind": "kill-before"},
    "kill-after": {"kind": "kill-after"},
}


@contextmanager
def fault(account: LocalAccount, name: str, **where: Any) -> Iterator[None]:
    """Meet the calls that `where` describes with a fault of FAULTS, once unless it says `times`.

    `where` needs the service that requests are signed for, and takes operation (JSON and query
    protocols), method and path (REST), contains, function, skip, every, times, code, status and
    seconds.

    Raises:
        AssertionError: No call met the fault, so the test would show nothing.
    """
    account.local("faults", FAULTS[name] | where)
    try:
        yield
        [met] = account.local("faults")
        assert met["done"] > 0, f"No call met the fault: {met}"
    finally:
        account.local("faults", method="DELETE")
