"""Logs of functions."""

from __future__ import annotations

from tests.builders.local_account import LocalAccount


def log_lines(account: LocalAccount, function: str, *words: str) -> list[str]:
    """The lines of a function's log that have all these words."""
    pages = account.client("logs").get_paginator("filter_log_events")
    lines = (
        str(event["message"])
        for page in pages.paginate(logGroupName=f"/aws/lambda/{function}")
        for event in page["events"]
    )
    return [line for line in lines if all(word in line for word in words)]
